//! PUBACK, PUBREC, PUBREL, PUBCOMP, DISCONNECT and AUTH.

use bytes::{Bytes, BytesMut};
use castmq_mqtt::{
    Ack, AckKind, AckProperties, Auth, AuthProperties, DecodeError, Disconnect,
    DisconnectProperties, EncodeError, Packet, PacketType, Property, ReasonCode, SUCCESS_BYTES,
    Sender, Version, encode, encode_success,
};

use crate::wire::{
    both_ways, client_refusal, from_client, from_server, id, server_refusal, text, unwritable,
    written,
};

fn ack(reason: ReasonCode) -> Ack {
    Ack {
        packet_id: id(10),
        reason,
        properties: None,
    }
}

fn ok() -> Ack {
    ack(ReasonCode::Success)
}
#[test]
fn an_acknowledgement_of_3_x_is_a_packet_id() {
    let both = |bytes, packet| both_ways(Sender::Client, Version::V4, bytes, &packet);
    both(b"\x40\x02\x00\x0A", Packet::PubAck(ok()));
    both(b"\x50\x02\x00\x0A", Packet::PubRec(ok()));
    both(b"\x62\x02\x00\x0A", Packet::PubRel(ok()));
    both(b"\x70\x02\x00\x0A", Packet::PubComp(ok()));
}
#[test]
fn a_successful_acknowledgement_of_5_0_is_a_packet_id() {
    let both = |bytes, packet| both_ways(Sender::Server, Version::V5, bytes, &packet);
    both(b"\x40\x02\x00\x0A", Packet::PubAck(ok()));
    both(b"\x50\x02\x00\x0A", Packet::PubRec(ok()));
    both(b"\x62\x02\x00\x0A", Packet::PubRel(ok()));
    both(b"\x70\x02\x00\x0A", Packet::PubComp(ok()));
}

#[test]
fn an_acknowledgement_of_5_0_may_have_a_reason_without_properties() {
    let both = |bytes, packet| both_ways(Sender::Client, Version::V5, bytes, &packet);
    let refused = ack(ReasonCode::QuotaExceeded);
    both(b"\x40\x03\x00\x0A\x97", Packet::PubAck(refused.clone()));
    both(b"\x50\x03\x00\x0A\x97", Packet::PubRec(refused));
    let unknown = ack(ReasonCode::PacketIdentifierNotFound);
    both(b"\x62\x03\x00\x0A\x92", Packet::PubRel(unknown.clone()));
    both(b"\x70\x03\x00\x0A\x92", Packet::PubComp(unknown));
}

#[test]
fn an_acknowledgement_of_5_0_may_have_properties() {
    let packet = Packet::PubAck(Ack {
        properties: Some(Box::new(AckProperties {
            reason_string: Some(text("no")),
            user: Vec::new(),
        })),
        ..ack(ReasonCode::Success)
    });
    let bytes = b"\x40\x09\x00\x0A\x00\x05\x1F\x00\x02no";
    both_ways(Sender::Client, Version::V5, bytes, &packet);
}

#[test]
fn an_acknowledgement_may_state_that_it_has_no_properties() {
    let packet = from_client(Version::V5, b"\x40\x04\x00\x0A\x10\x00");
    let nobody = ack(ReasonCode::NoMatchingSubscribers);
    assert_eq!(packet, Packet::PubAck(nobody));
}

#[test]
fn before_5_0_an_acknowledgement_has_no_reason() {
    let error = DecodeError::TrailingBytes(1);
    assert_eq!(client_refusal(Version::V4, b"\x40\x03\x00\x0A\x00"), error);
    let refused = Packet::PubAck(ack(ReasonCode::NotAuthorized));
    assert_eq!(written(Version::V4, &refused), b"\x40\x02\x00\x0A");
}

#[test]
fn an_acknowledgement_has_a_packet_id_that_is_not_0() {
    let error = DecodeError::PacketIdZero;
    assert_eq!(client_refusal(Version::V4, b"\x40\x02\x00\x00"), error);
    assert_eq!(client_refusal(Version::V5, b"\x62\x03\x00\x00\x00"), error);
    let error = DecodeError::TooShort;
    assert_eq!(client_refusal(Version::V4, b"\x70\x01\x00"), error);
}

fn not_listed(packet: PacketType, number: u8) -> DecodeError {
    DecodeError::ReasonNotListed { packet, number }
}

