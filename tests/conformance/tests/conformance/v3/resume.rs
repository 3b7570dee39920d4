//! What was under way when a connection ended: chapter 4.4, and the session state of 3.1.2.4.

use castmq_conformance::{Client, Scene, v3};

use super::{expect_nothing_from, expect_nothing_more};

/// A session `a` that subscribes to the topic `t` with this QoS, and a publisher.
#[track_caller]
fn subscriber_and_publisher(scene: &Scene, qos: u8) -> (Client, Client) {
    let mut subscriber = scene.session("a");
    subscriber.subscribe(&scene.topic("t"), qos);
    (subscriber, scene.client("publisher"))
}

/// \[MQTT3-4.4.0-1\] \[MQTT3-3.3.1-1\]
#[test]
fn an_unacknowledged_message_of_qos_1_comes_again_with_dup_and_its_id() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let (mut subscriber, mut publisher) = subscriber_and_publisher(&scene, 1);
    publisher.publish(v3::publish(&topic, "x").qos(1));
    let id = subscriber.expect_publish(&v3::publish(&topic, "x").qos(1));
    subscriber.cut();

    let mut again = scene.session("a");
    again.expect(v3::publish(&topic, "x").qos(1).dup().id(id));
}

/// \[MQTT3-4.4.0-1\] \[MQTT3-3.3.1-1\]
#[test]
fn an_unacknowledged_message_of_qos_2_comes_again_with_dup_and_its_id() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let (mut subscriber, mut publisher) = subscriber_and_publisher(&scene, 2);
    publisher.publish(v3::publish(&topic, "x").qos(2));
    let id = subscriber.expect_publish(&v3::publish(&topic, "x").qos(2));
    subscriber.cut();

    let mut again = scene.session("a");
    again.expect(v3::publish(&topic, "x").qos(2).dup().id(id));
    again.send(v3::pubrec(id));
    again.expect(v3::pubrel(id));
}

/// \[MQTT3-4.4.0-1\] \[MQTT3-4.3.3-1\]
#[test]
fn after_its_pubrec_a_message_is_resumed_with_pubrel() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let (mut subscriber, mut publisher) = subscriber_and_publisher(&scene, 2);
    publisher.publish(v3::publish(&topic, "x").qos(2));
    let id = subscriber.expect_publish(&v3::publish(&topic, "x").qos(2));
    subscriber.send(v3::pubrec(id));
    subscriber.expect(v3::pubrel(id));
    subscriber.cut();

    let mut again = scene.session("a");
    again.expect(v3::pubrel(id));
    again.send(v3::pubcomp(id));
    expect_nothing_from(&mut publisher, &mut again);
}

/// Not as emqttd's P4: a PUBREL is not forgotten after it was sent again once.
///
/// \[MQTT3-4.4.0-1\] \[MQTT3-4.3.3-1\]
#[test]
fn a_pubrel_is_resumed_after_each_break_until_its_pubcomp() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let (mut subscriber, mut publisher) = subscriber_and_publisher(&scene, 2);
    publisher.publish(v3::publish(&topic, "x").qos(2));
    let id = subscriber.expect_publish(&v3::publish(&topic, "x").qos(2));
    subscriber.send(v3::pubrec(id));
    subscriber.expect(v3::pubrel(id));
    subscriber.cut();

    let mut second = scene.session("a");
    second.expect(v3::pubrel(id));
    second.cut();
    let mut third = scene.session("a");
    third.expect(v3::pubrel(id));
    third.send(v3::pubcomp(id));
    third.disconnect();
    expect_nothing_more(&mut scene.session("a"));
}

/// \[MQTT3-4.4.0-1\] \[MQTT3-3.3.1-1\]
#[test]
fn a_message_comes_again_after_each_break_until_its_puback() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let (mut subscriber, mut publisher) = subscriber_and_publisher(&scene, 1);
    publisher.publish(v3::publish(&topic, "x").qos(1));
    let id = subscriber.expect_publish(&v3::publish(&topic, "x").qos(1));
    subscriber.cut();

    let mut second = scene.session("a");
    second.expect(v3::publish(&topic, "x").qos(1).dup().id(id));
    second.cut();
    let mut third = scene.session("a");
    third.expect(v3::publish(&topic, "x").qos(1).dup().id(id));
    third.send(v3::puback(id));
    third.disconnect();
    expect_nothing_more(&mut scene.session("a"));
}

