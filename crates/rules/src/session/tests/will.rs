//! Wills.

use castmq_mqtt::{ReasonCode, Version};

use crate::session::script::{NORMAL, Script, session, will};
use crate::session::{DownReason, EndReason, Expiry, SessionSettings};

/// A connected session that is kept for a minute, with a will.
fn with_will(delay: u32) -> Script {
    session(SessionSettings::default())
        .speaks(Version::V5)
        .expires_after(60)
        .has_will(will("gone", delay))
        .connect()
}

/// \[MQTT3-3.1.2-8\] \[MQTT5-3.1.2-8\]
#[test]
fn a_connection_that_breaks_publishes_the_will() {
    let mut script = with_will(0);
    script.disconnect(DownReason::Closed);
    assert_eq!(script.done(), ["will gone"]);
}

/// \[MQTT3-3.14.4-3\] \[MQTT5-3.14.4-3\] \[MQTT3-3.1.2-10\]
#[test]
fn a_normal_disconnect_discards_the_will() {
    let mut script = with_will(0);
    script.disconnect(NORMAL);
    script.wait_seconds(3600);
    assert_eq!(script.done(), ["end Expired"]);
}

#[test]
fn a_disconnect_with_will_publishes_it() {
    let mut script = with_will(0);
    script.disconnect(DownReason::Disconnect {
        reason: ReasonCode::DisconnectWithWill,
        expiry: None,
    });
    assert_eq!(script.done(), ["will gone"]);
}

/// emqttd's fault P2 is not here.
#[test]
fn a_takeover_publishes_the_will_of_the_old_connection() {
    let mut script = with_will(0);
    script.disconnect(DownReason::TakenOver);
    assert_eq!(script.done(), ["will gone"]);
}

/// emqttd's fault F20 is not here.
#[test]
fn a_connection_whose_process_dies_publishes_the_will() {
    let mut script = with_will(0);
    script.disconnect(DownReason::Panicked);
    assert_eq!(script.done(), ["will gone"]);
}

#[test]
fn a_connection_that_the_broker_drops_publishes_the_will() {
    let mut script = with_will(0);
    script.disconnect(DownReason::Dropped(ReasonCode::KeepAliveTimeout));
    assert_eq!(script.done(), ["will gone"]);
}

/// \[MQTT5-3.1.2-8\]
#[test]
fn a_delayed_will_waits_for_its_delay() {
    let mut script = with_will(30);
    script.disconnect(DownReason::Closed);
    script.wait_seconds(29);
    assert_eq!(script.done(), Vec::<String>::new());

    script.wait_seconds(1);
    assert_eq!(script.done(), ["will gone"]);
}

/// \[MQTT5-3.1.3-9\]
#[test]
fn a_client_that_returns_before_the_delay_is_over_has_no_will_published() {
    let mut script = with_will(30);
    script.disconnect(DownReason::Closed);
    script.wait_seconds(29);
    script.reconnect();
    script.wait_seconds(3600);
    assert_eq!(script.done(), Vec::<String>::new());
}

/// \[MQTT5-3.1.2-8\]
#[test]
fn a_delayed_will_is_published_when_the_session_ends_before() {
    let mut script = with_will(3600);
    script.disconnect(DownReason::Closed);
    script.wait_seconds(60);
    assert_eq!(script.done(), ["will gone", "end Expired"]);
}

#[test]
fn a_delayed_will_is_published_when_the_session_is_discarded() {
    let mut script = with_will(30);
    script.disconnect(DownReason::TakenOver);
    script.end(EndReason::Discarded);
    assert_eq!(script.done(), ["will gone", "end Discarded"]);
}

#[test]
fn a_will_is_published_when_the_session_ends_with_its_connection() {
    let mut script = session(SessionSettings::default())
        .speaks(Version::V5)
        .expires_after(0)
        .has_will(will("gone", 30))
        .connect();
    script.disconnect(DownReason::Closed);
    assert_eq!(script.done(), ["will gone", "end Expired"]);
}

/// \[MQTT5-3.1.2-10\]
#[test]
fn a_will_is_published_once() {
    let mut script = with_will(0);
    script.disconnect(DownReason::Closed);
    script.wait_seconds(60);
    assert_eq!(script.done(), ["will gone", "end Expired"]);
}

#[test]
fn the_will_of_a_new_connection_replaces_that_of_the_last_one() {
    let mut script = with_will(30);
    script.disconnect(DownReason::Closed);
    let mut script = script.has_will(will("gone again", 0)).connect();
    script.disconnect(DownReason::Closed);
    assert_eq!(script.done(), ["will gone again"]);
}

/// \[MQTT3-3.1.2-12\]
#[test]
fn a_connection_without_a_will_publishes_none() {
    let mut script = session(SessionSettings::default()).connect();
    script.disconnect(DownReason::Closed);
    script.end(EndReason::Removed);
    assert_eq!(script.done(), ["end Removed"]);
}

#[test]
fn a_node_that_stops_publishes_the_wills_of_connected_clients() {
    let mut script = with_will(30);
    script.disconnect(DownReason::Stopped);
    script.end(EndReason::Stopped);
    assert_eq!(script.done(), ["will gone", "end Stopped"]);
}

#[test]
fn a_disconnect_that_shortens_the_expiry_brings_the_will_forward() {
    let mut script = with_will(30);
    script.disconnect(DownReason::Disconnect {
        reason: ReasonCode::DisconnectWithWill,
        expiry: Some(Expiry::from_seconds(5)),
    });
    script.wait_seconds(5);
    assert_eq!(script.done(), ["will gone", "end Expired"]);
}

#[test]
fn a_connection_that_is_replaced_without_a_word_publishes_its_will() {
    let mut script = with_will(0);
    script.reconnect();
    assert_eq!(script.done(), ["will gone"]);
    assert!(script.session.is_connected());
}
