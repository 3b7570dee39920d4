//! CONNECT: chapter 3.1 without wills, credentials and limits.

use castmq_conformance::v5::{self, Answer, property};
use castmq_conformance::wire::{packet, string};
use castmq_conformance::{Connect, Scene, v3};

use super::{accepted, expect_nothing_from, expect_nothing_more, expect_refusal, expect_refused};

/// \[MQTT5-3.1.0-1\] \[MQTT5-3.14.0-1\] \[MQTT5-4.13.1-1\]
#[test]
fn a_connection_that_does_not_begin_with_connect_is_closed_without_a_word() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut ping = scene.open().speaking(5);
    let mut publish = scene.open().speaking(5);
    let mut subscribe = scene.open().speaking(5);
    let mut disconnect = scene.open().speaking(5);
    let mut auth = scene.open().speaking(5);

    ping.send(v5::pingreq());
    ping.expect_close();
    publish.send(v5::publish(&topic, "x"));
    publish.expect_close();
    subscribe.send(v5::subscribe(1, &[(&topic, 0)]));
    subscribe.expect_close();
    disconnect.send(v5::disconnect());
    disconnect.expect_close();
    auth.send(v5::auth(0x18, &[&property::authentication_method("m")]));
    auth.expect_close();
}

/// \[MQTT5-3.1.0-2\] \[MQTT5-3.2.0-2\]
#[test]
fn a_second_connect_is_a_protocol_error() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");

    client.send(v5::connect(scene.id("a")));
    client.expect_disconnect(0x82);
}

/// Sends a CONNECT of a version that is not spoken; the answer may have the form of any version.
#[track_caller]
fn expect_unsupported(scene: &Scene, connect: &Connect) {
    let mut client = scene.open();
    client.send(connect);
    if let Some(packet) = client.receive_or_close() {
        assert_eq!(packet.header, 0x20, "{packet:?}");
        assert!([0x84, 0x01].contains(&packet.body[1]), "{packet:?}");
        client.expect_close();
    }
}

/// \[MQTT5-3.1.2-1\]
#[test]
fn a_protocol_name_other_than_mqtt_is_refused() {
    let scene = Scene::new();

    expect_unsupported(&scene, &v5::connect(scene.id("a")).protocol_name("MQTX"));
    expect_unsupported(&scene, &v5::connect(scene.id("a")).protocol_name("mqtt"));
    expect_unsupported(&scene, &v5::connect(scene.id("a")).protocol_name(""));
}

/// \[MQTT5-3.1.2-2\] \[MQTT5-3.2.2-7\]
#[test]
fn a_version_that_does_not_exist_is_refused() {
    let scene = Scene::new();

    expect_unsupported(&scene, &v5::connect(scene.id("a")).level(6));
    expect_unsupported(&scene, &v5::connect(scene.id("a")).level(2));
    expect_unsupported(&scene, &v5::connect(scene.id("a")).level(255));
}

/// \[MQTT5-3.1.2-3\] \[MQTT5-3.1.4-1\]
#[test]
fn a_connect_with_the_reserved_flag_set_is_refused() {
    let scene = Scene::new();

    expect_refused(&scene, &v5::connect(scene.id("a")).flags(0x03), &[0x81]);
}

/// \[MQTT5-2.1.3-1\] \[MQTT5-3.1.4-1\]
#[test]
fn a_connect_with_flags_in_its_first_byte_is_refused() {
    let scene = Scene::new();
    let mut client = scene.open().speaking(5);

    client.send(packet(
        0x11,
        &[&string("MQTT"), &[5, 2, 0, 0, 0], &string(scene.id("a"))],
    ));
    expect_refusal(&mut client, &[0x81]);
}

/// \[MQTT5-3.1.2-4\] \[MQTT5-3.1.4-4\] \[MQTT5-3.2.2-2\]
#[test]
fn a_clean_start_drops_the_session_that_was_there() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let long = v5::connect(scene.id("a")).property(property::session_expiry(600));
    let mut publisher = scene.client_v5("publisher");
    let mut before = scene.client_with(&long);
    before.subscribe(&topic, 1);
    before.disconnect();
    publisher.publish(v5::publish(&topic, "missed").qos(1));

    let (mut after, connack) = accepted(&scene, &long);
    assert_eq!(connack.id, 0, "session present");
    publisher.publish(v5::publish(&topic, "not subscribed").qos(1));
    expect_nothing_from(&mut publisher, &mut after);
}

