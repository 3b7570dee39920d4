//! Wildcard trie: finds the filters that match a topic without looking at the others.
//!
//! A node stands for the levels from the left up to it. `+` and `#` have a place of their own in each
//! node, so that a topic is compared with at most two branches at each level, and only with branches
//! that exist. [emqttd's trie](https://github.com/emqtt/emqttd) keeps edges in one table; here each
//! node keeps its own, so that a changed trie shares all but one path with the trie it came from:
//! a clone costs nothing, and whoever holds one sees neither later changes nor a lock.
//!
//! Exact filters may be kept here too, but a hash map is cheaper for them.
//!
//! Nothing recurses over levels, so that a filter of 65 535 slashes costs memory but no stack.

// emqttd: emqttd_trie

use std::fmt;
use std::hash::BuildHasher;
use std::sync::Arc;

use castmq_mqtt::{TopicFilter, TopicName};
use smallvec::SmallVec;

mod children;
#[cfg(test)]
mod tests;

use children::Children;

/// A map from filters to values that finds all values whose filter matches a topic.
///
/// `clone` is O(1) and shares everything; a change then copies the one path it touches.
#[derive(Clone)]
pub struct Trie<T, H> {
    root: Arc<Node<T>>,
    filters: usize,
    hasher: H,
}

/// The text of a level; short ones need no allocation.
type Label = SmallVec<[u8; 16]>;

#[derive(Clone)]
struct Node<T> {
    /// The last level of the path to this node; empty for the root and behind `+`.
    label: Label,
    /// The value of the filter that ends here.
    value: Option<T>,
    /// The value of the filter that ends here with `/#`.
    rest: Option<T>,
    /// What follows `+`.
    plus: Option<Arc<Self>>,
    /// What follows other levels.
    children: Children<T>,
}

impl<T: Clone, H: BuildHasher> Trie<T, H> {
    /// A trie without filters. No result depends on the hasher; an attacker must not know its seed.
    #[must_use]
    pub fn with_hasher(hasher: H) -> Self {
        Self {
            root: Arc::new(Node::new(&[])),
            filters: 0,
            hasher,
        }
    }

    /// How many filters have a value.
    #[must_use]
    pub fn len(&self) -> usize {
        self.filters
    }

