//! Retained messages: the last message of each topic, for those who subscribe later.
//!
//! Topics are kept in an order in which `/` comes before every other character, so that all topics
//! below a level stand together. A [`Scan`] for a filter jumps over those that cannot match instead
//! of walking through them, and can stop anywhere and go on later, while messages come and go.
//!
//! Every change gets a number, the *version*, so that whoever has seen a newer version of a topic can
//! tell that an older one is late.

// emqttd: emqttd_retainer
// differs: a wildcard subscription walks only where matches can be, in chunks; emqttd folds over the
// whole table in the subscribing session, during which that session does nothing else.
// differs: a full store still replaces the message of a topic that it has.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use castmq_mqtt::TopicName;

use crate::levels::{self, order_key};
use crate::{Message, Moment};

mod scan;
#[cfg(test)]
mod tests;

pub use scan::{Scan, ScanBudget};

/// What may be retained, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetainLimits {
    /// How many topics may have a retained message.
    pub messages_max: usize,
    /// How large a retained payload may be, in bytes.
    pub payload_bytes_max: usize,
    /// How long a message is kept, whatever its own expiry; `None` for ever. Topics below `$SYS/`
    /// are exempt.
    pub expiry: Option<Duration>,
}

/// All retained messages.
#[derive(Debug)]
pub struct Retained {
    limits: RetainLimits,
    messages: BTreeMap<Key, Kept>,
    /// When which topic ends; the version tells apart what ends at the same moment.
    ends: BTreeMap<(Moment, u64), TopicName>,
    bytes: usize,
    version: u64,
}

/// What became of a message published with the retain flag. In each case it goes on to those who
/// subscribe now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stored {
    /// It is the retained message of its topic now.
    Kept(Arc<Message>),
    /// It has no payload, so the topic has no retained message any more. [MQTT5-3.3.1-6]
    Deleted {
        /// The message to deliver. It has a version too, newer than that of what it deleted.
        message: Arc<Message>,
        /// Whether there was anything to delete.
        existed: bool,
    },
    /// It is not retained. What the topic had stays.
    Refused(Arc<Message>, RetainRefused),
}

/// Why a message is not retained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RetainRefused {
    /// There are as many retained messages as may be, and none of this topic.
    #[error("retained store is full")]
    Full,
    /// The payload is larger than a retained one may be.
    #[error("payload is too large to be retained")]
    PayloadTooLarge,
}

#[derive(Debug)]
struct Kept {
    message: Arc<Message>,
    ends: Option<Moment>,
}

/// A topic in the order of the store: [`order_key`] of its name.
type Key = Box<[u8]>;

impl RetainLimits {
    /// When a message is to be forgotten: at its own end or at that of the store's patience.
    #[must_use]
    pub fn end_of(&self, message: &Message) -> Option<Moment> {
        let by_store = match self.expiry {
            Some(expiry) if !message.is_system() => Some(message.received + expiry),
            Some(_) | None => None,
        };
        match (message.expires, by_store) {
            (Some(own), Some(store)) => Some(own.min(store)),
            (own, store) => own.or(store),
        }
    }
}

impl Retained {
    /// An empty store.
    #[must_use]
    pub fn new(limits: RetainLimits) -> Self {
        Self {
            limits,
            messages: BTreeMap::new(),
            ends: BTreeMap::new(),
            bytes: 0,
            version: 0,
        }
    }

    /// Keeps a message in place of the one its topic had, or deletes that one when the payload is
    /// empty. The message must own its bytes: it may stay for years.
    ///
    /// [MQTT3-3.3.1-5] [MQTT5-3.3.1-5]: replaces. [MQTT3-3.3.1-10] [MQTT5-3.3.1-6]: deletes.
    /// [MQTT3-3.3.1-11] [MQTT5-3.3.1-7]: an empty payload is not kept.
    pub fn store(&mut self, mut message: Message) -> Stored {
        let key = order_key(message.topic.as_str());
        if message.payload.is_empty() {
            message.version = Some(self.next_version());
            let existed = self.remove_key(&key).is_some();
            return Stored::Deleted {
                message: Arc::new(message),
                existed,
            };
        }
        if message.payload.len() > self.limits.payload_bytes_max {
            return Stored::Refused(Arc::new(message), RetainRefused::PayloadTooLarge);
        }
        let old = self.remove_key(&key);
        if old.is_none() && self.messages.len() >= self.limits.messages_max {
            return Stored::Refused(Arc::new(message), RetainRefused::Full);
        }
        let version = self.next_version();
        message.version = Some(version);
        let message = Arc::new(message);
        let ends = self.limits.end_of(&message);
        if let Some(ends) = ends {
            self.ends.insert((ends, version), message.topic.clone());
        }
        self.bytes += message.weight();
        let kept = Kept {
            message: Arc::clone(&message),
            ends,
        };
        self.messages.insert(key.into_boxed_slice(), kept);
        self.check();
        Stored::Kept(message)
    }

