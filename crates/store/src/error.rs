//! What can go wrong: what, where, and what can be done.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::Space;

/// Why the store did not do what was asked of it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process works on the directory.
    #[error(
        "{}: in use by {}; stop that one first, or choose another data directory",
        path.display(), owner(*process)
    )]
    InUse {
        /// The directory.
        path: PathBuf,
        /// The process, where it is known.
        process: Option<u32>,
    },
    /// The directory holds files, and they are not those of a store.
    #[error(
        "{}: not a data directory of CastMQ: it holds `{found}`; choose an empty directory",
        path.display()
    )]
    NotOurs {
        /// The directory.
        path: PathBuf,
        /// What is in it.
        found: String,
    },
    /// There is no directory, or an empty one, where a store was to be looked into.
    #[error("{}: there is no store; name the data directory of a broker", path.display())]
    NoStore {
        /// Where.
        path: PathBuf,
    },
    /// The directory was written in another format.
    #[error(
        "{}: written in format {found}, and this program knows format {known}; use the program that \
         wrote it, or export with that one and import with this one",
        path.display()
    )]
    OtherFormat {
        /// The directory.
        path: PathBuf,
        /// Its format.
        found: String,
        /// Ours.
        known: u32,
    },
    /// A file of the store could not be used as it has to be.
    #[error("{}: cannot {doing}: {cause}{}", path.display(), advice(cause))]
    File {
        /// The file or directory.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// What the operating system says.
        cause: io::Error,
    },
    /// The storage engine could not do what it had to.
    #[error("storage engine: cannot {doing}: {message}")]
    Engine {
        /// What was tried.
        doing: &'static str,
        /// What it says.
        message: String,
    },
    /// A row is not what was written.
    #[error(
        "damaged: {place}: {damage}; restore the data directory from a copy, or start with \
         --accept-data-loss to go on without what is damaged"
    )]
    Damaged {
        /// Which.
        place: Place,
        /// In which way.
        damage: Damage,
    },
    /// A file of the storage engine is not what was written.
    #[error(
        "damaged: {} from byte {at} on; restore the data directory from a copy, or start with \
         --accept-data-loss to go on without what is behind it",
        path.display()
    )]
    DamagedFile {
        /// Which.
        path: PathBuf,
        /// From where on.
        at: u64,
    },
    /// A part of a file of the storage engine is not what was written.
    #[error(
        "damaged: a file of the storage engine, found on trying to {doing} ({message}); restore the \
         data directory from a copy"
    )]
    DamagedBlock {
        /// What was tried.
        doing: &'static str,
        /// What it says.
        message: String,
    },
    /// A file without which the storage engine can read nothing of a key space.
    #[error(
        "damaged: {}; nothing of this key space can be read without it: restore the data directory \
         from a copy",
        path.display()
    )]
    DamagedEngine {
        /// Which.
        path: PathBuf,
    },
    /// The store came back without commits that were acknowledged.
    #[error(
        "acknowledged data is missing: commit {promised} was on the disk, and the store came back \
         with commit {recovered}; restore the data directory from a copy, or start with \
         --accept-data-loss to go on without"
    )]
    Lost {
        /// The last commit there is.
        recovered: u64,
        /// The last commit that was promised.
        promised: u64,
    },
    /// The store was never finished: what was read into it broke off.
    #[error(
        "{}: not a whole store, an import into it broke off; import again into an empty directory",
        path.display()
    )]
    Unfinished {
        /// The directory.
        path: PathBuf,
    },
    /// What is imported cannot be.
    #[error("line {line}: {message}")]
    Import {
        /// Where, counted from 1.
        line: u64,
        /// Why.
        message: String,
    },
    /// The store is closed.
    #[error("the store is closed")]
    Closed,
}

/// Which row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    space: Space,
    key: Vec<u8>,
}

/// In which way a row is not what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// The checksum is that of other bytes.
    #[error("checksum does not match")]
    Checksum,
    /// It ends too early.
    #[error("ends too early")]
    Short,
    /// It goes on behind its end.
    #[error("goes on behind its end")]
    Long,
    /// A part of it cannot be what it says.
    #[error("{0} makes no sense")]
    Field(&'static str),
    /// It, or a row behind it, stands in a block that the storage engine cannot read.
    #[error("rows from here on cannot be read")]
    Block,
    /// It refers to a message that is not there.
    #[error("its message is missing")]
    BodyMissing,
}

/// A bounded part of the store has no room; what was asked may be asked again later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more than {limit} reads wait")]
pub struct Overload {
    /// How many may wait.
    pub limit: usize,
}

impl Place {
    /// The row with this key.
    #[must_use]
    pub fn new(space: Space, key: &[u8]) -> Self {
        Self {
            space,
            key: key.to_vec(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ", self.space.name())?;
        if self.space == Space::Retained {
            return write!(formatter, "`{}`", String::from_utf8_lossy(&self.key));
        }
        self.key
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl StoreError {
    pub(crate) fn damaged(space: Space, key: &[u8], damage: Damage) -> Self {
        Self::Damaged {
            place: Place::new(space, key),
            damage,
        }
    }

    pub(crate) fn file(path: &std::path::Path, doing: &'static str, cause: io::Error) -> Self {
        Self::File {
            path: path.to_owned(),
            doing,
            cause,
        }
    }
}

fn owner(process: Option<u32>) -> String {
    process.map_or_else(
        || "another process".to_owned(),
        |process| format!("process {process}"),
    )
}

fn advice(error: &io::Error) -> &'static str {
    use io::ErrorKind;
    let kind = error.kind();
    if kind == ErrorKind::PermissionDenied {
        "; give the broker's user the right to write there"
    } else if kind == ErrorKind::ReadOnlyFilesystem {
        "; the data directory has to be on a file system that can be written"
    } else if kind == ErrorKind::StorageFull || kind == ErrorKind::QuotaExceeded {
        "; make room on that disk"
    } else if kind == ErrorKind::InvalidData {
        "; restore the data directory from a copy, or start with --accept-data-loss"
    } else if kind == ErrorKind::NotFound {
        "; create the directory above it first"
    } else {
        ""
    }
}
