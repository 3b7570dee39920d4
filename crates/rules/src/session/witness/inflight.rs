//! What is on its way to the client: the window, packet ids, repetitions, and acknowledgements.

use castmq_mqtt::{PacketId, QoS, Version};

use super::queue::Waited;
use super::{Rule, Scene, Verdict, Witness};
use crate::session::{DownReason, Input, Link as Accepted, Outgoing, Returned};
use crate::{Delivery, Moment};

/// So many sendings after the oldest one in flight, packet ids begin to meet again.
const MEETS_AGAIN: u64 = 60_000;

/// The connection.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) version: Version,
    /// QoS 1 and 2 messages that may be unacknowledged on it.
    pub(super) sent_max: usize,
    pub(super) has_room: bool,
    pub(super) is_continuing: bool,
}

/// A message that was sent and is not done with.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    pub(super) id: PacketId,
    pub(super) qos: QoS,
    /// Present until PUBREC.
    pub(super) delivery: Option<Delivery>,
    /// The how manieth PUBREC it was, once it came.
    pub(super) received: Option<u64>,
    /// Whether PUBLISH was sent on this connection, so that it counts.
    pub(super) is_sent_here: bool,
    /// Whether it still has to be sent again on this connection.
    pub(super) is_due: bool,
    /// Whether PUBREL still has to be sent again on this connection.
    pub(super) is_release_due: bool,
    pub(super) sending: u64,
    pub(super) sent: Moment,
}

impl Witness {
    pub(super) fn connected(&mut self, link: &Accepted, now: Moment) {
        if self.is_ended {
            return;
        }
        if self.link.is_some() {
            self.disconnected(DownReason::TakenOver, now);
            self.has_taken_over = true;
            if self.lifetime.is_over(now) {
                return;
            }
        }
        let inflight_max = self.inflight_max();
        self.link = Some(Link {
            version: link.version,
            sent_max: inflight_max.min(usize::from(link.receive_maximum.max(1))),
            has_room: true,
            is_continuing: false,
        });
        for flight in &mut self.flights {
            flight.is_sent_here = false;
            flight.is_due = flight.received.is_none();
            flight.is_release_due = flight.received.is_some();
        }
        self.lifetime.connected(link);
    }

    pub(super) fn room(&mut self, has_room: bool) {
        if let Some(link) = &mut self.link {
            link.has_room = has_room;
        }
    }

    pub(super) fn continued(&mut self) {
        if let Some(link) = &mut self.link {
            link.is_continuing = false;
        }
    }

    fn inflight_max(&self) -> usize {
        match self.settings.inflight_max {
            0 => usize::from(u16::MAX),
            max => usize::from(max),
        }
    }

    fn sent_here(&self) -> usize {
        self.flights
            .iter()
            .filter(|flight| flight.is_sent_here)
            .count()
    }

    pub(super) fn place(&self, id: PacketId) -> Option<usize> {
        self.flights.iter().position(|flight| flight.id == id)
    }

    /// PUBLISH leaves.
    pub(super) fn published(&mut self, outgoing: &Outgoing, scene: &Scene<'_>) -> Verdict {
        let what = || say(outgoing);
        let Some(link) = &self.link else {
            return Rule::NoConnection.broken(|| format!("{} without a connection", what()));
        };
        let has_room = link.has_room;
        Rule::NoConnection.holds(has_room, || {
            format!("{} although the connection takes nothing", what())
        })?;
        let qos = outgoing.delivery.qos;
        Rule::Qos.holds(qos <= outgoing.delivery.message.qos, || {
            format!("{} was published with a lower QoS", what())
        })?;
        Rule::PacketId.holds(
            outgoing.packet_id.is_some() == (qos != QoS::AtMostOnce),
            || format!("{} must have an id if and only if its QoS is not 0", what()),
        )?;
        let Some(id) = outgoing.packet_id else {
            return self.sent_at_most_once(outgoing, scene);
        };
        match self.place(id) {
            Some(place) => self.sent_again(place, outgoing, scene),
            None => self.sent_first(id, outgoing, scene),
        }
    }

