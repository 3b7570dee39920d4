//! PUBACK, PUBREC, PUBREL and PUBCOMP: chapters 3.4 to 3.7.

use castmq_conformance::v5::{self, Answer, property};
use castmq_conformance::wire::Packet;
use castmq_conformance::{Client, Scene};

use super::{expect_disconnect_for, small};

/// The next packet is an acknowledgement that fits into so many bytes.
#[track_caller]
fn expect_within(client: &mut Client, room: usize, header: u8) -> Answer {
    let packet = client.receive();
    assert_eq!(packet.header, header, "{packet:?}");
    assert!(packet.to_bytes().len() <= room, "{packet:?}");
    Answer::parse(&packet)
}

/// \[MQTT5-3.4.2-2\] \[MQTT5-3.4.2-3\]
#[test]
fn a_puback_leaves_out_what_the_client_has_no_room_for() {
    let scene = Scene::new();
    let (mut client, room) = small(&scene);

    client.send(v5::publish("$SYS/not/for/clients", "x").qos(1).id(1));
    let puback = expect_within(&mut client, room, 0x40);
    assert!(puback.code() >= 0x80, "{puback:?}");
}

/// \[MQTT5-3.5.2-2\] \[MQTT5-3.5.2-3\]
#[test]
fn a_pubrec_leaves_out_what_the_client_has_no_room_for() {
    let scene = Scene::new();
    let (mut client, room) = small(&scene);

    client.send(v5::publish("$SYS/not/for/clients", "x").qos(2).id(1));
    let pubrec = expect_within(&mut client, room, 0x50);
    assert!(pubrec.code() >= 0x80, "{pubrec:?}");
}

/// \[MQTT5-3.6.2-1\] \[MQTT5-3.6.2-2\] \[MQTT5-3.6.2-3\]
#[test]
fn a_pubrel_leaves_out_what_the_client_has_no_room_for() {
    let scene = Scene::new();
    let (mut client, room) = small(&scene);

    client.send(v5::pubrec(7));
    let pubrel = expect_within(&mut client, room, 0x62);
    assert_eq!((pubrel.id, pubrel.code()), (7, 0x92));
}

/// \[MQTT5-3.7.2-2\] \[MQTT5-3.7.2-3\]
#[test]
fn a_pubcomp_leaves_out_what_the_client_has_no_room_for() {
    let scene = Scene::new();
    let (mut client, room) = small(&scene);

    client.send(v5::pubrel(7));
    let pubcomp = expect_within(&mut client, room, 0x70);
    assert_eq!((pubcomp.id, pubcomp.code()), (7, 0x92));
}

/// \[MQTT5-3.6.1-1\] \[MQTT5-2.1.3-1\]
#[test]
fn a_pubrel_with_other_flags_than_0010_is_malformed() {
    let scene = Scene::new();
    let mut none = scene.client_v5("none");
    let mut more = scene.client_v5("more");

    none.send(v5::ack(0x60, 1));
    none.expect_disconnect(0x81);
    more.send(v5::ack(0x6A, 1));
    more.expect_disconnect(0x81);
}

/// \[MQTT5-3.7.2-1\] \[MQTT5-4.3.3-11\]
#[test]
fn a_pubrel_for_an_unknown_packet_id_is_answered_with_code_92() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");

    client.send(v5::pubrel(99));
    let pubcomp = client.expect_answer(0x70);
    assert_eq!((pubcomp.id, pubcomp.code()), (99, 0x92));
    client.expect_nothing();
}

/// \[MQTT5-3.7.2-1\] \[MQTT5-4.3.3-12\]
#[test]
fn a_second_pubrel_finds_the_packet_id_gone() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");
    client.send(v5::publish(scene.topic("t"), "x").qos(2).id(5));
    client.expect_ack(0x50, 5);
    client.send(v5::pubrel(5));
    assert_eq!(client.expect_answer(0x70).code(), 0);

    client.send(v5::pubrel(5));
    assert_eq!(client.expect_answer(0x70).code(), 0x92);
}

