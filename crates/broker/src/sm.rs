//! Session manager: decides which session a connecting client gets.
//!
//! | | |
//! |---|---|
//! | emqttd | `emqttd_sm`, worker of the pool `emqttd_sm` |
//! | Started by | [`sup`](crate::sup), one per arbiter |
//! | Work runs in | its own turn; [`locate`] in the caller against the directory |
//! | Waits for | `session` (a takeover), at most the claim's patience |
//! | Waited for by | `client` on CONNECT, at most the claim's patience |
//! | If it dies | claims under way fail as *server busy*; running sessions are untouched |
//! | Watch | depth of `sm`; counters `sessions/taken_over`, `sessions/resumed` |
//!
//! The rules are in [`castmq_rules::claim`]; this file moves messages.
//!
//! **The directory's entry is the lock.** An id without entry belongs to whoever enters it first; an id
//! with an entry is decided about on that arbiter alone, and only that arbiter's session manager takes
//! the entry out, in a turn in which it has checked that nobody waits for the id.

// differs: emqttd answers from a table in which a dead session may stand, and its workers lose their
// monitors when they crash, so that an orphan row refuses every persistent connect (F11); here rows are
// removed by the session's end, on which the arbiter itself insists, and claims with no live session
// create a new one.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use ahash::RandomState;
use castmq_observe::trace::NoteKind;
use castmq_observe::{Counter, Kind};
use castmq_otp::{Address, Entry, Lanes, Process, Restart};
use castmq_rules::ClientId;
use castmq_rules::claim::{Claim, ClaimAction, ClaimId, ClaimSettings, Claims, Epoch, Fate, Grant};
use castmq_rules::session::{EndReason, Link};
use dashmap::DashMap;
use dashmap::mapref::entry::Entry as DirectoryEntry;

use crate::client::{Client, ClientEntry};
use crate::session::{Session, SessionEntry, Successor};
use crate::timeline::{self, Happening};
use crate::{Local, Shard, kinds, now, session_sup};

/// How long a claim waits for the connection that it takes over.
const PATIENCE: Duration = Duration::from_secs(5);
/// Claims of one client id that wait.
const WAITING_MAX: usize = 16;

/// Which arbiter decides about a client id.
pub type Directory = DashMap<ClientId, u16, RandomState>;

/// The arbiter that decides about a client id; this one if nobody does yet. Runs in the caller.
#[must_use]
pub fn locate(directory: &Directory, client_id: &ClientId, here: u16) -> u16 {
    if let Some(arbiter) = directory.get(client_id) {
        return *arbiter;
    }
    match directory.entry(client_id.clone()) {
        DirectoryEntry::Occupied(entry) => *entry.get(),
        DirectoryEntry::Vacant(entry) => *entry.insert(here),
    }
}

/// A connection that wants a session.
#[derive(Debug)]
pub struct Claimant {
    /// Which connection.
    pub client: Address<Client>,
    /// Whose session.
    pub client_id: ClientId,
    /// What the connection is like; its epoch is set when the claim is granted.
    pub link: Link,
}

/// The session manager of an arbiter.
#[derive(Debug)]
pub struct Sm {
    address: Address<Self>,
    claims: Claims<RandomState>,
    claimants: BTreeMap<ClaimId, Claimant>,
    sessions: HashMap<ClientId, Address<Session>, RandomState>,
    next_claim: u64,
    armed: Option<Duration>,
}

/// Whether the client of a session is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    There,
    Away,
}

/// What a session manager is told.
#[derive(Debug)]
pub enum SmEntry {
    /// A connection wants the session of a client id.
    Claim {
        /// Who wants it.
        claimant: Box<Claimant>,
        /// Whether an existing one is discarded.
        clean_start: bool,
    },
    /// A connection with a claim under way, or its session, is gone.
    ClientDown(Address<Client>),
    /// The connection of a session is gone and the session has decided.
    Disconnected {
        /// Whose.
        client_id: ClientId,
        /// Which claim.
        epoch: Epoch,
        /// What became of the session.
        fate: Fate,
    },
    /// A session ended.
    SessionEnded {
        /// Whose.
        client_id: ClientId,
        /// Which one.
        session: Address<Session>,
        /// Its last claim.
        epoch: Epoch,
    },
    /// A session has come back from the store.
    Restored {
        /// Whose.
        client_id: ClientId,
        /// Which one.
        session: Address<Session>,
        /// Its last claim.
        epoch: Epoch,
    },
    /// The timer fired.
    Timer,
}

