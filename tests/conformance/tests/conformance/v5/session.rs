//! How long a session lives: chapter 4.1.

use castmq_conformance::v5::{self, property};
use castmq_conformance::{Connect, Scene, will};

use super::{accepted, expect_nothing_more};

/// The CONNECT of the test's client, with this session expiry.
fn expiring(scene: &Scene, seconds: u32) -> Connect {
    v5::connect(scene.id("a"))
        .property(property::session_expiry(seconds))
        .keep_session()
}

/// Waits until so many seconds are over, by the broker's own clock: a will with that delay.
fn broker_waits(scene: &Scene, seconds: u32) {
    let topic = scene.topic("timer");
    let mut client = scene.client_v5("timer");
    client.subscribe(&topic, 0);
    let connect = v5::connect(scene.id("timer's will"))
        .property(property::session_expiry(600))
        .will(will(&topic, "now").property(property::will_delay(seconds)));
    scene.client_with(&connect).cut();
    client.expect_publish(&v5::publish(&topic, "now"));
}

/// \[MQTT5-4.1.0-1\] \[MQTT5-3.1.2-23\]
#[test]
fn a_session_does_not_expire_while_its_client_is_connected() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = scene.client_with(&expiring(&scene, 1));
    client.subscribe(&topic, 1);

    broker_waits(&scene, 3);
    client.send(v5::publish(&topic, "x"));
    client.expect_publish(&v5::publish(&topic, "x"));
    client.disconnect();
    let (_, connack) = accepted(&scene, &expiring(&scene, 1));
    assert_eq!(connack.id, 1, "session present");
}

/// \[MQTT5-4.1.0-2\] \[MQTT5-3.2.2-3\]
#[test]
fn a_session_is_gone_when_its_expiry_is_over() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = scene.client_with(&expiring(&scene, 1));
    client.subscribe(&topic, 1);
    client.disconnect();

    broker_waits(&scene, 3);
    let (mut client, connack) = accepted(&scene, &expiring(&scene, 1));
    assert_eq!(connack.id, 0, "session present");
    client.publish(v5::publish(&topic, "x").qos(1));
    expect_nothing_more(&mut client);
}

/// \[MQTT5-3.1.2-23\] \[MQTT5-4.1.0-1\]
#[test]
fn a_session_survives_the_failure_of_its_connection() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = scene.client_with(&expiring(&scene, 600));
    client.subscribe(&topic, 1);
    client.cut();

    let (mut client, connack) = accepted(&scene, &expiring(&scene, 600));
    assert_eq!(connack.id, 1, "session present");
    client.send(v5::publish(&topic, "x"));
    client.expect_publish(&v5::publish(&topic, "x"));
}

/// \[MQTT5-4.1.0-2\] \[MQTT5-3.14.4-2\]
#[test]
fn a_disconnect_can_end_the_session_at_once() {
    let scene = Scene::new();
    let mut client = scene.client_with(&expiring(&scene, 600));

    client.send(v5::disconnect_with(0, &[&property::session_expiry(0)]));
    client.expect_close();
    let (_, connack) = accepted(&scene, &expiring(&scene, 0));
    assert_eq!(connack.id, 0, "session present");
}

/// \[MQTT5-4.1.0-2\] \[MQTT5-3.1.2-23\]
#[test]
fn a_disconnect_can_shorten_and_lengthen_the_session() {
    let scene = Scene::new();
    let mut shortened = scene.client_with(&expiring(&scene, 600));
    let lengthened = v5::connect(scene.id("b")).property(property::session_expiry(1));
    let mut lengthened = scene.client_with(&lengthened);

    shortened.send(v5::disconnect_with(0, &[&property::session_expiry(1)]));
    shortened.expect_close();
    lengthened.send(v5::disconnect_with(0, &[&property::session_expiry(600)]));
    lengthened.expect_close();
    broker_waits(&scene, 3);
    let (_, connack) = accepted(&scene, &expiring(&scene, 0));
    assert_eq!(connack.id, 0, "the shortened session");
    let (_, connack) = accepted(&scene, &v5::connect(scene.id("b")).keep_session());
    assert_eq!(connack.id, 1, "the lengthened session");
}

/// \[MQTT5-4.13.1-1\] \[MQTT5-4.1.0-2\]
#[test]
fn a_disconnect_cannot_give_a_session_to_who_had_none() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");

    client.send(v5::disconnect_with(0, &[&property::session_expiry(1)]));
    client.expect_disconnect(0x82);
    let (_, connack) = accepted(&scene, &v5::connect(scene.id("a")).keep_session());
    assert_eq!(connack.id, 0, "session present");
}

/// \[MQTT5-4.1.0-1\] \[MQTT5-3.1.2-5\]
#[test]
fn the_expiry_of_the_latest_connect_holds() {
    let scene = Scene::new();
    scene.client_with(&expiring(&scene, 600)).disconnect();

    let without = v5::connect(scene.id("a")).keep_session();
    let (client, connack) = accepted(&scene, &without);
    assert_eq!(connack.id, 1, "session present");
    client.disconnect();
    let (_, connack) = accepted(&scene, &without);
    assert_eq!(connack.id, 0, "session present");
}
