//! The order of acknowledgements beside a naive twin: whatever order outcomes come in.

use castmq_mqtt::{PacketId, ReasonCode};
use proptest::prelude::*;

use crate::ack_order::{AckOrder, Answer, Outcome, Sequence};

#[derive(Clone, Debug)]
enum Step {
    Register {
        kind: u8,
        bytes: usize,
        arbiters: u32,
    },
    Outcome {
        which: prop::sample::Index,
        outcome: Outcome,
    },
    Poll,
}

/// A packet, and all that was said about it.
struct Told {
    answer: Answer,
    sequence: Sequence,
    bytes: usize,
    missing: u32,
    outcomes: Vec<Outcome>,
}

impl Told {
    fn reason(&self) -> ReasonCode {
        let refused = self.outcomes.iter().find_map(|outcome| match outcome {
            Outcome::Refused(reason) => Some(*reason),
            Outcome::Accepted | Outcome::NoSubscribers => None,
        });
        let was_accepted = self.outcomes.contains(&Outcome::Accepted);
        match refused {
            Some(reason) => reason,
            None if was_accepted => ReasonCode::Success,
            None => ReasonCode::NoMatchingSubscribers,
        }
    }
}

fn any_step() -> impl Strategy<Value = Step> {
    let outcome = prop_oneof![
        4 => Just(Outcome::Accepted),
        2 => Just(Outcome::NoSubscribers),
        1 => Just(Outcome::Refused(ReasonCode::QuotaExceeded)),
        1 => Just(Outcome::Refused(ReasonCode::NotAuthorized)),
    ];
    prop_oneof![
        3 => (0..3_u8, 0..100_usize, 0..4_u32)
            .prop_map(|(kind, bytes, arbiters)| Step::Register { kind, bytes, arbiters }),
        5 => (any::<prop::sample::Index>(), outcome)
            .prop_map(|(which, outcome)| Step::Outcome { which, outcome }),
        2 => Just(Step::Poll),
    ]
}

proptest! {
    /// \[MQTT3-4.6.0-2\] \[MQTT3-4.6.0-3\]
    #[test]
    fn acknowledgements_leave_in_order_and_say_what_was_said(
        steps in proptest::collection::vec(any_step(), 0..150),
    ) {
        let mut order = AckOrder::new(None);
        let mut owed: Vec<Told> = Vec::new();
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Register { kind, bytes, arbiters } => {
                    let id = PacketId::new(u16::try_from(number).unwrap() + 1).unwrap();
                    let answer = match kind {
                        0 => Answer::Nothing,
                        1 => Answer::PubAck(id),
                        _ => Answer::PubRec(id),
                    };
                    let sequence = order.register(answer, bytes).unwrap();
                    order.expect(sequence, arbiters);
                    owed.push(Told { answer, sequence, bytes, missing: arbiters, outcomes: vec![] });
                }
                Step::Outcome { which, outcome } if !owed.is_empty() => {
                    let at = which.index(owed.len());
                    let told = &mut owed[at];
                    order.answer(told.sequence, outcome);
                    if told.missing > 0 {
                        told.missing -= 1;
                        told.outcomes.push(outcome);
                    }
                }
                Step::Outcome { .. } => {}
                Step::Poll => {
                    let ready = order.poll_ready();
                    while owed.first().is_some_and(|told| {
                        told.missing == 0 && told.answer == Answer::Nothing
                    }) {
                        owed.remove(0);
                    }
                    let expected = owed.first().is_some_and(|told| told.missing == 0);
                    prop_assert_eq!(ready.is_some(), expected);
                    if let Some(ready) = ready {
                        let told = owed.remove(0);
                        prop_assert_eq!(ready.answer, told.answer);
                        prop_assert_eq!(ready.reason, told.reason());
                    }
                }
            }
            let bytes: usize = owed.iter().filter(|told| told.missing > 0).map(|t| t.bytes).sum();
            prop_assert_eq!(order.unaccepted_bytes(), bytes);
        }
    }
}
