//! The data directory: whose it is, what is in it, what is missing.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;
use std::{fs, io};

use castmq_store::tools::{check, stats};
use castmq_store::{Fsync, Options, Space, StoreError, open};

use crate::node::{BEGIN, Hands, Node, options};
use crate::scratch::Scratch;
use crate::world::World;

fn open_error(path: &Path) -> StoreError {
    Node::open(path, Fsync::Always, &Hands::default()).unwrap_err()
}

/// A store with something in it.
fn filled(name: &str) -> Scratch {
    let scratch = Scratch::new(name);
    let hands = Hands::default();
    let mut node = Node::open(scratch.path(), Fsync::Always, &hands).unwrap();
    let mut world = World::new(7);
    world.begin_run(node.recovered.run, 0);
    for _ in 0..300 {
        for submission in world.next() {
            node.link.submit(submission);
        }
        node.committer.step();
    }
    node.committer.finish();
    scratch
}

#[test]
fn a_directory_in_use_says_by_whom() {
    let scratch = Scratch::new("in-use");
    let _first = Node::open(scratch.path(), Fsync::Always, &Hands::default()).unwrap();
    let error = open_error(scratch.path());
    let ours = std::process::id();
    assert!(matches!(error, StoreError::InUse { process: Some(process), .. } if process == ours));
    assert!(error.to_string().contains("stop that one first"));
}

#[test]
fn a_directory_is_free_again_once_the_store_is_closed() {
    let scratch = Scratch::new("free");
    for run in 1..4 {
        let node = Node::open(scratch.path(), Fsync::Always, &Hands::default()).unwrap();
        assert_eq!(node.recovered.run, run);
        node.committer.finish();
    }
}

#[test]
fn a_directory_with_other_files_is_left_alone() {
    let scratch = Scratch::new("foreign");
    fs::create_dir(scratch.path()).unwrap();
    fs::write(scratch.path().join("letters.txt"), "dear").unwrap();
    let error = open_error(scratch.path()).to_string();
    assert!(error.contains("it holds `letters.txt`"), "{error}");
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1);
}

#[test]
fn a_directory_of_another_format_is_left_alone() {
    let scratch = filled("format");
    let format = scratch.path().join("format");
    fs::write(&format, "castmq store, format 2, engine other\n").unwrap();
    let error = open_error(scratch.path());
    assert!(matches!(error, StoreError::OtherFormat { known: 1, .. }));
    let text = error.to_string();
    assert!(text.contains("format 2, engine other"), "{text}");
}

#[test]
fn a_directory_whose_parent_is_missing_is_not_made() {
    let scratch = Scratch::new("missing");
    let error = open_error(&scratch.path().join("deeper"));
    let text = error.to_string();
    assert!(
        text.contains("create the directory above it first"),
        "{text}"
    );
}

#[test]
fn a_directory_that_cannot_be_written_says_so() {
    let scratch = Scratch::new("read-only");
    fs::create_dir(scratch.path()).unwrap();
    fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o555)).unwrap();
    if fs::write(scratch.path().join("try"), "").is_ok() {
        // The superuser may write anywhere; there is nothing to see.
        return;
    }
    let error = open_error(scratch.path());
    let StoreError::File { cause, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(cause.kind(), io::ErrorKind::PermissionDenied);
}

#[test]
fn a_store_that_came_back_without_its_last_commits_is_refused() {
    let scratch = filled("lost");
    let promise = scratch.path().join("promise");
    let kept = fs::read(&promise).unwrap();
    let data = scratch.path().join("data");
    fs::remove_dir_all(&data).unwrap();
    let error = open_error(scratch.path());
    let StoreError::Lost {
        recovered,
        promised,
    } = error
    else {
        panic!("{error}");
    };
    assert_eq!(recovered, 0);
    assert!(promised > 10);
    assert_eq!(fs::read(&promise).unwrap(), kept);

    let accepting = Options {
        accept_data_loss: true,
        ..options(scratch.path(), Fsync::Always, &Hands::default())
    };
    let opened = open(&accepting, BEGIN).unwrap();
    assert_eq!(opened.recovered.lost.clone().unwrap().commits, promised);
    opened.committer.finish();

    // From then on it is whole again.
    let node = Node::open(scratch.path(), Fsync::Always, &Hands::default()).unwrap();
    assert_eq!(node.recovered.lost, None);
}

#[test]
fn a_damaged_promise_is_refused_unless_it_is_only_half_damaged() {
    let scratch = filled("promise");
    let path = scratch.path().join("promise");
    let mut promise = fs::read(&path).unwrap();
    promise[9] ^= 1;
    fs::write(&path, &promise).unwrap();
    let node = Node::open(scratch.path(), Fsync::Always, &Hands::default()).unwrap();
    drop(node);

    promise[41] ^= 1;
    fs::write(&path, &promise).unwrap();
    let text = open_error(scratch.path()).to_string();
    assert!(text.contains("promise"), "{text}");
}

#[test]
fn a_disk_with_little_room_is_told_before_it_is_full() {
    let scratch = Scratch::new("room");
    let hands = Hands::default();
    let narrow = Options {
        free_space_min: u64::MAX / 4,
        ..options(scratch.path(), Fsync::Always, &hands)
    };
    let mut node = Node::from(open(&narrow, BEGIN).unwrap());
    hands.forward(Duration::from_secs(1));
    node.settle(&hands);
    let trouble = node.link.trouble().unwrap();
    let castmq_store::Trouble::Full {
        free_bytes,
        wanted_bytes,
    } = trouble
    else {
        panic!("{trouble:?}");
    };
    assert!(free_bytes < wanted_bytes);
    assert_eq!(node.link.stats().free_bytes, Some(free_bytes));
}

#[test]
fn what_is_in_a_store_can_be_counted_and_checked() {
    let scratch = filled("check");
    let report = check(scratch.path()).unwrap();
    assert!(report.is_sound(), "{report}");
    assert!(report.rows_of(Space::Sessions) > 3);
    assert!(report.rows_of(Space::Queue) > 3);
    assert_eq!(report.bodies_missing, 0);
    assert_eq!(stats(scratch.path()).unwrap().rows, report.rows);
    let text = report.to_string();
    assert!(text.contains("last commit"), "{text}");
}

#[test]
fn tools_make_no_store_where_there_is_none() {
    let scratch = Scratch::new("none");
    assert!(check(scratch.path()).is_err());
    assert!(!scratch.path().exists());
}
