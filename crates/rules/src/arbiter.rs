//! Arbiters as the rules know them: numbers.

use smallvec::SmallVec;

#[cfg(test)]
mod tests;

/// The number of an arbiter, from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArbiterId(pub u16);

/// A set of arbiters, one bit each; without allocation for the first 128.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArbiterSet {
    /// The last word is never 0, so that equal sets are equal values.
    words: SmallVec<[u64; 2]>,
}

impl ArbiterSet {
    /// Whether no arbiter is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// How many arbiters are in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether the arbiter is in it.
    #[must_use]
    pub fn contains(&self, arbiter: ArbiterId) -> bool {
        let (word, bit) = place(arbiter);
        self.words.get(word).is_some_and(|bits| bits & bit != 0)
    }

    /// Whether the arbiter is in it, and no other.
    #[must_use]
    pub fn is_only(&self, arbiter: ArbiterId) -> bool {
        let (word, bit) = place(arbiter);
        // The last word is never 0.
        self.words.len() == word + 1
            && self.words.last() == Some(&bit)
            && self.words.iter().rev().skip(1).all(|bits| *bits == 0)
    }

    /// Puts an arbiter in.
    pub fn insert(&mut self, arbiter: ArbiterId) {
        let (word, bit) = place(arbiter);
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        if let Some(bits) = self.words.get_mut(word) {
            *bits |= bit;
        }
    }

    /// Takes an arbiter out.
    pub fn remove(&mut self, arbiter: ArbiterId) {
        let (word, bit) = place(arbiter);
        if let Some(bits) = self.words.get_mut(word) {
            *bits &= !bit;
        }
        while self.words.last() == Some(&0) {
            self.words.pop();
        }
    }

    /// Puts all arbiters of another set in.
    pub fn unite(&mut self, other: &Self) {
        if self.words.len() < other.words.len() {
            self.words.resize(other.words.len(), 0);
        }
        for (bits, others) in self.words.iter_mut().zip(&other.words) {
            *bits |= others;
        }
    }

    /// The arbiters, ascending.
    pub fn iter(&self) -> impl Iterator<Item = ArbiterId> {
        let words = (0_u16..).step_by(64).zip(&self.words);
        words.flat_map(|(first, &bits)| {
            // One step for each arbiter that is in it, not for each that might be.
            std::iter::successors(Some(bits), |bits| Some(bits & bits.wrapping_sub(1)))
                .take_while(|bits| *bits != 0)
                .map(move |bits| ArbiterId(first + lowest(bits)))
        })
    }
}

/// The number of the lowest bit that is set.
fn lowest(bits: u64) -> u16 {
    u16::try_from(bits.trailing_zeros()).unwrap_or(0)
}

impl FromIterator<ArbiterId> for ArbiterSet {
    fn from_iter<I: IntoIterator<Item = ArbiterId>>(arbiters: I) -> Self {
        let mut set = Self::default();
        for arbiter in arbiters {
            set.insert(arbiter);
        }
        set
    }
}

fn place(arbiter: ArbiterId) -> (usize, u64) {
    (usize::from(arbiter.0 / 64), 1 << (arbiter.0 % 64))
}