impl Entry for SmEntry {
    const NAMES: &'static [&'static str] = &[
        "nothing",
        "Claim",
        "ClientDown",
        "Disconnected",
        "SessionEnded",
        "Timer",
        "Restored",
    ];

    fn weight(&self) -> usize {
        256
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Claim { .. } => 1,
            Self::ClientDown(_) => 2,
            Self::Disconnected { .. } => 3,
            Self::SessionEnded { .. } => 4,
            Self::Timer => 5,
            Self::Restored { .. } => 6,
        }
    }
}

fn no_claims(hasher: RandomState) -> Claims<RandomState> {
    let settings = ClaimSettings {
        waiting_max: WAITING_MAX,
        patience: PATIENCE,
    };
    Claims::with_hasher(settings, hasher)
}

impl Sm {
    /// A session manager at its address.
    #[must_use]
    pub fn new(address: Address<Self>, hasher: RandomState) -> Self {
        Self {
            address,
            claims: no_claims(hasher.clone()),
            claimants: BTreeMap::new(),
            sessions: HashMap::with_hasher(hasher),
            next_claim: 0,
            armed: None,
        }
    }

    /// The session of a client id.
    #[must_use]
    pub fn session(&self, client_id: &str) -> Option<Address<Session>> {
        self.sessions.get(client_id).copied()
    }

    /// Whether the session of the client id is another user's, and that one is there. Where nobody is asked
    /// who it is a user name means nothing.
    fn anothers(&self, shard: &Shard, claimant: &Claimant) -> Option<Presence> {
        if !shard.world.node.access.asks() {
            return None;
        }
        let session = self.sessions.get(&claimant.client_id)?;
        let lanes = &shard.world.lanes.session;
        let session = lanes.peek(session.slot, session.generation)?;
        let is_anothers = session.user_name() != claimant.link.user_name.as_deref();
        is_anothers.then(|| {
            if session.is_connected() {
                Presence::There
            } else {
                Presence::Away
            }
        })
    }

    // tour: connect/3
    fn claim(&mut self, shard: &mut Shard, claimant: Claimant, claim: Claim) {
        let node = std::sync::Arc::clone(&shard.world.node);
        let owner = locate(&node.directory, &claim.client_id, shard.arbiter);
        if owner != shard.arbiter {
            // The entry vanished and somebody else was first: the connection goes there.
            let _ = shard.send(claimant.client, ClientEntry::Move(owner));
            return;
        }
        if self.claimants.len() >= node.settings.bounds.claims as usize {
            let _ = shard.send(claimant.client, ClientEntry::Busy);
            self.vacate(shard, &claim.client_id);
            return;
        }
        self.note_takeover(shard, &claimant);
        self.claimants.insert(claim.id, claimant);
        self.claims.handle_claim(claim, now(shard));
    }

    /// A connection that is there has to make room: by whom is known here.
    fn note_takeover(&self, shard: &mut Shard, claimant: &Claimant) {
        let Some(session) = self.sessions.get(&claimant.client_id) else {
            return;
        };
        let lanes = &shard.world.lanes.session;
        let old = lanes
            .peek(session.slot, session.generation)
            .and_then(Session::client);
        let client = claimant.client;
        let new = shard
            .world
            .lanes
            .client
            .peek(client.slot, client.generation);
        if let (Some(old), Some(new)) = (old, new) {
            let by = format!("{} {}", new.peer(), client.id());
            let what = Happening::TakenOver(by.into());
            timeline::note(shard, &claimant.client_id, Some(old.id()), what);
        }
    }

