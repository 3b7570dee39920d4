use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use castmq_mqtt::{QoS, TopicFilter, TopicName};
use proptest::prelude::*;

use super::{RetainLimits, RetainRefused, Retained, Scan, ScanBudget, Stored};
use crate::testing::{any_filter, any_topic, filter, topic};
use crate::{Message, MessageId, Moment};

const PLENTY: ScanBudget = ScanBudget {
    messages: 1_000,
    steps: 1_000_000,
};

fn at(seconds: u64) -> Moment {
    Moment::from_start(Duration::from_secs(seconds))
}

fn message(name: &TopicName, payload: &str) -> Message {
    Message {
        id: MessageId(0),
        topic: name.clone(),
        payload: Bytes::copy_from_slice(payload.as_bytes()),
        qos: QoS::AtLeastOnce,
        retain: true,
        properties: None,
        from: None,
        received: at(0),
        expires: None,
        version: None,
    }
}

fn store(messages_max: usize) -> Retained {
    Retained::new(RetainLimits {
        messages_max,
        payload_bytes_max: 8,
        expiry: None,
    })
}

fn store_of<const N: usize>(topics: [&str; N]) -> Retained {
    let mut store = store(1_000);
    for name in topics {
        store.store(message(&topic(name), name));
    }
    store
}

fn publish(store: &mut Retained, name: &str, payload: &str) -> Stored {
    store.store(message(&topic(name), payload))
}

fn payload(store: &Retained, name: &str) -> Option<String> {
    let message = store.get(&topic(name), at(0))?;
    Some(String::from_utf8(message.payload.to_vec()).unwrap())
}

/// The topics that a filter finds, in chunks.
fn found(store: &Retained, name: &TopicFilter, budget: ScanBudget) -> Vec<String> {
    let mut scan = Scan::new(name.clone());
    let mut topics = Vec::new();
    while !scan.is_done() {
        let chunk = store.next_chunk(&mut scan, budget, at(0));
        assert!(chunk.len() <= budget.messages);
        topics.extend(chunk.iter().map(|message| message.topic.to_string()));
    }
    topics
}

fn found_all(store: &Retained, name: &str) -> Vec<String> {
    found(store, &filter(name), PLENTY)
}

fn topics(expired: Vec<(TopicName, u64)>) -> Vec<TopicName> {
    expired.into_iter().map(|(topic, _)| topic).collect()
}

/// \[MQTT3-3.3.1-5\] \[MQTT5-3.3.1-5\]
#[test]
fn a_newer_message_replaces_the_one_of_its_topic() {
    let mut store = store(10);
    publish(&mut store, "a", "old");
    publish(&mut store, "a", "new");

    assert_eq!(payload(&store, "a").as_deref(), Some("new"));
    assert_eq!(store.len(), 1);
}

/// \[MQTT3-3.3.1-7\]
#[test]
fn a_message_of_qos_0_replaces_one_of_a_higher_qos_and_is_kept() {
    let mut store = store(10);
    publish(&mut store, "a", "qos 1");
    store.store(Message {
        qos: QoS::AtMostOnce,
        ..message(&topic("a"), "qos 0")
    });

    assert_eq!(payload(&store, "a").as_deref(), Some("qos 0"));
}

/// \[MQTT3-3.3.1-10\] \[MQTT5-3.3.1-6\]
#[test]
fn an_empty_payload_deletes_and_is_passed_on() {
    let mut store = store(10);
    publish(&mut store, "a", "old");

    let Stored::Deleted { message, existed } = publish(&mut store, "a", "") else {
        panic!("not deleted");
    };
    assert!(existed);
    assert_eq!(message.topic, topic("a"));
    assert_eq!(payload(&store, "a"), None);
}

/// \[MQTT3-3.3.1-11\] \[MQTT5-3.3.1-7\]
#[test]
fn an_empty_payload_is_not_kept_itself() {
    let mut store = store(10);

    let stored = publish(&mut store, "a", "");
    assert!(matches!(stored, Stored::Deleted { existed: false, .. }));
    assert!(store.is_empty());
    assert_eq!(store.bytes(), 0);
}

