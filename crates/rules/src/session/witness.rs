//! The witness: says whether what a session does is what MQTT and its settings promise.
//!
//! It sees what the session is told and what it asks for, and nothing of what it holds. Its own account is
//! kept in the most naive way, in plain lists, and shares no code with the session: where both have the
//! same opinion, it is not because they share a mistake. What the client sends is never held against the
//! session, only what it makes of it.
//!
//! It is cheap enough to go along with a session that lives: the usual step looks at the first entries of
//! two lists.

mod acks;
mod drops;
mod grants;
mod inbound;
mod inflight;
mod lifetime;
mod queue;
mod rule;
mod seed;

use std::collections::BTreeSet;
use std::sync::Arc;

use castmq_mqtt::PacketId;

use crate::session::{Action, DownReason, Input, Returned, Session, SessionSettings};
use crate::{ClientId, Moment};

pub use rule::{Rule, Violation};

use grants::Grants;
use inflight::{Flight, Link};
use lifetime::Lifetime;
use queue::Waiting;

/// See the module.
#[derive(Clone, Debug)]
pub struct Witness {
    client_id: ClientId,
    settings: Arc<SessionSettings>,
    is_kept: bool,
    is_ended: bool,
    /// The connection, if there is one.
    link: Option<Link>,
    /// What was sent and is not done with, in the order of first sending.
    flights: Vec<Flight>,
    /// What was handed in and has not come out, in the order in which it came.
    waiting: Waiting,
    /// Ids of the client's own QoS 2 messages.
    awaiting_rel: BTreeSet<PacketId>,
    grants: Grants,
    lifetime: Lifetime,
    /// In this step a connection has taken over from another one.
    has_taken_over: bool,
    /// The number of the next PUBREC.
    pubrecs: u64,
    /// The number of the next sending.
    sendings: u64,
}

/// One step as the witness looks at it.
struct Scene<'a> {
    input: &'a Input,
    returned: Returned,
    actions: &'a [Action],
    now: Moment,
}

type Verdict = Result<(), Violation>;

impl Witness {
    /// Begins with a session as it is now; what was wrong before is not found.
    #[must_use]
    pub fn of(session: &Session) -> Self {
        seed::witness_of(session)
    }

    /// The same without a look at how messages come to the session: at subscriptions, and what was granted.
    #[must_use]
    pub fn without_routing(mut self) -> Self {
        self.grants.is_blind = true;
        self
    }

    /// One step: what the session was told, what it answered, and all that it asked for then.
    ///
    /// # Errors
    ///
    /// The first [`Violation`]. What the witness says after one is not to be relied upon: begin anew with
    /// [`Self::of`].
    pub fn observe(
        &mut self,
        input: &Input,
        returned: Returned,
        actions: &[Action],
        now: Moment,
    ) -> Result<(), Violation> {
        let scene = Scene {
            input,
            returned,
            actions,
            now,
        };
        self.has_taken_over = false;
        self.take_in(&scene)?;
        for (place, action) in actions.iter().enumerate() {
            self.action(&scene, place, action)?;
        }
        self.settle(&scene)
    }

    /// What the input means before anything is done about it.
    fn take_in(&mut self, scene: &Scene<'_>) -> Verdict {
        let now = scene.now;
        match scene.input {
            Input::Connected(link) => self.connected(link, now),
            Input::Disconnected(reason) => self.disconnected(*reason, now),
            Input::Delivery(delivery) => {
                self.grants.check(&self.client_id, delivery, now)?;
                self.waiting.come(delivery, false);
            }
            Input::DeliveryOnceStored(delivery) => {
                self.grants.check(&self.client_id, delivery, now)?;
                self.waiting.come(delivery, true);
            }
            Input::Puback(id) => return self.puback(*id, scene),
            Input::Pubrec(id, reason) => return self.pubrec(*id, *reason, scene),
            Input::Pubcomp(id) => return self.pubcomp(*id, scene),
            Input::Publish(id) => return self.publish_came(*id, scene.returned),
            Input::PublishRefused(id) => {
                self.awaiting_rel.remove(id);
            }
            Input::Pubrel(id) => return self.pubrel_came(*id, scene.returned),
            Input::ReceivedBefore(id) => {
                self.awaiting_rel.insert(*id);
            }
            Input::Subscribe(subscription, options, id) => {
                let max = self.settings.subscriptions_max;
                let returned = scene.returned;
                return self
                    .grants
                    .subscribe(subscription, (*options, *id), max, returned);
            }
            Input::Unsubscribe(subscription) => {
                return self.grants.unsubscribe(subscription, scene.returned);
            }
            Input::StartReplay(subscription, ..) => self.grants.start_replay(subscription),
            Input::RetainedChunk(chunk) => return self.retained(chunk, scene),
            Input::Room(has_room) => self.room(*has_room),
            Input::Continue => self.continued(),
            Input::Stored(number) => self.waiting.stored(*number),
            Input::Page(page) => self.waiting.read(page),
            Input::LeftOver(left_over) => {
                self.waiting.is_unsure = true;
                self.waiting.unseen_below = u64::MAX;
                self.lifetime.left_over(left_over.has_will());
            }
            Input::PageFailed => self.waiting.is_reading = false,
            Input::Undeliverable(..) | Input::Timer | Input::End(_) => {}
        }
        Ok(())
    }

    fn action(&mut self, scene: &Scene<'_>, place: usize, action: &Action) -> Verdict {
        if self.is_ended && !matches!(action, Action::Dropped { .. }) {
            return Rule::AfterTheEnd.broken(|| format!("{} after the end", action.name()));
        }
        match action {
            Action::Publish(outgoing) => self.published(outgoing, scene),
            Action::Release { packet_id, reason } => self.released(*packet_id, *reason, scene),
            Action::Dropped { reason, delivery } => self.dropped(*reason, delivery, scene),
            Action::DroppedUnread(count) => self.dropped_unread(*count, scene),
            Action::Redispatch { delivery, was_sent } => {
                self.redispatched(delivery, *was_sent, scene)
            }
            Action::PublishWill { will, .. } => self.will_published(will, scene),
            Action::Store(change) => {
                self.waiting.note_change(change);
                Ok(())
            }
            Action::ReadQueue(_) => {
                self.waiting.is_reading = true;
                Ok(())
            }
            Action::Continue => {
                if let Some(link) = &mut self.link {
                    link.is_continuing = true;
                }
                Ok(())
            }
            Action::End(reason) => {
                let is_last = place + 1 == scene.actions.len();
                self.ended(*reason, is_last, scene)
            }
            Action::PullRetained(_) | Action::AlarmRaised | Action::AlarmCleared => Ok(()),
        }
    }

    /// What has to have been done by now.
    fn settle(&mut self, scene: &Scene<'_>) -> Verdict {
        self.lifetime_settled(scene)?;
        if self.is_ended {
            return Ok(());
        }
        self.releases_settled(scene)?;
        self.queue_settled(scene)?;
        self.sending_settled(scene)
    }

    fn disconnected(&mut self, reason: DownReason, now: Moment) {
        if self.link.take().is_none() {
            return;
        }
        for flight in &mut self.flights {
            flight.is_sent_here = false;
        }
        self.lifetime.disconnected(reason, now);
    }
}
