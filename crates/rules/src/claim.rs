//! Which session a connecting client gets, when several may ask for one client id at a time.
//!
//! emqttd: emqttd_sm

mod decision;

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::hash::BuildHasher;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{ClientId, Moment};

pub use decision::{Claim, ClaimAction, Fate, Grant};

/// Which claim of a client id: each one that is granted has a higher epoch than all before it. What
/// is said in the name of an older one is stale.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Epoch(pub u64);

/// Names a claim while it is undecided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClaimId(pub u64);

/// Bounds for claims.
#[derive(Clone, Copy, Debug)]
pub struct ClaimSettings {
    /// Claims of one client id that wait for their turn.
    pub waiting_max: usize,
    /// How long a claim waits for the connection that it takes over, or for its turn.
    pub patience: Duration,
}

impl Default for ClaimSettings {
    fn default() -> Self {
        Self {
            waiting_max: 16,
            patience: Duration::from_secs(5),
        }
    }
}

/// A hash map whose hasher is the caller's.
#[expect(
    clippy::disallowed_types,
    reason = "one look-up per claim; the hasher is injected and the map is iterated in checks only"
)]
type Map<K, V, H> = std::collections::HashMap<K, V, H>;

/// The client ids of one arbiter: decides about claims one after the other for each id.
///
/// The process performs each action before it hands in the next input.
#[derive(Debug)]
pub struct Claims<H> {
    settings: ClaimSettings,
    held: Map<ClientId, Held, H>,
    /// Waiting claims by the moment at which their patience ends.
    deadlines: BTreeMap<(Moment, ClaimId), ClientId>,
    actions: VecDeque<ClaimAction>,
}

/// One client id.
#[derive(Debug)]
struct Held {
    /// Of the last grant.
    epoch: Epoch,
    holder: Holder,
    /// In the order in which they came; the first one has asked for the take over, if any has. Nearly
    /// always nobody waits, and then this takes no more than a pointer.
    #[expect(
        clippy::box_collection,
        reason = "keeps what is held of everyone else small"
    )]
    waiting: Option<Box<VecDeque<Waiting>>>,
}

/// Who has the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holder {
    /// There is none.
    Nobody,
    /// It waits for its client.
    Session,
    /// A connection.
    Connection,
    /// A connection that was told to leave.
    LeavingConnection,
}

/// A claim that waits.
#[derive(Debug)]
struct Waiting {
    claim: Claim,
    until: Moment,
}

impl<H: BuildHasher> Claims<H> {
    /// No client id at all. No result depends on the hasher; an attacker must not know its seed.
    #[must_use]
    pub fn with_hasher(settings: ClaimSettings, hasher: H) -> Self {
        Self {
            settings,
            held: Map::with_hasher(hasher),
            deadlines: BTreeMap::new(),
            actions: VecDeque::new(),
        }
    }

    /// A connection claims a session. Granted at once, or when the connection that holds it is gone.
    // [MQTT3-3.1.4-2] [MQTT5-3.1.4-3]
    // emqttd: emqttd_sm:handle_call/3
    pub fn handle_claim(&mut self, claim: Claim, now: Moment) {
        let held = self
            .held
            .entry(claim.client_id.clone())
            .or_insert_with(Held::by_nobody);
        if held.waiting_now() == 0 && matches!(held.holder, Holder::Nobody | Holder::Session) {
            let grant = held.grant(claim);
            self.actions.push_back(grant);
            return self.check();
        }
        if held.waiting_now() >= self.settings.waiting_max.max(1) {
            self.actions
                .push_back(ClaimAction::Refuse { claim: claim.id });
            return;
        }
        let until = now + self.settings.patience;
        let client_id = claim.client_id.clone();
        self.deadlines.insert((until, claim.id), client_id.clone());
        held.waiting
            .get_or_insert_default()
            .push_back(Waiting { claim, until });
        self.advance(&client_id);
        self.check();
    }

    /// The claimant's connection is gone before its claim was decided.
    pub fn handle_abandoned(&mut self, client_id: &ClientId, claim: ClaimId) {
        self.withdraw(client_id, claim);
        self.check();
    }

    /// A connection is gone and its session has decided what becomes of it. Stale when the epoch is
    /// not the last one granted.
    // [MQTT3-3.1.2-6]
    // differs: emqttd lets a persistent connect resume a live transient session (P11). Here the
    // session has ended with its connection by the time the claim is decided.
    pub fn handle_disconnected(&mut self, client_id: &ClientId, epoch: Epoch, fate: Fate) {
        let Some(held) = self.held.get_mut(client_id) else {
            return;
        };
        if held.epoch != epoch
            || !matches!(held.holder, Holder::Connection | Holder::LeavingConnection)
        {
            return;
        }
        held.holder = match fate {
            Fate::Kept => Holder::Session,
            Fate::Ended => Holder::Nobody,
        };
        self.advance(client_id);
        self.check();
    }

    /// A session ended: expired, removed, or with its process. Stale when the epoch is not the last
    /// one granted.
    pub fn handle_session_ended(&mut self, client_id: &ClientId, epoch: Epoch) {
        let Some(held) = self.held.get_mut(client_id) else {
            return;
        };
        if held.epoch != epoch {
            return;
        }
        held.holder = Holder::Nobody;
        self.advance(client_id);
        self.check();
    }

