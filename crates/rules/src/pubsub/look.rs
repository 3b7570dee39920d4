//! Subscriptions as they look to those who watch.

use std::hash::{BuildHasher, Hash};

use castmq_mqtt::{TopicFilter, TopicName};

use super::{Subscriber, Table};

impl<S: Copy + Hash + Ord, H: BuildHasher + Clone> Table<S, H> {
    /// The filters that match a topic, sorted; those of groups are not among them.
    #[must_use]
    pub fn filters_of(&self, topic: &TopicName) -> Vec<&TopicFilter> {
        let mut keys = Vec::new();
        keys.extend(self.exact.get(topic.as_str()).copied());
        self.wildcard.for_each_match(topic, |key| keys.push(*key));
        let filters = keys.iter().filter_map(|key| self.filters.get(*key));
        let mut filters: Vec<&TopicFilter> = filters.map(|row| &row.filter).collect();
        filters.sort();
        filters
    }

    /// Who subscribes to exactly this filter, behind a session, in the order of sessions.
    pub fn subscribers_after(
        &self,
        filter: &TopicFilter,
        after: Option<S>,
    ) -> impl Iterator<Item = (S, Subscriber)> {
        let row = self.find(filter).and_then(|key| self.filters.get(key));
        let subscribers = row.map(|row| match &after {
            None => row.subscribers.iter(),
            Some(after) => row.subscribers.iter_after(after),
        });
        let subscribers = subscribers.into_iter().flatten();
        subscribers.map(|(session, subscriber)| (*session, *subscriber))
    }

    /// The members of a group by its [full name](crate::group_name), behind a session, in the order of
    /// sessions.
    pub fn members_after(
        &self,
        group: &str,
        after: Option<S>,
    ) -> impl Iterator<Item = (S, Subscriber)> {
        let shared = self.groups.get(group).into_iter();
        shared.flat_map(move |shared| shared.group.members_after(after))
    }

    /// How many sessions subscribe to exactly this filter; those in groups are not counted.
    #[must_use]
    pub fn subscribers_now(&self, filter: &TopicFilter) -> usize {
        let row = self.find(filter).and_then(|key| self.filters.get(key));
        row.map_or(0, |row| row.subscribers.len())
    }

    /// How many sessions have subscriptions.
    #[must_use]
    pub fn sessions_now(&self) -> usize {
        self.sessions.len()
    }
}
