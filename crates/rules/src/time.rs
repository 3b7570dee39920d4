//! Time as an input: a monotonic moment for timers, and wall-clock time for what outlives a process.

use std::ops::{Add, Sub};
use std::time::Duration;

/// A moment on the monotonic clock, counted from the start of the node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(Duration);

impl Moment {
    /// The moment that lies so long after the start of the node.
    #[must_use]
    pub const fn from_start(since_start: Duration) -> Self {
        Self(since_start)
    }

    /// How long after the start of the node it lies.
    #[must_use]
    pub const fn since_start(self) -> Duration {
        self.0
    }

    /// How long after an earlier moment this one lies; zero when it does not lie after it.
    #[must_use]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    /// The last moment there is when the sum lies beyond it.
    fn add(self, later_by: Duration) -> Self {
        Self(self.0.saturating_add(later_by))
    }
}

impl Sub<Duration> for Moment {
    type Output = Self;

    /// The start of the node when the difference lies before it.
    fn sub(self, earlier_by: Duration) -> Self {
        Self(self.0.saturating_sub(earlier_by))
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
