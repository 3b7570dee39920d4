//! Timelines: what happened to each client id, over reconnects and takeovers.
//!
//! Each arbiter remembers what happened on it, in bounded memory and nothing per message; what is known
//! of a client may lie on several arbiters, because a connection moves to where its session is. A client
//! to which much happens pushes out its own past only, and those who are refused have a place apart, so
//! that nobody who is not let in can have the past of others forgotten.

mod told;

use ahash::RandomState;
use castmq_mqtt::{QoS, Subscription, Text, Version};
use castmq_observe::ProcessId;
use castmq_rules::chronicle::{Chronicle, ChronicleLimits};
use castmq_rules::{ClientId, MessageId, Moment};

use crate::{Shard, now};

/// What an arbiter remembers.
const REMEMBERED: ChronicleLimits = ChronicleLimits {
    entries_max: 8192,
    entries_of_one_max: 128,
    bytes_max: 1024 * 1024,
};

/// And of those who were refused.
const REFUSED_REMEMBERED: ChronicleLimits = ChronicleLimits {
    entries_max: 512,
    entries_of_one_max: 16,
    bytes_max: 64 * 1024,
};

/// What an entry counts for beyond its texts.
const ENTRY_BYTES: usize = 144;

/// Filters that are remembered of one packet.
const FILTERS_MAX: usize = 8;

/// What is remembered of a text that a client chose, in bytes; more than is ever shown of one.
const TEXT_BYTES_MAX: usize = 256;

/// Something that happened to a client.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) at: Moment,
    /// The process that it happened to.
    pub(crate) process: Option<ProcessId>,
    pub(crate) what: Happening,
}

/// What can happen to a client.
#[derive(Clone, Debug)]
pub(crate) enum Happening {
    /// It connected.
    Connected(Box<Connection>),
    /// It was not let in.
    Refused(Box<str>),
    /// It may not do what it wanted to; so often on this connection.
    Denied(&'static str, Text, u32),
    /// What it subscribed to.
    Subscribed(Box<Changed>),
    /// What it unsubscribed from.
    Unsubscribed(Box<Changed>),
    /// Its connection ended.
    Disconnected(Box<str>),
    /// Another connection, from there, took its place.
    TakenOver(Box<str>),
    /// It has a new session, which outlives its connection or not.
    SessionCreated(bool),
    /// Its session was there: so many messages wait, so many are in flight.
    SessionResumed(u32, u32),
    /// Its session is over, and why.
    SessionEnded(&'static str),
    /// Its will was published.
    WillPublished(Text),
    /// So many messages wait for it: more than the high watermark.
    QueueHigh(usize),
    /// Fewer than the low one.
    QueueLow(usize),
    /// Messages that it does not get.
    Lost(Box<Lost>),
    /// It was not read, or its socket took nothing, for so many milliseconds.
    Stalled(&'static str, u64),
    /// One of its processes failed.
    Crashed(&'static str),
}

/// How a client connected.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    pub(crate) from: String,
    pub(crate) listener: String,
    pub(crate) version: Version,
    pub(crate) clean_start: bool,
    pub(crate) keep_alive: u16,
    pub(crate) session_present: bool,
    pub(crate) user_name: Option<String>,
}

/// What a SUBSCRIBE or UNSUBSCRIBE changed: its first filters but very long ones, and how many more there
/// were.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changed {
    pub(crate) filters: Vec<(Subscription, QoS)>,
    pub(crate) more: usize,
    /// Filters that were refused, or not subscribed to.
    pub(crate) refused: usize,
    /// Whether the broker did it on behalf of the client.
    pub(crate) is_by_broker: bool,
}

/// Messages that a client does not get: the first, tenth, hundredth… for a reason is told.
#[derive(Clone, Debug)]
pub(crate) struct Lost {
    pub(crate) reason: &'static str,
    pub(crate) count: u64,
    pub(crate) topic: Text,
    pub(crate) message: MessageId,
}

impl Changed {
    pub(crate) fn add(&mut self, subscription: &Subscription, qos: QoS) {
        let is_short = subscription.filter().as_str().len() <= TEXT_BYTES_MAX;
        if is_short && self.filters.len() < FILTERS_MAX {
            self.filters.push((subscription.clone(), qos));
        } else {
            self.more += 1;
        }
    }
}

/// The timelines of an arbiter.
#[derive(Debug)]
pub(crate) struct Timeline {
    happened: Chronicle<ClientId, Entry, RandomState>,
    refused: Chronicle<ClientId, Entry, RandomState>,
    next: u64,
}

/// Where a reader stands: what comes next happened before this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) at: Moment,
    pub(crate) arbiter: u16,
    pub(crate) number: u64,
}

impl Timeline {
    pub(crate) fn with_hasher(hasher: RandomState) -> Self {
        Self {
            happened: Chronicle::with_hasher(REMEMBERED, hasher.clone()),
            refused: Chronicle::with_hasher(REFUSED_REMEMBERED, hasher),
            next: 0,
        }
    }

