//! SUBSCRIBE and SUBACK: chapters 3.8 and 3.9.

use castmq_conformance::v5::{self, property};
use castmq_conformance::wire::{packet, string};
use castmq_conformance::{Client, Scene};

use super::{expect_disconnect_for, expect_nothing_from, expect_nothing_more, values};

/// Subscription options: not the client's own messages.
const NO_LOCAL: u8 = 0x04;

/// The broker does not grant the filter: it says so in SUBACK, or closes.
#[track_caller]
fn expect_not_granted(client: &mut Client) {
    let answer = client.receive();
    let parsed = v5::Answer::parse(&answer);
    match answer.header {
        0x90 => assert!(parsed.code() >= 0x80, "{answer:?}"),
        0xE0 => assert!([0x81, 0x82, 0x8F].contains(&parsed.code()), "{answer:?}"),
        _ => panic!("SUBACK or DISCONNECT is expected, came: {answer:?}"),
    }
}

/// \[MQTT5-3.8.1-1\] \[MQTT5-2.1.3-1\]
#[test]
fn a_subscribe_with_other_flags_than_0010_is_malformed() {
    let scene = Scene::new();
    let topic = string(scene.topic("t"));
    let mut none = scene.client_v5("none");
    let mut more = scene.client_v5("more");

    none.send(packet(0x80, &[&[0, 1, 0], &topic, &[0]]));
    none.expect_disconnect(0x81);
    more.send(packet(0x83, &[&[0, 1, 0], &topic, &[0]]));
    more.expect_disconnect(0x81);
}

/// \[MQTT5-3.8.3-1\]
#[test]
fn a_filter_that_is_not_utf8_is_malformed() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");

    client.send(packet(0x82, &[&[0, 1, 0], &string(b"\xFF"), &[0]]));
    client.expect_disconnect(0x81);
}

/// \[MQTT5-3.8.3-2\]
#[test]
fn a_subscribe_without_filters_is_a_protocol_error() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");

    client.send(v5::subscribe(1, &[]));
    expect_disconnect_for(&mut client, &[0x81, 0x82]);
}

/// \[MQTT5-3.8.3-2\]
#[test]
fn a_filter_without_options_is_malformed() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");

    client.send(packet(0x82, &[&[0, 1, 0], &string(scene.topic("t"))]));
    client.expect_disconnect(0x81);
}

/// \[MQTT5-3.8.3-3\]
#[test]
fn with_no_local_a_client_does_not_get_its_own_messages() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = scene.client_v5("a");
    let mut other = scene.client_v5("other");
    client.subscribe(&topic, NO_LOCAL);

    client.publish(v5::publish(&topic, "own").qos(1));
    expect_nothing_more(&mut client);
    other.publish(v5::publish(&topic, "other's"));
    client.expect_publish(&v5::publish(&topic, "other's"));
}

/// \[MQTT5-3.8.3-3\]
#[test]
fn without_no_local_a_client_gets_its_own_messages() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = scene.client_v5("a");
    client.subscribe(&topic, 0);

    client.publish(v5::publish(&topic, "own"));
    client.expect_publish(&v5::publish(&topic, "own"));
}

/// \[MQTT5-3.8.3-3\] \[MQTT5-3.3.4-2\]
#[test]
fn no_local_concerns_one_subscription_and_not_those_that_overlap() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = scene.client_v5("a");
    let [foreign, any] = [1, 2].map(property::subscription_identifier);
    client.send(v5::subscribe_with(1, &[&foreign], &[(&topic, NO_LOCAL)]));
    client.expect_answer(0x90);
    client.send(v5::subscribe_with(2, &[&any], &[(&scene.topic("+"), 0)]));
    client.expect_answer(0x90);

    client.publish(v5::publish(&topic, "own"));
    client.expect_publish(&v5::publish(&topic, "own").property(&any));
    expect_nothing_more(&mut client);
}

/// \[MQTT5-3.8.3-4\] \[MQTT5-4.13.1-1\]
#[test]
fn no_local_on_a_shared_subscription_is_a_protocol_error() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");

    let shared = format!("$share/group/{}", scene.topic("t"));
    client.send(v5::subscribe(1, &[(&shared, NO_LOCAL)]));
    client.expect_disconnect(0x82);
}

/// \[MQTT5-3.8.3-5\]
#[test]
fn reserved_option_bits_are_malformed() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut six = scene.client_v5("six");
    let mut seven = scene.client_v5("seven");

    six.send(v5::subscribe(1, &[(&topic, 0x40)]));
    six.expect_disconnect(0x81);
    seven.send(v5::subscribe(1, &[(&topic, 0x80)]));
    seven.expect_disconnect(0x81);
}

