//! Which retained message of a topic is the newest: those of different arbiters may come in any order.

use std::collections::{BTreeMap, HashMap};

use castmq_mqtt::TopicName;

use crate::codec::{retained, unseal};
use crate::{Op, Space, Store, StoreError, Submission, Timeline};

/// How many deletions are remembered, so that an older message that comes late does not undo one.
/// An arbiter would have to be behind by as many deletions of others.
const DELETIONS_MAX: usize = 65_536;

/// What is known of versions.
#[derive(Debug)]
pub(super) struct Versions {
    /// No version that came so far is higher.
    highest: u64,
    deleted: HashMap<TopicName, u64, ahash::RandomState>,
    deletions: BTreeMap<u64, TopicName>,
    /// Of the topics of which something comes late: what is known so far.
    late: HashMap<TopicName, u64, ahash::RandomState>,
}

impl Versions {
    pub(super) fn new(highest: u64) -> Self {
        Self {
            highest,
            deleted: HashMap::default(),
            deletions: BTreeMap::new(),
            late: HashMap::default(),
        }
    }

    pub(super) fn highest(&self) -> u64 {
        self.highest
    }

    /// Looks up what is needed to judge these; the only part that may fail, and it changes nothing.
    pub(super) fn prepare(
        &mut self,
        store: &dyn Store,
        timeline: Timeline,
        group: &[Submission],
    ) -> Result<(), StoreError> {
        self.late.clear();
        let mut highest = self.highest;
        let ops = group.iter().flat_map(|submission| &submission.ops);
        for (topic, version) in ops.filter_map(retained_of) {
            if version > highest {
                highest = version;
            } else if !self.late.contains_key(topic) {
                let stored = self.stored(store, timeline, topic)?;
                self.late.insert(topic.clone(), stored);
            }
        }
        Ok(())
    }

    /// Whether a version is newer than all that came of its topic.
    pub(super) fn is_newest(&mut self, topic: &TopicName, version: u64) -> bool {
        self.note(topic, version, |known| known < version)
    }

    /// Whether no version of the topic is newer: what ends by its time, or by somebody's word, ends in the
    /// version that it has.
    pub(super) fn is_not_older(&mut self, topic: &TopicName, version: u64) -> bool {
        self.note(topic, version, |known| known <= version)
    }

    fn note(&mut self, topic: &TopicName, version: u64, counts: impl Fn(u64) -> bool) -> bool {
        if version > self.highest {
            self.highest = version;
        } else if self.late.get(topic).is_some_and(|known| !counts(*known)) {
            return false;
        }
        if let Some(known) = self.late.get_mut(topic) {
            *known = version;
        }
        true
    }

    /// The topic was deleted in this version.
    pub(super) fn remember_deletion(&mut self, topic: &TopicName, version: u64) {
        if let Some(earlier) = self.deleted.insert(topic.clone(), version) {
            self.deletions.remove(&earlier);
        }
        self.deletions.insert(version, topic.clone());
        if self.deletions.len() > DELETIONS_MAX
            && let Some((_, oldest)) = self.deletions.pop_first()
        {
            self.deleted.remove(&oldest);
        }
    }

    fn stored(
        &self,
        store: &dyn Store,
        timeline: Timeline,
        topic: &TopicName,
    ) -> Result<u64, StoreError> {
        let deleted = self.deleted.get(topic).copied().unwrap_or_default();
        let key = topic.as_str().as_bytes();
        let Some(value) = store.get(Space::Retained, key)? else {
            return Ok(deleted);
        };
        let row = (Space::Retained, key);
        match unseal(row, &value, timeline, retained::decode_version) {
            Ok(version) => Ok(version.max(deleted)),
            // Whatever it was, it cannot be read any more.
            Err(_) => Ok(deleted),
        }
    }
}

fn retained_of(op: &Op) -> Option<(&TopicName, u64)> {
    match op {
        Op::Retain { message, .. } => Some((&message.topic, message.version.unwrap_or_default())),
        Op::Unretain { topic, version } => Some((topic, *version)),
        Op::Session(..) | Op::Account { .. } => None,
    }
}
