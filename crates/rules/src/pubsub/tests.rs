use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::sync::Arc;

use bytes::Bytes;
use castmq_mqtt::{QoS, Subscription, SubscriptionOptions, TopicName};
use proptest::prelude::*;

use super::{Match, Subscriber, Table};
use crate::testing::{Fixed, any_filter, any_topic, subscription, topic};
use crate::{
    Chance, Delivery, Members, Message, MessageId, Moment, Route, RouteChange, Strategy as Rule,
    SubscriptionIds,
};

const QOS_0: QoS = QoS::AtMostOnce;
const QOS_1: QoS = QoS::AtLeastOnce;
const QOS_2: QoS = QoS::ExactlyOnce;

fn table() -> Table<u32, Fixed> {
    Table::with_hasher(Fixed::default())
}

fn with_qos(qos: QoS) -> Subscriber {
    Subscriber {
        options: SubscriptionOptions {
            qos,
            ..SubscriptionOptions::default()
        },
        id: None,
    }
}

fn with_id(qos: QoS, id: u32) -> Subscriber {
    Subscriber {
        id: NonZeroU32::new(id),
        ..with_qos(qos)
    }
}

fn without_own(qos: QoS) -> Subscriber {
    let mut subscriber = with_qos(qos);
    subscriber.options.no_local = true;
    subscriber
}

/// All deliveries of a message, in chunks of `limit`.
fn deliveries(
    table: &Table<u32, Fixed>,
    name: &TopicName,
    from: Option<u32>,
    limit: usize,
) -> Vec<Match<u32>> {
    let mut plan = table.plan(name);
    let mut all = Vec::new();
    while !table.advance(&mut plan, from, limit, |delivery| all.push(delivery)) {}
    all
}

fn sessions(table: &Table<u32, Fixed>, name: &str) -> Vec<u32> {
    let deliveries = deliveries(table, &topic(name), None, 3);
    deliveries.iter().map(|delivery| delivery.session).collect()
}

fn own_route(filter: &str, present: bool) -> Option<Route> {
    Some(Route {
        filter: crate::testing::filter(filter),
        change: RouteChange::Own { present },
    })
}

/// \[MQTT3-3.3.5-1\] \[MQTT5-3.3.4-2\] \[MQTT5-3.3.4-4\]
#[test]
fn overlapping_subscriptions_of_one_session_give_one_copy_with_the_highest_qos_and_all_ids() {
    let mut table = table();
    table.subscribe(1, &subscription("a/b"), with_id(QOS_0, 9));
    table.subscribe(1, &subscription("a/+"), with_id(QOS_2, 4));
    table.subscribe(1, &subscription("#"), with_id(QOS_1, 7));

    let expected = Match {
        session: 1,
        qos: QOS_2,
        retain_as_published: false,
        subscription_ids: [4, 7, 9].into_iter().collect(),
    };
    assert_eq!(deliveries(&table, &topic("a/b"), None, 10), [expected]);
}

#[test]
fn an_identifier_that_two_subscriptions_share_comes_once() {
    let mut table = table();
    table.subscribe(1, &subscription("a/b"), with_id(QOS_0, 5));
    table.subscribe(1, &subscription("a/+"), with_id(QOS_0, 5));

    let deliveries = deliveries(&table, &topic("a/b"), None, 10);
    assert_eq!(deliveries[0].subscription_ids.as_slice(), [5]);
}

/// \[MQTT5-3.8.3-3\]
#[test]
fn no_local_keeps_the_publishers_own_messages_from_that_subscription_only() {
    let mut table = table();
    table.subscribe(1, &subscription("a/b"), without_own(QOS_2));
    table.subscribe(1, &subscription("a/+"), with_qos(QOS_0));
    table.subscribe(2, &subscription("a/b"), without_own(QOS_1));

    let qos_from = |from| -> Vec<_> {
        let deliveries = deliveries(&table, &topic("a/b"), Some(from), 10);
        let with_qos = deliveries.iter().map(|each| (each.session, each.qos));
        with_qos.collect()
    };
    assert_eq!(qos_from(1), [(1, QOS_0), (2, QOS_1)]);
    assert_eq!(qos_from(2), [(1, QOS_2)]);
}

