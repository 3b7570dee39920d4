//! Addresses of processes: small, copyable, and never valid for the next tenant of a place.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;

use castmq_observe::ProcessId;

use crate::{Process, Token};

/// Where to send entries for one process of type `P`.
pub struct Address<P> {
    /// The arbiter it lives on.
    pub arbiter: u16,
    /// Its place there.
    pub slot: u32,
    /// Which tenant of the place it is.
    pub generation: u32,
    process: PhantomData<fn(P)>,
}

impl<P> Address<P> {
    /// The address of a tenant of a place.
    #[must_use]
    pub const fn new(arbiter: u16, slot: u32, generation: u32) -> Self {
        Self {
            arbiter,
            slot,
            generation,
            process: PhantomData,
        }
    }

    fn key(&self) -> (u16, u32, u32) {
        (self.arbiter, self.slot, self.generation)
    }
}

impl<P: Process> Address<P> {
    /// The address without its type.
    #[must_use]
    pub fn id(&self) -> ProcessId {
        ProcessId {
            arbiter: self.arbiter,
            kind: P::KIND.index,
            slot: self.slot,
            generation: self.generation,
        }
    }

    /// What the poller calls the process's socket.
    #[must_use]
    pub fn token(&self) -> Token {
        Token::new(P::KIND.index, self.slot, self.generation)
    }
}

impl<P> Clone for Address<P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P> Copy for Address<P> {}

impl<P> PartialEq for Address<P> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl<P> Eq for Address<P> {}

impl<P> PartialOrd for Address<P> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<P> Ord for Address<P> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl<P> Hash for Address<P> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl<P> fmt::Debug for Address<P> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "<{}.{}.{}>",
            self.arbiter, self.slot, self.generation
        )
    }
}
