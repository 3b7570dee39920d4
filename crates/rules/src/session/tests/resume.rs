//! A client that comes back.

use castmq_mqtt::{QoS, Version};

use crate::session::script::{NORMAL, message, session, window_of, with};
use crate::session::{DownReason, SessionSettings};

/// \[MQTT3-4.4.0-1\] \[MQTT5-4.4.0-1\] \[MQTT3-4.6.0-1\]
#[test]
fn unacknowledged_messages_come_again_in_their_order_before_waiting_ones() {
    let mut script = window_of(2).queue(["first", "second", "third"]);
    script.disconnect(DownReason::Closed);
    script.written();

    script.reconnect();
    assert_eq!(script.written(), ["1 first again", "2 second again"]);

    script.ack(2).unwrap();
    assert_eq!(script.written(), ["3 third"]);
}

/// \[MQTT5-4.3.3-6\] \[MQTT3-4.3.3-1\]
#[test]
fn a_message_that_the_client_has_is_released_and_not_sent_again() {
    let mut script = window_of(3);
    script.qos2("first");
    script.qos2("second");
    script.pubrec(1).unwrap();
    script.disconnect(DownReason::Closed);
    script.written();

    script.reconnect();
    assert_eq!(script.written(), ["release 1", "2 second again"]);
}

/// emqttd's fault P4 is not here.
#[test]
fn a_second_break_does_not_lose_a_pubrel() {
    let mut script = window_of(3);
    script.qos2("first");
    script.pubrec(1).unwrap();
    script.disconnect(DownReason::Closed);
    script.reconnect();
    script.disconnect(DownReason::Closed);
    script.written();

    script.reconnect();
    assert_eq!(script.written(), ["release 1"]);
    script.pubcomp(1).unwrap();
    assert_eq!(script.session.inflight_now(), 0);
}

/// \[MQTT3-4.6.0-4\]
#[test]
fn pubrels_come_again_in_the_order_of_the_pubrecs() {
    let mut script = window_of(3);
    script.qos2("first");
    script.qos2("second");
    script.pubrec(2).unwrap();
    script.pubrec(1).unwrap();
    script.disconnect(DownReason::Closed);
    script.written();

    script.reconnect();
    assert_eq!(script.written(), ["release 2", "release 1"]);
}

/// \[MQTT5-3.3.4-9\] \[MQTT5-4.9.0-2\]
#[test]
fn no_more_come_again_at_once_than_the_client_takes() {
    let mut script = window_of(3).queue(["first", "second", "third", "fourth"]);
    script.disconnect(DownReason::Closed);
    script.written();

    let mut script = script.takes_at_once(1).connect();
    assert_eq!(script.written(), ["1 first again"]);
    script.ack(1).unwrap();
    assert_eq!(script.written(), ["2 second again"]);
    script.ack(2).unwrap();
    script.ack(3).unwrap();
    assert_eq!(script.written(), ["3 third again", "4 fourth"]);
}

/// \[MQTT5-4.9.0-3\]
#[test]
fn pubrels_come_again_whatever_the_client_takes_at_once() {
    let mut script = window_of(3);
    script.qos1("first");
    script.qos2("second");
    script.pubrec(2).unwrap();
    script.qos2("third");
    script.pubrec(3).unwrap();
    script.disconnect(DownReason::Closed);
    script.written();

    let mut script = script.takes_at_once(1).connect();
    assert_eq!(
        script.written(),
        ["release 2", "release 3", "1 first again"]
    );
}

#[test]
fn a_qos_0_message_does_not_overtake_one_that_comes_again() {
    let mut script = window_of(3).queue(["first", "second"]);
    script.disconnect(DownReason::Closed);
    let mut script = script.takes_at_once(1).connect();
    script.written();

    script.qos0("third");
    assert_eq!(script.written(), Vec::<String>::new());
    script.ack(1).unwrap();
    assert_eq!(script.written(), ["2 second again", "- third"]);
}

