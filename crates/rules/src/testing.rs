//! What the tests of this crate share: short words for topics, and strategies that make them
//! collide often.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hasher};

use castmq_mqtt::{Subscription, Text, TopicFilter, TopicName};
use proptest::prelude::*;

/// A hasher that gives the same numbers in each run.
pub(crate) type Fixed = BuildHasherDefault<DefaultHasher>;

/// A hasher with four different results, so that nearly everything collides.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clashing;

#[derive(Debug)]
pub(crate) struct ClashingHasher(DefaultHasher);

impl BuildHasher for Clashing {
    type Hasher = ClashingHasher;

    fn build_hasher(&self) -> ClashingHasher {
        ClashingHasher(DefaultHasher::new())
    }
}

impl Hasher for ClashingHasher {
    fn finish(&self) -> u64 {
        self.0.finish() & 3
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }
}

pub(crate) fn text(text: &str) -> Text {
    Text::try_from(text).unwrap()
}

pub(crate) fn topic(name: &str) -> TopicName {
    TopicName::new(text(name)).unwrap()
}

pub(crate) fn filter(filter: &str) -> TopicFilter {
    TopicFilter::new(text(filter)).unwrap()
}

pub(crate) fn subscription(filter: &str) -> Subscription {
    Subscription::parse(text(filter)).unwrap()
}

/// Topics of up to four levels from very few words; empty levels and `$` among them.
pub(crate) fn any_topic() -> impl Strategy<Value = TopicName> {
    "(\\$|\\$a|a|b|c|a\u{1}|)(/(\\$|a|b|ab|a\u{1}|)){0,3}"
        .prop_filter_map("not empty", |name| TopicName::new(text(&name)).ok())
}

/// Filters over the words of [`any_topic`].
pub(crate) fn any_filter() -> impl Strategy<Value = TopicFilter> {
    "(\\$|\\$a|a|b|c|a\u{1}||\\+)(/(\\$|a|b|ab|a\u{1}||\\+)){0,3}(/#)?|#"
        .prop_filter_map("not empty", |name| TopicFilter::new(text(&name)).ok())
}
