//! Limits: how many, how often, how deep.
//!
//! Three shapes cover all limits that the broker has beside its queues: a [`TokenBucket`] for what may
//! happen so often, a [`CountLimit`] for what may exist at a time, and [`TopicLimits`] for the shape
//! of topics and filters.

use std::time::Duration;

use crate::Moment;

#[cfg(test)]
mod tests;

/// How often something may happen, as a bucket of tokens that is filled at a steady rate.
///
/// Arithmetic is exact: no token is lost or made by rounding, however short the steps of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenBucket {
    /// Tokens a second; 0 is no limit.
    rate: u64,
    /// Tokens that a full bucket holds.
    burst: u64,
    /// What the bucket holds, in [`PARTS`] of a token; less than 0 when more was spent than it held.
    level: i128,
    /// When that was so.
    at: Moment,
}

/// Parts of a token: as many as a second has nanoseconds, so that the tokens a second are the parts a
/// nanosecond.
const PARTS: i128 = 1_000_000_000;

/// How many of something may exist at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountLimit {
    now: usize,
    max: usize,
}

/// There are as many as may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("limit of {max} reached")]
pub struct LimitReached {
    /// How many may be.
    pub max: usize,
}

/// How large a topic or filter may be. A subscription with many levels costs a branch for each of
/// them, which is what the limit is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicLimits {
    /// How many levels.
    pub levels_max: usize,
    /// How many bytes; MQTT itself allows 65 535.
    pub bytes_max: usize,
}

/// Why a topic or filter is too large here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopicTooLarge {
    /// Too many levels.
    #[error("topic has more than {0} levels")]
    Levels(usize),
    /// Too many bytes.
    #[error("topic has more than {0} bytes")]
    Bytes(usize),
}

impl TokenBucket {
    /// A full bucket of one second's tokens, refilled with `rate` tokens a second; no limit when
    /// `rate` is 0.
    #[must_use]
    pub fn new(rate: u32, now: Moment) -> Self {
        Self::with_burst(rate, rate, now)
    }

    /// A full bucket of `burst` tokens, but at least one.
    #[must_use]
    pub fn with_burst(rate: u32, burst: u32, now: Moment) -> Self {
        let burst = u64::from(burst.max(1));
        Self {
            rate: u64::from(rate),
            burst,
            level: i128::from(burst) * PARTS,
            at: now,
        }
    }

    /// Takes tokens if there are enough; whether there were. For what can be refused.
    #[must_use]
    pub fn try_take(&mut self, tokens: u64, now: Moment) -> bool {
        self.refill(now);
        let cost = i128::from(tokens) * PARTS;
        let is_enough = self.rate == 0 || self.level >= cost;
        if is_enough && self.rate > 0 {
            self.level -= cost;
        }
        is_enough
    }

    /// Takes tokens whether or not there are enough; for how long to pause until none are owed, if
    /// any are. For what happened already, as messages that were read.
    pub fn take(&mut self, tokens: u64, now: Moment) -> Option<Duration> {
        self.refill(now);
        if self.rate > 0 {
            self.level -= i128::from(tokens) * PARTS;
        }
        self.wait()
    }

    fn refill(&mut self, now: Moment) {
        let elapsed = now.saturating_since(self.at).as_nanos();
        let elapsed = i128::try_from(elapsed).unwrap_or(i128::MAX);
        let gained = elapsed.saturating_mul(i128::from(self.rate));
        let full = i128::from(self.burst) * PARTS;
        self.level = self.level.saturating_add(gained).min(full);
        self.at = self.at.max(now);
    }

    fn wait(&self) -> Option<Duration> {
        let owed = u128::try_from(-self.level).unwrap_or(0);
        if owed == 0 || self.rate == 0 {
            return None;
        }
        let nanos = owed.div_ceil(u128::from(self.rate));
        Some(Duration::from_nanos(
            u64::try_from(nanos).unwrap_or(u64::MAX),
        ))
    }
}

impl CountLimit {
    /// None yet, and at most so many.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self { now: 0, max }
    }

    /// Counts one more.
    ///
    /// # Errors
    ///
    /// [`LimitReached`] when there are as many as may be; nothing is counted.
    pub fn acquire(&mut self) -> Result<(), LimitReached> {
        if self.now >= self.max {
            return Err(LimitReached { max: self.max });
        }
        self.now += 1;
        Ok(())
    }

    /// Counts one less.
    ///
    /// # Panics
    ///
    /// When more is given back than was acquired.
    pub fn release(&mut self) {
        assert!(self.now > 0, "released more often than acquired");
        self.now -= 1;
    }

    /// Changes how many may be; what exists stays.
    pub fn set_max(&mut self, max: usize) {
        self.max = max;
    }

    /// How many there are.
    #[must_use]
    pub fn now(&self) -> usize {
        self.now
    }
}

impl Default for TopicLimits {
    /// 128 levels, several times what anybody uses, and all bytes that MQTT allows.
    fn default() -> Self {
        Self {
            levels_max: 128,
            bytes_max: 65_535,
        }
    }
}

impl TopicLimits {
    /// Checks a topic or filter.
    ///
    /// # Errors
    ///
    /// [`TopicTooLarge`], which makes a SUBSCRIBE entry or a PUBLISH invalid (0x8F, 0x90).
    pub fn check(&self, topic: &str) -> Result<(), TopicTooLarge> {
        if topic.len() > self.bytes_max {
            return Err(TopicTooLarge::Bytes(self.bytes_max));
        }
        // Fewer bytes than levels allowed cannot hold too many levels.
        if topic.len() >= self.levels_max && topic.split('/').count() > self.levels_max {
            return Err(TopicTooLarge::Levels(self.levels_max));
        }
        Ok(())
    }
}
