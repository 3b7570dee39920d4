//! A message to many receivers, without a packet for each.

use bytes::{Bytes, BytesMut};
use castmq_mqtt::{
    Packet, PacketId, Publish, PublishHead, PublishProperties, QoS, Sender, Version,
};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use crate::arbitrary::{message_properties, version};
use crate::wire::{id, read, topic};

const HELLO: PublishHead<'_> = PublishHead {
    dup: false,
    qos: QoS::AtMostOnce,
    retain: false,
    topic: "a/b",
    packet_id: None,
    properties: None,
    subscription_ids: &[],
    message_expiry: None,
    topic_alias: None,
    payload: b"hi",
};

fn written(head: &PublishHead<'_>, version: Version) -> Vec<u8> {
    let mut out = BytesMut::new();
    head.encode(version, &mut out);
    assert_eq!(head.encoded_bytes(version), out.len());
    out.to_vec()
}

#[test]
fn a_plain_message_is_topic_and_payload() {
    assert_eq!(written(&HELLO, Version::V4), b"\x30\x07\x00\x03a/bhi");
    assert_eq!(written(&HELLO, Version::V3), b"\x30\x07\x00\x03a/bhi");
}

/// \[MQTT5-2.2.2-1\]
#[test]
fn without_properties_their_length_is_zero() {
    assert_eq!(written(&HELLO, Version::V5), b"\x30\x08\x00\x03a/b\x00hi");
}

#[test]
fn flags_and_packet_id_are_the_receivers_own() {
    let head = PublishHead {
        dup: true,
        qos: QoS::ExactlyOnce,
        retain: true,
        packet_id: Some(id(0x1234)),
        ..HELLO
    };
    assert_eq!(
        written(&head, Version::V4),
        b"\x3D\x09\x00\x03a/b\x12\x34hi"
    );
}
#[test]
fn all_subscription_identifiers_are_written() {
    let head = PublishHead {
        subscription_ids: &[1, 300],
        ..HELLO
    };
    let expected = b"\x30\x0D\x00\x03a/b\x05\x0B\x01\x0B\xAC\x02hi";
    assert_eq!(written(&head, Version::V5), expected);
}

#[test]
fn an_alias_may_stand_for_the_topic() {
    let head = PublishHead {
        topic: "",
        topic_alias: Some(7),
        ..HELLO
    };
    assert_eq!(
        written(&head, Version::V5),
        b"\x30\x08\x00\x00\x03\x23\x00\x07hi"
    );
}
#[test]
fn expiry_alias_and_identifiers_of_the_publisher_are_not_passed_on() {
    let publishers = PublishProperties {
        message_expiry: Some(60),
        topic_alias: Some(5),
        subscription_ids: vec![9],
        ..PublishProperties::default()
    };
    let head = PublishHead {
        properties: Some(&publishers),
        message_expiry: Some(2),
        ..HELLO
    };
    let expected = b"\x30\x0D\x00\x03a/b\x05\x02\x00\x00\x00\x02hi";
    assert_eq!(written(&head, Version::V5), expected);
}

#[test]
fn what_no_packet_can_hold_is_not_written() {
    let topic = "t".repeat(65_536);
    let mut out = BytesMut::new();
    PublishHead {
        topic: &topic,
        ..HELLO
    }
    .encode(Version::V4, &mut out);
    assert!(out.is_empty());
}

proptest! {
    #[test]
    fn every_receiver_reads_the_message_with_its_own_head(
        version in version(),
        number in of(1..=u16::MAX),
        retain in any::<bool>(),
        properties in message_properties(),
        message_expiry in of(any::<u32>()),
        topic_alias in of(1..=u16::MAX),
        subscription_ids in vec(1..=268_435_455_u32, 0..3),
        payload in vec(any::<u8>(), 0..300),
    ) {
        let qos = if number.is_some() { QoS::AtLeastOnce } else { QoS::AtMostOnce };
        let packet_id = number.and_then(PacketId::new);
        let head = PublishHead {
            qos,
            retain,
            packet_id,
            properties: Some(&properties),
            subscription_ids: &subscription_ids,
            message_expiry,
            topic_alias,
            payload: &payload,
            ..HELLO
        };
        let bytes = written(&head, version);

        let expected = PublishProperties {
            message_expiry,
            topic_alias,
            subscription_ids: subscription_ids.clone(),
            ..properties.clone()
        };
        let has_properties = version == Version::V5 && expected != PublishProperties::default();
        prop_assert_eq!(read(Sender::Server, version, &bytes), Packet::Publish(Publish {
            dup: false,
            qos,
            retain,
            topic: Some(topic("a/b")),
            packet_id,
            payload: Bytes::from(payload.clone()),
            properties: has_properties.then(|| Box::new(expected)),
        }));
    }
}
