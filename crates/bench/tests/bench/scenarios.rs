//! Each scenario against a broker that does all right.

use std::time::Duration;

use castmq_bench::Report;
use castmq_broker::Broker;
use castmq_settings::{Settings, StoreBackend};

use crate::bench;

/// A broker of its own for each test; it stops with the test.
struct Running(Option<Broker>);

impl Running {
    fn start() -> Self {
        let mut settings = Settings::default();
        settings.store.backend = StoreBackend::Memory;
        for listener in &mut settings.listener {
            listener.address = "127.0.0.1:0".parse().unwrap();
        }
        settings.node.arbiters = 1;
        // What the broker says of itself is retained, and is not the run's.
        settings.node.sys_interval = Duration::ZERO;
        Self(Some(Broker::builder().settings(settings).start().unwrap()))
    }

    fn bench(&self, line: &str) -> Report {
        let broker = self.0.as_ref().unwrap();
        let report = bench(broker.addresses()[0], line).unwrap();
        assert!(report.ok, "{report} {:?}", report.note);
        report
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(broker) = self.0.take() {
            broker.stop();
        }
    }
}

/// Runs against a broker; names and operations of the phases.
fn phases(line: &str) -> Vec<(String, u64)> {
    let report = Running::start().bench(line);
    let phases = report.phases.into_iter();
    phases.map(|phase| (phase.name, phase.operations)).collect()
}

fn phase(name: &str, operations: u64) -> (String, u64) {
    (name.to_owned(), operations)
}

#[test]
fn each_pair_has_its_own_messages() {
    let expected = [phase("publish", 1000)];
    assert_eq!(phases("p2p --clients 7 --messages 1000"), expected);
    let line = "p2p --clients 7 --messages 1000 --qos 1 --protocol 5.0";
    assert_eq!(phases(line), expected);
    assert_eq!(phases("p2p --clients 7 --messages 1000 --qos 2"), expected);
}

#[test]
fn each_subscriber_gets_each_message() {
    let line = "fanout --publishers 2 --subscribers 5 --messages 100";
    assert_eq!(phases(line), [phase("publish", 500)]);
}

#[test]
fn few_subscribers_get_the_messages_of_many_publishers() {
    let line = "fanin --publishers 10 --subscribers 3 --messages 100";
    assert_eq!(phases(line), [phase("publish", 100)]);
}

#[test]
fn one_member_of_a_group_gets_each_message() {
    let line = "shared --publishers 3 --subscribers 4 --messages 100 --qos 1";
    assert_eq!(phases(line), [phase("publish", 100)]);
}

#[test]
fn each_message_matches_three_of_many_filters() {
    let line = "wildcard --filters 30 --clients 4 --publishers 2 --messages 100";
    let expected = [phase("subscribe", 30), phase("publish", 300)];
    assert_eq!(phases(line), expected);
}

#[test]
fn retained_messages_are_stored_and_fetched() {
    let line = "retained --publishers 2 --subscribers 2 --messages 99";
    let expected = [phase("store", 99), phase("fetch", 198)];
    assert_eq!(phases(line), expected);
}

#[test]
fn nothing_is_left_in_the_broker() {
    let broker = Running::start();
    broker.bench("p2p --clients 5 --persistent --qos 1 --duration 0.1");
    broker.bench("retained --messages 50");
    broker.bench("offline --clients 5 --messages 5");
    broker.bench("conn --clients 5 --persistent");
    broker.bench("churn --clients 5 --persistent --duration 0.1");
    broker.bench("churn --clients 5 --persistent --takeover --duration 0.1");
    let stats = broker.0.as_ref().unwrap().stats();
    assert_eq!(stats["retained"], 0);
    assert_eq!(stats["sessions"], 0);
}

