//! Traces: one stimulus and everything that it causes, hop by hop, on all arbiters.
//!
//! A *flow* begins where something comes from outside, with a packet say. While an arbiter handles it,
//! it holds the flow's [`Token`], and marks with it what it puts into lanes and outboxes, as
//! Erlang's `seq_trace` does with messages. Each entry that is handled under a token is a *hop*.
//!
//! A *trace* says which stimuli begin a flow, and has a budget: of flows, of events, of bytes and of
//! time. It ends by itself when one of them is spent. Arbiters write into buffers of their own and
//! hand them over once a round; a reader stops nobody.

mod flow;
mod meter;
mod tracer;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use flow::{Flow, Hop, Note, NoteKind};
pub use meter::{Budget, Ended, Meter, Spent};
pub use tracer::{Arrival, Start, Token, Tracer};

use flow::Told;

/// Traces that are kept, running ones among them.
const TRACES_MAX: usize = 32;
/// Traces that run at a time.
const RUNNING_MAX: usize = 8;

/// There are as many traces as there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{RUNNING_MAX} traces run already: stop one of them first")]
pub struct TooMany;

/// A trace as a reader sees it.
#[derive(Clone, Debug)]
pub struct TraceRecord<W> {
    /// Its number, from 1.
    pub id: u32,
    /// What it is for.
    pub wants: W,
    /// What it may use up.
    pub budget: Budget,
    /// What it has used up.
    pub spent: Spent,
    /// Why it is over; `None` while it runs.
    pub ended: Option<Ended>,
    /// When it began, counted from the start of the node.
    pub started: Duration,
}

#[derive(Debug)]
struct Trace<W> {
    wants: W,
    meter: Arc<Meter>,
    started: Duration,
}

#[derive(Debug)]
struct Kept<W> {
    traces: BTreeMap<u32, Trace<W>>,
    flows: BTreeMap<u64, Arc<Flow>>,
    last: u32,
}

/// All traces of a node; `W` is what a trace is for.
#[derive(Debug)]
pub struct Traces<W> {
    kept: Mutex<Kept<W>>,
    /// Changes whenever a trace begins or ends, so that arbiters need not look further.
    version: AtomicU32,
    changes: AtomicU64,
    flows: AtomicU64,
}

impl<W> Default for Traces<W> {
    fn default() -> Self {
        Self {
            kept: Mutex::new(Kept {
                traces: BTreeMap::new(),
                flows: BTreeMap::new(),
                last: 0,
            }),
            version: AtomicU32::new(0),
            changes: AtomicU64::new(0),
            flows: AtomicU64::new(0),
        }
    }
}

impl<W: Clone> Traces<W> {
    /// Begins a trace; returns its number. The oldest that is over makes room.
    ///
    /// # Errors
    ///
    /// [`TooMany`] when too many run.
    pub fn start(&self, wants: W, budget: Budget, now: Duration) -> Result<u32, TooMany> {
        let mut kept = self.lock();
        let is_over = |trace: &Trace<W>| trace.meter.ended(now).is_some();
        let running = kept.traces.values().filter(|trace| !is_over(trace)).count();
        if running >= RUNNING_MAX {
            return Err(TooMany);
        }
        while kept.traces.len() >= TRACES_MAX {
            let oldest = kept.traces.iter().find(|(_, trace)| is_over(trace));
            let Some(oldest) = oldest.map(|(id, _)| *id) else {
                break;
            };
            forget(&mut kept, oldest);
        }
        kept.last += 1;
        let id = kept.last;
        let trace = Trace {
            wants,
            meter: Arc::new(Meter::new(id, budget, now)),
            started: now,
        };
        kept.traces.insert(id, trace);
        self.version.fetch_add(1, Relaxed);
        Ok(id)
    }

    /// Ends a trace; whether there is one. What it has found stays.
    pub fn stop(&self, id: u32) -> bool {
        let kept = self.lock();
        let Some(trace) = kept.traces.get(&id) else {
            return false;
        };
        trace.meter.end(Ended::Stopped);
        self.version.fetch_add(1, Relaxed);
        true
    }

    /// Forgets a trace and its flows; whether there was one.
    pub fn remove(&self, id: u32) -> bool {
        let mut kept = self.lock();
        if let Some(trace) = kept.traces.get(&id) {
            trace.meter.end(Ended::Stopped);
        }
        self.version.fetch_add(1, Relaxed);
        forget(&mut kept, id)
    }

