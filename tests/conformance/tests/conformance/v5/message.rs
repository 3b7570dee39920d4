//! The properties of a message, on their way from publisher to subscriber; chapter 3.3.2.3.

use std::time::Duration;

use castmq_conformance::v5::{self, property};
use castmq_conformance::{Client, Publish, Scene};

use super::{expect_disconnect_for, expect_nothing_from, stopwatch, values};

/// Publishes to a subscriber and returns what arrived.
fn through(scene: &Scene, message: &Publish) -> Publish {
    let mut client = scene.client_v5("through");
    client.subscribe(&scene.topic("t"), 0);
    client.publish(message.clone());
    client.receive_publish()
}

/// \[MQTT5-3.3.2-4\]
#[test]
fn the_payload_format_arrives_unchanged() {
    let scene = Scene::new();
    let said = v5::publish(scene.topic("t"), "x").property(property::payload_format(1));
    let denied = v5::publish(scene.topic("t"), "x").property(property::payload_format(0));
    let silent = v5::publish(scene.topic("t"), "x");

    assert_eq!(through(&scene, &said), said);
    let arrived = through(&scene, &denied);
    // 0 means the same as nothing.
    assert!(arrived == denied || arrived == silent, "{arrived:?}");
    assert_eq!(through(&scene, &silent), silent);
}

/// \[MQTT5-3.3.2-15\] \[MQTT5-3.3.2-16\]
#[test]
fn response_topic_and_correlation_data_arrive_unchanged() {
    let scene = Scene::new();
    let request = v5::publish(scene.topic("t"), "x")
        .property(property::response_topic("answers/an-swer/温"))
        .property(property::correlation_data(b"\0\x01\xFE\xFF"));

    let arrived = through(&scene, &request);
    assert_eq!(
        values(arrived.properties.as_ref(), 0x08),
        values(request.properties.as_ref(), 0x08)
    );
    assert_eq!(
        values(arrived.properties.as_ref(), 0x09),
        values(request.properties.as_ref(), 0x09)
    );
}

/// \[MQTT5-3.3.2-16\]
#[test]
fn empty_correlation_data_arrives_unchanged() {
    let scene = Scene::new();
    let request = v5::publish(scene.topic("t"), "x").property(property::correlation_data(""));

    assert_eq!(through(&scene, &request), request);
}

/// \[MQTT5-3.3.2-17\] \[MQTT5-3.3.2-18\]
#[test]
fn user_properties_arrive_unchanged_and_in_order() {
    let scene = Scene::new();
    let message = v5::publish(scene.topic("t"), "x")
        .property(property::user("z", "1"))
        .property(property::user("a", ""))
        .property(property::user("z", "1"))
        .property(property::user("", "empty name"))
        .property(property::user("名", "値"));

    assert_eq!(through(&scene, &message), message);
}

/// \[MQTT5-3.3.2-20\]
#[test]
fn the_content_type_arrives_unchanged() {
    let scene = Scene::new();
    let message =
        v5::publish(scene.topic("t"), "x").property(property::content_type("application/json"));

    assert_eq!(through(&scene, &message), message);
}

/// \[MQTT5-3.3.2-17\] \[MQTT5-3.3.1-5\]
#[test]
fn a_retained_message_keeps_its_properties() {
    let scene = Scene::new();
    let message = v5::publish(scene.topic("t"), "x")
        .retain()
        .property(property::user("b", "1"))
        .property(property::user("a", "2"))
        .property(property::content_type("text"))
        .property(property::response_topic("r"))
        .qos(1);
    scene.client_v5("publisher").publish(message.clone());

    let mut client = scene.client_v5("a");
    client.subscribe(&scene.topic("t"), 1);
    client.expect_message(&message);
}

/// \[MQTT5-3.3.2-13\] \[MQTT5-3.3.2-19\]
#[test]
fn response_topic_and_content_type_are_strings() {
    let scene = Scene::new();
    let mut response = scene.client_v5("response");
    let mut content = scene.client_v5("content");

    response.send(v5::publish(scene.topic("t"), "x").property(property::response_topic(b"\xFF")));
    expect_disconnect_for(&mut response, &[0x81]);
    content.send(v5::publish(scene.topic("t"), "x").property(property::content_type(b"\xFF")));
    expect_disconnect_for(&mut content, &[0x81]);
}

/// \[MQTT5-3.3.2-14\]
#[test]
fn a_response_topic_with_wildcards_ends_the_connection() {
    let scene = Scene::new();
    let mut plus = scene.client_v5("plus");
    let mut hash = scene.client_v5("hash");

    plus.send(v5::publish(scene.topic("t"), "x").property(property::response_topic("a/+/b")));
    expect_disconnect_for(&mut plus, &[0x81, 0x82, 0x90]);
    hash.send(v5::publish(scene.topic("t"), "x").property(property::response_topic("a/#")));
    expect_disconnect_for(&mut hash, &[0x81, 0x82, 0x90]);
}

/// \[MQTT5-3.3.2-14\] \[MQTT5-4.7.3-1\]
#[test]
fn an_empty_response_topic_ends_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");

    client.send(v5::publish(scene.topic("t"), "x").property(property::response_topic("")));
    expect_disconnect_for(&mut client, &[0x81, 0x82, 0x90]);
}

/// \[MQTT5-4.13.1-1\] \[MQTT5-3.3.2-4\]
#[test]
fn a_payload_format_other_than_0_and_1_ends_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");

    client.send(v5::publish(scene.topic("t"), "x").property(property::payload_format(2)));
    expect_disconnect_for(&mut client, &[0x81, 0x82]);
}

