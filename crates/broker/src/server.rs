//! Server: the writer of an arbiter's subscriptions, and the way that every publish takes.
//!
//! | | |
//! |---|---|
//! | emqttd | `emqttd_server`, worker of the pool `server` |
//! | Started by | [`sup`](crate::sup), one per arbiter |
//! | Work runs in | its own turn (subscribe, unsubscribe, clean-up); the publisher's turn ([`publish`]) |
//! | Waits for | `pubsub` (the route of a first subscriber) |
//! | Waited for by | `session`, before SUBACK and UNSUBACK |
//! | If it dies | the table stands outside of it; entries in its lane are handled after the restart |
//! | Watch | depth of `server`; gauges `subscriptions/count`, `subscribers/count` |
//!
//! The rules are in [`castmq_rules::Table`]; this file moves messages.

use std::sync::Arc;
use std::time::Duration;

use castmq_mqtt::Subscription;
use castmq_observe::{Counter, Kind};
use castmq_otp::{Address, Entry, Lanes, Process, Restart};
use castmq_rules::{ArbiterId, ArbiterSet, Chance, Choice, Message, Route, Strategy, Subscriber};
use castmq_settings::SharedStrategy;

use crate::parcel::{AnswerTo, Parcel};
use crate::pubsub::{Job, PubsubEntry, Ticket};
use crate::session::Session;
use crate::{Local, Shard, hook, kinds, pubsub, retainer, router};

/// Subscriptions of a session that ended which are removed per turn.
const REMOVED_PER_TURN: usize = 256;

/// The server of an arbiter.
#[derive(Debug)]
pub struct Server {
    address: Address<Self>,
}

/// What a server is asked.
#[derive(Debug)]
pub enum ServerEntry {
    /// Subscribe a session; answered through `pubsub` when the routes are in place.
    Subscribe {
        /// Who.
        session: Address<Session>,
        /// To what and how.
        subscriptions: Vec<(Subscription, Subscriber)>,
        /// Whether the session waits for an answer.
        wants_answer: bool,
    },
    /// Unsubscribe a session; answered the same way.
    Unsubscribe {
        /// Who.
        session: Address<Session>,
        /// From what.
        subscriptions: Vec<Subscription>,
    },
    /// The client of a session came or went: shared groups prefer who is there.
    Online {
        /// Whose.
        session: Address<Session>,
        /// Whether it is there.
        is_online: bool,
    },
    /// A session is no more.
    SessionDown(Address<Session>),
}

impl Entry for ServerEntry {
    fn weight(&self) -> usize {
        match self {
            Self::Subscribe { subscriptions, .. } => 128 + 64 * subscriptions.len(),
            Self::Unsubscribe { subscriptions, .. } => 128 + 32 * subscriptions.len(),
            Self::Online { .. } | Self::SessionDown(_) => 64,
        }
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Subscribe { .. } => 1,
            Self::Unsubscribe { .. } => 2,
            Self::Online { .. } => 3,
            Self::SessionDown(_) => 4,
        }
    }
}

impl Server {
    /// A server at its address.
    #[must_use]
    pub fn new(address: Address<Self>) -> Self {
        Self { address }
    }
}

impl Process for Server {
    type World = Local;
    type Entry = ServerEntry;
    const KIND: Kind = kinds::SERVER;
    const RESTART: Restart = Restart::Permanent {
        restarts_max: 5,
        within: Duration::from_secs(60),
    };

    fn lanes(world: &mut Local) -> &mut Lanes<Self> {
        &mut world.lanes.server
    }

    fn take(&mut self, entry: ServerEntry, shard: &mut Shard) {
        match entry {
            ServerEntry::Subscribe {
                session,
                subscriptions,
                wants_answer,
            } => {
                subscribe(shard, session, &subscriptions, wants_answer);
            }
            ServerEntry::Unsubscribe {
                session,
                subscriptions,
            } => {
                let table = &mut shard.world.table;
                let routes = subscriptions
                    .iter()
                    .filter_map(|subscription| table.unsubscribe(session, subscription).route)
                    .collect();
                to_pubsub(shard, routes, Some(session));
            }
            ServerEntry::Online { session, is_online } => {
                let mut routes = Vec::new();
                shard
                    .world
                    .table
                    .set_online(session, is_online, &mut routes);
                to_pubsub(shard, routes, None);
            }
            ServerEntry::SessionDown(session) => self.clean_up(shard, session),
        }
    }

    fn restart(&mut self, _shard: &mut Shard) -> Option<Box<Self>> {
        Some(Box::new(Self {
            address: self.address,
        }))
    }
}

