//! UNSUBSCRIBE, UNSUBACK, PINGREQ and PINGRESP: chapters 3.10 to 3.13.

use castmq_conformance::Scene;
use castmq_conformance::v5;
use castmq_conformance::wire::{Packet, packet, string};

use super::{expect_disconnect_for, expect_nothing_from, expect_nothing_more};

/// \[MQTT5-3.10.1-1\] \[MQTT5-2.1.3-1\]
#[test]
fn an_unsubscribe_with_other_flags_than_0010_is_malformed() {
    let scene = Scene::new();
    let topic = string(scene.topic("t"));
    let mut none = scene.client_v5("none");
    let mut more = scene.client_v5("more");

    none.send(packet(0xA0, &[&[0, 1, 0], &topic]));
    none.expect_disconnect(0x81);
    more.send(packet(0xAF, &[&[0, 1, 0], &topic]));
    more.expect_disconnect(0x81);
}

/// \[MQTT5-3.10.3-1\]
#[test]
fn a_filter_to_unsubscribe_that_is_not_utf8_is_malformed() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");

    client.send(packet(0xA2, &[&[0, 1, 0], &string(b"\xFF")]));
    client.expect_disconnect(0x81);
}

/// \[MQTT5-3.10.3-2\]
#[test]
fn an_unsubscribe_without_filters_is_a_protocol_error() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");

    client.send(v5::unsubscribe(1, &[]));
    expect_disconnect_for(&mut client, &[0x81, 0x82]);
}

/// \[MQTT5-3.10.4-1\] \[MQTT5-3.10.4-2\]
#[test]
fn after_unsubscribing_no_message_comes() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut publisher = scene.client_v5("publisher");
    let mut client = scene.client_v5("a");
    client.subscribe(&topic, 1);

    client.unsubscribe(&topic);
    publisher.publish(v5::publish(&topic, "x").qos(1));
    expect_nothing_from(&mut publisher, &mut client);
}

/// \[MQTT5-3.10.4-1\]
#[test]
fn a_wildcard_to_unsubscribe_means_the_filter_of_the_same_name_only() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");
    client.subscribe(&scene.topic("a/b"), 0);
    client.subscribe(&scene.topic("a/+"), 0);

    client.unsubscribe(&scene.topic("a/+"));
    client.send(v5::unsubscribe(2, &[&scene.topic("#")]));
    assert_eq!(client.expect_answer(0xB0).codes, [0x11]);
    client.publish(v5::publish(scene.topic("a/b"), "x"));
    client.expect_publish(&v5::publish(scene.topic("a/b"), "x"));
    client.publish(v5::publish(scene.topic("a/c"), "x"));
    expect_nothing_more(&mut client);
}

/// \[MQTT5-3.10.4-1\] \[MQTT5-4.7.3-4\]
#[test]
fn a_filter_to_unsubscribe_is_compared_character_by_character() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");
    client.subscribe(&scene.topic("Topic"), 0);

    client.send(v5::unsubscribe(
        1,
        &[&scene.topic("topic"), &scene.topic("Topic/")],
    ));
    assert_eq!(client.expect_answer(0xB0).codes, [0x11, 0x11]);
    client.publish(v5::publish(scene.topic("Topic"), "x"));
    client.expect_publish(&v5::publish(scene.topic("Topic"), "x"));
}

/// \[MQTT5-3.10.4-3\]
#[test]
fn a_delivery_of_qos_1_under_way_is_finished_after_unsubscribing() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let connect = v5::connect(scene.id("a"))
        .property(v5::property::session_expiry(600))
        .keep_session();
    let mut before = scene.client_with(&connect);
    before.subscribe(&topic, 1);
    scene
        .client_v5("publisher")
        .publish(v5::publish(&topic, "x").qos(1));
    before.expect_publish(&v5::publish(&topic, "x").qos(1));
    before.unsubscribe(&topic);
    before.disconnect();

    let mut after = scene.client_with(&connect);
    after.expect_message(&v5::publish(&topic, "x").qos(1).dup());
    expect_nothing_more(&mut after);
}

/// \[MQTT5-3.10.4-3\]
#[test]
fn a_delivery_of_qos_2_under_way_is_finished_after_unsubscribing() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = scene.client_v5("a");
    client.subscribe(&topic, 2);
    scene
        .client_v5("publisher")
        .publish(v5::publish(&topic, "x").qos(2));
    let id = client.expect_publish(&v5::publish(&topic, "x").qos(2));

    client.unsubscribe(&topic);
    client.send(v5::pubrec(id));
    client.expect_ack(0x62, id);
    client.send(v5::pubcomp(id));
    expect_nothing_more(&mut client);
}

/// \[MQTT5-3.10.4-4\] \[MQTT5-3.10.4-5\]
#[test]
fn each_unsubscribe_is_answered_by_an_unsuback_with_its_id() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");
    client.subscribe(&scene.topic("t"), 0);

    client.send(v5::unsubscribe(0x0A0B, &[&scene.topic("t")]));
    client.expect([0xB0, 4, 0x0A, 0x0B, 0, 0]);
}

/// \[MQTT5-3.10.4-5\] \[MQTT5-3.11.3-2\]
#[test]
fn unsubscribing_from_what_was_never_subscribed_is_answered_with_code_11() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");

    client.send(v5::unsubscribe(0xFFFF, &[&scene.topic("t")]));
    client.expect([0xB0, 4, 0xFF, 0xFF, 0, 0x11]);
}

/// \[MQTT5-3.10.4-6\] \[MQTT5-3.11.3-1\] \[MQTT5-3.11.3-2\]
#[test]
fn several_filters_to_unsubscribe_are_answered_in_their_order() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");
    client.subscribe(&scene.topic("b"), 0);
    client.subscribe(&scene.topic("d"), 0);

    client.send(v5::unsubscribe(
        3,
        &[
            &scene.topic("a"),
            &scene.topic("b"),
            &scene.topic("c"),
            &scene.topic("d"),
            &scene.topic("b"),
        ],
    ));
    client.expect([0xB0, 8, 0, 3, 0, 0x11, 0, 0x11, 0, 0x11]);
}

/// \[MQTT5-3.11.2-1\] \[MQTT5-3.11.2-2\]
#[test]
fn an_unsuback_leaves_out_what_the_client_has_no_room_for() {
    let scene = Scene::new();
    let (mut client, room) = super::small(&scene);

    client.send(v5::unsubscribe(1, &["a"]));
    let unsuback = client.receive();
    assert_eq!(unsuback.header, 0xB0);
    assert!(unsuback.to_bytes().len() <= room, "{unsuback:?}");
}

/// \[MQTT5-3.12.4-1\]
#[test]
fn each_pingreq_is_answered_by_a_pingresp() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");

    client.send([0xC0, 0]);
    client.expect([0xD0, 0]);
    client.send([0xC0, 0, 0xC0, 0]);
    client.expect([0xD0, 0]);
    client.expect([0xD0, 0]);
}

/// \[MQTT5-4.13.1-1\] \[MQTT5-3.12.4-1\]
#[test]
fn a_pingreq_with_a_body_is_malformed() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");

    client.send([0xC0, 1, 0]);
    client.expect_disconnect(0x81);
}
