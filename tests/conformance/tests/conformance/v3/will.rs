//! The will: chapters 3.1.2.5 to 3.1.2.7 and 3.14.

use std::time::Duration;

use castmq_conformance::{Client, Scene, v3, will};

use super::{expect_closed_without_connack, expect_nothing_from};

/// A monitor of the will topic, and a client whose will is `gone`, QoS 0 and not retained.
#[track_caller]
fn monitor_and_client(scene: &Scene) -> (Client, Client) {
    let topic = scene.topic("will");
    let mut monitor = scene.client("monitor");
    monitor.subscribe(&topic, 2);
    let connect = v3::connect(scene.id("a")).will(will(&topic, "gone"));
    (monitor, scene.client_with(&connect))
}

/// \[MQTT3-3.1.2-8\]
#[test]
fn the_will_is_published_when_the_connection_breaks() {
    let scene = Scene::new();
    let (mut monitor, client) = monitor_and_client(&scene);

    client.cut();
    monitor.expect_publish(&v3::publish(scene.topic("will"), "gone"));
}

/// \[MQTT3-3.1.2-8\]
#[test]
fn the_will_is_published_when_the_client_stops_sending_without_disconnect() {
    let scene = Scene::new();
    let (mut monitor, mut client) = monitor_and_client(&scene);

    client.close_sending();
    monitor.expect_publish(&v3::publish(scene.topic("will"), "gone"));
}

/// \[MQTT3-3.1.2-8\]
#[test]
fn the_will_is_published_after_a_protocol_error() {
    let scene = Scene::new();
    let (mut monitor, mut client) = monitor_and_client(&scene);

    client.send(v3::publish("bad/#", "x"));
    client.expect_close();
    monitor.expect_publish(&v3::publish(scene.topic("will"), "gone"));
}

/// \[MQTT3-3.1.2-8\]
#[test]
fn the_will_is_published_after_a_malformed_packet() {
    let scene = Scene::new();
    let (mut monitor, mut client) = monitor_and_client(&scene);

    client.send([0x80, 0]);
    client.expect_close();
    monitor.expect_publish(&v3::publish(scene.topic("will"), "gone"));
}

/// \[MQTT3-3.1.2-8\] \[MQTT3-3.1.0-2\]
#[test]
fn the_will_is_published_after_a_second_connect() {
    let scene = Scene::new();
    let (mut monitor, mut client) = monitor_and_client(&scene);

    client.send(v3::connect(scene.id("a")));
    client.expect_close();
    monitor.expect_publish(&v3::publish(scene.topic("will"), "gone"));
}

/// \[MQTT3-3.1.2-8\] \[MQTT3-3.1.2-24\]
#[test]
fn the_will_is_published_when_the_keep_alive_runs_out() {
    let scene = Scene::new();
    let topic = scene.topic("will");
    let mut monitor = scene.client("monitor");
    monitor.subscribe(&topic, 0);
    let connect = v3::connect(scene.id("a")).will(will(&topic, "gone"));

    let mut silent = scene.client_with(&connect.keep_alive(1));
    silent.expect_close_within(Duration::from_secs(10));
    monitor.expect_publish(&v3::publish(&topic, "gone"));
}

/// Not as emqttd's P2: the older connection's will goes out.
///
/// \[MQTT3-3.1.2-8\] \[MQTT3-3.1.4-2\]
#[test]
fn the_will_is_published_when_another_connection_takes_over() {
    let scene = Scene::new();
    let (mut monitor, mut older) = monitor_and_client(&scene);

    let mut newer = scene.client("a");
    older.expect_close();
    monitor.expect_publish(&v3::publish(scene.topic("will"), "gone"));
    newer.expect_nothing();
}

/// Not as emqttd's F20: a connection that is ended from outside says its last word.
///
/// \[MQTT3-3.1.2-8\] \[MQTT3-3.1.4-2\]
#[test]
fn the_will_of_a_kept_session_is_published_on_takeover_too() {
    let scene = Scene::new();
    let topic = scene.topic("will");
    let mut monitor = scene.client("monitor");
    monitor.subscribe(&topic, 0);
    let connect = v3::connect(scene.id("a")).keep_session();
    let mut older = scene.client_with(&connect.clone().will(will(&topic, "gone")));

    let _newer = scene.client_with(&connect);
    older.expect_close();
    monitor.expect_publish(&v3::publish(&topic, "gone"));
}

