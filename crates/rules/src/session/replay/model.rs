//! Replays beside live messages that take their time: whatever order things come in, no topic goes
//! back to an older version, and each ends at its newest.

use std::collections::{BTreeMap, VecDeque};

use castmq_mqtt::{PacketId, QoS, SubscriptionOptions};
use proptest::prelude::*;

use crate::session::script::{NORMAL, Script, message, session, with};
use crate::session::{Action, RetainedChunk, SessionSettings};
use crate::testing::{subscription, topic};
use crate::{Delivery, Message, RetainLimits, Retained, ScanBudget, Stored};

#[derive(Clone, Debug)]
enum Step {
    Publish { topic: u8, deletes: bool },
    LiveArrives,
    Read { messages: usize },
    ChunkArrives,
    Subscribe,
    Ack,
    Break,
    Connect,
}

struct World {
    script: Script,
    retained: Retained,
    /// From the router to the session.
    live: VecDeque<Delivery>,
    /// From the retainer to the session.
    chunk: Option<RetainedChunk>,
    unacknowledged: VecDeque<PacketId>,
    /// The newest version of each topic that the client was sent.
    seen: BTreeMap<String, u64>,
    /// The newest version in the retainer.
    latest: u64,
    subscriptions: usize,
    breaks: usize,
}

impl World {
    fn new() -> Self {
        let settings = SessionSettings {
            inflight_max: 3,
            ..SessionSettings::default()
        };
        Self {
            script: session(settings).connect(),
            retained: Retained::new(RetainLimits {
                messages_max: 100,
                payload_bytes_max: 100,
                expiry: None,
            }),
            live: VecDeque::new(),
            chunk: None,
            unacknowledged: VecDeque::new(),
            seen: BTreeMap::new(),
            latest: 0,
            subscriptions: 0,
            breaks: 0,
        }
    }

    /// The retainer takes a message first, then the router sends it on.
    fn publish(&mut self, on: u8, deletes: bool) {
        let name = if deletes { "" } else { "value" };
        let mut delivery = with(message(name, QoS::AtLeastOnce), |message| {
            message.topic = topic(&format!("a/{on}"));
            message.retain = true;
        });
        let stored = self.retained.store(Message::clone(&delivery.message));
        delivery.message = match stored {
            Stored::Kept(message) | Stored::Deleted { message, .. } => message,
            Stored::Refused(_, refused) => panic!("{refused}"),
        };
        self.latest = delivery.message.version.unwrap();
        if self.subscriptions > 0 {
            self.live.push_back(delivery);
        }
    }

    fn read(&mut self, messages: usize) {
        if self.chunk.is_some() || self.script.pulls.is_empty() {
            return;
        }
        let mut pull = self.script.pulls.remove(0);
        let budget = ScanBudget { messages, steps: 4 };
        let now = self.script.now();
        self.chunk = Some(RetainedChunk {
            pull: pull.pull,
            messages: self.retained.next_chunk(&mut pull.scan, budget, now),
            scan: pull.scan,
        });
    }

    fn step(&mut self, step: &Step) -> Result<(), TestCaseError> {
        let now = self.script.now();
        match *step {
            Step::Publish { topic, deletes } => self.publish(topic, deletes),
            Step::Read { messages } => self.read(messages),
            Step::LiveArrives => {
                if let Some(delivery) = self.live.pop_front() {
                    self.script.session.handle_delivery(delivery, now);
                }
            }
            Step::ChunkArrives => {
                if let Some(chunk) = self.chunk.take() {
                    self.script.session.handle_retained_chunk(chunk, now);
                }
            }
            Step::Subscribe => {
                let filter = subscription("a/+");
                let options = SubscriptionOptions {
                    qos: QoS::AtLeastOnce,
                    ..SubscriptionOptions::default()
                };
                let session = &mut self.script.session;
                let subscribed = session.subscribe(&filter, options, None).unwrap();
                session.start_replay_as_of(&filter, subscribed, self.latest, now);
                self.subscriptions += 1;
            }
            Step::Ack => {
                if let Some(id) = self.unacknowledged.pop_front() {
                    self.script.session.handle_puback(id, now).unwrap();
                }
            }
            Step::Break => {
                self.breaks += 1;
                self.unacknowledged.clear();
                self.script.session.handle_disconnected(NORMAL, now);
            }
            Step::Connect if !self.script.session.is_connected() => {
                let script =
                    std::mem::replace(&mut self.script, session(SessionSettings::default()));
                self.script = script.connect_without_performing();
            }
            Step::Connect => {}
        }
        self.perform()
    }

    fn perform(&mut self) -> Result<(), TestCaseError> {
        while let Some(action) = self.script.session.poll_action() {
            if let Action::Publish(outgoing) = action {
                self.unacknowledged.extend(outgoing.packet_id);
                let message = &outgoing.delivery.message;
                let version = message.version.unwrap();
                let seen = self.seen.entry(message.topic.to_string()).or_default();
                // A repeated subscription, or one whose replay was interrupted, brings a version
                // while earlier live ones are still on their way, and these are owed as well.
                let is_alone = self.subscriptions == 1 && self.breaks == 0;
                let may_be_older = outgoing.dup || !(is_alone || outgoing.delivery.retain);
                prop_assert!(
                    may_be_older || version >= *seen,
                    "{} after {}",
                    version,
                    seen
                );
                *seen = version.max(*seen);
            } else if let Action::PullRetained(pull) = action {
                self.script.pulls.push(*pull);
            } else {
                prop_assert!(false, "unexpected {:?}", action);
            }
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<(), TestCaseError> {
        self.step(&Step::Connect)?;
        for _ in 0..500 {
            self.step(&Step::LiveArrives)?;
            self.step(&Step::Read { messages: 1 })?;
            self.step(&Step::ChunkArrives)?;
            self.step(&Step::Ack)?;
        }
        Ok(())
    }
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..4_u8, prop::bool::weighted(0.2))
            .prop_map(|(topic, deletes)| Step::Publish { topic, deletes }),
        4 => Just(Step::LiveArrives),
        3 => (1..4_usize).prop_map(|messages| Step::Read { messages }),
        3 => Just(Step::ChunkArrives),
        1 => Just(Step::Subscribe),
        4 => Just(Step::Ack),
        1 => Just(Step::Break),
        1 => Just(Step::Connect),
    ]
}

proptest! {
    #[test]
    fn no_topic_goes_back_to_an_older_version(
        before in proptest::collection::vec(0..4_u8, 0..6),
        repeats in any::<bool>(),
        steps in proptest::collection::vec(any_step(), 0..120),
    ) {
        let mut world = World::new();
        for topic in before {
            world.step(&Step::Publish { topic, deletes: false })?;
        }
        world.step(&Step::Subscribe)?;
        for step in &steps {
            if repeats || !matches!(step, Step::Subscribe) {
                world.step(step)?;
            }
        }
        world.settle()?;

        prop_assert_eq!(world.script.session.replays_now(), 0);
        prop_assert_eq!(world.script.session.inflight_now(), 0);
        for number in 0..4 {
            let name = topic(&format!("a/{number}"));
            if let Some(kept) = world.retained.get(&name, world.script.now()) {
                prop_assert_eq!(world.seen.get(name.as_str()).copied(), kept.version);
            }
        }
    }
}
