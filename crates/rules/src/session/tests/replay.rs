//! Retained messages for new subscriptions.

use std::sync::Arc;

use castmq_mqtt::{QoS, RetainHandling, SubscriptionOptions};

use crate::session::script::{NORMAL, Script, message, session, window_of, with};
use crate::session::{RetainedChunk, SessionSettings, Subscribed};
use crate::testing::{subscription, topic};
use crate::{ClientId, Delivery, Message, RetainLimits, Retained, ScanBudget};

/// What the retainer holds, and a session that asks it.
struct Desk {
    script: Script,
    retained: Retained,
}

impl Desk {
    fn new(script: Script) -> Self {
        let retained = Retained::new(RetainLimits {
            messages_max: 10_000,
            payload_bytes_max: 1000,
            expiry: None,
        });
        Self { script, retained }
    }

    /// A retained message on a topic; returns it as a subscriber gets it live.
    fn retain(&mut self, on: &str, name: &str, qos: QoS) -> Delivery {
        let mut delivery = with(message(name, qos), |message| {
            message.topic = topic(on);
            message.retain = true;
        });
        let crate::Stored::Kept(message) = self.retained.store(Message::clone(&delivery.message))
        else {
            panic!("the retainer takes it");
        };
        delivery.message = message;
        delivery
    }

    fn subscribe(&mut self, filter: &str, options: SubscriptionOptions) {
        let subscription = subscription(filter);
        let now = self.script.now();
        let session = &mut self.script.session;
        let subscribed = session.subscribe(&subscription, options, Some(9)).unwrap();
        session.start_replay(&subscription, subscribed, now);
        self.script.perform();
    }

    /// The answer to the oldest request, as of now.
    fn read(&mut self) -> Option<RetainedChunk> {
        if self.script.pulls.is_empty() {
            return None;
        }
        let mut pull = self.script.pulls.remove(0);
        let budget = ScanBudget {
            messages: pull.len_max,
            steps: 1000,
        };
        let messages = self
            .retained
            .next_chunk(&mut pull.scan, budget, self.script.now());
        Some(RetainedChunk {
            pull: pull.pull,
            messages,
            scan: pull.scan,
        })
    }

    fn hand_in(&mut self, chunk: RetainedChunk) {
        let now = self.script.now();
        self.script.session.handle_retained_chunk(chunk, now);
        self.script.perform();
    }

    /// Answers all requests.
    fn answer(&mut self) {
        while let Some(chunk) = self.read() {
            self.hand_in(chunk);
        }
    }
}

const ANY: SubscriptionOptions = SubscriptionOptions {
    qos: QoS::AtLeastOnce,
    no_local: false,
    retain_as_published: false,
    retain_handling: RetainHandling::Send,
};

/// \[MQTT3-3.3.1-6\] \[MQTT3-3.3.1-8\] \[MQTT5-3.3.1-9\]
#[test]
fn a_new_subscription_gets_the_retained_messages_marked_as_such() {
    let mut desk = Desk::new(window_of(10));
    desk.retain("a/1", "one", QoS::AtMostOnce);
    desk.retain("a/2", "two", QoS::ExactlyOnce);
    desk.retain("b", "other", QoS::AtLeastOnce);
    desk.subscribe("a/+", ANY);
    desk.answer();
    assert_eq!(desk.script.written(), ["- one retained", "1 two retained"]);
    assert_eq!(desk.script.session.replays_now(), 0);
}

/// emqttd's fault P7 is not here. \[MQTT3-3.8.4-3\] \[MQTT5-3.8.4-4\]
#[test]
fn a_repeated_subscription_gets_them_again() {
    let mut desk = Desk::new(window_of(10));
    desk.retain("a", "one", QoS::AtMostOnce);
    desk.subscribe("a", ANY);
    desk.answer();
    desk.subscribe("a", ANY);
    desk.answer();
    assert_eq!(desk.script.written(), ["- one retained", "- one retained"]);
}

