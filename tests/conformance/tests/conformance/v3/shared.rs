//! Shared subscriptions: no part of 3.1.1, which sees a topic that begins with `$`; `$queue/…` is
//! emqttd's, `$share/…` that of 5.0.

use castmq_conformance::{Client, Scene, v3};

use super::{expect_nothing_from, expect_nothing_more};

/// Two clients, each with a subscription of its own to `fence` and with a common one.
#[track_caller]
fn two_members(scene: &Scene, filter: &str) -> [Client; 2] {
    ["one", "other"].map(|name| {
        let mut client = scene.client(name);
        client.subscribe(&scene.topic("fence"), 1);
        client.subscribe(filter, 1);
        client
    })
}

/// The payloads that a client gets before the fence; each is acknowledged.
#[track_caller]
fn payloads_up_to_fence(client: &mut Client) -> Vec<u32> {
    let mut payloads = Vec::new();
    loop {
        let message = client.receive_publish();
        client.send(v3::puback(message.id.unwrap()));
        if message.payload == b"fence" {
            return payloads;
        }
        let payload = String::from_utf8(message.payload).unwrap();
        payloads.push(payload.parse().unwrap());
    }
}

/// Publishes the numbers 0 to 99 and expects each to arrive at one of the members.
#[track_caller]
fn expect_each_number_once(scene: &Scene, mut members: [Client; 2]) {
    let mut publisher = scene.client("publisher");
    for number in 0..100 {
        publisher.publish(v3::publish(scene.topic("t"), number.to_string()).qos(1));
    }
    publisher.publish(v3::publish(scene.topic("fence"), "fence").qos(1));
    let mut payloads: Vec<u32> = members.iter_mut().flat_map(payloads_up_to_fence).collect();
    payloads.sort_unstable();
    assert_eq!(payloads, Vec::from_iter(0..100));
}

/// As in emqttd.
#[test]
fn each_message_of_a_queue_reaches_one_of_its_members() {
    let scene = Scene::new();
    let members = two_members(&scene, &format!("$queue/{}", scene.topic("t")));

    expect_each_number_once(&scene, members);
}

/// As in 5.0.
#[test]
fn each_message_of_a_group_reaches_one_of_its_members() {
    let scene = Scene::new();
    let members = two_members(&scene, &format!("$share/group/{}", scene.topic("t")));

    expect_each_number_once(&scene, members);
}

/// As in 5.0.
#[test]
fn each_group_and_each_subscriber_gets_the_message() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut in_one = scene.client("in-one");
    let mut in_other = scene.client("in-other");
    let mut alone = scene.client("alone");
    in_one.subscribe(&format!("$share/one/{topic}"), 0);
    in_other.subscribe(&format!("$share/other/{topic}"), 0);
    alone.subscribe(&topic, 0);

    scene.client("publisher").publish(v3::publish(&topic, "x"));
    in_one.expect_publish(&v3::publish(&topic, "x"));
    in_other.expect_publish(&v3::publish(&topic, "x"));
    alone.expect_publish(&v3::publish(&topic, "x"));
}

/// As in 5.0.
#[test]
fn a_shared_subscription_brings_no_retained_messages() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut publisher = scene.client("publisher");
    publisher.publish(v3::publish(&topic, "x").qos(1).retain());

    let mut member = scene.client("member");
    member.subscribe(&format!("$share/group/{topic}"), 0);
    expect_nothing_from(&mut publisher, &mut member);
}

/// As in 5.0.
#[test]
fn a_member_that_leaves_gets_no_more() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let filter = format!("$share/group/{topic}");
    let [mut leaves, mut stays] = two_members(&scene, &filter);
    leaves.unsubscribe(&filter);

    let mut publisher = scene.client("publisher");
    publisher.publish(v3::publish(&topic, "1").qos(1));
    publisher.publish(v3::publish(&topic, "2").qos(1));
    stays.expect_message(&v3::publish(&topic, "1").qos(1));
    stays.expect_message(&v3::publish(&topic, "2").qos(1));
    expect_nothing_more(&mut leaves);
}

/// A filter that shares nothing is none.
#[test]
fn a_shared_subscription_without_a_filter_closes_the_connection() {
    let scene = Scene::new();
    let mut client = scene.client("a");

    client.send(v3::subscribe(1, &[("$share/group", 0)]));
    client.expect_close();
}
