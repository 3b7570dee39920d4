//! `follow`: the way of each message through all actors, while it goes; the broker stops by itself when the
//! budget is spent, and this program stops it when it ends before.

use std::collections::HashSet;
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError};

use clap::{ArgGroup, Args};
use serde_json::{Map, Value, json};

use super::api::{Api, Method, Path, part};
use super::desk::{Desk, items, number, word};
use super::draw;
use super::draw::flow::Flow;
use super::failure::Failure;
use super::interrupt::Interrupt;
use super::paper::Paper;
use super::sse::{Event, GLANCE, read_aside};
use super::text::{bytes, micros, plain, seconds, share};
use super::trace::id;

/// Glances until a broker that was asked to stop a trace has told its end.
const PATIENCE: u32 = 30;
/// The width of drawings that no terminal reads.
const WIDTH: usize = 120;

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("wanted").required(true).multiple(true)
    .args(["client", "topic", "address", "one_in"])))]
pub(super) struct Follow {
    #[command(flatten)]
    wants: Wants,
    #[command(flatten)]
    budget: Budget,
    /// Draw the sequence as a diagram of Mermaid, and nothing else
    #[arg(long)]
    mermaid: bool,
    /// Draw no sequence
    #[arg(long, conflicts_with = "mermaid")]
    no_diagram: bool,
    /// Show each receiver, however many there are
    #[arg(long)]
    all_hops: bool,
}

/// What a trace follows: all that is given must hold.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Wants {
    /// What this client causes, or gets
    #[arg(long, value_name = "CLIENT")]
    client: Option<String>,
    /// Messages whose topic matches this filter
    #[arg(long, value_name = "FILTER")]
    topic: Option<String>,
    /// What clients at this address cause
    #[arg(long, value_name = "ADDRESS")]
    address: Option<String>,
    /// One in so many
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    one_in: Option<u32>,
}

/// When a trace ends by itself; the broker has limits of its own.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Budget {
    /// End after so many flows: what one packet or timer causes, all of it, is one
    #[arg(long, value_name = "FLOWS")]
    count: Option<u64>,
    /// End after so many seconds
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<u64>,
    /// End after so many hops and notes
    #[arg(long, value_name = "EVENTS")]
    events: Option<u64>,
    /// End when the broker has so many bytes of it
    #[arg(long, value_name = "BYTES")]
    bytes: Option<u64>,
}

/// What is shown of a flow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Show {
    hops: bool,
    diagram: bool,
    mermaid: bool,
    all_hops: bool,
}

impl Show {
    /// Hops and diagram.
    pub(super) fn both() -> Self {
        Self {
            hops: true,
            diagram: true,
            mermaid: false,
            all_hops: false,
        }
    }
}

impl Wants {
    pub(super) fn client(client: &str) -> Self {
        Self {
            client: Some(client.to_owned()),
            ..Self::default()
        }
    }

    pub(super) fn topic(topic: &str) -> Self {
        Self {
            topic: Some(topic.to_owned()),
            ..Self::default()
        }
    }

    /// What the broker is asked for.
    fn body(&self, budget: &Budget) -> Value {
        let all = [
            ("client", json!(self.client)),
            ("topic", json!(self.topic)),
            ("address", json!(self.address)),
            ("one_in", json!(self.one_in)),
            ("flows", json!(budget.count)),
            ("seconds", json!(budget.seconds)),
            ("events", json!(budget.events)),
            ("bytes", json!(budget.bytes)),
        ];
        let given = all.into_iter().filter(|(_, value)| !value.is_null());
        let given: Map<String, Value> = given
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        Value::Object(given)
    }
}

/// `follow`
pub(super) fn follow(follow: &Follow, desk: &Desk) -> Result<(), Failure> {
    let show = Show {
        hops: !follow.mermaid,
        diagram: !follow.mermaid && !follow.no_diagram,
        mermaid: follow.mermaid,
        all_hops: follow.all_hops,
    };
    run(&desk.api, &follow.wants, &follow.budget, &desk.paper, show)
}

