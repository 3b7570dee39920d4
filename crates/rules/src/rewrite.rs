//! Topic rewriting: rules that change topics and filters before anything else looks at them.
//!
//! As emqttd's: a section for topics that its filter matches, and in it rules of a regular expression
//! and a target with `$1` to `$9` for what the expression caught. The first section that matches is
//! the only one; the first rule in it that matches makes the new topic; otherwise the topic stays.
//! Regular expressions live outside: here they are any [`Matcher`].

// emqttd: emqttd_mod_rewrite

use castmq_mqtt::TopicFilter;

use crate::access::pattern::covers;

#[cfg(test)]
mod tests;

/// A compiled regular expression, or whatever else tells parts of a topic apart.
pub trait Matcher {
    /// What the groups caught, from the first one on, when the topic matches; a group that took no
    /// part caught nothing.
    fn captures<'t>(&self, topic: &'t str) -> Option<Vec<Option<&'t str>>>;
}

/// All rewrite rules.
#[derive(Clone, Debug)]
pub struct Rewrites<M> {
    /// In the order in which they are tried.
    pub sections: Vec<RewriteSection<M>>,
}

/// The rules for some topics.
#[derive(Clone, Debug)]
pub struct RewriteSection<M> {
    /// Which topics; of filters those that lie within.
    pub filter: TopicFilter,
    /// In the order in which they are tried.
    pub rules: Vec<RewriteRule<M>>,
}

/// One rule.
#[derive(Clone, Debug)]
pub struct RewriteRule<M> {
    /// What it is for.
    pub matcher: M,
    /// What it makes of it.
    pub target: RewriteTarget,
}

/// A new topic with places for what was caught.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RewriteTarget {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    /// The group of this number, from 0 for `$1`.
    Group(usize),
}

impl RewriteTarget {
    /// The target for a text with `$1` to `$9`; any other `$` is a character.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            let group = characters.peek().and_then(|next| next.to_digit(10));
            match (character, group) {
                ('$', Some(number @ 1..=9)) => {
                    characters.next();
                    if !literal.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut literal)));
                    }
                    parts.extend(usize::try_from(number - 1).map(Part::Group));
                }
                _ => literal.push(character),
            }
        }
        if !literal.is_empty() {
            parts.push(Part::Text(literal));
        }
        Self { parts }
    }

    /// The new topic. A group that is not there, or caught nothing, is empty.
    #[must_use]
    pub fn fill(&self, captures: &[Option<&str>]) -> String {
        let texts = self.parts.iter().map(|part| match part {
            Part::Text(text) => text,
            Part::Group(number) => captures.get(*number).copied().flatten().unwrap_or_default(),
        });
        texts.collect()
    }
}

impl<M: Matcher> Rewrites<M> {
    /// The new topic or filter; `None` when it stays as it is. What comes out is not checked: it may
    /// be no topic at all, which is the fault of the rule.
    #[must_use]
    pub fn apply(&self, topic: &str) -> Option<String> {
        let section = self
            .sections
            .iter()
            .find(|section| covers(section.filter.levels(), topic))?;
        section.rules.iter().find_map(|rule| {
            let captures = rule.matcher.captures(topic)?;
            Some(rule.target.fill(&captures))
        })
    }
}
