//! What the order of acknowledgements promises, by example.

use castmq_mqtt::{PacketId, ReasonCode};

use crate::ack_order::{AckOrder, Answer, Outcome, Ready, ReceiveMaximumExceeded};

fn id(id: u16) -> PacketId {
    PacketId::new(id).unwrap()
}

fn puback(number: u16) -> Answer {
    Answer::PubAck(id(number))
}

fn ready(answer: Answer, reason: ReasonCode) -> Ready {
    Ready { answer, reason }
}

/// \[MQTT3-4.6.0-2\]
#[test]
fn acknowledgements_leave_in_the_order_of_the_messages() {
    let mut order = AckOrder::new(None);
    let first = order.register(puback(1), 10).unwrap();
    let second = order.register(puback(2), 10).unwrap();
    order.answer(second, Outcome::Accepted);
    assert_eq!(order.poll_ready(), None);

    order.answer(first, Outcome::Accepted);
    assert_eq!(
        order.poll_ready(),
        Some(ready(puback(1), ReasonCode::Success))
    );
    assert_eq!(
        order.poll_ready(),
        Some(ready(puback(2), ReasonCode::Success))
    );
    assert_eq!(order.poll_ready(), None);
}

/// \[MQTT3-4.6.0-3\]
#[test]
fn pubacks_and_pubrecs_share_one_order() {
    let mut order = AckOrder::new(None);
    let first = order.register(Answer::PubRec(id(1)), 0).unwrap();
    let second = order.register(puback(2), 0).unwrap();
    order.answer(second, Outcome::Accepted);
    assert_eq!(order.poll_ready(), None);

    order.answer(first, Outcome::Accepted);
    assert_eq!(order.poll_ready().unwrap().answer, Answer::PubRec(id(1)));
}

#[test]
fn a_message_is_accepted_when_all_arbiters_have_answered() {
    let mut order = AckOrder::new(None);
    let sequence = order.register(puback(1), 0).unwrap();
    order.expect(sequence, 2);
    order.answer(sequence, Outcome::Accepted);
    assert_eq!(order.poll_ready(), None);

    order.answer(sequence, Outcome::NoSubscribers);
    assert_eq!(order.poll_ready().unwrap().reason, ReasonCode::Success);
}

#[test]
fn a_message_that_nobody_subscribes_to_is_said_so() {
    let mut order = AckOrder::new(None);
    let sequence = order.register(puback(1), 0).unwrap();
    order.expect(sequence, 0);
    assert_eq!(
        order.poll_ready().unwrap().reason,
        ReasonCode::NoMatchingSubscribers
    );
}

#[test]
fn one_refusal_refuses_the_message_whenever_it_comes() {
    let mut order = AckOrder::new(None);
    let sequence = order.register(puback(1), 0).unwrap();
    order.expect(sequence, 3);
    order.answer(sequence, Outcome::Accepted);
    order.answer(sequence, Outcome::Refused(ReasonCode::QuotaExceeded));
    order.answer(sequence, Outcome::Accepted);
    assert_eq!(
        order.poll_ready().unwrap().reason,
        ReasonCode::QuotaExceeded
    );
}

#[test]
fn a_refusal_is_a_failure_whatever_reason_was_given() {
    let mut order = AckOrder::new(None);
    let sequence = order.register(puback(1), 0).unwrap();
    order.answer(sequence, Outcome::Refused(ReasonCode::Success));
    assert_eq!(
        order.poll_ready().unwrap().reason,
        ReasonCode::UnspecifiedError
    );
}

#[test]
fn a_qos_0_message_is_answered_by_nothing_but_counts_until_it_is_accepted() {
    let mut order = AckOrder::new(None);
    let first = order.register(Answer::Nothing, 100).unwrap();
    let second = order.register(puback(2), 10).unwrap();
    assert_eq!(order.unaccepted_bytes(), 110);

    order.answer(second, Outcome::Accepted);
    assert_eq!(order.unaccepted_bytes(), 100);
    order.answer(first, Outcome::Accepted);
    assert_eq!(order.unaccepted_bytes(), 0);
    assert_eq!(order.poll_ready().unwrap().answer, puback(2));
}

