//! What the client has subscribed to, and how a message has to come to it for that.

use std::collections::{BTreeMap, VecDeque};

use castmq_mqtt::{QoS, Subscription, SubscriptionOptions, TopicFilter};

use super::{Rule, Verdict};
use crate::session::{RetainedChunk, Returned, Subscribed, SubscriptionEntry};
use crate::shared::group_name;
use crate::{ClientId, Delivery, Message, Moment, SubscriptionIds};
use std::sync::Arc;
use std::time::Duration;

/// Subscriptions of the past that are remembered: a message that was routed by one may still be on its
/// way.
const PAST_MAX: usize = 64;

/// For so long, a message may come for a subscription that was gone before the witness came.
const ON_ITS_WAY: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Grants {
    now: BTreeMap<Subscription, SubscriptionEntry>,
    past: VecDeque<(Subscription, SubscriptionEntry)>,
    /// How each filter was subscribed when its retained messages were asked for.
    replays: BTreeMap<TopicFilter, SubscriptionEntry>,
    /// When the first message came.
    since: Option<Moment>,
    /// Whether it is not to be looked at how messages come here.
    pub(super) is_blind: bool,
}

impl Grants {
    pub(super) fn new(now: BTreeMap<Subscription, SubscriptionEntry>) -> Self {
        let own = now
            .iter()
            .filter(|(subscription, _)| !subscription.is_shared());
        let replays = own.map(|(subscription, entry)| (subscription.filter().clone(), *entry));
        Self {
            replays: replays.collect(),
            now,
            past: VecDeque::new(),
            since: None,
            is_blind: false,
        }
    }

    pub(super) fn subscribe(
        &mut self,
        subscription: &Subscription,
        (options, id): (SubscriptionOptions, Option<u32>),
        max: usize,
        returned: Returned,
    ) -> Verdict {
        let before = self.now.get(subscription).copied();
        let expected = match before {
            Some(before) => Returned::Subscribed(Subscribed::Replaced(before)),
            None if self.now.len() >= max => Returned::Full(max),
            None => Returned::Subscribed(Subscribed::New),
        };
        Rule::Subscription.holds(returned == expected, || {
            format!("subscribing to {subscription} gives {returned:?} instead of {expected:?}")
        })?;
        if !matches!(expected, Returned::Full(_)) {
            self.remember(subscription, before);
            self.now
                .insert(subscription.clone(), SubscriptionEntry { options, id });
        }
        Ok(())
    }

    pub(super) fn unsubscribe(
        &mut self,
        subscription: &Subscription,
        returned: Returned,
    ) -> Verdict {
        let before = self.now.remove(subscription);
        let expected = before.into();
        self.remember(subscription, before);
        Rule::Subscription.holds(returned == expected, || {
            format!("unsubscribing from {subscription} gives {returned:?} instead of {expected:?}")
        })
    }

    fn remember(&mut self, subscription: &Subscription, before: Option<SubscriptionEntry>) {
        if let Some(before) = before {
            if self.past.len() >= PAST_MAX {
                self.past.pop_front();
            }
            self.past.push_back((subscription.clone(), before));
        }
    }

    pub(super) fn start_replay(&mut self, subscription: &Subscription) {
        if let (Some(entry), false) = (self.now.get(subscription), subscription.is_shared()) {
            self.replays.insert(subscription.filter().clone(), *entry);
        }
    }

    /// What the client may get of retained messages.
    pub(super) fn retained(&self, client_id: &ClientId, chunk: &RetainedChunk) -> Vec<Delivery> {
        let Some(entry) = self.replays.get(chunk.scan.filter()) else {
            return Vec::new();
        };
        let is_own = |message: &Message| message.from.as_ref() == Some(client_id);
        let wanted = chunk.messages.iter();
        let wanted = wanted.filter(|message| !(entry.options.no_local && is_own(message)));
        let delivery = |message: &Arc<Message>| Delivery {
            message: Arc::clone(message),
            qos: lower(message.qos, entry.options.qos),
            retain: true,
            subscription_ids: entry.id.into_iter().collect(),
            group: None,
        };
        wanted.map(delivery).collect()
    }

