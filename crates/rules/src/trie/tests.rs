use std::cell::Cell;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, DefaultHasher};
use std::rc::Rc;

use proptest::prelude::*;

use super::Trie;
use crate::testing::{Clashing, Fixed, any_filter, any_topic, filter, topic};

fn trie_of<const N: usize>(filters: [&'static str; N]) -> Trie<&'static str, Fixed> {
    let mut trie = Trie::with_hasher(Fixed::default());
    for name in filters {
        trie.insert(&filter(name), name);
    }
    trie
}

fn found(trie: &Trie<&'static str, Fixed>, name: &str) -> Vec<&'static str> {
    let mut found: Vec<_> = trie.matches(&topic(name)).into_iter().copied().collect();
    found.sort_unstable();
    found
}

#[test]
fn plus_stands_for_exactly_one_level_and_hash_for_all_below_and_the_parent() {
    let trie = trie_of(["a/+", "a/#", "+/b", "a/+/c", "#"]);

    assert_eq!(found(&trie, "a"), ["#", "a/#"]);
    assert_eq!(found(&trie, "a/b"), ["#", "+/b", "a/#", "a/+"]);
    assert_eq!(found(&trie, "a/b/c"), ["#", "a/#", "a/+/c"]);
}

#[test]
fn an_empty_level_is_a_level() {
    let trie = trie_of(["+", "+/+", "/+", "a//+"]);

    assert_eq!(found(&trie, "/b"), ["+/+", "/+"]);
    assert_eq!(found(&trie, "a//"), ["a//+"]);
}

/// \[MQTT3-4.7.2-1\] \[MQTT5-4.7.2-1\]; emqttd's fault P15: there only `$SYS` was kept from leading
/// wildcards, and `$` did harm in inner levels.
#[test]
fn leading_wildcards_do_not_match_topics_that_start_with_a_dollar() {
    let trie = trie_of(["#", "+/b", "$other/#", "$other/+", "a/+", "a/#"]);

    assert_eq!(found(&trie, "$other/b"), ["$other/#", "$other/+"]);
    assert_eq!(found(&trie, "a/$b"), ["#", "a/#", "a/+"]);
}

/// \[MQTT3-4.7.3-4\] \[MQTT5-4.7.3-4\]
#[test]
fn names_are_compared_as_they_are_without_normalisation() {
    let trie = trie_of(["caf\u{e9}/+", "Caf\u{e9}/+", "cafe\u{301}/+"]);

    assert_eq!(found(&trie, "caf\u{e9}/x"), ["caf\u{e9}/+"]);
    assert_eq!(found(&trie, "cafe/x"), Vec::<&str>::new());
}

#[test]
fn a_value_is_changed_in_its_place_and_only_in_this_version() {
    let mut trie = trie_of(["a/+", "b/+"]);
    let held = trie.clone();
    *trie.get_mut(&filter("a/+")).unwrap() = "changed";

    assert_eq!(found(&trie, "a/x"), ["changed"]);
    assert_eq!(found(&held, "a/x"), ["a/+"]);
    assert_eq!(trie.get_mut(&filter("c/+")), None);
    assert_eq!(trie.len(), 2);
}

#[test]
fn a_version_that_somebody_holds_does_not_change() {
    let mut trie = trie_of(["a/+", "b/+"]);
    let held = trie.clone();

    trie.remove(&filter("a/+"));
    trie.insert(&filter("a/#"), "a/#");

    assert_eq!(found(&held, "a/x"), ["a/+"]);
    assert_eq!(found(&trie, "a/x"), ["a/#"]);
}

#[test]
fn removing_one_filter_leaves_those_that_share_its_path() {
    let mut trie = trie_of(["a/+/c", "a/+/c/#", "a/+", "a/+/d"]);

    assert_eq!(trie.remove(&filter("a/+/c")), Some("a/+/c"));
    assert_eq!(trie.remove(&filter("a/+/c")), None);

    assert_eq!(found(&trie, "a/b/c"), ["a/+/c/#"]);
    assert_eq!(found(&trie, "a/b"), ["a/+"]);
    assert_eq!(trie.len(), 3);
}

#[test]
fn a_trie_without_filters_has_no_branches_left() {
    let mut trie = trie_of(["a/b/+/#", "+/+/+", "#", "a/b"]);
    for name in ["a/b/+/#", "+/+/+", "#", "a/b"] {
        trie.remove(&filter(name));
    }

    assert!(trie.is_empty());
    assert!(trie.root.plus.is_none());
    assert_eq!(trie.root.children.count_to_two(), 0);
}

#[test]
fn sixty_five_thousand_levels_need_no_stack() {
    let mut trie: Trie<u8, Fixed> = Trie::with_hasher(Fixed::default());
    let slashes = "/".repeat(65_535);
    trie.insert(&filter(&slashes), 1);
    trie.insert(&filter(&format!("{}#", "/".repeat(65_534))), 2);
    trie.insert(&filter(&"+/".repeat(32_767)), 3);
    let held = trie.clone();

    assert_eq!(trie.matches(&topic(&slashes)).as_slice(), [&2, &1]);
    assert_eq!(trie.remove(&filter(&slashes)), Some(1));
    assert_eq!(held.len(), 3);
}

#[test]
fn a_level_with_many_children_finds_and_forgets_each() {
    let mut trie: Trie<usize, Fixed> = Trie::with_hasher(Fixed::default());
    let filters: Vec<_> = (0..3_000).map(|i| filter(&format!("d/{i}/+"))).collect();
    for (number, filter) in filters.iter().enumerate() {
        trie.insert(filter, number);
    }
    let full = trie.clone();
    for filter in &filters[..2_990] {
        assert!(trie.remove(filter).is_some());
    }

    assert_eq!(full.matches(&topic("d/17/x")).as_slice(), [&17]);
    assert!(trie.matches(&topic("d/17/x")).is_empty());
    assert_eq!(trie.matches(&topic("d/2995/x")).as_slice(), [&2_995]);
}

/// A hasher that counts how often it is asked, that is how many nodes with several children a walk
/// comes through.
#[derive(Clone, Default)]
struct Counting(Rc<Cell<usize>>);

impl BuildHasher for Counting {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        self.0.set(self.0.get() + 1);
        DefaultHasher::new()
    }
}

fn questions_among(filters: usize) -> usize {
    let counting = Counting::default();
    let mut trie = Trie::with_hasher(counting.clone());
    for number in 0..filters {
        trie.insert(&filter(&format!("d/{number}/+/value")), number);
        trie.insert(&filter(&format!("+/+/{number}/#")), number);
    }
    counting.0.set(0);
    assert_eq!(trie.matches(&topic("d/7/9/value")).len(), 2);
    counting.0.get()
}

#[test]
fn a_match_among_a_hundred_thousand_filters_asks_no_more_than_among_a_hundred() {
    assert_eq!(questions_among(50_000), questions_among(50));
}

/// Whether every node below is in order and needed, and the map is as large as it says.
fn check<T: Clone, H: BuildHasher>(trie: &Trie<T, H>) {
    let mut filters = 0;
    let mut open = vec![(&*trie.root, true)];
    while let Some((node, is_root)) = open.pop() {
        let children = node.children.check();
        let own = usize::from(node.value.is_some()) + usize::from(node.rest.is_some());
        let below = children + usize::from(node.plus.is_some());
        assert!(is_root || own + below > 0, "a branch that leads nowhere");
        filters += own;
        open.extend(node.plus.iter().map(|plus| (&**plus, false)));
        open.extend(
            node.children
                .nodes()
                .into_iter()
                .map(|child| (child, false)),
        );
    }
    assert_eq!(filters, trie.len());
}

proptest! {
    /// With a hasher that puts hundreds of children of one node into four places.
    #[test]
    fn wide_levels_stay_in_order_while_they_grow_and_shrink(
        steps in prop::collection::vec((0_u16..400, 0_u8..5), 1..600),
    ) {
        let mut clashing = Trie::with_hasher(Clashing);
        let mut spread = Trie::with_hasher(Fixed::default());
        let mut twin = BTreeMap::new();
        let half = steps.len() / 2;
        for (turn, (number, dice)) in steps.into_iter().enumerate() {
            let filter = filter(&format!("w/{number}/#"));
            // First mostly growing, then mostly shrinking.
            let grows = if turn < half { dice > 0 } else { dice == 0 };
            let expected = if grows {
                twin.insert(filter.clone(), number)
            } else {
                twin.remove(&filter)
            };
            for found in [
                if grows { clashing.insert(&filter, number) } else { clashing.remove(&filter) },
                if grows { spread.insert(&filter, number) } else { spread.remove(&filter) },
            ] {
                prop_assert_eq!(found, expected);
            }
        }
        check(&clashing);
        check(&spread);
        for (filter, number) in &twin {
            prop_assert_eq!(clashing.get(filter), Some(number));
            prop_assert_eq!(spread.get(filter), Some(number));
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Insert(castmq_mqtt::TopicFilter, u32),
    Remove(castmq_mqtt::TopicFilter),
    Keep,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (any_filter(), any::<u32>()).prop_map(|(filter, value)| Step::Insert(filter, value)),
        3 => any_filter().prop_map(Step::Remove),
        1 => Just(Step::Keep),
    ]
}

fn agrees(
    trie: &Trie<u32, Clashing>,
    twin: &BTreeMap<castmq_mqtt::TopicFilter, u32>,
    topics: &[castmq_mqtt::TopicName],
) {
    assert_eq!(trie.len(), twin.len());
    check(trie);
    for topic in topics {
        let mut found: Vec<u32> = trie.matches(topic).into_iter().copied().collect();
        let matching = twin.iter().filter(|(filter, _)| filter.matches(topic));
        let mut expected: Vec<u32> = matching.map(|(_, value)| *value).collect();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected, "topic {topic:?} of {twin:?}");
    }
    for (filter, value) in twin {
        assert_eq!(trie.get(filter), Some(value));
    }
}

proptest! {
    /// Against a list of filters that are compared one by one; versions kept on the way stay true.
    /// \[MQTT3-3.3.2-3\] \[MQTT5-3.3.2-3\]
    #[test]
    fn finds_what_a_walk_through_all_filters_finds(
        steps in prop::collection::vec(any_step(), 1..120),
        topics in prop::collection::vec(any_topic(), 1..20),
    ) {
        let mut trie = Trie::with_hasher(Clashing);
        let mut twin = BTreeMap::new();
        let mut kept = Vec::new();
        for step in steps {
            match step {
                Step::Insert(filter, value) => {
                    prop_assert_eq!(trie.insert(&filter, value), twin.insert(filter, value));
                }
                Step::Remove(filter) => {
                    prop_assert_eq!(trie.remove(&filter), twin.remove(&filter));
                }
                Step::Keep => kept.push((trie.clone(), twin.clone())),
            }
        }
        kept.push((trie, twin));
        for (trie, twin) in &kept {
            agrees(trie, twin, &topics);
        }
    }
}
