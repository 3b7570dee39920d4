//! The beginning of a witness: what a session holds at that moment is taken for granted.

use std::sync::Arc;

use castmq_mqtt::{QoS, Version};

use super::inflight::{Flight, Link};
use super::queue::{Waited, Waiting};
use super::{Grants, Lifetime, Witness};
use crate::session::{Session, State};

pub(super) fn witness_of(session: &Session) -> Witness {
    let link = match session.state {
        State::Connected {
            version,
            has_room,
            is_continuing,
        } => Some(link(session, version, (has_room, is_continuing))),
        State::Away | State::Ended => None,
    };
    let exchanges = session.window.exchanges();
    // One that this process has not sent yet waits rather than being in flight.
    let (unsent, sent): (Vec<_>, Vec<_>) = exchanges.partition(|exchange| exchange.is_new);
    let mut flights: Vec<Flight> = (0..)
        .zip(sent)
        .map(|(sending, exchange)| Flight {
            id: exchange.id,
            qos: exchange
                .delivery
                .map_or(QoS::ExactlyOnce, |delivery| delivery.qos),
            delivery: exchange.delivery.cloned(),
            received: exchange.released,
            is_sent_here: exchange.is_counted,
            is_due: link.is_some() && exchange.is_waiting,
            is_release_due: false,
            sending,
            sent: exchange.at,
        })
        .collect();
    flights.shrink_to_fit();
    let pubrecs = flights.iter().filter_map(|flight| flight.received).max();
    let mut waiting = Waiting::default();
    for delivery in unsent.iter().filter_map(|exchange| exchange.delivery) {
        let mut waited = Waited::new(delivery.clone());
        waited.may_be_repetition = true;
        waiting.push(waited);
    }
    waiting_of(session, &mut waiting);
    let mut lifetime = Lifetime::new(session.expiry, session.ends);
    lifetime.will = session.will.will().cloned().map(Box::new);
    lifetime.due = session.will.due();
    Witness {
        client_id: session.client_id.clone(),
        settings: Arc::clone(&session.settings),
        is_kept: session.is_kept(),
        is_ended: session.is_ended(),
        link,
        sendings: flights.len() as u64,
        pubrecs: pubrecs.map_or(0, |last| last + 1),
        flights,
        waiting,
        awaiting_rel: session.awaiting_rel.iter().collect(),
        grants: Grants::new(
            session
                .subscriptions()
                .map(|(own, entry)| (own.clone(), entry))
                .collect(),
        ),
        lifetime,
        has_taken_over: false,
    }
}

fn link(session: &Session, version: Version, (has_room, is_continuing): (bool, bool)) -> Link {
    Link {
        version,
        sent_max: usize::from(session.window.sent_max()),
        has_room,
        is_continuing,
    }
}

fn waiting_of(session: &Session, waiting: &mut Waiting) {
    let mut queued: Vec<_> = session.queue.numbered().collect();
    queued.sort_by_key(|(number, _)| *number);
    let sent_below = session.kept.as_ref().map_or(0, |kept| kept.sent_below());
    for (number, delivery) in queued {
        let is_numbered = session.is_kept() && delivery.qos != QoS::AtMostOnce;
        let mut waited = Waited::new(delivery.clone());
        waited.number = is_numbered.then_some(number);
        waited.may_be_repetition = is_numbered && number < sent_below;
        waited.is_unstored = is_numbered && !session.is_stored(number);
        waiting.push(waited);
    }
    waiting.sent_below = sent_below;
    if let Some(stored) = session.queue.stored() {
        waiting.is_unsure = true;
        waiting.unseen_below = stored.next;
    }
    waiting.is_reading = session.kept.as_ref().is_some_and(|kept| kept.is_reading());
}
