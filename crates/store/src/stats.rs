//! What the store has done, counted where it is done.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::Trouble;

/// What the store has done since it was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Commits.
    pub commits: u64,
    /// Operations that were committed.
    pub ops: u64,
    /// Bytes of the keys and values that were committed.
    pub bytes: u64,
    /// Operations that wait for the committer.
    pub waiting_ops: u64,
    /// Bytes that wait for the committer.
    pub waiting_bytes: u64,
    /// How long the last commit took, in microseconds.
    pub last_commit_micros: u64,
    /// How often a commit or a timer had the disk take everything.
    pub syncs: u64,
    /// How often a commit failed.
    pub failures: u64,
    /// Rows that were found damaged and left out when they were read.
    pub damaged: u64,
    /// Rows of ended sessions, and bodies without a reference, that were swept.
    pub swept: u64,
    /// Room that the store takes on the disk, as of the last look.
    pub disk_bytes: u64,
    /// Room that is left on the disk, as of the last look; none where nobody has looked or there is no disk.
    pub free_bytes: Option<u64>,
    /// Why nothing new should be promised.
    pub trouble: Option<Trouble>,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    commits: AtomicU64,
    ops: AtomicU64,
    bytes: AtomicU64,
    waiting_ops: AtomicU64,
    waiting_bytes: AtomicU64,
    last_commit_micros: AtomicU64,
    syncs: AtomicU64,
    failures: AtomicU64,
    damaged: AtomicU64,
    swept: AtomicU64,
    disk_bytes: AtomicU64,
    /// One more than they are: zero is what nobody has looked at.
    free_bytes: AtomicU64,
}

impl Counters {
    pub(crate) fn queued(&self, ops: usize, bytes: usize) {
        add(&self.waiting_ops, ops as u64);
        add(&self.waiting_bytes, bytes as u64);
    }

    pub(crate) fn taken(&self, ops: usize, bytes: usize) {
        self.waiting_ops.fetch_sub(ops as u64, Ordering::Relaxed);
        self.waiting_bytes
            .fetch_sub(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn committed(&self, ops: usize, bytes: usize, took: Duration) {
        add(&self.commits, 1);
        add(&self.ops, ops as u64);
        add(&self.bytes, bytes as u64);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.last_commit_micros.store(micros, Ordering::Relaxed);
    }

    pub(crate) fn synced(&self) {
        add(&self.syncs, 1);
    }

    pub(crate) fn failed(&self) {
        add(&self.failures, 1);
    }

    pub(crate) fn damaged(&self, rows: u64) {
        add(&self.damaged, rows);
    }

    pub(crate) fn swept(&self, rows: usize) {
        add(&self.swept, rows as u64);
    }

    pub(crate) fn set_disk_bytes(&self, bytes: u64) {
        self.disk_bytes.store(bytes, Ordering::Relaxed);
    }

    pub(crate) fn set_free_bytes(&self, bytes: u64) {
        self.free_bytes
            .store(bytes.saturating_add(1), Ordering::Relaxed);
    }

    pub(crate) fn stats(&self, trouble: Option<Trouble>) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            commits: read(&self.commits),
            ops: read(&self.ops),
            bytes: read(&self.bytes),
            waiting_ops: read(&self.waiting_ops),
            waiting_bytes: read(&self.waiting_bytes),
            last_commit_micros: read(&self.last_commit_micros),
            syncs: read(&self.syncs),
            failures: read(&self.failures),
            damaged: read(&self.damaged),
            swept: read(&self.swept),
            disk_bytes: read(&self.disk_bytes),
            free_bytes: read(&self.free_bytes).checked_sub(1),
            trouble,
        }
    }
}

fn add(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}
