//! Sessions: chapters 3.1.2.4, 3.1.4, 3.2.2.2 and 4.1.

use castmq_conformance::{Scene, v3};

use super::{expect_nothing_from, expect_nothing_more};

/// \[MQTT3-3.1.2-4\] \[MQTT3-3.2.2-2\] \[MQTT3-4.1.0-1\]
#[test]
fn a_session_that_is_kept_is_there_again() {
    let scene = Scene::new();

    scene.session("a").disconnect();
    let mut client = scene.open();
    client.send(v3::connect(scene.id("a")).keep_session());
    client.expect([0x20, 2, 1, 0]);
}

/// \[MQTT3-3.1.2-4\] \[MQTT3-3.2.2-3\]
#[test]
fn the_first_connection_of_a_session_finds_none() {
    let scene = Scene::new();
    let mut client = scene.open();

    client.send(v3::connect(scene.id("a")).keep_session());
    client.expect([0x20, 2, 0, 0]);
}

/// \[MQTT3-3.1.2-4\] \[MQTT3-4.1.0-1\]
#[test]
fn subscriptions_outlive_the_connection() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut first = scene.session("a");
    first.subscribe(&topic, 1);
    first.disconnect();

    let mut second = scene.session("a");
    second.publish(v3::publish(&topic, "x"));
    second.expect_publish(&v3::publish(&topic, "x"));
}

/// \[MQTT3-3.1.2-4\] \[MQTT3-3.1.2-5\]
#[test]
fn a_session_outlives_a_broken_connection_too() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut first = scene.session("a");
    first.subscribe(&topic, 1);
    first.close_sending();
    first.expect_close();

    scene
        .client("publisher")
        .publish(v3::publish(&topic, "x").qos(1));
    let mut second = scene.session("a");
    second.expect_message(&v3::publish(&topic, "x").qos(1));
}

/// \[MQTT3-3.1.2-5\]
#[test]
fn messages_of_qos_1_wait_for_a_client_that_is_away() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut publisher = scene.client("publisher");
    let mut subscriber = scene.session("a");
    subscriber.subscribe(&topic, 1);
    subscriber.disconnect();

    publisher.publish(v3::publish(&topic, "first").qos(1));
    publisher.publish(v3::publish(&topic, "second").qos(1));
    let mut subscriber = scene.session("a");
    subscriber.expect_message(&v3::publish(&topic, "first").qos(1));
    subscriber.expect_message(&v3::publish(&topic, "second").qos(1));
}

/// \[MQTT3-3.1.2-5\]
#[test]
fn messages_of_qos_2_wait_for_a_client_that_is_away() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut publisher = scene.client("publisher");
    let mut subscriber = scene.session("a");
    subscriber.subscribe(&topic, 2);
    subscriber.disconnect();

    publisher.publish(v3::publish(&topic, "first").qos(2));
    publisher.publish(v3::publish(&topic, "second").qos(1));
    publisher.publish(v3::publish(&topic, "third").qos(2));
    let mut subscriber = scene.session("a");
    subscriber.expect_publish(&v3::publish(&topic, "first").qos(2));
    subscriber.expect_publish(&v3::publish(&topic, "second").qos(1));
    subscriber.expect_publish(&v3::publish(&topic, "third").qos(2));
}

/// \[MQTT3-3.1.2-5\]
#[test]
fn a_thousand_messages_wait_and_none_is_missing() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut publisher = scene.client("publisher");
    let mut subscriber = scene.session("a");
    subscriber.subscribe(&topic, 1);
    subscriber.disconnect();

    for number in 0..1000 {
        publisher.publish(v3::publish(&topic, number.to_string()).qos(1));
    }
    let mut subscriber = scene.session("a");
    for number in 0..1000 {
        subscriber.expect_message(&v3::publish(&topic, number.to_string()).qos(1));
    }
}

/// \[MQTT3-3.1.2-5\]
#[test]
fn what_was_acknowledged_does_not_come_again() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut subscriber = scene.session("a");
    subscriber.subscribe(&topic, 1);
    scene
        .client("publisher")
        .publish(v3::publish(&topic, "x").qos(1));
    subscriber.expect_message(&v3::publish(&topic, "x").qos(1));
    subscriber.disconnect();

    expect_nothing_more(&mut scene.session("a"));
}