    fn sent_at_most_once(&mut self, outgoing: &Outgoing, scene: &Scene<'_>) -> Verdict {
        Rule::Dup.holds(!outgoing.dup, || {
            format!("{} is no repetition", say(outgoing))
        })?;
        self.nothing_is_due(outgoing, scene)?;
        self.leaves(outgoing, scene).map(|_| ())
    }

    fn sent_first(&mut self, id: PacketId, outgoing: &Outgoing, scene: &Scene<'_>) -> Verdict {
        self.nothing_is_due(outgoing, scene)?;
        let waited = self.leaves(outgoing, scene)?;
        let dup = waited.may_be_repetition;
        Rule::Dup.holds(outgoing.dup == dup || self.waiting.is_unsure, || {
            if dup {
                format!("{} may have been sent before a restart", say(outgoing))
            } else {
                format!("{} was never sent before", say(outgoing))
            }
        })?;
        Rule::Stored.holds(!waited.is_unstored, || {
            format!("{} is not stored", say(outgoing))
        })?;
        let (used, max) = (self.flights.len(), self.inflight_max());
        // What came back from the disk may be more than fits now.
        Rule::Window.holds(used < max || dup, || {
            format!("{} beside {used} in flight of at most {max}", say(outgoing))
        })?;
        self.counts_against_link(outgoing)?;
        self.flights.push(Flight {
            id,
            qos: outgoing.delivery.qos,
            delivery: Some(outgoing.delivery.clone()),
            received: None,
            is_sent_here: true,
            is_due: false,
            is_release_due: false,
            sending: self.sendings,
            sent: scene.now,
        });
        self.sendings += 1;
        Ok(())
    }

    fn sent_again(&mut self, place: usize, outgoing: &Outgoing, scene: &Scene<'_>) -> Verdict {
        let Some(flight) = self.flights.get(place) else {
            return Ok(());
        };
        let is_same = flight.delivery.as_ref() == Some(&outgoing.delivery);
        Rule::PacketId.holds(is_same, || {
            format!(
                "{} but the id is in use for {}",
                say(outgoing),
                flight.say()
            )
        })?;
        Rule::Dup.holds(outgoing.dup, || {
            format!("{} is a repetition and not marked as one", say(outgoing))
        })?;
        self.no_release_is_due(outgoing, scene)?;
        if !flight.is_due {
            return self.retried(place, outgoing, scene);
        }
        let first_due = self.flights.iter().position(|flight| flight.is_due);
        Rule::Order.holds(first_due == Some(place), || {
            let first = first_due.and_then(|first| self.flights.get(first));
            let first = first.map_or_else(String::new, Flight::say);
            format!("{} is sent again before {first}", say(outgoing))
        })?;
        self.counts_against_link(outgoing)?;
        if let Some(flight) = self.flights.get_mut(place) {
            flight.is_due = false;
            flight.is_sent_here = true;
            flight.sent = scene.now;
        }
        Ok(())
    }

    /// Sent once more on the same connection, which only a client of 3.x gets, and only after a while.
    fn retried(&mut self, place: usize, outgoing: &Outgoing, scene: &Scene<'_>) -> Verdict {
        let is_time = self.is_retry(place, scene);
        Rule::Resend.holds(is_time, || {
            format!("{} for the second time on this connection", say(outgoing))
        })?;
        if let Some(flight) = self.flights.get_mut(place) {
            flight.sent = scene.now;
        }
        Ok(())
    }

    pub(super) fn is_retry(&self, place: usize, scene: &Scene<'_>) -> bool {
        let is_old = self
            .link
            .as_ref()
            .is_some_and(|link| link.version != Version::V5);
        let sent = self.flights.get(place).map(|flight| flight.sent);
        let is_late = match (self.settings.retry_interval, sent) {
            (Some(interval), Some(sent)) => sent + interval <= scene.now,
            _ => false,
        };
        is_old && is_late && matches!(scene.input, Input::Timer)
    }

    fn nothing_is_due(&self, outgoing: &Outgoing, scene: &Scene<'_>) -> Verdict {
        self.no_release_is_due(outgoing, scene)?;
        match self.flights.iter().find(|flight| flight.is_due) {
            None => Ok(()),
            Some(flight) => Rule::Resend
                .broken(|| format!("{} before {} is sent again", say(outgoing), flight.say())),
        }
    }

