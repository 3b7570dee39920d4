//! Faults on purpose, where the broker allows them: `fault`.

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Map, Value, json};

use super::api::{Method, part};
use super::desk::{Desk, items};
use super::failure::Failure;
use super::table::Column;
use super::table::Form::{Count, Micros, Seconds, Text, Word};
use super::text::plain;
use super::trace::id;

#[derive(Debug, Subcommand)]
pub(super) enum Fault {
    /// Let what comes wait in the mailbox
    Pause(Target),
    /// Let each entry take its time
    Slow(Slow),
    /// Lose entries
    Drop(Share),
    /// Handle entries twice
    Duplicate(Share),
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
    /// The process, as in 0.session.3.1; or its kind where there is one of that kind, such as router
    #[arg(
        value_name = "PROCESS",
        required_unless_present = "client",
        conflicts_with = "client"
    )]
    process: Option<String>,
    /// The actor of this client
    #[arg(long, value_name = "CLIENT")]
    client: Option<String>,
    /// Which of the client's; without it its session
    #[arg(long, value_name = "ACTOR", requires = "client")]
    actor: Option<Actor>,
    /// End after so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0)]
    seconds: f64,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Actor {
    /// Its connection
    Client,
    /// Its session
    Session,
}

/// Of entries so many.
#[derive(Debug, Args)]
pub(super) struct Share {
    #[command(flatten)]
    target: Target,
    /// One entry in so many; without it every one
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    one_in: Option<u32>,
}

#[derive(Debug, Args)]
pub(super) struct Slow {
    #[command(flatten)]
    target: Target,
    /// So many milliseconds for each entry; without it 100
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u32).range(1..))]
    each: Option<u32>,
}

impl Target {
    fn body(&self, kind: &str, more: Option<(&str, Value)>) -> Value {
        let actor = self.actor.map(|actor| match actor {
            Actor::Client => "client",
            Actor::Session => "session",
        });
        let all = [
            ("kind", json!(kind)),
            ("process", json!(self.process)),
            ("client", json!(self.client)),
            ("actor", json!(actor)),
            ("seconds", json!(self.seconds)),
        ];
        let given = all.into_iter().chain(more);
        let given = given.filter(|(_, value)| !value.is_null());
        let given: Map<String, Value> = given
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        Value::Object(given)
    }
}

const FAULTS: [Column; 8] = [
    Column("FAULT", "id", Count),
    Column("KIND", "kind", Word),
    Column("PROCESS", "pid", Word),
    Column("ITS KIND", "process_kind", Word),
    Column("NAME", "name", Text),
    Column("LEFT", "left_seconds", Seconds),
    Column("1 IN", "one_in", Count),
    Column("EACH ENTRY", "entry_micros", Micros),
];

/// `fault …`
pub(super) fn fault(action: &Fault, desk: &Desk) -> Result<(), Failure> {
    let body = match action {
        Fault::Pause(target) => target.body("pause", None),
        Fault::Panic(target) => target.body("panic", None),
        Fault::Drop(share) => share.target.body("drop", share.one_in()),
        Fault::Duplicate(share) => share.target.body("duplicate", share.one_in()),
        Fault::Slow(slow) => slow.target.body("slow", slow.entry()),
        Fault::List => return desk.whole("/faults", &FAULTS),
        Fault::Clear { fault, .. } => return clear(fault.as_deref(), desk),
    };
    let answer = desk.api.ask(Method::Post, "/faults", Some(&body))?;
    if desk.paper.is_json {
        return desk.paper.json(&answer.text);
    }
    desk.paper.rows(&FAULTS, &[answer.value])
}

impl Share {
    fn one_in(&self) -> Option<(&'static str, Value)> {
        self.one_in.map(|one_in| ("one_in", json!(one_in)))
    }
}

impl Slow {
    fn entry(&self) -> Option<(&'static str, Value)> {
        let micros = self.each.map(|millis| u64::from(millis) * 1000);
        micros.map(|micros| ("entry_micros", json!(micros)))
    }
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

    fn target() -> Target {
        Target {
            process: None,
            client: Some("c1".to_owned()),
            actor: Some(Actor::Session),
            seconds: 5.0,
        }
    }

    #[test]
    fn the_broker_is_told_which_actor_how_and_for_how_long() {
        let expected = json!({"kind": "pause", "client": "c1", "actor": "session", "seconds": 5.0});
        assert_eq!(target().body("pause", None), expected);
    }

    #[test]
    fn how_slow_an_entry_is_is_told_in_microseconds() {
        let slow = Slow {
            target: target(),
            each: Some(20),
        };
        let body = slow.target.body("slow", slow.entry());
        assert_eq!(body["entry_micros"], 20_000);
    }
}
