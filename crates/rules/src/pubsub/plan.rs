//! Plans: the deliveries of one message on one arbiter, a chunk at a time.

use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use castmq_mqtt::QoS;
use smallvec::SmallVec;

use super::ordered::Iter;
use super::slab::FilterKey;
use super::{Subscriber, Table};
use crate::{Delivery, Message, SubscriptionIds};

/// The subscribers that a message still has to be delivered to. It names filters and the session it
/// came to, not subscribers, so its size does not depend on their number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan<S> {
    filters: SmallVec<[FilterKey; 4]>,
    /// The last session that was looked at.
    after: Option<S>,
}

/// How one session gets the message: once, whatever the number of its subscriptions that match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match<S> {
    /// Which session.
    pub session: S,
    /// The highest QoS of its matching subscriptions. [MQTT3-3.3.5-1] [MQTT5-3.3.4-2]
    pub qos: QoS,
    /// Whether any of them keeps the publisher's retain flag.
    pub retain_as_published: bool,
    /// The identifiers of all of them, ascending, each once. [MQTT5-3.3.4-3] [MQTT5-3.3.4-4]
    pub subscription_ids: SubscriptionIds,
}

/// The next subscribers of one filter.
struct Lane<'t, S> {
    next: Option<(S, Subscriber)>,
    rest: Iter<'t, S, Subscriber>,
}

impl<S> Plan<S> {
    pub(super) fn new(filters: SmallVec<[FilterKey; 4]>) -> Self {
        Self {
            filters,
            after: None,
        }
    }

    /// Begins again with the first session, for another message on the same topic.
    pub fn restart(&mut self) {
        self.after = None;
    }

    /// Whether no filter matched, so that there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.filters.is_empty()
    }
}

impl<S> Match<S> {
    /// The message as this session gets it: with the lower QoS of message and subscriptions, and
    /// without the retain flag unless a subscription keeps it.
    ///
    /// [MQTT3-3.8.4-6] [MQTT5-3.8.4-8] [MQTT5-3.3.1-12] [MQTT5-3.3.1-13]
    #[must_use]
    pub fn delivery(self, message: Arc<Message>) -> Delivery {
        Delivery {
            qos: self.qos.min(message.qos),
            retain: message.retain && self.retain_as_published,
            message,
            subscription_ids: self.subscription_ids,
            group: None,
        }
    }
}

impl Subscriber {
    /// The message as this member of a group gets it, by its own subscription. [MQTT5-4.8.2-3]
    #[must_use]
    pub fn delivery(self, message: &Arc<Message>, group: &Arc<str>) -> Delivery {
        Delivery {
            group: Some(Box::new(Arc::clone(group))),
            ..Match::new((), self).delivery(Arc::clone(message))
        }
    }
}

impl<S: Copy + Ord> Match<S> {
    fn new(session: S, subscriber: Subscriber) -> Self {
        let mut delivery = Self {
            session,
            qos: QoS::AtMostOnce,
            retain_as_published: false,
            subscription_ids: SubscriptionIds::default(),
        };
        delivery.add(subscriber);
        delivery
    }

    fn add(&mut self, subscriber: Subscriber) {
        self.qos = self.qos.max(subscriber.options.qos);
        self.retain_as_published |= subscriber.options.retain_as_published;
        if let Some(id) = subscriber.id {
            self.subscription_ids.insert(id.get());
        }
    }
}

impl<S: Copy + Hash + Ord, H: BuildHasher + Clone> Table<S, H> {
    /// Hands the next deliveries of a plan to `deliver`, at most `limit` sessions of them, in the
    /// order of the sessions; whether the plan is done.
    ///
    /// A session that is `from` gets nothing through subscriptions with no local, and what its other
    /// subscriptions say. [MQTT5-3.8.3-3]
    pub fn advance(
        &self,
        plan: &mut Plan<S>,
        from: Option<S>,
        limit: usize,
        mut deliver: impl FnMut(Match<S>),
    ) -> bool {
        if plan.filters.len() == 1 {
            return self.advance_one(plan, from, limit, deliver);
        }
        let mut lanes: SmallVec<[Lane<'_, S>; 4]> = SmallVec::new();
        for key in &plan.filters {
            if let Some(filter) = self.filters.get(*key) {
                lanes.push(Lane::new(match &plan.after {
                    None => filter.subscribers.iter(),
                    Some(after) => filter.subscribers.iter_after(after),
                }));
            }
        }
        for _ in 0..limit {
            let Some(session) = lanes.iter().filter_map(Lane::session).min() else {
                return true;
            };
            let mut delivery: Option<Match<S>> = None;
            for subscriber in lanes.iter_mut().filter_map(|lane| lane.take(session)) {
                if subscriber.options.no_local && from == Some(session) {
                    continue;
                }
                match &mut delivery {
                    None => delivery = Some(Match::new(session, subscriber)),
                    Some(delivery) => delivery.add(subscriber),
                }
            }
            plan.after = Some(session);
            if let Some(delivery) = delivery {
                deliver(delivery);
            }
        }
        lanes.iter().all(|lane| lane.next.is_none())
    }

    /// The same where one filter matches, which is so for most messages: nobody has to be merged.
    fn advance_one(
        &self,
        plan: &mut Plan<S>,
        from: Option<S>,
        limit: usize,
        mut deliver: impl FnMut(Match<S>),
    ) -> bool {
        let filter = plan.filters.first().and_then(|key| self.filters.get(*key));
        let Some(filter) = filter else {
            return true;
        };
        let mut rest = match &plan.after {
            None => filter.subscribers.iter(),
            Some(after) => filter.subscribers.iter_after(after),
        };
        for _ in 0..limit {
            let Some((&session, &subscriber)) = rest.next() else {
                return true;
            };
            plan.after = Some(session);
            if !(subscriber.options.no_local && from == Some(session)) {
                deliver(Match::new(session, subscriber));
            }
        }
        rest.next().is_none()
    }
}

impl<'t, S: Copy + Ord> Lane<'t, S> {
    fn new(subscribers: Iter<'t, S, Subscriber>) -> Self {
        let mut lane = Self {
            next: None,
            rest: subscribers,
        };
        lane.step();
        lane
    }

    fn session(&self) -> Option<S> {
        self.next.map(|(session, _)| session)
    }

    /// What the next subscriber wants, if it is this session.
    fn take(&mut self, session: S) -> Option<Subscriber> {
        let (next, subscriber) = self.next?;
        if next != session {
            return None;
        }
        self.step();
        Some(subscriber)
    }

    fn step(&mut self) {
        self.next = self
            .rest
            .next()
            .map(|(session, subscriber)| (*session, *subscriber));
    }
}
