//! What a session asks its process to do, and what it is told.

use std::collections::VecDeque;
use std::net::IpAddr;

use castmq_mqtt::{PacketId, ReasonCode, Text, Version, Will};
use serde::{Deserialize, Serialize};

use crate::claim::Epoch;
use crate::session::{Change, Expiry};
use crate::{Delivery, Scan};

/// What the process of a session is to do, in this order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Store this. What stands behind it and tells the client that it is so waits until it is stored.
    Store(Change),
    /// Have the next messages read from the store; answer with
    /// [`Session::handle_page`](crate::session::Session::handle_page).
    ReadQueue(ReadQueue),
    /// Have the connection write a PUBLISH.
    Publish(Outgoing),
    /// Have the connection write a PUBREL.
    Release {
        /// Which exchange.
        packet_id: PacketId,
        /// [`ReasonCode::Success`] or [`ReasonCode::PacketIdentifierNotFound`].
        reason: ReasonCode,
    },
    /// Call [`Session::handle_continue`](crate::session::Session::handle_continue) in the next turn:
    /// there is more to send than one turn should.
    Continue,
    /// Ask the retainer for the next messages; answer with
    /// [`Session::handle_retained_chunk`](crate::session::Session::handle_retained_chunk).
    PullRetained(Box<PullRetained>),
    /// Publish the will on behalf of the client.
    PublishWill {
        /// It.
        will: Box<Will>,
        /// What is stored together with it, so that it is published once: that the session is over, or
        /// its record, as of that moment, without the will.
        after: Option<Change>,
    },
    /// Enter into the ledger that the client does not get this.
    Dropped {
        /// Why.
        reason: DropReason,
        /// What.
        delivery: Delivery,
    },
    /// Enter into the ledger that the client does not get up to so many messages, which nobody has read.
    DroppedUnread(usize),
    /// Give this to another member of the group through which it came.
    Redispatch {
        /// What.
        delivery: Delivery,
        /// Whether the client got it before and may have it.
        was_sent: bool,
    },
    /// The queue rose above its high watermark.
    AlarmRaised,
    /// The queue fell below its low watermark, or its session ended.
    AlarmCleared,
    /// The session is over: take back its subscriptions and its registration. Always the last.
    End(EndReason),
}

impl Action {
    /// The name that it has where it is written down.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Store(_) => "store",
            Self::ReadQueue(_) => "read_queue",
            Self::Publish(_) => "publish",
            Self::Release { .. } => "release",
            Self::Continue => "continue",
            Self::PullRetained(_) => "pull_retained",
            Self::PublishWill { .. } => "publish_will",
            Self::Dropped { .. } => "dropped",
            Self::DroppedUnread(_) => "dropped_unread",
            Self::Redispatch { .. } => "redispatch",
            Self::AlarmRaised => "alarm_raised",
            Self::AlarmCleared => "alarm_cleared",
            Self::End(_) => "end",
        }
    }
}

/// What is to be done, first in, first out. Mostly one thing at a time, which needs no memory of its own.
#[derive(Clone, Debug, Default)]
pub(super) struct Actions {
    next: Option<Action>,
    /// Those behind it, if there are any.
    #[expect(
        clippy::box_collection,
        reason = "keeps the session of everyone else small"
    )]
    rest: Option<Box<VecDeque<Action>>>,
}

impl Actions {
    pub(super) fn push(&mut self, action: Action) {
        let rest = self.rest.as_ref().is_some_and(|rest| !rest.is_empty());
        if self.next.is_none() && !rest {
            self.next = Some(action);
        } else {
            self.rest.get_or_insert_default().push_back(action);
        }
    }

    pub(super) fn pop(&mut self) -> Option<Action> {
        let next = self.next.take();
        next.or_else(|| self.rest.as_mut()?.pop_front())
    }

    /// Those that were not taken out yet, in their order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Action> {
        self.next
            .iter()
            .chain(self.rest.iter().flat_map(|rest| rest.iter()))
    }

    /// Gives back memory that is not needed.
    pub(super) fn release_memory(&mut self) {
        self.rest.take_if(|rest| rest.is_empty());
    }
}

