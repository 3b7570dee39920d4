//! Topic names and filters: chapter 4.7.

use castmq_conformance::{Client, Scene, v3};

use super::expect_nothing_more;

/// Whether a filter matches a topic, both below the first level of this test.
#[track_caller]
fn assert_match(scene: &Scene, filter: &str, topic: &str) {
    let (mut client, topic) = published(scene, filter, topic);
    client.expect_publish(&v3::publish(&topic, "x"));
}

/// As [`assert_match`], but nothing comes.
#[track_caller]
fn assert_no_match(scene: &Scene, filter: &str, topic: &str) {
    let (mut client, _) = published(scene, filter, topic);
    expect_nothing_more(&mut client);
}

fn published(scene: &Scene, filter: &str, topic: &str) -> (Client, String) {
    let mut client = scene.client("a");
    let topic = scene.topic(topic);
    client.subscribe(&scene.topic(filter), 0);
    client.publish(v3::publish(&topic, "x"));
    (client, topic)
}

/// \[MQTT3-4.7.1-2\]
#[test]
fn a_number_sign_matches_any_number_of_levels_and_the_parent() {
    let scene = Scene::new();

    assert_match(&scene, "sport/tennis/#", "sport/tennis");
    assert_match(&scene, "sport/tennis/#", "sport/tennis/player");
    assert_match(&scene, "sport/tennis/#", "sport/tennis/player/ranking");
    assert_match(&scene, "sport/tennis/#", "sport/tennis/");
    assert_no_match(&scene, "sport/tennis/#", "sport/tennisball");
    assert_no_match(&scene, "sport/tennis/#", "sport");
}

/// \[MQTT3-4.7.1-2\]
#[test]
fn a_number_sign_within_a_level_closes_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client("a");

    client.send(v3::subscribe(1, &[("sport/tennis#", 0)]));
    client.expect_close();
}

/// \[MQTT3-4.7.1-2\]
#[test]
fn a_number_sign_before_the_last_level_closes_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client("a");

    client.send(v3::subscribe(1, &[("sport/#/ranking", 0)]));
    client.expect_close();
}

/// \[MQTT3-4.7.1-2\]
#[test]
fn a_wrong_filter_to_unsubscribe_closes_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client("a");

    client.send(v3::unsubscribe(1, &["sport/#/ranking"]));
    client.expect_close();
}

/// \[MQTT3-4.7.1-3\]
#[test]
fn a_plus_matches_exactly_one_level() {
    let scene = Scene::new();

    assert_match(&scene, "sport/+", "sport/tennis");
    assert_match(&scene, "sport/+", "sport/");
    assert_match(&scene, "+/b/+/d", "a/b/c/d");
    assert_match(&scene, "+/+", "/b");
    assert_no_match(&scene, "sport/+", "sport");
    assert_no_match(&scene, "sport/+", "sport/tennis/player");
}

/// \[MQTT3-4.7.1-3\]
#[test]
fn a_plus_and_a_number_sign_go_together() {
    let scene = Scene::new();

    assert_match(&scene, "+/tennis/#", "sport/tennis");
    assert_match(&scene, "+/tennis/#", "sport/tennis/player/1");
    assert_no_match(&scene, "+/tennis/#", "tennis/player");
}

/// \[MQTT3-4.7.1-3\]
#[test]
fn a_plus_within_a_level_closes_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client("a");

    client.send(v3::subscribe(1, &[("sport+", 0)]));
    client.expect_close();
}

/// \[MQTT3-4.7.1-3\]
#[test]
fn a_plus_behind_other_characters_of_a_level_closes_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client("a");

    client.send(v3::subscribe(1, &[("sport/a+/b", 0)]));
    client.expect_close();
}

/// \[MQTT3-4.7.1-1\]
#[test]
fn wildcards_are_ordinary_in_filters_only() {
    let scene = Scene::new();
    let mut client = scene.client("a");
    client.subscribe(&scene.topic("#"), 0);

    client.send(v3::publish(scene.topic("+"), "x"));
    client.expect_close();
}

/// \[MQTT3-4.7.2-1\]
#[test]
fn a_leading_number_sign_does_not_match_the_brokers_own_topics() {
    let scene = Scene::alone();
    let mut everything = scene.client("everything");
    let mut system = scene.client("system");
    everything.subscribe("#", 0);
    system.subscribe("$SYS/#", 0);

    // The broker has published below $SYS, live and not only retained.
    while system.receive_publish().retain {}
    system.publish(v3::publish(scene.topic("t"), "x"));
    loop {
        let message = everything.receive_publish();
        assert!(!message.topic.starts_with(b"$"), "{message:?}");
        if message.payload == b"x" {
            break;
        }
    }
}

