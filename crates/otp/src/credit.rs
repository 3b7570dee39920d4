//! Credit between two arbiters: how many bytes one has sent that the other has not handled.
//!
//! The sender sets its waiting flag *and then looks again*; the receiver lowers the count and then
//! looks at the flag. Whatever the interleaving, one of the two sees the other, so nobody sleeps
//! through the moment at which there is credit again.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

/// The two cells of a credit; a trait so that a model checker can put its own in.
trait Cells {
    fn add(&self, bytes: usize) -> usize;
    fn sub(&self, bytes: usize) -> usize;
    fn bytes(&self) -> usize;
    fn set_waiting(&self, waiting: bool) -> bool;
}

#[derive(Debug, Default)]
struct Atomics {
    bytes: AtomicUsize,
    waiting: AtomicBool,
}

impl Cells for Atomics {
    fn add(&self, bytes: usize) -> usize {
        self.bytes.fetch_add(bytes, SeqCst) + bytes
    }

    fn sub(&self, bytes: usize) -> usize {
        self.bytes.fetch_sub(bytes, SeqCst).saturating_sub(bytes)
    }

    fn bytes(&self) -> usize {
        self.bytes.load(SeqCst)
    }

    fn set_waiting(&self, waiting: bool) -> bool {
        self.waiting.swap(waiting, SeqCst)
    }
}

/// Bytes that one arbiter has outstanding at another, with a high and a low mark.
#[derive(Debug)]
pub struct Credit {
    cells: Atomics,
    high: usize,
    low: usize,
}

impl Credit {
    /// Nothing outstanding; who sends shall pause above `high` and go on at `low`.
    #[must_use]
    pub fn new(high: usize, low: usize) -> Self {
        Self {
            cells: Atomics::default(),
            high,
            low: low.min(high),
        }
    }

    /// The sender hands bytes over.
    pub fn take(&self, bytes: usize) {
        self.cells.add(bytes);
    }

    /// The sender asks whether it has to pause; if so it will be woken when it may go on.
    #[must_use]
    pub fn must_pause(&self) -> bool {
        must_pause(&self.cells, self.high, self.low)
    }

    /// Whether a paused sender may go on.
    #[must_use]
    pub fn may_go_on(&self) -> bool {
        self.cells.bytes() <= self.low
    }

    /// The receiver has handled bytes. `true` when the sender waits and has to be woken.
    #[must_use]
    pub fn give_back(&self, bytes: usize) -> bool {
        give_back(&self.cells, bytes, self.low)
    }

    /// Bytes outstanding now.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.cells.bytes()
    }
}

fn must_pause(cells: &impl Cells, high: usize, low: usize) -> bool {
    if cells.bytes() <= high {
        return false;
    }
    cells.set_waiting(true);
    if cells.bytes() <= low {
        cells.set_waiting(false);
        return false;
    }
    true
}

fn give_back(cells: &impl Cells, bytes: usize, low: usize) -> bool {
    cells.sub(bytes) <= low && cells.set_waiting(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Modelled {
        bytes: loom::sync::atomic::AtomicUsize,
        waiting: loom::sync::atomic::AtomicBool,
    }

    impl Cells for Modelled {
        fn add(&self, bytes: usize) -> usize {
            self.bytes.fetch_add(bytes, SeqCst) + bytes
        }

        fn sub(&self, bytes: usize) -> usize {
            self.bytes.fetch_sub(bytes, SeqCst).saturating_sub(bytes)
        }

        fn bytes(&self) -> usize {
            self.bytes.load(SeqCst)
        }

        fn set_waiting(&self, waiting: bool) -> bool {
            self.waiting.swap(waiting, SeqCst)
        }
    }

    #[test]
    fn a_sender_that_pauses_is_woken_in_every_interleaving() {
        loom::model(|| {
            let cells = loom::sync::Arc::new(Modelled {
                bytes: loom::sync::atomic::AtomicUsize::new(3),
                waiting: loom::sync::atomic::AtomicBool::new(false),
            });
            let receiver = {
                let cells = loom::sync::Arc::clone(&cells);
                loom::thread::spawn(move || {
                    let first = give_back(&*cells, 1, 1);
                    let second = give_back(&*cells, 2, 1);
                    first || second
                })
            };
            let paused = must_pause(&*cells, 2, 1);
            let woken = receiver.join().unwrap();
            assert!(!paused || woken, "paused and nobody wakes it");
        });
    }

    #[test]
    fn a_sender_pauses_above_the_high_mark_and_goes_on_at_the_low_one() {
        let credit = Credit::new(10, 4);
        credit.take(11);
        assert!(credit.must_pause());

        assert!(!credit.give_back(2));
        assert!(!credit.may_go_on());
        assert!(credit.give_back(5));
        assert!(credit.may_go_on());
    }
}
