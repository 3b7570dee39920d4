//! What has happened: `alarms`, `events`, `drops`, `invariants`, `recorder`.

use std::sync::mpsc::RecvTimeoutError;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::api::{Path, part};
use super::desk::{Desk, Paging, items, number, word};
use super::failure::Failure;
use super::interrupt::Interrupt;
use super::sse::{Event, GLANCE, read_aside};
use super::table::Column;
use super::table::Form::{Count, Text, Word};
use super::text;

#[derive(Debug, Subcommand)]
pub(super) enum Alarms {
    /// List those that are on
    List(Paging),
    /// List those that are on, and those that were
    Past(Paging),
}

#[derive(Debug, Subcommand)]
pub(super) enum Recorder {
    /// List what was written down when a process panicked or an invariant broke
    Dumps,
    /// Show one of them
    Show {
        /// Its number
        #[arg(value_name = "DUMP")]
        dump: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct Events {
    /// Only those since then, as in 2026-01-31T10:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Tell what happens from now on, until Ctrl-C
    #[arg(long, conflicts_with_all = ["since", "limit", "all", "cursor"])]
    follow: bool,
    #[command(flatten)]
    paging: Paging,
}

#[derive(Debug, Args)]
pub(super) struct Drops {
    /// Only those for this client
    #[arg(long, value_name = "CLIENT")]
    client: Option<String>,
    /// Only those of this topic
    #[arg(long, value_name = "TOPIC")]
    topic: Option<String>,
    /// Only those for this reason, such as queue_full
    #[arg(long, value_name = "REASON")]
    reason: Option<String>,
    #[command(flatten)]
    paging: Paging,
}

const ALARMS: [Column; 6] = [
    Column("ALARM", "id", Text),
    Column("SEVERITY", "severity", Word),
    Column("TITLE", "title", Text),
    Column("SINCE", "since_at", Word),
    Column("UNTIL", "cleared_at", Word),
    Column("SUMMARY", "summary", Text),
];

const INVARIANTS: [Column; 5] = [
    Column("INVARIANT", "name", Text),
    Column("CHECKED", "checked_count", Count),
    Column("BROKEN", "broken_count", Count),
    Column("LAST BROKEN", "last_broken_at", Word),
    Column("WHAT MUST HOLD", "doc", Text),
];

const EVENTS: [Column; 5] = [
    Column("AT", "at", Word),
    Column("LEVEL", "level", Word),
    Column("ARBITER", "arbiter", Count),
    Column("EVENT", "event", Text),
    Column("FIELDS", "fields", Text),
];

const DROPS: [Column; 8] = [
    Column("AT", "at", Word),
    Column("REASON", "reason", Text),
    Column("CLIENT", "client_id", Text),
    Column("TOPIC", "topic", Text),
    Column("TIMES", "count", Count),
    Column("MESSAGE", "message", Count),
    Column("QOS", "qos", Count),
    Column("WHY", "text", Text),
];

const DUMPS: [Column; 5] = [
    Column("DUMP", "id", Count),
    Column("AT", "at", Word),
    Column("ARBITER", "arbiter", Count),
    Column("PROCESS", "pid", Word),
    Column("WHAT BROKE", "cause", Text),
];

const MOMENTS: [Column; 6] = [
    Column("AT", "at", Word),
    Column("PROCESS", "pid", Word),
    Column("KIND", "kind", Word),
    Column("DID", "what", Word),
    Column("ENTRIES", "entries_count", Count),
    Column("THE LAST OF THEM", "entries", Text),
];

const TOLD: [Column; 3] = [
    Column("AT", "at", Word),
    Column("EVENT", "event", Text),
    Column("FIELDS", "fields", Text),
];

/// `alarms [list|past]`
pub(super) fn alarms(action: Option<&Alarms>, desk: &Desk) -> Result<(), Failure> {
    let (path, paging) = match action {
        None => (Path::new("/alarms"), &Paging::all()),
        Some(Alarms::List(paging)) => (Path::new("/alarms"), paging),
        Some(Alarms::Past(paging)) => (Path::new("/alarms").with("past", Some(true)), paging),
    };
    desk.list(&path, &ALARMS, paging)
}

/// `invariants`
pub(super) fn invariants(desk: &Desk) -> Result<(), Failure> {
    desk.whole("/invariants", &INVARIANTS)
}

/// `events`
pub(super) fn events(events: &Events, desk: &Desk) -> Result<(), Failure> {
    if events.follow {
        return follow(desk);
    }
    let path = Path::new("/events").with("since", events.since.as_ref());
    desk.list(&path, &EVENTS, &events.paging)
}

fn follow(desk: &Desk) -> Result<(), Failure> {
    let interrupt = Interrupt::catch()?;
    let events = read_aside(desk.api.open("/live?of=events")?)?;
    desk.paper
        .note("(what happens from now on; Ctrl-C ends it)");
    while !interrupt.is_asked() {
        match events.recv_timeout(GLANCE) {
            Ok(Ok(event)) if desk.paper.is_json => desk.paper.json(&event.data)?,
            Ok(Ok(event)) => desk.paper.write(&event_line(&event))?,
            Ok(Err(_)) | Err(RecvTimeoutError::Disconnected) => {
                let origin = desk.api.origin();
                return Err(Failure::Unreachable(format!("{origin} tells no more")));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
    Ok(())
}

/// An event on a line, or that some were lost.
fn event_line(event: &Event) -> String {
    let told: Value = serde_json::from_str(&event.data).unwrap_or_default();
    if event.name == "lost" {
        return format!(
            "({} lost: this is read too slowly)\n",
            number(&told, "count")
        );
    }
    let part = |name| text::plain(word(&told, name));
    let level = text::pad(&part("level"), 5);
    format!(
        "{}  {level}  {}  {}\n",
        part("at"),
        part("event"),
        part("fields")
    )
}

/// `recorder [dumps|show]`
pub(super) fn recorder(
    action: Option<&Recorder>,
    arbiter: Option<u16>,
    desk: &Desk,
) -> Result<(), Failure> {
    match action {
        None => {
            let path = Path::new("/recorder").with("arbiter", arbiter);
            desk.whole(path.as_str(), &MOMENTS)
        }
        Some(Recorder::Dumps) => desk.whole("/recorder/dumps", &DUMPS),
        Some(Recorder::Show { dump }) => show(dump, desk),
    }
}

/// What broke, what was done before it, and what was told.
fn show(dump: &str, desk: &Desk) -> Result<(), Failure> {
    let answer = desk.api.get(&format!("/recorder/dumps/{}", part(dump)))?;
    if desk.paper.is_json {
        return desk.paper.json(&answer.text);
    }
    let below = |name| answer.value.get(name).map(items).unwrap_or_default();
    desk.paper
        .rows(&DUMPS, std::slice::from_ref(&answer.value))?;
    desk.paper.line("")?;
    desk.paper.rows(&MOMENTS, below("moments"))?;
    desk.paper.line("")?;
    desk.paper.rows(&TOLD, below("events"))
}

/// `drops`: how many for each reason, then one by one.
pub(super) fn drops(drops: &Drops, desk: &Desk) -> Result<(), Failure> {
    let path = Path::new("/drops")
        .with("client", drops.client.as_ref())
        .with("topic", drops.topic.as_ref())
        .with("reason", drops.reason.as_ref());
    if !desk.paper.is_json {
        let first = path.clone().with("limit", Some(1));
        let answer = desk.api.get(first.as_str())?;
        desk.paper.write(&counts(&answer.value))?;
    }
    desk.list(&path, &DROPS, &drops.paging)
}

/// The reasons, the most frequent first.
fn counts(value: &Value) -> String {
    let empty = serde_json::Map::new();
    let counts = value.get("counts").and_then(Value::as_object);
    let counts = counts.unwrap_or(&empty);
    let mut reasons: Vec<(&str, f64)> = counts
        .iter()
        .map(|(reason, count)| (reason.as_str(), count.as_f64().unwrap_or_default()))
        .filter(|(_, count)| *count > 0.0)
        .collect();
    let total: f64 = reasons.iter().map(|(_, count)| count).sum();
    // A sum of no numbers is -0.
    let mut out = format!("{} dropped since the start\n", total + 0.0);
    reasons.sort_by(|one, other| other.1.total_cmp(&one.1).then(one.0.cmp(other.0)));
    for (reason, count) in reasons {
        out.push_str(&format!("{count:>10}  {}\n", text::plain(reason)));
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_most_frequent_reason_comes_first_and_those_that_never_happened_are_left_out() {
        let answer =
            json!({"counts": {"expired": 2, "no_local": 0, "queue_full": 30}, "items": []});
        assert_eq!(
            counts(&answer),
            "32 dropped since the start\n        30  queue_full\n         2  expired\n\n"
        );
    }

    #[test]
    fn an_event_is_a_line() {
        let event = Event {
            name: "events".to_owned(),
            data: json!({"at": "T", "level": "info", "event": "started", "fields": "a=1\n"})
                .to_string(),
        };
        assert_eq!(event_line(&event), "T  info   started  a=1\\n\n");
    }

    #[test]
    fn nothing_dropped_is_said_too() {
        assert_eq!(
            counts(&json!({"counts": {}})),
            "0 dropped since the start\n\n"
        );
    }
}
