//! Ledger: every message that somebody did not get, with its reason.
//!
//! Counts are exact and for ever. Of the losses themselves a [`Ledger`] has the last few of each reason
//! until they are handed over, and an [`Archive`] the last of each reason and client, so that neither a
//! frequent reason nor a client that loses much pushes out the others. What came in equals what went out
//! and what stands here.

use std::collections::{BTreeMap, VecDeque};
use std::hash::BuildHasher;

use castmq_mqtt::{QoS, ReasonCode, Text, TopicFilter, TopicName};

use crate::chronicle::{Chronicle, ChronicleLimits};
use crate::{ClientId, Delivery, Message, MessageId, WallTime};

#[cfg(test)]
mod tests;

/// What a loss counts for beyond its texts: itself and its place.
const LOSS_BYTES: usize = 160;

/// The losses of an arbiter by reasons `R`, until they are handed over.
#[derive(Clone, Debug)]
pub struct Ledger<R> {
    reasons: BTreeMap<R, Page<R>>,
    samples_max: usize,
}

/// One loss, or several that are alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss<R> {
    /// Why.
    pub reason: R,
    /// Who did not get it, or whose it was; `None` when it was for nobody in particular.
    pub client: Option<ClientId>,
    /// What it was about: a topic, or the filter of a subscription that was refused.
    pub topic: Option<Text>,
    /// Which message.
    pub message: Option<MessageId>,
    /// How it was to be delivered, or was published.
    pub qos: Option<QoS>,
    /// What else is known.
    pub detail: Detail,
    /// How many there were.
    pub count: u64,
}

/// What else is known of a loss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// Nothing.
    #[default]
    None,
    /// What was not allowed or not done.
    What(&'static str),
    /// What the publisher was told.
    Answer(ReasonCode),
    /// What was exceeded.
    Bytes(u64),
}

/// What is known of one reason.
#[derive(Clone, Debug)]
struct Page<R> {
    count: u64,
    samples: VecDeque<Loss<R>>,
}

impl<R> Default for Page<R> {
    fn default() -> Self {
        Self {
            count: 0,
            samples: VecDeque::new(),
        }
    }
}

impl<R> Loss<R> {
    /// A loss of which no more is known.
    #[must_use]
    pub const fn new(reason: R) -> Self {
        Self {
            reason,
            client: None,
            topic: None,
            message: None,
            qos: None,
            detail: Detail::None,
            count: 1,
        }
    }

    /// A client does not get a message.
    #[must_use]
    pub fn of_delivery(reason: R, client: &ClientId, delivery: &Delivery) -> Self {
        Self {
            qos: Some(delivery.qos),
            ..Self::of_message(reason, &delivery.message).client(client)
        }
    }

    /// Something became of a message on its way in.
    #[must_use]
    pub fn of_message(reason: R, message: &Message) -> Self {
        Self {
            topic: Some(message.topic.text().clone()),
            message: Some(message.id),
            qos: Some(message.qos),
            ..Self::new(reason)
        }
    }

    /// Whose.
    #[must_use]
    pub fn client(mut self, client: &ClientId) -> Self {
        self.client = Some(client.clone());
        self
    }

    /// About what.
    #[must_use]
    pub fn topic(mut self, topic: &Text) -> Self {
        self.topic = Some(topic.clone());
        self
    }

    /// With which promise.
    #[must_use]
    pub const fn qos(mut self, qos: QoS) -> Self {
        self.qos = Some(qos);
        self
    }

    /// What else is known.
    #[must_use]
    pub const fn detail(mut self, detail: Detail) -> Self {
        self.detail = detail;
        self
    }

    /// How many, which are alike.
    #[must_use]
    pub const fn count(mut self, count: u64) -> Self {
        self.count = count;
        self
    }

    fn bytes(&self) -> u32 {
        let client = self.client.as_ref().map_or(0, |id| id.as_str().len());
        let topic = self.topic.as_ref().map_or(0, |topic| topic.len());
        u32::try_from(LOSS_BYTES + client + topic).unwrap_or(u32::MAX)
    }
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
    pub fn note(&mut self, loss: Loss<R>) {
        let page = self.reasons.entry(loss.reason).or_default();
        page.count += loss.count;
        if self.samples_max == 0 {
            return;
        }
        if page.samples.len() >= self.samples_max {
            page.samples.pop_front();
        }
        page.samples.push_back(loss);
    }

    /// Notes losses of which no more is known than their number.
    pub fn note_many(&mut self, reason: R, count: u64) {
        self.reasons.entry(reason).or_default().count += count;
    }

    /// How many were lost for a reason since the last hand-over.
    #[must_use]
    pub fn count(&self, reason: R) -> u64 {
        self.reasons.get(&reason).map_or(0, |page| page.count)
    }
}

/// A loss that is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filed<R> {
    /// Which one; the higher, the later.
    pub number: u64,
    /// When.
    pub at: WallTime,
    /// What.
    pub loss: Loss<R>,
}

