//! Listeners whose clients live below a mount point.

use castmq_conformance::v5::{self, property};
use castmq_conformance::wire::Packet;
use castmq_conformance::{Client, Connect, v3, will};
use castmq_settings::Listener;

use super::{House, expect_may_not_publish, expect_may_publish, listener};

/// A broker with a listener that is mounted at `plant/`.
fn house() -> Option<House> {
    House::with(|settings, _| settings.listener.push(mounted()))
}

fn mounted() -> Listener {
    Listener {
        mount_point: Some("plant/".to_owned()),
        ..listener("plant")
    }
}

/// A client that came by the mounted listener.
fn inside_with(house: &House, connect: &Connect) -> Client {
    let mut client = house.door("plant").open();
    client.connect(connect);
    client
}

fn inside(house: &House, name: &str) -> Client {
    inside_with(house, &v5::connect(house.id(name)))
}

#[test]
fn what_a_client_publishes_is_below_the_mount_point_for_all_others() {
    let Some(house) = house() else { return };
    let mut outside = house.client_v5("outside");
    outside.subscribe("plant/pump", 1);
    let mut inside = inside(&house, "inside");

    inside.publish(v5::publish("pump", "on").qos(1));
    outside.expect_message(&v5::publish("plant/pump", "on").qos(1));
}

#[test]
fn a_client_gets_what_is_below_its_mount_point_without_seeing_that() {
    let Some(house) = house() else { return };
    let mut outside = house.client_v5("outside");
    let mut inside = inside(&house, "inside");
    inside.subscribe("#", 1);

    outside.publish(v5::publish("pump", "not for the plant").qos(1));
    outside.publish(v5::publish("plant/pump", "on").qos(1));
    inside.expect_message(&v5::publish("pump", "on").qos(1));
}

#[test]
fn it_gets_its_own_messages_as_it_sent_them() {
    let Some(house) = house() else { return };
    let mut v5_client = inside(&house, "a");
    let mut v3_client = inside_with(&house, &v3::connect(house.id("b")));
    v5_client.subscribe("pump", 0);
    v3_client.subscribe("+", 2);

    v3_client.publish(v3::publish("pump", "on"));
    v3_client.expect_message(&v3::publish("pump", "on"));
    v5_client.expect_message(&v5::publish("pump", "on"));
}

#[test]
fn the_filter_of_a_shared_subscription_is_below_it_too() {
    let Some(house) = house() else { return };
    let mut inside = inside(&house, "inside");
    let mut outside = house.client_v5("outside");
    inside.subscribe("$share/group/pump", 1);
    inside.subscribe("$queue/valve", 1);

    outside.publish(v5::publish("plant/pump", "on").qos(1));
    inside.expect_message(&v5::publish("pump", "on").qos(1));
    outside.publish(v5::publish("plant/valve", "on").qos(1));
    inside.expect_message(&v5::publish("valve", "on").qos(1));
    inside.unsubscribe("$share/group/pump");
}

#[test]
fn a_will_is_published_below_it() {
    let Some(house) = house() else { return };
    let mut outside = house.client_v5("outside");
    outside.subscribe("+/status", 0);
    let connect = v5::connect(house.id("a")).will(will("status", "gone"));

    inside_with(&house, &connect).cut();
    outside.expect_publish(&v5::publish("plant/status", "gone"));
}

#[test]
fn retained_messages_are_kept_and_found_below_it() {
    let Some(house) = house() else { return };
    let mut client = inside(&house, "a");
    client.publish(v5::publish("pump", "on").qos(1).retain());

    client.subscribe("pump", 1);
    client.expect_message(&v5::publish("pump", "on").qos(1).retain());
    let mut outside = house.client_v5("outside");
    outside.subscribe("pump", 1);
    outside.subscribe("plant/pump", 1);
    outside.expect_message(&v5::publish("plant/pump", "on").qos(1).retain());
}

#[test]
fn unsubscribing_ends_what_is_below_it() {
    let Some(house) = house() else { return };
    let mut outside = house.client_v5("outside");
    let mut inside = inside(&house, "inside");
    inside.subscribe("pump", 0);
    inside.subscribe("valve", 0);

    inside.unsubscribe("pump");
    outside.publish(v5::publish("plant/pump", "on").qos(1));
    outside.publish(v5::publish("plant/valve", "on").qos(1));
    inside.expect_publish(&v5::publish("valve", "on"));
}

/// \[MQTT5-3.3.2-12\]
#[test]
fn an_alias_stands_for_the_topic_below_it() {
    let Some(house) = house() else { return };
    let mut outside = house.client_v5("outside");
    outside.subscribe("plant/pump", 1);
    let mut inside = inside(&house, "inside");
    let alias = property::topic_alias(1);

    inside.publish(v5::publish("pump", "1").qos(1).property(&alias));
    inside.publish(v5::publish("", "2").qos(1).property(&alias));
    outside.expect_message(&v5::publish("plant/pump", "1").qos(1));
    outside.expect_message(&v5::publish("plant/pump", "2").qos(1));
}

#[test]
fn rules_are_about_the_whole_topic() {
    let rules = "[[rule]]\npermit = 'allow'\ntopics = ['plant/pump']\n";
    let Some(house) = House::with(|settings, files| {
        settings.acl.file = Some(files.write("acl.toml", rules));
        settings.listener.push(mounted());
    }) else {
        return;
    };
    let mut inside = inside(&house, "inside");

    expect_may_publish(&mut inside, "pump");
    expect_may_not_publish(&mut inside, "plant/pump");
}

#[test]
fn a_topic_that_is_too_long_below_it_is_not_taken() {
    let Some(house) = house() else { return };
    let mut inside = inside(&house, "inside");
    let longest = "x".repeat(65_535);

    inside.send(v5::subscribe(1, &[(&longest, 0)]));
    assert_eq!(inside.expect_answer(0x90).codes, [0x8F]);
    inside.send(v5::publish(&longest, "x").qos(1).id(1).to_bytes());
    let answer = inside.receive();
    assert!([0x40, 0xE0].contains(&answer.header), "{answer:?}");
}
