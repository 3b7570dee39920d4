//! Store: an arbiter's share of the store. What its processes have to keep is collected here, handed over
//! once a round, and whoever waits for that is told when it is on the disk.
//!
//! An arbiter has one submission under way at a time. What comes in the meantime is the next one, which
//! makes group commits by itself, and a message that is acknowledged before its turn came is not written
//! at all. What is handed over together is stored together or not at all.

// emqttd: emqttd_mnesia
// differs: emqttd keeps sessions and retained messages in Mnesia's memory tables, and a node's queues in
// its processes: a node that dies takes its sessions' messages with it (F3).

pub(crate) mod collector;
mod receipt;
mod restore;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use ahash::RandomState;
use castmq_mqtt::PacketId;
use castmq_observe::Counter;
use castmq_observe::trace::{NoteKind, Token};
use castmq_otp::Address;
use castmq_rules::ack_order::Outcome;
use castmq_rules::session::{Change, Page, ReadQueue};
use castmq_store::{Link, Op, QueueRange, SessionKey, Submission, Trouble};

use crate::node::Node;
use crate::parcel::{AnswerTo, Parcel};
use crate::session::{Session, SessionEntry};
use crate::{Shard, invariants, pubsub};

use collector::Collector;
use receipt::Receipts;
pub use receipt::{Receipt, SessionChange};
pub use restore::{are_routes_settled, begin, restore, take_over};

/// What an operation counts for besides the message in it, in bytes.
const OP_BYTES: usize = 64;

/// The store of a node as its arbiters see it.
#[derive(Debug)]
pub struct NodeStore {
    /// The way to the committer and the readers.
    pub link: Arc<Link>,
    /// The first half of all numbers that are given out for ever.
    run: u64,
    sessions: std::sync::atomic::AtomicU64,
}

/// Bits of a number that count within a run.
const RUN_SHIFT: u32 = 40;

impl NodeStore {
    /// The store of a node in its `run`th life.
    #[must_use]
    pub fn new(link: Arc<Link>, run: u64) -> Self {
        Self {
            link,
            run: run << RUN_SHIFT,
            sessions: std::sync::atomic::AtomicU64::new(0),
        }
    }

    /// A key that no session ever had.
    #[must_use]
    pub fn next_session(&self) -> SessionKey {
        let count = self
            .sessions
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        SessionKey(self.run | count)
    }

    /// The first message id of this life.
    #[must_use]
    pub fn first_message_id(&self) -> u64 {
        self.run
    }
}

/// Who waits for what was collected so far.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Waiter {
    /// A publisher, for this outcome.
    Answer(AnswerTo, Outcome),
    /// A session, for one of its messages.
    Stored(Address<Session>, u64),
    /// A session, for what it wants to tell its client.
    Held(Address<Session>),
    /// A session, for the id of a message of its client, or to hear that the message was refused.
    Received(Address<Session>, PacketId, bool),
    /// A session, to read its messages: what it has put in so far must be there.
    Read(Address<Session>, SessionKey, ReadQueue),
    /// A session whose process failed, to be read as a whole.
    Load(Address<Session>, SessionKey),
}

/// Who waits, and the flow that it is traced in.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    token: Option<Token>,
    waiter: Waiter,
}

/// What was handed over and is not stored yet.
#[derive(Debug)]
struct HandedOver {
    number: u64,
    /// When.
    at: Duration,
    bytes: usize,
    waiting: Vec<Waiting>,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    /// In their order; those that have cancelled out are gone.
    open: Vec<Option<Op>>,
    /// Messages among them, by session and number.
    queued: HashMap<(SessionKey, u64), usize, RandomState>,
    bytes: usize,
    waiting: Vec<Waiting>,
    handed: Option<HandedOver>,
    /// Number of the next submission.
    next: u64,
    /// Everything up to this submission is stored.
    stored: u64,
    pub(crate) receipts: Receipts,
    pub(crate) collectors: HashMap<u32, Collector, RandomState>,
    next_collector: u32,
    /// Sessions that wait to read.
    reads: HashSet<SessionKey, RandomState>,
}

impl Pending {
    /// Nothing.
    pub(crate) fn new(hasher: &RandomState) -> Self {
        Self {
            next: 1,
            queued: HashMap::with_hasher(hasher.clone()),
            collectors: HashMap::with_hasher(hasher.clone()),
            reads: HashSet::with_hasher(hasher.clone()),
            ..Self::default()
        }
    }

