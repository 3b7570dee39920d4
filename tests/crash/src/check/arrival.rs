//! What must arrive, and what must not.

use super::{Book, View};
use crate::finding::{Finding, Kind};
use crate::history::{Delivery, Role, Sent};

/// Messages that met a subscription and never came.
pub(super) fn missing(book: &Book<'_>, view: &View<'_>) -> Vec<Finding> {
    let receiver = view.receiver;
    let mut findings = Vec::new();
    for (id, message) in &book.sent {
        // What the broker never took on it need not deliver.
        let Some(accepted) = message.accepted else {
            continue;
        };
        if view.deliveries.contains_key(id) {
            continue;
        }
        let matching = view.matching(&message.topic);
        let mut wanting = matching
            .iter()
            .filter(|own| own.incarnation == receiver.incarnation && own.must_get(message));
        let Some(wanting) = wanting.next() else {
            continue;
        };
        findings.push(Finding {
            kind: match message.role {
                Role::Load if accepted < book.restart => Kind::Lost,
                Role::Load => Kind::Missed,
                Role::Probe => Kind::SubscriptionLost,
                Role::Will => Kind::WillLost,
            },
            client: receiver.client.clone(),
            topic: message.topic.clone(),
            message: Some(*id),
            detail: format!("QoS {}, subscription {}", message.qos, wanting.filter),
        });
    }
    findings
}

/// What came although it was never sent, or although nothing can have wanted it.
pub(super) fn unexplained(book: &Book<'_>, view: &View<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for delivery in &view.receiver.deliveries {
        let (kind, detail) = match book.sent.get(&delivery.id) {
            Some(message) if message.topic == delivery.topic => {
                match explain(view, delivery, message) {
                    Some(why) => (Kind::Unwanted, why),
                    None => continue,
                }
            }
            Some(message) => (Kind::NeverSent, format!("sent to {}", message.topic)),
            None => (Kind::NeverSent, String::new()),
        };
        findings.push(Finding {
            kind,
            client: view.receiver.client.clone(),
            topic: delivery.topic.clone(),
            message: Some(delivery.id),
            detail,
        });
    }
    findings
}

/// Why nothing can have wanted the message; `None` when something can.
fn explain(view: &View<'_>, delivery: &Delivery, message: &Sent) -> Option<String> {
    let matching = view.matching(&delivery.topic);
    let is_wanted = matching
        .iter()
        .any(|own| own.incarnation == delivery.incarnation && own.may_get(message));
    if is_wanted {
        return None;
    }
    let why = match matching.last() {
        None => "no subscription ever matched".to_owned(),
        Some(last) if last.incarnation != delivery.incarnation => {
            format!("{} was of a session discarded since", last.filter)
        }
        Some(last) => format!("{} was not subscribed to at that time", last.filter),
    };
    Some(why)
}

#[cfg(test)]
mod tests {
    use super::super::script::Script;

    #[test]
    fn what_was_acknowledged_and_comes_is_fine() {
        let mut script = Script::default();
        script.subscribe("load/#", 1);
        script.publish(1, "load/a");
        script.kill();
        script.receive(1, "load/a", 1);
        assert_eq!(script.found(), [""; 0]);
    }

    #[test]
    fn what_was_acknowledged_before_the_kill_and_never_comes_is_lost() {
        let mut script = Script::default();
        script.subscribe("load/#", 1);
        script.publish(1, "load/a");
        script.kill();
        assert_eq!(
            script.found(),
            [
                "acknowledged and lost: client c, topic load/a, publisher 1, sequence 1: \
              QoS 2, subscription load/#"
            ]
        );
    }

    #[test]
    fn what_the_broker_never_acknowledged_may_be_lost() {
        let mut script = Script::default();
        script.subscribe("load/#", 1);
        script.publish_unanswered(1, "load/a");
        script.kill();
        assert_eq!(script.found(), [""; 0]);
    }

    #[test]
    fn what_was_sent_before_suback_may_be_lost() {
        let mut script = Script::default();
        script.request("load/#");
        script.publish(1, "load/a");
        script.grant();
        script.kill();
        assert_eq!(script.found(), [""; 0]);
    }

    #[test]
    fn what_is_published_after_the_restart_must_come_too() {
        let mut script = Script::default();
        script.subscribe("load/#", 1);
        script.kill();
        script.publish(1, "load/a");
        assert_eq!(script.kinds(), ["published after the restart and lost"]);
    }

    #[test]
    fn a_probe_that_does_not_come_shows_that_a_subscription_is_lost() {
        let mut script = Script::default();
        script.subscribe("probe/a", 1);
        script.kill();
        script.probe(1, "probe/a");
        assert_eq!(script.kinds(), ["subscription lost"]);
    }

    #[test]
    fn a_will_that_does_not_come_is_lost() {
        let mut script = Script::default();
        script.subscribe("will/#", 1);
        script.will(1, "will/a");
        script.kill();
        assert_eq!(script.kinds(), ["will lost"]);
    }

    #[test]
    fn what_was_unsubscribed_and_acknowledged_must_not_come() {
        let mut script = Script::default();
        script.subscribe("probe/a", 1);
        script.unsubscribe("probe/a");
        script.kill();
        script.probe(1, "probe/a");
        script.receive(1, "probe/a", 1);
        assert_eq!(script.kinds(), ["not subscribed to"]);
    }

    #[test]
    fn an_unsubscribe_without_an_answer_leaves_both_open() {
        let mut script = Script::default();
        script.subscribe("probe/a", 1);
        script.unsubscribe_unanswered("probe/a");
        script.kill();
        script.probe(1, "probe/a");
        assert_eq!(script.found(), [""; 0]);
        script.receive(1, "probe/a", 1);
        assert_eq!(script.found(), [""; 0]);
    }

    #[test]
    fn what_was_queued_for_a_discarded_session_must_not_come_in_the_next() {
        let mut script = Script::default();
        script.subscribe("load/#", 1);
        script.publish(1, "load/a");
        script.clean_start();
        script.kill();
        script.receive(1, "load/a", 1);
        assert_eq!(
            script.found(),
            [
                "not subscribed to: client c, topic load/a, publisher 1, sequence 1: \
              load/# was of a session discarded since"
            ]
        );
    }

    #[test]
    fn what_nobody_sent_is_found() {
        let mut script = Script::default();
        script.subscribe("load/#", 1);
        script.receive(9, "load/a", 1);
        assert_eq!(script.kinds(), ["never sent"]);
    }

    #[test]
    fn a_message_under_another_topic_is_found() {
        let mut script = Script::default();
        script.subscribe("load/#", 1);
        script.publish(1, "load/a");
        script.receive(1, "load/b", 1);
        assert_eq!(script.kinds(), ["never sent"]);
    }
}
