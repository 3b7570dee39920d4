//! DISCONNECT, AUTH and enhanced authentication: chapters 3.14, 3.15 and 4.12.

use castmq_conformance::v5::{self, property};
use castmq_conformance::wire::Packet;
use castmq_conformance::{Scene, will};

use super::{expect_disconnect_for, expect_nothing_from, expect_refused};

/// \[MQTT5-3.14.1-1\]
#[test]
fn a_disconnect_with_flags_is_malformed() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");

    client.send([0xE1, 0]);
    client.expect_disconnect(0x81);
}

/// \[MQTT5-3.14.1-1\] \[MQTT5-3.14.4-3\]
#[test]
fn a_malformed_disconnect_does_not_throw_the_will_away() {
    let scene = Scene::new();
    let topic = scene.topic("will");
    let mut watcher = scene.client_v5("watcher");
    watcher.subscribe(&topic, 0);
    let mut client = scene.client_with(&v5::connect(scene.id("a")).will(will(&topic, "gone")));

    client.send([0xE2, 0]);
    client.expect_disconnect(0x81);
    watcher.expect_publish(&v5::publish(&topic, "gone"));
}

/// \[MQTT5-3.14.2-1\] \[MQTT5-4.13.1-1\]
#[test]
fn a_disconnect_with_a_code_that_is_not_listed_is_malformed() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");

    client.send(v5::disconnect_with(0x01, &[]));
    expect_disconnect_for(&mut client, &[0x81, 0x82]);
}

/// \[MQTT5-3.14.2-1\] \[MQTT5-3.14.4-2\]
#[test]
fn a_disconnect_is_understood_in_all_its_lengths() {
    let scene = Scene::new();
    let mut bare = scene.client_v5("bare");
    let mut coded = scene.client_v5("coded");
    let mut empty = scene.client_v5("empty");
    let mut full = scene.client_v5("full");

    bare.send([0xE0, 0]);
    bare.expect_close();
    coded.send([0xE0, 1, 0]);
    coded.expect_close();
    empty.send([0xE0, 2, 0, 0]);
    empty.expect_close();
    full.send(v5::disconnect_with(
        0,
        &[
            &property::session_expiry(0),
            &property::reason_string("done"),
            &property::user("name", "value"),
        ],
    ));
    full.expect_close();
}

/// \[MQTT5-3.14.2-2\] \[MQTT5-4.13.2-1\]
#[test]
fn the_broker_s_disconnect_carries_no_session_expiry_and_is_its_last_word() {
    let scene = Scene::new();
    let connect = v5::connect(scene.id("a")).property(property::session_expiry(600));
    let mut first = scene.client_with(&connect);

    let second = scene.client_with(&connect);
    let disconnect = first.expect_disconnect(0x8E);
    assert_eq!(disconnect.property(0x11), None);
    second.disconnect();
}

/// \[MQTT5-3.14.2-3\] \[MQTT5-3.14.2-4\]
#[test]
fn a_disconnect_leaves_out_what_the_client_has_no_room_for() {
    let scene = Scene::new();
    let (mut client, room) = super::small(&scene);

    client.send(v5::connect(scene.id("small")));
    let disconnect = client.receive();
    assert_eq!(disconnect.header, 0xE0);
    assert!(disconnect.to_bytes().len() <= room, "{disconnect:?}");
    client.expect_close();
}

/// \[MQTT5-3.14.4-1\] \[MQTT5-3.14.4-2\]
#[test]
fn nothing_that_follows_a_disconnect_is_processed() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut watcher = scene.client_v5("watcher");
    let mut publisher = scene.client_v5("publisher");
    let mut client = scene.client_v5("a");
    watcher.subscribe(&topic, 0);

    let after = v5::publish(&topic, "x").to_bytes();
    client.send([v5::disconnect(), after, v5::pingreq()].concat());
    client.expect_close();
    expect_nothing_from(&mut publisher, &mut watcher);
}

