//! Rewrite: changes topics and filters by rules of the settings.
//!
//! | | |
//! |---|---|
//! | emqttd | `emqttd_mod_rewrite` |
//! | Started by | nobody: it is three hook callbacks |
//! | Work runs in | the connection's turn; the session's for QoS 2 |
//! | Waits for | nobody |
//! | Waited for by | nobody |
//! | If it dies | the callback is skipped and counted |
//! | Watch | counter `hooks/failed` |
//!
//! The rules are in [`castmq_rules::rewrite`]; this file brings the regular expressions.

use std::sync::Arc;

use castmq_mqtt::{FilterError, SubscribeFilter, Subscription, Text, TopicFilter, TopicName};
use castmq_rules::hook::{HookStep, NameTaken};
use castmq_rules::rewrite::{Matcher, RewriteRule, RewriteSection, RewriteTarget, Rewrites};
use castmq_rules::{ClientId, Message};
use castmq_settings::{RewriteAction, RewriteRule as Rule};
use regex::Regex;

use crate::hook::{HookContext, Hooks};

/// The callbacks' name.
const NAME: &str = "rewrite";

/// Why the module cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum RewriteError {
    /// The filter of a rule is none.
    #[error("rewrite rule for '{topic}': {cause}")]
    Filter {
        /// As it was written.
        topic: String,
        /// What is wrong.
        cause: FilterError,
    },
    /// The pattern of a rule is no regular expression.
    #[error("rewrite rule for '{topic}': {cause}")]
    Pattern {
        /// Whose pattern.
        topic: String,
        /// What is wrong.
        cause: regex::Error,
    },
    /// It is registered already.
    #[error(transparent)]
    Twice(#[from] NameTaken),
}

/// A regular expression as the rules see it.
#[derive(Clone, Debug)]
struct Pattern(Regex);

impl Matcher for Pattern {
    fn captures<'t>(&self, topic: &'t str) -> Option<Vec<Option<&'t str>>> {
        let captures = self.0.captures(topic)?;
        Some(
            captures
                .iter()
                .skip(1)
                .map(|group| group.map(|group| group.as_str()))
                .collect(),
        )
    }
}

/// Registers the module.
///
/// # Errors
///
/// [`RewriteError`] when a rule is wrong; nothing is registered.
pub fn load(hooks: &mut Hooks, rules: &[Rule]) -> Result<(), RewriteError> {
    let of_messages = Arc::new(compile(rules, RewriteAction::Publish)?);
    let of_filters = Arc::new(compile(rules, RewriteAction::Subscribe)?);
    let publish = Arc::new(move |_: &mut HookContext<'_>, message: &Message| {
        rewritten(&of_messages, message.topic.as_str(), TopicName::new).map_or(
            HookStep::Continue,
            |topic| {
                HookStep::ContinueWith(Message {
                    topic,
                    ..message.clone()
                })
            },
        )
    });
    let rewrites = Arc::clone(&of_filters);
    let subscribe = Arc::new(
        move |_: &mut HookContext<'_>,
              _: &ClientId,
              _: Option<&Text>,
              filters: &Vec<SubscribeFilter>| {
            let filters = filters.iter().map(|filter| SubscribeFilter {
                subscription: rewrite_subscription(&rewrites, &filter.subscription),
                options: filter.options,
            });
            HookStep::ContinueWith(filters.collect())
        },
    );
    let unsubscribe = Arc::new(
        move |_: &mut HookContext<'_>, _: &ClientId, filters: &Vec<Subscription>| {
            let filters = filters
                .iter()
                .map(|filter| rewrite_subscription(&of_filters, filter));
            HookStep::ContinueWith(filters.collect())
        },
    );
    hooks.message_publish.add(Arc::from(NAME), 0, publish)?;
    hooks.client_subscribe.add(Arc::from(NAME), 0, subscribe)?;
    hooks
        .client_unsubscribe
        .add(Arc::from(NAME), 0, unsubscribe)?;
    Ok(())
}

fn compile(rules: &[Rule], action: RewriteAction) -> Result<Rewrites<Pattern>, RewriteError> {
    let mut sections: Vec<RewriteSection<Pattern>> = Vec::new();
    // The last rule that fits is used, and the first one of a section is tried first.
    for rule in rules
        .iter()
        .rev()
        .filter(|rule| rule.action == action || rule.action == RewriteAction::All)
    {
        let topic = || rule.topic.clone();
        let text = Text::try_from(rule.topic.as_str()).unwrap_or_default();
        let filter = TopicFilter::new(text).map_err(|cause| RewriteError::Filter {
            topic: topic(),
            cause,
        })?;
        let matcher = Regex::new(&rule.pattern).map_err(|cause| RewriteError::Pattern {
            topic: topic(),
            cause,
        })?;
        let rule = RewriteRule {
            matcher: Pattern(matcher),
            target: RewriteTarget::parse(&rule.to),
        };
        match sections.iter_mut().find(|section| section.filter == filter) {
            Some(section) => section.rules.push(rule),
            None => sections.push(RewriteSection {
                filter,
                rules: vec![rule],
            }),
        }
    }
    Ok(Rewrites { sections })
}

/// What a rule makes of a topic; `None` when none fits, or what it makes is no topic.
fn rewritten<T, E>(
    rewrites: &Rewrites<Pattern>,
    topic: &str,
    check: impl FnOnce(Text) -> Result<T, E>,
) -> Option<T> {
    let text = Text::try_from(rewrites.apply(topic)?).ok()?;
    check(text).ok()
}

fn rewrite_subscription(rewrites: &Rewrites<Pattern>, subscription: &Subscription) -> Subscription {
    let Some(new) = rewritten(rewrites, subscription.filter().as_str(), TopicFilter::new) else {
        return subscription.clone();
    };
    match subscription {
        Subscription::Own(_) => Subscription::Own(new),
        Subscription::Queue(_) => Subscription::Queue(new),
        Subscription::Shared { group, .. } => Subscription::Shared {
            group: group.clone(),
            filter: new,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_made_anew_from_the_groups_of_the_pattern() {
        let rule = Rule {
            action: RewriteAction::All,
            topic: "x/#".to_owned(),
            pattern: "^x/y/(.+)$".to_owned(),
            to: "z/y/$1".to_owned(),
        };
        let rewrites = compile(&[rule], RewriteAction::Publish).unwrap();
        let topic = rewritten(&rewrites, "x/y/2", TopicName::new).unwrap();
        assert_eq!(topic.as_str(), "z/y/2");
        assert!(rewritten(&rewrites, "x/1/2", TopicName::new).is_none());
    }
}
