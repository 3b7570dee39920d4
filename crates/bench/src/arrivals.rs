//! Whether what came is what was sent: losses, duplicates, order.
//!
//! Publishers count their messages. A subscriber that gets all of a publisher's messages follows it
//! in order; one that gets a share of them sees growing numbers, and all shares together are one
//! copy of each message.

use std::ops::Range;

/// Gaps that a follower remembers; messages from older ones stay lost when they come after all.
const GAPS_MAX: usize = 1024;

/// What a message is to the one that it came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// It came for the first time, and behind all that were sent before it.
    Fresh,
    /// It came for the first time, behind one that was sent later.
    Late,
    /// It was there before.
    Repeated,
}

/// All subscribers that get each message of one publisher.
#[derive(Clone, Debug)]
pub(crate) struct Followers {
    follower: Vec<Follower>,
    slowest: u32,
    at_slowest: usize,
}

#[derive(Clone, Debug, Default)]
struct Follower {
    /// The message that comes next, if none is lost.
    next: u32,
    /// What has not come, of all before `next`.
    gaps: Vec<Range<u32>>,
    lost: u64,
}

impl Followers {
    pub(crate) fn new(count: usize) -> Self {
        Self {
            follower: vec![Follower::default(); count],
            slowest: 0,
            at_slowest: count,
        }
    }

    /// How many messages the slowest has seen, or seen go by.
    pub(crate) fn slowest(&self) -> u32 {
        self.slowest
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.follower.is_empty()
    }

    /// A message came to one of them; `None` if there is no such follower.
    pub(crate) fn handle_arrival(&mut self, position: usize, sequence: u32) -> Option<Arrival> {
        let follower = self.follower.get_mut(position)?;
        let before = follower.next;
        let arrival = follower.handle_arrival(sequence);
        if before == self.slowest && follower.next != before {
            self.at_slowest -= 1;
            if self.at_slowest == 0 {
                self.find_slowest();
            }
        }
        Some(arrival)
    }

    /// Messages that have not come, of so many that were sent to each.
    pub(crate) fn lost(&self, sent: u32) -> u64 {
        let lost = |follower: &Follower| {
            let gaps = follower
                .gaps
                .iter()
                .map(|gap| u64::from(gap.end - gap.start));
            let behind = sent.saturating_sub(follower.next);
            follower.lost + gaps.sum::<u64>() + u64::from(behind)
        };
        self.follower.iter().map(lost).sum()
    }

    // Each message of the slowest costs one look at all, so each delivery costs one.
    fn find_slowest(&mut self) {
        let next = || self.follower.iter().map(|follower| follower.next);
        self.slowest = next().min().unwrap_or(self.slowest);
        self.at_slowest = next().filter(|next| *next == self.slowest).count();
    }
}

impl Follower {
    fn handle_arrival(&mut self, sequence: u32) -> Arrival {
        if sequence >= self.next {
            if sequence > self.next {
                self.remember(self.next..sequence);
            }
            self.next = sequence + 1;
            return Arrival::Fresh;
        }
        let Some(index) = self.gaps.iter().position(|gap| gap.contains(&sequence)) else {
            return Arrival::Repeated;
        };
        let gap = self.gaps.remove(index);
        for part in [gap.start..sequence, sequence + 1..gap.end] {
            if !part.is_empty() {
                self.remember(part);
            }
        }
        Arrival::Late
    }

    fn remember(&mut self, gap: Range<u32>) {
        if self.gaps.len() == GAPS_MAX {
            let oldest = self.gaps.remove(0);
            self.lost += u64::from(oldest.end - oldest.start);
        }
        self.gaps.push(gap);
    }
}

/// One copy of each message of one publisher, whoever gets it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    words: Vec<u64>,
    count: u32,
}