/// Starts a trace and writes its flows until it ends.
pub(super) fn run(
    api: &Api,
    wants: &Wants,
    budget: &Budget,
    paper: &Paper,
    show: Show,
) -> Result<(), Failure> {
    let interrupt = Interrupt::catch()?;
    let started = api.ask(Method::Post, "/traces", Some(&wants.body(budget)))?;
    let mut running = Running {
        api: api.clone(),
        id: id(&started.value),
        is_over: false,
    };
    paper.note(&beginning(&started.value));
    let reader = api.open(&format!("/traces/{}/live", part(&running.id)))?;
    let events = read_aside(reader)?;
    let mut teller = Teller {
        paper,
        show,
        told: HashSet::new(),
    };
    let end = listen(&events, &mut teller, &mut running, &interrupt)?;
    running.is_over = true;
    teller.remaining(api, &running.id)?;
    teller.end(&end)
}

/// A trace that is stopped when this program has enough of it, for whatever reason.
struct Running {
    api: Api,
    id: String,
    is_over: bool,
}

impl Running {
    fn stop(&mut self) -> Result<(), Failure> {
        self.is_over = true;
        let path = format!("/traces/{}", part(&self.id));
        self.api.ask(Method::Delete, &path, None).map(|_| ())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.is_over {
            // It ends by its budget if this does not get through.
            let _ = self.stop();
        }
    }
}

