//! CONNECT and CONNACK.

use bytes::Bytes;
use castmq_mqtt::{
    ConnAck, ConnAckProperties, Connect, ConnectProperties, ConnectReturn, DecodeError, Decoder,
    EncodeError, Packet, PacketType, QoS, ReasonCode, Sender, TopicError, Version, Will,
    WillProperties,
};

use crate::wire::{
    PLENTY, both_ways, connect_refusal, from_client, from_server, packet, server_refusal, text,
    topic, unwritable, written,
};

fn connect(version: Version) -> Connect {
    Connect {
        version,
        clean_start: true,
        keep_alive: 60,
        client_id: text("me"),
        ..Connect::default()
    }
}

fn is(version: Version, bytes: &[u8], connect: Connect) {
    both_ways(
        Sender::Client,
        version,
        bytes,
        &Packet::Connect(Box::new(connect)),
    );
}

/// The body of a CONNECT of 3.1.1 with these flags and what follows the keep alive.
fn v4(flags: u8, rest: &[u8]) -> Vec<u8> {
    let head = [b"\x00\x04MQTT\x04", &[flags][..], b"\x00\x3C"].concat();
    packet(0x10, &[&head, rest].concat())
}

/// The same of 5.0.
fn v5(flags: u8, rest: &[u8]) -> Vec<u8> {
    let head = [b"\x00\x04MQTT\x05", &[flags][..], b"\x00\x3C"].concat();
    packet(0x10, &[&head, rest].concat())
}

fn refusal(bytes: &[u8]) -> DecodeError {
    connect_refusal(bytes).0
}

#[test]
fn a_connect_of_3_1() {
    let bytes = b"\x10\x10\x00\x06MQIsdp\x03\x02\x00\x3C\x00\x02me";
    is(Version::V3, bytes, connect(Version::V3));
}

#[test]
fn a_connect_of_3_1_1() {
    is(
        Version::V4,
        b"\x10\x0E\x00\x04MQTT\x04\x02\x00\x3C\x00\x02me",
        connect(Version::V4),
    );
}

#[test]
fn a_connect_of_5_0() {
    is(
        Version::V5,
        b"\x10\x0F\x00\x04MQTT\x05\x02\x00\x3C\x00\x00\x02me",
        connect(Version::V5),
    );
}

/// \[MQTT3-3.1.3-1\] \[MQTT3-3.1.2-9\]
#[test]
fn the_payload_is_client_id_will_user_name_and_password() {
    is(
        Version::V4,
        &v4(
            0xF6,
            b"\x00\x02me\x00\x01w\x00\x03bye\x00\x01u\x00\x02\xFF\x00",
        ),
        Connect {
            will: Some(Will {
                topic: topic("w"),
                payload: Bytes::from_static(b"bye"),
                qos: QoS::ExactlyOnce,
                retain: true,
                properties: WillProperties::default(),
            }),
            user_name: Some(text("u")),
            password: Some(Bytes::from_static(b"\xFF\x00")),
            ..connect(Version::V4)
        },
    );
}

/// \[MQTT5-3.1.3-1\] \[MQTT5-3.1.2-9\]
#[test]
fn in_5_0_the_will_has_properties_of_its_own() {
    is(
        Version::V5,
        &v5(
            0x0E,
            b"\x05\x11\x00\x00\x00\x0A\x00\x02me\x05\x18\x00\x00\x00\x05\x00\x01w\x00\x03bye",
        ),
        Connect {
            will: Some(Will {
                topic: topic("w"),
                payload: Bytes::from_static(b"bye"),
                qos: QoS::AtLeastOnce,
                retain: false,
                properties: WillProperties {
                    delay: Some(5),
                    ..WillProperties::default()
                },
            }),
            properties: ConnectProperties {
                session_expiry: Some(10),
                ..ConnectProperties::default()
            },
            ..connect(Version::V5)
        },
    );
}

