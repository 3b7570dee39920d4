//! Acknowledgements that mean nothing.

use castmq_mqtt::{PacketId, ReasonCode};
use serde::{Deserialize, Serialize};

/// Why an acknowledgement means nothing here; the state is unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum StrayAck {
    /// Nothing was sent with this packet id, or it was acknowledged before.
    #[error("packet id {0} is not in flight")]
    NotInFlight(PacketId),
    /// Something was sent with this packet id, but it is not acknowledged in this way or not yet.
    #[error("packet id {0} is not to be acknowledged like this")]
    OutOfTurn(PacketId),
}

impl StrayAck {
    /// What a 5.0 client may be told.
    #[must_use]
    pub const fn reason_code(self) -> ReasonCode {
        match self {
            Self::NotInFlight(_) => ReasonCode::PacketIdentifierNotFound,
            Self::OutOfTurn(_) => ReasonCode::ProtocolError,
        }
    }
}
