//! One message in flight, and its packet id.

use castmq_mqtt::{PacketId, QoS};
use serde::{Deserialize, Serialize};

use crate::{Delivery, Moment};

/// Packet ids there are: 1 to 65 535.
pub(super) const IDS: u64 = 65_535;

/// One message.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Slot {
    /// Counts the sendings.
    pub(super) number: u64,
    /// The number from which the packet id follows: that of the sending, or that under which the message
    /// is stored.
    pub(super) name: u64,
    pub(super) stage: Stage,
    /// Whether it counts against the client's Receive Maximum: its PUBLISH was sent on this
    /// connection.
    pub(super) is_counted: bool,
    /// Whether this process has not sent it yet: it was sent, or may have been, before a restart.
    pub(super) is_new: bool,
    /// When it was last sent.
    pub(super) at: Moment,
    /// Present until the client has it for certain.
    pub(super) delivery: Option<Delivery>,
}

/// How far the exchange is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Stage {
    /// PUBLISH was sent on this connection.
    Sent,
    /// PUBLISH was sent on an earlier connection and is to be sent again.
    Waiting,
    /// The client has the message: PUBREC came, PUBREL was sent. Counted in the order of PUBRECs.
    Released(u64),
    /// Over.
    Free,
}

impl Slot {
    pub(super) fn is_free(&self) -> bool {
        self.stage == Stage::Free
    }

    pub(super) fn id(&self) -> PacketId {
        id_of(self.name)
    }

    pub(super) fn qos(&self) -> Option<QoS> {
        self.delivery.as_ref().map(|delivery| delivery.qos)
    }
}

/// The packet id of a sending: 1 to 65 535, again and again.
pub(super) fn id_of(number: u64) -> PacketId {
    let id = u16::try_from(number % IDS + 1).unwrap_or(1);
    PacketId::new(id).unwrap_or(PacketId::MIN)
}
