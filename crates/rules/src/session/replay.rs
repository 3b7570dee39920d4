//! Retained messages for new subscriptions, pulled in chunks as fast as the client takes them.
//!
//! One subscription after the other, one request at a time, and none while anything waits in the
//! queue, so that acknowledgements and live messages are never held up and memory stays bounded.

#[cfg(test)]
mod model;

use std::collections::BTreeMap;
use std::sync::Arc;

use castmq_mqtt::{Subscription, TopicFilter, TopicName};
use serde::{Deserialize, Serialize};

use crate::session::{Action, PullRetained, Session, Subscribed, SubscriptionEntry};
use crate::{ClientId, Delivery, Message, Moment, Scan};

/// Messages in one chunk.
const CHUNK_MESSAGES: usize = 64;

/// Topics delivered live during a replay of which the version is remembered.
const LIVE_MAX: usize = 1024;

/// The answer to [`Action::PullRetained`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetainedChunk {
    /// Which request it answers.
    pub pull: u64,
    /// The next matching messages; none of them when the retainer has looked at enough topics for
    /// now.
    pub messages: Vec<Arc<Message>>,
    /// Where the retainer stands after them; at its end no more follow.
    pub scan: Scan,
}

/// The subscriptions that still get retained messages.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Replays {
    /// By the order in which they were asked for; the first one is under way.
    list: BTreeMap<u64, Replay>,
    /// Where to find a filter's.
    numbers: BTreeMap<TopicFilter, u64>,
    next: u64,
    /// The request under way.
    pulling: Option<u64>,
    next_pull: u64,
    /// Versions delivered live to the first one's filter.
    live: BTreeMap<TopicName, u64>,
    /// Whether more topics were delivered live during the request than are remembered.
    is_unsure: bool,
}

/// One of them.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Replay {
    entry: SubscriptionEntry,
    /// The filter, and where the retainer stands.
    scan: Scan,
    /// Later versions come live.
    as_of: u64,
}

impl Session {
    /// SUBACK is on its way for a filter: its retained messages follow, if they are wanted.
    ///
    /// Repeated for the same filter it begins anew. `as_of` is the newest version in the retainer
    /// at a moment at which the routes were in place: whatever is stored later comes live, so the
    /// replay leaves it out and cannot get ahead of live messages that are still on their way.
    // [MQTT3-3.3.1-6] [MQTT3-3.8.4-3] [MQTT5-3.8.4-4]
    pub fn start_replay_as_of(
        &mut self,
        subscription: &Subscription,
        subscribed: Subscribed,
        as_of: u64,
        now: Moment,
    ) {
        let Some(entry) = self.subscriptions.find(subscription) else {
            return;
        };
        // Retained messages are no matter of a group: "no retained messages are sent to the Session
        // when it first subscribes" to a shared subscription, MQTT 5.0, 4.8.2.
        if subscription.is_shared() || !subscribed.wants_retained(entry.options) {
            return;
        }
        // What comes live while the client is away may be lost to it, so nothing is left to that.
        let as_of = if self.is_connected() { as_of } else { u64::MAX };
        self.replays
            .get_or_insert_default()
            .start(subscription.filter(), entry, as_of);
        self.fill(now);
    }

    /// As [`Self::start_replay_as_of`], where the newest version is not known: what is stored
    /// while the replay is under way may come twice.
    pub fn start_replay(
        &mut self,
        subscription: &Subscription,
        subscribed: Subscribed,
        now: Moment,
    ) {
        self.start_replay_as_of(subscription, subscribed, u64::MAX, now);
    }

    /// The retainer has answered; returns how many of its messages the client gets. An answer to an
    /// older request means nothing.
    pub fn handle_retained_chunk(&mut self, chunk: RetainedChunk, now: Moment) -> usize {
        let Some(replays) = &mut self.replays else {
            return 0;
        };
        let deliveries = replays.handle_chunk(chunk, &self.client_id);
        let count = deliveries.len();
        for delivery in deliveries {
            self.deliver(delivery, false, now);
        }
        self.fill(now);
        self.check();
        count
    }

    /// Asks for the next chunk when the client would take it at once.
    pub(super) fn pull_retained(&mut self) {
        if !(self.may_send() && self.queue.is_empty() && self.window.has_room()) {
            return;
        }
        let Some(replays) = &mut self.replays else {
            return;
        };
        if replays.list.is_empty() {
            self.replays = None;
        } else if let Some(pull) = replays.poll_pull() {
            self.actions.push(Action::PullRetained(Box::new(pull)));
        }
    }

