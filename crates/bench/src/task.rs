//! What the threads do, one file for each thing.

pub(crate) mod churn;
pub(crate) mod flow;
pub(crate) mod idle;
pub(crate) mod leaving;
pub(crate) mod opening;
pub(crate) mod receiving;
pub(crate) mod subscribing;

use std::sync::Arc;
use std::time::Duration;

use crate::crew::Board;
use crate::latency::Latencies;
use crate::report::Faults;

/// After so long without a word from the broker, what is outstanding is given up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
/// The longest wait, so that a task sees that it shall stop.
pub(crate) const LOOK_AROUND: Duration = Duration::from_millis(20);
/// Requests that all threads together have outstanding while they set up: fewer than the 100
/// connections that some brokers let wait to be accepted, beyond which the system tries again after
/// a second.
const IN_PROGRESS_MAX: usize = 64;

/// Where a thread stands among the others.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) board: Arc<Board>,
    pub(crate) thread: usize,
    pub(crate) threads: usize,
}

impl Place {
    /// Requests that this thread may have outstanding while it sets up.
    pub(crate) fn in_progress_max(&self) -> usize {
        self.share(IN_PROGRESS_MAX)
    }

    /// This thread's part of so many, at least one.
    pub(crate) fn share(&self, whole: usize) -> usize {
        (whole / self.threads).max(1)
    }

    /// This thread has done so much.
    pub(crate) fn count(&self, operations: u64) {
        self.board.count(self.thread, operations);
    }
}

/// What one thread has found in one phase.
#[derive(Debug)]
pub(crate) struct Findings {
    pub(crate) latencies: Latencies,
    pub(crate) faults: Faults,
    /// The first thing that went wrong.
    pub(crate) note: Option<String>,
}

impl Findings {
    pub(crate) fn new() -> Self {
        Self {
            latencies: Latencies::new(),
            faults: Faults::default(),
            note: None,
        }
    }

    /// The broker did not accept so many.
    pub(crate) fn refuse(&mut self, count: u64, note: impl Into<String>) {
        self.faults.refused += count;
        self.say(note);
    }

    /// A connection ended although nobody asked for it.
    pub(crate) fn close(&mut self, note: impl Into<String>) {
        self.faults.closed += 1;
        self.say(note);
    }

    /// Keeps the first note: what comes behind it follows from it.
    pub(crate) fn say(&mut self, note: impl Into<String>) {
        if self.note.is_none() {
            self.note = Some(note.into());
        }
    }

    /// Takes in what another thread has found.
    pub(crate) fn merge(&mut self, other: Self) {
        self.latencies.merge(other.latencies);
        self.faults.add(other.faults);
        if let Some(note) = other.note {
            self.say(note);
        }
    }
}
