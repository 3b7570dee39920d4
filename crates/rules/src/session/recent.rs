//! The last messages that a client got, for whoever wants to know whether it did.
//!
//! Nothing is decided by it. It takes no memory before the first message, and costs a comparison and a
//! few writes for each: a topic is known by its hash, which is reckoned once for a run of messages that
//! share the topic's memory.

use castmq_mqtt::{QoS, TopicName};

use crate::session::Session;
use crate::{Message, MessageId, Moment};

/// Messages that are remembered of QoS 0, and of the others: powers of two.
const AT_MOST_ONCE_MAX: usize = 8;
const OTHERS_MAX: usize = 16;
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
    /// A topic that several messages in a row had, and its hash.
    topic: Option<(TopicName, u32)>,
    /// The hash of the last message's topic.
    last: u32,
    at_most_once: Ring<AT_MOST_ONCE_MAX>,
    others: Ring<OTHERS_MAX>,
}

/// The last few, overwritten in turn. Memory there is with the first.
#[derive(Clone, Debug, Default)]
struct Ring<const LEN: usize> {
    messages: Option<Box<[Option<RecentMessage>; LEN]>>,
    next: usize,
}

impl<const LEN: usize> Ring<LEN> {
    fn put(&mut self, message: RecentMessage) {
        let messages = self.messages.get_or_insert_with(|| Box::new([None; LEN]));
        // The remainder is a place, and where the number is a power of two it costs nothing.
        if let Some(place) = messages.get_mut(self.next % LEN) {
            *place = Some(message);
        }
        self.next = self.next.wrapping_add(1);
    }

    /// The newest first.
    fn iter(&self) -> impl Iterator<Item = &RecentMessage> {
        let messages = self.messages.iter();
        messages.flat_map(|messages| {
            let (newer, older) = messages.split_at(self.next % LEN);
            newer.iter().rev().chain(older.iter().rev()).flatten()
        })
    }
}

impl Recent {
    fn hash_of(&mut self, topic: &TopicName) -> u32 {
        match &self.topic {
            Some((known, hash)) if known.text().is_clone_of(topic.text()) => *hash,
            _ => self.hash_anew(topic),
        }
    }

    /// A topic that comes twice in a row is kept, so that it need not be reckoned a third time.
    // Apart, so that what happens for nearly every message stays short.
    #[cold]
    #[inline(never)]
    fn hash_anew(&mut self, topic: &TopicName) -> u32 {
        let hash = topic_hash(topic.as_str());
        let is_again = std::mem::replace(&mut self.last, hash) == hash;
        if is_again && topic.as_str().len() <= TOPIC_BYTES_MAX {
            self.topic = Some((topic.clone(), hash));
        }
        hash
    }
}

/// A number for a topic that another one has only by a rare chance.
// Nothing depends on it but what people are told, so it need not withstand an attacker.
#[must_use]
pub fn topic_hash(topic: &str) -> u32 {
    let bytes = topic.as_bytes();
    let hash = bytes.len() as u64;
    let hash = match (bytes.split_first_chunk::<8>(), bytes.last_chunk::<8>()) {
        (Some((first, rest)), Some(last)) => {
            let (words, _) = rest.as_chunks::<8>();
            let hash = mix(hash, u64::from_le_bytes(*first));
            let word = |hash, word: &[u8; 8]| mix(hash, u64::from_le_bytes(*word));
            let hash = words.iter().fold(hash, word);
            // What is left over, and some that was there before.
            mix(hash, u64::from_le_bytes(*last))
        }
        _ => {
            let few = bytes.iter();
            mix(hash, few.fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
        }
    };
    u32::try_from(hash >> 32).unwrap_or(0)
}

const fn mix(hash: u64, word: u64) -> u64 {
    (hash ^ word)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .rotate_left(31)
        .wrapping_mul(0xd6e8_feb8_6659_fd93)
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
        recent.at_most_once.put(message);
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
        recent.others.put(message);
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

    fn numbers(ring: &Ring<4>) -> Vec<u64> {
        ring.iter().map(|message| message.message.0).collect()
    }

    #[test]
    fn the_newest_is_told_first_and_the_oldest_is_forgotten() {
        let mut ring = Ring::<4>::default();
        for number in 0..3 {
            ring.put(message(number));
        }
        assert_eq!(numbers(&ring), [2, 1, 0]);

        for number in 3..6 {
            ring.put(message(number));
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
