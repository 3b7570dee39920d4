//! What all requests share.

use std::sync::Arc;

use castmq_broker::Handle;
use castmq_broker::inspect::{Inspect, InspectError};
use castmq_settings::Admin as Settings;
use tokio::sync::watch;

use crate::audit::Audit;
use crate::auth::Gate;
use crate::desk::Desk;
use crate::live::Live;
use crate::log_level::LogLevels;
use crate::problem::Problem;
use crate::rates::Rates;

/// Threads that ask the broker, which may wait for an arbiter.
const ASKING_THREADS: u16 = 2;
/// Requests that wait for such a thread.
const ASKING_WAITING: usize = 64;

/// What the program knows and the broker does not.
#[derive(Debug, Default)]
pub struct Options {
    /// Who can change how much is logged; none where it cannot be changed.
    pub log_levels: Option<Arc<dyn LogLevels>>,
}

/// What all requests share.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) handle: Handle,
    pub(crate) gate: Gate,
    pub(crate) audit: Audit,
    pub(crate) settings: Settings,
    pub(crate) options: Options,
    pub(crate) rates: Rates,
    pub(crate) live: Live,
    /// True from when the interface ends.
    pub(crate) stopping: watch::Receiver<bool>,
    asking: Desk,
}

/// What handlers get.
pub(crate) type Shared = Arc<App>;

impl App {
    pub(crate) fn new(
        handle: Handle,
        gate: Gate,
        settings: Settings,
        options: Options,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        Self {
            handle,
            gate,
            audit: Audit::default(),
            settings,
            options,
            rates: Rates::default(),
            live: Live::default(),
            stopping,
            asking: Desk::new("admin-ask", ASKING_THREADS, ASKING_WAITING),
        }
    }

    /// Live updates that wait for one reader.
    pub(crate) fn events_buffer(&self) -> usize {
        usize::try_from(self.settings.events_buffer).unwrap_or(usize::MAX)
    }

    /// Whether something is kept on a disk.
    pub(crate) fn has_store(&self) -> bool {
        self.handle.node().store.get().is_some()
    }

    /// Asks the broker, on a thread that may wait.
    ///
    /// # Errors
    ///
    /// What the broker says, or that too many ask.
    pub(crate) async fn ask<R, E>(
        &self,
        question: impl FnOnce(&Handle) -> Result<R, E> + Send + 'static,
    ) -> Result<R, Problem>
    where
        R: Send + 'static,
        E: Into<Problem> + Send + 'static,
    {
        let handle = self.handle.clone();
        self.asking
            .run(move || question(&handle))
            .await?
            .map_err(Into::into)
    }

    /// Looks into the broker, on a thread that may wait.
    ///
    /// # Errors
    ///
    /// What the broker says, or that too many ask.
    pub(crate) async fn inspect<R: Send + 'static>(
        &self,
        question: impl FnOnce(&Inspect) -> Result<R, InspectError> + Send + 'static,
    ) -> Result<R, Problem> {
        self.ask(move |handle| question(&handle.inspect())).await
    }

    /// Asks the broker what it always has an answer to.
    ///
    /// # Errors
    ///
    /// When too many ask.
    pub(crate) async fn look<R: Send + 'static>(
        &self,
        question: impl FnOnce(&Handle) -> R + Send + 'static,
    ) -> Result<R, Problem> {
        let handle = self.handle.clone();
        self.asking.run(move || question(&handle)).await
    }
}
