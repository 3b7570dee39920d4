//! Topic patterns of access rules: filters with `%c` and `%u`, or exactly one string.

use castmq_mqtt::{Text, TopicFilter};

use super::Subject;

/// Which topics a rule is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Topics that a filter matches. A level that is `%c` stands for the client id, one that is `%u`
    /// for the user name and one that is `%{site}` for the claim `site`; whoever has none, or one that
    /// is no level, is not meant.
    Filter(TopicFilter),
    /// Exactly this string, so that a subscription to `#` can be meant without what it matches.
    Equal(Box<str>),
}

/// Why a string is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Not an MQTT string.
    #[error(transparent)]
    Text(#[from] castmq_mqtt::TextError),
    /// Not a filter.
    #[error(transparent)]
    Filter(#[from] castmq_mqtt::FilterError),
}

impl Pattern {
    /// The pattern for a string: `eq ` and a string, or a filter.
    ///
    /// # Errors
    ///
    /// [`PatternError`] when the string is not a filter.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        if let Some(exactly) = text.strip_prefix("eq ") {
            return Ok(Self::Equal(exactly.into()));
        }
        Ok(Self::Filter(TopicFilter::new(text.try_into()?)?))
    }

    /// Whether every topic that `filter` matches is meant.
    pub(super) fn covers(&self, filter: &str, subject: Subject<'_>) -> bool {
        match self {
            Self::Equal(exactly) => &**exactly == filter,
            Self::Filter(pattern) => match levels_for(pattern, subject) {
                Some(levels) => covers(levels, filter),
                None => false,
            },
        }
    }

    /// Whether any topic that `filter` matches is meant.
    pub(super) fn overlaps(&self, filter: &str, subject: Subject<'_>) -> bool {
        match self {
            Self::Equal(exactly) => &**exactly == filter,
            Self::Filter(pattern) => match levels_for(pattern, subject) {
                Some(levels) => overlaps(levels, filter),
                None => false,
            },
        }
    }
}

/// The levels with the subject's names in place; `None` when the subject has no such name, or when
/// the name would be more than a level.
fn levels_for<'p>(
    pattern: &'p TopicFilter,
    subject: Subject<'p>,
) -> Option<impl Iterator<Item = &'p str>> {
    let levels = move || pattern.levels().enumerate();
    let level = move |(depth, level): (usize, &'p str)| {
        let Some(placeholder) = level.strip_prefix('%') else {
            return Some(level);
        };
        let name = match placeholder {
            "c" => Some(subject.client.as_str()),
            "u" => subject.user,
            _ => match claim_named(placeholder) {
                Some(claim) => value_of(claim, subject),
                None => return Some(level),
            },
        };
        name.filter(|name| is_plain(name, depth))
    };
    let is_complete = levels().all(|each| level(each).is_some());
    is_complete.then(|| levels().filter_map(level))
}

fn claim_named(placeholder: &str) -> Option<&str> {
    placeholder.strip_prefix('{')?.strip_suffix('}')
}

fn value_of<'s>(claim: &str, subject: Subject<'s>) -> Option<&'s str> {
    let is_it = |(name, _): &&(Text, Text)| name.as_str() == claim;
    let (_, value) = subject.claims.iter().find(is_it)?;
    Some(value.as_str())
}

/// Whether a name is one level. A first level that begins with `$` would be one of the broker's.
fn is_plain(name: &str, depth: usize) -> bool {
    let is_of_the_broker = depth == 0 && name.starts_with('$');
    !is_of_the_broker && !name.contains(['/', '+', '#'])
}

/// Whether every topic that `filter` matches is matched by the pattern. A topic is a filter that
/// matches itself.
pub(crate) fn covers<'p>(pattern: impl Iterator<Item = &'p str>, filter: &str) -> bool {
    let mut levels = filter.split('/');
    for (depth, wanted) in pattern.enumerate() {
        let level = levels.next();
        // [MQTT3-4.7.2-1] [MQTT5-4.7.2-1]
        let is_reserved = depth == 0 && level.is_some_and(|level| level.starts_with('$'));
        match (wanted, level) {
            ("#", _) => return !is_reserved,
            ("+", Some(level)) if level != "#" && !is_reserved => {}
            (wanted, Some(level)) if wanted == level && wanted != "+" => {}
            _ => return false,
        }
    }
    levels.next().is_none()
}

/// Whether any topic is matched by both.
fn overlaps<'p>(pattern: impl Iterator<Item = &'p str>, filter: &str) -> bool {
    let mut wanted = pattern.peekable();
    let mut levels = filter.split('/').peekable();
    // [MQTT3-4.7.2-1] [MQTT5-4.7.2-1]
    if let (Some(one), Some(other)) = (wanted.peek(), levels.peek()) {
        let passes_by = |one: &str, other: &str| matches!(one, "+" | "#") && other.starts_with('$');
        if passes_by(one, other) || passes_by(other, one) {
            return false;
        }
    }
    loop {
        match (wanted.next(), levels.next()) {
            (Some("#"), _) | (_, Some("#")) | (None, None) => return true,
            (Some("+"), Some(_)) | (Some(_), Some("+")) => {}
            (Some(one), Some(other)) if one == other => {}
            _ => return false,
        }
    }
}
