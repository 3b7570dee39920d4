//! Whatever is lost is in the ledger, with its reason and its message.

use std::sync::Arc;

use castmq_broker::inspect::{DropView, DropsWanted, PageRequest};
use castmq_broker::rules::Message;
use castmq_broker::rules::hook::HookStep;
use castmq_broker::{Broker, HookContext};
use castmq_conformance::{v3, v5};

use crate::scene::{broker, built, client, client_v5, eventually, kept};

fn drops(broker: &Broker, wanted: &DropsWanted) -> Vec<DropView> {
    let request = PageRequest::default();
    broker.inspect().drops(&request, wanted).unwrap().items
}

fn of_reason(reason: &str) -> DropsWanted {
    DropsWanted {
        reason: Some(reason.to_owned()),
        ..DropsWanted::default()
    }
}

#[track_caller]
fn await_drops(broker: &Broker, reason: &str, count: u64) -> Vec<DropView> {
    eventually("it is in the ledger", || {
        broker.drops().get(reason) == Some(&count)
    });
    drops(broker, &of_reason(reason))
}

#[test]
fn a_publish_to_nobody_names_topic_message_and_publisher() {
    let broker = broker(|_| ());
    let mut publisher = client(&broker, "publisher");
    publisher.publish(v3::publish("lonely", "x").qos(1));

    let drops = await_drops(&broker, "no_subscribers", 1);
    assert_eq!(drops[0].client_id.as_deref(), Some("publisher"));
    assert_eq!(drops[0].topic.as_deref(), Some("lonely"));
    assert!(drops[0].message.is_some());
    assert_eq!(drops[0].qos, Some(1));
    assert!(drops[0].text.contains("nobody subscribed"), "{drops:?}");
}

#[test]
fn every_publish_to_nobody_is_counted_and_some_are_shown() {
    let broker = broker(|_| ());
    let mut publisher = client(&broker, "publisher");
    for _ in 0..500 {
        publisher.send(v3::publish("lonely", "x"));
    }

    let drops = await_drops(&broker, "no_subscribers", 500);
    assert!(drops.len() >= 8, "{}", drops.len());
}

#[test]
fn qos_0_for_one_that_is_away_says_by_which_setting() {
    let broker = broker(|_| ());
    let (mut away, _) = kept(&broker, "away");
    away.subscribe("t", 0);
    away.disconnect();
    eventually("it is away", || {
        broker.session("away").is_some_and(|s| !s.is_connected)
    });
    client(&broker, "publisher").send(v3::publish("t", "x"));

    let drops = await_drops(&broker, "qos0_offline", 1);
    assert!(drops[0].text.contains("session.queue_qos0"), "{drops:?}");
}

#[test]
fn a_message_that_is_too_large_says_what_the_client_takes() {
    let broker = broker(|_| ());
    let mut small = castmq_conformance::client::Client::open(broker.addresses()[0]);
    let maximum = v5::property::maximum_packet_size(50);
    small.connect(&v5::connect("small").property(maximum));
    small.subscribe("t", 0);
    client(&broker, "publisher").send(v3::publish("t", [b'x'; 100]));

    let drops = await_drops(&broker, "too_large", 1);
    assert!(drops[0].text.contains("50 bytes"), "{drops:?}");
}

#[test]
fn what_a_hook_stops_is_in_the_ledger() {
    let stop = |_: &mut HookContext<'_>, _: &Message| HookStep::Stop;
    let builder = Broker::builder()
        .hooks(|hooks| hooks.message_publish.add("stop".into(), 0, Arc::new(stop)));
    let broker = built(builder.unwrap(), |_| ());
    client(&broker, "publisher").publish(v3::publish("t", "x").qos(1));

    let drops = await_drops(&broker, "stopped_by_hook", 1);
    assert_eq!(drops[0].topic.as_deref(), Some("t"));
}

#[test]
fn losses_are_found_by_client_and_by_filter() {
    let broker = broker(|_| ());
    let mut publisher = client_v5(&broker, "publisher");
    for topic in ["a/1", "a/2", "b"] {
        publisher.publish(v5::publish(topic, "x").qos(1));
    }
    client(&broker, "other").publish(v3::publish("a/3", "x").qos(1));
    await_drops(&broker, "no_subscribers", 4);

    let wanted = DropsWanted {
        client: Some("publisher".to_owned()),
        topic: Some("a/+".to_owned()),
        reason: None,
    };
    let found = drops(&broker, &wanted);
    let topics: Vec<_> = found
        .iter()
        .filter_map(|drop| drop.topic.as_deref())
        .collect();
    assert_eq!(topics, ["a/2", "a/1"]);
}

#[test]
fn pages_of_losses_follow_each_other() {
    let broker = broker(|_| ());
    let mut publisher = client(&broker, "publisher");
    for number in 0..5 {
        publisher.publish(v3::publish(number.to_string(), "x").qos(1));
    }
    await_drops(&broker, "no_subscribers", 5);
    let inspect = broker.inspect();
    let all = DropsWanted::default();

    let first = inspect.drops(&PageRequest::default().limit(3), &all);
    let first = first.unwrap();
    let rest = inspect
        .drops(&PageRequest::after(first.next), &all)
        .unwrap();
    let topics = |items: Vec<DropView>| -> Vec<_> {
        items.into_iter().filter_map(|drop| drop.topic).collect()
    };
    assert_eq!(topics(first.items), ["4", "3", "2"]);
    assert_eq!(topics(rest.items), ["1", "0"]);
    assert_eq!(rest.next, None);
}

#[test]
fn a_reason_or_filter_that_is_none_is_refused_with_what_is_right() {
    let broker = broker(|_| ());
    let inspect = broker.inspect();
    let request = PageRequest::default();
    let error = inspect.drops(&request, &of_reason("bad")).unwrap_err();
    assert!(error.to_string().contains("queue_full"), "{error}");

    let wanted = DropsWanted {
        topic: Some("a/#/b".to_owned()),
        ..DropsWanted::default()
    };
    let error = inspect.drops(&request, &wanted).unwrap_err();
    assert!(error.to_string().contains("'#'"), "{error}");
}