    fn note(&mut self, client: &ClientId, mut entry: Entry) {
        entry.what.cut();
        let bytes = ENTRY_BYTES + client.as_str().len() + entry.what.bytes();
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let number = self.next;
        self.next += 1;
        let chronicle = if matches!(entry.what, Happening::Refused(_)) {
            &mut self.refused
        } else {
            &mut self.happened
        };
        chronicle.note(client, number, entry, bytes);
    }

    /// What happened to a client before some place, newest first.
    pub(crate) fn before(
        &self,
        client: &ClientId,
        arbiter: u16,
        before: Option<Place>,
        len_max: usize,
    ) -> Vec<(Place, Entry)> {
        let all = [&self.happened, &self.refused];
        let mut found = Vec::new();
        for chronicle in all {
            let places = chronicle.newest_first_of(client, u64::MAX).map(|entry| {
                let (number, at) = (entry.number, entry.value.at);
                let place = Place {
                    at,
                    arbiter,
                    number,
                };
                (place, entry.value)
            });
            let places = places.filter(|(place, _)| before.is_none_or(|before| *place < before));
            found.extend(places.take(len_max).map(|(place, e)| (place, e.clone())));
        }
        found.sort_by_key(|(place, _)| std::cmp::Reverse(*place));
        found.truncate(len_max);
        found
    }
}

/// So much of a text as is remembered, if that is not all.
fn cut(text: &str) -> Option<String> {
    (text.len() > TEXT_BYTES_MAX).then(|| {
        let end = text.floor_char_boundary(TEXT_BYTES_MAX);
        format!("{}…", text.get(..end).unwrap_or_default())
    })
}

fn cut_text(text: &mut Text) {
    if let Some(short) = cut(text).and_then(|short| Text::try_from(short).ok()) {
        *text = short;
    }
}

impl Happening {
    /// Gives up what is too long of texts that clients chose.
    fn cut(&mut self) {
        match self {
            Self::Connected(connection) => {
                let short = connection.user_name.as_deref().and_then(cut);
                connection.user_name = short.or_else(|| connection.user_name.take());
            }
            Self::Refused(text) | Self::Disconnected(text) | Self::TakenOver(text) => {
                if let Some(short) = cut(text) {
                    *text = short.into();
                }
            }
            Self::Denied(_, topic, _) | Self::WillPublished(topic) => cut_text(topic),
            Self::Lost(lost) => cut_text(&mut lost.topic),
            Self::Subscribed(_)
            | Self::Unsubscribed(_)
            | Self::SessionCreated(_)
            | Self::SessionResumed(..)
            | Self::SessionEnded(_)
            | Self::QueueHigh(_)
            | Self::QueueLow(_)
            | Self::Stalled(..)
            | Self::Crashed(_) => {}
        }
    }

    /// What its texts take.
    fn bytes(&self) -> usize {
        match self {
            Self::Connected(connection) => {
                let Connection {
                    from,
                    listener,
                    user_name,
                    ..
                } = &**connection;
                let user = user_name.as_ref().map_or(0, String::len);
                size_of::<Connection>() + from.len() + listener.len() + user
            }
            Self::Refused(text) | Self::Disconnected(text) | Self::TakenOver(text) => text.len(),
            Self::Denied(_, topic, _) | Self::WillPublished(topic) => topic.len(),
            Self::Subscribed(changed) | Self::Unsubscribed(changed) => {
                let filters = changed.filters.iter();
                let texts = filters.map(|(filter, _)| filter.filter().as_str().len());
                size_of::<Changed>() + texts.map(|text| text + 64).sum::<usize>()
            }
            Self::Lost(lost) => size_of::<Lost>() + lost.topic.len(),
            Self::SessionCreated(_)
            | Self::SessionResumed(..)
            | Self::SessionEnded(_)
            | Self::QueueHigh(_)
            | Self::QueueLow(_)
            | Self::Stalled(..)
            | Self::Crashed(_) => 0,
        }
    }
}

/// Notes what happened to a client.
pub(crate) fn note(
    shard: &mut Shard,
    client: &ClientId,
    process: Option<ProcessId>,
    what: Happening,
) {
    let at = now(shard);
    let entry = Entry { at, process, what };
    shard.world.timeline.note(client, entry);
}

/// Whether the so many-th of something that may happen often is told: the first, tenth, hundredth…
pub(crate) const fn is_told(count: u64) -> bool {
    let mut power = 1;
    while power < count {
        power *= 10;
        if power > 1_000_000_000 {
            return false;
        }
    }
    power == count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_happens_often_the_first_tenth_and_hundredth_are_told() {
        let told: Vec<u64> = (0..=1000).filter(|count| is_told(*count)).collect();
        assert_eq!(told, [1, 10, 100, 1000]);
    }

    #[test]
    fn an_entry_is_small() {
        let size = size_of::<Entry>();
        assert!(size <= 64, "{size} bytes");
    }
}
