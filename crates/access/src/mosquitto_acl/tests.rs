//! What mosquitto 2.0.11 did with the same files and clients, except where a name says otherwise.

use castmq_mqtt::Text;
use castmq_rules::ClientId;
use castmq_rules::access::{Action, Decision, Question, Subject};
use proptest::prelude::*;

use super::MosquittoAcl;
use crate::Acl;
use Action::{Deliver, Publish, Subscribe};
use Decision::{Allow, Deny};

const FILE: &str = "\
# Without a user name.
topic read anon/r
topic write anon/w
user alice
topic readwrite a/rw/#
topic deny a/rw/secret
topic read $SYS/#
topic  read   with blanks
user bob
topic #
topic deny b/deny
topic write b/deny
pattern read pat/%c/r
pattern write pat/%u/w
pattern deny pat/bob/no
pattern %c/top
";

fn acl(text: &str) -> Acl {
    Acl::Mosquitto(MosquittoAcl::parse(text).unwrap())
}

struct Client {
    acl: Acl,
    id: &'static str,
    user: Option<&'static str>,
}

impl Client {
    fn asks(&self, action: Action, topic: &str) -> (Decision, String) {
        let client = &ClientId::new(Text::try_from(self.id).unwrap()).unwrap();
        let subject = Subject {
            client,
            user: self.user,
            address: None,
            claims: &[],
        };
        let verdict = self.acl.explain(subject, Question::new(action, topic));
        (verdict.decision, self.acl.describe(verdict))
    }

    fn writes(&self, topic: &str) -> Decision {
        self.asks(Publish, topic).0
    }

    fn reads(&self, topic: &str) -> Decision {
        self.asks(Deliver, topic).0
    }
}

fn client(id: &'static str, user: Option<&'static str>) -> Client {
    Client {
        acl: acl(FILE),
        id,
        user,
    }
}

#[test]
fn the_first_lines_are_for_clients_without_a_user_name() {
    let anonymous = client("an", None);

    assert_eq!(anonymous.reads("anon/r"), Allow);
    assert_eq!(anonymous.writes("anon/r"), Deny);
    assert_eq!(anonymous.writes("anon/w"), Allow);
    assert_eq!(anonymous.reads("anon/w"), Deny);
    assert_eq!(client("c", Some("carl")).writes("anon/w"), Deny);
}

#[test]
fn every_subscription_is_taken_because_delivery_is_checked() {
    assert_eq!(client("an", None).asks(Subscribe, "#").0, Allow);
    assert!(acl(FILE).needs_delivery_check());
}

#[test]
fn deny_wins_in_both_directions_wherever_it_stands() {
    let alice = client("ca", Some("alice"));
    assert_eq!(alice.writes("a/rw/x"), Allow);
    assert_eq!(alice.writes("a/rw/secret"), Deny);
    assert_eq!(alice.reads("a/rw/secret"), Deny);

    assert_eq!(client("cb", Some("bob")).writes("b/deny"), Deny);
}

#[test]
fn the_users_own_lines_win_over_patterns_that_deny() {
    assert_eq!(client("cb", Some("bob")).writes("pat/bob/no"), Allow);
    assert_eq!(client("ca", Some("alice")).writes("pat/bob/no"), Deny);
}

#[test]
fn patterns_are_for_everybody_and_stand_for_the_clients_own_names() {
    let alice = client("ca", Some("alice"));
    assert_eq!(alice.reads("pat/ca/r"), Allow);
    assert_eq!(alice.writes("pat/ca/r"), Deny);
    assert_eq!(alice.writes("pat/alice/w"), Allow);
    assert_eq!(alice.writes("pat/bob/w"), Deny);

    let anonymous = client("an", None);
    assert_eq!(anonymous.reads("pat/an/r"), Allow);
    assert_eq!(anonymous.writes("pat//w"), Deny);
}

#[test]
fn dollar_topics_are_meant_only_by_lines_that_begin_with_it() {
    assert_eq!(client("cb", Some("bob")).reads("$SYS/broker"), Deny);
    assert_eq!(client("ca", Some("alice")).reads("$SYS/broker"), Allow);
    assert_eq!(client("$SYS", Some("alice")).writes("$SYS/top"), Deny);
}