/// emqttd refuses to replace once its table is full.
#[test]
fn a_full_store_still_replaces_and_deletes_but_takes_no_new_topic() {
    let mut store = store(1);
    publish(&mut store, "a", "old");

    assert!(matches!(
        publish(&mut store, "b", "x"),
        Stored::Refused(_, RetainRefused::Full)
    ));
    assert!(matches!(publish(&mut store, "a", "new"), Stored::Kept(_)));
    assert!(matches!(
        publish(&mut store, "a", ""),
        Stored::Deleted { .. }
    ));
    assert!(matches!(publish(&mut store, "b", "x"), Stored::Kept(_)));
}

#[test]
fn a_payload_that_is_too_large_is_refused_and_the_older_one_stays() {
    let mut store = store(10);
    publish(&mut store, "a", "12345678");

    assert!(matches!(
        publish(&mut store, "a", "123456789"),
        Stored::Refused(_, RetainRefused::PayloadTooLarge)
    ));
    assert_eq!(payload(&store, "a").as_deref(), Some("12345678"));
}

#[test]
fn versions_grow_with_every_change_also_with_a_deletion() {
    let mut store = store(10);
    let version = |stored| match stored {
        Stored::Kept(message) | Stored::Deleted { message, .. } => message.version,
        Stored::Refused(..) => None,
    };

    assert_eq!(version(publish(&mut store, "a", "1")), Some(1));
    assert_eq!(version(publish(&mut store, "b", "1")), Some(2));
    assert_eq!(version(publish(&mut store, "a", "")), Some(3));
    assert_eq!(version(publish(&mut store, "a", "2")), Some(4));
}

#[test]
fn wildcards_find_what_they_match_in_the_order_of_levels() {
    let store = store_of(["a", "a/b", "a/b/c", "a/x/c", "a!", "b/b", "a//c", "/b"]);

    assert_eq!(
        found_all(&store, "a/#"),
        ["a", "a//c", "a/b", "a/b/c", "a/x/c"]
    );
    assert_eq!(found_all(&store, "a/+/c"), ["a//c", "a/b/c", "a/x/c"]);
    assert_eq!(found_all(&store, "+/b"), ["/b", "a/b", "b/b"]);
    assert_eq!(found_all(&store, "a/b"), ["a/b"]);
    assert_eq!(found_all(&store, "a/b/+/+"), Vec::<String>::new());
}

/// \[MQTT3-4.7.2-1\] \[MQTT5-4.7.2-1\]
#[test]
fn leading_wildcards_do_not_find_topics_that_start_with_a_dollar() {
    let store = store_of(["!/x", "$SYS/x", "$other/x", "a/x"]);

    assert_eq!(found_all(&store, "#"), ["!/x", "a/x"]);
    assert_eq!(found_all(&store, "+/x"), ["!/x", "a/x"]);
    assert_eq!(found_all(&store, "$SYS/+"), ["$SYS/x"]);
}

/// emqttd's fault F9: there a wildcard walks through the whole table.
#[test]
fn a_wildcard_looks_only_where_matches_can_be() {
    let mut store = store(100_000);
    for device in 0..200 {
        for sensor in 0..50 {
            publish(&mut store, &format!("d/{device}/s{sensor}/value"), "1");
        }
    }
    let steps = |name: &str, budget: usize| {
        let mut scan = Scan::new(filter(name));
        let budget = ScanBudget {
            messages: 1_000,
            steps: budget,
        };
        let found = store.next_chunk(&mut scan, budget, at(0));
        (found.len(), scan.is_done())
    };

    assert_eq!(steps("d/17/+/value", 2 * 50 + 5), (50, true));
    assert_eq!(steps("d/+/s7/value", 4 * 200), (200, true));
    assert_eq!(steps("x/#", 3), (0, true));
    assert_eq!(steps("d/+/s7/none", 4 * 200), (0, true));
}

#[test]
fn a_scan_that_runs_out_of_steps_goes_on_with_the_next_chunk() {
    let store = store_of(["a/1/x", "a/2/y", "a/3/x", "a/4/y"]);
    let one_step = ScanBudget {
        messages: 10,
        steps: 1,
    };

    assert_eq!(
        found(&store, &filter("a/+/x"), one_step),
        ["a/1/x", "a/3/x"]
    );
}

