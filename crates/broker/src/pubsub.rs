//! Pubsub: hands messages to an arbiter's sessions, and keeps the order of route reports.
//!
//! | | |
//! |---|---|
//! | emqttd | `emqttd_pubsub`, worker of the pool `pubsub` |
//! | Started by | [`sup`](crate::sup), one per arbiter |
//! | Work runs in | the publisher's turn ([`dispatch`], while nothing waits); its own turn (the rest, routes) |
//! | Waits for | `router` (confirmation of routes) |
//! | Waited for by | `session` through `server`, before SUBACK and UNSUBACK |
//! | If it dies | messages it had not handed out are refused to their publishers; waiting sessions are answered after the restart |
//! | Watch | depth of `pubsub`; counters `deliveries/handed`, `messages/unmatched` |
//!
//! The rules are in [`castmq_rules::Table`] and [`castmq_rules::Plan`]; this file moves messages.

mod copies;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use castmq_mqtt::{Subscription, TopicName};
use castmq_observe::{Counter, Kind};
use castmq_otp::{Address, Entry, Lanes, Process, Restart};
use castmq_rules::ack_order::Outcome;
use castmq_rules::{ArbiterId, ArbiterSet, Delivery, Message, Plan, Route};
use smallvec::SmallVec;

pub use copies::Ticket;
use copies::{Copies, deliver};

use crate::client::ClientEntry;
use crate::ledger::{Loss, Reason};
use crate::parcel::{AnswerTo, ForGroups, Parcel};
use crate::session::{Session, SessionEntry};
use crate::store::{SessionChange, collector};
use crate::{Local, Shard, kinds, ledger, router, server};

/// Deliveries per turn: a publish may have a hundred thousand subscribers.
const DELIVERIES_PER_TURN: usize = 1024;

/// The pubsub of an arbiter.
#[derive(Debug)]
pub struct Pubsub {
    address: Address<Self>,
    /// Messages that are being handed out, in the order in which they came.
    jobs: VecDeque<Work>,
    /// Number of the last report to the router.
    reported: u64,
    /// Number of the last report that the router confirmed.
    confirmed: u64,
    /// Sessions that wait for a confirmation, in the order in which they asked.
    waiting: VecDeque<(u64, Address<Session>)>,
}

/// What pubsub is given.
#[derive(Debug)]
pub enum PubsubEntry {
    /// A message that could not be handed out at once.
    Dispatch(Job),
    /// A fence that has to stay behind what waits.
    Fence(Fence),
    /// There is more to hand out.
    Continue,
    /// Routes to report; then a session to answer.
    Routes {
        /// What changed.
        routes: Vec<Route>,
        /// Who waits for it.
        answer: Option<Address<Session>>,
    },
    /// The router confirms all reports up to this one.
    RoutesDone(u64),
}

impl Entry for PubsubEntry {
    const NAMES: &'static [&'static str] = &[
        "nothing",
        "Dispatch",
        "Continue",
        "Routes",
        "RoutesDone",
        "Fence",
    ];

    fn weight(&self) -> usize {
        match self {
            Self::Dispatch(job) => 128 + job.message.weight(),
            Self::Routes { routes, .. } => 128 + 64 * routes.len(),
            Self::Fence(_) | Self::Continue | Self::RoutesDone(_) => 64,
        }
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Dispatch(_) => 1,
            Self::Continue => 2,
            Self::Routes { .. } => 3,
            Self::RoutesDone(_) => 4,
            Self::Fence(_) => 5,
        }
    }
}

/// A mark that a session sends through the ways that messages take: when it is back, every message that
/// was published before it was sent is in the session's lane.
#[derive(Clone, Copy, Debug)]
pub struct Fence {
    /// Whose.
    pub session: Address<Session>,
    /// Which of them.
    pub number: u64,
}

/// What pubsub has to do, in its order.
#[derive(Debug)]
enum Work {
    Job(Job),
    Fence(Fence),
}

/// Tells a publisher what became of its publish, here or on another arbiter.
pub fn answer(shard: &mut Shard, to: AnswerTo, outcome: Outcome) {
    answer_with(shard, to, outcome, Vec::new());
}

/// The same, with what has to be stored for it.
pub(crate) fn answer_with(
    shard: &mut Shard,
    to: AnswerTo,
    outcome: Outcome,
    changes: Vec<SessionChange>,
) {
    if to.arbiter() != shard.arbiter {
        let parcel = Parcel::Answer {
            to,
            outcome,
            changes,
        };
        return shard.post(to.arbiter(), parcel);
    }
    match to {
        AnswerTo::Client { client, sequence } => {
            // A client that went away is told nothing.
            let _ = shard.send(client, ClientEntry::Answer { sequence, outcome });
        }
        AnswerTo::Collector { number, .. } => collector::collect(shard, number, outcome, changes),
    }
}

