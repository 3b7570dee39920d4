//! PUBLISH.

use bytes::Bytes;
use castmq_mqtt::{
    DecodeError, EncodeError, Packet, Property, Publish, PublishProperties, QoS, ReasonCode,
    Sender, TopicError, Version,
};

use crate::wire::{both_ways, client_refusal, from_server, id, topic, unwritable};

fn hello() -> Publish {
    Publish {
        topic: Some(topic("a/b")),
        payload: Bytes::from_static(b"hi"),
        ..Publish::default()
    }
}

/// \[MQTT3-2.3.1-5\] \[MQTT3-3.3.2-1\]
#[test]
fn a_publish_of_qos_0_has_no_packet_id() {
    let bytes = b"\x30\x07\x00\x03a/bhi";
    both_ways(
        Sender::Client,
        Version::V4,
        bytes,
        &Packet::Publish(hello()),
    );
    both_ways(
        Sender::Server,
        Version::V3,
        bytes,
        &Packet::Publish(hello()),
    );
}

/// \[MQTT5-2.2.1-2\] \[MQTT5-2.2.2-1\] \[MQTT5-3.3.2-1\]
#[test]
fn a_publish_of_5_0_states_that_it_has_no_properties() {
    let bytes = b"\x30\x08\x00\x03a/b\x00hi";
    both_ways(
        Sender::Client,
        Version::V5,
        bytes,
        &Packet::Publish(hello()),
    );
}

#[test]
fn a_publish_of_qos_1_or_2_has_a_packet_id() {
    let publish = Publish {
        dup: true,
        qos: QoS::AtLeastOnce,
        packet_id: Some(id(0x0102)),
        ..hello()
    };
    let bytes = b"\x3A\x09\x00\x03a/b\x01\x02hi";
    both_ways(
        Sender::Client,
        Version::V4,
        bytes,
        &Packet::Publish(publish),
    );

    let publish = Publish {
        qos: QoS::ExactlyOnce,
        retain: true,
        packet_id: Some(id(0xFFFF)),
        ..hello()
    };
    let bytes = b"\x35\x0A\x00\x03a/b\xFF\xFF\x00hi";
    both_ways(
        Sender::Client,
        Version::V5,
        bytes,
        &Packet::Publish(publish),
    );
}

#[test]
fn a_payload_may_be_empty() {
    let publish = Publish {
        retain: true,
        payload: Bytes::new(),
        ..hello()
    };
    let bytes = b"\x31\x05\x00\x03a/b";
    both_ways(
        Sender::Client,
        Version::V4,
        bytes,
        &Packet::Publish(publish),
    );
}

/// \[MQTT3-3.3.1-4\] \[MQTT5-3.3.1-4\]
#[test]
fn there_is_no_qos_3() {
    let error = DecodeError::QoSInvalid;
    assert_eq!(client_refusal(Version::V4, b"\x36"), error);
    assert_eq!(client_refusal(Version::V5, b"\x36"), error);
    assert_eq!(error.reason_code(), ReasonCode::MalformedPacket);
}

/// \[MQTT3-3.3.1-2\] \[MQTT5-3.3.1-2\]
#[test]
fn qos_0_is_never_a_repetition() {
    let error = DecodeError::DupAtMostOnce;
    assert_eq!(client_refusal(Version::V4, b"\x38"), error);
    assert_eq!(client_refusal(Version::V5, b"\x38"), error);
    let packet = Packet::Publish(Publish {
        dup: true,
        ..hello()
    });
    assert_eq!(unwritable(Version::V4, &packet), EncodeError::DupAtMostOnce);
}

/// \[MQTT3-2.3.1-1\] \[MQTT5-2.2.1-3\]
#[test]
fn a_packet_id_is_not_0() {
    let error = DecodeError::PacketIdZero;
    assert_eq!(
        client_refusal(Version::V4, b"\x32\x05\x00\x01a\x00\x00"),
        error
    );
    assert_eq!(
        client_refusal(Version::V5, b"\x32\x06\x00\x01a\x00\x00\x00"),
        error
    );
    assert_eq!(error.reason_code(), ReasonCode::ProtocolError);
}

#[test]
fn packet_id_and_qos_belong_together_when_written() {
    let lacking = Packet::Publish(Publish {
        qos: QoS::AtLeastOnce,
        ..hello()
    });
    assert_eq!(unwritable(Version::V4, &lacking), EncodeError::PacketId);
    let needless = Packet::Publish(Publish {
        packet_id: Some(id(1)),
        ..hello()
    });
    assert_eq!(unwritable(Version::V5, &needless), EncodeError::PacketId);
}

