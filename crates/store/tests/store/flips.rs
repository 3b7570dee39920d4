//! Bits that rot: a byte of any file of the store changes, and the store refuses, or nothing is missing.
//!
//! `FLIPS` says how many bytes, spread over all files; 80 without it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs};

use castmq_store::tools::check;
use castmq_store::{EngineSettings, Fsync, Options, open};

use crate::node::{BEGIN, Hands, Node, options};
use crate::scratch::Scratch;
use crate::world::{Chance, Model, World};

fn small(directory: &Path) -> Options {
    Options {
        engine_settings: EngineSettings {
            cache_bytes: 1 << 20,
            memtable_bytes: 64 << 10,
        },
        ..options(directory, Fsync::Always, &Hands::default())
    }
}

/// A store as a kill leaves it, with tables and journals, and what is in it.
fn killed() -> (Scratch, Model) {
    let scratch = Scratch::new("flips");
    let mut node = Node::from(open(&small(scratch.path()), BEGIN).unwrap());
    let mut world = World::new(99);
    world.payload_max = 3000;
    world.begin_run(node.recovered.run, 0);
    for _ in 0..1500 {
        for submission in world.next() {
            node.link.submit(submission);
        }
        node.committer.step();
    }
    node.settle(&Hands::default());
    // Tables are written and merged behind the committer.
    std::thread::sleep(Duration::from_millis(300));
    let copy = Scratch::new("flips-killed");
    copy_directory(scratch.path(), copy.path());
    (copy, world.model)
}

fn copy_directory(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_directory(&entry.path(), &target);
        } else {
            copy_sparse(&entry.path(), &target);
        }
    }
}

/// Journals are mostly holes.
fn copy_sparse(from: &Path, to: &Path) {
    let bytes = fs::read(from).unwrap();
    let used = used(&bytes);
    fs::write(to, &bytes[..used]).unwrap();
    let file = fs::OpenOptions::new().write(true).open(to).unwrap();
    file.set_len(bytes.len() as u64).unwrap();
}

fn used(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last + 1)
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            all.extend(files(&entry.path()));
        } else {
            all.push(entry.path());
        }
    }
    all.sort();
    all
}

/// What has become of a store.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Refused,
    Whole,
    Missing(String),
}

fn look(directory: &Path, model: &Model) -> Found {
    let node = match open(&small(directory), BEGIN) {
        Ok(opened) => Node::from(opened),
        Err(_) => return Found::Refused,
    };
    let later = node.recovered.timeline.base().since_epoch() - BEGIN.since_epoch();
    // What cannot be read is told to the one who reads.
    let compared = catch_unwind(AssertUnwindSafe(|| node.differs(&model.later(later))));
    match compared {
        Err(_) => Found::Refused,
        Ok(None) => Found::Whole,
        Ok(Some(_)) if node.link.stats().damaged > 0 => Found::Refused,
        Ok(Some(difference)) => Found::Missing(difference),
    }
}

#[test]
fn a_byte_that_changes_is_noticed_or_harmless() {
    let flips = env::var("FLIPS").map_or(80, |flips| flips.parse().expect("a number"));
    let (killed, model) = killed();
    assert_eq!(look_at_copy(&killed, &model, |_| {}), Found::Whole);

    let all = files(killed.path());
    let tables = all
        .iter()
        .filter(|path| path.to_string_lossy().contains("/tables/"));
    assert!(tables.count() > 2, "{all:#?}");
    let mut chance = Chance::new(5);
    let mut refused = 0;
    for number in 0..flips {
        let path = &all[number % all.len()];
        let inside = path.strip_prefix(killed.path()).unwrap();
        let used = used(&fs::read(path).unwrap());
        let at = chance.below(used);
        let bit = 1 << chance.below(8);
        let found = look_at_copy(&killed, &model, |copy| {
            let path = copy.join(inside);
            let mut bytes = fs::read(&path).unwrap();
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= bit;
                fs::write(&path, bytes).unwrap();
            }
        });
        if let Found::Missing(what) = found {
            panic!("byte {at} of {}, bit {bit}: {what}", inside.display());
        }
        refused += usize::from(found == Found::Refused);
    }
    assert!(refused > flips / 10, "{refused} of {flips}");
}

fn look_at_copy(killed: &Scratch, model: &Model, harm: impl FnOnce(&Path)) -> Found {
    let copy = Scratch::new("flip");
    copy_directory(killed.path(), copy.path());
    harm(copy.path());
    look(copy.path(), model)
}

#[test]
fn a_check_finds_the_damage_that_is_left_out_when_loss_is_accepted() {
    let (killed, _) = killed();
    let journal = files(killed.path())
        .into_iter()
        .find(|path| path.extension().is_some_and(|extension| extension == "jnl"))
        .unwrap();
    let bytes = fs::read(&journal).unwrap();
    let half = used(&bytes) / 2;
    let mut harmed = bytes.clone();
    harmed[half] ^= 1;
    fs::write(&journal, harmed).unwrap();

    let error = open(&small(killed.path()), BEGIN).unwrap_err().to_string();
    assert!(error.contains("--accept-data-loss"), "{error}");
    let accepting = Options {
        accept_data_loss: true,
        ..small(killed.path())
    };
    let node = Node::from(open(&accepting, BEGIN).unwrap());
    assert!(node.recovered.lost.clone().unwrap().commits > 0);
    node.committer.finish();
    // What is left can all be read; a message may be without its body.
    assert_eq!(check(killed.path()).unwrap().damaged, Vec::<String>::new());
}