#[test]
fn a_server_learns_the_version_from_connect() {
    let mut decoder = Decoder::server(PLENTY);
    assert_eq!(decoder.version(), None);
    let mut input = Bytes::from(v5(2, b"\x00\x00\x02me"));
    assert!(decoder.decode(&mut input).unwrap().is_some());
    assert_eq!(decoder.version(), Some(Version::V5));
}

#[test]
fn the_version_is_known_when_the_rest_of_connect_is_wrong() {
    let (error, version) = connect_refusal(&v5(0x03, b"\x00\x00\x02me"));
    assert_eq!(error, DecodeError::ConnectReservedFlag);
    assert_eq!(version, Some(Version::V5));
}

/// \[MQTT3-3.1.2-1\] \[MQTT5-3.1.2-1\]
#[test]
fn another_protocol_name_is_an_unsupported_version() {
    let (error, version) = connect_refusal(b"\x10\x0E\x00\x04mqtt\x04\x02\x00\x3C\x00\x02me");
    assert_eq!(error, DecodeError::UnknownProtocolName);
    assert!(error.is_unsupported_version());
    assert_eq!(version, None);
}

/// \[MQTT3-3.1.2-2\] \[MQTT5-3.1.2-2\]
#[test]
fn another_level_is_an_unsupported_version() {
    let (error, version) = connect_refusal(b"\x10\x0E\x00\x04MQTT\x06\x02\x00\x3C\x00\x02me");
    assert_eq!(error, DecodeError::UnsupportedProtocolLevel(6));
    assert!(error.is_unsupported_version());
    assert_eq!(error.reason_code(), ReasonCode::UnsupportedProtocolVersion);
    assert_eq!(version, None);
}

#[test]
fn name_and_level_belong_together() {
    let error = refusal(b"\x10\x0E\x00\x04MQTT\x03\x02\x00\x3C\x00\x02me");
    assert_eq!(error, DecodeError::UnsupportedProtocolLevel(3));
    let error = refusal(b"\x10\x10\x00\x06MQIsdp\x04\x02\x00\x3C\x00\x02me");
    assert_eq!(error, DecodeError::UnsupportedProtocolLevel(4));
}

#[test]
fn a_bridge_sets_the_high_bit_of_the_level() {
    let bridge = |version| Connect {
        is_bridge: true,
        ..connect(version)
    };
    let bytes = b"\x10\x10\x00\x06MQIsdp\x83\x02\x00\x3C\x00\x02me";
    is(Version::V3, bytes, bridge(Version::V3));
    let bytes = b"\x10\x0E\x00\x04MQTT\x84\x02\x00\x3C\x00\x02me";
    is(Version::V4, bytes, bridge(Version::V4));
}

#[test]
fn there_are_no_bridges_of_5_0() {
    let error = refusal(b"\x10\x0F\x00\x04MQTT\x85\x02\x00\x3C\x00\x00\x02me");
    assert_eq!(error, DecodeError::UnsupportedProtocolLevel(0x85));
}

/// \[MQTT3-3.1.2-3\] \[MQTT5-3.1.2-3\]
#[test]
fn the_reserved_connect_flag_is_zero() {
    let error = DecodeError::ConnectReservedFlag;
    assert_eq!(refusal(&v4(0x03, b"\x00\x02me")), error);
    assert_eq!(refusal(&v5(0x03, b"\x00\x00\x02me")), error);
    assert!(!error.is_unsupported_version());
}

/// \[MQTT3-3.1.2-14\] \[MQTT5-3.1.2-12\]
#[test]
fn a_will_has_no_qos_3() {
    let error = DecodeError::WillQoSInvalid;
    assert_eq!(refusal(&v4(0x1E, b"\x00\x02me\x00\x01w\x00\x00")), error);
    assert_eq!(
        refusal(&v5(0x1E, b"\x00\x00\x02me\x00\x00\x01w\x00\x00")),
        error
    );
    assert_eq!(error.reason_code(), ReasonCode::MalformedPacket);
}

