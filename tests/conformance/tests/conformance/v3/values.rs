//! Strings, fixed header flags and packet ids: chapters 1.5 and 2.

use castmq_conformance::wire::{packet, string};
use castmq_conformance::{Packet, Scene, v3, will};

use super::{expect_closed_without_connack, expect_nothing_from};

/// Not as emqttd's P17: the connection ends by a clean close, not by a crash.
///
/// \[MQTT3-1.5.3-1\] \[MQTT3-3.3.2-1\] \[MQTT3-4.7.3-3\]
#[test]
fn a_topic_that_is_not_utf8_closes_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client("a");

    client.send(v3::publish(b"top\xFFic", "x"));
    client.expect_close();
}

/// \[MQTT3-1.5.3-1\]
#[test]
fn a_surrogate_code_point_in_a_topic_closes_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client("a");

    client.send(v3::publish(b"top\xED\xA0\x80ic", "x"));
    client.expect_close();
}

/// \[MQTT3-1.5.3-1\]
#[test]
fn an_over_long_utf8_sequence_closes_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client("a");

    // "/" written in two bytes.
    client.send(v3::publish(b"top\xC0\xAFic", "x"));
    client.expect_close();
}

/// \[MQTT3-1.5.3-1\] \[MQTT3-3.8.3-1\]
#[test]
fn a_filter_that_is_not_utf8_closes_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client("a");

    client.send(packet(0x82, &[&[0, 1], &string(b"fil\xFFter"), &[0]]));
    client.expect_close();
}

/// \[MQTT3-1.5.3-1\] \[MQTT3-3.10.3-1\]
#[test]
fn a_filter_to_unsubscribe_that_is_not_utf8_closes_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client("a");

    client.send(packet(0xA2, &[&[0, 1], &string(b"fil\xFFter")]));
    client.expect_close();
}

/// \[MQTT3-1.5.3-1\] \[MQTT3-3.1.3-4\] \[MQTT3-3.1.4-1\]
#[test]
fn a_client_id_that_is_not_utf8_gets_no_connack() {
    expect_closed_without_connack(&Scene::new(), &v3::connect(b"i\xFFd"));
}

/// \[MQTT3-1.5.3-1\] \[MQTT3-3.1.3-10\]
#[test]
fn a_will_topic_that_is_not_utf8_gets_no_connack() {
    let scene = Scene::new();
    let connect = v3::connect(scene.id("a")).will(will(b"to\xFFpic", "x"));

    expect_closed_without_connack(&scene, &connect);
}

/// \[MQTT3-1.5.3-1\] \[MQTT3-3.1.3-11\]
#[test]
fn a_user_name_that_is_not_utf8_gets_no_connack() {
    let scene = Scene::new();
    let connect = v3::connect(scene.id("a")).user(b"us\xFFer");

    expect_closed_without_connack(&scene, &connect);
}

/// \[MQTT3-1.5.3-2\] \[MQTT3-4.7.3-2\]
#[test]
fn a_null_character_in_a_topic_closes_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client("a");

    client.send(v3::publish("top\0ic", "x"));
    client.expect_close();
}

/// \[MQTT3-1.5.3-2\] \[MQTT3-4.7.3-2\]
#[test]
fn a_null_character_in_a_filter_closes_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client("a");

    client.send(v3::subscribe(1, &[("fil\0ter", 0)]));
    client.expect_close();
}

/// \[MQTT3-1.5.3-2\]
#[test]
fn a_null_character_in_a_client_id_gets_no_connack() {
    expect_closed_without_connack(&Scene::new(), &v3::connect("i\0d"));
}

/// \[MQTT3-1.5.3-3\]
#[test]
fn a_zero_width_no_break_space_is_an_ordinary_character() {
    let scene = Scene::new();
    let topic = scene.topic("\u{FEFF}topic");
    let mut with = scene.client("with");
    let mut without = scene.client("without");
    let mut publisher = scene.client("publisher");
    with.subscribe(&topic, 0);
    without.subscribe(&scene.topic("topic"), 0);

    publisher.publish(v3::publish(&topic, "x"));
    with.expect_publish(&v3::publish(&topic, "x"));
    expect_nothing_from(&mut publisher, &mut without);
}

