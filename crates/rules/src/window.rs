//! The messages on their way to the client: sent, not yet acknowledged, in the order of sending.
//!
//! A packet id follows from the number of the sending, so that an acknowledgement is found by
//! arithmetic and a binary search, whatever the order in which acknowledgements come.

mod named;
mod slot;
mod stray;

#[cfg(test)]
mod model;

use std::collections::VecDeque;
use std::time::Duration;

use castmq_mqtt::{PacketId, QoS};
use serde::{Deserialize, Serialize};

use crate::session::{FlightStage, InFlight};
use crate::{Delivery, Moment};

pub(crate) use named::FIRST_NAME;
pub use stray::StrayAck;

use slot::{IDS, Slot, Stage, id_of};

/// Freed slots that may stand between used ones before the window is compacted.
const FREED_MAX: usize = 32;

/// What is sent once more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// The PUBLISH, marked as a repetition.
    Publish(PacketId, Delivery),
    /// The PUBREL.
    Release(PacketId),
}

/// A message to be sent again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sending {
    pub(crate) id: PacketId,
    /// Whether this process sends it for the first time.
    pub(crate) is_first: bool,
    pub(crate) delivery: Delivery,
}

/// A message whose exchange is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finished {
    /// The number that it is named after.
    pub(crate) number: u64,
    pub(crate) delivery: Delivery,
    /// When it was last sent.
    pub(crate) sent: Moment,
}

/// A message that the client has for certain, and whose id waits for PUBCOMP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    /// The number that the message is named after.
    pub(crate) number: u64,
    pub(crate) delivery: Delivery,
    /// The how manieth PUBREC it was.
    pub(crate) order: u64,
    /// When the message was last sent.
    pub(crate) sent: Moment,
}

/// An exchange under way, as it looks from outside.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exchange<'a> {
    pub(crate) id: PacketId,
    /// Present until the client has it for certain.
    pub(crate) delivery: Option<&'a Delivery>,
    /// The how manieth PUBREC it was, if it came.
    pub(crate) released: Option<u64>,
    /// Whether it is to be sent again.
    pub(crate) is_waiting: bool,
    /// Whether it counts against the client's Receive Maximum.
    pub(crate) is_counted: bool,
    /// Whether this process has not sent it yet.
    pub(crate) is_new: bool,
    pub(crate) at: Moment,
}

/// See the module.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Window {
    /// In the order of sending; the first and the last one are used.
    slots: VecDeque<Slot>,
    /// Used slots.
    used: u32,
    /// Number of the next sending.
    next: u64,
    /// Most slots ever used at once.
    used_max: u16,
    /// PUBLISHes sent on this connection whose exchange is under way.
    sent: u32,
    /// Most of them at once.
    sent_max: u16,
    /// Slots that wait for being sent again.
    waiting: u32,
    /// Number from which on such slots are found.
    waiting_from: u64,
    /// Number of the next PUBREC.
    next_release: u64,
    /// Whether packet ids follow from the numbers of stored messages.
    is_named: bool,
    /// Such numbers in use are not lower than the first, nor higher than the second.
    names: (u64, u64),
    /// Slots that were restored: there may have been room for more of them before.
    restored: u32,
}

impl Window {
    /// An empty window of so many slots; 0 stands for as many as there are packet ids.
    pub(crate) fn new(used_max: u16) -> Self {
        let used_max = match used_max {
            0 => u16::MAX,
            used_max => used_max,
        };
        Self {
            slots: VecDeque::new(),
            used: 0,
            next: 0,
            used_max,
            sent: 0,
            sent_max: used_max,
            waiting: 0,
            waiting_from: 0,
            next_release: 0,
            is_named: false,
            names: (0, 0),
            restored: 0,
        }
    }

