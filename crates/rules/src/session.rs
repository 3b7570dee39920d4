//! A session: everything the broker holds for one client id, connected or not.
//!
//! Takes what happens (`handle_*`), queues what is to be done about it ([`Session::poll_action`]),
//! and says when it wants to be called at the latest ([`Session::next_deadline`]). Independent of the
//! protocol's version but for what a [`Link`] says.
//!
//! Every message handed in by [`Session::handle_delivery`] comes out once: as the first
//! [`Action::Publish`] of it, as [`Action::Dropped`], or as [`Action::Redispatch`]; one in flight when
//! the session ends may come out as [`Action::Redispatch`] after its [`Action::Publish`].
//!
//! emqttd: emqttd_session

mod acks;
mod action;
mod blank;
mod change;
mod delivery;
mod input;
mod kept;
mod recent;
mod replay;
mod settings;
mod snapshot;
mod subscriptions;
mod watched;
mod witness;

#[cfg(test)]
mod book;
#[cfg(test)]
mod kept_model;
#[cfg(test)]
mod model;
#[cfg(test)]
pub(crate) mod script;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::Arc;

use castmq_mqtt::{ReasonCode, Subscription, SubscriptionOptions, Text, Version};
use serde::{Deserialize, Serialize};

use crate::awaiting_rel::AwaitingRel;
use crate::claim::Epoch;
use crate::mqueue::{Level, Mqueue};
use crate::will::WillSlot;
use crate::window::Window;
use crate::{ClientId, Moment};

pub use crate::awaiting_rel::Received;
pub use crate::mqueue::QueuePosition;
pub use crate::session_expiry::Expiry;
pub use crate::window::StrayAck;
use action::Actions;
pub use action::{
    Action, DownReason, DropReason, EndReason, Link, Outgoing, PullRetained, ReadQueue,
};
pub use blank::Payloads;
pub(crate) use blank::{blank_properties, blank_text, blank_user};
pub use change::{Change, Page, Presence, Record, Restored, StoredQueue};
pub use input::{Input, Returned};
pub use recent::{RecentMessage, topic_hash};
pub use replay::RetainedChunk;
pub use settings::{FullPolicy, QueueSettings, SessionSettings};
pub use snapshot::{FlightStage, InFlight};
pub use subscriptions::{Subscribed, SubscriptionEntry, SubscriptionsFull};
pub use watched::{Observer, Watched};
pub use witness::{Rule, Violation, Witness};

use kept::Kept;
pub use kept::LeftOver;
use replay::Replays;
use subscriptions::Subscriptions;

/// See the module.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Session {
    client_id: ClientId,
    settings: Arc<SessionSettings>,
    created: Moment,
    state: State,
    expiry: Expiry,
    /// The claim under which it was last connected.
    epoch: Epoch,
    window: Window,
    queue: Mqueue,
    awaiting_rel: AwaitingRel,
    subscriptions: Subscriptions,
    replays: Option<Box<Replays>>,
    will: WillSlot,
    ends: Option<Moment>,
    retries: Option<Moment>,
    /// Who connected last.
    user_name: Option<Text>,
    /// Its client may do what the rules do not know of.
    is_privileged: bool,
    /// Where it connected from last.
    address: Option<IpAddr>,
    /// What its token says of it.
    claims: Vec<(Text, Text)>,
    /// Only of a session that outlives its process.
    kept: Option<Box<Kept>>,
    /// What its client got last; of one that gets nothing there is nothing.
    #[serde(skip)]
    recent: Option<Box<recent::Recent>>,
    #[serde(skip)]
    actions: Actions,
}

/// Whether there is a client to send to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// There is; whether its connection takes more at the moment.
    Connected {
        version: Version,
        has_room: bool,
        /// Whether a [`Action::Continue`] is under way.
        is_continuing: bool,
    },
    /// There is none.
    Away,
    /// And there will be none.
    Ended,
}

impl Session {
    /// A new session without a connection; it has no end until one came and went. It shares the memory
    /// of the client id.
    #[must_use]
    pub fn new(client_id: &ClientId, settings: Arc<SessionSettings>, now: Moment) -> Self {
        Self {
            client_id: client_id.clone(),
            created: now,
            state: State::Away,
            expiry: Expiry::Never,
            epoch: Epoch::default(),
            window: Window::new(settings.inflight_max),
            queue: Mqueue::default(),
            awaiting_rel: AwaitingRel::new(settings.awaiting_rel_max),
            subscriptions: Subscriptions::default(),
            replays: None,
            will: WillSlot::default(),
            ends: None,
            retries: None,
            user_name: None,
            is_privileged: false,
            address: None,
            claims: Vec::new(),
            kept: None,
            recent: None,
            actions: Actions::default(),
            settings,
        }
    }

    /// A connection of the client was accepted and CONNACK stands before whatever comes from here.
    ///
    /// What the client may not have got is sent again: PUBREL for the messages it is known to have,
    /// PUBLISH with DUP for the others in their first order, as many as it takes at once and the rest
    /// as its acknowledgements come; after these what waits in the queue.
    /// A connection that is still there counts as taken over.
    // emqttd: emqttd_session:handle_cast/2 (resume)
    // differs: emqttd forgets a PUBREL once it was sent on resume (P4); here it stays until PUBCOMP.
    // [MQTT3-4.4.0-1] [MQTT5-4.4.0-1]
    pub fn handle_connected(&mut self, link: Link, now: Moment) {
        if self.is_connected() {
            self.handle_disconnected(DownReason::TakenOver, now);
        }
        if self.state == State::Ended {
            return;
        }
        self.state = State::Connected {
            version: link.version,
            has_room: true,
            is_continuing: false,
        };
        self.epoch = link.epoch;
        self.expiry = link.expiry;
        self.ends = None;
        self.will.handle_connected(link.will);
        self.user_name = link.user_name;
        self.is_privileged = link.is_privileged;
        self.address = link.address;
        self.claims = link.claims;
        self.store_record();
        for packet_id in self.window.handle_connected(link.receive_maximum) {
            let reason = ReasonCode::Success;
            self.actions.push(Action::Release { packet_id, reason });
        }
        self.fill(now);
        self.check();
    }

