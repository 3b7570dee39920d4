//! `castmq bench`: runs the load generator and says what it found.

use std::io::Write;
use std::process::ExitCode;

use castmq_bench::{Arguments, Failure, Report};

use crate::{WRONG_SETTINGS, say};

/// The broker broke a promise, or could not be measured.
const NOT_OK: u8 = 1;

/// Measures, and writes the report to stdout; the exit code says whether all was well.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    match castmq_bench::measure(arguments) {
        Ok(report) => tell(&report, arguments),
        Err(failure) => {
            say(&format!("castmq bench: {failure}"));
            ExitCode::from(match failure {
                Failure::Arguments(_) => WRONG_SETTINGS,
                Failure::Target { .. } | Failure::System(_) => NOT_OK,
            })
        }
    }
}

fn tell(report: &Report, arguments: &Arguments) -> ExitCode {
    if let Some(note) = &report.note {
        say(&format!("castmq bench: {note}"));
    }
    let text = if arguments.wants_json() {
        report.json()
    } else {
        report.to_string()
    };
    let is_told = writeln!(std::io::stdout(), "{text}").is_ok();
    if report.ok && is_told {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(NOT_OK)
    }
}
