//! The store on the disk, by fjall: a log-structured merge tree, in which many small rows of many
//! sessions are written one behind the other.

use std::fmt;
use std::fs;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use fjall::config::CompressionPolicy;
use fjall::{
    CompressionType, Database, Keyspace, KeyspaceCreateOptions, KvSeparationOptions, PersistMode,
    Readable, Snapshot,
};

use crate::backend::{Row, Visit};
use crate::directory::sync_directory;
use crate::{Durability, EngineSettings, Space, Store, StoreError, Write, journal, manifest};

/// All journals together; each is a file of 64 MiB from the beginning.
const JOURNALS_BYTES_MAX: u64 = 128 << 20;

/// From here on a body stands beside the tree, so that compactions do not copy it.
const SEPARATE_BYTES: u32 = 4096;
const BODY_FILE_BYTES: u64 = 16 << 20;

/// Threads that write tables and merge them.
const WORKERS: usize = 2;

/// Beyond so many tables that are to be written, or merged, a commit waits. fjall itself waits a
/// little later, and without end when the threads that write tables have failed.
const SEALED_MAX: usize = 3;
const UNMERGED_MAX: usize = 16;
const WAIT: Duration = Duration::from_millis(2);

/// A store in a directory.
pub struct FjallStore {
    path: PathBuf,
    settings: EngineSettings,
    open: RwLock<Option<OpenStore>>,
}

struct OpenStore {
    database: Database,
    /// In the order of [`Space::ALL`].
    keyspaces: Vec<Keyspace>,
}

impl FjallStore {
    /// Opens the store in a directory, or makes it there.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when that is not possible.
    pub fn open(path: &Path, settings: EngineSettings) -> Result<Self, StoreError> {
        Self::open_with(path, settings, false).map(|(store, _)| store)
    }

    /// As [`Self::open`]; where that is accepted, without what is damaged. Says what that is.
    pub(crate) fn open_with(
        path: &Path,
        settings: EngineSettings,
        accepts_loss: bool,
    ) -> Result<(Self, Vec<String>), StoreError> {
        create(path, settings)?;
        manifest::check(path)?;
        let lost = journal::mend(path, accepts_loss)?;
        let store = Self {
            path: path.to_owned(),
            settings,
            open: RwLock::new(Some(OpenStore::open(path, settings)?)),
        };
        Ok((store, lost))
    }

    fn with<T>(
        &self,
        work: impl FnOnce(&OpenStore) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let open: RwLockReadGuard<'_, _> = self.open.read().unwrap_or_else(PoisonError::into_inner);
        work(open.as_ref().ok_or(StoreError::Closed)?)
    }
}

/// Makes a store if there is none. It gets its name once it is whole: fjall does not open one whose
/// making broke off.
fn create(path: &Path, settings: EngineSettings) -> Result<(), StoreError> {
    if path.exists() {
        return Ok(());
    }
    let cannot = |error| StoreError::file(path, "create it", error);
    let unfinished = path.with_extension("new");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(cannot)?;
    }
    let open = OpenStore::open(&unfinished, settings)?;
    open.persist(PersistMode::SyncAll)?;
    drop(open);
    sync_directory(&unfinished)?;
    fs::rename(&unfinished, path).map_err(cannot)?;
    path.parent().map_or(Ok(()), sync_directory)
}

impl OpenStore {
    /// The engine does not expect every kind of damage: it may panic where it finds some.
    fn open(path: &Path, settings: EngineSettings) -> Result<Self, StoreError> {
        catch_unwind(AssertUnwindSafe(|| Self::open_or_panic(path, settings))).unwrap_or_else(
            |_| {
                Err(StoreError::Engine {
                    doing: "open its files, which are damaged",
                    message: "it gave up".to_owned(),
                })
            },
        )
    }

    fn open_or_panic(path: &Path, settings: EngineSettings) -> Result<Self, StoreError> {
        let database = Database::builder(path)
            .cache_size(settings.cache_bytes)
            .max_journaling_size(JOURNALS_BYTES_MAX)
            .worker_threads(WORKERS)
            .manual_journal_persist(true)
            .open()
            .map_err(|error| engine("open its files", &error))?;
        let keyspaces = Space::ALL
            .into_iter()
            .map(|space| database.keyspace(space.name(), || create_options(space, settings)))
            .collect::<Result<_, _>>()
            .map_err(|error| engine("open a key space", &error))?;
        Ok(Self {
            database,
            keyspaces,
        })
    }

