//! The fixed header: type, flags, remaining length; and strings, which every packet has.

use bytes::Bytes;
use castmq_mqtt::{DecodeError, Decoder, Packet, PacketType, ReasonCode, Sender, Version};

use crate::wire::{
    PLENTY, both_ways, client_refusal, decoder, from_client, packet, server_refusal,
};
#[test]
fn a_ping_and_its_answer_have_two_bytes() {
    both_ways(Sender::Client, Version::V3, b"\xC0\x00", &Packet::PingReq);
    both_ways(Sender::Client, Version::V5, b"\xC0\x00", &Packet::PingReq);
    both_ways(Sender::Server, Version::V4, b"\xD0\x00", &Packet::PingResp);
}

#[test]
fn a_ping_with_a_body_has_trailing_bytes() {
    let error = DecodeError::TrailingBytes(2);
    assert_eq!(client_refusal(Version::V4, b"\xC0\x02hi"), error);
    assert_eq!(server_refusal(Version::V5, b"\xD0\x02hi"), error);
}

#[test]
fn type_0_is_reserved() {
    let error = DecodeError::ReservedPacketType(0);
    assert_eq!(client_refusal(Version::V5, b"\x00\x00"), error);
    assert_eq!(error.reason_code(), ReasonCode::MalformedPacket);
}

#[test]
fn type_15_is_reserved_before_version_5() {
    let error = DecodeError::ReservedPacketType(15);
    assert_eq!(client_refusal(Version::V3, b"\xF0\x00"), error);
    assert_eq!(server_refusal(Version::V4, b"\xF0\x00"), error);
}

#[test]
fn a_client_does_not_send_what_servers_send() {
    let error = |packet| DecodeError::WrongDirection(packet);
    let refusal = |first| client_refusal(Version::V5, &[first, 0]);
    assert_eq!(refusal(0x20), error(PacketType::ConnAck));
    assert_eq!(refusal(0x90), error(PacketType::SubAck));
    assert_eq!(refusal(0xB0), error(PacketType::UnsubAck));
    assert_eq!(refusal(0xD0), error(PacketType::PingResp));
    assert_eq!(refusal(0xD0).reason_code(), ReasonCode::ProtocolError);
}

#[test]
fn a_server_does_not_send_what_clients_send() {
    let error = |packet| DecodeError::WrongDirection(packet);
    let refusal = |first| server_refusal(Version::V5, &[first, 0]);
    assert_eq!(refusal(0x10), error(PacketType::Connect));
    assert_eq!(refusal(0x82), error(PacketType::Subscribe));
    assert_eq!(refusal(0xA2), error(PacketType::Unsubscribe));
    assert_eq!(refusal(0xC0), error(PacketType::PingReq));
}

#[test]
fn a_server_sends_no_disconnect_before_version_5() {
    let error = DecodeError::WrongDirection(PacketType::Disconnect);
    assert_eq!(server_refusal(Version::V4, b"\xE0\x00"), error);
}

/// \[MQTT3-3.1.0-1\] \[MQTT5-3.1.0-1\]
#[test]
fn nothing_comes_before_connect() {
    let mut decoder = Decoder::server(PLENTY);
    let error = decoder.decode(&mut Bytes::from_static(b"\xC0\x00"));
    assert_eq!(
        error,
        Err(DecodeError::ConnectExpected(PacketType::PingReq))
    );
}

fn flags_error(packet: PacketType, flags: u8) -> DecodeError {
    DecodeError::ReservedFlags { packet, flags }
}

/// \[MQTT3-2.2.2-2\] \[MQTT5-2.1.3-1\]
#[test]
fn reserved_flags_are_zero() {
    let refusal = |first| client_refusal(Version::V5, &[first]);
    assert_eq!(refusal(0x11), flags_error(PacketType::Connect, 1));
    assert_eq!(refusal(0x42), flags_error(PacketType::PubAck, 2));
    assert_eq!(refusal(0x58), flags_error(PacketType::PubRec, 8));
    assert_eq!(refusal(0x72), flags_error(PacketType::PubComp, 2));
    assert_eq!(refusal(0xC4), flags_error(PacketType::PingReq, 4));
    assert_eq!(refusal(0xC4).reason_code(), ReasonCode::MalformedPacket);
}

