//! What went against the promises, collected from all threads.

use std::sync::{Mutex, PoisonError};

/// How many breaches are kept; one is enough to fail.
const KEPT: usize = 20;

/// The breaches found so far.
#[derive(Debug, Default)]
pub struct Verdict {
    breaches: Mutex<Vec<String>>,
}

impl Verdict {
    /// Notes a breach.
    pub fn breach(&self, what: impl Into<String>) {
        let mut breaches = self.breaches.lock().unwrap_or_else(PoisonError::into_inner);
        if breaches.len() < KEPT {
            breaches.push(what.into());
        }
    }

    /// Notes a breach unless the statement holds.
    pub fn expect(&self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds {
            self.breach(otherwise());
        }
    }

    /// All that was noted.
    #[must_use]
    pub fn breaches(&self) -> Vec<String> {
        self.breaches
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
