//! Topic names, filters and order: chapters 4.5 to 4.7.

use castmq_conformance::v5;
use castmq_conformance::{Client, Scene};

use super::{expect_disconnect_for, expect_nothing_from};

/// Whether a message on the topic reaches a subscriber to the filter.
fn matches(scene: &Scene, filter: &str, topic: &str) -> bool {
    let marker = scene.id("marker");
    let mut client = scene.client_v5("matches");
    client.subscribe(&marker, 0);
    client.subscribe(filter, 0);
    client.publish(v5::publish(topic, "x"));
    client.publish(v5::publish(&marker, "marker"));
    client.receive_publish().topic == topic.as_bytes()
}

/// \[MQTT5-4.7.1-1\] \[MQTT5-3.3.2-3\]
#[test]
fn a_hash_stands_for_any_number_of_levels() {
    let scene = Scene::new();
    let filter = scene.topic("sport/#");

    assert!(matches(&scene, &filter, &scene.topic("sport")));
    assert!(matches(&scene, &filter, &scene.topic("sport/")));
    assert!(matches(&scene, &filter, &scene.topic("sport/tennis")));
    assert!(matches(
        &scene,
        &filter,
        &scene.topic("sport/tennis/player/1")
    ));
    assert!(!matches(&scene, &filter, &scene.topic("sports")));
    assert!(!matches(&scene, &filter, &scene.topic("music")));
}

/// \[MQTT5-4.7.1-2\] \[MQTT5-3.3.2-3\]
#[test]
fn a_plus_stands_for_exactly_one_level() {
    let scene = Scene::new();

    assert!(matches(&scene, &scene.topic("a/+"), &scene.topic("a/b")));
    assert!(matches(&scene, &scene.topic("a/+"), &scene.topic("a/")));
    assert!(!matches(&scene, &scene.topic("a/+"), &scene.topic("a")));
    assert!(!matches(&scene, &scene.topic("a/+"), &scene.topic("a/b/c")));
    assert!(matches(
        &scene,
        &scene.topic("+/b/+"),
        &scene.topic("a/b/c")
    ));
    assert!(matches(&scene, &scene.topic("+/+"), &scene.topic("/")));
    assert!(matches(&scene, &scene.topic("+/#"), &scene.topic("a")));
}

/// \[MQTT5-4.7.3-4\]
#[test]
fn empty_levels_are_levels() {
    let scene = Scene::new();

    assert!(matches(&scene, &scene.topic("/a"), &scene.topic("/a")));
    assert!(!matches(&scene, &scene.topic("a"), &scene.topic("/a")));
    assert!(!matches(&scene, &scene.topic("a"), &scene.topic("a/")));
    assert!(!matches(&scene, &scene.topic("a/b"), &scene.topic("a//b")));
    assert!(matches(&scene, &scene.topic("a/+/b"), &scene.topic("a//b")));
}

/// \[MQTT5-4.7.3-4\]
#[test]
fn topics_are_compared_without_any_normalisation() {
    let scene = Scene::new();

    assert!(!matches(&scene, &scene.topic("Room"), &scene.topic("room")));
    // "é" as one code point, and as "e" with a combining accent.
    assert!(!matches(
        &scene,
        &scene.topic("caf\u{E9}"),
        &scene.topic("cafe\u{301}")
    ));
    assert!(!matches(&scene, &scene.topic("a%2Fb"), &scene.topic("a/b")));
    assert!(matches(&scene, &scene.topic("a b"), &scene.topic("a b")));
    assert!(!matches(&scene, &scene.topic("a b"), &scene.topic("a  b")));
}

/// \[MQTT5-4.7.2-1\]
#[test]
fn a_leading_wildcard_does_not_match_topics_that_begin_with_a_dollar() {
    let scene = Scene::alone();
    let topic = format!("${}", scene.topic("x"));
    let mut publisher = scene.client_v5("publisher");
    let mut hash = scene.client_v5("hash");
    let mut plus = scene.client_v5("plus");
    let mut exact = scene.client_v5("exact");
    hash.subscribe("#", 0);
    plus.subscribe("+/x", 0);
    exact.subscribe(&topic, 0);

    publisher.publish(v5::publish(&topic, "x"));
    publisher.publish(v5::publish(scene.topic("last"), "x"));
    exact.expect_publish(&v5::publish(&topic, "x"));
    hash.expect_publish(&v5::publish(scene.topic("last"), "x"));
    expect_nothing_from(&mut publisher, &mut plus);
}

/// \[MQTT5-4.7.2-1\] \[MQTT5-3.3.1-9\]
#[test]
fn a_leading_wildcard_brings_no_retained_messages_of_topics_that_begin_with_a_dollar() {
    let scene = Scene::alone();
    let topic = format!("${}", scene.topic("x"));
    let mut client = scene.client_v5("a");
    client.publish(v5::publish(&topic, "x").qos(1).retain());
    client.publish(v5::publish(scene.topic("x"), "x").qos(1).retain());

    client.subscribe("#", 0);
    client.expect_publish(&v5::publish(scene.topic("x"), "x").retain());
    client.subscribe("+/x", 0);
    client.expect_publish(&v5::publish(scene.topic("x"), "x").retain());
    client.subscribe(&topic, 0);
    client.expect_publish(&v5::publish(&topic, "x").retain());
}

/// \[MQTT5-4.7.2-1\]
#[test]
fn a_wildcard_behind_a_dollar_level_matches() {
    let scene = Scene::new();
    let topic = format!("${}", scene.topic("x"));
    let mut client = scene.client_v5("a");
    client.subscribe(&format!("${}", scene.topic("#")), 0);

    client.publish(v5::publish(&topic, "x"));
    client.expect_publish(&v5::publish(&topic, "x"));
}

