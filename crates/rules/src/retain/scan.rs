//! Scans: the retained messages that a filter matches, in chunks, by jumps.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::btree_map;
use std::ops::Bound;
use std::sync::Arc;

use castmq_mqtt::{TopicFilter, TopicName};
use serde::{Deserialize, Serialize};

use super::{Kept, Key, Retained};
use crate::levels::{LEVEL_END, order_key};
use crate::{Message, Moment};

/// What one chunk of a scan may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScanBudget {
    /// How many messages it may bring.
    pub messages: usize,
    /// How many topics it may look at.
    pub steps: usize,
}

/// Goes through the retained messages that a filter matches, in the order of their topics. It holds
/// a place among the topics and no message, so what comes and goes between two chunks does no harm:
/// a topic that is there all the time is found exactly once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scan {
    filter: TopicFilter,
    /// Where to go on; `None` at the end.
    place: Option<Bound<Vec<u8>>>,
}

/// What a look at one topic says about where to look next.
enum Verdict {
    /// It matches; so may the next one.
    Match,
    /// It does not match, and neither does any topic before this key.
    Jump(Vec<u8>),
    /// No topic behind it matches.
    End,
}

impl Scan {
    /// A scan from the first topic on.
    #[must_use]
    pub fn new(filter: TopicFilter) -> Self {
        Self {
            filter,
            place: Some(Bound::Included(Vec::new())),
        }
    }

    /// A scan that goes on behind a topic, whether or not that one still has a message.
    #[must_use]
    pub fn after(filter: TopicFilter, topic: &TopicName) -> Self {
        Self {
            filter,
            place: Some(Bound::Excluded(order_key(topic.as_str()).into_vec())),
        }
    }

    /// The filter.
    #[must_use]
    pub fn filter(&self) -> &TopicFilter {
        &self.filter
    }

    /// Whether nothing more will come.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.place.is_none()
    }
}

impl Retained {
    /// The next messages of a scan, without those whose time is over. It may be empty although the
    /// scan is not done: then the budget of steps ran out.
    pub fn next_chunk(
        &self,
        scan: &mut Scan,
        budget: ScanBudget,
        now: Moment,
    ) -> Vec<Arc<Message>> {
        let mut chunk = Vec::new();
        let Some(place) = scan.place.take() else {
            return chunk;
        };
        if !scan.filter.has_wildcard() {
            chunk.extend(self.exact(scan.filter.as_str(), &place, now));
            return chunk;
        }
        let mut topics = self.range(place.as_ref().map(Vec::as_slice));
        let mut place = place.as_ref().map(|key| Cow::Borrowed(key.as_slice()));
        for _ in 0..budget.steps {
            if chunk.len() >= budget.messages {
                break;
            }
            let Some((key, kept)) = topics.next() else {
                return chunk;
            };
            match judge(scan.filter.as_str(), key) {
                Verdict::Match => {
                    if kept.is_alive(now) {
                        chunk.push(Arc::clone(&kept.message));
                    }
                    place = Bound::Excluded(Cow::Borrowed(key));
                }
                Verdict::Jump(to) => {
                    topics = self.range(Bound::Included(&to));
                    place = Bound::Included(Cow::Owned(to));
                }
                Verdict::End => return chunk,
            }
        }
        scan.place = Some(place.map(Cow::into_owned));
        chunk
    }

    fn range(&self, from: Bound<&[u8]>) -> btree_map::Range<'_, Key, Kept> {
        self.messages
            .range::<[u8], _>((from, Bound::<&[u8]>::Unbounded))
    }

    /// The only message that a filter without wildcard can match.
    fn exact(&self, filter: &str, place: &Bound<Vec<u8>>, now: Moment) -> Option<Arc<Message>> {
        let key = order_key(filter);
        let is_ahead = match place {
            Bound::Included(from) => key.as_slice() >= from.as_slice(),
            Bound::Excluded(after) => key.as_slice() > after.as_slice(),
            Bound::Unbounded => true,
        };
        let kept = self.messages.get(key.as_slice())?;
        (is_ahead && kept.is_alive(now)).then(|| Arc::clone(&kept.message))
    }
}

/// Compares a topic with a filter, and says where the next match may be.
fn judge(filter: &str, key: &[u8]) -> Verdict {
    // [MQTT3-4.7.2-1] [MQTT5-4.7.2-1]
    if key.first() == Some(&b'$') && filter.starts_with(['+', '#']) {
        return Verdict::Jump(vec![b'$' + 1]);
    }
    let mut names = key.split(|&byte| byte == LEVEL_END);
    let mut start = 0;
    // The end of the last level that `+` stood for: only there a later topic can differ and match.
    let mut free = None;
    for level in filter.split('/') {
        if level == "#" {
            return Verdict::Match;
        }
        let Some(name) = names.next() else {
            let literal = if level == "+" { "" } else { level };
            return Verdict::Jump([key, &[LEVEL_END], literal.as_bytes()].concat());
        };
        if level == "+" {
            free = Some(start + name.len());
        } else {
            match name.cmp(level.as_bytes()) {
                Ordering::Equal => {}
                Ordering::Less => {
                    return Verdict::Jump([head(key, start), level.as_bytes()].concat());
                }
                Ordering::Greater => return next_sibling(key, free),
            }
        }
        start += name.len() + 1;
    }
    match names.next() {
        None => Verdict::Match,
        Some(_) => next_sibling(key, free),
    }
}

/// Behind all topics that share the levels up to `free`.
fn next_sibling(key: &[u8], free: Option<usize>) -> Verdict {
    match free {
        Some(end) => Verdict::Jump([head(key, end), &[LEVEL_END + 1]].concat()),
        None => Verdict::End,
    }
}

fn head(key: &[u8], end: usize) -> &[u8] {
    key.get(..end).unwrap_or(key)
}
