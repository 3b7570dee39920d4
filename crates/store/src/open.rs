//! Opening: what is needed, and what comes of it.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use castmq_rules::{Moment, WallTime};

use crate::codec::meta::{self, Progress as Commits};
use crate::codec::{Encoder, unseal};
use crate::committer::{CommitSettings, progress_row, read_progress};
use crate::directory::Directory;
use crate::recovery::{Contents, Lost, Progress, Reading};
use crate::{
    Committer, Durability, Engine, EngineSettings, Key, Link, Readers, Recovered, Space, Store,
    StoreError, Timeline, Wake, Write,
};

/// When a commit counts as durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fsync {
    /// Once the disk has it. Neither the end of the process nor a power cut loses what was
    /// acknowledged.
    #[default]
    Always,
    /// Once the operating system has it; the disk has it so much later. The end of the process loses
    /// nothing, a power cut may lose what was acknowledged within that time.
    Interval(Duration),
    /// Once the operating system has it, which gives it to the disk when it likes. The end of the
    /// process loses nothing, a power cut may lose half a minute or more.
    Never,
}

/// Tells the time since the start of the node.
pub type Clock = Arc<dyn Fn() -> Moment + Send + Sync>;

/// Hears how far reading is, once it takes long.
pub type OnProgress = Box<dyn Fn(Progress) + Send>;

/// What the store needs to know.
pub struct Options {
    /// The data directory. It is created if its parent exists.
    pub directory: PathBuf,
    /// How many arbiters hand over submissions.
    pub arbiters: u16,
    /// When a commit counts as durable.
    pub fsync: Fsync,
    /// Bytes that have to be free on the disk.
    pub free_space_min: u64,
    /// How long nobody must have wanted anything before the room of what was consumed is given back.
    pub compact_after: Duration,
    /// Whether to go on without data that was acknowledged and is missing or damaged.
    pub accept_data_loss: bool,
    /// Threads that read queues.
    pub readers: usize,
    /// How many reads may wait.
    pub reads_max: usize,
    /// Which storage engine keeps the directory.
    pub engine: Engine,
    /// How much memory the engine takes.
    pub engine_settings: EngineSettings,
    /// The clock of the node.
    pub clock: Clock,
    /// Hears how far reading is.
    pub on_progress: Option<OnProgress>,
}

/// A store that is open, and what it holds.
#[derive(Debug)]
pub struct Opened {
    /// The arbiters' side.
    pub link: Arc<Link>,
    /// Writes; see [`Self::start`].
    pub committer: Committer,
    /// Reads; see [`Self::start`].
    pub readers: Readers,
    /// What the store holds.
    pub recovered: Recovered,
    threads: usize,
}

/// How long reading may take before it tells how far it is, and how often it does then.
const PROGRESS_EVERY: Duration = Duration::from_secs(2);

/// How many rows are deleted at once before the start.
const DELETED_MAX: usize = 4096;

impl Options {
    /// The usual settings for a directory.
    #[must_use]
    pub fn new(directory: PathBuf, clock: Clock) -> Self {
        Self {
            directory,
            arbiters: 1,
            fsync: Fsync::Always,
            free_space_min: 64 << 20,
            compact_after: Duration::from_secs(60),
            accept_data_loss: false,
            readers: 2,
            reads_max: 4096,
            engine: Engine::default(),
            engine_settings: EngineSettings::default(),
            clock,
            on_progress: None,
        }
    }
}

impl Opened {
    /// Starts the threads: the committer, which tells an arbiter whenever submissions of it are
    /// committed, and the readers.
    ///
    /// # Errors
    ///
    /// What the operating system says when it gives no threads.
    pub fn start(self, wake: Wake) -> std::io::Result<(Arc<Link>, Recovered)> {
        let Self {
            link,
            mut committer,
            readers,
            recovered,
            threads,
        } = self;
        committer.set_wake(wake);
        committer.spawn()?;
        readers.spawn(threads)?;
        Ok((link, recovered))
    }
}

