//! Which property belongs into which packet, and how often: chapter 2.2.2, as tables.

use castmq_conformance::v5::{self, property};
use castmq_conformance::wire::{Packet, packet, string, variable_length};
use castmq_conformance::{Scene, will};

use super::{expect_disconnect_for, expect_refused};

/// A valid example of every property.
fn examples() -> Vec<Vec<u8>> {
    vec![
        property::payload_format(1),
        property::message_expiry(60),
        property::content_type("text"),
        property::response_topic("response"),
        property::correlation_data("data"),
        property::subscription_identifier(1),
        property::session_expiry(60),
        property::text(0x12, "assigned client id"),
        property::two_bytes(0x13, 60),
        property::authentication_method("method"),
        property::text(0x16, "authentication data"),
        property::request_problem_information(1),
        property::will_delay(60),
        property::request_response_information(1),
        property::text(0x1A, "response information"),
        property::text(0x1C, "server reference"),
        property::reason_string("reason"),
        property::receive_maximum(10),
        property::topic_alias_maximum(10),
        property::topic_alias(1),
        property::byte(0x24, 1),
        property::byte(0x25, 1),
        property::user("name", "value"),
        property::maximum_packet_size(1000),
        property::byte(0x28, 1),
        property::byte(0x29, 1),
        property::byte(0x2A, 1),
        // Numbers that no property has.
        vec![0x00],
        vec![0x04, 0],
        vec![0x7F, 0],
        vec![0x80, 0x01, 0],
    ]
}

const CONNECT: &[u8] = &[0x11, 0x15, 0x16, 0x17, 0x19, 0x21, 0x22, 0x26, 0x27];
const WILL: &[u8] = &[0x01, 0x02, 0x03, 0x08, 0x09, 0x18, 0x26];
// The subscription identifier belongs into PUBLISH, but not from a client.
const PUBLISH: &[u8] = &[0x01, 0x02, 0x03, 0x08, 0x09, 0x0B, 0x23, 0x26];
const ACKNOWLEDGEMENT: &[u8] = &[0x1F, 0x26];
const SUBSCRIBE: &[u8] = &[0x0B, 0x26];
const UNSUBSCRIBE: &[u8] = &[0x26];
// The server reference belongs into DISCONNECT, but not from a client.
const DISCONNECT: &[u8] = &[0x11, 0x1C, 0x1F, 0x26];

/// Sends the packet with each property that does not belong there; each ends its connection.
fn expect_misplaced(allowed: &[u8], with: impl Fn(&[u8]) -> Vec<u8>) {
    let scene = Scene::new();
    for example in examples() {
        if !allowed.contains(&example[0]) {
            let mut client = scene.client_v5("misplaced");
            client.send(with(&example));
            expect_disconnect_for(&mut client, &[0x81]);
        }
    }
}

/// Sends the packet with each property that must not be repeated, twice; each ends its connection.
fn expect_duplicate(allowed: &[u8], with: impl Fn(&[u8]) -> Vec<u8>) {
    let scene = Scene::new();
    for example in examples() {
        if allowed.contains(&example[0]) && example[0] != 0x26 {
            let mut client = scene.client_v5("duplicate");
            client.send(with(&[example.clone(), example].concat()));
            expect_disconnect_for(&mut client, &[0x82]);
        }
    }
}

/// PUBLISH with these property bytes.
fn publish(properties: &[u8]) -> Vec<u8> {
    v5::publish("properties/none/subscribes", "x")
        .property(properties)
        .to_bytes()
}

/// SUBSCRIBE with these property bytes.
fn subscribe(properties: &[u8]) -> Vec<u8> {
    v5::subscribe_with(1, &[properties], &[("properties/none/publishes", 0)])
}

/// UNSUBSCRIBE with these property bytes.
fn unsubscribe(properties: &[u8]) -> Vec<u8> {
    let length = variable_length(properties.len());
    packet(0xA2, &[&[0, 1], &length, properties, &string("filter")])
}

/// DISCONNECT with these property bytes.
fn disconnect(properties: &[u8]) -> Vec<u8> {
    v5::disconnect_with(0, &[properties])
}

/// \[MQTT5-4.13.1-1\] \[MQTT5-3.1.4-1\]
#[test]
fn a_connect_takes_only_its_own_properties() {
    let scene = Scene::new();
    for example in examples() {
        if !CONNECT.contains(&example[0]) {
            let connect = v5::connect(scene.id("a")).property(&example);
            expect_refused(&scene, &connect, &[0x81]);
        }
    }
}

/// \[MQTT5-4.13.1-1\] \[MQTT5-3.1.4-1\]
#[test]
fn a_connect_takes_each_property_once() {
    let scene = Scene::new();
    for example in examples() {
        if CONNECT.contains(&example[0]) && example[0] != 0x26 {
            let once = v5::connect(scene.id("a")).property(&example);
            expect_refused(&scene, &once.property(&example), &[0x82]);
        }
    }
}

/// \[MQTT5-4.13.1-1\] \[MQTT5-3.1.2-9\]
#[test]
fn a_will_takes_only_its_own_properties() {
    let scene = Scene::new();
    for example in examples() {
        if !WILL.contains(&example[0]) {
            let connect = v5::connect(scene.id("a")).will(will("t", "x").property(&example));
            expect_refused(&scene, &connect, &[0x81]);
        }
    }
}

