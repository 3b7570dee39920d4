//! The message queue of a session: what waits until the client can take it.
//!
//! First in, first out; with priorities by topic the higher ones come first, and messages of one
//! priority keep their order. Bounded by count and bytes.
//! emqttd: emqttd_mqueue

mod lane;
mod stored;

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

use castmq_mqtt::QoS;
use serde::{Deserialize, Serialize};

use crate::session::{DropReason, FullPolicy, QueueSettings, StoredQueue};
use crate::{Delivery, Moment};

use lane::{Fifo, Lane};

/// What the queue's fill level did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// It rose above the high watermark.
    High,
    /// It fell below the low watermark.
    Low,
}

/// Where a message stands in a queue; it stays there while others come and go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueuePosition {
    priority: u8,
    number: u64,
}

/// Messages that the queue gave up, each with the reason and its number.
pub(crate) type Victims = Vec<(DropReason, u64, Delivery)>;

/// See the module.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Mqueue {
    /// One lane for each priority in use, highest first; a single one without priorities.
    lanes: Vec<Lane>,
    len: usize,
    bytes: usize,
    /// Number of the next message; says which of two in a lane came first.
    next: u64,
    /// No message in the queue expires before this.
    earliest_expiry: Option<Moment>,
    is_high: bool,
    /// The part behind all of this that is in the store only. Boxed because few queues have one.
    stored: Option<Box<StoredQueue>>,
    /// That part is from before a restart, and how much it holds is not known for certain.
    is_estimate: bool,
}

impl Mqueue {
    /// Puts a message in, at the price of others if need be. Returns what was given up, which may be
    /// the message itself.
    pub(crate) fn push(
        &mut self,
        delivery: Delivery,
        settings: &QueueSettings,
        now: Moment,
    ) -> Victims {
        let weight = delivery.message.weight();
        let priority = settings.priority(delivery.message.topic.as_str());
        let number = self.take_number();
        let mut victims = Victims::new();
        if self.is_over(weight, settings) {
            self.drop_expired(now, &mut victims);
        }
        if self.is_over(weight, settings) {
            if !self.can_make_room(&delivery, priority, settings) {
                victims.push((reason_when_full(&delivery), number, delivery));
                return victims;
            }
            self.make_room(weight, settings, &mut victims);
        }
        self.note_expiry(delivery.message.expires);
        self.len += 1;
        self.bytes += weight;
        self.lane_mut(priority)
            .fifo_mut(delivery.qos)
            .push(number, delivery, weight);
        self.check(settings);
        victims
    }

    /// Number and QoS of the message that comes out next; `None` also while it has to be read first.
    pub(crate) fn next(&self) -> Option<(u64, QoS)> {
        let (number, qos) = self.lanes.iter().find_map(Lane::next)?;
        let is_behind = self
            .stored
            .as_ref()
            .is_some_and(|stored| stored.first < number);
        (!is_behind).then_some((number, qos))
    }

    /// Takes out the message that comes out next, and its number.
    pub(crate) fn pop(&mut self) -> Option<(u64, Delivery)> {
        let (number, delivery) = self.lanes.iter_mut().find_map(Lane::pop)?;
        self.forget(&delivery);
        Some((number, delivery))
    }

    /// Whether the fill level crossed a watermark since it was last asked.
    ///
    /// Between the watermarks nothing changes, so that a queue that hovers does not chatter.
    // emqttd: emqttd_mqueue:maybe_set_alarm/1
    pub(crate) fn poll_level(&mut self, settings: &QueueSettings) -> Option<Level> {
        if self.len == 0 && !self.is_high {
            return None;
        }
        let len = percent(self.len, settings.len_max);
        let bytes = percent(self.bytes, settings.bytes_max);
        let fill = len.max(bytes);
        if !self.is_high && fill > usize::from(settings.high_watermark_percent) {
            self.is_high = true;
            Some(Level::High)
        } else if self.is_high && fill < usize::from(settings.low_watermark_percent) {
            self.is_high = false;
            Some(Level::Low)
        } else {
            None
        }
    }

