//! The ledger: why what was meant for a client did not get there, and why connections were closed.
//!
//! Each arbiter writes into a ledger of its own and hands it to the node's once a round, so that a
//! flood of drops does not make arbiters wait for each other.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use castmq_mqtt::{ReasonCode, TopicName};
use castmq_rules::ClientId;
use castmq_rules::ledger::{Ledger as Losses, Loss};

use crate::{Shard, now};

/// Losses remembered per reason.
const SAMPLES_MAX: usize = 32;

/// What an arbiter has not handed over, and what a node has.
#[derive(Debug)]
pub struct Pages {
    losses: Losses<&'static str>,
    closes: BTreeMap<ReasonCode, u64>,
    /// How connections ended, by listener.
    shutdowns: BTreeMap<String, BTreeMap<&'static str, u64>>,
    is_dirty: bool,
}

impl Default for Pages {
    fn default() -> Self {
        Self {
            losses: Losses::new(SAMPLES_MAX),
            closes: BTreeMap::new(),
            shutdowns: BTreeMap::new(),
            is_dirty: false,
        }
    }
}

/// The ledger of a node.
#[derive(Debug, Default)]
pub struct Ledger {
    pages: Mutex<Pages>,
}

impl Ledger {
    /// How often each reason occurred.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.pages
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .losses
            .counts()
            .collect()
    }

    /// How often connections were closed with each reason.
    #[must_use]
    pub fn closes(&self) -> BTreeMap<ReasonCode, u64> {
        self.pages
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .closes
            .clone()
    }

    /// How connections ended that came by a listener, and how often.
    #[must_use]
    pub fn shutdowns(&self, listener: &str) -> BTreeMap<&'static str, u64> {
        let pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        pages.shutdowns.get(listener).cloned().unwrap_or_default()
    }

    /// The last losses for a reason, the latest last.
    #[must_use]
    pub fn samples(&self, reason: &'static str) -> Vec<Loss> {
        let pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        pages.losses.samples(reason).cloned().collect()
    }
}

/// Notes that a client does not get a message.
pub(crate) fn enter(shard: &mut Shard, reason: &'static str, client: &ClientId, topic: &TopicName) {
    let at = now(shard);
    let pages = &mut shard.world.ledger;
    pages.losses.note(reason, Some(client), topic, at);
    pages.is_dirty = true;
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
    let own = &mut shard.world.ledger;
    if !own.is_dirty {
        return;
    }
    own.is_dirty = false;
    let mut whole = shard
        .world
        .node
        .ledger
        .pages
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    whole.losses.absorb(&mut own.losses);
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
