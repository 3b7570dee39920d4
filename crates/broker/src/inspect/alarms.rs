//! Alarms: what an operator has to know now, and what lately.

use castmq_rules::alarm::{Alarm, Severity};
use serde::{Deserialize, Serialize};

use super::page::Piece;
use super::time::rfc3339;
use super::{Inspect, InspectError, Page, PageRequest};
use crate::Shard;

/// An alarm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct AlarmView {
    /// Which one.
    pub id: String,
    /// `warning`, `error` or `critical`.
    pub severity: &'static str,
    /// What it is, in a few words.
    pub title: String,
    /// One line with figures.
    pub summary: String,
    /// Since when.
    pub since_at: String,
    /// Since when it is over.
    pub cleared_at: Option<String>,
}

/// Which alarms are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
pub struct AlarmsWanted {
    /// Those that are over, newest first, instead of those that are set.
    #[serde(default)]
    pub past: bool,
}

impl Inspect {
    /// Alarms: those that are set by id, or those that are over, the latest first.
    ///
    /// # Errors
    ///
    /// [`InspectError`].
    pub fn alarms(
        &self,
        request: &PageRequest,
        wanted: &AlarmsWanted,
    ) -> Result<Page<AlarmView>, InspectError> {
        if wanted.past {
            self.walk(request, &None, past)
        } else {
            self.walk(request, &None, |shard, from: Option<String>, room| {
                active(shard, from.as_deref(), room)
            })
        }
    }
}

/// Behind the alarm of an id.
fn active(shard: &Shard, from: Option<&str>, room: usize) -> Piece<Option<String>, AlarmView> {
    let mut piece = Piece::new(from.map(str::to_owned), room);
    let Some(alarms) = process(shard) else {
        return piece.end();
    };
    let mut rest = alarms.active_after(from);
    while piece.goes_on() {
        let Some(alarm) = rest.next() else {
            return piece.end();
        };
        piece.look(Some(view(alarm, None)), Some(alarm.id.clone()));
    }
    piece
}

/// Before the alarm of a number: they are counted from the start of the node.
fn past(shard: &mut Shard, from: Option<u64>, room: usize) -> Piece<Option<u64>, AlarmView> {
    let mut piece = Piece::new(from, room);
    let Some(alarms) = process(shard) else {
        return piece.end();
    };
    let mut rest = alarms.past_before(from);
    while piece.goes_on() {
        let Some((number, past)) = rest.next() else {
            return piece.end();
        };
        let cleared = rfc3339(past.cleared.since_epoch());
        piece.look(Some(view(&past.alarm, Some(cleared))), Some(number));
    }
    piece
}

/// Only one arbiter has it.
fn process(shard: &Shard) -> Option<&castmq_rules::alarm::Alarms> {
    let address = shard.world.names.alarm?;
    let alarm = (shard.world.lanes.alarm).peek(address.slot, address.generation)?;
    Some(alarm.alarms())
}

fn view(alarm: &Alarm, cleared_at: Option<String>) -> AlarmView {
    AlarmView {
        id: alarm.id.clone(),
        severity: match alarm.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
            Severity::Critical => "critical",
        },
        title: alarm.title.clone(),
        summary: alarm.summary.clone(),
        since_at: rfc3339(alarm.since.since_epoch()),
        cleared_at,
    }
}
