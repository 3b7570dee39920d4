//! `castmq replay`: plays what was recorded of a client with this build, forward and back, and writes a
//! test of it. Needs no broker.
//!
//! Exit codes: 0 this build does what the broker did, and nobody broke a rule; 1 something was found; 2 the
//! file cannot be played.

mod export;
mod keys;
mod show;

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use castmq_broker::rules::recording::{Finding, Recording, Replay};
use clap::Args;

use crate::say;
use show::Player;

/// Something was found.
const FOUND: u8 = 1;
/// The file cannot be played.
const NOT_PLAYED: u8 = 2;

/// The largest file that is read, in bytes; a broker writes none that is half as large.
const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The recording, as `castmq ctl record` has written it
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Show one step: what happened, what changed by it, what was done about it
    #[arg(long, value_name = "N", conflicts_with_all = ["all", "as_test"])]
    step: Option<usize>,
    /// Show all steps
    #[arg(long, conflicts_with = "as_test")]
    all: bool,
    /// A line of JSON for each step
    #[arg(long, conflicts_with = "as_test")]
    json: bool,
    /// Write a Rust test that fails where the fault is and passes where it is not
    #[arg(long)]
    as_test: bool,
    /// Play no further than this step
    #[arg(long, value_name = "N")]
    until: Option<usize>,
    /// Leave all inputs in the test, also those that it does not need
    #[arg(long, requires = "as_test")]
    whole: bool,
    /// The name of the test; without it one is made up
    #[arg(long, value_name = "NAME", requires = "as_test")]
    name: Option<String>,
}

/// Does it; the exit code says whether anything was found.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    match perform(arguments) {
        Ok(code) => code,
        Err(error) => {
            // A reader that has gone away has seen enough.
            if let Some(error) = error.downcast_ref::<io::Error>()
                && error.kind() == io::ErrorKind::BrokenPipe
            {
                return ExitCode::SUCCESS;
            }
            say(&format!("castmq replay: {error:#}"));
            ExitCode::from(NOT_PLAYED)
        }
    }
}

fn perform(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let file = arguments.file.display();
    let recording = read(arguments).with_context(|| file.to_string())?;
    let steps = Replay::new(&recording).len();
    let until = arguments.until.unwrap_or(steps);
    if until == 0 || until > steps {
        anyhow::bail!("{file} has {steps} steps; --until takes one from 1 to {steps}");
    }
    // An assertion that fails is a finding, and told as one.
    std::panic::set_hook(Box::new(|_| {}));
    if arguments.as_test {
        return export::run(arguments, &recording, until);
    }
    let player = Player::new(&recording, until);
    let mut out = io::stdout().lock();
    if let Some(step) = arguments.step {
        if step == 0 || step > until {
            anyhow::bail!("{file} has {until} steps; --step takes one from 1 to {until}");
        }
        player.show(&mut out, step, arguments.json)?;
        return Ok(ExitCode::SUCCESS);
    }
    if !arguments.all && !arguments.json && io::stdin().is_terminal() && out.is_terminal() {
        drop(out);
        keys::run(&player)?;
    } else {
        for step in (1..=until).filter(|_| arguments.all || arguments.json) {
            player.show(&mut out, step, arguments.json)?;
        }
        if !arguments.json {
            player.verdict(&mut out)?;
        }
        out.flush()?;
    }
    Ok(if player.findings().is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FOUND)
    })
}

fn read(arguments: &Arguments) -> anyhow::Result<Recording> {
    let bytes = std::fs::metadata(&arguments.file)?.len();
    if bytes > FILE_BYTES_MAX {
        anyhow::bail!("{bytes} bytes are more than any recording has");
    }
    let bytes = std::fs::read(&arguments.file)?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let lines = error
            .as_bytes()
            .iter()
            .take(valid)
            .filter(|byte| **byte == b'\n');
        anyhow::anyhow!("line {}: this is no text in UTF-8", lines.count() + 1)
    })?;
    Ok(Recording::parse(&text)?)
}

/// What a finding says, and how bad it is.
fn tell_finding(finding: &Finding) -> String {
    match finding {
        Finding::Violates(violation) => format!("this build breaks {violation}"),
        Finding::Violated(violation) => format!("the recorded broker broke {violation}"),
        Finding::Differs(how) => format!("differs: {how}"),
        Finding::RoutedOtherwise(how) => format!("differs: {how}"),
        Finding::Panics(cause) => format!("this build fails: {}", cause.escape_debug()),
        Finding::Panicked => "the recorded broker failed here".to_owned(),
    }
}
