//! PUBLISH: chapter 3.3, without the retained messages.

use castmq_conformance::wire::{packet, string};
use castmq_conformance::{Client, Scene, v3};

use super::{expect_nothing_from, expect_nothing_more};

/// A subscriber to the topic `t` with QoS 2, and a publisher.
#[track_caller]
fn subscriber_and_publisher(scene: &Scene) -> (Client, Client) {
    let mut subscriber = scene.client("subscriber");
    subscriber.subscribe(&scene.topic("t"), 2);
    (subscriber, scene.client("publisher"))
}

/// \[MQTT3-3.3.1-2\] \[MQTT3-4.8.0-1\]
#[test]
fn a_message_of_qos_0_with_dup_closes_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client("a");

    client.send(v3::publish(scene.topic("t"), "x").dup());
    client.expect_close();
}

/// Not as emqttd's P6: the publisher's DUP ends at the broker.
///
/// \[MQTT3-3.3.1-2\] \[MQTT3-3.3.1-3\] \[MQTT3-4.3.1-1\]
#[test]
fn a_duplicate_that_is_passed_on_with_qos_0_has_no_dup() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut subscriber = scene.client("subscriber");
    subscriber.subscribe(&topic, 0);
    let mut publisher = scene.client("publisher");

    publisher.send(v3::publish(&topic, "x").qos(1).dup().id(1));
    publisher.expect(v3::puback(1));
    subscriber.expect([&packet(0x30, &[&string(&topic), b"x"])[..]].concat());
}

/// Not as emqttd's P6: the publisher's DUP ends at the broker.
///
/// \[MQTT3-3.3.1-3\] \[MQTT3-4.3.2-1\]
#[test]
fn a_duplicate_that_is_passed_on_with_qos_1_has_no_dup() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let (mut subscriber, mut publisher) = subscriber_and_publisher(&scene);

    publisher.send(v3::publish(&topic, "x").qos(1).dup().id(1));
    publisher.expect(v3::puback(1));
    subscriber.expect_message(&v3::publish(&topic, "x").qos(1));
}

/// \[MQTT3-3.3.1-3\] \[MQTT3-4.3.3-1\]
#[test]
fn a_duplicate_that_is_passed_on_with_qos_2_has_no_dup() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let (mut subscriber, mut publisher) = subscriber_and_publisher(&scene);

    publisher.send(v3::publish(&topic, "x").qos(2).dup().id(1));
    publisher.expect(v3::pubrec(1));
    publisher.send(v3::pubrel(1));
    publisher.expect(v3::pubcomp(1));
    subscriber.expect_message(&v3::publish(&topic, "x").qos(2));
}

/// \[MQTT3-3.3.1-4\]
#[test]
fn a_publish_of_qos_3_closes_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client("a");

    client.send(v3::publish(scene.topic("t"), "x").qos(3).id(1));
    client.expect_close();
}

/// \[MQTT3-3.3.2-1\]
#[test]
fn the_topic_comes_first_and_as_it_was_published() {
    let scene = Scene::new();
    let topic = scene.topic("käse/🐞/ b /");
    let mut client = scene.client("a");
    client.subscribe(&scene.topic("#"), 1);

    client.send(packet(0x32, &[&string(&topic), &[0, 9], b"payload"]));
    let first = client.receive();
    let second = client.receive();
    let publish = if first.kind() == 3 { first } else { second };
    assert_eq!(publish.header, 0x32);
    assert!(publish.body.starts_with(&string(&topic)));
    assert!(publish.body.ends_with(b"payload"));
}

/// \[MQTT3-3.3.2-2\] \[MQTT3-4.7.1-1\]
#[test]
fn a_topic_with_a_number_sign_closes_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client("a");

    client.send(v3::publish(scene.topic("#"), "x"));
    client.expect_close();
}

/// \[MQTT3-3.3.2-2\] \[MQTT3-4.7.1-1\]
#[test]
fn a_topic_with_a_plus_sign_closes_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client("a");

    client.send(v3::publish(scene.topic("a+b"), "x").qos(1).id(1));
    client.expect_close();
}

/// \[MQTT3-3.3.2-3\]
#[test]
fn a_subscriber_by_wildcard_sees_the_topic_and_not_its_filter() {
    let scene = Scene::new();
    let mut client = scene.client("a");
    client.subscribe(&scene.topic("+/b/#"), 0);

    client.publish(v3::publish(scene.topic("a/b/c/d"), "x"));
    client.publish(v3::publish(scene.topic("a/c"), "x"));
    client.publish(v3::publish(scene.topic("z/b"), "y"));
    client.expect_publish(&v3::publish(scene.topic("a/b/c/d"), "x"));
    client.expect_publish(&v3::publish(scene.topic("z/b"), "y"));
}

