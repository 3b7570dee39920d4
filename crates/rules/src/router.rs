//! Router: which arbiters hear of a topic, and which arbiter serves a shared group.
//!
//! As emqttd's `route` table with a node for each arbiter: a filter leads to the arbiters that have
//! subscribers for it, never to the subscribers themselves. Exact filters are rows of a concurrent
//! map in the router's process; wildcard filters stand in [`WildcardRoutes`], of which a publisher
//! holds a version while the router makes the next. All rules for one row are in [`Destinations`].
//!
//! Every change states what is the case (`present`, a number of members), not a difference, so that
//! an arbiter may repeat itself without harm.

// emqttd: emqttd_router

use std::hash::BuildHasher;
use std::sync::Arc;

use castmq_mqtt::{TopicFilter, TopicName};
use smallvec::SmallVec;

use crate::shared::{Chance, Members, Strategy};
use crate::{ArbiterId, ArbiterSet, Trie};

mod destinations;
mod index;
#[cfg(test)]
mod tests;

pub use destinations::{Destinations, GroupRoute};
pub use index::FilterIndex;

/// What an arbiter tells the router about one filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteChange {
    /// Whether the arbiter has subscribers of its own.
    Own {
        /// Yes or no.
        present: bool,
    },
    /// How many members of a shared group the arbiter has.
    Group {
        /// Which group, by its [full name](crate::group_name).
        group: Arc<str>,
        /// How many; none ends it.
        members: Members,
    },
}

/// A change together with the filter that it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Which filter.
    pub filter: TopicFilter,
    /// What is the case for it now.
    pub change: RouteChange,
}

/// Where one publish goes: each arbiter at most once, and one arbiter for each group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Targets {
    /// Arbiters with subscribers of their own.
    pub own: ArbiterSet,
    /// For each group the arbiter that picks the member.
    pub groups: SmallVec<[(ArbiterId, Arc<str>); 1]>,
    /// Whether an arbiter was chosen among several, so that the next message may go to another one.
    pub is_choice: bool,
}

/// How groups choose their arbiter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// By which rule.
    pub strategy: Strategy,
    /// What the rule needs to know.
    pub chance: Chance,
}

/// The routes of wildcard filters: one version of them. `clone` is O(1).
#[derive(Clone, Debug)]
pub struct WildcardRoutes<H> {
    trie: Trie<Arc<Destinations>, H>,
}

impl Targets {
    /// Whether nobody hears of it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.own.is_empty() && self.groups.is_empty()
    }

    /// Adds all arbiters that a filter leads to.
    pub fn add(&mut self, destinations: &Destinations, choice: Choice) {
        self.own.unite(&destinations.own);
        for group in &destinations.groups {
            self.is_choice |= group.arbiters().len() > 1;
            if let Some(arbiter) = group.choose(choice, &ArbiterSet::default()) {
                self.groups.push((arbiter, Arc::clone(&group.name)));
            }
        }
    }

    /// Every arbiter that gets the message, ascending.
    #[must_use]
    pub fn arbiters(&self) -> ArbiterSet {
        let mut all = self.own.clone();
        for (arbiter, _) in &self.groups {
            all.insert(*arbiter);
        }
        all
    }
}

impl<H: BuildHasher> WildcardRoutes<H> {
    /// No routes yet.
    #[must_use]
    pub fn with_hasher(hasher: H) -> Self {
        Self {
            trie: Trie::with_hasher(hasher),
        }
    }

    /// How many filters lead somewhere.
    #[must_use]
    pub fn len(&self) -> usize {
        self.trie.len()
    }

    /// Whether no filter leads anywhere.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.trie.is_empty()
    }

    /// Where exactly this filter leads.
    #[must_use]
    pub fn get(&self, filter: &TopicFilter) -> Option<&Arc<Destinations>> {
        self.trie.get(filter)
    }

    /// Makes a change; a filter that leads nowhere afterwards is gone.
    pub fn apply(&mut self, filter: &TopicFilter, arbiter: ArbiterId, change: &RouteChange) {
        let Some(destinations) = self.trie.get_mut(filter) else {
            let mut destinations = Destinations::default();
            destinations.apply(arbiter, change);
            if !destinations.is_empty() {
                self.trie.insert(filter, Arc::new(destinations));
            }
            return;
        };
        let destinations = Arc::make_mut(destinations);
        destinations.apply(arbiter, change);
        if destinations.is_empty() {
            self.trie.remove(filter);
        }
    }

    /// Shows where each matching filter leads.
    pub fn for_each_match<'r>(
        &'r self,
        topic: &TopicName,
        mut found: impl FnMut(&'r Destinations),
    ) {
        (self.trie).for_each_match(topic, |destinations| found(destinations));
    }

    /// Adds all arbiters to which matching filters lead.
    pub fn collect(&self, topic: &TopicName, choice: Choice, targets: &mut Targets) {
        self.trie
            .for_each_match(topic, |destinations| targets.add(destinations, choice));
    }
}
