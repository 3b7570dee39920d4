//! How a session looks to those who watch.

use castmq_otp::Address;
use castmq_rules::session as rules;

use super::Session;
use crate::client::Client;
use crate::timeline::Happening;

impl Session {
    /// Its process.
    pub(crate) fn address(&self) -> Address<Self> {
        self.address
    }

    /// The process of its connection.
    pub(crate) fn client(&self) -> Option<Address<Client>> {
        self.client
    }

    /// What the rules know of it.
    pub(crate) fn rules(&self) -> &rules::Session {
        &self.state
    }

    /// What a client hears of that comes back to it.
    pub(crate) fn resumption(&self) -> Happening {
        let of = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Happening::SessionResumed(of(self.state.queued_now()), of(self.state.inflight_now()))
    }

    /// Messages for its client that were dropped since it was started.
    pub(crate) fn dropped_count(&self) -> u64 {
        u64::from(self.dropped)
    }

    /// Requests to subscribe or unsubscribe that are under way.
    pub(crate) fn asked_now(&self) -> usize {
        self.asked.as_ref().map_or(0, |asked| asked.requests.len())
    }

    /// Whether its client hears something only when it is stored.
    pub(crate) fn waits_for_store(&self) -> bool {
        self.held.as_ref().is_some_and(|held| !held.is_empty())
    }
}
