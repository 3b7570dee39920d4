//! How subscriptions come and go, step by step. Each step says what changed for the router.

use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use castmq_mqtt::TopicFilter;

use super::ordered::Ordered;
use super::slab::FilterKey;
use super::{Filter, SharedFilter, Subscriber, Table};
use crate::Route;
use crate::shared::Group;

impl<S: Copy + Hash + Ord, H: BuildHasher + Clone> Table<S, H> {
    pub(super) fn subscribe_own(
        &mut self,
        session: S,
        filter: &TopicFilter,
        subscriber: Subscriber,
    ) -> (bool, Option<Route>) {
        let (key, is_first) = match self.find(filter) {
            Some(key) => (key, false),
            None => (self.add_filter(filter), true),
        };
        let Some(row) = self.filters.get_mut(key) else {
            return (false, None);
        };
        let existed = row.subscribers.insert(session, subscriber).is_some();
        let route = is_first.then(|| row.route(true));
        let held = self.sessions.entry(session).or_default();
        held.filters.insert(key, ());
        (existed, route)
    }

    fn add_filter(&mut self, filter: &TopicFilter) -> FilterKey {
        self.version += 1;
        let key = self.filters.insert(Filter {
            filter: filter.clone(),
            subscribers: Ordered::default(),
        });
        if filter.has_wildcard() {
            self.wildcard.insert(filter, key);
        } else {
            self.exact.insert(filter.clone(), key);
        }
        key
    }

    pub(super) fn join(
        &mut self,
        session: S,
        name: &Arc<str>,
        filter: &TopicFilter,
        subscriber: Subscriber,
    ) -> (bool, Option<Route>) {
        let shared = self
            .groups
            .entry(Arc::clone(name))
            .or_insert_with(|| SharedFilter {
                filter: filter.clone(),
                group: Group::default(),
            });
        let existed = shared.group.insert(session, subscriber);
        let route = (!existed).then(|| shared.route(name));
        self.version += u64::from(!existed);
        let held = self.sessions.entry(session).or_default();
        held.groups
            .get_or_insert_default()
            .insert(Arc::clone(name), ());
        (existed, route)
    }

    /// `None` when there was no such subscription.
    pub(super) fn unsubscribe_own(
        &mut self,
        session: S,
        filter: &TopicFilter,
    ) -> Option<Option<Route>> {
        let key = self.find(filter)?;
        self.sessions.get_mut(&session)?.filters.remove(&key)?;
        Some(self.drop_own(session, key))
    }

    /// `None` when there was no such subscription.
    pub(super) fn unsubscribe_group(
        &mut self,
        session: S,
        name: &Arc<str>,
    ) -> Option<Option<Route>> {
        let groups = &mut self.sessions.get_mut(&session)?.groups;
        groups.as_mut()?.remove(name)?;
        Some(self.leave(session, name))
    }

    pub(super) fn drop_own(&mut self, session: S, key: FilterKey) -> Option<Route> {
        let row = self.filters.get_mut(key)?;
        row.subscribers.remove(&session)?;
        self.subscriptions -= 1;
        if !row.subscribers.is_empty() {
            return None;
        }
        self.version += 1;
        let row = self.filters.remove(key)?;
        if row.filter.has_wildcard() {
            self.wildcard.remove(&row.filter);
        } else {
            self.exact.remove(&row.filter);
        }
        Some(row.route(false))
    }

    pub(super) fn leave(&mut self, session: S, name: &Arc<str>) -> Option<Route> {
        let shared = self.groups.get_mut(name)?;
        if !shared.group.remove(session) {
            return None;
        }
        self.subscriptions -= 1;
        let route = shared.route(name);
        self.version += 1;
        if shared.group.count().total == 0 {
            self.groups.remove(name);
        }
        Some(route)
    }

    pub(super) fn forget_if_empty(&mut self, session: S) {
        if let Some(held) = self.sessions.get(&session)
            && held.is_empty()
        {
            self.sessions.remove(&session);
        }
    }
}
