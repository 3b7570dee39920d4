//! A set of packet ids that mostly come in ascending order and go in the order in which they came.

use std::collections::VecDeque;

use castmq_mqtt::PacketId;
use serde::{Deserialize, Serialize};

/// Ids in ascending order, without a place in memory for each: putting one behind the last and taking the
/// first off move nothing.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct PacketIds {
    ids: VecDeque<PacketId>,
}

impl PacketIds {
    pub(crate) const fn new() -> Self {
        Self {
            ids: VecDeque::new(),
        }
    }

    /// Whether it was not in the set before.
    pub(crate) fn insert(&mut self, id: PacketId) -> bool {
        if self.ids.back().is_none_or(|last| *last < id) {
            self.ids.push_back(id);
            return true;
        }
        match self.ids.binary_search(&id) {
            Ok(_) => false,
            Err(position) => {
                self.ids.insert(position, id);
                true
            }
        }
    }

    /// Whether it was in the set.
    pub(crate) fn remove(&mut self, id: PacketId) -> bool {
        if self.ids.front() == Some(&id) {
            self.ids.pop_front();
            return true;
        }
        let found = self.ids.binary_search(&id);
        if let Ok(position) = found {
            self.ids.remove(position);
        }
        found.is_ok()
    }

    pub(crate) fn contains(&self, id: PacketId) -> bool {
        // One behind the last is the usual case.
        self.ids.back().is_some_and(|last| *last >= id) && self.ids.binary_search(&id).is_ok()
    }

    /// All of them, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = PacketId> {
        self.ids.iter().copied()
    }

    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Gives back memory that nothing is in.
    pub(crate) fn release_memory(&mut self) {
        if self.ids.is_empty() {
            self.ids = VecDeque::new();
        }
    }

    /// Forgets all, and gives the memory back.
    pub(crate) fn clear(&mut self) {
        self.ids = VecDeque::new();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_holds_what_a_tree_would_hold(
            steps in prop::collection::vec((any::<bool>(), 1_u16..40), 0..200)
        ) {
            let mut ids = PacketIds::new();
            let mut tree = BTreeSet::new();
            for (is_new, number) in steps {
                let id = PacketId::new(number).unwrap();
                prop_assert_eq!(ids.contains(id), tree.contains(&id));
                if is_new {
                    prop_assert_eq!(ids.insert(id), tree.insert(id));
                } else {
                    prop_assert_eq!(ids.remove(id), tree.remove(&id));
                }
                prop_assert_eq!(ids.len(), tree.len());
            }
        }
    }
}