/// A PUBLISH to the client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outgoing {
    /// Present for QoS 1 and 2.
    pub packet_id: Option<PacketId>,
    /// Whether it was sent before, or may have been before a restart.
    pub dup: bool,
    /// Whether this process sends it for the first time.
    pub is_first: bool,
    /// What.
    pub delivery: Delivery,
}

/// A request for stored messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadQueue {
    /// The first number.
    pub from: u64,
    /// All numbers are lower than this.
    pub until: u64,
    /// At most so many messages, but one if there is one.
    pub len_max: usize,
    /// At most so many bytes, but one message if there is one.
    pub bytes_max: usize,
}

/// A request for retained messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullRetained {
    /// Which request; goes with the answer.
    pub pull: u64,
    /// The filter, and where the retainer stands.
    pub scan: Scan,
    /// At most so many messages.
    pub len_max: usize,
}

/// Why a client does not get a message that was meant for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DropReason {
    /// The queue was full of messages that come first.
    QueueFull,
    /// The queue was full, and QoS 0 gives way first.
    Qos0OverQuota,
    /// QoS 0 messages do not wait for a client that is away.
    Qos0Offline,
    /// Its lifetime was over before it could be sent.
    Expired,
    /// Larger than the client takes.
    TooLarge,
    /// The client may not have it.
    NotAuthorized,
    /// The session ended before it could be sent.
    SessionEnded,
}

impl DropReason {
    /// All there are.
    pub const ALL: &'static [Self] = &[
        Self::QueueFull,
        Self::Qos0OverQuota,
        Self::Qos0Offline,
        Self::Expired,
        Self::TooLarge,
        Self::NotAuthorized,
        Self::SessionEnded,
    ];

    /// The name in ledgers and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::Qos0OverQuota => "qos0_over_quota",
            Self::Qos0Offline => "qos0_offline",
            Self::Expired => "expired",
            Self::TooLarge => "too_large",
            Self::NotAuthorized => "not_authorized",
            Self::SessionEnded => "session_ended",
        }
    }
}

/// Why a session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// The client was away for longer than the session was to be kept.
    Expired,
    /// The client asked for a new one.
    Discarded,
    /// An administrator ended it.
    Removed,
    /// The node stops.
    Stopped,
}

/// A connection of the session's client, as accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Which claim it won.
    pub epoch: Epoch,
    /// The version it speaks.
    pub version: Version,
    /// QoS 1 and 2 messages that the client takes unacknowledged; 65 535 for 3.x.
    pub receive_maximum: u16,
    /// How long the session outlives this connection.
    pub expiry: Expiry,
    /// What to publish when it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub will: Option<Box<Will>>,
    /// The user in whose name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_name: Option<Text>,
    /// Its client may do what the rules do not know of, by a token or as a superuser: whether its will may be
    /// published was decided when it connected.
    pub is_privileged: bool,
    /// Where it connects from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// What its token says of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<(Text, Text)>,
}

/// Why a connection is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DownReason {
    /// The client sent DISCONNECT.
    Disconnect {
        /// [`ReasonCode::Success`] in 3.x.
        reason: ReasonCode,
        /// A new expiry, already checked by the connection.
        expiry: Option<Expiry>,
    },
    /// The client closed it, or it broke.
    Closed,
    /// The broker closed it: protocol error, keep alive, limits, administrator.
    Dropped(ReasonCode),
    /// Another connection of the same client took over.
    TakenOver,
    /// Its process died.
    Panicked,
    /// The node stops.
    Stopped,
}

impl DownReason {
    /// Whether the client took its leave in the way that discards its will.
    // [MQTT3-3.14.4-3] [MQTT5-3.14.4-3]
    #[must_use]
    pub fn discards_will(self) -> bool {
        matches!(
            self,
            Self::Disconnect {
                reason: ReasonCode::Success,
                ..
            }
        )
    }
}
