//! The node as a whole: `status`, `broker`, `vm`, `listeners`, `modules`, `settings`, `log`, `drain`.

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::api::{Method, Path};
use super::desk::{Desk, Paging, items, number, word};
use super::failure::Failure;
use super::table::Column;
use super::table::Form::{Count, Rate, Share, Text, Word};
use super::text::{self, bytes, micros, pad, rate, seconds};

#[derive(Debug, Subcommand)]
pub(super) enum Broker {
    /// Gauges, now and at most, under emqttd's names
    Stats,
    /// Counters since the start, under emqttd's names
    Metrics,
    /// The processes that keep the subscriptions
    Pubsub,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Vm {
    /// All of them
    All,
    /// Messages each second, and how long turns take
    Load,
    /// The memory of the process
    Memory,
    /// Processes of each kind, and what waits in their mailboxes
    Process,
    /// Open files, and how many there may be
    Io,
}

#[derive(Debug, Subcommand)]
pub(super) enum Log {
    /// Change how much is logged until the broker stops
    Level {
        /// The least important that is logged
        #[arg(value_name = "LEVEL")]
        level: Level,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

#[derive(Debug, Subcommand)]
pub(super) enum Modules {
    /// List authenticators, authorizers, hooks and modules
    List,
}

const LISTENERS: [Column; 8] = [
    Column("NAME", "name", Text),
    Column("ADDRESS", "address", Text),
    Column("TRANSPORT", "transport", Word),
    Column("CONNECTIONS", "connections", Count),
    Column("MOST", "connections_max", Count),
    Column("ACCEPTED", "accepted_count", Count),
    Column("REFUSED", "refused_count", Count),
    Column("ENDS", "shutdown_count", Text),
];

const MODULES: [Column; 4] = [
    Column("NAME", "name", Text),
    Column("KIND", "kind", Word),
    Column("ACTIVE", "is_active", Word),
    Column("WHAT IT DOES", "description", Text),
];

const SETTINGS: [Column; 4] = [
    Column("KEY", "key", Text),
    Column("VALUE", "value", Text),
    Column("DEFAULT", "default", Text),
    Column("FROM", "source", Text),
];

const SUMMARY: [Column; 6] = [
    Column("KIND", "kind", Word),
    Column("ARBITER", "arbiter", Count),
    Column("PROCESSES", "count", Count),
    Column("IN MAILBOXES", "depth", Count),
    Column("HANDLED", "handled_count", Count),
    Column("RESTARTS", "restarts_count", Count),
];

const PUBSUB: [Column; 8] = [
    Column("PROCESS", "pid", Word),
    Column("KIND", "kind", Word),
    Column("ARBITER", "arbiter", Count),
    Column("DEPTH", "depth", Count),
    Column("PEAK", "peak", Count),
    Column("HANDLED", "handled_count", Count),
    Column("RATE", "rate_per_second", Rate),
    Column("BUSY", "busy_share", Share),
];

const AUDIT: [Column; 7] = [
    Column("AT", "at", Word),
    Column("WHO", "who", Text),
    Column("ROLE", "role", Word),
    Column("ADDRESS", "address", Text),
    Column("ACTION", "action", Text),
    Column("TARGET", "target", Text),
    Column("OUTCOME", "outcome", Word),
];

/// `status`: one sentence, and the exit code 1 when the node does not run as it should.
pub(super) fn status(desk: &Desk) -> Result<(), Failure> {
    let answer = desk.api.get("/node")?;
    if desk.paper.is_json {
        desk.paper.json(&answer.text)?;
    } else {
        desk.paper.line(&sentence(&answer.value))?;
    }
    match word(&answer.value, "status") {
        "running" => Ok(()),
        other => Err(Failure::Refused(format!(
            "the node is not as it should be ({}): see `castmq ctl alarms`",
            text::plain(match word(&answer.value, "trouble") {
                "" => other,
                trouble => trouble,
            })
        ))),
    }
}

/// What emqttd's `status` says, and the number of clients.
fn sentence(node: &Value) -> String {
    format!(
        "node {} is {}\ncastmq {}, up for {}, {}, {}",
        text::plain(word(node, "name")),
        text::plain(word(node, "status")),
        text::plain(word(node, "version")),
        seconds(number(node, "uptime_seconds")),
        counted(node, "clients", "client"),
        counted(node, "sessions", "session"),
    )
}

fn counted(node: &Value, name: &str, noun: &str) -> String {
    let count = node.get(name).and_then(Value::as_u64).unwrap_or_default();
    text::count(count, noun)
}

/// `broker …`
pub(super) fn broker(part: Option<&Broker>, desk: &Desk) -> Result<(), Failure> {
    match part {
        None => desk.show("/node"),
        Some(Broker::Stats) => names(desk, "/stats", |value| {
            format!(
                "{:>12}  most {}",
                number(value, "value"),
                number(value, "max")
            )
        }),
        Some(Broker::Metrics) => metrics(desk),
        Some(Broker::Pubsub) => {
            let path = Path::new("/processes").with("kind", Some("pubsub"));
            desk.list(&path, &PUBSUB, &Paging::all())
        }
    }
}

/// `metrics`, which is also `broker metrics`.
pub(super) fn metrics(desk: &Desk) -> Result<(), Failure> {
    names(desk, "/metrics", |value| {
        format!("{:>12}", value.as_f64().unwrap_or_default())
    })
}

/// A line for each name, sorted as emqttd's are.
fn names(desk: &Desk, path: &str, shown: impl Fn(&Value) -> String) -> Result<(), Failure> {
    let answer = desk.api.get(path)?;
    if desk.paper.is_json {
        return desk.paper.json(&answer.text);
    }
    let empty = serde_json::Map::new();
    let values = answer.value.as_object().unwrap_or(&empty);
    let mut lines: Vec<(String, String)> = values
        .iter()
        .map(|(name, value)| (text::plain(name), shown(value)))
        .collect();
    lines.sort();
    let widest = lines.iter().map(|(name, _)| text::width(name)).max();
    let widest = widest.unwrap_or_default();
    let lines = lines
        .iter()
        .map(|(name, value)| format!("{}  {value}\n", pad(name, widest)));
    desk.paper.write(&lines.collect::<String>())
}

/// `vm …`: what there is of it without a virtual machine.
pub(super) fn vm(part: Vm, desk: &Desk) -> Result<(), Failure> {
    let wants = |one: Vm| part == one || part == Vm::All;
    let mut parts = Vec::new();
    if wants(Vm::Load) {
        parts.push(("load", desk.api.get("/rates")?.value));
    }
    if wants(Vm::Memory) || wants(Vm::Io) {
        let gauges = desk.api.root("/metrics")?;
        let node = desk.api.get("/node")?.value;
        if wants(Vm::Memory) {
            parts.push(("memory", memory(&node, &gauges)));
        }
        if wants(Vm::Io) {
            parts.push(("io", io(&gauges)));
        }
    }
    if wants(Vm::Process) {
        parts.push(("process", desk.api.get("/processes/summary")?.value));
    }
    if desk.paper.is_json {
        let named = parts
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        return desk.paper.json(&Value::Object(named.collect()).to_string());
    }
    for (index, (name, value)) in parts.iter().enumerate() {
        let blank = if index == 0 { "" } else { "\n" };
        desk.paper.line(&format!("{blank}{name}"))?;
        match *name {
            "process" => desk.paper.rows(&SUMMARY, items(value))?,
            "load" => desk.paper.write(&load(value))?,
            _ => desk.paper.fields(value)?,
        }
    }
    Ok(())
}

fn memory(node: &Value, gauges: &str) -> Value {
    json!({
        "resident_bytes": node.get("memory_bytes"),
        "mailboxes_bytes": gauge(gauges, "castmq_lanes_bytes"),
        "queues_bytes": gauge(gauges, "castmq_queues_bytes"),
    })
}

fn io(gauges: &str) -> Value {
    json!({
        "max_fds": gauge(gauges, "castmq_max_fds"),
        "active_fds": gauge(gauges, "castmq_open_fds"),
    })
}

/// A value of Prometheus's text format that has no labels.
fn gauge(text: &str, name: &str) -> Option<f64> {
    text.lines()
        .filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
        .find_map(|value| value.split(' ').next()?.parse().ok())
}

/// Rates and times of the last ten seconds.
fn load(rates: &Value) -> String {
    let mut out = String::new();
    for name in ["turn", "wait", "commit"] {
        let Some(times) = rates.get(name).filter(|times| times.is_object()) else {
            continue;
        };
        out.push_str(&format!(
            "{name:<8}  half within {}, 99 % within {}, longest {}\n",
            micros(number(times, "p50_micros")),
            micros(number(times, "p99_micros")),
            micros(number(times, "max_micros")),
        ));
    }
    let empty = serde_json::Map::new();
    let per_second = rates.get("per_second").and_then(Value::as_object);
    for (name, value) in per_second.unwrap_or(&empty) {
        let value = value.as_f64().unwrap_or_default();
        if value <= 0.0 {
            // There are dozens.
            continue;
        }
        out.push_str(&format!(
            "{}  {}\n",
            pad(&text::plain(name), 30),
            rate(value)
        ));
    }
    out
}

/// `listeners`
pub(super) fn listeners(desk: &Desk) -> Result<(), Failure> {
    desk.list(&Path::new("/listeners"), &LISTENERS, &Paging::all())
}

/// `modules …`
pub(super) fn modules(action: &Modules, desk: &Desk) -> Result<(), Failure> {
    match action {
        Modules::List => desk.whole("/modules", &MODULES),
    }
}

/// `settings [KEY]`: all of them, one with what it means, or those of a section.
pub(super) fn settings(key: Option<&str>, desk: &Desk) -> Result<(), Failure> {
    let Some(key) = key else {
        return desk.whole("/settings", &SETTINGS);
    };
    let answer = desk.api.get("/settings")?;
    let section = format!("{key}.");
    let rows: Vec<Value> = items(&answer.value)
        .iter()
        .filter(|row| word(row, "key") == key || word(row, "key").starts_with(&section))
        .cloned()
        .collect();
    match rows.as_slice() {
        [] => {
            let key = text::plain(key);
            let message = format!("there is no setting {key}: `castmq ctl settings` lists all");
            Err(Failure::Refused(message))
        }
        rows if desk.paper.is_json => desk.paper.json(&Value::from(rows).to_string()),
        [one] => desk.paper.fields(one),
        rows => desk.paper.rows(&SETTINGS, rows),
    }
}

/// `log [level LEVEL]`
pub(super) fn log(action: Option<&Log>, desk: &Desk) -> Result<(), Failure> {
    let Some(Log::Level { level }) = action else {
        return desk.show("/log");
    };
    let level = match level {
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Debug => "debug",
        Level::Trace => "trace",
    };
    let done = format!("the log has everything from {level} on");
    desk.change(Method::Put, "/log", Some(&json!({ "level": level })), &done)
}

/// `audit`
pub(super) fn audit(paging: &Paging, desk: &Desk) -> Result<(), Failure> {
    desk.list(&Path::new("/audit"), &AUDIT, paging)
}

/// `drain [--undo]`
pub(super) fn drain(is_undone: bool, desk: &Desk) -> Result<(), Failure> {
    if is_undone {
        let done = "clients are let in again";
        return desk.change(Method::Delete, "/drain", None, done);
    }
    let answer = desk.api.ask(Method::Post, "/drain", None)?;
    if desk.paper.is_json {
        return desk.paper.json(&answer.text);
    }
    let told = counted(&answer.value, "told_count", "client");
    let line =
        format!("{told} told to leave; nobody is let in until drain --undo, or another start");
    desk.paper.line(&line)
}

/// The overview of `top`: the node in one line.
pub(super) fn overview(node: &Value) -> String {
    format!(
        "{} {}, up {}: {}, {}, {}; castmq {}",
        text::plain(word(node, "name")),
        text::plain(word(node, "status")),
        seconds(number(node, "uptime_seconds")),
        counted(node, "clients", "client"),
        counted(node, "sessions", "session"),
        bytes(number(node, "memory_bytes")),
        text::plain(word(node, "version")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_is_told_in_two_lines() {
        let node = json!({
            "name": "castmq@here", "version": "0.1.0", "status": "running",
            "uptime_seconds": 65, "clients": 1, "sessions": 2,
        });
        assert_eq!(
            sentence(&node),
            "node castmq@here is running\ncastmq 0.1.0, up for 1 min 5 s, 1 client, 2 sessions"
        );
    }

    #[test]
    fn a_gauge_is_found_by_its_whole_name() {
        let text = "# TYPE process_open_fds gauge\nprocess_open_fds_x 1\nprocess_open_fds 12\n";
        assert_eq!(gauge(text, "process_open_fds"), Some(12.0));
        assert_eq!(gauge(text, "process_max_fds"), None);
    }

    #[test]
    fn the_load_has_times_and_rates_with_their_units() {
        let rates = json!({
            "turn": {"p50_micros": 3.0, "p99_micros": 250.0, "max_micros": 4000.0},
            "commit": null,
            "per_second": {"messages/received": 12.5, "messages/sent": 0.0},
        });
        assert_eq!(
            load(&rates),
            "turn      half within 3 µs, 99 % within 250 µs, longest 4 ms\n\
             messages/received               12.5/s\n"
        );
    }
}
