//! Faults on purpose, where the broker allows them: `fault`.

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::api::{Method, part};
use super::desk::{Desk, items};
use super::failure::Failure;
use super::table::Column;
use super::table::Form::{Count, Seconds, Text};
use super::text::plain;
use super::trace::id;

#[derive(Debug, Subcommand)]
pub(super) enum Fault {
    /// Let what comes wait in the mailbox
    Pause(Target),
    /// Let each turn wait a little
    Slow(Target),
    /// Lose entries
    Drop(Target),
    /// Handle entries twice
    Duplicate(Target),
    /// Panic at the next entry
    Panic(Target),
    /// List those that are on
    List,
    /// End one, or all
    Clear {
        /// Its number
        #[arg(value_name = "FAULT", required_unless_present = "all")]
        fault: Option<String>,
        /// End all
        #[arg(long, conflicts_with = "fault")]
        all: bool,
    },
}

#[derive(Debug, Args)]
pub(super) struct Target {
    /// The process, as in 0.session.3.1 or by its name
    #[arg(
        value_name = "PROCESS",
        required_unless_present = "client",
        conflicts_with = "client"
    )]
    process: Option<String>,
    /// The actor of this client
    #[arg(long, value_name = "CLIENT", requires = "actor")]
    client: Option<String>,
    /// Which of the client's: client or session
    #[arg(long, value_name = "KIND", requires = "client")]
    actor: Option<String>,
    /// End after so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    seconds: u64,
    /// One entry in so many
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    one_in: Option<u32>,
}

impl Target {
    fn body(&self, kind: &str) -> Value {
        let all = [
            ("kind", json!(kind)),
            ("process", json!(self.process)),
            ("client", json!(self.client)),
            ("actor", json!(self.actor)),
            ("seconds", json!(self.seconds)),
            ("one_in", json!(self.one_in)),
        ];
        let given = all.into_iter().filter(|(_, value)| !value.is_null());
        let given: Map<String, Value> = given
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        Value::Object(given)
    }
}

const FAULTS: [Column; 7] = [
    Column("FAULT", "id", Count),
    Column("KIND", "kind", Text),
    Column("PROCESS", "process", Text),
    Column("CLIENT", "client", Text),
    Column("ACTOR", "actor", Text),
    Column("FOR", "seconds", Seconds),
    Column("1 IN", "one_in", Count),
];

/// `fault …`
pub(super) fn fault(action: &Fault, desk: &Desk) -> Result<(), Failure> {
    let (kind, target) = match action {
        Fault::Pause(target) => ("pause", target),
        Fault::Slow(target) => ("slow", target),
        Fault::Drop(target) => ("drop", target),
        Fault::Duplicate(target) => ("duplicate", target),
        Fault::Panic(target) => ("panic", target),
        Fault::List => return desk.whole("/faults", &FAULTS),
        Fault::Clear { fault, .. } => return clear(fault.as_deref(), desk),
    };
    let answer = desk
        .api
        .ask(Method::Post, "/faults", Some(&target.body(kind)))?;
    desk.answer(&answer)
}

fn clear(fault: Option<&str>, desk: &Desk) -> Result<(), Failure> {
    let ids: Vec<String> = match fault {
        Some(fault) => vec![fault.to_owned()],
        None => items(&desk.api.get("/faults")?.value)
            .iter()
            .map(id)
            .collect(),
    };
    for id in &ids {
        let done = format!("fault {} is ended", plain(id));
        let path = format!("/faults/{}", part(id));
        desk.change(Method::Delete, &path, None, &done)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_broker_is_told_which_actor_how_and_for_how_long() {
        let target = Target {
            process: None,
            client: Some("c1".to_owned()),
            actor: Some("session".to_owned()),
            seconds: 5,
            one_in: None,
        };
        let expected = json!({"kind": "pause", "client": "c1", "actor": "session", "seconds": 5});
        assert_eq!(target.body("pause"), expected);
    }
}
