//! The data directory: whose it is, in which format, and what was promised last.
//!
//! | file | what |
//! |---|---|
//! | `format` | says that this is a data directory of CastMQ, in which format, by which engine |
//! | `lock` | locked by the process that works on the directory; holds its id |
//! | `promise` | the last commit that was on the disk for certain |
//! | `data/` | the storage engine's; `data.new/` until it is whole |

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock, statvfs};

use crate::StoreError;

/// The format that this program reads and writes.
pub const FORMAT: u32 = 1;

pub(crate) const FORMAT_FILE: &str = "format";
const FORMAT_NEW: &str = "format.new";
const LOCK_FILE: &str = "lock";
const PROMISE_FILE: &str = "promise";
const DATA: &str = "data";
const FIRST_WORDS: &str = "castmq store, format ";

/// A data directory that this process works on.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    /// Held for its lock.
    _lock: File,
    promise: File,
    promised: u64,
    is_promise_synced: bool,
}

/// Half of the promise: it is written in turns, so that one of both is always whole.
const SLOT_BYTES: usize = 32;
const SLOT_MAGIC: &[u8; 8] = b"castmq-p";

impl Directory {
    /// Takes the directory for this process alone; makes it if there is none.
    pub(crate) fn open(path: &Path, engine: &str) -> Result<Self, StoreError> {
        create(path)?;
        let names = names(path)?;
        if !names.iter().any(|name| name == FORMAT_FILE) {
            refuse_foreign(path, &names)?;
        }
        let lock = lock(path)?;
        if names.iter().any(|name| name == FORMAT_FILE) {
            check_format(path, engine)?;
        } else {
            write_format(path, engine)?;
        }
        let promise_path = path.join(PROMISE_FILE);
        let promise = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&promise_path)
            .map_err(|error| StoreError::file(&promise_path, "open it", error))?;
        Ok(Self {
            path: path.to_owned(),
            _lock: lock,
            promise,
            promised: 0,
            is_promise_synced: true,
        })
    }

    /// Where the engine's files are.
    pub(crate) fn data(&self) -> PathBuf {
        self.path.join(DATA)
    }

    /// The last commit that was on the disk for certain, as far as that is known. `Err` when what says
    /// so is damaged.
    pub(crate) fn promised(&mut self) -> Result<Option<u64>, StoreError> {
        let mut slots = [0; 2 * SLOT_BYTES];
        let path = self.path.join(PROMISE_FILE);
        let len = self
            .promise
            .read_at(&mut slots, 0)
            .map_err(|error| StoreError::file(&path, "read it", error))?;
        // Nothing was promised yet, or a power cut came before that was on the disk.
        if len == 0 || slots == [0; 2 * SLOT_BYTES] {
            return Ok(None);
        }
        let promised = slots
            .chunks(SLOT_BYTES)
            .filter_map(decode_promise)
            .max()
            .ok_or_else(|| {
                let cause = io::Error::new(io::ErrorKind::InvalidData, "checksum does not match");
                StoreError::file(&path, "tell the last commit from it", cause)
            })?;
        self.promised = promised;
        Ok(Some(promised))
    }

    /// The commit is on the disk. Written without waiting for the disk: it may lag behind, but what
    /// it says is true.
    pub(crate) fn promise(&mut self, sequence: u64) {
        let slot = encode_promise(sequence);
        let place = (sequence % 2) * SLOT_BYTES as u64;
        // Where this fails the promise lags behind; the commit itself is safe.
        if self.promise.write_all_at(&slot, place).is_ok() {
            self.promised = sequence;
            self.is_promise_synced = false;
        }
    }

    /// Has the disk take the promise.
    pub(crate) fn sync_promise(&mut self) {
        if !self.is_promise_synced && self.promise.sync_data().is_ok() {
            self.is_promise_synced = true;
        }
    }

    /// How much room is left on its disk for this process.
    pub(crate) fn free_bytes(&self) -> io::Result<u64> {
        let disk = statvfs(&self.path)?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }
}