/// \[MQTT5-4.7.3-2\] \[MQTT5-1.5.4-2\]
#[test]
fn a_null_character_in_a_filter_ends_the_connection() {
    let scene = Scene::new();
    let mut subscribe = scene.client_v5("subscribe");
    let mut unsubscribe = scene.client_v5("unsubscribe");

    subscribe.send(v5::subscribe(1, &[("a\0b", 0)]));
    expect_disconnect_for(&mut subscribe, &[0x81]);
    unsubscribe.send(v5::unsubscribe(1, &["a\0b"]));
    expect_disconnect_for(&mut unsubscribe, &[0x81]);
}

/// \[MQTT5-4.7.3-3\]
#[test]
fn a_topic_of_65535_bytes_is_a_topic() {
    let scene = Scene::new();
    let prefix = scene.topic("");
    let longest = format!("{prefix}{}", "x".repeat(65_535 - prefix.len()));
    let mut client = scene.client_v5("a");
    client.subscribe(&longest, 0);

    client.publish(v5::publish(&longest, "x"));
    client.expect_publish(&v5::publish(&longest, "x"));
}

/// \[MQTT5-4.7.3-1\]
#[test]
fn a_topic_of_one_character_is_a_topic() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");
    // Nobody else publishes here.
    client.subscribe("5", 0);
    client.subscribe("/", 0);

    client.publish(v5::publish("5", "x"));
    client.expect_publish(&v5::publish("5", "x"));
    client.publish(v5::publish("/", "x"));
    client.expect_publish(&v5::publish("/", "x"));
}

/// \[MQTT5-4.7.0-1\] \[MQTT5-3.3.2-2\]
#[test]
fn wildcards_have_no_meaning_in_a_topic_and_are_not_delivered() {
    let scene = Scene::new();
    let mut watcher = scene.client_v5("watcher");
    let mut publisher = scene.client_v5("publisher");
    let mut wrong = scene.client_v5("wrong");
    watcher.subscribe(&scene.topic("#"), 0);

    wrong.send(v5::publish(scene.topic("+"), "x"));
    expect_disconnect_for(&mut wrong, &[0x81, 0x82, 0x90]);
    expect_nothing_from(&mut publisher, &mut watcher);
}

/// \[MQTT5-4.5.0-1\]
#[test]
fn a_message_is_kept_for_every_session_that_wants_it() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let session = |name| {
        v5::connect(scene.id(name))
            .property(v5::property::session_expiry(600))
            .keep_session()
    };
    let join = |name| {
        let mut client = scene.client_with(&session(name));
        client.subscribe(&topic, 1);
        client
    };
    let mut online = join("online");
    join("one").disconnect();
    join("two").disconnect();

    scene
        .client_v5("publisher")
        .publish(v5::publish(&topic, "x").qos(1));
    online.expect_message(&v5::publish(&topic, "x").qos(1));
    let expected = v5::publish(&topic, "x").qos(1);
    scene.client_with(&session("one")).expect_message(&expected);
    scene.client_with(&session("two")).expect_message(&expected);
}

/// Publishes 100 numbered messages and expects them in their order.
#[track_caller]
fn expect_order(scene: &Scene, qos: u8) {
    let topic = scene.topic("t");
    let mut publisher = scene.client_v5("publisher");
    let mut client: Client = scene.client_v5("a");
    client.subscribe(&topic, qos);
    for number in 0..100 {
        publisher.publish(v5::publish(&topic, number.to_string()).qos(qos));
    }
    let mut payloads = Vec::new();
    while payloads.len() < 100 {
        let packet = client.receive();
        if packet.kind() == 6 {
            let id = v5::Answer::parse(&packet).id;
            client.send(v5::pubcomp(id));
            continue;
        }
        let message = castmq_conformance::Publish::parse(&packet, true);
        payloads.push(String::from_utf8(message.payload).unwrap());
        match message.id {
            Some(id) if qos == 1 => client.send(v5::puback(id)),
            Some(id) => client.send(v5::pubrec(id)),
            None => {}
        }
    }
    let expected: Vec<String> = (0..100).map(|number| number.to_string()).collect();
    assert_eq!(payloads, expected);
}

/// \[MQTT5-4.6.0-5\] \[MQTT5-4.6.0-6\]
#[test]
fn messages_of_qos_0_arrive_in_the_order_of_their_publisher() {
    expect_order(&Scene::new(), 0);
}

/// \[MQTT5-4.6.0-5\] \[MQTT5-4.6.0-6\]
#[test]
fn messages_of_qos_1_arrive_in_the_order_of_their_publisher() {
    expect_order(&Scene::new(), 1);
}

/// \[MQTT5-4.6.0-5\] \[MQTT5-4.6.0-6\]
#[test]
fn messages_of_qos_2_arrive_in_the_order_of_their_publisher() {
    expect_order(&Scene::new(), 2);
}

/// \[MQTT5-4.6.0-5\] \[MQTT5-4.6.0-6\]
#[test]
fn messages_that_waited_for_the_window_arrive_in_order() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut publisher = scene.client_v5("publisher");
    let connect = v5::connect(scene.id("a")).property(v5::property::receive_maximum(1));
    let mut client = scene.client_with(&connect);
    client.subscribe(&topic, 1);

    publisher.publish(v5::publish(&topic, "1").qos(1));
    publisher.publish(v5::publish(&topic, "2").qos(1));
    publisher.publish(v5::publish(&topic, "3").qos(1));
    client.expect_message(&v5::publish(&topic, "1").qos(1));
    client.expect_message(&v5::publish(&topic, "2").qos(1));
    client.expect_message(&v5::publish(&topic, "3").qos(1));
}
