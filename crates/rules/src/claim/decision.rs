//! What is claimed, and what a claim gets.

use crate::ClientId;
use crate::claim::{ClaimId, Epoch};

/// A connection wants the session of a client id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Which claim.
    pub id: ClaimId,
    /// Whose session.
    pub client_id: ClientId,
    /// Whether an existing one is to be discarded.
    pub clean_start: bool,
    /// Highest epoch known for the client id, from other arbiters.
    pub epoch_min: Epoch,
}

/// Which session a claim gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// A new one; there was none. Session present is 0.
    Create,
    /// The existing one. Session present is 1.
    Resume,
    /// A new one, after the existing one was ended as discarded. Session present is 0.
    DiscardAndCreate,
}

impl Grant {
    /// What CONNACK says.
    #[must_use]
    pub const fn session_present(self) -> bool {
        matches!(self, Self::Resume)
    }
}

/// What became of a session whose connection is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It waits for its client.
    Kept,
    /// It ended with its connection.
    Ended,
}

/// What the process is to do, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimAction {
    /// Close the connection that holds the session with *session taken over*, then report
    /// [`Claims::handle_disconnected`](super::Claims::handle_disconnected).
    TakeOver {
        /// Whose.
        client_id: ClientId,
        /// Which connection.
        epoch: Epoch,
    },
    /// Connect the claimant to its session, now.
    Grant {
        /// Which claim.
        claim: ClaimId,
        /// Whose session.
        client_id: ClientId,
        /// The epoch of the connection from now on.
        epoch: Epoch,
        /// Which session.
        grant: Grant,
    },
    /// Tell the claimant that the server is busy.
    Refuse {
        /// Which claim.
        claim: ClaimId,
    },
    /// Nobody holds or wants this client id any more.
    Vacate {
        /// Which id.
        client_id: ClientId,
    },
}
