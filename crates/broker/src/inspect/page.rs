//! Pages: rows of a table that may have a million of them, a few at a time.
//!
//! An arbiter works on at most [`ROWS_MAX`] rows in one piece, and does what else it has to do between
//! two pieces. A cursor names a place, not a count, so that rows that come and go shift no others: what
//! stands behind it is never seen twice.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde::{Deserialize, Serialize};

use super::cursor::{Key, read_key, write_key};
use super::{Inspect, InspectError};
use crate::Shard;

/// Rows that an arbiter works on in one piece.
pub const ROWS_MAX: usize = 256;
/// Pieces that a page is collected from; a page that needs more is short and has a cursor.
pub const PIECES_MAX: usize = 64;
/// Rows of a page when nothing is said.
pub const ROWS_USUAL: u16 = 50;
/// Most rows of a page.
pub const ROWS_OF_PAGE_MAX: u16 = 1000;

/// Which rows of a table are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
pub struct PageRequest {
    /// How many at most: 1 to 1000, usually 50.
    pub limit: Option<u16>,
    /// Where to go on: the `next` of the page before.
    pub cursor: Option<String>,
}

impl PageRequest {
    /// The rows behind a cursor, or the first ones.
    #[must_use]
    pub fn after(cursor: Option<String>) -> Self {
        Self {
            limit: None,
            cursor,
        }
    }

    /// At most so many rows.
    #[must_use]
    pub fn limit(mut self, limit: u16) -> Self {
        self.limit = Some(limit);
        self
    }

    pub(super) fn rows(&self) -> usize {
        let limit = self.limit.unwrap_or(ROWS_USUAL);
        usize::from(limit.clamp(1, ROWS_OF_PAGE_MAX))
    }

    /// The key that the cursor names; `None` at the beginning.
    pub(super) fn key<K: Key>(&self) -> Result<Option<K>, InspectError> {
        self.cursor.as_deref().map(read_key).transpose()
    }
}

/// Some rows of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Page<T> {
    /// The rows; there may be none although there are more behind the cursor.
    pub items: Vec<T>,
    /// Where to go on; none at the end.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// The same rows, looked at in another way.
    pub fn map<U>(self, view: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(view).collect(),
            next: self.next,
        }
    }
}

/// What an arbiter found in one piece.
#[derive(Debug)]
pub(super) struct Piece<K, T> {
    items: Vec<T>,
    wanted: usize,
    looked: usize,
    /// Where to go on; `None` at the end of what the arbiter has.
    next: Option<K>,
}

impl<K: Clone, T> Piece<K, T> {
    /// Nothing found yet; at most so many rows are wanted. It goes on here if it is not gone through.
    pub(super) fn new(from: K, wanted: usize) -> Self {
        Self {
            items: Vec::new(),
            wanted: wanted.min(ROWS_MAX),
            looked: 0,
            next: Some(from),
        }
    }

    /// Whether one more row may be looked at.
    pub(super) fn goes_on(&self) -> bool {
        self.items.len() < self.wanted && self.looked < ROWS_MAX
    }

    /// A row was looked at; the next look begins at `next`.
    pub(super) fn look(&mut self, found: Option<T>, next: K) {
        self.looked += 1;
        self.items.extend(found);
        self.next = Some(next);
    }

    /// There is nothing behind it on this arbiter.
    pub(super) fn end(mut self) -> Self {
        self.next = None;
        self
    }
}

/// Looks at places one by one, from one of them on.
pub(super) fn places<T>(
    (from, until): (u32, usize),
    wanted: usize,
    mut look: impl FnMut(u32) -> Option<T>,
) -> Piece<u32, T> {
    let mut piece = Piece::new(from, wanted);
    let mut place = from;
    while piece.goes_on() {
        if place as usize >= until {
            return piece.end();
        }
        let found = look(place);
        place += 1;
        piece.look(found, place);
    }
    piece
}

/// How much the arbiters were asked to look at, for whoever wants to see that it is little at a time.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    pieces: AtomicU64,
    rows: AtomicU64,
    rows_max: AtomicU64,
}

