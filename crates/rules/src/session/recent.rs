//! The last messages that a client got, for whoever wants to know whether it did.
//!
//! Nothing is decided by it. It takes no memory before the first message, and costs a comparison and a
//! few writes for each: a topic is known by its hash, which is reckoned once for a run of messages that
//! share the topic's memory.

use castmq_mqtt::{QoS, TopicName};

use crate::session::Session;
use crate::{Message, MessageId, Moment};

/// Messages that are remembered of QoS 0, and of the others.
const AT_MOST_ONCE_MAX: usize = 8;
const OTHERS_MAX: usize = 16;
/// Room at first: many sessions get a message or two.
const FEW: usize = 2;
/// Topics that are longer are not kept alive for the next message.
const TOPIC_BYTES_MAX: usize = 128;

/// A message that was sent, and acknowledged if its QoS wants that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecentMessage {
    /// Which message.
    pub message: MessageId,
    /// The hash of its topic: [`topic_hash`].
    pub topic: u32,
    /// With which QoS the client got it.
    pub qos: QoS,
    /// When it was sent, the last time if it was sent again.
    pub sent: Moment,
    /// When it was acknowledged; for QoS 0 when it was sent.
    pub done: Moment,
    /// Whether the client refused it with a reason.
    pub is_refused: bool,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Recent {
    /// The topic of the last message, and its hash.
    topic: Option<TopicName>,
    hash: u32,
    at_most_once: Ring,
    others: Ring,
}

/// The last few, overwritten in turn.
#[derive(Clone, Debug, Default)]
struct Ring {
    messages: Vec<RecentMessage>,
    next: usize,
}

impl Ring {
    fn put(&mut self, message: RecentMessage, len_max: usize) {
        if self.messages.len() < len_max {
            return self.grow(message, len_max);
        }
        if let Some(place) = self.messages.get_mut(self.next) {
            *place = message;
        }
        self.next = (self.next + 1) % len_max;
    }

    #[cold]
    fn grow(&mut self, message: RecentMessage, len_max: usize) {
        let len = self.messages.len();
        if len == self.messages.capacity() {
            let room = if len < FEW { FEW } else { len_max };
            self.messages.reserve_exact(room - len);
        }
        self.messages.push(message);
    }

    /// The newest first.
    fn iter(&self) -> impl Iterator<Item = &RecentMessage> {
        let (newer, older) = self
            .messages
            .split_at_checked(self.next)
            .unwrap_or_default();
        newer.iter().rev().chain(older.iter().rev())
    }
}

impl Recent {
    fn hash_of(&mut self, topic: &TopicName) -> u32 {
        let is_last = self
            .topic
            .as_ref()
            .is_some_and(|last| last.text().is_clone_of(topic.text()));
        if !is_last {
            self.hash = topic_hash(topic.as_str());
            self.topic = (topic.as_str().len() <= TOPIC_BYTES_MAX).then(|| topic.clone());
        }
        self.hash
    }
}

/// A number for a topic that another one has only by a rare chance.
// FNV-1a over words of eight bytes; nothing depends on it but what people are told.
#[must_use]
pub fn topic_hash(topic: &str) -> u32 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for word in topic.as_bytes().chunks(8) {
        let mut bytes = [0; 8];
        bytes
            .iter_mut()
            .zip(word)
            .for_each(|(to, from)| *to = *from);
        hash = (hash ^ u64::from_le_bytes(bytes)).wrapping_mul(0x0100_0000_01b3);
        hash ^= hash >> 29;
    }
    u32::try_from((hash ^ (hash >> 32)) & 0xffff_ffff).unwrap_or(0)
}

impl Session {
    /// A message of QoS 0 goes to the client, and that is all that will ever be known of it.
    pub(super) fn remember_sent(&mut self, message: &Message, now: Moment) {
        let recent = self.recent.get_or_insert_default();
        let topic = recent.hash_of(&message.topic);
        let message = RecentMessage {
            message: message.id,
            topic,
            qos: QoS::AtMostOnce,
            sent: now,
            done: now,
            is_refused: false,
        };
        recent.at_most_once.put(message, AT_MOST_ONCE_MAX);
    }

    /// The client has a message for certain, or has refused it.
    pub(super) fn remember_done(
        &mut self,
        (message, qos): (&Message, QoS),
        (sent, now): (Moment, Moment),
        is_refused: bool,
    ) {
        let recent = self.recent.get_or_insert_default();
        let topic = recent.hash_of(&message.topic);
        let message = RecentMessage {
            message: message.id,
            topic,
            qos,
            sent,
            done: now,
            is_refused,
        };
        recent.others.put(message, OTHERS_MAX);
    }

    /// The last messages that the client got, of each kind the newest first.
    pub fn recent(&self) -> impl Iterator<Item = &RecentMessage> {
        let recent = self.recent.iter();
        recent.flat_map(|recent| recent.others.iter().chain(recent.at_most_once.iter()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(number: u64) -> RecentMessage {
        RecentMessage {
            message: MessageId(number),
            topic: 0,
            qos: QoS::AtLeastOnce,
            sent: Moment::default(),
            done: Moment::default(),
            is_refused: false,
        }
    }

    fn numbers(ring: &Ring) -> Vec<u64> {
        ring.iter().map(|message| message.message.0).collect()
    }

    #[test]
    fn the_newest_is_told_first_and_the_oldest_is_forgotten() {
        let mut ring = Ring::default();
        for number in 0..3 {
            ring.put(message(number), 4);
        }
        assert_eq!(numbers(&ring), [2, 1, 0]);

        for number in 3..6 {
            ring.put(message(number), 4);
        }
        assert_eq!(numbers(&ring), [5, 4, 3, 2]);
    }

    #[test]
    fn topics_that_are_alike_have_hashes_of_their_own() {
        let alike = [
            "plant/1/temperature",
            "plant/2/temperature",
            "plant/1/temperatur",
            "a",
            "a/",
        ];
        let mut hashes: Vec<u32> = alike.iter().map(|topic| topic_hash(topic)).collect();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), alike.len());
    }

    #[test]
    fn a_message_that_is_remembered_takes_32_bytes() {
        assert_eq!(size_of::<RecentMessage>(), 32);
    }
}
