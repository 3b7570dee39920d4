//! Reads every row and says what is wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use super::{SINCE_EPOCH, Subject, body_of, queued, read_row};
use crate::codec::meta;
use crate::committer::read_progress;
use crate::{SessionKey, Space, StoreError, space};

/// How many damaged rows are named.
const NAMED_MAX: usize = 100;

/// Rows of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rows {
    /// Which kind.
    pub space: Space,
    /// How many.
    pub len: u64,
    /// Bytes of their keys and values.
    pub bytes: u64,
}

/// What is in a store, and what is wrong with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many rows there are of each kind.
    pub rows: Vec<Rows>,
    /// The last commit.
    pub commit: u64,
    /// The last commit that was on the disk for certain, as far as that was written down.
    pub promised: Option<u64>,
    /// Damaged rows, the first of them by name.
    pub damaged: Vec<String>,
    /// How many there are.
    pub damaged_len: u64,
    /// Kinds of which not all rows could be reached: a block of several is damaged.
    pub unread: Vec<Space>,
    /// Messages of queues whose body is missing.
    pub bodies_missing: u64,
    /// Bodies to which nothing refers. They go after the next start.
    pub bodies_orphaned: u64,
    /// Sessions that are over and still have rows. Those go after the next start.
    pub sessions_ended: u64,
    /// Rows of sessions that there are not. They go after the next start.
    pub rows_orphaned: u64,
    /// Room on the disk, in bytes.
    pub disk_bytes: u64,
}

impl Report {
    /// Whether everything that was acknowledged is there, as far as can be seen.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.damaged_len == 0
            && self.bodies_missing == 0
            && self.promised.is_none_or(|promised| promised <= self.commit)
    }

    /// How many rows there are of a kind.
    #[must_use]
    pub fn rows_of(&self, space: Space) -> u64 {
        let rows = self.rows.iter().find(|rows| rows.space == space);
        rows.map_or(0, |rows| rows.len)
    }
}

/// Reads every row of the store in a directory and says what is wrong.
///
/// # Errors
///
/// [`StoreError`] when the store cannot be opened or read at all. Damaged rows are in the report.
pub fn check(path: &Path) -> Result<Report, StoreError> {
    let (mut report, subject) = look(path, read_row)?;
    if report.unread.is_empty() {
        report.count_references(&subject)?;
    }
    Ok(report)
}

/// Counts the rows of the store in a directory, without looking into them.
///
/// # Errors
///
/// [`StoreError`] when the store cannot be opened or read.
pub fn stats(path: &Path) -> Result<Report, StoreError> {
    Ok(look(path, |_, _, _| Ok(()))?.0)
}

/// Says whether a row can be read.
type Judge = fn(Space, &[u8], &[u8]) -> Result<(), StoreError>;

fn look(path: &Path, judge: Judge) -> Result<(Report, Subject), StoreError> {
    let mut subject = Subject::open(path)?;
    let mut report = Report {
        disk_bytes: subject.store.disk_bytes()?,
        ..Report::default()
    };
    match subject.directory.promised() {
        Ok(promised) => report.promised = promised,
        Err(error) => report.damage(&error),
    }
    for space in Space::ALL {
        let mut rows = Rows {
            space,
            len: 0,
            bytes: 0,
        };
        let read = subject.each(space, |key, value| {
            rows.len += 1;
            rows.bytes += (key.len() + value.len()) as u64;
            if let Err(error) = judge(space, key, value) {
                report.damage(&error);
            }
            Ok(())
        });
        match read {
            Err(StoreError::DamagedBlock { .. }) => report.block_damaged(&rows),
            read => read?,
        }
        report.rows.push(rows);
    }
    if let Ok(progress) = read_progress(&*subject.store, SINCE_EPOCH) {
        report.commit = progress.sequence;
    }
    Ok((report, subject))
}

impl Report {
    fn damage(&mut self, error: &StoreError) {
        self.name(error.to_string());
    }

    fn block_damaged(&mut self, rows: &Rows) {
        let Rows { space, len, .. } = rows;
        self.unread.push(*space);
        let space = space.name();
        self.name(format!(
            "{space}: a block of a table is damaged, behind {len} rows that were read; what comes behind \
             it was not looked at, nor what refers to what"
        ));
    }

    fn name(&mut self, damage: String) {
        self.damaged_len += 1;
        if self.damaged.len() < NAMED_MAX {
            self.damaged.push(damage);
        }
    }

    fn count_references(&mut self, subject: &Subject) -> Result<(), StoreError> {
        let mut sessions = BTreeSet::new();
        subject.each(Space::Sessions, |key, _| {
            sessions.extend(space::split_session(key).map(|(session, _)| session));
            Ok(())
        })?;
        let mut ended = BTreeSet::new();
        let (from, _) = meta::all_ended();
        subject.each(Space::Meta, |key, _| {
            if key.starts_with(from) {
                ended.extend(meta::split_ended(key));
            }
            Ok(())
        })?;
        self.sessions_ended = ended.len() as u64;
        let is_orphan =
            |session: SessionKey| !sessions.contains(&session) && !ended.contains(&session);
        let mut orphaned = 0;
        for space in [
            Space::Subscriptions,
            Space::Released,
            Space::Received,
            Space::Ends,
        ] {
            subject.each(space, |key, _| {
                let session = space::split_session(key).map(|(session, _)| session);
                orphaned += u64::from(session.is_some_and(is_orphan));
                Ok(())
            })?;
        }
        let mut bodies = BTreeMap::new();
        subject.each(Space::Bodies, |key, _| {
            bodies.extend(space::split_body(key).map(|id| (id, false)));
            Ok(())
        })?;
        subject.each(Space::Queue, |key, value| {
            let Ok((session, _, row)) = queued(key, value) else {
                return Ok(());
            };
            orphaned += u64::from(is_orphan(session));
            match body_of(&row).map(|id| bodies.get_mut(&id)) {
                Some(Some(is_referred_to)) => *is_referred_to = true,
                Some(None) => self.bodies_missing += u64::from(sessions.contains(&session)),
                None => {}
            }
            Ok(())
        })?;
        self.rows_orphaned = orphaned;
        self.bodies_orphaned = bodies.values().filter(|is| !**is).count() as u64;
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for rows in &self.rows {
            let (name, len, bytes) = (rows.space.name(), rows.len, rows.bytes);
            writeln!(formatter, "{name:<6} {len:>12} rows {bytes:>15} bytes")?;
        }
        writeln!(formatter, "on the disk {} bytes", self.disk_bytes)?;
        writeln!(formatter, "last commit {}", self.commit)?;
        if let Some(promised) = self.promised {
            writeln!(formatter, "promised    {promised}")?;
        }
        for (count, what) in [
            (self.sessions_ended, "ended sessions still have rows"),
            (self.rows_orphaned, "rows of no session"),
            (self.bodies_orphaned, "bodies that nobody waits for"),
            (self.bodies_missing, "messages without their body"),
            (self.damaged_len, "damaged rows"),
        ] {
            if count > 0 {
                writeln!(formatter, "{count} {what}")?;
            }
        }
        self.damaged
            .iter()
            .try_for_each(|row| writeln!(formatter, "  {row}"))
    }
}