/// \[MQTT5-3.3.1-10\]
#[test]
fn a_repeated_subscription_gets_none_where_only_new_ones_do() {
    let mut desk = Desk::new(window_of(10));
    let options = SubscriptionOptions {
        retain_handling: RetainHandling::SendIfNew,
        ..ANY
    };
    desk.retain("a", "one", QoS::AtMostOnce);
    desk.subscribe("a", options);
    desk.answer();
    assert_eq!(desk.script.written(), ["- one retained"]);

    desk.subscribe("a", options);
    desk.answer();
    assert_eq!(desk.script.written(), Vec::<String>::new());
}

/// \[MQTT5-3.3.1-11\]
#[test]
fn a_subscription_that_wants_none_gets_none() {
    let options = SubscriptionOptions {
        retain_handling: RetainHandling::DoNotSend,
        ..ANY
    };
    assert!(!Subscribed::New.wants_retained(options));
    let mut desk = Desk::new(window_of(10));
    desk.retain("a", "one", QoS::AtMostOnce);
    desk.subscribe("a", options);
    assert!(desk.script.pulls.is_empty());
}

#[test]
fn a_shared_subscription_gets_none() {
    let mut desk = Desk::new(window_of(10));
    desk.retain("a", "one", QoS::AtMostOnce);
    desk.subscribe("$share/group/a", ANY);
    desk.subscribe("$queue/a", ANY);
    assert!(desk.script.pulls.is_empty());
}

/// emqttd's fault F9 is not here.
#[test]
fn the_next_chunk_is_asked_for_when_the_client_has_taken_the_last() {
    let mut desk = Desk::new(window_of(64));
    for number in 0..100 {
        desk.retain(&format!("a/{number:03}"), "retained", QoS::AtLeastOnce);
    }
    desk.subscribe("a/+", ANY);
    desk.answer();
    assert_eq!(desk.script.written().len(), 64);
    assert!(desk.script.pulls.is_empty());

    desk.script.ack(1).unwrap();
    desk.answer();
    assert_eq!(desk.script.written().len(), 1);
    assert_eq!(desk.script.session.queued_now(), 35);
}

#[test]
fn nothing_is_asked_for_while_too_much_is_unsent() {
    let mut desk = Desk::new(window_of(10));
    desk.script.room(false);
    desk.subscribe("a", ANY);
    assert!(desk.script.pulls.is_empty());

    desk.script.room(true);
    assert_eq!(desk.script.pulls.len(), 1);
}

#[test]
fn a_live_message_and_an_acknowledgement_pass_between_two_chunks() {
    let mut desk = Desk::new(window_of(200));
    for number in 0..100 {
        desk.retain(&format!("a/{number:03}"), "retained", QoS::AtLeastOnce);
    }
    desk.subscribe("a/+", ANY);
    let first = desk.read().unwrap();
    desk.hand_in(first);
    desk.script.qos1("live");
    desk.script.ack(1).unwrap();
    assert_eq!(desk.script.written().last().unwrap(), "65 live");
    desk.answer();
    assert_eq!(desk.script.written().len(), 36);
}

#[test]
fn an_older_version_does_not_come_after_a_newer_one() {
    let mut desk = Desk::new(window_of(10));
    desk.retain("a", "old", QoS::AtLeastOnce);
    desk.subscribe("a", ANY);
    let answer = desk.read().unwrap();
    let live = desk.retain("a", "new", QoS::AtLeastOnce);
    desk.script.deliver(live);

    desk.hand_in(answer);
    assert_eq!(desk.script.written(), ["1 new"]);
}

#[test]
fn a_version_delivered_live_during_the_replay_does_not_come_twice() {
    let mut desk = Desk::new(window_of(10));
    desk.subscribe("#", ANY);
    let live = desk.retain("a", "new", QoS::AtLeastOnce);
    desk.script.deliver(live);
    desk.answer();
    assert_eq!(desk.script.written(), ["1 new"]);
}

