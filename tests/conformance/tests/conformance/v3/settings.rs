//! What settings change, and the bounds that they set.

use std::time::Duration;

use castmq_conformance::{Client, Packet, Scene, v3};
use castmq_settings::QueuePolicy;

use super::{expect_nothing_from, expect_nothing_more, expect_refused};

/// Not as emqttd's P12: single bytes do not keep a connection that does not connect.
///
/// \[MQTT3-3.1.0-1\]
#[test]
fn a_connect_that_comes_byte_by_byte_is_not_waited_for() {
    let Some(scene) = Scene::with(|settings| {
        settings.mqtt.connect_timeout = Duration::from_secs(1);
    }) else {
        return;
    };
    let mut slow = scene.open();

    for byte in &v3::connect(scene.id("slow")).to_bytes()[..8] {
        slow.send([*byte]);
        std::thread::sleep(Duration::from_millis(500));
    }
    // The last byte was sent half a second ago; if it counted there would be as much left.
    slow.expect_close_within(Duration::from_millis(400));
}

/// \[MQTT3-3.1.0-1\]
#[test]
fn a_connection_that_sends_nothing_is_closed() {
    let Some(scene) = Scene::with(|settings| {
        settings.mqtt.connect_timeout = Duration::from_secs(1);
    }) else {
        return;
    };

    scene.open().expect_close();
}

/// \[MQTT3-3.1.0-1\]
#[test]
fn a_client_that_is_connected_has_all_the_time() {
    let Some(scene) = Scene::with(|settings| {
        settings.mqtt.connect_timeout = Duration::from_secs(1);
    }) else {
        return;
    };
    let mut client = scene.client("a");

    scene.open().expect_close();
    client.expect_nothing();
}

/// \[MQTT3-3.1.3-9\] \[MQTT3-3.2.2-4\] \[MQTT3-3.2.2-5\]
#[test]
fn an_id_that_is_too_long_is_refused_with_code_2() {
    let Some(scene) = Scene::with(|settings| settings.mqtt.max_client_id_bytes = 30) else {
        return;
    };

    scene
        .client_with(&v3::connect("x".repeat(30)))
        .expect_nothing();
    expect_refused(&scene, &v3::connect("x".repeat(31)), 2);
}

/// The header alone says that the packet is too large; its body is not waited for.
///
/// \[MQTT3-4.8.0-1\]
#[test]
fn a_packet_above_the_limit_closes_the_connection_before_its_body_comes() {
    let scene = Scene::new();
    let mut client = scene.client("a");

    // 256 MiB, of which one byte comes.
    client.send([0x30, 0xFF, 0xFF, 0xFF, 0x7F, 0]);
    client.expect_close();
}

/// \[MQTT3-4.8.0-1\]
#[test]
fn the_largest_packet_is_accepted_and_one_byte_more_is_not() {
    let Some(scene) = Scene::with(|settings| settings.mqtt.max_packet_size = 1000) else {
        return;
    };
    let topic = scene.topic("t");
    let mut client = scene.client("a");
    client.subscribe(&topic, 0);
    let room = 1000 - v3::publish(&topic, "x".repeat(200)).to_bytes().len() + 200;

    client.publish(v3::publish(&topic, "x".repeat(room)));
    client.expect_publish(&v3::publish(&topic, "x".repeat(room)));
    client.send(v3::publish(&topic, "x".repeat(room + 1)));
    client.expect_close();
}

/// \[MQTT3-4.3.2-1\] \[MQTT3-4.4.0-1\]
#[test]
fn no_more_messages_are_under_way_than_the_window_holds() {
    let Some(scene) = Scene::with(|settings| settings.session.max_inflight = 2) else {
        return;
    };
    let topic = scene.topic("t");
    let mut subscriber = scene.client("subscriber");
    let mut publisher = scene.client("publisher");
    subscriber.subscribe(&topic, 2);

    publisher.publish(v3::publish(&topic, "1").qos(1));
    publisher.publish(v3::publish(&topic, "2").qos(2));
    publisher.publish(v3::publish(&topic, "3").qos(1));
    let first = subscriber.expect_publish(&v3::publish(&topic, "1").qos(1));
    let second = subscriber.expect_publish(&v3::publish(&topic, "2").qos(2));
    expect_pingresp_next(&mut publisher, &mut subscriber);
    subscriber.send(v3::pubrec(second));
    subscriber.expect(v3::pubrel(second));
    expect_pingresp_next(&mut publisher, &mut subscriber);
    subscriber.send(v3::puback(first));
    subscriber.expect_message(&v3::publish(&topic, "3").qos(1));
}

/// What the publisher sent before has been handed to the subscriber's session, and nothing came of
/// it: an exchange of the publisher with a QoS 1 message lies between.
#[track_caller]
fn expect_pingresp_next(publisher: &mut Client, subscriber: &mut Client) {
    publisher.publish(v3::publish("nobody", "x").qos(1));
    subscriber.expect_nothing();
}

