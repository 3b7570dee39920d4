//! Retained messages for new subscriptions.

use std::sync::Arc;

use castmq_mqtt::{QoS, RetainHandling, SubscriptionOptions};

use crate::session::script::{NORMAL, message, session, window_of, with};
use crate::session::tests::desk::{ANY, Desk};
use crate::session::{SessionSettings, Subscribed};
use crate::testing::{subscription, topic};
use crate::{ClientId, Message};

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
