//! mosquitto's `acl_file`, read as it stands.
//!
//! What was found with mosquitto 2.0.11 and in its manual, and is so here:
//!
//! - A subscription is always taken. `read` decides about each message when it is delivered, also
//!   about retained ones; `write` decides about publishing.
//! - `topic` lines before the first `user` are for clients without a user name, later ones for that
//!   user; `pattern` lines are for everybody, wherever they stand.
//! - The user's own lines are asked first, `deny` before the others; only what they leave open is
//!   decided by patterns, again `deny` first. So a `topic` line that allows wins over a pattern that
//!   denies.
//! - `deny` denies reading and writing. What no line allows is denied, also by an empty file.
//! - Filters that do not begin with `$` do not mean topics that do.
//! - When there are patterns, a client with `+` or `#` in its id or user name may do nothing but what
//!   its own `topic` lines allow. A pattern with `%u` is not for clients without a user name.
//! - Words are separated by blanks, not by tabs; a comment begins in the first column; a topic may hold
//!   blanks when an access type stands before it; `topic read` means the topic `read`.
// differs: a client id or user name with `/` is taken by mosquitto, so that a client that calls itself
// `a/b` has a part of what a pattern `dev/%c/#` gives to `a`. Here such names are not meant by patterns
// that allow, only by those that deny.
// differs: mosquitto 2.0.11 also replaces `%c` within a level, 2.1 and the manual only where it is the
// level. Here a file that has it within a level is refused, so that nobody relies on either.

use std::collections::BTreeMap;

use castmq_mqtt::{Text, TopicFilter};
use castmq_rules::access::{Action, Decision, Question, Subject, Verdict};

use crate::problems::numbered;
use crate::{Problem, Problems};

/// The lines of an `acl_file`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MosquittoAcl {
    /// In the order of the file; the lists below point here, `deny` lines first.
    lines: Vec<AclLine>,
    anonymous: Vec<usize>,
    users: BTreeMap<Text, Vec<usize>>,
    patterns: Vec<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct AclLine {
    line: u32,
    text: Box<str>,
    access: Access,
    topic: TopicFilter,
    is_pattern: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    Read,
    Write,
    ReadWrite,
    Deny,
}

impl MosquittoAcl {
    /// Reads the text of an `acl_file`.
    ///
    /// # Errors
    ///
    /// [`Problems`] with everything that mosquitto would not take, and with placeholders that are only a
    /// part of a level.
    pub fn parse(text: &str) -> Result<Self, Problems> {
        let mut acl = Self::default();
        let mut problems = Vec::new();
        let mut user = None;
        for (number, line) in numbered(text) {
            if let Err(what) = acl.read_line(number, line, &mut user) {
                problems.push(Problem::new(number, what));
            }
        }
        acl.put_denials_first();
        Problems::or(problems, acl)
    }

    /// Decides, and says by which line: its place among the `topic` and `pattern` lines.
    #[must_use]
    pub fn explain(&self, subject: Subject<'_>, question: Question<'_>) -> Verdict {
        if question.action == Action::Subscribe {
            let decision = Decision::Allow;
            return Verdict {
                decision,
                rule: None,
            };
        }
        let own = match subject.user {
            Some(user) => self.users.get(user).map_or(&[][..], Vec::as_slice),
            None => &self.anonymous,
        };
        let rule = self.first_that_decides(own, subject, question);
        let rule = rule.or_else(|| {
            let patterns = (!is_dangerous(subject)).then_some(&*self.patterns);
            self.first_that_decides(patterns.unwrap_or_default(), subject, question)
        });
        let access = rule.and_then(|rule| self.lines.get(rule));
        let decision = match access.map(|line| line.access) {
            Some(Access::Read | Access::Write | Access::ReadWrite) => Decision::Allow,
            Some(Access::Deny) | None => Decision::Deny,
        };
        Verdict { decision, rule }
    }

    /// A line for an operator: `line 7: user alice: topic deny secret/#`.
    pub(crate) fn line(&self, index: usize) -> Option<String> {
        let line = self.lines.get(index)?;
        let of = |owner: &&Text| {
            self.users
                .get(*owner)
                .is_some_and(|all| all.contains(&index))
        };
        let owner = match self.users.keys().find(of) {
            Some(user) => format!("user {user}: "),
            None if line.is_pattern => String::new(),
            None => "anonymous: ".to_owned(),
        };
        Some(format!("line {}: {owner}{}", line.line, line.text))
    }

    fn first_that_decides(
        &self,
        lines: &[usize],
        subject: Subject<'_>,
        question: Question<'_>,
    ) -> Option<usize> {
        let decides = |index: &&usize| {
            self.lines.get(**index).is_some_and(|line| {
                line.access.concerns(question.action) && line.means(question.topic, subject)
            })
        };
        lines.iter().find(decides).copied()
    }

