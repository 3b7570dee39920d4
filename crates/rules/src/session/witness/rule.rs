//! What a session has to obey, and what is said when it does not.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A promise of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// No more is unacknowledged than the client and the settings allow. \[MQTT5-3.3.4-9\]
    Window,
    /// What may be sent is sent.
    Progress,
    /// A packet id stands for one message until its exchange is over. \[MQTT3-2.3.1-4\]
    PacketId,
    /// A message leaves once for the first time, or is dropped with a reason, or goes to another member of
    /// its group.
    OnceOut,
    /// Messages leave in the order in which they came. \[MQTT3-4.6.0-6\]
    Order,
    /// On a new connection everything that was in flight is sent again, in its order, before anything
    /// else. \[MQTT3-4.4.0-1\]
    Resend,
    /// DUP is set on each repetition and on nothing else. \[MQTT3-3.3.1-1\]
    Dup,
    /// PUBREL answers PUBREC, and is sent again on a new connection until PUBCOMP. \[MQTT3-4.3.3-1\]
    Pubrel,
    /// A message comes with the lower one of the QoS that it was published with and the QoS granted.
    /// \[MQTT3-3.8.4-6\]
    Qos,
    /// The retain flag is set where the subscription keeps it, and on retained messages. \[MQTT5-3.3.1-12\]
    Retain,
    /// A client that does not want them does not get its own messages. \[MQTT5-3.8.3-3\]
    NoLocal,
    /// A message comes with the identifiers of the subscriptions that it matches. \[MQTT5-3.3.4-3\]
    SubscriptionIds,
    /// Nothing is sent where nobody can take it.
    NoConnection,
    /// A message does not leave after its lifetime. \[MQTT5-3.3.2-5\]
    Expiry,
    /// What is dropped is dropped for a reason that holds, and is what the policy says.
    Drop,
    /// The queue keeps its bounds.
    QueueBound,
    /// An acknowledgement ends the exchange that it belongs to and no other.
    Acknowledgement,
    /// A QoS 2 message of the client is routed once. \[MQTT3-4.3.3-2\]
    ExactlyOnce,
    /// The will is published once, when it is due, and never after a clean DISCONNECT. \[MQTT3-3.1.2-8\]
    Will,
    /// A session lives for as long as was agreed. \[MQTT5-3.1.2-23\]
    Lifetime,
    /// Nothing is done once the session is over.
    AfterTheEnd,
    /// A subscription is as the client made it last.
    Subscription,
    /// A message of QoS 2 leaves a kept session after it is stored.
    Stored,
}

impl Rule {
    /// All there are.
    pub const ALL: &'static [Self] = &[
        Self::Window,
        Self::Progress,
        Self::PacketId,
        Self::OnceOut,
        Self::Order,
        Self::Resend,
        Self::Dup,
        Self::Pubrel,
        Self::Qos,
        Self::Retain,
        Self::NoLocal,
        Self::SubscriptionIds,
        Self::NoConnection,
        Self::Expiry,
        Self::Drop,
        Self::QueueBound,
        Self::Acknowledgement,
        Self::ExactlyOnce,
        Self::Will,
        Self::Lifetime,
        Self::AfterTheEnd,
        Self::Subscription,
        Self::Stored,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Window => "window",
            Self::Progress => "progress",
            Self::PacketId => "packet_id",
            Self::OnceOut => "once_out",
            Self::Order => "order",
            Self::Resend => "resend",
            Self::Dup => "dup",
            Self::Pubrel => "pubrel",
            Self::Qos => "qos",
            Self::Retain => "retain",
            Self::NoLocal => "no_local",
            Self::SubscriptionIds => "subscription_ids",
            Self::NoConnection => "no_connection",
            Self::Expiry => "expiry",
            Self::Drop => "drop",
            Self::QueueBound => "queue_bound",
            Self::Acknowledgement => "acknowledgement",
            Self::ExactlyOnce => "exactly_once",
            Self::Will => "will",
            Self::Lifetime => "lifetime",
            Self::AfterTheEnd => "after_the_end",
            Self::Subscription => "subscription",
            Self::Stored => "stored",
        }
    }

    /// What it says, in a sentence.
    #[must_use]
    pub const fn says(self) -> &'static str {
        match self {
            Self::Window => "no more is unacknowledged than the client and the settings allow",
            Self::Progress => "what may be sent is sent",
            Self::PacketId => "a packet id stands for one message until its exchange is over",
            Self::OnceOut => {
                "a message leaves once for the first time, or is dropped with a reason, or goes to \
                 another member of its group"
            }
            Self::Order => "messages leave in the order in which they came",
            Self::Resend => {
                "on a new connection all that was in flight is sent again, in its order, before \
                 anything else"
            }
            Self::Dup => "DUP is set on each repetition and on nothing else",
            Self::Pubrel => {
                "PUBREL answers PUBREC, and is sent again on a new connection until PUBCOMP"
            }
            Self::Qos => "a message comes with the lower one of the published and the granted QoS",
            Self::Retain => {
                "the retain flag is set where a subscription keeps it, and on retained messages"
            }
            Self::NoLocal => "a client that does not want them does not get its own messages",
            Self::SubscriptionIds => {
                "a message comes with the identifiers of the subscriptions that it matches"
            }
            Self::NoConnection => "nothing is sent where nobody can take it",
            Self::Expiry => "a message does not leave after its lifetime",
            Self::Drop => "what is dropped is what the policy says, for a reason that holds",
            Self::QueueBound => "the queue keeps its bounds",
            Self::Acknowledgement => {
                "an acknowledgement ends the exchange that it belongs to and no other"
            }
            Self::ExactlyOnce => "a QoS 2 message of the client is routed once",
            Self::Will => {
                "the will is published once, when it is due, and never after a clean DISCONNECT"
            }
            Self::Lifetime => "a session lives for as long as was agreed",
            Self::AfterTheEnd => "nothing is done once the session is over",
            Self::Subscription => "a subscription is as the client made it last",
            Self::Stored => "a message of QoS 2 leaves a kept session after it is stored",
        }
    }

    /// It is broken, and how.
    pub(super) fn broken<T>(self, how: impl FnOnce() -> String) -> Result<T, Violation> {
        Err(Violation {
            rule: self,
            text: how(),
        })
    }

    /// It is broken unless that holds.
    pub(super) fn holds(self, holds: bool, how: impl FnOnce() -> String) -> Result<(), Violation> {
        if holds { Ok(()) } else { self.broken(how) }
    }
}

/// A session has not kept a promise.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("rule {}: {text} (the rule: {})", rule.name(), rule.says())]
pub struct Violation {
    /// Which.
    pub rule: Rule,
    /// What has happened instead.
    pub text: String,
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
