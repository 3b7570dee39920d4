//! What a packet must fulfil so that its receiver takes it.

use bytes::Bytes;

use crate::property_codec::Properties;
use crate::{
    AckProperties, ConnAck, Connect, ConnectReturn, Disconnect, EncodeError, Packet, PacketType,
    Publish, QoS, ReasonCode, Sender, Subscribe, Subscription, Version,
};

/// Refuses what [`Decoder`](crate::Decoder) would refuse.
pub(super) fn check(packet: &Packet, version: Version) -> Result<(), EncodeError> {
    let packet_type = packet.packet_type();
    match packet {
        Packet::Connect(packet) => check_connect(packet, version),
        Packet::ConnAck(packet) => check_connack(packet, version),
        Packet::Publish(packet) => check_publish(packet, version),
        Packet::PubAck(packet)
        | Packet::PubRec(packet)
        | Packet::PubRel(packet)
        | Packet::PubComp(packet) => {
            check_reasons(packet_type, &[packet.reason], version)?;
            check_properties(packet.properties.as_deref(), version)
        }
        Packet::Subscribe(packet) => check_subscribe(packet, version),
        Packet::SubAck(packet) => {
            check_entries(packet_type, &packet.reasons)?;
            check_subscribed(&packet.reasons, version)?;
            check_properties(packet.properties.as_deref(), version)
        }
        Packet::Unsubscribe(packet) => {
            check_entries(packet_type, &packet.subscriptions)?;
            check_subscriptions(packet.subscriptions.iter())
        }
        Packet::UnsubAck(packet) => {
            if version == Version::V5 {
                check_entries(packet_type, &packet.reasons)?;
            }
            check_reasons(packet_type, &packet.reasons, version)?;
            check_properties(packet.properties.as_deref(), version)
        }
        Packet::PingReq | Packet::PingResp => Ok(()),
        Packet::Disconnect(packet) => check_disconnect(packet, version),
        Packet::Auth(packet) => {
            if version != Version::V5 {
                return Err(EncodeError::NotInVersion(packet_type));
            }
            check_reasons(packet_type, &[packet.reason], version)?;
            let is_plain =
                packet.reason == ReasonCode::Success && packet.properties == Default::default();
            if packet.properties.method.is_none() && !is_plain {
                return Err(EncodeError::AuthenticationMethodMissing);
            }
            packet.properties.check()
        }
    }
}

fn check_connect(connect: &Connect, version: Version) -> Result<(), EncodeError> {
    let has_version_5 = version == Version::V5;
    if connect.version != version || (connect.is_bridge && has_version_5) {
        return Err(EncodeError::OtherVersion);
    }
    check_binary(connect.password.as_ref())?;
    check_binary(connect.will.as_ref().map(|will| &will.payload))?;
    if !has_version_5 {
        // [MQTT3-3.1.2-22]
        return if connect.password.is_some() && connect.user_name.is_none() {
            Err(EncodeError::PasswordWithoutUserName)
        } else {
            Ok(())
        };
    }
    let properties = &connect.properties;
    if properties.authentication_data.is_some() && properties.authentication_method.is_none() {
        return Err(EncodeError::AuthenticationMethodMissing);
    }
    properties.check()?;
    match &connect.will {
        Some(will) => will.properties.check(),
        None => Ok(()),
    }
}

fn check_connack(connack: &ConnAck, version: Version) -> Result<(), EncodeError> {
    if connack.session_present && connack.reason != ReasonCode::Success {
        return Err(EncodeError::SessionPresentWithRefusal);
    }
    if version != Version::V5 {
        return match ConnectReturn::from_reason(connack.reason) {
            Some(_) => Ok(()),
            None => Err(EncodeError::ReasonNotListed(
                PacketType::ConnAck,
                connack.reason,
            )),
        };
    }
    check_reasons(PacketType::ConnAck, &[connack.reason], version)?;
    let properties = &connack.properties;
    if properties.authentication_data.is_some() && properties.authentication_method.is_none() {
        return Err(EncodeError::AuthenticationMethodMissing);
    }
    properties.check()
}

