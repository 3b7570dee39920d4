//! The rules for topic names, filters and shared subscriptions.

use proptest::prelude::*;

use super::{FilterError, Subscription, TopicError, TopicFilter, TopicName};
use crate::{Text, TextError};

fn text(text: &str) -> Text {
    Text::try_from(text).unwrap()
}

fn name(name: &str) -> Result<TopicName, TopicError> {
    TopicName::new(text(name))
}

fn filter(filter: &str) -> Result<TopicFilter, FilterError> {
    TopicFilter::new(text(filter))
}

fn matches(filter: &str, topic: &str) -> bool {
    self::filter(filter).unwrap().matches(&name(topic).unwrap())
}

fn parse(filter: &str) -> Result<Subscription, FilterError> {
    Subscription::parse(text(filter))
}

fn shared(group: &str, filter: &str) -> Subscription {
    Subscription::Shared {
        group: text(group),
        filter: self::filter(filter).unwrap(),
    }
}

/// \[MQTT3-4.7.3-1\] \[MQTT5-4.7.3-1\]
#[test]
fn names_and_filters_have_at_least_one_character() {
    assert_eq!(name(""), Err(TopicError::Empty));
    assert_eq!(filter(""), Err(FilterError::Empty));
    assert!(name(" ").is_ok());
    assert!(name("/").is_ok());
}

/// \[MQTT3-4.7.3-2\] \[MQTT5-4.7.3-2\]
#[test]
fn names_and_filters_hold_no_null_character() {
    assert_eq!(Text::try_from("a\0b"), Err(TextError::Null));
}

/// \[MQTT3-4.7.3-3\] \[MQTT5-4.7.3-3\]
#[test]
fn names_and_filters_have_at_most_65535_bytes() {
    assert!(name(&"a".repeat(65_535)).is_ok());
    let too_long = "a".repeat(65_536);
    assert_eq!(Text::try_from(too_long), Err(TextError::TooLong));
}

/// \[MQTT3-4.7.1-1\] \[MQTT5-4.7.0-1\]
#[test]
fn a_name_holds_no_wildcard_anywhere() {
    assert_eq!(name("a/#"), Err(TopicError::Wildcard));
    assert_eq!(name("+/a"), Err(TopicError::Wildcard));
    assert_eq!(name("a+b"), Err(TopicError::Wildcard));
    assert_eq!(name("C#"), Err(TopicError::Wildcard));
}

/// \[MQTT3-4.7.1-2\] \[MQTT5-4.7.1-1\]
#[test]
fn the_multi_level_wildcard_stands_alone_in_the_last_level() {
    assert!(filter("#").is_ok());
    assert!(filter("sport/#").is_ok());
    assert!(filter("/#").is_ok());
    let error = Err(FilterError::MultiLevelMisplaced);
    assert_eq!(filter("sport#"), error);
    assert_eq!(filter("sport/#/ranking"), error);
    assert_eq!(filter("#/"), error);
    assert_eq!(filter("##"), error);
    assert_eq!(filter("+#"), error);
}

/// \[MQTT3-4.7.1-3\] \[MQTT5-4.7.1-2\]
#[test]
fn the_single_level_wildcard_fills_a_level() {
    assert!(filter("+").is_ok());
    assert!(filter("+/tennis/#").is_ok());
    assert!(filter("sport/+/player1").is_ok());
    let error = Err(FilterError::SingleLevelMisplaced);
    assert_eq!(filter("sport+"), error);
    assert_eq!(filter("a/+b/c"), error);
    assert_eq!(filter("++"), error);
}

/// \[MQTT3-4.7.3-4\] \[MQTT5-4.7.3-4\]
#[test]
fn characters_are_compared_as_they_are() {
    assert!(matches("Accounts payable", "Accounts payable"));
    assert!(!matches("ACCOUNTS", "Accounts"));
    assert!(!matches("caf\u{E9}", "cafe\u{301}"));
    assert!(!matches("\u{FEFF}a", "a"));
    assert!(!matches("a ", "a"));
}

#[test]
fn a_filter_without_wildcards_matches_the_topic_of_its_name() {
    assert!(matches("a/b", "a/b"));
    assert!(!matches("a/b", "a"));
    assert!(!matches("a/b", "a/b/c"));
    assert!(!matches("a", "b"));
}

#[test]
fn the_multi_level_wildcard_matches_the_parent_and_all_below() {
    assert!(matches("sport/#", "sport"));
    assert!(matches("sport/#", "sport/"));
    assert!(matches("sport/#", "sport/tennis/player1"));
    assert!(!matches("sport/#", "sports"));
    assert!(matches("#", "/"));
    assert!(matches("#", "a/b/c"));
    assert!(!matches("a/b/#", "a"));
}

#[test]
fn the_single_level_wildcard_matches_one_level_that_is_there() {
    assert!(matches("sport/+", "sport/tennis"));
    assert!(matches("sport/+", "sport/"));
    assert!(!matches("sport/+", "sport"));
    assert!(!matches("sport/+", "sport/tennis/player1"));
    assert!(matches("+/+", "a/b"));
    assert!(matches("+", "a"));
}

#[test]
fn an_empty_level_is_a_level() {
    assert!(matches("+/+", "/finance"));
    assert!(matches("/+", "/finance"));
    assert!(!matches("+", "/finance"));
    assert!(!matches("finance", "/finance"));
    assert!(!matches("a/b", "a//b"));
    assert!(matches("a/+/b", "a//b"));
    assert!(!matches("a", "a/"));
    assert!(matches("a/+/#", "a/"));
    let levels: Vec<_> = name("/a//").unwrap().levels().map(str::to_owned).collect();
    assert_eq!(levels, ["", "a", "", ""]);
}

