//! The exchanges of QoS 0, 1 and 2: chapter 4.3, and the packet ids of 2.3.1.

use castmq_conformance::{Client, Packet, Scene, v3};

use super::{expect_nothing_from, expect_nothing_more};

/// A subscriber to the topic `t` with this QoS, and a publisher.
#[track_caller]
fn subscriber_and_publisher(scene: &Scene, qos: u8) -> (Client, Client) {
    let mut subscriber = scene.client("subscriber");
    subscriber.subscribe(&scene.topic("t"), qos);
    (subscriber, scene.client("publisher"))
}

/// \[MQTT3-4.3.1-1\]
#[test]
fn qos_0_is_one_packet() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let (mut subscriber, mut publisher) = subscriber_and_publisher(&scene, 0);

    publisher.publish(v3::publish(&topic, "x"));
    subscriber.expect(v3::publish(&topic, "x"));
    expect_nothing_from(&mut publisher, &mut subscriber);
}

/// \[MQTT3-4.3.2-1\]
#[test]
fn qos_1_is_publish_and_puback() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let (mut subscriber, mut publisher) = subscriber_and_publisher(&scene, 1);

    publisher.send(v3::publish(&topic, "x").qos(1).id(4));
    publisher.expect(v3::puback(4));
    let id = subscriber.expect_publish(&v3::publish(&topic, "x").qos(1));
    subscriber.send(v3::puback(id));
    expect_nothing_from(&mut publisher, &mut subscriber);
}

/// \[MQTT3-4.3.2-2\]
#[test]
fn after_its_puback_an_id_of_qos_1_names_a_new_message() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let (mut subscriber, mut publisher) = subscriber_and_publisher(&scene, 0);

    publisher.send(v3::publish(&topic, "x").qos(1).id(4));
    publisher.expect(v3::puback(4));
    publisher.send(v3::publish(&topic, "y").qos(1).dup().id(4));
    publisher.expect(v3::puback(4));
    subscriber.expect_publish(&v3::publish(&topic, "x"));
    subscriber.expect_publish(&v3::publish(&topic, "y"));
}

/// \[MQTT3-4.3.3-1\] \[MQTT3-4.3.3-2\]
#[test]
fn qos_2_is_publish_pubrec_pubrel_and_pubcomp() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let (mut subscriber, mut publisher) = subscriber_and_publisher(&scene, 2);

    publisher.send(v3::publish(&topic, "x").qos(2).id(4));
    publisher.expect(v3::pubrec(4));
    publisher.send(v3::pubrel(4));
    publisher.expect(v3::pubcomp(4));
    let id = subscriber.expect_publish(&v3::publish(&topic, "x").qos(2));
    subscriber.send(v3::pubrec(id));
    subscriber.expect(v3::pubrel(id));
    subscriber.send(v3::pubcomp(id));
    expect_nothing_from(&mut publisher, &mut subscriber);
}

/// \[MQTT3-4.3.3-2\]
#[test]
fn a_message_of_qos_2_that_is_sent_twice_is_passed_on_once() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let (mut subscriber, mut publisher) = subscriber_and_publisher(&scene, 0);

    publisher.send(v3::publish(&topic, "x").qos(2).id(4));
    publisher.expect(v3::pubrec(4));
    publisher.send(v3::publish(&topic, "x").qos(2).dup().id(4));
    publisher.expect(v3::pubrec(4));
    publisher.send(v3::pubrel(4));
    publisher.expect(v3::pubcomp(4));
    subscriber.expect_publish(&v3::publish(&topic, "x"));
    expect_nothing_from(&mut publisher, &mut subscriber);
}

