//! A small world of sessions that come, get messages and go.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use castmq_mqtt::{
    PacketId, PublishProperties, QoS, RetainHandling, Subscription, SubscriptionOptions, Text,
    TopicName, Will, WillProperties,
};
use castmq_rules::claim::Epoch;
use castmq_rules::session::{Change, Expiry, Presence, Record, SubscriptionEntry};
use castmq_rules::{ClientId, Delivery, Message, MessageId, Moment};
use castmq_store::{Op, RUN_SHIFT, SessionKey, Submission};

use crate::model::{Held, Model};

/// How many arbiters the world has.
pub(crate) const ARBITERS: u16 = 3;

/// A source of chance that gives the same for the same seed.
#[derive(Clone, Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next()).unwrap() % limit.max(1)
    }

    pub(crate) fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }
}

/// Makes up what happens next.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) chance: Chance,
    pub(crate) model: Model,
    pub(crate) now: Moment,
    /// For each arbiter the number of its last submission.
    pub(crate) numbers: [u64; ARBITERS as usize],
    ids: Ids,
    /// Retained versions that are late.
    late: Vec<Op>,
    /// Bytes of a payload, at most.
    pub(crate) payload_max: usize,
}

#[derive(Clone, Debug, Default)]
struct Ids {
    run: u64,
    session: u64,
    message: u64,
    version: u64,
    epoch: u64,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            chance: Chance::new(seed),
            model: Model::default(),
            now: Moment::default(),
            numbers: [0; ARBITERS as usize],
            ids: Ids::default(),
            late: Vec::new(),
            payload_max: 200,
        }
    }

    /// A new run of the broker begins.
    pub(crate) fn begin_run(&mut self, run: u64, version: u64) {
        self.late.clear();
        self.numbers = [0; ARBITERS as usize];
        self.ids = Ids {
            run,
            session: 0,
            message: 0,
            version: version.max(self.ids.version),
            epoch: self.ids.epoch,
        };
    }

    /// The next submissions, one of each arbiter at most. The model has them already.
    pub(crate) fn next(&mut self) -> Vec<Submission> {
        self.now = self.now + Duration::from_millis(1 + self.chance.next() % 50);
        let mut ops: BTreeMap<u16, Vec<Op>> = BTreeMap::new();
        for _ in 0..=self.chance.below(3) {
            match self.chance.below(20) {
                0 | 1 => self.connect(&mut ops),
                2 => self.record(&mut ops),
                3 | 4 => self.subscribe(&mut ops),
                5..=9 => self.publish(&mut ops),
                10..=14 => self.acknowledge(&mut ops),
                15 => self.retain(&mut ops),
                16 => self.receive(&mut ops),
                17 if self.chance.one_in(3) => self.end(&mut ops),
                18 => self.complete(&mut ops),
                _ => self.publish(&mut ops),
            }
            // What comes later in this submission builds on what came before.
            let submissions = self.submit(std::mem::take(&mut ops));
            if !submissions.is_empty() {
                return submissions;
            }
        }
        Vec::new()
    }

    fn submit(&mut self, ops: BTreeMap<u16, Vec<Op>>) -> Vec<Submission> {
        ops.into_iter()
            .map(|(arbiter, ops)| {
                let number = &mut self.numbers[usize::from(arbiter)];
                *number += 1;
                let submission = Submission {
                    arbiter,
                    number: *number,
                    ops,
                };
                self.model.apply(&submission);
                submission
            })
            .collect()
    }

    fn connect(&mut self, ops: &mut BTreeMap<u16, Vec<Op>>) {
        if self.model.sessions.len() >= 12 {
            return;
        }
        self.ids.session += 1;
        let session = SessionKey((self.ids.run << RUN_SHIFT) + self.ids.session);
        let client = format!("client-{}-{}", self.ids.run, self.ids.session);
        let first = 65_535;
        let mut record = self.new_record(&client);
        (record.first, record.next) = (first, first);
        push(ops, session, Change::Record(Box::new(record)));
        if self.chance.one_in(2) {
            let (subscription, entry) = self.subscription();
            push(ops, session, Change::Subscribed(subscription, entry));
        }
    }

    fn new_record(&mut self, client: &str) -> Record {
        self.ids.epoch += 1;
        let expiry = match self.chance.below(3) {
            0 => Expiry::Never,
            1 => Expiry::After(Duration::from_millis(self.chance.next() % 100_000 + 1)),
            _ => Expiry::AtOnce,
        };
        let later = |chance: &mut Chance, now| {
            let after = Duration::from_millis(chance.next() % 100_000 + 10_000_000);
            chance.one_in(2).then_some(now + after)
        };
        let presence = if self.chance.one_in(2) {
            Presence::Connected
        } else {
            Presence::Away {
                ends: later(&mut self.chance, self.now),
                will_due: later(&mut self.chance, self.now),
                sent_below: self.chance.next() % 100_000,
            }
        };
        Record {
            client_id: ClientId::new(text(client)).unwrap(),
            epoch: Epoch(self.ids.epoch),
            expiry,
            presence,
            will: self.chance.one_in(3).then(|| Box::new(self.will())),
            user_name: self.chance.one_in(2).then(|| text("somebody")),
            first: 0,
            next: 0,
            weight_sum: 0,
        }
    }

    fn will(&mut self) -> Will {
        Will {
            topic: topic("wills/are/read"),
            payload: self.payload(),
            qos: self.qos(),
            retain: self.chance.one_in(2),
            properties: WillProperties {
                delay: self.chance.one_in(2).then_some(17),
                publish: *self.properties(),
            },
        }
    }

    fn record(&mut self, ops: &mut BTreeMap<u16, Vec<Op>>) {
        let Some((session, held)) = self.any_session() else {
            return;
        };
        let client = held.record.client_id.to_string();
        let mut record = self.new_record(&client);
        let last = held.queue.last_key_value();
        record.next = held.record.next.max(last.map_or(0, |(last, _)| last + 1));
        record.first = held.queue.keys().next().map_or(record.next, |first| *first);
        let sum = held.record.weight_sum;
        record.weight_sum = last.map_or(sum, |(_, (last, _))| sum.max(*last));
        push(ops, session, Change::Record(Box::new(record)));
    }

    fn subscribe(&mut self, ops: &mut BTreeMap<u16, Vec<Op>>) {
        let Some((session, held)) = self.any_session() else {
            return;
        };
        let known = held.subscriptions.keys().next().cloned();
        match known {
            Some(known) if self.chance.one_in(2) => {
                push(ops, session, Change::Unsubscribed(known));
            }
            _ => {
                let (subscription, entry) = self.subscription();
                push(ops, session, Change::Subscribed(subscription, entry));
            }
        }
    }

    fn subscription(&mut self) -> (Subscription, SubscriptionEntry) {
        let filters = ["a/+/c", "#", "$share/g/a/b", "$queue/a", "ü/ß", "//"];
        let filter = filters[self.chance.below(filters.len())];
        let options = SubscriptionOptions {
            qos: self.qos(),
            no_local: self.chance.one_in(2),
            retain_as_published: self.chance.one_in(2),
            retain_handling: match self.chance.below(3) {
                0 => RetainHandling::Send,
                1 => RetainHandling::SendIfNew,
                _ => RetainHandling::DoNotSend,
            },
        };
        let id = self.chance.one_in(2).then_some(268_435_455);
        let entry = SubscriptionEntry { options, id };
        (Subscription::parse(text(filter)).unwrap(), entry)
    }

    /// A message for some sessions: a new one, or one that was there before.
    fn publish(&mut self, ops: &mut BTreeMap<u16, Vec<Op>>) {
        let old = self.model.kept().into_values().next();
        let waiting = self.any_session().and_then(|(_, held)| {
            let first = held.queue.into_values().next();
            first.map(|(_, delivery)| delivery.message)
        });
        let message = match (old, waiting) {
            (Some((message, _)), _) if self.chance.one_in(8) => message,
            (_, Some(message)) if self.chance.one_in(8) => message,
            _ => Arc::new(self.message("a/b")),
        };
        for _ in 0..=self.chance.below(4) {
            let Some((session, held)) = self.any_session() else {
                return;
            };
            if ops.values().flatten().any(|op| is_of(op, session)) {
                continue;
            }
            let last = held.queue.last_key_value();
            let number = held.record.next.max(last.map_or(0, |(last, _)| last + 1));
            let sum = held.record.weight_sum;
            let sum = last.map_or(sum, |(_, (last, _))| sum.max(*last));
            let delivery = Delivery {
                message: Arc::clone(&message),
                qos: if self.chance.one_in(2) {
                    QoS::AtLeastOnce
                } else {
                    QoS::ExactlyOnce
                },
                retain: self.chance.one_in(4),
                subscription_ids: (1..=3).take(self.chance.below(3)).collect(),
                group: self.chance.one_in(4).then(|| Box::new(Arc::from("group"))),
            };
            let queued = Change::Queued {
                number,
                weight_sum: sum + message.weight() as u64,
                delivery,
            };
            push(ops, session, queued);
        }
    }

    fn acknowledge(&mut self, ops: &mut BTreeMap<u16, Vec<Op>>) {
        let Some((session, held)) = self.any_session() else {
            return;
        };
        let at = self.chance.below(held.queue.len().min(4));
        let Some((number, (_, delivery))) = held.queue.iter().nth(at) else {
            return;
        };
        let (number, message) = (*number, delivery.message.id);
        if delivery.qos == QoS::ExactlyOnce {
            let id = u16::try_from(number % 65_535).unwrap() + 1;
            let released = Change::Released {
                number,
                message,
                packet_id: PacketId::new(id).unwrap(),
                order: number,
            };
            push(ops, session, released);
        } else {
            push(ops, session, Change::Done { number, message });
        }
    }

    fn complete(&mut self, ops: &mut BTreeMap<u16, Vec<Op>>) {
        let Some((session, held)) = self.any_session() else {
            return;
        };
        if let Some(id) = held.released.keys().next() {
            push(ops, session, Change::Completed(*id));
        }
    }

    fn receive(&mut self, ops: &mut BTreeMap<u16, Vec<Op>>) {
        let Some((session, held)) = self.any_session() else {
            return;
        };
        match held.received.keys().next() {
            Some(id) if self.chance.one_in(2) => push(ops, session, Change::Forgotten(*id)),
            _ => {
                let id = u16::try_from(self.chance.below(65_535)).unwrap() + 1;
                push(ops, session, Change::Received(PacketId::new(id).unwrap()));
            }
        }
    }

    fn end(&mut self, ops: &mut BTreeMap<u16, Vec<Op>>) {
        if let Some((session, _)) = self.any_session() {
            push(ops, session, Change::Ended);
        }
    }

    /// A retained message, or the end of one. Some come late, behind newer ones.
    fn retain(&mut self, ops: &mut BTreeMap<u16, Vec<Op>>) {
        let name = ["r/1", "r/2", "r/3"][self.chance.below(3)];
        self.ids.version += 1;
        let op = if self.chance.one_in(3) {
            Op::Unretain {
                topic: topic(name),
                version: self.ids.version,
            }
        } else {
            let mut message = self.message(name);
            message.version = Some(self.ids.version);
            message.retain = true;
            let after = Duration::from_millis([900, 100_000_000][self.chance.below(2)]);
            Op::Retain {
                message: Arc::new(message),
                ends: self.chance.one_in(2).then_some(self.now + after),
            }
        };
        let arbiter = u16::try_from(self.chance.below(usize::from(ARBITERS))).unwrap();
        let list = ops.entry(arbiter).or_default();
        if self.chance.one_in(4) {
            self.late.push(op);
        } else {
            list.push(op);
        }
        if self.chance.one_in(3) {
            list.append(&mut self.late);
        }
        ops.retain(|_, list| !list.is_empty());
    }

    fn message(&mut self, name: &str) -> Message {
        self.ids.message += 1;
        let after = Duration::from_secs(200_000);
        Message {
            id: MessageId((self.ids.run << RUN_SHIFT) + self.ids.message),
            topic: topic(name),
            payload: self.payload(),
            qos: self.qos(),
            retain: false,
            properties: self.chance.one_in(3).then(|| self.properties()),
            from: self
                .chance
                .one_in(2)
                .then(|| ClientId::new(text("publisher")).unwrap()),
            received: self.now,
            expires: self.chance.one_in(3).then_some(self.now + after),
            version: None,
        }
    }

    fn properties(&mut self) -> Box<PublishProperties> {
        let user = (text("name"), text("value"));
        Box::new(PublishProperties {
            payload_is_utf8: [None, Some(false), Some(true)][self.chance.below(3)],
            message_expiry: self.chance.one_in(4).then_some(3600),
            topic_alias: None,
            response_topic: self.chance.one_in(3).then(|| text("answers")),
            correlation_data: self.chance.one_in(3).then(|| self.payload()),
            user: vec![user; self.chance.below(3)],
            subscription_ids: Vec::new(),
            content_type: self.chance.one_in(3).then(|| text("text/plain")),
        })
    }

    fn payload(&mut self) -> Bytes {
        let byte = u8::try_from(self.chance.below(256)).unwrap();
        let length = self.chance.below(self.payload_max);
        Bytes::from(vec![byte; length])
    }

    fn qos(&mut self) -> QoS {
        QoS::from_number(u8::try_from(self.chance.below(3)).unwrap()).unwrap()
    }

    fn any_session(&mut self) -> Option<(SessionKey, Held)> {
        let at = self.chance.below(self.model.sessions.len());
        let found = self.model.sessions.iter().nth(at);
        found.map(|(session, held)| (*session, held.clone()))
    }
}

fn push(ops: &mut BTreeMap<u16, Vec<Op>>, session: SessionKey, change: Change) {
    let arbiter = u16::try_from(session.0 % u64::from(ARBITERS)).unwrap();
    ops.entry(arbiter)
        .or_default()
        .push(Op::Session(session, change));
}

fn is_of(op: &Op, session: SessionKey) -> bool {
    matches!(op, Op::Session(of, _) if *of == session)
}

pub(crate) fn text(text: &str) -> Text {
    Text::try_from(text).unwrap()
}

pub(crate) fn topic(name: &str) -> TopicName {
    TopicName::new(text(name)).unwrap()
}