/// \[MQTT3-3.1.2-11\] \[MQTT3-3.1.2-13\] \[MQTT5-3.1.2-11\]
#[test]
fn without_a_will_there_is_no_will_qos() {
    let error = DecodeError::WillFlagsWithoutWill;
    assert_eq!(refusal(&v4(0x0A, b"\x00\x02me")), error);
    assert_eq!(refusal(&v5(0x0A, b"\x00\x00\x02me")), error);
}

/// \[MQTT3-3.1.2-15\] \[MQTT5-3.1.2-13\]
#[test]
fn without_a_will_there_is_no_will_retain() {
    let error = DecodeError::WillFlagsWithoutWill;
    assert_eq!(refusal(&v4(0x22, b"\x00\x02me")), error);
    assert_eq!(refusal(&v5(0x22, b"\x00\x00\x02me")), error);
}

#[test]
fn the_will_topic_is_a_topic() {
    let error = DecodeError::WillTopic(TopicError::Wildcard);
    assert_eq!(refusal(&v4(0x06, b"\x00\x02me\x00\x01#\x00\x00")), error);
    let error = DecodeError::WillTopic(TopicError::Empty);
    assert_eq!(refusal(&v4(0x06, b"\x00\x02me\x00\x00\x00\x00")), error);
    assert_eq!(error.reason_code(), ReasonCode::TopicNameInvalid);
}

/// \[MQTT3-3.1.3-10\] \[MQTT5-3.1.3-11\]
#[test]
fn the_will_topic_is_utf_8() {
    let error = DecodeError::TextNotUtf8;
    assert_eq!(refusal(&v4(0x06, b"\x00\x02me\x00\x01\xFF\x00\x00")), error);
    assert_eq!(
        refusal(&v5(0x06, b"\x00\x00\x02me\x00\x00\x01\xFF\x00\x00")),
        error
    );
}

/// \[MQTT3-3.1.3-4\] \[MQTT5-3.1.3-4\]
#[test]
fn the_client_id_is_utf_8() {
    let error = DecodeError::TextNotUtf8;
    assert_eq!(refusal(&v4(0x02, b"\x00\x01\xFF")), error);
    assert_eq!(refusal(&v5(0x02, b"\x00\x00\x01\xFF")), error);
}

/// \[MQTT3-3.1.3-11\] \[MQTT5-3.1.3-12\]
#[test]
fn the_user_name_is_utf_8() {
    let error = DecodeError::TextNotUtf8;
    assert_eq!(refusal(&v4(0x82, b"\x00\x02me\x00\x01\xFF")), error);
    assert_eq!(refusal(&v5(0x82, b"\x00\x00\x02me\x00\x01\xFF")), error);
}

/// \[MQTT3-3.1.3-3\] \[MQTT5-3.1.3-3\]
#[test]
fn the_client_id_is_present() {
    assert_eq!(refusal(&v4(0x02, b"")), DecodeError::TooShort);
    assert_eq!(refusal(&v5(0x02, b"\x00")), DecodeError::TooShort);
}

/// \[MQTT3-3.1.2-19\] \[MQTT5-3.1.2-17\]
#[test]
fn a_user_name_that_is_announced_is_present() {
    let error = DecodeError::TooShort;
    assert_eq!(refusal(&v4(0x82, b"\x00\x02me")), error);
    assert_eq!(refusal(&v5(0x82, b"\x00\x00\x02me")), error);
}

/// \[MQTT3-3.1.2-21\] \[MQTT5-3.1.2-19\]
#[test]
fn a_password_that_is_announced_is_present() {
    let error = DecodeError::TooShort;
    assert_eq!(refusal(&v4(0xC2, b"\x00\x02me\x00\x01u")), error);
    assert_eq!(refusal(&v5(0x42, b"\x00\x00\x02me")), error);
}

