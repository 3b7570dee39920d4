//! The lines of a configuration of mosquitto: an option and its value.

use std::fmt;
use std::str::FromStr;

/// One line that is neither empty nor a comment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    pub(super) number: usize,
    pub(super) option: &'a str,
    value: &'a str,
}

/// Something about a line that one has to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Note {
    /// 0 where it is about what no line says.
    pub(super) line: usize,
    pub(super) option: String,
    pub(super) text: String,
}

impl fmt::Display for Note {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, option, text } = self;
        if *line > 0 {
            write!(formatter, "{line}: ")?;
        } else {
            write!(formatter, " ")?;
        }
        write!(formatter, "{option}: {text}")
    }
}

/// All lines that say something. Only a # at the beginning makes a comment.
pub(super) fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let numbered = (1..).zip(text.lines());
    numbered.filter_map(|(number, line)| {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return None;
        }
        let (option, value) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        Some(Line {
            number,
            option,
            value: value.trim(),
        })
    })
}

impl<'a> Line<'a> {
    /// Something about this line.
    pub(super) fn note(&self, text: impl Into<String>) -> Note {
        Note {
            line: self.number,
            option: self.option.to_owned(),
            text: text.into(),
        }
    }

    /// The value, which must not be missing.
    pub(super) fn text(&self) -> Result<&'a str, Note> {
        if self.value.is_empty() {
            return Err(self.note("has no value"));
        }
        Ok(self.value)
    }

    /// The value as a string of its own.
    pub(super) fn owned(&self) -> Result<String, Note> {
        self.text().map(str::to_owned)
    }

    /// The value as true or false.
    pub(super) fn flag(&self) -> Result<bool, Note> {
        match self.text()?.to_ascii_lowercase().as_str() {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            other => Err(self.note(format!("{other} is neither true nor false"))),
        }
    }

    /// The value as a number.
    pub(super) fn number<N: FromStr>(&self) -> Result<N, Note> {
        let text = self.text()?;
        text.parse()
            .map_err(|_| self.note(format!("{text} is no number that can be here")))
    }

    /// The words of the value.
    pub(super) fn words(&self) -> impl Iterator<Item = &'a str> {
        self.value.split_whitespace()
    }
}