    /// Takes out all QoS 0 messages, in their order within each priority.
    pub(crate) fn take_at_most_once(&mut self) -> Vec<Delivery> {
        let mut taken = Vec::new();
        for index in 0..self.lanes.len() {
            while let Some((_, delivery)) = self
                .lanes
                .get_mut(index)
                .and_then(|lane| lane.at_most_once.pop())
            {
                self.forget(&delivery);
                taken.push(delivery);
            }
        }
        taken
    }

    /// Ends the queue; returns what was in it in the order in which it would have come out.
    pub(crate) fn end(&mut self) -> Vec<Delivery> {
        let mut left = Vec::new();
        while let Some((_, delivery)) = self.pop() {
            left.push(delivery);
        }
        *self = Self {
            is_high: self.is_high,
            ..Self::default()
        };
        left
    }

    /// Messages in the queue.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// What they count for.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Messages of QoS 0 in the queue.
    pub(crate) fn at_most_once_now(&self) -> usize {
        let lanes = self.lanes.iter();
        lanes.map(|lane| lane.at_most_once.entries.len()).sum()
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What is in memory, in the order in which it will come out.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Delivery> {
        self.numbered().map(|(_, delivery)| delivery)
    }

    /// The messages in memory with their numbers, in the order in which they would come out.
    pub(crate) fn numbered(&self) -> impl Iterator<Item = (u64, &Delivery)> {
        let placed = self.placed_after(None);
        placed.map(|(position, delivery)| (position.number, delivery))
    }

    /// The messages in memory behind a place, in the order in which they would come out.
    pub(crate) fn placed_after(
        &self,
        after: Option<QueuePosition>,
    ) -> impl Iterator<Item = (QueuePosition, &Delivery)> {
        let is_left = move |lane: &&Lane| after.is_none_or(|after| lane.priority <= after.priority);
        self.lanes.iter().filter(is_left).flat_map(move |lane| {
            let priority = lane.priority;
            let after = after.filter(|after| after.priority == priority);
            let numbered = lane.numbered_after(after.map(|after| after.number));
            numbered.map(move |(number, delivery)| (QueuePosition { priority, number }, delivery))
        })
    }

    /// The same, to be changed, in no order.
    pub(crate) fn deliveries_mut(&mut self) -> impl Iterator<Item = &mut Delivery> {
        let fifos = self.lanes.iter_mut().flat_map(Lane::fifos_mut);
        fifos.flat_map(|fifo| fifo.entries.iter_mut().map(|(_, delivery)| delivery))
    }

    /// Gives back memory that is not needed.
    pub(crate) fn release_memory(&mut self) {
        self.lanes.retain(|lane| lane.next().is_some());
        for lane in &mut self.lanes {
            lane.at_most_once.entries.shrink_to_fit();
            lane.others.entries.shrink_to_fit();
        }
        self.lanes.shrink_to_fit();
    }

    /// Whether one more message of this weight would exceed a bound.
    fn is_over(&self, weight: usize, settings: &QueueSettings) -> bool {
        let (len_max, bytes_max) = self.bounds(settings);
        self.len >= len_max || self.bytes + weight > bytes_max
    }

    /// Whether the message fits once all are gone that it may displace: every QoS 0 message and, by
    /// the policy, older ones of its own or a lower priority. A QoS 0 message displaces QoS 0 only.
    fn can_make_room(&self, incoming: &Delivery, priority: u8, settings: &QueueSettings) -> bool {
        let is_at_most_once = incoming.qos == QoS::AtMostOnce;
        let drops_oldest = settings.when_full == FullPolicy::DropOldest;
        let mut len = self.len;
        let mut bytes = self.bytes;
        for lane in &self.lanes {
            let is_lower = lane.priority <= priority;
            if !is_at_most_once || (drops_oldest && is_lower) {
                len -= lane.at_most_once.entries.len();
                bytes -= lane.at_most_once.bytes;
            }
            if !is_at_most_once && drops_oldest && is_lower {
                len -= lane.others.entries.len();
                bytes -= lane.others.bytes;
            }
        }
        let (len_max, bytes_max) = self.bounds(settings);
        len < len_max && bytes + incoming.message.weight() <= bytes_max
    }

    /// Gives up messages until one of this weight fits: QoS 0 before others, low priorities before
    /// high ones, old ones before new ones.
    // differs: emqttd's queue promises QoS 0 first but drops the oldest whatever it is.
    fn make_room(&mut self, weight: usize, settings: &QueueSettings, victims: &mut Victims) {
        while self.is_over(weight, settings) {
            let mut lanes = self.lanes.iter_mut().rev();
            let victim = lanes.find_map(|lane| lane.at_most_once.pop()).or_else(|| {
                let mut lanes = self.lanes.iter_mut().rev();
                lanes.find_map(|lane| lane.others.pop())
            });
            let Some((number, victim)) = victim else {
                return;
            };
            self.forget(&victim);
            victims.push((reason_when_full(&victim), number, victim));
        }
    }

    /// Gives up what has expired, if anything has.
    fn drop_expired(&mut self, now: Moment, victims: &mut Victims) {
        if self.earliest_expiry.is_none_or(|earliest| earliest > now) {
            return;
        }
        let mut expired = Vec::new();
        let mut earliest: Option<Moment> = None;
        for fifo in self.lanes.iter_mut().flat_map(Lane::fifos_mut) {
            fifo.drop_expired(now, &mut expired);
            let next = fifo
                .entries
                .iter()
                .filter_map(|(_, d)| d.message.expires)
                .min();
            earliest = earliest.into_iter().chain(next).min();
        }
        self.earliest_expiry = earliest;
        for (number, delivery) in expired {
            self.forget(&delivery);
            victims.push((DropReason::Expired, number, delivery));
        }
    }

    fn note_expiry(&mut self, expires: Option<Moment>) {
        if let Some(expires) = expires {
            let earliest = self.earliest_expiry.map_or(expires, |e| e.min(expires));
            self.earliest_expiry = Some(earliest);
        }
    }

    /// The lane of a priority; a new one when there is none.
    fn lane_mut(&mut self, priority: u8) -> &mut Lane {
        let index = self.lanes.partition_point(|lane| lane.priority > priority);
        if self
            .lanes
            .get(index)
            .is_none_or(|lane| lane.priority != priority)
        {
            self.lanes.insert(index, Lane::new(priority));
        }
        #[expect(
            clippy::indexing_slicing,
            reason = "the lane was found or put there above"
        )]
        &mut self.lanes[index]
    }

    /// Takes a message out of the account.
    fn forget(&mut self, delivery: &Delivery) {
        self.len -= 1;
        self.bytes -= delivery.message.weight();
        if self.len == 0 {
            self.earliest_expiry = None;
        }
    }

    /// What always holds.
    fn check(&self, settings: &QueueSettings) {
        // What is in the store only may have been more under other settings, and goes as it is read.
        if self.stored.is_none() {
            assert!(self.len <= settings.len_max);
            assert!(self.bytes <= settings.bytes_max);
        }
        assert_eq!(self.len == 0, self.bytes == 0);
    }
}

/// Why a full queue gives this message up.
fn reason_when_full(delivery: &Delivery) -> DropReason {
    match delivery.qos {
        QoS::AtMostOnce => DropReason::Qos0OverQuota,
        QoS::AtLeastOnce | QoS::ExactlyOnce => DropReason::QueueFull,
    }
}

/// How full, in percent.
fn percent(part: usize, whole: usize) -> usize {
    part.saturating_mul(100).checked_div(whole).unwrap_or(0)
}
