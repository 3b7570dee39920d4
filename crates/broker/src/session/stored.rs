//! A session and its share of the store: what it puts in, what waits for that, and how it comes back.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use castmq_mqtt::{PacketId, QoS, ReasonCode};
use castmq_observe::trace::Token;
use castmq_observe::{Counter, Event};
use castmq_otp::{Address, Process};
use castmq_rules::ack_order::{Outcome, Sequence};
use castmq_rules::claim::Fate;
use castmq_rules::session::{
    self as rules, Action, Change, DownReason, DropReason, EndReason, Page, ReadQueue, Restored,
};
use castmq_rules::{Message, MessageId};
use castmq_store::{Op, SessionKey};

use super::{Session, SessionEntry, Successor, to_sm};
use crate::client::{Client, ClientEntry};
use crate::ledger::{Loss, Reason};
use crate::parcel::AnswerTo;
use crate::server::{self, Published};
use crate::sm::SmEntry;
use crate::store::collector::{self, AfterWill, Cause};
use crate::store::{Receipt, SessionChange, Waiter};
use crate::timeline::{self, Happening};
use crate::{Shard, client, ledger, now, pubsub, store, trace};

/// A session's share of the store.
#[derive(Debug)]
pub(super) struct Kept {
    key: SessionKey,
    /// Messages of its client that are not stored yet, and who collects what belongs to them.
    collecting: Vec<(PacketId, u32)>,
    /// Repetitions of messages of which it is stored, or not, what became of them, but not heard here.
    repeated: Vec<(PacketId, (Address<Client>, Sequence))>,
    /// What came while the session is read from the store, because its process had failed.
    loading: Option<Loading>,
    /// Who gets the client id when it is over.
    successor: Option<Box<Successor>>,
    /// How often it was read because its process had failed.
    reloads: u8,
    /// Wills on their way to be stored with those who get them. Until they are there the stored record
    /// still has them, and no newer one takes its place.
    wills_out: u32,
}

/// What has to wait for a will that is on its way; no submission has this number.
const WITH_THE_WILL: u64 = u64::MAX;

/// What a client that is not connected yet is told when it is, at most; QoS 1 and 2 are bounded by the
/// window, QoS 0 by this.
const HELD_MAX: usize = 1024;

/// How long after a session could not be read it is tried again.
const LOAD_AGAIN: Duration = Duration::from_secs(1);

/// After so many failures a session is not started again in this life of the node.
const RELOADS_MAX: u8 = 10;

/// See [`Kept`].
#[derive(Debug)]
struct Loading {
    came: Vec<SessionEntry>,
    /// Whether it could not be read, and is tried again.
    is_late: bool,
    left_over: rules::LeftOver,
}

impl Kept {
    pub(super) fn new(key: SessionKey) -> Box<Self> {
        Box::new(Self {
            key,
            collecting: Vec::new(),
            repeated: Vec::new(),
            loading: None,
            successor: None,
            reloads: 0,
            wills_out: 0,
        })
    }
}

impl Session {
    /// A session that the store has kept.
    #[must_use]
    pub fn restore(
        address: Address<Self>,
        shard_settings: Arc<rules::SessionSettings>,
        key: SessionKey,
        (restored, at): (Restored, castmq_rules::Moment),
    ) -> Self {
        let client_id = restored.record.client_id.clone();
        let settings = Arc::clone(&shard_settings);
        let mut session = Self::new(address, &client_id, shard_settings, at);
        let subscriptions = &restored.subscriptions;
        session.has_groups = subscriptions
            .iter()
            .any(|(subscription, _)| subscription.is_shared());
        session.state = super::recorded::watched(rules::Session::restore(restored, settings, at));
        session.kept = Some(Kept::new(key));
        session
    }

