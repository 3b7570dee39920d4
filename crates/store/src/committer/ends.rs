//! Writes down where queues begin and end, so that a start need not look for it.
//!
//! That is done when nobody wants anything stored, and what is written goes with the first thing that
//! happens to the queue: a message that comes or goes costs nothing more while others do too.

use std::collections::HashSet;

use super::batch::Batch;
use crate::codec::{self, Encoder, unseal};
use crate::recovery::queue_ends;
use crate::{SessionKey, Space, Store, StoreError, Timeline, space};

/// How many queues are looked at in a slice.
const LOOKED_AT_MAX: usize = 256;

type Sessions = HashSet<SessionKey, ahash::RandomState>;

/// What is written down, and what is not.
#[derive(Debug, Default)]
pub(super) struct Ends {
    written: Sessions,
    unwritten: Sessions,
}

impl Ends {
    pub(super) fn new(
        written: impl IntoIterator<Item = SessionKey>,
        unwritten: impl IntoIterator<Item = SessionKey>,
    ) -> Self {
        Self {
            written: written.into_iter().collect(),
            unwritten: unwritten.into_iter().collect(),
        }
    }

    /// Something happens to the queue of the session.
    pub(super) fn touch(&mut self, session: SessionKey, batch: &mut Batch) {
        if self.unwritten.insert(session) && self.written.remove(&session) {
            batch.delete(Space::Ends, space::session(session));
        }
    }

    /// The session is over.
    pub(super) fn forget(&mut self, session: SessionKey, batch: &mut Batch) {
        self.unwritten.remove(&session);
        if self.written.remove(&session) {
            batch.delete(Space::Ends, space::session(session));
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.unwritten.is_empty()
    }

    /// The next slice. Everything handed out before is committed.
    pub(super) fn slice(
        &mut self,
        store: &dyn Store,
        timeline: Timeline,
    ) -> Result<Batch, StoreError> {
        let mut batch = Batch::default();
        let some: Vec<_> = self.unwritten.iter().copied().take(LOOKED_AT_MAX).collect();
        for session in some {
            let is_written = match look(store, timeline, session) {
                Ok(Some(to)) => {
                    let key = space::session(session);
                    let value = to.seal(Space::Ends, &key);
                    batch.put(Space::Ends, key, value);
                    true
                }
                // It is not there, or what is damaged shows at the next start.
                Ok(None) | Err(StoreError::Damaged { .. } | StoreError::DamagedBlock { .. }) => {
                    false
                }
                Err(error) => return Err(error),
            };
            self.unwritten.remove(&session);
            if is_written {
                self.written.insert(session);
            }
        }
        Ok(batch)
    }
}

/// The value of a session's row; `None` when there is no such session.
fn look(
    store: &dyn Store,
    timeline: Timeline,
    session: SessionKey,
) -> Result<Option<Encoder>, StoreError> {
    let key = space::session(session);
    let Some(value) = store.get(Space::Sessions, &key)? else {
        return Ok(None);
    };
    let row = (Space::Sessions, key.as_slice());
    let record = unseal(row, &value, timeline, codec::session::decode)?;
    let ends = queue_ends(store, session, record.first, timeline)?;
    let mut to = Encoder::new(timeline, codec::ends::CAPACITY);
    codec::ends::encode(ends, &mut to);
    Ok(Some(to))
}
