//! Filters that nearly match a topic, and what they lack.

use castmq_mqtt::{Subscription, TopicName};

/// Filters that are named.
const NEAREST_MAX: usize = 3;

/// A filter that nearly matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Near {
    /// As it was subscribed.
    pub filter: String,
    /// What it lacks.
    pub why: String,
}

/// Looks for the filters that come nearest to a topic.
#[derive(Clone, Debug)]
pub struct Nearest {
    topic: TopicName,
    /// The nearest first.
    found: Vec<(usize, Near)>,
}

impl Nearest {
    /// Nothing looked at yet.
    #[must_use]
    pub fn to(topic: &TopicName) -> Self {
        Self {
            topic: topic.clone(),
            found: Vec::new(),
        }
    }

    /// Looks at one more that does not match.
    pub fn look(&mut self, subscription: &Subscription) {
        let filter = subscription.filter().as_str();
        let nearness = nearness(filter, self.topic.as_str());
        let at = self.found.partition_point(|(other, _)| *other >= nearness);
        if at >= NEAREST_MAX {
            return;
        }
        let near = Near {
            filter: subscription.to_string(),
            why: lacks(filter, self.topic.as_str()),
        };
        self.found.insert(at, (nearness, near));
        self.found.truncate(NEAREST_MAX);
    }

    /// The nearest first.
    #[must_use]
    pub fn found(self) -> Vec<Near> {
        self.found.into_iter().map(|(_, near)| near).collect()
    }
}

/// How many levels match from the left; more than all of them where only case or a `/` is wrong.
fn nearness(filter: &str, topic: &str) -> usize {
    if is_other_case(filter, topic) || is_other_slash(filter, topic) {
        return usize::MAX;
    }
    let pairs = filter.split('/').zip(topic.split('/'));
    pairs
        .take_while(|(wanted, level)| *wanted == "+" || wanted == level)
        .count()
}

fn is_other_case(filter: &str, topic: &str) -> bool {
    filter != topic && filter.to_lowercase() == topic.to_lowercase()
}

fn is_other_slash(filter: &str, topic: &str) -> bool {
    filter != topic && filter.trim_matches('/') == topic.trim_matches('/')
}

fn lacks(filter: &str, topic: &str) -> String {
    if is_other_case(filter, topic) {
        return "it differs in upper and lower case only".to_owned();
    }
    if is_other_slash(filter, topic) {
        return "it differs by a '/' at its beginning or end only".to_owned();
    }
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return "a wildcard at the beginning does not match topics that begin with '$'".to_owned();
    }
    let levels = filter.split('/').count();
    let of_topic = topic.split('/').count();
    let pairs = filter.split('/').zip(topic.split('/')).enumerate();
    let mut others = pairs.filter(|(_, (wanted, level))| *wanted != "+" && wanted != level);
    match others.next() {
        Some((place, (wanted, level))) => {
            format!("its level {} is '{wanted}', not '{level}'", place + 1)
        }
        None if levels > of_topic => {
            format!("it has {levels} levels, the topic {of_topic}")
        }
        None => format!(
            "it has {levels} levels, the topic {of_topic}; '#' at its end would take in all below"
        ),
    }
}

#[cfg(test)]
mod tests {
    use castmq_mqtt::Text;

    use super::*;
    use crate::testing::topic;

    fn nearest(name: &str, filters: &[&str]) -> Vec<(String, String)> {
        let mut nearest = Nearest::to(&topic(name));
        for filter in filters {
            let text = Text::try_from(*filter).unwrap();
            nearest.look(&Subscription::parse(text).unwrap());
        }
        let found = nearest.found().into_iter();
        found.map(|near| (near.filter, near.why)).collect()
    }

    fn why(name: &str, filter: &str) -> String {
        nearest(name, &[filter]).remove(0).1
    }

    #[test]
    fn the_filter_that_agrees_with_most_levels_comes_first() {
        let found = nearest("a/b/c", &["x", "a/x/c", "a/b/d", "a/+/e", "y"]);
        let filters: Vec<_> = found.iter().map(|(filter, _)| filter.as_str()).collect();
        assert_eq!(filters, ["a/b/d", "a/+/e", "a/x/c"]);
    }

    #[test]
    fn what_a_filter_lacks_is_said() {
        assert!(why("a/b", "A/b").contains("upper and lower case"));
        assert!(why("a/b", "/a/b").contains("'/' at its beginning or end"));
        assert!(why("a/b/", "a/b").contains("'/' at its beginning or end"));
        assert!(why("$SYS/x", "#").contains("begin with '$'"));
        assert_eq!(why("a/b/c", "a/x/c"), "its level 2 is 'x', not 'b'");
        assert!(why("a/b/c", "a/+").contains("'#' at its end"));
        assert_eq!(why("a", "a/b"), "it has 2 levels, the topic 1");
    }

    #[test]
    fn the_group_of_a_shared_subscription_is_no_part_of_its_filter() {
        let found = nearest("a/b", &["$share/g/a/c"]);
        assert_eq!(found[0].0, "$share/g/a/c");
        assert_eq!(found[0].1, "its level 2 is 'c', not 'b'");
    }
}
