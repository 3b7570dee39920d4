//! The files of released versions are read.
//!
//! A version's directory holds `store.tar.gz`, a store as that version wrote it, and `store.jsonl`, what
//! is in it, as that version wrote it out. `RELEASE=1` writes both for the format of this version.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use castmq_store::tools::{check, export};
use castmq_store::{EngineSettings, FORMAT, Fsync, Options, open};

use crate::node::{BEGIN, Hands, Node, options};
use crate::scratch::Scratch;
use crate::world::World;

fn released(format: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/store/released")
        .join(format.to_string())
}

fn tar(arguments: &[&str], directory: &Path) {
    let packed = Command::new("tar")
        .args(arguments)
        .current_dir(directory)
        .status();
    assert!(packed.expect("tar").success());
}

fn exported(directory: &Path) -> String {
    let mut lines = Vec::new();
    export(directory, &mut lines).unwrap();
    String::from_utf8(lines).unwrap()
}

/// Writes what a release leaves behind.
fn release(directory: &Path) {
    let scratch = Scratch::new("release");
    let hands = Hands::default();
    let small = Options {
        engine_settings: EngineSettings {
            memtable_bytes: 32 << 10,
            ..EngineSettings::default()
        },
        ..options(scratch.path(), Fsync::Always, &hands)
    };
    let mut node = Node::from(open(&small, BEGIN).unwrap());
    let mut world = World::new(2026);
    world.begin_run(node.recovered.run, 0);
    for _ in 0..200 {
        for submission in world.next() {
            node.link.submit(submission);
        }
        hands.set(world.now);
        node.committer.step();
    }
    hands.forward(std::time::Duration::from_secs(2));
    node.settle(&hands);
    node.committer.finish();
    fs::create_dir_all(directory).unwrap();
    fs::write(directory.join("store.jsonl"), exported(scratch.path())).unwrap();
    let archive = directory.join("store.tar.gz");
    let above = scratch.path().parent().unwrap();
    let archive = archive.to_str().unwrap();
    tar(&["--sparse", "-czf", archive, "store"], above);
}

#[test]
fn the_files_of_each_released_format_are_read() {
    if env::var_os("RELEASE").is_some() {
        release(&released(FORMAT));
    }
    for format in 1..=FORMAT {
        let directory = released(format);
        let scratch = Scratch::new("released");
        let archive = directory.join("store.tar.gz");
        let above = scratch.path().parent().unwrap();
        tar(&["-xzf", archive.to_str().unwrap()], above);

        let report = check(scratch.path()).unwrap();
        assert!(report.is_sound(), "{report}");
        let lines = fs::read_to_string(directory.join("store.jsonl")).unwrap();
        assert_eq!(exported(scratch.path()), lines);
        let node = Node::open(scratch.path(), Fsync::Always, &Hands::default()).unwrap();
        assert_eq!(node.recovered.run, 2);
        let begins = |line: &&str| line.starts_with(r#"{"session":"#);
        let sessions = lines.lines().filter(begins).count();
        assert_eq!(node.recovered.sessions.len(), sessions);
    }
}
