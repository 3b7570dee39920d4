//! Bits that rot: a byte of any file of the store changes, and the store refuses, or nothing is missing.
//!
//! `FLIPS` says how many bytes, spread over all files; 80 without it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{env, fs};

use bytes::Bytes;
use castmq_mqtt::QoS;
use castmq_rules::session::Change;
use castmq_rules::{Message, MessageId, Moment};
use castmq_store::tools::check;
use castmq_store::{EngineSettings, Fsync, Op, Options, Space, Step, Submission, open};

use crate::model::Model;
use crate::node::{BEGIN, Hands, Node, options};
use crate::scratch::Scratch;
use crate::threads::{began, queued_with, session};
use crate::world::{Chance, World, topic};

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

/// A store with forty large messages in one queue, of which the one with that number is damaged.
fn with_damaged(damaged: u8) -> Scratch {
    let large = |number: u8| queued_with(0, number.into(), Bytes::from(vec![number; 6000]));
    damaged_among(
        std::iter::once(began(0)).chain((1..=40).map(large)),
        damaged,
    )
}

/// A store in whose tables the payload made of that byte is damaged.
fn damaged_among(all: impl Iterator<Item = Op>, damaged: u8) -> Scratch {
    let scratch = Scratch::new("large");
    let mut node = Node::from(open(&small(scratch.path()), BEGIN).unwrap());
    for (op, number) in all.zip(1..) {
        node.link.submit(Submission {
            arbiter: 0,
            number,
            ops: vec![op],
        });
        node.settle(&Hands::default());
    }
    // The table is written behind the committer.
    std::thread::sleep(Duration::from_millis(300));
    node.committer.finish();
    let harmed = files(scratch.path())
        .into_iter()
        .filter(|path| path.to_string_lossy().contains("/tables/"))
        .any(|path| {
            let mut bytes = fs::read(&path).unwrap();
            let at = bytes.windows(1000).position(|part| part == [damaged; 1000]);
            if let Some(at) = at {
                bytes[at] ^= 1;
                fs::write(&path, bytes).unwrap();
            }
            at.is_some()
        });
    assert!(harmed, "it is in a table by now");
    scratch
}

fn expect_all_but(damaged: u8, options: &Options) {
    let mut node = Node::from(open(options, BEGIN).unwrap());
    // What is cleaned up after a start meets the damage as well.
    while node.committer.step() == Step::Worked {}
    assert_eq!(node.link.trouble(), None);
    let read = node.queue(session(0), node.recovered.sessions[0].1.queue.next);
    let numbers: Vec<u64> = read.iter().map(|(number, _)| *number).collect();
    let expected: Vec<u64> = (1..=40)
        .filter(|number| *number != u64::from(damaged))
        .collect();
    assert_eq!(numbers, expected);
    assert!(node.link.stats().damaged > 0);
    node.link.submit(Submission {
        arbiter: 0,
        number: 1,
        ops: vec![Op::Session(session(0), Change::Ended)],
    });
    while node.committer.step() == Step::Worked {}
    assert_eq!(node.link.trouble(), None);
    assert_eq!(node.link.committed(0), 1);
}

#[test]
fn a_damaged_message_does_not_keep_those_behind_it_from_being_read() {
    let scratch = with_damaged(20);
    let report = check(scratch.path()).unwrap();
    assert!(!report.is_sound(), "{report}");
    assert_eq!(report.unread, [Space::Queue]);

    expect_all_but(20, &small(scratch.path()));
}

#[test]
fn where_a_queue_begins_with_a_damaged_message_loss_has_to_be_accepted() {
    let scratch = with_damaged(1);
    let error = open(&small(scratch.path()), BEGIN).unwrap_err().to_string();
    assert!(error.contains("--accept-data-loss"), "{error}");
    let accepting = Options {
        accept_data_loss: true,
        ..small(scratch.path())
    };
    expect_all_but(1, &accepting);
}

#[test]
fn retained_messages_around_a_damaged_one_are_there_where_loss_is_accepted() {
    let retain = |number: u8| Op::Retain {
        message: retained(number, Bytes::from(vec![number; 6000])),
        ends: None,
    };
    let scratch = damaged_among((1..=40).map(retain), 20);
    let error = open(&small(scratch.path()), BEGIN).unwrap_err().to_string();
    assert!(error.contains("--accept-data-loss"), "{error}");

    let accepting = Options {
        accept_data_loss: true,
        ..small(scratch.path())
    };
    let node = Node::from(open(&accepting, BEGIN).unwrap());
    assert!(node.recovered.lost.clone().unwrap().rows_len > 0);
    let numbers: Vec<u8> = node
        .recovered
        .retained
        .iter()
        .map(|(message, _)| message.payload[0])
        .collect();
    // Those that share the block with it, or that the engine reads together with it, are missing too.
    assert!(numbers.len() >= 30, "{numbers:?}");
    assert!(!numbers.contains(&20), "{numbers:?}");
    assert!(numbers.contains(&1), "{numbers:?}");
    assert!(numbers.contains(&40), "{numbers:?}");
}

fn retained(number: u8, payload: Bytes) -> Arc<Message> {
    Arc::new(Message {
        id: MessageId(u64::from(number)),
        topic: topic(&format!("r/{number:03}")),
        payload,
        qos: QoS::AtLeastOnce,
        retain: true,
        properties: None,
        from: None,
        received: Moment::default(),
        expires: None,
        version: Some(u64::from(number)),
    })
}
