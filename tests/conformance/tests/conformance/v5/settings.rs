//! What a broker says and does whose settings are not the default ones.

use std::time::Duration;

use castmq_conformance::v5::{self, property};
use castmq_conformance::wire::Packet;
use castmq_conformance::{Client, Publish, Scene};
use castmq_settings::ReceiveMaximumPolicy;

use super::{accepted, expect_refused, stopwatch, values};

/// \[MQTT5-3.1.3-8\] \[MQTT5-3.2.2-7\]
#[test]
fn a_client_id_that_is_too_long_is_refused_with_code_85() {
    let Some(scene) = Scene::with(|settings| settings.mqtt.max_client_id_bytes = 30) else {
        return;
    };

    scene.client_with(&v5::connect("x".repeat(30))).disconnect();
    let mut client = scene.open();
    client.send_connect(&v5::connect("x".repeat(31)));
    assert_eq!(client.expect_answer(0x20).code(), 0x85);
    client.expect_close();
}

/// \[MQTT5-3.4.2-1\] \[MQTT5-3.5.2-1\] \[MQTT5-3.3.2-4\]
#[test]
fn a_payload_that_is_not_the_text_it_says_is_refused_with_code_99() {
    let Some(scene) = Scene::with(|settings| settings.mqtt.check_payload_format = true) else {
        return;
    };
    let topic = scene.topic("t");
    let mut client = scene.client_v5("a");
    let wrong = v5::publish(&topic, b"\xFF").property(property::payload_format(1));
    let right = v5::publish(&topic, "text").property(property::payload_format(1));

    client.send(wrong.clone().qos(1).id(1));
    assert_eq!(client.expect_answer(0x40).code(), 0x99);
    client.send(wrong.clone().qos(2).id(2));
    assert_eq!(client.expect_answer(0x50).code(), 0x99);
    client.subscribe(&topic, 0);
    client.publish(right.clone());
    client.expect_publish(&right);
}

/// \[MQTT5-3.3.2-4\]
#[test]
fn by_default_the_payload_format_is_passed_on_unchecked() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = scene.client_v5("a");
    client.subscribe(&topic, 0);

    let wrong = v5::publish(&topic, b"\xFF").property(property::payload_format(1));
    client.publish(wrong.clone());
    client.expect_publish(&wrong);
}

/// The topic alias of a message.
fn alias(message: &Publish) -> Option<u16> {
    let found = values(message.properties.as_ref(), 0x23);
    found
        .first()
        .map(|value| u16::from_be_bytes([value[0], value[1]]))
}

/// \[MQTT5-3.1.2-26\] \[MQTT5-3.3.2-11\]
#[test]
fn the_broker_uses_the_aliases_that_a_client_allows() {
    let Some(scene) = Scene::with(|settings| settings.mqtt.topic_alias_out = 10) else {
        return;
    };
    let mut publisher = scene.client_v5("publisher");
    let connect = v5::connect(scene.id("a")).property(property::topic_alias_maximum(1));
    let mut client = scene.client_with(&connect);
    client.subscribe(&scene.topic("#"), 0);

    publisher.publish(v5::publish(scene.topic("1"), "sets the alias"));
    publisher.publish(v5::publish(scene.topic("1"), "uses it"));
    publisher.publish(v5::publish(scene.topic("2"), "finds none left"));
    let first = client.receive_publish();
    assert_eq!(first.topic, scene.topic("1").as_bytes());
    assert_eq!(alias(&first), Some(1));
    let second = client.receive_publish();
    assert_eq!((second.topic.len(), alias(&second)), (0, Some(1)));
    let third = client.receive_publish();
    assert_eq!(third.topic, scene.topic("2").as_bytes());
}

/// \[MQTT5-3.1.2-27\]
#[test]
fn the_broker_uses_no_aliases_towards_a_client_that_allows_none() {
    let Some(scene) = Scene::with(|settings| settings.mqtt.topic_alias_out = 10) else {
        return;
    };
    let topic = scene.topic("t");
    let mut client = scene.client_v5("a");
    client.subscribe(&topic, 0);

    client.publish(v5::publish(&topic, "1"));
    client.publish(v5::publish(&topic, "2"));
    client.expect_publish(&v5::publish(&topic, "1"));
    client.expect_publish(&v5::publish(&topic, "2"));
}

/// \[MQTT5-3.3.2-7\] \[MQTT5-3.3.1-1\]
#[test]
fn what_is_sent_again_after_a_reconnect_does_not_rely_on_old_aliases() {
    let Some(scene) = Scene::with(|settings| settings.mqtt.topic_alias_out = 10) else {
        return;
    };
    let topic = scene.topic("t");
    let connect = v5::connect(scene.id("a"))
        .property(property::topic_alias_maximum(1))
        .property(property::session_expiry(600))
        .keep_session();
    let mut before = scene.client_with(&connect);
    before.subscribe(&topic, 1);
    let mut publisher = scene.client_v5("publisher");
    publisher.publish(v5::publish(&topic, "1").qos(1));
    publisher.publish(v5::publish(&topic, "2").qos(1));
    before.receive_publish();
    let second = before.receive_publish();
    before.send(v5::puback(second.id.unwrap()));
    before.disconnect();

    let mut after = scene.client_with(&connect);
    let again = after.receive_publish();
    assert!(again.dup);
    assert_eq!(again.topic, topic.as_bytes());
}

