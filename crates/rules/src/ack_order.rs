//! The acknowledgements owed to one publisher: they leave in the order in which its packets came,
//! whenever the broker has accepted them.

use std::collections::VecDeque;

use castmq_mqtt::{PacketId, ReasonCode};
use serde::{Deserialize, Serialize};

use crate::packet_ids::PacketIds;

/// Names a packet until it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Sequence(u64);

/// What a packet of the publisher is answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Nothing: QoS 0. It counts until it is accepted.
    Nothing,
    /// PUBACK.
    PubAck(PacketId),
    /// PUBREC.
    PubRec(PacketId),
    /// PUBCOMP, for a PUBREL.
    PubComp(PacketId),
}

/// What one of those who had to accept a publish says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Accepted, for at least one subscriber.
    Accepted,
    /// Nobody there subscribes to it.
    NoSubscribers,
    /// Not accepted; always a failure. Also what is said for one who died before he answered.
    Refused(ReasonCode),
}

impl Outcome {
    /// What two who had to accept a publish say together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Refused(reason), _) | (_, Self::Refused(reason)) => Self::Refused(reason),
            (Self::Accepted, _) | (_, Self::Accepted) => Self::Accepted,
            (Self::NoSubscribers, Self::NoSubscribers) => Self::NoSubscribers,
        }
    }
}

/// An answer that is due now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// To which packet. Never [`Answer::Nothing`].
    pub answer: Answer,
    /// With which reason. A 3.x publisher cannot be told of a failure: its connection is closed, or
    /// the answer is sent as if nothing had happened.
    pub reason: ReasonCode,
}

/// The publisher has sent more than its Receive Maximum unacknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("more than {0} unacknowledged messages")]
pub struct ReceiveMaximumExceeded(pub u16);

impl ReceiveMaximumExceeded {
    /// What DISCONNECT says.
    #[must_use]
    pub const fn reason_code(self) -> ReasonCode {
        ReasonCode::ReceiveMaximumExceeded
    }
}

/// See the module.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AckOrder {
    /// Number of the first packet in `packets`.
    first: u64,
    packets: VecDeque<Packet>,
    receive_maximum: Option<u16>,
    /// QoS 1 messages for which PUBACK has not left.
    at_least_once: usize,
    /// QoS 2 messages of this connection for which neither PUBCOMP nor a failing PUBREC has left.
    exactly_once: PacketIds,
    unaccepted_bytes: usize,
}

/// One packet.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Packet {
    answer: Answer,
    /// Outcomes still to come.
    missing: u32,
    reason: ReasonCode,
    bytes: usize,
}

impl AckOrder {
    /// Nothing is owed yet.
    ///
    /// `receive_maximum` is what CONNACK told a 5.0 client; `None` for 3.x, and for 5.0 where
    /// clients that exceed it are tolerated.
    #[must_use]
    pub fn new(receive_maximum: Option<u16>) -> Self {
        Self {
            first: 0,
            packets: VecDeque::new(),
            receive_maximum,
            at_least_once: 0,
            exactly_once: PacketIds::new(),
            unaccepted_bytes: 0,
        }
    }

    /// A packet came that is answered in its turn. One outcome is expected for it.
    ///
    /// # Errors
    ///
    /// [`ReceiveMaximumExceeded`] when it is one more than the publisher may have under way; the
    /// state is unchanged.
    // [MQTT5-3.3.4-7]
    pub fn register(
        &mut self,
        answer: Answer,
        bytes: usize,
    ) -> Result<Sequence, ReceiveMaximumExceeded> {
        if self.opens_exchange(answer)
            && let Some(receive_maximum) = self.receive_maximum
            && self.unacknowledged_now() >= usize::from(receive_maximum)
        {
            return Err(ReceiveMaximumExceeded(receive_maximum));
        }
        match answer {
            Answer::PubAck(_) => self.at_least_once += 1,
            Answer::PubRec(id) => {
                self.exactly_once.insert(id);
            }
            Answer::Nothing | Answer::PubComp(_) => {}
        }
        let sequence = Sequence(self.first + self.packets.len() as u64);
        self.packets.push_back(Packet {
            answer,
            missing: 1,
            reason: ReasonCode::NoMatchingSubscribers,
            bytes,
        });
        self.unaccepted_bytes += bytes;
        self.check();
        Ok(sequence)
    }

