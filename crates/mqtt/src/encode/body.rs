//! The first byte and the body of every packet.

use super::Sink;
use crate::decode::connect_bits as bits;
use crate::property_codec::Properties;
use crate::{
    Ack, AckProperties, ConnAck, Connect, ConnectReturn, Packet, Publish, ReasonCode, SubAck,
    Subscribe, Subscription, SubscriptionOptions, UnsubAck, Unsubscribe, Version,
};

/// Type and flags. [MQTT3-2.2.2-1] [MQTT5-2.1.3-1]
pub(super) fn first_byte(packet: &Packet) -> u8 {
    let flags = match packet {
        Packet::Publish(publish) => publish_flags(publish),
        Packet::PubRel(_) | Packet::Subscribe(_) | Packet::Unsubscribe(_) => 0b0010,
        Packet::Connect(_)
        | Packet::ConnAck(_)
        | Packet::PubAck(_)
        | Packet::PubRec(_)
        | Packet::PubComp(_)
        | Packet::SubAck(_)
        | Packet::UnsubAck(_)
        | Packet::PingReq
        | Packet::PingResp
        | Packet::Disconnect(_)
        | Packet::Auth(_) => 0,
    };
    packet.packet_type().number() << 4 | flags
}

fn publish_flags(publish: &Publish) -> u8 {
    u8::from(publish.dup) << 3 | publish.qos.number() << 1 | u8::from(publish.retain)
}

/// Writes all that follows the fixed header.
pub(super) fn put<S: Sink>(packet: &Packet, version: Version, sink: &mut S) {
    match packet {
        Packet::Connect(packet) => put_connect(packet, sink),
        Packet::ConnAck(packet) => put_connack(packet, version, sink),
        Packet::Publish(packet) => put_publish(packet, version, sink),
        Packet::PubAck(packet)
        | Packet::PubRec(packet)
        | Packet::PubRel(packet)
        | Packet::PubComp(packet) => put_ack(packet, version, sink),
        Packet::Subscribe(packet) => put_subscribe(packet, version, sink),
        Packet::SubAck(packet) => put_suback(packet, version, sink),
        Packet::Unsubscribe(packet) => put_unsubscribe(packet, version, sink),
        Packet::UnsubAck(packet) => put_unsuback(packet, version, sink),
        Packet::PingReq | Packet::PingResp => {}
        Packet::Disconnect(packet) => {
            if version == Version::V5 {
                put_tail(packet.reason, &packet.properties, sink);
            }
        }
        Packet::Auth(packet) => {
            let properties = &packet.properties;
            let is_plain =
                packet.reason == ReasonCode::Success && *properties == Default::default();
            if !is_plain {
                sink.byte(packet.reason.number());
                sink.properties(properties);
            }
        }
    }
}

fn put_connect<S: Sink>(connect: &Connect, sink: &mut S) {
    let (name, level): (&[u8], u8) = match connect.version {
        Version::V3 => (b"MQIsdp", 3),
        Version::V4 => (b"MQTT", 4),
        Version::V5 => (b"MQTT", 5),
    };
    sink.binary(name);
    sink.byte(if connect.is_bridge {
        level | bits::BRIDGE
    } else {
        level
    });
    sink.byte(connect_flags(connect));
    sink.number(connect.keep_alive);
    if connect.version == Version::V5 {
        sink.properties(&connect.properties);
    }
    sink.text(&connect.client_id);
    if let Some(will) = &connect.will {
        if connect.version == Version::V5 {
            sink.properties(&will.properties);
        }
        sink.text(will.topic.text());
        sink.binary(&will.payload);
    }
    if let Some(user_name) = &connect.user_name {
        sink.text(user_name);
    }
    if let Some(password) = &connect.password {
        sink.binary(password);
    }
}

fn connect_flags(connect: &Connect) -> u8 {
    let mut flags = 0;
    if connect.clean_start {
        flags |= bits::CLEAN_START;
    }
    if let Some(will) = &connect.will {
        flags |= bits::WILL | will.qos.number() << bits::WILL_QOS_SHIFT;
        if will.retain {
            flags |= bits::WILL_RETAIN;
        }
    }
    if connect.user_name.is_some() {
        flags |= bits::USER_NAME;
    }
    if connect.password.is_some() {
        flags |= bits::PASSWORD;
    }
    flags
}

