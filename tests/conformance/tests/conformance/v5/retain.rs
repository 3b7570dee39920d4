//! Retained messages: chapter 3.3.1.3.

use castmq_conformance::v5::{self, property};
use castmq_conformance::{Client, Scene};

use super::{expect_nothing_from, expect_nothing_retained};

/// Subscription options: the retain flag stays as published.
const AS_PUBLISHED: u8 = 0x08;
/// Subscription options: retained messages only when the subscription is new.
const IF_NEW: u8 = 0x10;
/// Subscription options: no retained messages.
const NEVER: u8 = 0x20;

/// Publishes a retained message and waits until the broker has it.
fn retain(scene: &Scene, topic: &str, payload: &str) -> Client {
    let mut publisher = scene.client_v5("retain");
    publisher.publish(v5::publish(topic, payload).qos(1).retain());
    publisher
}

/// \[MQTT5-3.3.1-5\] \[MQTT5-3.3.1-9\]
#[test]
fn the_last_retained_message_of_a_topic_comes_with_a_new_subscription() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    retain(&scene, &topic, "old");
    retain(&scene, &topic, "new");

    let mut client = scene.client_v5("a");
    client.subscribe(&topic, 1);
    client.expect_message(&v5::publish(&topic, "new").qos(1).retain());
    expect_nothing_retained(&mut client);
}

/// \[MQTT5-3.3.1-5\] \[MQTT5-3.8.4-8\]
#[test]
fn a_retained_message_comes_with_the_lower_qos_of_publish_and_subscription() {
    let scene = Scene::new();
    let mut publisher = scene.client_v5("publisher");
    publisher.publish(v5::publish(scene.topic("0"), "x").qos(0).retain());
    publisher.publish(v5::publish(scene.topic("2"), "x").qos(2).retain());

    let mut client = scene.client_v5("a");
    client.subscribe(&scene.topic("0"), 2);
    client.expect_message(&v5::publish(scene.topic("0"), "x").retain());
    client.subscribe(&scene.topic("2"), 1);
    client.expect_message(&v5::publish(scene.topic("2"), "x").qos(1).retain());
}

/// \[MQTT5-3.3.1-9\] \[MQTT5-3.3.2-3\]
#[test]
fn a_wildcard_brings_every_retained_message_that_matches() {
    let scene = Scene::new();
    retain(&scene, &scene.topic("a"), "1");
    retain(&scene, &scene.topic("a/b"), "2");
    retain(&scene, &scene.topic("c"), "3");

    let mut client = scene.client_v5("client");
    client.subscribe(&scene.topic("a/#"), 0);
    let first = client.receive_publish();
    let second = client.receive_publish();
    let mut arrived = [first, second];
    arrived.sort_by(|one, other| one.topic.cmp(&other.topic));
    assert_eq!(arrived[0], v5::publish(scene.topic("a"), "1").retain());
    assert_eq!(arrived[1], v5::publish(scene.topic("a/b"), "2").retain());
    expect_nothing_retained(&mut client);
}

/// \[MQTT5-3.3.1-6\] \[MQTT5-3.3.1-7\]
#[test]
fn an_empty_retained_payload_deletes_the_retained_message() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    retain(&scene, &topic, "x");
    retain(&scene, &topic, "");

    let mut client = scene.client_v5("a");
    client.subscribe(&topic, 0);
    expect_nothing_retained(&mut client);
}

/// \[MQTT5-3.3.1-6\] \[MQTT5-3.3.1-12\]
#[test]
fn an_empty_retained_payload_is_passed_on_to_subscribers() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = scene.client_v5("a");
    client.subscribe(&topic, 0);

    retain(&scene, &topic, "");
    client.expect_publish(&v5::publish(&topic, ""));
}

/// \[MQTT5-3.3.1-8\]
#[test]
fn a_message_without_retain_leaves_the_retained_one_alone() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut publisher = retain(&scene, &topic, "retained");
    publisher.publish(v5::publish(&topic, "passing").qos(1));
    publisher.publish(v5::publish(&topic, "").qos(1));

    let mut client = scene.client_v5("a");
    client.subscribe(&topic, 0);
    client.expect_publish(&v5::publish(&topic, "retained").retain());
    expect_nothing_retained(&mut client);
}

