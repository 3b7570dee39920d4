//! Packets and the stream they come in: chapters 4.2 and 4.13.

use castmq_conformance::wire::Packet;
use castmq_conformance::{Scene, v3, v5};

use super::expect_nothing_from;

/// \[MQTT5-4.2-1\]
#[test]
fn packets_may_come_byte_by_byte() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = scene.client_v5("a");
    client.subscribe(&topic, 0);

    let bytes = v5::publish(&topic, "one byte each").to_bytes();
    for byte in bytes {
        client.send([byte]);
    }
    client.expect_publish(&v5::publish(&topic, "one byte each"));
}

/// \[MQTT5-4.2-1\]
#[test]
fn many_packets_may_come_at_once() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = scene.client_v5("a");
    client.subscribe(&topic, 0);

    let packets = (0..200).map(|number| v5::publish(&topic, number.to_string()).to_bytes());
    client.send(packets.collect::<Vec<_>>().concat());
    for number in 0..200 {
        client.expect_publish(&v5::publish(&topic, number.to_string()));
    }
}

/// \[MQTT5-4.2-1\] \[MQTT5-3.3.2-3\]
#[test]
fn a_large_message_arrives_whole() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = scene.client_v5("a");
    client.subscribe(&topic, 0);

    let payload: Vec<u8> = (0..500_000_u32)
        .map(|number| number.to_le_bytes()[0])
        .collect();
    client.publish(v5::publish(&topic, &payload));
    client.expect_publish(&v5::publish(&topic, &payload));
}

/// \[MQTT5-4.13.1-1\] \[MQTT5-4.13.2-1\]
#[test]
fn an_error_of_one_client_harms_no_other() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut old = scene.client("3.1.1");
    let mut new = scene.client_v5("5.0");
    let mut wrong = scene.client_v5("wrong");
    old.subscribe(&topic, 0);
    new.subscribe(&topic, 0);

    wrong.send([0xFF; 64]);
    wrong.expect_disconnect(0x81);
    new.publish(v5::publish(&topic, "x"));
    new.expect_publish(&v5::publish(&topic, "x"));
    old.expect_publish(&v3::publish(&topic, "x"));
}

/// \[MQTT5-4.13.2-1\] \[MQTT5-3.14.4-2\]
#[test]
fn a_session_survives_a_protocol_error_of_its_client() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let connect = v5::connect(scene.id("a"))
        .property(v5::property::session_expiry(600))
        .keep_session();
    let mut before = scene.client_with(&connect);
    before.subscribe(&topic, 1);
    before.send([0xC1, 0]);
    before.expect_disconnect(0x81);
    scene
        .client_v5("publisher")
        .publish(v5::publish(&topic, "x").qos(1));

    let mut after = scene.client_with(&connect);
    after.expect_message(&v5::publish(&topic, "x").qos(1));
}

/// \[MQTT5-3.3.2-17\] \[MQTT5-4.5.0-1\]
#[test]
fn a_subscriber_of_3_1_1_gets_a_v5_message_without_its_properties() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut old = scene.client("3.1.1");
    let mut new = scene.client_v5("5.0");
    old.subscribe(&topic, 1);

    let message = v5::publish(&topic, "x").qos(1);
    new.publish(
        message
            .property(v5::property::user("name", "value"))
            .property(v5::property::content_type("text")),
    );
    old.expect_message(&v3::publish(&topic, "x").qos(1));
}

/// \[MQTT5-2.2.2-1\] \[MQTT5-4.5.0-1\]
#[test]
fn a_v5_subscriber_gets_a_message_of_3_1_1_with_empty_properties() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut old = scene.client("3.1.1");
    let mut new = scene.client_v5("5.0");
    new.subscribe(&topic, 1);

    old.publish(v3::publish(&topic, "x").qos(1));
    new.expect_message(&v5::publish(&topic, "x").qos(1));
    expect_nothing_from(&mut old, &mut new);
}
