//! One thread's account of the messages that came, and what all threads know of each publisher.

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Acquire, Release};

use crate::arrivals::{Arrival, Followers, Seen};
use crate::frame::Head;
use crate::plan::{Plan, Shape};
use crate::report::Faults;

/// What came to the subscribers of one thread.
#[derive(Debug)]
pub(crate) enum Books {
    /// Subscribers get all messages of the publishers they follow; by publisher.
    Followed(Vec<Followers>),
    /// Subscribers get parts, which together are whole copies.
    Shared(Shares),
}

/// Copies that are shared out among subscribers.
#[derive(Debug)]
pub(crate) struct Shares {
    publishers: usize,
    copies: usize,
    /// By publisher and copy.
    seen: Vec<Seen>,
    /// By subscriber and publisher: the least number that is in order.
    next: Vec<u32>,
    /// By publisher: messages that came for the first time, all copies together.
    fresh: Vec<u32>,
}

impl Books {
    /// The books of the thread that has every `threads`th subscriber.
    pub(crate) fn new(plan: &Plan, thread: u32, threads: u32) -> Self {
        let subscribers = (thread..plan.subscribers).step_by(size(threads)).count();
        let Some(copies) = plan.shared_copies() else {
            let is_here = |subscriber: u32| usize::from(subscriber % threads == thread);
            let followers = |publisher: u32| match plan.shape {
                Shape::Pairs => is_here(publisher),
                Shape::AllToFew => is_here(publisher % plan.subscribers),
                Shape::OneToAll => subscribers,
                Shape::Group | Shape::Filters { .. } | Shape::Stored | Shape::Queued { .. } => 0,
            };
            let followed =
                (0..plan.publishers).map(|publisher| Followers::new(followers(publisher)));
            return Self::Followed(followed.collect());
        };
        let (publishers, copies) = (size(plan.publishers), size(copies));
        Self::Shared(Shares {
            publishers,
            copies,
            seen: vec![Seen::default(); publishers * copies],
            next: vec![0; subscribers * publishers],
            fresh: vec![0; publishers],
        })
    }

    /// A message came to a subscriber that is the `position`th of this thread; `None` if it should
    /// not have come to it.
    pub(crate) fn handle_arrival(
        &mut self,
        plan: &Plan,
        subscriber: u32,
        position: usize,
        head: Head,
    ) -> Option<Arrival> {
        match self {
            Self::Followed(followed) => {
                if !plan.follows(subscriber, head.publisher) {
                    return None;
                }
                let is_one_of_many = plan.shape == Shape::OneToAll;
                let position = if is_one_of_many { position } else { 0 };
                let followers = followed.get_mut(size(head.publisher))?;
                followers.handle_arrival(position, head.sequence)
            }
            Self::Shared(shares) => {
                let copy = plan.copy(subscriber, head.publisher, head.sequence)?;
                shares.handle_arrival(position, size(copy), head)
            }
        }
    }

    /// How far a publisher has come here; [`u32::MAX`] if nobody here holds it up.
    pub(crate) fn progress(&self, publisher: u32) -> u32 {
        match self {
            Self::Followed(followed) => match followed.get(size(publisher)) {
                Some(followers) if !followers.is_empty() => followers.slowest(),
                _ => u32::MAX,
            },
            Self::Shared(shares) => shares.fresh.get(size(publisher)).copied().unwrap_or(0),
        }
    }

    /// What is missing of so many messages of each publisher, and what two threads have both seen.
    pub(crate) fn close(all: Vec<Self>, sent: &[u32]) -> Faults {
        let mut faults = Faults::default();
        let mut seen: Vec<Seen> = Vec::new();
        let mut copies = 1;
        for books in all {
            match books {
                Self::Followed(followed) => {
                    let lost = followed.iter().zip(sent);
                    faults.lost += lost
                        .map(|(followers, sent)| followers.lost(*sent))
                        .sum::<u64>();
                }
                Self::Shared(shares) => {
                    copies = shares.copies.max(1);
                    seen.resize(shares.seen.len(), Seen::default());
                    for (seen, other) in seen.iter_mut().zip(&shares.seen) {
                        faults.duplicated += u64::from(seen.merge(other));
                    }
                }
            }
        }
        for (copies, sent) in seen.chunks(copies).zip(sent) {
            let missing = copies.iter().map(|seen| sent.saturating_sub(seen.count()));
            faults.lost += missing.map(u64::from).sum::<u64>();
        }
        faults
    }
}

impl Shares {
    fn handle_arrival(&mut self, position: usize, copy: usize, head: Head) -> Option<Arrival> {
        let publisher = size(head.publisher);
        let fresh = self.fresh.get_mut(publisher)?;
        let seen = self.seen.get_mut(publisher * self.copies + copy)?;
        let next = self.next.get_mut(position * self.publishers + publisher)?;
        if !seen.insert(head.sequence) {
            return Some(Arrival::Repeated);
        }
        *fresh += 1;
        if head.sequence < *next {
            return Some(Arrival::Late);
        }
        *next = head.sequence + 1;
        Some(Arrival::Fresh)
    }
}

/// How far each publisher has come, from all threads to the one that it runs on.
#[derive(Debug)]
pub(crate) struct Progress {
    threads: usize,
    /// Divides the sum of all threads; `None` where the slowest counts.
    copies: Option<u32>,
    /// By publisher and thread.
    reached: Vec<AtomicU32>,
    /// By publisher: how many it has sent in the end.
    sent: Vec<AtomicU32>,
}

