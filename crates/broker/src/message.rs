//! Messages as they enter the broker: owned, numbered and stamped.
//!
//! What comes from a client lies in a read buffer that many packets share. A message may wait for days,
//! so it owns what it holds: the payload, and a topic that it shares with other messages on it.

// emqttd: emqttd_message

use std::time::Duration;

use bytes::Bytes;
use castmq_mqtt::{Publish, PublishProperties, PublishView, QoS, TopicName, Will};
use castmq_rules::{ClientId, Message};

use crate::{Shard, now, trace};

/// The message of a PUBLISH that has been read as a whole, into memory of its own.
pub(crate) fn from_publish(
    shard: &mut Shard,
    topic: TopicName,
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

/// The message of a PUBLISH that lies in a read buffer.
pub(crate) fn from_view(
    shard: &mut Shard,
    topic: TopicName,
    publish: &PublishView<'_>,
    from: &ClientId,
) -> Message {
    let payload = Bytes::copy_from_slice(publish.payload);
    let from = Some(from.clone());
    build(
        shard,
        topic,
        payload,
        None,
        from,
        publish.qos,
        publish.retain,
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

// Inlined: a message is a hundred bytes, which would be moved once more.
#[inline]
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
    let id = shard.world.next_message_id();
    if shard.tracer.token().is_some() {
        trace::message_made(shard, id);
    }
    let mut expires = None;
    let properties = properties.and_then(|mut properties| {
        if let Some(seconds) = properties.message_expiry.take() {
            expires = Some(received + Duration::from_secs(u64::from(seconds)));
        }
        properties.topic_alias = None;
        properties.subscription_ids = Vec::new();
        (*properties != PublishProperties::default()).then_some(properties)
    });
    Message {
        id,
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
