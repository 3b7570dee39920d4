//! Chronicle: what happened to many, the newest first to be read and the oldest first to be forgotten.
//!
//! Bounded in entries and bytes. Each key has a share of its own, so that one that is busy pushes its
//! own past out and not that of those who are quiet.

use std::hash::{BuildHasher, Hash};

#[cfg(test)]
mod tests;

/// A hash map whose hasher is the caller's.
#[expect(
    clippy::disallowed_types,
    reason = "one look-up per entry; the hasher is injected and the map is never iterated"
)]
type Map<K, V, H> = std::collections::HashMap<K, V, H>;

/// No place.
const NONE: u32 = u32::MAX;

/// How much a chronicle remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChronicleLimits {
    /// Entries of all keys.
    pub entries_max: u32,
    /// Entries of one key.
    pub entries_of_one_max: u32,
    /// What all entries count for.
    pub bytes_max: usize,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Chronicle<K, V, H> {
    limits: ChronicleLimits,
    places: Vec<Place<K, V>>,
    free: Vec<u32>,
    /// Where the entries of each key begin and end.
    chains: Map<K, Chain, H>,
    oldest: u32,
    newest: u32,
    len: u32,
    bytes: usize,
}

/// An entry as it is read.
#[derive(Debug, PartialEq, Eq)]
pub struct Remembered<'c, K, V> {
    /// Which one; the higher, the later.
    pub number: u64,
    /// To whom it happened.
    pub key: &'c K,
    /// What.
    pub value: &'c V,
}

#[derive(Clone, Debug)]
struct Place<K, V> {
    entry: Option<(K, V)>,
    number: u64,
    bytes: u32,
    /// Its neighbours among all entries.
    older: u32,
    newer: u32,
    /// Its neighbours among those of its key.
    before: u32,
    after: u32,
}

#[derive(Clone, Copy, Debug)]
struct Chain {
    oldest: u32,
    newest: u32,
    len: u32,
}

impl<K: Clone + Eq + Hash, V, H: BuildHasher> Chronicle<K, V, H> {
    /// Nothing happened yet.
    #[must_use]
    pub fn with_hasher(limits: ChronicleLimits, hasher: H) -> Self {
        Self {
            limits,
            places: Vec::new(),
            free: Vec::new(),
            chains: Map::with_hasher(hasher),
            oldest: NONE,
            newest: NONE,
            len: 0,
            bytes: 0,
        }
    }

    /// Notes what happened; numbers ascend. What is more than is remembered is forgotten: of this key
    /// first, then the oldest.
    pub fn note(&mut self, key: &K, number: u64, value: V, bytes: u32) {
        let of_one = self.chains.get(key).map_or(0, |chain| chain.len);
        if of_one >= self.limits.entries_of_one_max.max(1)
            && let Some(chain) = self.chains.get(key)
        {
            self.forget(chain.oldest);
        }
        while self.len > 0
            && (self.len >= self.limits.entries_max
                || self.bytes + bytes as usize > self.limits.bytes_max)
        {
            self.forget(self.oldest);
        }
        let at = self.put(key, number, value, bytes);
        self.link(key, at);
        self.check();
    }

    /// Entries of all keys before a number, newest first.
    pub fn newest_first(&self, before: u64) -> impl Iterator<Item = Remembered<'_, K, V>> {
        self.walk(self.newest, |place| place.older, before)
    }

    /// Entries of one key before a number, newest first.
    pub fn newest_first_of(
        &self,
        key: &K,
        before: u64,
    ) -> impl Iterator<Item = Remembered<'_, K, V>> {
        let newest = self.chains.get(key).map_or(NONE, |chain| chain.newest);
        self.walk(newest, |place| place.before, before)
    }

    /// Entries that are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether nothing is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What they count for.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn walk(
        &self,
        from: u32,
        next: impl Fn(&Place<K, V>) -> u32,
        before: u64,
    ) -> impl Iterator<Item = Remembered<'_, K, V>> {
        let mut at = from;
        std::iter::from_fn(move || {
            let place = self.places.get(at as usize)?;
            at = next(place);
            Some(place)
        })
        .filter(move |place| place.number < before)
        .filter_map(|place| {
            let (key, value) = place.entry.as_ref()?;
            Some(Remembered {
                number: place.number,
                key,
                value,
            })
        })
    }

    fn put(&mut self, key: &K, number: u64, value: V, bytes: u32) -> u32 {
        let place = Place {
            entry: Some((key.clone(), value)),
            number,
            bytes,
            older: self.newest,
            newer: NONE,
            before: self.chains.get(key).map_or(NONE, |chain| chain.newest),
            after: NONE,
        };
        self.len += 1;
        self.bytes += bytes as usize;
        if let Some(at) = self.free.pop()
            && let Some(free) = self.places.get_mut(at as usize)
        {
            *free = place;
            return at;
        }
        self.places.push(place);
        u32::try_from(self.places.len() - 1).unwrap_or(NONE)
    }

    fn link(&mut self, key: &K, at: u32) {
        if let Some(place) = self.places.get_mut(self.newest as usize) {
            place.newer = at;
        } else {
            self.oldest = at;
        }
        self.newest = at;
        let Some(chain) = self.chains.get_mut(key) else {
            let (oldest, newest, len) = (at, at, 1);
            self.chains.insert(
                key.clone(),
                Chain {
                    oldest,
                    newest,
                    len,
                },
            );
            return;
        };
        if let Some(place) = self.places.get_mut(chain.newest as usize) {
            place.after = at;
        }
        chain.newest = at;
        chain.len += 1;
    }

    /// Forgets the oldest entry of a key.
    fn forget(&mut self, at: u32) {
        let Some(place) = self.places.get_mut(at as usize) else {
            return;
        };
        let Some((key, _)) = place.entry.take() else {
            return;
        };
        let (older, newer, after) = (place.older, place.newer, place.after);
        self.len -= 1;
        self.bytes -= place.bytes as usize;
        self.free.push(at);
        match self.places.get_mut(older as usize) {
            Some(place) => place.newer = newer,
            None => self.oldest = newer,
        }
        match self.places.get_mut(newer as usize) {
            Some(place) => place.older = older,
            None => self.newest = older,
        }
        match self.places.get_mut(after as usize) {
            Some(place) => place.before = NONE,
            None => {
                self.chains.remove(&key);
                return;
            }
        }
        if let Some(chain) = self.chains.get_mut(&key) {
            chain.oldest = after;
            chain.len -= 1;
        }
    }

    /// What always holds.
    fn check(&self) {
        assert!(self.len <= self.limits.entries_max.max(1));
        assert_eq!(self.len as usize + self.free.len(), self.places.len());
        assert!(self.chains.len() <= self.len as usize);
    }
}
