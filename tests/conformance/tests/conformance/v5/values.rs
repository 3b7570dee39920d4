//! Strings, variable byte integers, packet ids and properties: chapters 1.5 and 2.

use std::collections::BTreeSet;

use castmq_conformance::Scene;
use castmq_conformance::v5::{self, property};
use castmq_conformance::wire::{packet, string};

use super::{expect_disconnect_for, expect_nothing_from};

/// \[MQTT5-1.5.4-1\]
#[test]
fn a_topic_that_is_not_utf8_ends_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");

    client.send(v5::publish(b"top\xFFic", "x"));
    client.expect_disconnect(0x81);
}

/// \[MQTT5-1.5.4-1\]
#[test]
fn a_surrogate_code_point_in_a_string_ends_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");

    client.send(v5::publish(b"top\xED\xA0\x80ic", "x"));
    client.expect_disconnect(0x81);
}

/// \[MQTT5-1.5.4-1\]
#[test]
fn an_over_long_utf8_sequence_ends_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");

    // "/" written in two bytes.
    client.send(v5::publish(b"top\xC0\xAFic", "x"));
    client.expect_disconnect(0x81);
}

/// \[MQTT5-1.5.4-2\]
#[test]
fn a_null_character_in_a_topic_ends_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");

    client.send(v5::publish("top\0ic", "x"));
    client.expect_disconnect(0x81);
}

/// \[MQTT5-1.5.4-2\]
#[test]
fn a_null_character_in_a_content_type_ends_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");

    client.send(v5::publish(scene.topic("t"), "x").property(property::content_type("a\0b")));
    client.expect_disconnect(0x81);
}

/// \[MQTT5-1.5.4-3\]
#[test]
fn a_zero_width_no_break_space_is_an_ordinary_character() {
    let scene = Scene::new();
    let topic = scene.topic("\u{FEFF}topic");
    let mut with = scene.client_v5("with");
    let mut without = scene.client_v5("without");
    let mut publisher = scene.client_v5("publisher");
    with.subscribe(&topic, 0);
    without.subscribe(&scene.topic("topic"), 0);

    publisher.publish(v5::publish(&topic, "\u{FEFF}x"));
    with.expect_publish(&v5::publish(&topic, "\u{FEFF}x"));
    expect_nothing_from(&mut publisher, &mut without);
}

/// \[MQTT5-1.5.5-1\]
#[test]
fn a_remaining_length_in_more_bytes_than_needed_ends_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");

    client.send([0xC0, 0x80, 0x00]);
    client.expect_disconnect(0x81);
}

/// \[MQTT5-1.5.5-1\]
#[test]
fn a_property_length_in_more_bytes_than_needed_ends_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");

    client.send(packet(
        0x30,
        &[&string(scene.topic("t")), &[0x80, 0x00], b"payload"],
    ));
    client.expect_disconnect(0x81);
}

/// \[MQTT5-1.5.5-1\]
#[test]
fn a_subscription_identifier_in_more_bytes_than_needed_ends_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");

    client.send(v5::subscribe_with(
        1,
        &[&[0x0B, 0x81, 0x00]],
        &[(&scene.topic("t"), 0)],
    ));
    client.expect_disconnect(0x81);
}

/// \[MQTT5-1.5.5-1\]
#[test]
fn a_remaining_length_of_five_bytes_ends_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");

    client.send([0x30, 0xFF, 0xFF, 0xFF, 0xFF, 0x01]);
    client.expect_disconnect(0x81);
}

/// \[MQTT5-1.5.5-1\]
#[test]
fn a_packet_of_128_bytes_states_its_length_in_two() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = scene.client_v5("a");
    client.subscribe(&topic, 0);

    // Two bytes of topic length, the topic, one byte of property length, the payload.
    let longest_short = "x".repeat(127 - 3 - topic.len());
    client.publish(v5::publish(&topic, &longest_short));
    client.expect(packet(
        0x30,
        &[&string(&topic), &[0], longest_short.as_bytes()],
    ));
    let shortest_long = "x".repeat(128 - 3 - topic.len());
    client.publish(v5::publish(&topic, &shortest_long));
    client.expect(packet(
        0x30,
        &[&string(&topic), &[0], shortest_long.as_bytes()],
    ));
}

/// \[MQTT5-1.5.7-1\] \[MQTT5-1.5.4-1\]
#[test]
fn the_name_of_a_user_property_is_a_string() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");

    client.send(v5::publish(scene.topic("t"), "x").property(property::user(b"\xFF", "value")));
    client.expect_disconnect(0x81);
}

/// \[MQTT5-1.5.7-1\] \[MQTT5-1.5.4-2\]
#[test]
fn the_value_of_a_user_property_is_a_string() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");

    client.send(v5::publish(scene.topic("t"), "x").property(property::user("name", "a\0b")));
    client.expect_disconnect(0x81);
}

/// \[MQTT5-2.1.3-1\]
#[test]
fn a_pingreq_with_reserved_flags_ends_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");

    client.send([0xC1, 0]);
    client.expect_disconnect(0x81);
}

/// \[MQTT5-2.1.3-1\]
#[test]
fn an_acknowledgement_with_reserved_flags_ends_the_connection() {
    let scene = Scene::new();
    let mut puback = scene.client_v5("puback");
    let mut pubrec = scene.client_v5("pubrec");
    let mut pubcomp = scene.client_v5("pubcomp");

    puback.send(v5::ack(0x42, 1));
    puback.expect_disconnect(0x81);
    pubrec.send(v5::ack(0x51, 1));
    pubrec.expect_disconnect(0x81);
    pubcomp.send(v5::ack(0x78, 1));
    pubcomp.expect_disconnect(0x81);
}

