//! What a session waits for, in words.

use castmq_mqtt::QoS;
use castmq_rules::session::FlightStage;

use crate::inspect::page::ROWS_MAX;
use crate::session::Session;

/// What a session waits for, for people.
pub(super) fn waits_for(session: &Session) -> String {
    let rules = session.rules();
    if !rules.is_connected() {
        return "the client's connection".to_owned();
    }
    let (mut pubacks, mut pubrecs, mut pubcomps) = (0, 0, 0);
    for flight in rules.in_flight().take(ROWS_MAX) {
        match (flight.stage, flight.delivery.map(|delivery| delivery.qos)) {
            (FlightStage::Received, _) => pubcomps += 1,
            (_, Some(QoS::ExactlyOnce)) => pubrecs += 1,
            (_, _) => pubacks += 1,
        }
    }
    let mut waits = Vec::new();
    if rules.inflight_now() > ROWS_MAX {
        // Too many to look at each.
        waits.push(format!("the answers to {} messages", rules.inflight_now()));
        (pubacks, pubrecs, pubcomps) = (0, 0, 0);
    }
    for (packet, count) in [
        ("PUBACK", pubacks),
        ("PUBREC", pubrecs),
        ("PUBCOMP", pubcomps),
    ] {
        match count {
            0 => {}
            1 => waits.push(format!("{packet} of 1 message")),
            _ => waits.push(format!("{packet} of {count} messages")),
        }
    }
    if rules.queued_now() > 0 && !rules.has_room() {
        waits.push("the client's socket".to_owned());
    }
    if rules.is_reading() {
        waits.push("messages from the disk".to_owned());
    }
    match session.asked_now() {
        0 => {}
        1 => waits.push("the routes of a subscription".to_owned()),
        count => waits.push(format!("the routes of {count} requests to subscribe")),
    }
    if session.waits_for_store() {
        waits.push("the store".to_owned());
    }
    if waits.is_empty() {
        "nothing".to_owned()
    } else {
        waits.join(", ")
    }
}
