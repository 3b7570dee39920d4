//! The clock of a program that measures another one from outside.

use std::time::{Duration, Instant};

/// The present moment.
#[expect(
    clippy::disallowed_methods,
    reason = "this program is outside of the broker and has no shard to take time from"
)]
#[must_use]
pub fn now() -> Instant {
    Instant::now()
}

/// How long until then; nothing when it is over.
#[must_use]
pub fn until(moment: Instant) -> Duration {
    moment.saturating_duration_since(now())
}
