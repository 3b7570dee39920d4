//! Access rules as TOML, with the meaning of emqttd's `acl.config`.
//!
//! ```toml
//! otherwise = "deny"
//!
//! [[rule]]
//! permit = "deny"
//! who = { and = [{ user = "guest" }, { address = "10.0.0.0/8" }] }
//! action = "subscribe"
//! topics = ["$SYS/#", "eq #", "dev/%c/#", "user/%u", "plant/%{site}/#"]
//! qos = [1, 2]
//! ```
//!
//! The first rule that fits decides. What is left out means everything: `who`, `action`, `topics`,
//! `qos`, `retain`.
// emqttd: emqttd_access_rule:compile/1

use castmq_rules::access::{AccessRule, AccessRules, Action, Decision, Pattern, QosSet, Who};
use toml_edit::{Document, Item, TableLike};

use crate::Problems;

mod reader;
#[cfg(test)]
mod tests;
mod who;

use reader::Reader;

/// Reads rules from TOML.
#[derive(Clone, Copy, Debug)]
pub struct AclRules;

const KEYS: [&str; 2] = ["otherwise", "rule"];
const RULE_KEYS: [&str; 6] = ["permit", "who", "action", "topics", "qos", "retain"];

impl AclRules {
    /// The rules of a text; their generation is 0.
    ///
    /// # Errors
    ///
    /// [`Problems`] with all mistakes.
    pub fn parse(text: &str) -> Result<AccessRules, Problems> {
        let mut reader = Reader::new(text);
        let rules = match Document::parse(text) {
            Ok(document) => rules(&mut reader, document.as_table()),
            Err(error) => {
                reader.problem(error.span(), error.message().trim());
                Vec::new()
            }
        };
        reader.finish(rules)
    }
}

fn rules(reader: &mut Reader<'_>, table: &dyn TableLike) -> Vec<AccessRule> {
    reader.only_known(table, &KEYS);
    if let Some(otherwise) = table.get("otherwise") {
        reader.otherwise = decision(reader, "otherwise", otherwise);
    }
    let tables = match table.get("rule") {
        None => Vec::new(),
        Some(rules) => reader.tables("rule", rules),
    };
    tables
        .into_iter()
        .filter_map(|(line, table)| rule(reader, line, table))
        .collect()
}

fn rule(reader: &mut Reader<'_>, line: u32, table: &dyn TableLike) -> Option<AccessRule> {
    reader.only_known(table, &RULE_KEYS);
    let decision = match table.get("permit") {
        Some(item) => decision(reader, "permit", item),
        None => {
            reader.problem_in(line, "the rule has no `permit`: \"allow\" or \"deny\"");
            None
        }
    };
    let who = match table.get("who") {
        None => Some(Who::All),
        Some(item) => who::who(reader, item),
    };
    let action = match table.get("action") {
        None => Some(None),
        Some(item) => action(reader, item),
    };
    let topics = match table.get("topics") {
        None => Vec::new(),
        Some(item) => topics(reader, item),
    };
    let qos = table.get("qos").and_then(|item| qos(reader, item));
    let retain = table
        .get("retain")
        .and_then(|item| reader.boolean("retain", item));
    if let (Some(Some(Action::Subscribe)), Some(item)) = (action, table.get("retain")) {
        reader.problem(item.span(), "`retain` concerns publishing only");
    }
    Some(AccessRule {
        decision: decision?,
        who: who?,
        action: action?,
        topics,
        qos,
        retain,
        line,
    })
}

fn decision(reader: &mut Reader<'_>, key: &str, item: &Item) -> Option<Decision> {
    match reader.string(key, item)? {
        "allow" => Some(Decision::Allow),
        "deny" => Some(Decision::Deny),
        other => reader.wrong(item.span(), key, other, "\"allow\" or \"deny\""),
    }
}

/// `None` within for publishing and subscribing.
fn action(reader: &mut Reader<'_>, item: &Item) -> Option<Option<Action>> {
    match reader.string("action", item)? {
        "publish" => Some(Some(Action::Publish)),
        "subscribe" => Some(Some(Action::Subscribe)),
        "both" => Some(None),
        other => {
            let known = "\"publish\", \"subscribe\" or \"both\"";
            reader.wrong(item.span(), "action", other, known)
        }
    }
}

fn topics(reader: &mut Reader<'_>, item: &Item) -> Vec<Pattern> {
    let mut topics = Vec::new();
    for (span, text) in reader.strings("topics", item) {
        match pattern(text) {
            Ok(pattern) => topics.push(pattern),
            Err(what) => reader.problem(span, what),
        }
    }
    topics
}

fn pattern(text: &str) -> Result<Pattern, String> {
    let pattern = Pattern::parse(text).map_err(|error| format!("`{text}`: {error}"))?;
    if let Pattern::Filter(filter) = &pattern {
        let is_partial = |level: &str, name: &str| level != name && level.contains(name);
        for level in filter.levels() {
            let is_claim = level.starts_with("%{") && level.ends_with('}') && level.len() > 3;
            if is_partial(level, "%c") || is_partial(level, "%u") {
                return Err(format!(
                    "in `{level}` the placeholder is not the whole level"
                ));
            }
            if level.contains("%{") && !is_claim {
                return Err(format!("`{level}` is not a claim as in `%{{site}}`"));
            }
            // emqttd: emqttd_access_rule:compile/1
            if let Some(name @ ("c" | "u")) = level.strip_prefix('$') {
                return Err(format!("emqttd's `${name}` is written `%{name}`"));
            }
        }
    }
    Ok(pattern)
}

fn qos(reader: &mut Reader<'_>, item: &Item) -> Option<QosSet> {
    let levels = reader.levels("qos", item)?;
    Some(levels.into_iter().collect())
}
