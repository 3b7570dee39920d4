//! The same for each backend: whatever happens, the store gives back what was handed over.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use castmq_rules::{Moment, WallTime};
use castmq_store::{EngineSettings, FjallStore, Fsync, MemoryStore, Space, Store};
use proptest::prelude::*;

use crate::faulty::FaultyStore;
use crate::model::{Held, Model};
use crate::node::{BEGIN, Hands, Node};
use crate::scratch::Scratch;
use crate::world::World;

/// A backend as the tests use it.
trait Backend: fmt::Debug {
    fn open(&self, fsync: Fsync, hands: &Hands) -> Node;

    /// What ends the process without any warning.
    fn kill(&self, _chance: usize) {}

    /// Whether commits may be lost that were acknowledged, with these settings.
    fn may_lose(&self, fsync: Fsync) -> bool;

    /// The keys of all rows of a kind, once it is stopped.
    fn keys(&self, space: Space) -> Vec<Vec<u8>>;
}

#[derive(Debug, Default)]
struct Memory(Arc<MemoryStore>);

impl Backend for Memory {
    fn open(&self, fsync: Fsync, hands: &Hands) -> Node {
        self.0.reopen().unwrap();
        Node::with(Arc::clone(&self.0) as _, fsync, hands)
    }

    /// The power is cut.
    fn kill(&self, chance: usize) {
        self.0.crash(chance % (self.0.unsynced() + 1));
    }

    fn may_lose(&self, fsync: Fsync) -> bool {
        fsync != Fsync::Always
    }

    fn keys(&self, space: Space) -> Vec<Vec<u8>> {
        self.0.reopen().unwrap();
        keys(&*self.0, space)
    }
}

#[derive(Debug)]
struct Disk(Scratch);

impl Backend for Disk {
    fn open(&self, fsync: Fsync, hands: &Hands) -> Node {
        Node::open(self.0.path(), fsync, hands).unwrap()
    }

    fn may_lose(&self, _fsync: Fsync) -> bool {
        false
    }

    fn keys(&self, space: Space) -> Vec<Vec<u8>> {
        let data: PathBuf = self.0.path().join("data");
        keys(
            &FjallStore::open(&data, EngineSettings::default()).unwrap(),
            space,
        )
    }
}

fn keys(store: &dyn Store, space: Space) -> Vec<Vec<u8>> {
    let mut keys = Vec::new();
    store
        .scan(space, &[], None, &mut |key, _| {
            keys.push(key.to_vec());
            ControlFlow::Continue(())
        })
        .unwrap();
    keys
}

/// A disk that fails now and then, with memory or files behind it.
#[derive(Debug)]
struct Faulty<B> {
    inner: B,
    seed: u64,
}

impl Backend for Faulty<Memory> {
    fn open(&self, fsync: Fsync, hands: &Hands) -> Node {
        let memory = Arc::clone(&self.inner.0);
        memory.reopen().unwrap();
        faulty_node(memory, self.seed, fsync, hands)
    }

    fn kill(&self, chance: usize) {
        self.inner.kill(chance);
    }

    fn may_lose(&self, fsync: Fsync) -> bool {
        self.inner.may_lose(fsync)
    }

    fn keys(&self, space: Space) -> Vec<Vec<u8>> {
        self.inner.keys(space)
    }
}

impl Backend for Faulty<Disk> {
    fn open(&self, fsync: Fsync, hands: &Hands) -> Node {
        let directory = self.inner.0.path();
        std::fs::create_dir_all(directory).unwrap();
        let data = directory.join("data");
        let store = FjallStore::open(&data, EngineSettings::default()).unwrap();
        faulty_node(Arc::new(store), self.seed, fsync, hands)
    }

    fn may_lose(&self, fsync: Fsync) -> bool {
        self.inner.may_lose(fsync)
    }

    fn keys(&self, space: Space) -> Vec<Vec<u8>> {
        self.inner.keys(space)
    }
}

fn faulty_node(store: Arc<dyn Store>, seed: u64, fsync: Fsync, hands: &Hands) -> Node {
    let faulty = Arc::new(FaultyStore::new(store, seed));
    let node = Node::with(Arc::clone(&faulty) as _, fsync, hands);
    faulty.fail_one_in(6);
    node
}

/// One seed's story: runs of the broker that end by a stop or without warning, and after each the store
/// is compared with the model.
struct Story {
    world: World,
    hands: Hands,
    fsync: Fsync,
    /// The wall time at which the last run began.
    base: WallTime,
    /// The model after each submission of this run, the state at its start first.
    history: Vec<Model>,
    /// For each arbiter and number how long the history was with it.
    handed: Vec<(u16, u64)>,
}

impl Story {
    fn new(seed: u64) -> Self {
        let mut world = World::new(seed);
        let fsync = match world.chance.below(3) {
            0 => Fsync::Interval(Duration::from_millis(100)),
            1 => Fsync::Never,
            _ => Fsync::Always,
        };
        Self {
            world,
            hands: Hands::default(),
            fsync,
            base: BEGIN,
            history: Vec::new(),
            handed: Vec::new(),
        }
    }

