//! Mail between arbiters: collected while a round runs, handed over once at its end.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;

use crate::{Credit, Parcel};

/// Where mail came from when it came from no arbiter.
pub(crate) const OUTSIDE: u16 = u16::MAX;

/// The bounds of mail.
#[derive(Clone, Copy, Debug)]
pub struct MailLimits {
    /// Outstanding bytes above which those who publish to another arbiter pause.
    pub high: usize,
    /// Outstanding bytes at which they go on.
    pub low: usize,
    /// Parcels from other threads (admin, embedding program) that an arbiter holds at most.
    pub outside_max: usize,
}

/// The arbiter holds as many parcels from outside as it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl fmt::Display for Full {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the arbiter's inbox is full")
    }
}

impl std::error::Error for Full {}

struct Inbox<T> {
    mail: Mutex<Vec<(u16, T)>>,
    outside: AtomicUsize,
    waker: Mutex<Option<Waker>>,
}

impl<T> Inbox<T> {
    fn wake(&self) {
        let waker = self
            .waker
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// The inboxes of all arbiters, and the credit between each two.
pub struct Mailroom<T> {
    inboxes: Arc<[Inbox<T>]>,
    credits: Arc<[Credit]>,
    limits: MailLimits,
}

impl<T> Clone for Mailroom<T> {
    fn clone(&self) -> Self {
        Self {
            inboxes: Arc::clone(&self.inboxes),
            credits: Arc::clone(&self.credits),
            limits: self.limits,
        }
    }
}

impl<T> fmt::Debug for Mailroom<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Mailroom")
            .field("arbiters", &self.inboxes.len())
            .finish_non_exhaustive()
    }
}

impl<T: Parcel> Mailroom<T> {
    /// Empty inboxes for that many arbiters.
    #[must_use]
    pub fn new(arbiters: u16, limits: MailLimits) -> Self {
        let inbox = || Inbox {
            mail: Mutex::default(),
            outside: AtomicUsize::new(0),
            waker: Mutex::default(),
        };
        let pairs = usize::from(arbiters) * usize::from(arbiters);
        Self {
            inboxes: (0..arbiters).map(|_| inbox()).collect(),
            credits: (0..pairs)
                .map(|_| Credit::new(limits.high, limits.low))
                .collect(),
            limits,
        }
    }

    /// How many arbiters there are.
    #[must_use]
    pub fn arbiters(&self) -> u16 {
        u16::try_from(self.inboxes.len()).unwrap_or(u16::MAX)
    }

    /// Sends from a thread that is no arbiter. FIFO per sender.
    ///
    /// # Errors
    ///
    /// [`Full`] when the arbiter holds as many of these as it may; the parcel is dropped.
    pub fn post(&self, to: u16, parcel: T) -> Result<(), Full> {
        let inbox = self.inboxes.get(usize::from(to)).ok_or(Full)?;
        if inbox.outside.fetch_add(1, Relaxed) >= self.limits.outside_max {
            inbox.outside.fetch_sub(1, Relaxed);
            return Err(Full);
        }
        inbox
            .mail
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((OUTSIDE, parcel));
        inbox.wake();
        Ok(())
    }

    /// Wakes an arbiter without a message.
    pub fn wake(&self, arbiter: u16) {
        if let Some(inbox) = self.inboxes.get(usize::from(arbiter)) {
            inbox.wake();
        }
    }

    pub(crate) fn credit(&self, from: u16, to: u16) -> Option<&Credit> {
        self.credits
            .get(usize::from(from) * self.inboxes.len() + usize::from(to))
    }

    /// Moves all of an outbox into the inbox of another arbiter: one lock, one wake.
    pub(crate) fn hand_over(&self, from: u16, to: u16, outbox: &mut Vec<T>) {
        let Some(inbox) = self.inboxes.get(usize::from(to)) else {
            return;
        };
        if let Some(credit) = self.credit(from, to) {
            credit.take(outbox.iter().map(Parcel::weight).sum());
        }
        inbox
            .mail
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(outbox.drain(..).map(|parcel| (from, parcel)));
        inbox.wake();
    }

    /// Takes all mail of an arbiter.
    pub(crate) fn collect(&self, arbiter: u16, into: &mut VecDeque<(u16, T)>) {
        let Some(inbox) = self.inboxes.get(usize::from(arbiter)) else {
            return;
        };
        let mut mail = inbox.mail.lock().unwrap_or_else(PoisonError::into_inner);
        into.extend(mail.drain(..));
    }

    /// An arbiter has handled so many parcels of that weight: their credit goes back, and their sender is
    /// woken if it waits.
    pub(crate) fn handled(&self, from: u16, by: u16, (parcels, weight): (usize, usize)) {
        if from == OUTSIDE {
            if let Some(inbox) = self.inboxes.get(usize::from(by)) {
                inbox.outside.fetch_sub(parcels, Relaxed);
            }
        } else if self
            .credit(from, by)
            .is_some_and(|credit| credit.give_back(weight))
        {
            self.wake(from);
        }
    }

    pub(crate) fn wake_with(&self, arbiter: u16, waker: &Waker) {
        if let Some(inbox) = self.inboxes.get(usize::from(arbiter)) {
            let mut held = inbox.waker.lock().unwrap_or_else(PoisonError::into_inner);
            if !held.as_ref().is_some_and(|held| held.will_wake(waker)) {
                *held = Some(waker.clone());
            }
        }
    }
}
