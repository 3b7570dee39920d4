//! Process records: what each actor is and how busy it is, readable while it runs.

use std::fmt;
use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use crate::{IS_BLIND, Timings};

/// Records in one chunk; a chunk is allocated whole and never moves.
const CHUNK: usize = 256;

/// What sort of process an actor is: `client`, `session`, `router` and so on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind {
    /// Dense number, an index into tables.
    pub index: u8,
    /// emqttd's name without its prefix.
    pub name: &'static str,
}

/// Identifies a process for as long as the node runs: never used again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessId {
    /// The arbiter it lives on.
    pub arbiter: u16,
    /// What it is.
    pub kind: u8,
    /// Its place among those of its kind.
    pub slot: u32,
    /// Which tenant of that place it is.
    pub generation: u32,
}

impl fmt::Debug for ProcessId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "<{}.{}.{}.{}>",
            self.arbiter, self.kind, self.slot, self.generation
        )
    }
}

impl fmt::Display for ProcessId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, formatter)
    }
}

/// One process as the dispatcher keeps it: written by its arbiter alone, read by anyone.
///
/// A write is a relaxed load and a relaxed store, so a reader may see fields of two moments.
#[derive(Debug, Default)]
pub struct Record {
    handled: AtomicU64,
    busy_nanos: AtomicU64,
    slot: AtomicU32,
    generation: AtomicU32,
    depth: AtomicU32,
    peak: AtomicU32,
    dropped: AtomicU32,
    longest_micros: AtomicU32,
    wait_micros: AtomicU32,
    restarts: AtomicU16,
    kind: AtomicU8,
    last_entry: AtomicU8,
    is_live: AtomicU8,
}

impl Record {
    /// Notes one more entry in the lane.
    pub fn pushed(&self, depth: usize) {
        if IS_BLIND {
            return;
        }
        let depth = u32::try_from(depth).unwrap_or(u32::MAX);
        self.depth.store(depth, Relaxed);
        if depth > self.peak.load(Relaxed) {
            self.peak.store(depth, Relaxed);
        }
    }

    /// Notes the entries of a turn and how many are left.
    pub fn handled(&self, entries: u32, last_entry: u8, depth: usize) {
        if IS_BLIND {
            return;
        }
        self.depth
            .store(u32::try_from(depth).unwrap_or(u32::MAX), Relaxed);
        self.handled.store(
            self.handled.load(Relaxed).wrapping_add(u64::from(entries)),
            Relaxed,
        );
        self.last_entry.store(last_entry, Relaxed);
    }

    /// Notes how long a sampled turn took, and for how many turns it stands.
    pub fn ran(&self, took: Duration, stands_for: u32) {
        if IS_BLIND {
            return;
        }
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let busy = self.busy_nanos.load(Relaxed);
        self.busy_nanos.store(
            busy.wrapping_add(nanos.saturating_mul(u64::from(stands_for))),
            Relaxed,
        );
        let micros = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        if micros > self.longest_micros.load(Relaxed) {
            self.longest_micros.store(micros, Relaxed);
        }
    }

    /// Notes how long a sampled entry waited in the lane.
    pub fn waited(&self, wait: Duration) {
        if IS_BLIND {
            return;
        }
        self.wait_micros
            .store(u32::try_from(wait.as_micros()).unwrap_or(u32::MAX), Relaxed);
    }

    /// Notes an entry that was thrown away unhandled.
    pub fn dropped(&self) {
        if IS_BLIND {
            return;
        }
        self.dropped
            .store(self.dropped.load(Relaxed).wrapping_add(1), Relaxed);
    }

    /// Notes that the supervisor started the process again.
    pub fn restarted(&self) {
        if IS_BLIND {
            return;
        }
        self.restarts
            .store(self.restarts.load(Relaxed).wrapping_add(1), Relaxed);
    }
}

/// A process as a reader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessRecord {
    /// Which process.
    pub id: ProcessId,
    /// emqttd's name for its kind.
    pub kind: &'static str,
    /// What it is called among its kind: a client id, a listener's name, else empty.
    pub name: Arc<str>,
    /// Entries in its lane.
    pub depth: u32,
    /// Most entries that were in its lane.
    pub peak: u32,
    /// Wait of the last sampled entry.
    pub wait: Duration,
    /// Entries handled.
    pub handled: u64,
    /// Entries thrown away unhandled.
    pub dropped: u32,
    /// Time spent in turns, estimated from samples.
    pub busy: Duration,
    /// Longest sampled turn.
    pub longest_turn: Duration,
    /// How often its supervisor started it again.
    pub restarts: u16,
    /// Kind of the last entry handled.
    pub last_entry: u8,
}

