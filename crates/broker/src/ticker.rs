//! Tickers: timers that come again and again, for processes that look at something from time to time.

use std::time::Duration;

use castmq_otp::{Address, Process};

use crate::{Local, Shard};

/// A timer that comes again.
///
/// Timers cannot be cancelled, so a process that was started again hears of those of its former life
/// too. Whatever comes before it is due is one of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticker {
    due: Duration,
    tag: u8,
}

impl Ticker {
    /// The first tick comes after that time, once it is armed.
    pub(crate) fn first(now: Duration, after: Duration, tag: u8) -> Self {
        Self {
            due: now + after,
            tag,
        }
    }

    /// Has the process hear of the tick.
    pub(crate) fn arm<P: Process<World = Local>>(self, shard: &mut Shard, process: Address<P>) {
        shard.arm(process, self.due, self.tag);
    }

    /// Whether a tick that came is meant.
    pub(crate) fn is_due(self, shard: &Shard) -> bool {
        shard.now() >= self.due
    }

    /// When it comes next.
    pub(crate) fn due(self) -> Duration {
        self.due
    }

    /// The next tick comes after that time.
    pub(crate) fn again<P: Process<World = Local>>(
        &mut self,
        shard: &mut Shard,
        process: Address<P>,
        after: Duration,
    ) {
        *self = Self::first(shard.now(), after, self.tag);
        self.arm(shard, process);
    }
}
