//! What the store gives back at a start: sessions with how much waits for each, and what is retained.
//!
//! Sessions and what belongs to each are read once, in order; of a long queue only its beginning and its
//! end. So a start takes its time from the sessions, however much waits for them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use castmq_mqtt::{PacketId, Subscription};
use castmq_rules::session::{Record, Restored, StoredQueue, SubscriptionEntry};
use castmq_rules::{ClientId, Message, Moment};

use crate::around::{Seen, scan_around};
use crate::codec::ends::QueueEnds;
use crate::codec::{self, retained, unseal};
use crate::{Account, Damage, Key, SessionKey, Space, Store, StoreError, Timeline, space};

mod damaged_queue;
mod queues;

use damaged_queue::unknown_queue;
use queues::Queues;
pub(crate) use queues::queue_ends;

/// What the store gives back at a start.
#[derive(Debug)]
pub struct Recovered {
    /// The number of this run of the broker. Session keys and message ids of this run begin at
    /// `run << RUN_SHIFT`; see [`crate::RUN_SHIFT`].
    pub run: u64,
    /// What ties moments to the wall clock.
    pub timeline: Timeline,
    /// All sessions.
    pub sessions: Vec<(SessionKey, Restored)>,
    /// Users, and the rules.
    pub accounts: Vec<(Account, String)>,
    /// All retained messages, with the moment at which each is retained no longer.
    pub retained: Vec<(Arc<Message>, Option<Moment>)>,
    /// The highest version of a retained message that was ever stored.
    pub retained_version: u64,
    /// The highest epoch of a session.
    pub epoch_max: u64,
    /// What is missing, if something is and that was accepted.
    pub lost: Option<Lost>,
}

/// What is missing although it was acknowledged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Commits behind the last one that came back.
    pub commits: u64,
    /// Rows that were damaged and are left out, the first ones by name.
    pub rows: Vec<String>,
    /// How many rows that are.
    pub rows_len: u64,
}

/// How far reading has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Since when it goes on, until now.
    pub took: std::time::Duration,
    /// Sessions of which everything has been read.
    pub sessions: usize,
    /// Sessions in all.
    pub sessions_all: usize,
}

/// How many damaged rows are named.
const NAMED_MAX: usize = 16;

impl Lost {
    /// Whether nothing is missing.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    fn row(&mut self, error: &StoreError) {
        self.rows_len += 1;
        if self.rows.len() < NAMED_MAX {
            self.rows.push(error.to_string());
        }
    }
}

/// What was read, and what it tells the committer.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub(crate) sessions: Vec<(SessionKey, Restored)>,
    pub(crate) accounts: Vec<(Account, String)>,
    pub(crate) retained: Vec<(Arc<Message>, Option<Moment>)>,
    /// Retained messages that are over.
    pub(crate) over: Vec<Key>,
    /// Damaged rows that are given up.
    pub(crate) damaged: Vec<(Space, Key)>,
    /// Sessions of a client id that has a newer one.
    pub(crate) superseded: Vec<SessionKey>,
    /// Sessions that have rows and are no sessions.
    pub(crate) orphaned: Vec<SessionKey>,
    /// Sessions of which it is not written down where their queues begin and end.
    pub(crate) ends_unwritten: BTreeSet<SessionKey>,
    pub(crate) lost: Lost,
}

/// Reads everything that a start needs.
pub(crate) struct Reading<'store> {
    store: &'store dyn Store,
    timeline: Timeline,
    accepts_loss: bool,
    contents: Contents,
}

/// What belongs to a session, without its queue.
type Sessions = BTreeMap<SessionKey, Restored>;

impl<'store> Reading<'store> {
    pub(crate) fn new(store: &'store dyn Store, timeline: Timeline, accepts_loss: bool) -> Self {
        Self {
            store,
            timeline,
            accepts_loss,
            contents: Contents::default(),
        }
    }

