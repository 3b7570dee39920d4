//! The `castmq` program: reads settings, starts the broker in the foreground, stops it on a signal;
//! or measures a broker, or looks into one that runs, or into what one has kept.
//!
//! Exit codes: 0 stopped as asked, or measured and found in order; 1 the broker could not start, or
//! broke a promise; 2 something is wrong with the command line or the configuration. `castmq ctl` has two more,
//! which its help lists.

mod acl;
mod arguments;
mod bench;
mod cert;
mod completion;
mod ctl;
mod descriptors;
mod import;
mod logging;
mod passwd;
mod replay;
mod signals;
mod start;
mod store;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use arguments::{Arguments, Command};
use castmq_settings::{Loaded, Problems, Settings, Sources};
use clap::Parser;

/// Half the cost of the system's for the two allocations that a message needs.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The broker could not start.
const NOT_STARTED: u8 = 1;
/// The command line or the configuration is wrong.
const WRONG_SETTINGS: u8 = 2;

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Start(arguments) => {
            let accept_data_loss = arguments.accept_data_loss;
            match Loaded::load(arguments.sources()) {
                Ok(loaded) => start(loaded, accept_data_loss),
                Err(problems) => refuse(&problems),
            }
        }
        Command::CheckConfig { file } => check(&file),
        Command::Store { action } => store::run(&action),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Cert { action } => cert::run(&action),
        Command::Import(arguments) => import::run(&arguments),
        Command::Passwd { action } => passwd::run(&action),
        Command::Acl { action } => acl::run(&action),
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Ctl(ctl) => ctl::run(&ctl),
        Command::Completion { shell } => completion::run(shell),
    }
}

fn start(loaded: Loaded, accept_data_loss: bool) -> ExitCode {
    match start::run(loaded, accept_data_loss) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("castmq: {error:#}"));
            ExitCode::from(NOT_STARTED)
        }
    }
}

fn check(file: &Path) -> ExitCode {
    let sources = Sources {
        file: Some(file.to_owned()),
        ..Sources::default()
    };
    match Settings::load(sources) {
        Ok(_) => {
            say(&format!("{}: no problems", file.display()));
            ExitCode::SUCCESS
        }
        Err(problems) => refuse(&problems),
    }
}

fn refuse(problems: &Problems) -> ExitCode {
    say(&problems.to_string());
    ExitCode::from(WRONG_SETTINGS)
}

/// Writes to stderr; where nobody listens there is nothing to be done about it.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
