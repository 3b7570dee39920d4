//! What was in the packets of a connection is not written down.

use castmq_mqtt::{
    Ack, AckProperties, Auth, AuthProperties, Disconnect, DisconnectProperties, Packet, PacketId,
    ReasonCode, Subscribe, SubscribeProperties, Text, Unsubscribe, UnsubscribeProperties,
};

use super::rig::{LIMITS, header};
use crate::Moment;
use crate::recording::{ConnectionInput, Recorder};
use crate::testing::text;

/// What a recording of a packet says.
fn written(packet: Packet, has_payloads: bool) -> String {
    let mut recorder = Recorder::new(header(has_payloads), LIMITS, Moment::default());
    let input = ConnectionInput::Packet(Box::new(packet));
    recorder.connection(input, &(), Moment::default());
    String::from_utf8(recorder.file()).unwrap()
}

#[track_caller]
fn assert_blank(packet: &Packet) {
    let kept = written(packet.clone(), true);
    assert!(kept.contains("secret"), "{kept}");
    let blank = written(packet.clone(), false);
    assert!(!blank.contains("secret"), "{blank}");
    assert!(blank.contains("place"), "{blank}");
}

fn user() -> Vec<(Text, Text)> {
    vec![(text("place"), text("secret"))]
}

fn id() -> PacketId {
    PacketId::new(1).unwrap()
}

#[test]
fn user_properties_of_subscribe_and_unsubscribe() {
    let properties = SubscribeProperties {
        user: user(),
        ..SubscribeProperties::default()
    };
    assert_blank(&Packet::Subscribe(Subscribe {
        packet_id: id(),
        filters: Vec::new(),
        properties,
    }));
    let properties = UnsubscribeProperties { user: user() };
    assert_blank(&Packet::Unsubscribe(Unsubscribe {
        packet_id: id(),
        subscriptions: Vec::new(),
        properties,
    }));
}

#[test]
fn reason_strings_and_user_properties_of_disconnect() {
    let properties = DisconnectProperties {
        reason_string: Some(text("my secret")),
        user: user(),
        ..DisconnectProperties::default()
    };
    assert_blank(&Packet::Disconnect(Box::new(Disconnect {
        reason: ReasonCode::Success,
        properties,
    })));
}

#[test]
fn reason_strings_and_user_properties_of_acknowledgements() {
    let ack = || Ack {
        packet_id: id(),
        reason: ReasonCode::Success,
        properties: Some(Box::new(AckProperties {
            reason_string: Some(text("my secret")),
            user: user(),
        })),
    };
    assert_blank(&Packet::PubAck(ack()));
    assert_blank(&Packet::PubRec(ack()));
    assert_blank(&Packet::PubRel(ack()));
    assert_blank(&Packet::PubComp(ack()));
}

#[test]
fn of_auth_nothing_but_its_method_even_with_payloads() {
    let packet = Packet::Auth(Box::new(Auth {
        reason: ReasonCode::ReAuthenticate,
        properties: AuthProperties {
            method: Some(text("scram")),
            data: Some(bytes::Bytes::from_static(b"secret")),
            reason_string: Some(text("secret")),
            user: user(),
        },
    }));
    let text = written(packet, true);
    assert!(!text.contains("secret"), "{text}");
    assert!(text.contains("scram"), "{text}");
}
