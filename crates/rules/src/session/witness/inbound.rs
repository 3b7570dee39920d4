//! The client's own QoS 2 messages.

use castmq_mqtt::{PacketId, ReasonCode};

use super::{Rule, Verdict, Witness};
use crate::session::{Received, Returned};

impl Witness {
    pub(super) fn publish_came(&mut self, id: PacketId, returned: Returned) -> Verdict {
        let max = match self.settings.awaiting_rel_max {
            0 => usize::from(u16::MAX),
            max => usize::from(max),
        };
        let expected = if self.awaiting_rel.contains(&id) {
            Received::Duplicate
        } else if self.awaiting_rel.len() >= max {
            Received::QuotaExceeded
        } else {
            self.awaiting_rel.insert(id);
            Received::New
        };
        Rule::ExactlyOnce.holds(returned == Returned::Received(expected), || {
            format!("the client's PUBLISH {id} is taken for {returned:?} instead of {expected:?}")
        })
    }

    pub(super) fn pubrel_came(&mut self, id: PacketId, returned: Returned) -> Verdict {
        let expected = if self.awaiting_rel.remove(&id) {
            ReasonCode::Success
        } else {
            ReasonCode::PacketIdentifierNotFound
        };
        Rule::ExactlyOnce.holds(returned == Returned::Reason(expected), || {
            format!(
                "the client's PUBREL {id} is answered with {returned:?} instead of {expected:?}"
            )
        })
    }
}
