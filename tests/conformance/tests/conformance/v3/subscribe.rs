//! SUBSCRIBE and SUBACK: chapters 3.8 and 3.9.

use castmq_conformance::wire::{packet, string};
use castmq_conformance::{Packet, Scene, v3};

use super::{expect_nothing_from, expect_nothing_more};

/// \[MQTT3-3.8.1-1\]
#[test]
fn a_subscribe_with_other_flags_than_0010_closes_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client("a");

    let filter = [string(scene.topic("t")), vec![0]].concat();
    client.send(packet(0x80, &[&[0, 1], &filter]));
    client.expect_close();
}

/// \[MQTT3-3.8.3-1\] \[MQTT3-4.7.3-3\]
#[test]
fn a_filter_may_be_any_utf8_text() {
    let scene = Scene::new();
    let topic = scene.topic("käfer/🐞/ / a");
    let mut client = scene.client("a");

    client.subscribe(&topic, 0);
    client.publish(v3::publish(&topic, "x"));
    client.expect_publish(&v3::publish(&topic, "x"));
}

/// \[MQTT3-3.8.3-2\] \[MQTT3-3.9.3-2\]
#[test]
fn wildcard_filters_are_granted() {
    let scene = Scene::new();
    let mut client = scene.client("a");

    let (number, plus) = (scene.topic("#"), scene.topic("+/a"));
    client.send(v3::subscribe(1, &[(&number, 1), (&plus, 2)]));
    client.expect(v3::suback(1, &[1, 2]));
}

/// \[MQTT3-3.8.3-3\]
#[test]
fn a_subscribe_without_filters_closes_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client("a");

    client.send([0x82, 2, 0, 1]);
    client.expect_close();
}

/// \[MQTT3-3.8.3-4\]
#[test]
fn a_requested_qos_of_3_closes_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client("a");

    client.send(v3::subscribe(1, &[(&scene.topic("t"), 3)]));
    client.expect_close();
}

/// \[MQTT3-3.8.3-4\]
#[test]
fn a_reserved_bit_beside_the_requested_qos_closes_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client("a");

    client.send(v3::subscribe(1, &[(&scene.topic("t"), 0x04)]));
    client.expect_close();
}

/// \[MQTT3-3.8.3-4\]
#[test]
fn the_highest_reserved_bit_beside_the_requested_qos_closes_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client("a");

    client.send(v3::subscribe(1, &[(&scene.topic("t"), 0x81)]));
    client.expect_close();
}

/// \[MQTT3-3.8.3-4\] \[MQTT3-4.8.0-1\]
#[test]
fn a_subscribe_that_ends_before_a_requested_qos_closes_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client("a");

    client.send(packet(0x82, &[&[0, 1], &string(scene.topic("t"))]));
    client.expect_close();
}

/// \[MQTT3-3.8.4-1\] \[MQTT3-3.8.4-2\] \[MQTT3-3.8.4-5\]
#[test]
fn a_subscribe_is_answered_by_a_suback_with_its_id_and_the_granted_qos() {
    let scene = Scene::new();
    let mut client = scene.client("a");

    client.send(v3::subscribe(0x0102, &[(&scene.topic("t"), 2)]));
    client.expect([0x90, 3, 1, 2, 2]);
}

/// Not as emqttd's P7: the same filter again brings the retained messages again.
///
/// \[MQTT3-3.8.4-3\]
#[test]
fn subscribing_again_brings_the_retained_message_again() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = scene.client("a");
    client.publish(v3::publish(&topic, "x").qos(1).retain());

    client.subscribe(&topic, 0);
    client.expect_publish(&v3::publish(&topic, "x").retain());
    client.subscribe(&topic, 0);
    client.expect_publish(&v3::publish(&topic, "x").retain());
}

/// \[MQTT3-3.8.4-3\]
#[test]
fn subscribing_again_replaces_the_qos() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut subscriber = scene.client("subscriber");
    let mut publisher = scene.client("publisher");
    subscriber.subscribe(&topic, 2);
    subscriber.subscribe(&topic, 0);

    publisher.publish(v3::publish(&topic, "x").qos(2));
    subscriber.expect_publish(&v3::publish(&topic, "x"));
    subscriber.subscribe(&topic, 1);
    publisher.publish(v3::publish(&topic, "y").qos(2));
    subscriber.expect_message(&v3::publish(&topic, "y").qos(1));
}

/// \[MQTT3-3.8.4-3\]
#[test]
fn subscribing_again_adds_no_second_subscription() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut subscriber = scene.client("subscriber");
    let mut publisher = scene.client("publisher");
    subscriber.subscribe(&topic, 0);
    subscriber.subscribe(&topic, 0);

    publisher.publish(v3::publish(&topic, "x"));
    subscriber.expect_publish(&v3::publish(&topic, "x"));
    expect_nothing_from(&mut publisher, &mut subscriber);
}

/// \[MQTT3-3.8.4-3\]
#[test]
fn subscribing_again_leaves_no_gap_in_the_flow() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut subscriber = scene.client("subscriber");
    let mut publisher = scene.client("publisher");
    subscriber.subscribe(&topic, 1);

    // The publisher does not wait, so the messages meet the second SUBSCRIBE on its way.
    let messages = (0..500_u16).flat_map(|number| {
        let publish = v3::publish(&topic, number.to_string()).qos(1);
        publish.id(number + 1).to_bytes()
    });
    publisher.send(messages.collect::<Vec<u8>>());
    subscriber.send(v3::subscribe(9, &[(&topic, 1)]));
    let mut has_suback = false;
    let mut next = 0;
    while next < 500 || !has_suback {
        let packet = subscriber.receive();
        if packet.kind() == 9 {
            has_suback = true;
            continue;
        }
        assert!(packet.body.ends_with(next.to_string().as_bytes()));
        let id = string(&topic).len();
        subscriber.send([0x40, 2, packet.body[id], packet.body[id + 1]]);
        next += 1;
    }
}