/// Opens the store of a data directory.
///
/// # Errors
///
/// [`StoreError`] when it cannot be opened, or lacks what was acknowledged.
pub fn open(options: &Options, wall_now: WallTime) -> Result<Opened, StoreError> {
    let mut directory = Directory::open(&options.directory, options.engine.name())?;
    let promised = match directory.promised() {
        Ok(promised) => promised,
        Err(_) if options.accept_data_loss => None,
        Err(error) => return Err(error),
    };
    let (store, lost) = options.engine.open(
        &directory.data(),
        options.engine_settings,
        options.accept_data_loss,
    )?;
    let lost = Lost {
        rows_len: lost.len() as u64,
        rows: lost,
        ..Lost::default()
    };
    let found = Found {
        store,
        directory: Some(directory),
        promised,
        lost,
    };
    open_found(found, options, wall_now)
}

/// Opens a store whatever it is kept in; nothing of the options' directory is used. One that was closed
/// has to be opened anew before ([`Store::reopen`]).
///
/// # Errors
///
/// [`StoreError`] when it cannot be read, or holds damaged rows.
pub fn open_with(
    store: Arc<dyn Store>,
    options: &Options,
    wall_now: WallTime,
) -> Result<Opened, StoreError> {
    let found = Found {
        store,
        directory: None,
        promised: None,
        lost: Lost::default(),
    };
    open_found(found, options, wall_now)
}

/// What was found where the store is kept.
struct Found {
    store: Arc<dyn Store>,
    directory: Option<Directory>,
    /// The last commit that was on the disk for certain.
    promised: Option<u64>,
    /// What is missing already.
    lost: Lost,
}

fn open_found(found: Found, options: &Options, wall_now: WallTime) -> Result<Opened, StoreError> {
    let Found {
        store,
        directory,
        promised,
        mut lost,
    } = found;
    let accepts_loss = options.accept_data_loss;
    if !accepts_loss && is_unfinished(&*store)? {
        return Err(StoreError::Unfinished {
            path: options.directory.clone(),
        });
    }
    let commits = read_commits(&*store, accepts_loss)?;
    if let Some(promised) = promised.filter(|promised| *promised > commits.sequence) {
        if !accepts_loss {
            return Err(StoreError::Lost {
                recovered: commits.sequence,
                promised,
            });
        }
        lost.commits = promised - commits.sequence;
    }
    let stored_last = WallTime::from_epoch(Duration::from_millis(commits.wall_millis));
    let timeline = Timeline::new(wall_now, stored_last);
    let contents = read(&*store, timeline, options)?;
    lost.rows.extend_from_slice(&contents.lost.rows);
    lost.rows_len += contents.lost.rows_len;

    // Behind what was promised, so that the promise holds from now on.
    let commits = Commits {
        sequence: commits.sequence.max(promised.unwrap_or_default()),
        retained_version: highest_version(&contents, commits),
        ..commits
    };
    let (run, commits) = begin_run(&*store, timeline, commits, &contents)?;
    let link = Arc::new(Link::new(options.arbiters, options.reads_max));
    let settings = CommitSettings {
        fsync: options.fsync,
        free_space_min: options.free_space_min,
        compact_after: options.compact_after,
    };
    let committer = Committer::new(
        (Arc::clone(&store), directory),
        Arc::clone(&link),
        (Arc::clone(&options.clock), settings),
        (run, timeline, commits),
        &contents,
    );
    Ok(Opened {
        readers: Readers::new(store, Arc::clone(&link), timeline),
        link,
        committer,
        recovered: recovered(run, timeline, commits, contents, lost),
        threads: options.readers,
    })
}

fn recovered(
    run: u64,
    timeline: Timeline,
    commits: Commits,
    contents: Contents,
    lost: Lost,
) -> Recovered {
    let epochs = contents.sessions.iter().map(|(_, one)| one.record.epoch.0);
    Recovered {
        run,
        timeline,
        epoch_max: epochs.max().unwrap_or_default(),
        sessions: contents.sessions,
        accounts: contents.accounts,
        retained: contents.retained,
        retained_version: commits.retained_version,
        lost: (!lost.is_nothing()).then_some(lost),
    }
}

