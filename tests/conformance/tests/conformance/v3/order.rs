//! The order of messages and acknowledgements: chapter 4.6.

use castmq_conformance::{Client, Packet, Scene, v3};

/// `count` messages to the topic `t`, numbered from 0 in the payload and from 1 in the id.
fn numbered(scene: &Scene, qos: u8, count: u16) -> Vec<u8> {
    let topic = scene.topic("t");
    let message = |number: u16| {
        let publish = v3::publish(&topic, number.to_string()).qos(qos);
        if qos == 0 {
            publish
        } else {
            publish.id(number + 1)
        }
    };
    (0..count)
        .flat_map(|number| message(number).to_bytes())
        .collect()
}

/// Receives `count` messages numbered from 0, and acknowledges those of QoS 1.
#[track_caller]
fn expect_numbered(subscriber: &mut Client, count: u16) {
    for number in 0..count {
        let message = subscriber.receive_publish();
        assert_eq!(message.payload, number.to_string().into_bytes());
        if message.qos == 1 {
            subscriber.send(v3::puback(message.id.unwrap()));
        }
    }
}

/// \[MQTT3-4.6.0-5\] \[MQTT3-4.6.0-6\]
#[test]
fn messages_of_qos_0_arrive_in_the_order_in_which_they_were_published() {
    let scene = Scene::new();
    let mut subscriber = scene.client("subscriber");
    subscriber.subscribe(&scene.topic("t"), 0);

    scene.client("publisher").send(numbered(&scene, 0, 1000));
    expect_numbered(&mut subscriber, 1000);
}

/// More than a connection handles at a time, and the last packet in two pieces.
#[test]
fn what_comes_behind_a_subscribe_is_handled_in_its_order() {
    let scene = Scene::new();
    let mut client = scene.client("client");
    let mut bytes = v3::subscribe(1, &[(&scene.topic("t"), 0)]);
    bytes.extend(numbered(&scene, 0, 1000));
    let rest = bytes.split_off(bytes.len() - 4);

    client.send(bytes);
    client.expect(v3::suback(1, &[0]));
    expect_numbered(&mut client, 999);
    client.send(rest);
    assert_eq!(client.receive_publish().payload, b"999");
}

/// \[MQTT3-4.6.0-5\] \[MQTT3-4.6.0-6\]
#[test]
fn messages_of_qos_1_arrive_in_the_order_in_which_they_were_published() {
    let scene = Scene::new();
    let mut subscriber = scene.client("subscriber");
    subscriber.subscribe(&scene.topic("t"), 1);

    let mut publisher = scene.client("publisher");
    publisher.send(numbered(&scene, 1, 1000));
    expect_numbered(&mut subscriber, 1000);
}

/// \[MQTT3-4.6.0-6\]
#[test]
fn messages_of_qos_2_arrive_in_the_order_in_which_they_were_published() {
    let scene = Scene::new();
    let mut subscriber = scene.client("subscriber");
    subscriber.subscribe(&scene.topic("t"), 0);

    let mut publisher = scene.client("publisher");
    publisher.send(numbered(&scene, 2, 20));
    for id in 1..=20 {
        publisher.expect(v3::pubrec(id));
        publisher.send(v3::pubrel(id));
    }
    expect_numbered(&mut subscriber, 20);
}

/// \[MQTT3-4.6.0-6\]
#[test]
fn each_of_several_subscribers_sees_the_order() {
    let scene = Scene::new();
    let mut one = scene.client("one");
    let mut two = scene.client("two");
    let mut three = scene.client("three");
    one.subscribe(&scene.topic("t"), 0);
    two.subscribe(&scene.topic("+"), 1);
    three.subscribe(&scene.topic("#"), 1);

    let mut publisher = scene.client("publisher");
    publisher.send(numbered(&scene, 1, 300));
    expect_numbered(&mut one, 300);
    expect_numbered(&mut two, 300);
    expect_numbered(&mut three, 300);
}