/// \[MQTT5-3.1.2-5\] \[MQTT5-3.1.2-23\] \[MQTT5-3.2.2-3\]
#[test]
fn a_session_with_an_expiry_is_resumed_with_what_it_missed() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let long = v5::connect(scene.id("a")).property(property::session_expiry(600));
    let mut publisher = scene.client_v5("publisher");
    let mut before = scene.client_with(&long);
    before.subscribe(&topic, 1);
    before.disconnect();
    publisher.publish(v5::publish(&topic, "missed").qos(1));

    let (mut after, connack) = accepted(&scene, &long.keep_session());
    assert_eq!(connack.id, 1, "session present");
    after.expect_message(&v5::publish(&topic, "missed").qos(1));
    publisher.publish(v5::publish(&topic, "live").qos(1));
    after.expect_message(&v5::publish(&topic, "live").qos(1));
}

/// \[MQTT5-3.1.2-6\] \[MQTT5-3.2.2-3\]
#[test]
fn without_a_session_to_resume_a_new_one_is_made() {
    let scene = Scene::new();

    let (mut client, connack) = accepted(&scene, &v5::connect(scene.id("a")).keep_session());
    assert_eq!(connack.id, 0, "session present");
    client.subscribe(&scene.topic("t"), 0);
    client.publish(v5::publish(scene.topic("t"), "x"));
    client.expect_message(&v5::publish(scene.topic("t"), "x"));
}

/// \[MQTT5-3.1.2-6\] \[MQTT5-4.1.0-2\]
#[test]
fn without_an_expiry_the_session_ends_with_its_connection() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut before = scene.client_v5("a");
    before.subscribe(&topic, 1);
    before.disconnect();

    let (mut after, connack) = accepted(&scene, &v5::connect(scene.id("a")).keep_session());
    assert_eq!(connack.id, 0, "session present");
    after.publish(v5::publish(&topic, "x").qos(1));
    expect_nothing_more(&mut after);
}

/// \[MQTT5-3.1.3-1\] \[MQTT5-3.1.2-17\] \[MQTT5-3.1.2-19\]
#[test]
fn a_connect_with_every_field_of_the_payload_is_understood() {
    let scene = Scene::new();
    let mut watcher = scene.client_v5("watcher");
    watcher.subscribe(&scene.topic("will"), 2);

    let everything = v5::connect(scene.id("a"))
        .property(property::session_expiry(0))
        .property(property::receive_maximum(10))
        .property(property::maximum_packet_size(100_000))
        .property(property::topic_alias_maximum(10))
        .property(property::request_response_information(1))
        .property(property::request_problem_information(1))
        .property(property::user("name", "value"))
        .will(
            castmq_conformance::will(scene.topic("will"), "payload")
                .qos(2)
                .property(property::content_type("text")),
        )
        .user("user name")
        .password("password");
    scene.client_with(&everything).cut();
    watcher.expect_message(
        &v5::publish(scene.topic("will"), "payload")
            .qos(2)
            .property(property::content_type("text")),
    );
}

/// \[MQTT5-3.1.2-16\] \[MQTT5-3.1.4-1\]
#[test]
fn a_user_name_without_its_flag_is_refused() {
    let scene = Scene::new();

    expect_refused(
        &scene,
        &v5::connect(scene.id("a")).user("name").flags(0x02),
        &[0x81, 0x82],
    );
}

/// \[MQTT5-3.1.2-17\] \[MQTT5-3.1.4-1\]
#[test]
fn a_user_name_flag_without_user_name_is_refused() {
    let scene = Scene::new();

    expect_refused(
        &scene,
        &v5::connect(scene.id("a")).flags(0x82),
        &[0x81, 0x82],
    );
}

/// \[MQTT5-3.1.2-18\] \[MQTT5-3.1.4-1\]
#[test]
fn a_password_without_its_flag_is_refused() {
    let scene = Scene::new();

    expect_refused(
        &scene,
        &v5::connect(scene.id("a"))
            .user("name")
            .password("password")
            .flags(0x82),
        &[0x81, 0x82],
    );
}

