//! What is wrong with a configuration, and where.

use std::fmt;
use std::path::PathBuf;

/// Where a setting's value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The built-in default.
    Default,
    /// A line of the file.
    File {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
    },
    /// An environment variable.
    Environment(String),
    /// `--set` or another option of the command line.
    CommandLine,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::CommandLine => f.write_str("command line"),
        }
    }
}

/// One mistake in a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where it stands.
    pub source: Source,
    /// The setting; empty when the file as a whole is meant.
    pub key: String,
    /// What was found and what is allowed.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.source)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

/// All mistakes of a configuration, one per line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, problem) in self.0.iter().enumerate() {
            let line_end = if position == 0 { "" } else { "\n" };
            write!(f, "{line_end}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// The setting that was probably meant: a name with few letters changed, or the same name in
/// another section.
pub(crate) fn meant<'a>(written: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let last = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
    let cost = |key: &str| {
        let moved = usize::from(last(key) == last(written)).saturating_mul(2);
        if moved > 0 {
            moved
        } else {
            distance(written, key)
        }
    };
    let tolerated = (written.len() / 4).clamp(1, 4);
    known
        .map(|key| (cost(key), key))
        .filter(|(cost, _)| *cost <= tolerated.max(2))
        .min_by_key(|(cost, _)| *cost)
        .map(|(_, key)| key)
}

/// Letters to insert, delete or replace to make `one` the `other`.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut above: Vec<usize> = (0..=other.len()).collect();
    for (row, letter) in one.chars().enumerate() {
        let mut left = row + 1;
        let mut here = vec![left];
        for ((target, up), diagonal) in other.iter().zip(above.iter().skip(1)).zip(&above) {
            left = (left + 1)
                .min(up + 1)
                .min(diagonal + usize::from(*target != letter));
            here.push(left);
        }
        above = here;
    }
    above.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 3] = ["session.max_inflight", "mqtt.max_packet_size", "log.level"];

    fn meant_by(written: &str) -> Option<&'static str> {
        meant(written, KNOWN.into_iter())
    }

    #[test]
    fn a_misspelt_name_leads_to_the_setting_that_was_meant() {
        assert_eq!(
            meant_by("session.max_inflite"),
            Some("session.max_inflight")
        );
        assert_eq!(meant_by("log.levle"), Some("log.level"));
    }

    #[test]
    fn a_name_in_the_wrong_section_leads_to_the_right_one() {
        assert_eq!(
            meant_by("mqueue.max_packet_size"),
            Some("mqtt.max_packet_size")
        );
    }

    #[test]
    fn a_name_like_no_other_leads_nowhere() {
        assert_eq!(meant_by("session.colour"), None);
    }

    #[test]
    fn distance_counts_changed_letters() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "ab"), 2);
        assert_eq!(distance("same", "same"), 0);
    }
}
