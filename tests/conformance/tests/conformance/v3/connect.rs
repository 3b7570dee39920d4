//! CONNECT: chapter 3.1, without the will, the keep alive and the session.

use castmq_conformance::wire::{packet, string};
use castmq_conformance::{Packet, Scene, v3, will};

use super::{expect_closed_without_connack, expect_nothing_from, expect_refused};

/// \[MQTT3-3.1.0-1\] \[MQTT3-3.1.4-4\]
#[test]
fn a_connect_is_answered_by_a_connack_of_success() {
    let scene = Scene::new();
    let mut client = scene.open();

    client.send(v3::connect(scene.id("a")));
    client.expect([0x20, 2, 0, 0]);
}

/// \[MQTT3-3.1.0-1\]
#[test]
fn a_publish_before_connect_closes_the_connection() {
    let scene = Scene::new();
    let mut client = scene.open();

    client.send(v3::publish(scene.topic("t"), "x"));
    client.expect_close();
}

/// \[MQTT3-3.1.0-1\]
#[test]
fn a_subscribe_before_connect_closes_the_connection() {
    let scene = Scene::new();
    let mut client = scene.open();

    client.send(v3::subscribe(1, &[("#", 0)]));
    client.expect_close();
}

/// \[MQTT3-3.1.0-1\]
#[test]
fn a_pingreq_before_connect_closes_the_connection() {
    let scene = Scene::new();
    let mut client = scene.open();

    client.send(v3::pingreq());
    client.expect_close();
}

/// \[MQTT3-3.1.0-1\]
#[test]
fn a_message_sent_before_connect_reaches_nobody() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut subscriber = scene.client("subscriber");
    subscriber.subscribe(&topic, 0);

    let mut stranger = scene.open();
    stranger.send(v3::publish(&topic, "x"));
    stranger.expect_close();
    expect_nothing_from(&mut scene.client("publisher"), &mut subscriber);
}

/// \[MQTT3-3.1.0-2\]
#[test]
fn a_second_connect_closes_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client("a");

    client.send(v3::connect(scene.id("a")));
    client.expect_close();
}

/// \[MQTT3-3.1.2-1\]
#[test]
fn an_unknown_protocol_name_closes_the_connection() {
    let scene = Scene::new();
    let mut client = scene.open();

    client.send(v3::connect(scene.id("a")).protocol_name("MQTX"));
    if let Some(answer) = client.receive_or_close() {
        assert_eq!(answer.to_bytes(), v3::connack(0, 1));
        client.expect_close();
    }
}

/// \[MQTT3-3.1.2-1\]
#[test]
fn the_protocol_name_is_compared_with_its_case() {
    let scene = Scene::new();
    let mut client = scene.open();

    client.send(v3::connect(scene.id("a")).protocol_name("mqtt"));
    if let Some(answer) = client.receive_or_close() {
        assert_eq!(answer.to_bytes(), v3::connack(0, 1));
        client.expect_close();
    }
}

/// \[MQTT3-3.1.2-2\] \[MQTT3-3.2.2-4\] \[MQTT3-3.2.2-5\]
#[test]
fn an_unsupported_level_is_refused_with_code_1() {
    let scene = Scene::new();

    expect_refused(&scene, &v3::connect(scene.id("a")).level(6), 1);
}

/// \[MQTT3-3.1.2-3\] \[MQTT3-3.1.4-1\]
#[test]
fn the_reserved_connect_flag_closes_the_connection() {
    let scene = Scene::new();

    expect_closed_without_connack(&scene, &v3::connect(scene.id("a")).flags(0x03));
}

/// \[MQTT3-3.1.2-18\]
#[test]
fn a_user_name_without_its_flag_closes_the_connection() {
    let scene = Scene::new();
    let connect = v3::connect(scene.id("a")).trailing(string("user"));

    expect_closed_without_connack(&scene, &connect);
}

/// \[MQTT3-3.1.2-19\]
#[test]
fn a_user_name_flag_without_a_user_name_closes_the_connection() {
    let scene = Scene::new();

    expect_closed_without_connack(&scene, &v3::connect(scene.id("a")).flags(0x82));
}

/// \[MQTT3-3.1.2-20\]
#[test]
fn a_password_without_its_flag_closes_the_connection() {
    let scene = Scene::new();
    let connect = v3::connect(scene.id("a")).user("user");

    expect_closed_without_connack(&scene, &connect.trailing(string("password")));
}