/// \[MQTT5-3.14.4-1\] \[MQTT5-4.13.2-1\]
#[test]
fn nothing_that_follows_an_error_is_processed() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut watcher = scene.client_v5("watcher");
    let mut publisher = scene.client_v5("publisher");
    let mut client = scene.client_v5("a");
    watcher.subscribe(&topic, 0);

    let wrong = v5::publish(&topic, "x").property(property::topic_alias(0));
    let after = v5::publish(&topic, "x").to_bytes();
    client.send([wrong.to_bytes(), after].concat());
    client.expect_disconnect(0x94);
    expect_nothing_from(&mut publisher, &mut watcher);
}

/// \[MQTT5-3.14.0-1\] \[MQTT5-3.2.2-7\]
#[test]
fn a_refused_client_hears_no_disconnect() {
    let scene = Scene::new();

    expect_refused(&scene, &v5::connect(scene.id("a")).flags(0x01), &[0x81]);
}

/// \[MQTT5-3.15.1-1\]
#[test]
fn an_auth_with_flags_is_malformed() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");

    client.send([0xF1, 0]);
    client.expect_disconnect(0x81);
}

/// \[MQTT5-4.12.0-7\] \[MQTT5-4.12.1-2\]
#[test]
fn an_auth_without_a_method_in_connect_is_a_protocol_error() {
    let scene = Scene::new();
    let mut again = scene.client_v5("again");
    let mut goes_on = scene.client_v5("goes on");

    let method = property::authentication_method("m");
    again.send(v5::auth(0x19, &[&method]));
    again.expect_disconnect(0x82);
    goes_on.send(v5::auth(0x18, &[&method]));
    goes_on.expect_disconnect(0x82);
}

/// \[MQTT5-3.15.2-1\] \[MQTT5-4.13.1-1\]
#[test]
fn an_auth_with_a_code_that_is_not_listed_ends_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");

    client.send(v5::auth(0x80, &[&property::authentication_method("m")]));
    expect_disconnect_for(&mut client, &[0x81, 0x82]);
}

/// \[MQTT5-3.15.2-2\] \[MQTT5-3.15.2-3\] \[MQTT5-4.12.0-2\]
#[test]
fn an_auth_is_never_answered_by_an_auth_where_no_method_is_known() {
    let scene = Scene::new();
    let (mut client, room) = super::small(&scene);

    client.send(v5::auth(0x19, &[&property::authentication_method("m")]));
    let answer = client.receive();
    assert_eq!(answer.header, 0xE0);
    assert!(answer.to_bytes().len() <= room, "{answer:?}");
    client.expect_close();
}

/// \[MQTT5-4.12.0-1\] \[MQTT5-4.12.0-4\] \[MQTT5-4.12.0-5\]
#[test]
fn an_unknown_authentication_method_is_refused() {
    let scene = Scene::new();
    let connect = v5::connect(scene.id("a"))
        .property(property::authentication_method("no such method"))
        .property(property::text(0x16, "data"));

    expect_refused(&scene, &connect, &[0x8C, 0x87]);
}

/// \[MQTT5-4.12.0-1\] \[MQTT5-3.1.4-2\]
#[test]
fn a_connect_with_an_authentication_method_is_answered_by_code_8c() {
    let scene = Scene::new();
    let mut client = scene.open();

    let method = property::authentication_method("no such method");
    client.send_connect(&v5::connect(scene.id("a")).property(method));
    assert_eq!(client.expect_answer(0x20).code(), 0x8C);
    client.expect_close();
}

/// \[MQTT5-4.13.1-1\] \[MQTT5-3.1.4-1\]
#[test]
fn authentication_data_without_a_method_is_a_protocol_error() {
    let scene = Scene::new();
    let data = property::text(0x16, "data");

    expect_refused(&scene, &v5::connect(scene.id("a")).property(data), &[0x82]);
}

/// \[MQTT5-4.12.0-6\]
#[test]
fn a_client_without_authentication_method_never_sees_an_auth() {
    let scene = Scene::new();
    let mut client = scene.open();

    client.send_connect(&v5::connect(scene.id("a")).user("name").password("password"));
    let connack = client.expect_answer(0x20);
    assert_eq!(connack.code(), 0);
    assert_eq!(connack.property(0x15), None);
    client.expect_nothing();
}
