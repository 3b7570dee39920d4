//! The committer as a thread, and its last work.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::{Committer, Step};
use crate::{Space, Store, StoreError, Trouble, Write};

/// How often a failing commit is tried when it is time to stop.
const TRIES_AT_END: u32 = 3;

/// Deleted rows take room until they are compacted away.
#[derive(Debug, Default)]
pub(super) struct Tombstones {
    deleted: u64,
    put: u64,
    put_bytes: u64,
}

/// So many deletions are worth a compaction, or so many bytes of what most is gone of.
const WORTH_COMPACTING: u64 = 100_000;
const BYTES_WORTH_COMPACTING: u64 = 64 << 20;

impl Tombstones {
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

    /// Whether most of what was written since the last compaction has gone again.
    pub(super) fn are_many(&self) -> bool {
        let is_much = self.deleted >= WORTH_COMPACTING || self.put_bytes >= BYTES_WORTH_COMPACTING;
        is_much && self.put.saturating_sub(self.deleted) < self.deleted / 4
    }
}

impl Committer {
    /// Runs it in a thread of its own until [`crate::Link::stop`].
    ///
    /// # Errors
    ///
    /// What the operating system says when it gives no thread.
    pub fn spawn(self) -> std::io::Result<()> {
        let link = Arc::clone(&self.link);
        let thread = std::thread::Builder::new()
            .name("store-committer".to_owned())
            .spawn(move || self.run_guarded())?;
        link.keep_thread(thread);
        Ok(())
    }

    /// A bug in here ends the thread; then nothing may be promised any more.
    fn run_guarded(self) {
        let link = Arc::clone(&self.link);
        let since = (self.clock)();
        if catch_unwind(AssertUnwindSafe(|| self.run())).is_err() {
            let message = "the committer ended by a bug; restart the broker";
            link.set_trouble(Some(Trouble::Failing {
                since,
                message: message.into(),
            }));
            link.set_end(StoreError::Engine {
                doing: "commit",
                message: message.to_owned(),
            });
        }
    }

    fn run(mut self) {
        while !self.link.is_stopping() {
            match self.step() {
                Step::Worked => {}
                Step::Idle(time) => {
                    self.compact_when_idle();
                    self.link.wait(time);
                }
                Step::Failing(time) => self.link.pause(time),
            }
        }
        self.finish();
    }

    /// Gives back the room of what was consumed, when nobody has wanted anything for a while. On a
    /// thread of its own, because it may take long.
    fn compact_when_idle(&mut self) {
        let idle = (self.clock)().saturating_since(self.busy_at);
        // Where room is short, nobody waits for a quiet minute.
        let is_quiet = self.is_full || idle >= self.settings.compact_after;
        if !is_quiet || !self.tombstones.are_many() {
            return;
        }
        self.tombstones = Tombstones::default();
        let store = Arc::clone(&self.store);
        let compacting = std::thread::Builder::new().name("store-compact".to_owned());
        let spawned = compacting.spawn(move || compact(&*store));
        if let Ok(thread) = spawned {
            self.link.keep_thread(thread);
        }
    }

    /// Gives back the room of what was consumed, now. May take long.
    pub fn compact(&self) {
        compact(&*self.store);
    }

    /// Commits everything handed over, has the disk take it, and closes the store. Gives up when that
    /// fails again and again; [`crate::Link::stop`] says so.
    pub fn finish(mut self) {
        self.link.close_reads();
        let mut failures = 0;
        let mut result = Ok(());
        loop {
            let now = (self.clock)();
            result = match self.finish_step(now) {
                Ok(true) => break,
                Ok(false) => continue,
                Err(error) => {
                    self.fail(&error);
                    Err(error)
                }
            };
            failures += 1;
            if failures >= TRIES_AT_END {
                break;
            }
        }
        self.store.close();
        if let Err(error) = result {
            self.link.set_end(error);
        }
    }

    /// Whether that was the last one.
    fn finish_step(&mut self, now: castmq_rules::Moment) -> Result<bool, StoreError> {
        if self.failing.is_some() {
            self.recover()?;
        }
        if self.pending.is_none() {
            self.gather()?;
        }
        if self.pending.is_some() {
            self.commit(now)?;
            return Ok(false);
        }
        if self.unsynced_since.is_some() {
            self.sync()?;
        }
        if let Some(directory) = &mut self.directory {
            directory.sync_promise();
        }
        Ok(true)
    }
}

/// Where this fails all rows are still there, and the next commit tells why.
fn compact(store: &dyn Store) {
    for space in Space::ALL {
        let _ = store.compact(space);
    }
}
