//! Where the queue of each session begins and ends.
//!
//! For most that is written down, from a time when nothing happened to them. If it is not for many, all
//! queues are read in one go, which is by far the quickest way to the next one as long as they are short;
//! what is longer is jumped over.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use castmq_rules::session::{Restored, StoredQueue};

use super::{Sessions, split};
use crate::codec::ends::{End, QueueEnds};
use crate::codec::{queue, unseal};
use crate::{Damage, Key, SessionKey, Space, Store, StoreError, Timeline, space};

/// How many rows of a queue are read one after the other: about what a jump costs.
const READ_MAX: u32 = 24;

/// Up to one in so many queues is searched for by itself, which takes about so many times as long.
const FEW: usize = 8;

/// How many sessions are done between two reports.
const REPORT_EVERY: usize = 1024;

/// Finds the ends of all queues.
pub(super) struct Queues<'store, 'sessions> {
    store: &'store dyn Store,
    timeline: Timeline,
    sessions: &'sessions mut Sessions,
    /// The queue that is being read.
    current: Option<Current>,
    /// Its last row so far, which is looked into only if it is the last.
    last: (Key, Vec<u8>),
    damaged: BTreeMap<SessionKey, StoreError>,
    done: usize,
}

#[derive(Debug)]
struct Current {
    session: SessionKey,
    /// No message with a lower number waits.
    from: u64,
    first: Option<End>,
    read: u32,
}

impl<'store, 'sessions> Queues<'store, 'sessions> {
    pub(super) fn new(
        store: &'store dyn Store,
        timeline: Timeline,
        sessions: &'sessions mut Sessions,
    ) -> Self {
        Self {
            store,
            timeline,
            sessions,
            current: None,
            last: (Key::new(), Vec::new()),
            damaged: BTreeMap::new(),
            done: 0,
        }
    }

