//! What the broker says of itself under `$SYS`: emqttd's lists.

use std::collections::BTreeSet;
use std::time::Duration;

use castmq_broker::Broker;
use castmq_conformance::client::Client;
use castmq_conformance::v3;

use crate::scene::{broker, client};

const METRICS: &str = "bytes/received bytes/sent packets/received packets/sent packets/connect \
    packets/connack packets/publish/received packets/publish/sent packets/puback/received \
    packets/puback/sent packets/pubrec/received packets/pubrec/sent packets/pubrel/received \
    packets/pubrel/sent packets/pubcomp/received packets/pubcomp/sent packets/subscribe \
    packets/suback packets/unsubscribe packets/unsuback packets/pingreq packets/pingresp \
    packets/disconnect messages/received messages/sent messages/qos0/received messages/qos0/sent \
    messages/qos1/received messages/qos1/sent messages/qos2/received messages/qos2/sent \
    messages/retained messages/dropped";
const STATS: &str = "clients sessions routes topics subscribers subscriptions retained";

fn talkative() -> Broker {
    broker(|settings| {
        settings.node.sys_interval = Duration::from_secs(1);
        settings.node.name = "node".to_owned();
    })
}

/// Reads until each of these topics has come.
fn expect_topics(client: &mut Client, mut missing: BTreeSet<String>) {
    while !missing.is_empty() {
        let topic = String::from_utf8(client.receive_publish().topic).unwrap();
        missing.remove(&topic);
    }
}

#[test]
fn all_metrics_are_published() {
    let broker = talkative();
    let mut watcher = client(&broker, "watcher");
    watcher.subscribe("$SYS/brokers/node/metrics/#", 0);
    let topics = METRICS
        .split_whitespace()
        .map(|name| format!("$SYS/brokers/node/metrics/{name}"));
    expect_topics(&mut watcher, topics.collect());
}

#[test]
fn all_stats_are_published_with_their_maxima() {
    let broker = talkative();
    let mut watcher = client(&broker, "watcher");
    watcher.subscribe("$SYS/brokers/node/stats/#", 0);
    let topics = STATS.split(' ').flat_map(|name| {
        ["count", "max"].map(|what| format!("$SYS/brokers/node/stats/{name}/{what}"))
    });
    expect_topics(&mut watcher, topics.collect());
}

#[test]
fn version_description_uptime_and_time_are_published() {
    let broker = talkative();
    let mut watcher = client(&broker, "watcher");
    watcher.subscribe("$SYS/#", 0);
    let topics = ["version", "sysdescr", "uptime", "datetime"]
        .map(|name| format!("$SYS/brokers/node/{name}"));
    let mut topics = BTreeSet::from(topics);
    topics.insert("$SYS/brokers".to_owned());
    expect_topics(&mut watcher, topics);
}

#[test]
fn who_comes_and_goes_is_published() {
    let broker = talkative();
    let mut watcher = client(&broker, "watcher");
    watcher.subscribe("$SYS/brokers/+/clients/+/+", 0);
    client(&broker, "ann").disconnect();
    let came = watcher.receive_publish();
    assert_eq!(came.topic, b"$SYS/brokers/node/clients/ann/connected");
    assert!(String::from_utf8_lossy(&came.payload).contains("\"ann\""));
    assert_eq!(
        watcher.receive_publish().topic,
        b"$SYS/brokers/node/clients/ann/disconnected"
    );
}

#[test]
fn nothing_is_published_where_the_interval_is_zero() {
    let broker = broker(|settings| settings.node.sys_interval = Duration::ZERO);
    let mut watcher = client(&broker, "watcher");
    watcher.subscribe("$SYS/brokers/+/stats/#", 0);
    watcher.subscribe("$SYS/brokers/+/metrics/#", 0);
    watcher.expect_nothing();
}

#[test]
fn the_brokers_own_messages_do_not_count_as_traffic() {
    let broker = talkative();
    let mut watcher = client(&broker, "watcher");
    watcher.subscribe("$SYS/brokers/node/uptime", 0);
    let _ = watcher.receive_publish();
    assert_eq!(broker.metrics()["messages/sent"], 0);
    watcher.publish(v3::publish("t", "x").qos(1));
    assert_eq!(broker.metrics()["messages/received"], 1);
}