/// \[MQTT3-3.1.2-5\]
#[test]
fn a_full_queue_drops_the_oldest_message() {
    let Some(scene) = Scene::with(|settings| settings.mqueue.max_messages = 3) else {
        return;
    };
    let topic = scene.topic("t");
    let mut subscriber = scene.session("subscriber");
    let mut publisher = scene.client("publisher");
    subscriber.subscribe(&topic, 1);
    subscriber.disconnect();

    for number in 1..=5 {
        publisher.publish(v3::publish(&topic, number.to_string()).qos(1));
    }
    let mut subscriber = scene.session("subscriber");
    subscriber.expect_message(&v3::publish(&topic, "3").qos(1));
    subscriber.expect_message(&v3::publish(&topic, "4").qos(1));
    subscriber.expect_message(&v3::publish(&topic, "5").qos(1));
    expect_nothing_more(&mut subscriber);
}

/// \[MQTT3-3.1.2-5\]
#[test]
fn a_full_queue_drops_the_newest_message_where_that_is_set() {
    let Some(scene) = Scene::with(|settings| {
        settings.mqueue.max_messages = 3;
        settings.mqueue.policy = QueuePolicy::DropNewest;
    }) else {
        return;
    };
    let topic = scene.topic("t");
    let mut subscriber = scene.session("subscriber");
    let mut publisher = scene.client("publisher");
    subscriber.subscribe(&topic, 1);
    subscriber.disconnect();

    for number in 1..=5 {
        publisher.publish(v3::publish(&topic, number.to_string()).qos(1));
    }
    let mut subscriber = scene.session("subscriber");
    subscriber.expect_message(&v3::publish(&topic, "1").qos(1));
    subscriber.expect_message(&v3::publish(&topic, "2").qos(1));
    subscriber.expect_message(&v3::publish(&topic, "3").qos(1));
    expect_nothing_more(&mut subscriber);
}

/// \[MQTT3-3.1.2-5\]
#[test]
fn messages_of_qos_0_wait_too_where_that_is_set() {
    let Some(scene) = Scene::with(|settings| settings.session.queue_qos0 = true) else {
        return;
    };
    let topic = scene.topic("t");
    let mut subscriber = scene.session("subscriber");
    let mut publisher = scene.client("publisher");
    subscriber.subscribe(&topic, 1);
    subscriber.disconnect();

    publisher.publish(v3::publish(&topic, "0"));
    publisher.publish(v3::publish(&topic, "1").qos(1));
    let mut subscriber = scene.session("subscriber");
    subscriber.expect_message(&v3::publish(&topic, "0"));
    subscriber.expect_message(&v3::publish(&topic, "1").qos(1));
}

/// \[MQTT3-4.6.0-5\]
#[test]
fn a_topic_of_higher_priority_overtakes_in_the_queue_where_that_is_set() {
    let Some(scene) = Scene::with(|settings| {
        settings.mqueue.priorities.insert("alarm".to_owned(), 9);
    }) else {
        return;
    };
    let topic = scene.topic("t");
    let mut subscriber = scene.session("subscriber");
    let mut publisher = scene.client("publisher");
    subscriber.subscribe(&topic, 1);
    subscriber.subscribe("alarm", 1);
    subscriber.disconnect();

    publisher.publish(v3::publish(&topic, "first").qos(1));
    publisher.publish(v3::publish("alarm", "second").qos(1));
    let mut subscriber = scene.session("subscriber");
    subscriber.expect_message(&v3::publish("alarm", "second").qos(1));
    subscriber.expect_message(&v3::publish(&topic, "first").qos(1));
}

/// \[MQTT3-3.1.2-4\] \[MQTT3-3.2.2-3\]
#[test]
fn a_session_expires_when_its_client_stays_away() {
    let Some(scene) = Scene::with(|settings| {
        settings.session.expiry_v3 = Duration::from_secs(1);
    }) else {
        return;
    };
    let stays = scene.session("stays");
    scene.session("leaves").disconnect();

    std::thread::sleep(Duration::from_secs(3));
    let mut again = scene.open();
    again.send(v3::connect(scene.id("leaves")).keep_session());
    again.expect(v3::connack(0, 0));
    stays.cut();
    let mut again = scene.open();
    again.send(v3::connect(scene.id("stays")).keep_session());
    again.expect(v3::connack(1, 0));
}

/// \[MQTT3-3.3.1-1\] \[MQTT3-4.3.2-1\]
#[test]
fn an_unacknowledged_message_comes_again_after_a_time_where_that_is_set() {
    let Some(scene) = Scene::with(|settings| {
        settings.session.retry_interval = Duration::from_secs(1);
    }) else {
        return;
    };
    let topic = scene.topic("t");
    let mut subscriber = scene.client("subscriber");
    subscriber.subscribe(&topic, 1);

    let mut publisher = scene.client("publisher");
    publisher.publish(v3::publish(&topic, "x").qos(1));
    let id = subscriber.expect_publish(&v3::publish(&topic, "x").qos(1));
    subscriber.expect(v3::publish(&topic, "x").qos(1).dup().id(id));
    subscriber.send(v3::puback(id));
}