    /// Whether it outlives the process.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.kept.is_some()
    }

    /// The key under which it is stored.
    #[must_use]
    pub fn key(&self) -> Option<SessionKey> {
        self.kept.as_ref().map(|kept| kept.key)
    }

    /// Hands a change to the store.
    pub(super) fn store(&mut self, shard: &mut Shard, change: Change) {
        let Some(kept) = &self.kept else { return };
        if kept.wills_out > 0 && matches!(change, Change::Record(_)) {
            self.safe_at = WITH_THE_WILL;
            return;
        }
        self.put(shard, kept.key, change);
    }

    /// A will is stored, and the record of that moment with it.
    pub(super) fn will_stored(&mut self, shard: &mut Shard) {
        let Some(kept) = &mut self.kept else { return };
        kept.wills_out = kept.wills_out.saturating_sub(1);
        if kept.wills_out > 0 || self.safe_at != WITH_THE_WILL {
            return;
        }
        let record = self.state.record_change();
        self.store(shard, record);
        let held = self.held.iter_mut().flat_map(|held| held.iter_mut());
        let waiting = held.filter(|(number, _)| *number == WITH_THE_WILL);
        waiting.for_each(|(number, _)| *number = self.safe_at);
        store::wait(shard, Waiter::Held(self.address));
    }

    fn put(&mut self, shard: &mut Shard, key: SessionKey, change: Change) {
        let waits = if let Change::Queued { number, .. } = &change {
            (!self.state.is_stored(*number)).then_some(*number)
        } else {
            None
        };
        store::put(shard, Op::Session(key, change));
        if self.safe_at != WITH_THE_WILL || !self.has_will_out() {
            self.safe_at = shard.world.pending.last();
        }
        if let Some(number) = waits {
            store::wait(shard, Waiter::Stored(self.address, number));
        }
    }

    /// Carries out what the rules decided about a message for which there is a receipt: what is stored
    /// together with the rest of the publish goes to the receipt.
    pub(super) fn perform_for(&mut self, shard: &mut Shard, receipt: &Rc<Receipt>) {
        while let Some(action) = self.state.poll_action() {
            match (action, self.key()) {
                (Action::Store(change @ Change::Queued { .. }), Some(key))
                    if receipt.collects() =>
                {
                    let session = self.address;
                    receipt.add(SessionChange {
                        session,
                        key,
                        change,
                    });
                }
                (action, _) => self.perform_one(shard, action),
            }
        }
    }

    /// Tells its client when everything that the session has put in is stored.
    pub(super) fn tell_when_stored(&mut self, shard: &mut Shard, entry: ClientEntry) {
        let is_safe = shard.world.pending.is_stored(self.safe_at);
        if is_safe {
            return self.tell_in_order(shard, entry);
        }
        let last = self.held.as_ref().and_then(|held| held.back());
        let is_waited_for = self.safe_at == WITH_THE_WILL
            || last.is_some_and(|(number, _)| *number == self.safe_at);
        let held = self.held.get_or_insert_default();
        held.push_back((self.safe_at, entry));
        if !is_waited_for {
            store::wait(shard, Waiter::Held(self.address));
        }
    }

    /// Tells its client, but not before what it waits to be told.
    pub(super) fn tell_in_order(&mut self, shard: &mut Shard, entry: ClientEntry) {
        let is_connecting = self
            .held
            .iter()
            .flat_map(|held| held.front())
            .any(|(_, first)| matches!(first, ClientEntry::Claimed { .. }));
        if let ClientEntry::Publish(outgoing) = &entry
            && outgoing.packet_id.is_none()
            && !is_connecting
        {
            // Nothing about QoS 0 is promised, so it waits for no promise.
            let message = outgoing.delivery.message.id;
            if !self.to_client(shard, entry) {
                self.lost_with_connection(shard, message);
            }
            return;
        }
        match &mut self.held {
            Some(held) if !held.is_empty() => {
                if held.len() >= HELD_MAX
                    && let ClientEntry::Publish(outgoing) = &entry
                    && outgoing.packet_id.is_none()
                {
                    let reason = DropReason::Qos0OverQuota;
                    return self.dropped(shard, reason, &outgoing.delivery);
                }
                let number = held.back().map_or(0, |(number, _)| *number);
                held.push_back((number, entry));
            }
            _ => {
                self.to_client(shard, entry);
            }
        }
    }

    /// What it had put in is stored.
    pub(super) fn committed(&mut self, shard: &mut Shard) {
        while let Some(held) = &mut self.held
            && let Some((number, _)) = held.front()
            && shard.world.pending.is_stored(*number)
        {
            let Some((_, entry)) = held.pop_front() else {
                break;
            };
            let is_claim = matches!(entry, ClientEntry::Claimed { .. });
            let token = self.flow_of(shard, &entry);
            let is_told = shard.under(token, |shard| self.to_client(shard, entry));
            if !is_told && is_claim {
                let epoch = self.state.epoch();
                self.disconnected(shard, epoch, DownReason::Closed);
            }
        }
        self.held.take_if(|held| held.is_empty());
    }

    /// What is told belongs to the flow of its message.
    fn flow_of(&self, shard: &Shard, entry: &ClientEntry) -> Option<Token> {
        if let ClientEntry::Publish(outgoing) = entry
            && self.is_followed
            && shard.is_tracing()
        {
            return trace::flow_of(shard, self.address.slot, &outgoing.delivery.message);
        }
        shard.tracer.token()
    }

    /// Whoever it was to be told to is gone.
    pub(super) fn forget_held(&mut self, shard: &mut Shard) {
        for (_, entry) in self.held.take().into_iter().flat_map(|held| *held) {
            if let ClientEntry::Publish(outgoing) = entry {
                client::lost_with_connection(shard, Some(self.client_id()), &outgoing);
            }
        }
    }

    /// The connection had ended before it got a message of QoS 0.
    fn lost_with_connection(&self, shard: &mut Shard, message: MessageId) {
        shard.count(Counter::MessagesDropped);
        let loss = Loss::new(Reason::CONNECTION_CLOSED).client(self.client_id());
        let loss = loss.qos(QoS::AtMostOnce);
        let message = Some(message);
        ledger::enter(shard, Loss { message, ..loss });
    }

    /// CONNACK, when everything that it promises is handed to the store.
    pub(super) fn announce(&mut self, shard: &mut Shard) {
        if let Some(claimed) = self.claimed.take() {
            self.tell_when_stored(shard, claimed);
        }
    }

    /// A new message of QoS 2 from its client: that its id is known is stored with what becomes of it.
    pub(super) fn publish_kept(
        &mut self,
        shard: &mut Shard,
        packet_id: PacketId,
        message: Arc<Message>,
        (client, sequence): (Address<Client>, Sequence),
    ) -> Published {
        let session = self.address;
        let Some(key) = self.key() else {
            return Published::Stopped;
        };
        let cause = Cause::Received {
            session,
            key,
            packet_id,
        };
        let way = self.way.along(&message);
        let waiting = Some((client, sequence));
        let (number, published) = collector::publish(shard, cause, waiting, |shard, to| {
            server::publish_along(shard, message, way, Some(session), Some(to))
        });
        if let Some(kept) = &mut self.kept {
            kept.collecting.push((packet_id, number));
        }
        published
    }

    /// A repetition: answered as the first one is, and not before.
    // [MQTT3-4.3.3-2] [MQTT5-4.3.3-10]
    pub(super) fn repeated(
        &mut self,
        shard: &mut Shard,
        packet_id: PacketId,
        (client, sequence): (Address<Client>, Sequence),
    ) -> Result<Published, ReasonCode> {
        let collecting = self.kept.as_ref().and_then(|kept| {
            let mut collecting = kept.collecting.iter();
            collecting.find(|(id, _)| *id == packet_id)
        });
        let Some(&(_, number)) = collecting else {
            return Err(ReasonCode::Success);
        };
        if !collector::also(shard, number, (client, sequence))
            && let Some(kept) = &mut self.kept
        {
            // What has become of the first one is on its way here.
            kept.repeated.push((packet_id, (client, sequence)));
        }
        let (arbiters, here) = (1, None);
        Ok(Published::To { arbiters, here })
    }

    /// What became of a message of its client is stored, or that it was refused.
    pub(super) fn received_stored(
        &mut self,
        shard: &mut Shard,
        packet_id: PacketId,
        is_refused: bool,
    ) {
        if is_refused {
            self.state.handle_publish_refused(packet_id);
        }
        let repeated = self.kept.iter_mut().flat_map(|kept| {
            let all = kept.repeated.extract_if(.., |(id, _)| *id == packet_id);
            all.collect::<Vec<_>>()
        });
        let outcome = if is_refused {
            Outcome::Refused(ReasonCode::UnspecifiedError)
        } else {
            Outcome::Accepted
        };
        for (_, (client, sequence)) in repeated.collect::<Vec<_>>() {
            pubsub::answer(shard, AnswerTo::Client { client, sequence }, outcome);
        }
        if let Some(kept) = &mut self.kept
            && let Some(at) = kept.collecting.iter().position(|(id, _)| *id == packet_id)
        {
            kept.collecting.swap_remove(at);
        }
    }

    /// Has messages read, when all that it has put in is there to be read.
    pub(super) fn read_queue(&self, shard: &mut Shard, read: ReadQueue) {
        if let Some(key) = self.key() {
            store::wait(shard, Waiter::Read(self.address, key, read));
        }
    }

    pub(super) fn page(&mut self, shard: &mut Shard, page: Option<Box<Page>>) {
        match page {
            Some(page) => self.state.handle_page(*page, now(shard)),
            None => self.state.handle_page_failed(now(shard)),
        }
    }

    pub(super) fn dropped_unread(&self, shard: &mut Shard, count: usize) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        shard.cells.add(Counter::DeliveriesDropped, count);
        shard.cells.add(Counter::MessagesDropped, count);
        let loss = Loss::new(DropReason::SessionEnded.name()).client(self.client_id());
        ledger::enter(shard, loss.count(count));
    }

    /// The session has to end; another one may follow.
    pub(super) fn end(
        &mut self,
        shard: &mut Shard,
        reason: EndReason,
        successor: Option<Box<Successor>>,
    ) {
        match (&mut self.kept, successor) {
            (Some(kept), successor) => kept.successor = successor,
            // Nothing of this one is stored that would have to go first.
            (None, Some(successor)) => successor.connect(shard),
            (None, None) => {}
        }
        self.state.end(reason);
    }

    /// What was to follow follows.
    pub(super) fn hand_over(&mut self, shard: &mut Shard) {
        let successor = self.kept.as_mut().and_then(|kept| kept.successor.take());
        if let Some(successor) = successor {
            successor.connect(shard);
        }
    }

    /// What is stored together with a will. Who follows a session that is over follows when that is
    /// stored.
    pub(super) fn after_will(&mut self, after: Option<Change>) -> Option<AfterWill> {
        let kept = self.kept.as_mut()?;
        let change = after?;
        let successor = if change == Change::Ended {
            kept.successor.take()
        } else {
            kept.wills_out += 1;
            None
        };
        Some(AfterWill {
            key: kept.key,
            change,
            successor,
        })
    }

    fn has_will_out(&self) -> bool {
        self.kept.as_ref().is_some_and(|kept| kept.wills_out > 0)
    }

    /// Its record as it is to be stored now.
    pub(crate) fn record_change(&self) -> Option<Change> {
        let is_loading = self
            .kept
            .as_ref()
            .is_some_and(|kept| kept.loading.is_some());
        (!is_loading).then(|| self.state.record_change())
    }

    /// The process has failed: the session is read from the store when all that it had put in is there.
    /// What comes until then waits.
    pub(super) fn reload(&mut self, shard: &mut Shard) -> Option<Box<Self>> {
        let key = self.key()?;
        let reloads = self.kept.as_ref().map_or(0, |kept| kept.reloads);
        if reloads >= RELOADS_MAX {
            return None;
        }
        self.leave(shard);
        self.state.observer().failed();
        let settings = Arc::clone(&shard.world.node.session_settings);
        let mut fresh = Self::new(self.address, self.client_id(), settings, now(shard));
        let mut kept = Kept::new(key);
        kept.loading = Some(Loading {
            came: Vec::new(),
            is_late: false,
            left_over: self.state.left_over(),
        });
        let collecting = self
            .kept
            .as_mut()
            .map(|old| std::mem::take(&mut old.collecting));
        kept.collecting = collecting.unwrap_or_default();
        kept.wills_out = self.kept.as_ref().map_or(0, |old| old.wills_out);
        kept.reloads = reloads + 1;
        fresh.kept = Some(kept);
        store::wait(shard, Waiter::Load(self.address, key));
        Some(Box::new(fresh))
    }

    /// The session could not be read; nothing is lost, and it is tried again.
    fn load_later(&mut self, shard: &mut Shard, cause: &str) {
        let loading = self.kept.as_mut().and_then(|kept| kept.loading.as_mut());
        let Some(loading) = loading else { return };
        loading.is_late = true;
        shard.count(Counter::StoreReadsFailed);
        let id = self.address.id();
        let fields: &[(&'static str, &dyn std::fmt::Display)] =
            &[("session", &id), ("cause", &cause)];
        shard.tell(Event::StoreReadFailed, fields);
        shard.arm(self.address, shard.now() + LOAD_AGAIN, super::TIMER);
    }

    /// A session that failed leaves its connection and what others keep of it.
    fn leave(&mut self, shard: &mut Shard) {
        shard.world.node.queued_bytes_changed(self.queued_bytes, 0);
        self.alarm(shard, false);
        // Messages of QoS 0 are in memory alone.
        let lost = u64::try_from(self.state.at_most_once_now()).unwrap_or(u64::MAX);
        shard.cells.add(Counter::DeliveriesDropped, lost);
        if lost > 0 {
            let loss = Loss::new(Reason::SESSION_CRASHED).client(self.client_id());
            ledger::enter(shard, loss.count(lost));
        }
        let what = Happening::Crashed("session");
        timeline::note(shard, self.client_id(), Some(self.address.id()), what);
        self.to_client(shard, ClientEntry::Kick(ReasonCode::UnspecifiedError));
        let (client_id, epoch) = (self.client_id().clone(), self.state.epoch());
        let fate = Fate::Kept;
        let entry = SmEntry::Disconnected {
            client_id,
            epoch,
            fate,
        };
        to_sm(shard, entry);
        self.tell_groups(shard, false);
    }

    /// Whether an entry has to wait because the session is being read; it is kept then.
    pub(super) fn postpone(
        &mut self,
        shard: &mut Shard,
        entry: SessionEntry,
    ) -> Option<SessionEntry> {
        let Some(kept) = &mut self.kept else {
            return Some(entry);
        };
        let key = kept.key;
        match (&mut kept.loading, entry) {
            (None, entry) | (Some(_), entry @ SessionEntry::Loaded(_)) => return Some(entry),
            (Some(loading), SessionEntry::Timer) => {
                if std::mem::take(&mut loading.is_late) {
                    store::wait(shard, Waiter::Load(self.address, key));
                }
            }
            (Some(loading), entry) => loading.came.push(entry),
        }
        None
    }

    pub(super) fn loaded(
        &mut self,
        shard: &mut Shard,
        restored: Result<Option<Box<Restored>>, String>,
    ) {
        if let Err(cause) = &restored {
            return self.load_later(shard, cause);
        }
        let loading = self.kept.as_mut().and_then(|kept| kept.loading.take());
        let Some(Loading {
            came, left_over, ..
        }) = loading
        else {
            return;
        };
        match restored.ok().flatten() {
            Some(restored) => {
                let subscriptions = &restored.subscriptions;
                self.has_groups = subscriptions
                    .iter()
                    .any(|(subscription, _)| subscription.is_shared());
                let settings = Arc::clone(&shard.world.node.session_settings);
                let at = now(shard);
                self.state
                    .replace(rules::Session::restore(*restored, settings, at));
                self.state.handle_left_over(left_over);
                for (id, _) in self.kept.iter().flat_map(|kept| &kept.collecting) {
                    self.state.handle_received_before(*id);
                }
                self.state.handle_timer(at);
                shard.count(Counter::SessionsRestored);
            }
            // It was over when its process failed.
            None => self.state.end(EndReason::Removed),
        }
        for entry in came {
            self.take(entry, shard);
        }
    }
}