/// A message on its way to the sessions of this arbiter.
#[derive(Debug)]
pub struct Job {
    message: Arc<Message>,
    plan: Option<Plan<Address<Session>>>,
    from: Option<Address<Session>>,
    groups: SmallVec<[Arc<str>; 1]>,
    tried: ArbiterSet,
    ticket: Option<Ticket>,
    copies: Copies,
}

impl Job {
    /// A message for the subscribers of this arbiter that the plan names; `from` is the publisher's
    /// session if it is here.
    #[must_use]
    pub fn new(
        message: Arc<Message>,
        plan: Option<Plan<Address<Session>>>,
        from: Option<Address<Session>>,
    ) -> Self {
        Self {
            message,
            plan,
            from,
            groups: SmallVec::new(),
            tried: ArbiterSet::default(),
            ticket: None,
            copies: Copies::default(),
        }
    }

    /// Also for one member of each of these groups; `tried` are arbiters that had none.
    #[must_use]
    pub fn with_groups(mut self, groups: SmallVec<[Arc<str>; 1]>, tried: ArbiterSet) -> Self {
        self.groups = groups;
        self.tried = tried;
        self
    }
}

/// Hands a message to the sessions of this arbiter: at once while nothing waits, else behind it. Returns
/// what became of it; where that is not known yet, `to` will be told.
// emqttd: emqttd_pubsub:dispatch/2
pub fn dispatch(shard: &mut Shard, mut job: Job, to: Option<AnswerTo>) -> Option<Outcome> {
    job.copies.to = to;
    if shard.world.dispatching == 0 && advance(shard, &mut job) {
        return finish(shard, &mut job);
    }
    dispatch_later(shard, job, to);
    None
}

/// The same for a message that goes to nobody but subscribers of their own on this arbiter: nearly every
/// one, where there is one arbiter.
// tour: publish/3
pub fn dispatch_here(
    shard: &mut Shard,
    message: Arc<Message>,
    plan: &mut Plan<Address<Session>>,
    (from, to): (Option<Address<Session>>, Option<AnswerTo>),
) -> Option<Outcome> {
    plan.restart();
    if shard.world.dispatching > 0 {
        dispatch_later(shard, Job::new(message, Some(plan.clone()), from), to);
        return None;
    }
    let mut matches = std::mem::take(&mut shard.world.matches);
    let table = &shard.world.table;
    let is_done = table.advance(plan, from, DELIVERIES_PER_TURN, |found| matches.push(found));
    let last = matches.pop();
    let mut copies = Copies::for_publisher(to);
    for found in matches.drain(..) {
        let message = Arc::clone(&message);
        deliver(shard, found.session, found.delivery(message), &mut copies);
    }
    shard.world.matches = matches;
    let rest = (!is_done).then(|| Arc::clone(&message));
    if let Some(found) = last {
        deliver(shard, found.session, found.delivery(message), &mut copies);
    }
    if let Some(message) = rest {
        let mut job = Job::new(message, Some(plan.clone()), from);
        job.copies = copies;
        dispatch_later(shard, job, to);
        return None;
    }
    copies.outcome()
}

/// The plan for what arrived last from other arbiters, where publishers send runs of messages on one topic.
#[derive(Debug)]
pub(crate) struct Arrived {
    topic: TopicName,
    /// The version of the table for which it is right.
    table: u64,
    plan: Plan<Address<Session>>,
}

/// Hands a message that came from another arbiter to the sessions of this one.
pub(crate) fn dispatch_arrived(
    shard: &mut Shard,
    message: Arc<Message>,
    to: Option<AnswerTo>,
) -> Option<Outcome> {
    let table = shard.world.table.version();
    let known = shard.world.arrived.take().filter(|arrived| {
        arrived.table == table && arrived.topic.text().is_clone_of(message.topic.text())
    });
    let mut arrived = known.unwrap_or_else(|| Arrived {
        topic: message.topic.clone(),
        table,
        plan: shard.world.table.plan(&message.topic),
    });
    let outcome = dispatch_here(shard, message, &mut arrived.plan, (None, to));
    shard.world.arrived = Some(arrived);
    outcome
}

fn dispatch_later(shard: &mut Shard, mut job: Job, to: Option<AnswerTo>) {
    job.ticket = Some(Ticket::new(shard, to));
    if let Some(pubsub) = shard.world.names.pubsub
        && shard.send(pubsub, PubsubEntry::Dispatch(job)).is_ok()
    {
        shard.world.dispatching += 1;
    }
}

