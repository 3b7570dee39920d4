//! What a store has to make of what is handed over.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use castmq_mqtt::{PacketId, Subscription, TopicName};
use castmq_rules::session::{Change, Presence, Record, Restored, StoredQueue, SubscriptionEntry};
use castmq_rules::{Delivery, Message, Moment};
use castmq_store::{Op, SessionKey, Submission};

/// What a store holds after some submissions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Model {
    pub(crate) sessions: BTreeMap<SessionKey, Held>,
    pub(crate) retained: BTreeMap<String, (u64, Option<Kept>)>,
}

/// A retained message and its end.
pub(crate) type Kept = (Arc<Message>, Option<Moment>);

/// A session in whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) record: Record,
    pub(crate) subscriptions: BTreeMap<Subscription, SubscriptionEntry>,
    pub(crate) queue: BTreeMap<u64, (u64, Delivery)>,
    pub(crate) released: BTreeMap<PacketId, u64>,
    pub(crate) received: BTreeMap<PacketId, ()>,
}

impl Model {
    pub(crate) fn apply(&mut self, submission: &Submission) {
        for op in &submission.ops {
            match op {
                Op::Session(session, change) => self.change(*session, change),
                Op::Retain { message, ends } => {
                    let version = message.version.unwrap();
                    let kept = (Arc::clone(message), *ends);
                    self.retain(&message.topic, version, Some(kept));
                }
                Op::Unretain { topic, version } => self.retain(topic, *version, None),
                Op::Account { .. } => {}
            }
        }
    }

    fn retain(&mut self, topic: &TopicName, version: u64, kept: Option<Kept>) {
        let known = self.retained.entry(topic.to_string()).or_default();
        if version > known.0 {
            *known = (version, kept);
        }
    }

    fn change(&mut self, session: SessionKey, change: &Change) {
        if let Change::Record(record) = change {
            let held = self.sessions.entry(session);
            held.or_insert_with(|| Held::new((**record).clone())).record = (**record).clone();
        } else if *change == Change::Ended {
            self.sessions.remove(&session);
        } else {
            self.sessions.get_mut(&session).unwrap().change(change);
        }
    }

    /// The same, seen by a run that begins so much later: moments have moved, and what is past is past.
    pub(crate) fn later(&self, by: Duration) -> Self {
        let mut later = self.clone();
        for held in later.sessions.values_mut() {
            if let Presence::Away { ends, will_due, .. } = &mut held.record.presence {
                *ends = ends.map(|ends| ends - by);
                *will_due = will_due.map(|due| due - by);
            }
            for (_, delivery) in held.queue.values_mut() {
                delivery.message = message_later(&delivery.message, by);
            }
        }
        for (_, kept) in later.retained.values_mut() {
            let start = Moment::default();
            *kept = kept.take().and_then(|(message, ends)| {
                let (message, ends) = (message_later(&message, by), ends.map(|ends| ends - by));
                let is_over = ends.is_some_and(|ends| ends <= start) || message.is_expired(start);
                (!is_over).then_some((message, ends))
            });
        }
        later
    }

    /// The retained messages, without what was deleted.
    pub(crate) fn kept(&self) -> BTreeMap<String, Kept> {
        self.retained
            .iter()
            .filter_map(|(topic, (_, kept))| Some((topic.clone(), kept.clone()?)))
            .collect()
    }
}

impl Held {
    fn new(record: Record) -> Self {
        Self {
            record,
            subscriptions: BTreeMap::new(),
            queue: BTreeMap::new(),
            released: BTreeMap::new(),
            received: BTreeMap::new(),
        }
    }

    fn change(&mut self, change: &Change) {
        match change {
            Change::Subscribed(subscription, entry) => {
                self.subscriptions.insert(subscription.clone(), *entry);
            }
            Change::Unsubscribed(subscription) => {
                self.subscriptions.remove(subscription);
            }
            Change::Queued {
                number,
                weight_sum,
                delivery,
            } => {
                self.queue.insert(*number, (*weight_sum, delivery.clone()));
            }
            Change::Done { number, .. } => {
                self.queue.remove(number);
            }
            Change::Released {
                number,
                packet_id,
                order,
                ..
            } => {
                self.queue.remove(number);
                self.released.insert(*packet_id, *order);
            }
            Change::Completed(id) => {
                self.released.remove(id);
            }
            Change::Received(id) => {
                self.received.insert(*id, ());
            }
            Change::Forgotten(id) => {
                self.received.remove(id);
            }
            Change::Record(_) | Change::Ended => unreachable!(),
        }
    }

    /// What a store has to give back of it.
    pub(crate) fn restored(&self) -> Restored {
        let mut record = self.record.clone();
        let ends = self
            .queue
            .first_key_value()
            .zip(self.queue.last_key_value());
        let queue = if let Some(((first, head), (last, tail))) = ends {
            record.next = record.next.max(last + 1);
            record.weight_sum = record.weight_sum.max(tail.0);
            StoredQueue {
                first: *first,
                next: record.next,
                len: usize::try_from(last - first + 1).unwrap(),
                bytes: usize::try_from(tail.0 - head.0).unwrap() + head.1.message.weight(),
            }
        } else {
            StoredQueue {
                first: record.next,
                next: record.next,
                len: 0,
                bytes: 0,
            }
        };
        let mut released: Vec<_> = self.released.iter().map(|(id, at)| (*at, *id)).collect();
        released.sort_unstable();
        let by_text = |(subscription, entry): (&Subscription, &SubscriptionEntry)| {
            (subscription.to_string(), (subscription.clone(), *entry))
        };
        let subscriptions: BTreeMap<_, _> = self.subscriptions.iter().map(by_text).collect();
        Restored {
            record,
            subscriptions: subscriptions.into_values().collect(),
            released,
            received: self.received.keys().copied().collect(),
            queue,
        }
    }
}

fn message_later(message: &Message, by: Duration) -> Arc<Message> {
    Arc::new(Message {
        received: message.received - by,
        expires: message.expires.map(|expires| expires - by),
        ..message.clone()
    })
}
