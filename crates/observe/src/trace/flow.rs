//! What a flow is made of.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::ProcessId;

/// Memory that a flow, a hop or a note counts for besides its texts.
const OWN_BYTES: u64 = 96;

/// One stimulus and what it has caused so far.
#[derive(Clone, Debug, Default)]
pub struct Flow {
    /// Its number; no two of a node are the same.
    pub number: u64,
    /// The traces that it belongs to.
    pub traces: Vec<u32>,
    /// What began it, in words.
    pub cause: String,
    /// The client that it came from, as far as it is known.
    pub client: Option<String>,
    /// The topic that it is about, if it is about one.
    pub topic: Option<String>,
    /// The message that it is about, if it is about one.
    pub message: Option<u64>,
    /// When it began, counted from the start of the node.
    pub started: Duration,
    /// Number of its last change.
    pub changed: u64,
    /// When that was, counted from the start of the node.
    pub changed_at: Duration,
    /// What has become of it, by number.
    pub hops: BTreeMap<u64, Hop>,
}

/// One entry, handled by one process.
#[derive(Clone, Debug)]
pub struct Hop {
    /// Its number within the node.
    pub number: u64,
    /// The hop that caused it.
    pub parent: Option<u64>,
    /// Who handled it; `None` where that is no process, or not known here.
    pub process: Option<ProcessId>,
    /// emqttd's name for its kind.
    pub kind: &'static str,
    /// What it is called among its kind.
    pub name: Arc<str>,
    /// What it handled.
    pub entry: &'static str,
    /// When that was put into its lane, counted from the start of the node.
    pub enqueued: Duration,
    /// When its turn came.
    pub began: Duration,
    /// How long it took.
    pub took: Duration,
    /// Entries that were in the lane before it.
    pub depth: u32,
    /// What there is to say about it.
    pub notes: Vec<Note>,
}

/// What is said about a hop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// When, counted from the start of the node.
    pub at: Duration,
    /// What it is about.
    pub kind: NoteKind,
    /// In words, without payloads and secrets.
    pub text: String,
}

/// What a note is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoteKind {
    /// A packet that was read.
    PacketIn,
    /// A packet that was written.
    PacketOut,
    /// What was decided, and why.
    Decision,
    /// What was handed to the disk, or is on it.
    Store,
    /// An acknowledgement.
    Ack,
    /// Somebody does not get it.
    Drop,
    /// It went to another arbiter.
    Parcel,
}

impl NoteKind {
    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PacketIn => "packet_in",
            Self::PacketOut => "packet_out",
            Self::Decision => "decision",
            Self::Store => "store",
            Self::Ack => "ack",
            Self::Drop => "drop",
            Self::Parcel => "parcel",
        }
    }
}

/// What an arbiter tells.
#[derive(Debug)]
pub(crate) enum Told {
    /// A flow began.
    Flow(Box<Flow>),
    /// A hop is over.
    Hop {
        /// Of which flow.
        flow: u64,
        /// What it was.
        hop: Hop,
    },
    /// There is something to say about a hop.
    Note {
        /// Of which flow.
        flow: u64,
        /// About which hop.
        hop: u64,
        /// What.
        note: Note,
    },
}

impl Flow {
    pub(super) fn bytes(&self) -> u64 {
        let texts = self.cause.len()
            + self.client.as_ref().map_or(0, String::len)
            + self.topic.as_ref().map_or(0, String::len);
        OWN_BYTES + texts as u64
    }

    /// Takes a hop in. Notes about it may have come before it.
    pub(super) fn take(&mut self, mut hop: Hop) {
        if let Some(known) = self.hops.get_mut(&hop.number) {
            hop.notes.append(&mut known.notes);
            hop.notes.sort_by_key(|note| note.at);
        }
        self.hops.insert(hop.number, hop);
    }

    pub(super) fn note(&mut self, hop: u64, note: Note) {
        // One whose hop is not over, or was left out, stands for it.
        let known = self.hops.entry(hop).or_insert_with(|| Hop {
            number: hop,
            parent: None,
            process: None,
            kind: "",
            name: Arc::from(""),
            entry: "",
            enqueued: note.at,
            began: note.at,
            took: Duration::ZERO,
            depth: 0,
            notes: Vec::new(),
        });
        known.notes.push(note);
    }
}

impl Hop {
    pub(super) fn bytes(&self) -> u64 {
        let notes: u64 = self.notes.iter().map(Note::bytes).sum();
        OWN_BYTES + notes
    }
}

impl Note {
    pub(super) fn bytes(&self) -> u64 {
        OWN_BYTES + self.text.len() as u64
    }
}
