//! What waits for the client: everything that was handed in and has not come out.

use std::collections::{BTreeMap, VecDeque};

use castmq_mqtt::QoS;

use super::inflight::{is_over, say_delivery};
use super::{Rule, Scene, Verdict, Violation, Witness};
use crate::Delivery;
use crate::session::{Change, Page, RetainedChunk, Returned, SessionSettings};

/// What waits.
#[derive(Clone, Debug, Default)]
pub(super) struct Waiting {
    /// In the order in which it came.
    pub(super) list: VecDeque<Waited>,
    /// What the last input has brought, which is not in the queue yet.
    pub(super) incoming: Option<Delivery>,
    /// There may be messages in the store that the witness has not seen.
    pub(super) is_unsure: bool,
    /// Those have lower numbers than this.
    pub(super) unseen_below: u64,
    /// A page was asked for and has not come.
    pub(super) is_reading: bool,
    /// Messages with a lower number may have been sent before a restart.
    pub(super) sent_below: u64,
    /// Part of the queue is in the store alone.
    pub(super) has_stored_part: bool,
    /// What the list counts for.
    bytes: usize,
    /// Of the retained messages of a chunk so many still have to come; which, the session has not said.
    chunks: BTreeMap<u64, usize>,
    next_chunk: u64,
}

/// A message that waits.
#[derive(Clone, Debug)]
pub(super) struct Waited {
    pub(super) delivery: Delivery,
    /// Its number in a kept session, once it is known.
    pub(super) number: Option<u64>,
    /// It must not leave before it is stored, and is not.
    pub(super) is_unstored: bool,
    pub(super) may_be_repetition: bool,
    /// It came with this chunk of retained messages, and the session may have left it out.
    pub(super) chunk: Option<u64>,
}

impl Waited {
    pub(super) fn new(delivery: Delivery) -> Self {
        Self {
            delivery,
            number: None,
            is_unstored: false,
            may_be_repetition: false,
            chunk: None,
        }
    }
}

impl Waiting {
    pub(super) fn come(&mut self, delivery: &Delivery, is_unstored: bool) {
        self.incoming = Some(delivery.clone());
        let mut waited = Waited::new(delivery.clone());
        waited.is_unstored = is_unstored;
        self.push(waited);
    }

    pub(super) fn push(&mut self, waited: Waited) {
        self.bytes += weight(&waited.delivery);
        self.list.push_back(waited);
    }

    pub(super) fn stored(&mut self, number: u64) {
        for waited in &mut self.list {
            if waited.number == Some(number) {
                waited.is_unstored = false;
            }
        }
    }

    /// Messages that were read from the store: some are known, some were there before the witness.
    pub(super) fn read(&mut self, page: &Page) {
        self.is_reading = false;
        let mut at = 0;
        for (number, delivery) in &page.messages {
            if let Some(place) = self
                .list
                .iter()
                .position(|known| known.number == Some(*number))
            {
                at = place + 1;
                continue;
            }
            let mut waited = Waited::new(delivery.clone());
            waited.number = Some(*number);
            waited.may_be_repetition = *number < self.sent_below;
            let later = |known: &Waited| known.number.is_some_and(|known| known > *number);
            at = self
                .list
                .iter()
                .position(later)
                .unwrap_or(self.list.len())
                .max(at);
            self.bytes += weight(&waited.delivery);
            self.list.insert(at, waited);
            at += 1;
        }
        self.is_unsure &= page.next < self.unseen_below;
    }

    /// In a kept session a message that is stored has a number.
    pub(super) fn note_change(&mut self, change: &Change) {
        if let Change::Queued {
            number, delivery, ..
        } = change
        {
            let is_it = |waited: &&mut Waited| {
                waited.number.is_none() && is_same(&waited.delivery, delivery)
            };
            if let Some(waited) = self.list.iter_mut().rev().find(is_it) {
                waited.number = Some(*number);
                waited.is_unstored |= delivery.qos == QoS::ExactlyOnce;
            }
        }
    }

    /// A message leaves: the first one of the highest priority, and nothing was sent or dropped of it.
    pub(super) fn leaves(
        &mut self,
        delivery: &Delivery,
        settings: &SessionSettings,
    ) -> Result<Waited, Violation> {
        let Some(place) = self.find(delivery) else {
            return Rule::OnceOut.broken(|| {
                format!(
                    "{} was not handed in, or has left before",
                    say_delivery(delivery)
                )
            });
        };
        let chunk = self.list.get(place).and_then(|waited| waited.chunk);
        if let Some(first) = self.rival(place, chunk, settings) {
            return Rule::Order.broken(|| {
                let (this, first) = (say_delivery(delivery), say_delivery(&first.delivery));
                format!("{this} leaves before {first}")
            });
        }
        let taken = self.take(place);
        taken.map_or_else(|| Rule::OnceOut.broken(|| say_delivery(delivery)), Ok)
    }

    /// One that has to leave before that.
    fn rival(
        &self,
        place: usize,
        chunk: Option<u64>,
        settings: &SessionSettings,
    ) -> Option<&Waited> {
        // Of its own chunk some may have been left out.
        let counts = |waited: &&Waited| waited.chunk.is_none() || waited.chunk != chunk;
        if settings.queue.priorities.is_empty() {
            return self.list.iter().take(place).find(counts);
        }
        let priority = |waited: &Waited| {
            settings
                .queue
                .priority(waited.delivery.message.topic.as_str())
        };
        let own = self.list.get(place).map_or(0, priority);
        let others = self.list.iter().enumerate();
        let rivals = others.filter(|(other, waited)| {
            let first = priority(waited) > own || (*other < place && priority(waited) == own);
            first && waited.chunk.is_none()
        });
        rivals.map(|(_, waited)| waited).next()
    }

