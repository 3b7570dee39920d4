//! The QoS 2 messages that the client has sent and not yet released: their packet ids alone.

use castmq_mqtt::{PacketId, ReasonCode};
use serde::{Deserialize, Serialize};

use crate::packet_ids::PacketIds;

/// What a QoS 2 PUBLISH is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Received {
    /// A message: route it, then answer PUBREC.
    New,
    /// A repetition: answer PUBREC and nothing else.
    Duplicate,
    /// One more than the session holds: refuse it with [`ReasonCode::QuotaExceeded`], or close a
    /// connection that cannot be told.
    QuotaExceeded,
}

/// See the module.
// differs: emqttd keeps the message until PUBREL and forgets it after a time (P3). The id alone is
// enough to know a repetition, and it is kept for as long as the session lives.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AwaitingRel {
    ids: PacketIds,
    ids_max: usize,
}

impl AwaitingRel {
    /// Room for so many ids; 0 stands for as many as there are.
    pub(crate) fn new(ids_max: u16) -> Self {
        let ids_max = if ids_max == 0 { u16::MAX } else { ids_max };
        Self {
            ids: PacketIds::new(),
            ids_max: usize::from(ids_max),
        }
    }

    /// PUBLISH with QoS 2.
    // [MQTT3-4.3.3-2] [MQTT5-4.3.3-10]
    pub(crate) fn handle_publish(&mut self, id: PacketId) -> Received {
        if self.ids.contains(id) {
            Received::Duplicate
        } else if self.ids.len() >= self.ids_max {
            Received::QuotaExceeded
        } else {
            self.ids.insert(id);
            Received::New
        }
    }

    /// An id from before a restart, also where fewer are allowed now.
    pub(crate) fn restore(&mut self, id: PacketId) {
        self.ids.insert(id);
    }

    /// The message was refused: the next one with this id is a new one. Whether the id was held.
    // [MQTT5-4.3.3-9]
    pub(crate) fn handle_refused(&mut self, id: PacketId) -> bool {
        self.ids.remove(id)
    }

    /// PUBREL: what to say in PUBCOMP. The next message with this id is a new one.
    // [MQTT5-4.3.3-11] [MQTT5-4.3.3-12]
    pub(crate) fn handle_pubrel(&mut self, id: PacketId) -> ReasonCode {
        if self.ids.remove(id) {
            ReasonCode::Success
        } else {
            ReasonCode::PacketIdentifierNotFound
        }
    }

    /// The ids, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = PacketId> {
        self.ids.iter()
    }

    /// Ids held.
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Gives back memory that nothing is in.
    pub(crate) fn release_memory(&mut self) {
        self.ids.release_memory();
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        self.ids.clear();
    }
}
