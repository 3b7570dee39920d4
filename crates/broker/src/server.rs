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

use castmq_mqtt::{QoS, ReasonCode, Subscription, TopicName};
use castmq_observe::trace::NoteKind;
use castmq_observe::{Counter, Kind};
use castmq_otp::{Address, Entry, Lanes, Process, Restart};
use castmq_rules::ack_order::Outcome;
use castmq_rules::ledger::Detail;
use castmq_rules::{
    ArbiterId, ArbiterSet, Chance, Choice, Message, Plan, Route, Strategy, Subscriber, Targets,
};
use castmq_settings::SharedStrategy;
use smallvec::SmallVec;

use crate::ledger::{Loss, Reason};
use crate::parcel::{AnswerTo, ForGroups, Parcel};
use crate::pubsub::{Job, PubsubEntry};
use crate::router::Seen;
use crate::session::Session;
use crate::store::{Waiter, collector};
use crate::{Local, Shard, hook, kinds, ledger, pubsub, retainer, router, store};

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
    const NAMES: &'static [&'static str] = &[
        "nothing",
        "Subscribe",
        "Unsubscribe",
        "Online",
        "SessionDown",
    ];

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

/// Subscribes a session that comes back from the store. Nobody is told; the routes are in place before a
/// listener opens.
pub(crate) fn restore(
    shard: &mut Shard,
    session: Address<Session>,
    subscriptions: &[(Subscription, Subscriber)],
) {
    subscribe(shard, session, subscriptions, false);
    // Groups prefer who is there.
    if subscriptions
        .iter()
        .any(|(subscription, _)| subscription.is_shared())
    {
        let mut routes = Vec::new();
        let table = &mut shard.world.table;
        table.set_online(session, false, &mut routes);
        to_pubsub(shard, routes, None);
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
    /// It is on its way.
    To {
        /// So many arbiters will answer to the ticket.
        arbiters: u32,
        /// What became of it on this arbiter, if that is known already.
        here: Option<Outcome>,
    },
    /// A hook stopped it: acknowledged, and nobody gets it.
    Stopped,
    /// It cannot be promised now: the store is in trouble.
    Refused(ReasonCode),
}

impl Published {
    /// How many outcomes there are, this arbiter's own included.
    #[must_use]
    pub fn outcomes(self) -> u32 {
        match self {
            Self::To { arbiters, here } => arbiters + u32::from(here.is_some()),
            Self::Stopped | Self::Refused(_) => 0,
        }
    }
}

/// Where the messages on one topic go. Who publishes on the same topic again keeps it, and looks up again
/// only when routes or filters have changed.
#[derive(Debug)]
pub(crate) struct Way {
    /// The changes of routes that it takes into account, where it depends on any.
    seen: Option<Seen>,
    targets: Targets,
    /// The version of this arbiter's table for which the plan is right.
    table: u64,
    plan: Plan<Address<Session>>,
}

impl Way {
    fn find(shard: &mut Shard, message: &Message) -> Self {
        let plan = shard.world.table.plan(&message.topic);
        let (targets, seen) = if Self::is_all_here(shard) {
            let here = ArbiterId(shard.arbiter);
            let own = (!plan.is_empty()).then_some(here);
            let targets = Targets {
                own: own.into_iter().collect(),
                ..Targets::default()
            };
            (targets, None)
        } else {
            let choice = choice(shard, message);
            let (targets, seen) = router::lookup_seen(&shard.world.node, &message.topic, choice);
            (targets, Some(seen))
        };
        Self {
            seen,
            targets,
            table: shard.world.table.version(),
            plan,
        }
    }

    /// Whether this arbiter's own table says all that the routes would: there is no other arbiter, and no
    /// group.
    fn is_all_here(shard: &Shard) -> bool {
        shard.world.node.arbiters == 1 && shard.world.table.groups_now() == 0
    }

    fn is_right(&self, shard: &Shard) -> bool {
        if self.targets.is_choice || self.table != shard.world.table.version() {
            return false;
        }
        match self.seen {
            Some(seen) => shard.world.node.routes.changes.is_current(seen),
            None => Self::is_all_here(shard),
        }
    }

    /// The way as it is now; found anew where it may have become another one.
    fn current<'w>(
        kept: &'w mut Option<Self>,
        shard: &mut Shard,
        message: &Message,
    ) -> &'w mut Self {
        if !kept.as_ref().is_some_and(|way| way.is_right(shard)) {
            *kept = None;
        }
        kept.get_or_insert_with(|| Self::find(shard, message))
    }
}