    /// Takes one out. When all of its chunk have come that the session has counted, the others were left
    /// out.
    pub(super) fn take(&mut self, place: usize) -> Option<Waited> {
        let waited = self.list.remove(place)?;
        self.bytes -= weight(&waited.delivery);
        let Some(chunk) = waited.chunk else {
            return Some(waited);
        };
        let left = self.chunks.get_mut(&chunk)?;
        *left = left.saturating_sub(1);
        if *left == 0 {
            self.chunks.remove(&chunk);
            self.list.retain(|other| other.chunk != Some(chunk));
            self.bytes = self
                .list
                .iter()
                .map(|waited| weight(&waited.delivery))
                .sum();
        }
        Some(waited)
    }

    pub(super) fn find(&self, delivery: &Delivery) -> Option<usize> {
        self.list
            .iter()
            .position(|waited| is_same(&waited.delivery, delivery))
    }

    /// A message that could be sent and was not.
    pub(super) fn sendable(
        &self,
        settings: &SessionSettings,
        is_free: bool,
        is_kept: bool,
    ) -> Option<&Delivery> {
        if self.is_unsure || self.is_reading || (is_kept && self.has_stored_part) {
            return None;
        }
        if !self.chunks.is_empty() {
            return None;
        }
        let first = if settings.queue.priorities.is_empty() {
            self.list.front()?
        } else {
            let priority = |waited: &Waited| {
                settings
                    .queue
                    .priority(waited.delivery.message.topic.as_str())
            };
            let highest = self.list.iter().map(priority).max()?;
            self.list
                .iter()
                .find(|waited| priority(waited) == highest)?
        };
        let is_sendable = first.delivery.qos == QoS::AtMostOnce || (is_free && !first.is_unstored);
        is_sendable.then_some(&first.delivery)
    }
}

impl Witness {
    /// A chunk of retained messages: as many of them as the session says, each as the subscription wants
    /// it.
    pub(super) fn retained(&mut self, chunk: &RetainedChunk, scene: &Scene<'_>) -> Verdict {
        let Returned::Count(count) = scene.returned else {
            return Rule::OnceOut
                .broken(|| "a chunk of retained messages is not counted".to_owned());
        };
        if count == 0 {
            return Ok(());
        }
        let wanted = self.grants.retained(&self.client_id, chunk);
        Rule::NoLocal.holds(count <= wanted.len(), || {
            format!(
                "{count} retained messages of {} that the client may get",
                wanted.len()
            )
        })?;
        self.waiting.chunk(wanted, count);
        Ok(())
    }

    /// What waits is within the bounds, and what may not wait does not.
    pub(super) fn queue_settled(&mut self, scene: &Scene<'_>) -> Verdict {
        let incoming = self.waiting.incoming.take();
        let queue = &self.settings.queue;
        if self.waiting.list.is_empty() {
            self.waiting.has_stored_part = false;
            return Ok(());
        }
        let (len, bytes) = self.waiting.size();
        if self.is_kept {
            let is_beyond = len >= queue.memory_len_max || bytes >= queue.memory_bytes_max;
            self.waiting.has_stored_part |= is_beyond;
            return Ok(());
        }
        let is_certain = self.waiting.chunks.is_empty();
        let is_within = len <= queue.len_max && bytes <= queue.bytes_max;
        Rule::QueueBound.holds(is_within || !is_certain || self.waiting.is_unsure, || {
            format!("{len} messages of {bytes} bytes wait")
        })?;
        if is_certain && self.link.is_none() && !self.settings.keeps_qos0_offline {
            let left = self
                .waiting
                .list
                .iter()
                .find(|waited| waited.delivery.qos == QoS::AtMostOnce);
            if let Some(left) = left {
                return Rule::Drop.broken(|| {
                    format!(
                        "{} waits for a client that is away",
                        say_delivery(&left.delivery)
                    )
                });
            }
        }
        match incoming {
            Some(delivery) if is_over(&delivery, scene.now) => {
                let waits = self.waiting.find(&delivery).is_some();
                Rule::Expiry.holds(!waits, || {
                    format!("{} waits after its lifetime", say_delivery(&delivery))
                })
            }
            _ => Ok(()),
        }
    }
}

impl Waiting {
    /// How many, and what they count for.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.list.len(), self.bytes)
    }

    /// Retained messages of which so many come.
    fn chunk(&mut self, wanted: Vec<Delivery>, count: usize) {
        let are_all = wanted.len() == count;
        let chunk = self.next_chunk;
        for delivery in wanted {
            let mut waited = Waited::new(delivery);
            waited.chunk = (!are_all).then_some(chunk);
            self.push(waited);
        }
        if !are_all {
            self.next_chunk += 1;
            self.chunks.insert(chunk, count);
        }
    }
}

pub(super) fn weight(delivery: &Delivery) -> usize {
    delivery.message.weight()
}

/// The same message in the same way. Copies of one share its memory, which is quick to see.
pub(super) fn is_same(one: &Delivery, other: &Delivery) -> bool {
    one.message.id == other.message.id && one == other
}
