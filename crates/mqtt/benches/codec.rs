//! What it takes to read and to write the packets that are on the path of messages.

#![allow(clippy::unwrap_used, reason = "what fails is a mistake in here")]

use std::hint::black_box;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use castmq_mqtt::{
    AckKind, Decoder, Packet, PacketId, Publish, PublishHead, PublishProperties, QoS, Text,
    TopicName, Version, encode, encode_success,
};
use criterion::Criterion;

const TOPIC: &str = "site/7/device/42/temperature";

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    glance(&mut criterion);
    decode(&mut criterion);
    write(&mut criterion);
    criterion.final_summary();
}

fn glance(criterion: &mut Criterion) {
    let mut decoder = Decoder::server(u32::MAX);
    decoder.set_version(Version::V4);
    let mut group = criterion.benchmark_group("glance");
    for payload_bytes in [16, 256] {
        let packet = written(&publish(payload_bytes, None), Version::V4);
        group.bench_function(format!("PUBLISH of {payload_bytes} B"), |bencher| {
            bencher.iter(|| decoder.glance(black_box(&packet)).is_ok());
        });
    }
    let mut ack = BytesMut::new();
    encode_success(AckKind::PubAck, id(7), &mut ack);
    group.bench_function("PUBACK", |bencher| {
        bencher.iter(|| decoder.glance(black_box(&ack)).is_ok());
    });
}

fn decode(criterion: &mut Criterion) {
    let properties = PublishProperties {
        message_expiry: Some(60),
        response_topic: Some(text("answers/7")),
        correlation_data: Some(Bytes::from_static(b"0123456789abcdef")),
        user: vec![(text("unit"), text("kelvin"))],
        content_type: Some(text("text/plain")),
        ..PublishProperties::default()
    };
    let packet = written(&publish(256, Some(properties)), Version::V5);
    let mut decoder = Decoder::server(u32::MAX);
    decoder.set_version(Version::V5);
    criterion.bench_function("decode/PUBLISH of 256 B with properties", |bencher| {
        // The copy of the input is one more reference to it, as a connection holds one.
        bencher.iter(|| decoder.decode(&mut packet.clone()).is_ok());
    });
}

fn write(criterion: &mut Criterion) {
    let payload = [0x55; 256];
    let head = PublishHead {
        dup: false,
        qos: QoS::AtLeastOnce,
        retain: false,
        topic: TOPIC,
        packet_id: Some(id(7)),
        properties: None,
        subscription_ids: &[],
        message_expiry: None,
        topic_alias: None,
        payload: &payload,
    };
    let mut out = BytesMut::with_capacity(1024);
    let mut group = criterion.benchmark_group("encode");
    for (name, version) in [("3.1.1", Version::V4), ("5.0", Version::V5)] {
        group.bench_function(format!("PUBLISH of 256 B, {name}"), |bencher| {
            bencher.iter(|| {
                out.clear();
                black_box(&head).encode(version, &mut out);
                out.len()
            });
        });
    }
    group.bench_function("PUBACK", |bencher| {
        bencher.iter(|| {
            out.clear();
            encode_success(AckKind::PubAck, black_box(id(7)), &mut out);
            out.len()
        });
    });
}

fn publish(payload_bytes: usize, properties: Option<PublishProperties>) -> Packet {
    Packet::Publish(Publish {
        qos: QoS::AtLeastOnce,
        topic: Some(TopicName::new(text(TOPIC)).unwrap()),
        packet_id: Some(id(7)),
        payload: vec![0x55; payload_bytes].into(),
        properties: properties.map(Box::new),
        ..Publish::default()
    })
}

fn written(packet: &Packet, version: Version) -> Bytes {
    let mut out = BytesMut::new();
    encode(packet, version, &mut out).unwrap();
    out.freeze()
}

fn id(id: u16) -> PacketId {
    PacketId::new(id).unwrap()
}

fn text(text: &str) -> Text {
    Text::try_from(text).unwrap()
}
