//! What values a setting takes: one place for checking, for error messages and for the key table.

use std::fmt;
use std::time::Duration;

use config::ValueKind;

use crate::declare::{Key, Section};
use crate::units;

/// The kind of a setting's values.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Whole {
        /// The smallest.
        least: u64,
        /// The largest.
        most: u64,
    },
    /// A number from 0 to 1.
    Fraction,
    /// A duration, written with its unit.
    Duration {
        /// The shortest.
        least: Duration,
        /// The longest.
        most: Duration,
    },
    /// A number of bytes, with or without a unit.
    Bytes {
        /// The smallest.
        least: u64,
        /// The largest.
        most: u64,
    },
    /// A text that is not empty.
    Text {
        /// The longest, in bytes.
        most: u64,
    },
    /// A text; empty means that the setting is off.
    OptionalText {
        /// The longest, in bytes.
        most: u64,
    },
    /// One of a few words.
    Choice(&'static [&'static str]),
    /// A list of texts.
    Texts {
        /// The longest, in bytes.
        most: u64,
    },
    /// A list of a few words.
    Words(&'static [&'static str]),
    /// A list of ranges of addresses.
    Networks,
    /// Rights to a file, as the digits of `chmod`.
    Mode,
    /// A number, or an empty text for none.
    OptionalNumber,
    /// `always`, `never`, or `interval:` with a duration.
    Fsync,
    /// Host and port.
    Address,
    /// A regular expression.
    Pattern,
    /// A table of topics with their priority, 0 to 255.
    Priorities,
    /// A table of these settings.
    Group(Elements),
    /// A list of tables, each with these settings.
    List(Elements),
}

/// Adds settings to the key table, behind a path.
pub(crate) type Declare = fn(&str, &mut Vec<Key>);

/// What a group, or each element of a list, consists of.
#[derive(Clone, Copy)]
pub struct Elements(pub(crate) Declare);

impl fmt::Debug for Elements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Elements")
    }
}

impl Kind {
    pub(crate) fn whole(least: u64, most: u64) -> Self {
        Self::Whole { least, most }
    }

    pub(crate) fn up_to(most: Duration) -> Self {
        Self::Duration {
            least: Duration::ZERO,
            most,
        }
    }

    pub(crate) fn list<S: Section>() -> Self {
        Self::List(Elements(S::declare))
    }

    pub(crate) fn group<S: Section>() -> Self {
        Self::Group(Elements(S::declare))
    }

    /// Reads a text: all that the environment and the command line have.
    pub(crate) fn read(self, text: &str) -> Option<ValueKind> {
        let kept = if matches!(self, Self::Flag) {
            ValueKind::Boolean(text.parse().ok()?)
        } else if matches!(self, Self::Whole { .. }) {
            ValueKind::U64(text.parse().ok()?)
        } else if matches!(self, Self::Fraction) {
            ValueKind::Float(text.parse().ok()?)
        } else {
            return self.read_string(text);
        };
        self.admits(&kept).then_some(kept)
    }

    /// Reads a string of the file; numbers and flags are not written as strings there.
    pub(crate) fn read_string(self, text: &str) -> Option<ValueKind> {
        let kept = match self {
            Self::Flag | Self::Whole { .. } | Self::Fraction => return None,
            Self::Priorities | Self::Group(_) | Self::List(_) => return None,
            Self::Texts { .. } | Self::Words(_) | Self::Networks => return None,
            Self::Duration { .. } => nanoseconds(units::duration(text)?)?,
            Self::Bytes { .. } => ValueKind::U64(units::size(text)?),
            Self::Address => ValueKind::String(units::address(text)?.to_string()),
            Self::Fsync => ValueKind::String(units::fsync(text).map(units::show_fsync)?),
            Self::Text { .. }
            | Self::OptionalText { .. }
            | Self::Choice(_)
            | Self::Pattern
            | Self::Mode => ValueKind::String(text.to_owned()),
            Self::OptionalNumber if text.is_empty() => ValueKind::Nil,
            Self::OptionalNumber => ValueKind::U64(text.parse::<u32>().ok()?.into()),
        };
        self.admits(&kept).then_some(kept)
    }

    /// Whether it is a list of texts.
    pub(crate) fn is_texts(self) -> bool {
        matches!(self, Self::Texts { .. } | Self::Words(_) | Self::Networks)
    }

    /// Takes an element of a list of texts.
    pub(crate) fn read_element(self, text: &str) -> Option<ValueKind> {
        let is_good = if let Self::Texts { most } = self {
            !text.is_empty() && text.len() as u64 <= most && !text.contains('\0')
        } else if let Self::Words(words) = self {
            words.contains(&text)
        } else {
            matches!(self, Self::Networks) && units::is_network(text)
        };
        is_good.then(|| ValueKind::String(text.to_owned()))
    }

    /// Takes a number of the file.
    pub(crate) fn read_integer(self, number: i64) -> Option<ValueKind> {
        let is_zero_time = number == 0 && matches!(self, Self::Duration { .. });
        let is_whole = matches!(
            self,
            Self::Whole { .. } | Self::Bytes { .. } | Self::OptionalNumber
        );
        let kept = if is_zero_time || is_whole {
            ValueKind::U64(number.try_into().ok()?)
        } else if matches!(self, Self::Fraction) {
            ValueKind::Float(f64::from(i32::try_from(number).ok()?))
        } else {
            return None;
        };
        self.admits(&kept).then_some(kept)
    }