#[test]
fn what_is_stored_after_the_routes_stood_is_left_to_the_live_message() {
    let mut desk = Desk::new(window_of(10));
    let before = desk.retain("a", "before", QoS::AtLeastOnce);
    let filter = subscription("a/#");
    let now = desk.script.now();
    let session = &mut desk.script.session;
    let subscribed = session.subscribe(&filter, ANY, None).unwrap();
    let as_of = before.message.version.unwrap();
    session.start_replay_as_of(&filter, subscribed, as_of, now);
    desk.script.perform();
    let first = desk.retain("a/b", "first", QoS::AtLeastOnce);
    let second = desk.retain("a/b", "second", QoS::AtLeastOnce);

    desk.answer();
    desk.script.deliver(first);
    desk.script.deliver(second);
    assert_eq!(
        desk.script.written(),
        ["1 before retained", "2 first", "3 second"]
    );
}

#[test]
fn a_client_that_went_away_gets_also_what_was_stored_since() {
    let mut desk = Desk::new(window_of(10));
    let filter = subscription("a");
    let now = desk.script.now();
    desk.script.room(false);
    let session = &mut desk.script.session;
    let subscribed = session.subscribe(&filter, ANY, None).unwrap();
    session.start_replay_as_of(&filter, subscribed, 0, now);
    desk.script.disconnect(NORMAL);
    let live = desk.retain("a", "new", QoS::AtMostOnce);
    desk.script.deliver(live);

    desk.script.reconnect();
    desk.answer();
    assert_eq!(desk.script.written(), ["- new retained"]);
}

#[test]
fn a_newer_version_than_the_one_delivered_live_does_come() {
    let mut desk = Desk::new(window_of(10));
    desk.subscribe("#", ANY);
    let live = desk.retain("a", "new", QoS::AtLeastOnce);
    desk.script.deliver(live);
    desk.retain("a", "newest", QoS::AtLeastOnce);
    desk.answer();
    assert_eq!(desk.script.written(), ["1 new", "2 newest retained"]);
}

#[test]
fn with_too_many_live_topics_to_remember_the_chunk_is_asked_for_again() {
    let mut desk = Desk::new(window_of(0));
    desk.retain("a/0000", "old", QoS::AtMostOnce);
    desk.subscribe("a/+", ANY);
    let stale = desk.read().unwrap();
    for number in 0..1500 {
        let live = desk.retain(&format!("a/{number:04}"), "new", QoS::AtMostOnce);
        desk.script.deliver(live);
    }
    desk.script.written();

    desk.hand_in(stale);
    assert_eq!(desk.script.written(), Vec::<String>::new());
    desk.answer();
    assert!(
        desk.script
            .written()
            .iter()
            .all(|line| line == "- new retained")
    );
}

#[test]
fn a_topic_that_is_remembered_stays_so_although_no_more_can_be() {
    let mut desk = Desk::new(window_of(0));
    desk.retain("a/0000", "old", QoS::AtMostOnce);
    desk.subscribe("a/+", ANY);
    let stale = desk.read().unwrap();
    for number in 0..1024 {
        let live = desk.retain(&format!("a/{number:04}"), "new", QoS::AtMostOnce);
        desk.script.deliver(live);
    }
    let live = desk.retain("a/0001", "newer", QoS::AtMostOnce);
    desk.script.deliver(live);
    desk.script.written();

    desk.hand_in(stale);
    desk.answer();
    assert_eq!(desk.script.done(), ["pull"]);
    assert_eq!(desk.script.written(), Vec::<String>::new());
}

#[test]
fn what_is_not_sent_when_the_client_goes_is_asked_for_when_it_returns() {
    let mut desk = Desk::new(window_of(10));
    desk.retain("a", "one", QoS::AtMostOnce);
    desk.subscribe("a", ANY);
    let lost = desk.read().unwrap();
    desk.script.disconnect(NORMAL);
    desk.hand_in(lost);
    assert_eq!(desk.script.done(), ["pull"]);

    desk.script.reconnect();
    desk.answer();
    assert_eq!(desk.script.written(), ["- one retained"]);
}