    /// A new connection: nothing was sent on it, and all of the earlier ones is uncertain.
    ///
    /// Returns the ids that are released again, in the order in which their PUBRECs came.
    // [MQTT3-4.6.0-4]
    pub(crate) fn handle_connected(&mut self, receive_maximum: u16) -> Vec<PacketId> {
        self.sent = 0;
        self.sent_max = self.used_max.min(receive_maximum.max(1));
        self.waiting = 0;
        self.waiting_from = 0;
        let mut released = Vec::new();
        for slot in &mut self.slots {
            slot.is_counted = false;
            match slot.stage {
                Stage::Sent | Stage::Waiting => {
                    slot.stage = Stage::Waiting;
                    self.waiting += 1;
                }
                Stage::Released(order) => released.push((order, slot.id())),
                Stage::Free => {}
            }
        }
        released.sort_unstable();
        self.check();
        released.into_iter().map(|(_, id)| id).collect()
    }

    /// Whether one more message may be sent: there is an id, the client takes it, and nothing that
    /// was sent before it waits for being sent again.
    // [MQTT5-3.3.4-9] [MQTT5-4.9.0-2]
    pub(crate) fn has_room(&self) -> bool {
        self.waiting == 0
            && self.used < u32::from(self.used_max)
            && self.sent < u32::from(self.sent_max)
    }

    /// Whether messages of an earlier connection wait for being sent again.
    pub(crate) fn has_waiting(&self) -> bool {
        self.waiting > 0
    }

    /// Takes a message in and gives it an id that is not in use. Only with [`Self::has_room`].
    // [MQTT3-2.3.1-4] [MQTT5-2.2.1-4]
    pub(crate) fn send(&mut self, delivery: Delivery, now: Moment) -> PacketId {
        assert!(self.has_room(), "a message is sent only when there is room");
        while self.is_in_use(self.next) {
            self.next += 1;
        }
        self.put(self.next, delivery, now)
    }

    fn put(&mut self, name: u64, delivery: Delivery, now: Moment) -> PacketId {
        let number = self.next;
        self.next += 1;
        self.slots.push_back(Slot {
            number,
            name,
            stage: Stage::Sent,
            is_counted: true,
            is_new: false,
            at: now,
            delivery: Some(delivery),
        });
        self.used += 1;
        self.sent += 1;
        self.check();
        id_of(name)
    }

    /// The oldest message that waits for being sent again, if the client takes one more.
    // [MQTT3-4.6.0-1]
    pub(crate) fn poll_again(&mut self, now: Moment) -> Option<Sending> {
        if self.waiting == 0 || self.sent >= u32::from(self.sent_max) {
            return None;
        }
        let from = self.waiting_from;
        let start = self.slots.partition_point(|slot| slot.number < from);
        let slot = self
            .slots
            .range_mut(start..)
            .find(|slot| slot.stage == Stage::Waiting)?;
        slot.stage = Stage::Sent;
        slot.is_counted = true;
        slot.at = now;
        let again = Sending {
            id: slot.id(),
            is_first: std::mem::take(&mut slot.is_new),
            delivery: slot.delivery.clone()?,
        };
        self.waiting_from = slot.number + 1;
        self.waiting -= 1;
        self.sent += 1;
        self.check();
        Some(again)
    }

    /// PUBACK: the exchange is over. Returns the message and the number that it is named after.
    pub(crate) fn handle_puback(&mut self, id: PacketId) -> Result<Finished, StrayAck> {
        self.finish_unreceived(id, QoS::AtLeastOnce)
    }

    /// PUBREC with a failure: the exchange is over.
    // [MQTT5-4.4.0-2]
    pub(crate) fn handle_refusal(&mut self, id: PacketId) -> Result<Finished, StrayAck> {
        self.finish_unreceived(id, QoS::ExactlyOnce)
    }

    /// PUBREC: the client has the message. Returns it the first time, with the order of its release.
    // [MQTT5-4.3.3-3] [MQTT5-4.3.3-6]
    pub(crate) fn handle_pubrec(
        &mut self,
        id: PacketId,
        now: Moment,
    ) -> Result<Option<Received>, StrayAck> {
        let order = self.next_release;
        let index = self.find(id).ok_or(StrayAck::NotInFlight(id))?;
        let slot = self.slots.get_mut(index).ok_or(StrayAck::NotInFlight(id))?;
        let was_waiting = slot.stage == Stage::Waiting;
        match slot.stage {
            Stage::Released(_) => return Ok(None),
            Stage::Sent | Stage::Waiting if slot.qos() == Some(QoS::ExactlyOnce) => {}
            Stage::Sent | Stage::Waiting | Stage::Free => return Err(StrayAck::OutOfTurn(id)),
        }
        slot.stage = Stage::Released(order);
        let sent = std::mem::replace(&mut slot.at, now);
        let number = slot.name;
        let delivery = slot.delivery.take();
        self.next_release += 1;
        self.waiting -= u32::from(was_waiting);
        self.check();
        Ok(delivery.map(|delivery| Received {
            number,
            delivery,
            order,
            sent,
        }))
    }