/// \[MQTT5-3.8.3-5\] \[MQTT5-4.13.1-1\]
#[test]
fn qos_3_and_retain_handling_3_end_the_connection() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut qos = scene.client_v5("qos");
    let mut retain = scene.client_v5("retain");

    qos.send(v5::subscribe(1, &[(&topic, 0x03)]));
    expect_disconnect_for(&mut qos, &[0x81, 0x82]);
    retain.send(v5::subscribe(1, &[(&topic, 0x30)]));
    expect_disconnect_for(&mut retain, &[0x81, 0x82]);
}

/// \[MQTT5-3.8.4-1\] \[MQTT5-3.8.4-2\] \[MQTT5-3.8.4-7\]
#[test]
fn each_subscribe_is_answered_by_a_suback_with_its_id_and_the_granted_qos() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = scene.client_v5("a");

    client.send(v5::subscribe(0x0102, &[(&topic, 0)]));
    client.expect([0x90, 4, 1, 2, 0, 0]);
    client.send(v5::subscribe(0xFFFF, &[(&topic, 1)]));
    client.expect([0x90, 4, 0xFF, 0xFF, 0, 1]);
    client.send(v5::subscribe(1, &[(&topic, 2)]));
    client.expect([0x90, 4, 0, 1, 0, 2]);
}

/// \[MQTT5-3.8.4-3\]
#[test]
fn subscribing_again_replaces_the_subscription() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut publisher = scene.client_v5("publisher");
    let mut client = scene.client_v5("a");
    let identifier = property::subscription_identifier(5);
    client.send(v5::subscribe_with(1, &[&identifier], &[(&topic, 2)]));
    assert_eq!(client.expect_answer(0x90).codes, [2]);

    client.subscribe(&topic, 0);
    publisher.publish(v5::publish(&topic, "x").qos(2));
    client.expect_publish(&v5::publish(&topic, "x"));
    expect_nothing_from(&mut publisher, &mut client);
}

/// \[MQTT5-3.8.4-4\] \[MQTT5-3.8.4-3\]
#[test]
fn replacing_a_subscription_loses_no_message() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = scene.client_v5("a");
    client.subscribe(&topic, 1);

    // All in one write: messages before, between and after.
    client.send(
        [
            wire(&v5::publish(&topic, "1")),
            v5::subscribe(1, &[(&topic, 1)]),
            wire(&v5::publish(&topic, "2")),
            v5::subscribe(2, &[(&topic, 0)]),
            wire(&v5::publish(&topic, "3")),
        ]
        .concat(),
    );
    let packets: Vec<_> = (0..5).map(|_| client.receive()).collect();
    let payloads: Vec<u8> = packets
        .iter()
        .filter(|packet| packet.header == 0x30)
        .map(|packet| *packet.body.last().unwrap())
        .collect();
    assert_eq!(payloads, b"123");
}

/// A packet's bytes.
fn wire(packet: &impl castmq_conformance::wire::Packet) -> Vec<u8> {
    packet.to_bytes()
}

/// \[MQTT5-3.8.4-5\] \[MQTT5-3.8.4-6\] \[MQTT5-3.9.3-1\]
#[test]
fn several_filters_are_answered_in_one_suback_in_their_order() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");

    client.send(v5::subscribe(
        9,
        &[
            (&scene.topic("a"), 2),
            (&scene.topic("b"), 0),
            (&scene.topic("c"), 1),
            (&scene.topic("b"), 2),
        ],
    ));
    client.expect([0x90, 7, 0, 9, 0, 2, 0, 1, 2]);
    client.send(v5::publish(scene.topic("c"), "x"));
    client.expect_publish(&v5::publish(scene.topic("c"), "x"));
}

/// \[MQTT5-3.8.4-5\] \[MQTT5-3.8.4-6\]
#[test]
fn a_hundred_filters_get_a_hundred_codes() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");
    let topics: Vec<String> = (0..100)
        .map(|number| scene.topic(&format!("{number}")))
        .collect();
    let filters: Vec<(&str, u8)> = topics.iter().map(|topic| (topic.as_str(), 1)).collect();

    client.send(v5::subscribe(1, &filters));
    assert_eq!(client.expect_answer(0x90).codes, [1; 100]);
}

