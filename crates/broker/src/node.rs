//! What all arbiters of a node share: settings, the directory of client ids, routes, retained messages,
//! hooks and access rules.
//!
//! Each table has one writer or one lock per entry; the passport of the process that owns it says
//! which of its uses run in callers.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock, RwLock};
use std::time::Duration;

use ahash::RandomState;
use arc_swap::ArcSwap;
use castmq_mqtt::TopicFilter;
use castmq_observe::trace::Traces;
use castmq_observe::{Counters, Dumps, Events, Records};
use castmq_rules::session::SessionSettings;
use castmq_rules::{Destinations, FilterIndex, RetainLimits, Retained, WildcardRoutes};
use castmq_settings::Settings;
use dashmap::DashMap;

use crate::access_control::Access;
use crate::app::Accounts;
use crate::fault::Faults;
use crate::hook::HookTable;
use crate::inspect::Watched;
use crate::invariants::Invariants;
use crate::ledger::Ledger;
use crate::recordings::Recordings;
use crate::router;
use crate::sm::Directory;
use crate::stats::Gauges;
use crate::store::NodeStore;
use crate::trace::Wants;

/// The routes: exact filters in a concurrent map, wildcard filters in versions behind one swap.
#[derive(Debug)]
pub struct Routes {
    /// Filters without wildcard.
    pub exact: DashMap<TopicFilter, Destinations, RandomState>,
    /// Filters with wildcard; the router alone makes new versions.
    pub wildcard: ArcSwap<WildcardRoutes<RandomState>>,
    /// All of them in the order of their levels, for those who look at the tree of topics.
    pub(crate) index: RwLock<FilterIndex>,
    /// What changed how often: exact filters in stripes by their hash, and all wildcard filters.
    pub(crate) changes: router::Changes,
}

/// What all arbiters share.
#[derive(Debug)]
pub struct Node {
    /// The settings the node was started with.
    pub settings: Settings,
    /// What every session is allowed.
    pub session_settings: Arc<SessionSettings>,
    /// How many arbiters there are.
    pub arbiters: u16,
    /// Which arbiter has which client id.
    pub directory: Directory,
    /// Which arbiters subscribe to what.
    pub routes: Routes,
    /// The last message of each topic.
    pub retained: RwLock<Retained>,
    /// What may be retained, and for how long.
    pub retain_limits: RetainLimits,
    /// Where what must outlive the process is kept; empty where nothing must.
    pub store: OnceLock<NodeStore>,
    /// Sessions that are kept there, by arbiter: so many were ever started.
    kept_sessions: Vec<AtomicU64>,
    /// What is called when something happens.
    pub hooks: HookTable,
    /// Who may connect, publish and subscribe.
    pub access: Access,
    /// Users and rules beside those in files.
    pub accounts: Accounts,
    /// Counters of all arbiters.
    pub counters: Counters,
    /// Gauges of all arbiters.
    pub gauges: Gauges,
    /// Why messages did not arrive.
    pub ledger: Ledger,
    /// Events of all arbiters.
    pub events: Vec<Arc<Events>>,
    /// Process records of all arbiters.
    pub records: Vec<Arc<Records>>,
    /// What is traced.
    pub traces: Traces<Wants>,
    /// What arbiters did before something broke.
    pub dumps: Dumps,
    /// What goes wrong on purpose.
    pub faults: Faults,
    /// Whether what must hold does.
    pub invariants: Invariants,
    /// Wall-clock time of the start, since the Unix epoch.
    pub started: Duration,
    /// What is recorded.
    pub recordings: Recordings,
    /// What those who watch leave behind for one another.
    pub(crate) watched: Watched,
    epochs: AtomicU64,
    messages: AtomicU64,
    is_stopping: AtomicBool,
    is_draining: AtomicBool,
    has_given_up: AtomicBool,
    on_give_up: OnGiveUp,
    queued_bytes: AtomicUsize,
}

/// Who hears when the node gives up.
pub type GiveUpListener = Box<dyn Fn() + Send + Sync>;

#[derive(Default)]
struct OnGiveUp(OnceLock<GiveUpListener>);

impl fmt::Debug for OnGiveUp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("OnGiveUp")
    }
}

/// How full the node is with queued messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pressure {
    /// Nothing to do.
    None,
    /// Above the limit: QoS 0 for clients that are slow is dropped.
    DropQos0,
    /// A tenth above it: new clients are refused too.
    RefuseClients,
    /// A fifth above it: publishers wait too.
    PausePublishers,
}

/// Seeds of the hash maps; random in a broker, fixed in tests.
#[must_use]
pub fn hasher(seed: Option<u64>) -> RandomState {
    seed.map_or_else(RandomState::new, |seed| {
        RandomState::with_seeds(seed, seed ^ 0x5bd1_e995, seed.rotate_left(17), !seed)
    })
}