/// Not as emqttd's F20: a connection that is ended from outside says its last word.
///
/// \[MQTT3-3.1.2-8\]
#[test]
fn the_will_is_published_when_the_connection_fails_by_a_bug() {
    let Some(scene) = Scene::with(|_| ()) else {
        return;
    };
    let (mut monitor, mut client) = monitor_and_client(&scene);

    let client_id = scene.id("a");
    scene.broker().unwrap().crash("client", &client_id).unwrap();
    client.expect_close();
    monitor.expect_publish(&v3::publish(scene.topic("will"), "gone"));
}

/// \[MQTT3-3.1.2-8\]
#[test]
fn the_will_is_published_when_an_administrator_closes_the_connection() {
    let Some(scene) = Scene::with(|_| ()) else {
        return;
    };
    let (mut monitor, mut client) = monitor_and_client(&scene);

    scene.broker().unwrap().kick(&scene.id("a")).unwrap();
    client.expect_close();
    monitor.expect_publish(&v3::publish(scene.topic("will"), "gone"));
}

/// \[MQTT3-3.1.2-10\] \[MQTT3-3.14.4-3\]
#[test]
fn a_disconnect_discards_the_will() {
    let scene = Scene::new();
    let (mut monitor, client) = monitor_and_client(&scene);

    client.disconnect();
    expect_nothing_from(&mut scene.client("publisher"), &mut monitor);
}

/// \[MQTT3-3.1.2-10\] \[MQTT3-3.14.4-3\]
#[test]
fn a_disconnect_discards_the_will_for_the_next_connection_too() {
    let scene = Scene::new();
    let topic = scene.topic("will");
    let mut monitor = scene.client("monitor");
    monitor.subscribe(&topic, 0);
    let connect = v3::connect(scene.id("a")).keep_session();

    scene
        .client_with(&connect.clone().will(will(&topic, "gone")))
        .disconnect();
    scene.client_with(&connect).cut();
    expect_nothing_from(&mut scene.client("publisher"), &mut monitor);
}

/// \[MQTT3-3.1.2-10\]
#[test]
fn a_will_is_published_once() {
    let scene = Scene::new();
    let topic = scene.topic("will");
    let mut monitor = scene.client("monitor");
    monitor.subscribe(&topic, 0);
    let connect = v3::connect(scene.id("a")).keep_session();

    scene
        .client_with(&connect.clone().will(will(&topic, "gone")))
        .cut();
    monitor.expect_publish(&v3::publish(&topic, "gone"));
    scene.client_with(&connect).cut();
    expect_nothing_from(&mut scene.client("publisher"), &mut monitor);
}

/// \[MQTT3-3.1.2-12\]
#[test]
fn a_client_without_a_will_leaves_nothing() {
    let scene = Scene::new();
    let mut monitor = scene.client("monitor");
    monitor.subscribe(&scene.topic("#"), 0);

    scene.client("a").cut();
    expect_nothing_from(&mut scene.client("publisher"), &mut monitor);
}

/// \[MQTT3-3.1.2-9\]
#[test]
fn a_will_flag_without_a_will_closes_the_connection() {
    let scene = Scene::new();

    expect_closed_without_connack(&scene, &v3::connect(scene.id("a")).flags(0x06));
}

/// \[MQTT3-3.1.2-9\] \[MQTT3-3.1.2-16\]
#[test]
fn the_will_has_the_topic_message_and_qos_of_the_connect() {
    let scene = Scene::new();
    let topic = scene.topic("will");
    let mut monitor = scene.client("monitor");
    monitor.subscribe(&topic, 2);
    let connect = v3::connect(scene.id("a"));

    scene
        .client_with(&connect.will(will(&topic, [0, 255]).qos(1)))
        .cut();
    monitor.expect_message(&v3::publish(&topic, [0, 255]).qos(1));
}

/// \[MQTT3-3.1.2-9\]
#[test]
fn a_will_of_qos_2_is_delivered_with_qos_2() {
    let scene = Scene::new();
    let topic = scene.topic("will");
    let mut monitor = scene.client("monitor");
    monitor.subscribe(&topic, 2);
    let connect = v3::connect(scene.id("a"));

    scene
        .client_with(&connect.will(will(&topic, "gone").qos(2)))
        .cut();
    monitor.expect_message(&v3::publish(&topic, "gone").qos(2));
}

/// \[MQTT3-3.1.2-9\]
#[test]
fn a_will_may_have_an_empty_message() {
    let scene = Scene::new();
    let topic = scene.topic("will");
    let mut monitor = scene.client("monitor");
    monitor.subscribe(&topic, 0);

    scene
        .client_with(&v3::connect(scene.id("a")).will(will(&topic, "")))
        .cut();
    monitor.expect_publish(&v3::publish(&topic, ""));
}

