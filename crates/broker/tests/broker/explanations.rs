//! Every reason for which a message may not arrive is produced by real clients and told rightly, with one
//! arbiter and with two.

mod rights;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

use castmq_broker::inspect::{Explanation, InspectError};
use castmq_broker::rules::access::{Action, Answer, Question, Subject};
use castmq_broker::{Authorizer, Broker};
use castmq_conformance::client::Client;
use castmq_conformance::v5::property;
use castmq_conformance::{v3, v5};
use castmq_settings::{QueuePolicy, Settings};

use crate::scene::{broker, built, client, client_v5, eventually, kept};

/// The same with one arbiter and with two.
fn on_each(alter: impl Fn(&mut Settings), scene: impl Fn(&Broker)) {
    for arbiters in [1, 2] {
        let broker = broker(|settings| {
            settings.node.arbiters = arbiters;
            alter(settings);
        });
        scene(&broker);
    }
}

fn explain(broker: &Broker, client: &str, topic: &str) -> Explanation {
    broker.inspect().explain(client, topic, None).unwrap()
}

fn explain_message(broker: &Broker, client: &str, topic: &str, message: u64) -> Explanation {
    let inspect = broker.inspect();
    inspect.explain(client, topic, Some(message)).unwrap()
}

/// What is explained, once it is that.
#[track_caller]
fn expect(broker: &Broker, (client, topic): (&str, &str), verdict: &str) -> Explanation {
    eventually(verdict, || {
        explain(broker, client, topic).verdict == verdict
    });
    explain(broker, client, topic)
}

#[track_caller]
fn assert_says(explanation: &Explanation, words: &[&str]) {
    for words in words {
        let text = &explanation.text;
        assert!(text.contains(words), "{words:?} in {explanation:#?}");
    }
}

fn outcome(explanation: &Explanation, name: &str) -> &'static str {
    let mut steps = explanation.steps.iter();
    steps.find(|step| step.step == name).unwrap().outcome
}

/// A client of 5.0 whose session is kept.
fn kept_v5(broker: &Broker, name: &str) -> Client {
    let mut client = Client::open(broker.addresses()[0]);
    let expiry = property::session_expiry(3600);
    client.connect(&v5::connect(name).keep_session().property(expiry));
    client
}

fn await_away(broker: &Broker, name: &str) {
    eventually("it is away", || {
        broker
            .session(name)
            .is_some_and(|session| !session.is_connected)
    });
}

/// The message of the last loss for a reason.
fn lost_message(broker: &Broker, reason: &str) -> u64 {
    eventually("it is in the ledger", || {
        broker.drops().contains_key(reason)
    });
    let wanted = castmq_broker::inspect::DropsWanted {
        reason: Some(reason.to_owned()),
        ..Default::default()
    };
    let drops = broker
        .inspect()
        .drops(&Default::default(), &wanted)
        .unwrap();
    drops.items[0].message.unwrap()
}

#[test]
fn a_client_id_that_nobody_knows() {
    on_each(
        |_| (),
        |broker| {
            let explanation = explain(broker, "nobody", "t");
            assert_eq!(explanation.verdict, "no_session");
            assert_says(&explanation, &["no client of that id was seen"]);
            assert_eq!(outcome(&explanation, "session"), "no");
        },
    );
}

#[test]
fn a_clean_client_that_is_away() {
    on_each(
        |_| (),
        |broker| {
            for name in ["old", "new"] {
                let mut visitor = match name {
                    "old" => client(broker, name),
                    _ => client_v5(broker, name),
                };
                visitor.subscribe("t", 1);
                visitor.cut();
                let explanation = expect(broker, (name, "t"), "offline_clean");
                assert_says(&explanation, &["not connected since", "Clean Session 0"]);
            }
        },
    );
}

#[test]
fn a_session_that_an_administrator_ended() {
    on_each(
        |_| (),
        |broker| {
            let (_client, _) = kept(broker, "c1");
            broker.discard_session("c1").unwrap();
            let explanation = expect(broker, ("c1", "t"), "no_session");
            assert_says(&explanation, &["an administrator ended it"]);
        },
    );
}

#[test]
fn a_client_that_subscribes_to_nothing() {
    on_each(
        |_| (),
        |broker| {
            let mut c1 = client(broker, "c1");
            c1.subscribe("t", 1);
            c1.unsubscribe("t");
            let explanation = explain(broker, "c1", "t");
            assert_eq!(explanation.verdict, "not_subscribed");
            assert_says(&explanation, &["unsubscribed from 't'"]);
        },
    );
}

