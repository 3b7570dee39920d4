//! Packets as devices write them, and as a trace tells them.

use bytes::Bytes;
use castmq_mqtt::{
    Ack, Connect, Packet, PacketId, QoS, ReasonCode, Text, TopicName, Version, Will,
};

use crate::wire::{Mode, WILLS};

/// CONNECT of a device.
pub(crate) fn connect(name: &str, version: Version, mode: Mode, will: Option<usize>) -> Packet {
    let mut connect = Connect {
        version,
        clean_start: mode != Mode::Resume,
        client_id: Text::try_from(name.to_owned()).unwrap(),
        ..Connect::default()
    };
    if version == Version::V5 && mode != Mode::Transient {
        connect.properties.session_expiry = Some(1_000_000);
    }
    connect.will = will.map(|number| Will {
        topic: TopicName::new(Text::try_from(WILLS).unwrap()).unwrap(),
        payload: Bytes::from(format!("w{number}")),
        qos: QoS::AtLeastOnce,
        retain: false,
        properties: Default::default(),
    });
    Packet::Connect(Box::new(connect))
}

/// An acknowledgement of success.
pub(crate) fn answer(packet_id: PacketId) -> Ack {
    Ack {
        packet_id,
        reason: ReasonCode::Success,
        properties: None,
    }
}

/// A packet as the trace has it.
pub(crate) fn describe(packet: &Packet) -> String {
    match packet {
        Packet::Publish(publish) => format!(
            "PUBLISH {} qos {} dup {} id {:?} {}",
            publish.topic.as_ref().map_or("", |topic| topic.as_str()),
            publish.qos.number(),
            publish.dup,
            publish.packet_id,
            String::from_utf8_lossy(&publish.payload[..publish.payload.len().min(8)]),
        ),
        Packet::ConnAck(connack) => format!(
            "CONNACK {:?} present {}",
            connack.reason, connack.session_present
        ),
        Packet::PubAck(ack) => format!("PUBACK {} {:?}", ack.packet_id, ack.reason),
        Packet::PubRec(ack) => format!("PUBREC {} {:?}", ack.packet_id, ack.reason),
        Packet::PubRel(ack) => format!("PUBREL {}", ack.packet_id),
        Packet::PubComp(ack) => format!("PUBCOMP {}", ack.packet_id),
        Packet::SubAck(ack) => format!("SUBACK {}", ack.packet_id),
        Packet::UnsubAck(ack) => format!("UNSUBACK {}", ack.packet_id),
        Packet::Disconnect(disconnect) => format!("DISCONNECT {:?}", disconnect.reason),
        Packet::Connect(_)
        | Packet::Subscribe(_)
        | Packet::Unsubscribe(_)
        | Packet::PingReq
        | Packet::PingResp
        | Packet::Auth(_) => format!("{packet:?}"),
    }
}
