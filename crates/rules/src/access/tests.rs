use castmq_mqtt::{QoS, TopicFilter};
use proptest::prelude::*;

use super::{
    AccessCache, AccessRule, AccessRules, Action, Answer, Asked, Decision, Network, Pattern,
    Question, Subject, Who, first_answer,
};
use crate::ClientId;
use crate::testing::{any_filter, any_topic, text};

use Action::{Deliver, Publish, Subscribe};
use Decision::{Allow, Deny};

fn client(id: &str) -> ClientId {
    ClientId::new(text(id)).unwrap()
}

fn rule(decision: Decision, who: Who, action: Option<Action>, topics: &[&str]) -> AccessRule {
    let topics = topics.iter().map(|topic| Pattern::parse(topic).unwrap());
    AccessRule {
        decision,
        who,
        action,
        topics: topics.collect(),
        qos: None,
        retain: None,
        line: 0,
    }
}

fn rules<const N: usize>(rules: [AccessRule; N], otherwise: Decision) -> AccessRules {
    AccessRules {
        rules: Vec::from(rules),
        otherwise,
        generation: 1,
    }
}

/// The decision about client `c1`, user `alice`, from 192.168.1.7.
fn decide(rules: &AccessRules, action: Action, topic: &str) -> Decision {
    decide_for(rules, "c1", Some("alice"), (action, topic))
}

fn decide_for(
    rules: &AccessRules,
    id: &str,
    user: Option<&str>,
    (action, topic): (Action, &str),
) -> Decision {
    let subject = Subject {
        client: &client(id),
        user,
        address: Some([192, 168, 1, 7].into()),
        claims: &[],
    };
    rules.decide(subject, Question::new(action, topic))
}

#[test]
fn the_first_rule_that_fits_decides() {
    let rules = rules(
        [
            rule(Allow, Who::All, None, &["a/b"]),
            rule(Deny, Who::All, None, &["a/#"]),
        ],
        Allow,
    );

    assert_eq!(decide(&rules, Publish, "a/b"), Allow);
    assert_eq!(decide(&rules, Publish, "a/c"), Deny);
    assert_eq!(decide(&rules, Publish, "b"), Allow);
}

#[test]
fn emqttds_default_rules_keep_clients_from_the_brokers_topics_and_from_everything_at_once() {
    let rules = rules(
        [
            rule(
                Allow,
                Who::User(text("dashboard")),
                Some(Subscribe),
                &["$SYS/#"],
            ),
            rule(Deny, Who::All, Some(Subscribe), &["$SYS/#", "eq #"]),
            rule(Allow, Who::All, None, &[]),
        ],
        Deny,
    );

    assert_eq!(decide(&rules, Subscribe, "$SYS/brokers"), Deny);
    assert_eq!(decide(&rules, Subscribe, "#"), Deny);
    assert_eq!(decide(&rules, Subscribe, "+/#"), Allow);
    let dashboard = decide_for(&rules, "d", Some("dashboard"), (Subscribe, "$SYS/#"));
    assert_eq!(dashboard, Allow);
}

#[test]
fn rules_tell_clients_users_and_addresses_apart() {
    let network =
        |address: [u8; 4], prefix| Who::Address(Network::new(address.into(), prefix).unwrap());
    let only = |who| decide(&rules([rule(Allow, who, None, &[])], Deny), Publish, "a");

    assert_eq!(only(Who::Client(client("c1"))), Allow);
    assert_eq!(only(Who::Client(client("c2"))), Deny);
    assert_eq!(only(Who::User(text("bob"))), Deny);
    assert_eq!(only(network([192, 168, 0, 0], 16)), Allow);
    assert_eq!(only(network([192, 168, 0, 0], 24)), Deny);
    assert_eq!(only(network([0, 0, 0, 0], 0)), Allow);
    let alice = Who::User(text("alice"));
    let bob = Who::User(text("bob"));
    assert_eq!(only(Who::AllOf(vec![alice.clone(), bob.clone()])), Deny);
    assert_eq!(only(Who::AnyOf(vec![alice, bob])), Allow);
}

