//! Time as an input: a monotonic moment for timers, and wall-clock time for what outlives a process.

use std::num::NonZeroU64;
use std::ops::{Add, Sub};
use std::time::Duration;

/// A moment on the monotonic clock, counted from the start of the node; the last one lies 584 years after
/// it.
// Nanoseconds plus one: sessions and connections hold many moments that may be absent, and these take no
// more room than those that are present.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(from = "u64", into = "u64")]
pub struct Moment(NonZeroU64);

impl Moment {
    /// The moment that lies so long after the start of the node.
    #[must_use]
    pub const fn from_start(since_start: Duration) -> Self {
        Self(NonZeroU64::MIN.saturating_add(nanos(since_start)))
    }

    /// How long after the start of the node it lies.
    #[must_use]
    pub const fn since_start(self) -> Duration {
        Duration::from_nanos(self.0.get() - 1)
    }

    /// How long after an earlier moment this one lies; zero when it does not lie after it.
    #[must_use]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.get().saturating_sub(earlier.0.get()))
    }
}

/// Whole nanoseconds, at most as many as fit.
#[expect(
    clippy::cast_possible_truncation,
    reason = "compared just before; conversions are not constant"
)]
const fn nanos(duration: Duration) -> u64 {
    let nanos = duration.as_nanos();
    if nanos > u64::MAX as u128 {
        u64::MAX
    } else {
        nanos as u64
    }
}

impl From<u64> for Moment {
    /// Of nanoseconds after the start of the node.
    fn from(nanos: u64) -> Self {
        Self(NonZeroU64::MIN.saturating_add(nanos))
    }
}

impl From<Moment> for u64 {
    /// In nanoseconds after the start of the node.
    fn from(moment: Moment) -> Self {
        moment.0.get() - 1
    }
}

impl Default for Moment {
    /// The start of the node.
    fn default() -> Self {
        Self(NonZeroU64::MIN)
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    /// The last moment there is when the sum lies beyond it.
    fn add(self, later_by: Duration) -> Self {
        Self(self.0.saturating_add(nanos(later_by)))
    }
}

impl Sub<Duration> for Moment {
    type Output = Self;

    /// The start of the node when the difference lies before it.
    fn sub(self, earlier_by: Duration) -> Self {
        let left = self.0.get().saturating_sub(nanos(earlier_by));
        Self(NonZeroU64::new(left).unwrap_or(NonZeroU64::MIN))
    }
}

/// Wall-clock time, counted from the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WallTime(Duration);

impl WallTime {
    /// The time that lies so long after the Unix epoch.
    #[must_use]
    pub const fn from_epoch(since_epoch: Duration) -> Self {
        Self(since_epoch)
    }

    /// How long after the Unix epoch it lies.
    #[must_use]
    pub const fn since_epoch(self) -> Duration {
        self.0
    }
}
