//! CONNACK: chapter 3.2, as far as `connect` does not show it.

use castmq_conformance::v5::{self, property};
use castmq_conformance::{Scene, will};

use super::{accepted, expect_refused};

/// \[MQTT5-3.2.0-1\] \[MQTT5-4.4.0-1\]
#[test]
fn the_connack_comes_before_everything_a_resumed_session_has_to_say() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let long = v5::connect(scene.id("a"))
        .property(property::session_expiry(600))
        .keep_session();
    let mut publisher = scene.client_v5("publisher");
    let mut before = scene.client_with(&long);
    before.subscribe(&topic, 2);
    publisher.publish(v5::publish(&topic, "in flight").qos(2));
    before.expect_publish(&v5::publish(&topic, "in flight").qos(2));
    before.disconnect();
    publisher.publish(v5::publish(&topic, "queued").qos(1));

    let mut after = scene.open();
    after.send_connect(&long);
    assert_eq!(after.receive().header, 0x20, "CONNACK is first");
    after.expect_publish(&v5::publish(&topic, "in flight").qos(2).dup());
    after.expect_publish(&v5::publish(&topic, "queued").qos(1));
}

/// \[MQTT5-3.2.0-1\] \[MQTT5-3.2.0-2\]
#[test]
fn the_connack_comes_before_the_answers_to_what_was_sent_with_the_connect() {
    let scene = Scene::new();
    let mut client = scene.open();

    client.send_connect(&v5::connect(scene.id("a")));
    client.send(v5::pingreq());
    client.send(v5::publish(scene.topic("t"), "x").qos(1).id(1));
    assert_eq!(client.receive().header, 0x20);
    client.expect(v5::pingresp());
    client.expect_ack(0x40, 1);
    client.expect_nothing();
}

/// \[MQTT5-3.2.2-1\] \[MQTT5-3.2.2-3\]
#[test]
fn the_acknowledge_flags_hold_session_present_and_nothing_else() {
    let scene = Scene::new();
    let long = v5::connect(scene.id("a"))
        .property(property::session_expiry(600))
        .keep_session();

    let (first, connack) = accepted(&scene, &long);
    assert_eq!(connack.id, 0x00);
    first.disconnect();
    let (_, connack) = accepted(&scene, &long);
    assert_eq!(connack.id, 0x01);
}

/// \[MQTT5-3.2.2-6\] \[MQTT5-3.2.2-7\] \[MQTT5-3.2.2-8\]
#[test]
fn a_refusal_says_session_present_zero_and_closes() {
    let scene = Scene::new();
    let long = v5::connect(scene.id("a")).property(property::session_expiry(600));
    scene.client_with(&long).disconnect();

    // The harness refuses a refusal with the flag set and codes that are not in the table.
    let refused = long
        .keep_session()
        .property(property::authentication_method("no such method"));
    expect_refused(&scene, &refused, &[0x8C, 0x87]);
}

/// \[MQTT5-3.2.2-6\] \[MQTT5-3.1.4-2\]
#[test]
fn a_refused_connect_leaves_the_session_alone() {
    let scene = Scene::new();
    let long = v5::connect(scene.id("a")).property(property::session_expiry(600));
    let mut client = scene.client_with(&long);

    let method = property::authentication_method("no such method");
    expect_refused(&scene, &long.clone().property(method), &[0x8C, 0x87]);
    client.expect_nothing();
    client.disconnect();
    let (_, connack) = accepted(&scene, &long.keep_session());
    assert_eq!(connack.id, 1, "session present");
}

/// \[MQTT5-3.2.2-9\] \[MQTT5-3.2.2-10\]
#[test]
fn a_broker_that_takes_every_qos_states_no_maximum_and_grants_what_is_asked() {
    let scene = Scene::new();
    let (mut client, connack) = accepted(&scene, &v5::connect(scene.id("a")));

    assert_eq!(connack.property(0x24), None, "Maximum QoS");
    client.send(v5::subscribe(
        1,
        &[
            (&scene.topic("0"), 0),
            (&scene.topic("1"), 1),
            (&scene.topic("2"), 2),
        ],
    ));
    assert_eq!(client.expect_answer(0x90).codes, [0, 1, 2]);
}

/// \[MQTT5-3.2.2-12\] \[MQTT5-3.2.2-13\]
#[test]
fn a_broker_that_can_do_everything_accepts_a_retained_will_of_qos_2() {
    let scene = Scene::new();
    let (_, connack) = accepted(
        &scene,
        &v5::connect(scene.id("a")).will(will(scene.topic("will"), "x").qos(2).retain()),
    );

    // Absent, or said aloud.
    assert!([None, Some(&[1][..])].contains(&connack.property(0x25)));
    assert!([None, Some(&[1][..])].contains(&connack.property(0x28)));
    assert!([None, Some(&[1][..])].contains(&connack.property(0x29)));
    assert!([None, Some(&[1][..])].contains(&connack.property(0x2A)));
}

/// \[MQTT5-3.2.2-19\] \[MQTT5-3.2.2-20\]
#[test]
fn a_refusal_fits_into_the_packet_size_of_the_client() {
    let scene = Scene::new();
    let mut client = scene.open();

    // Header, flags, code and an empty property length.
    let connect = v5::connect(scene.id("a"))
        .property(property::maximum_packet_size(5))
        .property(property::authentication_method("no such method"));
    client.send_connect(&connect);
    if let Some(connack) = client.receive_or_close() {
        assert_eq!(connack.header, 0x20);
        assert!(connack.body.len() <= 3, "{connack:?}");
        client.expect_close();
    }
}

/// \[MQTT5-3.1.2-24\] \[MQTT5-3.2.0-1\]
#[test]
fn a_client_without_room_for_a_connack_gets_nothing_at_all() {
    let scene = Scene::new();
    let mut client = scene.open();

    // The shortest CONNACK has five bytes, a PINGRESP has two.
    let limit = property::maximum_packet_size(4);
    client.send_connect(&v5::connect(scene.id("a")).property(limit));
    client.send(v5::pingreq());
    client.expect_close();
}

/// \[MQTT5-3.2.2-8\] \[MQTT5-4.12.0-6\]
#[test]
fn a_plain_connack_names_no_authentication_method() {
    let scene = Scene::new();
    let (_, connack) = accepted(&scene, &v5::connect(scene.id("a")));

    assert_eq!(connack.property(0x15), None);
    assert_eq!(connack.property(0x16), None);
}

/// \[MQTT5-3.2.2-3\] \[MQTT5-3.1.2-23\]
#[test]
fn the_session_expiry_is_the_client_s_unless_the_connack_says_otherwise() {
    let scene = Scene::new();
    let (_, short) = accepted(
        &scene,
        &v5::connect(scene.id("short")).property(property::session_expiry(60)),
    );
    let (_, endless) = accepted(
        &scene,
        &v5::connect(scene.id("endless")).property(property::session_expiry(u32::MAX)),
    );

    assert!([None, Some(&60_u32.to_be_bytes()[..])].contains(&short.property(0x11)));
    // A broker with a limit of its own names it.
    assert_ne!(endless.property(0x11), Some(&[0, 0, 0, 0][..]));
}
