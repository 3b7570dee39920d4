//! A queue of which a part is damaged, where that is accepted: what is not is still delivered.

use std::ops::ControlFlow;

use castmq_rules::session::{Restored, StoredQueue};

use crate::around::{Seen, scan_around};
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
    scan_around(store, Space::Queue, &from, until.as_deref(), &mut |seen| {
        if let Seen::Row(key, _) = seen
            && let Some((_, number)) = space::split_queued(key)
        {
            first.get_or_insert(number);
            last = number;
            len += 1;
        }
        ControlFlow::Continue(())
    })?;
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
