//! A small ordered map: most filters have one subscriber, and most sessions one subscription.

use std::collections::{BTreeMap, btree_map};
use std::ops::Bound;
use std::slice;

use smallvec::SmallVec;

/// More entries than this are kept in a tree. Above it, moving entries aside on each insertion
/// would cost more than a tree's allocation.
const FEW_MAX: usize = 16;
/// A tree with no more entries than this becomes a list again.
const FEW_AGAIN: usize = 8;

/// A map in the order of its keys: one entry inline, a few in a list, many in a tree.
pub(super) enum Ordered<K, V> {
    Few(SmallVec<[(K, V); 1]>),
    Many(BTreeMap<K, V>),
}

/// The entries of an [`Ordered`], ascending.
pub(super) enum Iter<'m, K, V> {
    Few(slice::Iter<'m, (K, V)>),
    Many(btree_map::Range<'m, K, V>),
}

impl<K, V> Default for Ordered<K, V> {
    fn default() -> Self {
        Self::Few(SmallVec::new())
    }
}

impl<K: Ord, V> Ordered<K, V> {
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Few(few) => few.is_empty(),
            Self::Many(many) => many.is_empty(),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Few(few) => few.len(),
            Self::Many(many) => many.len(),
        }
    }

    pub(super) fn get(&self, key: &K) -> Option<&V> {
        match self {
            Self::Few(few) => {
                let position = few.binary_search_by(|(other, _)| other.cmp(key)).ok()?;
                few.get(position).map(|(_, value)| value)
            }
            Self::Many(many) => many.get(key),
        }
    }

    pub(super) fn insert(&mut self, key: K, value: V) -> Option<V> {
        if let Self::Few(few) = self {
            match few.binary_search_by(|(other, _)| other.cmp(&key)) {
                Ok(position) => {
                    let old = few.get_mut(position)?;
                    return Some(std::mem::replace(&mut old.1, value));
                }
                Err(position) if few.len() < FEW_MAX => {
                    few.insert(position, (key, value));
                    return None;
                }
                Err(_) => *self = Self::Many(few.drain(..).collect()),
            }
        }
        match self {
            Self::Few(_) => None,
            Self::Many(many) => many.insert(key, value),
        }
    }

    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        let removed = match self {
            Self::Few(few) => {
                let position = few.binary_search_by(|(other, _)| other.cmp(key)).ok()?;
                Some(few.remove(position).1)
            }
            Self::Many(many) => many.remove(key),
        };
        self.shrink();
        removed
    }

    pub(super) fn pop_first(&mut self) -> Option<(K, V)> {
        let first = match self {
            // Few are moved, so this is no walk through a long list.
            Self::Few(few) => (!few.is_empty()).then(|| few.remove(0)),
            Self::Many(many) => many.pop_first(),
        };
        self.shrink();
        first
    }

    /// All entries.
    pub(super) fn iter(&self) -> Iter<'_, K, V> {
        match self {
            Self::Few(few) => Iter::Few(few.iter()),
            Self::Many(many) => Iter::Many(many.range(..)),
        }
    }

    /// The entries behind a key, whether or not the key is in the map.
    pub(super) fn iter_after(&self, key: &K) -> Iter<'_, K, V> {
        match self {
            Self::Few(few) => {
                let start = few.partition_point(|(other, _)| other <= key);
                Iter::Few(few.get(start..).unwrap_or_default().iter())
            }
            Self::Many(many) => Iter::Many(many.range((Bound::Excluded(key), Bound::Unbounded))),
        }
    }

    fn shrink(&mut self) {
        if let Self::Many(many) = self
            && many.len() <= FEW_AGAIN
        {
            *self = Self::Few(std::mem::take(many).into_iter().collect());
        }
    }
}

impl<'m, K: Ord, V> Iterator for Iter<'m, K, V> {
    type Item = (&'m K, &'m V);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Few(few) => few.next().map(|(key, value)| (key, value)),
            Self::Many(many) => many.next(),
        }
    }
}
