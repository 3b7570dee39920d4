//! The largest packet of a listener.

use castmq_conformance::v5::{self, property};
use castmq_conformance::{Client, Door, Scene};

use super::{House, listener};

/// A broker that takes small packets at one of its listeners.
fn house() -> Option<House> {
    House::with(|settings, _| {
        settings.mqtt.max_packet_size = 4096;
        settings.listener.push(castmq_settings::Listener {
            max_packet_size: 256,
            ..listener("small")
        });
    })
}

/// A connected client, and the value of Maximum Packet Size in its CONNACK.
fn entering(scene: &Scene, door: &Door, name: &str) -> (Client, Vec<u8>) {
    let mut client = door.open();
    client.send_connect(&v5::connect(scene.id(name)));
    let connack = client.expect_answer(0x20);
    assert_eq!(connack.code(), 0);
    let limit = connack.property(0x27).unwrap_or_default().to_vec();
    (client, limit)
}

#[test]
fn clients_of_a_listener_are_told_its_largest_packet() {
    let Some(house) = house() else { return };
    let small = property::maximum_packet_size(256);
    let large = property::maximum_packet_size(4096);

    assert_eq!(entering(&house, &house.door("small"), "a").1, small[1..]);
    let mut client = house.open();
    client.send_connect(&v5::connect(house.id("b")));
    assert_eq!(client.expect_answer(0x20).property(0x27), Some(&large[1..]));
}

/// \[MQTT5-4.13.2-1\]
#[test]
fn a_larger_one_ends_the_connection_there_and_not_elsewhere() {
    let Some(house) = house() else { return };
    let message = v5::publish(house.topic("t"), vec![b'x'; 300]).qos(1).id(1);
    let (mut small, _) = entering(&house, &house.door("small"), "a");
    let mut large = house.client_v5("b");

    small.send(&message);
    small.expect_disconnect(0x95);
    large.send(&message);
    large.expect_ack(0x40, 1);
}

#[test]
fn a_connect_that_is_larger_is_not_taken() {
    let Some(house) = house() else { return };
    let connect = v5::connect(house.id("a")).user("u".repeat(300));
    let mut client = house.door("small").open();

    client.send_connect(&connect);
    if let Some(packet) = client.receive_or_close() {
        assert_eq!((packet.header, packet.body[1]), (0x20, 0x95));
        client.expect_close();
    }
}