/// Not as emqttd's P15: all topics that begin with `$` are guarded, not `$SYS` alone.
///
/// \[MQTT3-4.7.2-1\]
#[test]
fn leading_wildcards_match_no_topic_that_begins_with_a_dollar_sign() {
    let scene = Scene::alone();
    let topic = format!("${}", scene.topic("t"));
    let mut number_sign = scene.client("number-sign");
    let mut plus = scene.client("plus");
    let mut exact = scene.client("exact");
    number_sign.subscribe("#", 0);
    plus.subscribe("+/t", 0);
    exact.subscribe(&topic, 0);

    let mut publisher = scene.client("publisher");
    publisher.publish(v3::publish(&topic, "x"));
    publisher.publish(v3::publish("t/t", scene.topic("fence")));
    exact.expect_publish(&v3::publish(&topic, "x"));
    expect_fence(&scene, &mut number_sign, &topic);
    expect_fence(&scene, &mut plus, &topic);
}

/// Skips what other tests publish; the topic does not come before the fence.
#[track_caller]
fn expect_fence(scene: &Scene, client: &mut Client, topic: &str) {
    loop {
        let message = client.receive_publish();
        assert_ne!(message.topic, topic.as_bytes());
        if message.payload == scene.topic("fence").into_bytes() {
            return;
        }
    }
}

/// \[MQTT3-4.7.2-1\]
#[test]
fn wildcards_behind_the_dollar_level_match() {
    let scene = Scene::new();
    let level = format!("${}", scene.topic("own"));
    let mut client = scene.client("a");

    client.subscribe(&format!("{level}/+/b/#"), 0);
    client.publish(v3::publish(format!("{level}/a/b/c"), "x"));
    client.expect_publish(&v3::publish(format!("{level}/a/b/c"), "x"));
}

/// Not as emqttd's P15: a dollar sign is special at the beginning of a topic only.
///
/// \[MQTT3-4.7.2-1\]
#[test]
fn a_dollar_sign_at_an_inner_level_is_an_ordinary_character() {
    let scene = Scene::new();

    assert_match(&scene, "+", "$b");
    assert_match(&scene, "#", "$b/c");
    assert_match(&scene, "a/+", "a/$b");
    assert_match(&scene, "a/#", "a/$SYS/b");
}

/// Not as emqttd's P15: retained messages follow the same rule.
///
/// \[MQTT3-4.7.2-1\] \[MQTT3-3.3.1-6\]
#[test]
fn leading_wildcards_bring_no_retained_message_of_a_dollar_topic() {
    let scene = Scene::new();
    let level = scene.id("level");
    let mut publisher = scene.client("publisher");
    publisher.publish(v3::publish(format!("$a/{level}"), "x").qos(1).retain());
    publisher.publish(v3::publish(format!("a/{level}"), "y").qos(1).retain());

    let mut client = scene.client("a");
    client.subscribe(&format!("+/{level}"), 0);
    client.expect_publish(&v3::publish(format!("a/{level}"), "y").retain());
    expect_nothing_more(&mut client);
}

/// \[MQTT3-4.7.3-1\] \[MQTT3-4.8.0-1\]
#[test]
fn an_empty_topic_closes_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client("a");

    client.send(v3::publish("", "x"));
    client.expect_close();
}

/// \[MQTT3-4.7.3-1\]
#[test]
fn an_empty_filter_closes_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client("a");

    client.send(v3::subscribe(1, &[("", 0)]));
    client.expect_close();
}

/// \[MQTT3-4.7.3-1\]
#[test]
fn an_empty_filter_to_unsubscribe_closes_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client("a");

    client.send(v3::unsubscribe(1, &[""]));
    client.expect_close();
}

/// \[MQTT3-4.7.3-1\]
#[test]
fn a_single_slash_is_a_topic() {
    let scene = Scene::new();
    let mut client = scene.client("a");
    let payload = scene.id("slash");

    client.subscribe("/", 0);
    client.publish(v3::publish("/", &payload));
    client.expect_publish(&v3::publish("/", &payload));
}

/// \[MQTT3-4.7.3-4\]
#[test]
fn empty_levels_are_levels() {
    let scene = Scene::new();

    assert_match(&scene, "a//b", "a//b");
    assert_match(&scene, "a/+/b", "a//b");
    assert_no_match(&scene, "a/b", "a//b");
    assert_no_match(&scene, "a", "a/");
    assert_no_match(&scene, "a/", "a");
}

/// \[MQTT3-4.7.3-4\]
#[test]
fn topics_are_compared_character_by_character() {
    let scene = Scene::new();

    assert_no_match(&scene, "accounts", "ACCOUNTS");
    assert_no_match(&scene, "a b", "a  b");
    assert_match(&scene, "a b", "a b");
    // One character or two that look the same.
    assert_no_match(&scene, "\u{E9}", "e\u{301}");
}

/// The depth is bounded by a setting, far above what anyone needs.
///
/// \[MQTT3-4.7.3-3\]
#[test]
fn a_topic_may_have_a_hundred_levels() {
    let scene = Scene::new();
    let deep = vec!["a"; 99].join("/");

    assert_match(&scene, &deep, &deep);
    assert_match(&scene, "#", &deep);
}

/// \[MQTT3-4.7.3-3\]
#[test]
fn a_topic_may_have_65535_bytes() {
    let scene = Scene::new();
    let room = 65_535 - scene.topic("").len();
    let long = "x".repeat(room);

    assert_match(&scene, &long, &long);
}
