//! The way of a message to many receivers: a PUBLISH that is written without being built.

use bytes::{BufMut, BytesMut};

use super::sink::{Count, Sink, VARIABLE_MAX, packet_bytes, variable_bytes};
use crate::property_codec::put_shared;
use crate::{PacketId, Property, PublishProperties, QoS, Version};

/// A PUBLISH to one receiver: what is the receiver's own, and the message that all share.
///
/// For those versions that have no properties all of them are left out.
#[derive(Clone, Copy, Debug)]
pub struct PublishHead<'a> {
    /// Whether this may be a repetition.
    pub dup: bool,
    /// With which promise.
    pub qos: QoS,
    /// Whether the receiver is told that the message was kept.
    pub retain: bool,
    /// Where to; empty when the alias stands for it.
    pub topic: &'a str,
    /// Present exactly for QoS 1 and 2.
    pub packet_id: Option<PacketId>,
    /// What the publisher stated. Expiry, alias and subscription identifiers in it are **not**
    /// written: those of a receiver follow.
    pub properties: Option<&'a PublishProperties>,
    /// Identifiers of the receiver's subscriptions that matched.
    pub subscription_ids: &'a [u32],
    /// The lifetime that is left, in seconds. [MQTT5-3.3.2-6]
    pub message_expiry: Option<u32>,
    /// Number that stands for the topic on the receiver's connection.
    pub topic_alias: Option<u16>,
    /// What.
    pub payload: &'a [u8],
}

impl PublishHead<'_> {
    /// Bytes that [`encode`](Self::encode) writes.
    #[must_use]
    pub fn encoded_bytes(&self, version: Version) -> usize {
        packet_bytes(self.remaining(self.properties_bytes(version), version))
    }

    /// Appends the packet to the output.
    ///
    /// The caller keeps the packet within the receiver's maximum, and so within the 256 MiB of the
    /// protocol: nothing is written for a larger one, nor for a topic of more than 65 535 bytes.
    pub fn encode(&self, version: Version, out: &mut BytesMut) {
        let properties_bytes = self.properties_bytes(version);
        let remaining = self.remaining(properties_bytes, version);
        let Some(length) = u32::try_from(remaining)
            .ok()
            .filter(|&length| length <= VARIABLE_MAX)
        else {
            return;
        };
        let Ok(topic_length) = u16::try_from(self.topic.len()) else {
            return;
        };
        out.reserve(packet_bytes(remaining));
        out.put_u8(0x30 | u8::from(self.dup) << 3 | self.qos.number() << 1 | u8::from(self.retain));
        out.variable(length);
        out.put_u16(topic_length);
        out.put_slice(self.topic.as_bytes());
        if let Some(packet_id) = self.packet_id {
            out.put_u16(packet_id.get());
        }
        if version == Version::V5 {
            out.variable(u32::try_from(properties_bytes).unwrap_or(u32::MAX));
            self.put_properties(out);
        }
        out.put_slice(self.payload);
    }

    fn remaining(&self, properties_bytes: usize, version: Version) -> usize {
        let length_bytes = if version == Version::V5 {
            variable_bytes(u32::try_from(properties_bytes).unwrap_or(u32::MAX))
        } else {
            0
        };
        let packet_id_bytes = if self.packet_id.is_some() { 2 } else { 0 };
        2 + self.topic.len()
            + packet_id_bytes
            + length_bytes
            + properties_bytes
            + self.payload.len()
    }

    fn properties_bytes(&self, version: Version) -> usize {
        if version != Version::V5 {
            return 0;
        }
        let mut count = Count::default();
        self.put_properties(&mut count);
        count.bytes
    }

    fn put_properties<S: Sink>(&self, sink: &mut S) {
        if let Some(seconds) = self.message_expiry {
            sink.byte(Property::MessageExpiryInterval.number());
            sink.long_number(seconds);
        }
        if let Some(alias) = self.topic_alias {
            sink.byte(Property::TopicAlias.number());
            sink.number(alias);
        }
        for &id in self.subscription_ids {
            sink.byte(Property::SubscriptionIdentifier.number());
            sink.variable(id);
        }
        if let Some(properties) = self.properties {
            put_shared(properties, sink);
        }
    }
}