/// \[MQTT5-3.1.2-28\]
#[test]
fn a_client_that_asks_for_response_information_gets_it() {
    let altered = Scene::with(|settings| {
        settings.mqtt.response_information = Some("answers/%c".to_owned());
    });
    let Some(scene) = altered else {
        return;
    };
    let asks = v5::connect("name").property(property::request_response_information(1));
    let (asks, with) = accepted(&scene, &asks);
    let (_, without) = accepted(&scene, &v5::connect("other"));

    let expected = property::text(0x1A, "answers/name");
    assert_eq!(with.property(0x1A), Some(&expected[1..]));
    assert_eq!(without.property(0x1A), None);
    asks.disconnect();
}

/// \[MQTT5-3.2.2-22\] \[MQTT5-3.1.2-22\]
#[test]
fn a_longer_keep_alive_than_the_broker_wants_is_replaced() {
    let Some(scene) = Scene::with(|settings| settings.mqtt.keep_alive_max = 1) else {
        return;
    };
    let since = stopwatch();
    let (mut longer, told) = accepted(&scene, &v5::connect(scene.id("longer")).keep_alive(60));
    let (_, none) = accepted(&scene, &v5::connect(scene.id("none")).keep_alive(0));

    assert_eq!(told.property(0x13), Some(&[0, 1][..]));
    assert_eq!(none.property(0x13), Some(&[0, 1][..]));
    longer.expect_disconnect(0x8D);
    assert!(
        since() >= Duration::from_millis(1500),
        "after {:?}",
        since()
    );
}

/// \[MQTT5-3.2.2-22\]
#[test]
fn a_keep_alive_within_the_limit_of_the_broker_is_left_alone() {
    let Some(scene) = Scene::with(|settings| settings.mqtt.keep_alive_max = 60) else {
        return;
    };
    let (_, connack) = accepted(&scene, &v5::connect(scene.id("a")).keep_alive(60));

    assert!([None, Some(&[0, 60][..])].contains(&connack.property(0x13)));
}

/// \[MQTT5-4.13.1-1\] \[MQTT5-4.13.2-1\]
#[test]
fn a_packet_larger_than_the_broker_announced_is_too_large() {
    let Some(scene) = Scene::with(|settings| settings.mqtt.max_packet_size = 128) else {
        return;
    };
    let topic = scene.topic("t");
    let (mut client, connack) = accepted(&scene, &v5::connect(scene.id("a")));
    assert_eq!(connack.property(0x27), Some(&[0, 0, 0, 128][..]));

    // First byte, remaining length, two bytes of topic length, topic, packet id, properties.
    let exact = "x".repeat(128 - 7 - topic.len());
    let exact = v5::publish(&topic, exact).qos(1).id(1);
    assert_eq!(exact.to_bytes().len(), 128);
    client.send(exact);
    client.expect_ack(0x40, 1);
    client.send(v5::publish(&topic, "x".repeat(123)));
    client.expect_disconnect(0x95);
}

/// \[MQTT5-4.13.1-1\] \[MQTT5-3.1.4-1\]
#[test]
fn a_connect_larger_than_the_broker_takes_is_refused() {
    let Some(scene) = Scene::with(|settings| settings.mqtt.max_packet_size = 128) else {
        return;
    };

    expect_refused(&scene, &v5::connect("x".repeat(128)), &[0x95]);
}

/// \[MQTT5-3.3.4-7\] \[MQTT5-4.9.0-1\]
#[test]
fn the_receive_maximum_of_the_broker_is_announced_and_enforced() {
    let Some(scene) = Scene::with(|settings| settings.mqtt.receive_maximum = 2) else {
        return;
    };
    let topic = scene.topic("t");
    let (mut client, connack) = accepted(&scene, &v5::connect(scene.id("a")));
    assert_eq!(connack.property(0x21), Some(&[0, 2][..]));

    client.send(v5::publish(&topic, "1").qos(2).id(1));
    client.expect_ack(0x50, 1);
    client.send(v5::publish(&topic, "2").qos(2).id(2));
    client.expect_ack(0x50, 2);
    client.send(v5::publish(&topic, "3").qos(2).id(3));
    client.expect_disconnect(0x93);
}

