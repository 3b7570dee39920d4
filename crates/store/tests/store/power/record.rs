//! Reads what `record.c` has recorded.

/// A file, however it is called at the time.
pub(crate) type File = u64;

/// What happened to the files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Created(File, String),
    MadeDirectory(String),
    Wrote(File, u64, Vec<u8>),
    Resized(File, u64),
    Synced(File),
    SyncedDirectory(String),
    Renamed(String, String),
    Removed(String),
    /// So many submissions are acknowledged.
    Note(usize),
}

/// The events in their order. The last one may not be whole.
pub(crate) fn read(mut record: &[u8]) -> Vec<Event> {
    let mut events = Vec::new();
    while let Some((event, rest)) = next(record) {
        events.push(event);
        record = rest;
    }
    events
}

fn next(record: &[u8]) -> Option<(Event, &[u8])> {
    let end = record.iter().position(|byte| *byte == b'\n')?;
    let (line, rest) = (
        std::str::from_utf8(&record[..end]).unwrap(),
        &record[end + 1..],
    );
    let words: Vec<_> = line.split(' ').collect();
    let number = |at: usize| words[at].parse::<u64>().unwrap();
    let word = |at: usize| words[at].to_owned();
    let event = match words[0] {
        "C" => Event::Created(number(1), word(2)),
        "M" => Event::MadeDirectory(word(1)),
        "T" => Event::Resized(number(1), number(2)),
        "S" => Event::Synced(number(1)),
        "D" => Event::SyncedDirectory(word(1)),
        "R" => Event::Renamed(word(1), word(2)),
        "U" => Event::Removed(word(1)),
        kind => {
            let length = usize::try_from(number(words.len() - 1)).unwrap();
            let bytes = rest.get(..length)?.to_vec();
            let event = if kind == "W" {
                Event::Wrote(number(1), number(2), bytes)
            } else {
                let said = bytes.as_chunks::<8>().0.last()?;
                Event::Note(usize::try_from(u64::from_le_bytes(*said)).unwrap())
            };
            return Some((event, rest.get(length + 1..)?));
        }
    };
    Some((event, rest))
}