    /// Subscriptions that still get retained messages.
    #[must_use]
    pub fn replays_now(&self) -> usize {
        self.replays
            .as_ref()
            .map_or(0, |replays| replays.list.len())
    }
}

impl Replays {
    fn start(&mut self, filter: &TopicFilter, entry: SubscriptionEntry, as_of: u64) {
        self.remove(filter);
        let number = self.next;
        self.next += 1;
        let filter = filter.clone();
        self.numbers.insert(filter.clone(), number);
        let replay = Replay {
            entry,
            scan: Scan::new(filter),
            as_of,
        };
        self.list.insert(number, replay);
    }

    /// A live message came to the session; while a replay is under way its version counts.
    pub(super) fn handle_live(&mut self, message: &Message) {
        let (Some((_, replay)), Some(version)) = (self.list.first_key_value(), message.version)
        else {
            return;
        };
        if !replay.scan.filter().matches(&message.topic) {
            return;
        }
        if self.live.len() >= LIVE_MAX && !self.live.contains_key(&message.topic) {
            // Only what came since the request can be newer than its answer, so all may be forgotten
            // but then. That answer is thrown away and asked for again.
            self.live.clear();
            self.is_unsure = self.pulling.is_some();
        }
        self.live.insert(message.topic.clone(), version);
    }

    /// The connection is gone: what is on its way from the retainer is asked for again later, since
    /// nobody could take it. Live messages may be lost to the client until then, so nothing is left
    /// to them.
    pub(super) fn handle_disconnected(&mut self) {
        self.forget_pull();
        for replay in self.list.values_mut() {
            replay.as_of = u64::MAX;
        }
    }

    /// The subscription is gone.
    pub(super) fn handle_unsubscribed(&mut self, subscription: &Subscription) {
        if !subscription.is_shared() {
            self.remove(subscription.filter());
        }
    }

    fn remove(&mut self, filter: &TopicFilter) {
        let Some(number) = self.numbers.remove(filter) else {
            return;
        };
        if self.list.first_key_value().map(|(&first, _)| first) == Some(number) {
            self.forget_pull();
        }
        self.list.remove(&number);
    }

    fn forget_pull(&mut self) {
        self.pulling = None;
        self.is_unsure = false;
        self.live.clear();
    }

    /// The next request, unless one is under way.
    fn poll_pull(&mut self) -> Option<PullRetained> {
        if self.pulling.is_some() {
            return None;
        }
        let (_, replay) = self.list.first_key_value()?;
        let pull = self.next_pull;
        self.next_pull += 1;
        self.pulling = Some(pull);
        Some(PullRetained {
            pull,
            scan: replay.scan.clone(),
            len_max: CHUNK_MESSAGES,
        })
    }

    /// What the client gets of a chunk.
    fn handle_chunk(&mut self, chunk: RetainedChunk, client_id: &ClientId) -> Vec<Delivery> {
        if self.pulling != Some(chunk.pull) {
            return Vec::new();
        }
        self.pulling = None;
        if std::mem::take(&mut self.is_unsure) {
            return Vec::new();
        }
        let Some(mut first) = self.list.first_entry() else {
            return Vec::new();
        };
        let replay = first.get_mut();
        let is_last = chunk.scan.is_done();
        replay.scan = chunk.scan;
        let mut deliveries = Vec::with_capacity(chunk.messages.len());
        for message in chunk.messages {
            let is_older = self
                .live
                .remove(&message.topic)
                .is_some_and(|live| message.version.is_none_or(|version| version <= live));
            // [MQTT5-3.8.3-3]
            let is_own = replay.entry.options.no_local && message.from.as_ref() == Some(client_id);
            let comes_live = message
                .version
                .is_some_and(|version| version > replay.as_of);
            if !is_older && !is_own && !comes_live {
                deliveries.push(replay.delivery(message));
            }
        }
        if is_last {
            let replay = first.remove();
            self.numbers.remove(replay.scan.filter());
            self.live.clear();
        }
        deliveries
    }
}

impl Replay {
    /// A retained message as this subscription gets it.
    // [MQTT3-3.3.1-8] [MQTT3-3.8.4-6]
    fn delivery(&self, message: Arc<Message>) -> Delivery {
        Delivery {
            qos: message.qos.min(self.entry.options.qos),
            message,
            retain: true,
            subscription_ids: self.entry.id.into_iter().collect(),
            group: None,
        }
    }
}

const _: () = assert!(CHUNK_MESSAGES > 0);
