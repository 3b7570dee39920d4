//! Sessions that outlive their process: what has to be stored, and what waits until it is.
//!
//! A message of QoS 1 goes to the client at once; it is stored so that the publisher can be answered. One
//! of QoS 2 waits until it is stored, and so does whatever its publisher may not have the client get
//! before: after a restart its packet id must lead to the same message.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use castmq_mqtt::{PacketId, QoS};
use serde::{Deserialize, Serialize};

use crate::session::change::Presence;
use crate::session::{
    Action, Change, DropReason, Page, Record, Restored, Session, SessionSettings, State,
};
use crate::window::FIRST_NAME;
use crate::{ClientId, Delivery, MessageId, Moment};

/// After so many messages the record of the session is stored anew, so that a restart need not look for
/// the first message far behind it.
const RECORD_EVERY: u32 = 8192;

/// How long after a page could not be read it is asked for again.
const READ_AGAIN: Duration = Duration::from_secs(1);

/// How long a page may take before it is taken for lost.
const READ_PATIENCE: Duration = Duration::from_secs(10);

/// What a session knows of its share of the store.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Kept {
    /// What all messages so far weigh together.
    weight_sum: u64,
    /// Messages that must not leave before they are stored; those that were given up in the meantime
    /// with what is to be deleted then.
    unstored: BTreeMap<u64, Option<MessageId>>,
    /// Messages with a lower number may have been sent before a restart.
    sent_below: u64,
    /// Whether a page is being read.
    is_reading: bool,
    /// When to ask for a page again that could not be read, or did not come.
    read_again: Option<Moment>,
    /// Messages done with since the last record.
    done: u32,
}

impl Kept {
    pub(super) fn is_reading(&self) -> bool {
        self.is_reading
    }
}

/// What a process of a session that failed leaves behind besides what is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOver {
    /// The number that its next message would have got.
    next: u64,
    unstored: BTreeMap<u64, Option<MessageId>>,
    /// Whether its will is still to be published: one that is on its way is stored until it is there.
    has_will: bool,
}

impl LeftOver {
    /// Whether the will is still to be published.
    pub(super) fn has_will(&self) -> bool {
        self.has_will
    }
}

impl Kept {
    /// Messages with a lower number may have been sent before a restart.
    pub(super) fn sent_below(&self) -> u64 {
        self.sent_below
    }
}

impl Session {
    /// A new session that outlives its connection and its process.
    #[must_use]
    pub fn new_kept(client_id: &ClientId, settings: Arc<SessionSettings>, now: Moment) -> Self {
        let mut session = Self::new(client_id, settings, now);
        session.kept = Some(Box::default());
        session.queue.begin_at(FIRST_NAME);
        session.window.restore(&[], FIRST_NAME, now);
        session
    }

    /// A session as a store has kept it. Its client is away; if it was there when the broker went, it is
    /// taken for leaving now. The messages stay in the store until it comes.
    #[must_use]
    pub fn restore(restored: Restored, settings: Arc<SessionSettings>, now: Moment) -> Self {
        let Restored {
            record,
            subscriptions,
            released,
            received,
            queue,
        } = restored;
        let mut session = Self::new(&record.client_id, settings, now);
        let mut kept = Box::new(Kept {
            weight_sum: record.weight_sum,
            ..Kept::default()
        });
        session.epoch = record.epoch;
        session.expiry = record.expiry;
        session.user_name = record.user_name;
        let near = queue.next.max(record.next).max(FIRST_NAME);
        let next = session.window.restore(&released, near, now);
        session.queue.restore(queue, &session.settings.queue);
        session.queue.begin_at(next);
        for id in received {
            session.awaiting_rel.restore(id);
        }
        for (subscription, entry) in subscriptions {
            // What was stored was allowed; a lower limit is for those to come.
            let _ = session
                .subscriptions
                .insert(&subscription, entry, usize::MAX);
        }
        session.will.handle_connected(record.will);
        match record.presence {
            Presence::Connected => {
                kept.sent_below = next;
                session.ends = session.expiry.deadline(now);
                session.will.handle_disconnected(session.ends, now);
            }
            Presence::Away {
                ends,
                will_due,
                sent_below,
            } => {
                kept.sent_below = sent_below;
                session.ends = ends;
                session.will.restore_due(will_due);
            }
        }
        session.kept = Some(kept);
        session
    }