/// \[MQTT3-3.1.2-11\] \[MQTT3-3.1.2-13\]
#[test]
fn a_will_qos_without_a_will_closes_the_connection() {
    let scene = Scene::new();

    expect_closed_without_connack(&scene, &v3::connect(scene.id("a")).flags(0x0A));
}

/// \[MQTT3-3.1.2-11\] \[MQTT3-3.1.2-15\]
#[test]
fn a_will_retain_without_a_will_closes_the_connection() {
    let scene = Scene::new();

    expect_closed_without_connack(&scene, &v3::connect(scene.id("a")).flags(0x22));
}

/// \[MQTT3-3.1.2-11\]
#[test]
fn will_fields_without_the_will_flag_close_the_connection() {
    let scene = Scene::new();
    let connect = v3::connect(scene.id("a"));

    expect_closed_without_connack(&scene, &connect.will(will("t", "gone")).flags(0x02));
}

/// \[MQTT3-3.1.2-14\]
#[test]
fn a_will_of_qos_3_closes_the_connection() {
    let scene = Scene::new();
    let connect = v3::connect(scene.id("a"));

    expect_closed_without_connack(&scene, &connect.will(will("t", "gone").qos(3)));
}

/// Not as emqttd's P13: the topic of a will is looked at.
///
/// \[MQTT3-4.7.1-1\]
#[test]
fn a_will_topic_with_a_wildcard_is_not_accepted() {
    let scene = Scene::new();
    let connect = v3::connect(scene.id("a"));

    expect_closed_without_connack(&scene, &connect.will(will("a/#", "gone")));
}

/// Not as emqttd's P13: the topic of a will is looked at.
///
/// \[MQTT3-4.7.3-1\]
#[test]
fn an_empty_will_topic_is_not_accepted() {
    let scene = Scene::new();
    let connect = v3::connect(scene.id("a"));

    expect_closed_without_connack(&scene, &connect.will(will("", "gone")));
}

/// \[MQTT3-3.1.2-16\]
#[test]
fn a_will_without_retain_is_not_retained() {
    let scene = Scene::new();
    let (mut monitor, client) = monitor_and_client(&scene);

    client.cut();
    monitor.expect_publish(&v3::publish(scene.topic("will"), "gone"));
    let mut later = scene.client("later");
    later.subscribe(&scene.topic("will"), 0);
    expect_nothing_from(&mut scene.client("publisher"), &mut later);
}

/// \[MQTT3-3.1.2-17\]
#[test]
fn a_will_with_retain_is_retained() {
    let scene = Scene::new();
    let topic = scene.topic("will");
    let mut monitor = scene.client("monitor");
    monitor.subscribe(&topic, 1);
    let connect = v3::connect(scene.id("a"));

    scene
        .client_with(&connect.will(will(&topic, "gone").qos(1).retain()))
        .cut();
    monitor.expect_message(&v3::publish(&topic, "gone").qos(1));
    let mut later = scene.client("later");
    later.subscribe(&topic, 1);
    later.expect_message(&v3::publish(&topic, "gone").qos(1).retain());
}

/// \[MQTT3-3.1.2-17\] \[MQTT3-3.3.1-10\]
#[test]
fn an_empty_will_with_retain_clears_the_retained_message() {
    let scene = Scene::new();
    let topic = scene.topic("will");
    let mut monitor = scene.client("monitor");
    monitor.publish(v3::publish(&topic, "here").qos(1).retain());
    monitor.subscribe(&topic, 0);
    monitor.expect_publish(&v3::publish(&topic, "here").retain());

    scene
        .client_with(&v3::connect(scene.id("a")).will(will(&topic, "").retain()))
        .cut();
    monitor.expect_publish(&v3::publish(&topic, ""));
    let mut later = scene.client("later");
    later.subscribe(&topic, 0);
    expect_nothing_from(&mut monitor, &mut later);
}

/// \[MQTT3-3.1.2-8\] \[MQTT3-3.1.2-5\]
#[test]
fn a_will_reaches_subscribers_that_are_away() {
    let scene = Scene::new();
    let topic = scene.topic("will");
    let mut monitor = scene.session("monitor");
    let mut witness = scene.client("witness");
    monitor.subscribe(&topic, 1);
    witness.subscribe(&topic, 0);
    monitor.disconnect();

    let connect = v3::connect(scene.id("a")).will(will(&topic, "gone").qos(1));
    scene.client_with(&connect).cut();
    witness.expect_publish(&v3::publish(&topic, "gone"));
    let mut monitor = scene.session("monitor");
    monitor.expect_message(&v3::publish(&topic, "gone").qos(1));
}
