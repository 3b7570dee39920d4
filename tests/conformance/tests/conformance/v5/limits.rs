//! What a client may limit in CONNECT: keep alive, packet size, aliases, information.

use std::thread::sleep;
use std::time::Duration;

use castmq_conformance::v5::{self, property};
use castmq_conformance::{Client, Scene};

use super::{
    accepted, expect_disconnect_for, expect_nothing_more, expect_refused, stopwatch, values,
};

/// \[MQTT5-3.1.2-22\] \[MQTT5-3.2.2-22\]
#[test]
fn a_client_that_is_silent_for_one_and_a_half_keep_alives_is_disconnected() {
    let scene = Scene::new();
    let since = stopwatch();
    let (mut client, connack) = accepted(&scene, &v5::connect(scene.id("a")).keep_alive(1));
    assert_eq!(
        connack.property(0x13),
        None,
        "the client's keep alive holds"
    );

    client.expect_disconnect(0x8D);
    assert!(
        since() >= Duration::from_millis(1500),
        "after {:?}",
        since()
    );
}

/// \[MQTT5-3.1.2-22\]
#[test]
fn a_client_that_is_silent_too_long_leaves_its_will() {
    let scene = Scene::new();
    let topic = scene.topic("will");
    let mut watcher = scene.client_v5("watcher");
    watcher.subscribe(&topic, 0);

    let connect = v5::connect(scene.id("a"))
        .keep_alive(1)
        .will(castmq_conformance::will(&topic, "silent"));
    let silent = scene.client_with(&connect);
    watcher.expect_message(&v5::publish(&topic, "silent"));
    drop(silent);
}

/// \[MQTT5-3.1.2-22\]
#[test]
fn a_keep_alive_of_zero_turns_the_check_off() {
    let scene = Scene::new();
    let topic = scene.topic("will");
    let mut never_speaks = scene.client_with(&v5::connect(scene.id("never")).keep_alive(0));
    never_speaks.subscribe(&topic, 0);

    // Longer than the other's keep alive can anybody be silent.
    let connect = v5::connect(scene.id("a"))
        .keep_alive(1)
        .will(castmq_conformance::will(&topic, "silent"));
    let silent = scene.client_with(&connect);
    never_speaks.expect_message(&v5::publish(&topic, "silent"));
    expect_nothing_more(&mut never_speaks);
    drop(silent);
}

/// \[MQTT5-3.1.2-22\]
#[test]
fn a_client_that_speaks_within_its_keep_alive_stays() {
    let scene = Scene::new();
    let mut client = scene.client_with(&v5::connect(scene.id("a")).keep_alive(2));

    // Together longer than one and a half keep alives.
    for _ in 0..8 {
        sleep(Duration::from_millis(500));
        client.expect_nothing();
    }
}

/// \[MQTT5-3.1.2-22\]
#[test]
fn a_packet_that_never_ends_does_not_keep_a_connection_alive() {
    let scene = Scene::new();
    let topic = scene.topic("will");
    let mut publisher = scene.client_v5("publisher");
    let mut watcher = scene.client_v5("watcher");
    watcher.subscribe(&topic, 0);
    let connect = v5::connect(scene.id("a"))
        .keep_alive(1)
        .will(castmq_conformance::will(&topic, "silent"));
    let mut client = scene.client_with(&connect);

    client.send([0x30, 100]);
    for _ in 0..7 {
        sleep(Duration::from_millis(500));
        client.send([0]);
    }
    // By now its will is published.
    publisher.publish(v5::publish(&topic, "later"));
    watcher.expect_publish(&v5::publish(&topic, "silent"));
    client.expect_disconnect(0x8D);
}

/// \[MQTT5-3.1.2-24\] \[MQTT5-3.1.2-25\]
#[test]
fn a_message_larger_than_the_client_takes_is_dropped_and_the_next_one_comes() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut publisher = scene.client_v5("publisher");
    let mut client =
        scene.client_with(&v5::connect(scene.id("a")).property(property::maximum_packet_size(64)));
    client.subscribe(&topic, 2);

    publisher.publish(v5::publish(&topic, "x".repeat(64)));
    publisher.publish(v5::publish(&topic, "x".repeat(64)).qos(1));
    publisher.publish(v5::publish(&topic, "x".repeat(64)).qos(2));
    publisher.publish(v5::publish(&topic, "small").qos(2));
    client.expect_message(&v5::publish(&topic, "small").qos(2));
    expect_nothing_more(&mut client);
}

/// \[MQTT5-3.1.2-24\]
#[test]
fn a_message_exactly_as_large_as_the_client_takes_is_delivered() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut publisher = scene.client_v5("publisher");
    let mut client =
        scene.client_with(&v5::connect(scene.id("a")).property(property::maximum_packet_size(64)));
    client.subscribe(&topic, 0);

    // First byte, remaining length, two bytes of topic length, topic, property length, payload.
    let exact = "x".repeat(64 - 5 - topic.len());
    publisher.publish(v5::publish(&topic, format!("{exact}y")));
    publisher.publish(v5::publish(&topic, &exact));
    client.expect_publish(&v5::publish(&topic, &exact));
}

/// \[MQTT5-3.1.2-25\] \[MQTT5-3.1.2-24\]
#[test]
fn a_message_too_large_for_one_client_reaches_the_others() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut publisher = scene.client_v5("publisher");
    let mut narrow =
        scene.client_with(&v5::connect(scene.id("n")).property(property::maximum_packet_size(64)));
    let mut wide = scene.client_v5("w");
    narrow.subscribe(&topic, 1);
    wide.subscribe(&topic, 1);

    let large = "x".repeat(100);
    publisher.publish(v5::publish(&topic, &large).qos(1));
    wide.expect_message(&v5::publish(&topic, &large).qos(1));
    super::expect_nothing_from(&mut publisher, &mut narrow);
}