/// \[MQTT3-2.2.2-2\] \[MQTT5-2.1.3-1\]
#[test]
fn reserved_flags_of_the_server_are_zero() {
    let refusal = |first| server_refusal(Version::V5, &[first]);
    assert_eq!(refusal(0x21), flags_error(PacketType::ConnAck, 1));
    assert_eq!(refusal(0x92), flags_error(PacketType::SubAck, 2));
    assert_eq!(refusal(0xB2), flags_error(PacketType::UnsubAck, 2));
    assert_eq!(refusal(0xD8), flags_error(PacketType::PingResp, 8));
}

/// \[MQTT3-3.6.1-1\] \[MQTT5-3.6.1-1\]
#[test]
fn pubrel_has_flags_0010() {
    let error = flags_error(PacketType::PubRel, 0);
    assert_eq!(client_refusal(Version::V4, b"\x60\x02\x00\x01"), error);
    assert_eq!(client_refusal(Version::V5, b"\x60\x02\x00\x01"), error);
}

/// \[MQTT3-3.8.1-1\] \[MQTT5-3.8.1-1\]
#[test]
fn subscribe_has_flags_0010() {
    let error = flags_error(PacketType::Subscribe, 0);
    assert_eq!(client_refusal(Version::V4, b"\x80"), error);
    assert_eq!(client_refusal(Version::V5, b"\x80"), error);
}

/// \[MQTT3-3.10.1-1\] \[MQTT5-3.10.1-1\]
#[test]
fn unsubscribe_has_flags_0010() {
    let error = flags_error(PacketType::Unsubscribe, 0b1010);
    assert_eq!(client_refusal(Version::V4, b"\xAA"), error);
    assert_eq!(client_refusal(Version::V5, b"\xAA"), error);
}

/// \[MQTT3-3.14.1-1\] \[MQTT5-3.14.1-1\]
#[test]
fn disconnect_has_no_flags() {
    let error = flags_error(PacketType::Disconnect, 1);
    assert_eq!(client_refusal(Version::V4, b"\xE1\x00"), error);
    assert_eq!(client_refusal(Version::V5, b"\xE1\x00"), error);
}

/// \[MQTT5-3.15.1-1\]
#[test]
fn auth_has_no_flags() {
    let error = flags_error(PacketType::Auth, 2);
    assert_eq!(client_refusal(Version::V5, b"\xF2\x00"), error);
}

#[test]
fn in_3_1_a_repeated_pubrel_has_the_dup_flag() {
    let packet = from_client(Version::V3, b"\x6A\x02\x00\x07");
    assert_eq!(packet, from_client(Version::V3, b"\x62\x02\x00\x07"));
}

#[test]
fn a_remaining_length_has_at_most_four_bytes() {
    let error = DecodeError::RemainingLengthTooLong;
    assert_eq!(
        client_refusal(Version::V4, b"\x30\xFF\xFF\xFF\xFF\x01"),
        error
    );
    assert_eq!(client_refusal(Version::V4, b"\x30\x80\x80\x80\x80"), error);
    assert_eq!(error.reason_code(), ReasonCode::MalformedPacket);
}

/// \[MQTT5-1.5.5-1\]
#[test]
fn in_5_0_a_remaining_length_has_the_fewest_bytes() {
    let error = DecodeError::RemainingLengthNotMinimal;
    assert_eq!(client_refusal(Version::V5, b"\xC0\x80\x00"), error);
    assert_eq!(error.reason_code(), ReasonCode::MalformedPacket);
}

#[test]
fn before_5_0_a_remaining_length_may_be_padded() {
    assert_eq!(from_client(Version::V4, b"\xC0\x80\x00"), Packet::PingReq);
}

