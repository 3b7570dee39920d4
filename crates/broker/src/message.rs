//! Messages as they enter the broker: owned, numbered and stamped.
//!
//! What comes from a client is a slice of a read buffer that many packets share. A message may wait for
//! days, so it gets one allocation of its own for topic and payload.

// emqttd: emqttd_message

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use castmq_mqtt::{Publish, PublishProperties, QoS, Text, TopicName, Will};
use castmq_rules::{ClientId, Message};

use crate::{Shard, now};

/// A payload of at least this size that fills its buffer is kept where it is.
const KEPT_FROM: usize = 16 * 1024;

/// The message of a PUBLISH.
pub(crate) fn from_publish(
    shard: &mut Shard,
    topic: &TopicName,
    publish: Publish,
    from: &ClientId,
) -> Message {
    let Publish {
        qos,
        retain,
        payload,
        properties,
        ..
    } = publish;
    let (topic, payload) = owned(topic, payload);
    build(
        shard,
        topic,
        payload,
        properties,
        Some(from.clone()),
        qos,
        retain,
    )
}

/// The message of a will.
pub(crate) fn from_will(shard: &mut Shard, will: Will, from: &ClientId) -> Message {
    let Will {
        topic,
        payload,
        qos,
        retain,
        properties,
    } = will;
    let properties = Some(Box::new(properties.publish));
    build(
        shard,
        topic,
        payload,
        properties,
        Some(from.clone()),
        qos,
        retain,
    )
}

/// A message of the broker itself.
pub(crate) fn of_broker(
    shard: &mut Shard,
    topic: TopicName,
    payload: Bytes,
    qos: QoS,
    retain: bool,
) -> Message {
    build(shard, topic, payload, None, None, qos, retain)
}

#[expect(
    clippy::too_many_arguments,
    reason = "the parts of a message, each of its own type"
)]
fn build(
    shard: &mut Shard,
    topic: TopicName,
    payload: Bytes,
    properties: Option<Box<PublishProperties>>,
    from: Option<ClientId>,
    qos: QoS,
    retain: bool,
) -> Message {
    let received = now(shard);
    let mut expires = None;
    let properties = properties.and_then(|mut properties| {
        if let Some(seconds) = properties.message_expiry.take() {
            expires = Some(received + Duration::from_secs(u64::from(seconds)));
        }
        properties.topic_alias = None;
        properties.subscription_ids = Vec::new();
        detach_properties(&mut properties);
        (*properties != PublishProperties::default()).then_some(properties)
    });
    Message {
        id: shard.world.next_message_id(),
        topic,
        payload,
        qos,
        retain,
        properties,
        from,
        received,
        expires,
        version: None,
    }
}

/// Topic and payload in one allocation of their own.
fn owned(topic: &TopicName, payload: Bytes) -> (TopicName, Bytes) {
    if payload.len() >= KEPT_FROM && payload.is_unique() {
        return (topic.detached(), payload);
    }
    let name = topic.as_str().as_bytes();
    let mut whole = BytesMut::with_capacity(name.len() + payload.len());
    whole.extend_from_slice(name);
    whole.extend_from_slice(&payload);
    let mut whole = whole.freeze();
    let name = whole.split_to(name.len());
    // The same characters as before, so it is a topic again.
    match Text::from_bytes(name).map(TopicName::new) {
        Ok(Ok(topic)) => (topic, whole),
        _ => (topic.detached(), whole),
    }
}

/// Copies what properties hold out of the read buffer.
pub(crate) fn detach_properties(properties: &mut PublishProperties) {
    let PublishProperties {
        response_topic,
        correlation_data,
        user,
        content_type,
        ..
    } = properties;
    for text in [response_topic, content_type].into_iter().flatten() {
        *text = text.detached();
    }
    if let Some(data) = correlation_data {
        *data = Bytes::copy_from_slice(data);
    }
    for (name, value) in user {
        *name = name.detached();
        *value = value.detached();
    }
}
