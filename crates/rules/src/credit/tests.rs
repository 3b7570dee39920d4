//! What credits promise, by example.

use proptest::prelude::*;

use crate::credit::{Credit, Crossed, Watermark};

#[test]
fn senders_pause_at_the_high_mark_and_go_on_at_the_low_one() {
    let mut credit = Credit::new(Watermark::new(10, 4));
    assert_eq!(credit.add(9), Crossed::Neither);
    assert_eq!(credit.add(1), Crossed::High);
    assert_eq!(credit.sub(5), Crossed::Neither);
    assert!(credit.is_exhausted());
    assert_eq!(credit.sub(1), Crossed::Low);
    assert!(!credit.is_exhausted());
}

#[test]
fn between_the_marks_nothing_happens_twice() {
    let mut credit = Credit::new(Watermark::new(10, 4));
    credit.add(10);
    assert_eq!(credit.add(5), Crossed::Neither);
    credit.sub(11);
    assert_eq!(credit.sub(1), Crossed::Neither);
}

#[test]
fn a_low_mark_above_the_high_one_is_put_below_it() {
    let marks = Watermark::new(10, 20);
    assert_eq!((marks.high(), marks.low()), (10, 9));
    assert_eq!(Watermark::new(0, 0).high(), 1);
}

proptest! {
    #[test]
    fn whoever_was_paused_is_let_go_when_nothing_is_outstanding(
        high in 0..100_usize,
        low in 0..100_usize,
        amounts in proptest::collection::vec(1..50_usize, 0..50),
    ) {
        let mut credit = Credit::new(Watermark::new(high, low));
        let mut crossed = Vec::new();
        for amount in &amounts {
            crossed.push(credit.add(*amount));
        }
        for amount in &amounts {
            crossed.push(credit.sub(*amount));
        }
        prop_assert_eq!(credit.outstanding(), 0);
        prop_assert!(!credit.is_exhausted());
        let highs = crossed.iter().filter(|&&c| c == Crossed::High).count();
        let lows = crossed.iter().filter(|&&c| c == Crossed::Low).count();
        prop_assert_eq!(highs, lows);
    }
}