    fn grant(&mut self, shard: &mut Shard, claimant: Claimant, (epoch, grant): (Epoch, Grant)) {
        // It may have become another user's while the claim waited.
        let is_lost = grant == Grant::Resume && self.anothers(shard, &claimant).is_some();
        let grant = if is_lost {
            Grant::DiscardAndCreate
        } else {
            grant
        };
        let Claimant {
            client,
            client_id,
            mut link,
        } = claimant;
        let client_id = &client_id;
        link.epoch = epoch;
        if grant == Grant::DiscardAndCreate
            && let Some(old) = self.sessions.remove(client_id)
        {
            return self.succeed(shard, old, (client, client_id, link));
        }
        shard.note(NoteKind::Decision, || {
            let what = match grant {
                Grant::Create => "a new session",
                Grant::Resume => "the session that is there",
                Grant::DiscardAndCreate => "a new session, and the one before it ends",
            };
            format!("claim {} is granted: {what}", epoch.0)
        });
        let existing = match grant {
            Grant::Resume => self.sessions.get(client_id).copied(),
            Grant::Create | Grant::DiscardAndCreate => None,
        };
        let existing = existing.filter(|session| {
            shard
                .world
                .lanes
                .session
                .is_live(session.slot, session.generation)
        });
        let session_present = existing.is_some();
        if let Some(session) = existing {
            shard.count(Counter::SessionsResumed);
            let lanes = &shard.world.lanes.session;
            if let Some(there) = lanes.peek(session.slot, session.generation) {
                let what = there.resumption();
                timeline::note(shard, client_id, Some(session.id()), what);
            }
        }
        let session = existing.unwrap_or_else(|| {
            let outlives = link.expiry.keeps_session();
            session_sup::start_session(shard, client_id, outlives)
        });
        self.sessions.insert(client_id.clone(), session);
        let entry = SessionEntry::Connected {
            client,
            link: Box::new(link),
            session_present,
            follows: false,
        };
        // It lives: it was checked or started just now.
        let _ = shard.send(session, entry);
    }

    /// A new session takes the place of another one, which connects it when it is over.
    fn succeed(
        &mut self,
        shard: &mut Shard,
        old: Address<Session>,
        (client, client_id, link): (Address<Client>, &ClientId, Link),
    ) {
        let outlives = link.expiry.keeps_session();
        let session = session_sup::start_session(shard, client_id, outlives);
        self.sessions.insert(client_id.clone(), session);
        let lanes = &shard.world.lanes.session;
        let follows = lanes
            .peek(old.slot, old.generation)
            .is_some_and(Session::is_kept);
        let successor = Box::new(Successor {
            session,
            client,
            link: Box::new(link),
            follows,
        });
        let is_live = lanes.is_live(old.slot, old.generation);
        if is_live {
            let entry = SessionEntry::End(EndReason::Discarded, Some(successor));
            let _ = shard.send(old, entry);
        } else {
            successor.connect(shard);
        }
    }

    fn vacate(&mut self, shard: &Shard, client_id: &ClientId) {
        let is_free = self.claims.epoch(client_id).is_none();
        if is_free {
            self.sessions.remove(client_id);
            let here = shard.arbiter;
            shard
                .world
                .node
                .directory
                .remove_if(client_id, |_, arbiter| *arbiter == here);
        }
    }

    fn client_down(&mut self, client: Address<Client>) {
        let abandoned = self
            .claimants
            .iter()
            .find(|(_, claimant)| claimant.client == client)
            .map(|(id, _)| *id);
        if let Some(id) = abandoned
            && let Some(claimant) = self.claimants.remove(&id)
        {
            self.claims.handle_abandoned(&claimant.client_id, id);
        }
    }

    /// A session that ended before it heard of its last claim knows an older epoch only; that it is the
    /// one that was granted tells that the claim ended with it.
    fn session_ended(&mut self, client_id: &ClientId, session: Address<Session>, epoch: Epoch) {
        let is_granted = self.sessions.get(client_id) == Some(&session);
        let granted = self.claims.epoch(client_id).filter(|_| is_granted);
        self.claims
            .handle_session_ended(client_id, granted.unwrap_or(epoch));
    }

