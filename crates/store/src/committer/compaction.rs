//! When deleted rows are worth a compaction, which gives their room back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use castmq_rules::Moment;

use crate::{Space, Store, Write};

/// So many deletions are worth it, or so many bytes of what most is gone of.
const WORTH_DELETED: u64 = 100_000;
const WORTH_BYTES: u64 = 64 << 20;

/// How long after one began the next one may, and where room is short.
const AGAIN: Duration = Duration::from_secs(60);
const AGAIN_WHERE_FULL: Duration = Duration::from_secs(5);

/// Rows that came and went since the last compaction, and the one that runs.
#[derive(Debug, Default)]
pub(super) struct Compaction {
    put: u64,
    put_bytes: u64,
    deleted: u64,
    /// Of these, what the one that runs gives back.
    compacted: u64,
    began: Option<Moment>,
    state: Arc<AtomicU8>,
}

/// What has become of the one that was begun last.
const NONE: u8 = 0;
const RUNS: u8 = 1;
const DONE: u8 = 2;
const FAILED: u8 = 3;

impl Compaction {
    pub(super) fn count(&mut self, writes: &[Write]) {
        for write in writes {
            match write {
                Write::Put {
                    space: Space::Queue | Space::Bodies,
                    value,
                    ..
                } => {
                    self.put += 1;
                    self.put_bytes += value.len() as u64;
                }
                Write::Delete {
                    space: Space::Queue | Space::Bodies,
                    ..
                } => self.deleted += 1,
                Write::Put { .. } | Write::Delete { .. } => {}
            }
        }
    }

    /// So many rows are in the queues without having been put in this run.
    pub(super) fn count_old(&mut self, rows: usize) {
        self.put += rows as u64;
    }

    /// Whether one should begin. Where room is short: how many bytes are free, and how many are used.
    pub(super) fn is_worth(
        &mut self,
        now: Moment,
        is_quiet: bool,
        short: Option<(u64, u64)>,
    ) -> bool {
        if !self.has_ended() {
            return false;
        }
        let pause = if short.is_some() {
            AGAIN_WHERE_FULL
        } else {
            AGAIN
        };
        let is_early = |began: Moment| now.saturating_since(began) < pause;
        if self.began.is_some_and(is_early) {
            return false;
        }
        let left = self.put.saturating_sub(self.deleted);
        if let Some((free, used)) = short {
            // What is left is written anew before the old files go.
            let left_bytes = u128::from(used) * u128::from(left) / u128::from(self.put.max(1));
            return self.deleted > 0 && left_bytes < u128::from(free);
        }
        let is_much = self.deleted >= WORTH_DELETED || self.put_bytes >= WORTH_BYTES;
        is_quiet && is_much && left < self.deleted / 4
    }

    /// Whether none runs. What the last one gave back counts no longer, unless it failed.
    fn has_ended(&mut self) -> bool {
        match self.state.load(Ordering::Acquire) {
            RUNS => return false,
            DONE => {
                self.put = self.put.saturating_sub(self.compacted);
                self.deleted = self.deleted.saturating_sub(self.compacted);
                self.put_bytes = 0;
            }
            _ => {}
        }
        self.state.store(NONE, Ordering::Release);
        true
    }

    /// What its thread does.
    pub(super) fn begin(
        &mut self,
        now: Moment,
        store: Arc<dyn Store>,
    ) -> impl FnOnce() + Send + 'static {
        self.began = Some(now);
        self.compacted = self.deleted;
        self.state.store(RUNS, Ordering::Release);
        let state = Arc::clone(&self.state);
        move || {
            let is_done = compact(&*store);
            let is_done = if is_done { DONE } else { FAILED };
            state.store(is_done, Ordering::Release);
        }
    }
}

/// Gives back the room of deleted rows; whether all of it went well. Where it did not, all rows are still
/// there.
#[must_use]
pub(super) fn compact(store: &dyn Store) -> bool {
    let mut is_done = true;
    for space in Space::ALL {
        is_done &= store.compact(space).is_ok();
    }
    is_done
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Key, MemoryStore};

    fn at(seconds: u64) -> Moment {
        Moment::from_start(Duration::from_secs(seconds))
    }

    fn put(bytes: usize) -> Write {
        Write::Put {
            space: Space::Queue,
            key: Key::new(),
            value: vec![0; bytes],
        }
    }

    fn deleted() -> Write {
        let (space, key) = (Space::Queue, Key::new());
        Write::Delete { space, key }
    }

    /// Ten rows that were put, of which so many are gone.
    fn after(gone: usize) -> Compaction {
        let mut compaction = Compaction::default();
        for _ in 0..10 {
            compaction.count(&[put(10 << 20)]);
        }
        for _ in 0..gone {
            compaction.count(&[deleted()]);
        }
        compaction
    }

    #[test]
    fn it_is_worth_it_when_most_is_gone_and_it_is_quiet() {
        assert!(after(9).is_worth(at(100), true, None));
        assert!(!after(9).is_worth(at(100), false, None));
        assert!(!after(5).is_worth(at(100), true, None));
    }

    #[test]
    fn where_room_is_short_it_waits_until_what_is_left_finds_room() {
        let used = 100 << 20;
        let free = 15 << 20;
        assert!(!after(8).is_worth(at(100), false, Some((free, used))));
        assert!(after(9).is_worth(at(100), false, Some((free, used))));
        assert!(!after(0).is_worth(at(100), false, Some((free, 0))));
    }

    #[test]
    fn what_one_has_given_back_does_not_count_for_the_next() {
        let mut compaction = after(9);
        compaction.begin(at(100), Arc::new(MemoryStore::new()))();
        assert!(!compaction.is_worth(at(200), true, None));
        assert_eq!((compaction.put, compaction.deleted), (1, 0));
    }

    #[test]
    fn one_that_failed_is_made_again_after_a_pause() {
        let mut compaction = after(9);
        let store = MemoryStore::new();
        drop(compaction.begin(at(100), Arc::new(store)));
        assert!(!compaction.is_worth(at(200), true, None), "it runs");
        compaction.state.store(FAILED, Ordering::Release);
        assert!(!compaction.is_worth(at(130), true, None));
        assert!(compaction.is_worth(at(160), true, None));
    }
}
