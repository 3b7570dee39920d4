//! Latencies, to two significant digits.

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::clock::Moment;

/// The longest latency that is told apart from longer ones, in nanoseconds: ten minutes.
const LONGEST: u64 = 600_000_000_000;

/// How long things took, in nanoseconds.
#[derive(Clone, Debug)]
pub(crate) struct Latencies {
    histogram: Histogram<u64>,
    /// The last value and how often it came in a row: messages written together were due together.
    last: (u64, u64),
}

impl Latencies {
    pub(crate) fn new() -> Self {
        let mut histogram = Histogram::new_with_bounds(1, LONGEST, 2)
            .or_else(|_| Histogram::new(2))
            .unwrap_or_else(|_| unreachable!("two digits are allowed"));
        histogram.auto(true);
        Self {
            histogram,
            last: (0, 0),
        }
    }

    /// Something that was due then has happened now.
    pub(crate) fn record(&mut self, due: Moment, now: Moment) {
        let nanoseconds = now.saturating_sub(due);
        if nanoseconds == self.last.0 {
            self.last.1 += 1;
        } else {
            self.settle();
            self.last = (nanoseconds, 1);
        }
    }

    /// Takes in what another thread has measured.
    pub(crate) fn merge(&mut self, mut other: Self) {
        other.settle();
        // Both have the same bounds.
        let _ = self.histogram.add(&other.histogram);
    }

    /// The usual quantiles in microseconds; `None` if nothing was measured.
    pub(crate) fn quantiles(mut self) -> Option<Quantiles> {
        self.settle();
        let microseconds = |nanoseconds: u64| nanoseconds as f64 / 1000.0;
        let at = |quantile| microseconds(self.histogram.value_at_quantile(quantile));
        (!self.histogram.is_empty()).then(|| Quantiles {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: microseconds(self.histogram.max()),
        })
    }

    fn settle(&mut self) {
        let (nanoseconds, count) = std::mem::take(&mut self.last);
        if count > 0 {
            self.histogram.saturating_record_n(nanoseconds, count);
        }
    }
}

/// Latencies in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Quantiles {
    /// Half are not slower.
    pub p50: f64,
    /// Nine of ten are not slower.
    pub p90: f64,
    /// 99 of a hundred are not slower.
    pub p99: f64,
    /// 999 of a thousand are not slower.
    pub p999: f64,
    /// The slowest.
    pub max: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latency_counts_from_the_moment_a_message_was_due() {
        let mut latencies = Latencies::new();
        let due = [0, 1_000_000, 2_000_000];
        // All three are written at 2 ms because something was in the way, and come at 3 ms.
        for due in due {
            latencies.record(due, 3_000_000);
        }
        let quantiles = latencies.quantiles().unwrap();
        assert!((quantiles.max - 3000.0).abs() < 30.0);
        assert!((quantiles.p50 - 2000.0).abs() < 20.0);
    }

    #[test]
    fn equal_latencies_count_each() {
        let (mut latencies, mut other) = (Latencies::new(), Latencies::new());
        latencies.record(0, 5000);
        latencies.record(0, 5000);
        latencies.record(0, 5000);
        other.record(0, 900_000);
        latencies.merge(other);
        let quantiles = latencies.quantiles().unwrap();
        assert!((quantiles.p50 - 5.0).abs() < 0.1);
        assert!((quantiles.max - 900.0).abs() < 10.0);
    }

    #[test]
    fn nothing_measured_is_nothing_said() {
        assert_eq!(Latencies::new().quantiles(), None);
    }
}
