//! Inspect: what those who watch a broker see of it, and what they can have it do.
//!
//! An [`Inspect`] is for threads that may wait: it asks the arbiters and blocks until they answer, at
//! most for [their patience](crate::Handle::ask). What it finds are plain structs whose JSON is that of
//! the HTTP interface. However many rows a table has, no arbiter works on more than
//! [`page::ROWS_MAX`] of them in one piece.

mod access;
mod actions;
mod alarms;
mod architecture;
mod clients;
mod cursor;
mod drops;
mod events;
mod explain;
mod listeners;
mod local;
mod modules;
mod node;
pub mod page;
mod payload;
mod process;
mod processes;
mod readings;
mod retained;
mod routes;
mod sessions;
mod settings;
mod state;
mod subscriptions;
mod tables;
pub(crate) mod time;
mod timeline;
mod timings;
mod topics;
mod tree;

use std::sync::Arc;

pub use access::{RulesAnswer, RulesAsked, RulesView, UserView};
pub use actions::{Drained, PublishAsked, SubscribeAsked};
pub use alarms::{AlarmView, AlarmsWanted};
pub use architecture::{ArchitectureView, PASSPORTS, Passport};
pub use clients::{ClientDetail, ClientView, ClientsWanted};
pub use drops::{DropView, DropsView, DropsWanted};
pub use events::{EventView, EventsWanted};
pub use explain::{ExplainHistory, ExplainStep, Explanation};
pub use listeners::ListenerView;
pub use modules::ModuleView;
pub use node::{NodeView, StatView, StoreView};
pub use page::{Looked, Page, PageRequest};
pub use payload::Encoding;
pub use process::{LinkView, ProcessDetail};
pub use processes::{ProcessSort, ProcessSummary, ProcessView, ProcessesWanted};
pub use retained::{RetainedDetail, RetainedView, RetainedWanted};
pub use routes::{RouteView, RoutesWanted};
pub use sessions::{
    Flight, InflightView, QueuedView, SessionDetail, SessionKind, SessionPresence, SessionView,
    SessionsWanted, WillView,
};
pub use settings::SettingView;
pub use subscriptions::{SubscriptionView, SubscriptionsWanted};
pub use tables::{Row, RowsWanted, TableView};
pub use timeline::TimelineEntry;
pub use topics::{RetainedShort, TopicView, TopicsWanted};

pub use timings::NodeTimings;

pub use tree::{TreeNode, TreeWanted};

pub(crate) use clients::protocol;
pub(crate) use readings::Watched;
pub(crate) use state::{Seen, State, seen};

use crate::Shard;
use crate::app::{Handle, HandleError};
use crate::node::Node;
pub(crate) use time::Times;

/// Why something cannot be looked at or done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InspectError {
    /// There is no such thing.
    #[error("there is no {what} '{name}'")]
    NotFound {
        /// What it would be.
        what: &'static str,
        /// What it was called.
        name: String,
    },
    /// What was asked for cannot be understood.
    #[error("wrong {what}: {why}")]
    Wrong {
        /// Which part of the request.
        what: &'static str,
        /// What is wrong, and what to do.
        why: String,
    },
    /// The broker refuses it as it stands.
    #[error("{0}")]
    Refused(String),
    /// An arbiter has too much to do, or does not answer in time.
    #[error("{0}; try again in a moment")]
    Busy(HandleError),
}

impl From<HandleError> for InspectError {
    fn from(error: HandleError) -> Self {
        match error {
            HandleError::Topic(topic) => Self::Wrong {
                what: "topic",
                why: topic.to_string(),
            },
            other @ (HandleError::Full
            | HandleError::Silent
            | HandleError::NoClient
            | HandleError::NoProcess) => Self::Busy(other),
        }
    }
}

impl InspectError {
    pub(crate) fn not_found(what: &'static str, name: &str) -> Self {
        Self::NotFound {
            what,
            name: name.to_owned(),
        }
    }
}

/// A broker as those who watch it see it. Cheap to clone; its calls block.
#[derive(Clone, Debug)]
pub struct Inspect {
    handle: Handle,
}

impl Handle {
    /// For those who watch.
    #[must_use]
    pub fn inspect(&self) -> Inspect {
        Inspect {
            handle: self.clone(),
        }
    }
}

impl Inspect {
    /// How much the arbiters were asked to look at so far.
    #[must_use]
    pub fn looked(&self) -> Looked {
        self.node().watched.meter.read()
    }

    pub(crate) fn node(&self) -> &Arc<Node> {
        self.handle.node()
    }

    pub(crate) fn times(&self) -> Times {
        Times::read(self.handle.clock())
    }

    pub(crate) fn ask<R: Send + 'static>(
        &self,
        arbiter: u16,
        work: impl FnOnce(&mut Shard) -> R + Send + 'static,
    ) -> Result<R, InspectError> {
        Ok(self.handle.ask(arbiter, work)?)
    }
}