/// The way of the last message, for one who does not know whether the next is on the same topic.
#[derive(Debug, Default)]
pub(crate) struct LastWay(Option<Box<(TopicName, Option<Way>)>>);

impl LastWay {
    /// The way of a message's topic if the last one was on it, else a place for it.
    pub(crate) fn along(&mut self, message: &Message) -> &mut Option<Way> {
        let topic = &message.topic;
        let (last, way) = &mut **self
            .0
            .get_or_insert_with(|| Box::new((topic.clone(), None)));
        if last != topic {
            *last = topic.clone();
            *way = None;
        }
        way
    }
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
    publish_along(shard, Arc::new(message), &mut None, from, answer)
}

/// The same for one who has published on the topic of the message before, and keeps its way.
pub(crate) fn publish_along(
    shard: &mut Shard,
    message: Arc<Message>,
    way: &mut Option<Way>,
    from: Option<Address<Session>>,
    answer: Option<AnswerTo>,
) -> Published {
    let mut message = message;
    let mut other = None;
    let mut way = way;
    if shard.world.node.hooks.has_publish() {
        let loss = by_publisher(
            Loss::of_message(Reason::STOPPED_BY_HOOK, &message),
            &message,
        );
        let Some(changed) = hook::message_publish(shard, Arc::unwrap_or_clone(message)) else {
            shard.count(Counter::MessagesDropped);
            ledger::enter(shard, loss);
            return Published::Stopped;
        };
        message = Arc::new(changed);
        // A callback may have given the message another topic.
        way = &mut other;
    }
    if answer.is_some() && store::is_in_trouble(shard) {
        let way = Way::current(way, shard, &message);
        if needs_store(shard, &message, way, from) {
            let reason = ReasonCode::QuotaExceeded;
            let loss = Loss::of_message(Reason::PUBLISH_REFUSED, &message);
            let loss = loss.detail(Detail::Answer(reason));
            ledger::enter(shard, by_publisher(loss, &message));
            return Published::Refused(reason);
        }
    }
    shard.count(Counter::MessagesRouted);
    let mut stores = 0;
    if message.retain {
        message = retainer::retain(shard, Arc::unwrap_or_clone(message));
        stores = u32::from(store_retained(shard, &message, answer));
    }
    let way = Way::current(way, shard, &message);
    match route(shard, message, way, from, answer) {
        Published::To { arbiters, here } => Published::To {
            arbiters: arbiters + stores,
            here,
        },
        other @ (Published::Stopped | Published::Refused(_)) => other,
    }
}

fn by_publisher(loss: Loss, message: &Message) -> Loss {
    match &message.from {
        Some(from) => loss.client(from),
        None => loss,
    }
}

/// Has a retained message stored, or that there is none any more; whether somebody will be told when it
/// is.
fn store_retained(shard: &mut Shard, message: &Arc<Message>, answer: Option<AnswerTo>) -> bool {
    let Some(op) = retainer::operation(shard, message) else {
        return false;
    };
    match answer {
        Some(AnswerTo::Collector { number, .. }) => {
            collector::add_retained(shard, number, op);
            false
        }
        Some(to @ AnswerTo::Client { .. }) => {
            store::put(shard, op);
            store::wait(shard, Waiter::Answer(to, Outcome::NoSubscribers));
            true
        }
        None => {
            // Nobody is promised anything: what the store does not take is not kept over a restart.
            if store::has_room(shard) {
                store::put(shard, op);
            } else {
                let loss = Loss::of_message(Reason::RETAINED_NOT_STORED, message);
                ledger::enter(shard, by_publisher(loss, message));
            }
            false
        }
    }
}