/// \[MQTT5-2.1.3-1\] \[MQTT5-4.13.1-1\]
#[test]
fn packets_that_only_servers_send_end_the_connection() {
    let scene = Scene::new();
    let mut connack = scene.client_v5("connack");
    let mut suback = scene.client_v5("suback");
    let mut unsuback = scene.client_v5("unsuback");
    let mut pingresp = scene.client_v5("pingresp");

    connack.send([0x20, 3, 0, 0, 0]);
    expect_disconnect_for(&mut connack, &[0x81, 0x82]);
    suback.send([0x90, 4, 0, 1, 0, 0]);
    expect_disconnect_for(&mut suback, &[0x81, 0x82]);
    unsuback.send([0xB0, 4, 0, 1, 0, 0]);
    expect_disconnect_for(&mut unsuback, &[0x81, 0x82]);
    pingresp.send([0xD0, 0]);
    expect_disconnect_for(&mut pingresp, &[0x81, 0x82]);
}

/// \[MQTT5-2.1.3-1\] \[MQTT5-4.13.1-1\]
#[test]
fn a_packet_of_type_zero_ends_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");

    client.send([0x00, 0]);
    client.expect_disconnect(0x81);
}

/// \[MQTT5-2.2.1-2\] \[MQTT5-2.2.2-1\] \[MQTT5-4.3.1-1\]
#[test]
fn a_message_of_qos_0_goes_out_without_packet_id_and_with_property_length_zero() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = scene.client_v5("a");
    client.subscribe(&topic, 2);

    client.send(packet(0x30, &[&string(&topic), &[0], b"payload"]));
    client.expect(packet(0x30, &[&string(&topic), &[0], b"payload"]));
}

/// \[MQTT5-2.2.1-4\] \[MQTT5-4.3.2-1\] \[MQTT5-4.3.3-1\]
#[test]
fn messages_in_flight_have_packet_ids_of_their_own() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = scene.client_v5("a");
    let mut publisher = scene.client_v5("publisher");
    client.subscribe(&topic, 2);
    publisher.publish(v5::publish(&topic, "1").qos(1));
    publisher.publish(v5::publish(&topic, "2").qos(2));
    publisher.publish(v5::publish(&topic, "3").qos(1));
    publisher.publish(v5::publish(&topic, "4").qos(2));

    let first = client.expect_publish(&v5::publish(&topic, "1").qos(1));
    let second = client.expect_publish(&v5::publish(&topic, "2").qos(2));
    let third = client.expect_publish(&v5::publish(&topic, "3").qos(1));
    let fourth = client.expect_publish(&v5::publish(&topic, "4").qos(2));
    let distinct = BTreeSet::from([first, second, third, fourth]);
    assert_eq!(distinct.len(), 4);
    assert!(!distinct.contains(&0));
}

/// \[MQTT5-2.2.1-5\]
#[test]
fn each_acknowledgement_carries_the_packet_id_of_its_publish() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");

    client.send(v5::publish(scene.topic("t"), "one").qos(1).id(0x1234));
    client.expect_ack(0x40, 0x1234);
    client.send(v5::publish(scene.topic("t"), "two").qos(2).id(0xFFFF));
    client.expect_ack(0x50, 0xFFFF);
    client.send(v5::pubrel(0xFFFF));
    client.expect_ack(0x70, 0xFFFF);
}

/// \[MQTT5-2.2.1-5\] \[MQTT5-4.3.3-4\]
#[test]
fn a_pubrel_carries_the_packet_id_of_its_pubrec() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = scene.client_v5("a");
    let mut publisher = scene.client_v5("publisher");
    client.subscribe(&topic, 2);

    publisher.publish(v5::publish(&topic, "x").qos(2));
    let id = client.expect_publish(&v5::publish(&topic, "x").qos(2));
    client.send(v5::pubrec(id));
    client.expect_ack(0x62, id);
}

/// \[MQTT5-2.2.1-6\] \[MQTT5-2.2.2-1\]
#[test]
fn suback_and_unsuback_carry_the_packet_id_of_their_request() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");

    client.send(v5::subscribe(0xABCD, &[(&scene.topic("t"), 1)]));
    client.expect([0x90, 4, 0xAB, 0xCD, 0, 1]);
    client.send(v5::unsubscribe(0x00FF, &[&scene.topic("t")]));
    client.expect([0xB0, 4, 0x00, 0xFF, 0, 0]);
}

/// \[MQTT5-4.13.1-1\]
#[test]
fn a_packet_id_of_zero_ends_the_connection() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut publish = scene.client_v5("publish");
    let mut subscribe = scene.client_v5("subscribe");
    let mut unsubscribe = scene.client_v5("unsubscribe");

    publish.send(v5::publish(&topic, "x").qos(1).id(0));
    expect_disconnect_for(&mut publish, &[0x81, 0x82]);
    subscribe.send(v5::subscribe(0, &[(&topic, 0)]));
    expect_disconnect_for(&mut subscribe, &[0x81, 0x82]);
    unsubscribe.send(v5::unsubscribe(0, &[&topic]));
    expect_disconnect_for(&mut unsubscribe, &[0x81, 0x82]);
}
