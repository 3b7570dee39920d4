//! The handshakes of QoS 0, 1 and 2, and what is sent again: chapters 4.3 and 4.4.

use castmq_conformance::v5::{self, property};
use castmq_conformance::{Client, Connect, Scene};

use super::{expect_nothing_from, expect_nothing_more};

/// The CONNECT of a client whose session lives on.
fn lasting(scene: &Scene) -> Connect {
    v5::connect(scene.id("a"))
        .property(property::session_expiry(600))
        .keep_session()
}

/// That client, subscribed with QoS 2.
fn subscriber(scene: &Scene) -> Client {
    let mut client = scene.client_with(&lasting(scene));
    client.subscribe(&scene.topic("t"), 2);
    client
}

/// Completes a message of QoS 2 that the broker has acknowledged.
#[track_caller]
fn release(publisher: &mut Client, id: u16) {
    publisher.send(v5::pubrel(id));
    publisher.expect_ack(0x70, id);
}

/// \[MQTT5-4.3.1-1\] \[MQTT5-3.3.1-2\]
#[test]
fn a_message_of_qos_0_is_delivered_once_and_never_acknowledged() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = subscriber(&scene);
    let mut publisher = scene.client_v5("publisher");

    publisher.publish(v5::publish(&topic, "x"));
    client.expect_publish(&v5::publish(&topic, "x"));
    expect_nothing_more(&mut client);
    expect_nothing_more(&mut publisher);
}

/// \[MQTT5-4.3.2-2\] \[MQTT5-4.3.2-4\]
#[test]
fn a_message_of_qos_1_is_acknowledged_to_its_publisher_and_by_its_receiver() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = subscriber(&scene);
    let mut publisher = scene.client_v5("publisher");

    publisher.send(v5::publish(&topic, "x").qos(1).id(0xFFFF));
    publisher.expect_ack(0x40, 0xFFFF);
    let id = client.expect_publish(&v5::publish(&topic, "x").qos(1));
    client.send(v5::puback(id));
    expect_nothing_more(&mut client);
}

/// \[MQTT5-4.3.2-3\] \[MQTT5-3.3.1-1\] \[MQTT5-4.4.0-1\]
#[test]
fn an_unacknowledged_message_of_qos_1_is_sent_again_after_a_reconnect() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut before = subscriber(&scene);
    scene
        .client_v5("publisher")
        .publish(v5::publish(&topic, "x").qos(1));
    let first = before.expect_publish(&v5::publish(&topic, "x").qos(1));
    before.cut();

    let mut after = scene.client_with(&lasting(&scene));
    let again = after.expect_publish(&v5::publish(&topic, "x").qos(1).dup());
    assert_eq!(again, first, "the packet id");
    after.send(v5::puback(again));
    expect_nothing_more(&mut after);
}

/// \[MQTT5-4.3.2-3\] \[MQTT5-4.4.0-1\]
#[test]
fn an_acknowledged_message_is_not_sent_again() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut before = subscriber(&scene);
    let mut publisher = scene.client_v5("publisher");
    publisher.publish(v5::publish(&topic, "one").qos(1));
    publisher.publish(v5::publish(&topic, "two").qos(2));
    before.expect_message(&v5::publish(&topic, "one").qos(1));
    before.expect_message(&v5::publish(&topic, "two").qos(2));
    before.disconnect();

    let mut after = scene.client_with(&lasting(&scene));
    expect_nothing_more(&mut after);
    expect_nothing_from(&mut publisher, &mut after);
}

/// \[MQTT5-4.4.0-1\]
#[test]
fn an_unacknowledged_message_is_not_sent_again_while_connected() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = subscriber(&scene);
    let mut publisher = scene.client_v5("publisher");
    publisher.publish(v5::publish(&topic, "x").qos(1));
    client.expect_publish(&v5::publish(&topic, "x").qos(1));

    // Another client's keep alive runs out meanwhile.
    let will = castmq_conformance::will(&topic, "silent");
    let silent = v5::connect(scene.id("silent")).keep_alive(1).will(will);
    let silent = scene.client_with(&silent);
    client.expect_publish(&v5::publish(&topic, "silent"));
    expect_nothing_more(&mut client);
    drop(silent);
}

/// \[MQTT5-4.4.0-2\]
#[test]
fn a_message_of_qos_1_that_was_refused_is_not_sent_again() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut before = subscriber(&scene);
    scene
        .client_v5("publisher")
        .publish(v5::publish(&topic, "x").qos(1));
    let id = before.expect_publish(&v5::publish(&topic, "x").qos(1));
    before.send(v5::ack_with(0x40, id, 0x83, &[]));
    before.disconnect();

    let mut after = scene.client_with(&lasting(&scene));
    expect_nothing_more(&mut after);
}