/// \[MQTT3-3.8.4-3\] \[MQTT5-3.8.4-3\]
#[test]
fn the_same_filter_again_replaces_the_subscription() {
    let mut table = table();
    table.subscribe(1, &subscription("a"), with_id(QOS_2, 1));
    let again = table.subscribe(1, &subscription("a"), with_id(QOS_0, 2));

    assert!(again.existed);
    assert_eq!(again.route, None);
    assert_eq!(table.len(), 1);
    let deliveries = deliveries(&table, &topic("a"), None, 10);
    assert_eq!(deliveries[0].qos, QOS_0);
    assert_eq!(deliveries[0].subscription_ids.as_slice(), [2]);
}

/// \[MQTT3-3.10.4-1\] \[MQTT5-3.10.4-1\]
#[test]
fn unsubscribing_takes_wildcards_literally() {
    let mut table = table();
    table.subscribe(1, &subscription("a/b"), with_qos(QOS_0));

    assert!(!table.unsubscribe(1, &subscription("a/+")).existed);
    assert!(!table.unsubscribe(2, &subscription("a/b")).existed);
    assert!(table.unsubscribe(1, &subscription("a/b")).existed);
    assert!(!table.unsubscribe(1, &subscription("a/b")).existed);
}

/// \[MQTT3-3.10.4-2\] \[MQTT5-3.10.4-2\]
#[test]
fn who_unsubscribed_gets_nothing_more_through_that_filter() {
    let mut table = table();
    table.subscribe(1, &subscription("a/b"), with_qos(QOS_0));
    table.subscribe(1, &subscription("a/+"), with_qos(QOS_1));
    table.unsubscribe(1, &subscription("a/+"));

    assert_eq!(deliveries(&table, &topic("a/b"), None, 10)[0].qos, QOS_0);
    assert!(!table.plan(&topic("a/b")).is_empty());
    assert!(table.plan(&topic("a/c")).is_empty());
}

#[test]
fn only_the_first_and_the_last_subscriber_of_a_filter_concern_the_router() {
    let mut table = table();
    let first = table.subscribe(1, &subscription("a/+"), with_qos(QOS_0));
    let second = table.subscribe(2, &subscription("a/+"), with_qos(QOS_0));
    let one_left = table.unsubscribe(1, &subscription("a/+"));
    let none_left = table.unsubscribe(2, &subscription("a/+"));

    assert_eq!(first.route, own_route("a/+", true));
    assert_eq!(second.route, None);
    assert_eq!(one_left.route, None);
    assert_eq!(none_left.route, own_route("a/+", false));
}

#[test]
fn a_plan_goes_on_where_it_stopped_although_subscribers_come_and_go() {
    let mut table = table();
    for session in 0..40 {
        table.subscribe(session, &subscription("a"), with_qos(QOS_0));
    }
    let mut plan = table.plan(&topic("a"));
    let mut reached = Vec::new();

    assert!(!table.advance(&mut plan, None, 30, |each| reached.push(each.session)));
    table.unsubscribe(29, &subscription("a"));
    table.unsubscribe(35, &subscription("a"));
    table.subscribe(10, &subscription("a"), with_qos(QOS_1));
    assert!(table.advance(&mut plan, None, 30, |each| reached.push(each.session)));

    let expected: Vec<u32> = (0..40).filter(|session| *session != 35).collect();
    assert_eq!(reached, expected);
}

#[test]
fn a_plan_ends_when_its_filter_is_gone_and_another_one_took_its_place() {
    let mut table = table();
    table.subscribe(1, &subscription("a"), with_qos(QOS_0));
    let mut plan = table.plan(&topic("a"));
    table.unsubscribe(1, &subscription("a"));
    table.subscribe(1, &subscription("b"), with_qos(QOS_0));

    let mut reached = Vec::new();
    assert!(table.advance(&mut plan, None, 10, |each| reached.push(each)));
    assert!(reached.is_empty());
}

