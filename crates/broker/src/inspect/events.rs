//! What the node told lately.

use castmq_observe::Level;
use serde::{Deserialize, Serialize};

use super::cursor::write_key;
use super::{Inspect, InspectError, Page, PageRequest};

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct EventView {
    /// When.
    pub at: String,
    /// On which arbiter.
    pub arbiter: u16,
    /// `error`, `warn`, `info` or `debug`.
    pub level: &'static str,
    /// What.
    pub event: &'static str,
    /// More of it, as `name=value`, parted by blanks.
    pub fields: String,
}

/// Which events are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
pub struct EventsWanted {
    /// Later than this time, as `at` has it.
    pub since: Option<String>,
    /// The name, or its beginning: `client.` for all of clients.
    pub event: Option<String>,
}

impl Inspect {
    /// The events that are kept, newest first: some hundred of each arbiter.
    ///
    /// # Errors
    ///
    /// [`InspectError::Wrong`] when the cursor is none.
    pub fn events(
        &self,
        request: &PageRequest,
        wanted: &EventsWanted,
    ) -> Result<Page<EventView>, InspectError> {
        let times = self.times();
        // Time in nanoseconds, arbiter, and place among events of the same time.
        let before = request.key::<(u64, (u16, u32))>()?;
        let mut found = Vec::new();
        for (arbiter, events) in (0_u16..).zip(&self.node().events) {
            let mut last = (0, 0);
            for recorded in events.list() {
                let at = u64::try_from(recorded.at.as_nanos()).unwrap_or(u64::MAX);
                last = (at, if last.0 == at { last.1 + 1 } else { 0 });
                let key = (at, (arbiter, last.1));
                let name = recorded.event.name();
                let is_wanted = (wanted.event.as_deref()).is_none_or(|part| name.starts_with(part));
                if !is_wanted || before.is_some_and(|before| key >= before) {
                    continue;
                }
                let view = EventView {
                    at: times.text_since_start(recorded.at),
                    arbiter,
                    level: level(recorded.event.level()),
                    event: name,
                    fields: recorded.fields,
                };
                // Times of one form are in the order of their text.
                if (wanted.since.as_ref()).is_none_or(|since| view.at > *since) {
                    found.push((key, view));
                }
            }
        }
        found.sort_by(|(left, _), (right, _)| right.cmp(left));
        let has_more = found.len() > request.rows();
        found.truncate(request.rows());
        let next = found.last().filter(|_| has_more);
        Ok(Page {
            next: next.map(|(key, _)| write_key(key)),
            items: found.into_iter().map(|(_, view)| view).collect(),
        })
    }
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Debug => "debug",
    }
}