    /// There is a session that was not granted here: it was restored, or is left over from before
    /// the process restarted.
    pub fn handle_restored(&mut self, client_id: &ClientId, epoch: Epoch, is_connected: bool) {
        let holder = if is_connected {
            Holder::Connection
        } else {
            Holder::Session
        };
        self.held.entry(client_id.clone()).or_insert(Held {
            epoch,
            holder,
            waiting: None,
        });
        self.check();
    }

    /// A deadline may have come: who has waited too long is refused.
    pub fn handle_timer(&mut self, now: Moment) {
        while let Some((&(until, claim), client_id)) = self.deadlines.first_key_value() {
            if until > now {
                break;
            }
            let client_id = client_id.clone();
            self.actions.push_back(ClaimAction::Refuse { claim });
            self.withdraw(&client_id, claim);
        }
        self.check();
    }

    /// What to do next; `None` when all is done.
    pub fn poll_action(&mut self) -> Option<ClaimAction> {
        self.actions.pop_front()
    }

    /// When to call [`Self::handle_timer`] at the latest.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Moment> {
        self.deadlines
            .first_key_value()
            .map(|(&(until, _), _)| until)
    }

    /// Client ids with a session or claims.
    #[must_use]
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Claims that wait, of all ids.
    #[must_use]
    pub fn waiting_now(&self) -> usize {
        self.deadlines.len()
    }

    /// The client id that an undecided claim is about; `None` when it is decided.
    #[must_use]
    pub fn client_id(&self, claim: ClaimId) -> Option<ClientId> {
        self.deadlines
            .iter()
            .find(|((_, waiting), _)| *waiting == claim)
            .map(|(_, client_id)| client_id.clone())
    }

    /// The epoch of the last grant of a client id.
    #[must_use]
    pub fn epoch(&self, client_id: &ClientId) -> Option<Epoch> {
        self.held.get(client_id).map(|held| held.epoch)
    }

    /// Decides what can be decided about one client id.
    fn advance(&mut self, client_id: &ClientId) {
        let Some(held) = self.held.get_mut(client_id) else {
            return;
        };
        while held.waiting_now() > 0 {
            match held.holder {
                Holder::LeavingConnection => return,
                Holder::Connection => {
                    held.holder = Holder::LeavingConnection;
                    let (client_id, epoch) = (client_id.clone(), held.epoch);
                    self.actions
                        .push_back(ClaimAction::TakeOver { client_id, epoch });
                    return;
                }
                Holder::Nobody | Holder::Session => {
                    let Some(Waiting { claim, until }) = held.next_waiting() else {
                        return;
                    };
                    self.deadlines.remove(&(until, claim.id));
                    let grant = held.grant(claim);
                    self.actions.push_back(grant);
                }
            }
        }
        if held.holder == Holder::Nobody {
            self.held.remove(client_id);
            let client_id = client_id.clone();
            self.actions.push_back(ClaimAction::Vacate { client_id });
        }
    }

    /// Takes a claim out of the queue.
    fn withdraw(&mut self, client_id: &ClientId, claim: ClaimId) {
        let Some(held) = self.held.get_mut(client_id) else {
            return;
        };
        let Some(waiting) = &mut held.waiting else {
            return;
        };
        waiting.retain(|waiting| {
            let stays = waiting.claim.id != claim;
            if !stays {
                self.deadlines.remove(&(waiting.until, claim));
            }
            stays
        });
    }

    /// What always holds; looks at every id, so in tests only.
    fn check(&self) {
        if cfg!(test) {
            let waiting: usize = self.held.values().map(Held::waiting_now).sum();
            assert_eq!(self.deadlines.len(), waiting);
            assert!(self.held.values().all(Held::is_settled));
        }
    }
}

impl Held {
    const fn by_nobody() -> Self {
        Self {
            epoch: Epoch(0),
            holder: Holder::Nobody,
            waiting: None,
        }
    }

    /// Claims that wait.
    fn waiting_now(&self) -> usize {
        self.waiting.as_ref().map_or(0, |waiting| waiting.len())
    }

    fn next_waiting(&mut self) -> Option<Waiting> {
        let next = self.waiting.as_mut()?.pop_front();
        if self.waiting_now() == 0 {
            self.waiting = None;
        }
        next
    }

    /// Gives the session, or a new one, to the connection that claims it.
    fn grant(&mut self, claim: Claim) -> ClaimAction {
        let grant = match (self.holder, claim.clean_start) {
            (Holder::Session, true) => Grant::DiscardAndCreate,
            (Holder::Session, false) => Grant::Resume,
            _ => Grant::Create,
        };
        self.epoch = Epoch(self.epoch.max(claim.epoch_min).0 + 1);
        self.holder = Holder::Connection;
        ClaimAction::Grant {
            claim: claim.id,
            client_id: claim.client_id,
            epoch: self.epoch,
            grant,
        }
    }

    /// Nobody waits without a reason, and nothing is held for nobody.
    fn is_settled(&self) -> bool {
        match self.holder {
            Holder::LeavingConnection => true,
            Holder::Connection | Holder::Session => self.waiting_now() == 0,
            Holder::Nobody => false,
        }
    }
}
