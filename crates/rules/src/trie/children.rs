//! The children of a trie node: one inline, several in buckets by hash.
//!
//! A sorted list would have to be copied whole with each change of a shared trie; here a change
//! copies one bucket of at most sixteen children and the few branches above it, also below a node
//! with a hundred thousand children.

use std::sync::Arc;

use super::Node;

/// More children than this in one bucket are spread over [`WAYS`] buckets.
const LEAF_MAX: usize = 16;
/// No more children than this below a branch are gathered into one bucket again. Less than
/// [`LEAF_MAX`], so that a child that comes and goes does not spread and gather each time.
const GATHER_MAX: usize = 8;
/// Buckets below a branch; each takes [`BITS`] bits of the hash.
const WAYS: usize = 16;
const BITS: u32 = 4;
/// Where the bits of the hash are used up: from here on a bucket grows without limit.
const DEPTH_MAX: u32 = u64::BITS / BITS;

const _: () = assert!(WAYS == 1 << BITS);
const _: () = assert!(GATHER_MAX < LEAF_MAX);

/// Never both: a single child is inline, several are in buckets.
#[derive(Clone)]
pub(super) struct Children<T> {
    only: Option<Child<T>>,
    many: Option<Arc<Bucket<T>>>,
}

#[derive(Clone)]
pub(super) struct Child<T> {
    hash: u64,
    node: Arc<Node<T>>,
}

#[derive(Clone)]
pub(super) enum Bucket<T> {
    Leaf(Vec<Child<T>>),
    Branch(Box<[Option<Arc<Self>>; WAYS]>),
}

impl<T> Default for Children<T> {
    fn default() -> Self {
        Self {
            only: None,
            many: None,
        }
    }
}

impl<T> Child<T> {
    fn new(level: &str, hash: u64) -> Self {
        Self {
            hash,
            node: Arc::new(Node::new(level.as_bytes())),
        }
    }

    fn is(&self, level: &str, hash: u64) -> bool {
        self.hash == hash && self.node.label.as_slice() == level.as_bytes()
    }
}

impl<T> Children<T> {
    /// The child for a level. The hash is asked for only where it saves comparisons.
    pub(super) fn get(&self, level: &str, hash: impl FnOnce() -> u64) -> Option<&Node<T>> {
        if let Some(only) = &self.only {
            let is_it = only.node.label.as_slice() == level.as_bytes();
            return is_it.then_some(&*only.node);
        }
        self.many.as_ref()?.get(level, hash())
    }

    /// How many children there are, as far as two.
    pub(super) fn count_to_two(&self) -> usize {
        usize::from(self.only.is_some()) + 2 * usize::from(self.many.is_some())
    }

    /// Leaves no child, and hands over those that nobody else holds.
    pub(super) fn disown(&mut self, orphans: &mut Vec<Arc<Node<T>>>) {
        orphans.extend(self.only.take().map(|only| only.node));
        if let Some(many) = self.many.take() {
            Bucket::disown(many, orphans);
        }
    }
}

impl<T: Clone> Children<T> {
    /// The child for a level, made if need be.
    pub(super) fn get_or_insert(&mut self, level: &str, hash: u64) -> &mut Arc<Node<T>> {
        let only_is_it = self.only.as_ref().is_none_or(|only| only.is(level, hash));
        if self.many.is_none() && only_is_it {
            let only = self.only.get_or_insert_with(|| Child::new(level, hash));
            return &mut only.node;
        }
        let only = &mut self.only;
        let many = self
            .many
            .get_or_insert_with(|| Arc::new(Bucket::Leaf(only.take().into_iter().collect())));
        Bucket::get_or_insert(many, level, hash, 0)
    }

    /// Takes away the child for a level, with all below it.
    pub(super) fn remove(&mut self, level: &str, hash: u64) {
        self.only.take_if(|only| only.is(level, hash));
        let Some(many) = &mut self.many else { return };
        Bucket::remove(many, level, hash, 0);
        if let Bucket::Leaf(children) = &**many
            && let [only] = children.as_slice()
        {
            self.only = Some(only.clone());
            self.many = None;
        }
    }
}

/// Which bucket of a branch at this depth takes the hash.
#[expect(
    clippy::cast_possible_truncation,
    reason = "masked to four bits before the cast"
)]
fn way(hash: u64, depth: u32) -> usize {
    (hash >> (depth * BITS)) as usize & (WAYS - 1)
}

#[expect(
    clippy::indexing_slicing,
    reason = "`way` is below WAYS, and positions come from the same list"
)]
impl<T> Bucket<T> {
    fn get(&self, level: &str, hash: u64) -> Option<&Node<T>> {
        let mut bucket = self;
        let mut depth = 0;
        loop {
            match bucket {
                Self::Leaf(children) => {
                    let child = children.iter().find(|child| child.is(level, hash))?;
                    return Some(&child.node);
                }
                Self::Branch(ways) => bucket = ways[way(hash, depth)].as_deref()?,
            }
            depth += 1;
        }
    }

