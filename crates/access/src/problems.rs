//! Mistakes in a file, all at once, each with its line.

use std::fmt;

/// One mistake in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1; 0 when it is about the text as a whole.
    pub line: u32,
    /// What is wrong there, and where it helps what would be right. Never a password, hash or key.
    pub what: String,
}

/// All mistakes of a text, in the order of their lines; at least one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// What was read, when there are no problems with it.
    pub(crate) fn or<T>(mut problems: Vec<Problem>, read: T) -> Result<T, Self> {
        if problems.is_empty() {
            return Ok(read);
        }
        problems.sort_by_key(|problem| problem.line);
        Err(Self(problems))
    }

    /// The problems.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }
}

impl Problem {
    pub(crate) fn new(line: u32, what: impl Into<String>) -> Self {
        let what = what.into();
        Self { line, what }
    }
}

/// The lines of a text with their numbers.
pub(crate) fn numbered(text: &str) -> impl Iterator<Item = (u32, &str)> {
    (1..).zip(text.lines())
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(formatter, "line {}: ", self.line)?;
        }
        formatter.write_str(&self.what)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let before = if index == 0 { "" } else { "\n" };
            write!(formatter, "{before}{problem}")?;
        }
        Ok(())
    }
}