#[test]
fn who_has_wildcards_in_the_name_has_no_patterns() {
    let alice = client("c+a", Some("alice"));

    assert_eq!(alice.writes("a/rw/x"), Allow);
    assert_eq!(alice.writes("pat/alice/w"), Deny);
    assert_eq!(client("c", Some("car#l")).reads("pat/c/r"), Deny);
}

#[test]
fn unlike_in_mosquitto_a_name_with_a_slash_reaches_no_topics_of_others() {
    let slash = client("ca/x", Some("carl"));
    assert_eq!(slash.reads("pat/ca/x/r"), Deny);

    let denying = Client {
        acl: acl("pattern deny a/%c\npattern a/#"),
        ..slash
    };
    assert_eq!(denying.writes("a/ca/x"), Deny);
    assert_eq!(denying.writes("a/b"), Allow);
}

#[test]
fn topics_may_hold_blanks_and_a_lone_word_is_a_topic() {
    assert_eq!(client("ca", Some("alice")).reads("with blanks"), Allow);
    let read = Client {
        acl: acl("topic read"),
        id: "c",
        user: None,
    };
    assert_eq!(read.writes("read"), Allow);
}

#[test]
fn an_empty_file_allows_nothing() {
    let nobody = Client {
        acl: acl(""),
        id: "c",
        user: None,
    };

    assert_eq!(
        nobody.asks(Publish, "a"),
        (Deny, "no rule fits: deny".to_owned())
    );
}

#[test]
fn an_operator_sees_the_line_that_decided() {
    let alice = client("ca", Some("alice"));

    assert_eq!(
        alice.asks(Publish, "a/rw/secret").1,
        "line 6: user alice: topic deny a/rw/secret"
    );
    assert_eq!(
        alice.asks(Deliver, "pat/ca/r").1,
        "line 13: pattern read pat/%c/r"
    );
    assert_eq!(
        client("an", None).asks(Deliver, "anon/r").1,
        "line 2: anonymous: topic read anon/r"
    );
}

#[test]
fn a_user_may_have_lines_in_several_places() {
    let text = "user a\ntopic x\nuser b\ntopic y\nuser a\ntopic z\r\n";
    let user = Client {
        acl: acl(text),
        id: "c",
        user: Some("a"),
    };

    assert_eq!(
        (user.writes("x"), user.writes("y"), user.writes("z")),
        (Allow, Deny, Allow)
    );
}

#[test]
fn mistakes_are_told_with_their_lines() {
    let text = "topic\nuser \n # comment\ntopic a/#/b\ntopic often a\n\ttopic a\npattern x%c/y\n  topic fine\n";
    let problems = MosquittoAcl::parse(text).unwrap_err().to_string();

    let expected = "\
line 1: the topic is missing
line 2: a user has a name
line 3: `#` is none of `user`, `topic`, `pattern`; a comment begins in the first column
line 4: `a/#/b` is no topic filter: '#' does not stand alone in the last level
line 5: `often` is none of `read`, `write`, `readwrite`, `deny`
line 6: `\ttopic` is none of `user`, `topic`, `pattern`; a comment begins in the first column
line 7: in `x%c` the placeholder is not the whole level";
    assert_eq!(problems, expected);
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_fail_otherwise(text in "(topic|pattern|user|read|deny| |\n|#|/|%c|\t|.){0,40}") {
        let _ = MosquittoAcl::parse(&text);
    }

    #[test]
    fn what_one_line_allows_is_what_its_filter_matches(
        filter in "(\\$|a|b|\\+|)(/(a|b|\\+|)){0,2}(/#)?",
        topic in "(\\$|a|b|)(/(a|b|)){0,2}",
    ) {
        let filter = castmq_mqtt::TopicFilter::new(Text::try_from(filter).unwrap());
        let topic = castmq_mqtt::TopicName::new(Text::try_from(topic).unwrap());
        if let (Ok(filter), Ok(topic)) = (filter, topic) {
            let client = Client { acl: acl(&format!("topic write {}", filter.as_str())), id: "c", user: None };
            prop_assert_eq!(client.writes(topic.as_str()) == Allow, filter.matches(&topic));
        }
    }
}
