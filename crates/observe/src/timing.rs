//! How long things take: histograms of waits, turns and commits.
//!
//! Each is written by one thread without a lock and read by anyone. What is sampled counts the samples.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::IS_BLIND;

/// Buckets: up to 1 µs, 2 µs, 4 µs and so on, up to 2^25 µs, which is 33 s; then the rest.
const BUCKETS: usize = 27;

/// A histogram that one thread writes.
#[derive(Debug, Default)]
pub struct Timing {
    buckets: [AtomicU64; BUCKETS],
    sum_nanos: AtomicU64,
    longest_nanos: AtomicU64,
}

/// A histogram as a reader sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    counts: [u64; BUCKETS],
    sum: Duration,
    longest: Duration,
}

/// The histograms of one arbiter.
#[derive(Debug, Default)]
pub struct Timings {
    /// How long sampled entries waited in their lanes.
    pub wait: Timing,
    /// How long sampled turns took.
    pub turn: Timing,
    /// How long the arbiter waited for what it had handed to the store.
    pub commit: Timing,
}

impl Timing {
    /// Notes one.
    pub fn note(&self, took: Duration) {
        if IS_BLIND {
            return;
        }
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        // A whole microsecond belongs into the bucket that ends with it.
        let micros = nanos.div_ceil(1000).max(1);
        let bucket = (u64::BITS - (micros - 1).leading_zeros()) as usize;
        if let Some(cell) = self.buckets.get(bucket.min(BUCKETS - 1)) {
            cell.store(cell.load(Relaxed).wrapping_add(1), Relaxed);
        }
        let sum = self.sum_nanos.load(Relaxed);
        self.sum_nanos.store(sum.wrapping_add(nanos), Relaxed);
        if nanos > self.longest_nanos.load(Relaxed) {
            self.longest_nanos.store(nanos, Relaxed);
        }
    }

    /// How it is now; a note that is being made may be in it in part.
    #[must_use]
    pub fn read(&self) -> Histogram {
        Histogram {
            counts: std::array::from_fn(|at| {
                self.buckets.get(at).map_or(0, |cell| cell.load(Relaxed))
            }),
            sum: Duration::from_nanos(self.sum_nanos.load(Relaxed)),
            longest: Duration::from_nanos(self.longest_nanos.load(Relaxed)),
        }
    }
}

impl Histogram {
    /// Both together.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        let both = |at: usize| {
            let of = |histogram: &Self| histogram.counts.get(at).copied().unwrap_or(0);
            of(self) + of(other)
        };
        Self {
            counts: std::array::from_fn(both),
            sum: self.sum + other.sum,
            longest: self.longest.max(other.longest),
        }
    }

    /// What came since an earlier look. The longest is that of all time.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let new = |at: usize| {
            let of = |histogram: &Self| histogram.counts.get(at).copied().unwrap_or(0);
            of(self).saturating_sub(of(earlier))
        };
        Self {
            counts: std::array::from_fn(new),
            sum: self.sum.saturating_sub(earlier.sum),
            longest: self.longest,
        }
    }

    /// Each bucket's upper bound, `None` for the last, with how many are in it.
    pub fn buckets(&self) -> impl Iterator<Item = (Option<Duration>, u64)> {
        self.counts.iter().enumerate().map(|(at, count)| {
            let bound = (at + 1 < BUCKETS).then(|| Duration::from_micros(1 << at));
            (bound, *count)
        })
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// All of them together.
    #[must_use]
    pub fn sum(&self) -> Duration {
        self.sum
    }

    /// The longest.
    #[must_use]
    pub fn longest(&self) -> Duration {
        self.longest
    }

    /// The bound below which that share of them is, `0.99` for example; the longest where the bucket has
    /// none. `None` when there are none.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let mut left = share.clamp(0.0, 1.0) * (count as f64);
        for (bound, number) in self.buckets() {
            left -= number as f64;
            if left <= 0.0 && number > 0 {
                return Some(bound.unwrap_or(self.longest));
            }
        }
        Some(self.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(feature = "blind", ignore = "nothing is counted")]
    fn each_time_is_in_the_bucket_that_ends_at_or_behind_it() {
        let timing = Timing::default();
        for micros in [0, 1, 2, 3, 4, 5, 1_000_000_000] {
            timing.note(Duration::from_micros(micros));
        }
        let counts: Vec<_> = timing.read().buckets().map(|(_, count)| count).collect();
        assert_eq!(counts[..4], [2, 1, 2, 1]);
        assert_eq!(counts[BUCKETS - 1], 1);
    }

    #[test]
    #[cfg_attr(feature = "blind", ignore = "nothing is counted")]
    fn a_quantile_is_the_bound_below_which_that_share_is() {
        let timing = Timing::default();
        for _ in 0..99 {
            timing.note(Duration::from_micros(3));
        }
        timing.note(Duration::from_millis(1));
        let read = timing.read();
        assert_eq!(read.quantile(0.5), Some(Duration::from_micros(4)));
        assert_eq!(read.quantile(1.0), Some(Duration::from_micros(1024)));
        assert_eq!(Histogram::default().quantile(0.5), None);
    }

    #[test]
    #[cfg_attr(feature = "blind", ignore = "nothing is counted")]
    fn what_came_since_a_look_is_told_apart() {
        let timing = Timing::default();
        timing.note(Duration::from_micros(3));
        let earlier = timing.read();
        timing.note(Duration::from_micros(7));
        let since = timing.read().since(&earlier);
        assert_eq!((since.count(), since.sum()), (1, Duration::from_micros(7)));
    }
}
