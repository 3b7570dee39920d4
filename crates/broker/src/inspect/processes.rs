//! Processes: their records, read without locks on the thread that asks.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use castmq_observe::{ProcessId, ProcessRecord};
use serde::{Deserialize, Serialize};

use super::cursor::write_key;
use super::readings::Lately;
use super::time::micros;
use super::tree::supervisor_of;
use super::{Inspect, InspectError, Page, PageRequest};
use crate::local::entry_name;

/// A process.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ProcessView {
    /// Which: `<arbiter.kind.slot.generation>`.
    pub pid: String,
    /// emqttd's name for its kind.
    pub kind: &'static str,
    /// What it is called among its kind: a client id, a listener's name, else empty.
    pub name: String,
    /// The place in the supervision tree that it is below.
    pub parent: String,
    /// The arbiter that it lives on.
    pub arbiter: u16,
    /// Entries in its lane.
    pub depth: u32,
    /// Most entries that were in its lane.
    pub peak: u32,
    /// How long the last sampled entry waited in the lane.
    pub wait_micros: f64,
    /// Entries handled.
    pub handled_count: u64,
    /// Entries handled in a second, lately.
    pub rate_per_second: f64,
    /// The part of its arbiter's time that it took, lately: 0 to 1.
    pub busy_share: f64,
    /// Time spent in turns, estimated from samples.
    pub busy_micros: f64,
    /// The longest sampled turn.
    pub longest_turn_micros: f64,
    /// Entries thrown away unhandled.
    pub dropped_count: u32,
    /// How often its supervisor started it again.
    pub restarts_count: u16,
    /// What it handled last.
    pub last_entry: &'static str,
}

/// All processes of a kind on an arbiter together.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ProcessSummary {
    /// emqttd's name for the kind.
    pub kind: &'static str,
    /// Which arbiter.
    pub arbiter: u16,
    /// How many there are.
    pub count: u64,
    /// Entries in their lanes.
    pub depth: u64,
    /// The deepest lane now.
    pub depth_max: u32,
    /// The longest of the last sampled waits.
    pub wait_max_micros: f64,
    /// Entries handled by those that live.
    pub handled_count: u64,
    /// Entries handled in a second, lately.
    pub rate_per_second: f64,
    /// The part of the arbiter's time that they took, lately: 0 to 1.
    pub busy_share: f64,
    /// The longest sampled turn of those that live.
    pub longest_turn_micros: f64,
    /// Entries thrown away unhandled.
    pub dropped_count: u64,
    /// How often their supervisor started them again.
    pub restarts_count: u64,
}

/// What processes are sorted by, the highest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ProcessSort {
    /// Entries in the lane.
    Depth,
    /// Most entries that were in the lane.
    Peak,
    /// The wait of the last sampled entry.
    Wait,
    /// The part of the arbiter's time.
    Busy,
    /// Entries handled in a second.
    Rate,
    /// Entries handled.
    Handled,
    /// Restarts.
    Restarts,
}

/// Which processes are wanted, and in which order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
pub struct ProcessesWanted {
    /// The highest first; usually in the order of their records.
    pub sort: Option<ProcessSort>,
    /// emqttd's name of their kind.
    pub kind: Option<String>,
    /// A part of the name or of the pid.
    pub search: Option<String>,
    /// The arbiter that they live on.
    pub arbiter: Option<u16>,
}

impl ProcessesWanted {
    fn wants(&self, record: &ProcessRecord) -> bool {
        let kind = self.kind.as_deref();
        let search = self.search.as_deref();
        kind.is_none_or(|kind| record.kind == kind)
            && (self.arbiter).is_none_or(|arbiter| record.id.arbiter == arbiter)
            && search.is_none_or(|part| {
                record.name.contains(part) || record.id.to_string().contains(part)
            })
    }
}

/// A process in an order; the first is the greatest.
struct Ranked {
    key: (Reverse<u64>, u16, u32),
    record: ProcessRecord,
    lately: Lately,
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Ranked {}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key.cmp(&other.key)
    }
}