/// \[MQTT3-3.8.4-4\] \[MQTT3-3.8.4-5\] \[MQTT3-3.9.3-1\]
#[test]
fn several_filters_get_one_suback_with_the_codes_in_their_order() {
    let scene = Scene::new();
    let topics = ["a", "b", "c", "d"].map(|name| scene.topic(name));
    let mut client = scene.client("a");

    let filters = [(&*topics[0], 2), (&*topics[1], 0), (&*topics[2], 1)];
    client.send(v3::subscribe(7, &filters));
    client.expect([0x90, 5, 0, 7, 2, 0, 1]);
    client.expect_nothing();
}

/// \[MQTT3-3.8.4-4\]
#[test]
fn each_of_several_filters_is_subscribed() {
    let scene = Scene::new();
    let (first, second) = (scene.topic("a"), scene.topic("b"));
    let mut client = scene.client("a");
    client.send(v3::subscribe(7, &[(&first, 0), (&second, 0)]));
    client.expect(v3::suback(7, &[0, 0]));

    client.publish(v3::publish(&first, "x"));
    client.publish(v3::publish(&second, "y"));
    client.expect_publish(&v3::publish(&first, "x"));
    client.expect_publish(&v3::publish(&second, "y"));
}

/// \[MQTT3-3.8.4-3\] \[MQTT3-3.8.4-4\]
#[test]
fn the_last_of_two_equal_filters_in_one_subscribe_holds() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = scene.client("a");
    client.send(v3::subscribe(7, &[(&topic, 1), (&topic, 0)]));
    client.expect(v3::suback(7, &[1, 0]));

    client.send(v3::publish(&topic, "x").qos(1).id(8));
    let packets = [client.receive(), client.receive()];
    assert!(packets.iter().any(|packet| packet.header == 0x40));
    assert!(packets.iter().any(|packet| packet.header == 0x30));
    expect_nothing_more(&mut client);
}

/// \[MQTT3-3.8.4-6\]
#[test]
fn a_message_of_qos_0_stays_at_qos_0() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut subscriber = scene.client("subscriber");
    subscriber.subscribe(&topic, 2);

    scene.client("publisher").publish(v3::publish(&topic, "x"));
    subscriber.expect_publish(&v3::publish(&topic, "x"));
}

/// \[MQTT3-3.8.4-6\]
#[test]
fn a_message_of_qos_2_comes_with_qos_1_where_1_is_granted() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut subscriber = scene.client("subscriber");
    subscriber.subscribe(&topic, 1);

    scene
        .client("publisher")
        .publish(v3::publish(&topic, "x").qos(2));
    subscriber.expect_message(&v3::publish(&topic, "x").qos(1));
}

/// \[MQTT3-3.8.4-6\]
#[test]
fn a_message_of_qos_1_comes_with_qos_0_where_0_is_granted() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut subscriber = scene.client("subscriber");
    subscriber.subscribe(&topic, 0);

    scene
        .client("publisher")
        .publish(v3::publish(&topic, "x").qos(1));
    subscriber.expect_publish(&v3::publish(&topic, "x"));
}

/// \[MQTT3-3.9.3-2\]
#[test]
fn each_requested_qos_is_granted_as_it_is() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = scene.client("a");

    client.send(v3::subscribe(1, &[(&topic, 0)]));
    client.expect([0x90, 3, 0, 1, 0]);
    client.send(v3::subscribe(2, &[(&topic, 1)]));
    client.expect([0x90, 3, 0, 2, 1]);
    client.send(v3::subscribe(3, &[(&topic, 2)]));
    client.expect([0x90, 3, 0, 3, 2]);
}

/// Not as emqttd's F6: the answer comes when the subscription is in place.
///
/// \[MQTT3-3.8.4-1\]
#[test]
fn a_message_published_after_the_suback_is_delivered() {
    let scene = Scene::new();
    let mut subscriber = scene.client("subscriber");
    let mut publisher = scene.client("publisher");

    // Each round is a new filter, and so a new chance to be too early.
    for round in 0..200 {
        let topic = scene.topic(&format!("round/{round}"));
        subscriber.subscribe(&topic, 0);
        publisher.publish(v3::publish(&topic, "x"));
        subscriber.expect_publish(&v3::publish(&topic, "x"));
    }
}

/// Not as emqttd's F6: the answer comes when the subscription is in place.
///
/// \[MQTT3-3.8.4-1\]
#[test]
fn a_message_published_after_the_suback_of_a_wildcard_is_delivered() {
    let scene = Scene::new();
    let mut subscriber = scene.client("subscriber");
    let mut publisher = scene.client("publisher");

    for round in 0..200 {
        let topic = scene.topic(&format!("round/{round}/a"));
        subscriber.subscribe(&scene.topic(&format!("round/{round}/+")), 0);
        publisher.publish(v3::publish(&topic, "x"));
        subscriber.expect_publish(&v3::publish(&topic, "x"));
    }
}

/// Not as emqttd's F6: a publish does not overtake the subscribe before it.
///
/// \[MQTT3-3.8.4-1\] \[MQTT3-3.8.4-4\]
#[test]
fn a_publish_sent_right_behind_a_subscribe_meets_the_subscription() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = scene.client("a");

    let subscribe = v3::subscribe(1, &[(&topic, 0)]);
    let publish = v3::publish(&topic, "x").to_bytes();
    client.send([subscribe, publish].concat());
    client.expect(v3::suback(1, &[0]));
    client.expect(v3::publish(&topic, "x"));
}
