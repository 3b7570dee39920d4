//! The audit: who changed what, from where, and what came of it.
//!
//! Each change is a line of the log, and the last ones are kept to be asked for. Whoever may not change
//! anything cannot push out what others did, nor fill the log: of what was refused fewer are kept and
//! logged, and what pages of somebody else ask for is counted alone.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use castmq_broker::inspect::Page;
use castmq_settings::AdminRole;
use serde::Serialize;
use tokio::time::Instant;
use utoipa::ToSchema;

use crate::clock;

/// Changes that are kept.
const KEPT: usize = 1000;
/// Changes of those that were refused.
const REFUSED_KEPT: usize = 100;
/// The longest text of a change that is kept, in bytes.
const TEXT_MAX: usize = 256;
/// Refusals that are logged each second.
const LOGGED_MAX: u32 = 5;

/// A change, or one that was not allowed or failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Change {
    /// When.
    pub at: String,
    /// The user or token; `local` for anybody on this machine where nobody has to say who it is.
    pub who: String,
    /// `viewer` or `admin`.
    pub role: &'static str,
    /// From where.
    pub address: String,
    /// What was asked for, such as `DELETE /api/v1/clients/{id}`.
    pub action: String,
    /// Of whom or what.
    pub target: String,
    /// `done`, or the status and what was wrong.
    pub outcome: String,
}

impl Change {
    /// A change that is tried now.
    pub(crate) fn now(who: &str, role: AdminRole, address: &str, action: String) -> Self {
        Self {
            at: clock::rfc_3339(clock::wall()),
            who: who.to_owned(),
            role: role.word(),
            address: address.to_owned(),
            action,
            target: String::new(),
            outcome: String::new(),
        }
    }

    /// With no more of what somebody sent than is worth keeping.
    fn cut(mut self) -> Self {
        for text in [&mut self.action, &mut self.target, &mut self.outcome] {
            if text.len() > TEXT_MAX {
                let end = text.floor_char_boundary(TEXT_MAX);
                // A new one, without the room of what is cut.
                *text = text.get(..end).unwrap_or_default().to_owned();
            }
        }
        self
    }

    fn log(&self) {
        tracing::info!(
            who = %Plain(&self.who),
            role = self.role,
            address = %Plain(&self.address),
            action = %Plain(&self.action),
            target = %Plain(&self.target),
            outcome = %Plain(&self.outcome),
            "admin"
        );
    }
}

/// The last changes.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    kept: Mutex<Kept>,
    brake: Mutex<Brake>,
    /// Refused changes, those of pages of somebody else among them.
    refused: AtomicU64,
}

#[derive(Debug, Default)]
struct Kept {
    next_number: u64,
    refused_now: usize,
    ring: VecDeque<Row>,
}

#[derive(Debug)]
struct Row {
    number: u64,
    is_refused: bool,
    change: Change,
}

impl Kept {
    fn push(&mut self, change: Change, is_refused: bool) {
        if is_refused && self.refused_now == REFUSED_KEPT {
            let oldest = self.ring.iter().position(|row| row.is_refused);
            self.remove(oldest.unwrap_or_default());
        } else if self.ring.len() == KEPT {
            self.remove(0);
        }
        self.refused_now += usize::from(is_refused);
        self.ring.push_back(Row {
            number: self.next_number,
            is_refused,
            change,
        });
        self.next_number += 1;
    }

    fn remove(&mut self, at: usize) {
        if let Some(row) = self.ring.remove(at) {
            self.refused_now -= usize::from(row.is_refused);
        }
    }
}

/// Lets a few lines a second through.
#[derive(Debug, Default)]
struct Brake {
    since: Option<Instant>,
    passed_count: u32,
}

impl Brake {
    fn passes(&mut self, now: Instant) -> bool {
        let is_over = |since| now.saturating_duration_since(since) >= Duration::from_secs(1);
        if self.since.is_none_or(is_over) {
            *self = Self {
                since: Some(now),
                passed_count: 0,
            };
        }
        self.passed_count = self.passed_count.saturating_add(1);
        self.passed_count <= LOGGED_MAX
    }
}

impl Audit {
    /// Notes a change and writes its line.
    pub(crate) fn note(&self, change: Change) {
        let change = change.cut();
        change.log();
        self.kept().push(change, false);
    }

    /// Notes a change that somebody asked for who may not change anything.
    pub(crate) fn note_refused(&self, change: Change) {
        let change = change.cut();
        self.log_refused(&change);
        self.kept().push(change, true);
    }

    /// Counts a change that a page of somebody else asked for: whoever's browser it is did not ask.
    pub(crate) fn count_refused(&self, change: Change) {
        self.log_refused(&change.cut());
    }

