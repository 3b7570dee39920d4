//! Faults on purpose: an operator pauses, slows or crashes one process, or has it lose entries or handle
//! them twice, until a moment that is told in advance, to see what becomes of the others.
//!
//! Only with `debug.fault_injection = true`. Each fault is an event, and ends by itself.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use castmq_observe::{Event, ProcessId};
use castmq_otp::{Fault, FaultKind};
use serde::{Deserialize, Serialize};

use crate::inspect::time::{Times, micros};
use crate::inspect::{Inspect, InspectError};
use crate::{Shard, local};

/// The longest that a fault may last.
const LONGEST: Duration = Duration::from_secs(3600);
/// Faults at a time.
const FAULTS_MAX: usize = 64;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FaultWord {
    /// The process has no turn, and its socket is not read.
    Pause,
    /// It handles one entry in so long.
    Slow,
    /// One of so many of its entries is thrown away.
    Drop,
    /// One of so many of its entries is handled twice, where that can be.
    Duplicate,
    /// Its next turn fails as by a bug.
    Panic,
}

/// Which actor of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ActorWord {
    /// Its connection.
    Client,
    /// Its session.
    Session,
}

/// What is to go wrong, with whom, and for how long.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct FaultRequest {
    /// What.
    pub kind: FaultWord,
    /// The process: its pid, or its kind where there is one of that kind, `router` for example.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<String>,
    /// Instead: the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// Which actor of the client; usually its session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<ActorWord>,
    /// How long; usually 10 s, at most an hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// With `drop` and `duplicate`: one of so many; usually every one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub one_in: Option<u32>,
    /// With `slow`: how long one entry takes; usually 100 000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry_micros: Option<u64>,
}

/// Something that goes wrong on purpose.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct FaultView {
    /// Its number.
    pub id: u64,
    /// What goes wrong.
    pub kind: FaultWord,
    /// With whom.
    pub pid: String,
    /// The kind of that process.
    pub process_kind: &'static str,
    /// What it is called among its kind.
    pub name: String,
    /// When it is over.
    pub until_at: String,
    /// Until then.
    pub left_seconds: f64,
    /// One of so many entries.
    pub one_in: Option<u32>,
    /// How long one entry takes.
    pub entry_micros: Option<f64>,
}

#[derive(Clone, Debug)]
struct Row {
    id: u64,
    process: ProcessId,
    kind: &'static str,
    name: String,
    word: FaultWord,
    fault: Fault,
}

/// The faults of a node.
#[derive(Debug, Default)]
pub struct Faults {
    rows: Mutex<(u64, Vec<Row>)>,
}

impl Faults {
    /// Forgets those that are over, and does something with the others.
    fn with<R>(&self, now: Duration, work: impl FnOnce(&mut u64, &mut Vec<Row>) -> R) -> R {
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, rows) = &mut *rows;
        rows.retain(|row| row.fault.until > now);
        work(last, rows)
    }
}

impl FaultRequest {
    fn fault(&self, now: Duration) -> Result<Fault, InspectError> {
        let seconds = self.seconds.unwrap_or(10.0);
        let lasts = Duration::try_from_secs_f64(seconds).ok();
        let lasts = lasts.filter(|lasts| !lasts.is_zero() && *lasts <= LONGEST);
        let lasts = lasts.ok_or_else(|| {
            let most = LONGEST.as_secs();
            wrong(
                "seconds",
                format!("{seconds} is not above 0 and at most {most}"),
            )
        })?;
        let one_in = self.one_in.unwrap_or(1);
        if one_in == 0 {
            return Err(wrong("one_in", "it is 0: 1 is every entry".to_owned()));
        }
        let each = Duration::from_micros(self.entry_micros.unwrap_or(100_000));
        let kind = match self.kind {
            FaultWord::Pause => FaultKind::Pause,
            FaultWord::Slow => FaultKind::Slow(each),
            FaultWord::Drop => FaultKind::Drop(one_in),
            FaultWord::Duplicate => FaultKind::Duplicate(one_in),
            FaultWord::Panic => FaultKind::Panic,
        };
        Ok(Fault {
            kind,
            until: now + lasts,
        })
    }
}

fn wrong(what: &'static str, why: String) -> InspectError {
    InspectError::Wrong { what, why }
}

impl Inspect {
    fn may_fail(&self) -> Result<(), InspectError> {
        if self.node().settings.debug.fault_injection {
            return Ok(());
        }
        let why = "faults on purpose are off: set debug.fault_injection = true and start again";
        Err(InspectError::Refused(why.to_owned()))
    }

