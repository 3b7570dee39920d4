//! What is told of a client id outlives its connections and sessions, and says what happened in order.

use std::sync::Arc;

use castmq_broker::rules::access::{Action, Answer, Question, Subject};
use castmq_broker::{Authorizer, Broker};
use castmq_conformance::client::Client;
use castmq_conformance::connect::will;
use castmq_conformance::{v3, v5};
use castmq_settings::Settings;

use crate::scene::{broker, built, client, client_v5, eventually, kept};

/// What is told of a client, the oldest first.
fn told(broker: &Broker, client: &str) -> Vec<(&'static str, String)> {
    let page = broker.inspect().timeline(client, None, Some(1000)).unwrap();
    let told = page.items.into_iter().map(|entry| (entry.kind, entry.text));
    let mut told: Vec<_> = told.collect();
    told.reverse();
    told
}

fn kinds(broker: &Broker, client: &str) -> Vec<&'static str> {
    let told = told(broker, client);
    told.into_iter().map(|(kind, _)| kind).collect()
}

/// Waits until it is the last thing told of the client.
#[track_caller]
fn await_last(broker: &Broker, client: &str, kind: &str) {
    eventually("it is told", || kinds(broker, client).last() == Some(&kind));
}

#[track_caller]
fn assert_told(broker: &Broker, client: &str, kind: &str, words: &str) {
    let told = told(broker, client);
    let is_there = told
        .iter()
        .any(|(told, text)| *told == kind && text.contains(words));
    assert!(is_there, "no {kind} with {words:?} in {told:#?}");
}

#[test]
fn a_life_is_told_in_its_order_over_reconnects() {
    let broker = broker(|_| ());
    let (mut first, _) = kept(&broker, "sensor");
    first.subscribe("a/#", 1);
    first.unsubscribe("a/#");
    first.disconnect();
    await_last(&broker, "sensor", "disconnected");
    let (second, _) = kept(&broker, "sensor");
    second.cut();
    await_last(&broker, "sensor", "disconnected");

    assert_eq!(
        kinds(&broker, "sensor"),
        [
            "session_created",
            "connected",
            "subscribed",
            "unsubscribed",
            "disconnected",
            "session_resumed",
            "connected",
            "disconnected",
        ]
    );
    assert_told(&broker, "sensor", "connected", "127.0.0.1");
    assert_told(&broker, "sensor", "connected", "MQTT 3.1.1");
    assert_told(&broker, "sensor", "subscribed", "'a/#' (QoS 1)");
    assert_told(&broker, "sensor", "disconnected", "closed by peer");
}

#[test]
fn a_takeover_names_the_connection_that_took_over() {
    let broker = broker(|_| ());
    let (_first, _) = kept(&broker, "sensor");
    let (_second, _) = kept(&broker, "sensor");

    let told = kinds(&broker, "sensor");
    assert!(
        told.ends_with(&["taken_over", "disconnected", "session_resumed", "connected"]),
        "{told:?}"
    );
    let clients = broker.inspect().client("sensor").unwrap();
    let pid = clients.client.pid;
    assert_told(&broker, "sensor", "taken_over", &pid);
}

#[test]
fn a_clean_session_ends_with_its_connection_and_is_not_forgotten() {
    let broker = broker(|_| ());
    client(&broker, "visitor").disconnect();
    await_last(&broker, "visitor", "session_ended");

    assert_told(&broker, "visitor", "session_ended", "not to be kept");
    assert!(broker.session("visitor").is_none());
}

#[test]
fn an_administrator_who_ends_a_session_is_told_of() {
    let broker = broker(|_| ());
    let (_away, _) = kept(&broker, "sensor");
    broker.discard_session("sensor").unwrap();
    eventually("its end is told", || {
        kinds(&broker, "sensor").contains(&"session_ended")
    });
    assert_told(&broker, "sensor", "session_ended", "administrator");
}

#[test]
fn a_will_is_told_of_when_it_is_published() {
    let broker = broker(|_| ());
    let mut doomed = Client::open(broker.addresses()[0]);
    doomed.connect(&v3::connect("doomed").will(will("wills/doomed", "gone")));
    doomed.cut();
    eventually("its will is told", || {
        kinds(&broker, "doomed").contains(&"will_published")
    });
    assert_told(&broker, "doomed", "will_published", "'wills/doomed'");
}