    fn perform(&mut self, shard: &mut Shard) {
        while let Some(action) = self.claims.poll_action() {
            match action {
                ClaimAction::TakeOver { client_id, epoch } => {
                    shard.note(NoteKind::Decision, || {
                        format!("the client id is in use: claim {} has to go first", epoch.0)
                    });
                    let session = self.sessions.get(&client_id).copied();
                    let is_told = session.is_some_and(|session| {
                        shard
                            .send(session, SessionEntry::TakeOver { epoch })
                            .is_ok()
                    });
                    if !is_told {
                        self.claims.handle_session_ended(&client_id, epoch);
                    }
                }
                ClaimAction::Grant {
                    claim,
                    epoch,
                    grant,
                    ..
                } => {
                    if let Some(claimant) = self.claimants.remove(&claim) {
                        self.grant(shard, claimant, (epoch, grant));
                    }
                }
                ClaimAction::Refuse { claim } => {
                    if let Some(claimant) = self.claimants.remove(&claim) {
                        shard.note(NoteKind::Decision, || {
                            "refused: too many claims of it wait, or for too long".to_owned()
                        });
                        let _ = shard.send(claimant.client, ClientEntry::Busy);
                    }
                }
                ClaimAction::Vacate { client_id } => self.vacate(shard, &client_id),
            }
        }
    }

    fn arm(&mut self, shard: &mut Shard) {
        let Some(deadline) = self.claims.next_deadline() else {
            return;
        };
        let at = deadline.since_start();
        if self.armed.is_none_or(|armed| at < armed) {
            self.armed = Some(at);
            shard.arm(self.address, at, 0);
        }
    }
}

impl Process for Sm {
    type World = Local;
    type Entry = SmEntry;
    const KIND: Kind = kinds::SM;
    const RESTART: Restart = Restart::Permanent {
        restarts_max: 10,
        within: Duration::from_secs(3600),
    };

    fn lanes(world: &mut Local) -> &mut Lanes<Self> {
        &mut world.lanes.sm
    }

    // emqttd: emqttd_sm:handle_call/3 (start_session)
    fn take(&mut self, entry: SmEntry, shard: &mut Shard) {
        match entry {
            SmEntry::Claim {
                claimant,
                clean_start,
            } => {
                // differs: emqttd gives a session to whoever connects under its client id, whose user that is or
                // not, with all that waits in it.
                let others = self.anothers(shard, &claimant);
                if others == Some(Presence::There) {
                    let _ = shard.send(claimant.client, ClientEntry::Anothers);
                    return;
                }
                let clean_start = clean_start || others.is_some();
                self.next_claim += 1;
                let claim = Claim {
                    id: ClaimId(self.next_claim),
                    client_id: claimant.client_id.clone(),
                    clean_start,
                    epoch_min: Epoch(shard.world.node.next_epoch()),
                };
                self.claim(shard, *claimant, claim);
            }
            SmEntry::ClientDown(client) => self.client_down(client),
            SmEntry::Disconnected {
                client_id,
                epoch,
                fate,
            } => {
                self.claims.handle_disconnected(&client_id, epoch, fate);
            }
            SmEntry::SessionEnded {
                client_id,
                session,
                epoch,
            } => self.session_ended(&client_id, session, epoch),
            SmEntry::Restored {
                client_id,
                session,
                epoch,
            } => {
                self.claims.handle_restored(&client_id, epoch, false);
                self.sessions.insert(client_id, session);
            }
            SmEntry::Timer => {
                self.armed = None;
                self.claims.handle_timer(now(shard));
            }
        }
        self.perform(shard);
    }

    fn settle(&mut self, shard: &mut Shard) {
        self.arm(shard);
    }

    /// Claims under way are refused; the table of sessions is made again from the sessions.
    fn restart(&mut self, shard: &mut Shard) -> Option<Box<Self>> {
        for claimant in std::mem::take(&mut self.claimants).into_values() {
            let _ = shard.send(claimant.client, ClientEntry::Busy);
        }
        let mut fresh = Box::new(Self::new(self.address, shard.world.hasher.clone()));
        fresh.next_claim = self.next_claim;
        for (address, session) in shard.world.lanes.session.iter(shard.arbiter) {
            let client_id = session.client_id().clone();
            fresh
                .claims
                .handle_restored(&client_id, session.epoch(), session.is_connected());
            fresh.sessions.insert(client_id, address);
        }
        Some(fresh)
    }
}

impl crate::inspect::State for Sm {
    fn state(&self, times: crate::inspect::Times) -> serde_json::Value {
        serde_json::json!({
            "client_ids": self.claims.len(),
            "sessions": self.sessions.len(),
            "claims_under_way": self.claimants.len(),
            "claims_that_wait": self.claims.waiting_now(),
            "armed_at": self.armed.map(|at| times.text_since_start(at)),
        })
    }
}