/// The losses of a node.
#[derive(Clone, Debug)]
pub struct Archive<R, H> {
    limits: ChronicleLimits,
    hasher: H,
    reasons: BTreeMap<R, File<R, H>>,
    /// Number of the next loss.
    next: u64,
}

#[derive(Clone, Debug)]
struct File<R, H> {
    count: u64,
    losses: Chronicle<Option<ClientId>, (WallTime, Loss<R>), H>,
}

/// Which losses are wanted; those that fit all that is said.
#[derive(Clone, Debug)]
pub struct LossesWanted<R> {
    /// Of this client.
    pub client: Option<ClientId>,
    /// On topics that this matches, and of subscriptions to the same filter.
    pub topic: Option<TopicFilter>,
    /// Of this message.
    pub message: Option<MessageId>,
    /// For this reason.
    pub reason: Option<R>,
    /// With lower numbers than this one.
    pub before: u64,
    /// So many at most.
    pub len_max: usize,
}

impl<R> Default for LossesWanted<R> {
    fn default() -> Self {
        Self {
            client: None,
            topic: None,
            message: None,
            reason: None,
            before: u64::MAX,
            len_max: usize::MAX,
        }
    }
}

impl<R> LossesWanted<R> {
    fn fits(&self, loss: &Loss<R>) -> bool {
        let is_of_client = self.client.is_none() || loss.client == self.client;
        let is_of_message = self.message.is_none() || loss.message == self.message;
        is_of_client && is_of_message && self.fits_topic(loss)
    }

    fn fits_topic(&self, loss: &Loss<R>) -> bool {
        let Some(wanted) = &self.topic else {
            return true;
        };
        let Some(topic) = &loss.topic else {
            return false;
        };
        wanted.as_str() == topic.as_str()
            || TopicName::new(topic.clone()).is_ok_and(|topic| wanted.matches(&topic))
    }
}

impl<R: Copy + Ord, H: BuildHasher + Clone> Archive<R, H> {
    /// Nothing lost yet; of each reason so much is remembered.
    #[must_use]
    pub fn with_hasher(limits: ChronicleLimits, hasher: H) -> Self {
        Self {
            limits,
            hasher,
            reasons: BTreeMap::new(),
            next: 0,
        }
    }

    /// Takes over all that a ledger holds, and leaves it empty.
    pub fn absorb(&mut self, ledger: &mut Ledger<R>, at: WallTime) {
        for (reason, page) in std::mem::take(&mut ledger.reasons) {
            let file = self.reasons.entry(reason).or_insert_with(|| File {
                count: 0,
                losses: Chronicle::with_hasher(self.limits, self.hasher.clone()),
            });
            file.count += page.count;
            for loss in page.samples {
                let (client, bytes) = (loss.client.clone(), loss.bytes());
                file.losses.note(&client, self.next, (at, loss), bytes);
                self.next += 1;
            }
        }
    }

    /// How many were lost for a reason.
    #[must_use]
    pub fn count(&self, reason: R) -> u64 {
        self.reasons.get(&reason).map_or(0, |file| file.count)
    }

    /// How many were lost for each reason that occurred, in the order of reasons.
    pub fn counts(&self) -> impl Iterator<Item = (R, u64)> {
        self.reasons
            .iter()
            .map(|(reason, file)| (*reason, file.count))
    }

    /// How many were lost.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.reasons.values().map(|file| file.count).sum()
    }

    /// Losses that are wanted, the latest first, and whether there are more.
    #[must_use]
    pub fn losses(&self, wanted: &LossesWanted<R>) -> (Vec<Filed<R>>, bool) {
        let mut found = Vec::new();
        for (reason, file) in &self.reasons {
            if wanted.reason.is_none_or(|wanted| wanted == *reason) {
                file.find(wanted, &mut found);
            }
        }
        found.sort_by_key(|filed| std::cmp::Reverse(filed.number));
        let has_more = found.len() > wanted.len_max;
        found.truncate(wanted.len_max);
        (found, has_more)
    }
}

impl<R: Clone, H: BuildHasher> File<R, H> {
    /// One more than is wanted tells that there are more.
    fn find(&self, wanted: &LossesWanted<R>, found: &mut Vec<Filed<R>>) {
        let len_max = wanted.len_max.saturating_add(1);
        let fits = self.fitting(wanted).take(len_max);
        found.extend(fits.map(|(number, (at, loss))| Filed {
            number,
            at: *at,
            loss: loss.clone(),
        }));
    }

    fn fitting<'f>(
        &'f self,
        wanted: &'f LossesWanted<R>,
    ) -> impl Iterator<Item = (u64, &'f (WallTime, Loss<R>))> {
        let (of_one, of_all) = if wanted.client.is_some() {
            let of_one = self.losses.newest_first_of(&wanted.client, wanted.before);
            (Some(of_one), None)
        } else {
            (None, Some(self.losses.newest_first(wanted.before)))
        };
        let of_one = of_one.into_iter().flatten();
        of_one
            .chain(of_all.into_iter().flatten())
            .map(|entry| (entry.number, entry.value))
            .filter(|(_, (_, loss))| wanted.fits(loss))
    }
}
