//! The timer wheel of an arbiter: one for all its processes, because a timer in each actor would cost
//! each of its messages.

use std::collections::BTreeMap;
use std::time::Duration;

use castmq_observe::ProcessId;

/// Length of one step; a timer fires up to one step late, never early.
const STEP: Duration = Duration::from_millis(20);

/// Names a timer that is armed: its step, and its number among all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimerKey {
    step: u64,
    number: u64,
}

/// Timers of many processes, in steps of 20 ms.
///
/// A process that re-arms often arms for the earliest moment and looks at its own deadline when the
/// timer fires. What a process has armed is taken back when it ends, so that a session which ends early
/// does not leave a timer of seven days behind.
#[derive(Debug, Default)]
pub struct Wheel {
    timers: BTreeMap<TimerKey, (ProcessId, u8)>,
    next_number: u64,
}

impl Wheel {
    /// Lets `process` hear of `tag` at `at` or up to one step later.
    pub fn arm(&mut self, at: Duration, process: ProcessId, tag: u8) -> TimerKey {
        let nanos = at.as_nanos();
        let step = u64::try_from(nanos.div_ceil(STEP.as_nanos())).unwrap_or(u64::MAX);
        let number = self.next_number;
        self.next_number += 1;
        let key = TimerKey { step, number };
        self.timers.insert(key, (process, tag));
        key
    }

    /// Takes a timer back; nothing happens when it has fired.
    pub fn disarm(&mut self, key: TimerKey) {
        self.timers.remove(&key);
    }

    /// Whether a timer has not fired.
    #[must_use]
    pub fn is_armed(&self, key: TimerKey) -> bool {
        self.timers.contains_key(&key)
    }

    /// Takes the due timers of the earliest step off, in the order in which they were armed; none when
    /// no timer is due.
    pub fn expire(&mut self, now: Duration) -> Vec<(ProcessId, u8)> {
        let present = u64::try_from(now.as_nanos() / STEP.as_nanos()).unwrap_or(u64::MAX);
        let mut due = Vec::new();
        let Some(step) = self.timers.keys().next().map(|first| first.step) else {
            return due;
        };
        if step > present {
            return due;
        }
        while let Some(first) = self.timers.first_entry()
            && first.key().step == step
        {
            due.push(first.remove());
        }
        due
    }

    /// When the next timer is due.
    #[must_use]
    pub fn next(&self) -> Option<Duration> {
        let step = self.timers.keys().next()?.step;
        Some(STEP.saturating_mul(u32::try_from(step).unwrap_or(u32::MAX)))
    }

    /// Timers armed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.timers.len()
    }

    /// Whether no timer is armed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.timers.is_empty()
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
    fn timers_of_one_step_fire_in_the_order_in_which_they_were_armed() {
        let mut wheel = Wheel::default();
        wheel.arm(Duration::from_millis(39), process(2), 0);
        wheel.arm(Duration::from_millis(31), process(1), 0);

        let due = wheel.expire(Duration::from_millis(40));
        assert_eq!(due, [(process(2), 0), (process(1), 0)]);
    }

    #[test]
    fn the_next_moment_is_that_of_the_earliest_timer() {
        let mut wheel = Wheel::default();
        wheel.arm(Duration::from_millis(100), process(1), 0);
        wheel.arm(Duration::from_millis(60), process(2), 0);

        assert_eq!(wheel.next(), Some(Duration::from_millis(60)));
    }

    #[test]
    fn a_timer_that_was_taken_back_does_not_fire() {
        let mut wheel = Wheel::default();
        let week = wheel.arm(Duration::from_secs(7 * 24 * 3600), process(1), 0);
        let soon = wheel.arm(Duration::from_millis(20), process(2), 0);
        wheel.disarm(week);

        assert_eq!((wheel.len(), wheel.is_armed(soon)), (1, true));
        assert!(!wheel.is_armed(week));
    }
}
