//! The committer: the only one that writes to the store.
//!
//! It takes what the arbiters have handed over, as much as is there, and commits it together; while
//! that is on its way to the disk the next group gathers. When a commit fails it opens the store anew
//! and tries the same group again, until it succeeds. When there is nothing to commit it cleans up.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use castmq_rules::Moment;

use crate::codec::meta::{self, Progress};
use crate::codec::{Encoder, unseal};
use crate::directory::Directory;
use crate::recovery::Contents;
use crate::{
    Clock, Durability, Fsync, Key, Link, RUN_SHIFT, SessionKey, Space, Store, StoreError,
    Submission, Timeline, Trouble, Write,
};

mod batch;
mod bodies;
mod compaction;
mod ends;
mod group;
mod over;
mod run;
mod sweep;
mod versions;

use batch::Batch;
use bodies::Bodies;
use ends::Ends;
use group::{Builder, Parts};
use over::Over;
use sweep::Sweep;
use versions::Versions;

/// How long to wait before a failed commit is tried again: at first, and at most.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// How often is looked at the room on the disk, and the promise is synced.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// While groups come without a pause, a slice of cleaning is done this often.
const SLICE_EVERY: Duration = Duration::from_millis(50);

/// Hears which arbiter's submissions have been committed.
pub type Wake = Box<dyn Fn(u16) + Send + Sync>;

/// How long nobody must have wanted anything before it is written down where queues end, and what is
/// written so far gets its final form.
const QUIET_AFTER: Duration = Duration::from_secs(1);

/// How much of the latter is worth it.
const WORTH_FLUSHING_BYTES: usize = 1 << 20;

/// What a [`Committer::step`] has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Something was done, and there may be more.
    Worked,
    /// There is nothing to do before so much time has passed or something is handed over.
    Idle(Duration),
    /// The store fails; it is tried again after so much time.
    Failing(Duration),
}

/// Writes what arbiters hand over; see the module.
pub struct Committer {
    store: Arc<dyn Store>,
    link: Arc<Link>,
    directory: Option<Directory>,
    clock: Clock,
    settings: CommitSettings,
    timeline: Timeline,
    wake: Wake,
    bodies: Bodies,
    versions: Versions,
    sweep: Sweep,
    ends: Ends,
    over: Over,
    progress: Progress,
    /// What was handed over and is not yet a batch.
    taken: Vec<Submission>,
    /// The batch that is committed next, or again.
    pending: Option<Pending>,
    failing: Option<Failing>,
    /// Since when there are commits that a power cut may lose.
    unsynced_since: Option<Moment>,
    looked_at: Option<Moment>,
    sliced_at: Moment,
    /// When somebody last wanted something stored.
    busy_at: Moment,
    /// What was written since it got its final form.
    unflushed_bytes: usize,
    is_full: bool,
    /// Free on the disk, when that was last looked at.
    free_bytes: Option<u64>,
    compaction: compaction::Compaction,
}

/// How the committer does its work.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CommitSettings {
    pub(crate) fsync: Fsync,
    pub(crate) free_space_min: u64,
    pub(crate) compact_after: Duration,
}

#[derive(Debug)]
struct Pending {
    writes: Vec<Write>,
    durability: Durability,
    /// What it says in the store of how far it is.
    progress: Progress,
    /// The last submission of each arbiter that is in it.
    submissions: BTreeMap<u16, u64>,
    ops: usize,
    bytes: usize,
}

#[derive(Debug)]
struct Failing {
    since: Moment,
    again: Moment,
    pause: Duration,
}

impl Committer {
    pub(crate) fn new(
        (store, directory): (Arc<dyn Store>, Option<Directory>),
        link: Arc<Link>,
        (clock, settings): (Clock, CommitSettings),
        (run, timeline, progress): (u64, Timeline, Progress),
        contents: &Contents,
    ) -> Self {
        let living = contents
            .sessions
            .iter()
            .map(|(key, restored)| (*key, restored.record.first))
            .collect();
        let run_base = SessionKey(run << RUN_SHIFT);
        let mut sweep = Sweep::new(run_base, living, contents.over.clone());
        let ended = contents.superseded.iter().chain(&contents.orphaned);
        ended.for_each(|session| sweep.add(*session));
        let unwritten = &contents.ends_unwritten;
        let sessions = contents.sessions.iter().map(|(session, _)| *session);
        let ends = Ends::new(
            sessions.filter(|session| !unwritten.contains(session)),
            unwritten.iter().copied(),
        );
        let now = clock();
        Self {
            store,
            link,
            directory,
            clock,
            settings,
            timeline,
            wake: Box::new(|_| {}),
            bodies: Bodies::new(run),
            versions: Versions::new(progress.retained_version),
            sweep,
            ends,
            over: Over::default(),
            progress,
            taken: Vec::new(),
            pending: None,
            failing: None,
            unsynced_since: None,
            looked_at: None,
            sliced_at: now,
            busy_at: now,
            unflushed_bytes: 0,
            is_full: false,
            free_bytes: None,
            compaction: compaction::Compaction::default(),
        }
    }

