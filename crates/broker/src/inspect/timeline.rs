//! What happened to a client id, merged from all arbiters.

use std::time::Duration;

use castmq_mqtt::Text;
use castmq_rules::{ClientId, Moment};
use serde::Serialize;

use super::cursor::{Key, write_key};
use super::page::ROWS_MAX;
use super::{Inspect, InspectError, Page, PageRequest};
use crate::timeline::{Entry, Place};

/// Something that happened to a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TimelineEntry {
    /// When.
    pub at: String,
    /// What, in a word.
    pub kind: &'static str,
    /// What, in a sentence.
    pub text: String,
    /// The process that it happened to.
    pub pid: Option<String>,
    /// The arbiter on which it happened.
    pub arbiter: u16,
}

impl Key for Place {
    fn write(&self, text: &mut String) {
        let nanos = self.at.since_start().as_nanos();
        let nanos = u64::try_from(nanos).unwrap_or(u64::MAX);
        (nanos, (self.arbiter, self.number)).write(text);
    }

    fn read(text: &str) -> Option<Self> {
        let (nanos, (arbiter, number)): (u64, (u16, u64)) = Key::read(text)?;
        Some(Self {
            at: Moment::from_start(Duration::from_nanos(nanos)),
            arbiter,
            number,
        })
    }
}

impl Inspect {
    /// What happened to a client id, newest first, over all its connections and sessions, as far as it is
    /// remembered. Nothing of one that nobody knows of.
    ///
    /// # Errors
    ///
    /// [`InspectError`].
    pub fn timeline(
        &self,
        client_id: &str,
        before: Option<&str>,
        limit: Option<u16>,
    ) -> Result<Page<TimelineEntry>, InspectError> {
        let request = PageRequest {
            limit,
            cursor: before.map(str::to_owned),
        };
        let wanted = request.rows();
        let (mut found, has_more) = self.happened(client_id, request.key()?, wanted)?;
        found.truncate(wanted);
        let last = found.last().map(|(place, _)| write_key(place));
        let times = self.times();
        let items = found.into_iter().map(|(place, entry)| TimelineEntry {
            at: times.text(place.at),
            kind: entry.what.kind(),
            text: entry.what.text(),
            pid: entry.process.map(|process| process.to_string()),
            arbiter: place.arbiter,
        });
        Ok(Page {
            items: items.collect(),
            next: last.filter(|_| has_more),
        })
    }

    /// What happened to a client before some place, newest first, and whether there is more.
    pub(super) fn happened(
        &self,
        client_id: &str,
        before: Option<Place>,
        wanted: usize,
    ) -> Result<(Vec<(Place, Entry)>, bool), InspectError> {
        let client_id = client_id_of(client_id)?;
        let mut found = Vec::new();
        for arbiter in 0..self.node().arbiters {
            found.extend(self.happened_on(arbiter, &client_id, (before, wanted))?);
        }
        found.sort_by_key(|(place, _)| std::cmp::Reverse(*place));
        let has_more = found.len() > wanted;
        found.truncate(wanted);
        Ok((found, has_more))
    }

    /// One more than is wanted tells that there is more.
    fn happened_on(
        &self,
        arbiter: u16,
        client_id: &ClientId,
        (mut before, wanted): (Option<Place>, usize),
    ) -> Result<Vec<(Place, Entry)>, InspectError> {
        let mut found: Vec<(Place, Entry)> = Vec::new();
        while found.len() <= wanted {
            let client_id = client_id.clone();
            let room = (wanted + 1 - found.len()).min(ROWS_MAX);
            let piece = self.ask(arbiter, move |shard| {
                let timeline = &shard.world.timeline;
                let piece = timeline.before(&client_id, arbiter, before, room);
                shard.world.node.watched.meter.note(piece.len());
                piece
            })?;
            let is_last = piece.len() < room;
            found.extend(piece);
            before = found.last().map(|(place, _)| *place);
            if is_last {
                break;
            }
        }
        Ok(found)
    }
}

/// What is said to be a client id.
pub(super) fn client_id_of(text: &str) -> Result<ClientId, InspectError> {
    let wrong = |why: String| InspectError::Wrong {
        what: "client id",
        why,
    };
    let client_id = Text::try_from(text).map_err(|error| wrong(error.to_string()))?;
    ClientId::new(client_id).ok_or_else(|| wrong("it is empty; say which client".to_owned()))
}