/// \[MQTT5-4.4.0-2\] \[MQTT5-4.3.3-4\]
#[test]
fn a_message_of_qos_2_that_was_refused_is_neither_released_nor_sent_again() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut before = subscriber(&scene);
    scene
        .client_v5("publisher")
        .publish(v5::publish(&topic, "x").qos(2));
    let id = before.expect_publish(&v5::publish(&topic, "x").qos(2));
    before.send(v5::ack_with(0x50, id, 0x83, &[]));
    expect_nothing_more(&mut before);
    before.disconnect();

    let mut after = scene.client_with(&lasting(&scene));
    expect_nothing_more(&mut after);
}

/// \[MQTT5-4.3.2-5\]
#[test]
fn after_its_puback_a_packet_id_stands_for_a_new_message() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = subscriber(&scene);
    let mut publisher = scene.client_v5("publisher");

    publisher.send(v5::publish(&topic, "first").qos(1).id(1));
    publisher.expect_ack(0x40, 1);
    publisher.send(v5::publish(&topic, "second").qos(1).id(1).dup());
    publisher.expect_ack(0x40, 1);
    client.expect_message(&v5::publish(&topic, "first").qos(1));
    client.expect_message(&v5::publish(&topic, "second").qos(1));
}

/// \[MQTT5-4.3.3-2\] \[MQTT5-4.3.3-4\] \[MQTT5-4.3.3-8\]
#[test]
fn a_message_of_qos_2_is_handed_over_in_four_steps() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = subscriber(&scene);
    let mut publisher = scene.client_v5("publisher");

    publisher.send(v5::publish(&topic, "x").qos(2).id(77));
    publisher.expect_ack(0x50, 77);
    publisher.send(v5::pubrel(77));
    publisher.expect_ack(0x70, 77);
    let id = client.expect_publish(&v5::publish(&topic, "x").qos(2));
    client.send(v5::pubrec(id));
    client.expect_ack(0x62, id);
    client.send(v5::pubcomp(id));
    expect_nothing_more(&mut client);
}

/// \[MQTT5-4.3.3-3\] \[MQTT5-3.3.1-1\] \[MQTT5-4.4.0-1\]
#[test]
fn an_unacknowledged_message_of_qos_2_is_sent_again_after_a_reconnect() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut before = subscriber(&scene);
    scene
        .client_v5("publisher")
        .publish(v5::publish(&topic, "x").qos(2));
    let first = before.expect_publish(&v5::publish(&topic, "x").qos(2));
    before.cut();

    let mut after = scene.client_with(&lasting(&scene));
    let again = after.expect_publish(&v5::publish(&topic, "x").qos(2).dup());
    assert_eq!(again, first, "the packet id");
}

/// \[MQTT5-4.3.3-5\] \[MQTT5-4.3.3-6\] \[MQTT5-4.4.0-1\]
#[test]
fn after_a_reconnect_an_unanswered_pubrel_is_sent_again_and_its_publish_is_not() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut before = subscriber(&scene);
    scene
        .client_v5("publisher")
        .publish(v5::publish(&topic, "x").qos(2));
    let id = before.expect_publish(&v5::publish(&topic, "x").qos(2));
    before.send(v5::pubrec(id));
    before.expect_ack(0x62, id);
    before.cut();

    let mut after = scene.client_with(&lasting(&scene));
    after.expect_ack(0x62, id);
    after.send(v5::pubcomp(id));
    expect_nothing_more(&mut after);
}

/// \[MQTT5-4.3.3-6\]
#[test]
fn a_repeated_pubrec_is_answered_by_pubrel_again() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = subscriber(&scene);
    scene
        .client_v5("publisher")
        .publish(v5::publish(&topic, "x").qos(2));
    let id = client.expect_publish(&v5::publish(&topic, "x").qos(2));

    client.send(v5::pubrec(id));
    client.expect_ack(0x62, id);
    client.send(v5::pubrec(id));
    client.expect_ack(0x62, id);
    client.send(v5::pubcomp(id));
    expect_nothing_more(&mut client);
}