/// \[MQTT3-1.5.3-3\]
#[test]
fn a_filter_may_begin_with_a_zero_width_no_break_space() {
    let scene = Scene::new();
    let topic = format!("\u{FEFF}{}", scene.topic("t"));
    let mut client = scene.client("a");
    client.subscribe(&topic, 0);

    client.publish(v3::publish(&topic, "x"));
    client.expect_publish(&v3::publish(&topic, "x"));
}

/// \[MQTT3-2.2.2-1\]
#[test]
fn each_packet_of_the_broker_carries_the_flags_of_its_type() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = scene.open();

    client.send(v3::connect(scene.id("a")));
    client.expect([0x20, 2, 0, 0]);
    client.send(v3::subscribe(1, &[(&topic, 2)]));
    client.expect([0x90, 3, 0, 1, 2]);
    client.send(v3::publish(scene.topic("elsewhere"), "x").qos(1).id(2));
    client.expect([0x40, 2, 0, 2]);
    client.send(v3::publish(scene.topic("elsewhere"), "x").qos(2).id(3));
    client.expect([0x50, 2, 0, 3]);
    client.send(v3::pubrel(3));
    client.expect([0x70, 2, 0, 3]);
    client.send(v3::pingreq());
    client.expect([0xD0, 0]);
    client.publish(v3::publish(&topic, "x").qos(0));
    client.expect_message(&v3::publish(&topic, "x"));
    client.send(v3::unsubscribe(4, &[&topic]));
    client.expect([0xB0, 2, 0, 4]);
}

/// \[MQTT3-2.2.2-1\] \[MQTT3-4.3.3-1\]
#[test]
fn the_pubrel_of_the_broker_has_the_flags_0010() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut subscriber = scene.client("subscriber");
    subscriber.subscribe(&topic, 2);

    scene
        .client("publisher")
        .publish(v3::publish(&topic, "x").qos(2));
    let id = subscriber.expect_publish(&v3::publish(&topic, "x").qos(2));
    subscriber.send(v3::pubrec(id));
    assert_eq!(subscriber.receive().header, 0x62);
}

/// \[MQTT3-2.3.1-1\]
#[test]
fn a_publish_with_packet_id_0_closes_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client("a");

    client.send(v3::publish(scene.topic("t"), "x").qos(1).id(0));
    client.expect_close();
}

/// \[MQTT3-2.3.1-1\]
#[test]
fn a_subscribe_with_packet_id_0_closes_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client("a");

    client.send(v3::subscribe(0, &[(&scene.topic("t"), 0)]));
    client.expect_close();
}

/// \[MQTT3-2.3.1-1\]
#[test]
fn an_unsubscribe_with_packet_id_0_closes_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client("a");

    client.send(v3::unsubscribe(0, &[&scene.topic("t")]));
    client.expect_close();
}

/// \[MQTT3-2.3.1-1\]
#[test]
fn the_highest_packet_id_is_an_ordinary_one() {
    let scene = Scene::new();
    let mut client = scene.client("a");

    client.send(v3::publish(scene.topic("t"), "x").qos(1).id(0xFFFF));
    client.expect([0x40, 2, 0xFF, 0xFF]);
}

/// \[MQTT3-2.3.1-4\]
#[test]
fn messages_under_way_to_a_client_have_different_ids() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut subscriber = scene.client("subscriber");
    let mut publisher = scene.client("publisher");
    subscriber.subscribe(&topic, 2);

    publisher.publish(v3::publish(&topic, "1").qos(1));
    publisher.publish(v3::publish(&topic, "2").qos(2));
    publisher.publish(v3::publish(&topic, "3").qos(1));
    let first = subscriber.expect_publish(&v3::publish(&topic, "1").qos(1));
    let second = subscriber.expect_publish(&v3::publish(&topic, "2").qos(2));
    let third = subscriber.expect_publish(&v3::publish(&topic, "3").qos(1));
    assert_ne!(first, second);
    assert_ne!(second, third);
    assert_ne!(first, third);
}