struct Chunk {
    records: Box<[Record]>,
    names: Box<[Mutex<Arc<str>>]>,
}

/// The process records of one arbiter.
///
/// Chunks are only ever added, so a reader holds the list's lock no longer than it takes to copy a
/// pointer.
pub struct Records {
    /// How long things take on the arbiter.
    pub timings: Timings,
    arbiter: u16,
    kinds: &'static [Kind],
    chunks: RwLock<Vec<Arc<Chunk>>>,
    free: Mutex<Vec<u32>>,
}

impl fmt::Debug for Records {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Records")
            .field("arbiter", &self.arbiter)
            .finish_non_exhaustive()
    }
}

/// A process's own record; the process writes through it without looking it up.
pub struct RecordHandle {
    chunk: Arc<Chunk>,
    index: u32,
}

impl fmt::Debug for RecordHandle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RecordHandle")
            .field("index", &self.index)
            .finish_non_exhaustive()
    }
}

impl RecordHandle {
    /// The record.
    #[must_use]
    pub fn record(&self) -> &Record {
        // The index was made together with the chunk, so it is inside of it.
        #[expect(
            clippy::indexing_slicing,
            reason = "the index was made together with the chunk"
        )]
        &self.chunk.records[self.index as usize % CHUNK]
    }
}

impl Records {
    /// No records yet, for an arbiter with processes of these kinds.
    #[must_use]
    pub fn new(arbiter: u16, kinds: &'static [Kind]) -> Self {
        Self {
            timings: Timings::default(),
            arbiter,
            kinds,
            chunks: RwLock::default(),
            free: Mutex::default(),
        }
    }

    /// A record for a process that starts.
    #[must_use]
    pub fn open(&self, id: ProcessId, name: Arc<str>) -> RecordHandle {
        let index = {
            let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
            if free.is_empty() {
                self.grow(&mut free);
            }
            free.pop().unwrap_or_default()
        };
        let chunk = self.chunk_of(index);
        let handle = RecordHandle { chunk, index };
        let record = handle.record();
        record.handled.store(0, Relaxed);
        record.busy_nanos.store(0, Relaxed);
        for gauge in [
            &record.depth,
            &record.peak,
            &record.dropped,
            &record.longest_micros,
            &record.wait_micros,
        ] {
            gauge.store(0, Relaxed);
        }
        record.restarts.store(0, Relaxed);
        record.slot.store(id.slot, Relaxed);
        record.generation.store(id.generation, Relaxed);
        record.kind.store(id.kind, Relaxed);
        if let Some(slot) = handle.chunk.names.get(index as usize % CHUNK) {
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = name;
        }
        record.is_live.store(1, Relaxed);
        handle
    }

    /// What a process is called among its kind.
    #[must_use]
    pub fn name_of(&self, handle: &RecordHandle) -> Arc<str> {
        handle
            .chunk
            .names
            .get(handle.index as usize % CHUNK)
            .map_or_else(
                || Arc::from(""),
                |name| Arc::clone(&name.lock().unwrap_or_else(PoisonError::into_inner)),
            )
    }

    /// Calls a process something else, now that more is known of it.
    pub fn rename(&self, handle: &RecordHandle, name: Arc<str>) {
        if let Some(slot) = handle.chunk.names.get(handle.index as usize % CHUNK) {
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = name;
        }
    }

    /// Gives the record of a process that ended back.
    pub fn close(&self, handle: &RecordHandle) {
        handle.record().is_live.store(0, Relaxed);
        if let Some(slot) = handle.chunk.names.get(handle.index as usize % CHUNK) {
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Arc::from("");
        }
        self.free
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(handle.index);
    }

    /// All processes that live now, in no promised order.
    #[must_use]
    pub fn list(&self) -> Vec<ProcessRecord> {
        let chunks = self
            .chunks
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let mut list = Vec::new();
        for chunk in chunks {
            for (record, name) in chunk.records.iter().zip(&chunk.names) {
                if record.is_live.load(Relaxed) == 1 {
                    let name = Arc::clone(&name.lock().unwrap_or_else(PoisonError::into_inner));
                    list.push(self.read(record, name));
                }
            }
        }
        list
    }

