//! PUBLISH: flags, topics, topic aliases and what a client must not send; chapter 3.3.

use castmq_conformance::v5::{self, Answer, property};
use castmq_conformance::wire::{packet, string};
use castmq_conformance::{Client, Scene};

use super::{accepted, expect_disconnect_for, expect_nothing_from};

/// The number of topic aliases that a CONNACK allows.
fn alias_maximum(connack: &Answer) -> u16 {
    let value = connack.property(0x22).map(|value| [value[0], value[1]]);
    u16::from_be_bytes(value.expect("the broker takes topic aliases"))
}

/// \[MQTT5-3.3.1-2\] \[MQTT5-4.13.1-1\]
#[test]
fn a_dup_flag_on_qos_0_ends_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");

    client.send(v5::publish(scene.topic("t"), "x").dup());
    expect_disconnect_for(&mut client, &[0x81, 0x82]);
}

/// \[MQTT5-3.3.1-3\] \[MQTT5-4.3.2-2\] \[MQTT5-4.3.3-2\]
#[test]
fn the_dup_flag_of_the_publisher_is_not_passed_on() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut publisher = scene.client_v5("publisher");
    let mut client = scene.client_v5("a");
    client.subscribe(&topic, 2);

    publisher.publish(v5::publish(&topic, "one").qos(1).dup());
    publisher.publish(v5::publish(&topic, "two").qos(2).dup());
    client.expect_message(&v5::publish(&topic, "one").qos(1));
    client.expect_message(&v5::publish(&topic, "two").qos(2));
}

/// \[MQTT5-3.3.1-4\] \[MQTT5-4.13.1-1\]
#[test]
fn a_publish_with_qos_3_is_malformed() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");

    client.send(v5::publish(scene.topic("t"), "x").qos(3).id(1));
    client.expect_disconnect(0x81);
}

/// \[MQTT5-3.3.2-1\]
#[test]
fn a_publish_whose_topic_is_longer_than_the_packet_is_malformed() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");

    client.send(packet(0x30, &[&[0, 100], b"topic"]));
    client.expect_disconnect(0x81);
}

/// \[MQTT5-3.3.2-1\] \[MQTT5-1.5.4-1\]
#[test]
fn a_topic_in_any_script_arrives_byte_for_byte() {
    let scene = Scene::new();
    let topic = scene.topic("Straße/温度/🌡");
    let mut client = scene.client_v5("a");
    client.subscribe(&scene.topic("+/温度/#"), 0);

    client.publish(v5::publish(&topic, "x"));
    client.expect(packet(0x30, &[&string(&topic), &[0], b"x"]));
}

/// \[MQTT5-3.3.2-2\] \[MQTT5-4.7.0-1\]
#[test]
fn a_publish_to_a_wildcard_ends_the_connection() {
    let scene = Scene::new();
    let mut plus = scene.client_v5("plus");
    let mut hash = scene.client_v5("hash");

    plus.send(v5::publish(scene.topic("+/x"), "x"));
    expect_disconnect_for(&mut plus, &[0x81, 0x82, 0x90]);
    hash.send(v5::publish(scene.topic("#"), "x"));
    expect_disconnect_for(&mut hash, &[0x81, 0x82, 0x90]);
}

/// \[MQTT5-3.3.2-3\]
#[test]
fn a_message_carries_its_topic_and_not_the_filter() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");
    client.subscribe(&scene.topic("+/b/#"), 0);

    client.publish(v5::publish(scene.topic("a/b/c/d"), "x"));
    client.expect_publish(&v5::publish(scene.topic("a/b/c/d"), "x"));
}

/// \[MQTT5-4.7.3-1\] \[MQTT5-4.13.1-1\]
#[test]
fn a_publish_without_topic_and_alias_is_a_protocol_error() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");

    client.send(v5::publish("", "x"));
    client.expect_disconnect(0x82);
}

/// \[MQTT5-3.3.4-6\]
#[test]
fn a_publish_of_a_client_with_a_subscription_identifier_is_a_protocol_error() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");

    client.send(v5::publish(scene.topic("t"), "x").property(property::subscription_identifier(1)));
    client.expect_disconnect(0x82);
}

