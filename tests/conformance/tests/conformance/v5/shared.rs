//! Shared subscriptions: chapter 4.8.2, and emqttd's `$queue/`.

use std::collections::BTreeSet;

use castmq_conformance::v5::{self, property};
use castmq_conformance::{Client, Connect, Scene};

use super::{expect_disconnect_for, expect_nothing_from, expect_nothing_more};

/// The shared filter of a test's topic.
fn shared(scene: &Scene) -> String {
    format!("$share/group/{}", scene.topic("t"))
}

/// The CONNECT of a member whose session lives on.
fn lasting(scene: &Scene, name: &str) -> Connect {
    v5::connect(scene.id(name))
        .property(property::session_expiry(600))
        .keep_session()
}

/// Two members of a group who also hear the end mark.
fn members(scene: &Scene, filter: &str) -> [Client; 2] {
    ["one", "two"].map(|name| {
        let mut client = scene.client_v5(name);
        client.subscribe(&scene.topic("end"), 0);
        client.subscribe(filter, 0);
        client
    })
}

/// What arrives until the end mark.
fn until_end(scene: &Scene, client: &mut Client) -> BTreeSet<String> {
    let mut payloads = BTreeSet::new();
    loop {
        let message = client.receive_publish();
        if message.topic == scene.topic("end").as_bytes() {
            return payloads;
        }
        payloads.insert(String::from_utf8(message.payload).unwrap());
    }
}

/// Publishes forty messages, of which each must reach one of two members.
#[track_caller]
fn expect_one_each(filter: &str, scene: &Scene) {
    let [mut one, mut two] = members(scene, filter);
    let mut publisher = scene.client_v5("publisher");
    for number in 0..40 {
        publisher.publish(v5::publish(scene.topic("t"), number.to_string()));
    }
    publisher.publish(v5::publish(scene.topic("end"), "end"));

    let first = until_end(scene, &mut one);
    let second = until_end(scene, &mut two);
    assert!(first.is_disjoint(&second), "{first:?} {second:?}");
    assert_eq!(first.len() + second.len(), 40);
}

/// \[MQTT5-4.8.2-1\] \[MQTT5-3.8.4-7\]
#[test]
fn a_shared_subscription_is_granted_and_gets_the_messages_of_its_filter() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");
    client.subscribe(&format!("$share/group name/{}", scene.topic("+/b")), 1);

    client.publish(v5::publish(scene.topic("a/b"), "x"));
    client.expect_publish(&v5::publish(scene.topic("a/b"), "x"));
}

/// \[MQTT5-4.8.2-1\] \[MQTT5-4.5.0-1\]
#[test]
fn each_message_goes_to_one_member_of_a_group() {
    let scene = Scene::new();

    expect_one_each(&shared(&scene), &scene);
}

/// \[MQTT5-4.8.2-1\] \[MQTT5-4.8.2-2\]
#[test]
fn groups_with_other_names_get_every_message_each() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut publisher = scene.client_v5("publisher");
    let mut one = scene.client_v5("one");
    let mut two = scene.client_v5("two");
    let mut alone = scene.client_v5("alone");
    one.subscribe(&format!("$share/a/{topic}"), 0);
    two.subscribe(&format!("$share/b/{topic}"), 0);
    alone.subscribe(&topic, 0);

    publisher.publish(v5::publish(&topic, "x"));
    one.expect_publish(&v5::publish(&topic, "x"));
    two.expect_publish(&v5::publish(&topic, "x"));
    alone.expect_publish(&v5::publish(&topic, "x"));
}