#[test]
fn filters_that_do_not_match() {
    on_each(
        |_| (),
        |broker| {
            let mut c1 = client(broker, "c1");
            c1.subscribe("plant/+/humidity", 1);
            c1.subscribe("Plant/1/temperature", 1);
            let explanation = explain(broker, "c1", "plant/1/temperature");
            assert_eq!(explanation.verdict, "no_match");
            assert_says(
                &explanation,
                &["'Plant/1/temperature'", "upper and lower case"],
            );
        },
    );
}

#[test]
fn a_session_of_many_filters_is_looked_at_in_pieces() {
    let broker = broker(|_| ());
    let mut c1 = client(&broker, "c1");
    for number in 0..600 {
        c1.subscribe(&format!("many/{number}"), 0);
    }
    assert_eq!(
        explain(&broker, "c1", "many/599").verdict,
        "would_be_delivered"
    );
    let explanation = explain(&broker, "c1", "many/600");
    assert_eq!(explanation.verdict, "no_match");
    assert_says(&explanation, &["None of the 600 filters"]);
    assert!(broker.inspect().looked().rows_max <= 256);
}

#[test]
fn a_long_queue_is_looked_at_in_pieces() {
    let broker = broker(|settings| settings.mqueue.max_messages = 1000);
    let (mut c1, _) = kept(&broker, "c1");
    c1.subscribe("many/#", 1);
    c1.disconnect();
    await_away(&broker, "c1");
    let mut publisher = client(&broker, "publisher");
    for number in 0..600 {
        publisher.publish(v3::publish(format!("many/{number}"), "x").qos(1));
    }
    let explanation = explain(&broker, "c1", "many/599");
    assert_eq!(explanation.verdict, "offline_queued");
    assert_says(&explanation, &["behind 599 of 600"]);
    assert_says(&explain(&broker, "c1", "many/3"), &["behind 3 of 600"]);
    assert_says(&explain(&broker, "c1", "many/256"), &["behind 256 of 600"]);
    assert_eq!(
        explain(&broker, "c1", "many/600").verdict,
        "would_be_delivered"
    );
    assert!(broker.inspect().looked().rows_max <= 256);
}

#[test]
fn what_a_client_published_itself_with_no_local() {
    on_each(
        |_| (),
        |broker| {
            let mut c1 = client_v5(broker, "c1");
            c1.send(v5::subscribe(1, &[("t", 1 | 0x04)]));
            c1.expect_answer(0x90);
            c1.send(v5::publish("t", "x").qos(1).id(2));
            c1.expect_ack(0x40, 2);
            let explanation = explain(broker, "c1", "t");
            assert_eq!(explanation.verdict, "no_local");
            assert_eq!(outcome(&explanation, "no_local"), "yes");
        },
    );
}

#[test]
fn a_message_that_expired() {
    on_each(
        |_| (),
        |broker| {
            let mut away = kept_v5(broker, "away");
            away.subscribe("t", 1);
            away.disconnect();
            await_away(broker, "away");
            let mut publisher = client_v5(broker, "publisher");
            let expiry = property::message_expiry(1);
            publisher.publish(v5::publish("t", "x").qos(1).property(expiry));
            // Expiry is counted in whole seconds, so that one has to pass.
            std::thread::sleep(Duration::from_millis(1100));
            let _back = kept_v5(broker, "away");

            let explanation = expect(broker, ("away", "t"), "expired");
            assert_says(&explanation, &["message expiry was over", "'away'"]);
            let message = lost_message(broker, "expired");
            let explanation = explain_message(broker, "away", "t", message);
            assert_eq!(explanation.verdict, "expired");
        },
    );
}

#[test]
fn messages_that_arrived_by_each_qos_and_version() {
    on_each(
        |_| (),
        |broker| {
            for (name, mut subscriber) in [
                ("old", client(broker, "old")),
                ("new", client_v5(broker, "new")),
            ] {
                subscriber.subscribe(&format!("{name}/#"), 2);
                let mut publisher = client(broker, "publisher");
                for qos in 0..=2 {
                    let topic = format!("{name}/{qos}");
                    publisher.publish(v3::publish(&topic, "x").qos(qos));
                    subscriber.receive_for(qos);
                }
                let of = |qos: u8| format!("{name}/{qos}");
                let sent = expect(broker, (name, &of(0)), "delivered");
                assert_says(&sent, &["QoS 0 is not acknowledged"]);
                expect(broker, (name, &of(1)), "acknowledged");
                let exactly_once = expect(broker, (name, &of(2)), "acknowledged");
                assert_says(&exactly_once, &["with QoS 2"]);
                let message = exactly_once.history.iter().find_map(|told| told.message);
                let again = explain_message(broker, name, &of(2), message.unwrap());
                assert_eq!(again.verdict, "acknowledged");
            }
        },
    );
}

