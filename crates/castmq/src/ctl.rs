//! `castmq ctl`: looks into a broker that runs and changes it, over its admin API.
//!
//! emqttd's counterpart is `bin/emqttd_ctl`: a script that has the node run `emqttd_ctl:run/1`, where
//! `emqttd_cli` has a function for each command. Commands and their words are emqttd's where it has them; `cluster`,
//! `plugins`, `bridges` and `mnesia` have no counterpart.
//!
//! Each group of commands is a file; [`draw`] has what makes pictures of data and does nothing else.

// differs: emqttd_ctl is a node of Erlang's distribution, with the node's cookie and all its rights; this is a client
// of an HTTP API with roles, so that it works from elsewhere and each change is in the audit log.

// differs: emqttd's lists refuse more than 10 000 rows; these are paged, and no arbiter works on more than 256
// rows at once.

// differs: emqttd's `users add NAME PASSWORD` shows the password to everybody on the machine; here it is asked for.

mod api;
mod arguments;
mod clients;
mod connection;
mod desk;
mod draw;
mod failure;
mod faults;
mod follow;
mod happened;
mod interrupt;
mod node;
mod paper;
mod processes;
mod record;
mod rights;
mod routing;
mod sse;
mod table;
mod text;
mod top;
mod trace;

use std::process::ExitCode;

use api::Path;
use arguments::Command;
use connection::Connection;
use desk::Desk;
use failure::Failure;
use paper::Paper;

use crate::say;

/// The command line of `castmq ctl`.
#[derive(Debug, clap::Args)]
#[command(after_help = failure::EXIT_CODES)]
pub(crate) struct Ctl {
    #[command(flatten)]
    connection: Connection,
    /// Write the broker's JSON as it is: one object, or one for each page or flow, each on a line
    #[arg(long, global = true, help_heading = connection::BROKER)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

/// Does it; the exit code says how it went.
pub(crate) fn run(ctl: &Ctl) -> ExitCode {
    if let Command::Completion { shell } = &ctl.command {
        return crate::completion::run(*shell);
    }
    match perform(ctl) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !matches!(failure, Failure::Closed | Failure::No) {
                say(&format!("castmq ctl: {failure}"));
            }
            ExitCode::from(failure.exit_code())
        }
    }
}

fn perform(ctl: &Ctl) -> Result<(), Failure> {
    let desk = Desk {
        api: ctl.connection.api()?,
        paper: Paper::stdout(ctl.json),
    };
    let desk = &desk;
    match &ctl.command {
        Command::Status => node::status(desk),
        Command::Broker { part } => node::broker(part.as_ref(), desk),
        Command::Vm { part } => node::vm(*part, desk),
        Command::Listeners => node::listeners(desk),
        Command::Modules { action } => node::modules(action, desk),
        Command::Settings { key } => node::settings(key.as_deref(), desk),
        Command::Metrics => node::metrics(desk),
        Command::Log { action } => node::log(action.as_ref(), desk),
        Command::Audit(paging) => node::audit(paging, desk),
        Command::Drain { undo } => node::drain(*undo, desk),
        Command::Clients { action } => clients::clients(action, desk),
        Command::Sessions { action } => clients::sessions(action, desk),
        Command::Timeline { client, paging } => clients::timeline(client, paging, desk),
        Command::Routes { action } => routing::routes(action, desk),
        Command::Topics { action } => routing::topics(action, desk),
        Command::Subscriptions { action } => routing::subscriptions(action, desk),
        Command::Retained { action } => routing::retained(action, desk),
        Command::Publish(publish) => routing::publish(publish, desk),
        Command::Users { action } => rights::users(action, desk),
        Command::Acl { action } => rights::acl(action, desk),
        Command::Alarms { action } => happened::alarms(action.as_ref(), desk),
        Command::Events(events) => happened::events(events, desk),
        Command::Drops(drops) => happened::drops(drops, desk),
        Command::Invariants => happened::invariants(desk),
        Command::Recorder { action, arbiter } => {
            happened::recorder(action.as_ref(), *arbiter, desk)
        }
        Command::Ps(ps) => processes::ps(ps, desk),
        Command::Tree(tree) => processes::tree(tree, desk),
        Command::State { process } => processes::state(process, desk),
        Command::Tables(tables) => processes::tables(tables, desk),
        Command::Trace { action } => trace::trace(action, desk),
        Command::Follow(follow) => follow::follow(follow, desk),
        Command::Explain(question) => explain(question, desk),
        Command::Record(record) => record::record(record, desk),
        Command::Fault { action } => faults::fault(action, desk),
        Command::Top(top) => top::top(top, desk),
        // It was done before a broker was looked for.
        Command::Completion { .. } => Ok(()),
    }
}

/// `explain`: why a client did, or did not, get a message.
fn explain(question: &arguments::Explain, desk: &Desk) -> Result<(), Failure> {
    let path = Path::new("/explain")
        .with("client", Some(&question.client))
        .with("topic", Some(&question.topic))
        .with("message", question.message);
    let answer = desk.api.get(path.as_str())?;
    if desk.paper.is_json {
        return desk.paper.json(&answer.text);
    }
    let explained = serde_json::from_value(answer.value);
    let explained = explained.map_err(|error| {
        Failure::Unreachable(format!("the broker's answer explains nothing: {error}"))
    })?;
    desk.paper.write(&draw::explain::draw(&explained))
}