    fn run(&mut self, backend: &dyn Backend, steps: usize) {
        let mut node = self.begin(backend);
        for _ in 0..steps {
            for submission in self.world.next() {
                let before = self.history.last().unwrap();
                let mut after = before.clone();
                after.apply(&submission);
                self.history.push(after);
                self.handed.push((submission.arbiter, submission.number));
                node.link.submit(submission);
            }
            self.hands.set(self.world.now);
            if self.world.chance.one_in(3) {
                node.committer.step();
            }
            if self.world.chance.one_in(50) {
                self.world.now = self.world.now + Duration::from_secs(10);
            }
        }
        let mut surely = self.acknowledged(&node);
        if self.world.chance.one_in(2) {
            let link = Arc::clone(&node.link);
            node.committer.finish();
            if link.stop().is_ok() {
                surely = self.handed.len();
                self.find(backend, surely);
                return;
            }
            // The disk failed to the end. What was acknowledged by then is still there.
            let is_there = |(arbiter, number): &&(u16, u64)| link.committed(*arbiter) >= *number;
            surely = surely.max(self.handed.iter().take_while(is_there).count());
        } else {
            drop(node);
        }
        backend.kill(self.world.chance.below(1000));
        let least = if backend.may_lose(self.fsync) {
            0
        } else {
            surely
        };
        self.find(backend, least);
    }

    /// How long the history is that has been acknowledged.
    fn acknowledged(&self, node: &Node) -> usize {
        let is_there = |(arbiter, number): &&(u16, u64)| node.link.committed(*arbiter) >= *number;
        self.handed.iter().take_while(is_there).count()
    }

    /// The store has to be as it was at some time after what was acknowledged.
    fn find(&mut self, backend: &dyn Backend, least: usize) {
        let (node, later) = self.open(backend);
        let mut possible = self.history[least..].iter().map(|model| model.later(later));
        let found = possible.find(|model| node.differs(model).is_none());
        let Some(found) = found else {
            let least = self.history[least].later(later);
            panic!("{}", node.differs(&least).unwrap());
        };
        self.world.model = found;
        drop(node);
    }

    /// The store, and by how much the start of this run is later than that of the one before.
    fn open(&mut self, backend: &dyn Backend) -> (Node, Duration) {
        let node = backend.open(self.fsync, &self.hands);
        let base = node.recovered.timeline.base();
        let later = base.since_epoch() - self.base.since_epoch();
        self.base = base;
        (node, later)
    }

    fn begin(&mut self, backend: &dyn Backend) -> Node {
        let (node, later) = self.open(backend);
        self.world.model = self.world.model.later(later);
        if let Some(difference) = node.differs(&self.world.model) {
            panic!("{difference}");
        }
        self.world
            .begin_run(node.recovered.run, node.recovered.retained_version);
        self.history = vec![self.world.model.clone()];
        self.handed.clear();
        node
    }

    /// After everything has been swept there is nothing but what is needed.
    fn leaves_nothing_behind(&mut self, backend: &dyn Backend) {
        let mut node = self.begin(backend);
        self.hands.forward(Duration::from_secs(2));
        node.settle(&self.hands);
        let link = Arc::clone(&node.link);
        node.committer.finish();
        drop(link.stop());
        let model = &self.world.model;
        let rows = |space| backend.keys(space).len();
        let count = |of: fn(&Held) -> usize| model.sessions.values().map(of).sum::<usize>();
        assert_eq!(rows(Space::Sessions), model.sessions.len());
        assert_eq!(
            rows(Space::Subscriptions),
            count(|held| held.subscriptions.len())
        );
        assert_eq!(rows(Space::Queue), count(|held| held.queue.len()));
        assert_eq!(rows(Space::Released), count(|held| held.released.len()));
        assert_eq!(rows(Space::Received), count(|held| held.received.len()));
        assert_eq!(rows(Space::Retained), model.kept().len());
        assert_eq!(rows(Space::Meta), 2);
        assert_eq!(rows(Space::Ends), model.sessions.len());
        let queues = model.sessions.values().flat_map(|held| held.queue.values());
        let waiting: BTreeSet<_> = queues.map(|(_, delivery)| delivery.message.id.0).collect();
        for body in backend.keys(Space::Bodies) {
            assert!(waiting.contains(&u64::from_be_bytes(body.try_into().unwrap())));
        }
    }
}

fn tell(seed: u64, backend: &dyn Backend, (runs, steps): (usize, usize)) {
    let mut story = Story::new(seed);
    for _ in 0..runs {
        story.world.now = Moment::default();
        story.hands.set(Moment::default());
        story.run(backend, steps);
    }
    story.leaves_nothing_behind(backend);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn memory_gives_back_what_was_handed_over(seed: u64, runs in 1..6_usize, steps in 0..120_usize) {
        tell(seed, &Memory::default(), (runs, steps));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_failing_memory_loses_nothing_acknowledged(seed: u64, runs in 1..6_usize, steps in 0..120_usize) {
        let inner = Memory::default();
        tell(seed, &Faulty { inner, seed }, (runs, steps));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_failing_disk_loses_nothing_acknowledged(seed: u64, runs in 1..4_usize, steps in 0..80_usize) {
        let inner = Disk(Scratch::new("failing"));
        tell(seed, &Faulty { inner, seed }, (runs, steps));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_disk_gives_back_what_was_handed_over(seed: u64, runs in 1..6_usize, steps in 0..120_usize) {
        tell(seed, &Disk(Scratch::new("conformance")), (runs, steps));
    }
}