/// \[MQTT3-3.3.4-1\] \[MQTT3-4.3.1-1\]
#[test]
fn a_message_of_qos_0_is_not_answered() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = scene.client("a");

    client.send(v3::publish(&topic, "x"));
    client.send(v3::publish(&topic, "x").qos(1).id(1));
    client.expect(v3::puback(1));
    client.expect_nothing();
}

/// \[MQTT3-3.3.4-1\]
#[test]
fn a_message_of_qos_1_is_answered_also_when_nobody_subscribes() {
    let scene = Scene::new();
    let mut client = scene.client("a");

    client.send(v3::publish(scene.topic("nobody"), "x").qos(1).id(1));
    client.expect(v3::puback(1));
}

/// \[MQTT3-3.3.4-1\]
#[test]
fn a_message_of_qos_2_is_answered_also_when_nobody_subscribes() {
    let scene = Scene::new();
    let mut client = scene.client("a");

    client.send(v3::publish(scene.topic("nobody"), "x").qos(2).id(1));
    client.expect(v3::pubrec(1));
    client.send(v3::pubrel(1));
    client.expect(v3::pubcomp(1));
}

/// \[MQTT3-3.3.5-1\]
#[test]
fn overlapping_subscriptions_give_one_message_with_the_highest_qos() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut subscriber = scene.client("subscriber");
    subscriber.subscribe(&scene.topic("#"), 1);
    subscriber.subscribe(&topic, 2);
    subscriber.subscribe(&scene.topic("+"), 0);
    let mut publisher = scene.client("publisher");

    publisher.publish(v3::publish(&topic, "x").qos(2));
    subscriber.expect_message(&v3::publish(&topic, "x").qos(2));
    expect_nothing_from(&mut publisher, &mut subscriber);
}

/// \[MQTT3-3.3.5-1\] \[MQTT3-3.8.4-6\]
#[test]
fn overlapping_subscriptions_do_not_raise_the_qos_of_the_message() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut subscriber = scene.client("subscriber");
    subscriber.subscribe(&topic, 2);
    subscriber.subscribe(&scene.topic("#"), 0);
    let mut publisher = scene.client("publisher");

    publisher.publish(v3::publish(&topic, "x").qos(1));
    subscriber.expect_message(&v3::publish(&topic, "x").qos(1));
    expect_nothing_from(&mut publisher, &mut subscriber);
}

/// Not as emqttd's P9: a publish that is not allowed does not make the client try for ever.
///
/// \[MQTT3-3.3.5-2\]
#[test]
fn a_publish_that_is_not_allowed_is_acknowledged_or_closes_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client("a");

    client.send(v3::publish("$SYS/forbidden", "x").qos(1).id(1));
    if let Some(answer) = client.receive_or_close() {
        assert_eq!((answer.header, &answer.body[..]), (0x40, &[0, 1][..]));
        client.expect_nothing();
    }
}

/// Not as emqttd's P9: a publish that is not allowed does not make the client try for ever.
///
/// \[MQTT3-3.3.5-2\]
#[test]
fn a_publish_of_qos_2_that_is_not_allowed_is_acknowledged_or_closes_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client("a");

    client.send(v3::publish("$SYS/forbidden", "x").qos(2).id(1));
    if let Some(answer) = client.receive_or_close() {
        assert_eq!((answer.header, &answer.body[..]), (0x50, &[0, 1][..]));
        client.send(v3::pubrel(1));
        client.expect(v3::pubcomp(1));
    }
}

/// \[MQTT3-3.3.5-2\]
#[test]
fn clients_cannot_publish_below_the_brokers_own_topics() {
    let scene = Scene::new();
    let topic = format!("$SYS/{}", scene.topic("t"));
    let mut subscriber = scene.client("subscriber");
    subscriber.subscribe(&topic, 0);
    let mut publisher = scene.client("publisher");

    publisher.send(v3::publish(&topic, "x"));
    expect_nothing_from(&mut scene.client("other"), &mut subscriber);
}

/// \[MQTT3-3.3.5-2\]
#[test]
fn a_forbidden_retained_publish_stores_nothing() {
    let scene = Scene::new();
    let topic = format!("$SYS/{}", scene.topic("t"));
    let mut publisher = scene.client("publisher");

    publisher.send(v3::publish(&topic, "x").qos(1).id(1).retain());
    publisher.receive_or_close();
    let mut subscriber = scene.client("subscriber");
    subscriber.subscribe(&topic, 0);
    expect_nothing_more(&mut subscriber);
}

/// \[MQTT3-3.3.2-1\] \[MQTT3-4.8.0-1\]
#[test]
fn a_topic_longer_than_its_packet_closes_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client("a");

    client.send([0x30, 5, 0, 4, b'a', b'b', b'c']);
    client.expect_close();
}

/// \[MQTT3-3.3.1-3\]
#[test]
fn a_payload_may_be_empty() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let (mut subscriber, mut publisher) = subscriber_and_publisher(&scene);

    publisher.publish(v3::publish(&topic, "").qos(1));
    subscriber.expect_message(&v3::publish(&topic, "").qos(1));
}