#[test]
fn an_ipv4_client_of_a_dual_stack_listener_is_in_its_ipv4_network() {
    let network = Network::new([10, 0, 0, 0].into(), 8).unwrap();

    assert!(network.contains("::ffff:10.1.2.3".parse().unwrap()));
    assert!(!network.contains("::ffff:11.1.2.3".parse().unwrap()));
    assert_eq!(Network::new([10, 0, 0, 0].into(), 33), None);
}

#[test]
fn placeholders_stand_for_the_clients_own_names() {
    let rules = rules(
        [rule(Allow, Who::All, None, &["dev/%c/#", "user/%u"])],
        Deny,
    );

    assert_eq!(decide(&rules, Publish, "dev/c1/x"), Allow);
    assert_eq!(decide(&rules, Publish, "dev/c2/x"), Deny);
    assert_eq!(decide(&rules, Publish, "user/alice"), Allow);
    assert_eq!(decide(&rules, Publish, "dev/%c/x"), Deny);
    let nameless = decide_for(&rules, "c1", None, (Publish, "user/%u"));
    assert_eq!(nameless, Deny);
}

#[test]
fn a_client_cannot_name_itself_into_the_topics_of_others() {
    let rules = rules([rule(Allow, Who::All, None, &["dev/%c"])], Deny);

    assert_eq!(decide_for(&rules, "+", None, (Subscribe, "dev/+")), Deny);
    assert_eq!(decide_for(&rules, "#", None, (Subscribe, "dev/#")), Deny);
    assert_eq!(decide_for(&rules, "a/b", None, (Publish, "dev/a/b")), Deny);
}

#[test]
fn a_subscription_that_reaches_further_than_what_is_allowed_is_denied() {
    let rules = rules([rule(Allow, Who::All, None, &["a/+", "b/#"])], Deny);

    assert_eq!(decide(&rules, Subscribe, "a/+"), Allow);
    assert_eq!(decide(&rules, Subscribe, "a/#"), Deny);
    assert_eq!(decide(&rules, Subscribe, "b/+/#"), Allow);
    assert_eq!(decide(&rules, Subscribe, "b"), Allow);
}

#[test]
fn a_subscription_that_would_bring_denied_topics_is_denied() {
    let rules = rules([rule(Deny, Who::All, None, &["secret/#"])], Allow);

    assert_eq!(decide(&rules, Subscribe, "+/x"), Deny);
    assert_eq!(decide(&rules, Subscribe, "#"), Deny);
    assert_eq!(decide(&rules, Subscribe, "open/#"), Allow);
}

/// emqttd's fault P10: there one denied filter refuses the whole SUBSCRIBE.
#[test]
fn each_filter_is_decided_alone() {
    let rules = rules([rule(Deny, Who::All, Some(Subscribe), &["b"])], Allow);

    let decisions = ["a", "b", "c"].map(|filter| decide(&rules, Subscribe, filter));
    assert_eq!(decisions, [Allow, Deny, Allow]);
}

/// emqttd's fault P13: a will is a publish, and is decided as one.
#[test]
fn a_will_may_go_only_where_its_client_may_publish() {
    let rules = rules([rule(Deny, Who::All, Some(Publish), &["will/#"])], Allow);

    assert_eq!(decide(&rules, Publish, "will/c1"), Deny);
    assert_eq!(decide(&rules, Subscribe, "will/c1"), Allow);
}

#[test]
fn the_first_module_with_an_answer_decides_and_later_ones_are_not_asked() {
    let mut asked = 0;
    let answers = [Answer::Ignore, Answer::Error("no"), Answer::Ok];
    let answer = first_answer(answers.into_iter().inspect(|_| asked += 1));

    assert_eq!(answer, Answer::Error("no"));
    assert_eq!(asked, 2);
    assert_eq!(first_answer::<()>([Answer::Ignore]), Answer::Ignore);
}

#[test]
fn a_decision_is_remembered_per_action_and_topic() {
    let mut cache = AccessCache::new(4);
    cache.put(1, Publish, &text("a"), Allow);

    assert_eq!(cache.get(1, Publish, "a"), Some(Allow));
    assert_eq!(cache.get(1, Subscribe, "a"), None);
    assert_eq!(cache.get(1, Publish, "b"), None);
}

