//! Moments of this process as times that outlive it.

use std::time::Duration;

use castmq_rules::{Moment, WallTime};

/// Ties the monotonic clock of a run to the wall clock, once and for all: what the wall clock does
/// later does not matter, and a run never begins before the last time that an earlier one has stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timeline {
    base: u64,
}

impl Timeline {
    /// A run whose [`Moment`] 0 lies at the later one of two times: what the wall clock says, and what
    /// was stored last.
    #[must_use]
    pub fn new(wall_now: WallTime, stored_last: WallTime) -> Self {
        Self {
            base: millis(wall_now.max(stored_last).since_epoch()),
        }
    }

    /// Moments that are counted from the Unix epoch, for tools, which have no clock of their own.
    pub(crate) const fn since_epoch() -> Self {
        Self { base: 0 }
    }

    /// The wall time at [`Moment`] 0.
    #[must_use]
    pub fn base(self) -> WallTime {
        WallTime::from_epoch(Duration::from_millis(self.base))
    }

    /// A moment in milliseconds since the Unix epoch.
    #[must_use]
    pub fn wall_millis(self, moment: Moment) -> u64 {
        self.base.saturating_add(millis(moment.since_start()))
    }

    /// The moment for milliseconds since the Unix epoch; the start for all that lies before it.
    #[must_use]
    pub fn moment(self, wall_millis: u64) -> Moment {
        Moment::from_start(Duration::from_millis(wall_millis.saturating_sub(self.base)))
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wall(seconds: u64) -> WallTime {
        WallTime::from_epoch(Duration::from_secs(seconds))
    }

    fn at(seconds: u64) -> Moment {
        Moment::from_start(Duration::from_secs(seconds))
    }

    #[test]
    fn what_ends_in_an_hour_ends_half_an_hour_later_after_half_an_hour_down() {
        let first = Timeline::new(wall(1000), wall(0));
        let ends = first.wall_millis(at(3600));

        let second = Timeline::new(wall(2800), wall(1000));
        assert_eq!(second.moment(ends), at(1800));
    }

    #[test]
    fn a_clock_that_was_set_back_lengthens_nothing() {
        let first = Timeline::new(wall(1000), wall(0));
        let ends = first.wall_millis(at(3600));
        let stored_last = WallTime::from_epoch(Duration::from_millis(first.wall_millis(at(600))));

        let second = Timeline::new(wall(5), stored_last);
        assert_eq!(second.moment(ends), at(3000));
    }

    #[test]
    fn what_ended_while_the_broker_was_down_has_ended() {
        let ends = Timeline::new(wall(1000), wall(0)).wall_millis(at(10));
        assert_eq!(
            Timeline::new(wall(2000), wall(0)).moment(ends),
            Moment::default()
        );
    }
}