/// \[MQTT5-3.4.2-1\]
#[test]
fn only_listed_puback_codes_are_taken_and_written() {
    let error = client_refusal(Version::V5, b"\x40\x03\x00\x0A\x92");
    assert_eq!(error, not_listed(PacketType::PubAck, 0x92));
    assert_eq!(error.reason_code(), ReasonCode::ProtocolError);
    let reason = ReasonCode::PacketIdentifierNotFound;
    let error = unwritable(Version::V5, &Packet::PubAck(ack(reason)));
    assert_eq!(
        error,
        EncodeError::ReasonNotListed(PacketType::PubAck, reason)
    );
}

/// \[MQTT5-3.5.2-1\]
#[test]
fn only_listed_pubrec_codes_are_taken_and_written() {
    let error = client_refusal(Version::V5, b"\x50\x03\x00\x0A\x01");
    assert_eq!(error, not_listed(PacketType::PubRec, 0x01));
    let reason = ReasonCode::GrantedQoS1;
    let error = unwritable(Version::V5, &Packet::PubRec(ack(reason)));
    assert_eq!(
        error,
        EncodeError::ReasonNotListed(PacketType::PubRec, reason)
    );
}

/// \[MQTT5-3.6.2-1\]
#[test]
fn only_listed_pubrel_codes_are_taken_and_written() {
    let error = client_refusal(Version::V5, b"\x62\x03\x00\x0A\x80");
    assert_eq!(error, not_listed(PacketType::PubRel, 0x80));
    let reason = ReasonCode::UnspecifiedError;
    let error = unwritable(Version::V5, &Packet::PubRel(ack(reason)));
    assert_eq!(
        error,
        EncodeError::ReasonNotListed(PacketType::PubRel, reason)
    );
}

/// \[MQTT5-3.7.2-1\]
#[test]
fn only_listed_pubcomp_codes_are_taken_and_written() {
    let error = client_refusal(Version::V5, b"\x70\x03\x00\x0A\x91");
    assert_eq!(error, not_listed(PacketType::PubComp, 0x91));
    let reason = ReasonCode::PacketIdentifierInUse;
    let error = unwritable(Version::V5, &Packet::PubComp(ack(reason)));
    assert_eq!(
        error,
        EncodeError::ReasonNotListed(PacketType::PubComp, reason)
    );
}

#[test]
fn nothing_follows_the_properties_of_an_acknowledgement() {
    let error = client_refusal(Version::V5, b"\x40\x05\x00\x0A\x00\x00\x00");
    assert_eq!(error, DecodeError::TrailingBytes(1));
}

fn disconnect(reason: ReasonCode) -> Packet {
    Packet::Disconnect(Box::new(Disconnect {
        reason,
        properties: DisconnectProperties::default(),
    }))
}

#[test]
fn a_disconnect_may_be_empty() {
    let normal = disconnect(ReasonCode::Success);
    both_ways(Sender::Client, Version::V3, b"\xE0\x00", &normal);
    both_ways(Sender::Client, Version::V4, b"\xE0\x00", &normal);
    both_ways(Sender::Client, Version::V5, b"\xE0\x00", &normal);
}

#[test]
fn a_disconnect_may_have_a_reason_without_properties() {
    let with_will = disconnect(ReasonCode::DisconnectWithWill);
    both_ways(Sender::Client, Version::V5, b"\xE0\x01\x04", &with_will);
    let taken_over = disconnect(ReasonCode::SessionTakenOver);
    both_ways(Sender::Server, Version::V5, b"\xE0\x01\x8E", &taken_over);
}

#[test]
fn a_disconnect_may_change_the_session_expiry() {
    let packet = Packet::Disconnect(Box::new(Disconnect {
        reason: ReasonCode::Success,
        properties: DisconnectProperties {
            session_expiry: Some(7),
            ..DisconnectProperties::default()
        },
    }));
    let bytes = b"\xE0\x07\x00\x05\x11\x00\x00\x00\x07";
    both_ways(Sender::Client, Version::V5, bytes, &packet);
}

/// \[MQTT5-3.14.2-2\]
#[test]
fn a_server_does_not_change_the_session_expiry() {
    let error = server_refusal(Version::V5, b"\xE0\x07\x00\x05\x11\x00\x00\x00\x07");
    let property = Property::SessionExpiryInterval;
    assert_eq!(error, DecodeError::PropertyWrongDirection(property));
}

#[test]
fn a_client_names_no_other_server() {
    let error = client_refusal(Version::V5, b"\xE0\x06\x00\x04\x1C\x00\x01s");
    let property = Property::ServerReference;
    assert_eq!(error, DecodeError::PropertyWrongDirection(property));
}

