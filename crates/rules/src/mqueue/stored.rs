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
    /// Takes over what is in the store, of which the numbers tell only how much there is at most. When it
    /// was put in it kept the bounds, so it counts for no more than these.
    pub(crate) fn restore(&mut self, mut stored: StoredQueue, settings: &QueueSettings) {
        stored.len = stored.len.min(settings.len_max);
        stored.bytes = stored.bytes.min(settings.bytes_max);
        if stored.len > 0 {
            self.is_estimate = true;
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
        // With priorities all is held in memory, but for what is in the store from before a restart, and
        // what comes behind it.
        let is_full = settings.priorities.is_empty() && self.is_memory_full(settings);
        if self.stored.is_some() || is_full {
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
        let (len_max, bytes_max) = self.bounds(settings);
        let is_beyond = self.len >= len_max.saturating_mul(OVERSHOOT)
            || self.bytes + weight > bytes_max.saturating_mul(OVERSHOOT);
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

    /// Messages that were read from the store: they are not there only any more. Returns those that the
    /// queue did not have yet.
    pub(crate) fn take_page(&mut self, page: Page) -> Vec<(u64, Delivery)> {
        let Some(stored) = &mut self.stored else {
            return Vec::new();
        };
        let mut read = page.messages;
        read.retain(|(number, _)| (stored.first..stored.next).contains(number));
        for (_, delivery) in &read {
            if stored.len > 0 {
                stored.len -= 1;
                self.len -= 1;
            }
            // What it was taken for need not have been its weight.
            let counted = delivery.message.weight().min(stored.bytes);
            stored.bytes -= counted;
            self.bytes -= counted;
        }
        stored.first = stored.first.max(page.next);
        if stored.first >= stored.next {
            // Some numbers were taken for messages and are none.
            self.len -= stored.len;
            self.bytes -= stored.bytes;
            self.stored = None;
            self.is_estimate = false;
        } else if stored.len == 0 {
            stored.len = 1;
            self.len += 1;
        }
        read
    }

    /// Puts in a message that was read from the store, behind those in memory.
    pub(crate) fn put_read(&mut self, number: u64, delivery: Delivery, settings: &QueueSettings) {
        let weight = delivery.message.weight();
        self.len += 1;
        self.bytes += weight;
        self.note_expiry(delivery.message.expires);
        self.lane_mut(settings.priority(delivery.message.topic.as_str()))
            .fifo_mut(QoS::AtLeastOnce)
            .push(number, delivery, weight);
    }

    /// More messages may be in the store, or come there, from this number on and below that one.
    pub(crate) fn extend_stored(&mut self, from: u64, next: u64) {
        let from = from.min(self.next);
        self.next = self.next.max(next);
        if from >= self.next {
            return;
        }
        if self.stored.is_none() {
            self.len += 1;
        }
        let next = self.next;
        let stored = self.stored.get_or_insert_with(|| {
            Box::new(StoredQueue {
                first: from,
                next,
                len: 1,
                bytes: 0,
            })
        });
        stored.first = stored.first.min(from);
        stored.next = next;
    }

    /// Whether there is more than there may be, so that the first messages have to go.
    pub(crate) fn has_to_shrink(&self, settings: &QueueSettings) -> bool {
        let (len_max, bytes_max) = self.bounds(settings);
        self.len >= len_max || self.bytes >= bytes_max
    }

    /// Messages and bytes that there may be. While it is not known for certain how much is stored, twice
    /// as much: nothing is given up for a guess.
    pub(super) fn bounds(&self, settings: &QueueSettings) -> (usize, usize) {
        let factor = if self.is_estimate { 2 } else { 1 };
        let len_max = settings.len_max.saturating_mul(factor);
        (len_max, settings.bytes_max.saturating_mul(factor))
    }

    /// The part that is in the store only.
    pub(crate) fn stored(&self) -> Option<&StoredQueue> {
        self.stored.as_deref()
    }

    /// Whether so few messages are in memory that more should be read. With priorities all of them are,
    /// because the next one to be sent may be any.
    pub(crate) fn wants_page(&self, settings: &QueueSettings) -> bool {
        let (len, bytes) = self.others_in_memory();
        let are_few = len <= settings.memory_len_max / 2 && bytes <= settings.memory_bytes_max / 2;
        self.stored.is_some() && (are_few || len == 0 || !settings.priorities.is_empty())
    }

    /// Whether no message other than of QoS 0 is in memory.
    pub(crate) fn is_next_in_store(&self) -> bool {
        self.others_in_memory().0 == 0
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
    pub(crate) fn trim(&mut self, settings: &QueueSettings, victims: &mut Victims) {
        let (len_max, bytes_max) = self.bounds(settings);
        while self.len > len_max || self.bytes > bytes_max {
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
