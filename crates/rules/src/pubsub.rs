//! Subscriptions of one arbiter: who of its sessions gets a message, and how.
//!
//! emqttd keeps `subscriber` (topic → process) and `subscribed` (process → topics) as tables; here
//! are both, for one arbiter, so that nothing is locked. A topic is found by one look-up among exact
//! filters and one walk through the wildcard trie, which give filters; a [`Plan`] then goes
//! through the subscribers of all those filters in the order of their sessions, a chunk at a time.
//!
//! What changes between two chunks is obeyed: who unsubscribes is skipped if it was not reached,
//! who subscribes may be reached. Nothing is copied to make a plan, however many subscribers it has.

// emqttd: emqttd_pubsub, emqttd_server
// differs: deleting a subscriber costs the logarithm of their number; emqttd walks through all
// subscribers of the topic, which makes a mass disconnect quadratic.

use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::num::NonZeroU32;
use std::sync::Arc;

use castmq_mqtt::{Subscription, SubscriptionOptions, TopicFilter, TopicName};
use smallvec::SmallVec;

use crate::shared::{Chance, Group, Strategy, group_name};
use crate::{Route, RouteChange, Trie};

mod change;
mod look;
mod ordered;
mod plan;
mod slab;
#[cfg(test)]
mod tests;

pub use plan::{Match, Plan};

use ordered::Ordered;
use slab::{FilterKey, Slab};

/// A hash map whose hasher is the caller's.
#[expect(
    clippy::disallowed_types,
    reason = "one look-up on the hot path; the hasher is injected and the map is never iterated"
)]
type Map<K, V, H> = std::collections::HashMap<K, V, H>;

/// The subscriptions of an arbiter. `S` is the key of a session on it.
pub struct Table<S, H> {
    /// Filters without wildcard.
    exact: Map<TopicFilter, FilterKey, H>,
    /// Filters with wildcard.
    wildcard: Trie<FilterKey, H>,
    filters: Slab<Filter<S>>,
    /// Shared groups by their full names.
    groups: Map<Arc<str>, SharedFilter<S>, H>,
    /// What each session subscribed to.
    sessions: Map<S, Held, H>,
    subscriptions: usize,
    /// Counts the filters, and the members of groups, that came and went.
    version: u64,
}

/// How a subscriber wants the messages of one filter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Subscriber {
    /// The options from SUBSCRIBE.
    pub options: SubscriptionOptions,
    /// The identifier from SUBSCRIBE.
    pub id: Option<NonZeroU32>,
}

/// What a subscribe did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribed {
    /// Whether the session had the subscription and its options were replaced, so that retain
    /// handling 1 brings no retained messages.
    pub existed: bool,
    /// What to tell the router before the subscriber is answered.
    pub route: Option<Route>,
}

/// What an unsubscribe did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsubscribed {
    /// Whether there was such a subscription.
    pub existed: bool,
    /// What to tell the router.
    pub route: Option<Route>,
}

/// The subscribers of one filter.
struct Filter<S> {
    filter: TopicFilter,
    subscribers: Ordered<S, Subscriber>,
}

/// The members of one group, and the filter that it shares.
struct SharedFilter<S> {
    filter: TopicFilter,
    group: Group<S>,
}

/// What one session subscribed to.
#[derive(Default)]
struct Held {
    filters: Ordered<FilterKey, ()>,
    /// Most sessions are in no group.
    groups: Option<Box<Ordered<Arc<str>, ()>>>,
}

impl Held {
    fn is_empty(&self) -> bool {
        self.filters.is_empty() && self.groups.as_ref().is_none_or(|groups| groups.is_empty())
    }
}

impl<S: Copy + Hash + Ord, H: BuildHasher + Clone> Table<S, H> {
    /// A table without subscriptions. No result depends on the hasher; an attacker must not know its
    /// seed.
    #[must_use]
    pub fn with_hasher(hasher: H) -> Self {
        Self {
            exact: Map::with_hasher(hasher.clone()),
            wildcard: Trie::with_hasher(hasher.clone()),
            filters: Slab::default(),
            groups: Map::with_hasher(hasher.clone()),
            sessions: Map::with_hasher(hasher),
            subscriptions: 0,
            version: 0,
        }
    }

    /// Subscribes a connected session, or replaces the options of what it has.
    ///
    /// [MQTT5-3.8.4-3]: the same filter again replaces the subscription. The table shares the memory of
    /// the filter.
    pub fn subscribe(
        &mut self,
        session: S,
        subscription: &Subscription,
        subscriber: Subscriber,
    ) -> Subscribed {
        let (existed, route) = match group_name(subscription) {
            None => self.subscribe_own(session, subscription.filter(), subscriber),
            Some(name) => self.join(session, &name, subscription.filter(), subscriber),
        };
        self.subscriptions += usize::from(!existed);
        Subscribed { existed, route }
    }

