//! A naive store for tests: what changes leave behind, kept in plain lists.

use std::collections::BTreeMap;

use castmq_mqtt::{PacketId, Subscription};

use crate::Delivery;
use crate::session::{Change, Page, ReadQueue, Record, Restored, StoredQueue, SubscriptionEntry};

/// See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Book {
    waiting: Vec<Change>,
    record: Option<Record>,
    subscriptions: BTreeMap<Subscription, SubscriptionEntry>,
    pub(crate) queue: BTreeMap<u64, (u64, Delivery)>,
    pub(crate) released: BTreeMap<u64, PacketId>,
    pub(crate) received: Vec<PacketId>,
    pub(crate) is_ended: bool,
    /// What was asked for and is not answered.
    pub(crate) reads: Vec<ReadQueue>,
}

impl Book {
    pub(crate) fn wait(&mut self, change: Change) {
        self.waiting.push(change);
    }

    /// Stores what waits; returns the numbers of messages among it.
    pub(crate) fn commit(&mut self) -> Vec<u64> {
        let waiting = std::mem::take(&mut self.waiting);
        let mut numbers = Vec::new();
        for change in waiting {
            if let Change::Queued { number, .. } = &change {
                numbers.push(*number);
            }
            self.apply(change);
        }
        numbers
    }

    pub(crate) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub(crate) fn forget_waiting(&mut self) {
        self.waiting.clear();
        self.reads.clear();
    }

    fn apply(&mut self, change: Change) {
        assert!(
            !self.is_ended,
            "nothing is stored of a session that is over"
        );
        match change {
            Change::Record(record) => self.record = Some(*record),
            Change::Subscribed(subscription, entry) => {
                self.subscriptions.insert(subscription, entry);
            }
            Change::Unsubscribed(subscription) => {
                self.subscriptions.remove(&subscription);
            }
            Change::Queued {
                number,
                weight_sum,
                delivery,
            } => {
                let before = self.queue.insert(number, (weight_sum, delivery));
                assert!(before.is_none(), "a number is given out once");
            }
            Change::Done { number, message } => {
                let (_, delivery) = self.queue.remove(&number).expect("it was stored");
                assert_eq!(delivery.message.id, message);
            }
            Change::Released {
                number,
                packet_id,
                order,
                ..
            } => {
                self.queue.remove(&number).expect("it was stored");
                self.released.insert(order, packet_id);
            }
            Change::Completed(packet_id) => {
                let count = self.released.len();
                self.released.retain(|_, id| *id != packet_id);
                assert_eq!(self.released.len() + 1, count);
            }
            Change::Received(packet_id) => self.received.push(packet_id),
            Change::Forgotten(packet_id) => self.received.retain(|id| *id != packet_id),
            Change::Ended => self.is_ended = true,
        }
    }

    pub(crate) fn restored(&self) -> Restored {
        let mut record = self.record.clone().expect("the session was stored");
        let first = self.queue.first_key_value();
        let last = self.queue.last_key_value();
        let queue = match (first, last) {
            (Some((first, (first_sum, delivery))), Some((last, (last_sum, _)))) => StoredQueue {
                first: *first,
                next: last + 1,
                len: usize::try_from(last + 1 - first).unwrap(),
                bytes: usize::try_from(last_sum - first_sum).unwrap() + delivery.message.weight(),
            },
            _ => StoredQueue::default(),
        };
        if let Some((_, (sum, _))) = last {
            record.weight_sum = record.weight_sum.max(*sum);
        }
        assert!(first.is_none_or(|(number, _)| *number >= record.first));
        Restored {
            record,
            subscriptions: self.subscriptions.clone().into_iter().collect(),
            released: self.released.clone().into_iter().collect(),
            received: self.received.clone(),
            queue,
        }
    }

    pub(crate) fn page(&self, read: ReadQueue) -> Page {
        let rows = self.queue.range(read.from..read.until);
        let messages: Vec<_> = rows
            .take(read.len_max)
            .map(|(number, (_, delivery))| (*number, delivery.clone()))
            .collect();
        let next = match messages.last() {
            Some((last, _)) if messages.len() == read.len_max => last + 1,
            _ => read.until,
        };
        Page { messages, next }
    }
}
