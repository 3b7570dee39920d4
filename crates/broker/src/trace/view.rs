//! Traces as those who watch see them, begin them and end them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use castmq_mqtt::{Text, TopicFilter};
use castmq_observe::trace::{Budget, Flow, Hop, Note, TraceRecord};
use serde::{Deserialize, Serialize};

use super::Wants;
use crate::inspect::time::{Times, micros};
use crate::inspect::{Inspect, InspectError, Page};

/// The most that a trace may ask for.
const MOST: Budget = Budget {
    flows: 10_000,
    events: 1_000_000,
    bytes: 256 * 1024 * 1024,
    time: Duration::from_secs(3600),
};
/// A flow is told when nothing of it has happened for this long.
const QUIET: Duration = Duration::from_millis(200);
/// Flows that are told at once, at most.
const FLOWS_MAX: usize = 1000;

/// What is to be traced, and at most how much. At least one of client, topic, address and share.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct TraceRequest {
    /// What this client sends and gets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// Messages on topics that match this filter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// What is sent from this address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub address: Option<IpAddr>,
    /// One of so many messages and packets of all these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub one_in: Option<u32>,
    /// Messages and packets that are followed; usually 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flows: Option<u64>,
    /// Hops and notes that are written down; usually 20 000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<u64>,
    /// Memory for them; usually 8 MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// How long it runs; usually a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
}

/// What a trace may use up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct BudgetView {
    /// Messages and packets that are followed.
    pub flows: u64,
    /// Hops and notes that are written down.
    pub events: u64,
    /// Memory for them.
    pub bytes: u64,
    /// How long it runs.
    pub seconds: u64,
}

/// What a trace has used up.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SpentView {
    /// Messages and packets that were followed.
    pub flows: u64,
    /// Hops and notes that were written down.
    pub events: u64,
    /// Hops and notes that were left out, because a round had too many.
    pub left_out: u64,
    /// Memory for them.
    pub bytes: u64,
    /// How long it has run.
    pub seconds: f64,
}

/// What a trace has cost the arbiters.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CostView {
    /// Time of the arbiters, estimated from samples.
    pub micros: f64,
    /// The same as a share of all the time that they had, 0 to 1.
    pub share: f64,
}

/// A trace.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TraceView {
    /// Its number.
    pub id: u32,
    /// `running` or `done`.
    pub state: &'static str,
    /// Why it is over: `flows`, `events`, `bytes`, `seconds` or `stopped`.
    pub ended_because: Option<&'static str>,
    /// What it follows.
    pub wants: TraceRequest,
    /// What it may use up.
    pub budget: BudgetView,
    /// What it has used up.
    pub spent: SpentView,
    /// What it has cost.
    pub cost: CostView,
    /// When it began.
    pub started_at: String,
}

/// One message or packet, and all that it has caused.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct FlowView {
    /// Its number.
    pub flow: u64,
    /// What began it, in words.
    pub cause: String,
    /// The client that it came from.
    pub client_id: Option<String>,
    /// The topic that it is about.
    pub topic: Option<String>,
    /// The number of the message that it is about.
    pub message: Option<u64>,
    /// When it began.
    pub started_at: String,
    /// From its beginning to the last that is known of it.
    pub took_micros: f64,
    /// Entries that were handled, in the order in which they were put into lanes.
    pub hops: Vec<HopView>,
}

/// One entry that a process handled. Times are counted from the flow's beginning.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct HopView {
    /// Its number within the flow, from 1.
    pub hop: usize,
    /// The hop that caused it.
    pub parent: Option<usize>,
    /// Who handled it.
    pub pid: Option<String>,
    /// The kind of that process.
    pub kind: String,
    /// What it is called among its kind.
    pub name: String,
    /// What it handled.
    pub entry: String,
    /// Whose hop has caused it.
    pub from: Option<String>,
    /// When it was put into the lane.
    pub enqueued_micros: f64,
    /// How long it waited there.
    pub wait_micros: f64,
    /// How long it was worked on.
    pub service_micros: f64,
    /// Entries that were in the lane before it.
    pub depth: u32,
    /// What there is to say about it.
    pub notes: Vec<NoteView>,
}

/// Something that is said about a hop.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NoteView {
    /// When, counted from the flow's beginning.
    pub at_micros: f64,
    /// `packet_in`, `packet_out`, `decision`, `store`, `ack`, `drop` or `parcel`.
    pub kind: &'static str,
    /// In words.
    pub text: String,
}