    /// Finds the ends of the queues of some sessions: of these, and of others if that is quicker.
    pub(super) fn run(
        &mut self,
        unknown: &BTreeSet<SessionKey>,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<(), StoreError> {
        if unknown.len() <= self.sessions.len() / FEW {
            return self.search(unknown);
        }
        match self.read(progress) {
            // Who reads in a row gets no further: each queue by itself shows which ones are concerned.
            Err(StoreError::DamagedBlock { .. }) => {
                self.current = None;
                let all = self.sessions.keys().copied().collect();
                self.search(&all)
            }
            read => read,
        }
    }

    /// Searches for the ends of each queue.
    fn search(&mut self, unknown: &BTreeSet<SessionKey>) -> Result<(), StoreError> {
        for session in unknown {
            let Some(restored) = self.sessions.get_mut(session) else {
                continue;
            };
            let first = restored.record.first;
            match queue_ends(self.store, *session, first, self.timeline) {
                Ok(ends) => ends.apply(restored),
                Err(error @ StoreError::Damaged { .. }) => {
                    self.damaged.insert(*session, error);
                }
                Err(StoreError::DamagedBlock { .. }) => {
                    let queue = space::session(*session);
                    let error = StoreError::damaged(Space::Queue, &queue, Damage::Block);
                    self.damaged.insert(*session, error);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads all queues.
    fn read(&mut self, progress: &mut dyn FnMut(usize, usize)) -> Result<(), StoreError> {
        let mut from = Some(Key::new());
        while let Some(begin) = from.take() {
            let mut jump = None;
            let store = self.store;
            store.scan(Space::Queue, &begin, None, &mut |key, value| {
                if self.done % REPORT_EVERY == REPORT_EVERY - 1 {
                    progress(self.done, self.sessions.len());
                }
                match self.take(key, value) {
                    ControlFlow::Continue(()) => ControlFlow::Continue(()),
                    ControlFlow::Break(session) => {
                        jump = Some(session);
                        ControlFlow::Break(())
                    }
                }
            })?;
            if let Some(session) = jump {
                self.jump(session)?;
                from = space::behind(session);
            }
        }
        self.finish();
        Ok(())
    }

    /// The queues that could not be read.
    pub(super) fn into_damaged(self) -> BTreeMap<SessionKey, StoreError> {
        self.damaged
    }

    /// A row. The answer names a session of which no more is to be read row by row.
    fn take(&mut self, key: &[u8], value: &[u8]) -> ControlFlow<SessionKey> {
        let Some((session, number)) = space::split_queued(key) else {
            return ControlFlow::Continue(());
        };
        if self
            .current
            .as_ref()
            .is_none_or(|now| now.session != session)
        {
            self.finish();
            let Some(restored) = self.sessions.get(&session) else {
                return ControlFlow::Break(session);
            };
            self.current = Some(Current {
                session,
                from: restored.record.first,
                first: None,
                read: 0,
            });
        }
        let Some(current) = &mut self.current else {
            return ControlFlow::Continue(());
        };
        current.read += 1;
        if number >= current.from {
            if current.first.is_none() {
                match queue_end(key, value, self.timeline) {
                    Ok(first) => current.first = Some(first),
                    Err(error) => {
                        self.damaged.entry(session).or_insert(error);
                    }
                }
            }
            self.last.0.clear();
            self.last.0.extend_from_slice(key);
            self.last.1.clear();
            self.last.1.extend_from_slice(value);
        }
        if current.read < READ_MAX {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(session)
        }
    }

    /// Finds the end of a queue of which a part has been read.
    fn jump(&mut self, session: SessionKey) -> Result<(), StoreError> {
        let until = space::behind(session);
        let from = self.last.0.clone();
        if self.current.is_some()
            && let Some((key, value)) = self.store.last(Space::Queue, &from, until.as_deref())?
        {
            self.last = (Key::from_vec(key), value);
        }
        self.finish();
        Ok(())
    }

    fn finish(&mut self) {
        let Some(current) = self.current.take() else {
            return;
        };
        let Some(restored) = self.sessions.get_mut(&current.session) else {
            return;
        };
        self.done += 1;
        let Some(first) = current.first else {
            return;
        };
        match queue_end(&self.last.0, &self.last.1, self.timeline) {
            Ok(last) => QueueEnds(Some((first, last))).apply(restored),
            Err(error) => {
                self.damaged.entry(current.session).or_insert(error);
            }
        }
    }
}

/// The ends of one queue, from a number on.
pub(crate) fn queue_ends(
    store: &dyn Store,
    session: SessionKey,
    first: u64,
    timeline: Timeline,
) -> Result<QueueEnds, StoreError> {
    let from = space::queued(session, first);
    let until = space::behind(session);
    let mut head = None;
    store.scan(Space::Queue, &from, until.as_deref(), &mut |key, value| {
        head = Some(queue_end(key, value, timeline));
        ControlFlow::Break(())
    })?;
    let Some(head) = head.transpose()? else {
        return Ok(QueueEnds(None));
    };
    // Two rows at most are read of each queue, and their messages are not taken apart.
    let from = space::queued(session, head.number);
    let last = store.last(Space::Queue, &from, until.as_deref())?;
    let last = last
        .map(|(key, value)| queue_end(&key, &value, timeline))
        .transpose()?
        .unwrap_or(head);
    Ok(QueueEnds(Some((head, last))))
}

fn queue_end(key: &[u8], value: &[u8], timeline: Timeline) -> Result<End, StoreError> {
    let (weight_sum, weight) = unseal((Space::Queue, key), value, timeline, queue::decode_weight)?;
    let (_, number) = split(Space::Queue, key, space::split_queued)?;
    Ok(End {
        number,
        weight,
        weight_sum,
    })
}

impl QueueEnds {
    /// Tells the session of its queue.
    pub(crate) fn apply(self, restored: &mut Restored) {
        let record = &mut restored.record;
        let Some((first, last)) = self.0 else {
            restored.queue = StoredQueue {
                first: record.next,
                next: record.next,
                len: 0,
                bytes: 0,
            };
            return;
        };
        record.next = record.next.max(last.number.saturating_add(1));
        record.weight_sum = record.weight_sum.max(last.weight_sum);
        let bytes = last
            .weight_sum
            .saturating_sub(first.weight_sum)
            .saturating_add(first.weight);
        let len = (last.number - first.number).saturating_add(1);
        restored.queue = StoredQueue {
            first: first.number,
            next: record.next,
            len: usize::try_from(len).unwrap_or(usize::MAX),
            bytes: usize::try_from(bytes).unwrap_or(usize::MAX),
        };
    }
}
