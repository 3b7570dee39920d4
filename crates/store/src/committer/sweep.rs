//! What is done between commits, a slice at a time: rows of ended sessions go, references to the
//! bodies of earlier runs are counted, bodies without one go.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::ops::ControlFlow;

use castmq_rules::MessageId;

use super::batch::Batch;
use super::bodies::{Bodies, Recount};
use super::group::release;
use crate::around::{Seen, scan_around};
use crate::codec::{self, queue, unseal};
use crate::{Key, SessionKey, Space, Store, StoreError, Timeline, space};

/// How many rows of ended sessions are deleted in a slice.
const DELETED_MAX: usize = 512;

/// How many rows are counted in a slice.
const COUNTED_MAX: usize = 2048;

/// Sessions that are over and still have rows, and what is known for finding more of them.
#[derive(Debug)]
pub(super) struct Sweep {
    ended: VecDeque<Ended>,
    known: HashSet<SessionKey, ahash::RandomState>,
    /// The sessions that earlier runs left, each with the number below which no message waits, until
    /// their queues are counted.
    living: BTreeMap<SessionKey, u64>,
    /// Keys from here on are of this run.
    run_base: SessionKey,
    /// Retained messages that were over at the start.
    over: Vec<Key>,
}

#[derive(Debug)]
struct Ended {
    session: SessionKey,
    /// Rows of its queue before this one are gone.
    from: Key,
}

/// What a slice has done.
#[derive(Debug, Default)]
pub(super) struct Slice {
    pub(super) batch: Batch,
    pub(super) swept: usize,
    /// Rows of queues that were counted.
    pub(super) counted: usize,
}

impl Sweep {
    pub(super) fn new(
        run_base: SessionKey,
        living: BTreeMap<SessionKey, u64>,
        over: Vec<Key>,
    ) -> Self {
        Self {
            ended: VecDeque::new(),
            known: HashSet::default(),
            living,
            run_base,
            over,
        }
    }

    /// The session is over.
    pub(super) fn add(&mut self, session: SessionKey) {
        self.living.remove(&session);
        if self.known.insert(session) {
            self.ended.push_back(Ended {
                session,
                from: space::session(session),
            });
        }
    }

    pub(super) fn is_done(&self, bodies: &Bodies) -> bool {
        let is_counted = matches!(bodies.recount(), Recount::Done);
        self.ended.is_empty() && self.over.is_empty() && is_counted
    }

    /// The next slice. Everything handed out before is committed.
    pub(super) fn slice(
        &mut self,
        store: &dyn Store,
        timeline: Timeline,
        bodies: &mut Bodies,
    ) -> Result<Slice, StoreError> {
        let mut slice = Slice::default();
        if !self.over.is_empty() {
            self.sweep_over(store, timeline, &mut slice)?;
        } else if !self.ended.is_empty() {
            self.sweep_ended(store, timeline, bodies, &mut slice)?;
        } else {
            match bodies.recount() {
                Recount::Queues(from) => {
                    let from = from.clone();
                    self.count(store, timeline, bodies, (&from, &mut slice))?;
                }
                Recount::Bodies(from) => {
                    let from = from.clone();
                    sweep_bodies(store, bodies, &from, &mut slice)?;
                }
                Recount::Done => {}
            }
        }
        Ok(slice)
    }

    /// Deletes retained messages that were over at the start, unless there are newer ones by now.
    fn sweep_over(
        &mut self,
        store: &dyn Store,
        timeline: Timeline,
        slice: &mut Slice,
    ) -> Result<(), StoreError> {
        let rest = self.over.len().saturating_sub(DELETED_MAX);
        for key in self.over.get(rest..).unwrap_or_default() {
            let Some(value) = store.get(Space::Retained, key)? else {
                continue;
            };
            let row = (Space::Retained, key.as_slice());
            let read = unseal(row, &value, timeline, codec::retained::decode);
            let start = castmq_rules::Moment::default();
            if read.is_ok_and(|(message, ends)| {
                ends.is_some_and(|ends| ends <= start) || message.is_expired(start)
            }) {
                slice.batch.delete(Space::Retained, key.clone());
                slice.swept += 1;
            }
        }
        self.over.truncate(rest);
        Ok(())
    }