impl TraceRequest {
    fn wants(&self) -> Result<Wants, InspectError> {
        if self.client.is_none()
            && self.topic.is_none()
            && self.address.is_none()
            && self.one_in.is_none()
        {
            return Err(wrong(
                "trace",
                "it says neither client, topic, address nor one_in",
            ));
        }
        if self.one_in == Some(0) {
            return Err(wrong(
                "one_in",
                "it is 0: one in none is nothing; 1 is everything",
            ));
        }
        let topic = self.topic.as_deref().map(|topic| {
            let text = Text::try_from(topic).map_err(|error| error.to_string())?;
            TopicFilter::new(text).map_err(|error| error.to_string())
        });
        Ok(Wants {
            client: self.client.clone(),
            topic: topic.transpose().map_err(|why| wrong("topic", &why))?,
            address: self.address,
            one_in: self.one_in,
        })
    }

    fn budget(&self) -> Result<Budget, InspectError> {
        let usual = Budget::default();
        let seconds = within(
            "seconds",
            self.seconds,
            usual.time.as_secs(),
            MOST.time.as_secs(),
        )?;
        Ok(Budget {
            flows: within("flows", self.flows, usual.flows, MOST.flows)?,
            events: within("events", self.events, usual.events, MOST.events)?,
            bytes: within("bytes", self.bytes, usual.bytes, MOST.bytes)?,
            time: Duration::from_secs(seconds),
        })
    }
}

fn wrong(what: &'static str, why: &str) -> InspectError {
    InspectError::Wrong {
        what,
        why: why.to_owned(),
    }
}

fn within(
    what: &'static str,
    value: Option<u64>,
    usual: u64,
    most: u64,
) -> Result<u64, InspectError> {
    match value {
        None => Ok(usual),
        Some(value) if (1..=most).contains(&value) => Ok(value),
        Some(value) => Err(wrong(what, &format!("{value} is not from 1 to {most}"))),
    }
}

impl Inspect {
    /// Begins a trace.
    ///
    /// # Errors
    ///
    /// [`InspectError::Wrong`] when it wants nothing or too much, [`InspectError::Refused`] when too many
    /// run.
    pub fn start_trace(&self, request: &TraceRequest) -> Result<TraceView, InspectError> {
        let (wants, budget) = (request.wants()?, request.budget()?);
        let now = self.times().uptime();
        let id = self
            .node()
            .traces
            .start(wants, budget, now)
            .map_err(|error| InspectError::Refused(error.to_string()))?;
        // Arbiters that sleep take notice now.
        for arbiter in 0..self.node().arbiters {
            self.ask(arbiter, |_| ())?;
        }
        self.trace(id)
    }

    /// All traces that are remembered, in their order.
    #[must_use]
    pub fn traces(&self) -> Vec<TraceView> {
        let times = self.times();
        let traces = self.node().traces.list(times.uptime());
        let arbiters = self.node().arbiters;
        traces
            .into_iter()
            .map(|trace| view(trace, times, arbiters))
            .collect()
    }

    /// One trace.
    ///
    /// # Errors
    ///
    /// [`InspectError::NotFound`] when there is none of that number.
    pub fn trace(&self, id: u32) -> Result<TraceView, InspectError> {
        let times = self.times();
        let trace = self.node().traces.get(id, times.uptime());
        let trace = trace.ok_or_else(|| InspectError::not_found("trace", &id.to_string()))?;
        Ok(view(trace, times, self.node().arbiters))
    }

    /// Ends a trace that runs, which keeps what it has found; forgets one that is over.
    ///
    /// # Errors
    ///
    /// [`InspectError::NotFound`] when there is none of that number.
    pub fn stop_trace(&self, id: u32) -> Result<(), InspectError> {
        if self.trace(id)?.state == "running" {
            self.node().traces.stop(id);
        } else {
            self.node().traces.remove(id);
        }
        Ok(())
    }

