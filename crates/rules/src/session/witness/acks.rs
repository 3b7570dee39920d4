//! Acknowledgements of the client, and PUBREL.

use castmq_mqtt::{PacketId, QoS, ReasonCode};

use super::queue::Waited;
use super::{Rule, Scene, Verdict, Witness};
use crate::session::{Action, Input, Returned};

impl Witness {
    /// PUBREL leaves.
    pub(super) fn released(
        &mut self,
        id: PacketId,
        reason: ReasonCode,
        scene: &Scene<'_>,
    ) -> Verdict {
        Rule::NoConnection.holds(self.link.is_some(), || {
            format!("PUBREL {id} without a connection")
        })?;
        let answers = matches!(scene.input, Input::Pubrec(asked, _) if *asked == id);
        let place = self.place(id);
        if reason != ReasonCode::Success {
            return Rule::Pubrel.holds(answers && place.is_none(), || {
                format!("PUBREL {id} says that it is unknown, and it is not")
            });
        }
        let Some(flight) = place.and_then(|place| self.flights.get(place)) else {
            return Rule::Pubrel.broken(|| format!("PUBREL {id}, and nothing has this id"));
        };
        Rule::Pubrel.holds(flight.received.is_some(), || {
            format!("PUBREL {id} before PUBREC for {}", flight.say())
        })?;
        if answers {
            return Ok(());
        }
        if !flight.is_release_due {
            let is_time = place.is_some_and(|place| self.is_retry(place, scene));
            return Rule::Pubrel.holds(is_time, || {
                format!("PUBREL {id} although nobody asked for it")
            });
        }
        let order = flight.received;
        let due = self.flights.iter().filter(|flight| flight.is_release_due);
        let first = due.min_by_key(|flight| flight.received);
        Rule::Order.holds(first.is_some_and(|first| first.received == order), || {
            format!("PUBREL {id} before that of a message which the client had earlier")
        })?;
        if let Some(flight) = place.and_then(|place| self.flights.get_mut(place)) {
            flight.is_release_due = false;
        }
        Ok(())
    }

    pub(super) fn puback(&mut self, id: PacketId, scene: &Scene<'_>) -> Verdict {
        self.finished(id, QoS::AtLeastOnce, scene)
    }

    pub(super) fn pubrec(
        &mut self,
        id: PacketId,
        reason: ReasonCode,
        scene: &Scene<'_>,
    ) -> Verdict {
        if reason.is_failure() {
            return self.finished(id, QoS::ExactlyOnce, scene);
        }
        let place = self.place(id);
        let is_answered = scene
            .actions
            .iter()
            .any(|action| matches!(action, Action::Release { packet_id, .. } if *packet_id == id));
        let flight = place.and_then(|place| self.flights.get_mut(place));
        let Some(flight) = flight else {
            let is_stray = matches!(scene.returned, Returned::Stray(_));
            Rule::Acknowledgement.holds(is_stray, || format!("PUBREC {id} is of no message"))?;
            let is_due = self.link.is_none() || is_answered;
            return Rule::Pubrel.holds(is_due, || format!("PUBREC {id} is not answered"));
        };
        if flight.qos != QoS::ExactlyOnce {
            let is_stray = matches!(scene.returned, Returned::Stray(_));
            let said = flight.say();
            return Rule::Acknowledgement
                .holds(is_stray, || format!("PUBREC {id} is none for {said}"));
        }
        let expected = match &flight.delivery {
            Some(delivery) => Returned::Acked(delivery.message.id),
            None => Returned::Nothing,
        };
        Rule::Acknowledgement.holds(scene.returned == expected, || {
            format!(
                "PUBREC {id} gives {:?} instead of {expected:?}",
                scene.returned
            )
        })?;
        if flight.received.is_none() {
            flight.received = Some(self.pubrecs);
            self.pubrecs += 1;
        }
        flight.delivery = None;
        flight.is_due = false;
        Rule::Pubrel.holds(is_answered || self.link.is_none(), || {
            format!("PUBREC {id} is not answered with PUBREL")
        })
    }

    pub(super) fn pubcomp(&mut self, id: PacketId, scene: &Scene<'_>) -> Verdict {
        let place = self.place(id).filter(|place| {
            let flight = self.flights.get(*place);
            flight.is_some_and(|flight| flight.received.is_some())
        });
        let expected = place.is_some();
        let ended = scene.returned == Returned::Nothing;
        Rule::Acknowledgement.holds(ended == expected, || {
            format!("PUBCOMP {id} gives {:?}", scene.returned)
        })?;
        if let Some(place) = place {
            self.flights.remove(place);
        }
        Ok(())
    }

    /// An acknowledgement that ends an exchange before PUBREC.
    fn finished(&mut self, id: PacketId, qos: QoS, scene: &Scene<'_>) -> Verdict {
        let place = self.place(id);
        let flight = place.and_then(|place| self.flights.get(place));
        let delivery = flight.and_then(|flight| flight.delivery.as_ref());
        let delivery = delivery.filter(|delivery| delivery.qos == qos);
        let Some(delivery) = delivery else {
            if self.was_sent_before_a_restart(scene.returned) {
                return Ok(());
            }
            let is_stray = matches!(scene.returned, Returned::Stray(_));
            return Rule::Acknowledgement.holds(is_stray, || {
                format!("an acknowledgement of packet {id}, which is not in flight like that")
            });
        };
        let expected = Returned::Acked(delivery.message.id);
        Rule::Acknowledgement.holds(scene.returned == expected, || {
            format!(
                "an acknowledgement of packet {id} gives {:?} instead of {expected:?}",
                scene.returned
            )
        })?;
        if let Some(place) = place {
            self.flights.remove(place);
        }
        Ok(())
    }

    /// The client acknowledges a message that it has from before a restart, and that was not sent again yet.
    fn was_sent_before_a_restart(&mut self, returned: Returned) -> bool {
        let is_it = |waited: &Waited| {
            waited.may_be_repetition && returned == Returned::Acked(waited.delivery.message.id)
        };
        let place = self.waiting.list.iter().position(is_it);
        place.and_then(|place| self.waiting.take(place)).is_some()
    }

    /// All PUBRELs go at once on a new connection.
    pub(super) fn releases_settled(&self, scene: &Scene<'_>) -> Verdict {
        if !matches!(scene.input, Input::Connected(_)) || self.link.is_none() {
            return Ok(());
        }
        match self.flights.iter().find(|flight| flight.is_release_due) {
            None => Ok(()),
            Some(flight) => Rule::Pubrel.broken(|| {
                let id = flight.id;
                format!("PUBREL {id} is not sent again on the new connection")
            }),
        }
    }
}
