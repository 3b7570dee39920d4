//! The broker under test: its shards, their sockets, and the clock.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use castmq_broker::client::{self, Accepted};
use castmq_broker::listener::Permit;
use castmq_broker::{Node, SessionSnapshot, Shard, local};
use castmq_net::MemoryPoller;
use castmq_observe::{Counter, ProcessRecord};
use castmq_otp::{
    Clock, MailLimits, Mailroom, ManualClock, MemoryStream, More, Stream, memory_pair,
};
use castmq_rules::session::Restored;
use castmq_rules::{Moment, WallTime};
use castmq_settings::Settings;
use castmq_store::{
    Committer, MemoryStore, Opened, Options, Readers, SessionKey, Space, Step, Store,
};

/// A node whose rounds are called by hand.
pub(crate) struct Cluster {
    pub(crate) node: Arc<Node>,
    pub(crate) clock: Arc<ManualClock>,
    shards: Vec<(Shard, MemoryPoller)>,
    connections: u16,
    /// Failures that were ordered and have not happened yet, or have.
    pub(crate) doomed: u64,
    seed: u64,
    /// What outlives a crash, and who writes and reads it.
    store: Option<Disk>,
    /// Copies that full queues gave up in earlier lives.
    over_quota_before: u64,
}

/// The store, whose work is done by hand.
struct Disk {
    rows: Arc<MemoryStore>,
    committer: Committer,
    readers: Readers,
}

impl Cluster {
    pub(crate) fn new(settings: Settings, arbiters: u16, seed: u64, is_kept: bool) -> Self {
        let rows = is_kept.then(Arc::default);
        Self::start((settings, arbiters, seed), ManualClock::default(), rows)
    }

    /// A life of the node: the first one, or one after a crash.
    fn start(
        (settings, arbiters, seed): (Settings, u16, u64),
        clock: ManualClock,
        rows: Option<Arc<MemoryStore>>,
    ) -> Self {
        let clock = Arc::new(clock);
        let limits = MailLimits {
            high: usize::try_from(settings.bounds.arbiter_high).unwrap(),
            low: usize::try_from(settings.bounds.arbiter_low).unwrap(),
            outside_max: 16,
        };
        let node = Arc::new(Node::new(settings, arbiters, clock.wall(), Some(seed)));
        let mailroom = Mailroom::new(arbiters, limits);
        let (store, sessions) = match rows {
            Some(rows) => {
                let (disk, sessions) = open(&node, &clock, rows);
                (Some(disk), sessions)
            }
            None => (None, Vec::new()),
        };
        let mut shards: Vec<_> = (0..arbiters)
            .map(|arbiter| {
                let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
                let mailroom = mailroom.clone();
                let mut shard =
                    castmq_broker::app::shard(arbiter, &node, clock, mailroom, Some(seed));
                castmq_broker::start_servers(&mut shard);
                (shard, MemoryPoller::default())
            })
            .collect();
        for ((shard, _), sessions) in shards.iter_mut().zip(sessions) {
            castmq_broker::store::restore(shard, sessions);
        }
        Self {
            node,
            clock,
            shards,
            connections: 0,
            doomed: 0,
            seed,
            store,
            over_quota_before: 0,
        }
    }

    /// Whether it has a store.
    pub(crate) fn is_kept(&self) -> bool {
        self.store.is_some()
    }

    /// The process is killed, with whatever it was doing, and started again. Of what was not on the disk
    /// for certain nothing is left.
    pub(crate) fn crash(&mut self) {
        let Some(disk) = self.store.take() else {
            return;
        };
        disk.rows.crash(0);
        let settings = self.node.settings.clone();
        let arbiters = self.node.arbiters;
        let wall = self.clock.wall();
        let over_quota = self.over_quota();
        let (doomed, seed) = (self.doomed, self.seed);
        self.shards.clear();
        let clock = ManualClock::starting_at(wall);
        *self = Self::start((settings, arbiters, seed), clock, Some(disk.rows));
        self.doomed = doomed;
        self.over_quota_before = over_quota;
        // Listeners open when this is done.
        while !self.is_restored() {
            for arbiter in 0..self.arbiters() {
                self.round(arbiter);
            }
        }
        for (shard, _) in &mut self.shards {
            castmq_broker::store::begin(shard);
        }
    }