/// \[MQTT3-3.3.2-2\] \[MQTT5-3.3.2-2\]
#[test]
fn a_topic_holds_no_wildcard() {
    let error = DecodeError::Topic(TopicError::Wildcard);
    assert_eq!(client_refusal(Version::V4, b"\x30\x05\x00\x03a/#"), error);
    assert_eq!(
        client_refusal(Version::V5, b"\x30\x06\x00\x03+/b\x00"),
        error
    );
    assert_eq!(error.reason_code(), ReasonCode::TopicNameInvalid);
}

/// \[MQTT3-4.7.3-1\] \[MQTT5-4.7.3-1\]
#[test]
fn a_topic_is_not_empty() {
    let error = DecodeError::TopicMissing;
    assert_eq!(client_refusal(Version::V4, b"\x30\x04\x00\x00hi"), error);
    assert_eq!(
        client_refusal(Version::V5, b"\x30\x05\x00\x00\x00hi"),
        error
    );
    assert_eq!(error.reason_code(), ReasonCode::ProtocolError);
    let packet = Packet::Publish(Publish::default());
    assert_eq!(unwritable(Version::V5, &packet), EncodeError::TopicMissing);
}

#[test]
fn an_alias_stands_for_an_empty_topic() {
    let packet = Packet::Publish(Publish {
        topic: None,
        properties: Some(Box::new(PublishProperties {
            topic_alias: Some(3),
            ..PublishProperties::default()
        })),
        ..hello()
    });
    let bytes = b"\x30\x08\x00\x00\x03\x23\x00\x03hi";
    both_ways(Sender::Client, Version::V5, bytes, &packet);
    assert_eq!(unwritable(Version::V4, &packet), EncodeError::TopicMissing);
}

/// \[MQTT5-3.3.2-8\]
#[test]
fn an_alias_is_not_0() {
    let error = client_refusal(Version::V5, b"\x30\x07\x00\x01a\x03\x23\x00\x00");
    assert_eq!(error, DecodeError::TopicAliasZero);
    assert_eq!(error.reason_code(), ReasonCode::TopicAliasInvalid);
}

/// \[MQTT5-3.3.2-14\]
#[test]
fn a_response_topic_holds_no_wildcard() {
    let error = client_refusal(Version::V5, b"\x30\x09\x00\x01a\x05\x08\x00\x02/#");
    assert_eq!(error, DecodeError::ResponseTopic(TopicError::Wildcard));
    assert_eq!(error.reason_code(), ReasonCode::ProtocolError);
}

/// \[MQTT5-3.3.2-13\]
#[test]
fn a_response_topic_is_utf_8() {
    let error = client_refusal(Version::V5, b"\x30\x08\x00\x01a\x04\x08\x00\x01\xFF");
    assert_eq!(error, DecodeError::TextNotUtf8);
}

/// \[MQTT5-3.3.2-19\]
#[test]
fn a_content_type_is_utf_8() {
    let error = client_refusal(Version::V5, b"\x30\x08\x00\x01a\x04\x03\x00\x01\xFF");
    assert_eq!(error, DecodeError::TextNotUtf8);
}

/// \[MQTT5-3.3.4-6\]
#[test]
fn a_client_sends_no_subscription_identifier() {
    let error = client_refusal(Version::V5, b"\x30\x06\x00\x01a\x02\x0B\x01");
    let property = Property::SubscriptionIdentifier;
    assert_eq!(error, DecodeError::PropertyWrongDirection(property));
    assert_eq!(error.reason_code(), ReasonCode::ProtocolError);
}

#[test]
fn a_server_sends_several_subscription_identifiers() {
    let bytes = b"\x30\x08\x00\x01a\x04\x0B\x02\x0B\x01";
    let Packet::Publish(publish) = from_server(Version::V5, bytes) else {
        panic!("a publish");
    };
    assert_eq!(publish.properties.unwrap().subscription_ids, [2, 1]);
}

#[test]
fn a_publish_ends_before_its_topic() {
    let error = DecodeError::TooShort;
    assert_eq!(client_refusal(Version::V4, b"\x30\x01\x00"), error);
    assert_eq!(client_refusal(Version::V4, b"\x30\x03\x00\x05a"), error);
    assert_eq!(client_refusal(Version::V4, b"\x32\x04\x00\x01a\x00"), error);
    assert_eq!(error.reason_code(), ReasonCode::MalformedPacket);
}