    /// The connection is gone; of an earlier one than the last the process says nothing.
    ///
    /// The will is due now or after its delay, but at the latest when the session ends, which may be
    /// now as well.
    // differs: emqttd publishes no will on takeover (P2) and none when the process is killed (F20).
    // [MQTT3-3.1.2-8] [MQTT5-3.1.2-8] [MQTT5-3.1.2-23] [MQTT5-4.1.0-2]
    pub fn handle_disconnected(&mut self, reason: DownReason, now: Moment) {
        if !self.is_connected() {
            return;
        }
        self.state = State::Away;
        self.retries = None;
        if reason.discards_will() {
            self.will.discard();
        }
        if let DownReason::Disconnect {
            expiry: Some(expiry),
            ..
        } = reason
        {
            self.expiry = expiry;
        }
        self.ends = self.expiry.deadline(now);
        self.will.handle_disconnected(self.ends, now);
        if let Some(replays) = &mut self.replays {
            replays.handle_disconnected();
        }
        self.queue_unsendable(now);
        self.store_record();
        self.window.release_memory();
        self.queue.release_memory();
        self.handle_timer(now);
    }

    /// A deadline may have come.
    pub fn handle_timer(&mut self, now: Moment) {
        if self.ends.is_some_and(|ends| ends <= now) {
            self.end(EndReason::Expired);
        }
        if let Some(will) = self.will.poll_due(now) {
            let after = self.is_kept().then(|| self.record_change());
            self.actions.push(Action::PublishWill { will, after });
        }
        self.read_late(now);
        if self.retries.is_some_and(|retries| retries <= now) {
            self.retry(now);
        }
        self.check();
    }

    /// Ends the session, connected or not. Its will is published if it waits or there was no
    /// DISCONNECT; what it owes its client is lost, or given to others of the group. Its subscriptions
    /// can still be read, so that they are taken back.
    // [MQTT5-4.8.2-4] [MQTT5-4.8.2-5]
    // differs: emqttd never clears the alarm of a destroyed session (F19).
    pub fn end(&mut self, reason: EndReason) {
        if self.state == State::Ended {
            return;
        }
        self.state = State::Ended;
        self.ends = None;
        self.retries = None;
        self.replays = None;
        self.stop_reading();
        self.awaiting_rel.clear();
        let ended = self.is_kept().then_some(Change::Ended);
        match (self.will.take(), ended) {
            (Some(will), after) => self.actions.push(Action::PublishWill { will, after }),
            (None, Some(ended)) => self.store(ended),
            (None, None) => {}
        }
        self.give_back();
        self.actions.push(Action::End(reason));
        self.check();
    }

    /// What to do next; `None` when all is done.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop()
    }

    /// Gives back memory that nothing is in. To be called when there is nothing to do for now: a session
    /// that waits for its client, or its client for it, keeps little.
    pub fn rest(&mut self) {
        self.actions.release_memory();
        if self.window.len() == 0 {
            self.window.release_memory();
        }
        if self.queue.is_empty() {
            self.queue.release_memory();
        }
        self.awaiting_rel.release_memory();
    }

    /// When to call [`Self::handle_timer`] at the latest.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Moment> {
        let deadlines = [self.will.due(), self.ends, self.retries, self.read_again()];
        deadlines.into_iter().flatten().min()
    }

    /// Adds or replaces a subscription. It shares the memory of the filter.
    ///
    /// # Errors
    ///
    /// [`SubscriptionsFull`] when it would be one too many; the state is unchanged.
    // [MQTT3-3.8.4-3] [MQTT5-3.8.4-3]
    pub fn subscribe(
        &mut self,
        subscription: &Subscription,
        options: SubscriptionOptions,
        id: Option<u32>,
    ) -> Result<Subscribed, SubscriptionsFull> {
        let entry = SubscriptionEntry { options, id };
        let subscriptions_max = self.settings.subscriptions_max;
        let subscribed = self
            .subscriptions
            .insert(subscription, entry, subscriptions_max)?;
        if self.is_kept() && subscribed != Subscribed::Replaced(entry) {
            self.store(Change::Subscribed(subscription.clone(), entry));
        }
        Ok(subscribed)
    }

    /// Removes a subscription; returns what it was.
    pub fn unsubscribe(&mut self, subscription: &Subscription) -> Option<SubscriptionEntry> {
        if let Some(replays) = &mut self.replays {
            replays.handle_unsubscribed(subscription);
        }
        let removed = self.subscriptions.remove(subscription)?;
        if self.is_kept() {
            self.store(Change::Unsubscribed(subscription.clone()));
        }
        Some(removed)
    }

    /// Tells when the queue crossed a watermark.
    fn watch_level(&mut self) {
        match self.queue.poll_level(&self.settings.queue) {
            Some(Level::High) => self.actions.push(Action::AlarmRaised),
            Some(Level::Low) => self.actions.push(Action::AlarmCleared),
            None => {}
        }
    }

    /// What always holds.
    fn check(&self) {
        if self.state == State::Ended {
            assert_eq!(self.window.len(), 0);
            assert!(!self.window.has_waiting());
            assert_eq!(self.queue.len(), 0);
            assert!(!self.will.is_set());
            assert!(self.next_deadline().is_none());
        }
        assert!(
            !(self.is_connected() && self.ends.is_some()),
            "a session does not expire under its connection"
        );
    }
}
