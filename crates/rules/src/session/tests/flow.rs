//! Messages to a connected client.

use castmq_mqtt::{ReasonCode, Version};

use crate::session::script::{id, session, window_of};
use crate::session::{DropReason, SessionSettings, StrayAck};

/// \[MQTT3-4.6.0-6\] \[MQTT5-4.6.0-5\]
#[test]
fn an_acknowledgement_lets_the_oldest_waiting_message_out() {
    let mut script = window_of(1).queue(["first", "second", "third"]);
    assert_eq!(script.written(), ["1 first"]);

    script.ack(1).unwrap();
    assert_eq!(script.written(), ["2 second"]);
}

/// emqttd's fault P6 is not here. \[MQTT3-4.3.1-1\] \[MQTT5-4.3.1-1\] \[MQTT3-3.3.1-2\]
#[test]
fn a_qos_0_message_has_no_packet_id_and_needs_no_answer() {
    let mut script = window_of(1);
    script.qos0("first");
    script.qos0("second");
    assert_eq!(script.written(), ["- first", "- second"]);
    assert_eq!(script.session.inflight_now(), 0);
}

/// emqttd's fault P18 is not here.
#[test]
fn a_qos_0_message_does_not_overtake_a_waiting_message() {
    let mut script = window_of(1).queue(["first", "second"]);
    script.qos0("third");
    assert_eq!(script.written(), ["1 first"]);

    script.ack(1).unwrap();
    assert_eq!(script.written(), ["2 second", "- third"]);
}

#[test]
fn a_qos_0_message_passes_a_full_window_when_nothing_waits() {
    let mut script = window_of(1).queue(["first"]);
    script.qos0("second");
    assert_eq!(script.written(), ["1 first", "- second"]);
}

/// \[MQTT5-4.3.3-4\] \[MQTT5-4.3.3-5\]
#[test]
fn a_qos_2_message_is_released_on_pubrec_and_done_on_pubcomp() {
    let mut script = window_of(1);
    script.qos2("first");
    script.pubrec(1).unwrap();
    assert_eq!(script.written(), ["1 first", "release 1"]);
    assert_eq!(script.session.inflight_now(), 1);

    script.pubcomp(1).unwrap();
    assert_eq!(script.session.inflight_now(), 0);
}

/// \[MQTT5-4.9.0-2\] \[MQTT5-3.3.4-9\]
#[test]
fn a_released_message_counts_against_the_receive_maximum_until_pubcomp() {
    let mut script = session(SessionSettings::default())
        .speaks(Version::V5)
        .takes_at_once(1)
        .connect();
    script.qos2("first");
    script.qos2("second");
    script.pubrec(1).unwrap();
    assert_eq!(script.written(), ["1 first", "release 1"]);

    script.pubcomp(1).unwrap();
    assert_eq!(script.written(), ["2 second"]);
}

/// \[MQTT5-4.9.0-3\] \[MQTT5-3.3.4-10\]
#[test]
fn pubrel_is_sent_although_the_receive_maximum_is_used_up() {
    let mut script = session(SessionSettings::default())
        .speaks(Version::V5)
        .takes_at_once(2)
        .connect();
    script.qos2("first");
    script.qos2("second");
    script.written();

    script.pubrec(2).unwrap();
    assert_eq!(script.written(), ["release 2"]);
}

/// \[MQTT5-4.4.0-2\]
#[test]
fn a_failing_pubrec_ends_the_exchange_without_pubrel() {
    let mut script = window_of(1);
    script.qos2("first");
    script.qos2("second");
    script.pubrec_with(1, ReasonCode::QuotaExceeded).unwrap();
    assert_eq!(script.written(), ["1 first", "2 second"]);
    assert_eq!(
        script.pubcomp(1),
        Err(StrayAck::NotInFlight(id(1))),
        "the exchange is over"
    );
}

#[test]
fn a_pubrec_for_an_unknown_id_is_answered_so_that_the_client_forgets_it() {
    let mut script = window_of(1);
    assert_eq!(script.pubrec(7), Err(StrayAck::NotInFlight(id(7))));
    assert_eq!(script.written(), ["release 7 unknown"]);
}

