//! The recorder: what arbiters did last, and what they had done when something broke.

use std::sync::Arc;

use castmq_observe::{Dump, Moment, ProcessId, What};
use serde::Serialize;

use crate::Shard;
use crate::alarm::{self, AlarmEntry};
use crate::inspect::time::Times;
use crate::inspect::{Inspect, InspectError};
use crate::local::entry_name;
use castmq_rules::alarm::Severity;

/// Moments that one look shows at most.
const MOMENTS_MAX: usize = 1000;

/// One thing that an arbiter did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct MomentView {
    /// When the round began in which it was done.
    pub at: String,
    /// By whom.
    pub pid: String,
    /// The kind of that process.
    pub kind: &'static str,
    /// What was done: `turn`, `read`, `timer`, `failed` or `ended`.
    pub what: &'static str,
    /// Entries that were handled.
    pub entries_count: u16,
    /// The last of them, at most eight.
    pub entries: Vec<&'static str>,
}

/// Something that was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ToldView {
    /// When.
    pub at: String,
    /// What.
    pub event: &'static str,
    /// Its fields as `name=value`.
    pub fields: String,
}

/// What an arbiter did before something broke, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DumpSummary {
    /// Its number.
    pub id: u64,
    /// When it broke.
    pub at: String,
    /// On which arbiter.
    pub arbiter: u16,
    /// Who broke.
    pub pid: Option<String>,
    /// What broke.
    pub cause: String,
}

/// What an arbiter did before something broke.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DumpView {
    /// In short.
    #[serde(flatten)]
    pub summary: DumpSummary,
    /// What was done, the oldest first.
    pub moments: Vec<MomentView>,
    /// What was told, the oldest first.
    pub events: Vec<ToldView>,
}

/// Something has broken: keeps what was done before it; returns the dump's number.
pub(crate) fn dump(shard: &mut Shard, process: Option<ProcessId>, cause: String) -> u64 {
    shard.world.node.dumps.keep(Dump {
        id: 0,
        at: shard.now(),
        arbiter: shard.arbiter,
        process,
        cause,
        moments: shard.recorder.moments().copied().collect(),
        events: shard.events.list(),
    })
}

/// A process has failed: that is a bug, which an operator has to know.
pub(crate) fn failed(shard: &mut Shard, process: ProcessId, message: &str) {
    let kind = kind_of(process);
    let number = dump(shard, Some(process), format!("{kind} failed: {message}"));
    let entry = AlarmEntry::Set {
        id: format!("process_failed.{kind}"),
        severity: Severity::Error,
        title: format!("a {kind} process has failed"),
        summary: format!("{message}; what was done before it is in recorder dump {number}"),
    };
    alarm::tell(shard, entry);
}

fn kind_of(process: ProcessId) -> &'static str {
    crate::kinds::ALL
        .get(usize::from(process.kind))
        .map_or("unknown", |kind| kind.name)
}

fn moment_view(moment: &Moment, arbiter: u16, times: Times) -> MomentView {
    let process = moment.process(arbiter);
    let is_turn = moment.what() == What::Turn;
    let entries = moment.kinds().filter(|_| is_turn);
    MomentView {
        at: times.text_since_start(moment.at()),
        pid: process.to_string(),
        kind: kind_of(process),
        what: moment.what().name(),
        entries_count: if is_turn { moment.entries() } else { 0 },
        entries: entries
            .map(|entry| entry_name(process.kind, entry))
            .collect(),
    }
}

fn summary(dump: &Dump, times: Times) -> DumpSummary {
    DumpSummary {
        id: dump.id,
        at: times.text_since_start(dump.at),
        arbiter: dump.arbiter,
        pid: dump.process.map(|process| process.to_string()),
        cause: dump.cause.clone(),
    }
}

impl Inspect {
    /// What an arbiter did last, the latest last, at most so many moments.
    ///
    /// # Errors
    ///
    /// [`InspectError`] when there is no such arbiter, or it does not answer.
    pub fn moments(&self, arbiter: u16, limit: usize) -> Result<Vec<MomentView>, InspectError> {
        if arbiter >= self.node().arbiters {
            return Err(InspectError::not_found("arbiter", &arbiter.to_string()));
        }
        let limit = limit.clamp(1, MOMENTS_MAX);
        // The ring is copied as it is: 128 KiB, whatever is wanted of it.
        let moments = self.ask(arbiter, |shard| {
            shard.recorder.moments().copied().collect::<Vec<_>>()
        })?;
        let times = self.times();
        let first = moments.len().saturating_sub(limit);
        let last = moments.into_iter().skip(first);
        Ok(last
            .map(|moment| moment_view(&moment, arbiter, times))
            .collect())
    }

    /// What arbiters had done when something broke, the oldest first.
    #[must_use]
    pub fn dumps(&self) -> Vec<DumpSummary> {
        let times = self.times();
        let dumps = self.node().dumps.list();
        dumps.iter().map(|dump| summary(dump, times)).collect()
    }

    /// One of them.
    ///
    /// # Errors
    ///
    /// [`InspectError::NotFound`] when there is none of that number.
    pub fn dump(&self, id: u64) -> Result<DumpView, InspectError> {
        let times = self.times();
        let dumps: Vec<Arc<Dump>> = self.node().dumps.list();
        let dump = dumps.into_iter().find(|dump| dump.id == id);
        let dump = dump.ok_or_else(|| InspectError::not_found("dump", &id.to_string()))?;
        let moments = dump.moments.iter();
        let events = dump.events.iter();
        Ok(DumpView {
            summary: summary(&dump, times),
            moments: moments
                .map(|moment| moment_view(moment, dump.arbiter, times))
                .collect(),
            events: events
                .map(|told| ToldView {
                    at: times.text_since_start(told.at),
                    event: told.event.name(),
                    fields: told.fields.clone(),
                })
                .collect(),
        })
    }
}