/// \[MQTT5-4.8.2-1\] \[MQTT5-3.8.4-3\]
#[test]
fn a_client_may_hold_a_filter_shared_and_for_itself() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = scene.client_v5("a");
    client.subscribe(&topic, 0);
    client.subscribe(&shared(&scene), 0);

    client.publish(v5::publish(&topic, "both"));
    let first = client.receive_publish();
    assert_eq!(first.payload, b"both");
    let second = client.receive_publish();
    assert_eq!(second.payload, b"both");
    client.unsubscribe(&shared(&scene));
    client.publish(v5::publish(&topic, "own"));
    client.expect_publish(&v5::publish(&topic, "own"));
    expect_nothing_more(&mut client);
}

/// \[MQTT5-4.8.2-3\] \[MQTT5-3.8.4-8\]
#[test]
fn a_member_gets_messages_with_the_qos_it_was_granted() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut publisher = scene.client_v5("publisher");
    let mut low = scene.client_v5("low");
    let mut high = scene.client_v5("high");
    low.subscribe(&format!("$share/low/{topic}"), 0);
    high.subscribe(&format!("$share/high/{topic}"), 2);

    publisher.publish(v5::publish(&topic, "x").qos(2));
    low.expect_message(&v5::publish(&topic, "x"));
    high.expect_message(&v5::publish(&topic, "x").qos(2));
    publisher.publish(v5::publish(&topic, "y").qos(1));
    low.expect_message(&v5::publish(&topic, "y"));
    high.expect_message(&v5::publish(&topic, "y").qos(1));
}

/// \[MQTT5-4.8.2-3\] \[MQTT5-3.3.4-3\]
#[test]
fn a_member_gets_the_identifier_of_its_own_subscription() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut client = scene.client_v5("a");
    let identifier = property::subscription_identifier(77);
    client.send(v5::subscribe_with(
        1,
        &[&identifier],
        &[(&shared(&scene), 1)],
    ));
    assert_eq!(client.expect_answer(0x90).codes, [1]);

    client.publish(v5::publish(&topic, "x"));
    client.expect_publish(&v5::publish(&topic, "x").property(&identifier));
}

/// \[MQTT5-4.8.2-1\] \[MQTT5-3.10.4-2\]
#[test]
fn a_member_that_unsubscribed_gets_nothing_and_the_others_get_everything() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut publisher = scene.client_v5("publisher");
    let mut leaves = scene.client_v5("leaves");
    let mut stays = scene.client_v5("stays");
    leaves.subscribe(&shared(&scene), 0);
    stays.subscribe(&shared(&scene), 0);

    leaves.unsubscribe(&shared(&scene));
    publisher.publish(v5::publish(&topic, "1"));
    publisher.publish(v5::publish(&topic, "2"));
    publisher.publish(v5::publish(&topic, "3"));
    stays.expect_publish(&v5::publish(&topic, "1"));
    stays.expect_publish(&v5::publish(&topic, "2"));
    stays.expect_publish(&v5::publish(&topic, "3"));
    expect_nothing_from(&mut publisher, &mut leaves);
}

/// \[MQTT5-4.8.2-1\] \[MQTT5-4.1.0-2\]
#[test]
fn what_a_member_did_not_acknowledge_goes_to_another_when_its_session_ends() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut publisher = scene.client_v5("publisher");
    let mut dies = scene.client_v5("dies");
    dies.subscribe(&shared(&scene), 1);
    publisher.publish(v5::publish(&topic, "x").qos(1));
    dies.expect_publish(&v5::publish(&topic, "x").qos(1));
    let mut lives = scene.client_v5("lives");
    lives.subscribe(&shared(&scene), 1);

    dies.cut();
    let arrived = lives.receive_publish();
    assert_eq!((arrived.qos, arrived.payload), (1, b"x".to_vec()));
}

/// \[MQTT5-4.8.2-6\] \[MQTT5-4.4.0-2\]
#[test]
fn a_message_of_qos_1_that_a_member_refused_is_offered_to_nobody_else() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut publisher = scene.client_v5("publisher");
    let mut refuses = scene.client_v5("refuses");
    refuses.subscribe(&shared(&scene), 1);
    publisher.publish(v5::publish(&topic, "x").qos(1));
    let id = refuses.expect_publish(&v5::publish(&topic, "x").qos(1));
    let mut other = scene.client_v5("other");
    other.subscribe(&shared(&scene), 1);

    refuses.send(v5::ack_with(0x40, id, 0x83, &[]));
    refuses.disconnect();
    expect_nothing_from(&mut publisher, &mut other);
}

