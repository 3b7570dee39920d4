//! The queue as the session uses it: what is dropped is told, with its reason.

use std::time::Duration;

use castmq_mqtt::QoS;

use crate::session::script::{Script, message, session, window_of, with};
use crate::session::{Action, SessionSettings};

/// A session whose queue takes so many messages; its client is away.
fn queue_of(len_max: usize) -> Script {
    let mut settings = SessionSettings::default();
    settings.queue.len_max = len_max;
    session(settings)
}

#[test]
fn every_message_that_a_full_queue_gives_up_is_told() {
    let mut script = queue_of(2).queue(["first", "second", "third"]);
    assert_eq!(script.done()[1..], ["dropped first: queue_full"]);

    script.reconnect();
    assert_eq!(script.written(), ["1 second", "2 third"]);
}

#[test]
fn the_alarm_is_raised_once_and_cleared_once() {
    let mut script = queue_of(10);
    for number in 0..8 {
        script.qos1(&number.to_string());
    }
    assert_eq!(script.done(), ["alarm raised"]);
    script.reconnect();
    assert_eq!(script.done(), ["alarm cleared"]);
}

/// \[MQTT5-3.3.2-5\]
#[test]
fn a_message_that_expires_while_it_waits_is_not_sent() {
    let mut script = queue_of(10);
    let expires = script.now() + Duration::from_secs(10);
    script.deliver(with(message("short", QoS::AtLeastOnce), |m| {
        m.expires = Some(expires);
    }));
    script.qos1("long");
    script.wait_seconds(10);

    script.reconnect();
    assert_eq!(script.written(), ["1 long"]);
    assert_eq!(script.done(), ["dropped short: expired"]);
}

#[test]
fn a_message_that_has_expired_on_its_way_is_dropped() {
    let mut script = window_of(1);
    let expires = script.now();
    script.deliver(with(message("late", QoS::AtMostOnce), |m| {
        m.expires = Some(expires);
    }));
    assert_eq!(script.done(), ["dropped late: expired"]);
    assert_eq!(script.written(), Vec::<String>::new());
}

#[test]
fn a_long_queue_is_sent_over_several_turns() {
    let mut settings = SessionSettings {
        keeps_qos0_offline: true,
        ..SessionSettings::default()
    };
    settings.queue.len_max = 1000;
    let mut script = session(settings);
    for _ in 0..1000 {
        script.qos0("waiting");
    }
    script.reconnect();
    assert_eq!(script.written().len(), 1000);
    assert_eq!(script.session.queued_now(), 0);
}

/// What the first turn of a connection sends of so many waiting messages with this payload.
fn sent_in_one_turn(messages: usize, payload: &str) -> usize {
    let mut settings = SessionSettings {
        keeps_qos0_offline: true,
        ..SessionSettings::default()
    };
    settings.queue.len_max = messages;
    let mut script = session(settings);
    for _ in 0..messages {
        script.qos0(payload);
    }
    let mut script = script.connect_without_performing();
    let actions: Vec<Action> = std::iter::from_fn(|| script.session.poll_action()).collect();
    assert!(actions.contains(&Action::Continue));
    actions
        .iter()
        .filter(|action| matches!(action, Action::Publish(_)))
        .count()
}

#[test]
fn one_turn_sends_a_bounded_number_of_messages() {
    assert_eq!(sent_in_one_turn(1000, "small"), 128);
}

#[test]
fn one_turn_sends_a_bounded_number_of_bytes() {
    let sent = sent_in_one_turn(100, &"x".repeat(10_000));
    assert_eq!(sent, 7, "64 KiB, and what was begun below that");
}

#[test]
fn a_live_message_does_not_overtake_a_queue_that_is_being_sent() {
    let mut settings = SessionSettings {
        keeps_qos0_offline: true,
        ..SessionSettings::default()
    };
    settings.queue.len_max = 1000;
    let mut script = session(settings);
    for _ in 0..200 {
        script.qos0("waiting");
    }
    let mut script = script.connect_without_performing();
    script
        .session
        .handle_delivery(message("live", QoS::AtMostOnce), script.now());
    script.perform();
    assert_eq!(script.written().last().unwrap(), "- live");
}
