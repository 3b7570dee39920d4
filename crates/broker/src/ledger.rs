//! The ledger: why what was meant for a client did not get there, and why connections were closed.
//!
//! Each arbiter writes into a ledger of its own and hands it to the node's once a round, so that a
//! flood of drops does not make arbiters wait for each other. Who reads the node's does not make them
//! wait either: what cannot be handed over is kept for the next round.

mod reason;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use ahash::RandomState;
use castmq_mqtt::ReasonCode;
use castmq_rules::chronicle::ChronicleLimits;
use castmq_rules::ledger::{self as rules, Archive, Filed};
use castmq_rules::{Message, WallTime};

use crate::Shard;

pub(crate) use reason::Reason;
pub use reason::{reasons, sentence};

/// Losses of a round that are remembered, per reason.
const SAMPLES_MAX: usize = 32;

/// Messages without subscribers of a round that are remembered.
const UNMATCHED_MAX: u64 = 8;

/// What the node remembers, per reason.
const REMEMBERED: ChronicleLimits = ChronicleLimits {
    entries_max: 2048,
    entries_of_one_max: 32,
    bytes_max: 512 * 1024,
};

/// One loss, or several that are alike.
pub type Loss = rules::Loss<&'static str>;

/// Which losses are wanted.
pub type LossesWanted = rules::LossesWanted<&'static str>;

/// What an arbiter has not handed over.
#[derive(Debug)]
pub struct Pages {
    losses: rules::Ledger<&'static str>,
    closes: BTreeMap<ReasonCode, u64>,
    /// How connections ended, by listener.
    shutdowns: BTreeMap<String, BTreeMap<&'static str, u64>>,
    /// Messages of this round for which there were no subscribers: those that were noted in full, and
    /// the others.
    unmatched_in_full: u64,
    unmatched: u64,
    is_dirty: bool,
}

impl Default for Pages {
    fn default() -> Self {
        Self {
            losses: rules::Ledger::new(SAMPLES_MAX),
            closes: BTreeMap::new(),
            shutdowns: BTreeMap::new(),
            unmatched_in_full: 0,
            unmatched: 0,
            is_dirty: false,
        }
    }
}

/// What a node has.
struct Whole {
    losses: Archive<&'static str, RandomState>,
    closes: BTreeMap<ReasonCode, u64>,
    shutdowns: BTreeMap<String, BTreeMap<&'static str, u64>>,
}

/// The ledger of a node.
pub struct Ledger {
    whole: Mutex<Whole>,
}

impl fmt::Debug for Ledger {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Ledger")
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}

impl Ledger {
    /// A ledger in which nothing stands. An attacker must not know the hasher's seed.
    #[must_use]
    pub fn with_hasher(hasher: RandomState) -> Self {
        Self {
            whole: Mutex::new(Whole {
                losses: Archive::with_hasher(REMEMBERED, hasher),
                closes: BTreeMap::new(),
                shutdowns: BTreeMap::new(),
            }),
        }
    }

    /// How often each reason occurred.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.read().losses.counts().collect()
    }

    /// How often connections were closed with each reason.
    #[must_use]
    pub fn closes(&self) -> BTreeMap<ReasonCode, u64> {
        self.read().closes.clone()
    }

    /// How connections ended that came by a listener, and how often.
    #[must_use]
    pub fn shutdowns(&self, listener: &str) -> BTreeMap<&'static str, u64> {
        let whole = self.read();
        whole.shutdowns.get(listener).cloned().unwrap_or_default()
    }

    /// Losses that are wanted, the latest first, and whether there are more.
    #[must_use]
    pub fn losses(&self, wanted: &LossesWanted) -> (Vec<Filed<&'static str>>, bool) {
        self.read().losses.losses(wanted)
    }

    fn read(&self) -> MutexGuard<'_, Whole> {
        self.whole.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes a loss.
pub(crate) fn enter(shard: &mut Shard, loss: Loss) {
    let pages = &mut shard.world.ledger;
    pages.losses.note(loss);
    pages.is_dirty = true;
}

/// Notes that nobody subscribes to what a client has published: a few of each round in full, because
/// that may be all that is published.
pub(crate) fn unmatched(shard: &mut Shard, message: &Message) {
    let pages = &mut shard.world.ledger;
    pages.is_dirty = true;
    if pages.unmatched_in_full >= UNMATCHED_MAX {
        pages.unmatched += 1;
        return;
    }
    pages.unmatched_in_full += 1;
    let loss = Loss::of_message(Reason::NO_SUBSCRIBERS, message);
    pages.losses.note(match &message.from {
        Some(from) => loss.client(from),
        None => loss,
    });
}

/// Notes losses of which no more is known than their number.
pub(crate) fn count(shard: &mut Shard, reason: &'static str, number: u64) {
    let pages = &mut shard.world.ledger;
    pages.losses.note_many(reason, number);
    pages.is_dirty = true;
}

/// Notes that a connection was closed or refused for a reason.
pub(crate) fn count_close(shard: &mut Shard, reason: ReasonCode) {
    let pages = &mut shard.world.ledger;
    *pages.closes.entry(reason).or_default() += 1;
    pages.is_dirty = true;
}

/// Notes how a connection that came by a listener ended.
// emqttd: esockd_connection_sup:count_shutdown/1
pub(crate) fn count_shutdown(shard: &mut Shard, listener: &str, reason: &'static str) {
    let pages = &mut shard.world.ledger;
    pages.is_dirty = true;
    if let Some(shutdowns) = pages.shutdowns.get_mut(listener) {
        *shutdowns.entry(reason).or_default() += 1;
    } else {
        let shutdowns = BTreeMap::from([(reason, 1)]);
        pages.shutdowns.insert(listener.to_owned(), shutdowns);
    }
}

/// Once a round: hands the arbiter's pages to the node.
pub(crate) fn hand_over(shard: &mut Shard) {
    if !shard.world.ledger.is_dirty {
        return;
    }
    let at = WallTime::from_epoch(shard.wall());
    let own = &mut shard.world.ledger;
    let mut whole = match shard.world.node.ledger.whole.try_lock() {
        Ok(whole) => whole,
        Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        // Somebody reads it.
        Err(TryLockError::WouldBlock) => return shard.wake(),
    };
    own.is_dirty = false;
    own.unmatched_in_full = 0;
    let unmatched = std::mem::take(&mut own.unmatched);
    if unmatched > 0 {
        own.losses.note_many(Reason::NO_SUBSCRIBERS, unmatched);
    }
    whole.losses.absorb(&mut own.losses, at);
    for (reason, number) in std::mem::take(&mut own.closes) {
        *whole.closes.entry(reason).or_default() += number;
    }
    for (listener, shutdowns) in std::mem::take(&mut own.shutdowns) {
        let all = whole.shutdowns.entry(listener).or_default();
        for (reason, number) in shutdowns {
            *all.entry(reason).or_default() += number;
        }
    }
}
