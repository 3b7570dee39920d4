//! PUBLISH.

use super::{Body, Context};
use crate::packet_type::Sender;
use crate::{DecodeError, Packet, Property, Publish, PublishProperties, QoS, TopicName, Version};

/// The flags of a PUBLISH.
pub(super) struct Flags {
    pub(super) dup: bool,
    pub(super) qos: QoS,
    pub(super) retain: bool,
}

impl Flags {
    /// [MQTT3-3.3.1-2] [MQTT3-3.3.1-4] [MQTT5-3.3.1-2] [MQTT5-3.3.1-4]
    pub(super) fn parse(flags: u8) -> Result<Self, DecodeError> {
        let qos = QoS::from_number((flags >> 1) & 0b11).ok_or(DecodeError::QoSInvalid)?;
        let dup = flags & 0b1000 != 0;
        if dup && qos == QoS::AtMostOnce {
            return Err(DecodeError::DupAtMostOnce);
        }
        Ok(Self {
            dup,
            qos,
            retain: flags & 0b0001 != 0,
        })
    }
}

/// Reads a PUBLISH: at most two references to the input, no allocation without properties.
pub(super) fn publish(mut body: Body, flags: u8, context: Context) -> Result<Packet, DecodeError> {
    let Flags { dup, qos, retain } = Flags::parse(flags)?;
    let topic = body.text()?;
    // [MQTT3-2.3.1-5] [MQTT5-2.2.1-2]
    let packet_id = match qos {
        QoS::AtMostOnce => None,
        QoS::AtLeastOnce | QoS::ExactlyOnce => Some(body.packet_id()?),
    };
    let properties = match context.version {
        Version::V5 => properties(&mut body, context.from)?,
        Version::V3 | Version::V4 => None,
    };
    let has_alias = properties
        .as_ref()
        .is_some_and(|properties| properties.topic_alias.is_some());
    let topic = if topic.is_empty() {
        if !has_alias {
            return Err(DecodeError::TopicMissing);
        }
        None
    } else {
        Some(TopicName::new(topic).map_err(DecodeError::Topic)?)
    };
    Ok(Packet::Publish(Publish {
        dup,
        qos,
        retain,
        topic,
        packet_id,
        payload: body.rest(),
        properties,
    }))
}

fn properties(
    body: &mut Body,
    from: Sender,
) -> Result<Option<Box<PublishProperties>>, DecodeError> {
    let Some(properties) = body.properties::<PublishProperties>()? else {
        return Ok(None);
    };
    // [MQTT5-3.3.4-6]
    if from == Sender::Client && !properties.subscription_ids.is_empty() {
        return Err(DecodeError::PropertyWrongDirection(
            Property::SubscriptionIdentifier,
        ));
    }
    Ok(Some(Box::new(properties)))
}