fn put_connack<S: Sink>(connack: &ConnAck, version: Version, sink: &mut S) {
    let has_session = connack.session_present && version != Version::V3;
    sink.byte(u8::from(has_session));
    if version == Version::V5 {
        sink.byte(connack.reason.number());
        sink.properties(&connack.properties);
    } else {
        // The check has refused reasons without a return code.
        let code = ConnectReturn::from_reason(connack.reason);
        sink.byte(code.unwrap_or(ConnectReturn::ServerUnavailable).number());
    }
}

fn put_publish<S: Sink>(publish: &Publish, version: Version, sink: &mut S) {
    match &publish.topic {
        Some(topic) => sink.text(topic.text()),
        None => sink.number(0),
    }
    if let Some(packet_id) = publish.packet_id {
        sink.number(packet_id.get());
    }
    if version == Version::V5 {
        sink.optional_properties(publish.properties.as_deref());
    }
    sink.slice(&publish.payload);
}

fn put_ack<S: Sink>(ack: &Ack, version: Version, sink: &mut S) {
    sink.number(ack.packet_id.get());
    if version != Version::V5 {
        return;
    }
    match &ack.properties {
        Some(properties) => put_tail(ack.reason, &**properties, sink),
        None => put_tail(ack.reason, &AckProperties::default(), sink),
    }
}

/// Reason and properties in the shortest of their forms.
fn put_tail<S: Sink, P: Properties + PartialEq>(reason: ReasonCode, properties: &P, sink: &mut S) {
    let has_properties = *properties != P::default();
    if has_properties || reason != ReasonCode::Success {
        sink.byte(reason.number());
    }
    if has_properties {
        sink.properties(properties);
    }
}

fn put_subscribe<S: Sink>(subscribe: &Subscribe, version: Version, sink: &mut S) {
    sink.number(subscribe.packet_id.get());
    if version == Version::V5 {
        sink.properties(&subscribe.properties);
    }
    for filter in &subscribe.filters {
        put_subscription(&filter.subscription, sink);
        sink.byte(options(filter.options, version));
    }
}

fn options(options: SubscriptionOptions, version: Version) -> u8 {
    let qos = options.qos.number();
    if version != Version::V5 {
        return qos;
    }
    qos | u8::from(options.no_local) << 2
        | u8::from(options.retain_as_published) << 3
        | (options.retain_handling as u8) << 4
}

fn put_suback<S: Sink>(suback: &SubAck, version: Version, sink: &mut S) {
    sink.number(suback.packet_id.get());
    if version == Version::V5 {
        sink.optional_properties(suback.properties.as_deref());
    }
    for &reason in &suback.reasons {
        // [MQTT3-3.9.3-2]
        let reason = if version != Version::V5 && reason.is_failure() {
            ReasonCode::UnspecifiedError
        } else {
            reason
        };
        sink.byte(reason.number());
    }
}

fn put_unsubscribe<S: Sink>(unsubscribe: &Unsubscribe, version: Version, sink: &mut S) {
    sink.number(unsubscribe.packet_id.get());
    if version == Version::V5 {
        sink.properties(&unsubscribe.properties);
    }
    for subscription in &unsubscribe.subscriptions {
        put_subscription(subscription, sink);
    }
}

fn put_unsuback<S: Sink>(unsuback: &UnsubAck, version: Version, sink: &mut S) {
    sink.number(unsuback.packet_id.get());
    if version == Version::V5 {
        sink.optional_properties(unsuback.properties.as_deref());
        for reason in &unsuback.reasons {
            sink.byte(reason.number());
        }
    }
}

/// The string that [`Subscription::parse`] reads.
fn put_subscription<S: Sink>(subscription: &Subscription, sink: &mut S) {
    let (prefix, group) = prefix_and_group(subscription);
    sink.number(subscription_length(subscription).unwrap_or(u16::MAX));
    sink.slice(prefix.as_bytes());
    if let Some(group) = group {
        sink.slice(group.as_bytes());
        sink.slice(b"/");
    }
    sink.slice(subscription.filter().text().as_bytes());
}

/// Bytes of that string; `None` when no string is so long.
pub(super) fn subscription_length(subscription: &Subscription) -> Option<u16> {
    let (prefix, group) = prefix_and_group(subscription);
    let group_bytes = group.map_or(0, |group| group.len() + 1);
    u16::try_from(prefix.len() + group_bytes + subscription.filter().as_str().len()).ok()
}

fn prefix_and_group(subscription: &Subscription) -> (&'static str, Option<&str>) {
    match subscription {
        Subscription::Own(_) => ("", None),
        Subscription::Shared { group, .. } => ("$share/", Some(group)),
        Subscription::Queue(_) => ("$queue/", None),
    }
}
