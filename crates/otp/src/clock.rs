//! Time as an input: the one place that reads the machine's clocks, and a clock that tests set.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Two clocks: one that never goes back, for timers, and the wall clock.
pub trait Clock: Send + Sync {
    /// Time since the start of the node; never goes back.
    fn now(&self) -> Duration;

    /// Time since the Unix epoch; may jump.
    fn wall(&self) -> Duration;
}

/// The machine's clocks.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A clock whose start is now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is where time enters")]
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    #[expect(clippy::disallowed_methods, reason = "this is where time enters")]
    fn wall(&self) -> Duration {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
    }
}

/// A clock that stands until it is told to go on.
#[derive(Debug)]
pub struct ManualClock {
    nanos: AtomicU64,
    /// The wall-clock time of its start.
    wall: Duration,
}

impl Default for ManualClock {
    fn default() -> Self {
        // Any fixed epoch does: tests compare differences.
        Self::starting_at(Duration::from_secs(1_700_000_000))
    }
}

impl ManualClock {
    /// A clock whose start is at this time since the Unix epoch.
    #[must_use]
    pub fn starting_at(wall: Duration) -> Self {
        Self {
            nanos: AtomicU64::new(0),
            wall,
        }
    }

    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        self.nanos
            .fetch_add(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX), Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Duration {
        Duration::from_nanos(self.nanos.load(Relaxed))
    }

    fn wall(&self) -> Duration {
        self.wall + self.now()
    }
}
