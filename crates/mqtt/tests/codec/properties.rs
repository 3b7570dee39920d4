//! The properties of 5.0: where they may stand, how often, and with which values.

use bytes::Bytes;
use castmq_mqtt::{
    ConnAck, ConnAckProperties, Connect, ConnectProperties, DecodeError, EncodeError, Packet,
    Property, Publish, PublishProperties, QoS, ReasonCode, Sender, Text, Version,
};

use crate::wire::{
    both_ways, client_refusal, from_client, packet, server_refusal, text, topic, unwritable,
};

/// A CONNECT of 5.0 with these properties.
fn connect(properties: &[u8]) -> Vec<u8> {
    let length = u8::try_from(properties.len()).unwrap();
    let head = b"\x00\x04MQTT\x05\x02\x00\x00";
    packet(
        0x10,
        &[head, &[length][..], properties, b"\x00\x00"].concat(),
    )
}

/// A CONNECT of 5.0 whose will has these properties.
fn will(properties: &[u8]) -> Vec<u8> {
    let length = u8::try_from(properties.len()).unwrap();
    let head = b"\x00\x04MQTT\x05\x06\x00\x00\x00\x00\x00";
    packet(
        0x10,
        &[head, &[length][..], properties, b"\x00\x01w\x00\x00"].concat(),
    )
}

/// An accepting CONNACK of 5.0 with these properties.
fn connack(properties: &[u8]) -> Vec<u8> {
    let length = u8::try_from(properties.len()).unwrap();
    packet(0x20, &[b"\x00\x00", &[length][..], properties].concat())
}

/// A PUBLISH of 5.0 with these properties.
fn publish(properties: &[u8]) -> Vec<u8> {
    let length = u8::try_from(properties.len()).unwrap();
    packet(0x30, &[b"\x00\x01a", &[length][..], properties].concat())
}

fn in_connect(properties: &[u8]) -> DecodeError {
    client_refusal(Version::V5, &connect(properties))
}

fn in_connack(properties: &[u8]) -> DecodeError {
    server_refusal(Version::V5, &connack(properties))
}

fn in_publish(properties: &[u8]) -> DecodeError {
    client_refusal(Version::V5, &publish(properties))
}

fn in_will(properties: &[u8]) -> DecodeError {
    client_refusal(Version::V5, &will(properties))
}

#[test]
fn all_properties_of_connect() {
    let bytes = connect(
        b"\x11\x00\x00\x00\x01\x21\x00\x02\x27\x00\x00\x00\x03\x22\x00\x04\x19\x01\x17\x00\
          \x15\x00\x01m\x16\x00\x01d\x26\x00\x01k\x00\x01v",
    );
    let expected = Packet::Connect(Box::new(Connect {
        version: Version::V5,
        clean_start: true,
        properties: ConnectProperties {
            session_expiry: Some(1),
            receive_maximum: Some(2),
            maximum_packet_size: Some(3),
            topic_alias_maximum: Some(4),
            request_response_information: Some(true),
            request_problem_information: Some(false),
            authentication_method: Some(text("m")),
            authentication_data: Some(Bytes::from_static(b"d")),
            user: vec![(text("k"), text("v"))],
        },
        ..Connect::default()
    }));
    both_ways(Sender::Client, Version::V5, &bytes, &expected);
}

#[test]
fn all_properties_of_connack() {
    let bytes = connack(
        b"\x11\x00\x00\x00\x01\x21\x00\x02\x24\x01\x25\x00\x27\x00\x00\x00\x03\x12\x00\x01c\
          \x22\x00\x04\x1F\x00\x01r\x26\x00\x01k\x00\x01v\x28\x00\x29\x01\x2A\x00\x13\x00\x05\
          \x1A\x00\x01i\x1C\x00\x01s\x15\x00\x01m\x16\x00\x01d",
    );
    let expected = Packet::ConnAck(Box::new(ConnAck {
        session_present: false,
        reason: ReasonCode::Success,
        properties: ConnAckProperties {
            session_expiry: Some(1),
            receive_maximum: Some(2),
            maximum_qos: Some(QoS::AtLeastOnce),
            retain_available: Some(false),
            maximum_packet_size: Some(3),
            assigned_client_id: Some(text("c")),
            topic_alias_maximum: Some(4),
            reason_string: Some(text("r")),
            user: vec![(text("k"), text("v"))],
            wildcard_available: Some(false),
            subscription_ids_available: Some(true),
            shared_available: Some(false),
            server_keep_alive: Some(5),
            response_information: Some(text("i")),
            server_reference: Some(text("s")),
            authentication_method: Some(text("m")),
            authentication_data: Some(Bytes::from_static(b"d")),
        },
    }));
    both_ways(Sender::Server, Version::V5, &bytes, &expected);
}

