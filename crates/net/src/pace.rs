//! How fast sockets open while others are served: a storm of handshakes takes a share of the processor, so
//! that those who are connected hardly feel it.

use std::fmt;
use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// How much of the time of an arbiter steps of opening take while others are served: one part of so many.
const PARTS: u32 = 8;
/// Others are served if something was heard of one of them so recently.
const RECENT: Duration = Duration::from_millis(100);
/// Who has been open for less is part of the storm.
const SETTLED: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Default)]
pub(crate) struct Pace {
    not_before: Option<Instant>,
    /// When one of the others was heard of.
    others: Option<Instant>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl fmt::Debug for Pace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Pace")
            .field("not_before", &self.not_before)
            .finish_non_exhaustive()
    }
}

/// Of whom something was heard in a round.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Heard {
    /// A socket that did not have to open.
    pub(crate) is_plain: bool,
    /// The oldest of those that did, by when it was open.
    pub(crate) open_since: Option<Instant>,
}

impl Heard {
    pub(crate) fn note(&mut self, open_since: Instant) {
        let oldest = self.open_since.map_or(open_since, |it| it.min(open_since));
        self.open_since = Some(oldest);
    }
}

impl Pace {
    /// Somebody was heard of.
    pub(crate) fn note(&mut self, heard: Heard, now: Instant) {
        let is_settled = |since: Instant| now.duration_since(since) >= SETTLED;
        if heard.is_plain || heard.open_since.is_some_and(is_settled) {
            self.others = Some(now);
        }
    }

    /// Whether the next step may be taken.
    pub(crate) fn may_go_on(&self, now: Instant) -> bool {
        self.not_before.is_none_or(|moment| now >= moment)
    }

    /// Steps were taken until now, which took so long.
    pub(crate) fn note_steps(&mut self, took: Duration, now: Instant) {
        let are_served = |heard: Instant| now.duration_since(heard) < RECENT;
        let is_shared = self.others.is_some_and(are_served);
        self.not_before = is_shared.then(|| now + took * (PARTS - 1));
    }

    /// Wakes when the next step may be taken, at once if that is now.
    pub(crate) fn wake(&mut self, waker: &Waker) {
        let Some(moment) = self.not_before else {
            return waker.wake_by_ref();
        };
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(sleep_until(moment)));
        if sleep.deadline() != moment {
            sleep.as_mut().reset(moment);
        }
        if sleep
            .as_mut()
            .poll(&mut Context::from_waker(waker))
            .is_ready()
        {
            waker.wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_micros(150);
    const PLAIN: Heard = Heard {
        is_plain: true,
        open_since: None,
    };

    #[tokio::test]
    async fn a_storm_alone_goes_on_at_once() {
        let now = Instant::now();
        let mut pace = Pace::default();
        let mut heard = Heard::default();
        heard.note(now);
        pace.note(heard, now);
        pace.note_steps(STEP, now);

        assert!(pace.may_go_on(now));
    }

    #[tokio::test]
    async fn beside_others_each_step_leaves_them_most_of_the_time() {
        let now = Instant::now();
        let mut pace = Pace::default();
        pace.note(PLAIN, now);
        pace.note_steps(STEP, now);

        assert!(!pace.may_go_on(now));
        assert!(pace.may_go_on(now + STEP * (PARTS - 1)));
    }

    #[tokio::test]
    async fn who_has_been_open_for_long_is_one_of_the_others() {
        let now = Instant::now();
        let mut pace = Pace::default();
        let mut heard = Heard::default();
        heard.note(now);
        pace.note(heard, now + SETTLED);
        pace.note_steps(STEP, now + SETTLED);

        assert!(!pace.may_go_on(now + SETTLED));
    }

    #[tokio::test]
    async fn others_of_whom_nothing_is_heard_any_more_do_not_count() {
        let now = Instant::now();
        let mut pace = Pace::default();
        pace.note(PLAIN, now);
        pace.note_steps(STEP, now + RECENT);

        assert!(pace.may_go_on(now + RECENT));
    }
}