/// Receives a message and does what its QoS wants.
trait Receive {
    fn receive_for(&mut self, qos: u8);
}

impl Receive for Client {
    fn receive_for(&mut self, qos: u8) {
        let id = self.receive_publish().id;
        match qos {
            1 => self.send(v3::puback(id.unwrap())),
            2 => {
                self.send(v3::pubrec(id.unwrap()));
                self.receive();
                self.send(v3::pubcomp(id.unwrap()));
            }
            _ => {}
        }
    }
}

#[test]
fn a_message_that_came_before_the_subscription() {
    on_each(
        |_| (),
        |broker| {
            let mut c1 = client(broker, "c1");
            client(broker, "publisher").publish(v3::publish("t", "x").qos(1));
            let message = lost_message(broker, "no_subscribers");
            c1.subscribe("t", 1);

            let explanation = explain_message(broker, "c1", "t", message);
            assert_eq!(explanation.verdict, "no_match");
            assert_says(&explanation, &["when the message was published"]);
            let explanation = explain(broker, "c1", "t");
            assert_eq!(explanation.verdict, "would_be_delivered");
            assert_says(&explanation, &["before anybody had subscribed"]);
        },
    );
}

#[test]
fn a_message_that_is_too_large_for_the_client() {
    on_each(
        |_| (),
        |broker| {
            let mut small = Client::open(broker.addresses()[0]);
            let maximum = property::maximum_packet_size(50);
            small.connect(&v5::connect("small").property(maximum));
            small.subscribe("t", 1);
            client(broker, "publisher").publish(v3::publish("t", [b'x'; 100]).qos(1));
            let explanation = expect(broker, ("small", "t"), "dropped");
            assert_says(&explanation, &["Maximum Packet Size"]);
        },
    );
}

#[test]
fn a_subscription_that_nothing_stands_in_the_way_of() {
    on_each(
        |_| (),
        |broker| {
            let mut c1 = client(broker, "c1");
            c1.subscribe("$share/g/a/+", 1);
            let explanation = explain(broker, "c1", "a/b");
            assert_eq!(explanation.verdict, "would_be_delivered");
            assert_says(&explanation, &["one member gets each"]);
            assert_eq!(outcome(&explanation, "route"), "yes");
        },
    );
}

#[test]
fn a_message_that_nobody_knows() {
    let broker = broker(|_| ());
    let mut c1 = client(&broker, "c1");
    c1.subscribe("t", 1);
    let explanation = explain_message(&broker, "c1", "t", 123_456);
    assert_eq!(explanation.verdict, "unknown");
    assert_says(&explanation, &["Nothing is known of message 123456"]);
}

#[test]
fn a_message_on_another_topic_is_not_the_one_that_is_meant() {
    on_each(
        |_| (),
        |broker| {
            let (mut away, _) = kept(broker, "away");
            away.subscribe("#", 1);
            away.disconnect();
            await_away(broker, "away");
            client(broker, "publisher").publish(v3::publish("t", "x").qos(1));
            expect(broker, ("away", "t"), "offline_queued");
            let session = broker.inspect().session("away").unwrap();
            let message = session.queued[0].message;

            let right = explain_message(broker, "away", "t", message);
            assert_eq!(right.verdict, "offline_queued");
            let wrong = explain_message(broker, "away", "other", message);
            assert_eq!(wrong.verdict, "unknown");
            assert_says(&wrong, &["was on another topic"]);
        },
    );
}

#[test]
fn questions_that_make_no_sense_are_refused_with_what_is_wrong() {
    let broker = broker(|_| ());
    let inspect = broker.inspect();
    let wrong = |client: &str, topic: &str| {
        let error = inspect.explain(client, topic, None).unwrap_err();
        assert!(matches!(error, InspectError::Wrong { .. }), "{error}");
        error.to_string()
    };
    assert!(wrong("c1", "a/#").contains("wildcard"));
    assert!(wrong("c1", "").contains("empty"));
    assert!(wrong("", "t").contains("empty"));
    assert!(wrong("c1", "a\0b").contains("null"));
}

#[test]
fn control_characters_of_clients_are_shown_and_not_passed_on() {
    let broker = broker(|_| ());
    let mut c1 = client(&broker, "c\u{1b}1");
    c1.subscribe("t", 1);
    let explanation = explain(&broker, "c\u{1b}1", "t");
    assert!(!explanation.text.contains('\u{1b}'), "{explanation:?}");
    assert_says(&explanation, &["c\\u{1b}1"]);
}
