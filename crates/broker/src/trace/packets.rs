//! Packets as traces tell of them: in words, and what acknowledges what.

use castmq_mqtt::{AckKind, Packet};

/// Who has sent a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Sender {
    Client,
    Broker,
}

/// Who has sent what this acknowledges, if that one has sent this: PUBREL answers PUBREC and belongs to a
/// message of its own sender.
pub(super) const fn sender_of(kind: AckKind, from: Sender) -> Sender {
    match (kind, from) {
        (AckKind::PubRel, from) => from,
        (AckKind::PubAck | AckKind::PubRec | AckKind::PubComp, Sender::Client) => Sender::Broker,
        (AckKind::PubAck | AckKind::PubRec | AckKind::PubComp, Sender::Broker) => Sender::Client,
    }
}

/// Whether nothing comes behind it.
pub(super) const fn is_last(kind: AckKind) -> bool {
    matches!(kind, AckKind::PubAck | AckKind::PubComp)
}

pub(super) const fn name_of(kind: AckKind) -> &'static str {
    match kind {
        AckKind::PubAck => "PUBACK",
        AckKind::PubRec => "PUBREC",
        AckKind::PubRel => "PUBREL",
        AckKind::PubComp => "PUBCOMP",
    }
}

/// A packet in words, without what nobody but its receiver is to read.
pub(super) fn describe(packet: &Packet) -> (&'static str, String) {
    match packet {
        Packet::Connect(connect) => (
            "CONNECT",
            format!(
                "CONNECT, client id '{}', keep alive {} s",
                connect.client_id, connect.keep_alive
            ),
        ),
        Packet::Subscribe(subscribe) => {
            let filters = subscribe.filters.iter();
            let filters: Vec<String> = filters
                .map(|wanted| format!("{} QoS {}", wanted.subscription, wanted.options.qos as u8))
                .collect();
            let id = subscribe.packet_id;
            (
                "SUBSCRIBE",
                format!("SUBSCRIBE {id}: {}", filters.join(", ")),
            )
        }
        Packet::Unsubscribe(unsubscribe) => {
            let filters = unsubscribe.subscriptions.iter();
            let filters: Vec<String> = filters.map(ToString::to_string).collect();
            let id = unsubscribe.packet_id;
            (
                "UNSUBSCRIBE",
                format!("UNSUBSCRIBE {id}: {}", filters.join(", ")),
            )
        }
        Packet::PingReq => ("PINGREQ", "PINGREQ".to_owned()),
        Packet::Disconnect(disconnect) => {
            ("DISCONNECT", format!("DISCONNECT, {:?}", disconnect.reason))
        }
        Packet::Auth(_) => ("AUTH", "AUTH".to_owned()),
        Packet::PubAck(ack) => ("PUBACK", format!("PUBACK {}", ack.packet_id)),
        Packet::PubRec(ack) => ("PUBREC", format!("PUBREC {}", ack.packet_id)),
        Packet::PubRel(ack) => ("PUBREL", format!("PUBREL {}", ack.packet_id)),
        Packet::PubComp(ack) => ("PUBCOMP", format!("PUBCOMP {}", ack.packet_id)),
        Packet::Publish(publish) => ("PUBLISH", format!("PUBLISH, QoS {}", publish.qos as u8)),
        Packet::ConnAck(_) => ("CONNACK", "CONNACK".to_owned()),
        Packet::SubAck(_) => ("SUBACK", "SUBACK".to_owned()),
        Packet::UnsubAck(_) => ("UNSUBACK", "UNSUBACK".to_owned()),
        Packet::PingResp => ("PINGRESP", "PINGRESP".to_owned()),
    }
}
