//! The recorder: what an arbiter did last, always on, and dumped when something breaks.
//!
//! A moment is written for each turn, each read of a socket, each timer and each end of a process, into
//! a ring that belongs to the arbiter alone: no lock, no allocation.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::{IS_BLIND, ProcessId, Recorded};

/// Moments that an arbiter remembers.
const MOMENTS: usize = 4096;
/// Dumps that a node remembers.
const DUMPS_MAX: usize = 16;

/// What happened in a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A turn, with the kinds of its last entries.
    Turn,
    /// Its socket was read.
    Read,
    /// Its timer fired.
    Timer,
    /// It failed.
    Failed,
    /// It ended.
    Ended,
}

impl What {
    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Turn => "turn",
            Self::Read => "read",
            Self::Timer => "timer",
            Self::Failed => "failed",
            Self::Ended => "ended",
        }
    }
}

/// One thing that an arbiter did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    at_micros: u64,
    /// The kinds of the last eight entries of a turn, one a byte, the latest in the lowest.
    kinds: u64,
    slot: u32,
    generation: u32,
    entries: u16,
    kind: u8,
    what: What,
}

impl Moment {
    /// When the round began in which it was done, counted from the start of the node.
    #[must_use]
    pub fn at(&self) -> Duration {
        Duration::from_micros(self.at_micros)
    }

    /// What was done.
    #[must_use]
    pub fn what(&self) -> What {
        self.what
    }

    /// By whom.
    #[must_use]
    pub fn process(&self, arbiter: u16) -> ProcessId {
        ProcessId {
            arbiter,
            kind: self.kind,
            slot: self.slot,
            generation: self.generation,
        }
    }

    /// Entries that were handled.
    #[must_use]
    pub fn entries(&self) -> u16 {
        self.entries
    }

    /// The kinds of the last of them, at most eight, in their order.
    pub fn kinds(&self) -> impl Iterator<Item = u8> {
        let count = usize::from(self.entries).min(8);
        let kinds = self.kinds.to_be_bytes();
        kinds.into_iter().skip(8 - count)
    }
}

/// The recorder of one arbiter.
#[derive(Debug)]
pub struct Recorder {
    ring: Box<[Moment]>,
    next: usize,
    is_full: bool,
}

impl Default for Recorder {
    fn default() -> Self {
        let nothing = Moment {
            at_micros: 0,
            kinds: 0,
            slot: 0,
            generation: 0,
            entries: 0,
            kind: 0,
            what: What::Turn,
        };
        Self {
            ring: vec![nothing; MOMENTS].into_boxed_slice(),
            next: 0,
            is_full: false,
        }
    }
}

impl Recorder {
    /// Notes what a process of that kind, in that place, did: in a turn so many entries, with the kinds of
    /// the last of them.
    pub fn note(
        &mut self,
        what: What,
        at: Duration,
        process: ProcessId,
        (entries, kinds): (u32, u64),
    ) {
        if IS_BLIND {
            return;
        }
        let moment = Moment {
            at_micros: at.as_secs() * 1_000_000 + u64::from(at.subsec_micros()),
            kinds,
            slot: process.slot,
            generation: process.generation,
            entries: u16::try_from(entries).unwrap_or(u16::MAX),
            kind: process.kind,
            what,
        };
        if let Some(place) = self.ring.get_mut(self.next) {
            *place = moment;
        }
        self.next += 1;
        if self.next == MOMENTS {
            self.next = 0;
            self.is_full = true;
        }
    }

    /// What was done, the oldest first.
    pub fn moments(&self) -> impl Iterator<Item = &Moment> {
        let (new, old) = self.ring.split_at(self.next);
        let old = if self.is_full { old } else { &[] };
        old.iter().chain(new)
    }
}

/// What an arbiter did before something broke.
#[derive(Clone, Debug)]
pub struct Dump {
    /// Its number, from 1.
    pub id: u64,
    /// When, counted from the start of the node.
    pub at: Duration,
    /// The arbiter.
    pub arbiter: u16,
    /// Who broke, as far as that is one process.
    pub process: Option<ProcessId>,
    /// What broke.
    pub cause: String,
    /// What was done, the oldest first.
    pub moments: Vec<Moment>,
    /// What was told, the oldest first.
    pub events: Vec<Recorded>,
}

/// The dumps of a node, the latest of them.
#[derive(Debug, Default)]
pub struct Dumps {
    kept: Mutex<(u64, VecDeque<Arc<Dump>>)>,
}

impl Dumps {
    /// Keeps a dump, whose number is given to it; returns that.
    pub fn keep(&self, mut dump: Dump) -> u64 {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.0 += 1;
        dump.id = kept.0;
        if kept.1.len() == DUMPS_MAX {
            kept.1.pop_front();
        }
        kept.1.push_back(Arc::new(dump));
        kept.0
    }

    /// All that are kept, the oldest first.
    #[must_use]
    pub fn list(&self) -> Vec<Arc<Dump>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.1.iter().cloned().collect()
    }
}

const _: () = assert!(size_of::<Moment>() == 32, "two moments a cache line");

#[cfg(test)]
mod tests {
    use super::*;

    fn process(slot: u32) -> ProcessId {
        ProcessId {
            arbiter: 2,
            kind: 1,
            slot,
            generation: 9,
        }
    }

    #[test]
    #[cfg_attr(feature = "blind", ignore = "nothing is recorded")]
    fn the_last_moments_are_remembered_in_their_order() {
        let mut recorder = Recorder::default();
        for slot in 0..5000 {
            recorder.note(What::Turn, Duration::from_secs(1), process(slot), (1, 7));
        }
        let slots: Vec<u32> = recorder.moments().map(|moment| moment.slot).collect();
        assert_eq!(
            (slots.len(), slots[0], slots[MOMENTS - 1]),
            (MOMENTS, 904, 4999)
        );
    }

    #[test]
    #[cfg_attr(feature = "blind", ignore = "nothing is recorded")]
    fn a_turn_names_its_last_entries() {
        let mut recorder = Recorder::default();
        recorder.note(What::Turn, Duration::ZERO, process(3), (3, 0x05_06_07));
        let moment = *recorder.moments().next().unwrap();
        assert_eq!(moment.kinds().collect::<Vec<_>>(), [5, 6, 7]);
        assert_eq!(moment.process(2), process(3));
    }

    #[test]
    fn the_latest_dumps_are_kept() {
        let dumps = Dumps::default();
        for _ in 0..20 {
            dumps.keep(Dump {
                id: 0,
                at: Duration::ZERO,
                arbiter: 0,
                process: None,
                cause: "a test".to_owned(),
                moments: Vec::new(),
                events: Vec::new(),
            });
        }
        let ids: Vec<u64> = dumps.list().iter().map(|dump| dump.id).collect();
        assert_eq!((ids.len(), ids[0], ids[15]), (16, 5, 20));
    }
}
