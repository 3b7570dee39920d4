//! Who publishes where and who gets it, in each of the scenarios with a steady flow.

use crate::frame::numbered;

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
    /// Each message goes to a topic of its own, where the broker keeps it; nobody gets it yet.
    Stored,
    /// Messages go to the topics of so many sessions in turn, which are away.
    Queued {
        /// All sessions; each belongs to one publisher.
        sessions: u32,
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
            Shape::Filters { .. } => numbered(&format!("{prefix}/leaf"), 0),
            Shape::Stored | Shape::Queued { .. } => numbered(prefix, 0),
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
            Shape::Stored => vec![format!("{prefix}/#")],
            Shape::Queued { .. } => vec![numbered(prefix, subscriber)],
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
            Shape::Pairs
            | Shape::OneToAll
            | Shape::AllToFew
            | Shape::Stored
            | Shape::Queued { .. } => None,
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
            Shape::Group | Shape::Filters { .. } | Shape::Stored | Shape::Queued { .. } => false,
        }
    }

    /// The number of the topic that a publisher's message goes to, where topics are numbered.
    pub(crate) fn topic_number(&self, publisher: u32, sequence: u32) -> Option<u32> {
        let turn = u64::from(sequence) * u64::from(self.publishers) + u64::from(publisher);
        let topic = match self.shape {
            Shape::Filters { count } => turn % u64::from(count / FILTERS_OF_A_TOPIC).max(1),
            Shape::Stored => turn,
            Shape::Queued { .. } => return Some(self.label(publisher, sequence).0),
            Shape::Pairs | Shape::OneToAll | Shape::AllToFew | Shape::Group => return None,
        };
        u32::try_from(topic).ok()
    }

    /// What a message is known by to those who get it: a source, and its number there.
    pub(crate) fn label(&self, publisher: u32, sequence: u32) -> (u32, u32) {
        let Shape::Queued { sessions } = self.shape else {
            return (publisher, sequence);
        };
        let own = self.own_part(publisher, sessions).max(1);
        let session = publisher + self.publishers * (sequence % own);
        (session, sequence / own)
    }

    /// How many messages a publisher sends, of so many in all, or for each session.
    pub(crate) fn quota(&self, publisher: u32, messages: u32) -> u32 {
        if let Shape::Queued { sessions } = self.shape {
            self.own_part(publisher, sessions) * messages
        } else {
            self.own_part(publisher, messages)
        }
    }

    /// Whether messages wait in the broker until somebody fetches them.
    pub(crate) fn is_for_later(&self) -> bool {
        matches!(self.shape, Shape::Stored | Shape::Queued { .. })
    }

    /// How many of so many things are a publisher's, if they are dealt out in turn.
    fn own_part(&self, publisher: u32, count: u32) -> u32 {
        count / self.publishers + u32::from(publisher < count % self.publishers)
    }

    /// Which copy of a message a subscriber has got; `None` if it should have none.
    pub(crate) fn copy(&self, subscriber: u32, publisher: u32, sequence: u32) -> Option<u32> {
        let Some(topic) = self.topic_number(publisher, sequence) else {
            return (publisher < self.publishers).then_some(0);
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
    fn stored_messages_have_topics_of_their_own() {
        let plan = plan(Shape::Stored, 2, 1);
        assert_eq!(plan.topic(1), "p/00000000");
        assert_eq!(plan.topic_number(0, 3), Some(6));
        assert_eq!(plan.topic_number(1, 3), Some(7));
        assert_eq!((plan.quota(0, 5), plan.quota(1, 5)), (3, 2));
    }

    #[test]
    fn each_session_s_queue_is_filled_by_one_publisher_in_order() {
        let plan = plan(Shape::Queued { sessions: 3 }, 2, 0);
        let labels = |publisher| -> Vec<_> {
            (0..4)
                .map(|sequence| plan.label(publisher, sequence))
                .collect()
        };
        assert_eq!(labels(0), [(0, 0), (2, 0), (0, 1), (2, 1)]);
        assert_eq!(labels(1), [(1, 0), (1, 1), (1, 2), (1, 3)]);
        assert_eq!((plan.quota(0, 10), plan.quota(1, 10)), (20, 10));
        assert_eq!(plan.topic_number(0, 3), Some(2));
    }

    #[test]
    fn a_publisher_without_numbered_topics_keeps_its_topic() {
        let plan = plan(Shape::Group, 2, 2);
        assert_eq!(plan.topic_number(1, 5), None);
        assert_eq!(plan.copy(1, 1, 5), Some(0));
    }
}