/// Whether a message cannot be promised while the store is in trouble. What other arbiters would do with
/// it is not known here, so it is assumed of those that have sessions which outlive the process.
fn needs_store(
    shard: &Shard,
    message: &Message,
    way: &mut Way,
    from: Option<Address<Session>>,
) -> bool {
    if message.retain {
        return true;
    }
    let here = ArbiterId(shard.arbiter);
    let is_kept = |session: Address<Session>| {
        let lanes = &shard.world.lanes.session;
        let session = lanes.peek(session.slot, session.generation);
        session.is_none_or(Session::is_kept)
    };
    let is_from_kept = message.qos == QoS::ExactlyOnce && from.is_some_and(is_kept);
    let mut found = is_from_kept;
    way.plan.restart();
    let table = &shard.world.table;
    table.advance(&mut way.plan, from, usize::MAX, |found_here| {
        found |= found_here.qos != QoS::AtMostOnce && is_kept(found_here.session);
    });
    way.plan.restart();
    let elsewhere = way.targets.arbiters();
    found
        || elsewhere
            .iter()
            .any(|arbiter| arbiter != here && shard.world.node.has_kept_sessions(arbiter.0))
        || !way.targets.groups.is_empty()
}

fn route(
    shard: &mut Shard,
    message: Arc<Message>,
    way: &mut Way,
    from: Option<Address<Session>>,
    answer: Option<AnswerTo>,
) -> Published {
    let Way { targets, plan, .. } = way;
    shard.note(NoteKind::Decision, || way_in_words(targets, message.retain));
    if targets.is_empty() {
        if !message.is_system() {
            shard.count(Counter::MessagesUnmatched);
            ledger::unmatched(shard, &message);
        }
        let (arbiters, here) = (0, None);
        return Published::To { arbiters, here };
    }
    // Nearly always nobody elsewhere subscribes to it.
    if targets.groups.is_empty() && targets.own.is_only(ArbiterId(shard.arbiter)) {
        let here = pubsub::dispatch_here(shard, message, plan, (from, answer));
        let arbiters = u32::from(here.is_none());
        return Published::To { arbiters, here };
    }
    let (mut arbiters, mut here) = (0, None);
    for arbiter in targets.arbiters().iter() {
        let own = targets.own.contains(arbiter);
        let groups = targets.groups.iter().filter(|(at, _)| *at == arbiter);
        let groups: SmallVec<[Arc<str>; 1]> = groups.map(|(_, group)| Arc::clone(group)).collect();
        if arbiter.0 == shard.arbiter {
            plan.restart();
            let from = from.filter(|_| own);
            let job = Job::new(Arc::clone(&message), own.then(|| plan.clone()), from);
            here = pubsub::dispatch(
                shard,
                job.with_groups(groups, ArbiterSet::default()),
                answer,
            );
            arbiters += u32::from(here.is_none());
        } else {
            arbiters += 1;
            let groups = (!groups.is_empty()).then(|| {
                Box::new(ForGroups {
                    groups,
                    tried: ArbiterSet::default(),
                })
            });
            let parcel = Parcel::Publish {
                message: Arc::clone(&message),
                own,
                groups,
                answer,
            };
            shard.post(arbiter.0, parcel);
            shard.world.posted_to.insert(arbiter);
        }
    }
    Published::To { arbiters, here }
}

/// Where a message goes, for whoever follows it.
#[cold]
fn way_in_words(targets: &Targets, is_retained: bool) -> String {
    let retained = if is_retained { "retained; " } else { "" };
    if targets.is_empty() {
        return format!("{retained}nobody subscribes to its topic");
    }
    let own = targets.own.iter().map(|arbiter| arbiter.0.to_string());
    let own: Vec<String> = own.collect();
    let groups = targets.groups.iter();
    let groups: Vec<String> = groups
        .map(|(arbiter, group)| format!("one member of {group} on arbiter {}", arbiter.0))
        .collect();
    let mut all = groups;
    if !own.is_empty() {
        all.insert(0, format!("the subscribers on arbiter {}", own.join(", ")));
    }
    format!("{retained}goes to {}", all.join(", and "))
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
    let client = match (strategy, &message.from) {
        (Strategy::HashClientId, Some(from)) => shard.world.hasher.hash_one(from.as_str()),
        _ => 0,
    };
    Choice {
        strategy,
        chance: Chance {
            random: shard.world.random(),
            client,
        },
    }
}

impl crate::inspect::State for Server {}