fn highest_version(contents: &Contents, commits: Commits) -> u64 {
    let versions = contents.retained.iter().filter_map(|(one, _)| one.version);
    versions
        .max()
        .unwrap_or_default()
        .max(commits.retained_version)
}

fn read_commits(store: &dyn Store, accepts_loss: bool) -> Result<Commits, StoreError> {
    match read_progress(store, Timeline::default()) {
        Err(StoreError::Damaged { .. }) if accepts_loss => Ok(Commits::default()),
        result => result,
    }
}

fn read(store: &dyn Store, timeline: Timeline, options: &Options) -> Result<Contents, StoreError> {
    let began = (options.clock)();
    let mut told = began;
    let reading = Reading::new(store, timeline, options.accept_data_loss);
    let mut contents = reading.run(&mut |sessions, sessions_all| {
        let Some(on_progress) = &options.on_progress else {
            return;
        };
        let now = (options.clock)();
        if now.saturating_since(told) >= PROGRESS_EVERY {
            told = now;
            on_progress(Progress {
                took: now.saturating_since(began),
                sessions,
                sessions_all,
            });
        }
    })?;
    let (from, until) = meta::all_ended();
    store.scan(Space::Meta, from, Some(until), &mut |key, _| {
        contents.orphaned.extend(meta::split_ended(key));
        std::ops::ControlFlow::Continue(())
    })?;
    Ok(contents)
}

/// Numbers this run, and writes down what reading has decided. All of it is on the disk then.
fn begin_run(
    store: &dyn Store,
    timeline: Timeline,
    commits: Commits,
    contents: &Contents,
) -> Result<(u64, Commits), StoreError> {
    for rows in contents.damaged.chunks(DELETED_MAX) {
        let delete = |(space, key): &(Space, Key)| Write::Delete {
            space: *space,
            key: key.clone(),
        };
        let writes: Vec<_> = rows.iter().map(delete).collect();
        store.commit(&writes, Durability::Handed)?;
    }
    let run = read_run(store)? + 1;
    let commits = Commits {
        sequence: commits.sequence + 1,
        wall_millis: timeline.wall_millis(Moment::default()),
        ..commits
    };
    let mut to = Encoder::new(timeline, 10);
    to.number(run);
    let mut writes = vec![
        Write::Put {
            space: Space::Meta,
            key: Key::from_slice(meta::RUN),
            value: to.seal(Space::Meta, meta::RUN),
        },
        progress_row(commits, timeline),
    ];
    for session in &contents.superseded {
        let key = meta::ended(*session);
        writes.push(Write::Delete {
            space: Space::Sessions,
            key: crate::space::session(*session),
        });
        writes.push(Write::Put {
            space: Space::Meta,
            value: Encoder::new(timeline, 0).seal(Space::Meta, &key),
            key,
        });
    }
    store.commit(&writes, Durability::Synced)?;
    Ok((run, commits))
}

/// Whether there are rows and nothing says how far they have come.
fn is_unfinished(store: &dyn Store) -> Result<bool, StoreError> {
    Ok(store.get(Space::Meta, meta::COMMIT)?.is_none() && !is_empty(store)?)
}

/// Whether there is no row at all.
pub(crate) fn is_empty(store: &dyn Store) -> Result<bool, StoreError> {
    let mut is_empty = true;
    for space in Space::ALL {
        store.scan(space, &[], None, &mut |_, _| {
            is_empty = false;
            std::ops::ControlFlow::Break(())
        })?;
    }
    Ok(is_empty)
}

fn read_run(store: &dyn Store) -> Result<u64, StoreError> {
    let value = store.get(Space::Meta, meta::RUN)?;
    let row = (Space::Meta, meta::RUN);
    value.map_or(Ok(0), |value| {
        unseal(row, &value, Timeline::default(), |from| from.number())
    })
}

impl fmt::Debug for Options {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Options")
            .field("directory", &self.directory)
            .field("arbiters", &self.arbiters)
            .field("fsync", &self.fsync)
            .field("free_space_min", &self.free_space_min)
            .field("accept_data_loss", &self.accept_data_loss)
            .finish_non_exhaustive()
    }
}
