//! Retained messages beside live ones on the same topics: each topic ends at its newest version.

use castmq_mqtt::QoS;

use crate::session::script::{NORMAL, window_of};
use crate::session::tests::desk::{ANY, Desk};
use crate::testing::subscription;

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
fn a_client_that_is_away_when_it_is_subscribed_gets_what_is_stored_since() {
    let mut desk = Desk::new(window_of(10));
    desk.script.disconnect(NORMAL);
    let filter = subscription("a");
    let now = desk.script.now();
    let session = &mut desk.script.session;
    let subscribed = session.subscribe(&filter, ANY, None).unwrap();
    session.start_replay_as_of(&filter, subscribed, 0, now);
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