/// Lets a fence through behind all messages that wait on this arbiter.
pub fn pass(shard: &mut Shard, fence: Fence) {
    if shard.world.dispatching == 0 {
        passed(shard, fence);
    } else if let Some(pubsub) = shard.world.names.pubsub
        && shard.send(pubsub, PubsubEntry::Fence(fence)).is_ok()
    {
        shard.world.dispatching += 1;
    }
}

fn passed(shard: &mut Shard, fence: Fence) {
    // A session that ended needs no answer.
    let _ = shard.send(fence.session, SessionEntry::Fenced(fence.number));
}

/// Hands the next deliveries out; whether that was all of them.
fn advance(shard: &mut Shard, job: &mut Job) -> bool {
    let Some(plan) = &mut job.plan else {
        return true;
    };
    let mut matches = std::mem::take(&mut shard.world.matches);
    let is_done = shard
        .world
        .table
        .advance(plan, job.from, DELIVERIES_PER_TURN, |found| {
            matches.push(found);
        });
    for found in matches.drain(..) {
        let session = found.session;
        let delivery = found.delivery(Arc::clone(&job.message));
        deliver(shard, session, delivery, &mut job.copies);
    }
    shard.world.matches = matches;
    is_done
}

/// Gives the groups their copies; returns what became of the message, unless the receipt will tell.
fn finish(shard: &mut Shard, job: &mut Job) -> Option<Outcome> {
    for group in std::mem::take(&mut job.groups) {
        dispatch_group(shard, job, group);
    }
    job.copies.outcome()
}

/// Gives one member of a group the message; an arbiter without members passes it on.
// [MQTT5-4.8.2-4]
fn dispatch_group(shard: &mut Shard, job: &mut Job, group: Arc<str>) {
    let choice = server::choice(shard, &job.message);
    let chosen = shard
        .world
        .table
        .choose(&group, choice.strategy, choice.chance);
    if let Some((session, subscriber)) = chosen {
        let delivery = subscriber.delivery(&job.message, &group);
        if deliver(shard, session, delivery, &mut job.copies) {
            return;
        }
    }
    let mut tried = job.tried.clone();
    tried.insert(ArbiterId(shard.arbiter));
    // Where nobody else here is waited for, the other arbiter tells the publisher.
    let to = job.copies.to.filter(|_| job.copies.receipt.is_none());
    if bounce(shard, &job.message, group, (tried, to)) {
        job.copies.delivered = true;
        job.copies.is_handed_on |= to.is_some();
        job.copies.to = job.copies.to.filter(|_| to.is_none());
    }
}

/// Sends a message for a group to an arbiter that was not tried yet; whether there is one.
fn bounce(
    shard: &mut Shard,
    message: &Arc<Message>,
    group: Arc<str>,
    (tried, answer): (ArbiterSet, Option<AnswerTo>),
) -> bool {
    let choice = server::choice(shard, message);
    let node = Arc::clone(&shard.world.node);
    let Ok(subscription) = castmq_mqtt::Text::try_from(&*group)
        .map_err(|_| ())
        .and_then(|text| Subscription::parse(text).map_err(|_| ()))
    else {
        return false;
    };
    let Some(ArbiterId(next)) = router::group_target(&node, &subscription, &group, choice, &tried)
    else {
        return false;
    };
    let groups = SmallVec::from_elem(group, 1);
    let groups = Some(Box::new(ForGroups { groups, tried }));
    let message = Arc::clone(message);
    shard.post(
        next,
        Parcel::Publish {
            message,
            own: false,
            groups,
            answer,
        },
    );
    true
}

/// Gives what a session that ended had not got acknowledged to another member of its group.
// [MQTT5-4.8.2-5]
pub fn redispatch(shard: &mut Shard, ended: Address<Session>, delivery: &Delivery) -> bool {
    let Some(group) = delivery.group.as_deref().cloned() else {
        return false;
    };
    let message = &delivery.message;
    let choice = server::choice(shard, message);
    let table = &mut shard.world.table;
    if let Some((session, subscriber)) =
        table.choose_other(&group, ended, choice.strategy, choice.chance)
    {
        let delivery = subscriber.delivery(message, &group);
        if deliver(shard, session, delivery, &mut Copies::default()) {
            return true;
        }
    }
    let mut tried = ArbiterSet::default();
    tried.insert(ArbiterId(shard.arbiter));
    bounce(shard, message, group, (tried, None))
}

