//! A message is followed through all processes, on all arbiters, to the disk and back.

use castmq_broker::Broker;
use castmq_broker::trace::{FlowView, TraceRequest};
use castmq_conformance::v3;
use castmq_store::Store;

use crate::disk::Disk;
use crate::scene::{broker, built, client, eventually, kept};

fn follow(broker: &Broker, wants: &TraceRequest) -> u32 {
    broker.inspect().start_trace(wants).unwrap().id
}

fn topic(topic: &str) -> TraceRequest {
    TraceRequest {
        topic: Some(topic.to_owned()),
        ..TraceRequest::default()
    }
}

fn of_client(client: &str) -> TraceRequest {
    TraceRequest {
        client: Some(client.to_owned()),
        ..TraceRequest::default()
    }
}

/// The flow whose cause begins like this, as soon as its notes say all this.
fn flow(broker: &Broker, trace: u32, cause: &str, notes: &[&str]) -> FlowView {
    let mut found = None;
    eventually(&format!("a flow '{cause}' with {notes:?}"), || {
        let flows = broker.inspect().flows(trace, 0, 1000).unwrap().items;
        let mut flows = flows.into_iter();
        found = flows.find(|flow| {
            let said = said(flow);
            let has = |wanted: &&str| said.iter().any(|text| text.contains(*wanted));
            flow.cause.starts_with(cause) && notes.iter().all(has)
        });
        found.is_some()
    });
    found.unwrap()
}

fn said(flow: &FlowView) -> Vec<String> {
    let notes = flow.hops.iter().flat_map(|hop| &hop.notes);
    notes.map(|note| note.text.clone()).collect()
}

/// Kind, name and entry of each hop.
fn ways(flow: &FlowView) -> Vec<String> {
    let hops = flow.hops.iter();
    hops.map(|hop| format!("{} {} {}", hop.kind, hop.name, hop.entry))
        .collect()
}

#[test]
fn a_message_of_qos_1_is_followed_from_its_packet_to_the_last_acknowledgement() {
    let broker = broker(|_| ());
    let mut reader = client(&broker, "reader");
    reader.subscribe("a/+", 1);
    let trace = follow(&broker, &topic("a/#"));
    let mut writer = client(&broker, "writer");
    writer.publish(v3::publish("a/b", "payload").qos(1));
    reader.expect_message(&v3::publish("a/b", "payload").qos(1));

    let flow = flow(
        &broker,
        trace,
        "PUBLISH a/b, QoS 1, 7 bytes",
        &["PUBACK 1 read", "PUBACK 1"],
    );
    assert_eq!(flow.client_id.as_deref(), Some("writer"));
    assert!(flow.message.is_some());
    let ways = ways(&flow);
    for hop in [
        "client writer PUBLISH",
        "session reader Deliver",
        "client reader Publish",
        "client reader PUBACK",
        "session reader Puback",
    ] {
        assert!(
            ways.iter().any(|way| way == hop),
            "{hop} is not in {ways:?}"
        );
    }
    // Each hop but the first has a cause among those before it.
    for hop in &flow.hops[1..] {
        assert!(hop.parent.unwrap() < hop.hop, "{flow:#?}");
    }
    assert!(said(&flow).iter().all(|text| !text.contains("payload")));
}

#[test]
fn what_a_client_gets_is_followed_although_somebody_else_has_published_it() {
    let broker = broker(|_| ());
    let mut reader = client(&broker, "reader");
    reader.subscribe("a", 0);
    let mut other = client(&broker, "other");
    other.subscribe("a", 0);
    let trace = follow(&broker, &of_client("reader"));
    client(&broker, "writer").publish(v3::publish("a", "x"));
    reader.expect_message(&v3::publish("a", "x"));
    other.expect_message(&v3::publish("a", "x"));

    let flow = flow(&broker, trace, "PUBLISH a", &["written to the socket"]);
    let ways = ways(&flow);
    assert!(
        ways.contains(&"session reader Deliver".to_owned()),
        "{ways:?}"
    );
    assert!(
        !ways.contains(&"session other Deliver".to_owned()),
        "{ways:?}"
    );
}