/// \[MQTT5-3.1.2-19\] \[MQTT5-3.1.4-1\]
#[test]
fn a_password_flag_without_password_is_refused() {
    let scene = Scene::new();

    expect_refused(
        &scene,
        &v5::connect(scene.id("a")).user("name").flags(0xC2),
        &[0x81, 0x82],
    );
}

/// \[MQTT5-3.1.2-16\] \[MQTT5-3.1.2-19\]
#[test]
fn a_password_without_a_user_name_is_understood() {
    let scene = Scene::new();
    let mut client = scene.client_with(&v5::connect(scene.id("a")).password(b"\0\xFF any bytes"));

    client.expect_nothing();
}

/// \[MQTT5-3.1.3-12\] \[MQTT5-3.1.4-1\]
#[test]
fn a_user_name_that_is_not_utf8_is_refused() {
    let scene = Scene::new();

    expect_refused(&scene, &v5::connect(scene.id("a")).user(b"\xFF"), &[0x81]);
    expect_refused(&scene, &v5::connect(scene.id("a")).user("a\0b"), &[0x81]);
}

/// \[MQTT5-3.1.3-2\]
#[test]
fn a_client_id_names_its_session_and_no_other() {
    let scene = Scene::new();
    let session = |name| v5::connect(scene.id(name)).property(property::session_expiry(600));
    scene.client_with(&session("a")).disconnect();
    scene.client_with(&session("b")).disconnect();

    let (_, other) = accepted(&scene, &session("A").keep_session());
    assert_eq!(other.id, 0, "the id in upper case is another id");
    let (_, same) = accepted(&scene, &session("a").keep_session());
    assert_eq!(same.id, 1);
}

/// \[MQTT5-3.1.3-3\] \[MQTT5-3.1.4-1\]
#[test]
fn a_connect_without_client_id_is_refused() {
    let scene = Scene::new();
    let mut client = scene.open().speaking(5);

    client.send(packet(0x10, &[&string("MQTT"), &[5, 2, 0, 0, 0]]));
    expect_refusal(&mut client, &[0x81]);
}

/// \[MQTT5-3.1.3-4\] \[MQTT5-3.1.4-1\]
#[test]
fn a_client_id_that_is_not_utf8_is_refused() {
    let scene = Scene::new();

    expect_refused(&scene, &v5::connect(b"client\xFF"), &[0x81, 0x85]);
    expect_refused(&scene, &v5::connect("client\0id"), &[0x81, 0x85]);
}

/// \[MQTT5-3.1.3-5\]
#[test]
fn client_ids_of_letters_and_digits_up_to_23_bytes_are_accepted() {
    let scene = Scene::new();

    // These ids cannot carry the prefix of the scene; nobody else uses them.
    scene
        .client_with(&v5::connect("5v0123456789abcdefghijk"))
        .disconnect();
    scene
        .client_with(&v5::connect("5vlmnopqrstuvwxyzABCDEF"))
        .disconnect();
    scene
        .client_with(&v5::connect("5vGHIJKLMNOPQRSTUVWXYZ"))
        .disconnect();
    scene.client_with(&v5::connect("5")).disconnect();
}

/// \[MQTT5-3.1.3-6\] \[MQTT5-3.1.3-7\] \[MQTT5-3.2.2-16\]
#[test]
fn a_client_without_id_is_told_the_one_it_was_given() {
    let scene = Scene::new();
    let (first, one) = accepted(&scene, &v5::connect(""));
    let (second, two) = accepted(&scene, &v5::connect(""));

    let one = one.property(0x12).expect("an assigned client id").to_vec();
    let two = two.property(0x12).expect("an assigned client id").to_vec();
    assert_ne!(one, two);
    assert!(one.len() > 2, "it is not empty");
    first.disconnect();
    second.disconnect();
}

/// \[MQTT5-3.1.3-7\] \[MQTT5-3.1.3-2\]
#[test]
fn an_assigned_client_id_resumes_the_session() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let nameless = v5::connect("").property(property::session_expiry(600));
    let (mut before, connack) = accepted(&scene, &nameless.keep_session());
    before.subscribe(&topic, 1);
    before.disconnect();

    let id = connack.property(0x12).unwrap()[2..].to_vec();
    let named = v5::connect(id).keep_session();
    let (mut after, connack) = accepted(&scene, &named);
    assert_eq!(connack.id, 1, "session present");
    after.publish(v5::publish(&topic, "x"));
    after.expect_publish(&v5::publish(&topic, "x"));
}