/// \[MQTT3-4.3.3-2\]
#[test]
fn a_duplicate_of_qos_2_is_known_by_its_id_also_without_dup() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let (mut subscriber, mut publisher) = subscriber_and_publisher(&scene, 0);

    let publish = v3::publish(&topic, "x").qos(2).id(4).to_bytes();
    publisher.send([publish.clone(), publish].concat());
    publisher.expect(v3::pubrec(4));
    publisher.expect(v3::pubrec(4));
    publisher.send(v3::pubrel(4));
    publisher.expect(v3::pubcomp(4));
    subscriber.expect_publish(&v3::publish(&topic, "x"));
    expect_nothing_from(&mut publisher, &mut subscriber);
}

/// \[MQTT3-4.3.3-2\]
#[test]
fn after_its_pubcomp_an_id_of_qos_2_names_a_new_message() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let (mut subscriber, mut publisher) = subscriber_and_publisher(&scene, 0);

    publisher.send(v3::publish(&topic, "x").qos(2).id(4));
    publisher.expect(v3::pubrec(4));
    publisher.send(v3::pubrel(4));
    publisher.expect(v3::pubcomp(4));
    publisher.send(v3::publish(&topic, "x").qos(2).id(4));
    publisher.expect(v3::pubrec(4));
    publisher.send(v3::pubrel(4));
    publisher.expect(v3::pubcomp(4));
    subscriber.expect_publish(&v3::publish(&topic, "x"));
    subscriber.expect_publish(&v3::publish(&topic, "x"));
}

/// \[MQTT3-4.3.3-2\]
#[test]
fn a_pubrel_of_an_unknown_id_is_answered() {
    let scene = Scene::new();
    let mut client = scene.client("a");

    client.send(v3::pubrel(77));
    client.expect(v3::pubcomp(77));
}

/// \[MQTT3-4.3.3-2\]
#[test]
fn several_messages_of_qos_2_may_be_under_way_at_once() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let (mut subscriber, mut publisher) = subscriber_and_publisher(&scene, 0);

    publisher.send(v3::publish(&topic, "x").qos(2).id(1));
    publisher.send(v3::publish(&topic, "y").qos(2).id(2));
    publisher.expect(v3::pubrec(1));
    publisher.expect(v3::pubrec(2));
    publisher.send(v3::pubrel(2));
    publisher.expect(v3::pubcomp(2));
    publisher.send(v3::pubrel(1));
    publisher.expect(v3::pubcomp(1));
    let mut payloads = [
        subscriber.receive_publish().payload,
        subscriber.receive_publish().payload,
    ];
    payloads.sort();
    assert_eq!(payloads, [b"x", b"y"]);
}

/// \[MQTT3-4.3.3-1\]
#[test]
fn a_second_pubrec_is_answered_by_pubrel_and_not_by_publish() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let (mut subscriber, mut publisher) = subscriber_and_publisher(&scene, 2);

    publisher.publish(v3::publish(&topic, "x").qos(2));
    let id = subscriber.expect_publish(&v3::publish(&topic, "x").qos(2));
    subscriber.send(v3::pubrec(id));
    subscriber.expect(v3::pubrel(id));
    subscriber.send(v3::pubrec(id));
    subscriber.expect(v3::pubrel(id));
    subscriber.send(v3::pubcomp(id));
    expect_nothing_from(&mut publisher, &mut subscriber);
}

/// \[MQTT3-4.3.2-1\]
#[test]
fn acknowledgements_of_messages_that_were_never_sent_harm_nobody() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let (mut subscriber, mut publisher) = subscriber_and_publisher(&scene, 1);

    subscriber.send([v3::puback(900), v3::pubcomp(901)].concat());
    publisher.publish(v3::publish(&topic, "x").qos(1));
    subscriber.expect_message(&v3::publish(&topic, "x").qos(1));
    expect_nothing_from(&mut publisher, &mut subscriber);
}

/// \[MQTT3-4.3.2-1\] \[MQTT3-2.3.1-4\]
#[test]
fn messages_may_be_acknowledged_in_any_order() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let (mut subscriber, mut publisher) = subscriber_and_publisher(&scene, 1);

    publisher.publish(v3::publish(&topic, "1").qos(1));
    publisher.publish(v3::publish(&topic, "2").qos(1));
    let first = subscriber.expect_publish(&v3::publish(&topic, "1").qos(1));
    let second = subscriber.expect_publish(&v3::publish(&topic, "2").qos(1));
    subscriber.send(v3::puback(second));
    subscriber.send(v3::puback(first));
    expect_nothing_from(&mut publisher, &mut subscriber);
}

