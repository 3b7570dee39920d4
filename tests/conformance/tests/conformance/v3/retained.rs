//! Retained messages: chapter 3.3.1.3.

use castmq_conformance::wire::string;
use castmq_conformance::{Client, Packet, Scene, v3};

use super::{expect_nothing_from, expect_nothing_more};

/// A publisher that has published `old`, retained, to the topic `t`.
#[track_caller]
fn publisher_with_retained(scene: &Scene) -> Client {
    let mut publisher = scene.client("publisher");
    publisher.publish(v3::publish(scene.topic("t"), "old").qos(1).retain());
    publisher
}

/// A new subscriber to the topic `t` with QoS 1.
#[track_caller]
fn subscriber(scene: &Scene) -> Client {
    let mut subscriber = scene.client("subscriber");
    subscriber.subscribe(&scene.topic("t"), 1);
    subscriber
}

/// \[MQTT3-3.3.1-5\] \[MQTT3-3.3.1-6\] \[MQTT3-3.3.1-8\]
#[test]
fn a_new_subscription_gets_the_retained_message_with_retain() {
    let scene = Scene::new();
    publisher_with_retained(&scene);

    subscriber(&scene).expect_message(&v3::publish(scene.topic("t"), "old").qos(1).retain());
}

/// \[MQTT3-3.3.1-5\]
#[test]
fn the_retained_message_keeps_its_qos() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut publisher = scene.client("publisher");
    publisher.publish(v3::publish(&topic, "x").qos(2).retain());

    let mut subscriber = scene.client("subscriber");
    subscriber.subscribe(&topic, 2);
    subscriber.expect_message(&v3::publish(&topic, "x").qos(2).retain());
}

/// \[MQTT3-3.3.1-5\] \[MQTT3-3.8.4-6\]
#[test]
fn the_retained_message_comes_with_no_higher_qos_than_granted() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut publisher = scene.client("publisher");
    publisher.publish(v3::publish(&topic, "x").qos(2).retain());

    let mut subscriber = scene.client("subscriber");
    subscriber.subscribe(&topic, 0);
    subscriber.expect_publish(&v3::publish(&topic, "x").retain());
}

/// \[MQTT3-3.3.1-5\]
#[test]
fn a_retained_message_replaces_the_one_before() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut publisher = publisher_with_retained(&scene);

    publisher.publish(v3::publish(&topic, "new").qos(1).retain());
    let mut subscriber = subscriber(&scene);
    subscriber.expect_message(&v3::publish(&topic, "new").qos(1).retain());
    expect_nothing_from(&mut publisher, &mut subscriber);
}

/// \[MQTT3-3.3.1-6\]
#[test]
fn a_wildcard_subscription_gets_the_retained_message_of_each_matching_topic() {
    let scene = Scene::new();
    let mut publisher = scene.client("publisher");
    publisher.publish(v3::publish(scene.topic("a/1"), "a1").qos(1).retain());
    publisher.publish(v3::publish(scene.topic("a/2"), "a2").qos(1).retain());
    publisher.publish(v3::publish(scene.topic("a/2/3"), "a23").qos(1).retain());
    publisher.publish(v3::publish(scene.topic("b/1"), "b1").qos(1).retain());

    let mut subscriber = scene.client("subscriber");
    subscriber.subscribe(&scene.topic("a/+"), 1);
    let mut payloads = [
        subscriber.receive_publish().payload,
        subscriber.receive_publish().payload,
    ];
    payloads.sort();
    assert_eq!(payloads, [b"a1", b"a2"]);
    expect_nothing_from(&mut publisher, &mut subscriber);
}

/// \[MQTT3-3.3.1-6\]
#[test]
fn a_number_sign_brings_the_retained_message_of_the_parent_level_too() {
    let scene = Scene::new();
    let mut publisher = scene.client("publisher");
    publisher.publish(v3::publish(scene.topic("a"), "parent").qos(1).retain());
    publisher.publish(v3::publish(scene.topic("a/b"), "child").qos(1).retain());

    let mut subscriber = scene.client("subscriber");
    subscriber.subscribe(&scene.topic("a/#"), 1);
    let mut payloads = [
        subscriber.receive_publish().payload,
        subscriber.receive_publish().payload,
    ];
    payloads.sort();
    assert_eq!(payloads, [&b"child"[..], b"parent"]);
}