    /// A publish was sent to so many arbiters, each of which answers; 0 when nobody subscribes.
    pub fn expect(&mut self, sequence: Sequence, outcomes: u32) {
        match outcomes {
            0 => self.answer(sequence, Outcome::NoSubscribers),
            more => {
                if let Some(packet) = self.find(sequence) {
                    packet.missing += more - 1;
                }
            }
        }
    }

    /// One of the expected outcomes. What comes for a packet that is answered already means nothing.
    pub fn answer(&mut self, sequence: Sequence, outcome: Outcome) {
        let Some(packet) = self.find(sequence) else {
            return;
        };
        if packet.missing == 0 {
            return;
        }
        packet.missing -= 1;
        packet.reason = merged(packet.reason, outcome);
        if packet.missing == 0 {
            let bytes = std::mem::take(&mut packet.bytes);
            self.unaccepted_bytes -= bytes;
        }
        self.check();
    }

    /// The next answer, if it is due: all packets before it are answered.
    // [MQTT3-4.6.0-2] [MQTT3-4.6.0-3]
    pub fn poll_ready(&mut self) -> Option<Ready> {
        loop {
            if self.packets.front()?.missing > 0 {
                return None;
            }
            let packet = self.packets.pop_front()?;
            self.first += 1;
            self.settle(&packet);
            self.check();
            if packet.answer != Answer::Nothing {
                return Some(Ready {
                    answer: packet.answer,
                    reason: packet.reason_on_the_wire(),
                });
            }
        }
    }

    /// Gives back memory that nothing is in.
    pub fn rest(&mut self) {
        if self.packets.is_empty() {
            self.packets = VecDeque::new();
        }
        self.exactly_once.release_memory();
    }

    /// What the packets count for that nobody has accepted yet.
    #[must_use]
    pub fn unaccepted_bytes(&self) -> usize {
        self.unaccepted_bytes
    }

    /// Packets that are not answered yet.
    #[must_use]
    pub fn owed_now(&self) -> usize {
        self.packets.len()
    }

    /// Messages that count against the Receive Maximum.
    #[must_use]
    pub fn unacknowledged_now(&self) -> usize {
        self.at_least_once + self.exactly_once.len()
    }

    /// Whether an answer to the packet opens an exchange that counts against the Receive Maximum; a
    /// repetition of a QoS 2 message does not.
    fn opens_exchange(&self, answer: Answer) -> bool {
        match answer {
            Answer::PubAck(_) => true,
            Answer::PubRec(id) => !self.exactly_once.contains(id),
            Answer::Nothing | Answer::PubComp(_) => false,
        }
    }

    /// An answer leaves: its exchange may be over.
    // [MQTT5-4.9.0-2]
    fn settle(&mut self, packet: &Packet) {
        match packet.answer {
            Answer::Nothing => {}
            Answer::PubAck(_) => self.at_least_once -= 1,
            Answer::PubRec(id) if packet.reason.is_failure() => {
                self.exactly_once.remove(id);
            }
            Answer::PubRec(_) => {}
            Answer::PubComp(id) => {
                self.exactly_once.remove(id);
            }
        }
    }

    fn find(&mut self, sequence: Sequence) -> Option<&mut Packet> {
        let index = sequence.0.checked_sub(self.first)?;
        self.packets.get_mut(usize::try_from(index).ok()?)
    }

    /// What always holds.
    fn check(&self) {
        if self.packets.is_empty() {
            assert_eq!(self.unaccepted_bytes, 0);
            assert_eq!(self.at_least_once, 0);
        }
        assert!(self.at_least_once <= self.packets.len());
    }
}

impl Packet {
    /// The reason as the answer carries it: PUBCOMP knows no *no matching subscribers*.
    fn reason_on_the_wire(&self) -> ReasonCode {
        match (self.answer, self.reason) {
            (Answer::PubComp(_), ReasonCode::NoMatchingSubscribers) => ReasonCode::Success,
            (_, reason) => reason,
        }
    }
}

/// A refusal by one is a refusal by all, the first one counts; one accept is enough otherwise.
fn merged(so_far: ReasonCode, outcome: Outcome) -> ReasonCode {
    match outcome {
        _ if so_far.is_failure() => so_far,
        Outcome::Accepted => ReasonCode::Success,
        Outcome::NoSubscribers => so_far,
        Outcome::Refused(reason) if reason.is_failure() => reason,
        Outcome::Refused(_) => ReasonCode::UnspecifiedError,
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