#[test]
fn a_message_that_waits_for_its_client_is_followed_when_that_comes_back() {
    let broker = broker(|_| ());
    let (mut reader, _) = kept(&broker, "reader");
    reader.subscribe("a", 1);
    reader.disconnect();
    let trace = follow(&broker, &topic("a"));
    client(&broker, "writer").publish(v3::publish("a", "x").qos(1));
    flow(&broker, trace, "PUBLISH a", &["the client is away"]);

    let (mut reader, _) = kept(&broker, "reader");
    reader.expect_message(&v3::publish("a", "x").qos(1));
    let flow = flow(
        &broker,
        trace,
        "PUBLISH a",
        &[
            "the client is away",
            "goes to the client as packet 1",
            "PUBACK 1 read",
        ],
    );
    assert!(ways(&flow).contains(&"client reader Publish".to_owned()));
}

#[test]
fn the_way_to_the_disk_is_part_of_it() {
    let disk = Disk::new();
    disk.reopen().unwrap();
    let store: std::sync::Arc<dyn Store> = std::sync::Arc::<Disk>::clone(&disk);
    let broker = built(Broker::builder().store(store), |_| ());
    let (mut reader, _) = kept(&broker, "reader");
    reader.subscribe("a", 1);
    let trace = follow(&broker, &topic("a"));
    client(&broker, "writer").publish(v3::publish("a", "x").qos(1));
    reader.expect_message(&v3::publish("a", "x").qos(1));
    let flow = flow(
        &broker,
        trace,
        "PUBLISH a",
        &["waits for the disk", "on the disk", "PUBACK 1 read"],
    );
    assert!(
        ways(&flow).contains(&"client writer Answer".to_owned()),
        "{:?}",
        ways(&flow)
    );
}

#[test]
fn everything_that_a_client_does_is_followed_where_no_topic_is_named() {
    let broker = broker(|_| ());
    let trace = follow(&broker, &of_client("reader"));
    let mut reader = client(&broker, "reader");
    reader.subscribe("a/+", 1);
    reader.disconnect();
    let connect = flow(&broker, trace, "CONNECT, client id 'reader'", &[]);
    let ways = ways(&connect);
    // Its connection is called by its address until it has its session.
    for (kind, entry) in [
        ("sm", "Claim"),
        ("session", "Connected"),
        ("client", "Claimed"),
        ("cm", "Register"),
    ] {
        let is_there = ways
            .iter()
            .any(|way| way.starts_with(kind) && way.ends_with(entry));
        assert!(is_there, "{kind} {entry} is not in {ways:?}");
    }
    flow(&broker, trace, "SUBSCRIBE 1: a/+ QoS 1", &[]);
    flow(&broker, trace, "DISCONNECT", &[]);
}

#[test]
fn a_trace_ends_by_itself_and_says_why_and_what_it_has_cost() {
    let broker = broker(|_| ());
    let mut writer = client(&broker, "writer");
    let request = TraceRequest {
        flows: Some(3),
        ..topic("#")
    };
    let trace = follow(&broker, &request);
    for _ in 0..10 {
        writer.publish(v3::publish("a", "x").qos(1));
    }
    eventually("three flows are told", || {
        broker.inspect().flows(trace, 0, 1000).unwrap().items.len() == 3
    });
    let trace = broker.inspect().trace(trace).unwrap();
    assert_eq!((trace.state, trace.ended_because), ("done", Some("flows")));
    assert_eq!(trace.spent.flows, 3);
}

#[test]
fn one_in_so_many_is_followed_where_that_is_asked_for() {
    let broker = broker(|settings| settings.node.arbiters = 1);
    let mut writer = client(&broker, "writer");
    let request = TraceRequest {
        one_in: Some(5),
        ..TraceRequest::default()
    };
    let trace = follow(&broker, &request);
    for _ in 0..20 {
        writer.publish(v3::publish("a", "x").qos(1));
    }
    eventually("four flows are told", || {
        let flows = broker.inspect().flows(trace, 0, 1000).unwrap().items;
        flows
            .iter()
            .filter(|flow| flow.cause.starts_with("PUBLISH"))
            .count()
            == 4
    });
}

