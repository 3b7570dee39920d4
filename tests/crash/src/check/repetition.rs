//! How often and in which order messages arrive.

use std::collections::{HashMap, HashSet};

use super::{Book, Overlap, View};
use crate::finding::{Finding, Kind};
use crate::history::{Delivery, Sent};

/// Messages that came again although QoS 2 was promised.
pub(super) fn doubled(book: &Book<'_>, view: &View<'_>, overlap: Overlap) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen = HashMap::<_, usize>::new();
    for delivery in &view.receiver.deliveries {
        let times = seen.entry((delivery.incarnation, delivery.id)).or_default();
        *times += 1;
        let Some(message) = book.sent.get(&delivery.id) else {
            continue;
        };
        if *times > allowed(view, delivery, message, overlap) {
            findings.push(Finding {
                kind: Kind::Doubled,
                client: view.receiver.client.clone(),
                topic: delivery.topic.clone(),
                message: Some(delivery.id),
                detail: format!("came {times} times, now with QoS {}", delivery.qos),
            });
        }
    }
    findings
}

/// How often the message may come to that session.
fn allowed(view: &View<'_>, delivery: &Delivery, message: &Sent, overlap: Overlap) -> usize {
    let matching = view.matching(&message.topic);
    let candidates: Vec<_> = matching
        .iter()
        .filter(|own| own.incarnation == delivery.incarnation && own.may_get(message))
        .collect();
    // With both subscriptions certain the higher one holds, whatever was written on the message.
    let certain = candidates.iter().filter(|own| own.must_get(message));
    let promised = certain.map(|own| own.qos.min(message.qos)).max();
    if promised.unwrap_or(0).max(delivery.qos) < 2 {
        return usize::MAX;
    }
    match overlap {
        Overlap::Merged => 1,
        Overlap::Each => candidates.len().max(1),
    }
}

/// Messages whose first arrival is behind that of a later one.
pub(super) fn out_of_order(view: &View<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen = HashSet::new();
    let mut latest = HashMap::new();
    for delivery in &view.receiver.deliveries {
        if !seen.insert((delivery.incarnation, delivery.id)) {
            continue;
        }
        let sequence = delivery.id.sequence;
        let stream = (
            delivery.incarnation,
            delivery.id.publisher,
            delivery.topic.as_str(),
        );
        let latest = latest.entry(stream).or_insert(sequence);
        if sequence < *latest {
            findings.push(Finding {
                kind: Kind::Reordered,
                client: view.receiver.client.clone(),
                topic: delivery.topic.clone(),
                message: Some(delivery.id),
                detail: format!("came behind {latest}"),
            });
        }
        *latest = sequence.max(*latest);
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::Overlap;
    use super::super::script::Script;

    #[test]
    fn qos_2_that_comes_twice_is_doubled() {
        let mut script = Script::default();
        script.subscribe("load/#", 2);
        script.publish(1, "load/a");
        script.receive(1, "load/a", 2);
        script.kill();
        script.receive(1, "load/a", 2);
        assert_eq!(
            script.found(),
            ["doubled: client c, topic load/a, publisher 1, sequence 1: \
              came 2 times, now with QoS 2"]
        );
    }

    #[test]
    fn qos_1_may_come_twice() {
        let mut script = Script::default();
        script.subscribe("load/#", 1);
        script.publish(1, "load/a");
        script.receive(1, "load/a", 1);
        script.kill();
        script.receive(1, "load/a", 1);
        assert_eq!(script.found(), [""; 0]);
    }

    #[test]
    fn a_promise_of_qos_2_is_not_kept_by_two_copies_with_qos_1() {
        let mut script = Script::default();
        script.subscribe("load/#", 2);
        script.publish(1, "load/a");
        script.receive(1, "load/a", 1);
        script.receive(1, "load/a", 1);
        assert_eq!(script.kinds(), ["doubled"]);
    }

    #[test]
    fn overlapping_subscriptions_bring_one_copy_from_us_and_one_each_from_others() {
        let mut script = Script::default();
        script.subscribe("load/#", 2);
        script.subscribe("load/+", 2);
        script.publish(1, "load/a");
        script.receive(1, "load/a", 2);
        script.receive(1, "load/a", 2);
        assert_eq!(script.kinds(), ["doubled"]);
        assert_eq!(script.found_with(Overlap::Each), [""; 0]);
    }

    #[test]
    fn a_later_message_that_comes_first_is_out_of_order() {
        let mut script = Script::default();
        script.subscribe("load/#", 1);
        script.publish(1, "load/a");
        script.publish(2, "load/a");
        script.receive(2, "load/a", 1);
        script.receive(1, "load/a", 1);
        assert_eq!(
            script.found(),
            ["out of order: client c, topic load/a, publisher 1, sequence 1: came behind 2"]
        );
    }

    #[test]
    fn a_repetition_of_an_earlier_message_is_not_out_of_order() {
        let mut script = Script::default();
        script.subscribe("load/#", 1);
        script.publish(1, "load/a");
        script.publish(2, "load/a");
        script.receive(1, "load/a", 1);
        script.receive(2, "load/a", 1);
        script.kill();
        script.receive(1, "load/a", 1);
        assert_eq!(script.found(), [""; 0]);
    }

    #[test]
    fn topics_have_no_order_among_each_other() {
        let mut script = Script::default();
        script.subscribe("load/#", 1);
        script.publish(1, "load/a");
        script.publish(2, "load/b");
        script.receive(2, "load/b", 1);
        script.receive(1, "load/a", 1);
        assert_eq!(script.found(), [""; 0]);
    }
}