    /// Bytes that are not stored yet.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes + self.handed.as_ref().map_or(0, |handed| handed.bytes)
    }

    /// Whether nothing waits to be stored.
    pub(crate) fn is_idle(&self) -> bool {
        self.open.is_empty()
            && self.handed.is_none()
            && self.waiting.is_empty()
            && self.collectors.is_empty()
    }

    /// The last submission that holds anything: when it is stored, so is all that was collected.
    pub(crate) fn last(&self) -> u64 {
        if self.open.is_empty() {
            self.handed
                .as_ref()
                .map_or(self.stored, |handed| handed.number)
        } else {
            self.next
        }
    }

    /// Whether a submission is stored.
    pub(crate) fn is_stored(&self, number: u64) -> bool {
        number <= self.stored
    }

    fn put(&mut self, op: Op) {
        let bytes = OP_BYTES + weight(&op);
        match &op {
            Op::Session(key, Change::Queued { number, .. }) => {
                self.queued.insert((*key, *number), self.open.len());
            }
            Op::Session(key, Change::Done { number, .. }) => {
                // Never written, so there is nothing to delete.
                if let Some(at) = self.queued.remove(&(*key, *number))
                    && let Some(place) = self.open.get_mut(at)
                {
                    let gone = place.take();
                    self.bytes -= OP_BYTES + gone.as_ref().map_or(0, weight);
                    return;
                }
            }
            Op::Session(..) | Op::Retain { .. } | Op::Unretain { .. } | Op::Account { .. } => {}
        }
        self.bytes += bytes;
        self.open.push(Some(op));
    }

    /// Has somebody told when everything collected so far is stored; `None` gives him back because it is.
    fn wait(&mut self, waiter: Waiting) -> Option<Waiting> {
        if let Waiter::Read(_, key, _) = waiter.waiter
            && !self.reads.insert(key)
        {
            // It waits already; a session asks again when it has waited for long.
            return None;
        }
        if !self.open.is_empty() {
            self.waiting.push(waiter);
        } else if let Some(handed) = &mut self.handed {
            handed.waiting.push(waiter);
        } else {
            return Some(waiter);
        }
        None
    }
}

fn weight(op: &Op) -> usize {
    match op {
        Op::Session(_, Change::Queued { delivery, .. }) => delivery.message.weight(),
        Op::Retain { message, .. } => message.weight(),
        Op::Account { text, .. } => text.as_ref().map_or(0, String::len),
        Op::Session(..) | Op::Unretain { .. } => 0,
    }
}

/// Whether there is a store.
pub(crate) fn is_on(shard: &Shard) -> bool {
    shard.world.node.store.get().is_some()
}

/// Collects an operation.
pub(crate) fn put(shard: &mut Shard, op: Op) {
    if is_on(shard) {
        shard.count(Counter::StoreOps);
        shard.world.pending.put(op);
    }
}

/// Has somebody told when everything collected so far on this arbiter is stored.
pub(crate) fn wait(shard: &mut Shard, waiter: Waiter) {
    let waiter = Waiting {
        token: shard.tracer.token(),
        waiter,
    };
    match shard.world.pending.wait(waiter) {
        Some(waiter) => tell(shard, waiter.waiter),
        None => shard.note(NoteKind::Store, || "waits for the disk".to_owned()),
    }
}

/// Whether more may wait to be stored.
pub(crate) fn has_room(shard: &Shard) -> bool {
    let high = usize::try_from(shard.world.node.settings.bounds.store).unwrap_or(usize::MAX);
    shard.world.pending.bytes() <= high
}

/// Whether nothing that is stored now can be promised: who wants that has to come again.
pub(crate) fn is_in_trouble(shard: &Shard) -> bool {
    let store = shard.world.node.store.get();
    store.is_some_and(|store| store.link.trouble().is_some())
}

/// Whether nothing at all can be stored. Where there is only too little room, what makes room still can.
pub(crate) fn is_failing(shard: &Shard) -> bool {
    let store = shard.world.node.store.get();
    let trouble = store.and_then(|store| store.link.trouble());
    matches!(trouble, Some(Trouble::Failing { .. }))
}

/// Damaged rows that were left out so far.
pub(crate) fn damaged(shard: &Shard) -> u64 {
    let store = shard.world.node.store.get();
    store.map_or(0, |store| store.link.stats().damaged)
}

/// What is wrong with the store and what can be done about it, in a sentence for an operator.
pub(crate) fn trouble(shard: &Shard) -> Option<String> {
    trouble_of(&shard.world.node)
}

/// The same for those who have no shard.
pub(crate) fn trouble_of(node: &Node) -> Option<String> {
    let trouble = node.store.get()?.link.trouble()?;
    Some(match trouble {
        Trouble::Failing { message, .. } => format!(
            "writing fails: {message}; nothing that has to be kept is acknowledged; it is tried again \
             until it works, so mend the disk"
        ),
        Trouble::Full {
            free_bytes,
            wanted_bytes,
        } => format!(
            "{free_bytes} bytes are free on the disk and {wanted_bytes} are wanted; nothing new that has \
             to be kept is acknowledged until somebody makes room"
        ),
    })
}