/// \[MQTT5-4.13.1-1\] \[MQTT5-3.1.2-9\]
#[test]
fn a_will_takes_each_property_once() {
    let scene = Scene::new();
    for example in examples() {
        if WILL.contains(&example[0]) && example[0] != 0x26 {
            let twice = will("t", "x").property(&example).property(&example);
            let connect = v5::connect(scene.id("a")).will(twice);
            expect_refused(&scene, &connect, &[0x82]);
        }
    }
}

/// \[MQTT5-4.13.1-1\]
#[test]
fn a_publish_takes_only_its_own_properties() {
    expect_misplaced(PUBLISH, publish);
}

/// \[MQTT5-4.13.1-1\]
#[test]
fn a_publish_takes_each_property_once() {
    expect_duplicate(PUBLISH, publish);
}

/// \[MQTT5-4.13.1-1\]
#[test]
fn a_puback_takes_only_its_own_properties() {
    expect_misplaced(ACKNOWLEDGEMENT, |properties| {
        v5::ack_with(0x40, 1, 0, &[properties])
    });
}

/// \[MQTT5-4.13.1-1\]
#[test]
fn a_pubrec_takes_only_its_own_properties() {
    expect_misplaced(ACKNOWLEDGEMENT, |properties| {
        v5::ack_with(0x50, 1, 0, &[properties])
    });
}

/// \[MQTT5-4.13.1-1\]
#[test]
fn a_pubrel_takes_only_its_own_properties() {
    expect_misplaced(ACKNOWLEDGEMENT, |properties| {
        v5::ack_with(0x62, 1, 0, &[properties])
    });
}

/// \[MQTT5-4.13.1-1\]
#[test]
fn a_pubcomp_takes_only_its_own_properties() {
    expect_misplaced(ACKNOWLEDGEMENT, |properties| {
        v5::ack_with(0x70, 1, 0, &[properties])
    });
}

/// \[MQTT5-4.13.1-1\]
#[test]
fn acknowledgements_take_one_reason_string() {
    expect_duplicate(ACKNOWLEDGEMENT, |properties| {
        v5::ack_with(0x40, 1, 0, &[properties])
    });
    expect_duplicate(ACKNOWLEDGEMENT, |properties| {
        v5::ack_with(0x50, 1, 0, &[properties])
    });
    expect_duplicate(ACKNOWLEDGEMENT, |properties| {
        v5::ack_with(0x62, 1, 0, &[properties])
    });
    expect_duplicate(ACKNOWLEDGEMENT, |properties| {
        v5::ack_with(0x70, 1, 0, &[properties])
    });
}

/// \[MQTT5-4.13.1-1\]
#[test]
fn a_subscribe_takes_only_its_own_properties() {
    expect_misplaced(SUBSCRIBE, subscribe);
}

/// \[MQTT5-4.13.1-1\]
#[test]
fn a_subscribe_takes_one_subscription_identifier() {
    expect_duplicate(SUBSCRIBE, subscribe);
}

/// \[MQTT5-4.13.1-1\]
#[test]
fn an_unsubscribe_takes_only_user_properties() {
    expect_misplaced(UNSUBSCRIBE, unsubscribe);
}

/// \[MQTT5-4.13.1-1\] \[MQTT5-3.14.2-2\]
#[test]
fn a_disconnect_takes_only_its_own_properties() {
    expect_misplaced(DISCONNECT, disconnect);
}

/// \[MQTT5-4.13.1-1\]
#[test]
fn a_disconnect_takes_each_property_once() {
    expect_duplicate(DISCONNECT, disconnect);
}

/// \[MQTT5-1.5.7-1\] \[MQTT5-3.3.2-17\]
#[test]
fn user_properties_may_be_repeated_in_every_packet() {
    let scene = Scene::new();
    let user = property::user("name", "value");
    let twice = [user.clone(), user.clone()].concat();
    let connect = v5::connect(scene.id("a"))
        .property(&twice)
        .will(will(scene.topic("will"), "x").property(&twice));
    let mut client = scene.client_with(&connect);

    client.send(publish(&twice));
    client.send(v5::ack_with(0x40, 1, 0, &[&twice]));
    client.send(v5::ack_with(0x70, 1, 0, &[&twice]));
    client.send(subscribe(&twice));
    assert_eq!(client.expect_answer(0x90).codes, [0]);
    client.send(unsubscribe(&twice));
    assert_eq!(client.expect_answer(0xB0).codes, [0x11]);
    client.send(disconnect(&twice));
    client.expect_close();
}

/// \[MQTT5-4.13.1-1\]
#[test]
fn a_property_that_ends_too_early_is_malformed() {
    let scene = Scene::new();
    let mut number = scene.client_v5("number");
    let mut text = scene.client_v5("text");
    let mut pair = scene.client_v5("pair");

    number.send(publish(&[0x02, 0, 0, 1]));
    number.expect_disconnect(0x81);
    text.send(publish(&[0x03, 0, 5, b'x']));
    text.expect_disconnect(0x81);
    pair.send(publish(&[0x26, 0, 1, b'x']));
    pair.expect_disconnect(0x81);
}

/// \[MQTT5-4.13.1-1\]
#[test]
fn a_property_length_beyond_the_packet_is_malformed() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");

    client.send(packet(0x30, &[&string("topic"), &[100], b"x"]));
    client.expect_disconnect(0x81);
}
