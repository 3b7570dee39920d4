//! The judgement: what a history shows that must not be.
//!
//! Nothing here talks to a broker; the same rules judge histories that tests make up.

mod arrival;
mod repetition;
mod retained;
mod session;

#[cfg(test)]
mod script;

use std::collections::{BTreeMap, HashMap};

use castmq_mqtt::{Text, TopicFilter, TopicName};

use crate::finding::Finding;
use crate::history::{Delivery, History, MessageId, Moment, Receiver, Sent, Subscription};

/// How many copies a message may come in when several subscriptions of a session match it. The
/// specification allows both. \[MQTT3-3.3.5-1\]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlap {
    /// One, as CastMQ has it.
    Merged,
    /// One for each.
    Each,
}

/// All that is wrong with a history.
#[must_use]
pub fn check(history: &History, overlap: Overlap) -> Vec<Finding> {
    let book = Book::new(history);
    let mut findings = session::check(&history.greetings);
    findings.extend(retained::check(&history.retained));
    for receiver in &history.receivers {
        let view = View::new(receiver);
        findings.extend(arrival::missing(&book, &view));
        findings.extend(arrival::unexplained(&book, &view));
        findings.extend(repetition::doubled(&book, &view, overlap));
        findings.extend(repetition::out_of_order(&view));
    }
    findings
}

/// All messages that were sent.
struct Book<'a> {
    restart: Moment,
    sent: BTreeMap<MessageId, &'a Sent>,
}

impl<'a> Book<'a> {
    fn new(history: &'a History) -> Self {
        let sent = history.sent.iter().map(|sent| (sent.id, sent)).collect();
        Self {
            restart: history.restart,
            sent,
        }
    }
}

/// One receiver, with what is looked up often.
struct View<'a> {
    receiver: &'a Receiver,
    deliveries: HashMap<MessageId, Vec<&'a Delivery>>,
    filters: Vec<Option<TopicFilter>>,
}

impl<'a> View<'a> {
    fn new(receiver: &'a Receiver) -> Self {
        let mut deliveries = HashMap::<_, Vec<_>>::new();
        for delivery in &receiver.deliveries {
            deliveries.entry(delivery.id).or_default().push(delivery);
        }
        let filters = receiver.subscriptions.iter();
        Self {
            receiver,
            deliveries,
            filters: filters.map(|own| filter(&own.filter)).collect(),
        }
    }

    /// The subscriptions that match a topic.
    fn matching(&self, topic: &str) -> Vec<&'a Subscription> {
        let Some(topic) = topic_name(topic) else {
            return Vec::new();
        };
        let subscriptions = self.receiver.subscriptions.iter().zip(&self.filters);
        subscriptions
            .filter(|(_, filter)| filter.as_ref().is_some_and(|filter| filter.matches(&topic)))
            .map(|(subscription, _)| subscription)
            .collect()
    }
}

/// Whether a filter matches a topic; what is not well formed matches nothing.
#[must_use]
pub fn matches(filter_text: &str, topic_text: &str) -> bool {
    let pair = filter(filter_text).zip(topic_name(topic_text));
    pair.is_some_and(|(filter, topic)| filter.matches(&topic))
}

fn filter(text: &str) -> Option<TopicFilter> {
    TopicFilter::new(Text::try_from(text).ok()?).ok()
}

fn topic_name(text: &str) -> Option<TopicName> {
    TopicName::new(Text::try_from(text).ok()?).ok()
}
