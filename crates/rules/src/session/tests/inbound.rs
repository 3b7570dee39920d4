//! The client's own QoS 2 messages.

use castmq_mqtt::ReasonCode;

use crate::session::script::{NORMAL, id, session, window_of};
use crate::session::{EndReason, Received, SessionSettings};

/// \[MQTT3-4.3.3-2\] \[MQTT5-4.3.3-10\]
#[test]
fn a_repeated_qos_2_message_is_a_duplicate_until_it_is_released() {
    let mut session = window_of(1).session;
    assert_eq!(session.handle_publish_exactly_once(id(5)), Received::New);
    assert_eq!(
        session.handle_publish_exactly_once(id(5)),
        Received::Duplicate
    );

    assert_eq!(session.handle_pubrel(id(5)), ReasonCode::Success);
    assert_eq!(session.handle_publish_exactly_once(id(5)), Received::New);
}

/// \[MQTT5-4.3.3-11\]
#[test]
fn a_release_of_an_unknown_message_is_answered_nevertheless() {
    let mut session = window_of(1).session;
    assert_eq!(
        session.handle_pubrel(id(5)),
        ReasonCode::PacketIdentifierNotFound
    );
}

/// \[MQTT5-4.3.3-9\]
#[test]
fn the_id_of_a_refused_message_is_new_afterwards() {
    let mut session = window_of(1).session;
    session.handle_publish_exactly_once(id(5));
    session.handle_publish_refused(id(5));
    assert_eq!(session.handle_publish_exactly_once(id(5)), Received::New);
}

/// emqttd's fault P3 is not here.
#[test]
fn an_unreleased_message_is_remembered_for_as_long_as_the_session_lives() {
    let mut script = window_of(1);
    script.session.handle_publish_exactly_once(id(5));
    script.disconnect(NORMAL);
    script.wait_seconds(7 * 86_400);
    script.reconnect();
    assert_eq!(
        script.session.handle_publish_exactly_once(id(5)),
        Received::Duplicate
    );
}

#[test]
fn a_session_has_a_limit_for_unreleased_messages() {
    let mut session = session(SessionSettings {
        awaiting_rel_max: 1,
        ..SessionSettings::default()
    })
    .session;
    session.handle_publish_exactly_once(id(5));
    assert_eq!(
        session.handle_publish_exactly_once(id(6)),
        Received::QuotaExceeded
    );
    assert_eq!(
        session.handle_publish_exactly_once(id(5)),
        Received::Duplicate
    );
}

#[test]
fn a_session_that_ends_forgets_unreleased_messages() {
    let mut script = window_of(1);
    script.session.handle_publish_exactly_once(id(5));
    script.end(EndReason::Removed);
    assert_eq!(script.session.awaiting_rel_now(), 0);
}
