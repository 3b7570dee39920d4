//! A disk that stops, or fails, when a test wants it to.

use std::ops::ControlFlow;
use std::sync::{Arc, Condvar, Mutex};

use castmq_store::{Durability, MemoryStore, Row, Space, Store, StoreError, Write};

/// Rows in memory, behind a disk that obeys.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    rows: MemoryStore,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    is_held: bool,
    is_failing: bool,
}

impl Disk {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// From now on no commit ends, until the disk goes on.
    pub(crate) fn hold(&self) {
        self.state.lock().unwrap().is_held = true;
    }

    pub(crate) fn go_on(&self) {
        self.state.lock().unwrap().is_held = false;
        self.changed.notify_all();
    }

    /// From now on each commit fails, until the disk is mended.
    pub(crate) fn fail(&self) {
        self.state.lock().unwrap().is_failing = true;
    }

    pub(crate) fn mend(&self) {
        self.state.lock().unwrap().is_failing = false;
    }

    /// Rows of a kind.
    pub(crate) fn len(&self, space: Space) -> usize {
        self.rows.len(space)
    }

    fn pass(&self) -> Result<(), StoreError> {
        let state = self.state.lock().unwrap();
        let state = self
            .changed
            .wait_while(state, |state| state.is_held)
            .unwrap();
        if state.is_failing {
            return Err(StoreError::Engine {
                doing: "commit",
                message: "no space left on device".to_owned(),
            });
        }
        Ok(())
    }
}

impl Store for Disk {
    fn commit(&self, writes: &[Write], durability: Durability) -> Result<(), StoreError> {
        self.pass()?;
        self.rows.commit(writes, durability)
    }

    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.rows.get(space, key)
    }

    fn scan(
        &self,
        space: Space,
        from: &[u8],
        until: Option<&[u8]>,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        self.rows.scan(space, from, until, visit)
    }

    fn last(
        &self,
        space: Space,
        from: &[u8],
        until: Option<&[u8]>,
    ) -> Result<Option<Row>, StoreError> {
        self.rows.last(space, from, until)
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.pass()
    }

    fn compact(&self, space: Space) -> Result<(), StoreError> {
        self.rows.compact(space)
    }

    fn reopen(&self) -> Result<(), StoreError> {
        self.rows.reopen()
    }

    fn close(&self) {
        self.rows.close();
    }

    fn disk_bytes(&self) -> Result<u64, StoreError> {
        self.rows.disk_bytes()
    }
}