/// \[MQTT5-4.3.3-7\] \[MQTT5-3.3.2-5\]
#[test]
fn a_message_that_was_sent_comes_again_although_it_has_expired() {
    let mut script = window_of(1);
    let expires = script.now() + std::time::Duration::from_secs(10);
    let short = |name| {
        with(message(name, QoS::AtLeastOnce), |m| {
            m.expires = Some(expires);
        })
    };
    script.deliver(short("sent"));
    script.deliver(short("waiting"));
    script.disconnect(DownReason::Closed);
    script.wait_seconds(10);
    script.written();

    script.reconnect();
    assert_eq!(script.written(), ["1 sent again"]);
    script.ack(1).unwrap();
    assert_eq!(script.written(), Vec::<String>::new());
    assert_eq!(script.done(), ["dropped waiting: expired"]);
}

/// \[MQTT3-3.1.2-5\]
#[test]
fn messages_that_come_while_the_client_is_away_wait_for_it() {
    let mut script = window_of(10);
    script.disconnect(NORMAL);
    script.qos1("first");
    script.qos0("second");
    script.qos2("third");
    assert_eq!(script.done(), ["dropped second: qos0_offline"]);

    script.reconnect();
    assert_eq!(script.written(), ["1 first", "2 third"]);
}

#[test]
fn qos_0_messages_wait_for_the_client_where_this_is_set() {
    let mut script = session(SessionSettings {
        keeps_qos0_offline: true,
        ..SessionSettings::default()
    })
    .connect();
    script.disconnect(NORMAL);
    script.qos1("first");
    script.qos0("second");

    script.reconnect();
    assert_eq!(script.written(), ["1 first", "- second"]);
}

#[test]
fn qos_0_messages_that_waited_for_a_connection_do_not_wait_for_the_next() {
    let mut script = window_of(1).queue(["first", "second"]);
    script.qos0("third");
    script.disconnect(DownReason::Closed);
    assert_eq!(script.done(), ["dropped third: qos0_offline"]);
    assert_eq!(script.session.queued_now(), 1);
}

#[test]
fn an_acknowledgement_of_the_earlier_connection_counts() {
    let mut script = window_of(2).queue(["first", "second"]);
    script.disconnect(DownReason::Closed);
    let mut script = script.takes_at_once(1).connect();
    script.written();

    script.ack(2).unwrap();
    script.ack(1).unwrap();
    assert_eq!(script.session.inflight_now(), 0);
    assert_eq!(script.written(), Vec::<String>::new());
}

#[test]
fn after_resuming_nothing_is_left_in_flight() {
    let mut script = window_of(3);
    script.qos1("first");
    script.qos2("second");
    script.qos2("third");
    script.pubrec(2).unwrap();
    script.disconnect(DownReason::Closed);
    script.reconnect();

    script.ack(1).unwrap();
    script.pubcomp(2).unwrap();
    script.pubrec(3).unwrap();
    script.pubcomp(3).unwrap();
    assert_eq!(script.session.inflight_now(), 0);
}

#[test]
fn a_3_1_1_session_may_be_resumed_by_a_5_0_client() {
    let mut script = window_of(2).queue(["first"]);
    script.disconnect(DownReason::Closed);
    script.written();

    let mut script = script.speaks(Version::V5).connect();
    assert_eq!(script.written(), ["1 first again"]);
}

#[test]
fn a_connection_that_is_still_there_counts_as_taken_over() {
    let mut script = window_of(2).queue(["first"]);
    script.written();

    script.reconnect();
    assert_eq!(script.written(), ["1 first again"]);
    assert!(script.session.is_connected());
}

#[test]
fn a_session_may_end_before_all_came_again() {
    let mut script = window_of(3).queue(["first", "second"]);
    script.disconnect(DownReason::Closed);
    script.end(crate::session::EndReason::Removed);
    assert_eq!(script.done(), ["end Removed"]);
    assert_eq!(script.session.inflight_now(), 0);

    let mut script = window_of(3).queue(["first", "second"]);
    script.disconnect(DownReason::Closed);
    let mut script = script.takes_at_once(1).connect();
    script.end(crate::session::EndReason::Removed);
    assert_eq!(script.session.inflight_now(), 0);
}
