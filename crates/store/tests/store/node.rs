//! A store that is driven by hand, with a clock that stands until it is set.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use castmq_rules::session::{Page, Restored};
use castmq_rules::{Delivery, Moment, WallTime};
use castmq_store::{
    Clock, Committer, Fsync, Link, Opened, Options, QueueRange, Readers, Recovered, SessionKey,
    Step, Store, StoreError, open, open_with,
};

use crate::model::Model;
use crate::world::ARBITERS;

/// The wall time at which the tests begin.
pub(crate) const BEGIN: WallTime = WallTime::from_epoch(Duration::from_secs(1_700_000_000));

/// A clock that stands.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hands(Arc<AtomicU64>);

impl Hands {
    pub(crate) fn set(&self, now: Moment) {
        let millis = u64::try_from(now.since_start().as_millis()).unwrap();
        self.0.store(millis, Ordering::Relaxed);
    }

    pub(crate) fn forward(&self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).unwrap();
        self.0.fetch_add(millis, Ordering::Relaxed);
    }

    pub(crate) fn clock(&self) -> Clock {
        let millis = Arc::clone(&self.0);
        Arc::new(move || Moment::from_start(Duration::from_millis(millis.load(Ordering::Relaxed))))
    }
}

/// A store that is open.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) link: Arc<Link>,
    pub(crate) committer: Committer,
    pub(crate) readers: Readers,
    pub(crate) recovered: Recovered,
}

pub(crate) fn options(directory: &Path, fsync: Fsync, hands: &Hands) -> Options {
    Options {
        arbiters: ARBITERS,
        fsync,
        free_space_min: 0,
        ..Options::new(directory.to_owned(), hands.clock())
    }
}

impl Node {
    /// Opens a store in memory, or behind a wrapper.
    pub(crate) fn with(store: Arc<dyn Store>, fsync: Fsync, hands: &Hands) -> Self {
        let options = options(Path::new("/nowhere"), fsync, hands);
        open_with(store, &options, BEGIN).unwrap().into()
    }

    /// Opens a store in a directory.
    pub(crate) fn open(directory: &Path, fsync: Fsync, hands: &Hands) -> Result<Self, StoreError> {
        open(&options(directory, fsync, hands), BEGIN).map(Self::from)
    }

    /// Works until there is nothing to do, whatever pauses it wants.
    pub(crate) fn settle(&mut self, hands: &Hands) {
        loop {
            match self.committer.step() {
                Step::Worked => {}
                Step::Idle(_) => break,
                Step::Failing(pause) => hands.forward(pause),
            }
        }
    }

    /// All messages of a session, read in small pages.
    pub(crate) fn queue(&self, session: SessionKey, until: u64) -> Vec<(u64, Delivery)> {
        let (mut from, mut messages) = (0, Vec::new());
        while from < until {
            let page = self.page(session, from, until);
            messages.extend(page.messages);
            assert!(page.next > from);
            from = page.next;
        }
        messages
    }

    pub(crate) fn page(&self, session: SessionKey, from: u64, until: u64) -> Page {
        let (sender, receiver) = sync_channel(1);
        let range = QueueRange {
            from,
            until,
            messages_max: 3,
            bytes_max: 4000,
        };
        let answer = Box::new(move |page| sender.send(page).unwrap());
        self.link.read_queue(session, range, answer).unwrap();
        assert!(self.readers.step());
        receiver.recv().unwrap().unwrap()
    }

    pub(crate) fn load(&self, session: SessionKey) -> Option<Restored> {
        let (sender, receiver) = sync_channel(1);
        let answer = Box::new(move |page| sender.send(page).unwrap());
        self.link.load_session(session, answer).unwrap();
        assert!(self.readers.step());
        receiver.recv().unwrap().unwrap()
    }

    /// Says where the store differs from the model.
    pub(crate) fn differs(&self, model: &Model) -> Option<String> {
        let sessions: BTreeMap<_, _> = self.recovered.sessions.iter().cloned().collect();
        let expected: BTreeMap<_, _> = model
            .sessions
            .iter()
            .map(|(session, held)| (*session, held.restored()))
            .collect();
        let keys = sessions.keys().chain(expected.keys());
        for key in keys {
            let (is, should) = (sessions.get(key), expected.get(key));
            if is != should {
                return Some(format!("{key:?} is\n{is:?}\ninstead of\n{should:?}"));
            }
        }
        for (session, held) in &model.sessions {
            let queue = self.queue(*session, expected[session].queue.next);
            let waiting = held.queue.iter();
            let waiting = waiting.map(|(number, (_, delivery))| (*number, delivery.clone()));
            if queue != waiting.collect::<Vec<_>>() {
                return Some(format!("queue of {session:?}\n{queue:?}\n{held:?}"));
            }
        }
        let retained: BTreeMap<_, _> = self
            .recovered
            .retained
            .iter()
            .map(|kept| (kept.0.topic.to_string(), kept.clone()))
            .collect();
        let kept = model.kept();
        (retained != kept).then(|| format!("retained\n{retained:?}\ninstead of\n{kept:?}"))
    }
}

impl From<Opened> for Node {
    fn from(opened: Opened) -> Self {
        Self {
            link: opened.link,
            committer: opened.committer,
            readers: opened.readers,
            recovered: opened.recovered,
        }
    }
}