impl Inspect {
    /// Processes. Sorted by what changes, one that moves past the cursor may be missed.
    ///
    /// # Errors
    ///
    /// [`InspectError::Wrong`] when the cursor is none.
    pub fn processes(
        &self,
        request: &PageRequest,
        wanted: &ProcessesWanted,
    ) -> Result<Page<ProcessView>, InspectError> {
        let after = request.key::<(u64, (u16, u32))>()?;
        let after = after.map(|(value, (arbiter, index))| (Reverse(value), arbiter, index));
        let rows = request.rows();
        let mut first: BinaryHeap<Ranked> = BinaryHeap::with_capacity(rows + 2);
        self.read_all(|index, record, lately| {
            let value = value_of(wanted.sort, &record, lately);
            let key = (Reverse(value), record.id.arbiter, index);
            let is_before_cursor = after.is_some_and(|after| key <= after);
            let is_late = first.len() > rows && first.peek().is_some_and(|last| last.key < key);
            if is_before_cursor || is_late || !wanted.wants(&record) {
                return;
            }
            first.push(Ranked {
                key,
                record,
                lately,
            });
            if first.len() > rows + 1 {
                first.pop();
            }
        });
        let mut ranked = first.into_sorted_vec();
        let has_more = ranked.len() > rows;
        ranked.truncate(rows);
        let next = ranked.last().filter(|_| has_more).map(|last| {
            let (Reverse(value), arbiter, index) = last.key;
            write_key(&(value, (arbiter, index)))
        });
        let items = ranked.iter().map(|row| view(&row.record, row.lately));
        Ok(Page {
            items: items.collect(),
            next,
        })
    }

    /// A process as the list shows it.
    pub(super) fn view_of(&self, id: ProcessId) -> Option<ProcessView> {
        let mut found = None;
        self.read_all(|_, record, lately| {
            if record.id == id {
                found = Some(view(&record, lately));
            }
        });
        found
    }

    /// All processes by kind and arbiter.
    #[must_use]
    pub fn processes_summary(&self) -> Vec<ProcessSummary> {
        let mut all: BTreeMap<(u8, u16), ProcessSummary> = BTreeMap::new();
        self.read_all(|_, record, lately| {
            let key = (record.id.kind, record.id.arbiter);
            let sum = all.entry(key).or_insert_with(|| empty(&record));
            sum.count += 1;
            sum.depth += u64::from(record.depth);
            sum.depth_max = sum.depth_max.max(record.depth);
            sum.wait_max_micros = sum.wait_max_micros.max(micros(record.wait));
            sum.handled_count += record.handled;
            sum.rate_per_second += lately.rate_per_second;
            sum.busy_share += lately.busy_share;
            sum.longest_turn_micros = sum.longest_turn_micros.max(micros(record.longest_turn));
            sum.dropped_count += u64::from(record.dropped);
            sum.restarts_count += u64::from(record.restarts);
        });
        all.into_values().collect()
    }
}

fn value_of(sort: Option<ProcessSort>, record: &ProcessRecord, lately: Lately) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "neither negative nor large, and a rank need not be exact"
    )]
    let thousandths = |value: f64| (value * 1000.0) as u64;
    match sort {
        None => 0,
        Some(ProcessSort::Depth) => record.depth.into(),
        Some(ProcessSort::Peak) => record.peak.into(),
        Some(ProcessSort::Wait) => u64::try_from(record.wait.as_micros()).unwrap_or(u64::MAX),
        Some(ProcessSort::Busy) => thousandths(lately.busy_share * 1000.0),
        Some(ProcessSort::Rate) => thousandths(lately.rate_per_second),
        Some(ProcessSort::Handled) => record.handled,
        Some(ProcessSort::Restarts) => record.restarts.into(),
    }
}

fn view(record: &ProcessRecord, lately: Lately) -> ProcessView {
    ProcessView {
        pid: record.id.to_string(),
        kind: record.kind,
        name: record.name.to_string(),
        parent: supervisor_of(record.kind).to_owned(),
        arbiter: record.id.arbiter,
        depth: record.depth,
        peak: record.peak,
        wait_micros: micros(record.wait),
        handled_count: record.handled,
        rate_per_second: lately.rate_per_second,
        busy_share: lately.busy_share,
        busy_micros: micros(record.busy),
        longest_turn_micros: micros(record.longest_turn),
        dropped_count: record.dropped,
        restarts_count: record.restarts,
        last_entry: match record.last_entry {
            0 => "nothing",
            entry => entry_name(record.id.kind, entry),
        },
    }
}

fn empty(record: &ProcessRecord) -> ProcessSummary {
    ProcessSummary {
        kind: record.kind,
        arbiter: record.id.arbiter,
        count: 0,
        depth: 0,
        depth_max: 0,
        wait_max_micros: 0.0,
        handled_count: 0,
        rate_per_second: 0.0,
        busy_share: 0.0,
        longest_turn_micros: 0.0,
        dropped_count: 0,
        restarts_count: 0,
    }
}
