//! One process in full.

use castmq_observe::ProcessId;
use serde::Serialize;
use serde_json::Value;

use super::architecture::Passport;
use super::state;
use super::{Inspect, InspectError, ProcessView};
use crate::local;

/// Entries of a lane that are shown.
const LANE_SHOWN: usize = 32;

/// A process in full.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ProcessDetail {
    /// What the list says.
    #[serde(flatten)]
    pub process: ProcessView,
    /// Its fields, without what is secret or large.
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub state: Value,
    /// What waits in its lane, the oldest first, the first 32.
    pub lane: Vec<&'static str>,
    /// The processes that it knows by itself.
    pub links: Vec<LinkView>,
    /// What its file says of its kind.
    pub passport: Option<Passport>,
}

/// A process that another one knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LinkView {
    /// Which.
    pub pid: String,
    /// What it is to the other one.
    pub role: &'static str,
}

impl Inspect {
    /// A process in full, by its pid; the brackets may be left out.
    ///
    /// # Errors
    ///
    /// [`InspectError::NotFound`] when it has ended.
    pub fn process(&self, pid: &str) -> Result<ProcessDetail, InspectError> {
        let none = || InspectError::not_found("process", pid);
        let id = parse(pid)?;
        if id.arbiter >= self.node().arbiters {
            return Err(none());
        }
        let found = self.ask(id.arbiter, move |shard| {
            let (state, links) = local::seen(shard, id)?;
            let lane = local::waiting(shard, id, LANE_SHOWN);
            let kind = crate::kinds::ALL.get(usize::from(id.kind))?;
            let state = with_tables(state, state::tables(shard, kind.name));
            Some((state, links, lane))
        })?;
        let (state, links, lane) = found.ok_or_else(none)?;
        let process = self.view_of(id).ok_or_else(none)?;
        let links = links.into_iter().map(|(id, role)| LinkView {
            pid: id.to_string(),
            role,
        });
        Ok(ProcessDetail {
            passport: Passport::of(process.kind).copied(),
            process,
            state,
            lane,
            links: links.collect(),
        })
    }
}

fn with_tables(mut state: Value, tables: Option<Value>) -> Value {
    if let (Value::Object(state), Some(tables)) = (&mut state, tables) {
        state.insert("tables".to_owned(), tables);
    }
    state
}

fn parse(pid: &str) -> Result<ProcessId, InspectError> {
    let inner = pid
        .strip_prefix('<')
        .and_then(|rest| rest.strip_suffix('>'));
    let mut numbers = inner.unwrap_or(pid).split('.');
    let id = (|| {
        let id = ProcessId {
            arbiter: numbers.next()?.parse().ok()?,
            kind: numbers.next()?.parse().ok()?,
            slot: numbers.next()?.parse().ok()?,
            generation: numbers.next()?.parse().ok()?,
        };
        numbers.next().is_none().then_some(id)
    })();
    id.ok_or_else(|| InspectError::Wrong {
        what: "pid",
        why: "it has four numbers, as <0.1.2.3>; /processes lists those that live".to_owned(),
    })
}
