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

    /// Opens a store in a directory, or makes it there.
    pub(crate) fn open(
        self,
        path: &Path,
        settings: EngineSettings,
    ) -> Result<Arc<dyn Store>, StoreError> {
        match self {
            Self::Fjall => Ok(Arc::new(FjallStore::open(path, settings)?)),
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
