//! Rates: what happened in the last seconds, from readings of the counters once a second.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use castmq_broker::Handle;
use castmq_broker::inspect::NodeTimings;
use castmq_observe::Histogram;
use serde::Serialize;
use tokio::time::Instant;
use utoipa::ToSchema;

use crate::clock;

/// How often the counters are read.
pub(crate) const EVERY: Duration = Duration::from_secs(1);
/// Readings that are kept: ten seconds lie between the first and the last.
const KEPT: usize = 11;

/// What happened in the last ten seconds, or since the admin interface has started.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct RatesView {
    /// When it was looked last.
    at: String,
    /// Of what time it tells.
    over_seconds: f64,
    /// How often each counter went up in a second, by emqttd's names.
    per_second: BTreeMap<&'static str, f64>,
    /// How long sampled turns took.
    turn: TimesView,
    /// How long sampled entries waited in their lanes.
    wait: TimesView,
    /// How long arbiters waited for what they had handed to the store; nothing where there is none.
    commit: Option<TimesView>,
}

/// How long something took; nothing where nothing was measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, ToSchema)]
pub(crate) struct TimesView {
    /// Half of them took no longer.
    p50_micros: Option<f64>,
    /// All but one in a hundred took no longer.
    p99_micros: Option<f64>,
    /// None took longer.
    max_micros: Option<f64>,
}

/// One reading.
#[derive(Debug)]
struct Reading {
    at: Instant,
    counts: BTreeMap<&'static str, u64>,
    timings: NodeTimings,
}

/// The last readings.
#[derive(Debug, Default)]
pub(crate) struct Rates(Mutex<VecDeque<Reading>>);

impl Rates {
    /// Reads the counters.
    pub(crate) fn read(&self, handle: &Handle) {
        let reading = Reading {
            at: Instant::now(),
            counts: handle.metrics(),
            timings: handle.inspect().timings(),
        };
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(reading);
    }

    /// What happened between the first reading and the last.
    pub(crate) fn view(&self, has_store: bool) -> RatesView {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = clock::rfc_3339(clock::wall());
        let (Some(first), Some(last)) = (kept.front(), kept.back()) else {
            return RatesView {
                at,
                over_seconds: 0.0,
                per_second: BTreeMap::new(),
                turn: TimesView::default(),
                wait: TimesView::default(),
                commit: has_store.then(TimesView::default),
            };
        };
        let seconds = last.at.duration_since(first.at).as_secs_f64();
        let rate = |(name, count): (&&'static str, &u64)| {
            let before = first.counts.get(name).copied().unwrap_or_default();
            let more = count.saturating_sub(before) as f64;
            (*name, if seconds > 0.0 { more / seconds } else { 0.0 })
        };
        let times = |of: fn(&NodeTimings) -> &Histogram| {
            TimesView::of(&of(&last.timings).since(of(&first.timings)))
        };
        RatesView {
            at,
            over_seconds: seconds,
            per_second: last.counts.iter().map(rate).collect(),
            turn: times(|timings| &timings.turn),
            wait: times(|timings| &timings.wait),
            commit: has_store.then(|| times(|timings| &timings.commit)),
        }
    }
}

impl TimesView {
    fn of(histogram: &Histogram) -> Self {
        let micros = |share| {
            let bound = histogram.quantile(share)?;
            Some(bound.as_secs_f64() * 1e6)
        };
        Self {
            p50_micros: micros(0.5),
            p99_micros: micros(0.99),
            max_micros: micros(1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(at: Instant, sent: u64) -> Reading {
        Reading {
            at,
            counts: BTreeMap::from([("messages/sent", sent)]),
            timings: NodeTimings::default(),
        }
    }

    #[test]
    fn a_rate_is_what_came_between_two_readings_by_their_time() {
        let (rates, start) = (Rates::default(), Instant::now());
        let later = start + Duration::from_secs(4);
        *rates.0.lock().unwrap() = VecDeque::from([reading(start, 10), reading(later, 30)]);

        let view = rates.view(false);
        assert_eq!(view.per_second, BTreeMap::from([("messages/sent", 5.0)]));
        assert_eq!((view.over_seconds, view.commit), (4.0, None));
    }

    #[test]
    fn before_there_are_two_readings_nothing_has_happened() {
        let rates = Rates::default();
        assert!(rates.view(true).per_second.is_empty());
        rates
            .0
            .lock()
            .unwrap()
            .push_back(reading(Instant::now(), 7));
        assert_eq!(
            rates.view(true).per_second,
            BTreeMap::from([("messages/sent", 0.0)])
        );
        assert_eq!(rates.view(true).turn.p99_micros, None);
    }
}
