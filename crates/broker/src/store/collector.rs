//! Collectors: all that one publish changes in the store, from all arbiters, to be stored together.
//!
//! A message of QoS 2 whose publisher outlives the process must be known to all its receivers and by its
//! packet id, or to nobody: otherwise its repetition after a restart would come twice or not at all. A
//! will is published and struck out together for the same reason.

use castmq_mqtt::PacketId;
use castmq_otp::Address;
use castmq_rules::ack_order::{Outcome, Sequence};
use castmq_rules::session::Change;
use castmq_store::{Op, SessionKey};

use super::receipt::SessionChange;
use super::{Waiter, put, tell, wait};
use crate::Shard;
use crate::client::Client;
use crate::parcel::AnswerTo;
use crate::pubsub;
use crate::server::Published;
use crate::session::{Session, SessionEntry, Successor};

/// What a publish is part of.
#[derive(Debug)]
pub(crate) enum Cause {
    /// A message of QoS 2 from the client of a session.
    Received {
        session: Address<Session>,
        key: SessionKey,
        packet_id: PacketId,
    },
    /// A will, and what is stored with it.
    Will {
        session: Address<Session>,
        after: AfterWill,
    },
}

/// What is stored together with a will.
#[derive(Debug)]
pub(crate) struct AfterWill {
    pub(crate) key: SessionKey,
    /// That the session is over, or its record.
    pub(crate) change: Change,
    /// Who follows a session that is over.
    pub(crate) successor: Option<Box<Successor>>,
}

impl AfterWill {
    /// Stores it with the rest.
    fn store(self, shard: &mut Shard, session: Address<Session>) {
        let Self {
            key,
            change,
            successor,
        } = self;
        let lanes = &shard.world.lanes.session;
        let is_live = lanes.is_live(session.slot, session.generation);
        let change = if change == Change::Ended {
            Some(change)
        } else if is_live {
            // Much may have happened to it since, and what it is now is what has to be stored. In its
            // own turn it is what it was when it said so.
            let session = lanes.peek(session.slot, session.generation);
            let record = session.and_then(Session::record_change);
            Some(record.unwrap_or(change))
        } else {
            None
        };
        if let Some(change) = change {
            put(shard, Op::Session(key, change));
        }
        if is_live {
            let _ = shard.send(session, SessionEntry::WillStored);
        }
        if let Some(successor) = successor {
            successor.connect(shard);
        }
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Collector {
    cause: Cause,
    /// Outcomes that have not come, and one until all that are to come are known.
    missing: u32,
    outcome: Outcome,
    changes: Vec<SessionChange>,
    retain: Vec<Op>,
    /// Who is told when all is stored.
    waiting: Vec<(Address<Client>, Sequence)>,
}

/// Has a client told as well, if the collector is not done yet; whether it will be.
pub(crate) fn also(shard: &mut Shard, number: u32, waiting: (Address<Client>, Sequence)) -> bool {
    let collector = shard.world.pending.collectors.get_mut(&number);
    collector.is_some_and(|collector| {
        collector.waiting.push(waiting);
        true
    })
}

/// Begins to collect; [`close`] says how many answers are to come.
fn open(shard: &mut Shard, cause: Cause, waiting: Option<(Address<Client>, Sequence)>) -> u32 {
    let pending = &mut shard.world.pending;
    let number = pending.next_collector;
    pending.next_collector = pending.next_collector.wrapping_add(1);
    pending.collectors.insert(
        number,
        Collector {
            cause,
            missing: 1,
            outcome: Outcome::NoSubscribers,
            changes: Vec::new(),
            retain: Vec::new(),
            waiting: waiting.into_iter().collect(),
        },
    );
    number
}

/// Publishes with a collector: `publish` is given whom to answer. Returns what the publisher waits for.
pub(crate) fn publish(
    shard: &mut Shard,
    cause: Cause,
    waiting: Option<(Address<Client>, Sequence)>,
    publish: impl FnOnce(&mut Shard, AnswerTo) -> Published,
) -> (u32, Published) {
    let number = open(shard, cause, waiting);
    let to = AnswerTo::Collector {
        arbiter: shard.arbiter,
        number,
    };
    let published = publish(shard, to);
    match published {
        Published::To { arbiters, here } => close(shard, number, arbiters, here),
        // Acknowledged, and nobody gets it.
        Published::Stopped => close(shard, number, 0, Some(Outcome::Accepted)),
        Published::Refused(reason) => close(shard, number, 0, Some(Outcome::Refused(reason))),
    }
    let (arbiters, here) = (1, None);
    (number, Published::To { arbiters, here })
}

/// So many arbiters will answer, or have; `here` is what this one says already.
fn close(shard: &mut Shard, number: u32, arbiters: u32, here: Option<Outcome>) {
    let Some(collector) = shard.world.pending.collectors.get_mut(&number) else {
        return;
    };
    collector.missing += arbiters;
    let outcome = here.unwrap_or(Outcome::NoSubscribers);
    collect(shard, number, outcome, Vec::new());
}

/// The retained message that belongs to the publish.
pub(crate) fn add_retained(shard: &mut Shard, number: u32, op: Op) {
    if let Some(collector) = shard.world.pending.collectors.get_mut(&number) {
        collector.retain.push(op);
    }
}

/// One outcome, and what has to be stored for it.
pub(crate) fn collect(
    shard: &mut Shard,
    number: u32,
    outcome: Outcome,
    mut changes: Vec<SessionChange>,
) {
    let Some(collector) = shard.world.pending.collectors.get_mut(&number) else {
        return;
    };
    collector.missing = collector.missing.saturating_sub(1);
    collector.outcome = collector.outcome.and(outcome);
    collector.changes.append(&mut changes);
    if collector.missing == 0
        && let Some(collector) = shard.world.pending.collectors.remove(&number)
    {
        complete(shard, collector);
    }
}

/// All is there: one submission holds it, because a submission is never divided.
fn complete(shard: &mut Shard, collector: Collector) {
    let Collector {
        cause,
        outcome,
        changes,
        retain,
        waiting,
        ..
    } = collector;
    let is_refused = matches!(outcome, Outcome::Refused(_));
    for op in retain {
        put(shard, op);
    }
    let mut numbers = Vec::with_capacity(changes.len());
    for SessionChange {
        session,
        key,
        change,
    } in changes
    {
        if let Change::Queued { number, .. } = &change {
            numbers.push((session, *number));
        }
        put(shard, Op::Session(key, change));
    }
    match cause {
        Cause::Received {
            session,
            key,
            packet_id,
        } => {
            // A refused message is not known: its repetition is a new one. [MQTT5-4.3.3-9]
            if !is_refused {
                put(shard, Op::Session(key, Change::Received(packet_id)));
            }
            let waiter = Waiter::Received(session, packet_id, is_refused);
            if is_refused {
                // Before its client hears of it, who may use the id again at once.
                tell(shard, waiter);
            } else {
                wait(shard, waiter);
            }
        }
        Cause::Will { session, after } => after.store(shard, session),
    }
    for (session, number) in numbers {
        wait(shard, Waiter::Stored(session, number));
    }
    for (client, sequence) in waiting {
        let to = AnswerTo::Client { client, sequence };
        if is_refused {
            pubsub::answer(shard, to, outcome);
        } else {
            wait(shard, Waiter::Answer(to, outcome));
        }
    }
}