/// emqttd's fault P16: there a reload of the rules does not reach connected clients.
#[test]
fn new_rules_end_all_remembered_decisions() {
    let mut cache = AccessCache::new(4);
    cache.put(1, Publish, &text("a"), Allow);

    assert_eq!(cache.get(2, Publish, "a"), None);
    assert!(cache.is_empty());
}

/// emqttd's fault P16: there the memory of a connection grows with each topic.
#[test]
fn a_full_cache_forgets_what_was_asked_for_least_recently() {
    let mut cache = AccessCache::new(2);
    cache.put(1, Publish, &text("a"), Allow);
    cache.put(1, Publish, &text("b"), Deny);
    assert_eq!(cache.get(1, Publish, "a"), Some(Allow));
    cache.put(1, Publish, &text("c"), Allow);

    assert_eq!(cache.len(), 2);
    assert_eq!(cache.get(1, Publish, "b"), None);
    assert_eq!(cache.get(1, Publish, "a"), Some(Allow));
}

/// What is decided when client `c1` has these claims.
fn decide_with(claims: &[(&str, &str)], pattern: &str, topic: &str) -> Decision {
    let claims: Vec<_> = claims
        .iter()
        .map(|(name, value)| (text(name), text(value)))
        .collect();
    let subject = Subject {
        client: &client("c1"),
        user: None,
        address: None,
        claims: &claims,
    };
    let rules = rules([rule(Allow, Who::All, None, &[pattern])], Deny);
    rules.decide(subject, Question::new(Publish, topic))
}

#[test]
fn a_claim_stands_for_its_value_when_that_is_one_level() {
    let decide = |value| decide_with(&[("site", value)], "plant/%{site}/x", "plant/lyon/x");
    assert_eq!(decide("lyon"), Allow);
    assert_eq!(decide("paris"), Deny);
    assert_eq!(decide("+"), Deny);

    let slash = decide_with(&[("site", "a/b")], "plant/%{site}", "plant/a/b");
    assert_eq!(slash, Deny);
    assert_eq!(decide_with(&[], "%{site}", "%{site}"), Deny);
}

#[test]
fn nobody_can_name_itself_into_the_brokers_topics() {
    let rules = rules([rule(Allow, Who::All, None, &["%c/#", "a/%c"])], Deny);

    assert_eq!(
        decide_for(&rules, "$SYS", None, (Subscribe, "$SYS/#")),
        Deny
    );
    assert_eq!(decide_for(&rules, "$SYS", None, (Publish, "a/$SYS")), Allow);
}

#[test]
fn delivery_is_denied_only_by_rules_about_it() {
    let unconcerned = rules([rule(Deny, Who::All, None, &["a"])], Deny);
    assert_eq!(decide(&unconcerned, Deliver, "a"), Allow);
    assert!(!unconcerned.needs_delivery_check());

    let concerned = rules([rule(Deny, Who::All, Some(Deliver), &["a"])], Deny);
    assert_eq!(decide(&concerned, Deliver, "a"), Deny);
    assert_eq!(decide(&concerned, Deliver, "b"), Allow);
    assert!(concerned.needs_delivery_check());
}

/// What is decided about client `c1` by a rule that denies some QoS, or what is retained.
fn decide_asked(qos: &[QoS], retain: Option<bool>, asked: Asked) -> Decision {
    let mut only = rule(Deny, Who::All, None, &[]);
    only.qos = (!qos.is_empty()).then(|| qos.iter().copied().collect());
    only.retain = retain;
    let subject = Subject {
        client: &client("c1"),
        user: None,
        address: None,
        claims: &[],
    };
    let question = Question {
        action: asked.action,
        topic: "a",
        qos: asked.qos,
        retain: asked.retain,
    };
    rules([only], Allow).decide(subject, question)
}

#[test]
fn a_rule_may_be_about_some_qos_only() {
    let decide = |action, qos| {
        let asked = Asked {
            qos,
            ..Asked::from(action)
        };
        decide_asked(&[QoS::AtLeastOnce, QoS::ExactlyOnce], None, asked)
    };

    assert_eq!(decide(Publish, QoS::ExactlyOnce), Deny);
    assert_eq!(decide(Subscribe, QoS::AtLeastOnce), Deny);
    assert_eq!(decide(Subscribe, QoS::AtMostOnce), Allow);
}

