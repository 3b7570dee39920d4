//! The load generator as a whole: against the broker, which does all right, and against one that
//! does one thing wrong.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what fails is a failed test"
)]

mod arguments;
mod faults;
mod mischief;
mod scenarios;

use std::fmt::Display;

use castmq_bench::{Arguments, Failure, Report, measure};
use clap::Parser;

/// The command line of the generator alone.
#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    arguments: Arguments,
}

/// Runs the generator with a command line, words apart by spaces.
fn bench(target: impl Display, line: &str) -> Result<Report, Failure> {
    let target = format!("--target={target}");
    let words = ["bench", &target].into_iter().chain(line.split(' '));
    measure(&Line::try_parse_from(words).unwrap().arguments)
}
