//! One batch: a row occurs in it once, whatever happened to it.

use std::collections::HashMap;

use castmq_rules::MessageId;

use crate::{Key, Space, Write};

/// Rows that are written together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    writes: Vec<Option<Write>>,
    slots: HashMap<(Space, Key), Slot, ahash::RandomState>,
    bytes: usize,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    index: usize,
    /// There was no such row before the batch, so that deleting it leaves nothing to write.
    is_new: bool,
    reference: Option<MessageId>,
}

/// What deleting a row of a queue in a batch came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deleted {
    /// It was put in this batch, and referred to this body.
    New(Option<MessageId>),
    /// It is in the store, if it ever was.
    Stored,
    /// It was deleted in this batch before.
    Again,
}

impl Batch {
    /// The row has this value.
    pub(super) fn put(&mut self, space: Space, key: Key, value: Vec<u8>) {
        self.bytes += key.len() + value.len();
        let write = Write::Put {
            space,
            key: key.clone(),
            value,
        };
        self.write((space, key), write);
    }

    /// A row that is written once: it is not in the store.
    pub(super) fn put_new(
        &mut self,
        space: Space,
        key: Key,
        value: Vec<u8>,
        reference: Option<MessageId>,
    ) {
        self.bytes += key.len() + value.len();
        let is_new = !self.slots.contains_key(&(space, key.clone()));
        let write = Write::Put {
            space,
            key: key.clone(),
            value,
        };
        let slot = self.write((space, key), write);
        slot.is_new = is_new;
        slot.reference = reference;
    }

    /// There is no such row.
    pub(super) fn delete(&mut self, space: Space, key: Key) {
        self.bytes += key.len();
        let write = Write::Delete {
            space,
            key: key.clone(),
        };
        self.write((space, key), write);
    }

    /// There is no row any more that was put with [`Self::put_new`], now or in an earlier batch.
    pub(super) fn delete_written_once(&mut self, space: Space, key: Key) -> Deleted {
        let row = (space, key);
        let Some(slot) = self.slots.get(&row).copied() else {
            self.delete(row.0, row.1);
            return Deleted::Stored;
        };
        let is_there = matches!(self.writes.get(slot.index), Some(Some(Write::Put { .. })));
        if !is_there {
            return Deleted::Again;
        }
        if slot.is_new {
            self.slots.remove(&row);
            if let Some(write) = self.writes.get_mut(slot.index) {
                *write = None;
            }
        } else {
            self.delete(row.0, row.1);
        }
        Deleted::New(slot.reference)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The writes, and how many bytes of keys and values they are.
    pub(super) fn into_writes(self) -> (Vec<Write>, usize) {
        (self.writes.into_iter().flatten().collect(), self.bytes)
    }

    fn write(&mut self, row: (Space, Key), write: Write) -> &mut Slot {
        let next = self.writes.len();
        let slot = self.slots.entry(row).or_insert(Slot {
            index: next,
            is_new: false,
            reference: None,
        });
        if slot.index == next {
            self.writes.push(Some(write));
        } else if let Some(place) = self.writes.get_mut(slot.index) {
            *place = Some(write);
        }
        slot.is_new = false;
        slot.reference = None;
        slot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u8) -> Key {
        Key::from_slice(&[number])
    }

    fn writes(batch: Batch) -> Vec<Write> {
        batch.into_writes().0
    }

    #[test]
    fn what_comes_and_goes_in_one_batch_is_not_written() {
        let mut batch = Batch::default();
        batch.put_new(Space::Queue, key(1), vec![7], None);
        let deleted = batch.delete_written_once(Space::Queue, key(1));

        assert_eq!(deleted, Deleted::New(None));
        assert_eq!(writes(batch), []);
    }

    #[test]
    fn of_several_values_of_a_row_the_last_one_is_written() {
        let mut batch = Batch::default();
        batch.put(Space::Sessions, key(1), vec![1]);
        batch.delete(Space::Sessions, key(1));
        batch.put(Space::Sessions, key(1), vec![2]);

        let (space, key, value) = (Space::Sessions, key(1), vec![2]);
        assert_eq!(writes(batch), [Write::Put { space, key, value }]);
    }

    #[test]
    fn a_row_of_the_store_that_is_deleted_and_comes_anew_and_goes_is_deleted() {
        let mut batch = Batch::default();
        assert_eq!(
            batch.delete_written_once(Space::Queue, key(1)),
            Deleted::Stored
        );
        batch.put_new(Space::Queue, key(1), vec![7], Some(MessageId(3)));
        assert_eq!(
            batch.delete_written_once(Space::Queue, key(1)),
            Deleted::New(Some(MessageId(3)))
        );

        let (space, key) = (Space::Queue, key(1));
        assert_eq!(writes(batch), [Write::Delete { space, key }]);
    }
}
