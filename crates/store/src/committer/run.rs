//! The committer as a thread, and its last work.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::compaction::compact;
use super::{Committer, Step};
use crate::{StoreError, Trouble};

/// How often a failing commit is tried when it is time to stop.
const TRIES_AT_END: u32 = 3;

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
                // Where room is short it may be needed before there is a quiet moment.
                Step::Worked if self.is_full => self.compact_when_worth(),
                Step::Worked => {}
                Step::Idle(time) => {
                    self.compact_when_worth();
                    self.link.wait(time);
                }
                Step::Failing(time) => self.link.pause(time),
            }
        }
        self.finish();
    }

    /// Gives back the room of what was consumed, when nobody has wanted anything for a while, or as soon
    /// as there is room for that where there is little. On a thread of its own, because it may take long.
    fn compact_when_worth(&mut self) {
        let now = (self.clock)();
        let is_quiet = now.saturating_since(self.busy_at) >= self.settings.compact_after;
        let free_bytes = self.free_bytes.filter(|_| self.is_full);
        let disk_bytes = self.link.stats().disk_bytes;
        if !self
            .compaction
            .is_worth(now, is_quiet, free_bytes.map(|free| (free, disk_bytes)))
        {
            return;
        }
        let work = self.compaction.begin(now, Arc::clone(&self.store));
        let thread = std::thread::Builder::new().name("store-compact".to_owned());
        if let Ok(thread) = thread.spawn(work) {
            self.link.keep_thread(thread);
        }
    }

    /// Gives back the room of what was consumed, now. May take long.
    pub fn compact(&self) {
        // Where this fails all rows are still there, and the next commit tells why.
        let _ = compact(&*self.store);
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
