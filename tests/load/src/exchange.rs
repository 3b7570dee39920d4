//! The client's halves of QoS 1 and 2, which outlive its connections.

use std::collections::{BTreeSet, VecDeque};

use crate::wire::Step;

/// How far a message under way is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Neither PUBACK nor PUBREC was seen.
    Published,
    /// PUBREC was seen; what is repeated is PUBREL.
    Released,
}

/// A message under way to the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open<T> {
    /// Its packet id.
    pub id: u16,
    /// What the client knows it by.
    pub message: T,
    /// How far it is.
    pub progress: Progress,
}

/// What the broker's answer meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advance<T> {
    /// PUBREC: the broker has the message.
    Received(T),
    /// PUBACK or PUBCOMP: the exchange is over.
    Finished(T),
    /// No message under way has that packet id, or it is not that far.
    Stray,
}

/// What a client has published and not yet seen the end of, in the order of publishing.
#[derive(Clone, Debug)]
pub struct Outgoing<T> {
    /// Packet ids count up and skip 0; with a small window none is met again in use.
    next_id: u16,
    open: VecDeque<Open<T>>,
}

impl<T> Default for Outgoing<T> {
    fn default() -> Self {
        Self {
            next_id: 1,
            open: VecDeque::new(),
        }
    }
}

impl<T: Copy> Outgoing<T> {
    /// Puts a message under way and returns its packet id.
    pub fn begin(&mut self, message: T) -> u16 {
        let id = self.next_id;
        self.next_id = self.next_id.checked_add(1).unwrap_or(1);
        self.open.push_back(Open {
            id,
            message,
            progress: Progress::Published,
        });
        id
    }

    /// Takes the broker's answer.
    pub fn handle(&mut self, step: Step, id: u16) -> Advance<T> {
        let Some(index) = self.open.iter().position(|open| open.id == id) else {
            return Advance::Stray;
        };
        match step {
            Step::PubAck | Step::PubComp => self
                .open
                .remove(index)
                .map_or(Advance::Stray, |open| Advance::Finished(open.message)),
            Step::PubRec => self.open.get_mut(index).map_or(Advance::Stray, |open| {
                open.progress = Progress::Released;
                Advance::Received(open.message)
            }),
            Step::PubRel => Advance::Stray,
        }
    }

    /// All that is under way: what a new connection repeats, in this order.
    #[must_use]
    pub fn open(&self) -> Vec<Open<T>> {
        self.open.iter().copied().collect()
    }

    /// Forgets what is under way, as a client does whose session is gone.
    pub fn clear(&mut self) {
        self.open.clear();
    }

    /// How much is under way.
    #[must_use]
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether nothing is under way.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }
}

/// The QoS 2 messages that a client has received and that the broker has not released yet.
#[derive(Clone, Debug, Default)]
pub struct Incoming {
    received: BTreeSet<u16>,
}

impl Incoming {
    /// Whether a PUBLISH brings a message; false when it repeats one that is here already.
    pub fn takes(&mut self, qos: u8, id: u16) -> bool {
        qos != 2 || self.received.insert(id)
    }

    /// What has to be answered to a PUBLISH of that QoS; nothing to QoS 0.
    #[must_use]
    pub fn answer(qos: u8) -> Option<Step> {
        match qos {
            0 => None,
            1 => Some(Step::PubAck),
            _ => Some(Step::PubRec),
        }
    }

    /// PUBREL: the packet id may stand for another message from now on.
    pub fn release(&mut self, id: u16) {
        self.received.remove(&id);
    }

    /// Forgets everything, as a client does whose session is gone.
    pub fn clear(&mut self) {
        self.received.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_acknowledged_is_repeated_in_its_order() {
        let mut outgoing = Outgoing::default();
        let ids = ["a", "b", "c"].map(|message| outgoing.begin(message));

        assert_eq!(
            outgoing.handle(Step::PubRec, ids[0]),
            Advance::Received("a")
        );
        assert_eq!(
            outgoing.handle(Step::PubAck, ids[1]),
            Advance::Finished("b")
        );

        let left = outgoing.open();
        let left: Vec<_> = left
            .iter()
            .map(|open| (open.message, open.progress))
            .collect();
        assert_eq!(
            left,
            [("a", Progress::Released), ("c", Progress::Published)]
        );
    }

    #[test]
    fn a_packet_id_stands_for_one_message_until_it_is_released() {
        let mut incoming = Incoming::default();
        assert!(incoming.takes(2, 7));
        assert!(!incoming.takes(2, 7));

        incoming.release(7);
        assert!(incoming.takes(2, 7));
    }

    #[test]
    fn with_qos_1_every_publish_brings_a_message() {
        let mut incoming = Incoming::default();
        assert!(incoming.takes(1, 7));
        assert!(incoming.takes(1, 7));
    }
}