/// \[MQTT5-3.3.4-7\]
#[test]
fn a_lenient_broker_takes_more_than_its_receive_maximum() {
    let altered = Scene::with(|settings| {
        settings.mqtt.receive_maximum = 2;
        settings.mqtt.receive_maximum_policy = ReceiveMaximumPolicy::Lenient;
    });
    let Some(scene) = altered else {
        return;
    };
    let topic = scene.topic("t");
    let mut client = scene.client_v5("a");

    client.send(v5::publish(&topic, "1").qos(2).id(1));
    client.expect_ack(0x50, 1);
    client.send(v5::publish(&topic, "2").qos(2).id(2));
    client.expect_ack(0x50, 2);
    client.send(v5::publish(&topic, "3").qos(2).id(3));
    client.expect_ack(0x50, 3);
}

/// \[MQTT5-3.3.2-9\]
#[test]
fn a_broker_that_takes_no_aliases_says_so_and_refuses_them() {
    let Some(scene) = Scene::with(|settings| settings.mqtt.topic_alias_maximum = 0) else {
        return;
    };
    let (mut client, connack) = accepted(&scene, &v5::connect(scene.id("a")));
    assert!([None, Some(&[0, 0][..])].contains(&connack.property(0x22)));

    client.send(v5::publish(scene.topic("t"), "x").property(property::topic_alias(1)));
    client.expect_disconnect(0x94);
}

/// \[MQTT5-3.1.2-23\] \[MQTT5-4.1.0-2\]
#[test]
fn a_longer_session_expiry_than_the_broker_grants_is_replaced() {
    let altered = Scene::with(|settings| settings.session.expiry_max = Duration::from_secs(60));
    let Some(scene) = altered else {
        return;
    };
    let asks = |seconds| v5::connect("").property(property::session_expiry(seconds));
    let (_, longer) = accepted(&scene, &asks(61));
    let (_, endless) = accepted(&scene, &asks(u32::MAX));
    let (_, shorter) = accepted(&scene, &asks(59));

    assert_eq!(longer.property(0x11), Some(&[0, 0, 0, 60][..]));
    assert_eq!(endless.property(0x11), Some(&[0, 0, 0, 60][..]));
    assert!([None, Some(&[0, 0, 0, 59][..])].contains(&shorter.property(0x11)));
}

/// \[MQTT5-3.9.3-2\] \[MQTT5-3.8.4-7\]
#[test]
fn one_subscription_more_than_a_session_may_hold_is_refused() {
    let Some(scene) = Scene::with(|settings| settings.mqtt.max_subscriptions = 1) else {
        return;
    };
    let mut client = scene.client_v5("a");

    client.send(v5::subscribe(
        1,
        &[("first", 0), ("second", 0), ("first", 1)],
    ));
    assert_eq!(client.expect_answer(0x90).codes, [0, 0x97, 1]);
}

/// \[MQTT5-4.9.0-1\] \[MQTT5-3.3.4-9\]
#[test]
fn the_window_of_the_broker_holds_where_the_client_s_is_larger() {
    let Some(scene) = Scene::with(|settings| settings.session.max_inflight = 1) else {
        return;
    };
    let topic = scene.topic("t");
    let mut publisher = scene.client_v5("publisher");
    let mut client = scene.client_v5("a");
    client.subscribe(&topic, 1);
    publisher.publish(v5::publish(&topic, "1").qos(1));
    publisher.publish(v5::publish(&topic, "2").qos(1));

    let id = client.expect_publish(&v5::publish(&topic, "1").qos(1));
    client.expect_nothing();
    client.send(v5::puback(id));
    client.expect_publish(&v5::publish(&topic, "2").qos(1));
}

/// \[MQTT5-3.4.2-1\] \[MQTT5-3.9.3-2\]
#[test]
fn a_topic_with_more_levels_than_the_broker_takes_is_refused() {
    let Some(scene) = Scene::with(|settings| settings.mqtt.max_topic_levels = 3) else {
        return;
    };
    let mut client: Client = scene.client_v5("a");

    client.send(v5::subscribe(1, &[("a/b/c", 0), ("a/b/c/d", 0)]));
    assert_eq!(client.expect_answer(0x90).codes, [0, 0x8F]);
    client.send(v5::publish("a/b/c/d", "x").qos(1).id(1));
    assert_eq!(client.expect_answer(0x40).code(), 0x90);
}

/// \[MQTT5-4.5.0-1\] \[MQTT5-4.3.1-1\]
#[test]
fn messages_of_qos_0_wait_for_an_absent_client_if_the_broker_is_told_so() {
    let Some(scene) = Scene::with(|settings| settings.session.queue_qos0 = true) else {
        return;
    };
    let topic = scene.topic("t");
    let connect = v5::connect(scene.id("a"))
        .property(property::session_expiry(600))
        .keep_session();
    let mut before = scene.client_with(&connect);
    before.subscribe(&topic, 1);
    before.disconnect();
    let mut publisher = scene.client_v5("publisher");
    publisher.publish(v5::publish(&topic, "zero"));
    publisher.publish(v5::publish(&topic, "one").qos(1));

    let mut after = scene.client_with(&connect);
    after.expect_publish(&v5::publish(&topic, "zero"));
    after.expect_publish(&v5::publish(&topic, "one").qos(1));
}