/// Three hundred are more than one piece of a replay.
///
/// \[MQTT3-3.3.1-6\]
#[test]
fn a_wildcard_subscription_gets_each_of_three_hundred_retained_messages_once() {
    let scene = Scene::new();
    let mut publisher = scene.client("publisher");
    for number in 0..300 {
        let topic = scene.topic(&format!("many/{number}"));
        publisher.publish(v3::publish(topic, number.to_string()).qos(1).retain());
    }

    let mut subscriber = scene.client("subscriber");
    subscriber.subscribe(&scene.topic("many/#"), 0);
    let mut numbers: Vec<u32> = (0..300)
        .map(|_| String::from_utf8(subscriber.receive_publish().payload).unwrap())
        .map(|payload| payload.parse().unwrap())
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, Vec::from_iter(0..300));
    expect_nothing_from(&mut publisher, &mut subscriber);
}

/// \[MQTT3-3.3.1-6\]
#[test]
fn retained_messages_come_after_the_suback() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    publisher_with_retained(&scene);
    let mut subscriber = scene.client("subscriber");

    subscriber.send(v3::subscribe(1, &[(&topic, 0)]));
    subscriber.expect(v3::suback(1, &[0]));
    subscriber.expect(v3::publish(&topic, "old").retain());
}

/// \[MQTT3-3.3.1-7\]
#[test]
fn a_retained_message_of_qos_0_replaces_the_one_before() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut publisher = publisher_with_retained(&scene);

    publisher.publish(v3::publish(&topic, "new").retain());
    publisher.publish(v3::publish(scene.topic("fence"), "x").qos(1));
    let mut subscriber = subscriber(&scene);
    subscriber.expect_publish(&v3::publish(&topic, "new").retain());
    expect_nothing_from(&mut publisher, &mut subscriber);
}

/// \[MQTT3-3.3.1-9\]
#[test]
fn an_established_subscription_gets_a_retained_message_without_retain() {
    let scene = Scene::new();
    let mut subscriber = subscriber(&scene);

    publisher_with_retained(&scene);
    subscriber.expect_message(&v3::publish(scene.topic("t"), "old").qos(1));
}

/// \[MQTT3-3.3.1-10\]
#[test]
fn an_empty_retained_message_deletes_the_one_before() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut publisher = publisher_with_retained(&scene);

    publisher.publish(v3::publish(&topic, "").qos(1).retain());
    expect_nothing_from(&mut publisher, &mut subscriber(&scene));
}

/// \[MQTT3-3.3.1-10\] \[MQTT3-3.3.1-9\]
#[test]
fn an_empty_retained_message_is_passed_on_as_any_other() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut subscriber = subscriber(&scene);

    let mut publisher = scene.client("publisher");
    publisher.publish(v3::publish(&topic, "").qos(1).retain());
    subscriber.expect_message(&v3::publish(&topic, "").qos(1));
}

/// \[MQTT3-3.3.1-11\]
#[test]
fn an_empty_retained_message_is_not_stored() {
    let scene = Scene::new();
    let mut publisher = scene.client("publisher");

    publisher.publish(v3::publish(scene.topic("t"), "").qos(1).retain());
    expect_nothing_from(&mut publisher, &mut subscriber(&scene));
}

/// \[MQTT3-3.3.1-12\]
#[test]
fn a_message_without_retain_is_not_stored() {
    let scene = Scene::new();
    let mut publisher = scene.client("publisher");

    publisher.publish(v3::publish(scene.topic("t"), "x").qos(1));
    expect_nothing_from(&mut publisher, &mut subscriber(&scene));
}

/// \[MQTT3-3.3.1-12\]
#[test]
fn a_message_without_retain_leaves_the_retained_one() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut publisher = publisher_with_retained(&scene);

    publisher.publish(v3::publish(&topic, "passing").qos(1));
    subscriber(&scene).expect_message(&v3::publish(&topic, "old").qos(1).retain());
}

