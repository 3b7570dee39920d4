//! Faults of a session, as they show in what it asks for: each is found, by the name of the rule.

use castmq_mqtt::{QoS, ReasonCode};

use super::rig::{Fault, Rig, found, settings};
use crate::session::script::NORMAL;
use crate::session::{
    Action, DownReason, DropReason, FullPolicy, Input, Outgoing, QueueSettings, SessionSettings,
};

/// A client that is sent messages, loses its connection, comes back, and leaves in order.
fn story(fault: Fault) -> Vec<String> {
    let mut rig = Rig::new(settings(), fault);
    rig.connect(10);
    for qos in [
        QoS::AtLeastOnce,
        QoS::ExactlyOnce,
        QoS::AtLeastOnce,
        QoS::ExactlyOnce,
    ] {
        rig.deliver(qos);
    }
    rig.answer();
    rig.answer();
    rig.disconnect(DownReason::Closed);
    rig.deliver(QoS::AtMostOnce);
    rig.connect(10);
    (0..12).for_each(|_| rig.answer());
    rig.disconnect(NORMAL);
    rig.wait(200);
    found(&rig.text())
}

#[track_caller]
fn breaks(fault: Fault, rule: &str) {
    let found = story(fault);
    let violated = format!("Violated(Violation {{ rule: {rule},");
    let first = found.iter().find(|one| one.starts_with("Violated"));
    assert!(
        first.is_some_and(|one| one.starts_with(&violated)),
        "{found:#?}"
    );
    assert!(
        found.iter().any(|one| one.starts_with("Differs")),
        "{found:#?}"
    );
}

fn each(actions: Vec<Action>, change: impl Fn(&mut Outgoing)) -> Vec<Action> {
    let change = |mut action| {
        if let Action::Publish(outgoing) = &mut action {
            change(outgoing);
        }
        action
    };
    actions.into_iter().map(change).collect()
}

#[test]
fn a_session_without_a_fault_breaks_nothing() {
    assert_eq!(story(super::rig::honest), Vec::<String>::new());
}

#[test]
fn a_repetition_without_dup_is_found() {
    breaks(
        |_, actions| each(actions, |outgoing| outgoing.dup = false),
        "Dup",
    );
}

#[test]
fn a_first_sending_with_dup_is_found() {
    breaks(
        |_, actions| each(actions, |outgoing| outgoing.dup = true),
        "Dup",
    );
}

#[test]
fn a_packet_id_for_two_messages_is_found() {
    let fault: Fault = |_, actions| {
        each(actions, |outgoing| {
            outgoing.packet_id = outgoing.packet_id.map(|_| crate::session::script::id(1));
        })
    };
    breaks(fault, "PacketId");
}

#[test]
fn a_pubrel_that_is_not_sent_again_is_found() {
    let fault: Fault = |input, mut actions| {
        if matches!(input, Input::Connected(_)) {
            actions.retain(|action| !matches!(action, Action::Release { .. }));
        }
        actions
    };
    breaks(fault, "Pubrel");
}

#[test]
fn a_pubrec_without_answer_is_found() {
    let fault: Fault = |_, mut actions| {
        actions.retain(|action| !matches!(action, Action::Release { .. }));
        actions
    };
    breaks(fault, "Pubrel");
}

#[test]
fn messages_in_another_order_are_found() {
    let fault: Fault = |input, mut actions| {
        if matches!(input, Input::Connected(_)) {
            actions.reverse();
        }
        actions
    };
    breaks(fault, "Order");
}

#[test]
fn a_message_that_waits_for_nothing_is_found() {
    let fault: Fault = |input, mut actions| {
        if matches!(input, Input::Puback(_)) {
            actions.retain(|action| !matches!(action, Action::Publish(_)));
        }
        actions
    };
    breaks(fault, "Progress");
}

#[test]
fn a_message_that_is_sent_twice_is_found() {
    let fault: Fault = |input, mut actions| {
        if matches!(input, Input::Delivery(_)) {
            actions.extend(actions.clone());
        }
        actions
    };
    let found = story(fault);
    assert!(
        found[0].starts_with("Violated(Violation { rule: Dup"),
        "{found:#?}"
    );
}

#[test]
fn a_qos_that_is_raised_is_found() {
    let fault: Fault = |_, actions| {
        each(actions, |outgoing| {
            if outgoing.delivery.qos == QoS::AtLeastOnce {
                outgoing.delivery.qos = QoS::ExactlyOnce;
            }
        })
    };
    breaks(fault, "Qos");
}

#[test]
fn a_message_that_is_dropped_without_reason_is_found() {
    let fault: Fault = |input, mut actions| {
        if let Input::Delivery(delivery) = input
            && actions.is_empty()
        {
            let (reason, delivery) = (DropReason::QueueFull, delivery.clone());
            actions.push(Action::Dropped { reason, delivery });
        }
        actions
    };
    breaks(fault, "Drop");
}

#[test]
fn a_will_after_a_clean_disconnect_is_found() {
    let fault: Fault = |input, mut actions| {
        if let Input::Disconnected(DownReason::Disconnect {
            reason: ReasonCode::Success,
            ..
        }) = input
        {
            let will = crate::session::script::will("gone", 0);
            actions.push(Action::PublishWill { will, after: None });
        }
        actions
    };
    breaks(fault, "Will");
}

#[test]
fn a_will_that_is_not_published_is_found() {
    let fault: Fault = |_, mut actions| {
        actions.retain(|action| !matches!(action, Action::PublishWill { .. }));
        actions
    };
    breaks(fault, "Will");
}

#[test]
fn a_session_that_outlives_its_time_is_found() {
    let fault: Fault = |_, mut actions| {
        actions.retain(|action| !matches!(action, Action::End(_)));
        actions
    };
    breaks(fault, "Lifetime");
}

/// A full queue gives up the wrong end.
#[test]
fn a_victim_against_the_policy_is_found() {
    for when_full in [FullPolicy::DropOldest, FullPolicy::DropNewest] {
        let settings = SessionSettings {
            queue: QueueSettings {
                len_max: 2,
                when_full,
                ..QueueSettings::default()
            },
            ..settings()
        };
        let fault: Fault = |input, mut actions| {
            let Input::Delivery(incoming) = input else {
                return actions;
            };
            for action in &mut actions {
                if let Action::Dropped { delivery, .. } = action {
                    // Another one of those that wait: the first, or the last.
                    let id = crate::MessageId(if delivery == incoming {
                        1
                    } else {
                        incoming.message.id.0
                    });
                    *delivery = crate::session::script::with(delivery.clone(), |message| {
                        message.id = id;
                        message.payload = format!("message {}", id.0).into();
                    });
                }
            }
            actions
        };
        let mut rig = Rig::new(settings, fault);
        (0..3).for_each(|_| rig.deliver(QoS::AtLeastOnce));
        let found = found(&rig.text());
        assert!(
            found[0].starts_with("Violated(Violation { rule: Drop"),
            "{found:#?}"
        );
    }
}
