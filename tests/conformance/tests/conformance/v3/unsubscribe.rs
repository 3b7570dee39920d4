//! UNSUBSCRIBE and UNSUBACK: chapters 3.10 and 3.11.

use castmq_conformance::wire::{packet, string};
use castmq_conformance::{Packet, Scene, v3};

use super::{expect_nothing_from, expect_nothing_more};

/// \[MQTT3-3.10.1-1\]
#[test]
fn an_unsubscribe_with_other_flags_than_0010_closes_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client("a");

    client.send(packet(0xA0, &[&[0, 1], &string(scene.topic("t"))]));
    client.expect_close();
}

/// \[MQTT3-3.10.3-1\]
#[test]
fn an_unsubscribe_that_ends_within_a_filter_closes_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client("a");

    client.send([0xA2, 7, 0, 1, 0, 4, b'a', b'b', b'c']);
    client.expect_close();
}

/// \[MQTT3-3.10.3-1\]
#[test]
fn a_single_byte_behind_the_last_filter_closes_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client("a");

    client.send(packet(0xA2, &[&[0, 1], &string(scene.topic("t")), &[0]]));
    client.expect_close();
}

/// \[MQTT3-3.10.3-2\]
#[test]
fn an_unsubscribe_without_filters_closes_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client("a");

    client.send([0xA2, 2, 0, 1]);
    client.expect_close();
}

/// \[MQTT3-3.10.4-1\] \[MQTT3-3.10.4-2\]
#[test]
fn after_unsubscribing_no_messages_come() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut subscriber = scene.client("subscriber");
    let mut publisher = scene.client("publisher");
    subscriber.subscribe(&topic, 1);

    subscriber.unsubscribe(&topic);
    publisher.publish(v3::publish(&topic, "x").qos(1));
    expect_nothing_from(&mut publisher, &mut subscriber);
}

/// \[MQTT3-3.10.4-1\]
#[test]
fn only_the_very_same_filter_is_deleted() {
    let scene = Scene::new();
    let topic = scene.topic("a/b");
    let mut client = scene.client("a");
    client.subscribe(&scene.topic("a/+"), 0);

    client.unsubscribe(&topic);
    client.unsubscribe(&scene.topic("a/#"));
    client.unsubscribe(&scene.topic("+/b"));
    client.unsubscribe(&scene.topic("A/+"));
    client.publish(v3::publish(&topic, "x"));
    client.expect_publish(&v3::publish(&topic, "x"));
    client.unsubscribe(&scene.topic("a/+"));
    client.publish(v3::publish(&topic, "x"));
    expect_nothing_more(&mut client);
}

/// \[MQTT3-3.10.4-1\]
#[test]
fn of_overlapping_subscriptions_the_other_stays() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut subscriber = scene.client("subscriber");
    let mut publisher = scene.client("publisher");
    subscriber.subscribe(&topic, 2);
    subscriber.subscribe(&scene.topic("#"), 1);

    subscriber.unsubscribe(&topic);
    publisher.publish(v3::publish(&topic, "x").qos(2));
    subscriber.expect_message(&v3::publish(&topic, "x").qos(1));
    expect_nothing_from(&mut publisher, &mut subscriber);
}

/// \[MQTT3-3.10.4-2\] \[MQTT3-3.1.2-5\]
#[test]
fn after_unsubscribing_no_messages_are_kept_for_a_client_that_is_away() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut subscriber = scene.session("subscriber");
    let mut publisher = scene.client("publisher");
    subscriber.subscribe(&topic, 1);
    subscriber.unsubscribe(&topic);
    subscriber.disconnect();

    publisher.publish(v3::publish(&topic, "x").qos(1));
    expect_nothing_from(&mut publisher, &mut scene.session("subscriber"));
}

/// \[MQTT3-3.10.4-2\]
#[test]
fn one_client_unsubscribes_for_itself_only() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut leaves = scene.client("leaves");
    let mut stays = scene.client("stays");
    leaves.subscribe(&topic, 0);
    stays.subscribe(&topic, 0);

    leaves.unsubscribe(&topic);
    stays.publish(v3::publish(&topic, "x"));
    stays.expect_publish(&v3::publish(&topic, "x"));
}

