//! Filters by keys that are never given out twice.

/// A full table grows by this part of itself.
const GROWS_BY: usize = 8;
/// But at least by so many places.
const FIRST_PLACES: usize = 16;

/// A filter of an arbiter's table; it never means another one, also when its place is used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct FilterKey {
    place: u32,
    generation: u32,
}

/// Values in places; a freed place is used again under a new generation.
pub(super) struct Slab<V> {
    places: Vec<Place<V>>,
    free: Vec<u32>,
}

struct Place<V> {
    generation: u32,
    value: Option<V>,
}

impl<V> Default for Slab<V> {
    fn default() -> Self {
        Self {
            places: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<V> Slab<V> {
    pub(super) fn insert(&mut self, value: V) -> FilterKey {
        if let Some(place) = self.free.pop()
            && let Some(free) = self.places.get_mut(place as usize)
        {
            free.generation = free.generation.wrapping_add(1);
            free.value = Some(value);
            return FilterKey {
                place,
                generation: free.generation,
            };
        }
        // Four thousand million filters of at least a hundred bytes do not fit into memory.
        let place = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        if self.places.len() == self.places.capacity() {
            // Doubling would leave half of a large table empty.
            let more = (self.places.len() / GROWS_BY).max(FIRST_PLACES);
            self.places.reserve_exact(more);
        }
        self.places.push(Place {
            generation: 0,
            value: Some(value),
        });
        FilterKey {
            place,
            generation: 0,
        }
    }

    pub(super) fn get(&self, key: FilterKey) -> Option<&V> {
        let place = self.places.get(key.place as usize)?;
        (place.generation == key.generation)
            .then_some(place.value.as_ref())
            .flatten()
    }

    pub(super) fn get_mut(&mut self, key: FilterKey) -> Option<&mut V> {
        let place = self.places.get_mut(key.place as usize)?;
        (place.generation == key.generation)
            .then_some(place.value.as_mut())
            .flatten()
    }

    pub(super) fn remove(&mut self, key: FilterKey) -> Option<V> {
        let place = self.places.get_mut(key.place as usize)?;
        if place.generation != key.generation {
            return None;
        }
        let value = place.value.take()?;
        self.free.push(key.place);
        Some(value)
    }

    pub(super) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }
}