    /// Says who hears of commits.
    pub fn set_wake(&mut self, wake: Wake) {
        self.wake = wake;
    }

    /// Does the next piece of work: a group, a slice of cleaning, or what a timer asks for.
    pub fn step(&mut self) -> Step {
        let now = (self.clock)();
        if let Some(failing) = &self.failing {
            let left = failing.again.saturating_since(now);
            if !left.is_zero() && !self.link.is_stopping() {
                return Step::Failing(left);
            }
        }
        match self.work(now) {
            Ok(step) => step,
            Err(error) => self.fail(&error),
        }
    }

    fn work(&mut self, now: Moment) -> Result<Step, StoreError> {
        if self.failing.is_some() {
            self.recover()?;
        }
        self.look(now);
        let has_to_clean = !self.sweep.is_done(&self.bodies);
        let is_late = has_to_clean && now.saturating_since(self.sliced_at) >= SLICE_EVERY;
        if self.pending.is_none() && !is_late {
            self.gather()?;
        }
        if self.pending.is_none() && has_to_clean {
            self.clean(now)?;
            if self.pending.is_none() {
                return Ok(Step::Worked);
            }
        }
        if self.pending.is_none() && !self.ends.is_done() && self.is_quiet(now) {
            let batch = self.ends.slice(&*self.store, self.timeline)?;
            self.pending = Some(self.pending(batch, Durability::Handed));
        }
        if self.pending.is_some() {
            self.commit(now)?;
            self.sync_by_timer(now)?;
            return Ok(Step::Worked);
        }
        self.sync_by_timer(now)?;
        if self.unflushed_bytes >= WORTH_FLUSHING_BYTES && self.is_quiet(now) {
            self.unflushed_bytes = 0;
            self.store.flush()?;
        }
        Ok(Step::Idle(self.until_timer(now)))
    }

    /// Makes a batch of what is there.
    fn gather(&mut self) -> Result<(), StoreError> {
        if self.taken.is_empty() {
            self.taken = self.link.take_group();
        }
        if self.taken.is_empty() {
            return Ok(());
        }
        self.busy_at = (self.clock)();
        self.versions
            .prepare(&*self.store, self.timeline, &self.taken)?;
        let group = std::mem::take(&mut self.taken);
        let submissions = group.iter().map(|one| (one.arbiter, one.number)).collect();
        let ops = group.iter().map(|one| one.ops.len()).sum();
        let parts = Parts {
            bodies: &mut self.bodies,
            versions: &mut self.versions,
            sweep: &mut self.sweep,
            ends: &mut self.ends,
            over: &mut self.over,
        };
        let mut builder = Builder::new(&*self.store, self.timeline, parts);
        builder.add(group);
        let batch = builder.batch;
        let durability = match self.settings.fsync {
            Fsync::Always => Durability::Synced,
            Fsync::Interval(_) | Fsync::Never => Durability::Handed,
        };
        self.pending = Some(Pending {
            submissions,
            ops,
            ..self.pending(batch, durability)
        });
        Ok(())
    }

    /// Whether nobody has wanted anything for a while.
    fn is_quiet(&self, now: Moment) -> bool {
        now.saturating_since(self.busy_at) >= QUIET_AFTER
    }

    /// Makes a batch of a slice of cleaning, for which nobody waits.
    fn clean(&mut self, now: Moment) -> Result<(), StoreError> {
        self.sliced_at = now;
        let slice = self
            .sweep
            .slice(&*self.store, self.timeline, &mut self.bodies)?;
        self.compaction.count_old(slice.counted);
        if !slice.batch.is_empty() {
            self.link.counters().swept(slice.swept);
            self.pending = Some(self.pending(slice.batch, Durability::Handed));
        }
        Ok(())
    }

    fn pending(&self, batch: Batch, durability: Durability) -> Pending {
        let (mut writes, bytes) = batch.into_writes();
        let progress = Progress {
            sequence: self.progress.sequence + 1,
            wall_millis: self.timeline.wall_millis((self.clock)()),
            retained_version: self.versions.highest(),
        };
        writes.push(progress_row(progress, self.timeline));
        Pending {
            writes,
            durability,
            progress,
            submissions: BTreeMap::new(),
            ops: 0,
            bytes,
        }
    }

    fn commit(&mut self, now: Moment) -> Result<(), StoreError> {
        if let Some(pending) = &self.pending {
            self.store.commit(&pending.writes, pending.durability)?;
            self.committed(now);
        }
        Ok(())
    }

    /// The pending batch is there.
    fn committed(&mut self, began: Moment) {
        let Some(pending) = self.pending.take() else {
            return;
        };
        self.progress = pending.progress;
        self.compaction.count(&pending.writes);
        self.unflushed_bytes += pending.bytes;
        let now = (self.clock)();
        match pending.durability {
            Durability::Handed => {
                self.unsynced_since.get_or_insert(now);
            }
            Durability::Synced => self.synced(),
        }
        let took = now.saturating_since(began);
        self.link
            .counters()
            .committed(pending.ops, pending.bytes, took);
        self.succeed();
        for (arbiter, number) in pending.submissions {
            self.link.set_committed(arbiter, number);
            (self.wake)(arbiter);
        }
    }

