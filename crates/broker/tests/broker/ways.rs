//! A publisher keeps the way of its last topic, and meets every change of it all the same.

use std::sync::Arc;

use castmq_broker::Authorizer;
use castmq_broker::rules::access::{Answer, Question, Subject};
use castmq_conformance::{Client, v3, v5};

use crate::scene::{broker, client, client_v5};

/// Publishes to the same topic again and again, while another client comes and goes by every kind of
/// subscription; it gets what was published while it was subscribed, and nothing else.
fn a_publisher_meets_every_change(arbiters: u16) {
    let broker = broker(|settings| settings.node.arbiters = arbiters);
    let mut publisher = client(&broker, "publisher");
    let mut subscriber = client(&broker, "subscriber");
    let mut publish = |payload: &str| publisher.publish(v3::publish("a", payload).qos(1));
    let expect = |subscriber: &mut Client, payload: &str| {
        subscriber.expect_publish(&v3::publish("a", payload));
    };

    publish("to nobody");
    subscriber.subscribe("a", 0);
    publish("exact");
    expect(&mut subscriber, "exact");

    subscriber.unsubscribe("a");
    publish("to nobody");
    subscriber.subscribe("+", 0);
    publish("wildcard");
    expect(&mut subscriber, "wildcard");

    subscriber.unsubscribe("+");
    publish("to nobody");
    subscriber.subscribe("$share/g/a", 0);
    publish("group");
    expect(&mut subscriber, "group");

    subscriber.unsubscribe("$share/g/a");
    publish("to nobody");
    subscriber.subscribe("a", 0);
    publish("exact again");
    expect(&mut subscriber, "exact again");
}

#[test]
fn a_publisher_meets_every_change_of_subscriptions_on_its_arbiter() {
    a_publisher_meets_every_change(1);
}

#[test]
fn a_publisher_meets_every_change_of_subscriptions_on_another_arbiter() {
    a_publisher_meets_every_change(2);
}

/// Allows nothing.
struct Nothing;

impl Authorizer for Nothing {
    fn authorize(&self, _: Subject<'_>, _: Question<'_>) -> Answer<()> {
        Answer::Error(())
    }
}

#[test]
fn a_publisher_loses_its_right_with_its_next_message() {
    let broker = broker(|_| ());
    let mut publisher = client_v5(&broker, "publisher");
    publisher.send(v5::publish("a", "x").qos(1).id(1));
    // 0x10: nobody subscribes to it.
    publisher.expect(vec![0x40, 3, 0, 1, 0x10]);

    broker
        .node()
        .access
        .replace(castmq_broker::access_control::Modules {
            authorizers: vec![Arc::new(Nothing)],
            ..Default::default()
        });
    publisher.send(v5::publish("a", "x").qos(1).id(2));
    publisher.expect(vec![0x40, 3, 0, 2, 0x87]);
}