/// \[MQTT3-3.10.4-3\]
#[test]
fn a_message_of_qos_1_under_way_is_finished_after_unsubscribing() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut subscriber = scene.session("subscriber");
    subscriber.subscribe(&topic, 1);
    scene
        .client("publisher")
        .publish(v3::publish(&topic, "x").qos(1));
    let id = subscriber.expect_publish(&v3::publish(&topic, "x").qos(1));
    subscriber.unsubscribe(&topic);
    subscriber.cut();

    let mut subscriber = scene.session("subscriber");
    subscriber.expect(v3::publish(&topic, "x").qos(1).dup().id(id));
}

/// \[MQTT3-3.10.4-3\]
#[test]
fn a_message_of_qos_2_under_way_is_finished_after_unsubscribing() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut subscriber = scene.client("subscriber");
    subscriber.subscribe(&topic, 2);
    scene
        .client("publisher")
        .publish(v3::publish(&topic, "x").qos(2));
    let id = subscriber.expect_publish(&v3::publish(&topic, "x").qos(2));
    subscriber.unsubscribe(&topic);

    subscriber.send(v3::pubrec(id));
    subscriber.expect(v3::pubrel(id));
    subscriber.send(v3::pubcomp(id));
    subscriber.expect_nothing();
}

/// \[MQTT3-3.10.4-4\]
#[test]
fn an_unsubscribe_is_answered_by_an_unsuback_with_its_id() {
    let scene = Scene::new();
    let mut client = scene.client("a");
    client.subscribe(&scene.topic("t"), 0);

    client.send(v3::unsubscribe(0x0102, &[&scene.topic("t")]));
    client.expect([0xB0, 2, 1, 2]);
}

/// \[MQTT3-3.10.4-5\]
#[test]
fn an_unsubscribe_that_deletes_nothing_is_answered_too() {
    let scene = Scene::new();
    let mut client = scene.client("a");

    client.send(v3::unsubscribe(3, &[&scene.topic("never")]));
    client.expect([0xB0, 2, 0, 3]);
}

/// \[MQTT3-3.10.4-6\]
#[test]
fn several_filters_are_deleted_with_one_unsuback() {
    let scene = Scene::new();
    let (first, second, third) = (scene.topic("a"), scene.topic("b"), scene.topic("c"));
    let mut client = scene.client("a");
    client.subscribe(&first, 0);
    client.subscribe(&second, 0);
    client.subscribe(&third, 0);

    client.send(v3::unsubscribe(9, &[&first, "never", &third]));
    client.expect(v3::unsuback(9));
    client.publish(v3::publish(&first, "x"));
    client.publish(v3::publish(&third, "x"));
    client.publish(v3::publish(&second, "y"));
    client.expect_publish(&v3::publish(&second, "y"));
    expect_nothing_more(&mut client);
}

/// \[MQTT3-3.10.4-2\]
#[test]
fn a_publish_sent_right_behind_an_unsubscribe_meets_no_subscription() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = scene.client("a");
    client.subscribe(&topic, 0);

    let unsubscribe = v3::unsubscribe(2, &[&topic]);
    let publish = v3::publish(&topic, "x").to_bytes();
    client.send([unsubscribe, publish].concat());
    client.expect(v3::unsuback(2));
    expect_nothing_more(&mut client);
}

/// Not as emqttd's F7: what was sent first is done first.
///
/// \[MQTT3-3.10.4-4\] \[MQTT3-3.8.4-1\]
#[test]
fn unsubscribe_and_subscribe_in_one_piece_end_subscribed() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = scene.client("a");
    client.subscribe(&topic, 0);

    for round in 0..100_u16 {
        let unsubscribe = v3::unsubscribe(2 * round + 10, &[&topic]);
        let subscribe = v3::subscribe(2 * round + 11, &[(&topic, 0)]);
        client.send([unsubscribe, subscribe].concat());
        client.expect(v3::unsuback(2 * round + 10));
        client.expect(v3::suback(2 * round + 11, &[0]));
    }
    client.publish(v3::publish(&topic, "x"));
    client.expect_publish(&v3::publish(&topic, "x"));
}

/// Not as emqttd's F7: what was sent first is done first.
///
/// \[MQTT3-3.10.4-2\]
#[test]
fn subscribe_and_unsubscribe_in_one_piece_end_without_subscription() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = scene.client("a");

    let subscribe = v3::subscribe(1, &[(&topic, 0)]);
    let unsubscribe = v3::unsubscribe(2, &[&topic]);
    client.send([subscribe, unsubscribe].concat());
    client.expect(v3::suback(1, &[0]));
    client.expect(v3::unsuback(2));
    client.publish(v3::publish(&topic, "x"));
    expect_nothing_more(&mut client);
}
