//! Copies without what nobody is to see: payloads become zeros of the same length, and who somebody is
//! beyond the client id goes. What is left behaves in the same way, since no rule looks at any of that.

use std::sync::Arc;

use castmq_mqtt::serial::payload::blank;
use castmq_mqtt::{PublishProperties, Text, UserProperties, Will};

use crate::session::{Action, Change, Input, Link, Page, Record, RetainedChunk, Session};
use crate::{Delivery, Message};

/// Whether payloads, and the values that go with them, are left as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payloads {
    /// They are.
    Kept,
    /// Only their length is.
    Blank,
}

impl Session {
    /// A copy of its state to be written down. Whatever is asked for, it holds no user's name and nothing
    /// that a token said.
    #[must_use]
    pub fn blanked(&self, payloads: Payloads) -> Self {
        let mut session = self.clone();
        session.user_name = None;
        session.address = None;
        session.claims = Vec::new();
        if payloads == Payloads::Blank {
            let queued = session.queue.deliveries_mut();
            session
                .window
                .deliveries_mut()
                .chain(queued)
                .for_each(blank_delivery);
            session.will.will_mut().into_iter().for_each(blank_will);
        }
        session
    }
}

impl Input {
    /// The same to be written down; see [`Session::blanked`].
    #[must_use]
    pub fn blanked(mut self, payloads: Payloads) -> Self {
        if let Self::Connected(link) = &mut self {
            blank_link(link);
        }
        if payloads == Payloads::Kept {
            return self;
        }
        match &mut self {
            Self::Connected(link) => link.will.iter_mut().for_each(|will| blank_will(will)),
            Self::Delivery(delivery) | Self::DeliveryOnceStored(delivery) => {
                blank_delivery(delivery);
            }
            Self::RetainedChunk(RetainedChunk { messages, .. }) => {
                messages.iter_mut().for_each(blank_message);
            }
            Self::Page(Page { messages, .. }) => {
                let deliveries = messages.iter_mut().map(|(_, delivery)| delivery);
                deliveries.for_each(blank_delivery);
            }
            Self::Disconnected(_)
            | Self::Puback(_)
            | Self::Pubrec(..)
            | Self::Pubcomp(_)
            | Self::Publish(_)
            | Self::PublishRefused(_)
            | Self::Pubrel(_)
            | Self::Subscribe(..)
            | Self::Unsubscribe(_)
            | Self::StartReplay(..)
            | Self::Room(_)
            | Self::Continue
            | Self::Undeliverable(..)
            | Self::Stored(_)
            | Self::PageFailed
            | Self::LeftOver(_)
            | Self::ReceivedBefore(_)
            | Self::Timer
            | Self::End(_) => {}
        }
        self
    }
}

impl Action {
    /// The same to be written down; see [`Session::blanked`].
    #[must_use]
    pub fn blanked(mut self, payloads: Payloads) -> Self {
        if let Self::Store(change)
        | Self::PublishWill {
            after: Some(change),
            ..
        } = &mut self
        {
            blank_change(change, payloads);
        }
        if payloads == Payloads::Kept {
            return self;
        }
        match &mut self {
            Self::Publish(outgoing) => blank_delivery(&mut outgoing.delivery),
            Self::PublishWill { will, .. } => blank_will(will),
            Self::Dropped { delivery, .. } | Self::Redispatch { delivery, .. } => {
                blank_delivery(delivery);
            }
            Self::Store(_)
            | Self::ReadQueue(_)
            | Self::Release { .. }
            | Self::Continue
            | Self::PullRetained(_)
            | Self::DroppedUnread(_)
            | Self::AlarmRaised
            | Self::AlarmCleared
            | Self::End(_) => {}
        }
        self
    }
}

fn blank_link(link: &mut Link) {
    link.user_name = None;
    link.address = None;
    link.claims = Vec::new();
}

fn blank_change(change: &mut Change, payloads: Payloads) {
    match change {
        Change::Record(record) => {
            let Record {
                user_name, will, ..
            } = &mut **record;
            *user_name = None;
            if payloads == Payloads::Blank {
                will.iter_mut().for_each(|will| blank_will(will));
            }
        }
        Change::Queued { delivery, .. } if payloads == Payloads::Blank => blank_delivery(delivery),
        Change::Queued { .. }
        | Change::Subscribed(..)
        | Change::Unsubscribed(_)
        | Change::Done { .. }
        | Change::Released { .. }
        | Change::Completed(_)
        | Change::Received(_)
        | Change::Forgotten(_)
        | Change::Ended => {}
    }
}

fn blank_will(will: &mut Will) {
    will.payload = blank(will.payload.len());
    blank_properties(&mut will.properties.publish);
}

fn blank_delivery(delivery: &mut Delivery) {
    blank_message(&mut delivery.message);
}

fn blank_message(message: &mut Arc<Message>) {
    let mut properties = message.properties.clone();
    properties
        .iter_mut()
        .for_each(|properties| blank_properties(properties));
    *message = Arc::new(Message {
        id: message.id,
        topic: message.topic.clone(),
        payload: blank(message.payload.len()),
        qos: message.qos,
        retain: message.retain,
        properties,
        from: message.from.clone(),
        received: message.received,
        expires: message.expires,
        version: message.version,
    });
}

/// Values that publishers choose freely are as secret as a payload. What they weigh stays.
pub(crate) fn blank_properties(properties: &mut PublishProperties) {
    blank_user(&mut properties.user);
    if let Some(data) = &mut properties.correlation_data {
        *data = blank(data.len());
    }
}

/// The names of user properties stay, their values do not.
pub(crate) fn blank_user(user: &mut UserProperties) {
    user.iter_mut().for_each(|(_, value)| blank_text(value));
}

/// What somebody wrote freely.
pub(crate) fn blank_text(text: &mut Text) {
    *text = Text::try_from("*".repeat(text.len())).unwrap_or_default();
}