#[test]
fn a_scan_goes_on_behind_a_topic_that_was_deleted_meanwhile() {
    let mut store = store_of(["a/1", "a/2", "a/3"]);
    let mut scan = Scan::new(filter("a/+"));
    let two = ScanBudget {
        messages: 2,
        steps: 100,
    };
    assert_eq!(store.next_chunk(&mut scan, two, at(0)).len(), 2);

    store.delete(&topic("a/2"));
    publish(&mut store, "a/0", "late");
    publish(&mut store, "a/25", "new");

    let rest = store.next_chunk(&mut scan, PLENTY, at(0));
    let topics: Vec<_> = rest.iter().map(|message| message.topic.as_str()).collect();
    assert_eq!(topics, ["a/25", "a/3"]);
    assert!(scan.is_done());
}

#[test]
fn a_scan_may_start_behind_a_topic() {
    let store = store_of(["a/1", "a/2", "a/3"]);
    let mut scan = Scan::after(filter("a/#"), &topic("a/1"));

    assert_eq!(store.next_chunk(&mut scan, PLENTY, at(0)).len(), 2);
    let mut exact = Scan::after(filter("a/1"), &topic("a/1"));
    assert!(store.next_chunk(&mut exact, PLENTY, at(0)).is_empty());
}

fn ending(name: &str, seconds: u64) -> Message {
    Message {
        expires: Some(at(seconds)),
        ..message(&topic(name), "1")
    }
}

#[test]
fn an_expired_message_is_not_found_even_before_it_is_removed() {
    let mut store = store(10);
    store.store(ending("a", 5));
    let mut scan = Scan::new(filter("#"));

    assert!(store.get(&topic("a"), at(4)).is_some());
    assert!(store.get(&topic("a"), at(5)).is_none());
    assert!(store.next_chunk(&mut scan, PLENTY, at(5)).is_empty());
}

#[test]
fn messages_are_removed_in_the_order_of_their_ends_and_a_few_at_a_time() {
    let mut store = store(10);
    store.store(ending("c", 3));
    store.store(ending("a", 2));
    store.store(ending("b", 1));
    store.store(ending("d", 9));

    assert_eq!(store.next_end(), Some(at(1)));
    assert_eq!(topics(store.expire(at(3), 2)), [topic("b"), topic("a")]);
    assert_eq!(topics(store.expire(at(3), 2)), [topic("c")]);
    assert_eq!(store.next_end(), Some(at(9)));
}

#[test]
fn a_replaced_message_does_not_take_its_end_along() {
    let mut store = store(10);
    store.store(ending("a", 2));
    publish(&mut store, "a", "for ever");

    assert!(store.expire(at(100), 10).is_empty());
    assert_eq!(store.next_end(), None);
}

#[test]
fn the_stores_own_expiry_spares_the_brokers_topics_and_never_lengthens_a_life() {
    let mut store = Retained::new(RetainLimits {
        messages_max: 10,
        payload_bytes_max: 10,
        expiry: Some(Duration::from_secs(60)),
    });
    publish(&mut store, "$SYS/brokers", "1");
    publish(&mut store, "a", "1");
    store.store(ending("b", 5));
    store.store(ending("c", 90));

    assert_eq!(topics(store.expire(at(5), 10)), [topic("b")]);
    assert_eq!(topics(store.expire(at(60), 10)), [topic("a"), topic("c")]);
    assert_eq!(store.len(), 1);
}

#[derive(Clone, Debug)]
enum Step {
    Store(TopicName, String, Option<u64>),
    Delete(TopicName),
    Expire(u64, usize),
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (any_topic(), "[xyz]{0,3}", prop::option::of(0_u64..20))
            .prop_map(|(topic, payload, ends)| Step::Store(topic, payload, ends)),
        1 => any_topic().prop_map(Step::Delete),
        1 => (0_u64..20, 0_usize..3).prop_map(|(now, limit)| Step::Expire(now, limit)),
    ]
}

/// The store as a list of what is kept: topic → payload and end.
type Twin = BTreeMap<String, (String, Option<u64>)>;

