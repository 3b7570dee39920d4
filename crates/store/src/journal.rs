//! Looks through the journals of fjall before it reads them itself.
//!
//! A power cut may leave the end of the last journal torn: batches that nobody was told of, of which
//! some sectors are on the disk and some are not. fjall cuts off an end that is too short, but takes one
//! with a hole for damage and does not open; here it is cut off as well. And where an earlier journal
//! is damaged fjall may pass over the rest of it without a word; here that is an error.
//!
//! A journal is a row of batches: `1, items u32, sequence u64`, then the items, each `2, kind u8,
//! compression u8, key space u64, lengths of key u16, value u32 and stored value u32, key, value`, then
//! `3, hash of the items u64, FJL 3`. A `4, key space u64` stands for an item. Numbers are little-endian.
//! Behind the last batch there are zeros, because the file has its size from the beginning.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::Xxh3;

use crate::StoreError;

const TRAILER: &[u8; 4] = b"FJL\x03";
const START: u8 = 1;
const ITEM: u8 = 2;
const END: u8 = 3;
const CLEAR: u8 = 4;

/// How much is read at once.
const PIECE_BYTES: usize = 256 << 10;

/// Looks through all journals in a directory, and cuts off what is torn of the last one. The answer says
/// what is cut off of others, which is done only where that is accepted.
pub(crate) fn mend(directory: &Path, accepts_loss: bool) -> Result<Vec<String>, StoreError> {
    let mut lost = Vec::new();
    let mut journals = journals(directory)?;
    let last = journals.pop();
    for (_, path) in journals {
        if let Some(end) = torn_from(&path)? {
            let error = StoreError::DamagedFile {
                path: path.clone(),
                at: end,
            };
            if !accepts_loss {
                return Err(error);
            }
            lost.push(error.to_string());
            cut_off(&path, end)?;
        }
    }
    if let Some((_, path)) = last
        && let Some(end) = torn_from(&path)?
    {
        cut_off(&path, end)?;
    }
    Ok(lost)
}

fn cut_off(path: &Path, end: u64) -> Result<(), StoreError> {
    OpenOptions::new()
        .write(true)
        .open(path)
        .and_then(|file| file.set_len(end).and_then(|()| file.sync_all()))
        .map_err(|error| StoreError::file(path, "cut off its end", error))
}

/// The journals in their order.
fn journals(directory: &Path) -> Result<Vec<(u64, PathBuf)>, StoreError> {
    let cannot = |error| StoreError::file(directory, "list what is in it", error);
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(cannot(error)),
    };
    let mut journals = Vec::new();
    for entry in entries {
        let path = entry.map_err(cannot)?.path();
        let number = path
            .extension()
            .filter(|extension| *extension == "jnl")
            .and_then(|_| path.file_stem()?.to_str()?.parse().ok());
        journals.extend(number.map(|number| (number, path)));
    }
    journals.sort_unstable();
    Ok(journals)
}

/// Where the last whole batch of a journal ends, if anything but zeros comes behind it.
fn torn_from(path: &Path) -> Result<Option<u64>, StoreError> {
    let cannot = |error| StoreError::file(path, "read it", error);
    let file = File::open(path).map_err(cannot)?;
    let mut reader = Batches {
        input: BufReader::with_capacity(PIECE_BYTES, file),
        position: 0,
        end: 0,
        sequence: None,
        item: Vec::new(),
    };
    loop {
        match reader.batch() {
            Ok(Found::Batch) => {}
            Ok(Found::Zeros) => return Ok(None),
            Ok(Found::Torn) => return Ok(Some(reader.end)),
            // It ends within a batch.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Ok((reader.position > reader.end).then_some(reader.end));
            }
            Err(error) => return Err(cannot(error)),
        }
    }
}

enum Found {
    Batch,
    /// Nothing comes any more.
    Zeros,
    Torn,
}

struct Batches<R> {
    input: R,
    position: u64,
    /// Where the last whole batch ends.
    end: u64,
    /// Its number.
    sequence: Option<u64>,
    item: Vec<u8>,
}

impl<R: Read> Batches<R> {
    fn batch(&mut self) -> io::Result<Found> {
        match self.byte()? {
            START => {}
            0 => return self.zeros(),
            _ => return Ok(Found::Torn),
        }
        let items = u32::from_le_bytes(self.bytes()?);
        let sequence = u64::from_le_bytes(self.bytes()?);
        if self.sequence.is_some_and(|before| sequence <= before) {
            return Ok(Found::Torn);
        }
        let mut hash = Xxh3::new();
        for _ in 0..items {
            if !self.hash_item(&mut hash)? {
                return Ok(Found::Torn);
            }
        }
        if self.byte()? != END {
            return Ok(Found::Torn);
        }
        let stated = u64::from_le_bytes(self.bytes()?);
        if stated != hash.digest() || self.bytes()? != *TRAILER {
            return Ok(Found::Torn);
        }
        self.end = self.position;
        self.sequence = Some(sequence);
        Ok(Found::Batch)
    }

