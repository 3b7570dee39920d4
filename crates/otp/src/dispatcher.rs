//! The dispatcher: the scheduler of an arbiter, itself an actix actor.
//!
//! | | |
//! |---|---|
//! | emqttd | BEAM's scheduler |
//! | Started by | [`launch`](crate::launch), one per arbiter |
//! | Work runs in | its own future; every turn of the arbiter runs inside of it |
//! | Waits for | mail, sockets, timers |
//! | Waited for by | nobody |
//! | If it dies | it does not: each stage is guarded by itself |
//! | Watch | `rounds/long` |

use std::cell::RefCell;
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use actix::{Actor, ActorFuture, AsyncContext, Context};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::round::More;
use crate::{Poller, Shard, World};

/// The scheduler of one arbiter.
pub struct Dispatcher<W: World> {
    shard: Rc<RefCell<Shard<W>>>,
    poller: Option<Box<dyn Poller>>,
}

impl<W: World> fmt::Debug for Dispatcher<W> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Dispatcher")
    }
}

impl<W: World> Dispatcher<W> {
    /// Drives a shard with its sockets.
    #[must_use]
    pub fn new(shard: Shard<W>, poller: Box<dyn Poller>) -> Self {
        let shard = Rc::new(RefCell::new(shard));
        let itself = Rc::downgrade(&shard);
        shard.borrow_mut().itself = Some(itself);
        Self {
            shard,
            poller: Some(poller),
        }
    }

    /// The shard, to start the first processes in before the dispatcher runs.
    #[must_use]
    pub fn shard(&self) -> Rc<RefCell<Shard<W>>> {
        Rc::clone(&self.shard)
    }
}

impl<W: World> Actor for Dispatcher<W> {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        if let Some(poller) = self.poller.take() {
            context.spawn(Rounds {
                shard: Rc::clone(&self.shard),
                poller,
                sleep: Box::pin(sleep_until(Instant::now())),
                sleeps_until: None,
                start: Instant::now() - self.shard.borrow().clock.now(),
            });
        }
    }
}

/// Rounds that may follow each other before actix and tokio have their turn.
const ROUNDS_PER_POLL: usize = 8;

/// Rounds for as long as the actor lives: few per poll, so that tokio's own work gets its share.
struct Rounds<W: World> {
    shard: Rc<RefCell<Shard<W>>>,
    poller: Box<dyn Poller>,
    sleep: Pin<Box<Sleep>>,
    sleeps_until: Option<Duration>,
    start: Instant,
}

impl<W: World> Rounds<W> {
    /// One round, or a few while there is much to do and the poller needs no reactor to find it.
    fn rounds(&mut self, task: &TaskContext<'_>) -> More {
        let mut shard = self.shard.borrow_mut();
        shard.wake_with(task.waker());
        let rounds_max = if self.poller.is_independent() {
            ROUNDS_PER_POLL
        } else {
            1
        };
        let mut more = More::Now;
        for _ in 0..rounds_max {
            more = shard.round(&mut *self.poller);
            shard.check_length();
            if more != More::Now && !shard.is_busy() {
                break;
            }
        }
        more
    }

    /// Sets the one sleep of the arbiter; `true` when its moment is already here.
    fn sleep_until(&mut self, at: Duration, context: &mut TaskContext<'_>) -> bool {
        if self.sleeps_until != Some(at) {
            self.sleeps_until = Some(at);
            self.sleep.as_mut().reset(self.start + at);
        }
        self.sleep.as_mut().poll(context).is_ready()
    }
}

impl<W: World> ActorFuture<Dispatcher<W>> for Rounds<W> {
    type Output = ();

    fn poll(
        mut self: Pin<&mut Self>,
        _dispatcher: &mut Dispatcher<W>,
        _context: &mut Context<Dispatcher<W>>,
        task: &mut TaskContext<'_>,
    ) -> Poll<()> {
        let this = &mut *self;
        this.poller.wake_with(task.waker());
        let more = this.rounds(task);
        let again = match more {
            More::Now => true,
            More::At(at) => this.sleep_until(at, task),
            More::Idle => false,
        };
        if again {
            this.sleeps_until = None;
            // Behind the reactor: a plain wake would have this task polled many times before tokio looks
            // at the sockets again.
            let _ = Future::poll(std::pin::pin!(tokio::task::yield_now()), task);
        }
        Poll::Pending
    }
}
