//! What the threads do, one file for each thing.

pub(crate) mod flow;
pub(crate) mod opening;
pub(crate) mod subscribing;

use std::time::Duration;

/// After so long without a word from the broker, what is outstanding is given up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
/// The longest wait, so that a task sees that it shall stop.
pub(crate) const LOOK_AROUND: Duration = Duration::from_millis(20);
/// Requests that one thread has outstanding while it sets up.
pub(crate) const IN_PROGRESS_MAX: usize = 128;