#[test]
fn a_packet_is_known_in_size_once_its_header_is_complete() {
    let decoder = decoder(Sender::Client, Version::V4);
    assert_eq!(decoder.packet_bytes(b""), Ok(None));
    assert_eq!(decoder.packet_bytes(b"\x30"), Ok(None));
    assert_eq!(decoder.packet_bytes(b"\x30\x80"), Ok(None));
    assert_eq!(decoder.packet_bytes(b"\x30\x80\x02"), Ok(Some(259)));
}
#[test]
fn a_packet_that_is_too_large_is_refused_before_its_body_comes() {
    let mut decoder = Decoder::client(Version::V5, 100);
    let error = DecodeError::PacketTooLarge {
        bytes: 101,
        max: 100,
    };
    assert_eq!(decoder.packet_bytes(b"\x30\x63"), Err(error));
    let refused = decoder.decode(&mut Bytes::from_static(b"\x30\x63"));
    assert_eq!(refused, Err(error));
    assert_eq!(error.reason_code(), ReasonCode::PacketTooLarge);
}

#[test]
fn a_packet_of_the_maximum_is_taken() {
    let mut decoder = Decoder::client(Version::V5, 0);
    decoder.set_max_packet_bytes(101);
    assert_eq!(decoder.packet_bytes(b"\x30\x63"), Ok(Some(101)));
}

#[test]
fn a_partial_packet_stays_in_the_input() {
    let mut input = Bytes::from_static(b"\xC0\x00\x30\x07\x00\x01");
    let mut decoder = decoder(Sender::Client, Version::V4);
    assert_eq!(decoder.decode(&mut input), Ok(Some(Packet::PingReq)));
    assert_eq!(decoder.decode(&mut input), Ok(None));
    assert_eq!(&*input, b"\x30\x07\x00\x01");
}

#[test]
fn a_payload_shares_the_bytes_it_came_in() {
    let bytes = Bytes::from_static(b"\x30\x05\x00\x01tab");
    let Ok(Some(Packet::Publish(publish))) =
        decoder(Sender::Client, Version::V4).decode(&mut bytes.clone())
    else {
        panic!("a publish");
    };
    assert_eq!(publish.payload.as_ptr(), bytes[5..].as_ptr());
}

fn publish_to(topic: &[u8]) -> Vec<u8> {
    let length = u8::try_from(topic.len()).unwrap();
    packet(0x30, &[&[0, length], topic].concat())
}

/// \[MQTT3-1.5.3-1\] \[MQTT5-1.5.4-1\]
#[test]
fn a_surrogate_is_no_character() {
    let bytes = publish_to(b"a\xED\xA0\x80");
    assert_eq!(
        client_refusal(Version::V4, &bytes),
        DecodeError::TextNotUtf8
    );
    assert_eq!(
        client_refusal(Version::V5, &bytes),
        DecodeError::TextNotUtf8
    );
}

/// \[MQTT3-1.5.3-1\] \[MQTT5-1.5.4-1\]
#[test]
fn a_string_is_well_formed_utf_8() {
    let error = DecodeError::TextNotUtf8;
    assert_eq!(client_refusal(Version::V4, &publish_to(b"\xFF")), error);
    assert_eq!(client_refusal(Version::V4, &publish_to(b"\xC0\xAF")), error);
    assert_eq!(client_refusal(Version::V4, &publish_to(b"\xC3")), error);
    assert_eq!(error.reason_code(), ReasonCode::MalformedPacket);
}

/// \[MQTT3-1.5.3-2\] \[MQTT5-1.5.4-2\]
#[test]
fn a_string_holds_no_null_character() {
    let bytes = publish_to(b"a\x00b");
    assert_eq!(client_refusal(Version::V4, &bytes), DecodeError::TextNull);
    assert_eq!(client_refusal(Version::V5, &bytes), DecodeError::TextNull);
}

/// \[MQTT3-1.5.3-3\] \[MQTT5-1.5.4-3\]
#[test]
fn a_byte_order_mark_is_an_ordinary_character() {
    let bytes = publish_to(b"\xEF\xBB\xBFa");
    let Packet::Publish(publish) = from_client(Version::V4, &bytes) else {
        panic!("a publish");
    };
    assert_eq!(publish.topic.unwrap().as_str(), "\u{FEFF}a");
}