/// \[MQTT5-3.8.4-7\] \[MQTT5-3.9.3-2\] \[MQTT5-4.7.1-1\]
#[test]
fn a_filter_with_a_misplaced_hash_is_not_granted() {
    let scene = Scene::new();
    let mut inside = scene.client_v5("inside");
    let mut attached = scene.client_v5("attached");

    inside.send(v5::subscribe(1, &[("a/#/b", 0)]));
    expect_not_granted(&mut inside);
    attached.send(v5::subscribe(1, &[("a/b#", 0)]));
    expect_not_granted(&mut attached);
}

/// \[MQTT5-3.8.4-7\] \[MQTT5-4.7.1-2\]
#[test]
fn a_filter_with_a_plus_beside_other_characters_is_not_granted() {
    let scene = Scene::new();
    let mut before = scene.client_v5("before");
    let mut behind = scene.client_v5("behind");

    before.send(v5::subscribe(1, &[("a/+b", 0)]));
    expect_not_granted(&mut before);
    behind.send(v5::subscribe(1, &[("a+/b", 0)]));
    expect_not_granted(&mut behind);
}

/// \[MQTT5-4.7.3-1\] \[MQTT5-3.8.4-7\]
#[test]
fn an_empty_filter_is_not_granted() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");

    client.send(v5::subscribe(1, &[("", 0)]));
    expect_not_granted(&mut client);
}

/// \[MQTT5-4.8.2-1\] \[MQTT5-3.8.4-7\]
#[test]
fn a_shared_filter_without_name_or_without_filter_is_not_granted() {
    let scene = Scene::new();
    let mut nameless = scene.client_v5("nameless");
    let mut filterless = scene.client_v5("filterless");
    let mut bare = scene.client_v5("bare");

    nameless.send(v5::subscribe(1, &[("$share//topic", 0)]));
    expect_not_granted(&mut nameless);
    filterless.send(v5::subscribe(1, &[("$share/group/", 0)]));
    expect_not_granted(&mut filterless);
    bare.send(v5::subscribe(1, &[("$share/group", 0)]));
    expect_not_granted(&mut bare);
}

/// \[MQTT5-4.8.2-2\] \[MQTT5-3.8.4-7\]
#[test]
fn a_shared_filter_with_a_wildcard_in_its_name_is_not_granted() {
    let scene = Scene::new();
    let mut plus = scene.client_v5("plus");
    let mut hash = scene.client_v5("hash");

    plus.send(v5::subscribe(1, &[("$share/gr+up/topic", 0)]));
    expect_not_granted(&mut plus);
    hash.send(v5::subscribe(1, &[("$share/#/topic", 0)]));
    expect_not_granted(&mut hash);
}

/// \[MQTT5-3.8.4-8\]
#[test]
fn messages_come_with_the_lower_qos_of_publish_and_subscription() {
    let scene = Scene::new();
    let mut publisher = scene.client_v5("publisher");
    let mut client = scene.client_v5("a");
    client.subscribe(&scene.topic("0"), 0);
    client.subscribe(&scene.topic("1"), 1);
    client.subscribe(&scene.topic("2"), 2);

    publisher.publish(v5::publish(scene.topic("0"), "x").qos(2));
    client.expect_message(&v5::publish(scene.topic("0"), "x"));
    publisher.publish(v5::publish(scene.topic("1"), "x").qos(2));
    client.expect_message(&v5::publish(scene.topic("1"), "x").qos(1));
    publisher.publish(v5::publish(scene.topic("2"), "x").qos(2));
    client.expect_message(&v5::publish(scene.topic("2"), "x").qos(2));
    publisher.publish(v5::publish(scene.topic("2"), "x").qos(1));
    client.expect_message(&v5::publish(scene.topic("2"), "x").qos(1));
    publisher.publish(v5::publish(scene.topic("2"), "x"));
    client.expect_message(&v5::publish(scene.topic("2"), "x"));
}