    /// Whether a message comes as the subscriptions say.
    pub(super) fn check(
        &mut self,
        client_id: &ClientId,
        delivery: &Delivery,
        now: Moment,
    ) -> Verdict {
        if self.is_blind {
            return Ok(());
        }
        let since = *self.since.get_or_insert(now);
        let past = self
            .past
            .iter()
            .map(|(subscription, entry)| (subscription, entry));
        let past: Vec<_> = past
            .filter(|(subscription, _)| is_for(subscription, delivery))
            .collect();
        let present: Vec<_> = self
            .now
            .iter()
            .filter(|(own, _)| is_for(own, delivery))
            .collect();
        let what = || super::inflight::say_delivery(delivery);
        if present.is_empty() && past.is_empty() {
            let may_be = now.saturating_since(since) < ON_ITS_WAY;
            return Rule::Subscription.holds(may_be, || {
                format!("{} comes without a subscription", what())
            });
        }
        let is_own = delivery.message.from.as_ref() == Some(client_id);
        let counts =
            |(_, entry): &(&Subscription, &SubscriptionEntry)| !(is_own && entry.options.no_local);
        let all: Vec<_> = present
            .iter()
            .chain(&past)
            .copied()
            .filter(counts)
            .collect();
        Rule::NoLocal.holds(!all.is_empty(), || {
            format!("{} is the client's own, which it does not want", what())
        })?;
        let entries = present
            .iter()
            .copied()
            .filter(counts)
            .map(|(_, entry)| entry);
        let present: Vec<&SubscriptionEntry> = entries.collect();
        if past.is_empty() || exact(delivery, &present).is_ok() {
            return exact(delivery, &present);
        }
        // Routed by what is not so any more.
        let all: Vec<&SubscriptionEntry> = all.into_iter().map(|(_, entry)| entry).collect();
        loose(delivery, &all)
    }
}

/// Whether a message may come for this subscription.
fn is_for(subscription: &Subscription, delivery: &Delivery) -> bool {
    let topic = &delivery.message.topic;
    match (&delivery.group, subscription) {
        (None, Subscription::Own(filter)) => filter.matches(topic),
        (Some(group), Subscription::Shared { filter, .. } | Subscription::Queue(filter)) => {
            filter.matches(topic) && group_name(subscription).as_deref() == Some(&***group)
        }
        (None, Subscription::Shared { .. } | Subscription::Queue(_)) => false,
        (Some(_), Subscription::Own(_)) => false,
    }
}

/// It comes for exactly these subscriptions.
fn exact(delivery: &Delivery, entries: &[&SubscriptionEntry]) -> Verdict {
    let what = || super::inflight::say_delivery(delivery);
    let mut granted = QoS::AtMostOnce;
    let mut keeps_retain = false;
    let mut ids = SubscriptionIds::default();
    for entry in entries {
        if entry.options.qos > granted {
            granted = entry.options.qos;
        }
        keeps_retain |= entry.options.retain_as_published;
        entry.id.into_iter().for_each(|id| ids.insert(id));
    }
    let message = &delivery.message;
    let expected = lower(message.qos, granted);
    Rule::Qos.holds(delivery.qos == expected, || {
        let (published, granted) = (message.qos.number(), granted.number());
        format!(
            "{} was published with {published} and granted {granted}",
            what()
        )
    })?;
    let expected = message.retain && keeps_retain;
    Rule::Retain.holds(delivery.retain == expected, || {
        format!(
            "{} comes with retain flag {} instead of {expected}",
            what(),
            delivery.retain
        )
    })?;
    Rule::SubscriptionIds.holds(delivery.subscription_ids == ids, || {
        let came = delivery.subscription_ids.as_slice();
        format!(
            "{} comes with identifiers {came:?} instead of {:?}",
            what(),
            ids.as_slice()
        )
    })
}

/// It comes for some of these, which were not all there at once.
fn loose(delivery: &Delivery, entries: &[&SubscriptionEntry]) -> Verdict {
    let what = || super::inflight::say_delivery(delivery);
    let granted = || entries.iter().map(|entry| entry.options.qos);
    let published = delivery.message.qos;
    let least = lower(published, granted().min().unwrap_or_default());
    let most = lower(published, granted().max().unwrap_or_default());
    Rule::Qos.holds((least..=most).contains(&delivery.qos), || {
        let (least, most) = (least.number(), most.number());
        format!("{} may come with {least} to {most}", what())
    })?;
    let keeps = entries
        .iter()
        .any(|entry| entry.options.retain_as_published);
    Rule::Retain.holds(
        !delivery.retain || (delivery.message.retain && keeps),
        || format!("{} comes with the retain flag", what()),
    )
}

fn lower(one: QoS, other: QoS) -> QoS {
    if one < other { one } else { other }
}
