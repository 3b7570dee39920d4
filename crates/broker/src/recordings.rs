//! Recordings of clients: which there are, and how what happens to a client comes into one.
//!
//! A recording belongs to a client id. It begins with the session and the connection that there are, and
//! goes on through reconnects, takeovers and new sessions until one of its bounds is reached or somebody
//! stops it. It stays in memory until it is removed. What is recorded holds a `Tap`; while there is no
//! recording, that is a pointer to nothing.

mod tap;
mod view;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use castmq_rules::recording::{Ended, FORMAT, Header, Recorder};
use castmq_rules::session::Session;
use castmq_rules::{ClientId, Moment};

pub(crate) use tap::Tap;
pub use view::{RecordingError, RecordingView, RecordingWanted};

/// Recordings that there may be, running or not.
const RECORDINGS_MAX: usize = 32;
/// What they may take up together, in bytes.
const BYTES_MAX: usize = 64 * 1024 * 1024;
/// What one may take up, in bytes; a session that is larger is not recorded.
const BYTES_EACH: usize = 8 * 1024 * 1024;
/// Inputs after which one ends by itself, if nothing else was asked for.
const INPUTS: u64 = 10_000;
/// Inputs that may be asked for.
const INPUTS_MAX: u64 = 1_000_000;
/// After so long one ends by itself, if nothing else was asked for.
const TIME: Duration = Duration::from_mins(10);
/// The longest time that may be asked for.
const TIME_MAX: Duration = Duration::from_hours(24);

/// All recordings of a node.
#[derive(Debug, Default)]
pub struct Recordings {
    /// How many are running; looked at whenever a client connects.
    running: AtomicUsize,
    next: AtomicU64,
    list: Mutex<Vec<Arc<Recording>>>,
}

/// One recording.
#[derive(Debug)]
pub struct Recording {
    id: u64,
    client_id: ClientId,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    recorder: Recorder,
    /// Which session and which connection it follows; what an earlier one says is not written down.
    session: u64,
    connection: u64,
    /// The last moment that anybody told.
    now: Moment,
}

impl Recordings {
    /// The running recording of a client, if there is one.
    #[must_use]
    pub(crate) fn of(&self, client_id: &ClientId) -> Option<Arc<Recording>> {
        if self.running.load(Relaxed) == 0 {
            return None;
        }
        let list = self.list();
        let mut running = list.iter().filter(|one| one.ended().is_none());
        running.find(|one| one.client_id == *client_id).cloned()
    }

    /// Counts again which are running.
    fn count(&self, list: &[Arc<Recording>]) {
        let running = list.iter().filter(|one| one.ended().is_none());
        self.running.store(running.count(), Relaxed);
    }

    fn start(
        &self,
        wanted: &RecordingWanted,
        (client_id, started_at): (ClientId, String),
        now: Moment,
    ) -> Result<Arc<Recording>, RecordingError> {
        let limits = wanted.limits()?;
        let mut list = self.list();
        list.iter().for_each(|one| one.look(now));
        let is_its = |one: &&Arc<Recording>| one.client_id == client_id && one.ended().is_none();
        if let Some(running) = list.iter().find(is_its) {
            return Err(RecordingError::Running(running.id));
        }
        let taken: usize = list.iter().map(|one| one.takes()).sum();
        if list.len() >= RECORDINGS_MAX || taken + limits.bytes > BYTES_MAX {
            return Err(RecordingError::Full(list.len()));
        }
        let id = self.next.fetch_add(1, Relaxed) + 1;
        let header = Header {
            castmq_recording: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            client_id: client_id.clone(),
            started_at,
            has_payloads: wanted.payloads,
        };
        let recorder = Recorder::new(header, limits, now);
        let inner = Mutex::new(Inner {
            recorder,
            session: 0,
            connection: 0,
            now,
        });
        let recording = Arc::new(Recording {
            id,
            client_id,
            inner,
        });
        list.push(Arc::clone(&recording));
        self.count(&list);
        Ok(recording)
    }

    fn find(&self, id: u64, now: Moment) -> Result<Arc<Recording>, RecordingError> {
        let list = self.list();
        list.iter().for_each(|one| one.look(now));
        self.count(&list);
        let found = list.iter().find(|one| one.id == id);
        found.cloned().ok_or(RecordingError::Unknown(id))
    }

    fn remove(&self, id: u64) {
        let mut list = self.list();
        list.retain(|one| one.id != id);
        self.count(&list);
    }

    fn list(&self) -> MutexGuard<'_, Vec<Arc<Recording>>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recording {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Whoever failed while he wrote has left a line that is not whole; that is told when it is read.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ended(&self) -> Option<Ended> {
        self.inner().recorder.ended()
    }

    /// What it may still take up, or does.
    fn takes(&self) -> usize {
        let inner = self.inner();
        match inner.recorder.ended() {
            Some(_) => inner.recorder.bytes(),
            None => inner.recorder.bytes().max(inner.recorder.limits().bytes),
        }
    }

    /// Ends it if its time is over.
    fn look(&self, now: Moment) {
        self.inner().recorder.handle_timer(now);
    }

    fn end(&self, why: Ended) {
        self.inner().recorder.end(why);
    }

    /// Follows a session from now on, and no other one.
    pub(crate) fn follow_session(self: &Arc<Self>, session: &Session, now: Moment) -> Tap {
        let mut inner = self.inner();
        inner.session += 1;
        inner.now = now;
        inner.recorder.session_is(session, now);
        Tap::new(self, inner.session)
    }

    /// Follows a connection from now on, and no other one.
    pub(crate) fn follow_connection(
        self: &Arc<Self>,
        connection: &castmq_rules::recording::Connection,
        now: Moment,
    ) -> Tap {
        let mut inner = self.inner();
        inner.connection += 1;
        inner.now = now;
        inner.recorder.connection_is(connection, now);
        Tap::new(self, inner.connection)
    }
}
