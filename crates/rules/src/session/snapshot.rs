//! What an observer sees of a session.

use std::net::IpAddr;

use castmq_mqtt::{PacketId, Subscription, Text, Will};

use crate::claim::Epoch;
use crate::mqueue::QueuePosition;
use crate::session::{Expiry, Session, State, SubscriptionEntry};
use crate::{ClientId, Delivery, Moment};

/// A message in flight to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InFlight<'s> {
    /// Its packet id.
    pub packet_id: PacketId,
    /// How far it is.
    pub stage: FlightStage,
    /// When the last packet of it was sent, or the last answer came.
    pub at: Moment,
    /// The message, until the client has it for certain.
    pub delivery: Option<&'s Delivery>,
}

/// How far a message in flight is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FlightStage {
    /// PUBLISH was sent on this connection.
    Sent,
    /// PUBLISH was sent on an earlier connection and is to be sent again.
    Waiting,
    /// PUBREC came, PUBREL was sent.
    Received,
}

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

    /// How many may be in flight: as many as the settings and the client allow.
    #[must_use]
    pub fn inflight_max(&self) -> usize {
        self.window.room_max()
    }

    /// The messages in flight, in the order of sending.
    pub fn in_flight(&self) -> impl Iterator<Item = InFlight<'_>> {
        self.window.in_flight()
    }

    /// How many messages may wait.
    #[must_use]
    pub fn queued_max(&self) -> usize {
        self.settings.queue.len_max
    }

    /// Those of the waiting messages that are in memory, in the order in which they will be sent.
    pub fn queued(&self) -> impl Iterator<Item = &Delivery> {
        self.queue.iter()
    }

    /// Those of them that stand behind a position, with their own: for who looks at a few at a time.
    pub fn queued_after(
        &self,
        after: Option<QueuePosition>,
    ) -> impl Iterator<Item = (QueuePosition, &Delivery)> {
        self.queue.placed_after(after)
    }

    /// Those that are in the store only.
    #[must_use]
    pub fn queued_on_disk_now(&self) -> usize {
        self.queue.stored().map_or(0, |stored| stored.len)
    }

    /// Whether messages are being read from the store.
    #[must_use]
    pub fn is_reading(&self) -> bool {
        self.kept.as_ref().is_some_and(|kept| kept.is_reading())
    }

    /// Whether the connection, if there is one, takes more.
    #[must_use]
    pub fn has_room(&self) -> bool {
        matches!(self.state, State::Connected { has_room: true, .. })
    }

    /// Packet ids of QoS 2 messages from the client that it has not released, ascending.
    pub fn awaiting_rel(&self) -> impl Iterator<Item = PacketId> {
        self.awaiting_rel.iter()
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

    /// The subscriptions behind one of them, in their order.
    pub fn subscriptions_after(
        &self,
        after: Option<&Subscription>,
    ) -> impl Iterator<Item = (&Subscription, SubscriptionEntry)> {
        self.subscriptions.iter_after(after)
    }

    /// The will that may still be published.
    #[must_use]
    pub fn will(&self) -> Option<&Will> {
        self.will.will()
    }

    /// Whether there is a will that may still be published.
    #[must_use]
    pub fn has_will(&self) -> bool {
        self.will.is_set()
    }
}
