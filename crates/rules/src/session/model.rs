//! The session joined to a client in memory, with a network that loses everything when it breaks.
//!
//! Whatever happens: QoS 1 messages arrive, QoS 2 messages arrive once, all in their order, and no
//! packet id stands for two messages.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use castmq_mqtt::{PacketId, QoS, ReasonCode, Version};
use proptest::prelude::*;

use crate::claim::Epoch;
use crate::session::script::{Present, message, witnessed};
use crate::session::{Action, DownReason, Expiry, Link, Session, SessionSettings, Watched};
use crate::testing::text;
use crate::{ClientId, Moment};

#[derive(Clone, Debug)]
enum Step {
    Publish(QoS),
    ClientReads,
    ClientRefuses,
    SessionReads,
    Break,
    Connect { receive_maximum: u16 },
    Room(bool),
    Wait,
}

/// From the session to the client.
#[derive(Clone, Debug)]
enum Down {
    Publish {
        id: Option<PacketId>,
        name: u32,
        qos: QoS,
    },
    Release(PacketId),
}

/// From the client to the session.
#[derive(Clone, Debug)]
enum Up {
    Ack(PacketId),
    Received(PacketId),
    Refused(PacketId),
    Completed(PacketId),
}

struct World {
    session: Watched<Present>,
    now: Moment,
    version: Version,
    down: VecDeque<Down>,
    up: VecDeque<Up>,
    /// The client's part of the session: QoS 2 messages it has and the broker has not released.
    unreleased: BTreeSet<PacketId>,
    refuses_next: bool,
    /// All that the client passed on, in order.
    arrived: Vec<u32>,
    refused: BTreeSet<u32>,
    published: Vec<QoS>,
    dropped: BTreeSet<u32>,
    /// Which message an id stands for, until the exchange is over.
    in_use: BTreeMap<PacketId, u32>,
    /// Ids sent on this connection of which the exchange is not over.
    unacknowledged: BTreeSet<PacketId>,
    receive_maximum: usize,
}

impl World {
    fn new(version: Version, inflight_max: u16) -> Self {
        let settings = SessionSettings {
            inflight_max,
            retry_interval: Some(Duration::from_secs(20)),
            ..SessionSettings::default()
        };
        let client_id = ClientId::new(text("client")).unwrap();
        let now = Moment::default();
        Self {
            session: witnessed(Session::new(&client_id, Arc::new(settings), now)),
            now,
            version,
            down: VecDeque::new(),
            up: VecDeque::new(),
            unreleased: BTreeSet::new(),
            refuses_next: false,
            arrived: Vec::new(),
            refused: BTreeSet::new(),
            published: Vec::new(),
            dropped: BTreeSet::new(),
            in_use: BTreeMap::new(),
            unacknowledged: BTreeSet::new(),
            receive_maximum: 0,
        }
    }

    fn step(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match *step {
            Step::Publish(qos) => {
                let name = self.published.len().to_string();
                self.published.push(qos);
                self.session.handle_delivery(message(&name, qos), self.now);
            }
            Step::ClientReads => self.client_reads(),
            // Only 5.0 knows a PUBREC that refuses.
            Step::ClientRefuses => self.refuses_next = self.version == Version::V5,
            Step::SessionReads => self.session_reads(),
            Step::Break => {
                self.session
                    .handle_disconnected(DownReason::Closed, self.now);
                self.down.clear();
                self.up.clear();
            }
            Step::Connect { receive_maximum } => {
                self.down.clear();
                self.up.clear();
                self.unacknowledged.clear();
                self.receive_maximum = usize::from(receive_maximum);
                let link = Link {
                    epoch: Epoch(self.session.epoch().0 + 1),
                    version: self.version,
                    receive_maximum,
                    expiry: Expiry::Never,
                    will: None,
                    user_name: None,
                    is_privileged: false,
                    address: None,
                    claims: Vec::new(),
                };
                self.session.handle_connected(link, self.now);
            }
            Step::Room(has_room) => self.session.handle_room(has_room, self.now),
            Step::Wait => {
                self.now = self.now + Duration::from_secs(15);
                self.session.handle_timer(self.now);
            }
        }
        self.perform()
    }

    fn perform(&mut self) -> Result<(), TestCaseError> {
        while let Some(action) = self.session.poll_action() {
            match action {
                Action::Publish(out) => {
                    let payload = String::from_utf8_lossy(&out.delivery.message.payload);
                    let name: u32 = payload.parse().unwrap();
                    if let Some(id) = out.packet_id {
                        let before = self.in_use.insert(id, name);
                        prop_assert_eq!(before, out.dup.then_some(name), "an id has one message");
                        self.unacknowledged.insert(id);
                        prop_assert!(self.unacknowledged.len() <= self.receive_maximum);
                    }
                    self.down.push_back(Down::Publish {
                        id: out.packet_id,
                        name,
                        qos: out.delivery.qos,
                    });
                }
                Action::Release { packet_id, .. } => self.down.push_back(Down::Release(packet_id)),
                Action::Continue => self.session.handle_continue(self.now),
                Action::Dropped { delivery, .. } => {
                    prop_assert_eq!(delivery.qos, QoS::AtMostOnce);
                    let payload = String::from_utf8_lossy(&delivery.message.payload);
                    prop_assert!(self.dropped.insert(payload.parse().unwrap()));
                }
                Action::PullRetained(_)
                | Action::PublishWill { .. }
                | Action::Store(_)
                | Action::ReadQueue(_)
                | Action::DroppedUnread(_)
                | Action::Redispatch { .. }
                | Action::AlarmRaised
                | Action::AlarmCleared
                | Action::End(_) => prop_assert!(false, "unexpected {:?}", action),
            }
        }
        Ok(())
    }

