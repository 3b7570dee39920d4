use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use castmq_mqtt::{TopicFilter, TopicName};
use proptest::prelude::*;

use super::{Choice, Destinations, RouteChange, Targets, WildcardRoutes};
use crate::testing::{Fixed, any_filter, any_topic, filter, topic};
use crate::{ArbiterId, ArbiterSet, Chance, Members, Strategy as Rule};

const GROUP: &str = "$share/g/a/+";

fn own(present: bool) -> RouteChange {
    RouteChange::Own { present }
}

fn group(online: u32, total: u32) -> RouteChange {
    RouteChange::Group {
        group: Arc::from(GROUP),
        members: Members { online, total },
    }
}

fn by(strategy: Rule, number: u64) -> Choice {
    Choice {
        strategy,
        chance: Chance {
            random: number,
            client: number,
        },
    }
}

fn numbers(set: &ArbiterSet) -> Vec<u16> {
    set.iter().map(|arbiter| arbiter.0).collect()
}

/// The arbiters chosen for as many messages.
fn chosen(row: &Destinations, strategy: Rule, messages: u64) -> Vec<u16> {
    let group = row.group(GROUP).unwrap();
    let none = ArbiterSet::default();
    let choices = (0..messages).map(|number| group.choose(by(strategy, number), &none));
    choices.map(|arbiter| arbiter.unwrap().0).collect()
}

fn row<const N: usize>(changes: [(u16, RouteChange); N]) -> Destinations {
    let mut row = Destinations::default();
    for (arbiter, change) in changes {
        row.apply(ArbiterId(arbiter), &change);
    }
    row
}

#[test]
fn a_topic_leads_to_each_arbiter_once_whatever_the_number_of_filters() {
    let mut routes = WildcardRoutes::with_hasher(Fixed::default());
    routes.apply(&filter("a/+"), ArbiterId(1), &own(true));
    routes.apply(&filter("a/#"), ArbiterId(1), &own(true));
    routes.apply(&filter("#"), ArbiterId(70), &own(true));
    let mut targets = Targets::default();
    routes.collect(&topic("a/b"), by(Rule::Random, 0), &mut targets);

    assert_eq!(numbers(&targets.own), [1, 70]);
    assert_eq!(numbers(&targets.arbiters()), [1, 70]);
}

#[test]
fn a_filter_that_leads_nowhere_is_gone() {
    let mut routes = WildcardRoutes::with_hasher(Fixed::default());
    routes.apply(&filter("a/+"), ArbiterId(1), &own(true));
    routes.apply(&filter("a/+"), ArbiterId(1), &group(1, 1));
    routes.apply(&filter("a/+"), ArbiterId(1), &own(false));
    assert_eq!(routes.len(), 1);
    routes.apply(&filter("a/+"), ArbiterId(1), &group(0, 0));

    assert!(routes.is_empty());
}

#[test]
fn what_an_arbiter_says_twice_counts_once() {
    let row = row([
        (3, group(1, 2)),
        (3, group(1, 2)),
        (3, own(true)),
        (3, own(true)),
    ]);

    let members = row.group(GROUP).unwrap().arbiters();
    assert_eq!(
        members,
        [(
            ArbiterId(3),
            Members {
                online: 1,
                total: 2
            }
        )]
    );
    assert_eq!(numbers(row.own()), [3]);
}

#[test]
fn a_group_goes_to_arbiters_in_proportion_to_their_members() {
    let row = row([(0, group(1, 1)), (1, group(3, 3))]);

    assert_eq!(chosen(&row, Rule::RoundRobin, 8), [0, 1, 1, 1, 0, 1, 1, 1]);
    assert_eq!(chosen(&row, Rule::Random, 4), [0, 1, 1, 1]);
    assert_eq!(chosen(&row, Rule::HashClientId, 4), [0, 1, 1, 1]);
}

#[test]
fn turns_go_on_across_versions_of_a_row() {
    let first = row([(0, group(1, 1)), (1, group(1, 1))]);
    let mut second = first.clone();
    second.apply(ArbiterId(5), &own(true));

    assert_eq!(chosen(&first, Rule::RoundRobin, 1), [0]);
    assert_eq!(chosen(&second, Rule::RoundRobin, 2), [1, 0]);
}

#[test]
fn arbiters_whose_members_are_all_away_get_nothing_while_others_are_connected() {
    let row = row([(0, group(0, 9)), (1, group(1, 1))]);

    assert_eq!(chosen(&row, Rule::RoundRobin, 3), [1, 1, 1]);
}

#[test]
fn when_all_members_are_away_their_arbiters_keep_the_messages() {
    let row = row([(0, group(0, 1)), (1, group(0, 1))]);

    assert_eq!(chosen(&row, Rule::RoundRobin, 3), [0, 1, 0]);
}

#[test]
fn a_sticky_group_stays_with_its_arbiter_while_that_one_has_connected_members() {
    let mut row = row([(1, group(1, 1)), (0, group(5, 5))]);
    assert_eq!(chosen(&row, Rule::Sticky, 3), [1, 1, 1]);

    row.apply(ArbiterId(1), &group(0, 1));
    assert_eq!(chosen(&row, Rule::Sticky, 3), [0, 0, 0]);

    row.apply(ArbiterId(1), &group(1, 1));
    assert_eq!(chosen(&row, Rule::Sticky, 3), [0, 0, 0]);
}