/// \[MQTT3-3.1.2-18\] \[MQTT3-3.1.2-20\] \[MQTT5-3.1.2-16\]
#[test]
fn a_user_name_that_is_not_announced_is_not_there() {
    let error = DecodeError::TrailingBytes(3);
    assert_eq!(refusal(&v4(0x02, b"\x00\x02me\x00\x01u")), error);
    assert_eq!(refusal(&v5(0x02, b"\x00\x00\x02me\x00\x01u")), error);
}

/// \[MQTT5-3.1.2-18\]
#[test]
fn a_password_that_is_not_announced_is_not_there() {
    let bytes = v5(0x82, b"\x00\x00\x02me\x00\x01u\x00\x01p");
    assert_eq!(refusal(&bytes), DecodeError::TrailingBytes(3));
}

/// \[MQTT3-3.1.2-22\]
#[test]
fn before_5_0_a_password_needs_a_user_name() {
    let error = DecodeError::PasswordWithoutUserName;
    assert_eq!(refusal(&v4(0x42, b"\x00\x02me\x00\x01p")), error);
    let packet = Packet::Connect(Box::new(Connect {
        password: Some(Bytes::from_static(b"p")),
        ..connect(Version::V4)
    }));
    let error = EncodeError::PasswordWithoutUserName;
    assert_eq!(unwritable(Version::V4, &packet), error);
}

#[test]
fn in_5_0_a_password_may_stand_alone() {
    is(
        Version::V5,
        &v5(0x42, b"\x00\x00\x02me\x00\x01p"),
        Connect {
            password: Some(Bytes::from_static(b"p")),
            ..connect(Version::V5)
        },
    );
}

#[test]
fn in_3_1_user_name_and_password_may_be_missing_whatever_the_flags_say() {
    let bytes = b"\x10\x10\x00\x06MQIsdp\x03\xC2\x00\x3C\x00\x02me";
    let expected = Packet::Connect(Box::new(connect(Version::V3)));
    assert_eq!(from_client(Version::V3, bytes), expected);
}

#[test]
fn in_3_1_the_reserved_connect_flag_means_nothing() {
    let bytes = b"\x10\x10\x00\x06MQIsdp\x03\x03\x00\x3C\x00\x02me";
    let expected = Packet::Connect(Box::new(connect(Version::V3)));
    assert_eq!(from_client(Version::V3, bytes), expected);
}

/// \[MQTT5-1.5.5-1\]
#[test]
fn a_connect_of_5_0_states_its_length_in_the_fewest_bytes() {
    let error = refusal(b"\x10\x8F\x00\x00\x04MQTT\x05\x02\x00\x3C\x00\x00\x02me");
    assert_eq!(error, DecodeError::RemainingLengthNotMinimal);
}

#[test]
fn authentication_data_needs_a_method() {
    let error = refusal(&v5(0x02, b"\x04\x16\x00\x01d\x00\x02me"));
    assert_eq!(error, DecodeError::AuthenticationMethodMissing);
    assert_eq!(error.reason_code(), ReasonCode::ProtocolError);
}

#[test]
fn a_connect_of_one_version_is_not_written_as_another() {
    let packet = Packet::Connect(Box::new(connect(Version::V4)));
    assert_eq!(unwritable(Version::V5, &packet), EncodeError::OtherVersion);
}

#[test]
fn a_password_is_at_most_65535_bytes_long() {
    let packet = Packet::Connect(Box::new(Connect {
        password: Some(Bytes::from(vec![0; 65_536])),
        ..connect(Version::V5)
    }));
    assert_eq!(unwritable(Version::V5, &packet), EncodeError::BinaryTooLong);
}

fn connack(session_present: bool, reason: ReasonCode) -> Packet {
    Packet::ConnAck(Box::new(ConnAck {
        session_present,
        reason,
        properties: ConnAckProperties::default(),
    }))
}
#[test]
fn an_accepting_connack_tells_whether_there_is_a_session() {
    let accepted = connack(true, ReasonCode::Success);
    both_ways(Sender::Server, Version::V4, b"\x20\x02\x01\x00", &accepted);
    let accepted = connack(false, ReasonCode::Success);
    both_ways(Sender::Server, Version::V4, b"\x20\x02\x00\x00", &accepted);
}

