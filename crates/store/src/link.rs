//! The arbiters' side of the store: they hand over what has to be stored, ask how far it is, and have
//! queues read. Nothing here waits for the disk.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use castmq_rules::session::{Page, Restored};

use crate::stats::Counters;
use crate::trouble::{Trouble, TroubleCell};
use crate::{Overload, SessionKey, Stats, StoreError, Submission};

/// Most operations that are committed together.
const GROUP_OPS_MAX: usize = 4096;

/// Most bytes that are committed together. A larger submission goes alone.
const GROUP_BYTES_MAX: usize = 4 << 20;

/// Gets the answer of a read, on a reader's thread.
pub type Answer<T> = Box<dyn FnOnce(Result<T, StoreError>) + Send>;

/// Which messages of a session are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueRange {
    /// The first number.
    pub from: u64,
    /// The first number behind them.
    pub until: u64,
    /// At most so many; at least one is read if there is one.
    pub messages_max: usize,
    /// No more once they weigh so much.
    pub bytes_max: usize,
}

/// What arbiters, committer and readers share.
pub struct Link {
    inbox: Mutex<Inbox>,
    arrived: Condvar,
    /// For each arbiter the last submission that is committed.
    committed: Box<[AtomicU64]>,
    reads: Mutex<Reads>,
    read_arrived: Condvar,
    trouble: TroubleCell,
    counters: Counters,
    threads: Mutex<Vec<JoinHandle<()>>>,
    end: Mutex<Option<StoreError>>,
}

#[derive(Debug, Default)]
struct Inbox {
    submissions: VecDeque<(Submission, usize)>,
    is_stopping: bool,
    /// Whether the committer sleeps until somebody wakes it.
    is_asleep: bool,
}

struct Reads {
    waiting: VecDeque<Read>,
    limit: usize,
    is_closed: bool,
}

/// A read that waits for a reader.
pub(crate) enum Read {
    Queue(SessionKey, QueueRange, Answer<Page>),
    Session(SessionKey, Answer<Option<Restored>>),
}

impl Link {
    pub(crate) fn new(arbiters: u16, reads_max: usize) -> Self {
        Self {
            inbox: Mutex::default(),
            arrived: Condvar::new(),
            committed: (0..arbiters).map(|_| AtomicU64::new(0)).collect(),
            reads: Mutex::new(Reads {
                waiting: VecDeque::new(),
                limit: reads_max,
                is_closed: false,
            }),
            read_arrived: Condvar::new(),
            trouble: TroubleCell::default(),
            counters: Counters::default(),
            threads: Mutex::default(),
            end: Mutex::default(),
        }
    }

    /// Hands over what has to be stored. It is, sooner or later, unless the process ends before; see
    /// [`Self::committed`].
    pub fn submit(&self, submission: Submission) {
        let bytes = submission.ops.iter().map(crate::Op::bytes).sum();
        self.counters.queued(submission.ops.len(), bytes);
        let mut inbox = lock(&self.inbox);
        inbox.submissions.push_back((submission, bytes));
        if inbox.is_asleep {
            self.arrived.notify_one();
        }
    }

    /// All submissions of the arbiter up to this number are as durable as the settings say.
    #[must_use]
    pub fn committed(&self, arbiter: u16) -> u64 {
        self.committed
            .get(usize::from(arbiter))
            .map_or(0, |number| number.load(Ordering::Acquire))
    }

    /// Why nothing new should be promised at the moment.
    #[must_use]
    pub fn trouble(&self) -> Option<Trouble> {
        self.trouble.read()
    }

    /// Has messages of a session read. The answer comes on another thread.
    ///
    /// # Errors
    ///
    /// [`Overload`] when too many reads wait; the answer is not called.
    pub fn read_queue(
        &self,
        session: SessionKey,
        range: QueueRange,
        answer: Answer<Page>,
    ) -> Result<(), Overload> {
        self.read(Read::Queue(session, range, answer))
    }

    /// Has a session read as it is in the store, without what is still to be committed; `None` when it
    /// is not there. The answer comes on another thread.
    ///
    /// # Errors
    ///
    /// [`Overload`] when too many reads wait; the answer is not called.
    pub fn load_session(
        &self,
        session: SessionKey,
        answer: Answer<Option<Restored>>,
    ) -> Result<(), Overload> {
        self.read(Read::Session(session, answer))
    }

