//! The same for each backend: whatever happens, the store gives back what was handed over.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use castmq_rules::Moment;
use castmq_store::{Fsync, MemoryStore, Space};
use proptest::prelude::*;

use crate::node::{Hands, Node};
use crate::scratch::Scratch;
use crate::world::{Model, World};

/// A backend as the tests use it.
trait Backend: fmt::Debug {
    fn open(&self, fsync: Fsync, hands: &Hands) -> Node;

    /// What ends the process without any warning.
    fn kill(&self, _chance: usize) {}

    /// Whether commits may be lost that were acknowledged, with these settings.
    fn may_lose(&self, fsync: Fsync) -> bool;

    /// Rows of a kind, after everything was swept.
    fn rows(&self, space: Space) -> usize;
}

#[derive(Debug, Default)]
struct Memory(Arc<MemoryStore>);

impl Backend for Memory {
    fn open(&self, fsync: Fsync, hands: &Hands) -> Node {
        castmq_store::Store::reopen(&*self.0).unwrap();
        Node::with(Arc::clone(&self.0) as _, fsync, hands)
    }

    /// The power is cut.
    fn kill(&self, chance: usize) {
        self.0.crash(chance % (self.0.unsynced() + 1));
    }

    fn may_lose(&self, fsync: Fsync) -> bool {
        fsync != Fsync::Always
    }

    fn rows(&self, space: Space) -> usize {
        self.0.len(space)
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

    fn rows(&self, space: Space) -> usize {
        let data: PathBuf = self.0.path().join("data");
        let store = castmq_store::FjallStore::open(&data, Default::default()).unwrap();
        let mut rows = 0;
        castmq_store::Store::scan(&store, space, &[], None, &mut |_, _| {
            rows += 1;
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
        rows
    }
}

/// One seed's story: runs of the broker that end by a stop or without warning, and after each the store
/// is compared with the model.
struct Story {
    world: World,
    hands: Hands,
    fsync: Fsync,
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
        }
        if self.world.chance.one_in(2) {
            node.committer.finish();
            return;
        }
        let surely = self.acknowledged(&node);
        drop(node);
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
        let node = self.open(backend);
        let possible = &self.history[least..];
        let found = possible.iter().find(|model| node.differs(model).is_none());
        let Some(found) = found else {
            panic!("{}", node.differs(&possible[0]).unwrap());
        };
        self.world.model = found.clone();
        drop(node);
    }

    fn open(&mut self, backend: &dyn Backend) -> Node {
        let node = backend.open(self.fsync, &self.hands);
        let offset =
            node.recovered.timeline.base().since_epoch() - crate::node::BEGIN.since_epoch();
        assert!(offset < Duration::from_secs(1_000_000));
        node
    }

    fn begin(&mut self, backend: &dyn Backend) -> Node {
        let node = self.open(backend);
        assert_eq!(node.differs(&self.world.model), None);
        self.world
            .begin_run(node.recovered.run, node.recovered.retained_version);
        self.history = vec![self.world.model.clone()];
        self.handed.clear();
        node
    }

    /// After everything has been swept there is nothing but what is needed.
    fn leaves_nothing_behind(&mut self, backend: &dyn Backend) {
        let mut node = self.begin(backend);
        node.settle();
        node.committer.finish();
        let sessions = &self.world.model.sessions;
        let count = |of: fn(&crate::world::Held) -> usize| sessions.values().map(of).sum::<usize>();
        assert_eq!(backend.rows(Space::Sessions), sessions.len());
        assert_eq!(
            backend.rows(Space::Subscriptions),
            count(|held| held.subscriptions.len())
        );
        assert_eq!(backend.rows(Space::Queue), count(|held| held.queue.len()));
        assert_eq!(
            backend.rows(Space::Released),
            count(|held| held.released.len())
        );
        assert_eq!(
            backend.rows(Space::Received),
            count(|held| held.received.len())
        );
        assert_eq!(backend.rows(Space::Retained), self.world.model.kept().len());
        assert_eq!(backend.rows(Space::Meta), 2);
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
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_disk_gives_back_what_was_handed_over(seed: u64, runs in 1..6_usize, steps in 0..120_usize) {
        tell(seed, &Disk(Scratch::new("conformance")), (runs, steps));
    }
}
