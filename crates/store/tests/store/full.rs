//! A disk that is really full. Where nothing may be mounted there is nothing to see.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use castmq_store::{EngineSettings, Fsync, Options, Step, Trouble, open};

use crate::node::{BEGIN, Hands, Node, options};
use crate::scratch::Scratch;
use crate::world::World;

/// A file system of a few megabytes, gone at the end.
struct Mounted {
    scratch: Scratch,
}

impl Mounted {
    fn new(megabytes: u32) -> Option<Self> {
        let scratch = Scratch::new("full");
        fs::create_dir(scratch.path()).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "tmpfs"])
            .arg(scratch.path())
            .output();
        mounted
            .is_ok_and(|output| output.status.success())
            .then_some(Self { scratch })
    }

    fn path(&self) -> &Path {
        self.scratch.path()
    }

    fn ballast(&self) -> PathBuf {
        self.path().join("ballast")
    }

    /// Leaves so little room.
    fn fill(&self, left: usize) {
        let room = usize::try_from(free(self.path())).unwrap();
        let ballast = vec![1; room.saturating_sub(left)];
        fs::write(self.ballast(), ballast).unwrap();
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.scratch.path()).output();
    }
}

fn free(path: &Path) -> u64 {
    let disk = rustix::fs::statvfs(path).unwrap();
    disk.f_bavail * disk.f_frsize
}

fn small(directory: &Path, hands: &Hands) -> Options {
    Options {
        engine_settings: EngineSettings {
            memtable_bytes: 256 << 10,
            ..EngineSettings::default()
        },
        ..options(directory, Fsync::Always, hands)
    }
}

#[test]
fn a_full_disk_delays_and_loses_nothing_and_needs_no_restart() {
    (1..=4).for_each(fill_up);
}

fn fill_up(seed: u64) {
    let Some(disk) = Mounted::new(48) else {
        return;
    };
    let directory = disk.path().join("store");
    let hands = Hands::default();
    let mut node = Node::from(open(&small(&directory, &hands), BEGIN).unwrap());
    let mut world = World::new(seed);
    world.payload_max = 20_000;
    world.begin_run(node.recovered.run, 0);
    disk.fill(2 << 20);

    // Opening anew may find a little room, until there is none at all.
    let (mut steps, mut in_vain) = (0, 0);
    while in_vain < 3 {
        steps += 1;
        assert!(steps < 100_000, "it is never full");
        for submission in world.next() {
            node.link.submit(submission);
        }
        match node.committer.step() {
            Step::Failing(pause) => {
                hands.forward(pause);
                in_vain += 1;
            }
            Step::Worked | Step::Idle(_) => in_vain = 0,
        }
    }
    assert!(matches!(node.link.trouble(), Some(Trouble::Failing { .. })));

    fs::remove_file(disk.ballast()).unwrap();
    node.settle(&hands);
    assert_eq!(node.link.trouble(), None);
    node.committer.finish();
    node.link.stop().unwrap();

    let node = Node::from(open(&small(&directory, &hands), BEGIN).unwrap());
    let later = node.recovered.timeline.base().since_epoch() - BEGIN.since_epoch();
    assert_eq!(node.differs(&world.model.later(later)), None);
}
