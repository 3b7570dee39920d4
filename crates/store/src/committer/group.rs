//! Turns what arbiters handed over into rows.

use std::collections::HashMap;

use castmq_mqtt::PacketId;
use castmq_rules::session::Change;
use castmq_rules::{Delivery, Message, MessageId, Moment};

use super::batch::{Batch, Deleted};
use super::bodies::{Bodies, Left};
use super::ends::Ends;
use super::over::Over;
use super::sweep::Sweep;
use super::versions::Versions;
use crate::codec::{self, Encoder, queue, unseal};
use crate::{Account, Key, Op, SessionKey, Space, Store, Submission, Timeline, space};

/// What building a group changes beside the batch.
#[derive(Debug)]
pub(super) struct Parts<'parts> {
    pub(super) bodies: &'parts mut Bodies,
    pub(super) versions: &'parts mut Versions,
    pub(super) sweep: &'parts mut Sweep,
    pub(super) ends: &'parts mut Ends,
    pub(super) over: &'parts mut Over,
}

/// Builds a group.
#[derive(Debug)]
pub(super) struct Builder<'parts> {
    store: &'parts dyn Store,
    timeline: Timeline,
    parts: Parts<'parts>,
    pub(super) batch: Batch,
    /// How often each message is queued in this group.
    queued: HashMap<MessageId, u32, ahash::RandomState>,
}

impl<'parts> Builder<'parts> {
    pub(super) fn new(store: &'parts dyn Store, timeline: Timeline, parts: Parts<'parts>) -> Self {
        Self {
            store,
            timeline,
            parts,
            batch: Batch::default(),
            queued: HashMap::default(),
        }
    }

    /// Adds a group.
    pub(super) fn add(&mut self, group: Vec<Submission>) {
        for submission in &group {
            for op in &submission.ops {
                if let Op::Session(_, Change::Queued { delivery, .. }) = op {
                    *self.queued.entry(delivery.message.id).or_default() += 1;
                }
            }
        }
        for op in group.into_iter().flat_map(|submission| submission.ops) {
            match op {
                Op::Session(session, change) => self.change(session, change),
                Op::Retain { message, ends } => self.retain(&message, ends),
                Op::Account { account, text } => self.account(&account, text.as_deref()),
                Op::Unretain { topic, version } => {
                    if self.parts.versions.is_not_older(&topic, version) {
                        self.parts.versions.remember_deletion(&topic, version);
                        let key = Key::from_slice(topic.as_str().as_bytes());
                        self.batch.delete(Space::Retained, key);
                    }
                }
            }
        }
    }

    fn account(&mut self, account: &Account, text: Option<&str>) {
        let key = codec::account::key(account);
        match text {
            None => self.batch.delete(Space::Users, key),
            Some(text) => self.put(Space::Users, key, text.len() + 10, |to| {
                codec::account::encode(text, to);
            }),
        }
    }

    fn change(&mut self, session: SessionKey, change: Change) {
        if self.parts.over.is_late(session, &change) {
            return;
        }
        match change {
            Change::Record(record) => {
                self.parts.ends.touch(session, &mut self.batch);
                let key = space::session(session);
                self.put(Space::Sessions, key, codec::session::CAPACITY, |to| {
                    codec::session::encode(&record, to);
                });
            }
            Change::Subscribed(subscription, entry) => {
                let filter = subscription.to_string();
                let key = space::subscription(session, &filter);
                let capacity = codec::subscription::CAPACITY;
                self.put(Space::Subscriptions, key, capacity, |to| {
                    codec::subscription::encode(&entry, &filter, to);
                });
            }
            Change::Unsubscribed(subscription) => {
                let key = space::subscription(session, &subscription.to_string());
                self.batch.delete(Space::Subscriptions, key);
            }
            Change::Queued {
                number,
                weight_sum,
                delivery,
            } => {
                self.parts.ends.touch(session, &mut self.batch);
                self.queue(space::queued(session, number), weight_sum, &delivery);
            }
            Change::Done { number, message } => {
                self.parts.ends.touch(session, &mut self.batch);
                self.done(&space::queued(session, number), message);
            }
            Change::Released {
                number,
                message,
                packet_id,
                order,
            } => {
                self.parts.ends.touch(session, &mut self.batch);
                self.done(&space::queued(session, number), message);
                let key = space::packet(session, packet_id);
                self.put(Space::Released, key, 10, |to| to.number(order));
            }
            Change::Completed(id) => self.forget(Space::Released, session, id),
            Change::Received(id) => {
                self.put(Space::Received, space::packet(session, id), 0, |_| {});
            }
            Change::Forgotten(id) => self.forget(Space::Received, session, id),
            Change::Ended => self.end(session),
        }
    }