    /// Ends a subscription. The filter is compared character by character. [MQTT5-3.10.4-1]
    pub fn unsubscribe(&mut self, session: S, subscription: &Subscription) -> Unsubscribed {
        let route = match group_name(subscription) {
            None => self.unsubscribe_own(session, subscription.filter()),
            Some(name) => self.unsubscribe_group(session, &name),
        };
        self.forget_if_empty(session);
        Unsubscribed {
            existed: route.is_some(),
            route: route.flatten(),
        }
    }

    /// Ends up to `limit` subscriptions of a session and hands the routes that change to `routes`;
    /// whether that was all of them.
    pub fn remove_all(&mut self, session: S, limit: usize, routes: &mut Vec<Route>) -> bool {
        for _ in 0..limit {
            let Some(held) = self.sessions.get_mut(&session) else {
                return true;
            };
            let route = if let Some((key, ())) = held.filters.pop_first() {
                self.drop_own(session, key)
            } else if let Some((name, ())) =
                held.groups.as_mut().and_then(|groups| groups.pop_first())
            {
                self.leave(session, &name)
            } else {
                None
            };
            routes.extend(route);
            self.forget_if_empty(session);
        }
        !self.sessions.contains_key(&session)
    }

    /// Notes that the client of a session came or went, for the choice within its groups, and hands
    /// the routes that change to `routes`.
    pub fn set_online(&mut self, session: S, is_online: bool, routes: &mut Vec<Route>) {
        let Some(held) = self.sessions.get(&session) else {
            return;
        };
        for (name, ()) in held.groups.iter().flat_map(|groups| groups.iter()) {
            if let Some(shared) = self.groups.get_mut(name)
                && shared.group.set_online(session, is_online)
            {
                routes.push(shared.route(name));
            }
        }
    }

    /// A plan made at one version is right, once [restarted](Plan::restart), for as long as this one is
    /// the same: no filter came or went, and no member of a group, whatever became of other subscribers.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// Finds the filters that match a topic. Does not allocate for up to four of them.
    #[must_use]
    pub fn plan(&self, topic: &TopicName) -> Plan<S> {
        let mut filters = SmallVec::new();
        filters.extend(self.exact.get(topic.as_str()).copied());
        self.wildcard
            .for_each_match(topic, |key| filters.push(*key));
        Plan::new(filters)
    }

    /// Who of this arbiter's members of a group gets a message; `None` when it has none.
    pub fn choose(
        &mut self,
        group: &str,
        strategy: Strategy,
        chance: Chance,
    ) -> Option<(S, Subscriber)> {
        let group = &mut self.groups.get_mut(group)?.group;
        group.choose(strategy, chance, None)
    }

    /// The same among the members but one: a session that ends must not get its own messages again
    /// while it is still in the table.
    pub fn choose_other(
        &mut self,
        group: &str,
        but: S,
        strategy: Strategy,
        chance: Chance,
    ) -> Option<(S, Subscriber)> {
        let group = &mut self.groups.get_mut(group)?.group;
        group.choose(strategy, chance, Some(but))
    }

    /// What a session said about one of its subscriptions.
    #[must_use]
    pub fn get(&self, session: S, subscription: &Subscription) -> Option<Subscriber> {
        match group_name(subscription) {
            None => {
                let key = self.find(subscription.filter())?;
                self.filters.get(key)?.subscribers.get(&session).copied()
            }
            Some(name) => self.groups.get(&name)?.group.get(session),
        }
    }

    /// How many subscriptions all sessions have.
    #[must_use]
    pub fn len(&self) -> usize {
        self.subscriptions
    }

    /// Whether no session subscribes to anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.subscriptions == 0
    }

    /// How many filters have subscribers of their own.
    #[must_use]
    pub fn filters_now(&self) -> usize {
        self.filters.len()
    }

    /// How many groups have members.
    #[must_use]
    pub fn groups_now(&self) -> usize {
        self.groups.len()
    }

    fn find(&self, filter: &TopicFilter) -> Option<FilterKey> {
        if filter.has_wildcard() {
            self.wildcard.get(filter).copied()
        } else {
            self.exact.get(filter).copied()
        }
    }
}

impl<S> Filter<S> {
    fn route(&self, present: bool) -> Route {
        Route {
            filter: self.filter.clone(),
            change: RouteChange::Own { present },
        }
    }
}

impl<S: Copy + Ord> SharedFilter<S> {
    fn route(&self, name: &Arc<str>) -> Route {
        Route {
            filter: self.filter.clone(),
            change: RouteChange::Group {
                group: Arc::clone(name),
                members: self.group.count(),
            },
        }
    }
}

impl<S, H> fmt::Debug for Table<S, H> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Table")
            .field("subscriptions", &self.subscriptions)
            .field("filters", &self.filters.len())
            .finish_non_exhaustive()
    }
}