/// The beginning of a round: tells those whose submission is stored.
pub(crate) fn round_begins(shard: &mut Shard) {
    let Some(handed) = &shard.world.pending.handed else {
        return;
    };
    let Some(store) = shard.world.node.store.get() else {
        return;
    };
    if store.link.committed(shard.arbiter) < handed.number {
        return;
    }
    let Some(handed) = shard.world.pending.handed.take() else {
        return;
    };
    shard.world.pending.stored = handed.number;
    let took = shard.clock_now().saturating_sub(handed.at);
    shard.timings().commit.note(took);
    invariants::stored(shard, handed.number);
    for Waiting { token, waiter } in handed.waiting {
        tell_on(shard, token, waiter, took);
    }
}

/// The end of a round: hands over what was collected, unless something is under way.
pub(crate) fn round_ends(shard: &mut Shard) {
    receipt::settle(shard);
    let Some(store) = shard.world.node.store.get() else {
        return;
    };
    let link = Arc::clone(&store.link);
    let pending = &mut shard.world.pending;
    if pending.handed.is_some() || (pending.open.is_empty() && pending.waiting.is_empty()) {
        return;
    }
    let number = pending.next;
    let ops: Vec<Op> = pending.open.drain(..).flatten().collect();
    pending.queued.clear();
    let waiting = std::mem::take(&mut pending.waiting);
    let bytes = std::mem::take(&mut pending.bytes);
    pending.next += 1;
    if ops.is_empty() {
        // All of it has cancelled out.
        pending.stored = number;
        for Waiting { token, waiter } in waiting {
            tell_on(shard, token, waiter, Duration::ZERO);
        }
        return;
    }
    let at = shard.clock_now();
    shard.world.pending.handed = Some(HandedOver {
        number,
        at,
        bytes,
        waiting,
    });
    link.submit(Submission {
        arbiter: shard.arbiter,
        number,
        ops,
    });
}

/// Tells somebody who has waited so long, on behalf of the flow that it is traced in.
fn tell_on(shard: &mut Shard, token: Option<Token>, waiter: Waiter, took: Duration) {
    let Some(token) = token else {
        return tell(shard, waiter);
    };
    let text = format!(
        "on the disk, {} µs after it was handed over",
        took.as_micros()
    );
    shard.note_on(token, NoteKind::Store, text);
    shard.under(Some(token), |shard| tell(shard, waiter));
}

fn tell(shard: &mut Shard, waiter: Waiter) {
    match waiter {
        Waiter::Answer(to, outcome) => pubsub::answer(shard, to, outcome),
        Waiter::Stored(session, number) => stored(shard, session, number),
        // Sessions that ended in between wait for nothing.
        Waiter::Held(session) => {
            let _ = shard.send(session, SessionEntry::Committed);
        }
        Waiter::Received(session, id, is_refused) => {
            let _ = shard.send(session, SessionEntry::ReceivedStored(id, is_refused));
        }
        Waiter::Read(session, key, read) => {
            shard.world.pending.reads.remove(&key);
            read_queue(shard, session, key, read);
        }
        Waiter::Load(session, key) => restore::load(shard, session, key),
    }
}

/// Tells a session, here or on another arbiter, that one of its messages is stored.
pub(crate) fn stored(shard: &mut Shard, session: Address<Session>, number: u64) {
    if session.arbiter == shard.arbiter {
        let _ = shard.send(session, SessionEntry::Stored(number));
    } else {
        shard.post(session.arbiter, Parcel::Stored { session, number });
    }
}

/// Has the reader pool read messages of a session; the answer comes as mail from outside.
fn read_queue(shard: &mut Shard, session: Address<Session>, key: SessionKey, read: ReadQueue) {
    let Some(store) = shard.world.node.store.get() else {
        return;
    };
    let mail = shard.outside();
    let answer = Box::new(move |page: Result<Page, castmq_store::StoreError>| {
        let page = page.map_err(|error| error.to_string());
        let work = move |shard: &mut Shard| page_read(shard, session, page);
        // An arbiter whose inbox is full is asked again by the session's patience.
        let _ = mail.post(session.arbiter, Parcel::Run(Box::new(work)));
    });
    let range = QueueRange {
        from: read.from,
        until: read.until,
        messages_max: read.len_max,
        bytes_max: read.bytes_max,
    };
    let is_taken = store.link.read_queue(key, range, answer).is_ok();
    if !is_taken {
        page_read(shard, session, Err("too many reads wait".to_owned()));
    }
}

fn page_read(shard: &mut Shard, session: Address<Session>, page: Result<Page, String>) {
    if let Err(error) = &page {
        shard.count(Counter::StoreReadsFailed);
        shard.tell(
            castmq_observe::Event::StoreReadFailed,
            &[("session", &session.id()), ("cause", error)],
        );
    }
    let page = page.ok().map(Box::new);
    let _ = shard.send(session, SessionEntry::Page(page));
}
