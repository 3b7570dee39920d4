use std::time::Duration;

use proptest::prelude::*;

use super::{CountLimit, LimitReached, TokenBucket, TopicLimits, TopicTooLarge};
use crate::Moment;

fn at(millis: u64) -> Moment {
    Moment::from_start(Duration::from_millis(millis))
}

#[test]
fn a_burst_passes_and_then_the_steady_rate() {
    let mut limit = TokenBucket::with_burst(10, 3, at(0));

    assert!(limit.try_take(3, at(0)));
    assert!(!limit.try_take(1, at(99)));
    assert!(limit.try_take(1, at(100)));
    assert!(!limit.try_take(1, at(100)));
}

#[test]
fn a_bucket_never_holds_more_than_its_burst() {
    let mut limit = TokenBucket::with_burst(10, 3, at(0));

    assert!(!limit.try_take(4, at(1_000_000)));
    assert!(limit.try_take(3, at(1_000_000)));
}

#[test]
fn what_is_overspent_has_to_be_waited_for() {
    let mut limit = TokenBucket::with_burst(1_000, 100, at(0));

    assert_eq!(limit.take(100, at(0)), None);
    assert_eq!(limit.take(50, at(0)), Some(Duration::from_millis(50)));
    assert_eq!(limit.take(0, at(30)), Some(Duration::from_millis(20)));
    assert_eq!(limit.take(0, at(50)), None);
}

#[test]
fn without_a_burst_of_its_own_a_bucket_holds_one_seconds_tokens() {
    let mut limit = TokenBucket::new(5, at(0));

    assert!(limit.try_take(5, at(0)));
    assert!(!limit.try_take(1, at(199)));
    assert!(limit.try_take(1, at(200)));
}

#[test]
fn a_rate_of_zero_is_no_limit() {
    let mut limit = TokenBucket::with_burst(0, 0, at(0));

    assert!(limit.try_take(u64::MAX, at(0)));
    assert_eq!(limit.take(u64::MAX, at(0)), None);
}

#[test]
fn a_clock_that_goes_back_gives_no_tokens_twice() {
    let mut limit = TokenBucket::with_burst(1, 1, at(1_000));

    assert!(limit.try_take(1, at(1_000)));
    assert!(!limit.try_take(1, at(0)));
    assert!(!limit.try_take(1, at(1_000)));
    assert!(limit.try_take(1, at(2_000)));
}

#[test]
fn a_counted_limit_refuses_one_more_and_takes_it_after_one_left() {
    let mut limit = CountLimit::new(1);

    assert_eq!(limit.acquire(), Ok(()));
    assert_eq!(limit.acquire(), Err(LimitReached { max: 1 }));
    limit.release();
    assert_eq!(limit.acquire(), Ok(()));
    assert_eq!(limit.now(), 1);
}

#[test]
fn a_lower_maximum_lets_what_exists_stay() {
    let mut limit = CountLimit::new(2);
    limit.acquire().unwrap();
    limit.acquire().unwrap();
    limit.set_max(1);

    limit.release();
    assert_eq!(limit.acquire(), Err(LimitReached { max: 1 }));
}

#[test]
fn a_topic_may_have_as_many_levels_and_bytes_as_the_limits_say() {
    let limits = TopicLimits {
        levels_max: 3,
        bytes_max: 8,
    };

    assert_eq!(limits.check("a/b/c"), Ok(()));
    assert_eq!(limits.check("///"), Err(TopicTooLarge::Levels(3)));
    assert_eq!(limits.check("12345678"), Ok(()));
    assert_eq!(limits.check("123456789"), Err(TopicTooLarge::Bytes(8)));
    assert_eq!(limits.check(""), Ok(()));
}

proptest! {
    #[test]
    fn no_more_passes_than_the_burst_and_what_the_time_allows(
        rate in 1_u32..1_000_000,
        burst in 1_u32..1_000,
        steps in prop::collection::vec((0_u64..50_000_000, 1_u64..500), 1..80),
    ) {
        let mut nanos = 0;
        let mut limit = TokenBucket::with_burst(rate, burst, Moment::default());
        let mut passed = 0;
        for (step, tokens) in steps {
            nanos += step;
            let now = Moment::from_start(Duration::from_nanos(nanos));
            if limit.try_take(tokens, now) {
                passed += tokens;
            }
            let allowed = u128::from(burst) * 1_000_000_000 + u128::from(nanos) * u128::from(rate);
            prop_assert!(u128::from(passed) * 1_000_000_000 <= allowed);
        }
    }

    #[test]
    fn after_the_pause_nothing_is_owed(
        rate in 1_u32..1_000_000_000,
        spent in prop::collection::vec(1_u64..1_000_000, 1..20),
    ) {
        let mut limit = TokenBucket::with_burst(rate, 1, Moment::default());
        let mut now = Moment::default();
        for tokens in spent {
            now = now + limit.take(tokens, now).unwrap_or_default();
            prop_assert_eq!(limit.take(0, now), None);
        }
    }
}
