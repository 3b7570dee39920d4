//! What is handed to the committer.

use std::sync::Arc;

use castmq_mqtt::TopicName;
use castmq_rules::session::Change;
use castmq_rules::{Message, Moment};

/// Names a session in the store; unique for ever. The upper bits are the run in which it began
/// ([`crate::Recovered::run`]), the lower [`RUN_SHIFT`] count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey(pub u64);

/// How many bits of a [`SessionKey`] and of a [`castmq_rules::MessageId`] count within a run of the
/// broker; the bits above are the number of the run.
pub const RUN_SHIFT: u32 = 40;

/// What is kept beside sessions and messages: who users are, and what they may do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// The user of this name, of at most [`ACCOUNT_NAME_MAX`] bytes.
    User(String),
    /// The rules about what users may do.
    Rules,
}

/// The longest name of a user that is kept, in bytes.
pub const ACCOUNT_NAME_MAX: usize = 1024;

/// A change that has to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// Of a session.
    Session(SessionKey, Change),
    /// The message is the retained one of its topic, unless a newer version of the topic is known.
    Retain {
        /// The message; its version orders it among those of its topic.
        message: Arc<Message>,
        /// When it is retained no longer.
        ends: Option<Moment>,
    },
    /// The topic has no retained message any more, unless a newer version of the topic is known.
    Unretain {
        /// Which topic.
        topic: TopicName,
        /// Orders this among the messages of the topic.
        version: u64,
    },
    /// A user, or the rules, as a text; without one there is no such user, or there are no rules.
    Account {
        /// Which.
        account: Account,
        /// What is kept.
        text: Option<String>,
    },
}

/// What an arbiter hands over at a time. All of it is stored, or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// Whose.
    pub arbiter: u16,
    /// Higher than all before it of this arbiter. Once it is stored, [`crate::Link::committed`] says so.
    pub number: u64,
    /// In their order.
    pub ops: Vec<Op>,
}

/// What an operation counts for beside what it carries, in bytes.
const OP_BYTES: usize = 64;

impl Op {
    /// About how many bytes it writes.
    pub(crate) fn bytes(&self) -> usize {
        OP_BYTES
            + match self {
                Self::Session(_, Change::Queued { delivery, .. }) => weight(&delivery.message),
                Self::Retain { message, .. } => weight(message),
                Self::Account { text, .. } => text.as_ref().map_or(0, String::len),
                Self::Session(..) | Self::Unretain { .. } => 0,
            }
    }
}

fn weight(message: &Message) -> usize {
    message.topic.as_str().len() + message.payload.len()
}