/// \[MQTT3-4.7.2-1\] \[MQTT5-4.7.2-1\]
#[test]
fn leading_wildcards_do_not_match_topics_with_a_leading_dollar() {
    assert!(!matches("#", "$SYS/broker"));
    assert!(!matches("#", "$SYS"));
    assert!(!matches("+/broker", "$SYS/broker"));
    assert!(!matches("+/#", "$SYS/broker"));
    assert!(!matches("+", "$"));
    assert!(matches("$SYS/#", "$SYS/broker"));
    assert!(matches("$SYS/+", "$SYS/broker"));
    assert!(matches("$SYS/#", "$SYS"));
}

#[test]
fn only_a_leading_dollar_is_special() {
    assert!(matches("#", "a/$SYS"));
    assert!(matches("+/+", "/$SYS"));
    assert!(matches("/#", "/$SYS"));
    assert!(matches("a/+", "a/$b"));
    assert!(!name("a/$SYS").unwrap().is_reserved());
    assert!(name("$a").unwrap().is_reserved());
}

/// \[MQTT5-4.8.2-1\] \[MQTT5-4.8.2-2\]
#[test]
fn a_shared_subscription_has_a_group_and_a_filter() {
    assert_eq!(parse("$share/g/a/b"), Ok(shared("g", "a/b")));
    assert_eq!(parse("$share/g/#"), Ok(shared("g", "#")));
    assert_eq!(parse("$share/g//a"), Ok(shared("g", "/a")));
    assert_eq!(parse("$share/g//"), Ok(shared("g", "/")));
    assert_eq!(parse("$share/$g/$SYS/#"), Ok(shared("$g", "$SYS/#")));
}

/// \[MQTT5-4.8.2-1\]
#[test]
fn the_group_of_a_shared_subscription_is_not_empty() {
    let error = Err(FilterError::ShareIncomplete);
    assert_eq!(parse("$share//f"), error);
    assert_eq!(parse("$share/"), error);
    assert_eq!(parse("$share//"), error);
}

/// \[MQTT5-4.8.2-2\]
#[test]
fn the_filter_of_a_shared_subscription_is_not_empty() {
    let error = Err(FilterError::ShareIncomplete);
    assert_eq!(parse("$share/g"), error);
    assert_eq!(parse("$share/g/"), error);
}

/// \[MQTT5-4.8.2-2\]
#[test]
fn the_group_of_a_shared_subscription_holds_no_wildcard() {
    let error = Err(FilterError::ShareWildcard);
    assert_eq!(parse("$share/+/f"), error);
    assert_eq!(parse("$share/#/f"), error);
    assert_eq!(parse("$share/g+/f"), error);
}

#[test]
fn the_filter_of_a_shared_subscription_obeys_the_rules_for_filters() {
    let error = Err(FilterError::MultiLevelMisplaced);
    assert_eq!(parse("$share/g/#/a"), error);
    let error = Err(FilterError::SingleLevelMisplaced);
    assert_eq!(parse("$queue/a+"), error);
}

#[test]
fn without_a_slash_the_prefix_is_an_ordinary_filter() {
    let own = |filter| Ok(Subscription::Own(self::filter(filter).unwrap()));
    assert_eq!(parse("$share"), own("$share"));
    assert_eq!(parse("$shared/g/f"), own("$shared/g/f"));
    assert_eq!(parse("a/$share/g/f"), own("a/$share/g/f"));
    assert_eq!(parse("$queue"), own("$queue"));
}

#[test]
fn queue_is_one_group_for_all() {
    let queue = |filter| Ok(Subscription::Queue(self::filter(filter).unwrap()));
    assert_eq!(parse("$queue/a/+"), queue("a/+"));
    assert_eq!(parse("$queue//"), queue("/"));
    assert_eq!(parse("$queue/"), Err(FilterError::ShareIncomplete));
    assert!(parse("$queue/a").unwrap().is_shared());
    assert!(!parse("a").unwrap().is_shared());
}

/// The rule again, by recursion over levels.
fn naive(filter: &[&str], topic: &[&str]) -> bool {
    match (filter, topic) {
        (["#"], _) | ([], []) => true,
        ([first, filter @ ..], [name, topic @ ..]) => {
            (*first == "+" || first == name) && naive(filter, topic)
        }
        _ => false,
    }
}

proptest! {
    #[test]
    fn matching_is_the_comparison_of_levels(
        filter in "(a|b|\\+|\\$|)(/(a|b|\\+|))(/(a|\\+|))?(/#)?|#",
        topic in "(a|b|\\$|)(/(a|b|)){0,3}",
    ) {
        prop_assume!(!filter.is_empty() && !topic.is_empty());
        let levels: Vec<_> = filter.split('/').collect();
        let names: Vec<_> = topic.split('/').collect();
        let is_hidden = topic.starts_with('$') && filter.starts_with(['+', '#']);
        let expected = !is_hidden && naive(&levels, &names);
        prop_assert_eq!(matches(&filter, &topic), expected);
    }

    #[test]
    fn a_subscription_is_shown_as_it_was_written(filter in "(\\$share/g/|\\$queue/|)[a-c/]{1,6}") {
        if let Ok(subscription) = parse(&filter) {
            prop_assert_eq!(subscription.to_string(), filter);
        }
    }
}