    fn disown(bucket: Arc<Self>, orphans: &mut Vec<Arc<Node<T>>>) {
        match Arc::into_inner(bucket) {
            None => {}
            Some(Self::Leaf(children)) => {
                orphans.extend(children.into_iter().map(|child| child.node));
            }
            Some(Self::Branch(ways)) => {
                for bucket in ways.into_iter().flatten() {
                    Self::disown(bucket, orphans);
                }
            }
        }
    }
}

#[expect(
    clippy::indexing_slicing,
    reason = "`way` is below WAYS, and positions come from the same list"
)]
impl<T: Clone> Bucket<T> {
    fn get_or_insert<'b>(
        bucket: &'b mut Arc<Self>,
        level: &str,
        hash: u64,
        depth: u32,
    ) -> &'b mut Arc<Node<T>> {
        let bucket = Arc::make_mut(bucket);
        bucket.spread_for(level, hash, depth);
        match bucket {
            Self::Leaf(children) => {
                let position = children.iter().position(|child| child.is(level, hash));
                let position = position.unwrap_or_else(|| {
                    children.push(Child::new(level, hash));
                    children.len() - 1
                });
                &mut children[position].node
            }
            Self::Branch(ways) => {
                let below =
                    ways[way(hash, depth)].get_or_insert_with(|| Arc::new(Self::Leaf(Vec::new())));
                Self::get_or_insert(below, level, hash, depth + 1)
            }
        }
    }

    /// Makes a full bucket a branch when one more child shall come in.
    fn spread_for(&mut self, level: &str, hash: u64, depth: u32) {
        let Self::Leaf(children) = self else { return };
        if children.len() < LEAF_MAX
            || depth == DEPTH_MAX
            || children.iter().any(|child| child.is(level, hash))
        {
            return;
        }
        let mut ways: [Vec<Child<T>>; WAYS] = Default::default();
        for child in children.drain(..) {
            ways[way(child.hash, depth)].push(child);
        }
        *self = Self::Branch(Box::new(ways.map(|children| {
            (!children.is_empty()).then(|| Arc::new(Self::Leaf(children)))
        })));
    }

    fn remove(bucket: &mut Arc<Self>, level: &str, hash: u64, depth: u32) {
        let bucket = Arc::make_mut(bucket);
        match bucket {
            Self::Leaf(children) => {
                children.retain(|child| !child.is(level, hash));
                return;
            }
            Self::Branch(ways) => {
                let below = &mut ways[way(hash, depth)];
                if let Some(below) = below {
                    Self::remove(below, level, hash, depth + 1);
                }
                if let Some(Self::Leaf(children)) = below.as_deref()
                    && children.is_empty()
                {
                    *below = None;
                }
            }
        }
        bucket.gather();
    }

    /// Makes a branch with few children one bucket again.
    fn gather(&mut self) {
        let Self::Branch(ways) = self else { return };
        let mut total = 0;
        for below in ways.iter().flatten() {
            match &**below {
                Self::Leaf(children) => total += children.len(),
                Self::Branch(_) => return,
            }
        }
        if total > GATHER_MAX {
            return;
        }
        let mut gathered = Vec::with_capacity(total);
        for below in ways.iter().flatten() {
            if let Self::Leaf(children) = &**below {
                gathered.extend_from_slice(children);
            }
        }
        *self = Self::Leaf(gathered);
    }
}

#[cfg(test)]
impl<T> Children<T> {
    /// Whether everything is where it belongs; how many children there are.
    pub(super) fn check(&self) -> usize {
        assert!(self.only.is_none() || self.many.is_none());
        let many = self.many.as_ref().map_or(0, |many| many.check(0));
        assert_ne!(many, 1, "a single child is inline");
        many + usize::from(self.only.is_some())
    }

    pub(super) fn nodes(&self) -> Vec<&Node<T>> {
        let mut nodes: Vec<_> = self.only.iter().map(|only| &*only.node).collect();
        if let Some(many) = &self.many {
            many.nodes(&mut nodes);
        }
        nodes
    }
}

#[cfg(test)]
impl<T> Bucket<T> {
    fn check(&self, depth: u32) -> usize {
        match self {
            Self::Leaf(children) => {
                assert!(children.len() <= LEAF_MAX || depth == DEPTH_MAX);
                children.len()
            }
            Self::Branch(ways) => {
                let below = ways.iter().flatten().map(|below| {
                    let children = below.check(depth + 1);
                    assert!(children > 0, "an empty bucket");
                    children
                });
                let total = below.sum();
                assert!(total > GATHER_MAX, "{total} children in a branch");
                total
            }
        }
    }

    fn nodes<'b>(&'b self, nodes: &mut Vec<&'b Node<T>>) {
        match self {
            Self::Leaf(children) => nodes.extend(children.iter().map(|child| &*child.node)),
            Self::Branch(ways) => {
                for below in ways.iter().flatten() {
                    below.nodes(nodes);
                }
            }
        }
    }
}
