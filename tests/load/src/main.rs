//! `castmq-load mixed --secs 600 --seed 1`, `castmq-load slow --secs 60`; `--help` says the rest.

mod serve;

use std::env;
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use castmq_load::subject::Subject;
use castmq_load::{mixed, slow};
use clap::{Parser, Subcommand};

/// Puts the broker under load and checks what it promises.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Random disconnects, takeovers and malformed packets beside flows followed message by message.
    Mixed {
        /// How long.
        #[arg(long, default_value_t = 600)]
        secs: u64,
        /// Where chance begins.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// A broker that runs already, instead of the embedded one; only the wire is checked then.
        #[arg(long)]
        target: Option<SocketAddr>,
    },
    /// Other clients' latency beside a subscriber that never reads and a publisher that floods.
    Slow {
        /// How long.
        #[arg(long, default_value_t = 60)]
        secs: u64,
        /// A broker that runs already, instead of the embedded one.
        #[arg(long)]
        target: Option<SocketAddr>,
    },
    /// The embedded broker; the other commands start it.
    #[command(hide = true)]
    Serve {
        /// Threads that run connections and sessions; 0 is one per core.
        #[arg(long, default_value_t = 0)]
        arbiters: u16,
    },
}

fn main() -> anyhow::Result<ExitCode> {
    let outcome = match Arguments::parse().command {
        Command::Mixed { secs, seed, target } => {
            mixed::run(&mut subject(target, 0)?, Duration::from_secs(secs), seed)?
        }
        Command::Slow { secs, target } => slow::run(
            &subject(target, slow::arbiters())?,
            Duration::from_secs(secs),
        )?,
        Command::Serve { arbiters } => return serve::run(arbiters).map(|()| ExitCode::SUCCESS),
    };
    let mut output = std::io::stdout().lock();
    writeln!(output, "{}", outcome.summary)?;
    for breach in &outcome.breaches {
        writeln!(output, "breach: {breach}")?;
    }
    Ok(if outcome.breaches.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn subject(target: Option<SocketAddr>, arbiters: u16) -> anyhow::Result<Subject> {
    match target {
        Some(address) => Ok(Subject::running(address)),
        None => Subject::start(&env::current_exe()?, arbiters),
    }
}
