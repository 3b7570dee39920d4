//! What happens to a session, as data: each call that changes one, and what the call returned.

use castmq_mqtt::{PacketId, ReasonCode, Subscription, SubscriptionOptions};
use serde::{Deserialize, Serialize};

use crate::session::{
    Action, DownReason, DropReason, EndReason, LeftOver, Link, Page, Received, RetainedChunk,
    Session, StrayAck, Subscribed, SubscriptionEntry, SubscriptionsFull,
};
use crate::{Delivery, MessageId, Moment};

/// One call of a [`Session`]. With a snapshot and its inputs a session is the same again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// [`Session::handle_connected`].
    Connected(Box<Link>),
    /// [`Session::handle_disconnected`].
    Disconnected(DownReason),
    /// [`Session::handle_delivery`].
    Delivery(Delivery),
    /// [`Session::handle_delivery_once_stored`].
    DeliveryOnceStored(Delivery),
    /// [`Session::handle_puback`].
    Puback(PacketId),
    /// [`Session::handle_pubrec`].
    Pubrec(PacketId, ReasonCode),
    /// [`Session::handle_pubcomp`].
    Pubcomp(PacketId),
    /// [`Session::handle_publish_exactly_once`].
    Publish(PacketId),
    /// [`Session::handle_publish_refused`].
    PublishRefused(PacketId),
    /// [`Session::handle_pubrel`].
    Pubrel(PacketId),
    /// [`Session::subscribe`].
    Subscribe(Subscription, SubscriptionOptions, Option<u32>),
    /// [`Session::unsubscribe`].
    Unsubscribe(Subscription),
    /// [`Session::start_replay_as_of`].
    StartReplay(Subscription, Subscribed, u64),
    /// [`Session::handle_retained_chunk`].
    RetainedChunk(RetainedChunk),
    /// [`Session::handle_room`].
    Room(bool),
    /// [`Session::handle_continue`].
    Continue,
    /// [`Session::handle_undeliverable`].
    Undeliverable(PacketId, DropReason),
    /// [`Session::handle_stored`].
    Stored(u64),
    /// [`Session::handle_page`].
    Page(Page),
    /// [`Session::handle_page_failed`].
    PageFailed,
    /// [`Session::handle_left_over`].
    LeftOver(LeftOver),
    /// [`Session::handle_received_before`].
    ReceivedBefore(PacketId),
    /// [`Session::handle_timer`].
    Timer,
    /// [`Session::end`].
    End(EndReason),
}

/// What a call returned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Returned {
    /// Nothing, or that all went well.
    #[default]
    Nothing,
    /// The message that was acknowledged.
    Acked(MessageId),
    /// The acknowledgement means nothing.
    Stray(StrayAck),
    /// What a QoS 2 PUBLISH is.
    Received(Received),
    /// What PUBCOMP says.
    Reason(ReasonCode),
    /// What a SUBSCRIBE changed.
    Subscribed(Subscribed),
    /// There are as many subscriptions as there may be.
    Full(usize),
    /// What the subscription was that was removed.
    Unsubscribed(SubscriptionEntry),
    /// How many retained messages the client gets.
    Count(usize),
}

impl Input {
    /// The name that it has where it is written down.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Connected(_) => "connected",
            Self::Disconnected(_) => "disconnected",
            Self::Delivery(_) => "delivery",
            Self::DeliveryOnceStored(_) => "delivery_once_stored",
            Self::Puback(_) => "puback",
            Self::Pubrec(..) => "pubrec",
            Self::Pubcomp(_) => "pubcomp",
            Self::Publish(_) => "publish",
            Self::PublishRefused(_) => "publish_refused",
            Self::Pubrel(_) => "pubrel",
            Self::Subscribe(..) => "subscribe",
            Self::Unsubscribe(_) => "unsubscribe",
            Self::StartReplay(..) => "start_replay",
            Self::RetainedChunk(_) => "retained_chunk",
            Self::Room(_) => "room",
            Self::Continue => "continue",
            Self::Undeliverable(..) => "undeliverable",
            Self::Stored(_) => "stored",
            Self::Page(_) => "page",
            Self::PageFailed => "page_failed",
            Self::LeftOver(_) => "left_over",
            Self::ReceivedBefore(_) => "received_before",
            Self::Timer => "timer",
            Self::End(_) => "end",
        }
    }
}

