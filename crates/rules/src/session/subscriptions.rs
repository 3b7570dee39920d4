//! The subscriptions of one session.

use std::collections::BTreeMap;
use std::ops::Bound;

use castmq_mqtt::{ReasonCode, RetainHandling, Subscription, SubscriptionOptions};
use serde::{Deserialize, Serialize};

/// Up to so many subscriptions a plain list takes less memory than a tree and is as fast.
const FEW: usize = 16;

/// What a session knows of a subscription.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionEntry {
    /// How it wants its messages.
    pub options: SubscriptionOptions,
    /// The number that the client gave it; 5.0 only.
    pub id: Option<u32>,
}

/// What a SUBSCRIBE changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subscribed {
    /// There was no such subscription.
    New,
    /// There was one; it is replaced. It was like this.
    Replaced(SubscriptionEntry),
}

/// The session has as many subscriptions as it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("more than {0} subscriptions")]
pub struct SubscriptionsFull(pub usize);

impl SubscriptionsFull {
    /// What SUBACK says.
    #[must_use]
    pub const fn reason_code(self) -> ReasonCode {
        ReasonCode::QuotaExceeded
    }
}

impl Subscribed {
    /// Whether retained messages follow, for these options.
    // [MQTT5-3.3.1-9] [MQTT5-3.3.1-10] [MQTT5-3.3.1-11] [MQTT3-3.8.4-3]
    // differs: emqttd sends none when a subscription is repeated (P7).
    #[must_use]
    pub fn wants_retained(self, options: SubscriptionOptions) -> bool {
        match options.retain_handling {
            RetainHandling::Send => true,
            RetainHandling::SendIfNew => self == Self::New,
            RetainHandling::DoNotSend => false,
        }
    }
}

/// See the module.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Subscriptions {
    /// In their order.
    Few(Vec<(Subscription, SubscriptionEntry)>),
    /// More than that. Boxed because few sessions have so many.
    #[expect(
        clippy::box_collection,
        reason = "keeps the session of everyone else small"
    )]
    Many(Box<BTreeMap<Subscription, SubscriptionEntry>>),
}

impl Default for Subscriptions {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl Subscriptions {
    pub(super) fn insert(
        &mut self,
        subscription: &Subscription,
        entry: SubscriptionEntry,
        len_max: usize,
    ) -> Result<Subscribed, SubscriptionsFull> {
        if let Some(present) = self.find_mut(subscription) {
            let before = std::mem::replace(present, entry);
            return Ok(Subscribed::Replaced(before));
        }
        if self.len() >= len_max {
            return Err(SubscriptionsFull(len_max));
        }
        let subscription = subscription.clone();
        match self {
            Self::Few(list) if list.len() < FEW => {
                let at = list.partition_point(|(present, _)| *present < subscription);
                // Most sessions have one or two, and a list grows to four at once by itself.
                list.reserve_exact(1);
                list.insert(at, (subscription, entry));
            }
            Self::Few(list) => {
                let mut map: BTreeMap<_, _> = std::mem::take(list).into_iter().collect();
                map.insert(subscription, entry);
                *self = Self::Many(Box::new(map));
            }
            Self::Many(map) => {
                map.insert(subscription, entry);
            }
        }
        Ok(Subscribed::New)
    }

    pub(super) fn remove(&mut self, subscription: &Subscription) -> Option<SubscriptionEntry> {
        match self {
            Self::Few(list) => {
                let at = list
                    .binary_search_by(|(present, _)| present.cmp(subscription))
                    .ok()?;
                Some(list.remove(at).1)
            }
            Self::Many(map) => {
                let entry = map.remove(subscription);
                if map.is_empty() {
                    *self = Self::default();
                }
                entry
            }
        }
    }

    pub(super) fn find(&self, subscription: &Subscription) -> Option<SubscriptionEntry> {
        match self {
            Self::Few(list) => {
                let at = list
                    .binary_search_by(|(present, _)| present.cmp(subscription))
                    .ok()?;
                list.get(at).map(|(_, entry)| *entry)
            }
            Self::Many(map) => map.get(subscription).copied(),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Subscription, SubscriptionEntry)> {
        let (few, many) = match self {
            Self::Few(list) => (Some(list.iter()), None),
            Self::Many(map) => (None, Some(map.iter())),
        };
        let few = few.into_iter().flatten().map(|(key, entry)| (key, *entry));
        let many = many.into_iter().flatten().map(|(key, entry)| (key, *entry));
        few.chain(many)
    }

    /// Those behind one of them, whether or not it is still there.
    pub(super) fn iter_after(
        &self,
        after: Option<&Subscription>,
    ) -> impl Iterator<Item = (&Subscription, SubscriptionEntry)> {
        let (few, many) = match self {
            Self::Few(list) => {
                let from = after.map_or(0, |after| list.partition_point(|(key, _)| key <= after));
                (list.get(from..).map(<[_]>::iter), None)
            }
            Self::Many(map) => {
                let from = after.map_or(Bound::Unbounded, Bound::Excluded);
                let range = map.range::<Subscription, _>((from, Bound::Unbounded));
                (None, Some(range))
            }
        };
        let few = few.into_iter().flatten().map(|(key, entry)| (key, *entry));
        let many = many.into_iter().flatten().map(|(key, entry)| (key, *entry));
        few.chain(many)
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Few(list) => list.len(),
            Self::Many(map) => map.len(),
        }
    }

    fn find_mut(&mut self, subscription: &Subscription) -> Option<&mut SubscriptionEntry> {
        match self {
            Self::Few(list) => {
                let at = list
                    .binary_search_by(|(present, _)| present.cmp(subscription))
                    .ok()?;
                list.get_mut(at).map(|(_, entry)| entry)
            }
            Self::Many(map) => map.get_mut(subscription),
        }
    }
}
