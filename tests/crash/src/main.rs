//! `castmq-crash --rounds 200`; `--help` says the rest.

use std::env;
use std::fs;
use std::hash::{BuildHasher as _, RandomState};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use castmq_crash::Harm;
use castmq_crash::launch::Launch;
use castmq_crash::round::{self, Outcome};
use castmq_crash::summary::Summary;
use clap::Parser;

/// Findings of each kind that are printed; all of them are in the evidence.
const PRINTED: usize = 5;

/// Kills the broker under load and checks that what it acknowledged is still there.
#[derive(Debug, Parser)]
#[command(name = "castmq-crash")]
struct Arguments {
    /// How many rounds
    #[arg(long, default_value_t = 200)]
    rounds: u64,
    /// The first round; together with the seed it repeats one that failed
    #[arg(long, default_value_t = 1)]
    first: u64,
    /// Where chance begins; without it SEED of the environment, or any
    #[arg(long)]
    seed: Option<u64>,
    /// Keep data and log of every round, not only of those that fail
    #[arg(long)]
    keep: bool,
    /// Go on after a round that failed, to learn how much is lost
    #[arg(long)]
    go_on: bool,
    /// Cut the connections instead of killing the broker: what is found then is not durability's fault
    #[arg(long)]
    cut: bool,
    /// Where the evidence goes: Cargo's target directory
    #[arg(long, value_name = "FOLDER")]
    target: Option<PathBuf>,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    // …/target/debug/castmq-crash
    let program = env::current_exe()?;
    let profile = program.parent().context("a program in a folder")?;
    let target = match &arguments.target {
        Some(target) => target.clone(),
        None => profile.parent().unwrap_or(profile).to_owned(),
    };
    let launch = Launch::from_environment(&profile.join("castmq"))?;
    let seed = arguments.seed.or(seed_of_environment()?);
    let seed = seed.unwrap_or_else(|| RandomState::new().hash_one(0) % 1_000_000);
    say(&format!("SEED={seed}"))?;
    let harm = if arguments.cut { Harm::Cut } else { Harm::Kill };
    let mut all = Summary::default();
    let mut failed = 0;
    for number in arguments.first..arguments.first + arguments.rounds {
        let folder = target.join("crash").join(format!("{seed}-{number}"));
        let outcome = round::run(&launch, harm, (seed, number), &folder)?;
        say(&format!("round {number}: {}", outcome.summary))?;
        all.add(&outcome.summary);
        if !outcome.findings.is_empty() {
            failed += 1;
            report(&outcome, seed, number, &folder)?;
            if !arguments.go_on {
                break;
            }
        } else if !arguments.keep {
            fs::remove_dir_all(&folder)?;
        }
    }
    say(&format!("{failed} rounds failed; in all: {all}"))?;
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn seed_of_environment() -> anyhow::Result<Option<u64>> {
    let seed = env::var("SEED").ok();
    seed.map(|seed| seed.parse().context("SEED is a number"))
        .transpose()
}

/// Prints what was found and adds it to the evidence.
fn report(outcome: &Outcome, seed: u64, number: u64, folder: &Path) -> anyhow::Result<()> {
    let lines: Vec<_> = outcome.findings.iter().map(ToString::to_string).collect();
    fs::write(folder.join("findings"), lines.join("\n") + "\n")?;
    for (kind, count) in &outcome.summary.findings {
        let findings = outcome.findings.iter();
        let same = findings.filter(|finding| finding.kind == *kind);
        for finding in same.take(PRINTED) {
            say(&format!("  {finding}"))?;
        }
        if *count > PRINTED {
            say(&format!("  {}: {} more", kind.name(), count - PRINTED))?;
        }
    }
    say(&format!(
        "  evidence in {}; again: SEED={seed}, --first {number} --rounds 1",
        folder.display()
    ))
}

fn say(line: &str) -> anyhow::Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{line}")?;
    Ok(output.flush()?)
}