#[test]
fn before_5_0_a_disconnect_is_empty() {
    let error = DecodeError::TrailingBytes(1);
    assert_eq!(client_refusal(Version::V4, b"\xE0\x01\x00"), error);
    let busy = disconnect(ReasonCode::ServerBusy);
    assert_eq!(written(Version::V4, &busy), b"\xE0\x00");
}

/// \[MQTT5-3.14.2-1\]
#[test]
fn only_listed_disconnect_codes_are_taken_and_written() {
    let error = client_refusal(Version::V5, b"\xE0\x01\x8E");
    assert_eq!(error, not_listed(PacketType::Disconnect, 0x8E));
    let error = server_refusal(Version::V5, b"\xE0\x01\x04");
    assert_eq!(error, not_listed(PacketType::Disconnect, 0x04));
    let error = client_refusal(Version::V5, b"\xE0\x01\xFF");
    assert_eq!(error, not_listed(PacketType::Disconnect, 0xFF));
    let reason = ReasonCode::GrantedQoS1;
    let error = unwritable(Version::V5, &disconnect(reason));
    assert_eq!(
        error,
        EncodeError::ReasonNotListed(PacketType::Disconnect, reason)
    );
}

fn auth(reason: ReasonCode, properties: AuthProperties) -> Packet {
    Packet::Auth(Box::new(Auth { reason, properties }))
}

#[test]
fn an_auth_names_its_method() {
    let properties = AuthProperties {
        method: Some(text("m")),
        data: Some(Bytes::from_static(b"\x01")),
        ..AuthProperties::default()
    };
    let packet = auth(ReasonCode::ContinueAuthentication, properties);
    let bytes = b"\xF0\x0A\x18\x08\x15\x00\x01m\x16\x00\x01\x01";
    both_ways(Sender::Client, Version::V5, bytes, &packet);
    both_ways(Sender::Server, Version::V5, bytes, &packet);
}

#[test]
fn an_auth_that_states_success_may_be_empty() {
    let success = auth(ReasonCode::Success, AuthProperties::default());
    both_ways(Sender::Server, Version::V5, b"\xF0\x00", &success);
    assert_eq!(from_server(Version::V5, b"\xF0\x02\x00\x00"), success);
}

#[test]
fn an_auth_that_goes_on_needs_its_method() {
    let error = DecodeError::AuthenticationMethodMissing;
    assert_eq!(client_refusal(Version::V5, b"\xF0\x02\x18\x00"), error);
    let packet = auth(ReasonCode::ReAuthenticate, AuthProperties::default());
    let error = EncodeError::AuthenticationMethodMissing;
    assert_eq!(unwritable(Version::V5, &packet), error);
}

/// \[MQTT5-3.15.2-1\]
#[test]
fn only_listed_auth_codes_are_taken_and_written() {
    let error = client_refusal(Version::V5, b"\xF0\x00");
    assert_eq!(error, not_listed(PacketType::Auth, 0));
    let error = server_refusal(Version::V5, b"\xF0\x06\x19\x04\x15\x00\x01m");
    assert_eq!(error, not_listed(PacketType::Auth, 0x19));
    let reason = ReasonCode::NotAuthorized;
    let packet = auth(reason, AuthProperties::default());
    let error = unwritable(Version::V5, &packet);
    assert_eq!(
        error,
        EncodeError::ReasonNotListed(PacketType::Auth, reason)
    );
}

#[test]
fn before_5_0_there_is_no_auth() {
    let packet = auth(ReasonCode::Success, AuthProperties::default());
    let error = EncodeError::NotInVersion(PacketType::Auth);
    assert_eq!(unwritable(Version::V4, &packet), error);
}

/// A success of that kind, and the packet that says the same.
fn a_success(kind: AckKind, packet: fn(Ack) -> Packet) {
    let packet_id = id(0x1234);
    let mut short = BytesMut::new();
    encode_success(kind, packet_id, &mut short);
    assert_eq!(short.len(), SUCCESS_BYTES);
    let ack = Ack {
        packet_id,
        reason: ReasonCode::Success,
        properties: None,
    };
    for version in [Version::V3, Version::V4, Version::V5] {
        let mut whole = BytesMut::new();
        encode(&packet(ack.clone()), version, &mut whole).unwrap();
        assert_eq!(short, whole);
    }
}

#[test]
fn a_success_is_written_as_a_packet_of_its_kind_is() {
    a_success(AckKind::PubAck, Packet::PubAck);
    a_success(AckKind::PubRec, Packet::PubRec);
    a_success(AckKind::PubRel, Packet::PubRel);
    a_success(AckKind::PubComp, Packet::PubComp);
}
