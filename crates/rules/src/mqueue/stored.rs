//! The part of a queue that is in the store only: a session that outlives its connection holds a bounded
//! part of its queue in memory, the beginning, and has the rest read when it comes to it.

use castmq_mqtt::QoS;

use super::{Mqueue, Victims};
use crate::session::{DropReason, Page, QueueSettings, StoredQueue};
use crate::{Delivery, Moment};

/// How many times its bound a queue may hold while the messages that have to go are being read: they are
/// accounted for one by one.
const OVERSHOOT: usize = 2;

impl Mqueue {
    /// Takes over what is in the store.
    pub(crate) fn restore(&mut self, stored: StoredQueue) {
        if stored.len > 0 {
            self.len += stored.len;
            self.bytes += stored.bytes;
            self.stored = Some(Box::new(stored));
        }
    }

    /// Puts in a message that is stored as well, or will be. In memory it is held only if it is near the
    /// beginning. Returns its number, unless it was given up itself, and what was given up.
    pub(crate) fn push_stored(
        &mut self,
        delivery: Delivery,
        settings: &QueueSettings,
        now: Moment,
    ) -> (Option<u64>, Victims) {
        let is_behind = self.stored.is_some() || self.is_memory_full(settings);
        if settings.priorities.is_empty() && is_behind {
            return self.push_behind(delivery, settings);
        }
        let number = self.next;
        let victims = self.push(delivery, settings, now);
        let is_in = victims.iter().all(|(_, victim, _)| *victim != number);
        (is_in.then_some(number), victims)
    }

    fn push_behind(
        &mut self,
        delivery: Delivery,
        settings: &QueueSettings,
    ) -> (Option<u64>, Victims) {
        let number = self.take_number();
        let weight = delivery.message.weight();
        let mut victims = Victims::new();
        let is_full = self.is_over(weight, settings);
        let drops_newest = settings.when_full == crate::session::FullPolicy::DropNewest;
        let is_beyond = self.len >= settings.len_max.saturating_mul(OVERSHOOT)
            || self.bytes + weight > settings.bytes_max.saturating_mul(OVERSHOOT);
        if is_beyond || (is_full && drops_newest) {
            victims.push((DropReason::QueueFull, number, delivery));
            return (None, victims);
        }
        let stored = self.stored.get_or_insert_with(|| {
            Box::new(StoredQueue {
                first: number,
                next: number,
                len: 0,
                bytes: 0,
            })
        });
        stored.next = number + 1;
        stored.len += 1;
        stored.bytes += weight;
        self.len += 1;
        self.bytes += weight;
        self.trim(settings, &mut victims);
        (Some(number), victims)
    }

    /// Messages that were read from the store. Returns what has to go because there are too many.
    pub(crate) fn put_page(&mut self, page: Page, settings: &QueueSettings) -> Victims {
        let mut victims = Victims::new();
        let Some(stored) = &mut self.stored else {
            return victims;
        };
        let mut read = Vec::with_capacity(page.messages.len());
        for (number, delivery) in page.messages {
            if number < stored.first || number >= stored.next {
                continue;
            }
            let weight = delivery.message.weight();
            if stored.len > 0 {
                stored.len -= 1;
            } else {
                self.len += 1;
            }
            // What it was taken for need not have been its weight.
            let counted = weight.min(stored.bytes);
            stored.bytes -= counted;
            self.bytes = self.bytes - counted + weight;
            read.push((number, delivery, weight));
        }
        stored.first = stored.first.max(page.next);
        if stored.first >= stored.next {
            // Some numbers were taken for messages and are none.
            self.len -= stored.len;
            self.bytes -= stored.bytes;
            self.stored = None;
        } else if stored.len == 0 {
            stored.len = 1;
            self.len += 1;
        }
        for (number, delivery, weight) in read {
            let expires = delivery.message.expires;
            self.note_expiry(expires);
            self.lane_mut(settings.priority(delivery.message.topic.as_str()))
                .fifo_mut(QoS::AtLeastOnce)
                .push(number, delivery, weight);
        }
        self.trim(settings, &mut victims);
        victims
    }

    /// More messages may be in the store, with numbers below this one.
    pub(crate) fn extend_stored(&mut self, next: u64) {
        let first = self.next;
        if next <= first {
            return;
        }
        self.next = next;
        if self.stored.is_none() {
            self.len += 1;
        }
        let stored = self.stored.get_or_insert_with(|| {
            Box::new(StoredQueue {
                first,
                next,
                len: 1,
                bytes: 0,
            })
        });
        stored.next = next;
    }

    /// Whether there is more than there may be, so that the first messages have to go.
    pub(crate) fn has_to_shrink(&self, settings: &QueueSettings) -> bool {
        self.len >= settings.len_max || self.bytes >= settings.bytes_max
    }

    /// The part that is in the store only.
    pub(crate) fn stored(&self) -> Option<&StoredQueue> {
        self.stored.as_deref()
    }

    /// Whether so few messages are in memory that more should be read.
    pub(crate) fn wants_page(&self, settings: &QueueSettings) -> bool {
        self.stored.is_some() && self.others_in_memory().0 <= settings.memory_len_max / 2
    }

    /// The lowest number of a message that waits, other than of QoS 0.
    pub(crate) fn first(&self) -> Option<u64> {
        let in_memory = self.lanes.iter().filter_map(|lane| lane.others.first());
        let stored = self.stored.as_ref().map(|stored| stored.first);
        in_memory.chain(stored).min()
    }

    /// The number of the next message.
    pub(crate) fn next_number(&self) -> u64 {
        self.next
    }

    /// The number of a message that does not wait.
    pub(crate) fn take_number(&mut self) -> u64 {
        let number = self.next;
        self.next += 1;
        number
    }

    /// Numbers begin here; only for a queue that nothing was in.
    pub(crate) fn begin_at(&mut self, number: u64) {
        self.next = number;
    }

    /// Ends the stored part; returns how many messages it had, at most.
    pub(crate) fn end_stored(&mut self) -> usize {
        let Some(stored) = self.stored.take() else {
            return 0;
        };
        self.len -= stored.len;
        self.bytes -= stored.bytes;
        stored.len
    }

    /// Gives up the oldest messages in memory until the rest is within the bounds. Those that are not in
    /// memory follow when they are.
    fn trim(&mut self, settings: &QueueSettings, victims: &mut Victims) {
        while self.len > settings.len_max || self.bytes > settings.bytes_max {
            let oldest = self.lanes.iter_mut().rev();
            let oldest = oldest.flat_map(super::Lane::fifos_mut);
            let Some((number, delivery)) = oldest
                .filter(|fifo| !fifo.entries.is_empty())
                .find_map(super::Fifo::pop)
            else {
                return;
            };
            self.forget(&delivery);
            victims.push((super::reason_when_full(&delivery), number, delivery));
        }
    }

    fn is_memory_full(&self, settings: &QueueSettings) -> bool {
        let (len, bytes) = self.others_in_memory();
        len >= settings.memory_len_max || bytes >= settings.memory_bytes_max
    }

    fn others_in_memory(&self) -> (usize, usize) {
        let lanes = self.lanes.iter();
        lanes.fold((0, 0), |(len, bytes), lane| {
            (len + lane.others.entries.len(), bytes + lane.others.bytes)
        })
    }
}