#[test]
fn an_unsubscribed_filter_gets_no_more() {
    let mut desk = Desk::new(window_of(10));
    desk.retain("a", "one", QoS::AtMostOnce);
    desk.subscribe("a", ANY);
    desk.script.session.unsubscribe(&subscription("a"));
    desk.answer();
    assert_eq!(desk.script.written(), Vec::<String>::new());
}

#[test]
fn an_answer_for_an_unsubscribed_filter_is_not_taken_for_another() {
    let mut desk = Desk::new(window_of(10));
    desk.retain("a", "one", QoS::AtMostOnce);
    desk.retain("b", "two", QoS::AtMostOnce);
    desk.subscribe("a", ANY);
    desk.subscribe("b", ANY);
    let stale = desk.read().unwrap();
    desk.script.session.unsubscribe(&subscription("a"));
    desk.hand_in(stale);
    desk.answer();
    assert_eq!(desk.script.written(), ["- two retained"]);
}

#[test]
fn an_answer_counts_although_another_filter_was_unsubscribed() {
    let mut desk = Desk::new(window_of(10));
    desk.retain("a", "one", QoS::AtMostOnce);
    desk.subscribe("a", ANY);
    desk.subscribe("b", ANY);
    let answer = desk.read().unwrap();
    desk.script.session.unsubscribe(&subscription("b"));
    desk.hand_in(answer);
    assert_eq!(desk.script.written(), ["- one retained"]);
}

#[test]
fn what_came_live_during_one_replay_comes_again_in_the_next() {
    let mut desk = Desk::new(window_of(10));
    desk.subscribe("a", ANY);
    desk.subscribe("+", ANY);
    let first = desk.read().unwrap();
    let live = desk.retain("a", "new", QoS::AtMostOnce);
    desk.script.deliver(live);
    desk.hand_in(first);
    desk.answer();
    assert_eq!(desk.script.written(), ["- new", "- new retained"]);
}

/// \[MQTT5-3.8.3-3\]
#[test]
fn a_client_that_does_not_want_its_own_messages_does_not_get_its_retained_ones() {
    let mut desk = Desk::new(window_of(10));
    let own = with(message("own", QoS::AtMostOnce), |message| {
        message.topic = topic("a");
        message.retain = true;
        message.from = ClientId::new(crate::testing::text("subscriber"));
    });
    desk.retained.store(Message::clone(&own.message));
    desk.subscribe("a", ANY);
    desk.answer();
    assert_eq!(desk.script.written(), ["- own retained"]);

    desk.subscribe(
        "a",
        SubscriptionOptions {
            no_local: true,
            ..ANY
        },
    );
    desk.answer();
    assert_eq!(desk.script.written(), Vec::<String>::new());
}

#[test]
fn several_subscriptions_get_theirs_one_after_the_other() {
    let mut desk = Desk::new(session(SessionSettings::default()).connect());
    desk.retain("a", "one", QoS::AtMostOnce);
    desk.retain("b", "two", QoS::AtMostOnce);
    desk.subscribe("b", ANY);
    desk.subscribe("a", ANY);
    assert_eq!(desk.script.pulls.len(), 1);
    desk.answer();
    assert_eq!(desk.script.written(), ["- two retained", "- one retained"]);
}

#[test]
fn a_retained_message_carries_the_identifier_of_its_subscription() {
    let mut desk = Desk::new(window_of(10));
    desk.retain("a", "one", QoS::AtMostOnce);
    let subscription = subscription("a");
    let now = desk.script.now();
    let session = &mut desk.script.session;
    let subscribed = session.subscribe(&subscription, ANY, Some(9)).unwrap();
    session.start_replay(&subscription, subscribed, now);
    desk.script.perform();
    let chunk = desk.read().unwrap();
    desk.script.session.handle_retained_chunk(chunk, now);
    let Some(crate::session::Action::Publish(outgoing)) = desk.script.session.poll_action() else {
        panic!("the message is published");
    };
    assert_eq!(outgoing.delivery.subscription_ids.as_slice(), [9]);
    assert_eq!(Arc::strong_count(&outgoing.delivery.message), 2);
}