#[test]
fn of_many_lost_messages_the_first_and_the_count_are_told() {
    let broker = broker(|settings| settings.mqueue.max_messages = 2);
    let (mut away, _) = kept(&broker, "away");
    away.subscribe("t", 1);
    away.disconnect();
    let mut publisher = client(&broker, "publisher");
    for number in 0..13 {
        publisher.publish(v3::publish("t", number.to_string()).qos(1));
    }

    let lost = || {
        let told = told(&broker, "away").into_iter();
        told.filter(|(kind, _)| *kind == "queue_full").count()
    };
    eventually("eleven were dropped", || {
        broker.drops().get("queue_full") == Some(&11)
    });
    assert_eq!(lost(), 2);
    assert_told(&broker, "away", "queue_full", "10 messages so far");
    assert_told(&broker, "away", "alarm", "above its high watermark");
}

#[test]
fn a_session_that_fails_is_told_of() {
    let broker = broker(|_| ());
    let _client = client(&broker, "c1");
    broker.crash("session", "c1").unwrap();
    eventually("it is told", || kinds(&broker, "c1").contains(&"crashed"));
}

/// Nobody subscribes to secrets or publishes to them.
struct NoSecrets;

impl Authorizer for NoSecrets {
    fn authorize(&self, _: Subject<'_>, question: Question<'_>) -> Answer<()> {
        let is_secret = question.topic.starts_with("secret");
        if is_secret && question.action != Action::Deliver {
            Answer::Error(())
        } else {
            Answer::Ok
        }
    }
}

fn with_secrets(alter: impl FnOnce(&mut Settings)) -> Broker {
    let builder = Broker::builder().authorizer(Arc::new(NoSecrets));
    built(builder, alter)
}

#[test]
fn what_a_client_may_not_do_is_in_its_timeline_and_in_the_ledger() {
    let broker = with_secrets(|_| ());
    let mut spy = client_v5(&broker, "spy");
    spy.send(v5::subscribe(1, &[("secret/#", 1)]));
    spy.expect_answer(0x90);
    spy.send(v5::publish("secret/plan", "x").qos(1).id(2));
    spy.expect_answer(0x40);

    assert_told(&broker, "spy", "denied", "subscribe to 'secret/#'");
    eventually("both are in the ledger", || {
        broker.drops().get("denied") == Some(&2)
    });
}

#[test]
fn pages_go_on_where_they_ended_whatever_happens_in_between() {
    let broker = broker(|_| ());
    for _ in 0..5 {
        client(&broker, "again").disconnect();
        await_last(&broker, "again", "session_ended");
    }
    let inspect = broker.inspect();
    let first = inspect.timeline("again", None, Some(7)).unwrap();
    client(&broker, "again").disconnect();
    let rest = inspect
        .timeline("again", first.next.as_deref(), Some(1000))
        .unwrap();

    assert_eq!(first.items.len(), 7);
    assert_eq!(rest.items.len(), 20 - 7);
    assert_eq!(rest.next, None);
    assert_eq!(rest.items.last().unwrap().kind, "session_created");
}

#[test]
fn a_client_that_nobody_knows_has_no_past_and_an_empty_id_is_refused() {
    let broker = broker(|_| ());
    let inspect = broker.inspect();
    let page = inspect.timeline("nobody", None, None).unwrap();
    assert_eq!(page.items, []);

    let error = inspect.timeline("", None, None).unwrap_err();
    assert!(error.to_string().contains("empty"), "{error}");
}

#[test]
fn long_names_of_one_client_do_not_push_out_the_past_of_others() {
    let broker = broker(|_| ());
    let (mut sensor, _) = kept(&broker, "sensor");
    sensor.subscribe("a", 1);
    for _ in 0..40 {
        let mut loud = Client::open(broker.addresses()[0]);
        loud.connect(&v3::connect("loud").user("ä".repeat(30_000)));
        loud.subscribe(&"f".repeat(60_000), 0);
        loud.disconnect();
    }

    assert_eq!(
        kinds(&broker, "sensor"),
        ["session_created", "connected", "subscribed"]
    );
    assert_told(&broker, "loud", "connected", "ä…'");
    assert_told(&broker, "loud", "subscribed", "a very long filter");
}
