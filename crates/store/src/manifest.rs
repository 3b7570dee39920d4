//! Looks at the lists of tables before fjall reads them: it does not check them itself, so that a bit
//! that has changed in one may make it pass over tables, or take all memory there is.
//!
//! `current` in the directory of a key space names the version in force: `number u64, hash of its file
//! u128, 0`. The file `v<number>` and each table and file of values is an archive: at its end `SFA!, 1, 0,
//! hash of the contents list u128, its place u64, its length u64`, before that the list, `TOC!, count
//! u32`, then for each part `place u64, length u64, length of the name u16, name`.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use xxhash_rust::xxh3::xxh3_128;

use crate::StoreError;

const TRAILER_BYTES: u64 = 38;

/// Looks at what all key spaces in a directory say of their tables.
pub(crate) fn check(directory: &Path) -> Result<(), StoreError> {
    let keyspaces = directory.join("keyspaces");
    if !keyspaces.exists() {
        return Err(StoreError::DamagedEngine { path: keyspaces });
    }
    let cannot = |error| StoreError::file(&keyspaces, "list what is in it", error);
    for entry in fs::read_dir(&keyspaces).map_err(cannot)? {
        check_keyspace(&entry.map_err(cannot)?.path())?;
    }
    Ok(())
}

fn check_keyspace(directory: &Path) -> Result<(), StoreError> {
    let path = directory.join("current");
    let current = match fs::read(&path) {
        Ok(current) => current,
        // It was not finished, and fjall makes it anew.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(StoreError::file(&path, "read it", error)),
    };
    let damaged = |path: &Path| StoreError::DamagedEngine {
        path: path.to_owned(),
    };
    let (number, hash) = parse_current(&current).ok_or_else(|| damaged(&path))?;
    let path = directory.join(format!("v{number}"));
    let version = fs::read(&path).map_err(|_| damaged(&path))?;
    if xxh3_128(&version) != hash {
        return Err(damaged(&path));
    }
    let parts = File::open(&path)
        .ok()
        .and_then(|file| contents(&file))
        .ok_or_else(|| damaged(&path))?;
    let mut files = Vec::new();
    for (part, folder) in [("tables", "tables"), ("blob_files", "blobs")] {
        let bytes = parts
            .iter()
            .find(|(name, ..)| name == part.as_bytes())
            .and_then(|(_, at, length)| part_of(&version, *at, *length))
            .ok_or_else(|| damaged(&path))?;
        let ids = match part {
            "tables" => table_ids(bytes),
            _ => blob_ids(bytes),
        };
        let ids = ids.ok_or_else(|| damaged(&path))?;
        files.extend(
            ids.iter()
                .map(|id| directory.join(folder).join(id.to_string())),
        );
    }
    for path in files {
        let file = File::open(&path).map_err(|_| damaged(&path))?;
        contents(&file).ok_or_else(|| damaged(&path))?;
    }
    Ok(())
}

fn parse_current(mut bytes: &[u8]) -> Option<(u64, u128)> {
    let number = u64::from_le_bytes(take(&mut bytes)?);
    let hash = u128::from_le_bytes(take(&mut bytes)?);
    (bytes == [0]).then_some((number, hash))
}

/// Name, place and length of a part of an archive.
type Part = (Vec<u8>, u64, u64);

/// The contents list of an archive; `None` when it is damaged.
fn contents(file: &File) -> Option<Vec<Part>> {
    let length = file.metadata().ok()?.len();
    let end = length.checked_sub(TRAILER_BYTES)?;
    let mut trailer = [0; 38];
    file.read_exact_at(&mut trailer, end).ok()?;
    let mut rest = trailer.strip_prefix(b"SFA!\x01\x00".as_slice())?;
    let hash = u128::from_le_bytes(take(&mut rest)?);
    let place = u64::from_le_bytes(take(&mut rest)?);
    let list_length = u64::from_le_bytes(take(&mut rest)?);
    if place.checked_add(list_length)? != end {
        return None;
    }
    let mut list = vec![0; usize::try_from(list_length).ok()?];
    file.read_exact_at(&mut list, place).ok()?;
    if xxh3_128(&list) != hash {
        return None;
    }
    parse_contents(list.strip_prefix(b"TOC!".as_slice())?)
}

fn parse_contents(mut list: &[u8]) -> Option<Vec<Part>> {
    let count = u32::from_le_bytes(take(&mut list)?);
    let mut parts = Vec::new();
    for _ in 0..count {
        let place = u64::from_le_bytes(take(&mut list)?);
        let length = u64::from_le_bytes(take(&mut list)?);
        let name_length = usize::from(u16::from_le_bytes(take(&mut list)?));
        let (name, rest) = list.split_at_checked(name_length)?;
        parts.push((name.to_vec(), place, length));
        list = rest;
    }
    Some(parts)
}

fn part_of(file: &[u8], place: u64, length: u64) -> Option<&[u8]> {
    let place = usize::try_from(place).ok()?;
    let end = place.checked_add(usize::try_from(length).ok()?)?;
    file.get(place..end)
}

/// Levels of runs of tables, each `id u64, 0, hash u128, sequence u64`.
fn table_ids(mut bytes: &[u8]) -> Option<Vec<u64>> {
    let mut ids = Vec::new();
    let [levels] = take(&mut bytes)?;
    for _ in 0..levels {
        let [runs] = take(&mut bytes)?;
        for _ in 0..runs {
            let tables = u32::from_le_bytes(take(&mut bytes)?);
            for _ in 0..tables {
                ids.push(u64::from_le_bytes(take(&mut bytes)?));
                let _: [u8; 25] = take(&mut bytes)?;
            }
        }
    }
    Some(ids)
}

/// Files of values, each `id u64, 0, hash u128`.
fn blob_ids(mut bytes: &[u8]) -> Option<Vec<u64>> {
    let count = u32::from_le_bytes(take(&mut bytes)?);
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(u64::from_le_bytes(take(&mut bytes)?));
        let _: [u8; 17] = take(&mut bytes)?;
    }
    Some(ids)
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*taken)
}