    /// Whether no filter has a value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.filters == 0
    }

    /// The value of exactly this filter.
    #[must_use]
    pub fn get(&self, filter: &TopicFilter) -> Option<&T> {
        let mut node = &*self.root;
        for level in filter.levels() {
            node = match level {
                "#" => return node.rest.as_ref(),
                "+" => node.plus.as_deref()?,
                _ => node.children.get(level, || self.hasher.hash_one(level))?,
            };
        }
        node.value.as_ref()
    }

    /// The value of exactly this filter, to be changed. Copies the path to it where it is shared.
    pub fn get_mut(&mut self, filter: &TopicFilter) -> Option<&mut T> {
        self.get(filter)?;
        self.place(filter).as_mut()
    }

    /// Gives a filter a value and returns the one it had.
    pub fn insert(&mut self, filter: &TopicFilter, value: T) -> Option<T> {
        let old = self.place(filter).replace(value);
        self.filters += usize::from(old.is_none());
        old
    }

    /// Takes a filter's value away, together with all branches that lead nowhere without it.
    pub fn remove(&mut self, filter: &TopicFilter) -> Option<T> {
        let (value, kept) = self.find_cut(filter)?;
        let mut node = Arc::make_mut(&mut self.root);
        for (depth, level) in filter.levels().enumerate() {
            if level == "#" {
                node.rest = None;
                break;
            }
            if depth == kept {
                // Everything below leads to this filter alone.
                match level {
                    "+" => node.plus = None,
                    _ => node.children.remove(level, self.hasher.hash_one(level)),
                }
                break;
            }
            node = node.child_mut(level, &self.hasher);
        }
        if kept == filter.levels().count() {
            node.value = None;
        }
        self.filters -= 1;
        Some(value)
    }

    /// Calls `found` for the value of each filter that matches the topic, in an order that depends on
    /// the filters alone. Cost: the branches that match, whatever the number of filters.
    ///
    /// A wildcard in the first level does not match a topic that starts with `$`; in other levels
    /// `$` is a character like any other.
    pub fn for_each_match<'t>(&'t self, topic: &TopicName, mut found: impl FnMut(&'t T)) {
        let is_reserved = topic.is_reserved();
        let mut open: SmallVec<[(&'t Node<T>, Option<&str>); 8]> = SmallVec::new();
        let mut here = Some((&*self.root, Some(topic.as_str())));
        let mut is_root = true;
        while let Some((node, levels)) = here {
            // [MQTT3-4.7.2-1] [MQTT5-4.7.2-1]
            let wildcards_match = !(is_root && is_reserved);
            is_root = false;
            if wildcards_match && let Some(value) = &node.rest {
                found(value);
            }
            let Some(levels) = levels else {
                if let Some(value) = &node.value {
                    found(value);
                }
                here = open.pop();
                continue;
            };
            let (level, below) = match levels.split_once('/') {
                Some((level, below)) => (level, Some(below)),
                None => (levels, None),
            };
            if wildcards_match && let Some(plus) = &node.plus {
                open.push((plus, below));
            }
            here = match node.children.get(level, || self.hasher.hash_one(level)) {
                Some(child) => Some((child, below)),
                None => open.pop(),
            };
        }
    }

    /// The values of all filters that match the topic.
    #[must_use]
    pub fn matches(&self, topic: &TopicName) -> SmallVec<[&T; 8]> {
        let mut values = SmallVec::new();
        self.for_each_match(topic, |value| values.push(value));
        values
    }

    /// Where the filter's value is kept; makes the path to it.
    fn place(&mut self, filter: &TopicFilter) -> &mut Option<T> {
        let mut node = Arc::make_mut(&mut self.root);
        for level in filter.levels() {
            if level == "#" {
                return &mut node.rest;
            }
            node = node.child_mut(level, &self.hasher);
        }
        &mut node.value
    }

    /// The filter's value, and the depth of the last node on its path that other filters need; the
    /// root has depth 0.
    fn find_cut(&self, filter: &TopicFilter) -> Option<(T, usize)> {
        let mut node = &*self.root;
        let mut kept = 0;
        for (depth, level) in filter.levels().enumerate() {
            if node.leads_on() {
                kept = depth;
            }
            node = match level {
                "#" => return node.rest.clone().map(|value| (value, kept)),
                "+" => node.plus.as_deref()?,
                _ => node.children.get(level, || self.hasher.hash_one(level))?,
            };
        }
        if node.leads_on() {
            kept = filter.levels().count();
        }
        node.value.clone().map(|value| (value, kept))
    }
}

impl<T> Node<T> {
    fn new(label: &[u8]) -> Self {
        Self {
            label: Label::from_slice(label),
            value: None,
            rest: None,
            plus: None,
            children: Children::default(),
        }
    }

    /// Whether it is needed by more than one filter or branch.
    fn leads_on(&self) -> bool {
        let own = usize::from(self.value.is_some())
            + usize::from(self.rest.is_some())
            + usize::from(self.plus.is_some());
        own + self.children.count_to_two() > 1
    }

    /// Moves everything below this node that nobody else holds into `orphans`.
    fn disown(&mut self, orphans: &mut Vec<Arc<Self>>) {
        orphans.extend(self.plus.take());
        self.children.disown(orphans);
    }
}

impl<T: Clone> Node<T> {
    /// What follows this node by `level`, made if need be, and no longer shared.
    fn child_mut(&mut self, level: &str, hasher: &impl BuildHasher) -> &mut Self {
        let child = if level == "+" {
            self.plus.get_or_insert_with(|| Arc::new(Self::new(&[])))
        } else {
            self.children.get_or_insert(level, hasher.hash_one(level))
        };
        Arc::make_mut(child)
    }
}

/// One after the other instead of one inside the other: a path may have 65 536 levels.
impl<T> Drop for Node<T> {
    fn drop(&mut self) {
        let mut orphans = Vec::new();
        self.disown(&mut orphans);
        while let Some(node) = orphans.pop() {
            if let Some(mut node) = Arc::into_inner(node) {
                node.disown(&mut orphans);
            }
        }
    }
}

impl<T, H> fmt::Debug for Trie<T, H> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Trie")
            .field("filters", &self.filters)
            .finish_non_exhaustive()
    }
}