/// \[MQTT5-3.3.4-1\]
#[test]
fn the_answer_to_a_publish_follows_its_qos() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = scene.client_v5("a");

    client.send(v5::publish(&topic, "x"));
    client.expect_nothing();
    client.send(v5::publish(&topic, "x").qos(1).id(1));
    client.expect_ack(0x40, 1);
    client.send(v5::publish(&topic, "x").qos(2).id(2));
    client.expect_ack(0x50, 2);
    client.send(v5::pubrel(2));
    client.expect_ack(0x70, 2);
    client.expect_nothing();
}

/// \[MQTT5-3.3.2-12\]
#[test]
fn an_alias_stands_for_the_topic_it_was_set_with() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut watcher = scene.client_v5("watcher");
    let mut client = scene.client_v5("a");
    watcher.subscribe(&topic, 0);

    client.publish(v5::publish(&topic, "first").property(property::topic_alias(1)));
    client.publish(v5::publish("", "second").property(property::topic_alias(1)));
    watcher.expect_publish(&v5::publish(&topic, "first"));
    watcher.expect_publish(&v5::publish(&topic, "second"));
}

/// \[MQTT5-3.3.2-12\]
#[test]
fn every_alias_up_to_the_maximum_can_be_set() {
    let scene = Scene::new();
    let mut watcher = scene.client_v5("watcher");
    let (mut client, connack) = accepted(&scene, &v5::connect(scene.id("a")));
    let maximum = alias_maximum(&connack);
    watcher.subscribe(&scene.topic("#"), 0);

    let topics: Vec<String> = (1..=maximum)
        .map(|alias| scene.topic(&alias.to_string()))
        .collect();
    for (alias, topic) in (1..).zip(&topics) {
        client.publish(v5::publish(topic, "set").property(property::topic_alias(alias)));
    }
    for (alias, topic) in (1..).zip(&topics) {
        client.publish(v5::publish("", "used").property(property::topic_alias(alias)));
        watcher.expect_publish(&v5::publish(topic, "set"));
    }
    for topic in &topics {
        watcher.expect_publish(&v5::publish(topic, "used"));
    }
}

/// \[MQTT5-3.3.2-12\]
#[test]
fn an_alias_can_be_set_anew() {
    let scene = Scene::new();
    let mut watcher = scene.client_v5("watcher");
    let mut client = scene.client_v5("a");
    watcher.subscribe(&scene.topic("#"), 0);

    client.publish(v5::publish(scene.topic("old"), "1").property(property::topic_alias(1)));
    client.publish(v5::publish(scene.topic("new"), "2").property(property::topic_alias(1)));
    client.publish(v5::publish("", "3").property(property::topic_alias(1)));
    watcher.expect_publish(&v5::publish(scene.topic("old"), "1"));
    watcher.expect_publish(&v5::publish(scene.topic("new"), "2"));
    watcher.expect_publish(&v5::publish(scene.topic("new"), "3"));
}

/// \[MQTT5-3.3.2-7\]
#[test]
fn an_alias_is_forgotten_with_its_connection() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let connect = v5::connect(scene.id("a"))
        .property(property::session_expiry(600))
        .keep_session();
    let mut before = scene.client_with(&connect);
    before.publish(v5::publish(&topic, "x").property(property::topic_alias(1)));
    before.disconnect();

    let mut after = scene.client_with(&connect);
    after.send(v5::publish("", "x").property(property::topic_alias(1)));
    expect_disconnect_for(&mut after, &[0x82, 0x94]);
}

/// \[MQTT5-3.3.2-7\] \[MQTT5-3.3.2-3\]
#[test]
fn the_alias_of_one_client_means_nothing_to_another() {
    let scene = Scene::new();
    let mut first = scene.client_v5("first");
    let mut second = scene.client_v5("second");
    first.publish(v5::publish(scene.topic("t"), "x").property(property::topic_alias(1)));
    first.expect_nothing();

    second.send(v5::publish("", "x").property(property::topic_alias(1)));
    expect_disconnect_for(&mut second, &[0x82, 0x94]);
}

/// \[MQTT5-3.3.2-8\]
#[test]
fn alias_zero_is_invalid() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");

    client.send(v5::publish(scene.topic("t"), "x").property(property::topic_alias(0)));
    client.expect_disconnect(0x94);
}

/// \[MQTT5-3.3.2-9\]
#[test]
fn an_alias_above_the_maximum_is_invalid() {
    let scene = Scene::new();
    let (mut client, connack) = accepted(&scene, &v5::connect(scene.id("a")));
    let above = alias_maximum(&connack) + 1;

    client.send(v5::publish(scene.topic("t"), "x").property(property::topic_alias(above)));
    client.expect_disconnect(0x94);
}