    fn client_reads(&mut self) {
        match self.down.pop_front() {
            Some(Down::Publish { id: None, name, .. }) => self.arrived.push(name),
            Some(Down::Publish {
                id: Some(id),
                name,
                qos: QoS::ExactlyOnce,
            }) => {
                if std::mem::take(&mut self.refuses_next) && !self.unreleased.contains(&id) {
                    self.refused.insert(name);
                    self.up.push_back(Up::Refused(id));
                    return;
                }
                if self.unreleased.insert(id) {
                    self.arrived.push(name);
                }
                self.up.push_back(Up::Received(id));
            }
            Some(Down::Publish {
                id: Some(id), name, ..
            }) => {
                self.arrived.push(name);
                self.up.push_back(Up::Ack(id));
            }
            Some(Down::Release(id)) => {
                self.unreleased.remove(&id);
                self.up.push_back(Up::Completed(id));
            }
            None => {}
        }
    }

    fn session_reads(&mut self) {
        let now = self.now;
        let over = match self.up.pop_front() {
            Some(Up::Ack(id)) => self.session.handle_puback(id, now).is_ok().then_some(id),
            Some(Up::Received(id)) => {
                let _ = self.session.handle_pubrec(id, ReasonCode::Success, now);
                None
            }
            Some(Up::Refused(id)) => {
                let reason = ReasonCode::QuotaExceeded;
                let ended = self.session.handle_pubrec(id, reason, now);
                ended.is_ok().then_some(id)
            }
            Some(Up::Completed(id)) => self.session.handle_pubcomp(id, now).is_ok().then_some(id),
            None => None,
        };
        if let Some(id) = over {
            self.in_use.remove(&id);
            self.unacknowledged.remove(&id);
        }
    }

    /// Nothing goes wrong any more, until nothing happens any more.
    fn settle(&mut self) -> Result<(), TestCaseError> {
        self.step(&Step::Connect { receive_maximum: 2 })?;
        while !(self.down.is_empty() && self.up.is_empty()) {
            self.step(&Step::ClientReads)?;
            self.step(&Step::SessionReads)?;
        }
        Ok(())
    }

    fn first_arrivals(&self) -> Vec<u32> {
        let mut seen = BTreeSet::new();
        let mut first = self.arrived.clone();
        first.retain(|name| seen.insert(*name));
        first
    }
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => prop_oneof![
            Just(QoS::AtMostOnce),
            Just(QoS::AtLeastOnce),
            Just(QoS::ExactlyOnce)
        ]
        .prop_map(Step::Publish),
        8 => Just(Step::ClientReads),
        1 => Just(Step::ClientRefuses),
        8 => Just(Step::SessionReads),
        1 => Just(Step::Break),
        2 => (1..4_u16).prop_map(|receive_maximum| Step::Connect { receive_maximum }),
        1 => any::<bool>().prop_map(Step::Room),
        1 => Just(Step::Wait),
    ]
}

proptest! {
    /// \[MQTT3-4.4.0-1\] \[MQTT3-4.5.0-1\] \[MQTT5-4.5.0-1\]
    #[test]
    fn whatever_breaks_promises_are_kept(
        version in prop_oneof![Just(Version::V4), Just(Version::V5)],
        inflight_max in 1..5_u16,
        steps in proptest::collection::vec(any_step(), 0..200),
    ) {
        let mut world = World::new(version, inflight_max);
        for step in &steps {
            world.step(step)?;
        }
        world.settle()?;

        for (name, qos) in (0_u32..).zip(&world.published) {
            let times = world.arrived.iter().filter(|&&arrived| arrived == name).count();
            match qos {
                QoS::AtMostOnce => prop_assert!(times <= 1),
                QoS::AtLeastOnce => prop_assert!(times >= 1, "{} is lost", name),
                QoS::ExactlyOnce if world.refused.contains(&name) => prop_assert!(times <= 1),
                QoS::ExactlyOnce => prop_assert_eq!(times, 1, "{} exactly once", name),
            }
        }
        let mut first = world.first_arrivals();
        first.retain(|name| !world.refused.contains(name));
        prop_assert!(first.is_sorted(), "in order: {:?}", first);
        prop_assert_eq!(world.session.inflight_now(), 0);
        prop_assert_eq!(world.session.queued_now(), 0);
        prop_assert!(world.unreleased.is_empty());
    }
}