impl Pubsub {
    /// A pubsub at its address.
    #[must_use]
    pub fn new(address: Address<Self>) -> Self {
        Self {
            address,
            jobs: VecDeque::new(),
            reported: 0,
            confirmed: 0,
            waiting: VecDeque::new(),
        }
    }

    /// Whether the router has confirmed everything that was reported.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.confirmed >= self.reported
    }

    fn report(&mut self, shard: &mut Shard, routes: Vec<Route>, answer: Option<Address<Session>>) {
        if !routes.is_empty() {
            self.reported += 1;
            router::report(shard, self.reported, routes);
        }
        // A route of somebody else's may be under way for the same filter, so everything reported so
        // far has to be in place, not only what this one added.
        if let Some(session) = answer {
            self.waiting.push_back((self.reported, session));
        }
        self.answer_waiting(shard);
    }

    // differs: emqttd answers SUBACK before the route exists (F6), so that a publish right behind it is
    // lost.
    fn answer_waiting(&mut self, shard: &mut Shard) {
        while let Some(&(sequence, session)) = self.waiting.front()
            && sequence <= self.confirmed
        {
            self.waiting.pop_front();
            // A session that ended in between needs no answer.
            let _ = shard.send(session, SessionEntry::Registered);
        }
    }

    fn add(&mut self, shard: &mut Shard, work: Work) {
        let is_idle = self.jobs.is_empty();
        self.jobs.push_back(work);
        if is_idle {
            self.work(shard);
        }
    }

    fn work(&mut self, shard: &mut Shard) {
        let is_done = match self.jobs.front_mut() {
            None => return,
            Some(Work::Job(job)) => advance(shard, job),
            Some(Work::Fence(_)) => true,
        };
        if is_done && let Some(work) = self.jobs.pop_front() {
            shard.world.dispatching = shard.world.dispatching.saturating_sub(1);
            match work {
                Work::Job(mut job) => {
                    let outcome = finish(shard, &mut job);
                    match (job.ticket.take(), outcome) {
                        (Some(ticket), Some(outcome)) => ticket.answer(shard, outcome),
                        (Some(ticket), None) => ticket.hand_on(),
                        (None, _) => {}
                    }
                }
                Work::Fence(fence) => passed(shard, fence),
            }
        }
        if !self.jobs.is_empty() {
            // To itself, so it is there.
            let _ = shard.send(self.address, PubsubEntry::Continue);
        }
    }
}

impl Process for Pubsub {
    type World = Local;
    type Entry = PubsubEntry;
    const KIND: Kind = kinds::PUBSUB;
    const RESTART: Restart = Restart::Permanent {
        restarts_max: 5,
        within: Duration::from_secs(60),
    };

    fn lanes(world: &mut Local) -> &mut Lanes<Self> {
        &mut world.lanes.pubsub
    }

    fn take(&mut self, entry: PubsubEntry, shard: &mut Shard) {
        match entry {
            PubsubEntry::Dispatch(job) => self.add(shard, Work::Job(job)),
            PubsubEntry::Fence(fence) => self.add(shard, Work::Fence(fence)),
            PubsubEntry::Continue => self.work(shard),
            PubsubEntry::Routes { routes, answer } => self.report(shard, routes, answer),
            PubsubEntry::RoutesDone(sequence) => {
                self.confirmed = self.confirmed.max(sequence);
                self.answer_waiting(shard);
            }
        }
    }

    fn restart(&mut self, shard: &mut Shard) -> Option<Box<Self>> {
        // The job that was under way may be what failed; its ticket says so to its publisher.
        if let Some(Work::Job(job)) = self.jobs.pop_front_if(|work| matches!(work, Work::Job(_))) {
            shard.world.dispatching = shard.world.dispatching.saturating_sub(1);
            if job.message.qos == castmq_mqtt::QoS::AtMostOnce {
                shard.count(Counter::MessagesDropped);
                ledger::enter(
                    shard,
                    Loss::of_message(Reason::DISPATCH_FAILED, &job.message),
                );
            }
        }
        if !self.jobs.is_empty() {
            let _ = shard.send(self.address, PubsubEntry::Continue);
        }
        Some(Box::new(Self {
            address: self.address,
            jobs: std::mem::take(&mut self.jobs),
            reported: self.reported,
            confirmed: self.confirmed,
            waiting: std::mem::take(&mut self.waiting),
        }))
    }
}

impl crate::inspect::State for Pubsub {
    fn state(&self, _times: crate::inspect::Times) -> serde_json::Value {
        serde_json::json!({
            "messages_that_wait": self.jobs.len(),
            "routes_reported": self.reported,
            "routes_confirmed": self.confirmed,
            "sessions_that_wait": self.waiting.len(),
        })
    }
}