/// \[MQTT3-4.6.0-1\] \[MQTT3-4.4.0-1\]
#[test]
fn messages_come_again_in_the_order_in_which_they_came_first() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let (mut subscriber, mut publisher) = subscriber_and_publisher(&scene, 2);
    publisher.publish(v3::publish(&topic, "1").qos(1));
    publisher.publish(v3::publish(&topic, "2").qos(2));
    publisher.publish(v3::publish(&topic, "3").qos(1));
    publisher.publish(v3::publish(&topic, "4").qos(2));
    subscriber.expect_publish(&v3::publish(&topic, "1").qos(1));
    subscriber.expect_publish(&v3::publish(&topic, "2").qos(2));
    subscriber.expect_publish(&v3::publish(&topic, "3").qos(1));
    subscriber.expect_publish(&v3::publish(&topic, "4").qos(2));
    subscriber.cut();

    let mut again = scene.session("a");
    again.expect_publish(&v3::publish(&topic, "1").qos(1).dup());
    again.expect_publish(&v3::publish(&topic, "2").qos(2).dup());
    again.expect_publish(&v3::publish(&topic, "3").qos(1).dup());
    again.expect_publish(&v3::publish(&topic, "4").qos(2).dup());
}

/// \[MQTT3-4.6.0-1\]
#[test]
fn what_was_under_way_comes_before_what_was_queued_meanwhile() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let (mut subscriber, mut publisher) = subscriber_and_publisher(&scene, 1);
    publisher.publish(v3::publish(&topic, "under way").qos(1));
    subscriber.expect_publish(&v3::publish(&topic, "under way").qos(1));
    subscriber.close_sending();
    subscriber.expect_close();
    publisher.publish(v3::publish(&topic, "meanwhile").qos(1));

    let mut again = scene.session("a");
    again.expect_message(&v3::publish(&topic, "under way").qos(1).dup());
    again.expect_message(&v3::publish(&topic, "meanwhile").qos(1));
}

/// \[MQTT3-3.3.1-1\] \[MQTT3-3.3.1-3\]
#[test]
fn a_message_that_waited_in_the_queue_is_no_duplicate() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let (subscriber, mut publisher) = subscriber_and_publisher(&scene, 1);
    subscriber.disconnect();
    publisher.publish(v3::publish(&topic, "x").qos(1));

    scene
        .session("a")
        .expect_publish(&v3::publish(&topic, "x").qos(1));
}

/// \[MQTT3-4.4.0-1\]
#[test]
fn nothing_is_resumed_before_the_connack() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let (mut subscriber, mut publisher) = subscriber_and_publisher(&scene, 1);
    publisher.publish(v3::publish(&topic, "x").qos(1));
    subscriber.expect_publish(&v3::publish(&topic, "x").qos(1));
    subscriber.cut();

    let mut again = scene.open();
    again.send(v3::connect(scene.id("a")).keep_session());
    again.expect(v3::connack(1, 0));
    again.expect_message(&v3::publish(&topic, "x").qos(1).dup());
}

/// \[MQTT3-4.3.2-1\]
#[test]
fn an_acknowledgement_of_the_new_connection_ends_the_message() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let (mut subscriber, mut publisher) = subscriber_and_publisher(&scene, 1);
    publisher.publish(v3::publish(&topic, "x").qos(1));
    subscriber.expect_publish(&v3::publish(&topic, "x").qos(1));
    subscriber.cut();

    let mut again = scene.session("a");
    again.expect_message(&v3::publish(&topic, "x").qos(1).dup());
    again.disconnect();
    expect_nothing_more(&mut scene.session("a"));
}

/// \[MQTT3-3.1.2-6\]
#[test]
fn a_clean_connect_discards_what_was_under_way() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let (mut subscriber, mut publisher) = subscriber_and_publisher(&scene, 1);
    publisher.publish(v3::publish(&topic, "x").qos(1));
    subscriber.expect_publish(&v3::publish(&topic, "x").qos(1));
    subscriber.cut();

    expect_nothing_more(&mut scene.client("a"));
    expect_nothing_more(&mut scene.session("a"));
}

