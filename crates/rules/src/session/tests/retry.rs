//! Sending again on a timer: never in 5.0, a setting in 3.x.

use std::time::Duration;

use castmq_mqtt::Version;

use crate::session::script::{Script, session};
use crate::session::{DownReason, SessionSettings};

/// A connected session that sends again after 20 s.
fn retrying(version: Version) -> Script {
    session(SessionSettings {
        retry_interval: Some(Duration::from_secs(20)),
        ..SessionSettings::default()
    })
    .speaks(version)
    .connect()
}

#[test]
fn an_unacknowledged_message_comes_again_where_this_is_set() {
    let mut script = retrying(Version::V4);
    script.qos1("first");
    script.written();

    script.wait_seconds(20);
    assert_eq!(script.written(), ["1 first again"]);
    script.wait_seconds(20);
    assert_eq!(script.written(), ["1 first again"]);
}

#[test]
fn an_acknowledged_message_does_not_come_again() {
    let mut script = retrying(Version::V4);
    script.qos1("first");
    script.ack(1).unwrap();
    script.written();

    script.wait_seconds(3600);
    assert_eq!(script.written(), Vec::<String>::new());
}

/// emqttd's faults F3 and P4 are not here.
#[test]
fn an_unanswered_pubrel_comes_again_where_this_is_set() {
    let mut script = retrying(Version::V3);
    script.qos2("first");
    script.wait_seconds(15);
    script.pubrec(1).unwrap();
    script.written();

    script.wait_seconds(19);
    assert_eq!(script.written(), Vec::<String>::new());
    script.wait_seconds(1);
    assert_eq!(script.written(), ["release 1"]);
}

/// \[MQTT5-4.4.0-1\]
#[test]
fn to_a_5_0_client_nothing_comes_again_while_it_is_connected() {
    let mut script = retrying(Version::V5);
    script.qos1("first");
    script.written();

    script.wait_seconds(3600);
    assert_eq!(script.written(), Vec::<String>::new());
}

#[test]
fn nothing_comes_again_while_the_client_is_away() {
    let mut script = retrying(Version::V4);
    script.qos1("first");
    script.disconnect(DownReason::Closed);
    script.written();

    assert_eq!(script.session.next_deadline(), None);
    script.wait_seconds(3600);
    assert_eq!(script.written(), Vec::<String>::new());
}

#[test]
fn nothing_comes_again_while_the_connection_takes_nothing() {
    let mut script = retrying(Version::V4);
    script.qos1("first");
    script.room(false);
    script.written();

    script.wait_seconds(20);
    assert_eq!(script.written(), Vec::<String>::new());
    script.room(true);
    script.wait_seconds(20);
    assert_eq!(script.written(), ["1 first again"]);
}

#[test]
fn each_message_has_its_own_time() {
    let mut script = retrying(Version::V4);
    script.qos1("first");
    script.wait_seconds(10);
    script.qos1("second");
    script.written();

    script.wait_seconds(10);
    assert_eq!(script.written(), ["1 first again"]);
    script.wait_seconds(10);
    assert_eq!(script.written(), ["2 second again"]);
}
