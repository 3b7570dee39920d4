//! Messages that do not reach the client: each for a reason that holds, and by the policy.

use castmq_mqtt::QoS;

use super::inflight::{is_over, say_delivery};
use super::queue::{is_same, weight};
use super::{Rule, Scene, Verdict, Witness};
use crate::Delivery;
use crate::session::{Action, DropReason, FullPolicy, Input};

impl Witness {
    pub(super) fn dropped(
        &mut self,
        reason: DropReason,
        delivery: &Delivery,
        scene: &Scene<'_>,
    ) -> Verdict {
        let what = || format!("{} is dropped as {}", say_delivery(delivery), reason.name());
        if let (DropReason::TooLarge | DropReason::NotAuthorized, Input::Undeliverable(id, said)) =
            (reason, scene.input)
        {
            let place = self.flights.iter().position(|flight| flight.id == *id);
            Rule::Drop.holds(place.is_some() && *said == reason, what)?;
            place.map(|place| self.flights.remove(place));
            return Ok(());
        }
        self.check_reason(reason, delivery, scene)?;
        match self.waiting.find(delivery) {
            Some(place) => {
                self.waiting.take(place);
                Ok(())
            }
            None => Rule::OnceOut.broken(|| format!("{}, but it does not wait", what())),
        }
    }

    fn check_reason(&self, reason: DropReason, delivery: &Delivery, scene: &Scene<'_>) -> Verdict {
        let what = || format!("{} is dropped as {}", say_delivery(delivery), reason.name());
        let holds = match reason {
            DropReason::Expired => is_over(delivery, scene.now),
            DropReason::Qos0Offline => {
                delivery.qos == QoS::AtMostOnce
                    && (self.link.is_none() || self.has_taken_over)
                    && !self.settings.keeps_qos0_offline
            }
            DropReason::SessionEnded => {
                let ends = scene
                    .actions
                    .iter()
                    .any(|action| matches!(action, Action::End(_)));
                self.is_ended || ends
            }
            DropReason::TooLarge | DropReason::NotAuthorized => false,
            DropReason::QueueFull | DropReason::Qos0OverQuota => {
                return self.gives_way(reason, delivery);
            }
        };
        Rule::Drop.holds(holds, || format!("{}, and that is not so", what()))
    }

    /// The queue is full, and this is the message that has to go.
    fn gives_way(&self, reason: DropReason, delivery: &Delivery) -> Verdict {
        let what = say_delivery(delivery);
        let is_qos0 = delivery.qos == QoS::AtMostOnce;
        Rule::Drop.holds(is_qos0 == (reason == DropReason::Qos0OverQuota), || {
            format!("{what} is dropped as {}", reason.name())
        })?;
        if self.waiting.is_unsure {
            return Ok(());
        }
        let queue = &self.settings.queue;
        let (len, bytes) = self.waiting.size();
        let is_over = len > queue.len_max || bytes > queue.bytes_max;
        Rule::Drop.holds(is_over, || {
            format!("{what} is dropped from a queue that is not full ({len} messages)")
        })?;
        if !queue.priorities.is_empty() {
            return Ok(());
        }
        if self.is_kept {
            return self.gives_way_kept(delivery);
        }
        let Some(incoming) = &self.waiting.incoming else {
            return Ok(());
        };
        let expected = self.victim(incoming);
        Rule::Drop.holds(is_same(expected, delivery), || {
            format!("{what} is dropped instead of {}", say_delivery(expected))
        })
    }

    /// The same of a session that is kept: what is in the store alone has to be read before it can go, so
    /// more than one may go at a time, and the one that comes goes when there is far too much.
    fn gives_way_kept(&self, delivery: &Delivery) -> Verdict {
        let incoming = self.waiting.incoming.as_ref();
        let is_incoming = incoming.is_some_and(|incoming| is_same(incoming, delivery));
        let queue = &self.settings.queue;
        let (len, bytes) = self.waiting.size();
        let is_beyond = len > 2 * queue.len_max || bytes > queue.bytes_max.saturating_mul(2);
        let may_be_incoming = queue.when_full == FullPolicy::DropNewest
            || is_beyond
            || incoming.is_some_and(|incoming| incoming.qos == QoS::AtMostOnce)
            || weight(delivery) > queue.bytes_max;
        if is_incoming && may_be_incoming {
            return Ok(());
        }
        let waiting = || self.waiting.list.iter().map(|waited| &waited.delivery);
        let first_qos0 = waiting().find(|delivery| delivery.qos == QoS::AtMostOnce);
        let expected = first_qos0.or_else(|| waiting().next()).unwrap_or(delivery);
        Rule::Drop.holds(is_same(expected, delivery), || {
            let (what, expected) = (say_delivery(delivery), say_delivery(expected));
            format!("{what} is dropped instead of {expected}")
        })
    }

    /// Which one has to go: QoS 0 before all others, then by the policy.
    fn victim<'a>(&'a self, incoming: &'a Delivery) -> &'a Delivery {
        let queue = &self.settings.queue;
        let drops_oldest = queue.when_full == FullPolicy::DropOldest;
        let is_qos0 = incoming.qos == QoS::AtMostOnce;
        let before = || {
            let last = self.waiting.list.len().saturating_sub(1);
            self.waiting
                .list
                .iter()
                .take(last)
                .map(|waited| &waited.delivery)
        };
        let may_go = |delivery: &&Delivery| {
            if delivery.qos == QoS::AtMostOnce {
                !is_qos0 || drops_oldest
            } else {
                !is_qos0 && drops_oldest
            }
        };
        let stays = before().filter(|delivery| !may_go(delivery));
        let (len, bytes) = stays.fold((1, weight(incoming)), |(len, bytes), delivery| {
            (len + 1, bytes + weight(delivery))
        });
        if len > queue.len_max || bytes > queue.bytes_max {
            return incoming;
        }
        let first_qos0 = before().find(|delivery| delivery.qos == QoS::AtMostOnce);
        first_qos0
            .or_else(|| before().find(may_go))
            .unwrap_or(incoming)
    }

    pub(super) fn dropped_unread(&mut self, count: usize, scene: &Scene<'_>) -> Verdict {
        let ends = scene
            .actions
            .iter()
            .any(|action| matches!(action, Action::End(_)));
        Rule::Drop.holds(ends && self.is_kept, || {
            format!("{count} messages are dropped unread although the session goes on")
        })?;
        // Which of those it knows they are, the witness cannot tell.
        self.waiting.is_unsure = true;
        Ok(())
    }

    pub(super) fn redispatched(
        &mut self,
        delivery: &Delivery,
        was_sent: bool,
        scene: &Scene<'_>,
    ) -> Verdict {
        let what = || format!("{} is given to another member", say_delivery(delivery));
        let ends = scene
            .actions
            .iter()
            .any(|action| matches!(action, Action::End(_)));
        let is_shared = delivery.group.is_some() && delivery.qos == QoS::AtLeastOnce;
        Rule::OnceOut.holds(ends && is_shared, what)?;
        if was_sent {
            let is_it = |flight: &super::Flight| flight.delivery.as_ref() == Some(delivery);
            if let Some(place) = self.flights.iter().position(is_it) {
                self.flights.remove(place);
                return Ok(());
            }
        }
        let place = self.waiting.find(delivery);
        let waited = place.and_then(|place| self.waiting.take(place));
        let is_so = waited
            .as_ref()
            .is_some_and(|waited| waited.may_be_repetition == was_sent);
        Rule::OnceOut.holds(is_so || self.waiting.is_unsure, what)
    }
}