/// The remaining lifetime of a message in seconds.
#[track_caller]
fn remaining(message: &Publish) -> u32 {
    let found = values(message.properties.as_ref(), 0x02);
    u32::from_be_bytes(found[0].as_slice().try_into().unwrap())
}

/// \[MQTT5-3.3.2-6\]
#[test]
fn a_message_that_did_not_wait_keeps_its_expiry() {
    let scene = Scene::new();
    let message = v5::publish(scene.topic("t"), "x").property(property::message_expiry(10_000));

    let since = stopwatch();
    let arrived = through(&scene, &message);
    let waited = u32::try_from(since().as_secs() + 1).unwrap();
    let expiry = remaining(&arrived);
    assert!((10_000 - waited..=10_000).contains(&expiry), "{expiry}");
}

/// A session with one subscription, whose client is away.
fn away(scene: &Scene) {
    let connect = v5::connect(scene.id("away")).property(property::session_expiry(600));
    let mut client = scene.client_with(&connect);
    client.subscribe(&scene.topic("t"), 1);
    client.disconnect();
}

/// The client returns to that session.
fn back(scene: &Scene) -> Client {
    scene.client_with(&v5::connect(scene.id("away")).keep_session())
}

/// Waits until so many seconds are over, by the broker's own clock: a will with that delay.
fn broker_waits(scene: &Scene, seconds: u32) {
    let topic = scene.topic("timer");
    let mut client = scene.client_v5("timer");
    client.subscribe(&topic, 0);
    let will = castmq_conformance::will(&topic, "now").property(property::will_delay(seconds));
    let connect = v5::connect(scene.id("timer's will"))
        .property(property::session_expiry(600))
        .will(will);
    scene.client_with(&connect).cut();
    client.expect_publish(&v5::publish(&topic, "now"));
}

/// \[MQTT5-3.3.2-6\]
#[test]
fn the_time_a_message_waited_is_taken_off_its_expiry() {
    let scene = Scene::new();
    away(&scene);
    let since = stopwatch();
    scene.client_v5("publisher").publish(
        v5::publish(scene.topic("t"), "x")
            .qos(1)
            .property(property::message_expiry(10_000)),
    );

    broker_waits(&scene, 2);
    let expiry = remaining(&back(&scene).receive_publish());
    let waited = u32::try_from(since().as_secs() + 1).unwrap();
    assert!((10_000 - waited..=9_999).contains(&expiry), "{expiry}");
}

/// \[MQTT5-3.3.2-5\]
#[test]
fn a_message_that_expired_while_it_waited_is_not_delivered() {
    let scene = Scene::new();
    away(&scene);
    let mut publisher = scene.client_v5("publisher");
    let message = v5::publish(scene.topic("t"), "expires").qos(1);
    publisher.publish(message.property(property::message_expiry(1)));
    publisher.publish(v5::publish(scene.topic("t"), "stays").qos(1));

    broker_waits(&scene, 3);
    back(&scene).expect_publish(&v5::publish(scene.topic("t"), "stays").qos(1));
}

/// \[MQTT5-3.3.2-5\]
#[test]
fn a_retained_message_that_expired_is_not_delivered() {
    let scene = Scene::new();
    let mut publisher = scene.client_v5("publisher");
    let message = v5::publish(scene.topic("t"), "expires").retain().qos(1);
    publisher.publish(message.property(property::message_expiry(1)));

    broker_waits(&scene, 3);
    let mut client = scene.client_v5("a");
    client.subscribe(&scene.topic("t"), 1);
    expect_nothing_from(&mut publisher, &mut client);
}

/// \[MQTT5-3.3.2-6\]
#[test]
fn a_retained_message_says_how_long_it_still_lives() {
    let scene = Scene::new();
    let since = stopwatch();
    scene.client_v5("publisher").publish(
        v5::publish(scene.topic("t"), "x")
            .qos(1)
            .retain()
            .property(property::message_expiry(10_000)),
    );

    broker_waits(&scene, 2);
    let mut client = scene.client_v5("a");
    client.subscribe(&scene.topic("t"), 0);
    let expiry = remaining(&client.receive_publish());
    let waited = u32::try_from(since().as_secs() + 1).unwrap();
    assert!((10_000 - waited..=9_999).contains(&expiry), "{expiry}");
}

/// \[MQTT5-4.3.3-7\] \[MQTT5-3.3.2-5\]
#[test]
fn a_message_that_expires_in_flight_is_sent_again_all_the_same() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let connect = v5::connect(scene.id("away")).property(property::session_expiry(600));
    let mut before = scene.client_with(&connect);
    before.subscribe(&topic, 2);
    let message = v5::publish(&topic, "x").qos(2);
    scene
        .client_v5("publisher")
        .publish(message.property(property::message_expiry(1)));
    let sent = before.receive_publish();
    before.disconnect();

    broker_waits(&scene, 3);
    let again = back(&scene).receive_publish();
    assert!(again.dup, "{again:?}");
    assert_eq!((again.id, again.payload), (sent.id, sent.payload));
}

/// \[MQTT5-4.3.3-13\] \[MQTT5-4.3.3-11\]
#[test]
fn the_handshake_of_qos_2_goes_on_when_the_message_has_expired() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");
    let message = v5::publish(scene.topic("t"), "x").qos(2).id(7);
    client.send(message.property(property::message_expiry(1)));
    client.expect_ack(0x50, 7);

    let since = stopwatch();
    broker_waits(&scene, 3);
    assert!(since() > Duration::from_secs(1));
    client.send(v5::pubrel(7));
    client.expect_ack(0x70, 7);
}
