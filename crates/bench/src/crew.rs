//! The threads of a run: each has connections of its own, and all do the same task.

use std::io;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU8, AtomicU64};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::Failure;
use crate::clock::{self, Moment};
use crate::frame::Version;
use crate::target::Target;
use crate::wires::{Events, Handler, Wires};

/// What one thread does until it is done.
pub(crate) trait Task: Handler + Send {
    /// Does what is due.
    fn act(&mut self, wires: &mut Wires, now: Moment) -> Next;
}

/// What a thread does after it has acted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// It waits for the broker, at most so long.
    Wait(Duration),
    /// Nothing: the task is done.
    Done,
}

/// Where the run stands; tasks look at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Stage {
    /// Nothing counts yet.
    WarmUp,
    /// Latencies count.
    Measure,
    /// No more is begun; what was begun is finished.
    Stop,
}

/// What the threads and the one that watches them tell each other.
#[derive(Debug)]
pub(crate) struct Board {
    stage: AtomicU8,
    counters: Vec<Counter>,
    at_work: Mutex<usize>,
    has_finished: Condvar,
}

/// A line of the processor's cache for each thread: none waits for another to count.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Counter(AtomicU64);

impl Board {
    pub(crate) fn new(threads: usize) -> Self {
        Self {
            stage: AtomicU8::new(Stage::WarmUp as u8),
            counters: (0..threads).map(|_| Counter::default()).collect(),
            at_work: Mutex::new(threads),
            has_finished: Condvar::new(),
        }
    }

    pub(crate) fn enter(&self, stage: Stage) {
        self.stage.store(stage as u8, Release);
    }

    pub(crate) fn stage(&self) -> Stage {
        match self.stage.load(Acquire) {
            0 => Stage::WarmUp,
            1 => Stage::Measure,
            _ => Stage::Stop,
        }
    }

    /// This thread has done so much.
    pub(crate) fn count(&self, thread: usize, operations: u64) {
        if let Some(counter) = self.counters.get(thread) {
            counter.0.store(operations, Relaxed);
        }
    }

    /// What all threads have done.
    pub(crate) fn operations(&self) -> u64 {
        let counts = self.counters.iter();
        counts.map(|counter| counter.0.load(Relaxed)).sum()
    }

    /// Waits at most so long for all threads to finish; whether they have.
    pub(crate) fn wait(&self, timeout: Duration) -> bool {
        let at_work = self.at_work.lock().unwrap_or_else(PoisonError::into_inner);
        let (at_work, _) = self
            .has_finished
            .wait_timeout_while(at_work, timeout, |at_work| *at_work > 0)
            .unwrap_or_else(PoisonError::into_inner);
        *at_work == 0
    }
}

/// Tells when it goes that a thread has finished, whatever the reason.
struct AtWork<'a>(&'a Board);

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        let at_work = self.0.at_work.lock();
        *at_work.unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.has_finished.notify_all();
    }
}

/// The niceness of threads that stand back.
const LOWEST: i32 = 19;

/// The threads' connections.
#[derive(Debug)]
pub(crate) struct Crew {
    workers: Vec<Wires>,
    /// Its threads let all others have the processor first.
    stands_back: bool,
}

impl Crew {
    /// No connections yet.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(crate) fn new(threads: usize, target: &Arc<Target>, version: Version) -> io::Result<Self> {
        let workers = (0..threads).map(|_| Wires::new(Arc::clone(target), version));
        Ok(Self {
            workers: workers.collect::<io::Result<_>>()?,
            stands_back: false,
        })
    }

    /// Has its threads take only what others leave of the processors, as if they ran elsewhere.
    pub(crate) fn standing_back(mut self) -> Self {
        self.stands_back = true;
        self
    }

    pub(crate) fn threads(&self) -> usize {
        self.workers.len()
    }

    /// Each thread does its task while this one watches; the tasks when all are done.
    ///
    /// # Errors
    ///
    /// When the system refuses a thread or cannot poll.
    pub(crate) fn perform<T: Task, W>(
        &mut self,
        tasks: Vec<T>,
        board: &Board,
        watch: impl FnOnce() -> W,
    ) -> Result<(Vec<T>, W), Failure> {
        let stands_back = self.stands_back;
        thread::scope(|scope| {
            let mut threads = Vec::new();
            for (number, (wires, task)) in self.workers.iter_mut().zip(tasks).enumerate() {
                let at_work = AtWork(board);
                let work = move || {
                    let _at_work = at_work;
                    if stands_back {
                        // Of this thread alone. Where that is not allowed the figures are worse, not wrong.
                        let _ = rustix::process::setpriority_process(None, LOWEST);
                    }
                    work(wires, task)
                };
                let name = format!("bench-{number}");
                threads.push(
                    thread::Builder::new()
                        .name(name)
                        .spawn_scoped(scope, work)?,
                );
            }
            let watched = watch();
            let join = |thread: thread::ScopedJoinHandle<'_, io::Result<T>>| {
                let done = thread.join();
                done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            let tasks = threads.into_iter().map(join).collect::<io::Result<_>>()?;
            Ok((tasks, watched))
        })
    }
}

fn work<T: Task>(wires: &mut Wires, mut task: T) -> io::Result<T> {
    let mut events = Events::new();
    while let Next::Wait(wait) = task.act(wires, clock::now()) {
        wires.poll(wait, &mut events, &mut task)?;
    }
    Ok(task)
}