/// A publisher has not yet said how many it has sent in the end.
const STILL_SENDING: u32 = u32::MAX;

impl Progress {
    pub(crate) fn new(plan: &Plan, threads: usize) -> Self {
        let publishers = size(plan.publishers);
        Self {
            threads,
            copies: plan.shared_copies(),
            reached: (0..publishers * threads)
                .map(|_| AtomicU32::new(0))
                .collect(),
            sent: (0..publishers)
                .map(|_| AtomicU32::new(STILL_SENDING))
                .collect(),
        }
    }

    /// A thread's subscribers have got so many of a publisher's messages.
    pub(crate) fn reach(&self, publisher: u32, thread: usize, reached: u32) {
        let place = size(publisher) * self.threads + thread;
        if let Some(place) = self.reached.get(place) {
            place.store(reached, Release);
        }
    }

    /// How many messages of a publisher have come to all that get them.
    pub(crate) fn reached(&self, publisher: u32) -> u32 {
        let first = size(publisher) * self.threads;
        let reached = self.reached.get(first..first + self.threads);
        let reached = reached
            .unwrap_or(&[])
            .iter()
            .map(|place| place.load(Acquire));
        match self.copies {
            None => reached.min().unwrap_or(0),
            Some(copies) => reached.sum::<u32>() / copies,
        }
    }

    /// A publisher will send no more.
    pub(crate) fn finish(&self, publisher: u32, sent: u32) {
        if let Some(place) = self.sent.get(size(publisher)) {
            place.store(sent, Release);
        }
    }

    /// Whether no publisher sends any more and all they sent has come.
    pub(crate) fn is_complete(&self) -> bool {
        (0u32..).zip(&self.sent).all(|(publisher, sent)| {
            let sent = sent.load(Acquire);
            sent != STILL_SENDING && self.reached(publisher) >= sent
        })
    }

    /// How many each publisher has sent in the end.
    pub(crate) fn sent(&self) -> Vec<u32> {
        let sent = self.sent.iter().map(|sent| sent.load(Acquire));
        sent.map(|sent| if sent == STILL_SENDING { 0 } else { sent })
            .collect()
    }
}

fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(shape: Shape, publishers: u32, subscribers: u32) -> Plan {
        Plan {
            shape,
            publishers,
            subscribers,
            prefix: "p".to_owned(),
        }
    }

    fn head(publisher: u32, sequence: u32) -> Head {
        Head {
            publisher,
            sequence,
            due: 0,
        }
    }

    #[test]
    fn a_message_for_somebody_else_should_not_have_come() {
        let plan = plan(Shape::Pairs, 2, 2);
        let mut books = Books::new(&plan, 0, 1);
        assert_eq!(books.handle_arrival(&plan, 0, 0, head(1, 0)), None);
        assert_eq!(
            books.handle_arrival(&plan, 1, 1, head(1, 0)),
            Some(Arrival::Fresh)
        );
    }

    #[test]
    fn members_of_a_group_may_skip_but_not_go_back() {
        let plan = plan(Shape::Group, 1, 2);
        let mut books = Books::new(&plan, 0, 1);
        let mut arrival = |member, sequence| {
            books.handle_arrival(&plan, member, member as usize, head(0, sequence))
        };
        assert_eq!(arrival(0, 4), Some(Arrival::Fresh));
        assert_eq!(arrival(1, 1), Some(Arrival::Fresh));
        assert_eq!(arrival(1, 0), Some(Arrival::Late));
        assert_eq!(arrival(1, 4), Some(Arrival::Repeated));
    }

    #[test]
    fn what_no_member_of_a_group_got_is_lost() {
        let plan = plan(Shape::Group, 1, 2);
        let mut books = Books::new(&plan, 0, 1);
        books.handle_arrival(&plan, 0, 0, head(0, 0));
        books.handle_arrival(&plan, 1, 1, head(0, 2));
        assert_eq!(Books::close(vec![books], &[4]).lost, 2);
    }

    #[test]
    fn a_message_that_members_on_two_threads_got_is_duplicated() {
        let plan = plan(Shape::Group, 1, 2);
        let (mut one, mut other) = (Books::new(&plan, 0, 2), Books::new(&plan, 1, 2));
        one.handle_arrival(&plan, 0, 0, head(0, 0));
        other.handle_arrival(&plan, 1, 0, head(0, 0));
        let faults = Books::close(vec![one, other], &[1]);
        assert_eq!((faults.lost, faults.duplicated), (0, 1));
    }

    #[test]
    fn each_subscriber_that_misses_a_message_is_a_loss() {
        let plan = plan(Shape::OneToAll, 1, 3);
        let mut books = Books::new(&plan, 0, 1);
        books.handle_arrival(&plan, 0, 0, head(0, 0));
        assert_eq!(Books::close(vec![books], &[1]).lost, 2);
    }

    #[test]
    fn a_publisher_is_as_far_as_its_slowest_thread() {
        let plan = plan(Shape::OneToAll, 1, 2);
        let progress = Progress::new(&plan, 2);
        progress.reach(0, 0, 5);
        progress.reach(0, 1, 3);
        assert_eq!(progress.reached(0), 3);
    }

    #[test]
    fn all_is_complete_when_all_that_was_sent_has_come() {
        let plan = plan(Shape::Pairs, 1, 1);
        let progress = Progress::new(&plan, 1);
        progress.reach(0, 0, 2);
        assert!(!progress.is_complete());
        progress.finish(0, 3);
        assert!(!progress.is_complete());
        progress.reach(0, 0, 3);
        assert!(progress.is_complete());
    }
}