#[test]
fn a_sticky_group_stays_while_all_are_away_until_its_arbiter_has_no_member_left() {
    let mut row = row([(0, group(0, 1)), (1, group(0, 5))]);
    assert_eq!(chosen(&row, Rule::Sticky, 2), [0, 0]);

    row.apply(ArbiterId(0), &group(0, 0));
    assert_eq!(chosen(&row, Rule::Sticky, 2), [1, 1]);
}

#[test]
fn an_arbiter_that_says_it_has_no_members_is_not_listed() {
    let row = row([(0, group(1, 1)), (1, group(0, 0))]);

    assert_eq!(row.group(GROUP).unwrap().arbiters().len(), 1);
}

#[test]
fn an_arbiter_that_had_no_member_left_is_not_chosen_again() {
    let row = row([(0, group(1, 1)), (1, group(1, 1))]);
    let group = row.group(GROUP).unwrap();
    let mut tried = ArbiterSet::default();
    for strategy in [Rule::Sticky, Rule::Random] {
        let arbiter = group.choose(by(strategy, 0), &tried).unwrap();
        assert!(!tried.contains(arbiter));
        tried.insert(arbiter);
    }

    assert_eq!(group.choose(by(Rule::Random, 0), &tried), None);
}

#[test]
fn each_group_of_a_filter_gets_one_arbiter() {
    let mut row = row([(0, group(1, 1)), (1, group(1, 1))]);
    let other = RouteChange::Group {
        group: Arc::from("$queue/a/+"),
        members: Members {
            online: 1,
            total: 1,
        },
    };
    row.apply(ArbiterId(2), &other);
    let mut targets = Targets::default();
    targets.add(&row, by(Rule::Random, 1));

    let groups: Vec<_> = targets
        .groups
        .iter()
        .map(|(at, name)| (at.0, &**name))
        .collect();
    assert_eq!(groups, [(2, "$queue/a/+"), (1, GROUP)]);
    assert!(targets.own.is_empty());
}

#[derive(Clone, Debug)]
struct Step(TopicFilter, u16, Option<&'static str>, u32);

fn any_step() -> impl Strategy<Value = Step> {
    let names = prop_oneof![Just(None), Just(Some("g")), Just(Some("h"))];
    (any_filter(), 0_u16..130, names, 0_u32..3)
        .prop_map(|(filter, arbiter, name, count)| Step(filter, arbiter, name, count))
}

impl Step {
    fn change(&self) -> RouteChange {
        match self.2 {
            None => own(self.3 > 0),
            Some(name) => RouteChange::Group {
                group: Arc::from(format!("$share/{name}/{}", self.0)),
                members: Members {
                    online: self.3.saturating_sub(1),
                    total: self.3,
                },
            },
        }
    }
}

/// What the last word of each arbiter was.
type Twin = BTreeMap<(TopicFilter, Option<&'static str>, u16), u32>;

fn expected(twin: &Twin, topic: &TopicName) -> (Vec<u16>, BTreeSet<String>) {
    let mut own = BTreeSet::new();
    let mut groups = BTreeSet::new();
    for (filter, name, arbiter) in twin.keys().filter(|key| key.0.matches(topic)) {
        match name {
            None => {
                own.insert(*arbiter);
            }
            Some(name) => {
                groups.insert(format!("$share/{name}/{filter}"));
            }
        }
    }
    (own.into_iter().collect(), groups)
}

proptest! {
    /// Against a list of what each arbiter said last about each filter.
    #[test]
    fn leads_where_a_list_of_all_routes_leads(
        steps in prop::collection::vec(any_step(), 1..100),
        topics in prop::collection::vec(any_topic(), 1..12),
        number in any::<u64>(),
    ) {
        let mut routes = WildcardRoutes::with_hasher(Fixed::default());
        let mut twin = Twin::new();
        for step in &steps {
            routes.apply(&step.0, ArbiterId(step.1), &step.change());
            twin.insert((step.0.clone(), step.2, step.1), step.3);
        }
        twin.retain(|_, count| *count > 0);
        for topic in &topics {
            let mut targets = Targets::default();
            routes.collect(topic, by(Rule::Random, number), &mut targets);
            let (own, groups) = expected(&twin, topic);
            prop_assert_eq!(numbers(&targets.own), own);
            let named: BTreeSet<_> = targets.groups.iter().map(|(_, name)| name.to_string()).collect();
            prop_assert_eq!(named.len(), targets.groups.len());
            prop_assert_eq!(named, groups);
            for (arbiter, name) in &targets.groups {
                let has_members = twin.keys().any(|(filter, group, at)| {
                    *at == arbiter.0
                        && group.is_some_and(|group| format!("$share/{group}/{filter}") == **name)
                });
                prop_assert!(has_members);
            }
        }
        let filters: BTreeSet<_> = twin.keys().map(|key| key.0.clone()).collect();
        prop_assert_eq!(routes.len(), filters.len());
    }
}