    /// Whether there was an item.
    fn hash_item(&mut self, hash: &mut Xxh3) -> io::Result<bool> {
        let tag = self.byte()?;
        match tag {
            ITEM => {}
            CLEAR => {
                hash.update(&[tag]);
                hash.update(&self.bytes::<8>()?);
                return Ok(true);
            }
            _ => return Ok(false),
        }
        let head: [u8; 10] = self.bytes()?;
        let key_bytes: [u8; 2] = self.bytes()?;
        let value_bytes: [u8; 4] = self.bytes()?;
        let stored_bytes: [u8; 4] = self.bytes()?;
        hash.update(&[tag]);
        hash.update(&head);
        hash.update(&key_bytes);
        hash.update(&value_bytes);
        hash.update(&stored_bytes);
        let length =
            u64::from(u16::from_le_bytes(key_bytes)) + u64::from(u32::from_le_bytes(stored_bytes));
        self.item.clear();
        // A length that is damaged takes no more memory than the file is long.
        let read = self
            .input
            .by_ref()
            .take(length)
            .read_to_end(&mut self.item)?;
        self.position += read as u64;
        if (read as u64) < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        hash.update(&self.item);
        Ok(true)
    }

    /// Whether there are but zeros up to the end of the file.
    fn zeros(&mut self) -> io::Result<Found> {
        let (mut piece, zeros) = (vec![0; PIECE_BYTES], vec![0; PIECE_BYTES]);
        loop {
            let read = self.input.read(&mut piece)?;
            if read == 0 {
                return Ok(Found::Zeros);
            }
            if piece.get(..read) != zeros.get(..read) {
                return Ok(Found::Torn);
            }
        }
    }

    fn byte(&mut self) -> io::Result<u8> {
        let [byte] = self.bytes()?;
        Ok(byte)
    }

    fn bytes<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.input.read_exact(&mut bytes)?;
        self.position += N as u64;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory of its own, gone at the end.
    struct Folder(PathBuf);

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    /// Journals with these bytes, numbered from 0, each with zeros behind.
    fn folder(name: &str, journals: &[Vec<u8>]) -> Folder {
        let process = std::process::id();
        let path = std::env::temp_dir().join(format!("castmq-journal-{process}-{name}"));
        std::fs::create_dir_all(&path).unwrap();
        for (number, journal) in journals.iter().enumerate() {
            let path = path.join(format!("{number}.jnl"));
            std::fs::write(&path, journal).unwrap();
            let file = OpenOptions::new().write(true).open(&path).unwrap();
            file.set_len(1 << 20).unwrap();
        }
        Folder(path)
    }

    fn batch(sequence: u64) -> Vec<u8> {
        let mut items = vec![ITEM, 0, 0];
        items.extend_from_slice(&7_u64.to_le_bytes());
        items.extend_from_slice(&3_u16.to_le_bytes());
        items.extend_from_slice(&2000_u32.to_le_bytes());
        items.extend_from_slice(&2000_u32.to_le_bytes());
        items.extend_from_slice(b"key");
        items.extend_from_slice(&[9; 2000]);
        let mut batch = vec![START];
        batch.extend_from_slice(&1_u32.to_le_bytes());
        batch.extend_from_slice(&sequence.to_le_bytes());
        batch.extend_from_slice(&items);
        batch.push(END);
        batch.extend_from_slice(&xxhash_rust::xxh3::xxh3_64(&items).to_le_bytes());
        batch.extend_from_slice(TRAILER);
        batch
    }

    fn batches(sequences: std::ops::Range<u64>) -> Vec<u8> {
        sequences.flat_map(batch).collect()
    }

    fn length(folder: &Folder, number: u64) -> u64 {
        let path = folder.0.join(format!("{number}.jnl"));
        path.metadata().unwrap().len()
    }

    #[test]
    fn whole_journals_are_left_as_they_are() {
        let folder = folder("whole", &[batches(1..5), batches(5..9)]);
        assert_eq!(mend(&folder.0, false).unwrap(), Vec::<String>::new());
        assert_eq!(length(&folder, 0), 1 << 20);
        assert_eq!(length(&folder, 1), 1 << 20);
    }

    #[test]
    fn a_hole_at_the_end_is_cut_off() {
        let mut last = batches(5..9);
        let whole = batches(5..8).len();
        last[whole + 1000..whole + 1512].fill(0);
        let folder = folder("hole", &[batches(1..5), last]);
        mend(&folder.0, false).unwrap();
        assert_eq!(length(&folder, 1), whole as u64);
    }

    #[test]
    fn an_end_without_its_beginning_is_cut_off() {
        let mut last = batches(5..9);
        let whole = batches(5..8).len();
        last[whole..whole + 512].fill(0);
        let folder = folder("beginning", &[last]);
        mend(&folder.0, false).unwrap();
        assert_eq!(length(&folder, 0), whole as u64);
    }

    #[test]
    fn a_damaged_journal_before_the_last_is_refused_or_cut_off_if_that_is_accepted() {
        let mut first = batches(1..5);
        let whole = batches(1..3).len();
        first[whole + 100] ^= 1;
        let folder = folder("damaged", &[first, batches(5..9)]);
        let error = mend(&folder.0, false).unwrap_err();
        assert!(matches!(error, StoreError::DamagedFile { at, .. } if at == whole as u64));
        assert_eq!(length(&folder, 0), 1 << 20);

        assert_eq!(mend(&folder.0, true).unwrap(), [error.to_string()]);
        assert_eq!(length(&folder, 0), whole as u64);
    }

    #[test]
    fn a_batch_out_of_its_order_is_damaged() {
        let journal = [batches(1..3), batch(2)].concat();
        let folder = folder("order", &[journal, batches(5..9)]);
        let error = mend(&folder.0, false).unwrap_err();
        assert!(matches!(error, StoreError::DamagedFile { .. }));
    }
}
