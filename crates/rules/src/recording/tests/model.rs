//! Any story is played again as it was, and breaks no rule.

use castmq_mqtt::QoS;
use proptest::prelude::*;

use super::rig::{Rig, found, honest};
use crate::session::script::NORMAL;
use crate::session::{DownReason, QueueSettings, SessionSettings};

#[derive(Clone, Debug)]
enum Step {
    Deliver(QoS),
    Answer,
    Connect(u16),
    Close,
    Leave,
    Room(bool),
    Wait(u64),
    Own(u16),
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => prop_oneof![
            Just(QoS::AtMostOnce),
            Just(QoS::AtLeastOnce),
            Just(QoS::ExactlyOnce)
        ].prop_map(Step::Deliver),
        8 => Just(Step::Answer),
        2 => (1..4_u16).prop_map(Step::Connect),
        1 => Just(Step::Close),
        1 => Just(Step::Leave),
        1 => any::<bool>().prop_map(Step::Room),
        1 => (0..60_u64).prop_map(Step::Wait),
        1 => (1..4_u16).prop_map(Step::Own),
    ]
}

proptest! {
    #[test]
    fn what_was_recorded_is_played_again_as_it_was(
        steps in proptest::collection::vec(any_step(), 0..80),
        len_max in 1..5_usize,
    ) {
        let settings = SessionSettings {
            inflight_max: 3,
            queue: QueueSettings { len_max, ..QueueSettings::default() },
            ..SessionSettings::default()
        };
        let mut rig = Rig::new(settings, honest);
        for step in steps {
            match step {
                Step::Deliver(qos) => rig.deliver(qos),
                Step::Answer => rig.answer(),
                Step::Connect(receive_maximum) => rig.connect(receive_maximum),
                Step::Close => rig.disconnect(DownReason::Closed),
                Step::Leave => rig.disconnect(NORMAL),
                Step::Room(has_room) => rig.room(has_room),
                Step::Wait(seconds) => rig.wait(seconds),
                Step::Own(id) => rig.own(id),
            }
        }
        // Messages are handed in without subscriptions, which the witness holds against the first ones
        // that come a second later.
        let mut told = found(&rig.text());
        told.retain(|one| !one.contains("without a subscription"));
        prop_assert_eq!(told, Vec::<String>::new());
    }
}