impl Session {
    /// Makes the call that the input stands for.
    pub fn apply(&mut self, input: Input, now: Moment) -> Returned {
        match input {
            Input::Connected(link) => self.handle_connected(*link, now),
            Input::Disconnected(reason) => self.handle_disconnected(reason, now),
            Input::Delivery(delivery) => self.handle_delivery(delivery, now),
            Input::DeliveryOnceStored(delivery) => self.handle_delivery_once_stored(delivery, now),
            Input::Puback(id) => return (&self.handle_puback(id, now)).into(),
            Input::Pubrec(id, reason) => return (&self.handle_pubrec(id, reason, now)).into(),
            Input::Pubcomp(id) => return (&self.handle_pubcomp(id, now)).into(),
            Input::Publish(id) => return Returned::Received(self.handle_publish_exactly_once(id)),
            Input::PublishRefused(id) => self.handle_publish_refused(id),
            Input::Pubrel(id) => return Returned::Reason(self.handle_pubrel(id)),
            Input::Subscribe(subscription, options, id) => {
                return (&self.subscribe(&subscription, options, id)).into();
            }
            Input::Unsubscribe(subscription) => return self.unsubscribe(&subscription).into(),
            Input::StartReplay(subscription, subscribed, as_of) => {
                self.start_replay_as_of(&subscription, subscribed, as_of, now);
            }
            Input::RetainedChunk(chunk) => {
                return Returned::Count(self.handle_retained_chunk(chunk, now));
            }
            Input::Room(has_room) => self.handle_room(has_room, now),
            Input::Continue => self.handle_continue(now),
            Input::Undeliverable(id, reason) => self.handle_undeliverable(id, reason, now),
            Input::Stored(number) => self.handle_stored(number, now),
            Input::Page(page) => self.handle_page(page, now),
            Input::PageFailed => self.handle_page_failed(now),
            Input::LeftOver(left_over) => self.handle_left_over(left_over),
            Input::ReceivedBefore(id) => self.handle_received_before(id),
            Input::Timer => self.handle_timer(now),
            Input::End(reason) => self.end(reason),
        }
        Returned::Nothing
    }

    /// What there is to do and was not taken by [`Self::poll_action`] yet.
    pub fn pending_actions(&self) -> impl Iterator<Item = &Action> {
        self.actions.iter()
    }
}

impl From<&Result<Delivery, StrayAck>> for Returned {
    fn from(acked: &Result<Delivery, StrayAck>) -> Self {
        match acked {
            Ok(delivery) => Self::Acked(delivery.message.id),
            Err(stray) => Self::Stray(*stray),
        }
    }
}

impl From<&Result<Option<Delivery>, StrayAck>> for Returned {
    fn from(received: &Result<Option<Delivery>, StrayAck>) -> Self {
        match received {
            Ok(Some(delivery)) => Self::Acked(delivery.message.id),
            Ok(None) => Self::Nothing,
            Err(stray) => Self::Stray(*stray),
        }
    }
}

impl From<&Result<(), StrayAck>> for Returned {
    fn from(completed: &Result<(), StrayAck>) -> Self {
        completed.map_or_else(Self::Stray, |()| Self::Nothing)
    }
}

impl From<&Result<Subscribed, SubscriptionsFull>> for Returned {
    fn from(subscribed: &Result<Subscribed, SubscriptionsFull>) -> Self {
        match subscribed {
            Ok(subscribed) => Self::Subscribed(*subscribed),
            Err(SubscriptionsFull(max)) => Self::Full(*max),
        }
    }
}

impl From<Option<SubscriptionEntry>> for Returned {
    fn from(removed: Option<SubscriptionEntry>) -> Self {
        removed.map_or(Self::Nothing, Self::Unsubscribed)
    }
}