#[test]
fn a_connack_of_5_0_has_properties() {
    let accepted = connack(true, ReasonCode::Success);
    both_ways(
        Sender::Server,
        Version::V5,
        b"\x20\x03\x01\x00\x00",
        &accepted,
    );
    let refused = connack(false, ReasonCode::NotAuthorized);
    both_ways(
        Sender::Server,
        Version::V5,
        b"\x20\x03\x00\x87\x00",
        &refused,
    );
}

#[test]
fn a_connack_of_3_1_does_not_tell_of_a_session() {
    let accepted = connack(true, ReasonCode::Success);
    assert_eq!(written(Version::V3, &accepted), b"\x20\x02\x00\x00");
}

#[test]
fn before_5_0_reasons_become_return_codes() {
    let code = |reason| written(Version::V4, &connack(false, reason))[3];
    assert_eq!(code(ReasonCode::UnsupportedProtocolVersion), 1);
    assert_eq!(code(ReasonCode::ClientIdentifierNotValid), 2);
    assert_eq!(code(ReasonCode::ServerBusy), 3);
    assert_eq!(code(ReasonCode::BadUserNameOrPassword), 4);
    assert_eq!(code(ReasonCode::Banned), 5);
}

#[test]
fn return_codes_become_reasons_again() {
    let refused = connack(false, ReasonCode::BadUserNameOrPassword);
    assert_eq!(from_server(Version::V3, b"\x20\x02\x00\x04"), refused);
    assert_eq!(
        ConnectReturn::from_reason(ConnectReturn::IdentifierRejected.reason()),
        Some(ConnectReturn::IdentifierRejected)
    );
}

/// \[MQTT3-3.2.2-6\]
#[test]
fn before_5_0_some_reasons_have_no_return_code() {
    let reason = ReasonCode::TopicNameInvalid;
    let error = EncodeError::ReasonNotListed(PacketType::ConnAck, reason);
    assert_eq!(unwritable(Version::V4, &connack(false, reason)), error);
    assert_eq!(ConnectReturn::from_reason(reason), None);
}

/// \[MQTT3-3.2.2-4\] \[MQTT5-3.2.2-6\]
#[test]
fn a_refusal_states_no_session() {
    let error = DecodeError::SessionPresentWithRefusal;
    assert_eq!(server_refusal(Version::V4, b"\x20\x02\x01\x05"), error);
    assert_eq!(server_refusal(Version::V5, b"\x20\x03\x01\x87\x00"), error);
    let packet = connack(true, ReasonCode::NotAuthorized);
    let error = EncodeError::SessionPresentWithRefusal;
    assert_eq!(unwritable(Version::V5, &packet), error);
}

/// \[MQTT5-3.2.2-1\]
#[test]
fn reserved_connack_flags_are_zero() {
    let error = DecodeError::ConnAckReservedFlags(2);
    assert_eq!(server_refusal(Version::V4, b"\x20\x02\x02\x00"), error);
    assert_eq!(server_refusal(Version::V5, b"\x20\x03\x02\x00\x00"), error);
    let error = DecodeError::ConnAckReservedFlags(1);
    assert_eq!(server_refusal(Version::V3, b"\x20\x02\x01\x00"), error);
}

/// \[MQTT5-3.2.2-8\]
#[test]
fn only_listed_connack_codes_are_taken_and_written() {
    let packet = PacketType::ConnAck;
    let error = |number| DecodeError::ReasonNotListed { packet, number };
    assert_eq!(server_refusal(Version::V4, b"\x20\x02\x00\x06"), error(6));
    let refusal = server_refusal(Version::V5, b"\x20\x03\x00\x8E\x00");
    assert_eq!(refusal, error(0x8E));
    let taken_over = ReasonCode::SessionTakenOver;
    assert_eq!(
        unwritable(Version::V5, &connack(false, taken_over)),
        EncodeError::ReasonNotListed(packet, taken_over)
    );
}