    fn keyspace(&self, space: Space) -> Result<&Keyspace, StoreError> {
        self.keyspaces.get(space as usize).ok_or(StoreError::Closed)
    }

    /// Waits until the threads behind it have caught up, but not when they have failed.
    fn wait_for_workers(&self) -> Result<(), StoreError> {
        let is_behind = |keyspace: &Keyspace| {
            keyspace.sealed_memtable_count() >= SEALED_MAX
                || keyspace.l0_table_count() >= UNMERGED_MAX
        };
        while self.keyspaces.iter().any(is_behind) {
            self.persist(PersistMode::Buffer)?;
            std::thread::sleep(WAIT);
        }
        Ok(())
    }

    fn persist(&self, mode: PersistMode) -> Result<(), StoreError> {
        self.database
            .persist(mode)
            .map_err(|error| engine("have the disk take it", &error))
    }

    fn snapshot(&self) -> Snapshot {
        self.database.snapshot()
    }
}

fn create_options(space: Space, settings: EngineSettings) -> KeyspaceCreateOptions {
    let is_large = matches!(space, Space::Queue | Space::Bodies | Space::Retained);
    let memtable = if is_large {
        settings.memtable_bytes
    } else {
        settings.memtable_bytes / 4
    };
    let options = KeyspaceCreateOptions::default()
        .max_memtable_size(memtable)
        .data_block_compression_policy(CompressionPolicy::new([
            CompressionType::None,
            CompressionType::None,
            CompressionType::Lz4,
        ]));
    if space == Space::Bodies {
        options.with_kv_separation(Some(
            KvSeparationOptions::default()
                .separation_threshold(SEPARATE_BYTES)
                .file_target_size(BODY_FILE_BYTES),
        ))
    } else {
        options
    }
}