    fn sweep_ended(
        &mut self,
        store: &dyn Store,
        timeline: Timeline,
        bodies: &mut Bodies,
        slice: &mut Slice,
    ) -> Result<(), StoreError> {
        let Some(ended) = self.ended.front_mut() else {
            return Ok(());
        };
        let first = space::session(ended.session);
        let until = space::behind(ended.session);
        let mut found = Vec::new();
        let mut is_more = false;
        for space in [
            Space::Subscriptions,
            Space::Released,
            Space::Received,
            Space::Ends,
            Space::Queue,
        ] {
            let from = if space == Space::Queue {
                &ended.from
            } else {
                &first
            };
            scan_around(store, space, from, until.as_deref(), &mut |seen| {
                let Seen::Row(key, value) = seen else {
                    return ControlFlow::Continue(());
                };
                if found.len() >= DELETED_MAX {
                    is_more = true;
                    return ControlFlow::Break(());
                }
                let reference = if space == Space::Queue {
                    reference((space, key), value, timeline)
                } else {
                    None
                };
                found.push((space, Key::from_slice(key), reference));
                ControlFlow::Continue(())
            })?;
        }
        slice.swept += found.len();
        for (space, key, reference) in found {
            if space == Space::Queue {
                ended.from = key.clone();
            }
            if let Some(id) = reference {
                release(bodies, &mut slice.batch, id, &key);
            }
            slice.batch.delete(space, key);
        }
        if !is_more {
            let session = ended.session;
            slice.batch.delete(Space::Meta, codec::meta::ended(session));
            self.known.remove(&session);
            self.ended.pop_front();
        }
        Ok(())
    }

    /// Counts references from a key on; notices sessions that are none, and deletes messages that
    /// their sessions have left behind.
    fn count(
        &mut self,
        store: &dyn Store,
        timeline: Timeline,
        bodies: &mut Bodies,
        (from, slice): (&Key, &mut Slice),
    ) -> Result<(), StoreError> {
        let (mut next, mut counted, mut strays) = (None, Vec::new(), Vec::new());
        let mut seen = 0;
        scan_around(store, Space::Queue, from, None, &mut |row| {
            // Nobody gets what cannot be read, so it does not count.
            let Seen::Row(key, value) = row else {
                return ControlFlow::Continue(());
            };
            if seen >= COUNTED_MAX {
                next = Some(Key::from_slice(key));
                return ControlFlow::Break(());
            }
            seen += 1;
            match self.judge(key) {
                Verdict::Waits => counted.extend(reference((Space::Queue, key), value, timeline)),
                Verdict::LeftBehind => slice.batch.delete(Space::Queue, Key::from_slice(key)),
                Verdict::OfNobody(session) => {
                    // Counted like any other, because they are deleted like those of ended sessions.
                    counted.extend(reference((Space::Queue, key), value, timeline));
                    if strays.last() != Some(&session) {
                        strays.push(session);
                    }
                }
            }
            ControlFlow::Continue(())
        })?;
        counted.into_iter().for_each(|id| bodies.count_old(id));
        slice.counted = seen;
        let is_last = next.is_none();
        bodies.counted_until(next);
        strays.into_iter().for_each(|session| self.add(session));
        if is_last {
            self.living.clear();
        }
        Ok(())
    }

    fn judge(&self, key: &[u8]) -> Verdict {
        let Some((session, number)) = space::split_queued(key) else {
            return Verdict::LeftBehind;
        };
        if session >= self.run_base || self.known.contains(&session) {
            return Verdict::Waits;
        }
        match self.living.get(&session) {
            Some(first) if number < *first => Verdict::LeftBehind,
            Some(_) => Verdict::Waits,
            None => Verdict::OfNobody(session),
        }
    }
}

/// Whether somebody waits for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Waits,
    LeftBehind,
    OfNobody(SessionKey),
}

/// The body that a row of a queue refers to, as far as it can be read.
fn reference(row: (Space, &[u8]), value: &[u8], timeline: Timeline) -> Option<MessageId> {
    unseal(row, value, timeline, queue::decode_reference).ok()?
}

fn sweep_bodies(
    store: &dyn Store,
    bodies: &mut Bodies,
    from: &Key,
    slice: &mut Slice,
) -> Result<(), StoreError> {
    let (mut next, mut seen) = (None, 0);
    scan_around(store, Space::Bodies, from, None, &mut |row| {
        let Seen::Row(key, _) = row else {
            return ControlFlow::Continue(());
        };
        if seen >= COUNTED_MAX {
            next = Some(Key::from_slice(key));
            return ControlFlow::Break(());
        }
        seen += 1;
        if space::split_body(key).is_some_and(|id| bodies.is_orphan(MessageId(id))) {
            slice.batch.delete(Space::Bodies, Key::from_slice(key));
            slice.swept += 1;
        }
        ControlFlow::Continue(())
    })?;
    bodies.swept_until(next);
    Ok(())
}
