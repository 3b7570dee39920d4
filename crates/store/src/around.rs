//! Reads rows in their order and goes around what the engine finds damaged.

use std::ops::ControlFlow;

use crate::{Key, Space, Store, StoreError};

/// What comes next.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Seen<'row> {
    /// A row: its key and its value.
    Row(&'row [u8], &'row [u8]),
    /// Rows behind this key cannot be read; how many is not known.
    Gap(&'row [u8]),
}

/// As [`Store::scan`], but where a block of rows is damaged it goes on behind it.
///
/// # Errors
///
/// [`StoreError`] when the rest cannot be read either.
pub(crate) fn scan_around(
    store: &dyn Store,
    space: Space,
    from: &[u8],
    until: Option<&[u8]>,
    visit: &mut dyn FnMut(Seen<'_>) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    let mut seen = Key::from_slice(from);
    let mut begin = seen.clone();
    loop {
        let scanned = store.scan(space, &begin, until, &mut |key, value| {
            seen.clear();
            seen.extend_from_slice(key);
            visit(Seen::Row(key, value))
        });
        match scanned {
            Err(StoreError::DamagedBlock { .. }) => {}
            scanned => return scanned,
        }
        if visit(Seen::Gap(&seen)).is_break() {
            return Ok(());
        }
        let can_begin = |key: &[u8]| can_begin(store, space, key, until);
        match next_readable(&seen, can_begin)? {
            Some(next) => begin = next,
            None => return Ok(()),
        }
        seen.clone_from(&begin);
    }
}

/// Whether rows can be read from a key on, the first one at least.
fn can_begin(
    store: &dyn Store,
    space: Space,
    key: &[u8],
    until: Option<&[u8]>,
) -> Result<bool, StoreError> {
    match store.scan(space, key, until, &mut |_, _| ControlFlow::Break(())) {
        Ok(()) => Ok(true),
        Err(StoreError::DamagedBlock { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The lowest key above `seen` from which on rows can be read, as near as sixteen bytes behind what
/// they share say it.
fn next_readable(
    seen: &[u8],
    mut can_begin: impl FnMut(&[u8]) -> Result<bool, StoreError>,
) -> Result<Option<Key>, StoreError> {
    let mut low = Key::from_slice(seen);
    // The next key there may be.
    low.push(0);
    for len in (1..=low.len()).rev() {
        // The first key that does not begin with so many bytes of it: each is higher than the one before.
        let Some(high) = low.get(..len).and_then(successor) else {
            continue;
        };
        if can_begin(&high)? {
            return narrow(&low, high, can_begin).map(Some);
        }
        low = high;
    }
    Ok(None)
}

/// The lowest key between one from which rows cannot be read and one from which they can.
fn narrow(
    low: &[u8],
    high: Key,
    mut can_begin: impl FnMut(&[u8]) -> Result<bool, StoreError>,
) -> Result<Key, StoreError> {
    let pairs = low.iter().zip(&high);
    let shared = pairs.take_while(|(low, high)| low == high).count();
    let prefix = Key::from_slice(high.get(..shared).unwrap_or_default());
    let key = |number: u128| {
        let mut key = prefix.clone();
        key.extend_from_slice(&number.to_be_bytes());
        // A shorter key stands before all that begin with it.
        while key.len() > prefix.len() && key.last() == Some(&0) {
            key.pop();
        }
        key
    };
    let (mut below, mut above) = (number_at(low, shared), number_at(&high, shared));
    let mut found = high;
    while above.saturating_sub(below) > 1 {
        let middle = below + (above - below) / 2;
        let candidate = key(middle);
        if can_begin(&candidate)? {
            (above, found) = (middle, candidate);
        } else {
            below = middle;
        }
    }
    Ok(found)
}

/// Sixteen bytes from there on, as a number; 0 for what is missing.
fn number_at(key: &[u8], at: usize) -> u128 {
    let mut bytes = [0; 16];
    for (byte, from) in bytes.iter_mut().zip(key.iter().skip(at)) {
        *byte = *from;
    }
    u128::from_be_bytes(bytes)
}

/// The first key behind all that begin with a prefix.
fn successor(prefix: &[u8]) -> Option<Key> {
    let mut key = Key::from_slice(prefix);
    while let Some(last) = key.pop() {
        if let Some(next) = last.checked_add(1) {
            key.push(next);
            return Some(key);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where reading goes on when what is behind one key cannot be read, up to another one.
    fn next(seen: &[u8], readable: &[u8]) -> Option<Vec<u8>> {
        let next = next_readable(seen, |key| Ok(key >= readable));
        next.unwrap().map(|key| key.to_vec())
    }

    fn key(session: u64, number: u64) -> Vec<u8> {
        [session.to_be_bytes(), number.to_be_bytes()].concat()
    }

    #[test]
    fn behind_damaged_rows_of_a_queue_it_goes_on_with_the_next_one() {
        assert_eq!(next(&key(7, 19), &key(7, 77)), Some(key(7, 77)));
        assert_eq!(next(&key(7, 19), &key(9, 5)), Some(key(9, 5)));
        assert_eq!(next(&key(7, u64::MAX), &key(8, 5)), Some(key(8, 5)));
    }

    #[test]
    fn behind_damaged_topics_it_goes_on_with_the_next_one() {
        let found = next(b"building/floor/7/temperature", b"building/floor/8/light");
        assert_eq!(found.unwrap(), b"building/floor/8/light");
    }

    #[test]
    fn where_the_first_rows_are_damaged_it_goes_on_with_the_next_one() {
        assert_eq!(next(&[], &key(1, 9)), Some(key(1, 9)));
    }

    #[test]
    fn a_key_with_which_others_begin_is_not_passed_over() {
        assert_eq!(next(b"a", b"b").unwrap(), b"b");
    }

    #[test]
    fn where_all_that_is_behind_is_damaged_it_ends() {
        assert_eq!(next(b"a", &[0xff; 64]), None);
        assert_eq!(next(&[0xff; 4], &[0xff; 64]), None);
    }
}
