//! What the store knows of itself.

use crate::codec::{Decoder, Encoder};
use crate::{Damage, Key, SessionKey, space};

/// The key of [`Progress`].
pub(crate) const COMMIT: &[u8] = b"commit";
/// The key of the number of the run.
pub(crate) const RUN: &[u8] = b"run";
/// The beginning of the keys of sessions that are over and whose rows are still there.
const ENDED: &[u8] = b"ended/";
/// Behind all keys of such sessions.
const ENDED_BEHIND: &[u8] = b"ended0";

/// How far the store has come; written with each commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Counts commits.
    pub(crate) sequence: u64,
    /// When, in milliseconds since the Unix epoch.
    pub(crate) wall_millis: u64,
    /// The highest version of a retained message so far.
    pub(crate) retained_version: u64,
}

pub(crate) fn encode(progress: Progress, to: &mut Encoder) {
    to.number(progress.sequence);
    to.number(progress.wall_millis);
    to.number(progress.retained_version);
}

pub(crate) fn decode(from: &mut Decoder<'_>) -> Result<Progress, Damage> {
    Ok(Progress {
        sequence: from.number()?,
        wall_millis: from.number()?,
        retained_version: from.number()?,
    })
}

/// The key that says that a session is over.
pub(crate) fn ended(session: SessionKey) -> Key {
    let mut key = Key::from_slice(ENDED);
    key.extend_from_slice(&space::session(session));
    key
}

/// Between which keys the sessions stand that are over.
pub(crate) const fn all_ended() -> (&'static [u8], &'static [u8]) {
    (ENDED, ENDED_BEHIND)
}

/// The session of such a key.
pub(crate) fn split_ended(key: &[u8]) -> Option<SessionKey> {
    let (session, rest) = space::split_session(key.strip_prefix(ENDED)?)?;
    rest.is_empty().then_some(session)
}