/// \[MQTT3-3.1.2-21\]
#[test]
fn a_password_flag_without_a_password_closes_the_connection() {
    let scene = Scene::new();
    let connect = v3::connect(scene.id("a")).user("user").flags(0xC2);

    expect_closed_without_connack(&scene, &connect);
}

/// \[MQTT3-3.1.2-22\]
#[test]
fn a_password_without_a_user_name_closes_the_connection() {
    let scene = Scene::new();
    let connect = v3::connect(scene.id("a")).password("password");

    expect_closed_without_connack(&scene, &connect);
}

/// \[MQTT3-3.1.2-19\] \[MQTT3-3.1.2-21\]
#[test]
fn a_client_may_give_user_name_and_password() {
    let scene = Scene::new();
    let connect = v3::connect(scene.id("a"));

    scene
        .client_with(&connect.user("user").password("password"))
        .expect_nothing();
}

/// \[MQTT3-3.1.2-19\]
#[test]
fn a_user_name_needs_no_password() {
    let scene = Scene::new();

    scene
        .client_with(&v3::connect(scene.id("a")).user("user"))
        .expect_nothing();
}

/// \[MQTT3-3.1.2-21\]
#[test]
fn a_password_may_be_any_bytes() {
    let scene = Scene::new();
    let connect = v3::connect(scene.id("a")).user("user");

    scene
        .client_with(&connect.password([0x00, 0xFF, 0xC0, 0x80]))
        .expect_nothing();
}

/// \[MQTT3-3.1.3-1\]
#[test]
fn the_fields_stand_in_the_order_id_will_topic_will_message_user_password() {
    let scene = Scene::new();
    let topic = scene.topic("will");
    let mut monitor = scene.client("monitor");
    monitor.subscribe(&topic, 0);
    let fields = [scene.id("a"), topic.clone()].map(string).concat();
    let rest = ["gone", "user", "password"].map(string).concat();
    let head = [&string("MQTT")[..], &[4, 0xC6, 0, 0]].concat();

    let mut client = scene.open();
    client.send(packet(0x10, &[&head, &fields, &rest]));
    client.expect(v3::connack(0, 0));
    client.cut();
    monitor.expect_publish(&v3::publish(&topic, "gone"));
}

/// \[MQTT3-3.1.3-3\] \[MQTT3-3.1.4-1\]
#[test]
fn a_connect_without_a_client_id_gets_no_connack() {
    let scene = Scene::new();
    let mut client = scene.open();

    client.send([0x10, 10, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 0]);
    client.expect_close();
}

/// \[MQTT3-3.1.3-5\]
#[test]
fn a_client_id_may_have_one_character() {
    Scene::new().client_with(&v3::connect("Z")).expect_nothing();
}

/// \[MQTT3-3.1.3-5\]
#[test]
fn a_client_id_may_have_23_letters_and_digits() {
    Scene::new()
        .client_with(&v3::connect("0123456789abcdefghijklm"))
        .expect_nothing();
}

/// \[MQTT3-3.1.3-5\]
#[test]
fn all_letters_may_stand_in_a_client_id() {
    let scene = Scene::new();

    scene
        .client_with(&v3::connect("nopqrstuvwxyzABCDEFGHIJ"))
        .expect_nothing();
    scene
        .client_with(&v3::connect("KLMNOPQRSTUVWXYZ"))
        .expect_nothing();
}

/// \[MQTT3-3.1.3-4\]
#[test]
fn a_client_id_may_be_any_utf8_text() {
    let scene = Scene::new();

    scene
        .client_with(&v3::connect(scene.id("käfer/+#$ 🐞")))
        .expect_nothing();
}

/// \[MQTT3-3.1.3-6\]
#[test]
fn clients_without_an_id_get_different_ones() {
    let scene = Scene::new();
    let mut one = scene.client_with(&v3::connect(""));
    let mut other = scene.client_with(&v3::connect(""));

    one.expect_nothing();
    other.expect_nothing();
}

/// \[MQTT3-3.1.3-6\]
#[test]
fn a_client_without_an_id_is_served_as_any_other() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = scene.client_with(&v3::connect(""));

    client.subscribe(&topic, 1);
    client.publish(v3::publish(&topic, "x"));
    client.expect_publish(&v3::publish(&topic, "x"));
}

