//! A queue of which a part is damaged, where that is accepted: what is not is still delivered.

use std::ops::ControlFlow;

use castmq_rules::session::{Restored, StoredQueue};

use crate::{SessionKey, Space, Store, StoreError, space};

/// Makes do without the ends of a queue: one of them is damaged. What is not is still delivered.
pub(super) fn unknown_queue(
    store: &dyn Store,
    session: SessionKey,
    restored: &mut Restored,
) -> Result<(), StoreError> {
    let from = space::queued(session, restored.record.first);
    let until = space::behind(session);
    let (mut first, mut last, mut len) = (None, 0, 0);
    let scanned = store.scan(Space::Queue, &from, until.as_deref(), &mut |key, _| {
        if let Some((_, number)) = space::split_queued(key) {
            first.get_or_insert(number);
            last = number;
            len += 1;
        }
        ControlFlow::Continue(())
    });
    match scanned {
        Err(StoreError::DamagedBlock { .. }) => {
            // How many there are behind the damage is not known, but up to which number.
            first.get_or_insert(restored.record.first);
            last = last_behind_damage(store, session, last.max(restored.record.first))?;
            let most = (last - first.unwrap_or(last)).saturating_add(1);
            len = usize::try_from(most).unwrap_or(usize::MAX);
        }
        scanned => scanned?,
    }
    let record = &mut restored.record;
    record.next = record.next.max(last.saturating_add(1));
    restored.queue = StoredQueue {
        first: first.unwrap_or(record.next),
        next: record.next,
        len,
        bytes: 0,
    };
    Ok(())
}

/// How many numbers without a message are tried before it is taken that there are no more.
const MISSES_MAX: u64 = 65_536;

/// The last number of a queue that cannot be read in a row from `seen` on.
fn last_behind_damage(
    store: &dyn Store,
    session: SessionKey,
    seen: u64,
) -> Result<u64, StoreError> {
    let from = space::queued(session, seen);
    let until = space::behind(session);
    match store.last(Space::Queue, &from, until.as_deref()) {
        Err(StoreError::DamagedBlock { .. }) => {}
        last => {
            let number = last?.and_then(|(key, _)| space::split_queued(&key));
            return Ok(number.map_or(seen, |(_, number)| number));
        }
    }
    let mut last = seen;
    let mut number = seen;
    while number - last < MISSES_MAX {
        number += 1;
        if store
            .get(Space::Queue, &space::queued(session, number))?
            .is_some()
        {
            last = number;
        }
    }
    Ok(last)
}