    /// PUBCOMP: the exchange is over, its id is free.
    // [MQTT5-4.3.3-5]
    pub(crate) fn handle_pubcomp(&mut self, id: PacketId) -> Result<(), StrayAck> {
        let index = self.find(id).ok_or(StrayAck::NotInFlight(id))?;
        match self.slots.get(index).map(|slot| slot.stage) {
            Some(Stage::Released(_)) => {
                self.free(index);
                Ok(())
            }
            _ => Err(StrayAck::OutOfTurn(id)),
        }
    }

    /// Ends an exchange whose PUBLISH could not be written. Returns the message.
    pub(crate) fn give_up(&mut self, id: PacketId) -> Result<(u64, Delivery), StrayAck> {
        let index = self.find(id).ok_or(StrayAck::NotInFlight(id))?;
        let given_up = self.free(index).ok_or(StrayAck::OutOfTurn(id))?;
        Ok((given_up.number, given_up.delivery))
    }

    /// What was sent on this connection so long ago that it is sent again, oldest first.
    pub(crate) fn overdue(&mut self, patience: Duration, now: Moment) -> Vec<Again> {
        let mut overdue = Vec::new();
        for slot in &mut self.slots {
            if slot.at + patience > now {
                continue;
            }
            let id = slot.id();
            match (slot.stage, &slot.delivery) {
                (Stage::Sent, Some(delivery)) => {
                    overdue.push(Again::Publish(id, delivery.clone()));
                }
                (Stage::Released(_), _) => overdue.push(Again::Release(id)),
                (Stage::Sent | Stage::Waiting | Stage::Free, _) => continue,
            }
            slot.at = now;
        }
        overdue
    }

    /// When the message was last sent whose answer has been due for longest.
    pub(crate) fn oldest(&self) -> Option<Moment> {
        self.slots
            .iter()
            .filter(|slot| matches!(slot.stage, Stage::Sent | Stage::Released(_)))
            .map(|slot| slot.at)
            .min()
    }

    /// Ends all exchanges; returns the messages of which the client is not known to have them.
    pub(crate) fn end(&mut self) -> impl Iterator<Item = Delivery> + use<> {
        let slots = std::mem::take(&mut self.slots);
        self.used = 0;
        self.sent = 0;
        self.waiting = 0;
        slots.into_iter().filter_map(|slot| slot.delivery)
    }

    /// Exchanges under way.
    pub(crate) fn len(&self) -> usize {
        self.used as usize
    }

    /// The most exchanges that may be under way at once.
    pub(crate) fn room_max(&self) -> usize {
        usize::from(self.used_max.min(self.sent_max))
    }

