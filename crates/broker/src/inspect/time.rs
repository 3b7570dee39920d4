//! Moments as text: RFC 3339 in UTC with milliseconds.

use std::time::Duration;

use castmq_otp::Clock;
use castmq_rules::{Moment, WallTime};

use crate::Shard;
use crate::broker::date;

/// The two clocks at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    now: Duration,
    wall: Duration,
}

impl Times {
    pub(crate) fn of(shard: &Shard) -> Self {
        Self {
            now: shard.now(),
            wall: shard.wall(),
        }
    }

    pub(crate) fn read(clock: &dyn Clock) -> Self {
        Self {
            now: clock.now(),
            wall: clock.wall(),
        }
    }

    /// How long the node has run.
    pub(crate) fn uptime(self) -> Duration {
        self.now
    }

    /// The wall-clock time of a moment, to be reckoned with.
    pub(crate) fn at(self, moment: Moment) -> WallTime {
        WallTime::from_epoch((self.wall + moment.since_start()).saturating_sub(self.now))
    }

    /// The wall-clock time of a moment.
    pub(crate) fn text(self, moment: Moment) -> String {
        self.text_since_start(moment.since_start())
    }

    /// The wall-clock time so long after the start of the node.
    pub(crate) fn text_since_start(self, since_start: Duration) -> String {
        rfc3339((self.wall + since_start).saturating_sub(self.now))
    }
}

/// A time since the Unix epoch.
pub(crate) fn rfc3339(since_epoch: Duration) -> String {
    let seconds = since_epoch.as_secs();
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    let millis = since_epoch.subsec_millis();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

/// Microseconds with their fraction.
pub(crate) fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_to_the_millisecond() {
        let time = Duration::from_millis(1_471_610_096_005);
        assert_eq!(rfc3339(time), "2016-08-19T12:34:56.005Z");
    }

    #[test]
    fn a_moment_before_and_one_to_come_have_their_wall_clock_times() {
        let times = Times {
            now: Duration::from_secs(10),
            wall: Duration::from_secs(1_000_000),
        };
        let at = |seconds| times.text(Moment::from_start(Duration::from_secs(seconds)));
        assert_eq!(at(0), "1970-01-12T13:46:30.000Z");
        assert_eq!(at(20), "1970-01-12T13:46:50.000Z");
    }
}
