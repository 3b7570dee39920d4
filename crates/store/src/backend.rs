//! What a storage engine has to do for CastMQ: ordered rows, and batches that are whole or not there.
//!
//! Everything else (what the rows mean, checksums, groups, recovery) is the same for all engines.

use std::fmt;
use std::ops::ControlFlow;

use crate::{Key, Space, StoreError};

/// A change of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// The row has this value from now on.
    Put {
        /// Which kind of row.
        space: Space,
        /// Which row.
        key: Key,
        /// Its value.
        value: Vec<u8>,
    },
    /// There is no such row from now on.
    Delete {
        /// Which kind of row.
        space: Space,
        /// Which row.
        key: Key,
    },
}

/// What has to be true when a commit returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// The operating system has it: the end of the process loses nothing, a power cut may.
    Handed,
    /// The disk has it, and all commits before it.
    Synced,
}

/// A row as it was read: key and value.
pub type Row = (Vec<u8>, Vec<u8>);

/// Sees one row after the other and says whether to go on.
pub type Visit<'visit> = &'visit mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>;

/// A storage engine. Commits come from one thread, reads from several.
///
/// All reads see whole commits only. Rows are ordered by the bytes of their keys.
pub trait Store: Send + Sync + fmt::Debug {
    /// Writes a batch, in which no row occurs twice, whole or not at all. After a power cut there is a
    /// commit only if all before it are there.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it is unknown whether the batch is there. No further commit succeeds
    /// before [`Self::reopen`].
    fn commit(&self, writes: &[Write], durability: Durability) -> Result<(), StoreError>;

    /// The value of a row.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it cannot be read.
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Shows the rows from one key on, up to but without another, in their order, until the visitor
    /// breaks off. The visitor does not use the store.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when they cannot be read.
    fn scan(
        &self,
        space: Space,
        from: &[u8],
        until: Option<&[u8]>,
        visit: Visit<'_>,
    ) -> Result<(), StoreError>;

    /// The last row from one key on and before another.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it cannot be read.
    fn last(
        &self,
        space: Space,
        from: &[u8],
        until: Option<&[u8]>,
    ) -> Result<Option<Row>, StoreError>;

    /// Has the disk take all commits so far.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it is unknown whether it has.
    fn sync(&self) -> Result<(), StoreError>;

    /// Brings what only a journal has into its final form, so that opening has less to do; what is left to
    /// do happens later. Asked for when nothing else is.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it cannot; all rows are still there.
    fn flush(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Gives back the room of deleted rows. May take long.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it cannot; all rows are still there.
    fn compact(&self, space: Space) -> Result<(), StoreError>;

    /// Opens everything anew, as after a restart of the process.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it cannot; it can be tried again.
    fn reopen(&self) -> Result<(), StoreError>;

    /// Ends all work. Everything but [`Self::reopen`] fails from now on.
    fn close(&self);

    /// How much room it takes on the disk.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when that cannot be found out.
    fn disk_bytes(&self) -> Result<u64, StoreError>;
}
