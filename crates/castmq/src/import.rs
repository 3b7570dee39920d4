//! `castmq import`: writes a configuration of mosquitto as one of this broker, and says what differs.

mod absent;
mod access;
mod general;
mod line;
mod listener;
mod reader;
mod security;
mod writer;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use crate::say;
use line::Note;
use reader::Reader;

/// The file cannot be read, or mosquitto itself would not take it.
const NOT_OK: u8 = 1;

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// A configuration of mosquitto 2.0 or 2.1
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Where to; without it standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// What became of a configuration.
#[derive(Debug)]
struct Imported {
    toml: String,
    /// What has no equivalent, or differs, in the order of the lines.
    notes: Vec<Note>,
}

/// Does it; the exit code says whether there is a result, be it with notes or without.
pub(crate) fn run(arguments: &Import) -> ExitCode {
    match perform(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("castmq import: {error:#}"));
            ExitCode::from(NOT_OK)
        }
    }
}

fn perform(arguments: &Import) -> anyhow::Result<()> {
    let name = arguments.file.display();
    let text = fs::read_to_string(&arguments.file).with_context(|| name.to_string())?;
    match convert(&text) {
        Ok(Imported { toml, notes }) => {
            write(&toml, arguments.output.as_deref())?;
            tell(&arguments.file, &notes);
            Ok(())
        }
        Err(wrong) => {
            tell(&arguments.file, &wrong);
            anyhow::bail!("{name}: mosquitto does not take this file");
        }
    }
}

/// Takes a configuration of mosquitto and gives one of this broker.
///
/// # Errors
///
/// What mosquitto would not take either, all of it.
fn convert(text: &str) -> Result<Imported, Vec<Note>> {
    let mut reader = Reader::new(text);
    for line in line::lines(text) {
        reader.take(&line);
    }
    let mosquitto = reader.finish()?;
    let mut notes = mosquitto.notes;
    let toml = writer::write(&mosquitto.general, &mosquitto.listeners, &mut notes);
    notes.sort_by_key(|note| note.line);
    Ok(Imported { toml, notes })
}

fn write(toml: &str, file: Option<&Path>) -> anyhow::Result<()> {
    let Some(path) = file else {
        return io::stdout().write_all(toml.as_bytes()).context("stdout");
    };
    let written = File::create_new(path).and_then(|mut file| file.write_all(toml.as_bytes()));
    written.with_context(|| path.display().to_string())
}

fn tell(file: &Path, notes: &[Note]) {
    for note in notes {
        say(&format!("{}:{note}", file.display()));
    }
}

#[cfg(test)]
mod tests;