    fn read(&self, read: Read) -> Result<(), Overload> {
        let mut reads = lock(&self.reads);
        if reads.is_closed {
            drop(reads);
            read.refuse();
            return Ok(());
        }
        if reads.waiting.len() >= reads.limit {
            return Err(Overload { limit: reads.limit });
        }
        reads.waiting.push_back(read);
        self.read_arrived.notify_one();
        Ok(())
    }

    /// What the store has done so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.counters.stats(self.trouble())
    }

    /// Commits and syncs everything handed over, ends the threads, closes the store. Waits for that.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the last commits could not be made.
    pub fn stop(&self) -> Result<(), StoreError> {
        self.close_reads();
        lock(&self.inbox).is_stopping = true;
        self.arrived.notify_all();
        let threads = std::mem::take(&mut *lock(&self.threads));
        for thread in threads {
            // A thread that has panicked has said so in the trouble.
            let _ = thread.join();
        }
        lock(&self.end).take().map_or(Ok(()), Err)
    }

    /// Refuses reads from now on, those that wait as well.
    pub(crate) fn close_reads(&self) {
        let mut reads = lock(&self.reads);
        reads.is_closed = true;
        let waiting = std::mem::take(&mut reads.waiting);
        drop(reads);
        self.read_arrived.notify_all();
        waiting.into_iter().for_each(Read::refuse);
    }

    /// The next read, at once or not at all.
    pub(crate) fn poll_read(&self) -> Option<Read> {
        lock(&self.reads).waiting.pop_front()
    }

    /// The next read; `None` when there will be none any more.
    pub(crate) fn next_read(&self) -> Option<Read> {
        let mut reads = lock(&self.reads);
        loop {
            if let Some(read) = reads.waiting.pop_front() {
                return Some(read);
            }
            if reads.is_closed {
                return None;
            }
            reads = self
                .read_arrived
                .wait(reads)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// What is committed next, together.
    pub(crate) fn take_group(&self) -> Vec<Submission> {
        let mut inbox = lock(&self.inbox);
        let (mut group, mut ops, mut bytes) = (Vec::new(), 0, 0);
        while let Some((next, next_bytes)) = inbox.submissions.front() {
            ops += next.ops.len();
            bytes += next_bytes;
            let is_full = ops > GROUP_OPS_MAX || bytes > GROUP_BYTES_MAX;
            if is_full && !group.is_empty() {
                break;
            }
            if let Some((next, next_bytes)) = inbox.submissions.pop_front() {
                self.counters.taken(next.ops.len(), next_bytes);
                group.push(next);
            }
        }
        group
    }

    /// Sleeps until something is handed over, at most so long.
    pub(crate) fn wait(&self, at_most: Duration) {
        let mut inbox = lock(&self.inbox);
        if inbox.submissions.is_empty() && !inbox.is_stopping {
            inbox.is_asleep = true;
            let woken = self.arrived.wait_timeout(inbox, at_most);
            inbox = woken.unwrap_or_else(PoisonError::into_inner).0;
            inbox.is_asleep = false;
        }
    }

    /// Sleeps whatever is handed over, but not when it is time to stop.
    pub(crate) fn pause(&self, at_most: Duration) {
        let inbox = lock(&self.inbox);
        let _ = self
            .arrived
            .wait_timeout_while(inbox, at_most, |inbox| !inbox.is_stopping);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        lock(&self.inbox).is_stopping
    }

    pub(crate) fn set_committed(&self, arbiter: u16, number: u64) {
        if let Some(committed) = self.committed.get(usize::from(arbiter)) {
            committed.store(number, Ordering::Release);
        }
    }

    pub(crate) fn set_trouble(&self, trouble: Option<Trouble>) {
        self.trouble.set(trouble);
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    pub(crate) fn set_end(&self, error: StoreError) {
        *lock(&self.end) = Some(error);
    }

    pub(crate) fn keep_thread(&self, thread: JoinHandle<()>) {
        lock(&self.threads).push(thread);
    }
}

impl Read {
    fn refuse(self) {
        match self {
            Self::Queue(.., answer) => answer(Err(StoreError::Closed)),
            Self::Session(_, answer) => answer(Err(StoreError::Closed)),
        }
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Link")
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