#[test]
fn a_rule_about_retained_messages_concerns_publishing_alone() {
    let asked = |action, retain| Asked {
        retain,
        ..Asked::from(action)
    };

    assert_eq!(decide_asked(&[], Some(true), asked(Publish, true)), Deny);
    assert_eq!(decide_asked(&[], Some(true), asked(Publish, false)), Allow);
    assert_eq!(decide_asked(&[], Some(false), asked(Publish, false)), Deny);
    assert_eq!(decide_asked(&[], Some(true), asked(Subscribe, false)), Deny);
}

#[test]
fn a_verdict_names_the_rule_that_decided() {
    let rules = rules(
        [
            rule(Allow, Who::All, Some(Publish), &["a"]),
            rule(Deny, Who::User(text("alice")), None, &["a", "eq #"]),
        ],
        Deny,
    );
    let subject = Subject {
        client: &client("c1"),
        user: Some("alice"),
        address: None,
        claims: &[],
    };
    let rule_for = |topic| rules.explain(subject, Question::new(Subscribe, topic)).rule;

    assert_eq!(rule_for("a"), Some(1));
    assert_eq!(rule_for("b"), None);
    let shown = rules.rules[1].to_string();
    assert_eq!(shown, "deny user alice to publish and subscribe: a, eq #");
}

#[test]
fn a_decision_is_remembered_for_its_qos_and_retain_only() {
    let mut cache = AccessCache::new(4);
    let retained = Asked {
        retain: true,
        ..Asked::from(Publish)
    };
    cache.put(1, retained, &text("a"), Deny);

    assert_eq!(cache.get(1, retained, "a"), Some(Deny));
    assert_eq!(cache.get(1, Publish, "a"), None);
}

#[test]
fn networks_are_read_as_they_are_written() {
    let shown = |network: &str| {
        network
            .parse::<Network>()
            .map(|network| network.to_string())
    };

    assert_eq!(shown("10.0.0.0/8").unwrap(), "10.0.0.0/8");
    assert_eq!(shown("10.0.0.1").unwrap(), "10.0.0.1");
    assert_eq!(shown("10.0.0.1/32").unwrap(), "10.0.0.1");
    assert_eq!(shown("fd00::/8").unwrap(), "fd00::/8");
    assert!(shown("10.0.0.0/33").is_err());
    assert!(shown("10.0.0.0/+8").is_err());
    assert!(shown("10.0.0/8").is_err());
    assert!(shown("").is_err());
}

fn covers(pattern: &TopicFilter, filter: &TopicFilter) -> bool {
    super::pattern::covers(pattern.levels(), filter.as_str())
}

proptest! {
    #[test]
    fn a_rule_means_a_topic_exactly_when_its_filter_matches(
        pattern in any_filter(),
        topic in any_topic(),
    ) {
        let rules = |decision, otherwise| {
            rules([rule(decision, Who::All, None, &[pattern.as_str()])], otherwise)
        };
        let is_meant = pattern.matches(&topic);
        let allowed = decide(&rules(Allow, Deny), Publish, topic.as_str());
        prop_assert_eq!(allowed == Allow, is_meant);
        let denied = decide(&rules(Deny, Allow), Publish, topic.as_str());
        prop_assert_eq!(denied == Deny, is_meant);
    }

    #[test]
    fn what_a_covered_subscription_brings_is_allowed_and_what_it_must_not_bring_is_denied(
        pattern in any_filter(),
        filter in any_filter(),
        topic in any_topic(),
    ) {
        let denying = rules([rule(Deny, Who::All, None, &[pattern.as_str()])], Allow);
        if filter.matches(&topic) {
            if covers(&pattern, &filter) {
                prop_assert!(pattern.matches(&topic));
            }
            if pattern.matches(&topic) {
                prop_assert_eq!(decide(&denying, Subscribe, filter.as_str()), Deny);
            }
        }
    }
}
