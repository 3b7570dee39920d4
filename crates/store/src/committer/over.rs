//! Sessions that are over: what is handed over for one behind its end is left out.
//!
//! A message on its way to a session from another arbiter may be handed over behind the end of that
//! session. Its row would be found by nobody before the next start sweeps it.

use std::collections::{HashSet, VecDeque};

use castmq_rules::session::Change;

use crate::SessionKey;

/// How many are remembered: what is late is late by moments. What is later still is swept at the next
/// start.
const REMEMBERED: usize = 65_536;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Over {
    sessions: HashSet<SessionKey, ahash::RandomState>,
    /// In the order in which they ended.
    order: VecDeque<SessionKey>,
}

impl Over {
    /// Whether a change comes too late; remembers the end of a session.
    pub(super) fn is_late(&mut self, session: SessionKey, change: &Change) -> bool {
        if *change != Change::Ended {
            return self.sessions.contains(&session);
        }
        if self.sessions.insert(session) {
            self.order.push_back(session);
        }
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.sessions.remove(&oldest);
        }
        false
    }
}
