//! The lines of an export. Names of fields are part of the format.

use std::time::Duration;

use bytes::Bytes;
use castmq_mqtt::{
    PacketId, PublishProperties, QoS, Subscription, Text, TopicName, Will, WillProperties,
};
use castmq_rules::claim::Epoch;
use castmq_rules::session::{Expiry, Presence, Record, SubscriptionEntry};
use castmq_rules::{ClientId, Message, MessageId, Moment};
use serde::{Deserialize, Serialize};

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    /// Says whose format it is.
    pub(super) castmq: String,
    pub(super) format: u32,
    pub(super) run: u64,
    pub(super) commit: u64,
    pub(super) wall_millis: u64,
    pub(super) retained_version: u64,
}

/// What the first line says it is.
pub(super) const KIND: &str = "store";

/// All other lines.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Line {
    Session(u64, Box<SessionLine>),
    Subscription {
        session: u64,
        filter: String,
        qos: u8,
        no_local: bool,
        retain_as_published: bool,
        retain_handling: u8,
        id: Option<u32>,
    },
    /// A message that several rows of queues refer to.
    Body(Box<MessageLine>),
    Queued(Box<QueuedLine>),
    Released {
        session: u64,
        packet_id: PacketId,
        order: u64,
    },
    Received {
        session: u64,
        packet_id: PacketId,
    },
    User {
        name: String,
        line: String,
    },
    /// What users may do.
    Rules(String),
    Retained {
        ends: Option<u64>,
        message: Box<MessageLine>,
    },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct QueuedLine {
    pub(super) session: u64,
    pub(super) number: u64,
    pub(super) weight_sum: u64,
    pub(super) qos: u8,
    pub(super) retain: bool,
    pub(super) subscription_ids: Vec<u32>,
    pub(super) group: Option<String>,
    /// One of both: the message, or whose body it is.
    pub(super) message: Option<Box<MessageLine>>,
    pub(super) body: Option<u64>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SessionLine {
    client_id: String,
    epoch: u64,
    expiry: ExpiryLine,
    presence: PresenceLine,
    will: Option<WillLine>,
    user_name: Option<String>,
    first: u64,
    next: u64,
    weight_sum: u64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ExpiryLine {
    AtOnce,
    After { seconds: u64, nanos: u32 },
    Never,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PresenceLine {
    Connected,
    Away {
        ends: Option<u64>,
        will_due: Option<u64>,
        sent_below: u64,
    },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WillLine {
    topic: String,
    payload: String,
    qos: u8,
    retain: bool,
    delay: Option<u32>,
    properties: PropertiesLine,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MessageLine {
    id: u64,
    topic: String,
    /// In hexadecimal digits.
    payload: String,
    qos: u8,
    retain: bool,
    properties: Option<PropertiesLine>,
    from: Option<String>,
    received: u64,
    expires: Option<u64>,
    version: Option<u64>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PropertiesLine {
    payload_is_utf8: Option<bool>,
    message_expiry: Option<u32>,
    topic_alias: Option<u16>,
    response_topic: Option<String>,
    correlation_data: Option<String>,
    user: Vec<(String, String)>,
    subscription_ids: Vec<u32>,
    content_type: Option<String>,
}

/// What a line says that cannot be.
pub(super) type Wrong = &'static str;

impl SessionLine {
    pub(super) fn new(record: &Record) -> Self {
        Self {
            client_id: record.client_id.to_string(),
            epoch: record.epoch.0,
            expiry: match record.expiry {
                Expiry::AtOnce => ExpiryLine::AtOnce,
                Expiry::After(time) => ExpiryLine::After {
                    seconds: time.as_secs(),
                    nanos: time.subsec_nanos(),
                },
                Expiry::Never => ExpiryLine::Never,
            },
            presence: match record.presence {
                Presence::Connected => PresenceLine::Connected,
                Presence::Away {
                    ends,
                    will_due,
                    sent_below,
                } => PresenceLine::Away {
                    ends: ends.map(to_millis),
                    will_due: will_due.map(to_millis),
                    sent_below,
                },
            },
            will: record.will.as_deref().map(WillLine::new),
            user_name: record.user_name.as_ref().map(Text::to_string),
            first: record.first,
            next: record.next,
            weight_sum: record.weight_sum,
        }
    }

    pub(super) fn record(self) -> Result<Record, Wrong> {
        Ok(Record {
            client_id: client_id(self.client_id)?,
            epoch: Epoch(self.epoch),
            expiry: match self.expiry {
                ExpiryLine::AtOnce => Expiry::AtOnce,
                ExpiryLine::After { seconds, nanos } => {
                    let nanos = Duration::from_nanos(u64::from(nanos));
                    Expiry::after(Duration::from_secs(seconds).saturating_add(nanos))
                }
                ExpiryLine::Never => Expiry::Never,
            },
            presence: match self.presence {
                PresenceLine::Connected => Presence::Connected,
                PresenceLine::Away {
                    ends,
                    will_due,
                    sent_below,
                } => Presence::Away {
                    ends: ends.map(from_millis),
                    will_due: will_due.map(from_millis),
                    sent_below,
                },
            },
            will: self
                .will
                .map(|will| will.will().map(Box::new))
                .transpose()?,
            user_name: self.user_name.map(text).transpose()?,
            first: self.first,
            next: self.next,
            weight_sum: self.weight_sum,
        })
    }
}

impl WillLine {
    fn new(will: &Will) -> Self {
        Self {
            topic: will.topic.to_string(),
            payload: to_hex(&will.payload),
            qos: will.qos.number(),
            retain: will.retain,
            delay: will.properties.delay,
            properties: PropertiesLine::new(&will.properties.publish),
        }
    }

    fn will(self) -> Result<Will, Wrong> {
        Ok(Will {
            topic: topic(self.topic)?,
            payload: from_hex(&self.payload)?,
            qos: qos(self.qos)?,
            retain: self.retain,
            properties: WillProperties {
                delay: self.delay,
                publish: self.properties.properties()?,
            },
        })
    }
}

impl MessageLine {
    pub(super) fn new(message: &Message) -> Self {
        Self {
            id: message.id.0,
            topic: message.topic.to_string(),
            payload: to_hex(&message.payload),
            qos: message.qos.number(),
            retain: message.retain,
            properties: message.properties.as_deref().map(PropertiesLine::new),
            from: message.from.as_ref().map(ClientId::to_string),
            received: to_millis(message.received),
            expires: message.expires.map(to_millis),
            version: message.version,
        }
    }

    pub(super) fn message(self) -> Result<Message, Wrong> {
        Ok(Message {
            id: MessageId(self.id),
            topic: topic(self.topic)?,
            payload: from_hex(&self.payload)?,
            qos: qos(self.qos)?,
            retain: self.retain,
            properties: self
                .properties
                .map(|properties| properties.properties().map(Box::new))
                .transpose()?,
            from: self.from.map(client_id).transpose()?,
            received: from_millis(self.received),
            expires: self.expires.map(from_millis),
            version: self.version,
        })
    }
}

impl PropertiesLine {
    fn new(properties: &PublishProperties) -> Self {
        let pair = |(name, value): &(Text, Text)| (name.to_string(), value.to_string());
        Self {
            payload_is_utf8: properties.payload_is_utf8,
            message_expiry: properties.message_expiry,
            topic_alias: properties.topic_alias,
            response_topic: properties.response_topic.as_ref().map(Text::to_string),
            correlation_data: properties.correlation_data.as_deref().map(to_hex),
            user: properties.user.iter().map(pair).collect(),
            subscription_ids: properties.subscription_ids.clone(),
            content_type: properties.content_type.as_ref().map(Text::to_string),
        }
    }

    fn properties(self) -> Result<PublishProperties, Wrong> {
        let pair = |(name, value)| Ok((text(name)?, text(value)?));
        Ok(PublishProperties {
            payload_is_utf8: self.payload_is_utf8,
            message_expiry: self.message_expiry,
            topic_alias: self.topic_alias,
            response_topic: self.response_topic.map(text).transpose()?,
            correlation_data: self
                .correlation_data
                .map(|data| from_hex(&data))
                .transpose()?,
            user: self
                .user
                .into_iter()
                .map(pair)
                .collect::<Result<_, Wrong>>()?,
            subscription_ids: self.subscription_ids,
            content_type: self.content_type.map(text).transpose()?,
        })
    }
}

impl Line {
    pub(super) fn subscription(
        session: u64,
        subscription: &Subscription,
        entry: &SubscriptionEntry,
    ) -> Self {
        Self::Subscription {
            session,
            filter: subscription.to_string(),
            qos: entry.options.qos.number(),
            no_local: entry.options.no_local,
            retain_as_published: entry.options.retain_as_published,
            retain_handling: entry.options.retain_handling as u8,
            id: entry.id,
        }
    }
}

pub(super) fn text(text: String) -> Result<Text, Wrong> {
    Text::try_from(text).map_err(|_| "not an MQTT string")
}

fn topic(name: String) -> Result<TopicName, Wrong> {
    TopicName::new(text(name)?).map_err(|_| "not a topic name")
}

fn client_id(id: String) -> Result<ClientId, Wrong> {
    ClientId::new(text(id)?).ok_or("the client id is empty")
}

pub(super) fn qos(number: u8) -> Result<QoS, Wrong> {
    QoS::from_number(number).ok_or("QoS is 0, 1 or 2")
}

/// Moments of tools are counted from the Unix epoch.
pub(super) fn to_millis(moment: Moment) -> u64 {
    super::SINCE_EPOCH.wall_millis(moment)
}

pub(super) fn from_millis(millis: u64) -> Moment {
    super::SINCE_EPOCH.moment(millis)
}

fn to_hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or('0');
    let digits = |byte: &u8| [digit(byte >> 4), digit(byte & 15)];
    bytes.iter().flat_map(digits).collect()
}

fn from_hex(digits: &str) -> Result<Bytes, Wrong> {
    const WRONG: Wrong = "not hexadecimal digits";
    let digit = |byte: u8| {
        let value = char::from(byte).to_digit(16);
        value.and_then(|value| u8::try_from(value).ok())
    };
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return Err(WRONG);
    }
    pairs
        .iter()
        .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?))
        .collect::<Option<Vec<_>>>()
        .map(Bytes::from)
        .ok_or(WRONG)
}
