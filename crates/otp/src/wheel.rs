//! The timer wheel of an arbiter: one for all its processes, because a timer in each actor would cost
//! each of its messages.

use std::collections::BTreeMap;
use std::time::Duration;

use castmq_observe::ProcessId;

/// Length of one step; a timer fires up to one step late, never early.
const STEP: Duration = Duration::from_millis(20);

/// Timers of many processes, in steps of 20 ms.
///
/// A process that re-arms often arms for the earliest moment and looks at its own deadline when the
/// timer fires; there is no cancelling.
#[derive(Debug, Default)]
pub struct Wheel {
    steps: BTreeMap<u64, Vec<(ProcessId, u8)>>,
    timers: usize,
}

impl Wheel {
    /// Lets `process` hear of `tag` at `at` or up to one step later.
    pub fn arm(&mut self, at: Duration, process: ProcessId, tag: u8) {
        let nanos = at.as_nanos();
        let step = u64::try_from(nanos.div_ceil(STEP.as_nanos())).unwrap_or(u64::MAX);
        self.steps.entry(step).or_default().push((process, tag));
        self.timers += 1;
    }

    /// Takes one due timer off; those of one step in the order in which they were armed.
    pub fn expire(&mut self, now: Duration) -> Vec<(ProcessId, u8)> {
        let step = u64::try_from(now.as_nanos() / STEP.as_nanos()).unwrap_or(u64::MAX);
        match self.steps.first_entry() {
            Some(first) if *first.key() <= step => {
                let due = first.remove();
                self.timers -= due.len();
                due
            }
            _ => Vec::new(),
        }
    }

    /// When the next timer is due.
    #[must_use]
    pub fn next(&self) -> Option<Duration> {
        let (&step, _) = self.steps.first_key_value()?;
        Some(STEP.saturating_mul(u32::try_from(step).unwrap_or(u32::MAX)))
    }

    /// Timers armed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.timers
    }

    /// Whether no timer is armed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.timers == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(slot: u32) -> ProcessId {
        ProcessId {
            arbiter: 0,
            kind: 0,
            slot,
            generation: 0,
        }
    }

    #[test]
    fn a_timer_never_fires_early_and_at_most_one_step_late() {
        let mut wheel = Wheel::default();
        wheel.arm(Duration::from_millis(30), process(1), 7);

        assert!(wheel.expire(Duration::from_millis(29)).is_empty());
        assert!(wheel.expire(Duration::from_millis(39)).is_empty());
        assert_eq!(wheel.expire(Duration::from_millis(40)), [(process(1), 7)]);
        assert!(wheel.is_empty());
    }

    #[test]
    fn the_next_moment_is_that_of_the_earliest_timer() {
        let mut wheel = Wheel::default();
        wheel.arm(Duration::from_millis(100), process(1), 0);
        wheel.arm(Duration::from_millis(60), process(2), 0);

        assert_eq!(wheel.next(), Some(Duration::from_millis(60)));
    }
}