    /// All commits so far are on the disk.
    fn synced(&mut self) {
        self.unsynced_since = None;
        self.link.counters().synced();
        if let Some(directory) = &mut self.directory {
            directory.promise(self.progress.sequence);
        }
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        self.store.sync()?;
        self.synced();
        Ok(())
    }

    fn sync_by_timer(&mut self, now: Moment) -> Result<(), StoreError> {
        match self.until_sync(now) {
            Some(Duration::ZERO) => self.sync(),
            Some(_) | None => Ok(()),
        }
    }

    fn until_timer(&self, now: Moment) -> Duration {
        self.until_sync(now).unwrap_or(LOOK_EVERY).min(LOOK_EVERY)
    }

    /// How long it is until commits have to be synced; `None` when none has to be.
    fn until_sync(&self, now: Moment) -> Option<Duration> {
        match self.settings.fsync {
            Fsync::Interval(every) => {
                let since = self.unsynced_since?;
                Some(every.saturating_sub(now.saturating_since(since)))
            }
            Fsync::Always | Fsync::Never => None,
        }
    }

    /// Opens the store anew and finds out whether the batch that failed is in it.
    fn recover(&mut self) -> Result<(), StoreError> {
        self.store.reopen()?;
        let stored = read_progress(&*self.store, self.timeline)?.sequence;
        let acknowledged = self.progress.sequence;
        if stored < acknowledged {
            return Err(StoreError::Lost {
                recovered: stored,
                promised: acknowledged,
            });
        }
        let now = (self.clock)();
        if stored > acknowledged && self.pending.is_some() {
            // It is there, but whether it would survive a power cut is not known.
            self.store.sync()?;
            self.committed(now);
        } else if self.pending.is_none() {
            self.sync()?;
            self.succeed();
        }
        Ok(())
    }

    fn fail(&mut self, error: &StoreError) -> Step {
        let now = (self.clock)();
        let pause = self.failing.as_ref().map_or(PAUSE_MIN, |failing| {
            failing.pause.saturating_mul(2).min(PAUSE_MAX)
        });
        let since = self.failing.as_ref().map_or(now, |failing| failing.since);
        self.failing = Some(Failing {
            since,
            again: now + pause,
            pause,
        });
        self.link.counters().failed();
        self.link.set_trouble(Some(Trouble::Failing {
            since,
            message: error.to_string().into(),
        }));
        Step::Failing(pause)
    }

    fn succeed(&mut self) {
        if self.failing.take().is_some() {
            // What there is to say of the room on the disk is said at once.
            self.looked_at = None;
            self.link.set_trouble(None);
        }
    }

    /// Looks at the room that is taken and left on the disk, and syncs the promise.
    fn look(&mut self, now: Moment) {
        let is_early = |at: Moment| now.saturating_since(at) < LOOK_EVERY;
        if self.looked_at.is_some_and(is_early) {
            return;
        }
        self.looked_at = Some(now);
        if let Ok(bytes) = self.store.disk_bytes() {
            self.link.counters().set_disk_bytes(bytes);
        }
        let Some(directory) = &mut self.directory else {
            return;
        };
        directory.sync_promise();
        let minimum = self.settings.free_space_min;
        if let Ok(free_bytes) = directory.free_bytes() {
            self.free_bytes = Some(free_bytes);
            self.link.counters().set_free_bytes(free_bytes);
            // It ends a quarter above where it began, so that it does not come and go.
            let enough = minimum.saturating_add(minimum / 4);
            let wanted_bytes = if self.is_full { enough } else { minimum };
            self.is_full = free_bytes < wanted_bytes;
            if self.failing.is_none() {
                self.link.set_trouble(self.is_full.then_some(Trouble::Full {
                    free_bytes,
                    wanted_bytes: enough,
                }));
            }
        }
    }
}

/// How far the store says it has come.
pub(crate) fn read_progress(store: &dyn Store, timeline: Timeline) -> Result<Progress, StoreError> {
    let value = store.get(Space::Meta, meta::COMMIT)?;
    let row = (Space::Meta, meta::COMMIT);
    value.map_or_else(
        || Ok(Progress::default()),
        |value| unseal(row, &value, timeline, meta::decode),
    )
}

/// The row that says how far the store has come.
pub(crate) fn progress_row(progress: Progress, timeline: Timeline) -> Write {
    let mut to = Encoder::new(timeline, 30);
    meta::encode(progress, &mut to);
    Write::Put {
        space: Space::Meta,
        key: Key::from_slice(meta::COMMIT),
        value: to.seal(Space::Meta, meta::COMMIT),
    }
}

impl fmt::Debug for Committer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Committer")
            .field("progress", &self.progress)
            .field("failing", &self.failing)
            .finish_non_exhaustive()
    }
}
