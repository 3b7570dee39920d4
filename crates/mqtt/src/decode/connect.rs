//! CONNECT and CONNACK.

use bytes::Bytes;

use super::connect_bits as bits;
use super::header::Header;
use super::{Body, Context};
use crate::{
    ConnAck, ConnAckProperties, Connect, ConnectProperties, ConnectReturn, DecodeError, Packet,
    PacketType, QoS, ReasonCode, Text, TopicName, Version, Will, WillProperties,
};

/// Reads a CONNECT. The version is told as soon as it is known. [MQTT3-3.1.4-1] [MQTT5-3.1.4-1]
pub(super) fn connect(
    mut body: Body,
    header: &Header,
    told: &mut Option<Version>,
) -> Result<Connect, DecodeError> {
    let (version, is_bridge) = version(&mut body)?;
    told.get_or_insert(version);
    if version == Version::V5 && !header.is_minimal {
        return Err(DecodeError::RemainingLengthNotMinimal);
    }
    let flags = body.byte()?;
    check_flags(flags, version)?;
    let keep_alive = body.number()?;
    let properties = if version == Version::V5 {
        body.properties::<ConnectProperties>()?.unwrap_or_default()
    } else {
        ConnectProperties::default()
    };
    if properties.authentication_data.is_some() && properties.authentication_method.is_none() {
        return Err(DecodeError::AuthenticationMethodMissing);
    }
    // [MQTT3-3.1.3-1] [MQTT5-3.1.3-1]
    let client_id = body.text()?;
    let will = if flags & bits::WILL == 0 {
        None
    } else {
        Some(will(&mut body, flags, version)?)
    };
    let (user_name, password) = credentials(&mut body, flags, version)?;
    body.finish()?;
    Ok(Connect {
        version,
        is_bridge,
        clean_start: flags & bits::CLEAN_START != 0,
        keep_alive,
        client_id,
        will,
        user_name,
        password,
        properties,
    })
}

/// Protocol name and level. [MQTT3-3.1.2-1] [MQTT3-3.1.2-2] [MQTT5-3.1.2-1] [MQTT5-3.1.2-2]
fn version(body: &mut Body) -> Result<(Version, bool), DecodeError> {
    // Compared as bytes: a name that is no string is unknown, too.
    let name = body.binary()?;
    let is_old = match &*name {
        b"MQTT" => false,
        b"MQIsdp" => true,
        _ => return Err(DecodeError::UnknownProtocolName),
    };
    let level = body.byte()?;
    let is_bridge = level & bits::BRIDGE != 0;
    match (is_old, level & !bits::BRIDGE) {
        (true, 3) => Ok((Version::V3, is_bridge)),
        (false, 4) => Ok((Version::V4, is_bridge)),
        (false, 5) if !is_bridge => Ok((Version::V5, false)),
        _ => Err(DecodeError::UnsupportedProtocolLevel(level)),
    }
}

fn check_flags(flags: u8, version: Version) -> Result<(), DecodeError> {
    // [MQTT3-3.1.2-3] [MQTT5-3.1.2-3]; 3.1 does not say what the bit must be.
    if flags & bits::RESERVED != 0 && version != Version::V3 {
        return Err(DecodeError::ConnectReservedFlag);
    }
    // [MQTT3-3.1.2-14] [MQTT5-3.1.2-12]
    let will_qos = will_qos(flags)?;
    // [MQTT3-3.1.2-11] [MQTT3-3.1.2-13] [MQTT3-3.1.2-15] [MQTT5-3.1.2-11] [MQTT5-3.1.2-13]
    if flags & bits::WILL == 0 && (will_qos != QoS::AtMostOnce || flags & bits::WILL_RETAIN != 0) {
        return Err(DecodeError::WillFlagsWithoutWill);
    }
    // [MQTT3-3.1.2-22]
    if flags & bits::PASSWORD != 0 && flags & bits::USER_NAME == 0 && version != Version::V5 {
        return Err(DecodeError::PasswordWithoutUserName);
    }
    Ok(())
}

fn will_qos(flags: u8) -> Result<QoS, DecodeError> {
    QoS::from_number((flags >> bits::WILL_QOS_SHIFT) & 0b11).ok_or(DecodeError::WillQoSInvalid)
}

/// [MQTT3-3.1.2-9] [MQTT5-3.1.2-9]
fn will(body: &mut Body, flags: u8, version: Version) -> Result<Will, DecodeError> {
    let properties = if version == Version::V5 {
        body.properties::<WillProperties>()?.unwrap_or_default()
    } else {
        WillProperties::default()
    };
    Ok(Will {
        properties,
        topic: TopicName::new(body.text()?).map_err(DecodeError::WillTopic)?,
        payload: body.binary()?,
        qos: will_qos(flags)?,
        retain: flags & bits::WILL_RETAIN != 0,
    })
}

/// [MQTT3-3.1.2-18] to [MQTT3-3.1.2-21], [MQTT5-3.1.2-16] to [MQTT5-3.1.2-19]
fn credentials(
    body: &mut Body,
    flags: u8,
    version: Version,
) -> Result<(Option<Text>, Option<Bytes>), DecodeError> {
    // 3.1 lets a packet end before them whatever the flags say, for the sake of still older
    // clients.
    let may_lack = version == Version::V3;
    let user_name = if flags & bits::USER_NAME == 0 || (may_lack && body.is_empty()) {
        None
    } else {
        Some(body.text()?)
    };
    let password = if flags & bits::PASSWORD == 0 || (may_lack && body.is_empty()) {
        None
    } else {
        Some(body.binary()?)
    };
    Ok((user_name, password))
}

/// Reads a CONNACK.
pub(super) fn connack(mut body: Body, context: Context) -> Result<Packet, DecodeError> {
    let flags = body.byte()?;
    // 3.1 has no session present: there all bits are reserved.
    let flags_known = u8::from(context.version != Version::V3);
    if flags & !flags_known != 0 {
        return Err(DecodeError::ConnAckReservedFlags(flags));
    }
    let session_present = flags != 0;
    let number = body.byte()?;
    let reason = if context.version == Version::V5 {
        ReasonCode::from_number(number)
            .filter(|reason| reason.is_listed_for(PacketType::ConnAck, context.from))
    } else {
        ConnectReturn::from_number(number).map(ConnectReturn::reason)
    };
    let reason = reason.ok_or(DecodeError::ReasonNotListed {
        packet: PacketType::ConnAck,
        number,
    })?;
    // [MQTT3-3.2.2-4] [MQTT5-3.2.2-6]
    if session_present && reason != ReasonCode::Success {
        return Err(DecodeError::SessionPresentWithRefusal);
    }
    let properties = if context.version == Version::V5 {
        body.properties::<ConnAckProperties>()?.unwrap_or_default()
    } else {
        ConnAckProperties::default()
    };
    if properties.authentication_data.is_some() && properties.authentication_method.is_none() {
        return Err(DecodeError::AuthenticationMethodMissing);
    }
    body.finish()?;
    Ok(Packet::ConnAck(Box::new(ConnAck {
        session_present,
        reason,
        properties,
    })))
}
