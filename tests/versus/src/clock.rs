//! The clock of a program that measures others from outside.

use std::time::Instant;

/// The present moment.
#[expect(
    clippy::disallowed_methods,
    reason = "this program is outside of the broker and has no shard to take time from"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}
