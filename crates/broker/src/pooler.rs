//! Pooler: threads for work that would hold an arbiter up.
//!
//! | | |
//! |---|---|
//! | emqttd | `emqttd_pooler`, `emqttd_pool_sup` |
//! | Started by | [`app`](crate::app), one pool for each kind of such work |
//! | Work runs in | the pool's threads |
//! | Waits for | what its work waits for; each piece has a deadline of its own |
//! | Waited for by | nobody: what comes of a piece of work is posted |
//! | If it dies | a piece of work that panics is over; its thread takes the next one |
//! | Watch | gauge of those that wait; clients refused as *busy* |

// differs: emqttd's pool runs whatever is submitted to it, without a bound, and is used by nobody.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// A piece of work.
type Work = Box<dyn FnOnce() + Send>;

/// As much work waits as may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the pool has no room")]
pub struct PoolFull;

/// A pool of threads with a bounded queue. The threads begin with the first piece of work, and end when
/// the pool is dropped and what waits is done.
pub struct Pooler {
    name: &'static str,
    threads: u16,
    waiting_max: usize,
    waiting: Arc<AtomicUsize>,
    queue: OnceLock<Option<SyncSender<Work>>>,
}

impl fmt::Debug for Pooler {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Pooler")
            .field("waiting", &self.waiting())
            .finish_non_exhaustive()
    }
}

impl Pooler {
    /// A pool of that many threads, for which so many pieces of work may wait.
    #[must_use]
    pub fn new(name: &'static str, threads: u16, waiting_max: usize) -> Self {
        Self {
            name,
            threads: threads.max(1),
            waiting_max,
            waiting: Arc::default(),
            queue: OnceLock::new(),
        }
    }

    /// `None` when the operating system gives no thread.
    fn start(&self) -> Option<SyncSender<Work>> {
        let (queue, work) = sync_channel(self.waiting_max);
        let work = Arc::new(Mutex::new(work));
        let mut started = 0;
        for number in 0..self.threads {
            let (work, waiting) = (Arc::clone(&work), Arc::clone(&self.waiting));
            let thread = std::thread::Builder::new()
                .name(format!("{}-{number}", self.name))
                .spawn(move || serve(&work, &waiting));
            started += usize::from(thread.is_ok());
        }
        (started > 0).then_some(queue)
    }

    /// How many pieces of work wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.load(Relaxed)
    }

    /// Has a piece of work done.
    ///
    /// # Errors
    ///
    /// [`PoolFull`] when there is no room; the work is dropped.
    pub fn submit(&self, work: impl FnOnce() + Send + 'static) -> Result<(), PoolFull> {
        let queue = self.queue.get_or_init(|| self.start());
        let queue = queue.as_ref().ok_or(PoolFull)?;
        self.waiting.fetch_add(1, Relaxed);
        queue.try_send(Box::new(work)).map_err(|_| {
            self.waiting.fetch_sub(1, Relaxed);
            PoolFull
        })
    }
}

fn serve(work: &Mutex<Receiver<Work>>, waiting: &AtomicUsize) {
    loop {
        // One thread waits for work at a time, the others for it.
        let next = work.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(next) = next else { return };
        waiting.fetch_sub(1, Relaxed);
        // Whoever waits for it has a deadline.
        let _ = catch_unwind(AssertUnwindSafe(next));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn work_beyond_the_bound_is_refused() {
        let pooler = Pooler::new("test", 1, 1);
        let (begin, begun) = channel();
        let (release, wait) = channel::<()>();
        let held = pooler.submit(move || {
            begin.send(()).unwrap();
            wait.recv().unwrap();
        });
        held.unwrap();
        begun.recv().unwrap();
        let (tell, told) = channel();
        pooler.submit(move || tell.send("done").unwrap()).unwrap();

        assert_eq!(pooler.submit(|| ()), Err(PoolFull));
        assert_eq!(pooler.waiting(), 1);
        release.send(()).unwrap();
        assert_eq!(told.recv().unwrap(), "done");
    }

    #[test]
    fn a_thread_outlives_work_that_panics() {
        let pooler = Pooler::new("test", 1, 8);
        pooler.submit(|| panic!("a bug")).unwrap();
        let (tell, told) = channel();
        pooler.submit(move || tell.send("done").unwrap()).unwrap();

        assert_eq!(told.recv().unwrap(), "done");
    }
}
