//! Hook: what modules and embedding programs are called for.
//!
//! | | |
//! |---|---|
//! | emqttd | `emqttd_hook` |
//! | Started by | [`sup`](crate::sup), one for the node, on arbiter 0 |
//! | Work runs in | its own turn (add, delete); the caller's turn (run) |
//! | Waits for | nobody |
//! | Waited for by | nobody |
//! | If it dies | the table stands outside of it, so that no module is lost; changes pause until the restart |
//! | Watch | counter `hooks/failed`, event `hook.failed` |
//!
//! The rules are in [`castmq_rules::hook`]; this file catches what fails and counts it.

// differs: emqttd's registry comes back empty after a crash, without a word (F10), and a failing callback
// kills whoever runs it (F18); here the table outlives its process and a failure is skipped and counted.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{
    AtomicU8,
    Ordering::{Acquire, Release},
};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use castmq_mqtt::{QoS, SubscribeFilter, Subscription, Text, TopicName};
use castmq_observe::{Counter, Event, Kind};
use castmq_otp::{Entry, Lanes, Process, Restart};
use castmq_rules::hook::{HookChain, HookPoint, HookStep};
use castmq_rules::{ClientId, Delivery, Message};

use crate::cm::ClientRow;
use crate::{Local, Shard, broker, kinds};

/// What a callback can do besides answering.
pub struct HookContext<'s> {
    shard: &'s mut Shard,
}

impl fmt::Debug for HookContext<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("HookContext")
    }
}

impl HookContext<'_> {
    /// Publishes in the name of the broker. The message waits in a bounded queue while the node is
    /// behind; the oldest of the queue is dropped and counted when it is full.
    pub fn publish(&mut self, topic: TopicName, payload: Bytes, qos: QoS, retain: bool) {
        broker::publish(self.shard, topic, payload, qos, retain);
    }

    /// Subscribes the client of a connection without its asking.
    pub fn subscribe(&mut self, row: &ClientRow, filters: Vec<SubscribeFilter>) {
        let _ = self
            .shard
            .send(row.client, crate::client::ClientEntry::Subscribe(filters));
    }

    /// The node's name.
    #[must_use]
    pub fn node_name(&self) -> &str {
        &self.shard.world.node.settings.node.name
    }

    /// The wall-clock time, since the Unix epoch.
    #[must_use]
    pub fn wall(&self) -> Duration {
        self.shard.wall()
    }
}

