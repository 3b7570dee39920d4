//! Invariants that are watched on the running broker: what must hold whatever clients do.
//!
//! Each second an arbiter looks at some of its sessions and connections. What is broken then may be a
//! change that is under way, so it counts when the same is broken at the next look, too. A break is an
//! alarm with a dump of what was done before it.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use castmq_observe::Event;
use castmq_otp::Address;
use castmq_rules::alarm::Severity;
use serde::Serialize;

use crate::alarm::{self, AlarmEntry};
use crate::inspect::Inspect;
use crate::session::Session;
use crate::{Shard, recorder};

/// How often an arbiter looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Places of sessions and connections that it looks at each time.
const LOOKED_AT: u32 = 64;

/// What must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Invariant {
    OneOwner,
    PacketIds,
    Bounds,
    CommittedFirst,
}

impl Invariant {
    const ALL: [Self; 4] = [
        Self::OneOwner,
        Self::PacketIds,
        Self::Bounds,
        Self::CommittedFirst,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::OneOwner => "one_owner",
            Self::PacketIds => "packet_ids",
            Self::Bounds => "bounds",
            Self::CommittedFirst => "committed_first",
        }
    }

    const fn doc(self) -> &'static str {
        match self {
            Self::OneOwner => {
                "a client id has one session, on the arbiter that the directory names"
            }
            Self::PacketIds => "no packet id stands for two messages in flight to one client",
            Self::Bounds => "queues, windows and write buffers hold no more than their bounds",
            Self::CommittedFirst => {
                "nobody is told that something is stored before the store has it"
            }
        }
    }

    /// Its place in [`Self::ALL`], which is the order of declaration.
    const fn place(self) -> usize {
        self as usize
    }
}

#[derive(Debug, Default)]
struct Account {
    checked: AtomicU64,
    broken: AtomicU64,
    /// Microseconds since the start, plus one.
    last_broken: AtomicU64,
}

/// How often the invariants of a node were looked at, and found broken.
#[derive(Debug, Default)]
pub struct Invariants {
    accounts: [Account; 4],
}

/// What an arbiter remembers between two looks.
#[derive(Debug, Default)]
pub(crate) struct Looks {
    next: Duration,
    /// Places of sessions and of connections that are looked at next.
    sessions: u32,
    clients: u32,
    /// What was broken at the last look, and is not known yet: the same places are looked at again.
    suspects: BTreeSet<(Invariant, String)>,
    /// What is known to be broken: it is told once.
    known: BTreeSet<(Invariant, String)>,
}

/// An invariant as those who watch see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct InvariantView {
    /// Its name.
    pub name: &'static str,
    /// What must hold.
    pub doc: &'static str,
    /// How often it was looked at.
    pub checked_count: u64,
    /// How often it did not hold.
    pub broken_count: u64,
    /// When that was last.
    pub last_broken_at: Option<String>,
}

impl Invariants {
    fn checked(&self, invariant: Invariant) {
        if let Some(account) = self.accounts.get(invariant.place()) {
            account.checked.fetch_add(1, Relaxed);
        }
    }

    fn broken(&self, invariant: Invariant, now: Duration) {
        if let Some(account) = self.accounts.get(invariant.place()) {
            account.broken.fetch_add(1, Relaxed);
            let micros = u64::try_from(now.as_micros()).unwrap_or(u64::MAX);
            account.last_broken.store(micros.saturating_add(1), Relaxed);
        }
    }
}

/// Once a round: looks, if a second is over.
pub(crate) fn look(shard: &mut Shard) {
    let now = shard.now();
    if now < shard.world.looks.next {
        return;
    }
    shard.world.looks.next = now + LOOK_EVERY;
    let mut found = BTreeSet::new();
    sessions(shard, &mut found);
    connections(shard, &mut found);
    let looks = &mut shard.world.looks;
    let suspects = std::mem::take(&mut looks.suspects);
    looks.known.retain(|known| found.contains(known));
    let new: Vec<_> = found.difference(&looks.known).cloned().collect();
    let (confirmed, suspects): (Vec<_>, BTreeSet<_>) = (
        new.iter()
            .filter(|one| suspects.contains(*one))
            .cloned()
            .collect(),
        new.iter()
            .filter(|one| !suspects.contains(*one))
            .cloned()
            .collect(),
    );
    looks.known.extend(confirmed.iter().cloned());
    if suspects.is_empty() {
        go_on(shard);
    }
    shard.world.looks.suspects = suspects;
    for (invariant, what) in confirmed {
        broken(shard, invariant, &what);
    }
}

/// The next look is at the next places.
fn go_on(shard: &mut Shard) {
    let next = |place: u32, places: usize| {
        let places = u32::try_from(places).unwrap_or(u32::MAX);
        let next = place.saturating_add(LOOKED_AT);
        if next < places { next } else { 0 }
    };
    let (sessions, clients) = {
        let lanes = &shard.world.lanes;
        (lanes.session.places(), lanes.client.places())
    };
    let looks = &mut shard.world.looks;
    looks.sessions = next(looks.sessions, sessions);
    looks.clients = next(looks.clients, clients);
}

