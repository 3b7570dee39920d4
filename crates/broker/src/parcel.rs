//! Mail between arbiters.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use castmq_observe::trace::Token;
use castmq_otp::Address;
use castmq_rules::ack_order::{Outcome, Sequence};
use castmq_rules::{ArbiterSet, Message, Route};
use smallvec::SmallVec;

use crate::Shard;
use crate::alarm::AlarmEntry;
use crate::client::{Adopted, Client};
use crate::pubsub::Fence;
use crate::session::Session;
use crate::store::SessionChange;

/// Bytes that a parcel counts for besides the message in it.
const PARCEL_BYTES: usize = 128;

/// Whom to tell that a publish was accepted.
#[derive(Clone, Copy, Debug)]
pub enum AnswerTo {
    /// The connection that it came by.
    Client {
        /// Which connection.
        client: Address<Client>,
        /// Which publish of it.
        sequence: Sequence,
    },
    /// Who collects all that the publish changes in the store.
    Collector {
        /// On which arbiter.
        arbiter: u16,
        /// Which of its collectors.
        number: u32,
    },
}

impl AnswerTo {
    /// Where whoever is to be told is.
    #[must_use]
    pub fn arbiter(&self) -> u16 {
        match self {
            Self::Client { client, .. } => client.arbiter,
            Self::Collector { arbiter, .. } => *arbiter,
        }
    }
}

/// Groups that get a message.
#[derive(Debug, Default)]
pub struct ForGroups {
    /// Those for which the arbiter picks the member.
    pub groups: SmallVec<[Arc<str>; 1]>,
    /// Arbiters that had no member for the group any more.
    pub tried: ArbiterSet,
}

/// Something on its way to another arbiter.
pub enum Parcel {
    /// A new connection.
    Connection(Box<crate::client::Accepted>),
    /// A connection that moves to where its session is.
    Adopt(Box<Adopted>),
    /// A message for the sessions of the arbiter.
    Publish {
        /// The message.
        message: Arc<Message>,
        /// Whether it goes to subscribers of their own.
        own: bool,
        /// Groups for which the arbiter picks the member, if any.
        groups: Option<Box<ForGroups>>,
        /// Whom to tell.
        answer: Option<AnswerTo>,
    },
    /// What became of a publish.
    Answer {
        /// Whom to tell.
        to: AnswerTo,
        /// What became of it.
        outcome: Outcome,
        /// What has to be stored for it.
        changes: Vec<SessionChange>,
    },
    /// A message of a session is stored.
    Stored {
        /// Whose.
        session: Address<Session>,
        /// Its number.
        number: u64,
    },
    /// For the router: what is the case on the sending arbiter now.
    Routes {
        /// Number of this report, counted per arbiter.
        sequence: u64,
        /// The changes.
        routes: Vec<Route>,
    },
    /// From the router: the routes of all reports up to this one are in place.
    RoutesDone {
        /// The report's number.
        sequence: u64,
    },
    /// A session's fence on its way to an arbiter, or back.
    Fence(Fence),
    /// For the alarm process.
    Alarm(AlarmEntry),
    /// A parcel on behalf of a flow that is traced.
    Traced {
        /// What has caused it.
        token: Token,
        /// When it was posted, counted from the start of the node.
        posted: Duration,
        /// What it is.
        parcel: Box<Self>,
    },
    /// Work for the arbiter from another thread.
    Run(Box<dyn FnOnce(&mut Shard) + Send>),
}

impl castmq_otp::Parcel for Parcel {
    fn weight(&self) -> usize {
        match self {
            Self::Publish { message, .. } => PARCEL_BYTES + message.weight(),
            Self::Answer { changes, .. } => PARCEL_BYTES * (1 + changes.len()),
            Self::Connection(_)
            | Self::Adopt(_)
            | Self::Stored { .. }
            | Self::Routes { .. }
            | Self::RoutesDone { .. }
            | Self::Fence(_)
            | Self::Alarm(_)
            | Self::Run(_) => PARCEL_BYTES,
            Self::Traced { parcel, .. } => castmq_otp::Parcel::weight(&**parcel),
        }
    }

    fn traced(self, token: Token, posted: Duration) -> Self {
        Self::Traced {
            token,
            posted,
            parcel: Box::new(self),
        }
    }
}

impl Parcel {
    /// What it is, in a word.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Connection(_) => "Connection",
            Self::Adopt(_) => "Adopt",
            Self::Publish { .. } => "Publish",
            Self::Answer { .. } => "Answer",
            Self::Stored { .. } => "Stored",
            Self::Routes { .. } => "Routes",
            Self::RoutesDone { .. } => "RoutesDone",
            Self::Fence(_) => "Fence",
            Self::Alarm(_) => "Alarm",
            Self::Traced { parcel, .. } => parcel.name(),
            Self::Run(_) => "Run",
        }
    }
}

impl fmt::Debug for Parcel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