/// Both sides number their messages for themselves.
///
/// \[MQTT3-2.3.1-4\] \[MQTT3-2.3.1-6\]
#[test]
fn the_same_id_may_be_under_way_in_both_directions() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let (mut client, mut publisher) = subscriber_and_publisher(&scene, 2);
    publisher.publish(v3::publish(&topic, "x").qos(2));
    let id = client.expect_publish(&v3::publish(&topic, "x").qos(2));

    client.send(v3::publish(scene.topic("other"), "y").qos(2).id(id));
    client.expect(v3::pubrec(id));
    client.send(v3::pubrec(id));
    client.expect(v3::pubrel(id));
    client.send(v3::pubrel(id));
    client.expect(v3::pubcomp(id));
    client.send(v3::pubcomp(id));
    expect_nothing_more(&mut client);
}

/// Not as emqttd's P5: when the numbers begin again, those in use are left out, also those that
/// only wait for their PUBCOMP.
///
/// \[MQTT3-2.3.1-4\] \[MQTT3-4.3.2-1\] \[MQTT3-4.3.3-1\]
#[test]
fn an_id_in_use_is_not_given_out_again_when_the_numbers_wrap_around() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let (mut subscriber, mut publisher) = subscriber_and_publisher(&scene, 2);
    publisher.publish(v3::publish(&topic, "unacknowledged").qos(1));
    let one = subscriber.expect_publish(&v3::publish(&topic, "unacknowledged").qos(1));
    publisher.publish(v3::publish(&topic, "incomplete").qos(2));
    let other = subscriber.expect_publish(&v3::publish(&topic, "incomplete").qos(2));
    subscriber.send(v3::pubrec(other));
    subscriber.expect(v3::pubrel(other));

    // 1320 times 50 are more than the 65535 ids that there are.
    for _ in 0..1320 {
        let burst = (1..=50).flat_map(|id| v3::publish(&topic, "x").qos(1).id(id).to_bytes());
        publisher.send(burst.collect::<Vec<u8>>());
        for _ in 0..50 {
            let id = subscriber.receive_publish().id.unwrap();
            assert!(id != one && id != other, "id {id} is still in use");
            subscriber.send(v3::puback(id));
        }
        for id in 1..=50 {
            publisher.expect(v3::puback(id));
        }
    }
    subscriber.send(v3::pubcomp(other));
    subscriber.send(v3::puback(one));
    subscriber.expect_nothing();
}

/// Not as emqttd's F7: a client that gets many messages is not kept from publishing.
///
/// \[MQTT3-4.3.3-2\]
#[test]
fn a_flooded_subscriber_can_publish() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let (mut subscriber, mut publisher) = subscriber_and_publisher(&scene, 0);

    let flood = v3::publish(&topic, "x").to_bytes().repeat(2000);
    publisher.send(flood);
    subscriber.send(v3::publish(scene.topic("own"), "y").qos(2).id(1));
    let mut messages = 0;
    let mut has_pubrec = false;
    while messages < 2000 || !has_pubrec {
        match subscriber.receive().kind() {
            3 => messages += 1,
            5 => has_pubrec = true,
            kind => panic!("a packet of type {kind}"),
        }
    }
}

/// \[MQTT3-4.8.0-1\]
#[test]
fn a_pubcomp_before_its_pubrec_closes_the_connection() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let (mut subscriber, mut publisher) = subscriber_and_publisher(&scene, 2);

    publisher.publish(v3::publish(&topic, "x").qos(2));
    let id = subscriber.expect_publish(&v3::publish(&topic, "x").qos(2));
    subscriber.send(v3::pubcomp(id));
    subscriber.expect_close();
}
