//! Traces that are kept in files: `trace`.

// differs: emqttd's `trace client X FILE` returns at once, and the broker writes the file until `trace client X off`;
// here this program writes it and stays, so that no broker can be made to write where it should not.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::Value;

use super::api::{Method, part};
use super::desk::{Desk, items, word};
use super::failure::Failure;
use super::follow::{Budget, Show, Wants, run};
use super::paper::Paper;
use super::table::Column;
use super::table::Form::{Count, Seconds, Share, Text, Word};
use super::text;

#[derive(Debug, Subcommand)]
pub(super) enum Trace {
    /// List those that run, and those that have ended
    List,
    /// Write all that a client causes to a file, until the budget is spent or Ctrl-C
    Client {
        /// Its client identifier
        #[arg(value_name = "CLIENT")]
        client: String,
        /// Where to; `off` stops the traces of this client
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        budget: Budget,
    },
    /// Write all that messages of a topic cause to a file, until the budget is spent or Ctrl-C
    Topic {
        /// The topic, or a filter
        #[arg(value_name = "FILTER")]
        topic: String,
        /// Where to; `off` stops the traces of this filter
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        budget: Budget,
    },
    /// Stop one
    Stop {
        /// Its number
        #[arg(value_name = "TRACE")]
        trace: String,
    },
}

const TRACES: [Column; 11] = [
    Column("TRACE", "id", Count),
    Column("STATE", "state", Word),
    Column("ENDED BY", "ended_because", Word),
    Column("CLIENT", "wants.client", Text),
    Column("TOPIC", "wants.topic", Text),
    Column("ADDRESS", "wants.address", Text),
    Column("1 IN", "wants.one_in", Count),
    Column("FLOWS", "spent.flows", Count),
    Column("EVENTS", "spent.events", Count),
    Column("TIME", "spent.seconds", Seconds),
    Column("COST", "cost.share", Share),
];

/// `trace …`
pub(super) fn trace(action: &Trace, desk: &Desk) -> Result<(), Failure> {
    match action {
        Trace::List => desk.whole("/traces", &TRACES),
        Trace::Client {
            client,
            file,
            budget,
        } => {
            if file.as_os_str() == "off" {
                return off("client", client, desk);
            }
            to_file(&Wants::client(client), budget, file, desk)
        }
        Trace::Topic {
            topic,
            file,
            budget,
        } => {
            if file.as_os_str() == "off" {
                return off("topic", topic, desk);
            }
            to_file(&Wants::topic(topic), budget, file, desk)
        }
        Trace::Stop { trace } => stop(trace, desk),
    }
}

fn stop(trace: &str, desk: &Desk) -> Result<(), Failure> {
    let done = format!("trace {} is stopped", text::plain(trace));
    let path = format!("/traces/{}", part(trace));
    desk.change(Method::Delete, &path, None, &done)
}

fn to_file(
    wants: &Wants,
    budget: &Budget,
    file: &std::path::Path,
    desk: &Desk,
) -> Result<(), Failure> {
    let paper = Paper::file(file, desk.paper.is_json)?;
    desk.paper.note(&format!("trace -> {}", file.display()));
    run(&desk.api, wants, budget, &paper, Show::both())
}

/// Stops the running traces of a client or a topic.
fn off(of: &str, value: &str, desk: &Desk) -> Result<(), Failure> {
    let answer = desk.api.get("/traces")?;
    let mut traces = items(&answer.value).to_vec();
    traces.retain(|trace| {
        let wants = trace.get("wants").unwrap_or(&Value::Null);
        word(trace, "state") == "running" && word(wants, of) == value
    });
    if traces.is_empty() {
        let value = text::plain(value);
        return Err(Failure::Refused(format!("no trace of {of} {value} runs")));
    }
    traces.iter().try_for_each(|trace| stop(&id(trace), desk))
}

/// The number of a trace, which some would write as text.
pub(super) fn id(value: &Value) -> String {
    match value.get("id") {
        Some(Value::String(id)) => id.clone(),
        Some(id) => id.to_string(),
        None => String::new(),
    }
}
