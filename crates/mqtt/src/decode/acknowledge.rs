//! PUBACK, PUBREC, PUBREL, PUBCOMP, DISCONNECT and AUTH: packets whose tail may be left out.

use super::{Body, Context};
use crate::packet_type::Sender;
use crate::{
    Ack, AckProperties, Auth, AuthProperties, DecodeError, Disconnect, DisconnectProperties,
    Packet, PacketType, Property, ReasonCode, Version,
};

/// Reads one of the four acknowledgements of a PUBLISH.
pub(super) fn ack(
    mut body: Body,
    packet: PacketType,
    context: Context,
) -> Result<Ack, DecodeError> {
    let packet_id = body.packet_id()?;
    let mut reason = ReasonCode::Success;
    let mut properties = None;
    if context.version == Version::V5 {
        if !body.is_empty() {
            reason = listed_reason(&mut body, packet, context.from)?;
        }
        if !body.is_empty() {
            properties = body.properties::<AckProperties>()?.map(Box::new);
        }
    }
    body.finish()?;
    Ok(Ack {
        packet_id,
        reason,
        properties,
    })
}

/// Reads a DISCONNECT.
pub(super) fn disconnect(mut body: Body, context: Context) -> Result<Packet, DecodeError> {
    let mut reason = ReasonCode::Success;
    let mut properties = DisconnectProperties::default();
    if context.version == Version::V5 {
        if !body.is_empty() {
            reason = listed_reason(&mut body, PacketType::Disconnect, context.from)?;
        }
        if !body.is_empty() {
            properties = body.properties()?.unwrap_or_default();
        }
    }
    let wrong = match context.from {
        Sender::Client if properties.server_reference.is_some() => Some(Property::ServerReference),
        // [MQTT5-3.14.2-2]
        Sender::Server if properties.session_expiry.is_some() => {
            Some(Property::SessionExpiryInterval)
        }
        Sender::Client | Sender::Server => None,
    };
    if let Some(property) = wrong {
        return Err(DecodeError::PropertyWrongDirection(property));
    }
    body.finish()?;
    Ok(Packet::Disconnect(Box::new(Disconnect {
        reason,
        properties,
    })))
}

/// Reads an AUTH, which only 5.0 has.
pub(super) fn auth(mut body: Body, context: Context) -> Result<Packet, DecodeError> {
    let mut reason = ReasonCode::Success;
    let mut properties = AuthProperties::default();
    if body.is_empty() {
        // Success without properties may leave out all.
        check_auth_reason(reason, context.from)?;
    } else {
        reason = listed_reason(&mut body, PacketType::Auth, context.from)?;
        properties = body.properties()?.unwrap_or_default();
        // The short form shows that a plain success needs no method.
        let is_plain = reason == ReasonCode::Success && properties == AuthProperties::default();
        if properties.method.is_none() && !is_plain {
            return Err(DecodeError::AuthenticationMethodMissing);
        }
    }
    body.finish()?;
    Ok(Packet::Auth(Box::new(Auth { reason, properties })))
}

/// Reads a reason code that the specification lists for the packet and its sender.
pub(super) fn listed_reason(
    body: &mut Body,
    packet: PacketType,
    from: Sender,
) -> Result<ReasonCode, DecodeError> {
    let number = body.byte()?;
    ReasonCode::from_number(number)
        .filter(|reason| reason.is_listed_for(packet, from))
        .ok_or(DecodeError::ReasonNotListed { packet, number })
}

fn check_auth_reason(reason: ReasonCode, from: Sender) -> Result<(), DecodeError> {
    if reason.is_listed_for(PacketType::Auth, from) {
        Ok(())
    } else {
        Err(DecodeError::ReasonNotListed {
            packet: PacketType::Auth,
            number: reason.number(),
        })
    }
}