/// \[MQTT3-3.3.1-12\]
#[test]
fn an_empty_message_without_retain_deletes_nothing() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut publisher = publisher_with_retained(&scene);

    publisher.publish(v3::publish(&topic, "").qos(1));
    subscriber(&scene).expect_message(&v3::publish(&topic, "old").qos(1).retain());
}

/// \[MQTT3-3.3.1-5\] \[MQTT3-3.3.1-8\]
#[test]
fn a_retained_message_of_qos_2_is_stored_when_its_exchange_is_over() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut publisher = scene.client("publisher");
    publisher.publish(v3::publish(&topic, "x").qos(2).retain());

    subscriber(&scene).expect_message(&v3::publish(&topic, "x").qos(1).retain());
}

/// \[MQTT3-3.3.1-6\]
#[test]
fn each_of_several_filters_brings_its_retained_messages() {
    let scene = Scene::new();
    let mut publisher = scene.client("publisher");
    publisher.publish(v3::publish(scene.topic("a"), "a").qos(1).retain());
    publisher.publish(v3::publish(scene.topic("b"), "b").qos(1).retain());

    let mut subscriber = scene.client("subscriber");
    let (first, second) = (scene.topic("a"), scene.topic("b"));
    subscriber.send(v3::subscribe(1, &[(&first, 1), (&second, 0)]));
    subscriber.expect(v3::suback(1, &[1, 0]));
    let mut messages = [subscriber.receive_publish(), subscriber.receive_publish()];
    messages.sort_by_key(|message| message.payload.clone());
    assert_eq!(messages[0].payload, b"a");
    assert_eq!((messages[0].qos, messages[0].retain), (1, true));
    assert_eq!(messages[1].payload, b"b");
    assert_eq!((messages[1].qos, messages[1].retain), (0, true));
}

/// \[MQTT3-3.3.1-6\] \[MQTT3-3.1.2-4\]
#[test]
fn resuming_a_session_is_no_new_subscription() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut publisher = publisher_with_retained(&scene);
    let mut subscriber = scene.session("subscriber");
    subscriber.subscribe(&topic, 1);
    subscriber.expect_message(&v3::publish(&topic, "old").qos(1).retain());
    subscriber.disconnect();

    let mut subscriber = scene.session("subscriber");
    expect_nothing_from(&mut publisher, &mut subscriber);
}

/// \[MQTT3-3.3.1-9\] \[MQTT3-3.1.2-5\]
#[test]
fn a_retained_message_that_waited_for_its_subscriber_comes_without_retain() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut subscriber = scene.session("subscriber");
    subscriber.subscribe(&topic, 1);
    subscriber.disconnect();

    publisher_with_retained(&scene);
    let mut subscriber = scene.session("subscriber");
    subscriber.expect_message(&v3::publish(&topic, "old").qos(1));
    expect_nothing_more(&mut subscriber);
}

/// A subscriber in the middle of a stream of retained versions never goes back to an older one.
///
/// \[MQTT3-3.3.1-6\] \[MQTT3-4.6.0-6\]
#[test]
fn a_replayed_message_is_never_older_than_one_that_was_delivered() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut publisher = publisher_with_retained(&scene);
    let mut subscriber = scene.client("subscriber");

    let versions = (0..200_u16).flat_map(|number| {
        let publish = v3::publish(&topic, number.to_string()).qos(1).retain();
        publish.id(number + 1).to_bytes()
    });
    publisher.send(versions.collect::<Vec<u8>>());
    // A live message may come before the SUBACK.
    subscriber.send(v3::subscribe(1, &[(&topic, 0)]));
    let mut latest = -1;
    while latest < 199 {
        let packet = subscriber.receive();
        if packet.kind() == 9 {
            continue;
        }
        let payload = packet.body.split_at(string(&topic).len()).1;
        let number = String::from_utf8_lossy(payload).parse().unwrap_or(-1);
        assert!(number >= latest, "{number} after {latest}");
        latest = number;
    }
}