    /// What the client has for certain is released before anything is sent.
    fn no_release_is_due(&self, outgoing: &Outgoing, scene: &Scene<'_>) -> Verdict {
        let due = self.flights.iter().find(|flight| flight.is_release_due);
        let Some(id) = due.map(|flight| flight.id) else {
            return Ok(());
        };
        let follows = scene.actions.iter().any(|action| {
            matches!(action, crate::session::Action::Release { packet_id, .. } if *packet_id == id)
        });
        let rule = if follows { Rule::Order } else { Rule::Pubrel };
        rule.broken(|| format!("{} before PUBREL {id} is sent again", say(outgoing)))
    }

    fn counts_against_link(&self, outgoing: &Outgoing) -> Verdict {
        let sent_max = self.link.as_ref().map_or(0, |link| link.sent_max);
        let sent = self.sent_here();
        Rule::Window.holds(sent < sent_max, || {
            format!(
                "{} beside {sent} unacknowledged of at most {sent_max}",
                say(outgoing)
            )
        })
    }

    /// A message leaves for the first time.
    fn leaves(
        &mut self,
        outgoing: &Outgoing,
        scene: &Scene<'_>,
    ) -> Result<Waited, super::Violation> {
        let delivery = &outgoing.delivery;
        Rule::Expiry.holds(!is_over(delivery, scene.now), || {
            format!("{} after its lifetime", say(outgoing))
        })?;
        self.waiting.leaves(delivery, &self.settings)
    }

    /// Nothing waits that could have been sent.
    pub(super) fn sending_settled(&self, scene: &Scene<'_>) -> Verdict {
        let Some(link) = &self.link else {
            return Ok(());
        };
        // These do not make anything possible that was not before.
        let is_silent = matches!(
            scene.input,
            Input::Subscribe(..)
                | Input::Unsubscribe(_)
                | Input::Publish(_)
                | Input::Pubrel(_)
                | Input::PublishRefused(_)
                | Input::PageFailed
                | Input::LeftOver(_)
                | Input::ReceivedBefore(_)
                | Input::Timer
        );
        let is_stray = matches!(scene.returned, Returned::Stray(_));
        if is_silent || is_stray || !link.has_room || link.is_continuing {
            return Ok(());
        }
        let has_credit = self.sent_here() < link.sent_max;
        if let Some(flight) = self.flights.iter().find(|flight| flight.is_due) {
            return Rule::Resend.holds(!has_credit, || {
                format!(
                    "{} is not sent again although the client takes it",
                    flight.say()
                )
            });
        }
        let is_free = has_credit && self.flights.len() < self.inflight_max();
        let oldest = self
            .flights
            .first()
            .map_or(self.sendings, |first| first.sending);
        let meets = self.sendings - oldest > MEETS_AGAIN;
        match self
            .waiting
            .sendable(&self.settings, is_free && !meets, self.is_kept)
        {
            None => Ok(()),
            Some(delivery) => Rule::Progress
                .broken(|| format!("{} waits although it could be sent", say_delivery(delivery))),
        }
    }
}

impl Flight {
    pub(super) fn say(&self) -> String {
        let what = self.delivery.as_ref().map(|delivery| delivery.message.id.0);
        match what {
            Some(message) => format!("packet {} (message {message})", self.id),
            None => format!("packet {} (the client has it)", self.id),
        }
    }
}

/// Whether a lifetime is over, by the witness's own reckoning.
pub(super) fn is_over(delivery: &Delivery, now: Moment) -> bool {
    delivery
        .message
        .expires
        .is_some_and(|expires| expires <= now)
}

pub(super) fn say_delivery(delivery: &Delivery) -> String {
    let message = &delivery.message;
    format!(
        "message {} on {} with QoS {}",
        message.id.0,
        message.topic.as_str().escape_debug(),
        delivery.qos.number()
    )
}

fn say(outgoing: &Outgoing) -> String {
    let id = outgoing.packet_id.map_or(0, PacketId::get);
    format!("PUBLISH {id}, {}", say_delivery(&outgoing.delivery))
}