fn encode_promise(sequence: u64) -> Vec<u8> {
    let mut slot = Vec::with_capacity(SLOT_BYTES);
    slot.extend_from_slice(SLOT_MAGIC);
    slot.extend_from_slice(&sequence.to_le_bytes());
    slot.extend_from_slice(&[0; 12]);
    let checksum = crc32c::crc32c(&slot);
    slot.extend_from_slice(&checksum.to_le_bytes());
    slot
}

fn decode_promise(slot: &[u8]) -> Option<u64> {
    let (body, checksum) = slot.split_last_chunk::<4>()?;
    if crc32c::crc32c(body) != u32::from_le_bytes(*checksum) {
        return None;
    }
    let rest = body.strip_prefix(SLOT_MAGIC)?;
    Some(u64::from_le_bytes(*rest.first_chunk()?))
}

fn create(path: &Path) -> Result<(), StoreError> {
    match fs::create_dir(path) {
        Ok(()) => sync_parent(path),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(StoreError::file(path, "create it", error)),
    }
}

fn names(path: &Path) -> Result<Vec<String>, StoreError> {
    let cannot = |error| StoreError::file(path, "list what is in it", error);
    let entries = fs::read_dir(path).map_err(cannot)?;
    entries
        .map(|entry| {
            Ok(entry
                .map_err(cannot)?
                .file_name()
                .to_string_lossy()
                .into_owned())
        })
        .collect()
}

/// What may be in a directory before it is ours: remains of our own beginning, and what mounting leaves.
fn refuse_foreign(path: &Path, names: &[String]) -> Result<(), StoreError> {
    let harmless = [LOCK_FILE, FORMAT_NEW, "lost+found"];
    let foreign = names.iter().find(|name| !harmless.contains(&name.as_str()));
    foreign.map_or(Ok(()), |found| {
        Err(StoreError::NotOurs {
            path: path.to_owned(),
            found: found.clone(),
        })
    })
}

fn lock(path: &Path) -> Result<File, StoreError> {
    let lock_path = path.join(LOCK_FILE);
    let cannot = |error| StoreError::file(&lock_path, "lock it", error);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&lock_path)
        .map_err(cannot)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let mut text = String::new();
            let _ = file.read_to_string(&mut text);
            return Err(StoreError::InUse {
                path: path.to_owned(),
                process: text.trim().parse().ok(),
            });
        }
        Err(error) => return Err(cannot(error.into())),
    }
    file.set_len(0).map_err(cannot)?;
    writeln!(file, "{}", std::process::id()).map_err(cannot)?;
    Ok(file)
}

fn check_format(path: &Path, engine: &str) -> Result<(), StoreError> {
    let format_path = path.join(FORMAT_FILE);
    let text =
        fs::read(&format_path).map_err(|error| StoreError::file(&format_path, "read it", error))?;
    let text = String::from_utf8_lossy(&text);
    let other = |found: &str| StoreError::OtherFormat {
        path: path.to_owned(),
        found: found.to_owned(),
        known: FORMAT,
    };
    let Some(found) = text.trim_end().strip_prefix(FIRST_WORDS) else {
        return Err(StoreError::NotOurs {
            path: path.to_owned(),
            found: FORMAT_FILE.to_owned(),
        });
    };
    if found == description(engine) {
        Ok(())
    } else {
        Err(other(found))
    }
}

fn description(engine: &str) -> String {
    format!("{FORMAT}, engine {engine}")
}

fn write_format(path: &Path, engine: &str) -> Result<(), StoreError> {
    let new = path.join(FORMAT_NEW);
    let cannot = |error| StoreError::file(&new, "write it", error);
    let mut file = File::create(&new).map_err(cannot)?;
    writeln!(file, "{FIRST_WORDS}{}", description(engine)).map_err(cannot)?;
    file.sync_all().map_err(cannot)?;
    fs::rename(&new, path.join(FORMAT_FILE)).map_err(cannot)?;
    sync_directory(path)
}

/// Has the disk take the names in a directory.
pub(crate) fn sync_directory(path: &Path) -> Result<(), StoreError> {
    File::open(path)
        .and_then(|directory| directory.sync_all())
        .map_err(|error| StoreError::file(path, "sync it", error))
}

fn sync_parent(path: &Path) -> Result<(), StoreError> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_directory(parent),
        Some(_) | None => sync_directory(Path::new(".")),
    }
}