/// Tells flows until the trace has ended; the trace as it was then.
fn listen(
    events: &Receiver<io::Result<Event>>,
    teller: &mut Teller<'_>,
    running: &mut Running,
    interrupt: &Interrupt,
) -> Result<String, Failure> {
    let mut patience = PATIENCE;
    loop {
        if interrupt.is_asked() && !running.is_over {
            running.stop()?;
        }
        match events.recv_timeout(GLANCE) {
            Ok(Ok(event)) if event.name == "trace" => return Ok(event.data),
            Ok(Ok(event)) if event.name == "flow" => teller.flow(&event.data)?,
            Ok(Ok(event)) if event.name == "lost" => {
                let words = "(this is read too slowly; what is missing comes at the end)";
                teller.paper.note(words);
            }
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return ended(running, &error.to_string()),
            Err(RecvTimeoutError::Disconnected) => return ended(running, "the stream has ended"),
            Err(RecvTimeoutError::Timeout) if running.is_over => {
                patience -= 1;
                if patience == 0 {
                    return ended(running, "it does not tell the end of the trace");
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

/// The trace, asked for, where the stream has not told its end.
fn ended(running: &Running, why: &str) -> Result<String, Failure> {
    let path = format!("/traces/{}", part(&running.id));
    let answer = running.api.get(&path)?;
    if word(&answer.value, "state") == "running" {
        return Err(Failure::Unreachable(format!(
            "{} tells no more of trace {}: {why}",
            running.api.origin(),
            running.id
        )));
    }
    Ok(answer.text)
}

/// Writes flows, and the end.
struct Teller<'a> {
    paper: &'a Paper,
    show: Show,
    told: HashSet<u64>,
}

impl Teller<'_> {
    fn flow(&mut self, text: &str) -> Result<(), Failure> {
        let flow = serde_json::from_str::<Flow>(text);
        let number = flow.as_ref().ok().map(|flow| flow.flow);
        let is_first = number.is_none_or(|number| self.told.insert(number));
        if self.paper.is_json {
            return self.paper.json(text);
        }
        let flow = flow.map_err(|error| {
            Failure::Unreachable(format!("the broker tells a flow that is none: {error}"))
        })?;
        self.paper
            .write(&shown(&flow, is_first, self.show, self.paper.width()))
    }

    /// What was over before the stream was open.
    fn remaining(&mut self, api: &Api, id: &str) -> Result<(), Failure> {
        let mut after: Option<String> = None;
        loop {
            let path = Path::new(format!("/traces/{}/flows", part(id)))
                .with("limit", Some(100))
                .with("after", after.as_ref());
            let answer = match api.get(path.as_str()) {
                Ok(answer) => answer,
                // A trace that was stopped may be gone.
                Err(Failure::Refused(_)) => return Ok(()),
                Err(failure) => return Err(failure),
            };
            for flow in items(&answer.value) {
                let number = flow.get("flow").and_then(Value::as_u64);
                if number.is_some_and(|number| !self.told.contains(&number)) {
                    self.flow(&flow.to_string())?;
                }
            }
            let next = answer.value.get("next").and_then(Value::as_str);
            // The same place again would be a circle.
            if next.is_none() || next == after.as_deref() {
                return Ok(());
            }
            after = next.map(str::to_owned);
        }
    }

    fn end(&self, text: &str) -> Result<(), Failure> {
        if self.paper.is_json {
            return self.paper.json(text);
        }
        let trace = serde_json::from_str(text).unwrap_or_default();
        let line = ending(&trace);
        if self.show.mermaid {
            // It would be no part of the diagram.
            self.paper.note(&line);
            return Ok(());
        }
        self.paper.line(&line)
    }
}

/// A flow, with its hops and its drawing as they are wanted.
fn shown(flow: &Flow, is_first: bool, show: Show, width: Option<usize>) -> String {
    let mut out = String::new();
    if show.mermaid {
        return format!("%% {}\n{}\n", flow.header(), draw::mermaid::draw(flow));
    }
    let again = if is_first {
        ""
    } else {
        " (again: more has come of it)"
    };
    out.push_str(&format!("{}{again}\n", flow.header()));
    if show.hops {
        out.push_str(&draw::hops::list(flow, show.all_hops, width));
    }
    if show.diagram {
        out.push('\n');
        out.push_str(&draw::sequence(flow, width.unwrap_or(WIDTH)));
    }
    out.push('\n');
    out
}

/// That a trace has begun, and when it will end.
fn beginning(trace: &Value) -> String {
    let budget = trace.get("budget").unwrap_or(&Value::Null);
    format!(
        "(trace {} runs: at most {} flows, {} events, {}, {}; Ctrl-C stops it)",
        plain(&id(trace)),
        number(budget, "flows"),
        number(budget, "events"),
        bytes(number(budget, "bytes")),
        seconds(number(budget, "seconds")),
    )
}

/// Why a trace has ended, what it has spent, and what it has cost.
fn ending(trace: &Value) -> String {
    let (spent, budget, cost) = (trace.get("spent"), trace.get("budget"), trace.get("cost"));
    let part = |name: &str, shown: fn(f64) -> String| {
        let of = |values: Option<&Value>| number(values.unwrap_or(&Value::Null), name);
        format!("{} of {}", shown(of(spent)), shown(of(budget)))
    };
    let why = match word(trace, "ended_because") {
        "stopped" => "it was stopped".to_owned(),
        "" => "it has ended".to_owned(),
        spent => format!("its {} are spent", plain(spent)),
    };
    let cost = cost.unwrap_or(&Value::Null);
    format!(
        "trace {}: {why}; {} flows, {} events, {}, {}{}; it cost {}, {} of the time",
        plain(&id(trace)),
        part("flows", |count| count.to_string()),
        part("events", |count| count.to_string()),
        part("bytes", bytes),
        part("seconds", seconds),
        match number(trace.get("spent").unwrap_or(&Value::Null), "left_out") {
            none if none <= 0.0 => String::new(),
            left_out => format!("; {left_out} events were too many in one round and left out"),
        },
        micros(number(cost, "micros")),
        share(number(cost, "share")),
    )
}

#[cfg(test)]
mod tests;