/// How much the arbiters were asked to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Looked {
    /// In so many pieces.
    pub pieces: u64,
    /// At so many rows.
    pub rows: u64,
    /// Most rows in one piece.
    pub rows_max: u64,
}

impl Meter {
    pub(super) fn note(&self, rows: usize) {
        let rows = rows as u64;
        self.pieces.fetch_add(1, Relaxed);
        self.rows.fetch_add(rows, Relaxed);
        self.rows_max.fetch_max(rows, Relaxed);
    }

    pub(super) fn read(&self) -> Looked {
        Looked {
            pieces: self.pieces.load(Relaxed),
            rows: self.rows.load(Relaxed),
            rows_max: self.rows_max.load(Relaxed),
        }
    }
}

impl Inspect {
    /// Collects a page from the arbiters, one after the other, each from its first key on.
    pub(super) fn walk<K, T>(
        &self,
        request: &PageRequest,
        first: &K,
        piece: impl Fn(&mut Shard, K, usize) -> Piece<K, T> + Clone + Send + 'static,
    ) -> Result<Page<T>, InspectError>
    where
        K: Key + Clone + Send + 'static,
        T: Send + 'static,
    {
        let arbiters = 0..self.node().arbiters;
        self.walk_within(arbiters, request, first, piece)
    }

    /// The same with some of the arbiters.
    pub(super) fn walk_within<K, T>(
        &self,
        arbiters: Range<u16>,
        request: &PageRequest,
        first: &K,
        piece: impl Fn(&mut Shard, K, usize) -> Piece<K, T> + Clone + Send + 'static,
    ) -> Result<Page<T>, InspectError>
    where
        K: Key + Clone + Send + 'static,
        T: Send + 'static,
    {
        let wanted = request.rows();
        let begin = (arbiters.start, first.clone());
        let (mut arbiter, mut key) = request.key()?.unwrap_or(begin);
        let mut items = Vec::new();
        for _ in 0..PIECES_MAX {
            if !arbiters.contains(&arbiter) {
                return Ok(Page { items, next: None });
            }
            if items.len() >= wanted {
                break;
            }
            let room = wanted - items.len();
            let (piece, from) = (piece.clone(), key.clone());
            let found = self.ask(arbiter, move |shard| {
                let found = piece(shard, from, room);
                shard.world.node.watched.meter.note(found.looked);
                found
            })?;
            items.extend(found.items);
            (arbiter, key) = match found.next {
                Some(next) => (arbiter, next),
                None => (arbiter + 1, first.clone()),
            };
        }
        let has_more = arbiters.contains(&arbiter);
        let next = has_more.then(|| write_key(&(arbiter, key)));
        Ok(Page { items, next })
    }
}

/// The first rows of a list that is at hand as a whole, behind the one with the cursor's key.
pub(super) fn page_of<K: Key + Ord, T>(
    request: &PageRequest,
    rows: impl Iterator<Item = (K, T)>,
) -> Result<Page<T>, InspectError> {
    let after = request.key::<K>()?;
    let mut rows = rows.filter(|(key, _)| after.as_ref().is_none_or(|after| key > after));
    let mut items = Vec::new();
    let mut last = None;
    for (key, row) in rows.by_ref().take(request.rows()) {
        items.push(row);
        last = Some(key);
    }
    let next = rows.next().and(last).map(|key| write_key(&key));
    Ok(Page { items, next })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_of_another_table_is_refused_with_a_reason() {
        let request = PageRequest::after(Some("0.x".to_owned()));
        let error = request.key::<(u16, u32)>().unwrap_err();
        assert!(error.to_string().contains("leave it out"));
    }

    #[test]
    fn a_list_goes_on_behind_its_cursor_whatever_has_come_in_between() {
        let rows = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            names.into_iter().map(|name| (name.clone(), name))
        };
        let first = page_of(&PageRequest::default().limit(2), rows(&["a", "c", "e"])).unwrap();
        assert_eq!(first.items, ["a", "c"]);

        let rest = PageRequest::after(first.next);
        let rest = page_of(&rest, rows(&["a", "b", "d", "e"])).unwrap();
        assert_eq!(rest.items, ["d", "e"]);
        assert_eq!(rest.next, None);
    }
}
