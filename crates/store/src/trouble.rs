//! Why nothing new should be promised: told by the committer, read by everybody for nearly nothing.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use castmq_rules::Moment;

/// Why nothing new should be promised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Commits fail. What was handed over is kept and tried again.
    Failing {
        /// Since when.
        since: Moment,
        /// What the store says.
        message: Arc<str>,
    },
    /// Little room is left on the disk. What is handed over is still committed, because deletions make
    /// room.
    Full {
        /// Bytes that are left.
        free_bytes: u64,
        /// Bytes that have to be left before it ends.
        wanted_bytes: u64,
    },
}

#[derive(Debug, Default)]
pub(crate) struct TroubleCell {
    is_set: AtomicBool,
    trouble: Mutex<Option<Trouble>>,
}

impl TroubleCell {
    pub(crate) fn read(&self) -> Option<Trouble> {
        if !self.is_set.load(Ordering::Acquire) {
            return None;
        }
        let trouble = self.trouble.lock();
        trouble.unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set(&self, trouble: Option<Trouble>) {
        let mut cell = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        self.is_set.store(trouble.is_some(), Ordering::Release);
        *cell = trouble;
    }
}