/// emqttd's fault F12: there each leaving subscriber of a topic costs a walk through all others.
#[test]
fn a_mass_disconnect_from_one_topic_ends_all_subscriptions_and_deletes_the_route_once() {
    let mut table = table();
    for session in 0..20_000 {
        table.subscribe(session, &subscription("news"), with_qos(QOS_0));
    }
    let mut routes = Vec::new();
    for session in (0..20_000).rev() {
        assert!(table.remove_all(session, 10, &mut routes));
    }

    assert!(table.is_empty());
    assert_eq!(
        routes,
        own_route("news", false).into_iter().collect::<Vec<_>>()
    );
}

#[test]
fn a_session_with_many_subscriptions_is_removed_in_steps() {
    let mut table = table();
    table.subscribe(2, &subscription("a/1"), with_qos(QOS_0));
    for number in 0..50 {
        table.subscribe(1, &subscription(&format!("a/{number}")), with_qos(QOS_0));
    }
    table.subscribe(1, &subscription("$share/g/a/+"), with_qos(QOS_0));
    let mut routes = Vec::new();

    assert!(!table.remove_all(1, 50, &mut routes));
    assert!(table.remove_all(1, 50, &mut routes));

    assert_eq!(routes.len(), 50);
    assert_eq!(table.len(), 1);
    assert_eq!(sessions(&table, "a/1"), [2]);
    assert!(sessions(&table, "a/2").is_empty());
}

#[test]
fn a_shared_subscription_gets_nothing_as_a_subscriber_of_its_own() {
    let mut table = table();
    table.subscribe(1, &subscription("$share/g/a"), with_qos(QOS_0));
    table.subscribe(2, &subscription("$queue/a"), with_qos(QOS_0));

    assert!(sessions(&table, "a").is_empty());
    assert!(sessions(&table, "$share/g/a").is_empty());
}

#[test]
fn the_router_hears_of_each_change_in_a_groups_members() {
    let mut table = table();
    let group = subscription("$share/g/a/+");
    let members = |route: Option<Route>| match route.map(|route| route.change) {
        Some(RouteChange::Group { members, .. }) => (members.online, members.total),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        members(table.subscribe(1, &group, with_qos(QOS_0)).route),
        (1, 1)
    );
    assert_eq!(
        members(table.subscribe(2, &group, with_qos(QOS_0)).route),
        (2, 2)
    );
    assert_eq!(table.subscribe(2, &group, with_qos(QOS_1)).route, None);
    let mut routes = Vec::new();
    table.set_online(1, false, &mut routes);
    table.set_online(1, false, &mut routes);
    assert_eq!(members(routes.pop()), (1, 2));
    assert_eq!(routes, []);
    assert_eq!(members(table.unsubscribe(2, &group).route), (0, 1));
    assert_eq!(members(table.unsubscribe(1, &group).route), (0, 0));
    assert_eq!(table.groups_now(), 0);
}

fn message(qos: QoS, retain: bool) -> Arc<Message> {
    Arc::new(Message {
        id: MessageId(1),
        topic: topic("a"),
        payload: Bytes::from_static(b"x"),
        qos,
        retain,
        properties: None,
        from: None,
        received: Moment::default(),
        expires: None,
        version: None,
    })
}

fn only_delivery(table: &Table<u32, Fixed>, message: &Arc<Message>) -> Delivery {
    let matches = deliveries(table, &topic("a"), None, 10);
    let [only] = matches.try_into().unwrap();
    only.delivery(Arc::clone(message))
}

/// \[MQTT3-3.8.4-6\] \[MQTT5-3.8.4-8\]
#[test]
fn a_message_comes_with_the_lower_qos_of_publish_and_subscription() {
    let mut table = table();
    table.subscribe(1, &subscription("a"), with_qos(QOS_1));

    assert_eq!(only_delivery(&table, &message(QOS_2, false)).qos, QOS_1);
    assert_eq!(only_delivery(&table, &message(QOS_0, false)).qos, QOS_0);
}

/// \[MQTT3-3.3.1-9\] \[MQTT5-3.3.1-12\] \[MQTT5-3.3.1-13\]
#[test]
fn the_retain_flag_reaches_only_subscriptions_that_keep_it() {
    let mut table = table();
    table.subscribe(1, &subscription("a"), with_qos(QOS_0));
    assert!(!only_delivery(&table, &message(QOS_0, true)).retain);

    let mut keeping = with_qos(QOS_0);
    keeping.options.retain_as_published = true;
    table.subscribe(1, &subscription("+"), keeping);
    assert!(only_delivery(&table, &message(QOS_0, true)).retain);
    assert!(!only_delivery(&table, &message(QOS_0, false)).retain);
}