/// \[MQTT5-3.3.2-9\]
#[test]
fn an_alias_that_was_never_set_ends_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");

    client.send(v5::publish("", "x").property(property::topic_alias(2)));
    expect_disconnect_for(&mut client, &[0x82, 0x94]);
}

/// \[MQTT5-3.3.2-11\] \[MQTT5-3.1.2-26\]
#[test]
fn the_publisher_s_alias_is_not_passed_on() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut publisher = scene.client_v5("publisher");
    let mut client = scene.client_v5("a");
    client.subscribe(&topic, 1);

    publisher.publish(
        v5::publish(&topic, "x")
            .qos(1)
            .property(property::topic_alias(2)),
    );
    publisher.publish(
        v5::publish("", "y")
            .qos(1)
            .property(property::topic_alias(2)),
    );
    client.expect_message(&v5::publish(&topic, "x").qos(1));
    client.expect_message(&v5::publish(&topic, "y").qos(1));
}

/// \[MQTT5-3.3.2-11\] \[MQTT5-3.1.2-26\]
#[test]
fn the_broker_s_aliases_stay_within_the_maximum_of_the_client() {
    let scene = Scene::new();
    let mut publisher = scene.client_v5("publisher");
    let mut client =
        scene.client_with(&v5::connect(scene.id("a")).property(property::topic_alias_maximum(1)));
    client.subscribe(&scene.topic("#"), 0);

    publisher.publish(v5::publish(scene.topic("1"), "x"));
    publisher.publish(v5::publish(scene.topic("2"), "x"));
    publisher.publish(v5::publish(scene.topic("1"), "x"));
    publisher.publish(v5::publish(scene.topic("2"), "x"));
    expect_alias_at_most_one(&mut client);
    expect_alias_at_most_one(&mut client);
    expect_alias_at_most_one(&mut client);
    expect_alias_at_most_one(&mut client);
}

/// The next PUBLISH has no topic alias, or 1.
#[track_caller]
fn expect_alias_at_most_one(client: &mut Client) {
    let message = client.receive_publish();
    let aliases = super::values(message.properties.as_ref(), 0x23);
    assert!(aliases.is_empty() || aliases == [[0, 1]], "{message:?}");
}

/// \[MQTT5-3.4.2-1\] \[MQTT5-3.5.2-1\] \[MQTT5-4.5.0-1\]
#[test]
fn a_message_that_nobody_wants_is_accepted_all_the_same() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");

    client.send(v5::publish(scene.topic("t"), "x").qos(1).id(1));
    assert_eq!(client.expect_answer(0x40).code(), 0x10);
    client.send(v5::publish(scene.topic("t"), "x").qos(2).id(2));
    assert_eq!(client.expect_answer(0x50).code(), 0x10);
    client.send(v5::pubrel(2));
    client.expect_ack(0x70, 2);
}

/// \[MQTT5-3.4.2-1\] \[MQTT5-3.5.2-1\]
#[test]
fn a_message_that_somebody_gets_is_acknowledged_with_success() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut watcher = scene.client_v5("watcher");
    let mut client = scene.client_v5("a");
    watcher.subscribe(&topic, 0);

    client.send(v5::publish(&topic, "x").qos(1).id(1));
    assert_eq!(client.expect_answer(0x40).code(), 0);
    client.send(v5::publish(&topic, "x").qos(2).id(2));
    assert_eq!(client.expect_answer(0x50).code(), 0);
}

/// \[MQTT5-3.3.2-3\] \[MQTT5-4.5.0-1\]
#[test]
fn a_message_goes_to_those_whose_filter_matches_and_to_nobody_else() {
    let scene = Scene::new();
    let mut exact = scene.client_v5("exact");
    let mut wild = scene.client_v5("wild");
    let mut other = scene.client_v5("other");
    let mut publisher = scene.client_v5("publisher");
    exact.subscribe(&scene.topic("a/b"), 1);
    wild.subscribe(&scene.topic("a/+"), 1);
    other.subscribe(&scene.topic("a"), 1);

    publisher.publish(v5::publish(scene.topic("a/b"), "x").qos(1));
    exact.expect_message(&v5::publish(scene.topic("a/b"), "x").qos(1));
    wild.expect_message(&v5::publish(scene.topic("a/b"), "x").qos(1));
    expect_nothing_from(&mut publisher, &mut other);
}