/// A queue for QoS 0 is a setting, and off.
///
/// \[MQTT3-3.1.2-5\]
#[test]
fn messages_of_qos_0_do_not_wait_for_a_client_that_is_away() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut publisher = scene.client("publisher");
    let mut subscriber = scene.session("a");
    subscriber.subscribe(&topic, 2);
    subscriber.disconnect();

    publisher.publish(v3::publish(&topic, "0"));
    publisher.publish(v3::publish(&topic, "1").qos(1));
    let mut subscriber = scene.session("a");
    subscriber.expect_message(&v3::publish(&topic, "1").qos(1));
}

/// \[MQTT3-3.1.2-6\] \[MQTT3-3.1.4-3\] \[MQTT3-3.2.2-1\]
#[test]
fn a_clean_connect_discards_the_session() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut first = scene.session("a");
    first.subscribe(&topic, 1);
    first.disconnect();
    let mut publisher = scene.client("publisher");
    publisher.publish(v3::publish(&topic, "x").qos(1));

    let mut clean = scene.open();
    clean.send(v3::connect(scene.id("a")));
    clean.expect([0x20, 2, 0, 0]);
    expect_nothing_from(&mut publisher, &mut clean);
}

/// \[MQTT3-3.1.2-6\]
#[test]
fn a_session_that_was_discarded_does_not_come_back() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut first = scene.session("a");
    first.subscribe(&topic, 1);
    first.disconnect();
    scene.client("a").disconnect();

    let mut client = scene.open();
    client.send(v3::connect(scene.id("a")).keep_session());
    client.expect([0x20, 2, 0, 0]);
    expect_nothing_from(&mut scene.client("publisher"), &mut client);
}

/// \[MQTT3-3.1.2-6\]
#[test]
fn a_clean_session_ends_with_its_connection() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut clean = scene.client("a");
    clean.subscribe(&topic, 1);
    clean.disconnect();
    let mut publisher = scene.client("publisher");
    publisher.publish(v3::publish(&topic, "x").qos(1));

    let mut later = scene.open();
    later.send(v3::connect(scene.id("a")).keep_session());
    later.expect([0x20, 2, 0, 0]);
    expect_nothing_from(&mut publisher, &mut later);
}

/// Not as emqttd's P11: a clean session that is alive is not resumed.
///
/// \[MQTT3-3.1.2-6\] \[MQTT3-3.2.2-3\]
#[test]
fn a_clean_session_is_not_resumed_while_it_lives() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut clean = scene.client("a");
    clean.subscribe(&topic, 1);

    let mut newer = scene.open();
    newer.send(v3::connect(scene.id("a")).keep_session());
    newer.expect([0x20, 2, 0, 0]);
    clean.expect_close();
    let mut publisher = scene.client("publisher");
    publisher.publish(v3::publish(&topic, "x").qos(1));
    expect_nothing_from(&mut publisher, &mut newer);
}

/// \[MQTT3-3.1.2-7\]
#[test]
fn retained_messages_outlive_the_session_that_published_them() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut publisher = scene.client("publisher");
    publisher.publish(v3::publish(&topic, "x").qos(1).retain());
    publisher.disconnect();

    let mut subscriber = scene.client("publisher");
    subscriber.subscribe(&topic, 0);
    subscriber.expect_publish(&v3::publish(&topic, "x").retain());
}

/// \[MQTT3-3.1.3-2\]
#[test]
fn the_client_id_names_the_session() {
    let scene = Scene::new();
    scene.session("a").disconnect();

    let mut other = scene.open();
    other.send(v3::connect(scene.id("b")).keep_session());
    other.expect([0x20, 2, 0, 0]);
    let mut same = scene.open();
    same.send(v3::connect(scene.id("a")).keep_session());
    same.expect([0x20, 2, 1, 0]);
}

/// \[MQTT3-3.1.3-2\]
#[test]
fn client_ids_differ_by_case() {
    let scene = Scene::new();
    let mut lower = scene.client("a");
    let mut upper = scene.client("A");

    lower.expect_nothing();
    upper.expect_nothing();
}

/// \[MQTT3-3.1.4-2\]
#[test]
fn a_second_connection_with_the_same_id_closes_the_first() {
    let scene = Scene::new();
    let mut first = scene.client("a");

    let mut second = scene.client("a");
    first.expect_close();
    second.expect_nothing();
}