/// \[MQTT3-2.3.1-5\]
#[test]
fn a_message_of_qos_0_has_no_packet_id() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = scene.client("a");
    client.subscribe(&topic, 2);

    client.send(v3::publish(&topic, [0, 1, 2]));
    client.expect(packet(0x30, &[&string(&topic), &[0, 1, 2]]));
}

/// \[MQTT3-2.3.1-6\] \[MQTT3-3.3.4-1\] \[MQTT3-4.3.2-2\]
#[test]
fn a_puback_repeats_the_id_of_its_publish() {
    let scene = Scene::new();
    let mut client = scene.client("a");

    client.send(v3::publish(scene.topic("t"), "x").qos(1).id(0x1234));
    client.expect([0x40, 2, 0x12, 0x34]);
}

/// \[MQTT3-2.3.1-6\] \[MQTT3-3.3.4-1\]
#[test]
fn pubrec_and_pubcomp_repeat_the_id_of_their_publish() {
    let scene = Scene::new();
    let mut client = scene.client("a");

    client.send(v3::publish(scene.topic("t"), "x").qos(2).id(0x1234));
    client.expect([0x50, 2, 0x12, 0x34]);
    client.send([0x62, 2, 0x12, 0x34]);
    client.expect([0x70, 2, 0x12, 0x34]);
}

/// \[MQTT3-2.3.1-6\]
#[test]
fn the_pubrel_of_the_broker_repeats_the_id_of_its_publish() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut subscriber = scene.client("subscriber");
    subscriber.subscribe(&topic, 2);

    scene
        .client("publisher")
        .publish(v3::publish(&topic, "x").qos(2));
    let id = subscriber.expect_publish(&v3::publish(&topic, "x").qos(2));
    subscriber.send(v3::pubrec(id));
    subscriber.expect(v3::pubrel(id));
}

/// \[MQTT3-2.3.1-7\] \[MQTT3-3.8.4-1\] \[MQTT3-3.8.4-2\]
#[test]
fn a_suback_repeats_the_id_of_its_subscribe() {
    let scene = Scene::new();
    let mut client = scene.client("a");

    client.send(v3::subscribe(0xABCD, &[(&scene.topic("t"), 0)]));
    client.expect([0x90, 3, 0xAB, 0xCD, 0]);
}

/// \[MQTT3-2.3.1-7\] \[MQTT3-3.10.4-4\]
#[test]
fn an_unsuback_repeats_the_id_of_its_unsubscribe() {
    let scene = Scene::new();
    let mut client = scene.client("a");
    client.subscribe(&scene.topic("t"), 0);

    client.send(v3::unsubscribe(0xABCD, &[&scene.topic("t")]));
    client.expect([0xB0, 2, 0xAB, 0xCD]);
}

/// \[MQTT3-7.1.1-1\]
#[test]
fn packets_may_arrive_byte_by_byte() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = scene.client("a");
    client.subscribe(&topic, 0);

    for byte in v3::publish(&topic, "x").to_bytes() {
        client.send([byte]);
    }
    client.expect_publish(&v3::publish(&topic, "x"));
}

/// \[MQTT3-7.1.1-1\]
#[test]
fn many_packets_may_arrive_in_one_piece() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = scene.client("a");
    client.subscribe(&topic, 0);

    let packets = (0..1000).flat_map(|number| v3::publish(&topic, number.to_string()).to_bytes());
    client.send(packets.collect::<Vec<u8>>());
    for number in 0..1000 {
        client.expect_publish(&v3::publish(&topic, number.to_string()));
    }
}

/// \[MQTT3-7.1.1-1\]
#[test]
fn a_payload_of_many_bytes_arrives_unchanged() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = scene.client("a");
    client.subscribe(&topic, 1);

    let payload: Vec<u8> = (0..251).cycle().take(500_000).collect();
    client.send(v3::publish(&topic, &payload));
    client.expect_publish(&v3::publish(&topic, &payload));
}
