//! Who publishes where and who gets it, in each of the scenarios with a steady flow.

/// How publishers and subscribers are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Each publisher has a topic and a subscriber of its own.
    Pairs,
    /// All publish to one topic, to which all subscribe.
    OneToAll,
    /// Each publisher has a topic of its own; each subscriber gets an equal part of them.
    AllToFew,
    /// All publish to one topic, which the members of one group share.
    Group,
    /// Publishers go through topics in turn; each matches three filters of three clients.
    Filters {
        /// All filters; a rest beyond a multiple of three matches nothing.
        count: u32,
    },
}

/// Filters that match each topic: an exact one, one with `+`, one with `#`.
pub(crate) const FILTERS_OF_A_TOPIC: u32 = 3;

/// The parts of a run.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) shape: Shape,
    pub(crate) publishers: u32,
    pub(crate) subscribers: u32,
    /// Begins all topics of this run, so that no other run's messages are counted.
    pub(crate) prefix: String,
}

impl Plan {
    /// The topic of a publisher; a numbered one where publishers change their topic.
    pub(crate) fn topic(&self, publisher: u32) -> String {
        let prefix = &self.prefix;
        match self.shape {
            Shape::Pairs => format!("{prefix}/{publisher}"),
            Shape::OneToAll | Shape::Group => format!("{prefix}/all"),
            Shape::AllToFew => format!("{prefix}/{}/{publisher}", publisher % self.subscribers),
            Shape::Filters { .. } => crate::frame::numbered(&format!("{prefix}/leaf"), 0),
        }
    }

    /// What a subscriber subscribes to.
    pub(crate) fn filters(&self, subscriber: u32) -> Vec<String> {
        let prefix = &self.prefix;
        match self.shape {
            Shape::Pairs => vec![format!("{prefix}/{subscriber}")],
            Shape::OneToAll => vec![format!("{prefix}/all")],
            Shape::Group => vec![format!("$share/bench/{prefix}/all")],
            Shape::AllToFew => vec![format!("{prefix}/{subscriber}/#")],
            Shape::Filters { count } => (subscriber..count)
                .step_by(usize::try_from(self.subscribers).unwrap_or(usize::MAX))
                .map(|filter| self.filter(filter))
                .collect(),
        }
    }

    /// How many copies of a message there are, if no subscriber gets all of its publisher's.
    pub(crate) fn shared_copies(&self) -> Option<u32> {
        match self.shape {
            Shape::Group => Some(1),
            Shape::Filters { .. } => Some(FILTERS_OF_A_TOPIC),
            Shape::Pairs | Shape::OneToAll | Shape::AllToFew => None,
        }
    }

    /// Whether a subscriber gets all messages of a publisher.
    pub(crate) fn follows(&self, subscriber: u32, publisher: u32) -> bool {
        match self.shape {
            Shape::Pairs => subscriber == publisher,
            Shape::OneToAll => publisher < self.publishers,
            Shape::AllToFew => {
                publisher < self.publishers && publisher % self.subscribers == subscriber
            }
            Shape::Group | Shape::Filters { .. } => false,
        }
    }

    /// The number of the topic that a publisher's message goes to, where topics are numbered.
    pub(crate) fn topic_number(&self, publisher: u32, sequence: u32) -> Option<u32> {
        let Shape::Filters { count } = self.shape else {
            return None;
        };
        let topics = u64::from(count / FILTERS_OF_A_TOPIC).max(1);
        let turn = u64::from(sequence) * u64::from(self.publishers) + u64::from(publisher);
        u32::try_from(turn % topics).ok()
    }

    /// Which copy of a message a subscriber has got; `None` if it should have none.
    pub(crate) fn copy(&self, subscriber: u32, publisher: u32, sequence: u32) -> Option<u32> {
        let Some(topic) = self.topic_number(publisher, sequence) else {
            return Some(0);
        };
        let clients = u64::from(self.subscribers);
        let first = u64::from(topic) * u64::from(FILTERS_OF_A_TOPIC) % clients;
        let copy = (u64::from(subscriber) + clients - first) % clients;
        u32::try_from(copy)
            .ok()
            .filter(|copy| *copy < FILTERS_OF_A_TOPIC)
    }

    fn filter(&self, number: u32) -> String {
        let prefix = &self.prefix;
        let topic = number / FILTERS_OF_A_TOPIC;
        match number % FILTERS_OF_A_TOPIC {
            0 => format!("{prefix}/leaf/{topic:08}"),
            1 => format!("{prefix}/+/{topic:08}"),
            _ => format!("{prefix}/leaf/{topic:08}/#"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(shape: Shape, publishers: u32, subscribers: u32) -> Plan {
        Plan {
            shape,
            publishers,
            subscribers,
            prefix: "p".to_owned(),
        }
    }

    #[test]
    fn publishers_are_split_evenly_among_few_subscribers() {
        let plan = plan(Shape::AllToFew, 5, 2);
        assert_eq!(plan.topic(3), "p/1/3");
        assert_eq!(plan.filters(1), ["p/1/#"]);
        let followed: Vec<_> = (0..6)
            .filter(|publisher| plan.follows(1, *publisher))
            .collect();
        assert_eq!(followed, [1, 3]);
    }

    #[test]
    fn filters_are_dealt_to_clients_in_turn() {
        let plan = plan(Shape::Filters { count: 7 }, 1, 4);
        assert_eq!(plan.filters(0), ["p/leaf/00000000", "p/+/00000001"]);
        assert_eq!(plan.filters(2), ["p/leaf/00000000/#", "p/leaf/00000002"]);
    }

    #[test]
    fn each_topic_matches_filters_of_three_clients() {
        let plan = plan(Shape::Filters { count: 6 }, 1, 4);
        let copies = |sequence| -> Vec<_> {
            (0..4)
                .map(|client| plan.copy(client, 0, sequence))
                .collect()
        };
        assert_eq!(copies(0), [Some(0), Some(1), Some(2), None]);
        assert_eq!(copies(1), [Some(1), Some(2), None, Some(0)]);
        assert_eq!(copies(2), copies(0));
    }

    #[test]
    fn a_publisher_without_numbered_topics_keeps_its_topic() {
        let plan = plan(Shape::Group, 2, 2);
        assert_eq!(plan.topic_number(1, 5), None);
        assert_eq!(plan.copy(1, 1, 5), Some(0));
    }
}