    /// The session goes now; its other rows go when there is time, and that is remembered.
    fn end(&mut self, session: SessionKey) {
        self.batch.delete(Space::Sessions, space::session(session));
        self.put(Space::Meta, codec::meta::ended(session), 0, |_| {});
        self.parts.ends.forget(session, &mut self.batch);
        self.parts.sweep.add(session);
    }

    fn forget(&mut self, space: Space, session: SessionKey, id: PacketId) {
        self.batch.delete(space, space::packet(session, id));
    }

    fn queue(&mut self, key: Key, weight_sum: u64, delivery: &Delivery) {
        let message = &delivery.message;
        let form = self.form(message.id);
        if form == queue::Form::Body {
            if !self.parts.bodies.exists(message.id) {
                let value = self.body(message);
                let body = space::body(message.id.0);
                self.batch.put_new(Space::Bodies, body, value, None);
            }
            self.parts.bodies.add(message.id);
        }
        let mut to = Encoder::new(self.timeline, queue::capacity(delivery, form));
        let weights = (message.weight() as u64, weight_sum);
        queue::encode(delivery, weights, form, &mut to);
        let value = to.seal(Space::Queue, &key);
        let reference = (form == queue::Form::Body).then_some(message.id);
        self.batch.put_new(Space::Queue, key, value, reference);
    }

    /// A message that goes to one session is in its queue; one that goes to several is stored once.
    fn form(&self, id: MessageId) -> queue::Form {
        let is_shared = self.queued.get(&id).is_some_and(|times| *times > 1);
        if self.parts.bodies.exists(id) || is_shared && self.parts.bodies.is_counted(id) {
            queue::Form::Body
        } else {
            queue::Form::Inline
        }
    }

    fn body(&self, message: &Message) -> Vec<u8> {
        let mut to = Encoder::new(self.timeline, codec::message::capacity(message));
        codec::message::encode(message, &mut to);
        to.seal(Space::Bodies, &space::body(message.id.0))
    }

    fn done(&mut self, key: &Key, message: MessageId) {
        let reference = match self.batch.delete_written_once(Space::Queue, key.clone()) {
            Deleted::New(reference) => reference,
            Deleted::Stored => self.stored_reference(key, message),
            Deleted::Again => None,
        };
        if let Some(id) = reference {
            release(self.parts.bodies, &mut self.batch, id, key);
        }
    }

    /// Whether a row of the store refers to the message's body. When that cannot be read the body
    /// stays, until the next start sweeps it.
    fn stored_reference(&self, key: &Key, message: MessageId) -> Option<MessageId> {
        if !self.parts.bodies.may_be_referred_to(message, key) {
            return None;
        }
        let value = self.store.get(Space::Queue, key).ok()??;
        let row = (Space::Queue, key.as_slice());
        unseal(row, &value, self.timeline, queue::decode_reference).ok()?
    }

    fn retain(&mut self, message: &Message, ends: Option<Moment>) {
        let version = message.version.unwrap_or_default();
        if self.parts.versions.is_newest(&message.topic, version) {
            let key = Key::from_slice(message.topic.as_str().as_bytes());
            let capacity = codec::message::capacity(message);
            self.put(Space::Retained, key, capacity, |to| {
                codec::retained::encode(message, ends, to);
            });
        }
    }

    fn put(&mut self, space: Space, key: Key, capacity: usize, encode: impl FnOnce(&mut Encoder)) {
        let mut to = Encoder::new(self.timeline, capacity);
        encode(&mut to);
        let value = to.seal(space, &key);
        self.batch.put(space, key, value);
    }
}

/// A row that referred to a body has gone; with the last one the body goes.
pub(super) fn release(bodies: &mut Bodies, batch: &mut Batch, id: MessageId, row: &[u8]) {
    if bodies.remove(id, row) == Left::Nothing {
        batch.delete_written_once(Space::Bodies, space::body(id.0));
    }
}
