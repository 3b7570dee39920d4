//! A message as it was published, and the properties that wills and messages share.

use bytes::Bytes;
use castmq_mqtt::{PublishProperties, TopicName};
use castmq_rules::{ClientId, Message, MessageId};

use super::{Decoder, Encoder, flag, qos};
use crate::Damage;

const RETAIN: u8 = 1 << 2;
const PROPERTIES: u8 = 1 << 3;
const FROM: u8 = 1 << 4;
const EXPIRES: u8 = 1 << 5;
const VERSION: u8 = 1 << 6;

/// What a message takes beside topic, payload and properties, about, in bytes.
const FIXED_BYTES: usize = 48;

/// About how long a message becomes.
pub(crate) fn capacity(message: &Message) -> usize {
    FIXED_BYTES + message.topic.as_str().len() + message.payload.len()
}

pub(crate) fn encode(message: &Message, to: &mut Encoder) {
    to.byte(
        message.qos.number()
            | flag(message.retain, RETAIN)
            | flag(message.properties.is_some(), PROPERTIES)
            | flag(message.from.is_some(), FROM)
            | flag(message.expires.is_some(), EXPIRES)
            | flag(message.version.is_some(), VERSION),
    );
    to.number(message.id.0);
    to.bytes(message.topic.as_str().as_bytes());
    to.bytes(&message.payload);
    to.moment(message.received);
    if let Some(properties) = &message.properties {
        encode_properties(properties, to);
    }
    if let Some(from) = &message.from {
        to.bytes(from.as_str().as_bytes());
    }
    if let Some(expires) = message.expires {
        to.moment(expires);
    }
    if let Some(version) = message.version {
        to.number(version);
    }
}

pub(crate) fn decode(from: &mut Decoder<'_>) -> Result<Message, Damage> {
    let flags = from.byte()?;
    let has = |bit: u8| flags & bit != 0;
    Ok(Message {
        qos: qos(flags)?,
        retain: has(RETAIN),
        id: MessageId(from.number()?),
        topic: topic(from)?,
        payload: Bytes::copy_from_slice(from.bytes()?),
        received: from.moment()?,
        properties: has(PROPERTIES)
            .then(|| decode_properties(from).map(Box::new))
            .transpose()?,
        from: has(FROM).then(|| client_id(from)).transpose()?,
        expires: has(EXPIRES).then(|| from.moment()).transpose()?,
        version: has(VERSION).then(|| from.number()).transpose()?,
    })
}

pub(super) fn topic(from: &mut Decoder<'_>) -> Result<TopicName, Damage> {
    TopicName::new(from.text("topic")?).map_err(|_| Damage::Field("topic"))
}

pub(super) fn client_id(from: &mut Decoder<'_>) -> Result<ClientId, Damage> {
    ClientId::new(from.text("client id")?).ok_or(Damage::Field("client id"))
}

const UTF8_STATED: u8 = 1 << 0;
const UTF8: u8 = 1 << 1;
const MESSAGE_EXPIRY: u8 = 1 << 2;
const TOPIC_ALIAS: u8 = 1 << 3;
const RESPONSE_TOPIC: u8 = 1 << 4;
const CORRELATION: u8 = 1 << 5;
const CONTENT_TYPE: u8 = 1 << 6;

pub(super) fn encode_properties(properties: &PublishProperties, to: &mut Encoder) {
    to.byte(
        flag(properties.payload_is_utf8.is_some(), UTF8_STATED)
            | flag(properties.payload_is_utf8 == Some(true), UTF8)
            | flag(properties.message_expiry.is_some(), MESSAGE_EXPIRY)
            | flag(properties.topic_alias.is_some(), TOPIC_ALIAS)
            | flag(properties.response_topic.is_some(), RESPONSE_TOPIC)
            | flag(properties.correlation_data.is_some(), CORRELATION)
            | flag(properties.content_type.is_some(), CONTENT_TYPE),
    );
    if let Some(expiry) = properties.message_expiry {
        to.number(u64::from(expiry));
    }
    if let Some(alias) = properties.topic_alias {
        to.number(u64::from(alias));
    }
    if let Some(topic) = &properties.response_topic {
        to.bytes(topic.as_bytes());
    }
    if let Some(data) = &properties.correlation_data {
        to.bytes(data);
    }
    if let Some(content_type) = &properties.content_type {
        to.bytes(content_type.as_bytes());
    }
    to.number(properties.user.len() as u64);
    for (name, value) in &properties.user {
        to.bytes(name.as_bytes());
        to.bytes(value.as_bytes());
    }
    to.number(properties.subscription_ids.len() as u64);
    for id in &properties.subscription_ids {
        to.number(u64::from(*id));
    }
}

pub(super) fn decode_properties(from: &mut Decoder<'_>) -> Result<PublishProperties, Damage> {
    let flags = from.byte()?;
    let has = |bit: u8| flags & bit != 0;
    let mut properties = PublishProperties {
        payload_is_utf8: has(UTF8_STATED).then_some(has(UTF8)),
        ..PublishProperties::default()
    };
    if has(MESSAGE_EXPIRY) {
        properties.message_expiry = Some(from.small("message expiry")?);
    }
    if has(TOPIC_ALIAS) {
        properties.topic_alias = Some(from.small("topic alias")?);
    }
    if has(RESPONSE_TOPIC) {
        properties.response_topic = Some(from.text("response topic")?);
    }
    if has(CORRELATION) {
        properties.correlation_data = Some(Bytes::copy_from_slice(from.bytes()?));
    }
    if has(CONTENT_TYPE) {
        properties.content_type = Some(from.text("content type")?);
    }
    for _ in 0..from.count()? {
        let name = from.text("user property")?;
        properties.user.push((name, from.text("user property")?));
    }
    for _ in 0..from.count()? {
        let id = from.small("subscription identifier")?;
        properties.subscription_ids.push(id);
    }
    Ok(properties)
}