    fn is_restored(&self) -> bool {
        let mut shards = self.shards.iter();
        shards.all(|(shard, _)| castmq_broker::store::are_routes_settled(shard))
    }

    /// The committer's next piece of work, and all reads that wait; whether there was any.
    pub(crate) fn store_step(&mut self) -> bool {
        let Some(disk) = &mut self.store else {
            return false;
        };
        let mut has_worked = matches!(disk.committer.step(), Step::Worked);
        while disk.readers.step() {
            has_worked = true;
        }
        has_worked
    }

    /// Rows of sessions that are left.
    fn rows_left(&self) -> Vec<(Space, usize)> {
        let spaces = [
            Space::Sessions,
            Space::Subscriptions,
            Space::Queue,
            Space::Bodies,
            Space::Released,
            Space::Received,
        ];
        let disk = self.store.as_ref();
        let count = |space| disk.map_or(0, |disk| disk.rows.len(space));
        let counts = spaces.map(|space| (space, count(space)));
        counts.into_iter().filter(|(_, count)| *count > 0).collect()
    }

    pub(crate) fn arbiters(&self) -> usize {
        self.shards.len()
    }

    /// One round of one shard; whether it has more to do at once.
    pub(crate) fn round(&mut self, arbiter: usize) -> bool {
        let (shard, poller) = &mut self.shards[arbiter];
        shard.round(poller) == More::Now
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// A connection that a listener would have handed to that arbiter. The count falls to 0 when the
    /// broker holds nothing of the connection any more.
    pub(crate) fn connect(
        &mut self,
        arbiter: usize,
        capacity: usize,
    ) -> (MemoryStream, Arc<AtomicU32>) {
        let (here, there) = memory_pair(capacity);
        let held = Arc::new(AtomicU32::new(0));
        self.connections = self.connections % 60_000 + 1;
        let accepted = Accepted {
            stream: Stream::Memory(there),
            peer: SocketAddr::from((Ipv4Addr::LOCALHOST, self.connections)).into(),
            permit: Permit::take(&held),
            profile: Default::default(),
        };
        let (shard, poller) = &mut self.shards[arbiter];
        client::start(shard, poller, accepted);
        (here, held)
    }

    /// All processes, sorted.
    pub(crate) fn processes(&self) -> Vec<ProcessRecord> {
        let mut all: Vec<_> = self
            .node
            .records
            .iter()
            .flat_map(|records| records.list())
            .collect();
        all.sort_by_key(|record| record.id);
        all
    }

    /// What the broker consists of when nobody is there.
    pub(crate) fn baseline(&self) -> Vec<(&'static str, u16)> {
        let all = self.processes();
        all.iter()
            .map(|record| (record.kind, record.id.arbiter))
            .collect()
    }

    /// Has a process fail in its next turn.
    pub(crate) fn doom(&mut self, process: &ProcessRecord) -> bool {
        let (shard, _) = &mut self.shards[usize::from(process.id.arbiter)];
        let is_doomed = local::doom(shard, process.id);
        self.doomed += u64::from(is_doomed);
        is_doomed
    }

    pub(crate) fn count(&self, counter: Counter) -> u64 {
        self.node.counters.read(counter)
    }

    /// Copies that a full queue gave up.
    pub(crate) fn over_quota(&self) -> u64 {
        let counts = self.node.ledger.counts();
        self.over_quota_before + counts.get("queue_full").copied().unwrap_or(0)
    }

    /// All sessions.
    pub(crate) fn sessions(&self) -> Vec<SessionSnapshot> {
        let shards = self.shards.iter().zip(0..);
        shards
            .flat_map(|((shard, _), arbiter)| shard.world.sessions(arbiter))
            .collect()
    }

    /// What must hold at any time: one connection and one session per client id, bounds.
    pub(crate) fn check(&self) -> Result<(), String> {
        let bounds = &self.node.settings.bounds;
        let mut sessions = Vec::new();
        for ((shard, _), arbiter) in self.shards.iter().zip(0..) {
            for session in shard.world.sessions(arbiter) {
                // What has to go from a queue on the disk is read first, and after a restart nobody knows
                // for certain how much there is.
                let factor = if self.is_kept() { 4 } else { 1 };
                if session.queued > factor * self.node.settings.mqueue.max_messages as usize {
                    return Err(format!(
                        "{} messages queued for {}",
                        session.queued, session.client_id
                    ));
                }
                if session.inflight > usize::from(self.node.settings.session.max_inflight) {
                    return Err(format!(
                        "{} messages in flight to {}",
                        session.inflight, session.client_id
                    ));
                }
                if session.is_connected {
                    sessions.push(session.client_id.as_str().to_owned());
                }
            }
            // Above the mark each connection may still hand in what it was reading.
            let lanes_max = usize::try_from(bounds.lanes_high).unwrap() * 4;
            if shard.lanes_bytes() > lanes_max {
                return Err(format!("{} bytes in lanes", shard.lanes_bytes()));
            }
            let unsent = shard.world.unsent_max(arbiter);
            let unsent_max = usize::try_from(bounds.connection_unsent).unwrap() * 2 + 64 * 1024;
            if unsent > unsent_max {
                return Err(format!("{unsent} bytes unsent on one connection"));
            }
        }
        twice(sessions).map_or(Ok(()), |id| Err(format!("two connected sessions of {id}")))
    }

    /// What must hold when everybody has left.
    pub(crate) fn check_empty(&self, baseline: &[(&'static str, u16)]) -> Result<(), String> {
        for (shard, poller) in &self.shards {
            let left = shard.world.left_behind();
            if let Some((what, count)) = left.iter().find(|(_, count)| *count > 0) {
                return Err(format!(
                    "{count} {what} left behind on arbiter {}",
                    shard.arbiter
                ));
            }
            if shard.lanes_bytes() > 0 {
                return Err(format!("{} bytes left in lanes", shard.lanes_bytes()));
            }
            if !poller.is_empty() {
                return Err(format!("{} sockets left open", poller.len()));
            }
        }
        let now = self.baseline();
        if now != baseline {
            return Err(format!("processes {now:?} instead of {baseline:?}"));
        }
        let node = &self.node;
        if !node.directory.is_empty() {
            let mut ids: Vec<_> = node
                .directory
                .iter()
                .map(|entry| entry.key().to_string())
                .collect();
            ids.sort();
            return Err(format!("directory still knows {ids:?}"));
        }
        let routes = castmq_broker::router::routes_now(node);
        if routes > 0 {
            return Err(format!("{routes} routes left"));
        }
        let rows = self.rows_left();
        if !rows.is_empty() {
            return Err(format!("rows left in the store: {rows:?}"));
        }
        if node.queued_bytes() > 0 {
            return Err(format!("{} bytes counted as queued", node.queued_bytes()));
        }
        let panicked = self.count(Counter::ProcessesPanicked);
        if panicked > self.doomed {
            return Err(format!(
                "{panicked} panics, of which {} were ordered",
                self.doomed
            ));
        }
        Ok(())
    }
}

fn open(
    node: &Arc<Node>,
    clock: &Arc<ManualClock>,
    rows: Arc<MemoryStore>,
) -> (Disk, Vec<Vec<(SessionKey, Restored)>>) {
    let time = Arc::clone(clock);
    let now = Arc::new(move || Moment::from_start(time.now()));
    let options = Options {
        arbiters: node.arbiters,
        free_space_min: 0,
        ..Options::new(PathBuf::new(), now)
    };
    let wall = WallTime::from_epoch(clock.wall());
    let store: Arc<dyn Store> = Arc::<MemoryStore>::clone(&rows);
    let opened = castmq_store::open_with(store, &options, wall).unwrap();
    let Opened {
        link,
        committer,
        readers,
        recovered,
        ..
    } = opened;
    let sessions = castmq_broker::store::take_over(node, recovered, link);
    let disk = Disk {
        rows,
        committer,
        readers,
    };
    (disk, sessions)
}

fn twice(mut ids: Vec<String>) -> Option<String> {
    ids.sort();
    ids.windows(2)
        .find(|pair| pair[0] == pair[1])
        .map(|pair| pair[0].clone())
}
