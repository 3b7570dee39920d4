//! The filters that lead somewhere, in the order of their levels: `/` comes before every other character,
//! so that all filters below a level stand together. For those who look at the tree of topics; messages
//! find their way without it.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::ops::Bound;

use castmq_mqtt::{Text, TopicFilter};

use crate::levels::{self, level_byte};

/// See the module. It shares the memory of the filters.
#[derive(Debug, Default)]
pub struct FilterIndex {
    filters: BTreeSet<ByLevels>,
}

#[derive(Debug, PartialEq, Eq)]
struct ByLevels(Text);

/// A text that is compared level by level.
trait Levels {
    fn text(&self) -> &str;
}

impl Levels for ByLevels {
    fn text(&self) -> &str {
        &self.0
    }
}

impl Levels for &str {
    fn text(&self) -> &str {
        self
    }
}

impl PartialEq for dyn Levels + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Eq for dyn Levels + '_ {}

impl PartialOrd for dyn Levels + '_ {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for dyn Levels + '_ {
    fn cmp(&self, other: &Self) -> Ordering {
        let bytes = self.text().bytes().map(level_byte);
        bytes.cmp(other.text().bytes().map(level_byte))
    }
}

impl PartialOrd for ByLevels {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ByLevels {
    fn cmp(&self, other: &Self) -> Ordering {
        let other: &dyn Levels = other;
        (self as &dyn Levels).cmp(other)
    }
}

impl<'a> Borrow<dyn Levels + 'a> for ByLevels {
    fn borrow(&self) -> &(dyn Levels + 'a) {
        self
    }
}

impl FilterIndex {
    /// A filter leads somewhere now.
    pub fn insert(&mut self, filter: &TopicFilter) {
        self.filters.insert(ByLevels(filter.text().clone()));
    }

    /// A filter leads nowhere any more.
    pub fn remove(&mut self, filter: &TopicFilter) {
        let filter: &dyn Levels = &filter.as_str();
        self.filters.remove(filter);
    }

    /// How many filters there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.filters.len()
    }

    /// Whether no filter leads anywhere.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.filters.is_empty()
    }

    /// The filters from a text on, whether or not it is one of them.
    pub fn from(&self, text: &str) -> impl Iterator<Item = &Text> {
        self.range(Bound::Included(text))
    }

    /// The filters behind a text, whether or not it is one of them.
    pub fn after(&self, text: &str) -> impl Iterator<Item = &Text> {
        self.range(Bound::Excluded(text))
    }

    /// The first of the levels directly below a level, or of the first levels of all, behind one of them.
    #[must_use]
    pub fn next_level(&self, below: Option<&str>, after: Option<&str>) -> Option<&str> {
        let from = levels::place(below, after);
        let found = self.range(Bound::Included(&from)).next()?;
        levels::level_below(found, below)
    }

    /// Whether there is a filter below a level.
    #[must_use]
    pub fn has_below(&self, level: &str) -> bool {
        self.next_level(Some(level), None).is_some()
    }

    fn range(&self, from: Bound<&str>) -> impl Iterator<Item = &Text> {
        let from: Bound<&dyn Levels> = match &from {
            Bound::Included(text) => Bound::Included(text),
            Bound::Excluded(text) => Bound::Excluded(text),
            Bound::Unbounded => Bound::Unbounded,
        };
        let range = self
            .filters
            .range::<dyn Levels, _>((from, Bound::Unbounded));
        range.map(|ByLevels(filter)| filter)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{any_filter, any_topic, filter};

    fn index(filters: &[&str]) -> FilterIndex {
        let mut index = FilterIndex::default();
        for text in filters {
            index.insert(&filter(text));
        }
        index
    }

    fn levels_of(index: &FilterIndex, below: Option<&str>) -> Vec<String> {
        let mut levels: Vec<String> = Vec::new();
        while let Some(level) = index.next_level(below, levels.last().map(String::as_str)) {
            levels.push(level.to_owned());
        }
        levels
    }

    #[test]
    fn what_stands_below_a_level_is_shown_level_by_level() {
        let index = index(&["a", "a/b/c", "a/b/d", "a/+", "a b/x", "a/#", "/lead", "c/d"]);

        assert_eq!(levels_of(&index, None), ["", "a", "a b", "c"]);
        assert_eq!(levels_of(&index, Some("a")), ["#", "+", "b"]);
        assert_eq!(levels_of(&index, Some("a/b")), ["c", "d"]);
        assert_eq!(levels_of(&index, Some("")), ["lead"]);
        assert_eq!(levels_of(&index, Some("nowhere")), Vec::<String>::new());
        assert!(index.has_below("a/b"));
        assert!(!index.has_below("a/b/c"));
    }

    #[test]
    fn a_filter_that_leads_nowhere_any_more_is_not_shown() {
        let mut index = index(&["a/b", "a/c"]);
        index.remove(&filter("a/b"));

        assert_eq!(levels_of(&index, Some("a")), ["c"]);
        assert_eq!(index.len(), 1);
    }

    #[test]
    fn filters_go_on_behind_one_that_is_gone() {
        let index = index(&["a", "a/b", "b"]);
        let rest: Vec<&str> = index.after("a/a").map(Text::as_str).collect();
        assert_eq!(rest, ["a/b", "b"]);
    }

    proptest! {
        #[test]
        fn the_levels_are_those_that_a_walk_through_all_filters_finds(
            filters in prop::collection::vec((any_filter(), any::<bool>()), 0..40),
            below in prop::option::of(any_topic()),
        ) {
            let mut index = FilterIndex::default();
            let mut all = BTreeSet::new();
            for (filter, stays) in &filters {
                index.insert(filter);
                all.insert(filter.as_str());
                if !stays {
                    index.remove(filter);
                    all.remove(filter.as_str());
                }
            }
            let below = below.as_ref().map(|topic| topic.as_str());
            let naive: BTreeSet<&str> = (all.iter())
                .filter_map(|filter| levels::level_below(filter, below))
                .collect();
            let naive: Vec<String> = naive.into_iter().map(str::to_owned).collect();
            prop_assert_eq!(levels_of(&index, below), naive);
            prop_assert_eq!(index.from("").count(), all.len());
        }
    }
}
