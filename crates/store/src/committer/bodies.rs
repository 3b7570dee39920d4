//! How many rows refer to each body.
//!
//! For messages of this run that is counted as rows come and go. For those of earlier runs the queues
//! are read once, in slices between commits; until that is done their bodies are not deleted, and no
//! new row refers to one. Bodies to which nothing refers then are swept.

use std::collections::HashMap;

use castmq_rules::MessageId;

use crate::{Key, RUN_SHIFT};

/// The counts.
#[derive(Debug)]
pub(super) struct Bodies {
    /// Ids from here on are of this run.
    run_base: u64,
    counts: HashMap<u64, u32, ahash::RandomState>,
    recount: Recount,
}

/// How far the counting of what earlier runs left is.
#[derive(Debug)]
pub(super) enum Recount {
    /// The rows of the queues before this key are counted.
    Queues(Key),
    /// All rows are counted; bodies before this key are swept.
    Bodies(Key),
    Done,
}

/// What became of a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    Some,
    /// That was the last row: the body goes with it.
    Nothing,
}

impl Bodies {
    pub(super) fn new(run: u64) -> Self {
        Self {
            run_base: run << RUN_SHIFT,
            counts: HashMap::default(),
            recount: Recount::Queues(Key::new()),
        }
    }

    /// Whether the number of rows that refer to the body is known, none for example.
    pub(super) fn is_counted(&self, id: MessageId) -> bool {
        self.is_of_this_run(id) || !matches!(self.recount, Recount::Queues(_))
    }

    /// Whether there is a body of the message to which a row may refer.
    pub(super) fn exists(&self, id: MessageId) -> bool {
        self.is_counted(id) && self.counts.contains_key(&id.0)
    }

    /// Whether it has to be found out if the row that goes refers to a body.
    pub(super) fn may_be_referred_to(&self, id: MessageId, row: &[u8]) -> bool {
        self.counts.contains_key(&id.0) && self.has_counted(id, row)
    }

    /// A row refers to it from now on.
    pub(super) fn add(&mut self, id: MessageId) {
        let count = self.counts.entry(id.0).or_default();
        *count = count.saturating_add(1);
    }

    /// A row that was counted refers to it no longer.
    pub(super) fn remove(&mut self, id: MessageId, row: &[u8]) -> Left {
        if !self.has_counted(id, row) {
            return Left::Some;
        }
        let is_counted = self.is_counted(id);
        let Some(count) = self.counts.get_mut(&id.0) else {
            return Left::Some;
        };
        *count = count.saturating_sub(1);
        if *count > 0 || !is_counted {
            return Left::Some;
        }
        self.counts.remove(&id.0);
        Left::Nothing
    }

    pub(super) fn recount(&self) -> &Recount {
        &self.recount
    }

    /// A row that an earlier run left refers to it.
    pub(super) fn count_old(&mut self, id: MessageId) {
        if !self.is_of_this_run(id) {
            self.add(id);
        }
    }

    /// The rows before this key are counted; `None` when all are.
    pub(super) fn counted_until(&mut self, next: Option<Key>) {
        self.recount = match next {
            Some(next) => Recount::Queues(next),
            None => {
                self.counts.retain(|_, count| *count > 0);
                Recount::Bodies(Key::new())
            }
        };
    }

    /// The bodies before this key are swept; `None` when all are.
    pub(super) fn swept_until(&mut self, next: Option<Key>) {
        self.recount = next.map_or(Recount::Done, Recount::Bodies);
    }

    /// Whether nothing refers to a body that is there. All bodies of this run have a count.
    pub(super) fn is_orphan(&self, id: MessageId) -> bool {
        !self.counts.contains_key(&id.0)
    }

    /// Whether the row is in the count, if it refers to the body.
    fn has_counted(&self, id: MessageId, row: &[u8]) -> bool {
        match &self.recount {
            Recount::Queues(next) if !self.is_of_this_run(id) => row < next.as_slice(),
            Recount::Queues(_) | Recount::Bodies(_) | Recount::Done => true,
        }
    }

    fn is_of_this_run(&self, id: MessageId) -> bool {
        id.0 >= self.run_base
    }
}
