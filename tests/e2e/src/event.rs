//! What rumqttc says happened, the same for its two kinds of client.

use rumqttc::{self as v4, Outgoing, v5};

use crate::Message;

/// One thing that happened on the connection.
#[derive(Debug)]
pub(crate) enum Seen {
    Connected(bool),
    Arrived(Message),
    Subscribed(Vec<u8>),
    Unsubscribed,
    Acknowledged,
    Completed,
    Sent(Outgoing),
    Other,
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the rest does not matter here"
)]
pub(crate) fn seen_v4(event: v4::Event) -> Seen {
    match event {
        v4::Event::Outgoing(sent) => Seen::Sent(sent),
        v4::Event::Incoming(packet) => match packet {
            v4::Packet::ConnAck(connack) => Seen::Connected(connack.session_present),
            v4::Packet::Publish(publish) => Seen::Arrived(Message {
                payload: text(&publish.payload),
                retain: publish.retain,
                qos: publish.qos as u8,
                dup: publish.dup,
                id: publish.pkid,
            }),
            v4::Packet::SubAck(suback) => Seen::Subscribed(
                suback
                    .return_codes
                    .iter()
                    .map(|code| match code {
                        v4::SubscribeReasonCode::Success(qos) => *qos as u8,
                        v4::SubscribeReasonCode::Failure => 128,
                    })
                    .collect(),
            ),
            v4::Packet::UnsubAck(_) => Seen::Unsubscribed,
            v4::Packet::PubAck(_) => Seen::Acknowledged,
            v4::Packet::PubComp(_) => Seen::Completed,
            _ => Seen::Other,
        },
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the rest does not matter here"
)]
pub(crate) fn seen_v5(event: v5::Event) -> Seen {
    use v5::mqttbytes::v5::{Packet, SubscribeReasonCode};
    match event {
        v5::Event::Outgoing(sent) => Seen::Sent(sent),
        v5::Event::Incoming(packet) => match packet {
            Packet::ConnAck(connack) => Seen::Connected(connack.session_present),
            Packet::Publish(publish) => Seen::Arrived(Message {
                payload: text(&publish.payload),
                retain: publish.retain,
                qos: publish.qos as u8,
                dup: publish.dup,
                id: publish.pkid,
            }),
            Packet::SubAck(suback) => Seen::Subscribed(
                suback
                    .return_codes
                    .iter()
                    .map(|code| match code {
                        SubscribeReasonCode::Success(qos) => *qos as u8,
                        _ => 128,
                    })
                    .collect(),
            ),
            Packet::UnsubAck(_) => Seen::Unsubscribed,
            Packet::PubAck(_) => Seen::Acknowledged,
            Packet::PubComp(_) => Seen::Completed,
            _ => Seen::Other,
        },
    }
}

fn text(payload: &[u8]) -> String {
    String::from_utf8_lossy(payload).into_owned()
}