fn apply(store: &mut Retained, twin: &mut Twin, step: Step) {
    match step {
        Step::Store(topic, payload, ends) => {
            let mut message = message(&topic, &payload);
            message.expires = ends.map(at);
            let is_full = twin.len() >= 12 && !twin.contains_key(topic.as_str());
            let stored = store.store(message);
            if payload.is_empty() {
                let existed = twin.remove(topic.as_str()).is_some();
                assert!(matches!(stored, Stored::Deleted { existed: was, .. } if was == existed));
            } else if is_full {
                assert!(matches!(stored, Stored::Refused(_, RetainRefused::Full)));
            } else {
                assert!(matches!(stored, Stored::Kept(_)));
                twin.insert(topic.to_string(), (payload, ends));
            }
        }
        Step::Delete(topic) => {
            let was = twin.remove(topic.as_str()).is_some();
            assert_eq!(store.delete(&topic).is_some(), was);
        }
        Step::Expire(now, limit) => {
            let is_due = |ends: &Option<u64>| ends.is_some_and(|ends| ends <= now);
            let due = twin.values().filter(|(_, ends)| is_due(ends)).count();
            let expired = topics(store.expire(at(now), limit));
            assert_eq!(expired.len(), due.min(limit));
            for topic in expired {
                let (_, ends) = twin.remove(topic.as_str()).unwrap();
                assert!(is_due(&ends));
            }
        }
    }
    assert_eq!(store.len(), twin.len());
}

proptest! {
    /// Against a list that is compared with the filter one by one, with chunks of every size.
    #[test]
    fn finds_what_a_walk_through_all_topics_finds(
        steps in prop::collection::vec(any_step(), 1..60),
        filters in prop::collection::vec(any_filter(), 1..12),
        messages in 1_usize..4,
        steps_max in 1_usize..6,
    ) {
        let mut store = store(12);
        let mut twin = Twin::new();
        for step in steps {
            apply(&mut store, &mut twin, step);
        }
        twin.retain(|_, (_, ends)| ends.is_none_or(|ends| ends > 0));
        for filter in &filters {
            let budget = ScanBudget { messages, steps: steps_max };
            let mut found = found(&store, filter, budget);
            found.sort_unstable();
            let matching = twin.keys().filter(|name| filter.matches(&topic(name)));
            let expected: Vec<String> = matching.cloned().collect();
            prop_assert_eq!(found, expected);
        }
    }

    /// What is there from the first chunk to the last is found exactly once, whatever comes and goes
    /// between the chunks.
    #[test]
    fn a_scan_among_changes_misses_and_doubles_nothing(
        before in prop::collection::vec(any_topic(), 0..20),
        changes in prop::collection::vec((any_topic(), "x?"), 0..40),
        filter in any_filter(),
        steps in 1_usize..4,
    ) {
        let mut store = store(1_000);
        for topic in &before {
            store.store(message(topic, "x"));
        }
        let mut scan = Scan::new(filter.clone());
        let mut found = Vec::new();
        let mut changes = changes.iter();
        let touched: Vec<&TopicName> = changes.as_slice().iter().map(|(topic, _)| topic).collect();
        while !scan.is_done() {
            let budget = ScanBudget { messages: 2, steps };
            let chunk = store.next_chunk(&mut scan, budget, at(0));
            found.extend(chunk.iter().map(|message| message.topic.clone()));
            for (topic, payload) in changes.by_ref().take(2) {
                store.store(message(topic, payload));
            }
        }
        let count = found.len();
        found.sort_unstable();
        found.dedup();
        prop_assert_eq!(found.len(), count, "a topic came twice");
        for topic in before.iter().filter(|topic| !touched.contains(topic)) {
            prop_assert_eq!(found.contains(topic), filter.matches(topic));
        }
    }
}

#[test]
fn topics_are_shown_level_by_level_and_go_on_behind_one_that_is_gone() {
    let store = store_of(["a", "a/b/c", "a/b/d", "a b", "/lead", "$SYS/x"]);
    let levels = |below: Option<&str>| {
        let mut levels: Vec<&str> = Vec::new();
        while let Some(level) = store.next_level(below, levels.last().copied()) {
            levels.push(level);
        }
        levels
    };
    assert_eq!(levels(None), ["", "$SYS", "a", "a b"]);
    assert_eq!(levels(Some("a")), ["b"]);
    assert_eq!(levels(Some("a/b")), ["c", "d"]);
    assert!(store.has_below("a/b"));
    assert!(!store.has_below("a/b/c"));

    let behind = |topic| {
        let rows = store
            .after(topic)
            .map(|(message, _)| message.topic.to_string());
        rows.collect::<Vec<String>>()
    };
    assert_eq!(behind(None).len(), 6);
    assert_eq!(behind(Some("a/b/cc")), ["a/b/d", "a b"]);
}
