//! `castmq store`: looks into a data directory that no broker works on, writes it out, reads it in.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use castmq_store::{Engine, tools};
use clap::Subcommand;

use crate::say;

/// Something is wrong with the data, or could not be done.
const NOT_OK: u8 = 1;

#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Read every row: checksums, fields, references; exit code 1 when acknowledged data is missing or damaged
    Check {
        /// The data directory of a broker that does not run
        #[arg(value_name = "DIR")]
        directory: PathBuf,
    },
    /// Count rows and bytes of each kind
    Stats {
        /// The data directory of a broker that does not run
        #[arg(value_name = "DIR")]
        directory: PathBuf,
    },
    /// Write everything out as lines of JSON
    Export {
        /// The data directory of a broker that does not run
        #[arg(value_name = "DIR")]
        directory: PathBuf,
        /// Where to; without it standard output
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Read what was written out into an empty directory
    Import {
        /// The new data directory
        #[arg(value_name = "DIR")]
        directory: PathBuf,
        /// Where from; without it standard input
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
}

/// Does it; the exit code says whether all was well.
pub(crate) fn run(action: &Action) -> ExitCode {
    match perform(action) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(NOT_OK),
        Err(error) => {
            say(&format!("castmq store: {error:#}"));
            ExitCode::from(NOT_OK)
        }
    }
}

fn perform(action: &Action) -> anyhow::Result<bool> {
    match action {
        Action::Check { directory } => {
            let report = tools::check(directory)?;
            tell(&report)?;
            let is_sound = report.is_sound();
            let verdict = if is_sound { "sound" } else { "not sound" };
            writeln!(io::stdout(), "{}: {verdict}", directory.display())?;
            Ok(is_sound)
        }
        Action::Stats { directory } => {
            tell(&tools::stats(directory)?)?;
            Ok(true)
        }
        Action::Export { directory, file } => {
            export(directory, file.as_deref())?;
            Ok(true)
        }
        Action::Import { directory, file } => {
            import(directory, file.as_deref())?;
            Ok(true)
        }
    }
}

fn tell(report: &tools::Report) -> io::Result<()> {
    writeln!(io::stdout(), "{report}")
}

fn export(directory: &Path, file: Option<&Path>) -> anyhow::Result<()> {
    let Some(path) = file else {
        let mut to = BufWriter::new(io::stdout().lock());
        tools::export(directory, &mut to)?;
        return to.flush().context("writing to stdout");
    };
    let to = File::create_new(path).with_context(|| path.display().to_string())?;
    let mut to = BufWriter::new(to);
    tools::export(directory, &mut to)?;
    let to = to.into_inner().map_err(io::IntoInnerError::into_error);
    let synced = to.and_then(|file| file.sync_all());
    synced.with_context(|| path.display().to_string())
}

fn import(directory: &Path, file: Option<&Path>) -> anyhow::Result<()> {
    let mut from: Box<dyn BufRead> = match file {
        Some(path) => {
            let file = File::open(path).with_context(|| path.display().to_string())?;
            Box::new(BufReader::new(file))
        }
        None => Box::new(io::stdin().lock()),
    };
    tools::import(directory, Engine::default(), &mut from)?;
    Ok(())
}