/// \[MQTT5-3.6.2-1\] \[MQTT5-4.3.3-4\]
#[test]
fn a_pubrec_for_an_unknown_packet_id_is_answered_with_code_92() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");

    client.send(v5::pubrec(99));
    let pubrel = client.expect_answer(0x62);
    assert_eq!((pubrel.id, pubrel.code()), (99, 0x92));
    client.send(v5::ack_with(0x70, 99, 0x92, &[]));
    client.expect_nothing();
}

/// \[MQTT5-3.4.2-1\] \[MQTT5-4.3.2-3\]
#[test]
fn a_puback_for_an_unknown_packet_id_harms_nobody() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");

    client.send(v5::puback(99));
    client.send(v5::pubcomp(98));
    client.expect_nothing();
}

/// \[MQTT5-3.4.2-1\] \[MQTT5-4.13.1-1\]
#[test]
fn an_acknowledgement_with_a_code_that_is_not_listed_is_malformed() {
    let scene = Scene::new();
    let mut puback = scene.client_v5("puback");
    let mut pubrec = scene.client_v5("pubrec");
    let mut pubrel = scene.client_v5("pubrel");
    let mut pubcomp = scene.client_v5("pubcomp");

    puback.send(v5::ack_with(0x40, 1, 0x01, &[]));
    expect_disconnect_for(&mut puback, &[0x81, 0x82]);
    pubrec.send(v5::ack_with(0x50, 1, 0x92, &[]));
    expect_disconnect_for(&mut pubrec, &[0x81, 0x82]);
    pubrel.send(v5::ack_with(0x62, 1, 0x80, &[]));
    expect_disconnect_for(&mut pubrel, &[0x81, 0x82]);
    pubcomp.send(v5::ack_with(0x70, 1, 0x10, &[]));
    expect_disconnect_for(&mut pubcomp, &[0x81, 0x82]);
}

/// \[MQTT5-3.4.2-1\] \[MQTT5-3.5.2-1\] \[MQTT5-3.6.2-1\]
#[test]
fn acknowledgements_are_understood_in_all_their_lengths() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut publisher = scene.client_v5("publisher");
    let mut client =
        scene.client_with(&v5::connect(scene.id("a")).property(property::receive_maximum(1)));
    client.subscribe(&topic, 2);
    publisher.publish(v5::publish(&topic, "1").qos(1));
    publisher.publish(v5::publish(&topic, "2").qos(1));
    publisher.publish(v5::publish(&topic, "3").qos(2));
    publisher.publish(v5::publish(&topic, "4").qos(1));

    // Without code; with a code and no properties; with everything.
    let id = client.expect_publish(&v5::publish(&topic, "1").qos(1));
    client.send(v5::ack(0x40, id));
    let id = client.expect_publish(&v5::publish(&topic, "2").qos(1));
    client.send([&[0x40, 3][..], &id.to_be_bytes(), &[0]].concat());
    let id = client.expect_publish(&v5::publish(&topic, "3").qos(2));
    let reason = property::reason_string("because");
    let user = property::user("name", "value");
    client.send(v5::ack_with(0x50, id, 0, &[&reason, &user]));
    client.expect_ack(0x62, id);
    client.send(v5::ack_with(0x70, id, 0, &[&user, &reason, &user]));
    client.expect_publish(&v5::publish(&topic, "4").qos(1));
}

/// \[MQTT5-2.2.1-5\] \[MQTT5-3.6.2-1\]
#[test]
fn a_pubrel_with_a_reason_is_understood() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");
    client.send(v5::publish(scene.topic("t"), "x").qos(2).id(5));
    client.expect_ack(0x50, 5);

    let reason = property::reason_string("because");
    client.send(v5::ack_with(0x62, 5, 0, &[&reason]));
    assert_eq!(client.expect_answer(0x70).code(), 0);
}