    /// The exchanges under way, in the order of sending.
    pub(crate) fn in_flight(&self) -> impl Iterator<Item = InFlight<'_>> {
        self.slots.iter().filter_map(|slot| {
            let stage = match slot.stage {
                Stage::Sent => FlightStage::Sent,
                Stage::Waiting => FlightStage::Waiting,
                Stage::Released(_) => FlightStage::Received,
                Stage::Free => return None,
            };
            Some(InFlight {
                packet_id: slot.id(),
                stage,
                at: slot.at,
                delivery: slot.delivery.as_ref(),
            })
        })
    }

    /// Each exchange under way, in the order of sending.
    pub(crate) fn exchanges(&self) -> impl Iterator<Item = Exchange<'_>> {
        let used = self.slots.iter().filter(|slot| !slot.is_free());
        used.map(|slot| Exchange {
            id: slot.id(),
            delivery: slot.delivery.as_ref(),
            released: if let Stage::Released(order) = slot.stage {
                Some(order)
            } else {
                None
            },
            is_waiting: slot.stage == Stage::Waiting,
            is_counted: slot.is_counted,
            is_new: slot.is_new,
            at: slot.at,
        })
    }

    /// Most messages that are unacknowledged on this connection.
    pub(crate) fn sent_max(&self) -> u16 {
        self.sent_max
    }

    /// The messages of all of them, to be changed.
    pub(crate) fn deliveries_mut(&mut self) -> impl Iterator<Item = &mut Delivery> {
        self.slots
            .iter_mut()
            .filter_map(|slot| slot.delivery.as_mut())
    }

    /// Gives back memory that is not needed.
    pub(crate) fn release_memory(&mut self) {
        self.slots.shrink_to_fit();
    }

    /// Ends an exchange at a point at which the client is not known to have the message.
    fn finish_unreceived(&mut self, id: PacketId, qos: QoS) -> Result<Finished, StrayAck> {
        let index = self.find(id).ok_or(StrayAck::NotInFlight(id))?;
        let fits = self
            .slots
            .get(index)
            .is_some_and(|slot| slot.qos() == Some(qos));
        if !fits {
            return Err(StrayAck::OutOfTurn(id));
        }
        self.free(index).ok_or(StrayAck::OutOfTurn(id))
    }

    /// Frees a slot, and the freed ones at both ends with it.
    fn free(&mut self, index: usize) -> Option<Finished> {
        let slot = self.slots.get_mut(index)?;
        let (number, sent) = (slot.name, slot.at);
        self.used -= 1;
        self.sent -= u32::from(slot.is_counted);
        self.waiting -= u32::from(slot.stage == Stage::Waiting);
        slot.stage = Stage::Free;
        let delivery = slot.delivery.take();
        while self.slots.front().is_some_and(Slot::is_free) {
            self.slots.pop_front();
        }
        while self.slots.back().is_some_and(Slot::is_free) {
            self.slots.pop_back();
        }
        if self.slots.len() > 2 * self.len() + FREED_MAX {
            self.slots.retain(|slot| !slot.is_free());
        }
        self.check();
        Some(Finished {
            number,
            delivery: delivery?,
            sent,
        })
    }

    /// Where the exchange with this id stands.
    fn find(&self, id: PacketId) -> Option<usize> {
        if self.is_named {
            return self.find_named(id);
        }
        let first = self.slots.front()?.number;
        let last = self.slots.back()?.number;
        if last - first >= IDS {
            // One message has been unacknowledged while 65 535 others came and went, so that more
            // than one number stands for an id. Rare enough to look at all slots.
            return self
                .slots
                .iter()
                .position(|slot| !slot.is_free() && id_of(slot.number) == id);
        }
        let distance = (u64::from(id.get()) + IDS - u64::from(id_of(first).get())) % IDS;
        let number = first + distance;
        let index = self.place_of(number, distance)?;
        self.slots
            .get(index)
            .is_some_and(|slot| !slot.is_free())
            .then_some(index)
    }

    /// Where a number stands. Without gaps, which is the usual case, its distance from the first says so.
    fn place_of(&self, number: u64, distance: u64) -> Option<usize> {
        let place = usize::try_from(distance).ok()?;
        if self
            .slots
            .get(place)
            .is_some_and(|slot| slot.number == number)
        {
            return Some(place);
        }
        self.slots
            .binary_search_by_key(&number, |slot| slot.number)
            .ok()
    }

    /// Whether the id of a coming number is held by an exchange under way.
    fn is_in_use(&self, number: u64) -> bool {
        match self.slots.front() {
            Some(first) if number - first.number >= IDS => self.find(id_of(number)).is_some(),
            _ => false,
        }
    }

    /// What always holds. (More may be sent than the window takes after a new connection made it
    /// smaller; never more than the client takes.)
    fn check(&self) {
        assert!(self.len() <= self.slots.len());
        assert!(self.sent + self.waiting <= self.used);
        assert!(self.sent <= u32::from(self.sent_max));
        assert!(self.used <= u32::from(self.used_max).max(self.restored));
        assert!(!self.slots.front().is_some_and(Slot::is_free));
        assert!(!self.slots.back().is_some_and(Slot::is_free));
    }
}
