//! Which broker is put under load, and how it is started.

use std::env;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::check::Overlap;

/// Stands for the folder with the broker's data.
const DIRECTORY: &str = "{dir}";
/// Stands for the port that a broker of others has to listen on.
const PORT: &str = "{port}";
/// Stands for the configuration file made of the template.
const CONFIG: &str = "{config}";

/// A broker that can be started as often as one likes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// Program and arguments, with placeholders.
    words: Vec<String>,
    /// The configuration, with placeholders; empty where the command line says everything.
    config: String,
    /// What is known about it.
    pub(crate) make: Make,
}

/// Whose broker it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Make {
    /// CastMQ with its data directory: it chooses a port and tells it.
    Ours,
    /// Any other, on the port that it is given.
    Given,
}

impl Launch {
    /// The CastMQ in `CASTMQ_BIN`, or else the one at that path; with `CRASH_BROKER`, the command line
    /// there, and with `CRASH_CONFIG` a template of its configuration.
    ///
    /// # Errors
    ///
    /// The template cannot be read.
    pub fn from_environment(castmq: &Path) -> anyhow::Result<Self> {
        let Ok(words) = env::var("CRASH_BROKER") else {
            let castmq = env::var_os("CASTMQ_BIN").map_or_else(|| castmq.to_owned(), PathBuf::from);
            return Self::ours(&castmq);
        };
        let config = match env::var_os("CRASH_CONFIG").map(PathBuf::from) {
            Some(file) => fs::read_to_string(&file).with_context(|| file.display().to_string())?,
            None => String::new(),
        };
        Ok(Self {
            words: words.split_whitespace().map(str::to_owned).collect(),
            config,
            make: Make::Given,
        })
    }

    fn ours(castmq: &Path) -> anyhow::Result<Self> {
        let program = castmq.to_str().context("a path that is no text")?;
        let words = [
            program,
            "start",
            "--listen",
            "127.0.0.1:0",
            "--data-dir",
            DIRECTORY,
            "--arbiters",
            "2",
            "--set",
            "admin.address=127.0.0.1:0",
        ];
        Ok(Self {
            words: words.map(str::to_owned).to_vec(),
            config: String::new(),
            make: Make::Ours,
        })
    }

    /// What it does when several subscriptions of a session match.
    #[must_use]
    pub fn overlap(&self) -> Overlap {
        match self.make {
            Make::Ours => Overlap::Merged,
            Make::Given => Overlap::Each,
        }
    }

    /// The command that starts it, and the port when it was given one.
    pub(crate) fn command(&self, folder: &Path) -> anyhow::Result<(Command, Option<u16>)> {
        let port = match self.make {
            Make::Ours => None,
            Make::Given => Some(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port()),
        };
        let config = folder.join("config");
        let fill = |text: &str| {
            text.replace(DIRECTORY, &folder.join("data").display().to_string())
                .replace(CONFIG, &config.display().to_string())
                .replace(PORT, &port.unwrap_or_default().to_string())
        };
        if !self.config.is_empty() {
            fs::write(&config, fill(&self.config))?;
        }
        let mut words = self.words.iter().map(|word| fill(word));
        let Some(program) = words.next() else {
            bail!("a broker without a command line");
        };
        let mut command = Command::new(program);
        command.args(words);
        Ok((command, port))
    }

    /// The command that checks its data once it has stopped; `None` when there is none.
    pub(crate) fn check(&self, folder: &Path) -> Option<Command> {
        let program = self.words.first().filter(|_| self.make == Make::Ours)?;
        let mut command = Command::new(program);
        command.args(["store", "check"]).arg(folder.join("data"));
        Some(command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(command: &Command) -> Vec<&str> {
        command
            .get_args()
            .map(|word| word.to_str().unwrap())
            .collect()
    }

    #[test]
    fn castmq_is_told_where_its_data_are_and_chooses_the_port() {
        let launch = Launch::ours(Path::new("castmq")).unwrap();
        let (command, port) = launch.command(Path::new("f")).unwrap();
        assert_eq!(port, None);
        assert_eq!(
            words(&command).join(" "),
            "start --listen 127.0.0.1:0 --data-dir f/data --arbiters 2 --set admin.address=127.0.0.1:0"
        );
    }

    #[test]
    fn another_broker_is_told_its_port() {
        let launch = Launch {
            words: vec!["b".to_owned(), "-p".to_owned(), PORT.to_owned()],
            config: String::new(),
            make: Make::Given,
        };
        let (command, port) = launch.command(Path::new("f")).unwrap();
        assert_eq!(words(&command), ["-p", &port.unwrap().to_string()]);
    }
}
