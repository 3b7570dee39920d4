//! A disk that knows what is on it for certain, and what the operating system still holds.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::record::{Event, File};
use crate::world::Chance;

/// What is written at once, whole or not at all.
const SECTOR: u64 = 512;
const SECTOR_BYTES: usize = 512;

/// What becomes of that which was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// All of it is lost.
    Lose,
    /// All of it was written in time.
    Keep,
    /// Some writes are there and some are not, whatever their order.
    Mix,
    /// Some sectors of some writes are there.
    Torn,
}

impl Mode {
    pub(crate) const ALL: [Self; 4] = [Self::Lose, Self::Mix, Self::Torn, Self::Keep];
}

/// Files and names.
#[derive(Debug)]
pub(crate) struct Disk {
    root: PathBuf,
    files: BTreeMap<File, Content>,
    /// Names that survive.
    names: Names,
    /// Changes of names that may be lost; only the last ones, as in the journal of a file system.
    changes: Vec<Change>,
}

#[derive(Clone, Debug, Default)]
struct Names {
    files: BTreeMap<String, File>,
    directories: BTreeSet<String>,
}

#[derive(Clone, Debug)]
enum Change {
    Created(String, File),
    MadeDirectory(String),
    Renamed(String, String),
    Removed(String),
}

/// A file: what survives, and what came after.
#[derive(Clone, Debug, Default)]
struct Content {
    synced: Sectors,
    unsynced: Vec<Piece>,
}

#[derive(Clone, Debug)]
enum Piece {
    Bytes(u64, Vec<u8>),
    Length(u64),
}

#[derive(Clone, Debug, Default)]
struct Sectors {
    length: u64,
    sectors: BTreeMap<u64, [u8; SECTOR_BYTES]>,
}

impl Disk {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self {
            root,
            files: BTreeMap::new(),
            names: Names::default(),
            changes: Vec::new(),
        }
    }

    pub(crate) fn take(&mut self, event: &Event) {
        let file = |files: &mut BTreeMap<File, Content>, file: &File| {
            files.remove(file).unwrap_or_default()
        };
        match event {
            Event::Created(new, path) => {
                self.files.insert(*new, Content::default());
                self.changes.push(Change::Created(path.clone(), *new));
            }
            Event::MadeDirectory(path) => self.changes.push(Change::MadeDirectory(path.clone())),
            Event::Wrote(of, at, bytes) => {
                let mut content = file(&mut self.files, of);
                content.unsynced.push(Piece::Bytes(*at, bytes.clone()));
                self.files.insert(*of, content);
            }
            Event::Resized(of, length) => {
                let mut content = file(&mut self.files, of);
                content.unsynced.push(Piece::Length(*length));
                self.files.insert(*of, content);
            }
            Event::Synced(of) => {
                let mut content = file(&mut self.files, of);
                for piece in std::mem::take(&mut content.unsynced) {
                    content.synced.apply(&piece);
                }
                self.files.insert(*of, content);
            }
            // A directory is synced with all that happened to names before, as file systems with a
            // journal do it.
            Event::SyncedDirectory(_) => {
                for change in std::mem::take(&mut self.changes) {
                    self.names.apply(&change);
                }
            }
            Event::Renamed(from, to) => {
                self.changes.push(Change::Renamed(from.clone(), to.clone()));
            }
            Event::Removed(path) => self.changes.push(Change::Removed(path.clone())),
            Event::Note(_) => {}
        }
    }

    /// Builds the files as a cut may leave them.
    pub(crate) fn build(&self, to: &Path, mode: Mode, chance: &mut Chance) {
        let kept = match mode {
            Mode::Lose => 0,
            Mode::Keep => self.changes.len(),
            Mode::Mix | Mode::Torn => chance.below(self.changes.len() + 1),
        };
        let mut names = self.names.clone();
        for change in &self.changes[..kept] {
            names.apply(change);
        }
        fs::create_dir_all(to).unwrap();
        let place = |path: &str| to.join(Path::new(path).strip_prefix(&self.root).unwrap());
        for directory in &names.directories {
            fs::create_dir_all(place(directory)).unwrap();
        }
        for (path, file) in &names.files {
            let content = self.files[file].cut(mode, chance);
            content.write(&place(path));
        }
    }
}

impl Names {
    fn apply(&mut self, change: &Change) {
        match change {
            Change::Created(path, file) => {
                self.files.insert(path.clone(), *file);
            }
            Change::MadeDirectory(path) => {
                self.directories.insert(path.clone());
            }
            Change::Renamed(from, to) => {
                self.files.remove(to);
                // What is in a directory goes with it.
                let moved = |path: &str| {
                    let rest = path.strip_prefix(from.as_str())?;
                    (rest.is_empty() || rest.starts_with('/')).then(|| format!("{to}{rest}"))
                };
                let rename = |path: String| moved(&path).unwrap_or(path);
                let files = std::mem::take(&mut self.files).into_iter();
                self.files = files.map(|(path, file)| (rename(path), file)).collect();
                let directories = std::mem::take(&mut self.directories).into_iter();
                self.directories = directories.map(rename).collect();
            }
            Change::Removed(path) => {
                self.files.remove(path);
                self.directories.remove(path);
            }
        }
    }
}

impl Content {
    fn cut(&self, mode: Mode, chance: &mut Chance) -> Sectors {
        let mut sectors = self.synced.clone();
        for piece in &self.unsynced {
            match (mode, piece) {
                (Mode::Lose, _) => {}
                (Mode::Keep, _) => sectors.apply(piece),
                (Mode::Torn, Piece::Bytes(at, bytes)) => {
                    for (at, bytes) in split(*at, bytes) {
                        if chance.one_in(2) {
                            sectors.write_at(at, bytes);
                        }
                    }
                }
                (Mode::Mix | Mode::Torn, _) => {
                    if chance.one_in(2) {
                        sectors.apply(piece);
                    }
                }
            }
        }
        sectors
    }
}

impl Sectors {
    fn apply(&mut self, piece: &Piece) {
        match piece {
            Piece::Bytes(at, bytes) => {
                for (at, bytes) in split(*at, bytes) {
                    self.write_at(at, bytes);
                }
            }
            Piece::Length(length) => {
                self.length = *length;
                let last = length / SECTOR;
                self.sectors.retain(|sector, _| *sector <= last);
                let rest = usize::try_from(length % SECTOR).unwrap();
                if let Some(sector) = self.sectors.get_mut(&last) {
                    sector[rest..].fill(0);
                }
            }
        }
    }

    /// Bytes within a sector.
    fn write_at(&mut self, at: u64, bytes: &[u8]) {
        let sector = self.sectors.entry(at / SECTOR).or_insert([0; SECTOR_BYTES]);
        let begin = usize::try_from(at % SECTOR).unwrap();
        sector[begin..begin + bytes.len()].copy_from_slice(bytes);
        self.length = self.length.max(at + bytes.len() as u64);
    }

    fn write(&self, to: &Path) {
        let file = fs::File::create(to).unwrap();
        for (number, sector) in &self.sectors {
            file.write_all_at(sector, number * SECTOR).unwrap();
        }
        file.set_len(self.length).unwrap();
    }
}

/// A write in pieces that lie in one sector each.
fn split(mut at: u64, mut bytes: &[u8]) -> Vec<(u64, &[u8])> {
    let mut pieces = Vec::new();
    while !bytes.is_empty() {
        let room = usize::try_from(SECTOR - at % SECTOR).unwrap();
        let (piece, rest) = bytes.split_at(room.min(bytes.len()));
        pieces.push((at, piece));
        at += piece.len() as u64;
        bytes = rest;
    }
    pieces
}