fn sessions(shard: &Shard, found: &mut BTreeSet<(Invariant, String)>) {
    let first = shard.world.looks.sessions;
    let lanes = &shard.world.lanes.session;
    for slot in first..first + LOOKED_AT {
        if let Some(address) = lanes.address_of(shard.arbiter, slot)
            && let Some(session) = lanes.peek(slot, address.generation)
            // One that has ended may wait for the disk, and another one has its client id.
            && !session.has_ended()
        {
            check_session(shard, address, session, found);
        }
    }
}

fn check_session(
    shard: &Shard,
    address: Address<Session>,
    session: &Session,
    found: &mut BTreeSet<(Invariant, String)>,
) {
    let node = &shard.world.node;
    let client = session.client_id();
    let mut holds = |invariant: Invariant, holds: bool, why: &dyn Fn() -> String| {
        node.invariants.checked(invariant);
        if !holds {
            found.insert((invariant, why()));
        }
    };
    let arbiter = node.directory.get(client).map(|owner| *owner);
    let owner = shard
        .world
        .names
        .sm
        .and_then(|sm| shard.world.lanes.sm.peek(sm.slot, sm.generation))
        .and_then(|sm| sm.session(client.as_str()));
    holds(
        Invariant::OneOwner,
        arbiter == Some(shard.arbiter) && owner == Some(address),
        &|| {
            format!(
                "the session {} of '{client}' is not the one of its id",
                address.id()
            )
        },
    );
    holds(Invariant::PacketIds, session.has_distinct_ids(), &|| {
        format!("two messages in flight to '{client}' have the same packet id")
    });
    holds(Invariant::Bounds, session.is_within_bounds(shard), &|| {
        format!("the session of '{client}' holds more than its bounds")
    });
}

/// A write buffer may go over its bound by one packet, and by what its client is told besides.
fn connections(shard: &Shard, found: &mut BTreeSet<(Invariant, String)>) {
    let settings = &shard.world.node.settings;
    let unsent = usize::try_from(settings.bounds.connection_unsent).unwrap_or(usize::MAX);
    let window = usize::from(settings.session.max_inflight);
    let packet = settings.mqtt.max_packet_size as usize;
    let most = unsent.saturating_add(packet.saturating_mul(window.saturating_add(2)));
    let first = shard.world.looks.clients;
    let lanes = &shard.world.lanes.client;
    for client in (first..first + LOOKED_AT).filter_map(|slot| lanes.at(slot)) {
        shard.world.node.invariants.checked(Invariant::Bounds);
        if client.unsent_bytes() > most {
            let why = format!(
                "{} bytes wait for the socket of {}",
                client.unsent_bytes(),
                client.peer()
            );
            found.insert((Invariant::Bounds, why));
        }
    }
}

/// Somebody is about to be told that a submission is stored: looks whether the store says so.
pub(crate) fn stored(shard: &mut Shard, number: u64) {
    let node = &shard.world.node;
    let Some(store) = node.store.get() else {
        return;
    };
    node.invariants.checked(Invariant::CommittedFirst);
    if store.link.committed(shard.arbiter) < number {
        let what = format!("submission {number} is told of and not stored");
        broken(shard, Invariant::CommittedFirst, &what);
    }
}

fn broken(shard: &mut Shard, invariant: Invariant, what: &str) {
    let now = shard.now();
    shard.world.node.invariants.broken(invariant, now);
    shard.tell(
        Event::InvariantBroken,
        &[("invariant", &invariant.name()), ("cause", &what)],
    );
    let number = recorder::dump(
        shard,
        None,
        format!("{} is broken: {what}", invariant.name()),
    );
    let entry = AlarmEntry::Set {
        id: format!("invariant.{}", invariant.name()),
        severity: Severity::Critical,
        title: format!("broken: {}", invariant.doc()),
        summary: format!("{what}; what was done before it is in recorder dump {number}"),
    };
    alarm::tell(shard, entry);
}

impl Inspect {
    /// What must hold, and whether it did.
    #[must_use]
    pub fn invariants(&self) -> Vec<InvariantView> {
        let times = self.times();
        let accounts = &self.node().invariants.accounts;
        let both = Invariant::ALL.iter().zip(accounts);
        both.map(|(invariant, account)| InvariantView {
            name: invariant.name(),
            doc: invariant.doc(),
            checked_count: account.checked.load(Relaxed),
            broken_count: account.broken.load(Relaxed),
            last_broken_at: match account.last_broken.load(Relaxed) {
                0 => None,
                at => Some(times.text_since_start(Duration::from_micros(at - 1))),
            },
        })
        .collect()
    }
}