/// \[MQTT5-4.8.2-3\]
#[test]
fn a_member_of_a_group_gets_messages_by_its_own_options() {
    let mut table = table();
    let group: Arc<str> = Arc::from("$share/g/a");
    table.subscribe(1, &subscription(&group), with_id(QOS_1, 3));
    let (session, subscriber) = table
        .choose(&group, Rule::Random, Chance::default())
        .unwrap();
    let delivery = subscriber.delivery(&message(QOS_2, false), &group);

    assert_eq!(session, 1);
    assert_eq!(delivery.qos, QOS_1);
    assert_eq!(delivery.subscription_ids.as_slice(), [3]);
    assert_eq!(delivery.group, Some(Box::new(group)));
    assert_eq!(
        table.choose("$share/h/a", Rule::Random, Chance::default()),
        None
    );
}

#[test]
fn a_session_that_ends_is_not_given_its_own_messages_again() {
    let mut table = table();
    table.subscribe(1, &subscription("$share/g/a"), with_qos(QOS_1));
    let instead = |table: &mut Table<u32, Fixed>| {
        let chance = Chance::default();
        let chosen = table.choose_other("$share/g/a", 1, Rule::Random, chance);
        chosen.map(|(session, _)| session)
    };
    assert_eq!(instead(&mut table), None);

    table.subscribe(2, &subscription("$share/g/a"), with_qos(QOS_1));
    assert_eq!(instead(&mut table), Some(2));
}

#[test]
fn the_table_knows_what_a_session_subscribed_to() {
    let mut table = table();
    table.subscribe(1, &subscription("a/+"), with_id(QOS_1, 3));
    table.subscribe(1, &subscription("$queue/a/+"), with_id(QOS_2, 4));

    let get = |session, filter| table.get(session, &subscription(filter));
    assert_eq!(get(1, "a/+"), Some(with_id(QOS_1, 3)));
    assert_eq!(get(1, "$queue/a/+"), Some(with_id(QOS_2, 4)));
    assert_eq!(get(2, "a/+"), None);
    assert_eq!(get(1, "a/b"), None);
}

#[derive(Clone, Debug)]
enum Step {
    Subscribe(u32, Subscription, Subscriber),
    Unsubscribe(u32, Subscription),
    Leave(u32),
    Online(u32, bool),
    Publish(TopicName, u32, usize),
}

fn any_subscription() -> impl Strategy<Value = Subscription> {
    (any_filter(), "|||\\$share/g/|\\$share/h/|\\$queue/")
        .prop_map(|(filter, prefix)| subscription(&format!("{prefix}{filter}")))
}

fn any_subscriber() -> impl Strategy<Value = Subscriber> {
    (0_u8..3, any::<bool>(), any::<bool>(), 0_u32..4).prop_map(|(qos, no_local, kept, id)| {
        Subscriber {
            options: SubscriptionOptions {
                qos: QoS::from_number(qos).unwrap(),
                no_local,
                retain_as_published: kept,
                ..SubscriptionOptions::default()
            },
            id: NonZeroU32::new(id),
        }
    })
}

fn any_step() -> impl Strategy<Value = Step> {
    let session = 0_u32..24;
    prop_oneof![
        6 => (session.clone(), any_subscription(), any_subscriber())
            .prop_map(|(session, subscription, how)| Step::Subscribe(session, subscription, how)),
        3 => (session.clone(), any_subscription())
            .prop_map(|(session, subscription)| Step::Unsubscribe(session, subscription)),
        1 => session.clone().prop_map(Step::Leave),
        1 => (session.clone(), any::<bool>()).prop_map(|(session, is)| Step::Online(session, is)),
        3 => (any_topic(), session, 1_usize..5)
            .prop_map(|(topic, from, limit)| Step::Publish(topic, from, limit)),
    ]
}

