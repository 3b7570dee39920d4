//! Looks into an arbiter, for those who hold its shard themselves: a simulation checks by these that
//! nothing is left behind.

use castmq_rules::ClientId;

use crate::local::Local;
use crate::session::{Session, SessionSnapshot};

impl Local {
    /// The ids of the clients that are connected here, sorted.
    pub fn client_ids(&self) -> impl Iterator<Item = &ClientId> {
        self.clients.iter().map(|(id, _)| id)
    }

    /// The sessions that live here.
    pub fn sessions(&self, arbiter: u16) -> impl Iterator<Item = SessionSnapshot> {
        self.lanes
            .session
            .iter(arbiter)
            .map(|(_, session)| Session::snapshot(session))
    }

    /// The most bytes that wait for the socket of one connection.
    #[must_use]
    pub fn unsent_max(&self, arbiter: u16) -> usize {
        let clients = self.lanes.client.iter(arbiter);
        clients
            .map(|(_, client)| client.unsent_bytes())
            .max()
            .unwrap_or(0)
    }

    /// Everything that is kept on behalf of clients, by name; all zero when nobody is there.
    #[must_use]
    pub fn left_behind(&self) -> [(&'static str, usize); 9] {
        [
            ("clients", self.clients.len()),
            ("connections", self.lanes.client.len()),
            ("sessions", self.lanes.session.len()),
            ("subscriptions", self.table.len()),
            (
                "filters",
                self.table.filters_now() + self.table.groups_now(),
            ),
            ("half-open connections", self.half_open),
            ("paused connections", self.paused.len()),
            ("messages under way", self.dispatching),
            ("wills", self.wills.len()),
        ]
    }
}