/// \[MQTT5-3.3.1-9\] \[MQTT5-3.8.4-4\]
#[test]
fn retain_handling_0_sends_the_retained_message_with_every_subscribe() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    retain(&scene, &topic, "x");

    let mut client = scene.client_v5("a");
    client.subscribe(&topic, 0);
    client.expect_publish(&v5::publish(&topic, "x").retain());
    client.subscribe(&topic, 0);
    client.expect_publish(&v5::publish(&topic, "x").retain());
}

/// \[MQTT5-3.3.1-10\]
#[test]
fn retain_handling_1_sends_the_retained_message_with_a_new_subscription_only() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    retain(&scene, &topic, "x");

    let mut client = scene.client_v5("a");
    client.subscribe(&topic, IF_NEW);
    client.expect_publish(&v5::publish(&topic, "x").retain());
    client.subscribe(&topic, IF_NEW);
    expect_nothing_retained(&mut client);
    client.unsubscribe(&topic);
    client.subscribe(&topic, IF_NEW);
    client.expect_publish(&v5::publish(&topic, "x").retain());
}

/// \[MQTT5-3.3.1-10\] \[MQTT5-3.1.2-5\]
#[test]
fn a_subscription_of_a_resumed_session_is_not_new() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let connect = v5::connect(scene.id("a"))
        .property(property::session_expiry(600))
        .keep_session();
    let mut before = scene.client_with(&connect);
    before.subscribe(&topic, 0);
    before.disconnect();
    retain(&scene, &topic, "x");

    let mut after = scene.client_with(&connect);
    after.subscribe(&topic, IF_NEW);
    expect_nothing_retained(&mut after);
}

/// \[MQTT5-3.3.1-11\]
#[test]
fn retain_handling_2_never_sends_the_retained_message() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut publisher = retain(&scene, &topic, "old");

    let mut client = scene.client_v5("a");
    client.subscribe(&topic, NEVER);
    expect_nothing_retained(&mut client);
    publisher.publish(v5::publish(&topic, "live").qos(1));
    client.expect_publish(&v5::publish(&topic, "live"));
}

/// \[MQTT5-3.3.1-12\]
#[test]
fn without_retain_as_published_a_live_message_has_no_retain_flag() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = scene.client_v5("a");
    client.subscribe(&topic, 0);

    retain(&scene, &topic, "x");
    client.expect_publish(&v5::publish(&topic, "x"));
}

/// \[MQTT5-3.3.1-13\]
#[test]
fn with_retain_as_published_a_live_message_keeps_its_retain_flag() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = scene.client_v5("a");
    client.subscribe(&topic, AS_PUBLISHED);

    let mut publisher = retain(&scene, &topic, "retained");
    client.expect_publish(&v5::publish(&topic, "retained").retain());
    publisher.publish(v5::publish(&topic, "passing"));
    client.expect_publish(&v5::publish(&topic, "passing"));
}

/// \[MQTT5-3.3.1-12\] \[MQTT5-3.3.1-13\]
#[test]
fn retain_as_published_is_each_subscriber_s_own() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut keeps = scene.client_v5("keeps");
    let mut clears = scene.client_v5("clears");
    keeps.subscribe(&topic, AS_PUBLISHED);
    clears.subscribe(&topic, 0);

    retain(&scene, &topic, "x");
    keeps.expect_publish(&v5::publish(&topic, "x").retain());
    clears.expect_publish(&v5::publish(&topic, "x"));
}

/// \[MQTT5-3.3.1-9\] \[MQTT5-4.8.2-1\]
#[test]
fn a_shared_subscription_brings_no_retained_messages() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut publisher = retain(&scene, &topic, "x");

    let mut client = scene.client_v5("a");
    client.subscribe(&format!("$share/group/{topic}"), 0);
    expect_nothing_from(&mut publisher, &mut client);
}

/// \[MQTT5-3.3.1-9\] \[MQTT5-3.3.4-3\]
#[test]
fn a_retained_message_carries_the_identifier_of_the_subscription() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    retain(&scene, &topic, "x");

    let mut client = scene.client_v5("a");
    let identifier = property::subscription_identifier(268_435_455);
    client.send(v5::subscribe_with(1, &[&identifier], &[(&topic, 0)]));
    assert_eq!(client.expect_answer(0x90).codes, [0]);
    client.expect_publish(&v5::publish(&topic, "x").retain().property(&identifier));
}
