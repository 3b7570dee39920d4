//! Which storage engine keeps a data directory. A further one is a variant here and a [`Store`].

use std::path::Path;
use std::sync::Arc;

use crate::{FjallStore, Store, StoreError};

/// A storage engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Engine {
    /// A log-structured merge tree, by fjall.
    #[default]
    Fjall,
}

/// How much memory a storage engine takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineSettings {
    /// For parts that were read, in bytes.
    pub cache_bytes: u64,
    /// For what becomes a table of messages next, in bytes. After a kill so much is read anew. Tables of
    /// other rows have at most a quarter of it.
    pub memtable_bytes: u64,
}

impl Engine {
    /// Its name, as the data directory says it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fjall => "fjall 3",
        }
    }

    /// Opens a store in a directory, or makes it there. The answer also says what is lost of files that
    /// are damaged, where that is accepted.
    pub(crate) fn open(
        self,
        path: &Path,
        settings: EngineSettings,
        accepts_loss: bool,
    ) -> Result<(Arc<dyn Store>, Vec<String>), StoreError> {
        match self {
            Self::Fjall => {
                let (store, lost) = FjallStore::open_with(path, settings, accepts_loss)?;
                Ok((Arc::new(store), lost))
            }
        }
    }
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            cache_bytes: 32 << 20,
            memtable_bytes: 8 << 20,
        }
    }
}
