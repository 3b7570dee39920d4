//! A message on its way through the broker.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use castmq_mqtt::{PublishProperties, QoS, TopicName};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::{ClientId, Moment};

/// Counts the messages of a node; the same for all copies of a message.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct MessageId(pub u64);

/// A message as it was published: immutable, shared by all who deliver or keep it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Which message.
    pub id: MessageId,
    /// Where to.
    pub topic: TopicName,
    /// What.
    #[serde(with = "castmq_mqtt::serial::payload")]
    pub payload: Bytes,
    /// With which promise it was published.
    pub qos: QoS,
    /// Whether it was published with the retain flag.
    pub retain: bool,
    /// The properties that are passed on, in 5.0: never a topic alias, subscription identifiers or
    /// the message expiry, which differ from receiver to receiver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub properties: Option<Box<PublishProperties>>,
    /// Who published it; `None` for the broker itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<ClientId>,
    /// When it was accepted.
    pub received: Moment,
    /// When it is no longer delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Moment>,
    /// The number of this retained version of its topic, in the order in which they were stored;
    /// `None` when it was not retained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// Memory that a message costs beyond its topic and payload, in bytes: the structure and its
/// reference counts, rounded up.
pub const MESSAGE_OVERHEAD_BYTES: usize = 256;

/// Memory that a user property costs beyond its characters: its place in the list, two strings of their
/// own, and its bytes in the packet, of which the payload may be a part. An empty one has five bytes on
/// the wire, and a packet room for two hundred thousand.
const USER_PROPERTY_BYTES: usize = 96;

impl Message {
    /// What the message counts for in every quota, in bytes.
    #[must_use]
    pub fn weight(&self) -> usize {
        let properties = self.properties.as_deref().map_or(0, |properties| {
            let user: usize = properties
                .user
                .iter()
                .map(|(name, value)| USER_PROPERTY_BYTES + name.len() + value.len())
                .sum();
            user + properties
                .response_topic
                .as_ref()
                .map_or(0, |topic| topic.len())
                + properties.correlation_data.as_ref().map_or(0, Bytes::len)
                + properties
                    .content_type
                    .as_ref()
                    .map_or(0, |content| content.len())
        });
        MESSAGE_OVERHEAD_BYTES + self.topic.as_str().len() + self.payload.len() + properties
    }

    /// Whether its lifetime is over.
    #[must_use]
    pub fn is_expired(&self, now: Moment) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    /// What is left of its lifetime in whole seconds, rounded up so that a living message never says
    /// 0; `None` when it has no end. [MQTT5-3.3.2-6]
    #[must_use]
    pub fn remaining_expiry(&self, now: Moment) -> Option<u32> {
        self.expires.map(|expires| {
            let left = expires.saturating_since(now);
            let seconds = left.as_secs() + u64::from(left > Duration::from_secs(left.as_secs()));
            u32::try_from(seconds).unwrap_or(u32::MAX)
        })
    }

    /// Whether the broker speaks of itself.
    #[must_use]
    pub fn is_system(&self) -> bool {
        self.topic.as_str().starts_with("$SYS/")
    }
}

/// A message on its way to one session: what is the same for all is shared, what differs is here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The message.
    pub message: Arc<Message>,
    /// The lower one of the message's and the subscription's QoS.
    pub qos: QoS,
    /// The retain flag as this receiver gets it.
    pub retain: bool,
    /// Identifiers of all subscriptions of the session that matched, ascending.
    #[serde(default, skip_serializing_if = "SubscriptionIds::is_empty")]
    pub subscription_ids: SubscriptionIds,
    /// The group through which it came, so that it can be given to another member. Boxed, because few
    /// messages come through one and queues hold many of the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Box<Arc<str>>>,
}

/// Identifiers of subscriptions, ascending, each once. Most messages come with none, which costs no more
/// than a pointer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<u32>", into = "Vec<u32>")]
pub struct SubscriptionIds(Option<Box<SmallVec<[u32; 4]>>>);

impl SubscriptionIds {
    /// Puts one in.
    pub fn insert(&mut self, id: u32) {
        let ids = self.0.get_or_insert_default();
        if let Err(position) = ids.binary_search(&id) {
            ids.insert(position, id);
        }
    }

    /// The identifiers.
    #[must_use]
    pub fn as_slice(&self) -> &[u32] {
        self.0.as_deref().map_or(&[], SmallVec::as_slice)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.as_slice().is_empty()
    }
}

impl From<Vec<u32>> for SubscriptionIds {
    fn from(ids: Vec<u32>) -> Self {
        ids.into_iter().collect()
    }
}

impl From<SubscriptionIds> for Vec<u32> {
    fn from(ids: SubscriptionIds) -> Self {
        ids.as_slice().to_vec()
    }
}

impl FromIterator<u32> for SubscriptionIds {
    fn from_iter<I: IntoIterator<Item = u32>>(ids: I) -> Self {
        let mut set = Self::default();
        for id in ids {
            set.insert(id);
        }
        set
    }
}

// Queues hold many of these.
const _: () = assert!(size_of::<Delivery>() <= 32);

#[cfg(test)]
mod tests {
    use castmq_mqtt::Text;

    use super::*;
    use crate::testing::topic;

    #[test]
    fn an_empty_user_property_is_not_free() {
        let user = vec![(Text::default(), Text::default()); 1000];
        let message = Message {
            id: MessageId(1),
            topic: topic("t"),
            payload: Bytes::new(),
            qos: QoS::AtMostOnce,
            retain: false,
            properties: Some(Box::new(PublishProperties {
                user,
                ..PublishProperties::default()
            })),
            from: None,
            received: Moment::default(),
            expires: None,
            version: None,
        };

        assert!(message.weight() >= 1000 * USER_PROPERTY_BYTES);
    }
}