fn check_publish(publish: &Publish, version: Version) -> Result<(), EncodeError> {
    let is_acknowledged = publish.qos != QoS::AtMostOnce;
    if publish.packet_id.is_some() != is_acknowledged {
        return Err(EncodeError::PacketId);
    }
    if publish.dup && !is_acknowledged {
        return Err(EncodeError::DupAtMostOnce);
    }
    let properties = match version {
        Version::V5 => publish.properties.as_deref(),
        Version::V3 | Version::V4 => None,
    };
    let alias = properties.and_then(|properties| properties.topic_alias);
    if publish.topic.is_none() && alias.is_none() {
        return Err(EncodeError::TopicMissing);
    }
    match properties {
        Some(properties) => properties.check(),
        None => Ok(()),
    }
}

fn check_subscribe(subscribe: &Subscribe, version: Version) -> Result<(), EncodeError> {
    check_entries(PacketType::Subscribe, &subscribe.filters)?;
    check_subscriptions(subscribe.filters.iter().map(|filter| &filter.subscription))?;
    if version != Version::V5 {
        return Ok(());
    }
    // [MQTT5-3.8.3-4]
    if subscribe
        .filters
        .iter()
        .any(|filter| filter.options.no_local && filter.subscription.is_shared())
    {
        return Err(EncodeError::NoLocalOnShared);
    }
    subscribe.properties.check()
}

fn check_disconnect(disconnect: &Disconnect, version: Version) -> Result<(), EncodeError> {
    if version != Version::V5 {
        return Ok(());
    }
    check_reasons(PacketType::Disconnect, &[disconnect.reason], version)?;
    disconnect.properties.check()
}

fn check_properties(
    properties: Option<&AckProperties>,
    version: Version,
) -> Result<(), EncodeError> {
    match properties {
        Some(properties) if version == Version::V5 => properties.check(),
        Some(_) | None => Ok(()),
    }
}

/// Whether 5.0 lists the reasons for the packet; 3.x does not write them.
fn check_reasons(
    packet: PacketType,
    reasons: &[ReasonCode],
    version: Version,
) -> Result<(), EncodeError> {
    if version != Version::V5 {
        return Ok(());
    }
    match reasons.iter().find(|reason| !is_listed(**reason, packet)) {
        Some(&reason) => Err(EncodeError::ReasonNotListed(packet, reason)),
        None => Ok(()),
    }
}

/// In 3.x every failure is 0x80, but a success that 3.x does not know stays one.
fn check_subscribed(reasons: &[ReasonCode], version: Version) -> Result<(), EncodeError> {
    let unlisted = reasons.iter().find(|reason| {
        let is_written_as_failure = version != Version::V5 && reason.is_failure();
        !is_written_as_failure && !is_listed(**reason, PacketType::SubAck)
    });
    match unlisted {
        Some(&reason) => Err(EncodeError::ReasonNotListed(PacketType::SubAck, reason)),
        None => Ok(()),
    }
}

const fn is_listed(reason: ReasonCode, packet: PacketType) -> bool {
    reason.is_listed_for(packet, Sender::Server) || reason.is_listed_for(packet, Sender::Client)
}

const fn check_entries<T>(packet: PacketType, entries: &[T]) -> Result<(), EncodeError> {
    if entries.is_empty() {
        Err(EncodeError::NoEntries(packet))
    } else {
        Ok(())
    }
}

fn check_binary(bytes: Option<&Bytes>) -> Result<(), EncodeError> {
    match bytes {
        Some(bytes) if bytes.len() > usize::from(u16::MAX) => Err(EncodeError::BinaryTooLong),
        Some(_) | None => Ok(()),
    }
}

/// Whether each filter, its prefix included, is short enough for a string.
fn check_subscriptions<'a>(
    mut subscriptions: impl Iterator<Item = &'a Subscription>,
) -> Result<(), EncodeError> {
    if subscriptions.all(|subscription| super::body::subscription_length(subscription).is_some()) {
        Ok(())
    } else {
        Err(EncodeError::FilterTooLong)
    }
}
