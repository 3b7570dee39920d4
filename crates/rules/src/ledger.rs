//! Ledger: every message that somebody did not get, with its reason.
//!
//! Counts are exact and for ever, samples are the last few of each reason, so that a rare reason is
//! not pushed out by a frequent one. What came in equals what went out and what stands here.

use std::collections::{BTreeMap, VecDeque};

use castmq_mqtt::TopicName;

use crate::{ClientId, Moment};

#[cfg(test)]
mod tests;

/// The losses of an arbiter or of a node, by reasons `R`.
#[derive(Clone, Debug)]
pub struct Ledger<R> {
    reasons: BTreeMap<R, Page>,
    samples_max: usize,
}

/// One loss.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Who did not get it; `None` when it was for nobody in particular.
    pub client: Option<ClientId>,
    /// What it was about.
    pub topic: TopicName,
    /// When.
    pub at: Moment,
}

/// All that is known of one reason.
#[derive(Clone, Debug, Default)]
struct Page {
    count: u64,
    samples: VecDeque<Loss>,
}

impl<R: Copy + Ord> Ledger<R> {
    /// Nothing lost yet, and at most so many samples of each reason.
    #[must_use]
    pub fn new(samples_max: usize) -> Self {
        Self {
            reasons: BTreeMap::new(),
            samples_max,
        }
    }

    /// Notes a loss.
    pub fn note(&mut self, reason: R, client: Option<&ClientId>, topic: &TopicName, at: Moment) {
        let page = self.reasons.entry(reason).or_default();
        page.count += 1;
        if self.samples_max == 0 {
            return;
        }
        if page.samples.len() >= self.samples_max {
            page.samples.pop_front();
        }
        page.samples.push_back(Loss {
            client: client.cloned(),
            topic: topic.clone(),
            at,
        });
    }

    /// Notes losses of which no more is known than their number.
    pub fn note_many(&mut self, reason: R, count: u64) {
        self.reasons.entry(reason).or_default().count += count;
    }

    /// Takes over all that another ledger holds, and leaves it empty. Its samples count as later.
    pub fn absorb(&mut self, other: &mut Self) {
        for (reason, page) in std::mem::take(&mut other.reasons) {
            let own = self.reasons.entry(reason).or_default();
            own.count += page.count;
            own.samples.extend(page.samples);
            let excess = own.samples.len().saturating_sub(self.samples_max);
            own.samples.drain(..excess);
        }
    }

    /// How many were lost for a reason.
    #[must_use]
    pub fn count(&self, reason: R) -> u64 {
        self.reasons.get(&reason).map_or(0, |page| page.count)
    }

    /// How many were lost for each reason that occurred, in the order of reasons.
    pub fn counts(&self) -> impl Iterator<Item = (R, u64)> {
        self.reasons
            .iter()
            .map(|(reason, page)| (*reason, page.count))
    }

    /// How many were lost.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.reasons.values().map(|page| page.count).sum()
    }

    /// The last losses for a reason, the latest last.
    pub fn samples(&self, reason: R) -> impl Iterator<Item = &Loss> {
        self.reasons
            .get(&reason)
            .into_iter()
            .flat_map(|page| &page.samples)
    }
}
