//! Decisions that a connection remembers.

use std::collections::VecDeque;

use castmq_mqtt::Text;

use super::{Asked, Decision};

/// The last decisions about one connection, so that a client that publishes to the same topics again
/// is not decided about again. Bounded, and empty as soon as the rules change.
///
/// The most recent come first: a client has few topics at a time, so the search is short.
// differs: emqttd remembers every topic for as long as the connection lives, also across a reload of
// the rules.
#[derive(Clone, Debug)]
pub struct AccessCache {
    entries: VecDeque<(Asked, Text, Decision)>,
    entries_max: usize,
    generation: u64,
}

impl AccessCache {
    /// An empty cache for at most so many decisions; none are remembered with 0.
    #[must_use]
    pub fn new(entries_max: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            entries_max,
            generation: 0,
        }
    }

    /// What was decided under the rules of this generation.
    pub fn get(
        &mut self,
        generation: u64,
        asked: impl Into<Asked>,
        topic: &str,
    ) -> Option<Decision> {
        self.forget_older_than(generation);
        let asked = asked.into();
        let is_it =
            |(known, name, _): &(Asked, Text, Decision)| *known == asked && name.as_str() == topic;
        let position = self.entries.iter().position(is_it)?;
        if position > 0
            && let Some(entry) = self.entries.remove(position)
        {
            self.entries.push_front(entry);
        }
        self.entries.front().map(|(_, _, decision)| *decision)
    }

    /// Remembers a decision made under the rules of this generation; forgets the one that was asked
    /// for least recently when there are too many.
    pub fn put(
        &mut self,
        generation: u64,
        asked: impl Into<Asked>,
        topic: &Text,
        decision: Decision,
    ) {
        self.forget_older_than(generation);
        if self.entries_max == 0 {
            return;
        }
        self.entries.truncate(self.entries_max - 1);
        self.entries
            .push_front((asked.into(), topic.clone(), decision));
    }

    /// How many decisions are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no decision is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn forget_older_than(&mut self, generation: u64) {
        if self.generation != generation {
            self.generation = generation;
            self.entries.clear();
        }
    }
}
