//! Power cuts: the store writes in a process of its own, everything that reaches its files is recorded,
//! and the disk is built again as it may have been at any moment: what was synced is there, of the rest
//! some pieces are and some are not. The store that is opened then has all that was acknowledged.
//!
//! `CUTS` says how many, 50 without it.

mod disk;
mod record;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use castmq_store::{EngineSettings, Fsync, Options, open};

use crate::model::Model;
use crate::node::{BEGIN, Hands, Node, options};
use crate::scratch::Scratch;
use crate::world::{Chance, World};
use disk::{Disk, Mode};
use record::Event;

/// So small that tables are written and merged all the time.
const SMALL: EngineSettings = EngineSettings {
    cache_bytes: 1 << 20,
    memtable_bytes: 64 << 10,
};

const SEED: &str = "POWER_SEED";
const STEPS: usize = 1200;

fn small(directory: &Path, hands: &Hands) -> Options {
    Options {
        engine_settings: SMALL,
        ..options(directory, Fsync::Always, hands)
    }
}

fn world(seed: u64) -> World {
    let mut world = World::new(seed);
    world.payload_max = 3000;
    world.begin_run(1, 0);
    world
}

/// Says what happens in a step: what is handed over, and whether the committer works then.
fn step(world: &mut World) -> (Vec<castmq_store::Submission>, bool) {
    let submissions = world.next();
    (submissions, world.chance.one_in(2))
}

/// Not a test by itself: the process that writes. It is this one again, in another environment.
#[test]
#[expect(clippy::exit, reason = "nothing may be put in order at the end")]
fn the_writer() {
    let (Ok(seed), Ok(notes), Ok(root)) = (
        env::var(SEED),
        env::var("POWER_NOTES"),
        env::var("POWER_ROOT"),
    ) else {
        return;
    };
    let mut notes = fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(notes)
        .unwrap();
    let hands = Hands::default();
    let store = open(&small(Path::new(&root), &hands), BEGIN).unwrap();
    let mut node = Node::from(store);
    let mut world = world(seed.parse().unwrap());
    let mut handed = Vec::new();
    let mut said = 0;
    for _ in 0..STEPS {
        let (submissions, works) = step(&mut world);
        for submission in submissions {
            handed.push((submission.arbiter, submission.number));
            node.link.submit(submission);
        }
        hands.set(world.now);
        if works {
            node.committer.step();
        }
        let is_there = |(arbiter, number): &&(u16, u64)| node.link.committed(*arbiter) >= *number;
        let acknowledged = handed.iter().take_while(is_there).count();
        if acknowledged > said {
            said = acknowledged;
            std::io::Write::write_all(&mut notes, &(said as u64).to_le_bytes()).unwrap();
        }
    }
    assert_eq!(node.link.stats().failures, 0);
    std::process::exit(0);
}

/// Compiles what records, for this machine.
fn recorder(directory: &Path) -> PathBuf {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/store/power/record.c");
    let library = directory.join("record.so");
    let compiled = Command::new(env::var("CC").unwrap_or_else(|_| "cc".to_owned()))
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&library)
        .args([source, "-ldl", "-lpthread"])
        .status();
    assert!(
        compiled
            .expect("a C compiler, which links Rust programs too")
            .success()
    );
    library
}

/// Everything that the writer of a seed did to its files.
fn recorded(seed: u64) -> (Vec<Event>, PathBuf) {
    let scratch = Scratch::new("power");
    let root = scratch.path().to_owned();
    let above = root.parent().unwrap();
    let library = recorder(above);
    let record = above.join("record");
    let written = Command::new(env::current_exe().unwrap())
        .args(["--exact", "power::the_writer", "--nocapture"])
        .env("LD_PRELOAD", library)
        .env("POWER_ROOT", &root)
        .env("POWER_RECORD", &record)
        .env("POWER_NOTES", above.join("notes"))
        .env(SEED, seed.to_string())
        .output()
        .unwrap();
    assert!(
        written.status.success(),
        "{}",
        String::from_utf8_lossy(&written.stderr)
    );
    (record::read(&fs::read(record).unwrap()), root)
}

/// The models after each submission, from the first on.
struct Models {
    handed: Vec<castmq_store::Submission>,
    model: Model,
    len: usize,
}

impl Models {
    fn new(seed: u64) -> Self {
        let mut world = world(seed);
        let mut handed = Vec::new();
        for _ in 0..STEPS {
            handed.extend(step(&mut world).0);
        }
        Self {
            handed,
            model: Model::default(),
            len: 0,
        }
    }

    fn forward(&mut self, len: usize) {
        for submission in &self.handed[self.len..len] {
            self.model.apply(submission);
        }
        self.len = len;
    }
}

/// Cuts the power at some moments of a seed's writer.
fn cut(seed: u64, cuts: usize) {
    let (events, root) = recorded(seed);
    let mut chance = Chance::new(seed);
    let mut at: Vec<_> = (0..cuts).map(|_| chance.below(events.len() + 1)).collect();
    at.sort_unstable();
    let mut models = Models::new(seed);
    let mut disk = Disk::new(root);
    let (mut done, mut acknowledged) = (0, 0);
    for (number, at) in at.into_iter().enumerate() {
        for event in &events[done..at] {
            if let Event::Note(said) = event {
                acknowledged = *said;
            }
            disk.take(event);
        }
        done = at;
        models.forward(acknowledged);
        let mode = Mode::ALL[number % Mode::ALL.len()];
        let scratch = Scratch::new("cut");
        disk.build(scratch.path(), mode, &mut chance);
        let story = format!(
            "seed {seed}, after {at} of {} events, {mode:?}",
            events.len()
        );
        look(&scratch, &models, &story);
    }
}

/// Opens what the cut has left.
fn look(scratch: &Scratch, models: &Models, story: &str) {
    let hands = Hands::default();
    let opened = open(&small(scratch.path(), &hands), BEGIN);
    let node = match opened {
        Ok(opened) => Node::from(opened),
        Err(error) => panic!("{story}: {error}"),
    };
    let later = node.recovered.timeline.base().since_epoch() - BEGIN.since_epoch();
    let mut model = models.model.clone();
    let Some(least) = node.differs(&model.later(later)) else {
        return;
    };
    for submission in &models.handed[models.len..] {
        model.apply(submission);
        if node.differs(&model.later(later)).is_none() {
            return;
        }
    }
    panic!("{story}, {} acknowledged: {least}", models.len);
}

fn cuts() -> usize {
    let cuts = env::var("CUTS").ok();
    cuts.map_or(50, |cuts| cuts.parse().expect("CUTS is a number"))
}

#[test]
fn no_power_cut_loses_what_was_acknowledged() {
    let cuts = cuts();
    // A few writers, so that there are different ones, and many cuts of each.
    let writers = cuts.div_ceil(100).max(2);
    for seed in 1..=writers as u64 {
        cut(seed, cuts.div_ceil(writers));
    }
}
