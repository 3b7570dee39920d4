use castmq_mqtt::{QoS, Text};
use castmq_rules::ClientId;
use castmq_rules::access::{AccessRules, Action, Decision, Question, Subject};
use proptest::prelude::*;

use super::AclRules;
use Action::{Deliver, Publish, Subscribe};
use Decision::{Allow, Deny};

fn text(text: &str) -> Text {
    Text::try_from(text).unwrap()
}

fn rules(text: &str) -> AccessRules {
    AclRules::parse(text).unwrap()
}

fn problems(text: &str) -> String {
    AclRules::parse(text).unwrap_err().to_string()
}

/// The decision about client `c1`, user `alice`, from 10.1.2.3, whose token says `site = lyon`.
fn decide(rules: &AccessRules, question: Question<'_>) -> Decision {
    let claims = [(text("site"), text("lyon"))];
    let subject = Subject {
        client: &ClientId::new(text("c1")).unwrap(),
        user: Some("alice"),
        address: Some([10, 1, 2, 3].into()),
        claims: &claims,
    };
    rules.decide(subject, question)
}

fn may(rules: &AccessRules, action: Action, topic: &str) -> Decision {
    decide(rules, Question::new(action, topic))
}

#[test]
fn without_any_rule_all_is_denied_unless_the_file_says_otherwise() {
    assert_eq!(may(&rules(""), Publish, "a"), Deny);
    assert_eq!(may(&rules("otherwise = 'allow'"), Publish, "a"), Allow);
}

#[test]
fn a_rule_that_says_only_permit_is_for_everybody_and_everything_but_delivery() {
    let denying = rules("otherwise = 'allow'\n[[rule]]\npermit = 'deny'");

    assert_eq!(may(&denying, Publish, "a"), Deny);
    assert_eq!(may(&denying, Subscribe, "a"), Deny);
    assert_eq!(may(&denying, Deliver, "a"), Allow);
    assert!(!denying.needs_delivery_check());
}

#[test]
fn emqttds_default_rules_can_be_written() {
    let rules = rules(
        r##"
        otherwise = "allow"
        [[rule]]
        permit = "allow"
        who = { user = "dashboard" }
        action = "subscribe"
        topics = ["$SYS/#"]
        [[rule]]
        permit = "allow"
        who = { address = "127.0.0.1" }
        topics = ["$SYS/#", "#"]
        [[rule]]
        permit = "deny"
        action = "subscribe"
        topics = ["$SYS/#", "eq #"]
        "##,
    );

    assert_eq!(may(&rules, Subscribe, "$SYS/broker"), Deny);
    assert_eq!(may(&rules, Subscribe, "#"), Deny);
    assert_eq!(may(&rules, Subscribe, "a/#"), Allow);
    assert_eq!(rules.rules[2].line, 12);
    assert_eq!(
        rules.rules[1].to_string(),
        "allow address 127.0.0.1 to publish and subscribe: $SYS/#, #"
    );
}

#[test]
fn placeholders_stand_for_client_user_and_claims() {
    let rules = rules(
        "[[rule]]\npermit='allow'\ntopics=['dev/%c/#', 'user/%u', 'plant/%{site}/#', 'x/%{none}']",
    );

    assert_eq!(may(&rules, Publish, "dev/c1/t"), Allow);
    assert_eq!(may(&rules, Publish, "user/alice"), Allow);
    assert_eq!(may(&rules, Publish, "plant/lyon/press"), Allow);
    assert_eq!(may(&rules, Publish, "plant/paris/press"), Deny);
    assert_eq!(may(&rules, Publish, "x/%{none}"), Deny);
}

#[test]
fn people_are_joined_with_and_and_or() {
    let rules = rules(
        "[[rule]]\npermit='allow'\nwho = { and = [{ address = '10.0.0.0/8' }, { or = [{ user = 'bob' }, { client = 'c1' }] }] }",
    );

    assert_eq!(may(&rules, Publish, "a"), Allow);
    assert_eq!(
        rules.rules[0].to_string(),
        "allow (address 10.0.0.0/8 and (user bob or client c1)) to publish and subscribe: all topics"
    );
}

#[test]
fn a_rule_may_be_about_some_qos_and_about_retained_messages_only() {
    let rules = rules(
        "otherwise='allow'\nrule = [{ permit = 'deny', action = 'publish', qos = [1, 2], retain = true }]",
    );
    let publish = |qos, retain| {
        let question = Question {
            qos,
            retain,
            ..Question::new(Publish, "a")
        };
        decide(&rules, question)
    };

    assert_eq!(publish(QoS::AtLeastOnce, true), Deny);
    assert_eq!(publish(QoS::AtLeastOnce, false), Allow);
    assert_eq!(publish(QoS::AtMostOnce, true), Allow);
    assert_eq!(
        rules.rules[0].to_string(),
        "deny all to publish with QoS 1, 2, retained: all topics"
    );
}

#[test]
fn all_mistakes_are_told_at_once_with_their_lines() {
    let text = "otherwise = 'maybe'
[[rule]]
permit = 'allow'
topcis = ['a']
who = { user = 1 }
[[rule]]
action = 'read'
qos = [3]
retain = 1
topics = ['a/#/b', 'x%u', '$c/a', '%{}']";

    let expected = "\
line 1: `otherwise` is \"allow\" or \"deny\", not maybe
line 4: unknown key `topcis`; known: permit, who, action, topics, qos, retain
line 5: `user` is a string, not integer
line 6: the rule has no `permit`: \"allow\" or \"deny\"
line 7: `action` is \"publish\", \"subscribe\" or \"both\", not read
line 8: `qos` is a list of numbers from 0 to 2, not of integer
line 9: `retain` is true or false, not integer
line 10: `a/#/b`: '#' does not stand alone in the last level
line 10: in `x%u` the placeholder is not the whole level
line 10: emqttd's `$c` is written `%c`
line 10: `%{}` is not a claim as in `%{site}`";
    assert_eq!(problems(text), expected);
}

#[test]
fn what_is_no_toml_is_told_with_its_line() {
    assert!(problems("otherwise = 'deny'\n[[rule]\n").starts_with("line 2: "));
}

#[test]
fn nobody_is_meant_by_an_empty_list_so_it_is_refused() {
    assert!(problems("[[rule]]\npermit='allow'\nwho = { and = [] }").starts_with("line 3: "));
    assert!(problems("[[rule]]\npermit='allow'\nwho = {}").starts_with("line 3: "));
    assert!(
        problems("[[rule]]\npermit='allow'\nwho = { user='a', client='b' }")
            .starts_with("line 3: ")
    );
}

#[test]
fn retain_is_nothing_a_subscription_has() {
    let problems = problems("[[rule]]\npermit='allow'\naction='subscribe'\nretain=true");

    assert_eq!(problems, "line 4: `retain` concerns publishing only");
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_fail_otherwise(text in "(\\[\\[rule\\]\\]\n|permit|who|topics|=|'|\\{|\\}|\\[|\\]|,|allow|%u|#|\n| |.){0,40}") {
        let _ = AclRules::parse(&text);
    }
}
