//! Chores that are rules: what the project demands of itself, checked over its sources.
//!
//! `edges` compares the crates' dependencies with the allowed ones; `tidy` holds the rules of
//! style that a program can judge; `differences` collects what differs from emqttd; `spec` matches
//! the normative statements of MQTT with the tests that show them.

mod differences;
mod edges;
mod spec;
mod tidy;
mod tree;

use std::io::Write;
use std::process::ExitCode;

use anyhow::bail;
use tree::Tree;

const USAGE: &str = "usage: cargo run -p castmq-xtask -- \
                     edges | tidy | differences [--check] | spec [--check]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(
                std::io::stderr(),
                "xtask {}: {error:#}",
                arguments.join(" ")
            );
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[&str]) -> anyhow::Result<()> {
    let findings = match arguments {
        ["edges"] => edges::check()?,
        ["tidy"] => tidy::check(&Tree::load()?)?,
        ["differences"] => differences::write(&Tree::load()?).map(|()| Vec::new())?,
        ["differences", "--check"] => differences::check(&Tree::load()?),
        ["spec"] => print(&spec::report(&Tree::load()?)?).map(|()| Vec::new())?,
        ["spec", "--check"] => spec::check(&Tree::load()?)?,
        _ => bail!(USAGE),
    };
    for finding in &findings {
        print(&format!("{finding}\n"))?;
    }
    if findings.is_empty() {
        Ok(())
    } else {
        bail!("{} findings", findings.len())
    }
}

fn print(text: &str) -> anyhow::Result<()> {
    Ok(std::io::stdout().lock().write_all(text.as_bytes())?)
}