#[test]
fn a_trace_of_nothing_or_of_too_much_is_refused_with_the_reason() {
    let broker = broker(|_| ());
    let inspect = broker.inspect();
    let why = |request: &TraceRequest| inspect.start_trace(request).unwrap_err().to_string();
    assert_eq!(
        why(&TraceRequest::default()),
        "wrong trace: it says neither client, topic, address nor one_in"
    );
    assert!(why(&topic("a/#/b")).starts_with("wrong topic: "));
    let request = TraceRequest {
        seconds: Some(0),
        ..topic("a")
    };
    assert_eq!(why(&request), "wrong seconds: 0 is not from 1 to 3600");
}

#[test]
fn a_trace_keeps_no_more_than_its_budget_however_many_get_a_message() {
    let broker = broker(|settings| settings.node.arbiters = 1);
    let mut readers: Vec<_> = (0..40)
        .map(|number| client(&broker, &format!("reader{number}")))
        .collect();
    for reader in &mut readers {
        reader.subscribe("a", 0);
    }
    let small = TraceRequest {
        events: Some(20),
        ..topic("a")
    };
    let trace = follow(&broker, &small);
    // Another one runs for long, so that the arbiters go on tracing.
    follow(&broker, &of_client("nobody"));
    let mut writer = client(&broker, "writer");
    for _ in 0..3 {
        writer.publish(v3::publish("a", "x").qos(1));
    }
    for reader in &mut readers {
        reader.expect_message(&v3::publish("a", "x"));
    }
    eventually("the trace is over", || {
        broker.inspect().trace(trace).unwrap().state == "done"
    });
    let over = broker.inspect().trace(trace).unwrap();
    assert_eq!(
        (over.ended_because, over.spent.events),
        (Some("events"), 20)
    );
    let hops: usize = broker
        .inspect()
        .flows(trace, 0, 1000)
        .unwrap()
        .items
        .iter()
        .map(|flow| flow.hops.len())
        .sum();
    assert!(hops <= 20, "{hops} hops");
}

#[test]
fn a_message_that_an_acknowledgement_lets_out_is_no_part_of_what_was_acknowledged() {
    let broker = broker(|settings| settings.session.max_inflight = 1);
    let mut reader = client(&broker, "reader");
    reader.subscribe("#", 1);
    let trace = follow(&broker, &topic("a"));
    let mut writer = client(&broker, "writer");
    for topic in ["a", "b", "c"] {
        writer.publish(v3::publish(topic, "x").qos(1));
    }
    for topic in ["a", "b", "c"] {
        reader.expect_message(&v3::publish(topic, "x").qos(1));
    }
    let flow = flow(
        &broker,
        trace,
        "PUBLISH a",
        &["PUBACK 1 read", "out of the queue"],
    );
    let publishes = flow
        .hops
        .iter()
        .filter(|hop| hop.kind == "client" && hop.entry == "Publish")
        .count();
    assert_eq!(publishes, 1, "{:?}", ways(&flow));
}

#[test]
fn an_acknowledgement_of_a_client_is_not_taken_for_one_of_what_it_has_sent_under_the_same_id() {
    let broker = broker(|_| ());
    let mut both = client(&broker, "both");
    both.subscribe("b", 1);
    let trace = follow(&broker, &topic("a"));
    both.publish(v3::publish("a", "x").qos(1));
    client(&broker, "writer").publish(v3::publish("b", "y").qos(1));
    both.expect_message(&v3::publish("b", "y").qos(1));
    both.publish(v3::publish("a", "last").qos(1));
    let first = flow(&broker, trace, "PUBLISH a", &["nobody subscribes"]);
    assert!(
        said(&first).iter().all(|text| text != "PUBACK 1 read"),
        "{first:#?}"
    );
}