/// Not as emqttd's P4: a PUBREL is sent again while the client is connected.
///
/// \[MQTT3-4.3.3-1\]
#[test]
fn an_unanswered_pubrel_comes_again_after_a_time_where_that_is_set() {
    let Some(scene) = Scene::with(|settings| {
        settings.session.retry_interval = Duration::from_secs(1);
    }) else {
        return;
    };
    let topic = scene.topic("t");
    let mut subscriber = scene.client("subscriber");
    subscriber.subscribe(&topic, 2);

    let mut publisher = scene.client("publisher");
    publisher.publish(v3::publish(&topic, "x").qos(2));
    let id = subscriber.expect_publish(&v3::publish(&topic, "x").qos(2));
    subscriber.send(v3::pubrec(id));
    subscriber.expect(v3::pubrel(id));
    subscriber.expect(v3::pubrel(id));
    subscriber.send(v3::pubcomp(id));
}

/// \[MQTT3-3.3.1-5\] \[MQTT3-3.3.1-10\]
#[test]
fn a_full_store_of_retained_messages_still_replaces_and_deletes() {
    let Some(scene) = Scene::with(|settings| {
        settings.retained.max_messages = 1;
        settings.node.sys_interval = Duration::ZERO;
    }) else {
        return;
    };
    let (kept, late) = (scene.topic("kept"), scene.topic("late"));
    let mut publisher = scene.client("publisher");
    publisher.publish(v3::publish(&kept, "old").qos(1).retain());
    publisher.publish(v3::publish(&late, "no room").qos(1).retain());
    publisher.publish(v3::publish(&kept, "new").qos(1).retain());

    let mut subscriber = scene.client("subscriber");
    subscriber.subscribe(&scene.topic("#"), 1);
    subscriber.expect_message(&v3::publish(&kept, "new").qos(1).retain());
    expect_nothing_from(&mut publisher, &mut subscriber);
    publisher.publish(v3::publish(&kept, "").qos(1).retain());
    subscriber.expect_message(&v3::publish(&kept, "").qos(1));
    publisher.publish(v3::publish(&late, "room").qos(1).retain());
    subscriber.expect_message(&v3::publish(&late, "room").qos(1));
    subscriber.subscribe(&scene.topic("#"), 1);
    subscriber.expect_message(&v3::publish(&late, "room").qos(1).retain());
}

/// \[MQTT3-3.3.1-5\]
#[test]
fn a_payload_that_is_too_large_to_be_retained_is_passed_on_all_the_same() {
    let Some(scene) = Scene::with(|settings| settings.retained.max_payload = 10) else {
        return;
    };
    let topic = scene.topic("t");
    let mut subscriber = scene.client("subscriber");
    subscriber.subscribe(&topic, 1);

    let mut publisher = scene.client("publisher");
    publisher.publish(v3::publish(&topic, "more than ten").qos(1).retain());
    subscriber.expect_message(&v3::publish(&topic, "more than ten").qos(1));
    subscriber.subscribe(&topic, 1);
    expect_nothing_from(&mut publisher, &mut subscriber);
}

/// \[MQTT3-3.3.1-5\]
#[test]
fn a_retained_message_expires_where_that_is_set() {
    let Some(scene) = Scene::with(|settings| {
        settings.retained.expiry = Duration::from_secs(1);
    }) else {
        return;
    };
    let topic = scene.topic("t");
    let mut publisher = scene.client("publisher");
    publisher.publish(v3::publish(&topic, "x").qos(1).retain());

    std::thread::sleep(Duration::from_secs(2));
    let mut subscriber = scene.client("subscriber");
    subscriber.subscribe(&topic, 0);
    expect_nothing_from(&mut publisher, &mut subscriber);
}

/// \[MQTT3-3.8.4-5\] \[MQTT3-3.9.3-2\]
#[test]
fn a_subscription_too_many_gets_code_80() {
    let Some(scene) = Scene::with(|settings| settings.mqtt.max_subscriptions = 2) else {
        return;
    };
    let mut client = scene.client("a");

    client.send(v3::subscribe(1, &[("a", 0), ("b", 1), ("c", 2)]));
    client.expect(v3::suback(1, &[0, 1, 0x80]));
    client.send(v3::subscribe(2, &[("b", 2)]));
    client.expect(v3::suback(2, &[2]));
}

/// \[MQTT3-3.8.4-5\] \[MQTT3-3.3.5-2\]
#[test]
fn a_topic_with_too_many_levels_is_refused() {
    let Some(scene) = Scene::with(|settings| settings.mqtt.max_topic_levels = 5) else {
        return;
    };
    let mut client = scene.client("a");

    client.send(v3::subscribe(
        1,
        &[("a/b/c/d/e", 0), ("a/b/c/d/e/f", 0), ("#", 0)],
    ));
    client.expect(v3::suback(1, &[0, 0x80, 0]));
    client.publish(v3::publish("a/b/c/d/e/f", "x").qos(1));
    expect_nothing_more(&mut client);
}

/// \[MQTT3-3.1.4-4\]
#[test]
fn a_client_too_many_is_closed() {
    let Some(scene) = Scene::with(|settings| settings.listener[0].max_connections = 1) else {
        return;
    };
    let mut first = scene.client("a");

    scene.open().expect_close();
    first.expect_nothing();
    first.disconnect();
}
