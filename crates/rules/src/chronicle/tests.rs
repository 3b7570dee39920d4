use std::collections::VecDeque;

use ahash::RandomState;
use proptest::prelude::*;

use super::{Chronicle, ChronicleLimits};

type Notes = Chronicle<&'static str, u32, RandomState>;

fn chronicle(entries_max: u32, entries_of_one_max: u32, bytes_max: usize) -> Notes {
    let limits = ChronicleLimits {
        entries_max,
        entries_of_one_max,
        bytes_max,
    };
    Chronicle::with_hasher(limits, RandomState::with_seeds(1, 2, 3, 4))
}

fn all(notes: &Notes) -> Vec<u32> {
    let all = notes.newest_first(u64::MAX);
    all.map(|entry| *entry.value).collect()
}

fn of(notes: &Notes, key: &'static str) -> Vec<u32> {
    let of = notes.newest_first_of(&key, u64::MAX);
    of.map(|entry| *entry.value).collect()
}

#[test]
fn what_happened_last_is_read_first() {
    let mut notes = chronicle(10, 10, 1000);
    notes.note(&"a", 1, 10, 1);
    notes.note(&"b", 2, 20, 1);
    notes.note(&"a", 3, 30, 1);

    assert_eq!(all(&notes), [30, 20, 10]);
    assert_eq!(of(&notes, "a"), [30, 10]);
    assert_eq!(of(&notes, "nobody"), Vec::<u32>::new());
}

#[test]
fn a_page_goes_on_where_the_one_before_ended() {
    let mut notes = chronicle(10, 10, 1000);
    for number in 1..=4 {
        notes.note(&"a", number, u32::try_from(number).unwrap(), 1);
    }

    let rest: Vec<_> = notes.newest_first_of(&"a", 3).map(|e| *e.value).collect();
    assert_eq!(rest, [2, 1]);
}

#[test]
fn one_that_is_busy_forgets_its_own_past_and_not_that_of_others() {
    let mut notes = chronicle(100, 2, 1000);
    notes.note(&"quiet", 0, 0, 1);
    for number in 1..=1000 {
        notes.note(&"busy", number, u32::try_from(number).unwrap(), 1);
    }

    assert_eq!(of(&notes, "quiet"), [0]);
    assert_eq!(of(&notes, "busy"), [1000, 999]);
}

#[test]
fn the_oldest_of_all_is_forgotten_when_there_are_too_many() {
    let mut notes = chronicle(2, 10, 1000);
    notes.note(&"a", 1, 1, 1);
    notes.note(&"b", 2, 2, 1);
    notes.note(&"c", 3, 3, 1);

    assert_eq!(all(&notes), [3, 2]);
    assert_eq!(of(&notes, "a"), Vec::<u32>::new());
}

#[test]
fn large_entries_push_out_more_than_one() {
    let mut notes = chronicle(100, 10, 10);
    notes.note(&"a", 1, 1, 4);
    notes.note(&"b", 2, 2, 4);
    notes.note(&"c", 3, 3, 7);

    assert_eq!(all(&notes), [3]);
    assert_eq!(notes.bytes(), 7);
}

/// The same with plain lists.
struct Naive(VecDeque<(usize, u32, usize)>);

impl Naive {
    fn note(&mut self, limits: ChronicleLimits, key: usize, value: u32, bytes: usize) {
        let of_one = self.0.iter().filter(|entry| entry.0 == key).count();
        if of_one >= limits.entries_of_one_max as usize {
            let at = self.0.iter().position(|entry| entry.0 == key).unwrap();
            self.0.remove(at);
        }
        let sum = |list: &VecDeque<(usize, u32, usize)>| list.iter().map(|e| e.2).sum::<usize>();
        while !self.0.is_empty()
            && (self.0.len() >= limits.entries_max as usize
                || sum(&self.0) + bytes > limits.bytes_max)
        {
            self.0.pop_front();
        }
        self.0.push_back((key, value, bytes));
    }
}

const KEYS: [&str; 4] = ["a", "b", "c", "d"];

proptest! {
    #[test]
    fn it_remembers_what_a_list_would(
        notes in prop::collection::vec((0_usize..4, 1_u32..6), 0..80),
        entries_max in 1_u32..8,
        entries_of_one_max in 1_u32..4,
        bytes_max in 1_usize..20,
    ) {
        let limits = ChronicleLimits { entries_max, entries_of_one_max, bytes_max };
        let mut chronicle = chronicle(entries_max, entries_of_one_max, bytes_max);
        let mut naive = Naive(VecDeque::new());
        for (number, (key, bytes)) in (0_u32..).zip(notes) {
            chronicle.note(&KEYS[key], u64::from(number), number, bytes);
            naive.note(limits, key, number, bytes as usize);
            let expected: Vec<u32> = naive.0.iter().rev().map(|entry| entry.1).collect();
            prop_assert_eq!(all(&chronicle), expected);
            for (index, name) in KEYS.iter().enumerate() {
                let own = naive.0.iter().rev().filter(|entry| entry.0 == index);
                let expected: Vec<u32> = own.map(|entry| entry.1).collect();
                prop_assert_eq!(of(&chronicle, name), expected);
            }
        }
    }
}