/// \[MQTT3-4.3.3-2\] \[MQTT3-4.1.0-1\]
#[test]
fn a_message_of_qos_2_that_is_sent_again_after_a_break_is_not_passed_on_again() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut subscriber = scene.client("subscriber");
    subscriber.subscribe(&topic, 0);
    let mut publisher = scene.session("publisher");
    publisher.send(v3::publish(&topic, "x").qos(2).id(5));
    publisher.expect(v3::pubrec(5));
    publisher.cut();

    let mut publisher = scene.session("publisher");
    publisher.send(v3::publish(&topic, "x").qos(2).dup().id(5));
    publisher.expect(v3::pubrec(5));
    publisher.send(v3::pubrel(5));
    publisher.expect(v3::pubcomp(5));
    subscriber.expect_publish(&v3::publish(&topic, "x"));
    expect_nothing_from(&mut publisher, &mut subscriber);
}

/// \[MQTT3-4.3.3-2\] \[MQTT3-4.4.0-1\]
#[test]
fn a_pubrel_after_a_break_is_answered() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut subscriber = scene.client("subscriber");
    subscriber.subscribe(&topic, 0);
    let mut publisher = scene.session("publisher");
    publisher.send(v3::publish(&topic, "x").qos(2).id(5));
    publisher.expect(v3::pubrec(5));
    publisher.cut();

    let mut publisher = scene.session("publisher");
    publisher.send(v3::pubrel(5));
    publisher.expect(v3::pubcomp(5));
    subscriber.expect_publish(&v3::publish(&topic, "x"));
}

/// \[MQTT3-4.3.3-2\]
#[test]
fn a_pubrel_that_was_answered_already_is_answered_again() {
    let scene = Scene::new();
    let mut publisher = scene.session("publisher");
    publisher.send(v3::publish(scene.topic("t"), "x").qos(2).id(5));
    publisher.expect(v3::pubrec(5));
    publisher.send(v3::pubrel(5));
    publisher.expect(v3::pubcomp(5));
    publisher.cut();

    let mut publisher = scene.session("publisher");
    publisher.send(v3::pubrel(5));
    publisher.expect(v3::pubcomp(5));
}

/// Not as emqttd's P3: it drops what was not released within 20 seconds, also while the client is
/// away.
///
/// \[MQTT3-4.3.3-2\]
#[test]
fn a_message_of_qos_2_waits_for_its_pubrel_as_long_as_its_session_lives() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut subscriber = scene.client("subscriber");
    subscriber.subscribe(&topic, 0);
    let mut publisher = scene.session("publisher");
    publisher.send(v3::publish(&topic, "x").qos(2).id(5));
    publisher.expect(v3::pubrec(5));
    publisher.cut();

    std::thread::sleep(std::time::Duration::from_secs(21));
    let mut publisher = scene.session("publisher");
    publisher.send(v3::publish(&topic, "x").qos(2).dup().id(5));
    publisher.expect(v3::pubrec(5));
    publisher.send(v3::pubrel(5));
    publisher.expect(v3::pubcomp(5));
    subscriber.expect_publish(&v3::publish(&topic, "x"));
    expect_nothing_from(&mut publisher, &mut subscriber);
}

/// More messages than a window has room for come with the acknowledgements of the earlier ones.
///
/// \[MQTT3-4.4.0-1\] \[MQTT3-4.6.0-1\]
#[test]
fn five_hundred_unacknowledged_messages_are_all_delivered_in_order() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let (mut subscriber, mut publisher) = subscriber_and_publisher(&scene, 1);
    for number in 0..500 {
        publisher.publish(v3::publish(&topic, number.to_string()).qos(1));
    }
    let first = subscriber.receive_publish();
    assert_eq!(first.payload, b"0");
    subscriber.cut();

    let mut again = scene.session("a");
    for number in 0..500 {
        let message = again.receive_publish();
        assert_eq!(message.payload, number.to_string().into_bytes());
        again.send(v3::puback(message.id.unwrap()));
    }
    expect_nothing_from(&mut publisher, &mut again);
}