/// \[MQTT5-3.3.4-2\] \[MQTT5-3.3.4-5\]
#[test]
fn overlapping_subscriptions_bring_one_message_with_the_highest_qos() {
    let scene = Scene::new();
    let mut publisher = scene.client_v5("publisher");
    let mut client = scene.client_v5("a");
    client.subscribe(&scene.topic("exact/is/2"), 2);
    client.subscribe(&scene.topic("exact/+/2"), 0);
    client.subscribe(&scene.topic("exact/#"), 1);
    client.subscribe(&scene.topic("plus/is/2"), 1);
    client.subscribe(&scene.topic("plus/+/2"), 2);
    client.subscribe(&scene.topic("plus/#"), 0);
    client.subscribe(&scene.topic("hash/is/2"), 0);
    client.subscribe(&scene.topic("hash/+/2"), 1);
    client.subscribe(&scene.topic("hash/#"), 2);

    publisher.publish(v5::publish(scene.topic("exact/is/2"), "x").qos(2));
    client.expect_message(&v5::publish(scene.topic("exact/is/2"), "x").qos(2));
    publisher.publish(v5::publish(scene.topic("plus/is/2"), "x").qos(2));
    client.expect_message(&v5::publish(scene.topic("plus/is/2"), "x").qos(2));
    publisher.publish(v5::publish(scene.topic("hash/is/2"), "x").qos(2));
    client.expect_message(&v5::publish(scene.topic("hash/is/2"), "x").qos(2));
    expect_nothing_from(&mut publisher, &mut client);
}

/// \[MQTT5-3.3.4-3\] \[MQTT5-3.3.4-4\]
#[test]
fn one_message_carries_the_identifiers_of_all_subscriptions_that_match() {
    let scene = Scene::new();
    let mut publisher = scene.client_v5("publisher");
    let mut client = scene.client_v5("a");
    let [small, large, other] = [7, 268_435_455, 128].map(property::subscription_identifier);
    client.send(v5::subscribe_with(
        1,
        &[&small],
        &[(&scene.topic("a/b"), 1)],
    ));
    client.expect_answer(0x90);
    client.send(v5::subscribe_with(
        2,
        &[&large],
        &[(&scene.topic("a/#"), 1)],
    ));
    client.expect_answer(0x90);
    client.send(v5::subscribe_with(
        3,
        &[&other],
        &[(&scene.topic("other"), 1)],
    ));
    client.expect_answer(0x90);
    client.subscribe(&scene.topic("+/b"), 0);

    publisher.publish(v5::publish(scene.topic("a/b"), "x").qos(1));
    let message = client.receive_publish();
    let mut identifiers = values(message.properties.as_ref(), 0x0B);
    identifiers.sort();
    assert_eq!(identifiers, [small[1..].to_vec(), large[1..].to_vec()]);
}

/// \[MQTT5-3.3.4-3\]
#[test]
fn an_identifier_belongs_to_every_filter_of_its_subscribe() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");
    let identifier = property::subscription_identifier(9);
    client.send(v5::subscribe_with(
        1,
        &[&identifier],
        &[(&scene.topic("a"), 0), (&scene.topic("b"), 0)],
    ));
    client.expect_answer(0x90);

    client.publish(v5::publish(scene.topic("a"), "x"));
    client.expect_publish(&v5::publish(scene.topic("a"), "x").property(&identifier));
    client.publish(v5::publish(scene.topic("b"), "x"));
    client.expect_publish(&v5::publish(scene.topic("b"), "x").property(&identifier));
}

/// \[MQTT5-3.3.4-3\] \[MQTT5-4.1.0-1\]
#[test]
fn an_identifier_outlives_the_connection_with_its_session() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let connect = v5::connect(scene.id("a"))
        .property(property::session_expiry(600))
        .keep_session();
    let mut before = scene.client_with(&connect);
    let identifier = property::subscription_identifier(300);
    before.send(v5::subscribe_with(1, &[&identifier], &[(&topic, 1)]));
    before.expect_answer(0x90);
    before.disconnect();
    scene
        .client_v5("publisher")
        .publish(v5::publish(&topic, "x").qos(1));

    let mut after = scene.client_with(&connect);
    after.expect_message(&v5::publish(&topic, "x").qos(1).property(&identifier));
}

/// \[MQTT5-4.13.1-1\]
#[test]
fn a_subscription_identifier_of_zero_is_a_protocol_error() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");

    let zero = property::subscription_identifier(0);
    client.send(v5::subscribe_with(1, &[&zero], &[(&scene.topic("t"), 0)]));
    client.expect_disconnect(0x82);
}

/// \[MQTT5-3.9.2-1\] \[MQTT5-3.9.2-2\] \[MQTT5-3.9.3-2\]
#[test]
fn a_suback_leaves_out_what_the_client_has_no_room_for() {
    let scene = Scene::new();
    let (mut client, room) = super::small(&scene);

    client.send(v5::subscribe(1, &[("$share//topic", 0)]));
    // Whichever form the refusal has.
    let answer = wire(&client.receive());
    assert!(answer.len() <= room, "{answer:02X?}");
}
