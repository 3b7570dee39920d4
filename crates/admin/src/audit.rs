//! The audit: who changed what, from where, and what came of it.
//!
//! Each change is a line of the log, and the last ones are kept to be asked for.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use castmq_broker::inspect::Page;
use castmq_settings::AdminRole;
use serde::Serialize;
use utoipa::ToSchema;

use crate::clock;

/// Changes that are kept.
const KEPT: usize = 1000;
/// The longest target that is kept, in characters.
const TARGET_MAX: usize = 512;

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
}

/// The last changes.
#[derive(Debug, Default)]
pub(crate) struct Audit(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// The number of the first one in the ring.
    first: u64,
    ring: VecDeque<Change>,
}

impl Audit {
    /// Notes a change and writes its line.
    pub(crate) fn note(&self, mut change: Change) {
        change.target = change.target.chars().take(TARGET_MAX).collect();
        tracing::info!(
            who = %Plain(&change.who),
            role = change.role,
            address = %Plain(&change.address),
            action = %Plain(&change.action),
            target = %Plain(&change.target),
            outcome = %Plain(&change.outcome),
            "admin"
        );
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.ring.len() == KEPT {
            kept.ring.pop_front();
            kept.first += 1;
        }
        kept.ring.push_back(change);
    }

    /// A page of them, the latest first; the cursor is the number of the last one read.
    pub(crate) fn page(&self, limit: usize, before: Option<u64>) -> Page<Change> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let newer_first = kept.ring.iter().rev().zip(0_u64..);
        let next_number = kept.first + kept.ring.len() as u64;
        let newer_first = newer_first.map(|(change, age)| (next_number - 1 - age, change));
        let mut rows =
            newer_first.skip_while(|(number, _)| before.is_some_and(|before| *number >= before));
        let mut items = Vec::new();
        let mut last = None;
        for (number, change) in rows.by_ref().take(limit) {
            items.push(change.clone());
            last = Some(number.to_string());
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
    fn nothing_in_a_line_of_the_log_steers_a_terminal() {
        assert_eq!(
            Plain("a\x1b[2J\n\u{202e}é").to_string(),
            "a\\u{1b}[2J\\u{a}\\u{202e}é"
        );
    }
}