    /// Refused changes so far.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }

    fn log_refused(&self, change: &Change) {
        self.refused.fetch_add(1, Relaxed);
        let mut brake = self.brake.lock().unwrap_or_else(PoisonError::into_inner);
        if brake.passes(Instant::now()) {
            change.log();
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A page of them, the latest first; the cursor is the number of the last one read.
    pub(crate) fn page(&self, limit: usize, before: Option<u64>) -> Page<Change> {
        let kept = self.kept();
        let newer_first = kept.ring.iter().rev();
        let mut rows =
            newer_first.skip_while(|row| before.is_some_and(|before| row.number >= before));
        let mut items = Vec::new();
        let mut last = None;
        for row in rows.by_ref().take(limit) {
            items.push(row.change.clone());
            last = Some(row.number.to_string());
        }
        let next = rows.next().and(last);
        Page { items, next }
    }
}

/// A text for one line of a log: whatever could end the line or steer a terminal is written as an escape.
struct Plain<'a>(&'a str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for letter in self.0.chars() {
            // Also those that turn the direction of writing around.
            let is_steering = letter.is_control() || ('\u{200b}'..='\u{206f}').contains(&letter);
            if is_steering {
                write!(formatter, "{}", letter.escape_unicode())?;
            } else {
                write!(formatter, "{letter}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(target: &str) -> Change {
        Change {
            target: target.to_owned(),
            outcome: "done".to_owned(),
            ..Change::now("ann", AdminRole::Admin, "127.0.0.1", "DELETE /x".to_owned())
        }
    }

    fn targets(page: &Page<Change>) -> Vec<&str> {
        page.items
            .iter()
            .map(|change| change.target.as_str())
            .collect()
    }

    #[test]
    fn the_latest_change_comes_first_and_pages_go_back_in_time() {
        let audit = Audit::default();
        for target in ["1", "2", "3"] {
            audit.note(change(target));
        }

        let first = audit.page(2, None);
        assert_eq!(targets(&first), ["3", "2"]);
        audit.note(change("4"));
        let before = first.next.as_deref().unwrap().parse().unwrap();
        let second = audit.page(2, Some(before));
        assert_eq!(targets(&second), ["1"]);
        assert_eq!(second.next, None);
    }

    #[test]
    fn a_thousand_changes_are_kept() {
        let audit = Audit::default();
        for number in 0..=KEPT {
            audit.note(change(&number.to_string()));
        }

        let all = audit.page(2000, None);
        assert_eq!(all.items.len(), KEPT);
        assert_eq!(all.items[KEPT - 1].target, "1");
    }

    #[test]
    fn what_was_refused_pushes_out_nothing_but_what_was_refused() {
        let audit = Audit::default();
        audit.note(change("done"));
        for number in 0..3 * KEPT {
            audit.note_refused(change(&number.to_string()));
        }
        for number in 0..3 * KEPT {
            audit.count_refused(change(&number.to_string()));
        }

        let all = audit.page(2000, None);
        assert_eq!(all.items.len(), 1 + REFUSED_KEPT);
        assert_eq!(targets(&all).last(), Some(&"done"));
        assert_eq!(all.items[0].target, (3 * KEPT - 1).to_string());
        assert_eq!(audit.refused(), 6 * KEPT as u64);
    }

    #[test]
    fn a_few_refusals_a_second_are_logged() {
        let (mut brake, now) = (Brake::default(), Instant::now());
        let passed = |brake: &mut Brake, now| (0..100).filter(|_| brake.passes(now)).count();

        assert_eq!(passed(&mut brake, now), 5);
        assert_eq!(passed(&mut brake, now + Duration::from_millis(999)), 0);
        assert_eq!(passed(&mut brake, now + Duration::from_secs(1)), 5);
    }

    #[test]
    fn of_long_texts_no_more_than_their_beginning_is_kept() {
        let audit = Audit::default();
        let long = "é".repeat(100_000);
        audit.note(Change {
            action: long.clone(),
            outcome: long.clone(),
            ..change(&long)
        });

        let all = audit.page(1, None);
        let kept = &all.items[0];
        for text in [&kept.action, &kept.target, &kept.outcome] {
            assert_eq!(*text, "é".repeat(TEXT_MAX / 2));
        }
    }

    #[test]
    fn nothing_in_a_line_of_the_log_steers_a_terminal() {
        assert_eq!(
            Plain("a\x1b[2J\n\u{202e}é").to_string(),
            "a\\u{1b}[2J\\u{a}\\u{202e}é"
        );
    }
}