    fn read_line(
        &mut self,
        number: u32,
        line: &str,
        user: &mut Option<Text>,
    ) -> Result<(), String> {
        if line.starts_with('#') {
            return Ok(());
        }
        let line = line.trim_end().trim_start_matches(' ');
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.trim_matches(' ');
        match word {
            "" => {}
            "user" if rest.is_empty() => return Err("a user has a name".to_owned()),
            "user" => *user = Some(text(rest)?),
            "topic" | "pattern" => {
                let line = AclLine::parse(number, line, rest, word == "pattern")?;
                self.add(line, user.as_ref());
            }
            _ => {
                return Err(format!(
                    "`{word}` is none of `user`, `topic`, `pattern`; a comment begins in the first column"
                ));
            }
        }
        Ok(())
    }

    fn add(&mut self, line: AclLine, user: Option<&Text>) {
        let list = match user {
            _ if line.is_pattern => &mut self.patterns,
            Some(user) => self.users.entry(user.clone()).or_default(),
            None => &mut self.anonymous,
        };
        list.push(self.lines.len());
        self.lines.push(line);
    }

    fn put_denials_first(&mut self) {
        let lines = &self.lines;
        let allows = |index: &usize| {
            lines
                .get(*index)
                .is_some_and(|line| line.access != Access::Deny)
        };
        self.anonymous.sort_by_key(allows);
        self.patterns.sort_by_key(allows);
        self.users
            .values_mut()
            .for_each(|list| list.sort_by_key(allows));
    }
}

impl AclLine {
    fn parse(line: u32, whole: &str, rest: &str, is_pattern: bool) -> Result<Self, String> {
        let (access, topic) = match rest.split_once(' ') {
            Some((access, topic)) => (Access::parse(access)?, topic.trim_matches(' ')),
            None => (Access::ReadWrite, rest),
        };
        if topic.is_empty() {
            return Err("the topic is missing".to_owned());
        }
        let topic = TopicFilter::new(text(topic)?)
            .map_err(|error| format!("`{topic}` is no topic filter: {error}"))?;
        if is_pattern {
            let is_mixed =
                |level: &&str| level.len() > 2 && (level.contains("%c") || level.contains("%u"));
            if let Some(level) = topic.levels().find(is_mixed) {
                return Err(format!(
                    "in `{level}` the placeholder is not the whole level"
                ));
            }
        }
        let text = whole.into();
        Ok(Self {
            line,
            text,
            access,
            topic,
            is_pattern,
        })
    }

    /// Whether the line is about this topic for this client.
    fn means(&self, topic: &str, subject: Subject<'_>) -> bool {
        let starts_with_dollar = |text: &str| text.starts_with('$');
        if starts_with_dollar(topic) != starts_with_dollar(self.topic.as_str()) {
            return false;
        }
        if !self.is_pattern {
            return matches(self.topic.levels(), topic);
        }
        let allows = self.access != Access::Deny;
        let name_for = |level| match level {
            "%c" => Some(Some(subject.client.as_str())),
            "%u" => Some(subject.user),
            _ => None,
        };
        let is_for_whom = |name: Option<&str>| {
            let reaches_others = |name: &str| allows && name.contains('/');
            name.is_some_and(|name| !name.is_empty() && !reaches_others(name))
        };
        if !self.topic.levels().filter_map(name_for).all(is_for_whom) {
            return false;
        }
        let levels = self.topic.levels().flat_map(|level| {
            let name = name_for(level).flatten();
            name.unwrap_or(level).split('/')
        });
        matches(levels, topic)
    }
}

impl Access {
    fn parse(word: &str) -> Result<Self, String> {
        match word {
            "read" => Ok(Self::Read),
            "write" => Ok(Self::Write),
            "readwrite" => Ok(Self::ReadWrite),
            "deny" => Ok(Self::Deny),
            _ => Err(format!(
                "`{word}` is none of `read`, `write`, `readwrite`, `deny`"
            )),
        }
    }

    fn concerns(self, action: Action) -> bool {
        match self {
            Self::Read => action == Action::Deliver,
            Self::Write => action == Action::Publish,
            Self::ReadWrite | Self::Deny => true,
        }
    }
}

fn is_dangerous(subject: Subject<'_>) -> bool {
    let names = [Some(subject.client.as_str()), subject.user];
    names
        .into_iter()
        .flatten()
        .any(|name| name.contains(['+', '#']))
}

fn matches<'p>(pattern: impl Iterator<Item = &'p str>, topic: &str) -> bool {
    let mut levels = topic.split('/');
    for wanted in pattern {
        match (wanted, levels.next()) {
            ("#", _) => return true,
            ("+", Some(_)) => {}
            (wanted, Some(level)) if wanted == level => {}
            _ => return false,
        }
    }
    levels.next().is_none()
}

fn text(text: &str) -> Result<Text, String> {
    Text::try_from(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