#[test]
fn all_properties_of_publish() {
    let bytes = publish(
        b"\x01\x01\x02\x00\x00\x00\x09\x23\x00\x02\x08\x00\x01r\x09\x00\x01\xFF\
          \x26\x00\x01k\x00\x01v\x0B\x07\x03\x00\x01t",
    );
    let expected = Packet::Publish(Publish {
        topic: Some(topic("a")),
        properties: Some(Box::new(PublishProperties {
            payload_is_utf8: Some(true),
            message_expiry: Some(9),
            topic_alias: Some(2),
            response_topic: Some(text("r")),
            correlation_data: Some(Bytes::from_static(b"\xFF")),
            user: vec![(text("k"), text("v"))],
            subscription_ids: vec![7],
            content_type: Some(text("t")),
        })),
        ..Publish::default()
    });
    both_ways(Sender::Server, Version::V5, &bytes, &expected);
}

fn pair(name: &str, value: &str) -> (Text, Text) {
    (text(name), text(value))
}
#[test]
fn user_properties_keep_their_order_and_may_repeat() {
    let bytes = publish(b"\x26\x00\x01b\x00\x011\x26\x00\x01a\x00\x00\x26\x00\x01b\x00\x012");
    let Packet::Publish(read) = from_client(Version::V5, &bytes) else {
        panic!("a publish");
    };
    let expected = [pair("b", "1"), pair("a", ""), pair("b", "2")];
    assert_eq!(read.properties.unwrap().user, expected);
}

/// \[MQTT5-1.5.7-1\]
#[test]
fn both_halves_of_a_user_property_are_strings() {
    let error = in_publish(b"\x26\x00\x01\xFF\x00\x01v");
    assert_eq!(error, DecodeError::TextNotUtf8);
    let error = in_publish(b"\x26\x00\x01k\x00\x01\x00");
    assert_eq!(error, DecodeError::TextNull);
}

#[test]
fn an_unknown_property_is_malformed() {
    let error = in_publish(b"\x04\x00");
    assert_eq!(error, DecodeError::PropertyUnknown(4));
    assert_eq!(error.reason_code(), ReasonCode::MalformedPacket);
    let error = in_publish(b"\x80\x01\x00");
    assert_eq!(error, DecodeError::PropertyUnknown(128));
}

#[test]
fn a_property_of_another_packet_is_malformed() {
    let error = in_connect(b"\x23\x00\x01");
    assert_eq!(error, DecodeError::PropertyMisplaced(Property::TopicAlias));
    assert_eq!(error.reason_code(), ReasonCode::MalformedPacket);
    let error = in_publish(b"\x11\x00\x00\x00\x01");
    let property = Property::SessionExpiryInterval;
    assert_eq!(error, DecodeError::PropertyMisplaced(property));
}

#[test]
fn a_will_has_neither_alias_nor_subscription_identifier() {
    let error = in_will(b"\x23\x00\x01");
    assert_eq!(error, DecodeError::PropertyMisplaced(Property::TopicAlias));
    let error = in_will(b"\x0B\x01");
    let property = Property::SubscriptionIdentifier;
    assert_eq!(error, DecodeError::PropertyMisplaced(property));
}

#[test]
fn only_a_will_has_a_delay() {
    let error = in_publish(b"\x18\x00\x00\x00\x01");
    let property = Property::WillDelayInterval;
    assert_eq!(error, DecodeError::PropertyMisplaced(property));
    let error = in_connect(b"\x18\x00\x00\x00\x01");
    assert_eq!(error, DecodeError::PropertyMisplaced(property));
}

#[test]
fn a_property_occurs_once() {
    let error = in_connect(b"\x21\x00\x01\x21\x00\x01");
    assert_eq!(error, DecodeError::PropertyTwice(Property::ReceiveMaximum));
    assert_eq!(error.reason_code(), ReasonCode::ProtocolError);
    let error = in_publish(b"\x01\x00\x01\x00");
    let property = Property::PayloadFormatIndicator;
    assert_eq!(error, DecodeError::PropertyTwice(property));
    let error = in_will(b"\x03\x00\x01t\x03\x00\x01t");
    assert_eq!(error, DecodeError::PropertyTwice(Property::ContentType));
}

#[test]
fn a_subscribe_has_one_subscription_identifier_that_is_not_0() {
    let error = client_refusal(Version::V5, b"\x82\x09\x00\x0A\x02\x0B\x00\x00\x01a\x00");
    let property = Property::SubscriptionIdentifier;
    assert_eq!(error, DecodeError::PropertyValue(property));
    let bytes = b"\x82\x0B\x00\x0A\x04\x0B\x01\x0B\x02\x00\x01a\x00";
    let error = client_refusal(Version::V5, bytes);
    assert_eq!(error, DecodeError::PropertyTwice(property));
}

