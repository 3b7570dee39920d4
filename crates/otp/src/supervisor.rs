//! Restart intensity: how often a supervisor starts a process again before it gives up.

use std::collections::VecDeque;
use std::time::Duration;

/// At most so many restarts within so long, as in OTP.
#[derive(Clone, Debug)]
pub struct Intensity {
    restarts_max: usize,
    within: Duration,
    restarts: VecDeque<Duration>,
}

impl Intensity {
    /// No restart yet.
    #[must_use]
    pub fn new(restarts_max: usize, within: Duration) -> Self {
        Self {
            restarts_max,
            within,
            restarts: VecDeque::new(),
        }
    }

    /// Whether the process that just failed may be started again; notes the restart if so.
    #[must_use]
    pub fn permits(&mut self, now: Duration) -> bool {
        while self
            .restarts
            .front()
            .is_some_and(|&at| now.saturating_sub(at) > self.within)
        {
            self.restarts.pop_front();
        }
        if self.restarts.len() >= self.restarts_max {
            return false;
        }
        self.restarts.push_back(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_fails_too_often_is_given_up() {
        let mut intensity = Intensity::new(2, Duration::from_secs(60));
        assert!(intensity.permits(Duration::from_secs(1)));
        assert!(intensity.permits(Duration::from_secs(2)));
        assert!(!intensity.permits(Duration::from_secs(3)));
    }

    #[test]
    fn failures_long_ago_are_forgotten() {
        let mut intensity = Intensity::new(1, Duration::from_secs(60));
        assert!(intensity.permits(Duration::from_secs(1)));
        assert!(intensity.permits(Duration::from_secs(62)));
    }
}