#[test]
fn queued_messages_are_drained() {
    let line = "offline --clients 5 --publishers 2 --messages 20";
    let expected = [
        phase("connect", 5),
        phase("leave", 5),
        phase("queue", 100),
        phase("drain", 100),
    ];
    assert_eq!(phases(line), expected);
    assert_eq!(phases(&format!("{line} --protocol 5.0 --qos 2")), expected);
}

#[test]
fn connections_subscribe_and_stay() {
    let line = "conn --clients 20 --subscribe --persistent --idle 0.1 --ping-rate 100";
    let names: Vec<_> = phases(line).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["connect", "subscribe", "idle"]);
}

#[test]
fn clients_come_and_go() {
    let phases = phases("churn --clients 3 --duration 0.1");
    assert_eq!(phases[0].0, "churn");
    assert!(phases[0].1 > 0);
}

#[test]
fn clients_take_over_each_other_s_connections() {
    let phases = phases("churn --takeover --clients 3 --duration 0.1 --protocol 5.0");
    assert_eq!(phases[0].0, "takeover");
    assert!(phases[0].1 > 0);
}

#[test]
fn a_storm_of_connections_is_compared_with_the_calm_before_it() {
    let broker = Running::start();
    let report = broker.bench("handshakes --clients 300 --at-once 50 --duration 0.2 --threads 2");
    let names: Vec<_> = report.phases.iter().map(|phase| &phase.name).collect();
    assert_eq!(names, ["calm", "storm", "handshakes"]);
    assert!(report.phases[0].operations > 0);
    assert!(report.phases[1].latency_ratio.unwrap().p99 > 0.0);
    assert_eq!(report.phases[2].operations, 300);
    let stats = broker.0.as_ref().unwrap().stats();
    assert_eq!(stats["sessions"], 0);
}

#[test]
fn threads_share_the_work_and_find_the_same() {
    let broker = Running::start();
    let delivered = |line: &str| broker.bench(&format!("{line} --threads 2")).phases[0].operations;
    assert_eq!(delivered("p2p --clients 5 --messages 100"), 100);
    assert_eq!(delivered("fanout --subscribers 5 --messages 100"), 500);
    assert_eq!(delivered("fanin --publishers 5 --messages 100"), 100);
    assert_eq!(delivered("shared --messages 100"), 100);
    assert_eq!(delivered("offline --clients 5"), 5);
    assert_eq!(delivered("retained --messages 50"), 50);
}

#[test]
fn a_fixed_rate_has_latencies_from_when_messages_were_due() {
    let report = Running::start().bench("p2p --clients 2 --rate 1000 --messages 50 --qos 1");
    let phase = &report.phases[0];
    assert_eq!(phase.operations, 50);
    // The last of 50 is due after 49 ms.
    assert!(phase.seconds >= 0.049);
    assert!(phase.latency_us.unwrap().p50 > 0.0);
}

#[test]
fn a_message_larger_than_all_buffers_arrives() {
    let line = "p2p --clients 1 --messages 4 --window 1 --payload 900000";
    assert_eq!(phases(line), [phase("publish", 4)]);
}

#[test]
fn the_broker_s_process_is_measured_if_its_number_is_given() {
    let own = std::process::id();
    let report = Running::start().bench(&format!("p2p --clients 2 --messages 100 --pid {own}"));
    let phase = &report.phases[0];
    assert!(phase.broker_cpu_us.unwrap() > 0.0);
    assert!(phase.broker_rss_bytes_after.unwrap() > 0);
}

#[test]
fn a_report_is_one_line_of_json() {
    let report = Running::start().bench("p2p --clients 2 --messages 10");
    let json = report.json();
    assert!(!json.contains('\n'));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["scenario"], "p2p");
    assert_eq!(json["options"]["clients"], 2);
    assert_eq!(json["phases"][0]["name"], "publish");
    assert_eq!(json["phases"][0]["unit"], "message");
    assert_eq!(json["phases"][0]["broker_cpu_us"], serde_json::Value::Null);
    assert_eq!(json["faults"]["lost"], 0);
    assert_eq!(json["ok"], true);
}
