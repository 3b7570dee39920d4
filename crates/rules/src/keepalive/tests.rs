//! What the keep alive promises, by example.

use std::time::Duration;

use castmq_mqtt::ReasonCode;

use crate::Moment;
use crate::keepalive::KeepAlive;

fn at(millis: u64) -> Moment {
    Moment::from_start(Duration::from_millis(millis))
}

/// A connection accepted at the start with this keep alive in seconds.
fn accepted(seconds: u16) -> KeepAlive {
    let mut keep_alive = KeepAlive::awaiting_connect(Duration::from_secs(10), at(0));
    keep_alive.handle_accepted(seconds, at(0));
    keep_alive
}

/// emqttd's fault P8 is not here. \[MQTT3-3.1.2-24\] \[MQTT5-3.1.2-22\]
#[test]
fn a_silent_client_is_closed_after_one_and_a_half_times_the_keep_alive() {
    let keep_alive = accepted(2);
    assert_eq!(keep_alive.expired(at(2999)), None);
    assert_eq!(
        keep_alive.expired(at(3000)),
        Some(ReasonCode::KeepAliveTimeout)
    );
    assert_eq!(keep_alive.deadline(), Some(at(3000)));
}

#[test]
fn an_odd_keep_alive_is_not_rounded() {
    assert_eq!(accepted(1).deadline(), Some(at(1500)));
}

#[test]
fn a_packet_begins_the_time_anew() {
    let mut keep_alive = accepted(2);
    keep_alive.handle_packet(at(2500));
    assert_eq!(keep_alive.deadline(), Some(at(5500)));
}

#[test]
fn a_keep_alive_of_0_has_no_limit() {
    let keep_alive = accepted(0);
    assert_eq!(keep_alive.deadline(), None);
    assert_eq!(keep_alive.expired(at(u64::MAX / 2)), None);
}

#[test]
fn a_pause_of_the_broker_is_no_silence_of_the_client() {
    let mut keep_alive = accepted(2);
    keep_alive.handle_paused(at(1000));
    assert_eq!(keep_alive.deadline(), None);
    assert_eq!(keep_alive.expired(at(60_000)), None);

    keep_alive.handle_resumed(at(60_000));
    assert_eq!(keep_alive.deadline(), Some(at(62_000)));
}

#[test]
fn a_packet_that_was_read_before_a_pause_counts_during_it() {
    let mut keep_alive = accepted(2);
    keep_alive.handle_paused(at(1000));
    keep_alive.handle_packet(at(5000));
    keep_alive.handle_resumed(at(6000));
    assert_eq!(keep_alive.deadline(), Some(at(9000)));
}

#[test]
fn a_second_pause_does_not_shorten_the_first() {
    let mut keep_alive = accepted(2);
    keep_alive.handle_paused(at(1000));
    keep_alive.handle_paused(at(2000));
    keep_alive.handle_resumed(at(3000));
    keep_alive.handle_resumed(at(4000));
    assert_eq!(keep_alive.deadline(), Some(at(5000)));
}

/// emqttd's fault P12 is not here.
#[test]
fn the_time_for_connect_is_not_extended_by_anything() {
    let mut keep_alive = KeepAlive::awaiting_connect(Duration::from_secs(10), at(0));
    keep_alive.handle_packet(at(9000));
    assert_eq!(keep_alive.deadline(), Some(at(10_000)));
    keep_alive.handle_accepted(60, at(9500));
    assert_eq!(keep_alive.deadline(), Some(at(99_500)));
}
