//! SUBSCRIBE, UNSUBSCRIBE and their answers.

use super::acknowledge::listed_reason;
use super::{Body, Context};
use crate::{
    DecodeError, Packet, PacketType, QoS, ReasonCode, RetainHandling, SubAck, Subscribe,
    SubscribeFilter, SubscribeProperties, Subscription, SubscriptionOptions, UnsubAck, Unsubscribe,
    UnsubscribeProperties, Version,
};

/// Reads a SUBSCRIBE.
pub(super) fn subscribe(mut body: Body, version: Version) -> Result<Packet, DecodeError> {
    let packet_id = body.packet_id()?;
    let properties = match version {
        Version::V5 => body.properties()?.unwrap_or_default(),
        Version::V3 | Version::V4 => SubscribeProperties::default(),
    };
    let mut filters = Vec::new();
    while !body.is_empty() {
        let subscription = Subscription::parse(body.text()?)?;
        let options = options(body.byte()?, version)?;
        // [MQTT5-3.8.3-4]
        if options.no_local && subscription.is_shared() {
            return Err(DecodeError::NoLocalOnShared);
        }
        filters.push(SubscribeFilter {
            subscription,
            options,
        });
    }
    // [MQTT3-3.8.3-3] [MQTT5-3.8.3-2]
    if filters.is_empty() {
        return Err(DecodeError::NoEntries(PacketType::Subscribe));
    }
    Ok(Packet::Subscribe(Subscribe {
        packet_id,
        filters,
        properties,
    }))
}

/// [MQTT3-3.8.3-4] [MQTT5-3.8.3-5]
fn options(byte: u8, version: Version) -> Result<SubscriptionOptions, DecodeError> {
    let reserved = match version {
        Version::V5 => 0b1100_0000,
        Version::V3 | Version::V4 => 0b1111_1100,
    };
    if byte & reserved != 0 {
        return Err(DecodeError::SubscriptionReservedBits(byte));
    }
    Ok(SubscriptionOptions {
        qos: QoS::from_number(byte & 0b11).ok_or(DecodeError::SubscriptionQoSInvalid)?,
        no_local: byte & 0b0000_0100 != 0,
        retain_as_published: byte & 0b0000_1000 != 0,
        retain_handling: match byte >> 4 {
            0 => RetainHandling::Send,
            1 => RetainHandling::SendIfNew,
            2 => RetainHandling::DoNotSend,
            _ => return Err(DecodeError::RetainHandlingInvalid),
        },
    })
}

/// Reads an UNSUBSCRIBE.
pub(super) fn unsubscribe(mut body: Body, version: Version) -> Result<Packet, DecodeError> {
    let packet_id = body.packet_id()?;
    let properties = match version {
        Version::V5 => body.properties()?.unwrap_or_default(),
        Version::V3 | Version::V4 => UnsubscribeProperties::default(),
    };
    let mut subscriptions = Vec::new();
    while !body.is_empty() {
        subscriptions.push(Subscription::parse(body.text()?)?);
    }
    // [MQTT3-3.10.3-2] [MQTT5-3.10.3-2]
    if subscriptions.is_empty() {
        return Err(DecodeError::NoEntries(PacketType::Unsubscribe));
    }
    Ok(Packet::Unsubscribe(Unsubscribe {
        packet_id,
        subscriptions,
        properties,
    }))
}

/// Reads a SUBACK.
pub(super) fn suback(mut body: Body, context: Context) -> Result<Packet, DecodeError> {
    let packet_id = body.packet_id()?;
    let properties = match context.version {
        Version::V5 => body.properties()?.map(Box::new),
        Version::V3 | Version::V4 => None,
    };
    let reasons = reasons(&mut body, PacketType::SubAck, context)?;
    Ok(Packet::SubAck(SubAck {
        packet_id,
        reasons,
        properties,
    }))
}

/// Reads an UNSUBACK.
pub(super) fn unsuback(mut body: Body, context: Context) -> Result<Packet, DecodeError> {
    let packet_id = body.packet_id()?;
    let mut properties = None;
    let mut reasons = Vec::new();
    if context.version == Version::V5 {
        properties = body.properties()?.map(Box::new);
        reasons = self::reasons(&mut body, PacketType::UnsubAck, context)?;
    }
    body.finish()?;
    Ok(Packet::UnsubAck(UnsubAck {
        packet_id,
        reasons,
        properties,
    }))
}

/// One reason or more, to the end of the body.
fn reasons(
    body: &mut Body,
    packet: PacketType,
    context: Context,
) -> Result<Vec<ReasonCode>, DecodeError> {
    let mut reasons = Vec::new();
    while !body.is_empty() {
        let reason = listed_reason(body, packet, context.from)?;
        // [MQTT3-3.9.3-2]
        if context.version != Version::V5
            && reason.is_failure()
            && reason != ReasonCode::UnspecifiedError
        {
            return Err(DecodeError::ReasonNotListed {
                packet,
                number: reason.number(),
            });
        }
        reasons.push(reason);
    }
    if reasons.is_empty() {
        return Err(DecodeError::NoEntries(packet));
    }
    Ok(reasons)
}
