//! How a connection looks to those who watch.

use castmq_otp::Address;

use super::{Client, Stage};
use crate::session::Session;

impl Client {
    /// Its session, once it has one.
    pub(crate) fn session(&self) -> Option<Address<Session>> {
        match &self.stage {
            Stage::Connected(linked) => Some(linked.session),
            Stage::Opening
            | Stage::Authenticating(_)
            | Stage::Claiming(_)
            | Stage::Closing { .. } => None,
        }
    }

    /// The name of the listener that it came by.
    pub(crate) fn listener(&self) -> &str {
        &self.profile.name
    }

    /// How far it is, in a word.
    pub(crate) fn stage_name(&self) -> &'static str {
        match &self.stage {
            Stage::Opening => "opening",
            Stage::Authenticating(_) => "authenticating",
            Stage::Claiming(_) => "claiming",
            Stage::Connected(_) => "connected",
            Stage::Closing { .. } => "closing",
        }
    }

    /// Publishes of the client that are not answered.
    pub(crate) fn unanswered_publishes(&self) -> usize {
        self.machines.acks.unacknowledged_now()
    }

    /// Why it is not read for now.
    pub(crate) fn paused_because(&self) -> Option<&'static str> {
        self.pause.as_ref().map(super::pause::Pause::why)
    }
}