    /// A message that was kept before a restart, with its version and its end. What is more than may be
    /// now goes by the limits of its replacement.
    pub fn restore(&mut self, message: Arc<Message>, ends: Option<Moment>) {
        let Some(version) = message.version else {
            return;
        };
        self.version = self.version.max(version);
        let key = order_key(message.topic.as_str());
        self.remove_key(&key);
        if let Some(ends) = ends {
            self.ends.insert((ends, version), message.topic.clone());
        }
        self.bytes += message.weight();
        self.limits.messages_max = self.limits.messages_max.max(self.messages.len() + 1);
        let kept = Kept { message, ends };
        self.messages.insert(key.into_boxed_slice(), kept);
        self.check();
    }

    /// Versions up to this one were given out before a restart.
    pub fn begin_at(&mut self, version: u64) {
        self.version = self.version.max(version);
    }

    /// Forgets the message of a topic and returns it.
    pub fn delete(&mut self, topic: &TopicName) -> Option<Arc<Message>> {
        let deleted = self.remove_key(&order_key(topic.as_str()));
        self.check();
        deleted
    }

    /// Forgets up to `limit` messages whose time is over, the earliest first, and returns their
    /// topics, each with the version that it had; fewer than `limit` when no more are due.
    pub fn expire(&mut self, now: Moment, limit: usize) -> Vec<(TopicName, u64)> {
        let mut expired = Vec::new();
        while expired.len() < limit
            && let Some(first) = self.ends.first_entry()
            && first.key().0 <= now
        {
            let (topic, version) = (first.get().clone(), first.key().1);
            self.remove_key(&order_key(topic.as_str()));
            expired.push((topic, version));
        }
        self.check();
        expired
    }

    /// When the next message is to be forgotten.
    #[must_use]
    pub fn next_end(&self) -> Option<Moment> {
        self.ends.keys().next().map(|(ends, _)| *ends)
    }

    /// The message of exactly this topic, unless its time is over.
    #[must_use]
    pub fn get(&self, topic: &TopicName, now: Moment) -> Option<&Arc<Message>> {
        let kept = self.messages.get(&*order_key(topic.as_str()))?;
        kept.is_alive(now).then_some(&kept.message)
    }

    /// The retained messages behind a topic in the order of the store, each with its end; also those whose
    /// time is over.
    pub fn after(
        &self,
        topic: Option<&str>,
    ) -> impl Iterator<Item = (&Arc<Message>, Option<Moment>)> {
        let after = topic.map(order_key);
        let from = after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let range = self.messages.range::<[u8], _>((from, Bound::Unbounded));
        range.map(|(_, kept)| (&kept.message, kept.ends))
    }

    /// The first of the levels directly below a level, or of the first levels of all, behind one of them.
    #[must_use]
    pub fn next_level(&self, below: Option<&str>, after: Option<&str>) -> Option<&str> {
        let from = order_key(&levels::place(below, after));
        let from = Bound::Included(from.as_slice());
        let mut range = self.messages.range::<[u8], _>((from, Bound::Unbounded));
        let (_, found) = range.next()?;
        levels::level_below(found.message.topic.as_str(), below)
    }

    /// Whether a topic below a level has a message.
    #[must_use]
    pub fn has_below(&self, level: &str) -> bool {
        self.next_level(Some(level), None).is_some()
    }

    /// When a message ends that is retained.
    #[must_use]
    pub fn end_of(&self, topic: &str) -> Option<Moment> {
        self.messages.get(&*order_key(topic))?.ends
    }

    /// How many topics have a retained message.
    #[must_use]
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether no topic has a retained message.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// The newest version of any topic.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// What all messages weigh, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn next_version(&mut self) -> u64 {
        self.version += 1;
        self.version
    }

    fn remove_key(&mut self, key: &[u8]) -> Option<Arc<Message>> {
        let kept = self.messages.remove(key)?;
        if let (Some(ends), Some(version)) = (kept.ends, kept.message.version) {
            self.ends.remove(&(ends, version));
        }
        self.bytes -= kept.message.weight();
        Some(kept.message)
    }

    fn check(&self) {
        assert!(self.ends.len() <= self.messages.len());
        assert!(self.messages.len() <= self.limits.messages_max);
        assert_eq!(self.messages.is_empty(), self.bytes == 0);
    }
}

impl Kept {
    fn is_alive(&self, now: Moment) -> bool {
        self.ends.is_none_or(|ends| now < ends)
    }
}