    /// Reads it. The callback hears how many sessions of how many are done.
    pub(crate) fn run(
        mut self,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Contents, StoreError> {
        let mut sessions = self.records()?;
        self.subscriptions(&mut sessions)?;
        self.released(&mut sessions)?;
        self.received(&mut sessions)?;
        self.retained()?;
        self.accounts()?;
        let unknown = self.ends(&mut sessions)?;
        let mut queues = Queues::new(self.store, self.timeline, &mut sessions);
        queues.run(&unknown, progress)?;
        for (session, damage) in queues.into_damaged() {
            let key = space::session(session);
            let nothing: Option<()> = self.accept((Space::Queue, &key), Err(damage))?;
            if nothing.is_none()
                && let Some(restored) = sessions.get_mut(&session)
            {
                unknown_queue(self.store, session, restored)?;
            }
        }
        self.contents.sessions = sessions.into_iter().collect();
        self.contents.ends_unwritten = unknown;
        self.contents.orphaned.sort_unstable();
        self.contents.orphaned.dedup();
        Ok(self.contents)
    }

    fn records(&mut self) -> Result<Sessions, StoreError> {
        let mut sessions = Sessions::new();
        let mut newest: BTreeMap<ClientId, SessionKey> = BTreeMap::new();
        self.each(Space::Sessions, |reading, key, value| {
            let row = (Space::Sessions, key);
            let record = unseal(row, value, reading.timeline, codec::session::decode)?;
            let session = split(Space::Sessions, key, space::split_session)?.0;
            if let Some(older) = newest.insert(record.client_id.clone(), session) {
                sessions.remove(&older);
                reading.contents.superseded.push(older);
            }
            sessions.insert(session, bare(record));
            Ok(())
        })?;
        Ok(sessions)
    }

    fn subscriptions(&mut self, sessions: &mut Sessions) -> Result<(), StoreError> {
        self.each(Space::Subscriptions, |reading, key, value| {
            let (session, subscription) = read_subscription(key, value, reading.timeline)?;
            match sessions.get_mut(&session) {
                Some(restored) => restored.subscriptions.push(subscription),
                None => reading.orphan(session),
            }
            Ok(())
        })
    }

    fn released(&mut self, sessions: &mut Sessions) -> Result<(), StoreError> {
        self.each(Space::Released, |reading, key, value| {
            let (session, released) = read_released(key, value, reading.timeline)?;
            match sessions.get_mut(&session) {
                Some(restored) => restored.released.push(released),
                None => reading.orphan(session),
            }
            Ok(())
        })?;
        for restored in sessions.values_mut() {
            restored.released.sort_unstable();
        }
        Ok(())
    }

    fn received(&mut self, sessions: &mut Sessions) -> Result<(), StoreError> {
        self.each(Space::Received, |reading, key, value| {
            let (session, id) = read_received(key, value, reading.timeline)?;
            match sessions.get_mut(&session) {
                Some(restored) => restored.received.push(id),
                None => reading.orphan(session),
            }
            Ok(())
        })
    }

    /// What is written down of the ends of queues; the answer is of which nothing is.
    fn ends(&mut self, sessions: &mut Sessions) -> Result<BTreeSet<SessionKey>, StoreError> {
        let mut unknown = BTreeSet::new();
        for (session, restored) in sessions.iter_mut() {
            QueueEnds(None).apply(restored);
            unknown.insert(*session);
        }
        self.each(Space::Ends, |reading, key, value| {
            let row = (Space::Ends, key);
            let ends = unseal(row, value, reading.timeline, codec::ends::decode)?;
            let session = split(Space::Ends, key, space::split_session)?.0;
            let Some(restored) = sessions.get_mut(&session) else {
                reading.orphan(session);
                return Ok(());
            };
            let least = restored.record.first;
            if ends.0.is_none_or(|(first, _)| first.number >= least) {
                ends.apply(restored);
                unknown.remove(&session);
            }
            Ok(())
        })?;
        Ok(unknown)
    }

    fn retained(&mut self) -> Result<(), StoreError> {
        self.each(Space::Retained, |reading, key, value| {
            let row = (Space::Retained, key);
            let (message, ends) = unseal(row, value, reading.timeline, retained::decode)?;
            let start = Moment::default();
            if ends.is_some_and(|ends| ends <= start) || message.is_expired(start) {
                reading.contents.over.push(Key::from_slice(key));
            } else {
                reading.contents.retained.push((Arc::new(message), ends));
            }
            Ok(())
        })
    }

    fn accounts(&mut self) -> Result<(), StoreError> {
        self.each(Space::Users, |reading, key, value| {
            let row = (Space::Users, key);
            let text = unseal(row, value, reading.timeline, codec::account::decode)?;
            let account = split(Space::Users, key, codec::account::of_key)?;
            reading.contents.accounts.push((account, text));
            Ok(())
        })
    }

    /// Reads all rows of a kind; a damaged one ends it, or is given up.
    fn each(
        &mut self,
        space: Space,
        mut read: impl FnMut(&mut Self, &[u8], &[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut result = Ok(());
        let store = self.store;
        scan_around(store, space, &[], None, &mut |seen| {
            let row = match seen {
                Seen::Row(key, value) => {
                    let row = read(self, key, value);
                    self.accept((space, key), row).map(drop)
                }
                Seen::Gap(key) => self.pass(StoreError::damaged(space, key, Damage::Block)),
            };
            match row {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    result = Err(error);
                    ControlFlow::Break(())
                }
            }
        })?;
        result
    }

    /// Rows that cannot be read are passed over, where that is accepted.
    fn pass(&mut self, damage: StoreError) -> Result<(), StoreError> {
        if !self.accepts_loss {
            return Err(damage);
        }
        self.contents.lost.row(&damage);
        Ok(())
    }

    /// `None` for a damaged row, where that is accepted.
    fn accept<T>(
        &mut self,
        (space, key): (Space, &[u8]),
        row: Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        match row {
            Ok(row) => Ok(Some(row)),
            Err(error) if self.accepts_loss && matches!(error, StoreError::Damaged { .. }) => {
                self.contents.lost.row(&error);
                if space != Space::Queue {
                    self.contents.damaged.push((space, Key::from_slice(key)));
                }
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn orphan(&mut self, session: SessionKey) {
        if self.contents.orphaned.last() != Some(&session) {
            self.contents.orphaned.push(session);
        }
    }
}

type ReadRow<'read> = &'read mut dyn FnMut(&[u8], &[u8]) -> Result<(), StoreError>;

/// One session as it is in the store; `None` when it is not there.
pub(crate) fn read_session(
    store: &dyn Store,
    session: SessionKey,
    timeline: Timeline,
) -> Result<Option<Restored>, StoreError> {
    let key = space::session(session);
    let Some(value) = store.get(Space::Sessions, &key)? else {
        return Ok(None);
    };
    let row = (Space::Sessions, key.as_slice());
    let mut restored = bare(unseal(row, &value, timeline, codec::session::decode)?);
    let rows = |space, read: ReadRow<'_>| {
        let mut result = Ok(());
        let until = space::behind(session);
        store.scan(space, &key, until.as_deref(), &mut |key, value| {
            result = read(key, value);
            match result {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        })?;
        result
    };
    rows(Space::Subscriptions, &mut |key, value| {
        let (_, subscription) = read_subscription(key, value, timeline)?;
        restored.subscriptions.push(subscription);
        Ok(())
    })?;
    rows(Space::Released, &mut |key, value| {
        restored
            .released
            .push(read_released(key, value, timeline)?.1);
        Ok(())
    })?;
    rows(Space::Received, &mut |key, value| {
        restored
            .received
            .push(read_received(key, value, timeline)?.1);
        Ok(())
    })?;
    restored.released.sort_unstable();
    queue_ends(store, session, restored.record.first, timeline)?.apply(&mut restored);
    Ok(Some(restored))
}

fn bare(record: Record) -> Restored {
    Restored {
        record,
        subscriptions: Vec::new(),
        released: Vec::new(),
        received: Vec::new(),
        queue: StoredQueue::default(),
    }
}

type Entry = (Subscription, SubscriptionEntry);

fn read_subscription(
    key: &[u8],
    value: &[u8],
    timeline: Timeline,
) -> Result<(SessionKey, Entry), StoreError> {
    let (session, subscription, entry) = codec::subscription::read(key, value, timeline)?;
    Ok((session, (subscription, entry)))
}

fn read_released(
    key: &[u8],
    value: &[u8],
    timeline: Timeline,
) -> Result<(SessionKey, (u64, PacketId)), StoreError> {
    let order = unseal((Space::Released, key), value, timeline, |from| {
        from.number()
    })?;
    let (session, id) = split(Space::Released, key, space::split_packet)?;
    Ok((session, (order, id)))
}

fn read_received(
    key: &[u8],
    value: &[u8],
    timeline: Timeline,
) -> Result<(SessionKey, PacketId), StoreError> {
    unseal((Space::Received, key), value, timeline, |_| Ok(()))?;
    split(Space::Received, key, space::split_packet)
}

fn split<'key, T>(
    space: Space,
    key: &'key [u8],
    split: impl FnOnce(&'key [u8]) -> Option<T>,
) -> Result<T, StoreError> {
    split(key).ok_or_else(|| StoreError::damaged(space, key, Damage::Field("key")))
}