/// \[MQTT5-3.2.2-16\]
#[test]
fn a_client_with_an_id_is_assigned_none() {
    let scene = Scene::new();
    let (_, connack) = accepted(&scene, &v5::connect(scene.id("a")));

    assert_eq!(connack.property(0x12), None);
}

/// \[MQTT5-3.1.4-3\]
#[test]
fn a_client_with_the_same_id_takes_over() {
    let scene = Scene::new();
    let mut first = scene.client_v5("a");

    let mut second = scene.client_v5("a");
    first.expect_disconnect(0x8E);
    second.expect_nothing();
}

/// \[MQTT5-3.1.4-3\] \[MQTT5-3.1.2-5\]
#[test]
fn whoever_takes_over_gets_the_session_if_it_wants_it() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let long = v5::connect(scene.id("a")).property(property::session_expiry(600));
    let mut first = scene.client_with(&long);
    first.subscribe(&topic, 1);

    let (mut second, connack) = accepted(&scene, &long.keep_session());
    assert_eq!(connack.id, 1, "session present");
    first.expect_disconnect(0x8E);
    second.publish(v5::publish(&topic, "x"));
    second.expect_publish(&v5::publish(&topic, "x"));
}

/// \[MQTT5-3.1.4-3\] \[MQTT5-4.13.2-1\]
#[test]
fn a_v5_client_takes_over_from_a_v3_client_and_the_other_way_round() {
    let scene = Scene::new();
    let mut first = scene.client("a");
    let mut second = scene.client_v5("a");
    first.expect_close();

    let mut third = scene.client_with(&v3::connect(scene.id("a")));
    second.expect_disconnect(0x8E);
    third.expect_nothing();
}

/// \[MQTT5-3.1.4-5\] \[MQTT5-3.2.2-1\]
#[test]
fn an_accepted_connect_is_answered_by_connack_with_code_zero() {
    let scene = Scene::new();
    let mut client = scene.open();

    client.send_connect(&v5::connect(scene.id("a")));
    let connack = client.receive();
    assert_eq!(connack.header, 0x20);
    assert_eq!(connack.body[..2], [0, 0]);
}

/// \[MQTT5-3.1.4-2\] \[MQTT5-3.1.4-6\] \[MQTT5-3.2.2-7\]
#[test]
fn what_follows_a_refused_connect_is_not_processed() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut watcher = scene.client_v5("watcher");
    let mut publisher = scene.client_v5("publisher");
    let mut refused = scene.open();
    watcher.subscribe(&topic, 0);

    let connect = v5::connect(scene.id("refused"))
        .property(property::authentication_method("no such method"));
    refused.send_connect(&connect);
    refused.send(v5::publish(&topic, "x"));
    expect_refusal(&mut refused, &[0x8C, 0x87]);
    expect_nothing_from(&mut publisher, &mut watcher);
}

/// \[MQTT5-3.1.4-6\] \[MQTT5-3.1.4-5\]
#[test]
fn what_follows_an_accepted_connect_at_once_is_processed() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = scene.open();

    client.send_connect(&v5::connect(scene.id("a")));
    client.send(v5::subscribe(1, &[(&topic, 0)]));
    client.send(v5::publish(&topic, "x"));
    assert_eq!(client.expect_answer(0x20).code(), 0);
    assert_eq!(client.expect_answer(0x90).codes, [0]);
    client.expect_publish(&v5::publish(&topic, "x"));
}

/// \[MQTT5-3.1.4-1\] \[MQTT5-4.13.1-1\]
#[test]
fn a_connect_with_bytes_behind_its_payload_is_refused() {
    let scene = Scene::new();

    expect_refused(
        &scene,
        &v5::connect(scene.id("a")).trailing(b"more"),
        &[0x81],
    );
}

/// \[MQTT5-3.1.4-1\] \[MQTT5-4.2-1\]
#[test]
fn a_connect_may_come_in_pieces() {
    let scene = Scene::new();
    let mut client = scene.open().speaking(5);
    let bytes = castmq_conformance::wire::Packet::to_bytes(&v5::connect(scene.id("a")));
    let (head, tail) = bytes.split_at(bytes.len() / 2);

    client.send(head);
    client.send(tail);
    let connack = Answer::parse(&client.receive());
    assert_eq!(connack.code(), 0);
}