impl Store for FjallStore {
    fn commit(&self, writes: &[Write], durability: Durability) -> Result<(), StoreError> {
        self.with(|open| {
            open.wait_for_workers()?;
            let mode = match durability {
                Durability::Handed => PersistMode::Buffer,
                Durability::Synced => PersistMode::SyncData,
            };
            let mut batch =
                fjall::OwnedWriteBatch::with_capacity(open.database.clone(), writes.len())
                    .durability(Some(mode));
            for write in writes {
                match write {
                    Write::Put { space, key, value } => {
                        batch.insert(open.keyspace(*space)?, key.as_slice(), value.as_slice());
                    }
                    // fjall also knows deletions for rows that were written once. They bring an older
                    // value back when a row was written, deleted and written again, as a number
                    // of a queue may be after a kill, so they are not used.
                    Write::Delete { space, key } => {
                        batch.remove(open.keyspace(*space)?, key.as_slice());
                    }
                }
            }
            batch.commit().map_err(|error| engine("commit", &error))
        })
    }

    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.with(|open| match open.keyspace(space)?.get(key) {
            Ok(value) => Ok(value.map(|value| value.to_vec())),
            Err(error) if is_damage(&error) => Ok(Some(DAMAGED.to_vec())),
            Err(error) => Err(engine("read", &error)),
        })
    }

    fn scan(
        &self,
        space: Space,
        from: &[u8],
        until: Option<&[u8]>,
        visit: Visit<'_>,
    ) -> Result<(), StoreError> {
        let Some(range) = range(from, until) else {
            return Ok(());
        };
        self.with(|open| {
            let keyspace = open.keyspace(space)?;
            for row in open.snapshot().range::<&[u8], _>(keyspace, range) {
                let key = std::cell::RefCell::new(None);
                let read = row.into_inner_if(|read| {
                    key.replace(Some(read.clone()));
                    true
                });
                let goes_on = match (read, key.take()) {
                    (Ok((key, value)), _) => visit(&key, value.as_deref().unwrap_or(DAMAGED)),
                    // Its value is in another file, and only that is damaged.
                    (Err(error), Some(key)) if is_damage(&error) => visit(&key, DAMAGED),
                    (Err(error), _) => return Err(engine("read", &error)),
                };
                if goes_on.is_break() {
                    break;
                }
            }
            Ok(())
        })
    }

    fn last(
        &self,
        space: Space,
        from: &[u8],
        until: Option<&[u8]>,
    ) -> Result<Option<Row>, StoreError> {
        let Some(range) = range(from, until) else {
            return Ok(None);
        };
        self.with(|open| {
            let keyspace = open.keyspace(space)?;
            let last = open
                .snapshot()
                .range::<&[u8], _>(keyspace, range)
                .next_back();
            last.map(|row| {
                let row = row.into_inner().map_err(|error| engine("read", &error))?;
                Ok((row.0.to_vec(), row.1.to_vec()))
            })
            .transpose()
        })
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.with(|open| open.persist(PersistMode::SyncData))
    }

    fn flush(&self) -> Result<(), StoreError> {
        self.with(|open| {
            for keyspace in &open.keyspaces {
                let flushed = keyspace.rotate_memtable();
                flushed.map_err(|error| engine("write tables", &error))?;
            }
            Ok(())
        })
    }

    fn compact(&self, space: Space) -> Result<(), StoreError> {
        self.with(|open| {
            let keyspace = open.keyspace(space)?;
            let cannot = |error: fjall::Error| engine("compact", &error);
            keyspace.rotate_memtable().map_err(cannot)?;
            // What is in memory becomes a table first; never, when the threads that do so have failed.
            while keyspace.sealed_memtable_count() > 0 {
                open.persist(PersistMode::Buffer)?;
                std::thread::sleep(WAIT);
            }
            keyspace.major_compact().map_err(cannot)
        })
    }

    fn reopen(&self) -> Result<(), StoreError> {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        // The old one goes first: it holds the lock of its directory.
        drop(open.take());
        manifest::check(&self.path)?;
        journal::mend(&self.path, false)?;
        *open = Some(OpenStore::open(&self.path, self.settings)?);
        Ok(())
    }

    fn close(&self) {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        drop(open.take());
    }

    fn disk_bytes(&self) -> Result<u64, StoreError> {
        self.with(|open| {
            let bytes = open.database.disk_space();
            bytes.map_err(|error| engine("tell its size", &error))
        })
    }
}

type Range<'key> = (Bound<&'key [u8]>, Bound<&'key [u8]>);

/// `None` for a range in which there can be nothing.
fn range<'key>(from: &'key [u8], until: Option<&'key [u8]>) -> Option<Range<'key>> {
    if until.is_some_and(|until| until <= from) {
        return None;
    }
    let until = until.map_or(Bound::Unbounded, Bound::Excluded);
    Some((Bound::Included(from), until))
}

/// What stands for a value that the engine finds damaged: no row is that short, so that whoever reads it
/// finds it damaged as well, and knows which one it is.
const DAMAGED: &[u8] = &[];

fn is_damage(error: &fjall::Error) -> bool {
    use fjall::{Error, LsmError};
    matches!(error, Error::Storage(LsmError::ChecksumMismatch { .. }))
}

fn engine(doing: &'static str, error: &fjall::Error) -> StoreError {
    if is_damage(error) {
        let message = "checksum does not match".to_owned();
        return StoreError::DamagedBlock { doing, message };
    }
    let is_of_the_disk = matches!(
        error,
        fjall::Error::Io(_)
            | fjall::Error::Storage(fjall::LsmError::Io(_))
            | fjall::Error::Poisoned
            | fjall::Error::Locked
    );
    let advice = if matches!(error, fjall::Error::Poisoned) {
        " by a failure in the background; if the disk works, a file is damaged: `castmq store check` on \
         the stopped broker's data tells"
    } else if is_of_the_disk {
        ""
    } else {
        "; if that stays so a file is damaged: restore the data directory from a copy"
    };
    StoreError::Engine {
        doing,
        message: format!("{error}{advice}"),
    }
}

impl fmt::Debug for FjallStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("FjallStore")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