impl Seen {
    /// Whether the message came for the first time.
    pub(crate) fn insert(&mut self, sequence: u32) -> bool {
        let index = usize::try_from(sequence / 64).unwrap_or(usize::MAX);
        if self.words.len() <= index {
            self.words.resize(index + 1, 0);
        }
        let bit = 1 << (sequence % 64);
        let Some(word) = self.words.get_mut(index) else {
            return false;
        };
        let is_new = *word & bit == 0;
        *word |= bit;
        self.count += u32::from(is_new);
        is_new
    }

    /// Messages that came.
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// Takes in what another thread has seen; how many both have seen.
    pub(crate) fn merge(&mut self, other: &Self) -> u32 {
        if self.words.len() < other.words.len() {
            self.words.resize(other.words.len(), 0);
        }
        let mut both = 0;
        for (word, others) in self.words.iter_mut().zip(&other.words) {
            both += (*word & others).count_ones();
            *word |= others;
        }
        self.count = self.count + other.count - both;
        both
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Arrival::{Fresh, Late, Repeated};

    /// What one follower makes of these messages.
    fn arrivals(sequences: &[u32]) -> (Vec<Arrival>, Followers) {
        let mut followers = Followers::new(1);
        let arrivals = sequences
            .iter()
            .map(|sequence| followers.handle_arrival(0, *sequence).unwrap())
            .collect();
        (arrivals, followers)
    }

    #[test]
    fn messages_in_order_are_fresh_and_none_is_lost() {
        let (arrivals, followers) = arrivals(&[0, 1, 2]);
        assert_eq!(arrivals, [Fresh; 3]);
        assert_eq!(followers.lost(3), 0);
    }

    #[test]
    fn a_message_that_never_comes_is_lost() {
        let (arrivals, followers) = arrivals(&[0, 2, 3]);
        assert_eq!(arrivals, [Fresh; 3]);
        assert_eq!(followers.lost(4), 1);
    }

    #[test]
    fn messages_at_the_end_can_be_lost_too() {
        assert_eq!(arrivals(&[0, 1]).1.lost(5), 3);
    }

    #[test]
    fn a_message_that_is_overtaken_is_late_and_not_lost() {
        let (arrivals, followers) = arrivals(&[0, 3, 2, 1, 4]);
        assert_eq!(arrivals, [Fresh, Fresh, Late, Late, Fresh]);
        assert_eq!(followers.lost(5), 0);
    }

    #[test]
    fn a_message_that_was_there_before_is_repeated() {
        let (arrivals, followers) = arrivals(&[0, 1, 1, 3, 2, 2]);
        assert_eq!(arrivals, [Fresh, Fresh, Repeated, Fresh, Late, Repeated]);
        assert_eq!(followers.lost(4), 0);
    }

    #[test]
    fn gaps_beyond_memory_stay_lost() {
        let every_second: Vec<u32> = (0..3000).map(|number| 2 * number + 1).collect();
        assert_eq!(arrivals(&every_second).1.lost(6000), 3000);
    }

    #[test]
    fn a_publisher_is_as_far_as_its_slowest_follower() {
        let mut followers = Followers::new(2);
        followers.handle_arrival(0, 0);
        followers.handle_arrival(0, 1);
        assert_eq!(followers.slowest(), 0);
        followers.handle_arrival(1, 0);
        assert_eq!(followers.slowest(), 1);
        followers.handle_arrival(1, 1);
        assert_eq!(followers.slowest(), 2);
    }

    #[test]
    fn nobody_follows_from_outside() {
        assert_eq!(Followers::new(1).handle_arrival(1, 0), None);
    }

    #[test]
    fn one_copy_is_seen_once() {
        let mut seen = Seen::default();
        assert!(seen.insert(70));
        assert!(seen.insert(3));
        assert!(!seen.insert(70));
        assert_eq!(seen.count(), 2);
    }

    #[test]
    fn what_two_threads_have_seen_is_found_when_they_are_merged() {
        let (mut one, mut other) = (Seen::default(), Seen::default());
        one.insert(1);
        other.insert(1);
        other.insert(100);
        assert_eq!(one.merge(&other), 1);
        assert_eq!(one.count(), 2);
    }
}