/// \[MQTT5-4.4.0-1\] \[MQTT5-4.3.3-1\]
#[test]
fn unacknowledged_messages_are_sent_again_in_their_order() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut before = subscriber(&scene);
    let mut publisher = scene.client_v5("publisher");
    publisher.publish(v5::publish(&topic, "1").qos(1));
    publisher.publish(v5::publish(&topic, "2").qos(2));
    publisher.publish(v5::publish(&topic, "3").qos(1));
    let ids = [
        before.expect_publish(&v5::publish(&topic, "1").qos(1)),
        before.expect_publish(&v5::publish(&topic, "2").qos(2)),
        before.expect_publish(&v5::publish(&topic, "3").qos(1)),
    ];
    before.disconnect();
    publisher.publish(v5::publish(&topic, "4").qos(1));

    let mut after = scene.client_with(&lasting(&scene));
    let again = [
        after.expect_publish(&v5::publish(&topic, "1").qos(1).dup()),
        after.expect_publish(&v5::publish(&topic, "2").qos(2).dup()),
        after.expect_publish(&v5::publish(&topic, "3").qos(1).dup()),
    ];
    assert_eq!(again, ids, "the packet ids");
    let fresh = after.expect_publish(&v5::publish(&topic, "4").qos(1));
    assert!(!ids.contains(&fresh));
}

/// \[MQTT5-4.3.3-10\] \[MQTT5-4.3.3-8\]
#[test]
fn a_repeated_message_of_qos_2_is_acknowledged_again_and_delivered_once() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = subscriber(&scene);
    let mut publisher = scene.client_v5("publisher");

    publisher.send(v5::publish(&topic, "x").qos(2).id(1));
    publisher.expect_ack(0x50, 1);
    publisher.send(v5::publish(&topic, "x").qos(2).id(1).dup());
    publisher.expect_ack(0x50, 1);
    release(&mut publisher, 1);
    client.expect_message(&v5::publish(&topic, "x").qos(2));
    expect_nothing_from(&mut publisher, &mut client);
}

/// \[MQTT5-4.3.3-10\] \[MQTT5-4.4.0-1\]
#[test]
fn a_message_of_qos_2_repeated_after_a_reconnect_is_delivered_once() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = subscriber(&scene);
    let publisher = v5::connect(scene.id("publisher"))
        .property(property::session_expiry(600))
        .keep_session();
    let mut before = scene.client_with(&publisher);
    before.send(v5::publish(&topic, "x").qos(2).id(9));
    before.expect_ack(0x50, 9);
    before.cut();

    let mut after = scene.client_with(&publisher);
    after.send(v5::publish(&topic, "x").qos(2).id(9).dup());
    after.expect_ack(0x50, 9);
    after.send(v5::pubrel(9));
    assert_eq!(after.expect_answer(0x70).code(), 0);
    client.expect_message(&v5::publish(&topic, "x").qos(2));
    expect_nothing_from(&mut after, &mut client);
}

/// \[MQTT5-4.3.3-11\] \[MQTT5-4.3.3-12\]
#[test]
fn after_its_pubcomp_a_packet_id_stands_for_a_new_message() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = subscriber(&scene);
    let mut publisher = scene.client_v5("publisher");

    publisher.send(v5::publish(&topic, "first").qos(2).id(1));
    publisher.expect_ack(0x50, 1);
    release(&mut publisher, 1);
    client.expect_message(&v5::publish(&topic, "first").qos(2));
    publisher.send(v5::publish(&topic, "second").qos(2).id(1).dup());
    publisher.expect_ack(0x50, 1);
    release(&mut publisher, 1);
    client.expect_message(&v5::publish(&topic, "second").qos(2));
}

/// \[MQTT5-4.3.3-9\]
#[test]
fn after_a_refusing_pubrec_a_packet_id_stands_for_a_new_message() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = subscriber(&scene);
    let mut publisher = scene.client_v5("publisher");

    // Clients may not publish to topics of the broker itself.
    publisher.send(v5::publish("$SYS/not/for/clients", "x").qos(2).id(1));
    let pubrec = publisher.expect_answer(0x50);
    assert!(pubrec.code() >= 0x80, "{pubrec:?}");
    publisher.send(v5::publish(&topic, "x").qos(2).id(1));
    publisher.expect_ack(0x50, 1);
    release(&mut publisher, 1);
    client.expect_message(&v5::publish(&topic, "x").qos(2));
}

/// \[MQTT5-4.13.1-1\] \[MQTT5-4.3.2-3\]
#[test]
fn a_pubrec_for_a_message_of_qos_1_is_a_protocol_error() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = subscriber(&scene);
    scene
        .client_v5("publisher")
        .publish(v5::publish(&topic, "x").qos(1));
    let id = client.expect_publish(&v5::publish(&topic, "x").qos(1));

    client.send(v5::pubrec(id));
    client.expect_disconnect(0x82);
}

/// \[MQTT5-4.13.1-1\] \[MQTT5-4.3.3-5\]
#[test]
fn a_puback_for_a_message_of_qos_2_is_a_protocol_error() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = subscriber(&scene);
    scene
        .client_v5("publisher")
        .publish(v5::publish(&topic, "x").qos(2));
    let id = client.expect_publish(&v5::publish(&topic, "x").qos(2));

    client.send(v5::puback(id));
    client.expect_disconnect(0x82);
}
