//! Rights in a token or an answer: `{"pub": ["a/#"], "sub": ["b/%c"], "all": []}`, EMQX's simple form.

use castmq_rules::access::{AccessRule, AccessRules, Action, Decision, Pattern, Who};
use serde_json::Value;

/// The rules: what stands there is allowed, all else denied. `None` when it is not of the form.
///
/// Topics may hold `%c`, `%u` and `%{claim}`, and EMQX's `${clientid}` and `${username}`.
pub(crate) fn parse(value: &Value) -> Option<AccessRules> {
    let mut rules = Vec::new();
    for (name, topics) in value.as_object()? {
        let action = match name.as_str() {
            "pub" => Some(Action::Publish),
            "sub" => Some(Action::Subscribe),
            "all" => None,
            _ => return None,
        };
        let topics: Vec<_> = topics.as_array()?.iter().map(pattern).collect();
        let topics: Vec<_> = topics.into_iter().collect::<Option<_>>()?;
        // A rule without topics would be about all of them.
        if !topics.is_empty() {
            rules.push(allowing(action, topics));
        }
    }
    Some(AccessRules {
        rules,
        otherwise: Decision::Deny,
        generation: 0,
    })
}

fn pattern(topic: &Value) -> Option<Pattern> {
    let topic = topic.as_str()?;
    let topic = topic
        .replace("${clientid}", "%c")
        .replace("${username}", "%u");
    Pattern::parse(&topic).ok()
}

const fn allowing(action: Option<Action>, topics: Vec<Pattern>) -> AccessRule {
    AccessRule {
        decision: Decision::Allow,
        who: Who::All,
        action,
        topics,
        qos: None,
        retain: None,
        line: 0,
    }
}
