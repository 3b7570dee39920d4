//! The queue beside a naive twin: one list, searched from end to end.

use std::time::Duration;

use castmq_mqtt::QoS;
use proptest::prelude::*;

use crate::mqueue::Mqueue;
use crate::session::script::{message, with};
use crate::session::{DropReason, FullPolicy, QueueSettings};
use crate::testing::{text, topic};
use crate::{Delivery, Moment};

#[derive(Clone, Debug)]
enum Step {
    Push {
        topic: u8,
        qos: QoS,
        size: usize,
        lives: Option<u64>,
    },
    Pop,
    Wait,
    TakeQos0,
}

#[derive(Default)]
struct Twin {
    list: Vec<Delivery>,
}

impl Twin {
    fn weight(&self) -> usize {
        self.list.iter().map(|d| d.message.weight()).sum()
    }

    fn is_over(&self, incoming: &Delivery, settings: &QueueSettings) -> bool {
        self.list.len() >= settings.len_max
            || self.weight() + incoming.message.weight() > settings.bytes_max
    }

    fn push(&mut self, incoming: Delivery, settings: &QueueSettings, now: Moment) -> Vec<String> {
        let mut gone = Vec::new();
        if self.is_over(&incoming, settings) {
            let (expired, living) = std::mem::take(&mut self.list)
                .into_iter()
                .partition(|d| d.message.is_expired(now));
            self.list = living;
            gone.extend::<Vec<Delivery>>(expired);
        }
        let before = self.list.clone();
        let mut displaced = Vec::new();
        while self.is_over(&incoming, settings) {
            if let Some(at) = self.victim(&incoming, settings) {
                displaced.push(self.list.remove(at));
            } else {
                self.list = before;
                gone.push(incoming);
                return names(&gone);
            }
        }
        gone.extend(displaced);
        self.list.push(incoming);
        names(&gone)
    }

    /// Which one gives way next.
    fn victim(&self, incoming: &Delivery, settings: &QueueSettings) -> Option<usize> {
        let rank = |d: &Delivery| settings.priority(d.message.topic.as_str());
        let drops_oldest = settings.when_full == FullPolicy::DropOldest;
        let may_go = |d: &Delivery| match (incoming.qos, d.qos) {
            (QoS::AtMostOnce, QoS::AtMostOnce) => drops_oldest && rank(d) <= rank(incoming),
            (QoS::AtMostOnce, _) => false,
            (_, QoS::AtMostOnce) => true,
            _ => drops_oldest && rank(d) <= rank(incoming),
        };
        (0..self.list.len())
            .filter(|&at| may_go(&self.list[at]))
            .min_by_key(|&at| {
                let d = &self.list[at];
                (d.qos != QoS::AtMostOnce, rank(d), at)
            })
    }

    fn pop(&mut self, settings: &QueueSettings) -> Option<Delivery> {
        let at = (0..self.list.len()).min_by_key(|&at| {
            let rank = settings.priority(self.list[at].message.topic.as_str());
            (u8::MAX - rank, at)
        })?;
        Some(self.list.remove(at))
    }
}

fn names(deliveries: &[Delivery]) -> Vec<String> {
    let mut names: Vec<String> = deliveries.iter().map(name).collect();
    names.sort();
    names
}

fn name(delivery: &Delivery) -> String {
    String::from_utf8_lossy(&delivery.message.payload).into_owned()
}

fn any_step() -> impl Strategy<Value = Step> {
    let qos = prop_oneof![
        Just(QoS::AtMostOnce),
        Just(QoS::AtLeastOnce),
        Just(QoS::ExactlyOnce)
    ];
    let push = (0..4_u8, qos, 0..600_usize, proptest::option::of(1..4_u64)).prop_map(
        |(topic, qos, size, lives)| Step::Push {
            topic,
            qos,
            size,
            lives,
        },
    );
    prop_oneof![6 => push, 2 => Just(Step::Pop), 1 => Just(Step::Wait), 1 => Just(Step::TakeQos0)]
}

fn any_settings() -> impl Strategy<Value = QueueSettings> {
    (0..8_usize, 0..4000_usize, any::<bool>(), any::<bool>()).prop_map(
        |(len_max, bytes_max, drops_oldest, has_priorities)| QueueSettings {
            len_max,
            bytes_max,
            when_full: if drops_oldest {
                FullPolicy::DropOldest
            } else {
                FullPolicy::DropNewest
            },
            priorities: if has_priorities {
                [(text("0"), 9), (text("1"), 9), (text("2"), 200)].into()
            } else {
                [].into()
            },
            ..QueueSettings::default()
        },
    )
}

proptest! {
    #[test]
    fn the_queue_does_what_its_naive_twin_does(
        settings in any_settings(),
        steps in proptest::collection::vec(any_step(), 0..60),
    ) {
        let mut queue = Mqueue::default();
        let mut twin = Twin::default();
        let mut now = Moment::default();
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Push { topic: on, qos, size, lives } => {
                    let delivery = with(message(&format!("{number:0size$}"), qos), |message| {
                        message.topic = topic(&on.to_string());
                        message.expires = lives.map(|lives| now + Duration::from_secs(lives));
                    });
                    let gone = queue.push(delivery.clone(), &settings, now);
                    let is_right = gone.iter().all(|(reason, _, d)| match reason {
                        DropReason::Expired => d.message.is_expired(now),
                        DropReason::Qos0OverQuota => d.qos == QoS::AtMostOnce,
                        DropReason::QueueFull => d.qos != QoS::AtMostOnce,
                        DropReason::Qos0Offline
                        | DropReason::TooLarge
                        | DropReason::NotAuthorized
                        | DropReason::SessionEnded => false,
                    });
                    prop_assert!(is_right);
                    let gone: Vec<Delivery> = gone.into_iter().map(|(_, _, d)| d).collect();
                    prop_assert_eq!(names(&gone), twin.push(delivery, &settings, now));
                }
                Step::Pop => {
                    let qos = queue.next().map(|(_, qos)| qos);
                    let popped = queue.pop().map(|(_, delivery)| delivery);
                    prop_assert_eq!(qos, popped.as_ref().map(|d| d.qos));
                    prop_assert_eq!(popped, twin.pop(&settings));
                }
                Step::Wait => now = now + Duration::from_secs(1),
                Step::TakeQos0 => {
                    let taken = queue.take_at_most_once();
                    let (gone, left): (Vec<_>, Vec<_>) =
                        twin.list.drain(..).partition(|d| d.qos == QoS::AtMostOnce);
                    twin.list = left;
                    prop_assert_eq!(names(&taken), names(&gone));
                }
            }
            prop_assert_eq!(queue.len(), twin.list.len());
            prop_assert_eq!(queue.bytes(), twin.weight());
        }
        let rest: Vec<Delivery> = std::iter::from_fn(|| twin.pop(&settings)).collect();
        prop_assert_eq!(queue.end(), rest);
    }
}