    /// Shows all processes that live now, one by one, each with the number of its record, ascending.
    pub fn for_each(&self, mut visit: impl FnMut(u32, ProcessRecord)) {
        let chunks = self.chunks.read();
        let chunks = chunks.unwrap_or_else(PoisonError::into_inner).clone();
        let mut index = 0;
        for chunk in chunks {
            for (record, name) in chunk.records.iter().zip(&chunk.names) {
                if record.is_live.load(Relaxed) == 1 {
                    let name = Arc::clone(&name.lock().unwrap_or_else(PoisonError::into_inner));
                    visit(index, self.read(record, name));
                }
                index += 1;
            }
        }
    }

    fn read(&self, record: &Record, name: Arc<str>) -> ProcessRecord {
        let kind = record.kind.load(Relaxed);
        let micros = |cell: &AtomicU32| Duration::from_micros(u64::from(cell.load(Relaxed)));
        ProcessRecord {
            id: ProcessId {
                arbiter: self.arbiter,
                kind,
                slot: record.slot.load(Relaxed),
                generation: record.generation.load(Relaxed),
            },
            kind: self
                .kinds
                .get(usize::from(kind))
                .map_or("unknown", |kind| kind.name),
            name,
            depth: record.depth.load(Relaxed),
            peak: record.peak.load(Relaxed),
            wait: micros(&record.wait_micros),
            handled: record.handled.load(Relaxed),
            dropped: record.dropped.load(Relaxed),
            busy: Duration::from_nanos(record.busy_nanos.load(Relaxed)),
            longest_turn: micros(&record.longest_micros),
            restarts: record.restarts.load(Relaxed),
            last_entry: record.last_entry.load(Relaxed),
        }
    }

    fn grow(&self, free: &mut Vec<u32>) {
        let mut chunks = self.chunks.write().unwrap_or_else(PoisonError::into_inner);
        let first = u32::try_from(chunks.len() * CHUNK).unwrap_or(u32::MAX);
        chunks.push(Arc::new(Chunk {
            records: (0..CHUNK).map(|_| Record::default()).collect(),
            names: (0..CHUNK).map(|_| Mutex::new(Arc::from(""))).collect(),
        }));
        free.extend((first..first + 256).rev());
    }

    fn chunk_of(&self, index: u32) -> Arc<Chunk> {
        let chunks = self.chunks.read().unwrap_or_else(PoisonError::into_inner);
        #[expect(
            clippy::indexing_slicing,
            reason = "an index is given out after its chunk was added"
        )]
        Arc::clone(&chunks[index as usize / CHUNK])
    }
}

const _: () = assert!(CHUNK == 256, "grow() counts on it");
const _: () = assert!(size_of::<Record>() <= 64, "one cache line a process");

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: &[Kind] = &[
        Kind {
            index: 0,
            name: "client",
        },
        Kind {
            index: 1,
            name: "session",
        },
    ];

    fn id(slot: u32) -> ProcessId {
        ProcessId {
            arbiter: 3,
            kind: 1,
            slot,
            generation: 7,
        }
    }

    #[test]
    fn a_running_process_is_listed_with_its_name_and_an_ended_one_is_not() {
        let records = Records::new(3, KINDS);
        let first = records.open(id(0), Arc::from("one"));
        let _second = records.open(id(1), Arc::from("two"));
        records.close(&first);

        let list = records.list();
        assert_eq!(list.len(), 1);
        assert_eq!(
            (list[0].kind, &*list[0].name, list[0].id),
            ("session", "two", id(1))
        );
    }

    #[test]
    fn a_place_is_used_again_with_fresh_numbers() {
        let records = Records::new(3, KINDS);
        let first = records.open(id(0), Arc::from("one"));
        first.record().pushed(9);
        first.record().handled(4, 2, 5);
        records.close(&first);
        let _again = records.open(id(0), Arc::from("again"));

        let list = records.list();
        assert_eq!((list[0].depth, list[0].peak, list[0].handled), (0, 0, 0));
    }

    #[test]
    #[cfg_attr(feature = "blind", ignore = "no record is written")]
    fn the_record_counts_depth_peak_and_handled_entries() {
        let records = Records::new(3, KINDS);
        let handle = records.open(id(0), Arc::from("one"));
        handle.record().pushed(1);
        handle.record().pushed(2);
        handle.record().handled(2, 5, 0);

        let list = records.list();
        assert_eq!(
            (
                list[0].depth,
                list[0].peak,
                list[0].handled,
                list[0].last_entry
            ),
            (0, 2, 2, 5)
        );
    }
}