    /// Takes a decimal number of the file.
    pub(crate) fn read_float(self, number: f64) -> Option<ValueKind> {
        let kept = ValueKind::Float(number);
        (matches!(self, Self::Fraction) && self.admits(&kept)).then_some(kept)
    }

    /// Takes a flag of the file.
    pub(crate) fn read_flag(self, flag: bool) -> Option<ValueKind> {
        matches!(self, Self::Flag).then_some(ValueKind::Boolean(flag))
    }

    /// The value as the file would have it; nothing for "off".
    pub(crate) fn show(self, kept: &ValueKind) -> Option<String> {
        let text = match (self, kept) {
            (Self::Duration { .. }, ValueKind::U64(value)) => {
                format!("\"{}\"", units::show_duration(Duration::from_nanos(*value)))
            }
            (Self::Bytes { .. }, ValueKind::U64(value)) => {
                format!("\"{}\"", units::show_size(*value))
            }
            (_, ValueKind::U64(value)) => value.to_string(),
            (_, ValueKind::Boolean(value)) => value.to_string(),
            (_, ValueKind::Float(value)) => value.to_string(),
            (_, ValueKind::String(value)) => format!("\"{value}\""),
            (_, ValueKind::Table(table)) => crate::effective::show_table(table),
            (kind, ValueKind::Array(list)) if kind.is_texts() => {
                let texts: Vec<_> = list.iter().map(|each| format!("\"{each}\"")).collect();
                format!("[{}]", texts.join(", "))
            }
            (_, ValueKind::Array(list)) => format!("{} tables", list.len()),
            _ => return None,
        };
        Some(text)
    }

    fn admits(self, kept: &ValueKind) -> bool {
        match (self, kept) {
            (Self::Whole { least, most } | Self::Bytes { least, most }, ValueKind::U64(value)) => {
                (least..=most).contains(value)
            }
            (Self::Duration { least, most }, ValueKind::U64(value)) => {
                (least..=most).contains(&Duration::from_nanos(*value))
            }
            (Self::Fraction, ValueKind::Float(value)) => (0.0..=1.0).contains(value),
            (Self::Text { most }, ValueKind::String(text)) => {
                !text.is_empty() && text.len() as u64 <= most && !text.contains('\0')
            }
            (Self::OptionalText { most }, ValueKind::String(text)) => {
                text.len() as u64 <= most && !text.contains('\0')
            }
            (Self::Choice(words), ValueKind::String(text)) => words.contains(&text.as_str()),
            (Self::Pattern, ValueKind::String(text)) => regex::Regex::new(text).is_ok(),
            (Self::Mode, ValueKind::String(text)) => units::mode(text).is_some(),
            (Self::OptionalNumber, ValueKind::U64(number)) => u32::try_from(*number).is_ok(),
            _ => true,
        }
    }
}

fn nanoseconds(duration: Duration) -> Option<ValueKind> {
    Some(ValueKind::U64(duration.as_nanos().try_into().ok()?))
}

/// What is allowed, as an error message says it.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("true or false"),
            Self::Whole { least, most } => write!(f, "a whole number from {least} to {most}"),
            Self::Fraction => f.write_str("a number from 0 to 1"),
            Self::Duration { least, most } => {
                let [least, most] = [*least, *most].map(units::show_duration);
                write!(
                    f,
                    "a duration such as \"10s\" or \"7d\", from {least} to {most}"
                )
            }
            Self::Bytes { least, most } => {
                let [least, most] = [*least, *most].map(units::show_size);
                write!(
                    f,
                    "a number of bytes or a size such as \"64MiB\", from {least} to {most}"
                )
            }
            Self::Text { most } => write!(f, "a text of 1 to {most} bytes"),
            Self::OptionalText { most } => write!(f, "a text of at most {most} bytes, or \"\""),
            Self::Choice(words) => {
                let words: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
                write!(f, "one of {}", words.join(", "))
            }
            Self::Texts { most } => write!(f, "a list of texts of 1 to {most} bytes"),
            Self::Words(words) => {
                let words: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
                write!(f, "a list of {}", words.join(", "))
            }
            Self::Networks => f.write_str("a list of addresses such as \"10.0.0.0/8\""),
            Self::OptionalNumber => f.write_str("a whole number, or \"\""),
            Self::Mode => f.write_str("three digits of 0 to 7 such as \"660\""),
            Self::Fsync => {
                f.write_str("\"always\", \"never\" or an interval such as \"interval:100ms\"")
            }
            Self::Address => f.write_str("an address and port such as \"127.0.0.1:1883\""),
            Self::Pattern => f.write_str("a regular expression such as \"^a/(.+)$\""),
            Self::Priorities => f.write_str("a table of topics, each with a number from 0 to 255"),
            Self::Group(_) => f.write_str("a table of settings"),
            Self::List(_) => f.write_str("a list of tables"),
        }
    }
}
