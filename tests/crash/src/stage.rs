//! What all clients of a round share: where the broker is, and what they are to do.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use castmq_load::clock;
use castmq_load::connection::PATIENCE;

use crate::finding::Finding;
use crate::history::Moment;

/// Findings of clients that are kept; one is enough to fail.
const TROUBLES: usize = 100;

/// A part of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Act {
    /// Subscribers subscribe.
    Setup,
    /// Everybody does what they are for, while the broker is killed.
    Load,
    /// The broker is killed no more: what was begun is brought to its end.
    Drain,
    /// The broker does not come back.
    Over,
}

/// What is done to the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harm {
    /// It is killed.
    Kill,
    /// Its clients end their connections all at once, and nothing else: whatever is found then is not
    /// for want of durability.
    Cut,
}

/// A broker process, and where it listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Life {
    pub(crate) address: SocketAddr,
    number: u32,
}

/// Where the clients of a round meet.
#[derive(Debug)]
pub(crate) struct Stage {
    /// How long nothing may happen before a client gives up what it waits for.
    pub(crate) patience: Duration,
    harm: Harm,
    moments: AtomicU64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    act: Act,
    /// The broker that runs; none from just before a kill until the next one is ready.
    life: Option<Life>,
    lives: u32,
    ready: usize,
    publishing: usize,
    troubles: Vec<Finding>,
}

impl Stage {
    /// A stage on which that many publish.
    pub(crate) fn new(harm: Harm, patience: Duration, publishers: usize) -> Self {
        Self {
            patience,
            harm,
            moments: AtomicU64::new(1),
            state: Mutex::new(State {
                act: Act::Setup,
                life: None,
                lives: 0,
                ready: 0,
                publishing: publishers,
                troubles: Vec::new(),
            }),
            changed: Condvar::new(),
        }
    }

    /// The next moment.
    pub(crate) fn moment(&self) -> Moment {
        self.moments.fetch_add(1, Ordering::SeqCst)
    }

    /// What is to be done now.
    pub(crate) fn act(&self) -> Act {
        self.state().act
    }

    pub(crate) fn begin(&self, act: Act) {
        self.change(|state| state.act = act);
    }

    /// Waits until that act, or a later one, has begun.
    pub(crate) fn wait_for(&self, act: Act) {
        drop(self.wait(None, |state| state.act >= act));
    }

    /// Waits that long, or until another act begins.
    pub(crate) fn rest(&self, length: Duration) {
        let act = self.act();
        drop(self.wait(Some(length), |state| state.act != act));
    }

    pub(crate) fn broker_is_up(&self, address: SocketAddr) {
        self.change(|state| {
            state.lives += 1;
            state.life = Some(Life {
                address,
                number: state.lives,
            });
        });
    }

    /// To be told before the kill: whose connection ends afterwards knows why.
    pub(crate) fn broker_goes_down(&self) {
        self.change(|state| state.life = None);
    }

    /// Waits for a broker; `None` when there will be none.
    pub(crate) fn broker(&self) -> Option<Life> {
        let state = self.wait(None, |state| state.life.is_some() || state.act == Act::Over);
        state.life.filter(|_| state.act != Act::Over)
    }

    /// Whether nobody has killed that one.
    pub(crate) fn lives(&self, life: Life) -> bool {
        self.state().life == Some(life)
    }

    /// Whether a client has to end its connection by itself, since a broker that lives does not.
    pub(crate) fn is_cut(&self, life: Life) -> bool {
        self.harm == Harm::Cut && !self.lives(life)
    }

    /// Whether the broker at the other end is dead.
    pub(crate) fn is_killed(&self, life: Life) -> bool {
        self.harm == Harm::Kill && !self.lives(life)
    }

    /// A subscriber has all its subscriptions.
    pub(crate) fn ready(&self) {
        self.change(|state| state.ready += 1);
    }

    /// Whether that many subscribers become ready.
    pub(crate) fn are_ready(&self, count: usize) -> bool {
        self.wait(Some(PATIENCE), |state| state.ready >= count)
            .ready
            >= count
    }

    /// A publisher has come to its end.
    pub(crate) fn has_published(&self) {
        self.change(|state| state.publishing -= 1);
    }

    /// Whether all publishers have come to their end.
    pub(crate) fn is_all_published(&self) -> bool {
        self.state().publishing == 0
    }

    /// Notes what a client has found by itself.
    pub(crate) fn trouble(&self, finding: Finding) {
        let mut state = self.state();
        if state.troubles.len() < TROUBLES {
            state.troubles.push(finding);
        }
    }

    /// All that was noted.
    pub(crate) fn troubles(&self) -> Vec<Finding> {
        self.state().troubles.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changed.notify_all();
    }

    fn wait(
        &self,
        limit: Option<Duration>,
        holds: impl Fn(&State) -> bool,
    ) -> MutexGuard<'_, State> {
        let deadline = limit.map(|limit| clock::now() + limit);
        let mut state = self.state();
        while !holds(&state) {
            // Without a deadline the round itself ends the wait, in its last act.
            let left = deadline.map_or(PATIENCE, clock::until);
            if left.is_zero() {
                break;
            }
            state = self
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        state
    }
}