    /// Flows of a trace whose last change is behind `after`, in the order of their last changes. One that
    /// is told may come again, whole, when more of it is known.
    ///
    /// # Errors
    ///
    /// [`InspectError::NotFound`] when there is no trace of that number.
    pub fn flows(
        &self,
        trace: u32,
        after: u64,
        limit: usize,
    ) -> Result<Page<FlowView>, InspectError> {
        let times = self.times();
        let before = times.uptime().saturating_sub(QUIET);
        let record = self.node().traces.get(trace, times.uptime());
        let record = record.ok_or_else(|| InspectError::not_found("trace", &trace.to_string()))?;
        // What arbiters saw just before the end they may not have handed over yet.
        let is_over = record.ended.is_some() && record.started + record.spent.time <= before;
        let limit = limit.clamp(1, FLOWS_MAX);
        let flows = self.node().traces.flows(trace, after, before, limit);
        // While it runs there may always be more.
        let last = flows.last().map_or(after, |flow| flow.changed);
        // What is not quiet yet is told later.
        let waits = |last| {
            !self
                .node()
                .traces
                .flows(trace, last, Duration::MAX, 1)
                .is_empty()
        };
        let is_last = is_over && !waits(last);
        Ok(Page {
            items: flows.iter().map(|flow| flow_view(flow, times)).collect(),
            next: (!is_last).then(|| last.to_string()),
        })
    }
}

fn view(trace: TraceRecord<Wants>, times: Times, arbiters: u16) -> TraceView {
    let TraceRecord {
        id,
        wants,
        budget,
        spent,
        ended,
        started,
    } = trace;
    let had = spent.time.as_secs_f64() * f64::from(arbiters);
    TraceView {
        id,
        state: if ended.is_some() { "done" } else { "running" },
        ended_because: ended.map(castmq_observe::trace::Ended::name),
        wants: TraceRequest {
            client: wants.client,
            topic: wants.topic.map(|topic| topic.to_string()),
            address: wants.address,
            one_in: wants.one_in,
            ..TraceRequest::default()
        },
        budget: BudgetView {
            flows: budget.flows,
            events: budget.events,
            bytes: budget.bytes,
            seconds: budget.time.as_secs(),
        },
        spent: SpentView {
            flows: spent.flows,
            events: spent.events,
            left_out: spent.left_out,
            bytes: spent.bytes,
            seconds: spent.time.as_secs_f64(),
        },
        cost: CostView {
            micros: micros(spent.cost),
            share: if had > 0.0 {
                spent.cost.as_secs_f64() / had
            } else {
                0.0
            },
        },
        started_at: times.text_since_start(started),
    }
}

fn flow_view(flow: &Flow, times: Times) -> FlowView {
    let mut hops: Vec<&Hop> = flow.hops.values().collect();
    hops.sort_by_key(|hop| (hop.enqueued, hop.began, hop.number));
    let places = hops.iter().enumerate().map(|(at, hop)| (hop.number, at));
    let places: HashMap<u64, usize> = places.collect();
    let place = |number: u64| places.get(&number).copied();
    let ends = hops.iter().map(|hop| {
        let noted = hop.notes.iter().map(|note| note.at).max();
        noted.unwrap_or_default().max(hop.began + hop.took)
    });
    let end = ends.max().unwrap_or(flow.started);
    let hop_view = |(at, hop): (usize, &&Hop)| {
        let parent = hop.parent.and_then(place);
        let from = parent.and_then(|parent| hops.get(parent)?.process);
        HopView {
            hop: at + 1,
            parent: parent.map(|parent| parent + 1),
            pid: hop.process.map(|process| process.to_string()),
            kind: hop.kind.to_owned(),
            name: hop.name.to_string(),
            entry: hop.entry.to_owned(),
            from: from.map(|process| process.to_string()),
            enqueued_micros: micros(hop.enqueued.saturating_sub(flow.started)),
            wait_micros: micros(hop.began.saturating_sub(hop.enqueued)),
            service_micros: micros(hop.took),
            depth: hop.depth,
            notes: hop.notes.iter().map(|note| note_view(note, flow)).collect(),
        }
    };
    FlowView {
        flow: flow.number,
        cause: flow.cause.clone(),
        client_id: flow.client.clone(),
        topic: flow.topic.clone(),
        message: flow.message,
        started_at: times.text_since_start(flow.started),
        took_micros: micros(end.saturating_sub(flow.started)),
        hops: hops.iter().enumerate().map(hop_view).collect(),
    }
}

fn note_view(note: &Note, flow: &Flow) -> NoteView {
    NoteView {
        at_micros: micros(note.at.saturating_sub(flow.started)),
        kind: note.kind.name(),
        text: note.text.clone(),
    }
}
