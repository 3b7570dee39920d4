//! Key spaces: which kinds of rows there are, and how their keys are built.
//!
//! Numbers in keys are big-endian, so that rows stand in the order of their numbers.

use castmq_mqtt::PacketId;
use smallvec::SmallVec;

use crate::SessionKey;

/// A kind of rows. Each has keys of its own; a commit may touch several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Space {
    /// Session → the session as such.
    Sessions = 0,
    /// Session, filter → how it subscribes.
    Subscriptions = 1,
    /// Session, number → a message, or which body it is.
    Queue = 2,
    /// Message → a message that several sessions wait for.
    Bodies = 3,
    /// Session, packet id → a PUBREC that waits for PUBCOMP.
    Released = 4,
    /// Session, packet id → a QoS 2 message of the client that waits for PUBREL.
    Received = 5,
    /// Topic → its retained message.
    Retained = 6,
    /// User, or the rules → what is kept of it.
    Users = 7,
    /// Who is banned; nothing writes them yet.
    Bans = 8,
    /// What the store knows of itself.
    Meta = 9,
    /// Session → where its queue begins and ends, unless something has happened to it since.
    Ends = 10,
}

impl Space {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Sessions,
        Self::Subscriptions,
        Self::Queue,
        Self::Bodies,
        Self::Released,
        Self::Received,
        Self::Retained,
        Self::Users,
        Self::Bans,
        Self::Meta,
        Self::Ends,
    ];

    /// Its name on the disk.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sessions => "sess",
            Self::Subscriptions => "subs",
            Self::Queue => "q",
            Self::Bodies => "body",
            Self::Released => "rel",
            Self::Received => "rx2",
            Self::Retained => "ret",
            Self::Users => "users",
            Self::Bans => "ban",
            Self::Meta => "meta",
            Self::Ends => "ends",
        }
    }
}

/// A key of a row; most fit in without an allocation.
pub type Key = SmallVec<[u8; 24]>;

/// The key of a session, and the beginning of the keys of all its rows.
pub(crate) fn session(session: SessionKey) -> Key {
    SmallVec::from_slice(&session.0.to_be_bytes())
}

/// The first key behind all rows of a session; `None` when there is none.
pub(crate) fn behind(session_key: SessionKey) -> Option<Key> {
    session_key
        .0
        .checked_add(1)
        .map(|next| session(SessionKey(next)))
}

/// The key of a message in the queue of a session.
pub(crate) fn queued(session_key: SessionKey, number: u64) -> Key {
    let mut key = session(session_key);
    key.extend_from_slice(&number.to_be_bytes());
    key
}

/// From here on a filter is too long for a key; an engine may take no key beyond 65 535 bytes.
const LONG_BYTES: usize = 4096;

/// Whether a filter does not stand in its key.
pub(crate) fn is_long(filter: &str) -> bool {
    filter.len() >= LONG_BYTES
}

/// The key of a subscription. For a long filter it ends in a hash behind a 0, which no filter holds.
pub(crate) fn subscription(session_key: SessionKey, filter: &str) -> Key {
    let mut key = session(session_key);
    if is_long(filter) {
        key.push(0);
        key.extend_from_slice(&xxhash_rust::xxh3::xxh3_128(filter.as_bytes()).to_be_bytes());
    } else {
        key.extend_from_slice(filter.as_bytes());
    }
    key
}

/// The key of a packet id of a session.
pub(crate) fn packet(session_key: SessionKey, id: PacketId) -> Key {
    let mut key = session(session_key);
    key.extend_from_slice(&id.get().to_be_bytes());
    key
}

/// The key of a body.
pub(crate) fn body(message: u64) -> Key {
    SmallVec::from_slice(&message.to_be_bytes())
}

/// The session and the rest of a key that begins with one.
pub(crate) fn split_session(key: &[u8]) -> Option<(SessionKey, &[u8])> {
    let (session, rest) = key.split_first_chunk::<8>()?;
    Some((SessionKey(u64::from_be_bytes(*session)), rest))
}

/// The session and the number of a key of a queue.
pub(crate) fn split_queued(key: &[u8]) -> Option<(SessionKey, u64)> {
    let (session, rest) = split_session(key)?;
    Some((session, u64::from_be_bytes(rest.try_into().ok()?)))
}

/// The session and the packet id of a key.
pub(crate) fn split_packet(key: &[u8]) -> Option<(SessionKey, PacketId)> {
    let (session, rest) = split_session(key)?;
    let id = PacketId::new(u16::from_be_bytes(rest.try_into().ok()?))?;
    Some((session, id))
}

/// The message of a key of a body.
pub(crate) fn split_body(key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(key.try_into().ok()?))
}
