//! Lanes: the messages of one priority, in order.

use std::collections::VecDeque;

use castmq_mqtt::QoS;
use serde::{Deserialize, Serialize};

use crate::{Delivery, Moment};

/// From so many messages on a queue grows by a part of itself.
const LONG: usize = 64;
/// Which part.
const GROWS_BY: usize = 4;

/// Messages of one priority. QoS 0 stands apart so that it can be given up first; the numbers put
/// the two together again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Lane {
    pub(super) priority: u8,
    pub(super) at_most_once: Fifo,
    pub(super) others: Fifo,
}

/// Numbered messages in order, and what they count for.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Fifo {
    pub(super) entries: VecDeque<(u64, Delivery)>,
    pub(super) bytes: usize,
}

impl Lane {
    pub(super) fn new(priority: u8) -> Self {
        Self {
            priority,
            at_most_once: Fifo::default(),
            others: Fifo::default(),
        }
    }

    pub(super) fn fifo_mut(&mut self, qos: QoS) -> &mut Fifo {
        match qos {
            QoS::AtMostOnce => &mut self.at_most_once,
            QoS::AtLeastOnce | QoS::ExactlyOnce => &mut self.others,
        }
    }

    pub(super) fn fifos_mut(&mut self) -> [&mut Fifo; 2] {
        [&mut self.at_most_once, &mut self.others]
    }

    /// Whether the next message is one of QoS 0; `None` when there is none.
    pub(super) fn is_at_most_once_next(&self) -> Option<bool> {
        match (self.at_most_once.first(), self.others.first()) {
            (Some(at_most_once), Some(other)) => Some(at_most_once < other),
            (Some(_), None) => Some(true),
            (None, Some(_)) => Some(false),
            (None, None) => None,
        }
    }

    /// Number and QoS of the next message.
    pub(super) fn next(&self) -> Option<(u64, QoS)> {
        let fifo = if self.is_at_most_once_next()? {
            &self.at_most_once
        } else {
            &self.others
        };
        let next = fifo.entries.front();
        next.map(|(number, delivery)| (*number, delivery.qos))
    }

    /// The messages with their numbers, in the order in which they will come out: those behind a number.
    pub(super) fn numbered_after(
        &self,
        after: Option<u64>,
    ) -> impl Iterator<Item = (u64, &Delivery)> {
        let mut zero = self.at_most_once.after(after).peekable();
        let mut others = self.others.after(after).peekable();
        std::iter::from_fn(move || {
            let is_zero = match (zero.peek(), others.peek()) {
                (Some((zero, _)), Some((other, _))) => zero < other,
                (zero, _) => zero.is_some(),
            };
            if is_zero { zero.next() } else { others.next() }
        })
        .map(|(number, delivery)| (*number, delivery))
    }

    pub(super) fn pop(&mut self) -> Option<(u64, Delivery)> {
        if self.is_at_most_once_next()? {
            self.at_most_once.pop()
        } else {
            self.others.pop()
        }
    }
}

impl Fifo {
    pub(super) fn push(&mut self, number: u64, delivery: Delivery, weight: usize) {
        self.bytes += weight;
        if self.entries.len() == self.entries.capacity() && self.entries.len() >= LONG {
            // Doubling would leave half of a long queue's memory empty.
            self.entries.reserve_exact(self.entries.len() / GROWS_BY);
        }
        self.entries.push_back((number, delivery));
    }

    pub(super) fn pop(&mut self) -> Option<(u64, Delivery)> {
        let (number, delivery) = self.entries.pop_front()?;
        self.bytes -= delivery.message.weight();
        Some((number, delivery))
    }

    pub(super) fn first(&self) -> Option<u64> {
        self.entries.front().map(|&(number, _)| number)
    }

    /// What stands behind a number, found without a look at what stands before.
    fn after(&self, after: Option<u64>) -> impl Iterator<Item = &(u64, Delivery)> {
        let is_before = |entry: &(u64, Delivery)| after.is_some_and(|after| entry.0 <= after);
        self.entries
            .range(self.entries.partition_point(is_before)..)
    }

    pub(super) fn drop_expired(&mut self, now: Moment, expired: &mut Vec<(u64, Delivery)>) {
        let is_expired = |(_, delivery): &(u64, Delivery)| delivery.message.is_expired(now);
        if self.entries.iter().any(is_expired) {
            let (gone, left) = std::mem::take(&mut self.entries)
                .into_iter()
                .partition(|entry| is_expired(entry));
            self.entries = left;
            let gone: VecDeque<(u64, Delivery)> = gone;
            for (number, delivery) in gone {
                self.bytes -= delivery.message.weight();
                expired.push((number, delivery));
            }
        }
    }
}