impl Node {
    /// A node without sessions, for that many arbiters.
    #[must_use]
    pub fn new(settings: Settings, arbiters: u16, started: Duration, seed: Option<u64>) -> Self {
        let limits = RetainLimits {
            messages_max: match settings.retained.max_messages {
                0 => usize::MAX,
                max => max as usize,
            },
            payload_bytes_max: settings.retained.max_payload as usize,
            expiry: (!settings.retained.expiry.is_zero()).then_some(settings.retained.expiry),
        };
        let kinds = <crate::Local as castmq_otp::World>::KINDS;
        Self {
            session_settings: Arc::new(crate::session_sup::session_settings(&settings)),
            arbiters,
            directory: Directory::with_hasher(hasher(seed)),
            routes: Routes {
                exact: DashMap::with_hasher(hasher(seed)),
                wildcard: ArcSwap::from_pointee(WildcardRoutes::with_hasher(hasher(seed))),
                index: RwLock::default(),
                changes: router::Changes::default(),
            },
            retained: RwLock::new(Retained::new(limits)),
            retain_limits: limits,
            store: OnceLock::new(),
            kept_sessions: (0..arbiters).map(|_| AtomicU64::new(0)).collect(),
            hooks: HookTable::default(),
            access: Access::default(),
            accounts: Accounts::default(),
            counters: Counters::new(arbiters),
            gauges: Gauges::new(arbiters),
            ledger: Ledger::with_hasher(hasher(seed)),
            events: (0..arbiters).map(|_| Arc::default()).collect(),
            records: (0..arbiters)
                .map(|arbiter| Arc::new(Records::new(arbiter, kinds)))
                .collect(),
            traces: Traces::default(),
            dumps: Dumps::default(),
            faults: Faults::default(),
            invariants: Invariants::default(),
            started,
            // A restart shall not give epochs out again that a remembered session still carries.
            epochs: AtomicU64::new(u64::try_from(started.as_micros()).unwrap_or(0)),
            messages: AtomicU64::new(0),
            is_stopping: AtomicBool::new(false),
            is_draining: AtomicBool::new(false),
            recordings: Recordings::default(),
            watched: Watched::default(),
            has_given_up: AtomicBool::new(false),
            on_give_up: OnGiveUp::default(),
            queued_bytes: AtomicUsize::new(0),
            settings,
        }
    }

    /// A number higher than all before, for a claim.
    #[must_use]
    pub fn next_epoch(&self) -> u64 {
        self.epochs.fetch_add(1, Relaxed) + 1
    }

    /// Has claims get higher numbers than this one, which a stored session carries.
    pub fn epochs_begin_at(&self, epoch: u64) {
        self.epochs.fetch_max(epoch, Relaxed);
    }

    /// Has messages get higher numbers than those of earlier lives.
    pub fn message_ids_begin_at(&self, first: u64) {
        self.messages.fetch_max(first, Relaxed);
    }

    /// A session that outlives the process was started on an arbiter.
    pub(crate) fn note_kept_session(&self, arbiter: u16) {
        if let Some(count) = self.kept_sessions.get(usize::from(arbiter)) {
            count.fetch_add(1, Relaxed);
        }
    }

    /// Whether an arbiter ever had a session that outlives the process.
    pub(crate) fn has_kept_sessions(&self, arbiter: u16) -> bool {
        let count = self.kept_sessions.get(usize::from(arbiter));
        count.is_some_and(|count| count.load(Relaxed) > 0)
    }

    /// Reserves message ids for an arbiter, which hands them out one by one.
    #[must_use]
    pub fn reserve_message_ids(&self, count: u64) -> u64 {
        self.messages.fetch_add(count, Relaxed)
    }

    /// Whether the node is on its way down: nobody may connect any more.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.is_stopping.load(Relaxed)
    }

    /// Has everybody see that the node is on its way down.
    pub fn begin_stop(&self) {
        self.is_stopping.store(true, Relaxed);
    }

    /// Whether the node takes no clients for now, as before a stop, and goes on all the same.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.is_draining.load(Relaxed)
    }

    /// Whether clients may connect from now on.
    pub(crate) fn set_draining(&self, is_draining: bool) {
        self.is_draining.store(is_draining, Relaxed);
    }

    /// A process that the node cannot do without failed too often.
    pub fn give_up(&self) {
        if !self.has_given_up.swap(true, Relaxed)
            && let Some(listener) = self.on_give_up.0.get()
        {
            listener();
        }
    }

    /// Has somebody hear when the node gives up; once, and only the first who asks.
    pub fn on_give_up(&self, listener: GiveUpListener) {
        // A second one is not heard, which the contract says.
        let _ = self.on_give_up.0.set(listener);
    }

    /// Whether the node stops because it failed.
    #[must_use]
    pub fn has_given_up(&self) -> bool {
        self.has_given_up.load(Relaxed)
    }

    /// Notes that sessions of one arbiter queue more or fewer bytes than before.
    pub fn queued_bytes_changed(&self, before: usize, after: usize) {
        if after >= before {
            self.queued_bytes.fetch_add(after - before, Relaxed);
        } else {
            self.queued_bytes.fetch_sub(before - after, Relaxed);
        }
    }

    /// Bytes that all sessions queue.
    #[must_use]
    pub fn queued_bytes(&self) -> usize {
        self.queued_bytes.load(Relaxed)
    }

    /// How full the node is.
    #[must_use]
    pub fn pressure(&self) -> Pressure {
        let limit = usize::try_from(self.settings.bounds.node_memory).unwrap_or(usize::MAX);
        let queued = self.queued_bytes();
        if limit == 0 || queued <= limit {
            Pressure::None
        } else if queued <= limit + limit / 10 {
            Pressure::DropQos0
        } else if queued <= limit + limit / 5 {
            Pressure::RefuseClients
        } else {
            Pressure::PausePublishers
        }
    }
}
