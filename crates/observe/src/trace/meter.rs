//! What a trace may use up, and has.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// How long what the last flows cause is followed.
const LATE: Duration = Duration::from_secs(5);

/// What a trace may use up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Stimuli that are followed.
    pub flows: u64,
    /// Hops and notes that are written down.
    pub events: u64,
    /// Memory for them.
    pub bytes: u64,
    /// How long it runs.
    pub time: Duration,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            flows: 100,
            events: 20_000,
            bytes: 8 * 1024 * 1024,
            time: Duration::from_secs(60),
        }
    }
}

/// What a trace has used up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Stimuli that were followed.
    pub flows: u64,
    /// Hops and notes that were written down.
    pub events: u64,
    /// Memory for them.
    pub bytes: u64,
    /// How long it has run.
    pub time: Duration,
    /// Time of the arbiters that the writing took, estimated from samples.
    pub cost: Duration,
    /// Hops and notes that were left out, because one round had too many.
    pub left_out: u64,
}

/// Why a trace is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// As many flows as it may follow.
    Flows,
    /// As many hops and notes as it may write down.
    Events,
    /// As much memory as it may use.
    Bytes,
    /// As long as it may run.
    Time,
    /// Somebody has ended it.
    Stopped,
}

impl Ended {
    const ALL: [Self; 5] = [
        Self::Flows,
        Self::Events,
        Self::Bytes,
        Self::Time,
        Self::Stopped,
    ];

    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Flows => "flows",
            Self::Events => "events",
            Self::Bytes => "bytes",
            Self::Time => "seconds",
            Self::Stopped => "stopped",
        }
    }
}

/// The account of one trace, which all arbiters write.
#[derive(Debug)]
pub struct Meter {
    /// The trace's number.
    pub id: u32,
    budget: Budget,
    started: Duration,
    flows: AtomicU64,
    events: AtomicU64,
    bytes: AtomicU64,
    cost_nanos: AtomicU64,
    left_out: AtomicU64,
    /// 0 while it runs, else the place of the reason in [`Ended::ALL`] plus one.
    ended: AtomicU8,
    /// How long it had run then.
    ended_after: AtomicU64,
}

impl Meter {
    pub(super) fn new(id: u32, budget: Budget, started: Duration) -> Self {
        Self {
            id,
            budget,
            started,
            flows: AtomicU64::new(0),
            events: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            cost_nanos: AtomicU64::new(0),
            left_out: AtomicU64::new(0),
            ended: AtomicU8::new(0),
            ended_after: AtomicU64::new(u64::MAX),
        }
    }

    /// Asks for one more flow; `false` when the trace is over. The last one that it may follow is
    /// followed to its end.
    #[must_use]
    pub fn begin_flow(&self, now: Duration) -> bool {
        if self.ended(now).is_some() {
            return false;
        }
        let before = self.flows.fetch_add(1, Relaxed);
        if before >= self.budget.flows {
            self.flows.fetch_sub(1, Relaxed);
            return false;
        }
        if before + 1 == self.budget.flows {
            self.end(Ended::Flows);
        }
        true
    }

    /// Whether what a flow of the trace causes is still written down. When no more may begin, those that
    /// have are followed for a little while, because acknowledgements come late.
    #[must_use]
    pub fn takes(&self, now: Duration) -> bool {
        match self.ended(now) {
            None => true,
            Some(Ended::Flows) => {
                let ended = Duration::from_micros(self.ended_after.load(Relaxed));
                let ran = now.saturating_sub(self.started);
                ran < self.budget.time && ran < ended.saturating_add(LATE)
            }
            Some(Ended::Events | Ended::Bytes | Ended::Time | Ended::Stopped) => false,
        }
    }

    /// Notes one more hop or note.
    pub(super) fn charge(&self, bytes: u64) {
        let events = self.events.fetch_add(1, Relaxed) + 1;
        let bytes = self.bytes.fetch_add(bytes, Relaxed) + bytes;
        if events >= self.budget.events {
            self.end(Ended::Events);
        } else if bytes >= self.budget.bytes {
            self.end(Ended::Bytes);
        }
    }

    pub(super) fn note_cost(&self, cost: Duration) {
        let nanos = u64::try_from(cost.as_nanos()).unwrap_or(u64::MAX);
        self.cost_nanos.fetch_add(nanos, Relaxed);
    }

    pub(super) fn note_left_out(&self) {
        self.left_out.fetch_add(1, Relaxed);
    }

    /// Ends the trace, if it is not over. That no more flows may begin is not the last word.
    pub(super) fn end(&self, why: Ended) {
        let place = why as u8 + 1;
        let flows = Ended::Flows as u8 + 1;
        // Who comes second leaves the reason of the first.
        let _ = self.ended.fetch_update(Relaxed, Relaxed, |now| {
            (now == 0 || (now == flows && why != Ended::Flows)).then_some(place)
        });
    }

    /// What it may use up.
    #[must_use]
    pub fn budget(&self) -> Budget {
        self.budget
    }

    /// Why it is over; `None` while it runs.
    #[must_use]
    pub fn ended(&self, now: Duration) -> Option<Ended> {
        let place = self.ended.load(Relaxed);
        if place > 0 {
            let after = u64::try_from(now.saturating_sub(self.started).as_micros()).unwrap_or(0);
            self.ended_after.fetch_min(after, Relaxed);
            return Ended::ALL.get(usize::from(place) - 1).copied();
        }
        (now.saturating_sub(self.started) >= self.budget.time).then_some(Ended::Time)
    }

    pub(super) fn spent(&self, now: Duration) -> Spent {
        let ran = now.saturating_sub(self.started).min(self.budget.time);
        let ended_after = Duration::from_micros(self.ended_after.load(Relaxed));
        Spent {
            flows: self.flows.load(Relaxed),
            events: self.events.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
            time: ran.min(ended_after),
            cost: Duration::from_nanos(self.cost_nanos.load(Relaxed)),
            left_out: self.left_out.load(Relaxed),
        }
    }
}
