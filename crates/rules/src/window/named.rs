//! Packet ids that follow from the numbers of stored messages, so that they are the same after a restart
//! without being stored.
//!
//! Those numbers ascend, but not by one, and with priorities not even that. The usual acknowledgement is
//! that of the first slot or of one at its distance from it; all others are looked for.

use castmq_mqtt::PacketId;

use super::Window;
use super::slot::{IDS, Slot, Stage, id_of};
use crate::{Delivery, Moment};

/// The lowest number of a stored message: below it there is room for numbers that stand for the ids of
/// exchanges whose messages are done with.
pub(crate) const FIRST_NAME: u64 = IDS;

impl Window {
    /// Has ids follow from the numbers of messages from now on, and holds these ids until their PUBCOMP.
    /// Each id comes with the order of its PUBREC; `near` is a number that was the next one not long
    /// before. Returns a number above those of all these ids.
    pub(crate) fn restore(&mut self, released: &[(u64, PacketId)], near: u64, now: Moment) -> u64 {
        self.is_named = true;
        let mut next = near;
        for &(order, id) in released {
            let number = self.next;
            self.next += 1;
            self.next_release = self.next_release.max(order + 1);
            // Of all numbers that stand for the id the one next to it: should it be another one, the id
            // is still held, and in the way of a later message for longer.
            let last = near + IDS / 2;
            let behind = (u64::from(id_of(last).get()) + IDS - u64::from(id.get())) % IDS;
            next = next.max(last - behind + 1);
            self.slots.push_back(Slot {
                number,
                name: last - behind,
                stage: Stage::Released(order),
                is_counted: false,
                is_new: false,
                at: now,
                delivery: None,
            });
            self.used += 1;
            self.note_name(last - behind);
        }
        self.restored = self.used;
        self.check();
        next
    }

    /// Whether the message with this number may be sent: there is room, and nobody holds its id.
    // [MQTT3-2.3.1-4] [MQTT5-2.2.1-4]
    pub(crate) fn has_room_for(&self, name: u64) -> bool {
        self.has_room() && !self.is_name_in_use(name)
    }

    /// Takes a message in under the id that follows from its number. Only with [`Self::has_room_for`].
    pub(crate) fn send_as(&mut self, name: u64, delivery: Delivery, now: Moment) -> PacketId {
        assert!(
            self.has_room_for(name),
            "a message is sent only when its id is free"
        );
        let id = self.put(name, delivery, now);
        self.note_name(name);
        id
    }

    /// A message that may have been sent before a restart and is to be sent again under its id; `false`
    /// when there is no room for it, so that it was not sent.
    pub(crate) fn restore_sent(&mut self, name: u64, delivery: &Delivery, now: Moment) -> bool {
        let has_room = self.used < u32::from(self.used_max) && !self.is_name_in_use(name);
        if !has_room {
            return false;
        }
        let number = self.next;
        self.next += 1;
        self.slots.push_back(Slot {
            number,
            name,
            stage: Stage::Waiting,
            is_counted: false,
            is_new: true,
            at: now,
            delivery: Some(delivery.clone()),
        });
        self.used += 1;
        self.waiting += 1;
        self.note_name(name);
        self.check();
        true
    }

    /// The lowest number of a message that the client is not known to have.
    pub(crate) fn first_name(&self) -> Option<u64> {
        let unreceived = self.slots.iter().filter(|slot| slot.delivery.is_some());
        unreceived.map(|slot| slot.name).min()
    }

    /// Two numbers have the same id only if they lie as far apart as there are ids.
    fn is_name_in_use(&self, name: u64) -> bool {
        let (lowest, highest) = self.names;
        let is_near = name.abs_diff(lowest) < IDS && name.abs_diff(highest) < IDS;
        !(is_near || self.used == 0) && self.find_named(id_of(name)).is_some()
    }

    /// Keeps the bounds of the numbers in use, which need not be tight.
    fn note_name(&mut self, name: u64) {
        let (lowest, highest) = self.names;
        self.names = if self.used <= 1 {
            (name, name)
        } else {
            (lowest.min(name), highest.max(name))
        };
        if self.names.1 - self.names.0 >= IDS / 2 {
            let names = || self.slots.iter().filter(|slot| !slot.is_free());
            let lowest = names().map(|slot| slot.name).min();
            let highest = names().map(|slot| slot.name).max();
            self.names = (lowest.unwrap_or(name), highest.unwrap_or(name));
        }
    }

    pub(super) fn find_named(&self, id: PacketId) -> Option<usize> {
        let is_it = |slot: &Slot| !slot.is_free() && slot.id() == id;
        let first = self.slots.front()?;
        let distance = (u64::from(id.get()) + IDS - u64::from(first.id().get())) % IDS;
        let guess = usize::try_from(distance).ok()?;
        if self.slots.get(guess).is_some_and(is_it) {
            return Some(guess);
        }
        self.slots.iter().position(is_it)
    }
}
