//! The command line.

use std::path::PathBuf;

use castmq_settings::{ENVIRONMENT_PREFIX, Sources};
use clap::{Args, Parser, Subcommand};

/// An MQTT broker in which every client and every session is an actor.
#[derive(Debug, Parser)]
#[command(name = "castmq", version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start the broker; it stays in the foreground
    Start(Start),
    /// Say all that is wrong with a configuration file
    CheckConfig {
        /// The file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Look into the data of a broker that does not run, write them out, read them in
    Store {
        #[command(subcommand)]
        action: crate::store::Action,
    },
    /// Users and their passwords, in a file
    Passwd {
        #[command(subcommand)]
        action: crate::passwd::Action,
    },
    /// Which rule decides about a client
    Acl {
        #[command(subcommand)]
        action: crate::acl::Action,
    },
    /// Look into a broker that runs, and change it
    #[command(arg_required_else_help = true)]
    Ctl(crate::ctl::Ctl),
    /// Measure a broker from outside: throughput, latency, cost of processor time and memory
    Bench(castmq_bench::Arguments),
    /// Play what was recorded of a client, step by step, or write a test of it; needs no broker
    Replay(crate::replay::Arguments),
    /// Make certificates to try TLS with
    Cert {
        #[command(subcommand)]
        action: crate::cert::Action,
    },
    /// Write a configuration of mosquitto as one of this broker, and say what differs
    Import(crate::import::Import),
    /// Write what a shell needs to complete the command line
    Completion {
        /// The shell
        #[arg(value_name = "SHELL")]
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Start {
    /// Settings; without a file the built-in defaults
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address of the first listener; port 0 lets the system choose
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
    /// Threads that run connections and sessions; 0 is one per core
    #[arg(long, value_name = "N")]
    arbiters: Option<String>,
    /// Where sessions, their messages and retained messages are kept; made if there is none
    #[arg(long, value_name = "DIR")]
    data_dir: Option<String>,
    /// Start although the data directory has lost what was acknowledged, and say what is lost
    #[arg(long)]
    pub(crate) accept_data_loss: bool,
    /// Set one setting, such as session.max_inflight=50; may be given again
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_and_value)]
    overrides: Vec<(String, String)>,
}

impl Start {
    /// Where the settings come from: the environment is read here, once.
    pub(crate) fn sources(self) -> Sources {
        let mut overrides = self.overrides;
        let short = [
            ("listener.0.address", self.listen),
            ("node.arbiters", self.arbiters),
            ("store.data_dir", self.data_dir),
        ];
        for (key, value) in short {
            overrides.extend(value.map(|value| (key.to_owned(), value)));
        }
        let ours = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .filter(|(name, _)| name.starts_with(ENVIRONMENT_PREFIX))
            .map(|(name, value)| (name, value.to_string_lossy().into_owned()));
        Sources {
            file: self.config,
            environment: ours.collect(),
            overrides,
        }
    }
}

fn key_and_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text
        .split_once('=')
        .ok_or("there is no = between key and value")?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}
