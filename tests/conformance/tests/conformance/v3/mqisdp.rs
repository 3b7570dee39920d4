//! MQTT 3.1, the version that calls itself `MQIsdp`: what it has in common with 3.1.1, and where it
//! differs.

use castmq_conformance::{Packet, Scene, v3, will};

use super::{expect_nothing_from, expect_refused};

/// \[MQTT3-3.1.2-1\]
#[test]
fn a_client_of_3_1_is_welcome() {
    let scene = Scene::new();
    let mut client = scene.open();

    client.send(v3::connect_31(scene.id("a")));
    client.expect([0x20, 2, 0, 0]);
    client.expect_nothing();
}

/// The name and the level of a version go together.
///
/// \[MQTT3-3.1.2-1\] \[MQTT3-3.1.2-2\]
#[test]
fn the_name_of_3_1_does_not_go_with_the_level_of_3_1_1() {
    let scene = Scene::new();
    let mut client = scene.open();

    client.send(v3::connect_31(scene.id("a")).level(4));
    if let Some(answer) = client.receive_or_close() {
        assert_eq!(answer.to_bytes(), v3::connack(0, 1));
        client.expect_close();
    }
}

/// The name and the level of a version go together.
///
/// \[MQTT3-3.1.2-2\]
#[test]
fn the_level_of_3_1_does_not_go_with_the_name_of_3_1_1() {
    let scene = Scene::new();
    let mut client = scene.open();

    client.send(v3::connect(scene.id("a")).level(3));
    if let Some(answer) = client.receive_or_close() {
        assert_eq!(answer.to_bytes(), v3::connack(0, 1));
        client.expect_close();
    }
}

/// The byte that is session present in 3.1.1 is reserved in 3.1.
#[test]
fn the_connack_of_3_1_says_nothing_about_the_session() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let connect = v3::connect_31(scene.id("a")).keep_session();
    let mut first = scene.client_with(&connect);
    first.subscribe(&topic, 1);
    first.disconnect();

    let mut second = scene.open();
    second.send(connect);
    second.expect([0x20, 2, 0, 0]);
    second.publish(v3::publish(&topic, "x"));
    second.expect_publish(&v3::publish(&topic, "x"));
}

/// In 3.1 a client id has at least one character, with a clean session too.
#[test]
fn an_empty_id_is_refused_in_3_1() {
    expect_refused(&Scene::new(), &v3::connect_31(""), 2);
}

/// In 3.1 a client id has at most 23 characters.
#[test]
fn an_id_of_24_characters_is_refused_in_3_1() {
    expect_refused(&Scene::new(), &v3::connect_31("a".repeat(24)), 2);
}

/// In 3.1 a client id has at most 23 characters.
#[test]
fn an_id_of_23_characters_is_accepted_in_3_1() {
    Scene::new()
        .client_with(&v3::connect_31("3.1-5678901234567890123"))
        .expect_nothing();
}

/// \[MQTT3-4.3.1-1\] \[MQTT3-4.3.2-1\] \[MQTT3-4.3.3-1\]
#[test]
fn messages_of_each_qos_pass_between_3_1_and_3_1_1() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut older = scene.client_with(&v3::connect_31(scene.id("older")));
    let mut newer = scene.client("newer");
    older.subscribe(&topic, 2);

    newer.publish(v3::publish(&topic, "0"));
    older.expect_message(&v3::publish(&topic, "0"));
    newer.publish(v3::publish(&topic, "1").qos(1));
    older.expect_message(&v3::publish(&topic, "1").qos(1));
    newer.publish(v3::publish(&topic, "2").qos(2));
    older.expect_message(&v3::publish(&topic, "2").qos(2));
    older.unsubscribe(&topic);
    newer.subscribe(&topic, 2);
    older.publish(v3::publish(&topic, "back").qos(2));
    newer.expect_message(&v3::publish(&topic, "back").qos(2));
}

/// \[MQTT3-3.1.2-8\] \[MQTT3-3.1.2-17\]
#[test]
fn a_client_of_3_1_has_a_will() {
    let scene = Scene::new();
    let topic = scene.topic("will");
    let mut monitor = scene.client("monitor");
    monitor.subscribe(&topic, 1);
    let connect = v3::connect_31(scene.id("a"));

    scene
        .client_with(&connect.will(will(&topic, "gone").qos(1).retain()))
        .cut();
    monitor.expect_message(&v3::publish(&topic, "gone").qos(1));
    monitor.subscribe(&topic, 0);
    monitor.expect_publish(&v3::publish(&topic, "gone").retain());
}

/// \[MQTT3-3.1.2-10\]
#[test]
fn a_disconnect_of_3_1_discards_the_will() {
    let scene = Scene::new();
    let topic = scene.topic("will");
    let mut monitor = scene.client("monitor");
    monitor.subscribe(&topic, 1);
    let connect = v3::connect_31(scene.id("a")).will(will(&topic, "gone"));

    scene.client_with(&connect).disconnect();
    expect_nothing_from(&mut scene.client("publisher"), &mut monitor);
}

/// \[MQTT3-3.1.2-4\] \[MQTT3-3.1.3-2\]
#[test]
fn a_session_of_3_1_is_continued_in_3_1_1() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut older = scene.client_with(&v3::connect_31(scene.id("a")).keep_session());
    older.subscribe(&topic, 1);
    older.disconnect();
    scene
        .client("publisher")
        .publish(v3::publish(&topic, "x").qos(1));

    let mut newer = scene.open();
    newer.send(v3::connect(scene.id("a")).keep_session());
    newer.expect(v3::connack(1, 0));
    newer.expect_message(&v3::publish(&topic, "x").qos(1));
}

/// \[MQTT3-3.1.4-2\]
#[test]
fn a_client_of_3_1_takes_over_from_one_of_3_1_1() {
    let scene = Scene::new();
    let mut first = scene.client("a");

    let mut second = scene.client_with(&v3::connect_31(scene.id("a")));
    first.expect_close();
    second.expect_nothing();
}

/// In 3.1 a client repeats these packets with DUP.
#[test]
fn repeated_subscribes_and_pubrels_of_3_1_may_carry_dup() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = scene.client_with(&v3::connect_31(scene.id("a")));
    let with_dup = |mut bytes: Vec<u8>| {
        bytes[0] |= 0x08;
        bytes
    };

    client.send(with_dup(v3::subscribe(1, &[(&topic, 0)])));
    client.expect(v3::suback(1, &[0]));
    client.send(with_dup(v3::unsubscribe(2, &[&topic])));
    client.expect(v3::unsuback(2));
    client.send(v3::publish(&topic, "x").qos(2).id(3));
    client.expect(v3::pubrec(3));
    client.send(with_dup(v3::pubrel(3)));
    client.expect(v3::pubcomp(3));
}