/// \[MQTT3-4.6.0-6\] \[MQTT3-3.1.2-5\]
#[test]
fn the_order_holds_from_the_queue_into_the_live_messages() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut subscriber = scene.session("subscriber");
    let mut publisher = scene.client("publisher");
    subscriber.subscribe(&topic, 1);
    subscriber.disconnect();
    for number in 0..150 {
        publisher.publish(v3::publish(&topic, number.to_string()).qos(1));
    }

    let mut subscriber = scene.session("subscriber");
    for number in 150..300 {
        publisher.publish(v3::publish(&topic, number.to_string()).qos(1));
    }
    expect_numbered(&mut subscriber, 300);
}

/// \[MQTT3-4.6.0-2\]
#[test]
fn pubacks_come_in_the_order_of_the_messages() {
    let scene = Scene::new();
    let mut publisher = scene.client("publisher");

    publisher.send(numbered(&scene, 1, 500));
    for id in 1..=500 {
        publisher.expect(v3::puback(id));
    }
}

/// \[MQTT3-4.6.0-3\]
#[test]
fn pubrecs_come_in_the_order_of_the_messages() {
    let scene = Scene::new();
    let mut publisher = scene.client("publisher");

    publisher.send(numbered(&scene, 2, 20));
    for id in 1..=20 {
        publisher.expect(v3::pubrec(id));
    }
}

/// \[MQTT3-4.6.0-2\] \[MQTT3-4.6.0-3\]
#[test]
fn acknowledgements_of_different_topics_come_in_the_order_of_the_messages() {
    let scene = Scene::new();
    let mut subscriber = scene.client("subscriber");
    subscriber.subscribe(&scene.topic("near/#"), 1);
    let mut publisher = scene.client("publisher");

    let messages = [
        v3::publish(scene.topic("near/1"), "x").qos(1).id(9),
        v3::publish(scene.topic("far"), "x").qos(1).id(3).retain(),
        v3::publish(scene.topic("near/2"), "x").qos(2).id(7),
        v3::publish(scene.topic("nobody"), "x").qos(2).id(1),
        v3::publish(scene.topic("near/3"), "x").qos(1).id(5),
    ];
    publisher.send(
        messages
            .iter()
            .flat_map(Packet::to_bytes)
            .collect::<Vec<u8>>(),
    );
    publisher.expect(v3::puback(9));
    publisher.expect(v3::puback(3));
    publisher.expect(v3::pubrec(7));
    publisher.expect(v3::pubrec(1));
    publisher.expect(v3::puback(5));
}

/// \[MQTT3-4.6.0-4\]
#[test]
fn pubrels_come_in_the_order_of_the_pubrecs() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut subscriber = scene.client("subscriber");
    let mut publisher = scene.client("publisher");
    subscriber.subscribe(&topic, 2);
    publisher.publish(v3::publish(&topic, "1").qos(2));
    publisher.publish(v3::publish(&topic, "2").qos(2));
    publisher.publish(v3::publish(&topic, "3").qos(2));
    let first = subscriber.receive_publish().id.unwrap();
    let second = subscriber.receive_publish().id.unwrap();
    let third = subscriber.receive_publish().id.unwrap();

    subscriber.send([v3::pubrec(second), v3::pubrec(first), v3::pubrec(third)].concat());
    subscriber.expect(v3::pubrel(second));
    subscriber.expect(v3::pubrel(first));
    subscriber.expect(v3::pubrel(third));
}

/// \[MQTT3-4.6.0-4\] \[MQTT3-4.4.0-1\]
#[test]
fn resumed_pubrels_come_in_the_order_of_the_pubrecs() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut subscriber = scene.session("subscriber");
    let mut publisher = scene.client("publisher");
    subscriber.subscribe(&topic, 2);
    publisher.publish(v3::publish(&topic, "1").qos(2));
    publisher.publish(v3::publish(&topic, "2").qos(2));
    let first = subscriber.receive_publish().id.unwrap();
    let second = subscriber.receive_publish().id.unwrap();
    subscriber.send([v3::pubrec(second), v3::pubrec(first)].concat());
    subscriber.expect(v3::pubrel(second));
    subscriber.expect(v3::pubrel(first));
    subscriber.cut();

    let mut again = scene.session("subscriber");
    again.expect(v3::pubrel(second));
    again.expect(v3::pubrel(first));
}