/// \[MQTT5-4.8.2-6\] \[MQTT5-4.4.0-2\]
#[test]
fn a_message_of_qos_2_that_a_member_refused_is_offered_to_nobody_else() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut publisher = scene.client_v5("publisher");
    let mut refuses = scene.client_v5("refuses");
    refuses.subscribe(&shared(&scene), 2);
    publisher.publish(v5::publish(&topic, "x").qos(2));
    let id = refuses.expect_publish(&v5::publish(&topic, "x").qos(2));
    let mut other = scene.client_v5("other");
    other.subscribe(&shared(&scene), 2);

    refuses.send(v5::ack_with(0x50, id, 0x83, &[]));
    refuses.disconnect();
    expect_nothing_from(&mut publisher, &mut other);
}

/// \[MQTT5-4.8.2-4\]
#[test]
fn a_member_that_returns_finishes_its_message_of_qos_2() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut publisher = scene.client_v5("publisher");
    let mut before = scene.client_with(&lasting(&scene, "away"));
    before.subscribe(&shared(&scene), 2);
    publisher.publish(v5::publish(&topic, "x").qos(2));
    let first = before.expect_publish(&v5::publish(&topic, "x").qos(2));
    let mut other = scene.client_v5("other");
    other.subscribe(&shared(&scene), 2);

    before.disconnect();
    expect_nothing_from(&mut publisher, &mut other);
    let mut after = scene.client_with(&lasting(&scene, "away"));
    let again = after.expect_publish(&v5::publish(&topic, "x").qos(2).dup());
    assert_eq!(again, first, "the packet id");
    after.send(v5::pubrec(again));
    after.expect_ack(0x62, again);
    after.send(v5::pubcomp(again));
    expect_nothing_more(&mut after);
}

/// \[MQTT5-4.8.2-5\] \[MQTT5-4.1.0-2\]
#[test]
fn a_message_of_qos_2_ends_with_the_session_of_its_member() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut publisher = scene.client_v5("publisher");
    let mut dies = scene.client_v5("dies");
    dies.subscribe(&shared(&scene), 2);
    publisher.publish(v5::publish(&topic, "x").qos(2));
    dies.expect_publish(&v5::publish(&topic, "x").qos(2));
    let mut other = scene.client_v5("other");
    other.subscribe(&shared(&scene), 2);

    dies.disconnect();
    expect_nothing_from(&mut publisher, &mut other);
}

/// \[MQTT5-4.8.2-2\]
#[test]
fn no_local_on_a_shared_subscription_ends_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");

    client.send(v5::subscribe(1, &[(&shared(&scene), 0x05)]));
    expect_disconnect_for(&mut client, &[0x82]);
}

/// \[MQTT5-4.8.2-1\] \[MQTT5-3.10.4-1\]
#[test]
fn unsubscribing_needs_the_whole_shared_filter() {
    let scene = Scene::new();
    let mut client = scene.client_v5("a");
    client.subscribe(&shared(&scene), 0);

    client.send(v5::unsubscribe(
        1,
        &[
            &scene.topic("t"),
            &format!("$share/other/{}", scene.topic("t")),
        ],
    ));
    assert_eq!(client.expect_answer(0xB0).codes, [0x11, 0x11]);
    client.unsubscribe(&shared(&scene));
}

/// \[MQTT5-4.5.0-1\]
#[test]
fn each_message_goes_to_one_member_of_a_queue() {
    let scene = Scene::new();

    expect_one_each(&format!("$queue/{}", scene.topic("t")), &scene);
}
