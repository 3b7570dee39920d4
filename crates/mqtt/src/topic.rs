//! Topic names and topic filters as types: checked once, trusted afterwards.
//!
//! An empty level is a level like any other. Levels are separated by `/`.

use std::borrow::Borrow;
use std::fmt;

use crate::Text;

/// Where a message is published to: at least one character, no wildcard.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicName(Text);

/// Which topics a subscription means: a name that may hold `+` for one level and, at its end, `#`
/// for all levels from there on, the parent included.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicFilter(Text);

/// What a filter in SUBSCRIBE or UNSUBSCRIBE stands for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subscription {
    /// Every subscriber gets every message.
    Own(TopicFilter),
    /// `$share/group/filter`: one member of the group gets each message.
    Shared {
        /// The group's name: at least one character, no `/`, `+` or `#`. [MQTT5-4.8.2-1]
        group: Text,
        /// The filter behind the group.
        filter: TopicFilter,
    },
    /// `$queue/filter`: emqttd's shared subscription, one group for all.
    Queue(TopicFilter),
}

/// Why a string is not a topic name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopicError {
    /// No character at all. [MQTT3-4.7.3-1] [MQTT5-4.7.3-1]
    #[error("topic name is empty")]
    Empty,
    /// Holds `+` or `#`. [MQTT3-3.3.2-2] [MQTT5-3.3.2-2]
    #[error("topic name holds a wildcard")]
    Wildcard,
}

/// Why a string is not a topic filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// No character at all. [MQTT3-4.7.3-1] [MQTT5-4.7.3-1]
    #[error("topic filter is empty")]
    Empty,
    /// `#` is not alone in the last level. [MQTT3-4.7.1-2] [MQTT5-4.7.1-1]
    #[error("'#' does not stand alone in the last level")]
    MultiLevelMisplaced,
    /// `+` is not alone in its level. [MQTT3-4.7.1-3] [MQTT5-4.7.1-2]
    #[error("'+' does not stand alone in its level")]
    SingleLevelMisplaced,
    /// `$share/` without a group's name or without a filter. [MQTT5-4.8.2-1] [MQTT5-4.8.2-2]
    #[error("shared subscription lacks a group name or a filter")]
    ShareIncomplete,
    /// The group's name holds `+` or `#`. [MQTT5-4.8.2-2]
    #[error("group name of a shared subscription holds a wildcard")]
    ShareWildcard,
}

impl TopicName {
    /// Checks a string once and for all.
    ///
    /// # Errors
    ///
    /// [`TopicError`] when the string cannot be published to.
    pub fn new(text: Text) -> Result<Self, TopicError> {
        Self::check(&text)?;
        Ok(Self(text))
    }

    /// Whether a string may be published to.
    pub(crate) fn check(text: &Text) -> Result<(), TopicError> {
        if text.is_empty() {
            return Err(TopicError::Empty);
        }
        if has_wildcard(text) {
            return Err(TopicError::Wildcard);
        }
        Ok(())
    }

    /// The name as a string slice.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as MQTT string; cloning shares the bytes.
    #[must_use]
    pub fn text(&self) -> &Text {
        &self.0
    }

    /// The levels from the left; at least one.
    pub fn levels(&self) -> impl Iterator<Item = &str> {
        self.as_str().split('/')
    }

    /// Whether the name starts with `$`, so that leading wildcards do not match it.
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        self.as_str().starts_with('$')
    }
}

impl TopicFilter {
    /// Checks a string once and for all. Knows nothing of `$share/`: see [`Subscription::parse`].
    ///
    /// # Errors
    ///
    /// [`FilterError`] when the string cannot be subscribed to.
    pub fn new(text: Text) -> Result<Self, FilterError> {
        if text.is_empty() {
            return Err(FilterError::Empty);
        }
        let mut levels = text.split('/').peekable();
        while let Some(level) = levels.next() {
            if level.contains('#') && (level != "#" || levels.peek().is_some()) {
                return Err(FilterError::MultiLevelMisplaced);
            }
            if level.contains('+') && level != "+" {
                return Err(FilterError::SingleLevelMisplaced);
            }
        }
        Ok(Self(text))
    }

    /// The filter as a string slice.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The filter as MQTT string; cloning shares the bytes.
    #[must_use]
    pub fn text(&self) -> &Text {
        &self.0
    }

    /// The levels from the left; at least one.
    pub fn levels(&self) -> impl Iterator<Item = &str> {
        self.as_str().split('/')
    }

    /// Whether it holds a wildcard, so that it matches more than the topic of the same name.
    #[must_use]
    pub fn has_wildcard(&self) -> bool {
        has_wildcard(&self.0)
    }

    /// Whether a message on the topic is meant by the filter.
    ///
    /// A wildcard in the first level does not match a topic that starts with `$`.
    /// [MQTT3-4.7.2-1] [MQTT5-4.7.2-1]
    #[must_use]
    pub fn matches(&self, topic: &TopicName) -> bool {
        if topic.is_reserved() && self.as_str().starts_with(['+', '#']) {
            return false;
        }
        let mut names = topic.levels();
        for level in self.levels() {
            match (level, names.next()) {
                ("#", _) => return true,
                ("+", Some(_)) => {}
                (level, Some(name)) if level == name => {}
                _ => return false,
            }
        }
        names.next().is_none()
    }
}

impl Subscription {
    /// Tells `$share/group/filter` and `$queue/filter` from plain filters.
    ///
    /// # Errors
    ///
    /// [`FilterError`] when the string cannot be subscribed to.
    pub fn parse(text: Text) -> Result<Self, FilterError> {
        if let Some(rest) = text.strip_prefix("$share/") {
            let Some((group, filter)) = rest.split_once('/') else {
                return Err(FilterError::ShareIncomplete);
            };
            if group.is_empty() || filter.is_empty() {
                return Err(FilterError::ShareIncomplete);
            }
            if group.contains(['+', '#']) {
                return Err(FilterError::ShareWildcard);
            }
            return Ok(Self::Shared {
                group: part(group),
                filter: TopicFilter::new(part(filter))?,
            });
        }
        match text.strip_prefix("$queue/") {
            Some("") => Err(FilterError::ShareIncomplete),
            Some(filter) => Ok(Self::Queue(TopicFilter::new(part(filter))?)),
            None => TopicFilter::new(text).map(Self::Own),
        }
    }

    /// The filter that topics are compared with.
    #[must_use]
    pub fn filter(&self) -> &TopicFilter {
        match self {
            Self::Own(filter) | Self::Queue(filter) | Self::Shared { filter, .. } => filter,
        }
    }

    /// Whether one member of a group gets each message.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        !matches!(self, Self::Own(_))
    }
}

fn has_wildcard(text: &Text) -> bool {
    text.as_bytes()
        .iter()
        .any(|&byte| byte == b'+' || byte == b'#')
}

/// The part of a string as a string of its own.
fn part(part: &str) -> Text {
    Text::from_bytes(part.as_bytes()).unwrap_or_default()
}

impl Borrow<str> for TopicName {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl Borrow<str> for TopicFilter {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for TopicName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Debug for TopicName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), formatter)
    }
}

impl fmt::Display for TopicFilter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Debug for TopicFilter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), formatter)
    }
}

impl fmt::Display for Subscription {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own(filter) => write!(formatter, "{filter}"),
            Self::Shared { group, filter } => write!(formatter, "$share/{group}/{filter}"),
            Self::Queue(filter) => write!(formatter, "$queue/{filter}"),
        }
    }
}

#[cfg(test)]
mod tests;
