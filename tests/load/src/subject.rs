//! The broker under load: a process of its own, so that its memory is not mixed with the load's.
//!
//! It is this same program with the broker embedded (`serve`), which answers on its
//! standard output what only the inside knows. A broker that runs elsewhere can be loaded too; then
//! only what the wire shows is checked.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, bail};

/// What the broker says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many process records there are of each kind.
    pub processes: BTreeMap<String, u64>,
    /// Its counters.
    pub metrics: BTreeMap<String, u64>,
}

impl Report {
    /// A counter; 0 when the broker has none of that name.
    #[must_use]
    pub fn metric(&self, name: &str) -> u64 {
        self.metrics.get(name).copied().unwrap_or_default()
    }
}

/// A broker to load.
#[derive(Debug)]
pub struct Subject {
    address: SocketAddr,
    inside: Option<Inside>,
}

#[derive(Debug)]
struct Inside {
    process: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Subject {
    /// A broker that runs already.
    #[must_use]
    pub fn running(address: SocketAddr) -> Self {
        Self {
            address,
            inside: None,
        }
    }

    /// Starts the broker that is embedded in the program at that path, with that many arbiters; 0 is
    /// one per core.
    ///
    /// # Errors
    ///
    /// It does not start.
    pub fn start(program: &Path, arbiters: u16) -> anyhow::Result<Self> {
        let mut process = Command::new(program)
            .args(["serve", "--arbiters", &arbiters.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} serve", program.display()))?;
        let questions = process.stdin.take().context("stdin is a pipe")?;
        let mut answers = BufReader::new(process.stdout.take().context("stdout is a pipe")?);
        let mut line = String::new();
        answers.read_line(&mut line)?;
        let address = line
            .strip_prefix("ready ")
            .with_context(|| format!("not ready but {line:?}"))?
            .trim_end()
            .parse()?;
        Ok(Self {
            address,
            inside: Some(Inside {
                process,
                questions,
                answers,
            }),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it says about itself; `None` for a broker that runs elsewhere.
    ///
    /// # Errors
    ///
    /// It has died.
    pub fn report(&mut self) -> anyhow::Result<Option<Report>> {
        let Some(inside) = &mut self.inside else {
            return Ok(None);
        };
        inside.questions.write_all(b"report\n")?;
        inside.questions.flush()?;
        let mut report = Report::default();
        loop {
            let mut line = String::new();
            if inside.answers.read_line(&mut line)? == 0 {
                bail!("the broker has died");
            }
            let mut words = line.split_whitespace();
            match (words.next(), words.next(), words.next()) {
                (Some("process"), Some(kind), Some(count)) => {
                    report.processes.insert(kind.to_owned(), count.parse()?);
                }
                (Some("metric"), Some(name), Some(value)) => {
                    report.metrics.insert(name.to_owned(), value.parse()?);
                }
                (Some("end"), None, None) => return Ok(Some(report)),
                _ => bail!("not a report but {line:?}"),
            }
        }
    }

    /// Its resident memory in bytes; `None` for a broker that runs elsewhere.
    ///
    /// # Errors
    ///
    /// The system does not tell.
    pub fn resident(&self) -> io::Result<Option<u64>> {
        let Some(inside) = &self.inside else {
            return Ok(None);
        };
        let status = fs::read_to_string(format!("/proc/{}/status", inside.process.id()))?;
        let kibibytes = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|rest| rest.split_whitespace().next())
            .and_then(|number| number.parse::<u64>().ok());
        Ok(kibibytes.map(|kibibytes| kibibytes * 1024))
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        if let Some(inside) = &mut self.inside {
            // It may have died by itself, which the run has noticed.
            let _ = inside.process.kill();
            let _ = inside.process.wait();
        }
    }
}