/// \[MQTT5-3.1.2-25\]
#[test]
fn a_large_message_dropped_for_a_client_does_not_use_its_receive_maximum_up() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut publisher = scene.client_v5("publisher");
    let connect = v5::connect(scene.id("a"))
        .property(property::maximum_packet_size(64))
        .property(property::receive_maximum(1));
    let mut client = scene.client_with(&connect);
    client.subscribe(&topic, 1);

    publisher.publish(v5::publish(&topic, "x".repeat(64)).qos(1));
    publisher.publish(v5::publish(&topic, "small").qos(1));
    client.expect_message(&v5::publish(&topic, "small").qos(1));
}

/// \[MQTT5-3.1.4-1\] \[MQTT5-4.13.1-1\]
#[test]
fn limits_of_zero_are_protocol_errors() {
    let scene = Scene::new();
    let with = |limit| v5::connect(scene.id("a")).property(limit);

    expect_refused(&scene, &with(property::receive_maximum(0)), &[0x82]);
    expect_refused(&scene, &with(property::maximum_packet_size(0)), &[0x82]);
}

/// \[MQTT5-3.1.2-27\] \[MQTT5-3.1.2-26\]
#[test]
fn a_client_that_allows_no_aliases_gets_none() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut absent = scene.client_v5("absent");
    let mut zero = scene
        .client_with(&v5::connect(scene.id("zero")).property(property::topic_alias_maximum(0)));
    absent.subscribe(&topic, 0);
    zero.subscribe(&topic, 0);

    let twice = |publisher: &mut Client| {
        publisher.publish(v5::publish(&topic, "x"));
        publisher.publish(v5::publish(&topic, "x"));
    };
    twice(&mut scene.client_v5("publisher"));
    absent.expect_publish(&v5::publish(&topic, "x"));
    absent.expect_publish(&v5::publish(&topic, "x"));
    zero.expect_publish(&v5::publish(&topic, "x"));
    zero.expect_publish(&v5::publish(&topic, "x"));
}

/// \[MQTT5-3.1.2-28\]
#[test]
fn a_client_that_does_not_ask_for_response_information_gets_none() {
    let scene = Scene::new();
    let (_, absent) = accepted(&scene, &v5::connect(scene.id("absent")));
    let (_, zero) = accepted(
        &scene,
        &v5::connect(scene.id("zero")).property(property::request_response_information(0)),
    );

    assert_eq!(absent.property(0x1A), None);
    assert_eq!(zero.property(0x1A), None);
}

/// \[MQTT5-3.1.4-1\] \[MQTT5-4.13.1-1\]
#[test]
fn a_request_that_is_neither_yes_nor_no_is_a_protocol_error() {
    let scene = Scene::new();
    let with = |request| v5::connect(scene.id("a")).property(request);

    expect_refused(
        &scene,
        &with(property::request_problem_information(2)),
        &[0x82],
    );
    expect_refused(
        &scene,
        &with(property::request_response_information(2)),
        &[0x82],
    );
}

/// \[MQTT5-3.1.2-29\]
#[test]
fn a_client_that_wants_no_problem_information_gets_bare_acknowledgements() {
    let scene = Scene::new();
    let mut client = scene.client_with(
        &v5::connect(scene.id("a")).property(property::request_problem_information(0)),
    );

    client.send(v5::publish(scene.topic("t"), "x").qos(1).id(1));
    assert!(client.expect_answer(0x40).properties.is_empty());
    client.send(v5::pubrel(9));
    assert!(client.expect_answer(0x70).properties.is_empty());
    client.send(v5::subscribe(2, &[("a/#/b", 0), (&scene.topic("t"), 0)]));
    let answer = client.receive();
    // A filter that is not one may also end the connection.
    if answer.header == 0x90 {
        assert!(v5::Answer::parse(&answer).properties.is_empty());
        client.send(v5::unsubscribe(3, &["never/subscribed"]));
        assert!(client.expect_answer(0xB0).properties.is_empty());
    }
}

/// \[MQTT5-3.1.2-29\] \[MQTT5-3.3.2-17\]
#[test]
fn a_client_that_wants_no_problem_information_gets_user_properties_of_messages() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = scene.client_with(
        &v5::connect(scene.id("a")).property(property::request_problem_information(0)),
    );
    client.subscribe(&topic, 0);

    let message = v5::publish(&topic, "x").property(property::user("name", "value"));
    client.publish(message.clone());
    let received = client.receive_publish();
    assert_eq!(values(received.properties.as_ref(), 0x26).len(), 1);
}

/// \[MQTT5-4.13.1-1\] \[MQTT5-4.13.2-1\]
#[test]
fn a_packet_larger_than_the_broker_takes_ends_the_connection_before_its_body_comes() {
    let scene = Scene::new();
    let (mut client, connack) = accepted(&scene, &v5::connect(scene.id("a")));
    let Some(maximum) = connack.property(0x27) else {
        // No limit but that of the protocol.
        return;
    };
    let maximum = u32::from_be_bytes(maximum.try_into().unwrap());

    // A packet's first byte, its remaining length, and nothing more.
    let length = usize::try_from(maximum).unwrap();
    client.send(
        [
            vec![0x30],
            castmq_conformance::wire::variable_length(length),
        ]
        .concat(),
    );
    expect_disconnect_for(&mut client, &[0x95]);
}
