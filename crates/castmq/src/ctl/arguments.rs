//! The commands of `castmq ctl`.

use clap::{Args, Subcommand};
use clap_complete::Shell;

use super::clients::{Clients, Sessions};
use super::desk::Paging;
use super::faults::Fault;
use super::follow::Follow;
use super::happened::{Alarms, Drops, Events, Recorder};
use super::node::{Broker, Log, Modules, Vm};
use super::processes::{Ps, Tables, Tree};
use super::record::Record;
use super::rights::{Acl, Users};
use super::routing::{Publish, Retained, Routes, Subscriptions, Topics};
use super::top::Top;
use super::trace::Trace;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Say whether the node runs as it should; exit code 1 when it does not
    Status,
    /// The node: version, uptime, store; or its gauges and counters
    Broker {
        #[command(subcommand)]
        part: Option<Broker>,
    },
    /// Who is connected
    Clients {
        #[command(subcommand)]
        action: Clients,
    },
    /// What is kept for each client
    Sessions {
        #[command(subcommand)]
        action: Sessions,
    },
    /// Which arbiters get what matches a filter
    Routes {
        #[command(subcommand)]
        action: Routes,
    },
    /// The tree of topics
    Topics {
        #[command(subcommand)]
        action: Topics,
    },
    /// Who wants what
    Subscriptions {
        #[command(subcommand)]
        action: Subscriptions,
    },
    /// Retained messages
    Retained {
        #[command(subcommand)]
        action: Retained,
    },
    /// Where clients come in, and why their connections ended
    Listeners,
    /// The machine: load, memory, processes, open files
    Vm {
        /// Which part
        #[arg(value_name = "PART", default_value = "all")]
        part: Vm,
    },
    /// What takes part in decisions
    Modules {
        #[command(subcommand)]
        action: Modules,
    },
    /// Traces, and traces to files
    Trace {
        #[command(subcommand)]
        action: Trace,
    },
    /// Users who were added while the broker ran
    Users {
        #[command(subcommand)]
        action: Users,
    },
    /// Rules that were set while the broker ran, and which one decides
    Acl {
        #[command(subcommand)]
        action: Acl,
    },
    /// What an operator should look at
    Alarms {
        #[command(subcommand)]
        action: Option<Alarms>,
    },
    /// How much is logged
    Log {
        #[command(subcommand)]
        action: Option<Log>,
    },
    /// The actors, with their mailboxes and their work
    Ps(Ps),
    /// The actors, refreshing, in the manner of htop
    Top(Top),
    /// Who supervises whom
    Tree(Tree),
    /// One actor in full, with its state
    State {
        /// As in 0.session.3.1, or by its name as in session:c1
        #[arg(value_name = "PROCESS")]
        process: String,
    },
    /// The tables under emqttd's names, or the rows of one
    Tables(Tables),
    /// Follow messages through all actors, while they go
    Follow(Follow),
    /// Why a client did, or did not, get a message
    Explain(Explain),
    /// The life of a client, newest first, over all its connections
    Timeline {
        /// Its client identifier
        #[arg(value_name = "CLIENT")]
        client: String,
        #[command(flatten)]
        paging: Paging,
    },
    /// Record a client's connection and session, to be replayed
    Record(Record),
    /// What arbiters did last, and what was written down when something went wrong
    Recorder {
        #[command(subcommand)]
        action: Option<Recorder>,
        /// Only what this arbiter did
        #[arg(long, value_name = "N")]
        arbiter: Option<u16>,
    },
    /// Messages that were not delivered, and why
    Drops(Drops),
    /// What the node told of itself
    Events(Events),
    /// What is checked while the broker runs
    Invariants,
    /// Faults on purpose, where debug.fault_injection allows them
    Fault {
        #[command(subcommand)]
        action: Fault,
    },
    /// Publish a message
    Publish(Publish),
    /// Let no more clients in, and have those that are there go; the node runs on
    Drain {
        /// Let clients in again
        #[arg(long)]
        undo: bool,
    },
    /// The settings, with where each value comes from
    Settings {
        /// A key, or the beginning of several, such as session
        #[arg(value_name = "KEY")]
        key: Option<String>,
    },
    /// Counters since the start
    Metrics,
    /// Who changed what
    Audit(Paging),
    /// Write what a shell needs to complete the command line
    Completion {
        /// The shell
        #[arg(value_name = "SHELL")]
        shell: Shell,
    },
}

#[derive(Debug, Args)]
pub(super) struct Explain {
    /// The client that should have got it
    #[arg(long, value_name = "CLIENT")]
    pub(super) client: String,
    /// The topic of the message
    #[arg(long, value_name = "TOPIC")]
    pub(super) topic: String,
    /// The number of the message, as `follow` and `drops` show it
    #[arg(long, value_name = "ID")]
    pub(super) message: Option<u64>,
}
