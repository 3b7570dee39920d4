//! What an observer sees of a session.

use std::net::IpAddr;

use castmq_mqtt::{Subscription, Text};

use crate::claim::Epoch;
use crate::session::{Expiry, Session, State, SubscriptionEntry};
use crate::{ClientId, Moment};

impl Session {
    /// Which client it belongs to.
    #[must_use]
    pub fn client_id(&self) -> &ClientId {
        &self.client_id
    }

    /// Whether it has a connection.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        matches!(self.state, State::Connected { .. })
    }

    /// The user who connected last.
    #[must_use]
    pub fn user_name(&self) -> Option<&str> {
        self.user_name.as_deref()
    }

    /// Where its client connected from last, as far as that is known.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// What its client's token said of it.
    #[must_use]
    pub fn claims(&self) -> &[(Text, Text)] {
        &self.claims
    }

    /// Whether its client may do what the rules do not know of.
    #[must_use]
    pub fn is_privileged(&self) -> bool {
        self.is_privileged
    }

    /// Whether it is over; it takes nothing any more.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.state == State::Ended
    }

    /// The claim under which it was last connected. What a connection says under another one is
    /// stale.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// How long it outlives its connection.
    #[must_use]
    pub fn expiry(&self) -> Expiry {
        self.expiry
    }

    /// When it ends if nobody connects.
    #[must_use]
    pub fn ends(&self) -> Option<Moment> {
        self.ends
    }

    /// When it was made.
    #[must_use]
    pub fn created(&self) -> Moment {
        self.created
    }

    /// Messages in flight to the client.
    #[must_use]
    pub fn inflight_now(&self) -> usize {
        self.window.len()
    }

    /// Messages that wait for the client.
    #[must_use]
    pub fn queued_now(&self) -> usize {
        self.queue.len()
    }

    /// Messages of QoS 0 that wait for the client.
    #[must_use]
    pub fn at_most_once_now(&self) -> usize {
        self.queue.at_most_once_now()
    }

    /// What the waiting messages count for.
    #[must_use]
    pub fn queued_bytes_now(&self) -> usize {
        self.queue.bytes()
    }

    /// What those of them count for that are in memory.
    #[must_use]
    pub fn queued_in_memory_now(&self) -> usize {
        let stored = self.queue.stored().map_or(0, |stored| stored.bytes);
        self.queue.bytes() - stored
    }

    /// QoS 2 messages from the client that it has not released.
    #[must_use]
    pub fn awaiting_rel_now(&self) -> usize {
        self.awaiting_rel.len()
    }

    /// Subscriptions.
    #[must_use]
    pub fn subscriptions_now(&self) -> usize {
        self.subscriptions.len()
    }

    /// One subscription.
    #[must_use]
    pub fn subscription(&self, subscription: &Subscription) -> Option<SubscriptionEntry> {
        self.subscriptions.find(subscription)
    }

    /// All subscriptions in their order.
    pub fn subscriptions(&self) -> impl Iterator<Item = (&Subscription, SubscriptionEntry)> {
        self.subscriptions.iter()
    }

    /// Whether there is a will that may still be published.
    #[must_use]
    pub fn has_will(&self) -> bool {
        self.will.is_set()
    }
}