/// \[MQTT3-3.1.4-2\] \[MQTT3-3.2.2-2\] \[MQTT3-4.1.0-2\]
#[test]
fn a_second_connection_gets_the_session_of_the_first() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut first = scene.session("a");
    first.subscribe(&topic, 1);

    let mut second = scene.open();
    second.send(v3::connect(scene.id("a")).keep_session());
    second.expect([0x20, 2, 1, 0]);
    first.expect_close();
    second.publish(v3::publish(&topic, "x"));
    second.expect_publish(&v3::publish(&topic, "x"));
}

/// \[MQTT3-3.1.4-2\] \[MQTT3-4.4.0-1\]
#[test]
fn what_the_first_connection_did_not_acknowledge_comes_to_the_second() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut first = scene.session("a");
    first.subscribe(&topic, 1);
    scene
        .client("publisher")
        .publish(v3::publish(&topic, "x").qos(1));
    first.expect_publish(&v3::publish(&topic, "x").qos(1));

    let mut second = scene.session("a");
    second.expect_message(&v3::publish(&topic, "x").qos(1).dup());
}

/// \[MQTT3-3.1.4-2\]
#[test]
fn of_many_connections_with_one_id_the_last_one_stays() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut earlier: Vec<_> = (0..20).map(|_| scene.session("a")).collect();
    let mut last = earlier.pop().unwrap();

    for client in &mut earlier {
        client.expect_close();
    }
    last.subscribe(&topic, 0);
    last.publish(v3::publish(&topic, "x"));
    last.expect_publish(&v3::publish(&topic, "x"));
}

/// \[MQTT3-3.1.4-3\] \[MQTT3-3.1.2-6\]
#[test]
fn a_clean_takeover_discards_the_session_of_the_older_connection() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut first = scene.session("a");
    first.subscribe(&topic, 1);

    let mut clean = scene.open();
    clean.send(v3::connect(scene.id("a")));
    clean.expect([0x20, 2, 0, 0]);
    first.expect_close();
    let mut publisher = scene.client("publisher");
    publisher.publish(v3::publish(&topic, "x").qos(1));
    expect_nothing_from(&mut publisher, &mut clean);
}

/// \[MQTT3-4.1.0-2\]
#[test]
fn a_clean_session_lives_as_long_as_its_connection() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut clean = scene.client("a");
    clean.subscribe(&topic, 0);
    scene.client("b").disconnect();
    scene.client("c").cut();

    clean.publish(v3::publish(&topic, "x"));
    clean.expect_publish(&v3::publish(&topic, "x"));
}

/// \[MQTT3-4.5.0-1\]
#[test]
fn a_message_is_kept_for_each_session_that_subscribes_to_it() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut one = scene.session("one");
    let mut other = scene.session("other");
    let mut online = scene.client("online");
    one.subscribe(&topic, 1);
    other.subscribe(&scene.topic("+"), 2);
    online.subscribe(&topic, 0);
    one.disconnect();
    other.disconnect();

    scene
        .client("publisher")
        .publish(v3::publish(&topic, "x").qos(2));
    online.expect_publish(&v3::publish(&topic, "x"));
    scene
        .session("one")
        .expect_message(&v3::publish(&topic, "x").qos(1));
    scene
        .session("other")
        .expect_message(&v3::publish(&topic, "x").qos(2));
}

/// \[MQTT3-4.5.0-1\]
#[test]
fn a_publisher_gets_its_own_message_when_it_subscribes_to_it() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = scene.client("a");
    client.subscribe(&topic, 1);

    client.send(v3::publish(&topic, "x").qos(1).id(7));
    let packets = [client.receive(), client.receive()];
    assert!(packets.iter().any(|packet| packet.header == 0x40));
    assert!(packets.iter().any(|packet| packet.header == 0x32));
}

/// \[MQTT3-3.1.4-2\]
#[test]
fn of_connections_that_arrive_at_once_with_one_id_exactly_one_stays() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut clients: Vec<_> = (0..30).map(|_| scene.open()).collect();

    for client in &mut clients {
        client.send(v3::connect(scene.id("a")).keep_session());
    }
    for client in &mut clients {
        client.receive_or_close();
    }
    for client in &mut clients {
        client.send(v3::pingreq());
    }
    let mut alive: Vec<_> = clients
        .iter_mut()
        .filter_map(|client| client.receive_or_close().map(|_| client))
        .collect();
    assert_eq!(alive.len(), 1, "connections that are still there");
    alive[0].subscribe(&topic, 0);
    alive[0].publish(v3::publish(&topic, "x"));
    alive[0].expect_publish(&v3::publish(&topic, "x"));
}
