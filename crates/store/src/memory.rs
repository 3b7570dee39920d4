//! The store in memory, for tests and simulations: it can crash, and knows what a disk would have.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::backend::{Row, Visit};
use crate::{Durability, Key, Space, Store, StoreError, Write};

/// A store that lives as long as its process.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

/// Number of the key space, and key.
type RowKey = (u8, Key);

fn row(space: Space, key: &[u8]) -> RowKey {
    (space as u8, Key::from_slice(key))
}

#[derive(Debug, Default)]
struct State {
    rows: BTreeMap<RowKey, Vec<u8>>,
    /// For each commit that a power cut may lose: what was there before.
    unsynced: Vec<Vec<Before>>,
    is_closed: bool,
}

#[derive(Debug)]
struct Before {
    row: RowKey,
    value: Option<Vec<u8>>,
}

impl MemoryStore {
    /// A store without rows.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many commits a power cut may lose.
    #[must_use]
    pub fn unsynced(&self) -> usize {
        self.state().unsynced.len()
    }

    /// A power cut: of the commits since the last sync only so many survive, the oldest ones.
    pub fn crash(&self, surviving: usize) {
        let mut state = self.state();
        while state.unsynced.len() > surviving {
            let undo = state.unsynced.pop().unwrap_or_default();
            for Before { row, value } in undo.into_iter().rev() {
                match value {
                    Some(value) => state.rows.insert(row, value),
                    None => state.rows.remove(&row),
                };
            }
        }
        state.unsynced.clear();
        state.is_closed = false;
    }

    /// How many rows there are of a kind.
    #[must_use]
    pub fn len(&self, space: Space) -> usize {
        let state = self.state();
        state.range(space, &[], None).count()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) -> Result<MutexGuard<'_, State>, StoreError> {
        let state = self.state();
        if state.is_closed {
            return Err(StoreError::Closed);
        }
        Ok(state)
    }
}

impl State {
    fn set(&mut self, row: RowKey, value: Option<Vec<u8>>) -> Before {
        let before = match value {
            Some(value) => self.rows.insert(row.clone(), value),
            None => self.rows.remove(&row),
        };
        Before { row, value: before }
    }

    fn range(
        &self,
        space: Space,
        from: &[u8],
        until: Option<&[u8]>,
    ) -> impl DoubleEndedIterator<Item = (&[u8], &[u8])> {
        let is_empty = until.is_some_and(|until| until <= from);
        let from = row(space, from);
        let until = until.map_or_else(|| (space as u8 + 1, Key::new()), |until| row(space, until));
        let rows = (!is_empty).then(|| self.rows.range(from..until));
        rows.into_iter()
            .flatten()
            .map(|((_, key), value)| (key.as_slice(), value.as_slice()))
    }
}

impl Store for MemoryStore {
    fn commit(&self, writes: &[Write], durability: Durability) -> Result<(), StoreError> {
        let mut state = self.open()?;
        let undo = writes
            .iter()
            .map(|write| match write {
                Write::Put { space, key, value } => {
                    state.set((*space as u8, key.clone()), Some(value.clone()))
                }
                Write::Delete { space, key } => state.set((*space as u8, key.clone()), None),
            })
            .collect();
        match durability {
            Durability::Handed => state.unsynced.push(undo),
            Durability::Synced => state.unsynced.clear(),
        }
        Ok(())
    }

    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let state = self.open()?;
        Ok(state.rows.get(&row(space, key)).cloned())
    }

    fn scan(
        &self,
        space: Space,
        from: &[u8],
        until: Option<&[u8]>,
        visit: Visit<'_>,
    ) -> Result<(), StoreError> {
        let state = self.open()?;
        for (key, value) in state.range(space, from, until) {
            if visit(key, value).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn last(
        &self,
        space: Space,
        from: &[u8],
        until: Option<&[u8]>,
    ) -> Result<Option<Row>, StoreError> {
        let state = self.open()?;
        let last = state.range(space, from, until).next_back();
        Ok(last.map(|(key, value)| (key.to_vec(), value.to_vec())))
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.open()?.unsynced.clear();
        Ok(())
    }

    fn compact(&self, _space: Space) -> Result<(), StoreError> {
        self.open().map(|_| ())
    }

    fn reopen(&self) -> Result<(), StoreError> {
        self.state().is_closed = false;
        Ok(())
    }

    fn close(&self) {
        self.state().is_closed = true;
    }

    fn disk_bytes(&self) -> Result<u64, StoreError> {
        Ok(0)
    }
}