/// \[MQTT3-4.6.0-4\]
#[test]
fn pubrels_leave_in_the_order_of_the_pubrecs() {
    let mut script = window_of(3);
    script.qos2("first");
    script.qos2("second");
    script.written();

    script.pubrec(2).unwrap();
    script.pubrec(1).unwrap();
    assert_eq!(script.written(), ["release 2", "release 1"]);
}

#[test]
fn a_repeated_pubrec_is_answered_again() {
    let mut script = window_of(1);
    script.qos2("first");
    script.pubrec(1).unwrap();
    script.pubrec(1).unwrap();
    assert_eq!(script.written(), ["1 first", "release 1", "release 1"]);
}

#[test]
fn an_acknowledgement_of_the_wrong_kind_changes_nothing() {
    let mut script = window_of(2);
    script.qos1("first");
    script.qos2("second");

    assert_eq!(script.pubrec(1), Err(StrayAck::OutOfTurn(id(1))));
    assert_eq!(script.ack(2), Err(StrayAck::OutOfTurn(id(2))));
    assert_eq!(script.pubcomp(2), Err(StrayAck::OutOfTurn(id(2))));
    assert_eq!(script.session.inflight_now(), 2);
}

/// \[MQTT3-3.3.1-3\] \[MQTT5-3.3.1-3\]
#[test]
fn a_message_is_marked_as_a_repetition_only_when_it_is_one() {
    let mut script = window_of(1).queue(["first"]);
    assert_eq!(script.written(), ["1 first"]);
    script.disconnect(crate::session::DownReason::Closed);
    script.reconnect();
    assert_eq!(script.written(), ["1 first again"]);
    script.ack(1).unwrap();
    script.qos1("second");
    assert_eq!(script.written(), ["2 second"]);
}

#[test]
fn an_acknowledgement_that_comes_twice_means_nothing_the_second_time() {
    let mut script = window_of(1).queue(["first", "second"]);
    script.ack(1).unwrap();
    assert_eq!(script.ack(1), Err(StrayAck::NotInFlight(id(1))));
    assert_eq!(script.session.inflight_now(), 1);
}

/// emqttd's fault P5 is not here. \[MQTT3-2.3.1-4\] \[MQTT5-2.2.1-4\]
#[test]
fn an_id_is_not_given_out_again_while_it_is_in_use() {
    let mut script = window_of(2);
    script.qos2("held");
    script.pubrec(1).unwrap();
    for packet_id in 2..=u16::MAX {
        script.qos1("passing");
        script.ack(packet_id).unwrap();
    }
    script.written();

    script.qos1("next");
    assert_eq!(script.written(), ["2 next"]);
}

#[test]
fn ids_are_found_although_one_stays_in_use_for_rounds() {
    let mut script = window_of(3);
    script.qos1("held");
    for _ in 0..2 {
        for packet_id in 2..=u16::MAX {
            script.qos1("passing");
            script.ack(packet_id).unwrap();
        }
    }
    script.ack(1).unwrap();
    assert_eq!(script.session.inflight_now(), 0);
}

/// emqttd's fault F1 is not here.
#[test]
fn nothing_is_sent_while_too_much_is_unsent() {
    let mut script = window_of(10);
    script.room(false);
    script.qos1("first");
    script.qos0("second");
    assert_eq!(script.written(), Vec::<String>::new());

    script.room(true);
    assert_eq!(script.written(), ["1 first", "- second"]);
}

/// \[MQTT5-3.1.2-24\] \[MQTT5-3.1.2-25\]
#[test]
fn a_message_that_is_too_large_for_the_client_counts_as_delivered() {
    let mut script = window_of(1).queue(["large", "second"]);
    script.written();

    script
        .session
        .handle_undeliverable(id(1), DropReason::TooLarge, script.now());
    script.perform();
    assert_eq!(script.done(), ["dropped large: too_large"]);
    assert_eq!(script.written(), ["2 second"]);
}
