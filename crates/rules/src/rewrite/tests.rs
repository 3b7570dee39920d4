use super::{Matcher, RewriteRule, RewriteSection, RewriteTarget, Rewrites};
use crate::testing::filter;

/// Matches topics that start with a text, and catches the next two levels.
struct Prefix(&'static str);

impl Matcher for Prefix {
    fn captures<'t>(&self, topic: &'t str) -> Option<Vec<Option<&'t str>>> {
        let rest = topic.strip_prefix(self.0)?;
        let mut levels = rest.splitn(2, '/');
        Some(vec![levels.next(), levels.next()])
    }
}

fn section(
    name: &str,
    rules: impl IntoIterator<Item = (&'static str, &'static str)>,
) -> RewriteSection<Prefix> {
    let rules = rules.into_iter().map(|(prefix, target)| RewriteRule {
        matcher: Prefix(prefix),
        target: RewriteTarget::parse(target),
    });
    RewriteSection {
        filter: filter(name),
        rules: rules.collect(),
    }
}

fn rewrites() -> Rewrites<Prefix> {
    Rewrites {
        sections: vec![
            section("x/#", [("x/y/", "z/y/$1"), ("x/", "first/$2/$1")]),
            section("x/+", [("x/", "never")]),
            section("$dev/+", [("$dev/", "dev")]),
        ],
    }
}

#[test]
fn the_first_rule_that_matches_makes_the_new_topic() {
    assert_eq!(rewrites().apply("x/y/1").as_deref(), Some("z/y/1"));
    assert_eq!(rewrites().apply("x/a/b").as_deref(), Some("first/b/a"));
}

#[test]
fn a_section_that_matches_keeps_later_ones_from_being_tried() {
    assert_eq!(rewrites().apply("x/a").as_deref(), Some("first//a"));
}

#[test]
fn a_topic_of_no_section_and_one_of_no_rule_stay_as_they_are() {
    assert_eq!(rewrites().apply("y/a"), None);
    assert_eq!(rewrites().apply("x"), None);
}

#[test]
fn filters_are_rewritten_as_topics_are() {
    assert_eq!(rewrites().apply("x/y/+").as_deref(), Some("z/y/+"));
    assert_eq!(rewrites().apply("#"), None);
    assert_eq!(rewrites().apply("$dev/+").as_deref(), Some("dev"));
}

#[test]
fn a_dollar_without_a_number_is_a_character() {
    let target = RewriteTarget::parse("$SYS/$0/$3/$1$");

    assert_eq!(target.fill(&[Some("a"), None]), "$SYS/$0//a$");
}
