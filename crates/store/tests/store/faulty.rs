//! A store whose disk fails now and then.

use std::sync::Arc;
use std::sync::Mutex;

use castmq_store::{Durability, Row, Space, Store, StoreError, Visit, Write};

use crate::world::Chance;

/// What happens to a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing of it is written.
    Refused,
    /// It is written, and yet it is said to have failed.
    Unsure,
}

/// Wraps a store; after a fault nothing is committed before it is opened anew, as with fjall.
#[derive(Debug)]
pub(crate) struct FaultyStore {
    inner: Arc<dyn Store>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    chance: Chance,
    /// One commit, sync or opening in so many fails; 0 for none.
    one_in: usize,
    /// The next commit meets this.
    next: Option<Fault>,
    /// So many times it cannot be opened.
    closed_for: usize,
    is_poisoned: bool,
    commits: usize,
}

impl FaultyStore {
    pub(crate) fn new(inner: Arc<dyn Store>, seed: u64) -> Self {
        Self {
            inner,
            state: Mutex::new(State {
                chance: Chance::new(seed),
                one_in: 0,
                next: None,
                closed_for: 0,
                is_poisoned: false,
                commits: 0,
            }),
        }
    }

    /// From now on one in so many fails; 0 for none.
    pub(crate) fn fail_one_in(&self, times: usize) {
        self.state.lock().unwrap().one_in = times;
    }

    pub(crate) fn fail_next(&self, fault: Fault, closed_for: usize) {
        let mut state = self.state.lock().unwrap();
        state.next = Some(fault);
        state.closed_for = closed_for;
    }

    /// How many commits the store below has had.
    pub(crate) fn commits(&self) -> usize {
        self.state.lock().unwrap().commits
    }
}

impl State {
    fn fails(&mut self) -> bool {
        self.one_in > 0 && self.chance.one_in(self.one_in)
    }

    fn fault(&mut self) -> Option<Fault> {
        if let Some(fault) = self.next.take() {
            return Some(fault);
        }
        if !self.fails() {
            return None;
        }
        self.closed_for = self.chance.below(3);
        if self.chance.one_in(2) {
            Some(Fault::Refused)
        } else {
            Some(Fault::Unsure)
        }
    }
}

fn broken() -> StoreError {
    StoreError::Engine {
        doing: "commit",
        message: "No space left on device".to_owned(),
    }
}

impl Store for FaultyStore {
    fn commit(&self, writes: &[Write], durability: Durability) -> Result<(), StoreError> {
        let mut state = self.state.lock().unwrap();
        if state.is_poisoned {
            return Err(broken());
        }
        let fault = state.fault();
        state.is_poisoned = fault.is_some();
        if fault != Some(Fault::Refused) {
            state.commits += 1;
            self.inner.commit(writes, durability)?;
        }
        fault.map_or(Ok(()), |_| Err(broken()))
    }

    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.get(space, key)
    }

    fn scan(
        &self,
        space: Space,
        from: &[u8],
        until: Option<&[u8]>,
        visit: Visit<'_>,
    ) -> Result<(), StoreError> {
        self.inner.scan(space, from, until, visit)
    }

    fn last(
        &self,
        space: Space,
        from: &[u8],
        until: Option<&[u8]>,
    ) -> Result<Option<Row>, StoreError> {
        self.inner.last(space, from, until)
    }

    fn sync(&self) -> Result<(), StoreError> {
        let mut state = self.state.lock().unwrap();
        if state.is_poisoned || state.fails() {
            state.is_poisoned = true;
            return Err(broken());
        }
        self.inner.sync()
    }

    fn compact(&self, space: Space) -> Result<(), StoreError> {
        self.inner.compact(space)
    }

    fn reopen(&self) -> Result<(), StoreError> {
        let mut state = self.state.lock().unwrap();
        if state.closed_for > 0 {
            state.closed_for -= 1;
            return Err(broken());
        }
        state.is_poisoned = false;
        self.inner.reopen()
    }

    fn close(&self) {
        self.inner.close();
    }

    fn disk_bytes(&self) -> Result<u64, StoreError> {
        self.inner.disk_bytes()
    }
}
