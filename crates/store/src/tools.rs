//! Tools for a store that no broker works on: look at it, count it, write it out, read it in.
//!
//! What is written out is the way between engines and formats: a line of JSON for each row, the first
//! line says which format it is.

mod check;
mod export;
mod import;
mod lines;

pub use check::{Report, Rows, check, stats};
pub use export::export;
pub use import::import;

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use crate::codec::queue::{self, Content, Queued};
use crate::codec::{self, Decoder, meta, unseal};
use crate::directory::Directory;
use crate::{
    Damage, Engine, EngineSettings, SessionKey, Space, Store, StoreError, Timeline, space,
};

/// A store that a tool has open. Moments in it are counted from the Unix epoch.
#[derive(Debug)]
struct Subject {
    store: Arc<dyn Store>,
    directory: Directory,
}

/// Moments are counted from the Unix epoch.
const SINCE_EPOCH: Timeline = Timeline::since_epoch();

impl Subject {
    fn open(path: &Path) -> Result<Self, StoreError> {
        if !path.join(crate::directory::FORMAT_FILE).exists() {
            let path = path.to_owned();
            return Err(StoreError::NoStore { path });
        }
        Self::open_or_create(path, Engine::Fjall)
    }

    fn open_or_create(path: &Path, engine: Engine) -> Result<Self, StoreError> {
        let directory = Directory::open(path, engine.name())?;
        let (store, _) = engine.open(&directory.data(), EngineSettings::default(), false)?;
        Ok(Self { store, directory })
    }

    /// Reads all rows of a kind. What the reader says ends it, if it is an error.
    fn each(
        &self,
        space: Space,
        mut read: impl FnMut(&[u8], &[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut result = Ok(());
        self.store.scan(space, &[], None, &mut |key, value| {
            result = read(key, value);
            if result.is_ok() {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        })?;
        result
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        self.store.close();
    }
}

/// Takes a row of a queue apart.
fn queued(key: &[u8], value: &[u8]) -> Result<(SessionKey, u64, Queued), StoreError> {
    let row = decoded((Space::Queue, key), value, queue::decode)?;
    let (session, number) = split(Space::Queue, key, space::split_queued)?;
    Ok((session, number, row))
}

fn decoded<T>(
    row: (Space, &[u8]),
    value: &[u8],
    decode: impl FnOnce(&mut Decoder<'_>) -> Result<T, Damage>,
) -> Result<T, StoreError> {
    unseal(row, value, SINCE_EPOCH, decode)
}

fn split<'key, T>(
    space: Space,
    key: &'key [u8],
    split: impl FnOnce(&'key [u8]) -> Option<T>,
) -> Result<T, StoreError> {
    split(key).ok_or_else(|| StoreError::damaged(space, key, Damage::Field("key")))
}

/// Whether a row can be read: checksum, fields and key.
fn read_row(space: Space, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
    let row = (space, key);
    match space {
        Space::Sessions => {
            decoded(row, value, codec::session::decode)?;
            split(space, key, space::split_session).map(drop)
        }
        Space::Subscriptions => codec::subscription::read(key, value, SINCE_EPOCH).map(drop),
        Space::Queue => queued(key, value).map(drop),
        Space::Bodies => {
            decoded(row, value, codec::message::decode)?;
            split(space, key, space::split_body).map(drop)
        }
        Space::Released => {
            decoded(row, value, |from| from.number())?;
            split(space, key, space::split_packet).map(drop)
        }
        Space::Received => {
            decoded(row, value, |_| Ok(()))?;
            split(space, key, space::split_packet).map(drop)
        }
        Space::Retained => decoded(row, value, codec::retained::decode).map(drop),
        Space::Meta if key == meta::COMMIT => decoded(row, value, meta::decode).map(drop),
        Space::Meta if key == meta::RUN => decoded(row, value, |from| from.number()).map(drop),
        Space::Meta => {
            decoded(row, value, |_| Ok(()))?;
            split(space, key, meta::split_ended).map(drop)
        }
        Space::Ends => {
            decoded(row, value, codec::ends::decode)?;
            split(space, key, space::split_session).map(drop)
        }
        // Nothing writes them yet.
        Space::Users => {
            decoded(row, value, codec::account::decode)?;
            split(space, key, codec::account::of_key).map(drop)
        }
        Space::Bans => Err(StoreError::damaged(space, key, Damage::Field("row"))),
    }
}

/// The body that a row refers to.
fn body_of(row: &Queued) -> Option<u64> {
    match &row.content {
        Content::Body(id) => Some(id.0),
        Content::Inline(_) => None,
    }
}