/// \[MQTT5-3.3.4-7\] \[MQTT5-4.9.0-2\]
#[test]
fn one_message_more_than_the_receive_maximum_is_too_many() {
    let mut order = AckOrder::new(Some(1));
    let first = order.register(puback(1), 0).unwrap();
    let error = order.register(puback(2), 0).unwrap_err();
    assert_eq!(error, ReceiveMaximumExceeded(1));
    assert_eq!(error.reason_code(), ReasonCode::ReceiveMaximumExceeded);

    order.answer(first, Outcome::Accepted);
    order.poll_ready();
    assert!(order.register(puback(2), 0).is_ok());
}

#[test]
fn an_accepted_message_counts_until_its_acknowledgement_leaves() {
    let mut order = AckOrder::new(Some(1));
    let first = order.register(puback(1), 0).unwrap();
    order.answer(first, Outcome::Accepted);
    assert!(order.register(puback(2), 0).is_err());
}

#[test]
fn a_qos_2_message_counts_until_pubcomp_leaves() {
    let mut order = AckOrder::new(Some(1));
    let publish = order.register(Answer::PubRec(id(1)), 0).unwrap();
    order.answer(publish, Outcome::Accepted);
    order.poll_ready();
    assert!(order.register(puback(2), 0).is_err());

    let pubrel = order.register(Answer::PubComp(id(1)), 0).unwrap();
    order.answer(pubrel, Outcome::Accepted);
    assert_eq!(
        order.poll_ready(),
        Some(ready(Answer::PubComp(id(1)), ReasonCode::Success))
    );
    assert!(order.register(puback(2), 0).is_ok());
}

#[test]
fn a_refused_qos_2_message_counts_no_longer() {
    let mut order = AckOrder::new(Some(1));
    let publish = order.register(Answer::PubRec(id(1)), 0).unwrap();
    order.answer(publish, Outcome::Refused(ReasonCode::NotAuthorized));
    order.poll_ready();
    assert!(order.register(puback(2), 0).is_ok());
}

#[test]
fn a_repeated_qos_2_message_does_not_count_twice() {
    let mut order = AckOrder::new(Some(1));
    order.register(Answer::PubRec(id(1)), 0).unwrap();
    assert!(order.register(Answer::PubRec(id(1)), 0).is_ok());
    assert_eq!(order.unacknowledged_now(), 1);
}

#[test]
fn a_release_of_an_earlier_connection_gives_nothing_back() {
    let mut order = AckOrder::new(Some(1));
    order.register(puback(1), 0).unwrap();
    let pubrel = order.register(Answer::PubComp(id(9)), 0).unwrap();
    order.answer(pubrel, Outcome::Accepted);
    assert_eq!(order.unacknowledged_now(), 1);
}

#[test]
fn a_release_of_an_unknown_message_is_answered_as_such() {
    let mut order = AckOrder::new(None);
    let pubrel = order.register(Answer::PubComp(id(9)), 0).unwrap();
    let unknown = ReasonCode::PacketIdentifierNotFound;
    order.answer(pubrel, Outcome::Refused(unknown));
    assert_eq!(
        order.poll_ready(),
        Some(ready(Answer::PubComp(id(9)), unknown))
    );
}

#[test]
fn a_client_may_be_allowed_to_exceed_the_receive_maximum() {
    let mut order = AckOrder::new(None);
    for number in 1..=2000 {
        assert!(order.register(puback(number), 0).is_ok());
    }
}

#[test]
fn an_outcome_too_many_means_nothing() {
    let mut order = AckOrder::new(None);
    let first = order.register(puback(1), 5).unwrap();
    let second = order.register(puback(2), 5).unwrap();
    order.answer(first, Outcome::Accepted);
    order.answer(first, Outcome::Refused(ReasonCode::UnspecifiedError));
    assert_eq!(order.poll_ready().unwrap().reason, ReasonCode::Success);
    order.answer(first, Outcome::Accepted);
    assert_eq!(order.poll_ready(), None);
    order.answer(second, Outcome::Accepted);
    assert_eq!(order.poll_ready().unwrap().answer, puback(2));
}