impl Server {
    /// Removes what a dead session subscribed to, in pieces: it may be a hundred thousand filters.
    // differs: emqttd deletes subscription rows by client id, so that the late clean-up of an old
    // session takes those of the new one with it (F14); here they go by the session's address.
    fn clean_up(&self, shard: &mut Shard, session: Address<Session>) {
        let mut routes = Vec::new();
        let is_done = shard
            .world
            .table
            .remove_all(session, REMOVED_PER_TURN, &mut routes);
        to_pubsub(shard, routes, None);
        if !is_done {
            // To itself, so it is there.
            let _ = shard.send(self.address, ServerEntry::SessionDown(session));
        }
    }
}

fn subscribe(
    shard: &mut Shard,
    session: Address<Session>,
    subscriptions: &[(Subscription, Subscriber)],
    wants_answer: bool,
) {
    // A session that ended in between has been cleaned up already.
    if !shard
        .world
        .lanes
        .session
        .is_live(session.slot, session.generation)
    {
        return;
    }
    let table = &mut shard.world.table;
    let routes = subscriptions
        .iter()
        .filter_map(|(subscription, subscriber)| {
            table.subscribe(session, subscription, *subscriber).route
        })
        .collect();
    to_pubsub(shard, routes, wants_answer.then_some(session));
}

fn to_pubsub(shard: &mut Shard, routes: Vec<Route>, answer: Option<Address<Session>>) {
    if routes.is_empty() && answer.is_none() {
        return;
    }
    if let Some(pubsub) = shard.world.names.pubsub {
        let _ = shard.send(pubsub, PubsubEntry::Routes { routes, answer });
    }
}

/// What became of a message in the publisher's turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// So many arbiters answer to the ticket; none when nobody subscribes.
    To(u32),
    /// A hook stopped it: acknowledged, and nobody gets it.
    Stopped,
}

/// Publishes a message: hooks, then the retained store, then every arbiter that has subscribers.
///
/// Runs in the turn of whoever publishes: the connection for QoS 0 and 1, the session for QoS 2 and
/// wills, the broker's own processes for `$SYS`. `from` is the publisher's session on this arbiter.
// emqttd: emqttd_server:publish/1
// tour: publish/2
pub fn publish(
    shard: &mut Shard,
    message: Message,
    from: Option<Address<Session>>,
    answer: Option<AnswerTo>,
) -> Published {
    let Some(message) = hook::message_publish(shard, message) else {
        return Published::Stopped;
    };
    shard.count(Counter::MessagesRouted);
    let message = if message.retain {
        retainer::retain(shard, message)
    } else {
        Arc::new(message)
    };
    route(shard, &message, from, answer)
}

fn route(
    shard: &mut Shard,
    message: &Arc<Message>,
    from: Option<Address<Session>>,
    answer: Option<AnswerTo>,
) -> Published {
    let node = Arc::clone(&shard.world.node);
    let choice = choice(shard, message);
    let mut targets = router::lookup(&node, &message.topic, choice);
    if targets.is_empty() {
        if !message.is_system() {
            shard.count(Counter::MessagesUnmatched);
        }
        return Published::To(0);
    }
    let mut arbiters = 0;
    for ArbiterId(arbiter) in targets.arbiters().iter() {
        arbiters += 1;
        let own = targets.own.contains(ArbiterId(arbiter));
        let mut groups = smallvec::SmallVec::new();
        targets.groups.retain(|(at, group)| {
            let is_there = at.0 == arbiter;
            if is_there {
                groups.push(Arc::clone(group));
            }
            !is_there
        });
        if arbiter == shard.arbiter {
            let ticket = Ticket::new(shard, answer);
            let job = Job::new(shard, Arc::clone(message), from.filter(|_| own), own)
                .with_groups(groups, ArbiterSet::default())
                .with_ticket(ticket);
            pubsub::dispatch(shard, job);
        } else {
            let parcel = Parcel::Publish {
                message: Arc::clone(message),
                own,
                groups,
                tried: ArbiterSet::default(),
                answer,
            };
            shard.post(arbiter, parcel);
            shard.world.posted_to.insert(ArbiterId(arbiter));
        }
    }
    Published::To(arbiters)
}

/// How groups choose for this message.
#[must_use]
pub fn choice(shard: &mut Shard, message: &Message) -> Choice {
    let strategy = match shard.world.node.settings.shared.strategy {
        SharedStrategy::Random => Strategy::Random,
        SharedStrategy::RoundRobin => Strategy::RoundRobin,
        SharedStrategy::Sticky => Strategy::Sticky,
        SharedStrategy::HashClientId => Strategy::HashClientId,
    };
    let client = message
        .from
        .as_ref()
        .map_or(0, |from| shard.world.hasher.hash_one(from.as_str()));
    Choice {
        strategy,
        chance: Chance {
            random: shard.world.random(),
            client,
        },
    }
}