    /// Whether it outlives its process.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.kept.is_some()
    }

    /// As [`Self::handle_delivery`], for a message that must not reach the client before it is stored.
    pub fn handle_delivery_once_stored(&mut self, delivery: Delivery, now: Moment) {
        self.take_delivery(delivery, true, now);
    }

    /// A message is stored that waited for it. Says nothing of one that did not.
    pub fn handle_stored(&mut self, number: u64, now: Moment) {
        let Some(kept) = &mut self.kept else { return };
        match kept.unstored.remove(&number) {
            None => return,
            Some(Some(message)) => self.store(Change::Done { number, message }),
            Some(None) => {}
        }
        self.fill(now);
        self.check();
    }

    /// The answer to [`Action::ReadQueue`].
    pub fn handle_page(&mut self, page: Page, now: Moment) {
        let Some(kept) = &mut self.kept else { return };
        kept.is_reading = false;
        kept.read_again = None;
        let sent_below = kept.sent_below;
        // What came before in memory is sent before it.
        let mut is_first = self.queue.is_next_in_store();
        for (number, delivery) in self.queue.take_page(page) {
            // It was on its way to the client, or may have been: that is no matter of the queue's bounds.
            is_first =
                is_first && number < sent_below && self.window.restore_sent(number, &delivery, now);
            if !is_first {
                self.queue.put_read(number, delivery, &self.settings.queue);
            }
        }
        let mut victims = Vec::new();
        self.queue.trim(&self.settings.queue, &mut victims);
        for (reason, number, victim) in victims {
            self.give_up(reason, number, victim);
        }
        self.fill(now);
        self.check();
    }

    /// The page could not be read: it is asked for again, but not at once.
    pub fn handle_page_failed(&mut self, now: Moment) {
        if let Some(kept) = &mut self.kept {
            kept.is_reading = false;
            kept.read_again = Some(now + READ_AGAIN);
        }
    }

    /// What a process that failed leaves to the one that takes over, besides what is stored.
    #[must_use]
    pub fn left_over(&self) -> LeftOver {
        let unstored = self.kept.as_ref().map(|kept| kept.unstored.clone());
        LeftOver {
            next: self.queue.next_number(),
            unstored: unstored.unwrap_or_default(),
            has_will: self.will.is_set(),
        }
    }

    /// Takes that over: numbers that were given out are not given out again, and what is still on its way
    /// into the store is waited for.
    pub fn handle_left_over(&mut self, left_over: LeftOver) {
        let unstored = left_over.unstored.keys().next().copied();
        let from = unstored.unwrap_or(u64::MAX);
        self.queue.extend_stored(from, left_over.next);
        if let Some(kept) = &mut self.kept {
            kept.unstored = left_over.unstored;
        }
        if !left_over.has_will {
            self.will.discard();
        }
    }

    /// The id of a message of the client that is still on its way into the store.
    pub fn handle_received_before(&mut self, id: PacketId) {
        self.awaiting_rel.restore(id);
    }

    pub(super) fn store(&mut self, change: Change) {
        if self.is_kept() {
            self.actions.push(Action::Store(change));
        }
    }

    pub(super) fn record(&self) -> Record {
        let next = self.queue.next_number();
        let unstored = self.kept.as_ref().and_then(|kept| {
            let first = kept.unstored.keys().next();
            first.copied()
        });
        let alive = [self.window.first_name(), self.queue.first(), unstored];
        let first_waiting = self.queue.first().unwrap_or(next);
        let sent_below = self.kept.as_ref().map_or(0, |kept| kept.sent_below);
        Record {
            client_id: self.client_id.clone(),
            epoch: self.epoch,
            expiry: self.expiry,
            presence: if self.is_connected() {
                Presence::Connected
            } else {
                Presence::Away {
                    ends: self.ends,
                    will_due: self.will.due(),
                    sent_below: first_waiting.max(sent_below),
                }
            },
            will: self.will.will().cloned().map(Box::new),
            user_name: self.user_name.clone(),
            first: alive.into_iter().flatten().min().unwrap_or(next),
            next,
            weight_sum: self.kept.as_ref().map_or(0, |kept| kept.weight_sum),
        }
    }

    /// The record as it is to be stored now.
    #[must_use]
    pub fn record_change(&self) -> Change {
        Change::Record(Box::new(self.record()))
    }

    pub(super) fn store_record(&mut self) {
        if self.is_kept() && self.state != State::Ended {
            self.store(self.record_change());
        }
    }

    /// A message that has come and is to be stored.
    pub(super) fn store_queued(&mut self, number: u64, delivery: Delivery, waits: bool) {
        let Some(kept) = &mut self.kept else { return };
        kept.weight_sum += delivery.message.weight() as u64;
        if waits || delivery.qos == QoS::ExactlyOnce {
            kept.unstored.insert(number, None);
        }
        let weight_sum = kept.weight_sum;
        self.store(Change::Queued {
            number,
            weight_sum,
            delivery,
        });
    }

    /// A message is done with: acknowledged, or given up.
    pub(super) fn store_done(&mut self, number: u64, message: MessageId) {
        let Some(kept) = &mut self.kept else { return };
        if let Some(doomed) = kept.unstored.get_mut(&number) {
            *doomed = Some(message);
            return;
        }
        kept.done += 1;
        let is_time = kept.done >= RECORD_EVERY;
        self.store(Change::Done { number, message });
        if is_time {
            self.count_anew();
            self.store_record();
        }
    }

    /// PUBREC came for a message: it is done with, its id is not.
    pub(super) fn store_released(
        &mut self,
        packet_id: PacketId,
        received: &crate::window::Received,
    ) {
        self.store(Change::Released {
            number: received.number,
            message: received.delivery.message.id,
            packet_id,
            order: received.order,
        });
    }

    /// A message that was in the queue is given up.
    pub(super) fn give_up(&mut self, reason: DropReason, number: u64, delivery: Delivery) {
        if delivery.qos != QoS::AtMostOnce {
            self.store_done(number, delivery.message.id);
        }
        self.dropped(reason, delivery);
    }

    /// Whether a message may leave as far as the store is concerned.
    #[must_use]
    pub fn is_stored(&self, number: u64) -> bool {
        self.kept
            .as_ref()
            .is_none_or(|kept| !kept.unstored.contains_key(&number))
    }

    /// Whether a message may have been sent before a restart.
    // [MQTT3-3.3.1-1] [MQTT5-3.3.1-1]
    pub(super) fn may_be_repetition(&self, number: u64) -> bool {
        self.kept
            .as_ref()
            .is_some_and(|kept| number < kept.sent_below)
    }

    /// Has the next messages read, if few are left in memory and somebody waits for them: the client, or
    /// those that the queue has no room for.
    pub(super) fn read_queue(&mut self, now: Moment) {
        let is_connected = self.is_connected();
        let settings = &self.settings.queue;
        let Some(kept) = &mut self.kept else { return };
        let is_early = kept.read_again.is_some_and(|at| at > now);
        let is_wanted = is_connected || self.queue.has_to_shrink(settings);
        if kept.is_reading || is_early || !is_wanted || !self.queue.wants_page(settings) {
            return;
        }
        let Some(stored) = self.queue.stored() else {
            return;
        };
        let until = kept
            .unstored
            .range(stored.first..)
            .next()
            .map_or(stored.next, |(first, _)| (*first).min(stored.next));
        if until <= stored.first {
            return;
        }
        kept.is_reading = true;
        kept.read_again = Some(now + READ_PATIENCE);
        let pull = super::ReadQueue {
            from: stored.first,
            until,
            len_max: settings.memory_len_max.max(1),
            bytes_max: settings.memory_bytes_max.max(1),
        };
        self.actions.push(Action::ReadQueue(pull));
    }

    /// The moment has come to ask for a page again.
    pub(super) fn read_late(&mut self, now: Moment) {
        if let Some(kept) = &mut self.kept
            && kept.read_again.is_some_and(|at| at <= now)
        {
            kept.is_reading = false;
            kept.read_again = None;
            self.read_queue(now);
        }
    }

    /// Nothing is read any more: the session is over.
    pub(super) fn stop_reading(&mut self) {
        if let Some(kept) = &mut self.kept {
            kept.read_again = None;
        }
    }

    /// When to ask again for a page.
    pub(super) fn read_again(&self) -> Option<Moment> {
        self.kept.as_ref().and_then(|kept| kept.read_again)
    }

    fn count_anew(&mut self) {
        if let Some(kept) = &mut self.kept {
            kept.done = 0;
        }
    }
}
