//! A fixed rate: when the next thing is due, whether the broker follows or not.

use std::time::Duration;

use crate::clock::Moment;

const SECOND: u128 = 1_000_000_000;

/// One thread's share of a rate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// For all threads together, in a second.
    rate: u64,
    /// This thread's part of the whole.
    part: u64,
    whole: u64,
}

impl Pace {
    /// The share of a thread that has `part` of `whole` publishers; both are at least 1.
    pub(crate) fn new(rate: u64, part: u64, whole: u64) -> Self {
        Self {
            rate: rate.max(1),
            part: part.max(1),
            whole: whole.max(1),
        }
    }

    /// How many are due when so much time has passed since the start.
    pub(crate) fn due(self, passed: Duration) -> u64 {
        let due = passed.as_nanos() * u128::from(self.rate) * u128::from(self.part);
        u64::try_from(due / (SECOND * u128::from(self.whole)) + 1).unwrap_or(u64::MAX)
    }

    /// When that one is due; they are counted from 0.
    pub(crate) fn moment(self, start: Moment, number: u64) -> Moment {
        let ours = u128::from(self.rate) * u128::from(self.part);
        // Rounded up: at that moment it is due.
        let after = (u128::from(number) * SECOND * u128::from(self.whole)).div_ceil(ours);
        start + u64::try_from(after).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_due_at_once_and_the_others_evenly() {
        let pace = Pace::new(1000, 1, 1);
        assert_eq!(pace.due(Duration::ZERO), 1);
        assert_eq!(pace.due(Duration::from_micros(999)), 1);
        assert_eq!(pace.due(Duration::from_millis(1)), 2);
        assert_eq!(pace.moment(5, 3), 3_000_005);
    }

    #[test]
    fn a_thread_with_a_third_of_the_publishers_keeps_a_third_of_the_rate() {
        let pace = Pace::new(3000, 1, 3);
        assert_eq!(pace.due(Duration::from_secs(1)), 1001);
    }

    #[test]
    fn each_is_due_at_its_moment_and_not_before() {
        let pace = Pace::new(7, 1, 3);
        let moment = pace.moment(0, 100);
        assert_eq!(pace.due(Duration::from_nanos(moment)), 101);
        assert_eq!(pace.due(Duration::from_nanos(moment - 1)), 100);
    }
}