/// \[MQTT3-3.1.3-8\] \[MQTT3-3.1.3-9\] \[MQTT3-3.2.2-4\]
#[test]
fn an_empty_id_with_a_session_to_keep_is_refused_with_code_2() {
    let connect = v3::connect("").keep_session();

    expect_refused(&Scene::new(), &connect, 2);
}

/// \[MQTT3-3.1.4-1\] \[MQTT3-3.2.2-6\]
#[test]
fn a_connect_that_ends_within_a_field_gets_no_connack() {
    let scene = Scene::new();
    let mut client = scene.open();

    client.send([
        0x10, 14, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 0, 0, 9, b'i', b'd',
    ]);
    client.expect_close();
}

/// Not as emqttd's P1: what a refused client sends is not taken.
///
/// \[MQTT3-3.1.4-5\]
#[test]
fn what_follows_a_refused_connect_is_not_processed() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut subscriber = scene.client("subscriber");
    subscriber.subscribe(&topic, 0);

    let mut refused = scene.open();
    let connect = v3::connect("").keep_session().to_bytes();
    let publish = v3::publish(&topic, "x").to_bytes();
    refused.send([connect, publish].concat());
    if let Some(answer) = refused.receive_or_close() {
        assert_eq!(answer.to_bytes(), v3::connack(0, 2));
        refused.expect_close();
    }
    expect_nothing_from(&mut scene.client("publisher"), &mut subscriber);
}

/// Not as emqttd's P1: the broker does not leave the socket of a refused client open.
///
/// \[MQTT3-3.2.2-5\]
#[test]
fn a_refused_connect_closes_the_socket() {
    let scene = Scene::new();
    let mut client = scene.open();

    client.send(v3::connect("").keep_session());
    client.expect([0x20, 2, 0, 2]);
    client.expect_close();
}

/// Not as emqttd's P1: the will of a refused client is not sent.
///
/// \[MQTT3-3.1.4-5\] \[MQTT3-3.2.2-5\]
#[test]
fn a_refused_client_leaves_no_will() {
    let scene = Scene::new();
    let topic = scene.topic("will");
    let mut monitor = scene.client("monitor");
    monitor.subscribe(&topic, 0);

    let connect = v3::connect("").keep_session().will(will(&topic, "gone"));
    expect_refused(&scene, &connect, 2);
    expect_nothing_from(&mut scene.client("publisher"), &mut monitor);
}

/// \[MQTT3-3.2.0-1\]
#[test]
fn the_connack_comes_before_the_answers_to_what_was_sent_with_the_connect() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = scene.open();

    let connect = v3::connect(scene.id("a")).to_bytes();
    let subscribe = v3::subscribe(1, &[(&topic, 0)]);
    let publish = v3::publish(&topic, "x").to_bytes();
    client.send([connect, subscribe, publish].concat());
    client.expect(v3::connack(0, 0));
    client.expect(v3::suback(1, &[0]));
    client.expect(v3::publish(&topic, "x"));
}

/// \[MQTT3-3.12.4-1\]
#[test]
fn a_pingreq_is_answered_by_a_pingresp() {
    let scene = Scene::new();
    let mut client = scene.client("a");

    client.send([0xC0, 0]);
    client.expect([0xD0, 0]);
}

/// \[MQTT3-3.12.4-1\]
#[test]
fn each_pingreq_is_answered() {
    let scene = Scene::new();
    let mut client = scene.client("a");

    client.send([0xC0, 0, 0xC0, 0, 0xC0, 0]);
    client.expect([0xD0, 0]);
    client.expect([0xD0, 0]);
    client.expect([0xD0, 0]);
}

/// \[MQTT3-3.14.1-1\]
#[test]
fn a_disconnect_closes_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client("a");

    client.send([0xE0, 0]);
    client.expect_close();
}

/// \[MQTT3-4.8.0-1\]
#[test]
fn a_violation_closes_only_the_connection_that_committed_it() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut violator = scene.client("violator");
    let mut bystander = scene.client("bystander");
    bystander.subscribe(&topic, 1);

    violator.send(v3::publish("bad/#", "x"));
    violator.expect_close();
    bystander.publish(v3::publish(&topic, "x"));
    bystander.expect_publish(&v3::publish(&topic, "x"));
}