    /// The process that is meant: one, and no more.
    fn meant(
        &self,
        request: &FaultRequest,
    ) -> Result<(ProcessId, &'static str, String), InspectError> {
        let all = self.node().records.iter();
        let all = all.flat_map(|records| records.list());
        let found = |record: castmq_observe::ProcessRecord| {
            (record.id, record.kind, record.name.to_string())
        };
        match (&request.process, &request.client) {
            (Some(process), None) => {
                let text = process.trim_matches(['<', '>']);
                let is_meant = |record: &castmq_observe::ProcessRecord| {
                    record.id.to_string().trim_matches(['<', '>']) == text || record.kind == text
                };
                let mut meant = all.filter(is_meant);
                let first = meant.next();
                if meant.next().is_some() {
                    let why = format!("there are several of '{process}': say which by its pid");
                    return Err(wrong("process", why));
                }
                first
                    .map(found)
                    .ok_or_else(|| InspectError::not_found("process", process))
            }
            (None, Some(client)) => {
                let kind = match request.actor.unwrap_or(ActorWord::Session) {
                    ActorWord::Client => "client",
                    ActorWord::Session => "session",
                };
                let mut all = all;
                all.find(|record| record.kind == kind && *record.name == **client)
                    .map(found)
                    .ok_or_else(|| InspectError::not_found(kind, client))
            }
            _ => Err(wrong(
                "process",
                "say either a process or a client, and not both".to_owned(),
            )),
        }
    }

    /// What goes wrong on purpose now.
    ///
    /// # Errors
    ///
    /// [`InspectError::Refused`] when the settings do not allow faults.
    pub fn faults(&self) -> Result<Vec<FaultView>, InspectError> {
        self.may_fail()?;
        let times = self.times();
        let faults = &self.node().faults;
        let rows = faults.with(times.uptime(), |_, rows| rows.clone());
        Ok(rows.iter().map(|row| view(row, times)).collect())
    }

    /// Has something go wrong.
    ///
    /// # Errors
    ///
    /// [`InspectError`] when the settings do not allow it, when it is not clear with whom, or for how
    /// long.
    pub fn add_fault(&self, request: &FaultRequest) -> Result<FaultView, InspectError> {
        self.may_fail()?;
        let times = self.times();
        let now = times.uptime();
        let fault = request.fault(now)?;
        let (process, kind, name) = self.meant(request)?;
        let row = self.node().faults.with(now, |last, rows| {
            if rows.len() >= FAULTS_MAX {
                let why = format!("{FAULTS_MAX} faults are under way: take one back first");
                return Err(InspectError::Refused(why));
            }
            // One at a time for each process: the last one holds.
            rows.retain(|row| row.process != process);
            *last += 1;
            let row = Row {
                id: *last,
                process,
                kind,
                name,
                word: request.kind,
                fault,
            };
            rows.push(row.clone());
            Ok(row)
        })?;
        let tells = row.clone();
        let lives = self.ask(process.arbiter, move |shard| begin(shard, &tells))?;
        if !lives {
            self.node()
                .faults
                .with(now, |_, rows| rows.retain(|other| other.id != row.id));
            return Err(InspectError::not_found("process", &process.to_string()));
        }
        Ok(view(&row, times))
    }

    /// Has everything go right again with a process.
    ///
    /// # Errors
    ///
    /// [`InspectError::NotFound`] when there is no fault of that number.
    pub fn remove_fault(&self, id: u64) -> Result<(), InspectError> {
        self.may_fail()?;
        let now = self.times().uptime();
        let row = self.node().faults.with(now, |_, rows| {
            let at = rows.iter().position(|row| row.id == id)?;
            Some(rows.remove(at))
        });
        let row = row.ok_or_else(|| InspectError::not_found("fault", &id.to_string()))?;
        self.ask(row.process.arbiter, move |shard| {
            local::set_fault(shard, row.process, None);
        })
    }
}

fn begin(shard: &mut Shard, row: &Row) -> bool {
    shard.tell(
        Event::FaultInjected,
        &[
            ("process", &row.kind),
            ("name", &row.name),
            ("id", &row.process),
            ("fault", &format_args!("{:?}", row.word)),
        ],
    );
    local::set_fault(shard, row.process, Some(row.fault))
}

fn view(row: &Row, times: Times) -> FaultView {
    let (one_in, each) = match row.fault.kind {
        FaultKind::Drop(one_in) | FaultKind::Duplicate(one_in) => (Some(one_in), None),
        FaultKind::Slow(each) => (None, Some(micros(each))),
        FaultKind::Pause | FaultKind::Panic => (None, None),
    };
    FaultView {
        id: row.id,
        kind: row.word,
        pid: row.process.to_string(),
        process_kind: row.kind,
        name: row.name.clone(),
        until_at: times.text_since_start(row.fault.until),
        left_seconds: row.fault.until.saturating_sub(times.uptime()).as_secs_f64(),
        one_in,
        entry_micros: each,
    }
}
