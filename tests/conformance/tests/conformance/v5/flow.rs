//! Receive Maximum in both directions: chapters 3.3.4 and 4.9.

use castmq_conformance::v5::{self, Answer, property};
use castmq_conformance::{Client, Scene};

use super::{accepted, expect_held, expect_refused};

/// The number of unacknowledged messages that a CONNACK allows.
fn receive_maximum(connack: &Answer) -> u16 {
    let value = connack.property(0x21).map(|value| [value[0], value[1]]);
    value.map_or(u16::MAX, u16::from_be_bytes)
}

/// A subscriber that takes so many unacknowledged messages.
fn narrow(scene: &Scene, maximum: u16) -> Client {
    let connect = v5::connect(scene.id("narrow"))
        .property(property::receive_maximum(maximum))
        .property(property::session_expiry(600));
    let mut client = scene.client_with(&connect);
    client.subscribe(&scene.topic("t"), 2);
    client
}

/// \[MQTT5-3.3.4-7\]
#[test]
fn one_message_more_than_the_receive_maximum_ends_the_connection() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let (mut client, connack) = accepted(&scene, &v5::connect(scene.id("a")));
    let maximum = receive_maximum(&connack);

    for id in 1..=maximum {
        client.send(v5::publish(&topic, "").qos(2).id(id));
        client.expect_ack(0x50, id);
    }
    expect_held(&mut client);
    client.send(v5::publish(&topic, "").qos(2).id(maximum + 1));
    client.expect_disconnect(0x93);
}

/// \[MQTT5-3.3.4-7\] \[MQTT5-4.9.0-3\]
#[test]
fn everything_but_publish_is_welcome_at_the_receive_maximum() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let (mut client, connack) = accepted(&scene, &v5::connect(scene.id("a")));
    let maximum = receive_maximum(&connack);
    for id in 1..=maximum {
        client.send(v5::publish(&topic, "").qos(2).id(id));
        client.expect_ack(0x50, id);
    }

    expect_held(&mut client);
    client.subscribe(&scene.topic("other"), 1);
    client.publish(v5::publish(scene.topic("nobody"), "QoS 0"));
    client.send(v5::pubrel(1));
    client.expect_ack(0x70, 1);
    client.send(v5::publish(&topic, "").qos(2).id(1));
    client.expect_ack(0x50, 1);
}

/// \[MQTT5-3.3.4-7\] \[MQTT5-4.3.3-10\]
#[test]
fn a_repeated_publish_does_not_count_twice_against_the_receive_maximum() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let (mut client, connack) = accepted(&scene, &v5::connect(scene.id("a")));
    let maximum = receive_maximum(&connack);
    for id in 1..=maximum {
        client.send(v5::publish(&topic, "").qos(2).id(id));
        client.expect_ack(0x50, id);
    }

    client.send(v5::publish(&topic, "").qos(2).id(maximum).dup());
    client.expect_ack(0x50, maximum);
    expect_held(&mut client);
}

/// \[MQTT5-3.3.4-9\] \[MQTT5-4.9.0-1\] \[MQTT5-4.9.0-2\]
#[test]
fn a_client_never_has_more_unacknowledged_messages_than_it_takes() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut publisher = scene.client_v5("publisher");
    let mut client = narrow(&scene, 2);
    publisher.publish(v5::publish(&topic, "1").qos(1));
    publisher.publish(v5::publish(&topic, "2").qos(2));
    publisher.publish(v5::publish(&topic, "3").qos(1));

    let first = client.expect_publish(&v5::publish(&topic, "1").qos(1));
    client.expect_publish(&v5::publish(&topic, "2").qos(2));
    expect_held(&mut client);
    client.send(v5::puback(first));
    client.expect_publish(&v5::publish(&topic, "3").qos(1));
}

/// \[MQTT5-4.9.0-2\] \[MQTT5-3.3.4-9\]
#[test]
fn a_message_of_qos_2_counts_until_its_pubcomp() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut publisher = scene.client_v5("publisher");
    let mut client = narrow(&scene, 1);
    publisher.publish(v5::publish(&topic, "1").qos(2));
    publisher.publish(v5::publish(&topic, "2").qos(2));

    let id = client.expect_publish(&v5::publish(&topic, "1").qos(2));
    client.send(v5::pubrec(id));
    client.expect_ack(0x62, id);
    expect_held(&mut client);
    client.send(v5::pubcomp(id));
    client.expect_publish(&v5::publish(&topic, "2").qos(2));
}

/// \[MQTT5-4.9.0-2\] \[MQTT5-4.4.0-2\]
#[test]
fn a_message_of_qos_2_that_is_refused_counts_no_longer() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut publisher = scene.client_v5("publisher");
    let mut client = narrow(&scene, 1);
    publisher.publish(v5::publish(&topic, "1").qos(2));
    publisher.publish(v5::publish(&topic, "2").qos(2));

    let id = client.expect_publish(&v5::publish(&topic, "1").qos(2));
    client.send(v5::ack_with(0x50, id, 0x97, &[]));
    client.expect_publish(&v5::publish(&topic, "2").qos(2));
}

/// \[MQTT5-3.3.4-10\] \[MQTT5-4.9.0-3\]
#[test]
fn a_full_window_holds_back_publish_and_nothing_else() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut publisher = scene.client_v5("publisher");
    let mut client = narrow(&scene, 1);
    publisher.publish(v5::publish(&topic, "1").qos(1));
    publisher.publish(v5::publish(&topic, "2").qos(1));
    let id = client.expect_publish(&v5::publish(&topic, "1").qos(1));

    expect_held(&mut client);
    client.subscribe(&scene.topic("other"), 2);
    client.unsubscribe(&scene.topic("other"));
    client.publish(v5::publish(scene.topic("nobody"), "x").qos(1));
    client.publish(v5::publish(scene.topic("nobody"), "x").qos(2));
    client.send(v5::puback(id));
    client.expect_publish(&v5::publish(&topic, "2").qos(1));
}

/// \[MQTT5-4.9.0-1\] \[MQTT5-3.3.4-9\]
#[test]
fn a_smaller_receive_maximum_of_a_returning_client_is_obeyed() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut publisher = scene.client_v5("publisher");
    let mut before = narrow(&scene, 2);
    publisher.publish(v5::publish(&topic, "1").qos(1));
    publisher.publish(v5::publish(&topic, "2").qos(1));
    before.expect_publish(&v5::publish(&topic, "1").qos(1));
    before.expect_publish(&v5::publish(&topic, "2").qos(1));
    before.disconnect();

    let connect = v5::connect(scene.id("narrow"))
        .property(property::receive_maximum(1))
        .keep_session();
    let mut after = scene.client_with(&connect);
    let first = after.expect_publish(&v5::publish(&topic, "1").qos(1).dup());
    expect_held(&mut after);
    after.send(v5::puback(first));
    after.expect_publish(&v5::publish(&topic, "2").qos(1).dup());
}

/// \[MQTT5-4.9.0-1\] \[MQTT5-3.1.4-1\]
#[test]
fn a_receive_maximum_of_zero_is_a_protocol_error() {
    let scene = Scene::new();

    expect_refused(
        &scene,
        &v5::connect(scene.id("a")).property(property::receive_maximum(0)),
        &[0x82],
    );
}