/// Called when a client is connected.
pub type OnConnected = Arc<dyn Fn(&mut HookContext<'_>, &ClientId, &ClientRow) + Send + Sync>;
/// Called with the filters of a SUBSCRIBE and the user's name; may change or stop them.
pub type OnSubscribe = Arc<
    dyn Fn(
            &mut HookContext<'_>,
            &ClientId,
            Option<&Text>,
            &Vec<SubscribeFilter>,
        ) -> HookStep<Vec<SubscribeFilter>>
        + Send
        + Sync,
>;
/// Called when subscriptions are in place.
pub type OnSubscribed = Arc<dyn Fn(&mut HookContext<'_>, &ClientId, &[Subscription]) + Send + Sync>;
/// Called with the filters of an UNSUBSCRIBE; may change or stop them.
pub type OnUnsubscribe = Arc<
    dyn Fn(&mut HookContext<'_>, &ClientId, &Vec<Subscription>) -> HookStep<Vec<Subscription>>
        + Send
        + Sync,
>;
/// Called with a message that is published; may change or swallow it.
pub type OnPublish = Arc<dyn Fn(&mut HookContext<'_>, &Message) -> HookStep<Message> + Send + Sync>;
/// Called with a copy that is written to a client, or that it acknowledged.
pub type OnDelivery = Arc<dyn Fn(&mut HookContext<'_>, &ClientId, &Delivery) + Send + Sync>;
/// Called with the reason for which a connection ended.
pub type OnDisconnected = Arc<dyn Fn(&mut HookContext<'_>, &ClientId, &str) + Send + Sync>;

/// emqttd's eight hooks.
#[derive(Clone, Default)]
pub struct Hooks {
    /// `client.connected`
    pub client_connected: HookChain<OnConnected>,
    /// `client.subscribe`
    pub client_subscribe: HookChain<OnSubscribe>,
    /// `client.subscribe.after`
    pub client_subscribe_after: HookChain<OnSubscribed>,
    /// `client.unsubscribe`
    pub client_unsubscribe: HookChain<OnUnsubscribe>,
    /// `message.publish`
    pub message_publish: HookChain<OnPublish>,
    /// `message.delivered`
    pub message_delivered: HookChain<OnDelivery>,
    /// `message.acked`
    pub message_acked: HookChain<OnDelivery>,
    /// `client.disconnected`
    pub client_disconnected: HookChain<OnDisconnected>,
}

impl Hooks {
    /// Where callbacks are called and what they are called, in the order of the calls.
    #[must_use]
    pub fn names(&self) -> Vec<(&'static str, Arc<str>)> {
        let mut names = Vec::new();
        let mut add = |point: HookPoint, chain: Vec<&Arc<str>>| {
            let chain = chain.into_iter();
            names.extend(chain.map(|name| (point.name(), Arc::clone(name))));
        };
        add(
            HookPoint::ClientConnected,
            callbacks(&self.client_connected),
        );
        add(
            HookPoint::ClientSubscribe,
            callbacks(&self.client_subscribe),
        );
        add(
            HookPoint::ClientSubscribeAfter,
            callbacks(&self.client_subscribe_after),
        );
        add(
            HookPoint::ClientUnsubscribe,
            callbacks(&self.client_unsubscribe),
        );
        add(HookPoint::MessagePublish, callbacks(&self.message_publish));
        add(
            HookPoint::MessageDelivered,
            callbacks(&self.message_delivered),
        );
        add(HookPoint::MessageAcked, callbacks(&self.message_acked));
        add(
            HookPoint::ClientDisconnected,
            callbacks(&self.client_disconnected),
        );
        names
    }
}

fn callbacks<F>(chain: &HookChain<F>) -> Vec<&Arc<str>> {
    chain.iter().map(|(name, _)| name).collect()
}

impl fmt::Debug for Hooks {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Hooks")
    }
}

/// The hooks of a node, and which of those that are on the path of messages anybody has added to.
#[derive(Debug, Default)]
pub struct HookTable {
    hooks: ArcSwap<Hooks>,
    /// Bits of [`PUBLISH`], [`DELIVERED`] and [`ACKED`].
    used: AtomicU8,
}

const PUBLISH: u8 = 1;
const DELIVERED: u8 = 2;
const ACKED: u8 = 4;

impl HookTable {
    /// The hooks as they are now.
    #[must_use]
    pub fn load(&self) -> Arc<Hooks> {
        self.hooks.load_full()
    }

    /// Puts other hooks in place.
    pub fn store(&self, hooks: Hooks) {
        let bit = |bit, is_used| if is_used { bit } else { 0 };
        let used = bit(PUBLISH, !hooks.message_publish.is_empty())
            | bit(DELIVERED, !hooks.message_delivered.is_empty())
            | bit(ACKED, !hooks.message_acked.is_empty());
        self.hooks.store(Arc::new(hooks));
        self.used.store(used, Release);
    }

    /// Whether messages that are published are looked at by anybody.
    #[must_use]
    pub fn has_publish(&self) -> bool {
        self.uses(PUBLISH)
    }

    fn uses(&self, hook: u8) -> bool {
        self.used.load(Acquire) & hook != 0
    }
}

/// The hook process.
#[derive(Debug, Default)]
pub struct Hook;

/// A change of the hooks.
pub struct HookEntry(pub Box<dyn FnOnce(&mut Hooks) + Send>);

impl fmt::Debug for HookEntry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("HookEntry")
    }
}

impl Entry for HookEntry {
    const NAMES: &'static [&'static str] = &["nothing", "Change"];

    fn weight(&self) -> usize {
        128
    }

    fn kind(&self) -> u8 {
        1
    }
}

impl Process for Hook {
    type World = Local;
    type Entry = HookEntry;
    const KIND: Kind = kinds::HOOK;
    const RESTART: Restart = Restart::Permanent {
        restarts_max: 10,
        within: Duration::from_secs(3600),
    };

    fn lanes(world: &mut Local) -> &mut Lanes<Self> {
        &mut world.lanes.hook
    }

    fn take(&mut self, entry: HookEntry, shard: &mut Shard) {
        let mut hooks = (*shard.world.node.hooks.load()).clone();
        (entry.0)(&mut hooks);
        shard.world.node.hooks.store(hooks);
    }

    fn restart(&mut self, _shard: &mut Shard) -> Option<Box<Self>> {
        Some(Box::new(Self))
    }
}

/// Runs one callback; `None` when it failed.
fn call<R>(shard: &mut Shard, callback: impl FnOnce(&mut HookContext<'_>) -> R) -> Option<R> {
    catch_unwind(AssertUnwindSafe(|| callback(&mut HookContext { shard }))).ok()
}

fn tell_failed(shard: &Shard, failed: &[Arc<str>]) {
    for name in failed {
        shard.count(Counter::HooksFailed);
        shard.tell(Event::HookFailed, &[("callback", name)]);
    }
}

/// Runs callbacks that only look.
fn look<F>(
    shard: &mut Shard,
    chain: &HookChain<F>,
    mut callback: impl FnMut(&F, &mut HookContext<'_>),
) {
    let outcome = chain.run((), |registered, ()| {
        call(shard, |context| callback(registered, context)).map(|()| HookStep::Continue)
    });
    tell_failed(shard, &outcome.failed);
}

pub(crate) fn client_connected(shard: &mut Shard, client_id: &ClientId, row: &ClientRow) {
    let hooks = shard.world.node.hooks.load();
    look(shard, &hooks.client_connected, |callback, context| {
        callback(context, client_id, row);
    });
}

/// `None` when a callback stopped it.
pub(crate) fn client_subscribe(
    shard: &mut Shard,
    client_id: &ClientId,
    user: Option<&Text>,
    filters: Vec<SubscribeFilter>,
) -> Option<Vec<SubscribeFilter>> {
    let hooks = shard.world.node.hooks.load();
    let count = filters.len();
    let outcome = hooks.client_subscribe.run(filters, |callback, filters| {
        call(shard, |context| callback(context, client_id, user, filters))
    });
    tell_failed(shard, &outcome.failed);
    // One reason is owed for each filter of the packet, so their number must stay.
    (!outcome.is_stopped && outcome.value.len() == count).then_some(outcome.value)
}

pub(crate) fn client_subscribe_after(
    shard: &mut Shard,
    client_id: &ClientId,
    filters: &[Subscription],
) {
    let hooks = shard.world.node.hooks.load();
    look(shard, &hooks.client_subscribe_after, |callback, context| {
        callback(context, client_id, filters);
    });
}

/// `None` when a callback stopped it.
pub(crate) fn client_unsubscribe(
    shard: &mut Shard,
    client_id: &ClientId,
    filters: Vec<Subscription>,
) -> Option<Vec<Subscription>> {
    let hooks = shard.world.node.hooks.load();
    let count = filters.len();
    let outcome = hooks.client_unsubscribe.run(filters, |callback, filters| {
        call(shard, |context| callback(context, client_id, filters))
    });
    tell_failed(shard, &outcome.failed);
    (!outcome.is_stopped && outcome.value.len() == count).then_some(outcome.value)
}

/// `None` when a callback swallowed it.
pub(crate) fn message_publish(shard: &mut Shard, message: Message) -> Option<Message> {
    if !shard.world.node.hooks.has_publish() || message.is_system() {
        return Some(message);
    }
    let hooks = shard.world.node.hooks.load();
    let outcome = hooks.message_publish.run(message, |callback, message| {
        call(shard, |context| callback(context, message))
    });
    tell_failed(shard, &outcome.failed);
    (!outcome.is_stopped).then_some(outcome.value)
}

pub(crate) fn message_delivered(shard: &mut Shard, client_id: &ClientId, delivery: &Delivery) {
    if !shard.world.node.hooks.uses(DELIVERED) {
        return;
    }
    let hooks = shard.world.node.hooks.load();
    look(shard, &hooks.message_delivered, |callback, context| {
        callback(context, client_id, delivery);
    });
}

pub(crate) fn message_acked(shard: &mut Shard, client_id: &ClientId, delivery: &Delivery) {
    if !shard.world.node.hooks.uses(ACKED) {
        return;
    }
    let hooks = shard.world.node.hooks.load();
    look(shard, &hooks.message_acked, |callback, context| {
        callback(context, client_id, delivery);
    });
}

pub(crate) fn client_disconnected(shard: &mut Shard, client_id: &ClientId, reason: &str) {
    let hooks = shard.world.node.hooks.load();
    look(shard, &hooks.client_disconnected, |callback, context| {
        callback(context, client_id, reason);
    });
}

impl crate::inspect::State for Hook {}