#[test]
fn receive_maximum_and_maximum_packet_size_are_not_0() {
    let error = in_connect(b"\x21\x00\x00");
    assert_eq!(error, DecodeError::PropertyValue(Property::ReceiveMaximum));
    assert_eq!(error.reason_code(), ReasonCode::ProtocolError);
    let error = in_connect(b"\x27\x00\x00\x00\x00");
    assert_eq!(
        error,
        DecodeError::PropertyValue(Property::MaximumPacketSize)
    );
    let error = in_connack(b"\x21\x00\x00");
    assert_eq!(error, DecodeError::PropertyValue(Property::ReceiveMaximum));
}

#[test]
fn a_switch_is_0_or_1() {
    let error = in_connect(b"\x19\x02");
    let property = Property::RequestResponseInformation;
    assert_eq!(error, DecodeError::PropertyValue(property));
    let error = in_connect(b"\x17\x02");
    let property = Property::RequestProblemInformation;
    assert_eq!(error, DecodeError::PropertyValue(property));
    let error = in_publish(b"\x01\x02");
    let property = Property::PayloadFormatIndicator;
    assert_eq!(error, DecodeError::PropertyValue(property));
    let error = in_connack(b"\x25\x02");
    assert_eq!(error, DecodeError::PropertyValue(Property::RetainAvailable));
}

#[test]
fn a_maximum_qos_is_0_or_1() {
    let error = in_connack(b"\x24\x02");
    assert_eq!(error, DecodeError::PropertyValue(Property::MaximumQoS));
    let error = in_connack(b"\x24\x03");
    assert_eq!(error, DecodeError::PropertyValue(Property::MaximumQoS));
}

#[test]
fn values_that_nobody_takes_are_not_written() {
    let connect = Packet::Connect(Box::new(Connect {
        version: Version::V5,
        properties: ConnectProperties {
            receive_maximum: Some(0),
            ..ConnectProperties::default()
        },
        ..Connect::default()
    }));
    let error = EncodeError::PropertyValue(Property::ReceiveMaximum);
    assert_eq!(unwritable(Version::V5, &connect), error);

    let publish = Packet::Publish(Publish {
        topic: Some(topic("a")),
        properties: Some(Box::new(PublishProperties {
            subscription_ids: vec![268_435_456],
            ..PublishProperties::default()
        })),
        ..Publish::default()
    });
    let error = EncodeError::PropertyValue(Property::SubscriptionIdentifier);
    assert_eq!(unwritable(Version::V5, &publish), error);
}

#[test]
fn properties_end_within_the_packet() {
    let error = client_refusal(Version::V5, b"\x30\x04\x00\x01a\x05");
    assert_eq!(error, DecodeError::TooShort);
    let error = client_refusal(Version::V5, b"\x30\x03\x00\x01a");
    assert_eq!(error, DecodeError::TooShort);
}

#[test]
fn a_property_ends_within_the_properties() {
    let error = client_refusal(Version::V5, b"\x30\x08\x00\x01a\x02\x23\x00\x01x");
    assert_eq!(error, DecodeError::TooShort);
}

/// \[MQTT5-1.5.5-1\]
#[test]
fn a_variable_byte_integer_has_the_fewest_bytes() {
    let error = DecodeError::VariableIntegerNotMinimal;
    assert_eq!(
        client_refusal(Version::V5, b"\x30\x05\x00\x01a\x80\x00"),
        error
    );
    let refusal = server_refusal(Version::V5, &publish(b"\x0B\x81\x00"));
    assert_eq!(refusal, error);
    assert_eq!(error.reason_code(), ReasonCode::MalformedPacket);
}

#[test]
fn a_variable_byte_integer_has_at_most_four_bytes() {
    let error = DecodeError::VariableIntegerTooLong;
    let refusal = server_refusal(Version::V5, &publish(b"\x0B\xFF\xFF\xFF\xFF\x01"));
    assert_eq!(refusal, error);
    assert_eq!(error.reason_code(), ReasonCode::MalformedPacket);
}

#[test]
fn the_largest_subscription_identifier_has_four_bytes() {
    let bytes = publish(b"\x0B\xFF\xFF\xFF\x7F");
    let expected = Packet::Publish(Publish {
        topic: Some(topic("a")),
        properties: Some(Box::new(PublishProperties {
            subscription_ids: vec![268_435_455],
            ..PublishProperties::default()
        })),
        ..Publish::default()
    });
    both_ways(Sender::Server, Version::V5, &bytes, &expected);
}