/// The table as a list, and the routes as whoever hears all changes knows them.
#[derive(Default)]
struct Twin {
    rows: BTreeMap<(u32, Subscription), Subscriber>,
    own: BTreeSet<String>,
    groups: BTreeMap<String, Members>,
}

impl Twin {
    fn hear(&mut self, routes: impl IntoIterator<Item = Route>) {
        for route in routes {
            match route.change {
                RouteChange::Own { present: true } => {
                    assert!(self.own.insert(route.filter.to_string()));
                }
                RouteChange::Own { present: false } => {
                    assert!(self.own.remove(route.filter.as_str()));
                }
                RouteChange::Group { group, members } if members.total == 0 => {
                    assert!(self.groups.remove(&*group).is_some());
                }
                RouteChange::Group { group, members } => {
                    self.groups.insert(group.to_string(), members);
                }
            }
        }
    }

    fn deliveries(&self, topic: &TopicName, from: u32) -> Vec<Match<u32>> {
        let mut deliveries: BTreeMap<u32, Match<u32>> = BTreeMap::new();
        for ((session, subscription), how) in &self.rows {
            if subscription.is_shared()
                || !subscription.filter().matches(topic)
                || (how.options.no_local && *session == from)
            {
                continue;
            }
            let delivery = deliveries.entry(*session).or_insert_with(|| Match {
                session: *session,
                qos: QOS_0,
                retain_as_published: false,
                subscription_ids: SubscriptionIds::default(),
            });
            delivery.qos = delivery.qos.max(how.options.qos);
            delivery.retain_as_published |= how.options.retain_as_published;
            let so_far = delivery.subscription_ids.as_slice().iter().copied();
            let ids: BTreeSet<u32> = so_far.chain(how.id.map(NonZeroU32::get)).collect();
            delivery.subscription_ids = ids.into_iter().collect();
        }
        deliveries.into_values().collect()
    }

    fn check_routes(&self, table: &Table<u32, Fixed>) {
        let mut own = BTreeSet::new();
        let mut groups: BTreeMap<String, u32> = BTreeMap::new();
        for (_, subscription) in self.rows.keys() {
            if subscription.is_shared() {
                *groups.entry(subscription.to_string()).or_default() += 1;
            } else {
                own.insert(subscription.to_string());
            }
        }
        let told = self.groups.iter();
        let told: BTreeMap<_, _> = told.map(|(name, it)| (name.clone(), it.total)).collect();
        assert_eq!(self.own, own);
        assert_eq!(told, groups);
        assert_eq!(table.filters_now(), own.len());
        assert_eq!(table.groups_now(), groups.len());
        assert_eq!(table.len(), self.rows.len());
    }
}

proptest! {
    /// Against a list of subscriptions that are compared one by one.
    #[test]
    fn delivers_and_routes_as_a_list_of_all_subscriptions_says(
        steps in prop::collection::vec(any_step(), 1..150),
    ) {
        let mut table = table();
        let mut twin = Twin::default();
        for step in steps {
            match step {
                Step::Subscribe(session, subscription, how) => {
                    let done = table.subscribe(session, &subscription, how);
                    let old = twin.rows.insert((session, subscription), how);
                    prop_assert_eq!(done.existed, old.is_some());
                    twin.hear(done.route);
                }
                Step::Unsubscribe(session, subscription) => {
                    let done = table.unsubscribe(session, &subscription);
                    let old = twin.rows.remove(&(session, subscription));
                    prop_assert_eq!(done.existed, old.is_some());
                    twin.hear(done.route);
                }
                Step::Leave(session) => {
                    let mut routes = Vec::new();
                    while !table.remove_all(session, 2, &mut routes) {}
                    twin.rows.retain(|(other, _), _| *other != session);
                    twin.hear(routes);
                }
                Step::Online(session, is_online) => {
                    let mut routes = Vec::new();
                    table.set_online(session, is_online, &mut routes);
                    twin.hear(routes);
                }
                Step::Publish(topic, from, limit) => {
                    let found = deliveries(&table, &topic, Some(from), limit);
                    prop_assert_eq!(found, twin.deliveries(&topic, from));
                }
            }
            twin.check_routes(&table);
        }
    }
}
