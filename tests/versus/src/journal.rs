//! What was seen, kept line by line as JSON, so that tables can be made of it later.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::machine::Machine;
use crate::outcome::Outcome;

/// A line of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Line {
    /// Where it was measured; the first line.
    Machine(Machine),
    /// A broker that took part.
    Broker(Participant),
    /// A broker that could not take part.
    Absent(Absent),
    /// A run of a scenario against a broker.
    Run(Run),
}

/// A broker that took part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Participant {
    /// Its name in tables.
    pub name: String,
    /// What it says about its version.
    pub version: String,
    /// How it was started.
    pub command: String,
}

/// A broker that could not take part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absent {
    /// Its name.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// A run of a scenario against a broker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Which round, from 1 on.
    pub round: u32,
    /// The scenario's name.
    pub scenario: String,
    /// The broker's name.
    pub broker: String,
    /// How long a loop that is always the same took on the broker's processor just before.
    pub calibration_us: f64,
    /// The part of processor time that the host took away meanwhile.
    pub stolen: f64,
    /// What the generator said; `None` when it failed.
    pub outcome: Option<Outcome>,
    /// Why it failed.
    pub failure: Option<String>,
}

/// Writes the lines of a campaign, each as soon as it is known.
#[derive(Debug)]
pub struct Journal {
    file: File,
    lines: Vec<Line>,
}

impl Journal {
    /// Begins a new one in that file.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn begin(path: &Path) -> anyhow::Result<Self> {
        let file = File::create(path).with_context(|| path.display().to_string())?;
        Ok(Self {
            file,
            lines: Vec::new(),
        })
    }

    /// Adds a line.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn note(&mut self, line: Line) -> anyhow::Result<()> {
        writeln!(self.file, "{}", serde_json::to_string(&line)?).context("writing the journal")?;
        self.lines.push(line);
        Ok(())
    }

    /// All lines so far.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }
}

/// Reads a journal.
///
/// # Errors
///
/// The file cannot be read, or a line is not one of a journal.
pub fn read(path: &Path) -> anyhow::Result<Vec<Line>> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    parse(&text).with_context(|| path.display().to_string())
}

fn parse(text: &str) -> anyhow::Result<Vec<Line>> {
    let line = |(index, line): (usize, &str)| {
        serde_json::from_str(line).with_context(|| format!("line {}", index + 1))
    };
    text.lines().enumerate().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn absent() -> Line {
        Line::Absent(Absent {
            name: "rmqtt".into(),
            reason: "does not build".into(),
        })
    }

    #[test]
    fn a_line_is_read_as_it_was_written() {
        let text = serde_json::to_string(&absent()).unwrap();
        assert_eq!(parse(&text).unwrap(), [absent()]);
    }

    #[test]
    fn a_line_tells_its_kind() {
        let text = serde_json::to_string(&absent()).unwrap();
        assert!(
            text.starts_with(r#"{"kind":"absent","name":"rmqtt""#),
            "{text}"
        );
    }

    #[test]
    fn a_line_of_another_kind_is_refused_with_its_number() {
        let good = serde_json::to_string(&absent()).unwrap();
        let error = parse(&format!("{good}\n{{\"kind\":\"other\"}}\n")).unwrap_err();
        assert!(error.to_string().contains("line 2"), "{error}");
    }
}