    /// All traces that are remembered, in their order.
    #[must_use]
    pub fn list(&self, now: Duration) -> Vec<TraceRecord<W>> {
        let kept = self.lock();
        let records = kept.traces.iter();
        records.map(|(id, trace)| trace.record(*id, now)).collect()
    }

    /// One trace.
    #[must_use]
    pub fn get(&self, id: u32, now: Duration) -> Option<TraceRecord<W>> {
        let kept = self.lock();
        kept.traces.get(&id).map(|trace| trace.record(id, now))
    }

    /// Flows of a trace that changed behind that change and before that moment, in the order of their
    /// last changes, at most so many. A flow comes again when more of it is known.
    #[must_use]
    pub fn flows(&self, trace: u32, after: u64, before: Duration, limit: usize) -> Vec<Arc<Flow>> {
        let kept = self.lock();
        let flows = kept.flows.values();
        let mut changed: Vec<&Arc<Flow>> = flows
            .filter(|flow| flow.changed > after && flow.changed_at <= before)
            .filter(|flow| flow.traces.contains(&trace))
            .collect();
        changed.sort_by_key(|flow| flow.changed);
        changed.into_iter().take(limit).cloned().collect()
    }

    /// What runs now, for an arbiter that finds the version changed; traces with flows that are still
    /// followed among it.
    #[must_use]
    pub fn running(&self, now: Duration) -> Vec<(W, Arc<Meter>)> {
        let kept = self.lock();
        let running = kept.traces.values();
        running
            .filter(|trace| trace.meter.takes(now))
            .map(|trace| (trace.wants.clone(), Arc::clone(&trace.meter)))
            .collect()
    }

    /// Takes over what an arbiter has written, unless somebody reads: then it comes a round later. What
    /// belongs to no trace that still takes anything is left out, and counted.
    pub(crate) fn absorb(&self, told: &mut Vec<Told>, now: Duration) {
        let Ok(mut kept) = self.kept.try_lock() else {
            return;
        };
        let Kept { traces, flows, .. } = &mut *kept;
        for told in told.drain(..) {
            let change = self.changes.fetch_add(1, Relaxed) + 1;
            let (number, bytes) = match &told {
                Told::Flow(flow) => (flow.number, flow.bytes()),
                Told::Hop { flow, hop } => (*flow, hop.bytes()),
                Told::Note { flow, note, .. } => (*flow, note.bytes()),
            };
            if let Told::Flow(mut flow) = told {
                (flow.changed, flow.changed_at) = (change, now);
                flows.insert(number, Arc::new(*flow));
                charge(traces, flows.get(&number), bytes, now);
                continue;
            }
            if !charge(traces, flows.get(&number), bytes, now) {
                continue;
            }
            let Some(flow) = flows.get_mut(&number) else {
                continue;
            };
            let flow = Arc::make_mut(flow);
            (flow.changed, flow.changed_at) = (change, now);
            match told {
                Told::Hop { hop, .. } => flow.take(hop),
                Told::Note { hop, note, .. } => flow.note(hop, note),
                Told::Flow(_) => {}
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Kept<W>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<W> Traces<W> {
    /// A number for a flow that begins.
    #[must_use]
    pub fn next_flow(&self) -> u64 {
        self.flows.fetch_add(1, Relaxed) + 1
    }

    /// Changes whenever a trace begins or is ended.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version.load(Relaxed)
    }
}

impl<W: Clone> Trace<W> {
    fn record(&self, id: u32, now: Duration) -> TraceRecord<W> {
        TraceRecord {
            id,
            wants: self.wants.clone(),
            budget: self.meter.budget(),
            spent: self.meter.spent(now),
            ended: self.meter.ended(now),
            started: self.started,
        }
    }
}

/// Writes something on the account of the traces of a flow; whether one of them still takes it.
fn charge<W>(
    traces: &BTreeMap<u32, Trace<W>>,
    flow: Option<&Arc<Flow>>,
    bytes: u64,
    now: Duration,
) -> bool {
    let mut is_taken = false;
    let of = flow.into_iter().flat_map(|flow| &flow.traces);
    for trace in of.filter_map(|id| traces.get(id)) {
        if trace.meter.takes(now) {
            trace.meter.charge(bytes);
            is_taken = true;
        } else {
            trace.meter.note_left_out();
        }
    }
    is_taken
}

fn forget<W>(kept: &mut Kept<W>, id: u32) -> bool {
    kept.flows.retain(|_, flow| {
        if flow.traces.contains(&id) {
            Arc::make_mut(flow).traces.retain(|trace| *trace != id);
        }
        !flow.traces.is_empty()
    });
    kept.traces.remove(&id).is_some()
}

#[cfg(test)]
mod tests;
