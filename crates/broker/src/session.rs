//! Session: everything that is held for one client id, connected or not.
//!
//! | | |
//! |---|---|
//! | emqttd | `emqttd_session` |
//! | Started by | [`session_sup`](crate::session_sup), in the turn of `sm` |
//! | Work runs in | its own turn |
//! | Waits for | `server` (subscribe, unsubscribe); a client's packets behind those wait with it |
//! | Waited for by | `client` (QoS 2, SUBSCRIBE); `sm` (takeover), at most the claim's patience |
//! | If it dies | it ends with all it held in memory, counted as `session_ended`; its client is disconnected |
//! | Watch | depth of `session`; counters `deliveries/queued`, `deliveries/dropped` |
//!
//! The rules are in [`castmq_rules::session`]; this file moves messages.

use std::sync::Arc;
use std::time::Duration;

use castmq_mqtt::{PacketId, ReasonCode, Subscription, SubscriptionOptions, Will};
use castmq_observe::{Counter, Event, Kind};
use castmq_otp::{Address, Down, Entry, Lanes, Process, Restart};
use castmq_rules::ack_order::Sequence;
use castmq_rules::alarm::Severity;
use castmq_rules::claim::{Epoch, Fate};
use castmq_rules::session::{
    self as rules, Action, DownReason, DropReason, EndReason, Link, Outgoing, PullRetained,
    Received, RetainedChunk, SessionSettings, Subscribed,
};
use castmq_rules::{ClientId, Delivery, Message, Moment, Subscriber};
use smallvec::SmallVec;

use crate::alarm::AlarmEntry;
use crate::client::{Client, ClientEntry};
use crate::node::Pressure;
use crate::parcel::AnswerTo;
use crate::server::{Published, ServerEntry};
use crate::sm::SmEntry;
use crate::{Local, Shard, alarm, broker, hook, kinds, ledger, now, pubsub, retainer, server};

/// Tag of the session's one timer.
const TIMER: u8 = 0;

/// A session and the connection that it has, if any.
#[derive(Debug)]
pub struct Session {
    address: Address<Self>,
    state: rules::Session,
    client: Option<Address<Client>>,
    /// Requests to the server that are not answered, in their order. Empty for most of the time.
    requests: Vec<Request>,
    /// The earliest moment for which a timer is armed.
    armed: Option<Duration>,
    /// What its queue counted for when the node was last told.
    queued_bytes: usize,
    has_groups: bool,
}

/// A filter of a SUBSCRIBE, as the connection has judged it.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// To be subscribed.
    Subscribe(Subscription, SubscriptionOptions),
    /// Refused with this reason.
    Refused(ReasonCode),
}

/// A request that waits for the server.
#[derive(Debug)]
enum Request {
    Subscribe {
        /// `None` when the broker itself subscribed the client.
        packet_id: Option<PacketId>,
        reasons: Vec<ReasonCode>,
        replays: SmallVec<[(Subscription, Subscribed); 1]>,
    },
    Unsubscribe {
        packet_id: PacketId,
        reasons: Vec<ReasonCode>,
    },
}

/// What a session is told.
#[derive(Debug)]
pub enum SessionEntry {
    /// A connection has won the claim.
    Connected {
        /// Its address.
        client: Address<Client>,
        /// What it is like.
        link: Box<Link>,
        /// Whether CONNACK says that the session was there.
        session_present: bool,
    },
    /// The connection of that claim is gone.
    Disconnected {
        /// Which claim.
        epoch: Epoch,
        /// Why.
        reason: DownReason,
    },
    /// Somebody else wants the client id: the connection of that claim has to go.
    TakeOver {
        /// Which claim.
        epoch: Epoch,
    },
    /// The session has to end.
    End(EndReason),
    /// A message for the client.
    Deliver {
        /// The message and how the client gets it.
        delivery: Delivery,
        /// Bytes of a shared body that this entry accounts for.
        carries: u32,
    },
    /// PUBACK from the client.
    Puback(Epoch, PacketId, ReasonCode),
    /// PUBREC from the client.
    Pubrec(Epoch, PacketId, ReasonCode),
    /// PUBCOMP from the client.
    Pubcomp(Epoch, PacketId),
    /// A QoS 2 message from the client.
    Publish {
        /// By which connection.
        epoch: Epoch,
        /// Its id.
        packet_id: PacketId,
        /// The message.
        message: Box<Message>,
        /// What the connection calls it.
        sequence: Sequence,
    },
    /// A QoS 2 message was refused after all.
    PublishRefused(Epoch, PacketId),
    /// PUBREL from the client.
    Pubrel(Epoch, PacketId, Sequence),
    /// SUBSCRIBE from the client, or from the broker on its behalf.
    Subscribe {
        /// By which connection.
        epoch: Epoch,
        /// `None` when nobody waits for SUBACK.
        packet_id: Option<PacketId>,
        /// The filters in their order.
        filters: Vec<Wanted>,
        /// The identifier for all of them.
        subscription_id: Option<u32>,
    },
    /// UNSUBSCRIBE from the client.
    Unsubscribe {
        /// By which connection.
        epoch: Epoch,
        /// Its id.
        packet_id: PacketId,
        /// The filters in their order.
        filters: Vec<Subscription>,
    },
    /// The server has done the oldest request.
    Registered,
    /// Whether the connection takes more.
    Room(Epoch, bool),
    /// A message was too large for the client.
    TooLarge(Epoch, PacketId),
    /// There is more to send.
    Continue,
    /// The next retained messages are wanted.
    Pull(PullRetained),
    /// The timer fired.
    Timer,
    /// Fails on purpose, to show that it harms nobody else.
    Crash,
}

impl Entry for SessionEntry {
    fn weight(&self) -> usize {
        match self {
            Self::Deliver { carries, .. } => 96 + *carries as usize,
            Self::Publish { message, .. } => 96 + message.weight(),
            Self::Subscribe { filters, .. } => 96 + 64 * filters.len(),
            Self::Unsubscribe { filters, .. } => 96 + 32 * filters.len(),
            _ => 96,
        }
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Connected { .. } => 1,
            Self::Disconnected { .. } => 2,
            Self::TakeOver { .. } => 3,
            Self::End(_) => 4,
            Self::Deliver { .. } => 5,
            Self::Puback(..) => 6,
            Self::Pubrec(..) => 7,
            Self::Pubcomp(..) => 8,
            Self::Publish { .. } => 9,
            Self::PublishRefused(..) => 10,
            Self::Pubrel(..) => 11,
            Self::Subscribe { .. } => 12,
            Self::Unsubscribe { .. } => 13,
            Self::Registered => 14,
            Self::Room(..) => 15,
            Self::TooLarge(..) => 16,
            Self::Continue => 17,
            Self::Pull(_) => 18,
            Self::Timer => 19,
            Self::Crash => 20,
        }
    }
}

/// A session as an observer sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionSnapshot {
    /// Whose.
    pub client_id: ClientId,
    /// Whether its client is there.
    pub is_connected: bool,
    /// Messages in flight to the client.
    pub inflight: usize,
    /// Messages that wait.
    pub queued: usize,
    /// What they count for.
    pub queued_bytes: usize,
    /// QoS 2 messages of the client that it has not released.
    pub awaiting_rel: usize,
    /// Filters as they were subscribed.
    pub subscriptions: Vec<String>,
    /// The last granted claim.
    pub epoch: u64,
}

impl Session {
    /// A session without a connection.
    #[must_use]
    pub fn new(
        address: Address<Self>,
        client_id: &ClientId,
        settings: Arc<SessionSettings>,
        at: Moment,
    ) -> Self {
        Self {
            address,
            state: rules::Session::new(client_id, settings, at),
            client: None,
            requests: Vec::new(),
            armed: None,
            queued_bytes: 0,
            has_groups: false,
        }
    }

    /// How it looks now.
    #[must_use]
    pub fn snapshot(&self) -> SessionSnapshot {
        SessionSnapshot {
            client_id: self.state.client_id().clone(),
            is_connected: self.state.is_connected(),
            inflight: self.state.inflight_now(),
            queued: self.state.queued_now(),
            queued_bytes: self.state.queued_bytes_now(),
            awaiting_rel: self.state.awaiting_rel_now(),
            subscriptions: self
                .state
                .subscriptions()
                .map(|(subscription, _)| subscription.to_string())
                .collect(),
            epoch: self.state.epoch().0,
        }
    }

    /// Whose session it is.
    #[must_use]
    pub fn client_id(&self) -> &ClientId {
        self.state.client_id()
    }

    /// The last granted claim.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.state.epoch()
    }

    /// Whether it has a connection.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.state.is_connected()
    }

    /// Whether an entry of that claim is still meant.
    fn is_current(&self, epoch: Epoch, shard: &Shard) -> bool {
        let is_current = self.client.is_some() && epoch == self.state.epoch();
        if !is_current {
            shard.count(Counter::EntriesStale);
        }
        is_current
    }

    fn to_client(&self, shard: &mut Shard, entry: ClientEntry) {
        if let Some(client) = self.client {
            // A client that just ended has told so, or its monitor will.
            let _ = shard.send(client, entry);
        }
    }

    // tour: connect/4
    fn connected(&mut self, shard: &mut Shard, client: Address<Client>, link: Link, present: bool) {
        let epoch = link.epoch;
        self.client = Some(client);
        // CONNACK stands in the connection's lane before whatever the session sends.
        self.to_client(
            shard,
            ClientEntry::Claimed {
                session: self.address,
                epoch,
                present,
            },
        );
        self.state.handle_connected(link, now(shard));
        self.tell_groups(shard, true);
    }

    fn disconnected(&mut self, shard: &mut Shard, epoch: Epoch, reason: DownReason) {
        if !self.is_current(epoch, shard) {
            return;
        }
        self.client = None;
        // What the lost connection waited for is not answered any more, but is still done.
        for request in &mut self.requests {
            if let Request::Subscribe { packet_id, .. } = request {
                *packet_id = None;
            }
        }
        self.state.handle_disconnected(reason, now(shard));
        if self.state.is_ended() {
            return;
        }
        self.tell_groups(shard, false);
        let fate = Fate::Kept;
        to_sm(
            shard,
            SmEntry::Disconnected {
                client_id: self.client_id().clone(),
                epoch,
                fate,
            },
        );
    }

    /// The connection has to go at once: its client is told, and what it was owed stays here.
    // differs: emqttd publishes no will on takeover (P2); the rules do.
    fn take_over(&mut self, shard: &mut Shard, epoch: Epoch) {
        if !self.is_current(epoch, shard) {
            return;
        }
        shard.count(Counter::SessionsTakenOver);
        self.to_client(shard, ClientEntry::Kick(ReasonCode::SessionTakenOver));
        self.disconnected(shard, epoch, DownReason::TakenOver);
    }

    fn tell_groups(&self, shard: &mut Shard, is_online: bool) {
        if self.has_groups {
            to_server(
                shard,
                ServerEntry::Online {
                    session: self.address,
                    is_online,
                },
            );
        }
    }

    fn deliver(&mut self, shard: &mut Shard, delivery: Delivery) {
        let is_slow = self.client.is_none() || self.state.queued_now() > 0;
        if is_slow
            && delivery.qos == castmq_mqtt::QoS::AtMostOnce
            && shard.world.node.pressure() >= Pressure::DropQos0
        {
            self.dropped(shard, DropReason::Qos0OverQuota.name(), &delivery);
            return;
        }
        let queued = self.state.queued_now();
        self.state.handle_delivery(delivery, now(shard));
        if self.state.queued_now() > queued {
            shard.count(Counter::DeliveriesQueued);
        }
    }

    /// PUBLISH with QoS 2: routed here, in the session's turn, because the session knows repetitions.
    // emqttd: emqttd_session:handle_call/3 (publish)
    fn publish(&mut self, shard: &mut Shard, id: PacketId, message: Message, sequence: Sequence) {
        let Some(client) = self.client else { return };
        let expected = match self.state.handle_publish_exactly_once(id) {
            Received::New => {
                let answer = Some(AnswerTo { client, sequence });
                match server::publish(shard, message, Some(self.address), answer) {
                    Published::To(arbiters) => Ok(arbiters),
                    Published::Stopped => Err(ReasonCode::Success),
                }
            }
            Received::Duplicate => Err(ReasonCode::Success),
            Received::QuotaExceeded => Err(ReasonCode::QuotaExceeded),
        };
        self.to_client(shard, ClientEntry::Routed { sequence, expected });
    }

    fn subscribe(
        &mut self,
        shard: &mut Shard,
        packet_id: Option<PacketId>,
        filters: Vec<Wanted>,
        subscription_id: Option<u32>,
    ) {
        let mut reasons = Vec::with_capacity(filters.len());
        let mut replays = SmallVec::new();
        let mut subscriptions = Vec::with_capacity(filters.len());
        for wanted in filters {
            let (subscription, options) = match wanted {
                Wanted::Subscribe(subscription, options) => (subscription, options),
                Wanted::Refused(reason) => {
                    reasons.push(reason);
                    continue;
                }
            };
            match self
                .state
                .subscribe(&subscription, options, subscription_id)
            {
                Ok(subscribed) => {
                    reasons.push(granted(options.qos));
                    self.has_groups |= subscription.is_shared();
                    let id = subscription_id.and_then(std::num::NonZeroU32::new);
                    subscriptions.push((subscription.clone(), Subscriber { options, id }));
                    replays.push((subscription, subscribed));
                }
                Err(full) => reasons.push(full.reason_code()),
            }
        }
        self.requests.push(Request::Subscribe {
            packet_id,
            reasons,
            replays,
        });
        let session = self.address;
        to_server(
            shard,
            ServerEntry::Subscribe {
                session,
                subscriptions,
                wants_answer: true,
            },
        );
    }

    fn unsubscribe(&mut self, shard: &mut Shard, packet_id: PacketId, filters: Vec<Subscription>) {
        let reasons = filters
            .iter()
            .map(|subscription| match self.state.unsubscribe(subscription) {
                Some(_) => ReasonCode::Success,
                // [MQTT5-3.11.3-2]
                None => ReasonCode::NoSubscriptionExisted,
            })
            .collect();
        self.requests
            .push(Request::Unsubscribe { packet_id, reasons });
        let session = self.address;
        to_server(
            shard,
            ServerEntry::Unsubscribe {
                session,
                subscriptions: filters,
            },
        );
    }

    /// The routes are in place: SUBACK or UNSUBACK, then the retained messages.
    // [MQTT3-3.8.4-1] [MQTT5-3.8.4-1]
    fn registered(&mut self, shard: &mut Shard) {
        if self.requests.is_empty() {
            return;
        }
        match self.requests.remove(0) {
            Request::Subscribe {
                packet_id,
                reasons,
                replays,
            } => {
                if let Some(packet_id) = packet_id {
                    self.to_client(shard, ClientEntry::Suback { packet_id, reasons });
                }
                let filters: Vec<Subscription> = replays
                    .iter()
                    .map(|(subscription, _)| subscription.clone())
                    .collect();
                hook::client_subscribe_after(shard, self.client_id(), &filters);
                let now = now(shard);
                for (subscription, subscribed) in &replays {
                    self.state.start_replay(subscription, *subscribed, now);
                }
            }
            Request::Unsubscribe { packet_id, reasons } => {
                self.to_client(shard, ClientEntry::Unsuback { packet_id, reasons });
            }
        }
        if self.requests.is_empty() {
            self.requests = Vec::new();
        }
    }

    fn pull(&mut self, shard: &mut Shard, pull: PullRetained) {
        let PullRetained {
            pull,
            mut scan,
            len_max,
        } = pull;
        let messages = retainer::dispatch(shard, &mut scan, len_max);
        let chunk = RetainedChunk {
            pull,
            messages,
            scan,
        };
        self.state.handle_retained_chunk(chunk, now(shard));
    }

    /// Carries out what the rules decided.
    fn perform(&mut self, shard: &mut Shard) {
        while let Some(action) = self.state.poll_action() {
            match action {
                Action::Publish(outgoing) => self.send(shard, outgoing),
                Action::Release { packet_id, reason } => {
                    self.to_client(shard, ClientEntry::Release { packet_id, reason });
                }
                Action::Continue => to_itself(shard, self.address, SessionEntry::Continue),
                Action::PullRetained(pull) => {
                    to_itself(shard, self.address, SessionEntry::Pull(pull));
                }
                Action::PublishWill(will) => self.publish_will(shard, *will),
                Action::Dropped { reason, delivery } => {
                    self.dropped(shard, reason.name(), &delivery);
                }
                Action::Redispatch(delivery) => {
                    if !pubsub::redispatch(shard, &delivery) {
                        self.dropped(shard, DropReason::SessionEnded.name(), &delivery);
                    }
                }
                Action::AlarmRaised => self.alarm(shard, true),
                Action::AlarmCleared => self.alarm(shard, false),
                Action::End(reason) => self.ended(shard, reason),
            }
        }
    }

    // tour: publish/4
    fn send(&self, shard: &mut Shard, outgoing: Outgoing) {
        if !outgoing.dup {
            shard.count(Counter::DeliveriesSent);
        }
        self.to_client(shard, ClientEntry::Publish(outgoing));
    }

    /// The will is published as the client would have published it, if it still may.
    // [MQTT3-3.1.2-8] [MQTT5-3.1.2-8]
    fn publish_will(&self, shard: &mut Shard, will: Will) {
        if !shard
            .world
            .node
            .access
            .may_publish_will(self.client_id(), &will)
        {
            shard.tell(
                Event::ClientDenied,
                &[
                    ("client", self.client_id()),
                    ("topic", &will.topic),
                    ("what", &"will"),
                ],
            );
            return;
        }
        shard.count(Counter::WillsPublished);
        let message = crate::message::from_will(shard, will, self.client_id());
        broker::publish_will(shard, message, self.address);
    }

    fn dropped(&self, shard: &mut Shard, reason: &'static str, delivery: &Delivery) {
        shard.count(Counter::DeliveriesDropped);
        shard.count(Counter::MessagesDropped);
        ledger::enter(shard, reason, self.client_id(), &delivery.message.topic);
    }

    // emqttd: emqttd_mqueue:maybe_set_alarm/1
    fn alarm(&self, shard: &mut Shard, is_raised: bool) {
        let id = format!("queue_high_watermark.{}", self.client_id());
        let entry = if is_raised {
            AlarmEntry::Set {
                id,
                severity: Severity::Warning,
                title: "queue above its high watermark".to_owned(),
                summary: format!("{} messages wait", self.state.queued_now()),
            }
        } else {
            AlarmEntry::Clear(id)
        };
        alarm::tell(shard, entry);
    }

    fn ended(&mut self, shard: &mut Shard, reason: EndReason) {
        let client_id = self.client_id().clone();
        shard.count(match reason {
            EndReason::Expired => Counter::SessionsExpired,
            EndReason::Discarded | EndReason::Removed | EndReason::Stopped => {
                Counter::SessionsDiscarded
            }
        });
        let code = match reason {
            EndReason::Discarded => ReasonCode::SessionTakenOver,
            EndReason::Expired | EndReason::Removed => ReasonCode::AdministrativeAction,
            EndReason::Stopped => ReasonCode::ServerShuttingDown,
        };
        self.to_client(shard, ClientEntry::Kick(code));
        self.client = None;
        to_sm(
            shard,
            SmEntry::SessionEnded {
                client_id,
                epoch: self.state.epoch(),
            },
        );
        shard.end(self.address);
    }

    /// One timer for all deadlines; armed again only for an earlier moment.
    fn arm(&mut self, shard: &mut Shard) {
        let Some(deadline) = self.state.next_deadline() else {
            return;
        };
        let at = deadline.since_start();
        if self.armed.is_none_or(|armed| at < armed) {
            self.armed = Some(at);
            shard.arm(self.address, at, TIMER);
        }
    }

    fn tell_node(&mut self, shard: &Shard) {
        let queued_bytes = self.state.queued_bytes_now();
        if queued_bytes != self.queued_bytes {
            shard
                .world
                .node
                .queued_bytes_changed(self.queued_bytes, queued_bytes);
            self.queued_bytes = queued_bytes;
        }
    }
}

impl Process for Session {
    type World = Local;
    type Entry = SessionEntry;
    const KIND: Kind = kinds::SESSION;
    const RESTART: Restart = Restart::Temporary;

    fn lanes(world: &mut Local) -> &mut Lanes<Self> {
        &mut world.lanes.session
    }

    #[expect(clippy::too_many_lines, reason = "one arm per entry")]
    fn take(&mut self, entry: SessionEntry, shard: &mut Shard) {
        let now = now(shard);
        match entry {
            SessionEntry::Connected {
                client,
                link,
                session_present,
            } => {
                self.connected(shard, client, *link, session_present);
            }
            SessionEntry::Disconnected { epoch, reason } => self.disconnected(shard, epoch, reason),
            SessionEntry::TakeOver { epoch } => self.take_over(shard, epoch),
            SessionEntry::End(reason) => self.state.end(reason),
            SessionEntry::Deliver { delivery, .. } => self.deliver(shard, delivery),
            SessionEntry::Puback(epoch, id, _) => {
                if self.is_current(epoch, shard) {
                    match self.state.handle_puback(id, now) {
                        Ok(delivery) => hook::message_acked(shard, self.client_id(), &delivery),
                        Err(_) => shard.count(Counter::AcksStray),
                    }
                }
            }
            SessionEntry::Pubrec(epoch, id, reason) => {
                if self.is_current(epoch, shard) {
                    match self.state.handle_pubrec(id, reason, now) {
                        Ok(Some(delivery)) => {
                            hook::message_acked(shard, self.client_id(), &delivery)
                        }
                        Ok(None) => {}
                        Err(_) => shard.count(Counter::AcksStray),
                    }
                }
            }
            SessionEntry::Pubcomp(epoch, id) => {
                if self.is_current(epoch, shard) && self.state.handle_pubcomp(id, now).is_err() {
                    shard.count(Counter::AcksStray);
                }
            }
            SessionEntry::Publish {
                epoch,
                packet_id,
                message,
                sequence,
            } => {
                if self.is_current(epoch, shard) {
                    self.publish(shard, packet_id, *message, sequence);
                }
            }
            SessionEntry::PublishRefused(epoch, id) => {
                if self.is_current(epoch, shard) {
                    self.state.handle_publish_refused(id);
                }
            }
            SessionEntry::Pubrel(epoch, id, sequence) => {
                if self.is_current(epoch, shard) {
                    let expected = Err(self.state.handle_pubrel(id));
                    self.to_client(shard, ClientEntry::Routed { sequence, expected });
                }
            }
            SessionEntry::Subscribe {
                epoch,
                packet_id,
                filters,
                subscription_id,
            } => {
                if self.is_current(epoch, shard) {
                    self.subscribe(shard, packet_id, filters, subscription_id);
                }
            }
            SessionEntry::Unsubscribe {
                epoch,
                packet_id,
                filters,
            } => {
                if self.is_current(epoch, shard) {
                    self.unsubscribe(shard, packet_id, filters);
                }
            }
            SessionEntry::Registered => self.registered(shard),
            SessionEntry::Room(epoch, has_room) => {
                if self.is_current(epoch, shard) {
                    self.state.handle_room(has_room, now);
                }
            }
            SessionEntry::TooLarge(epoch, id) => {
                if self.is_current(epoch, shard) {
                    self.state.handle_too_large(id, now);
                }
            }
            SessionEntry::Continue => self.state.handle_continue(now),
            SessionEntry::Pull(pull) => self.pull(shard, pull),
            SessionEntry::Timer => {
                self.armed = None;
                self.state.handle_timer(now);
            }
            SessionEntry::Crash => crate::crash("session"),
        }
        self.perform(shard);
    }

    fn settle(&mut self, shard: &mut Shard) {
        self.arm(shard);
        self.tell_node(shard);
    }

    /// A session that failed is not trusted any more: what it held is lost, and that is told.
    fn terminate(&mut self, _down: &Down, shard: &mut Shard) {
        shard.world.node.queued_bytes_changed(self.queued_bytes, 0);
        let lost = self.state.inflight_now() + self.state.queued_now();
        let lost = u64::try_from(lost).unwrap_or(u64::MAX);
        shard.cells.add(Counter::DeliveriesDropped, lost);
        ledger::count(shard, "session_crashed", lost);
        let client_id = self.client_id().clone();
        shard.tell(
            Event::SessionEnded,
            &[("client", &client_id), ("cause", &"panic"), ("lost", &lost)],
        );
        self.to_client(shard, ClientEntry::Kick(ReasonCode::UnspecifiedError));
        to_sm(
            shard,
            SmEntry::SessionEnded {
                client_id,
                epoch: self.state.epoch(),
            },
        );
    }
}

fn granted(qos: castmq_mqtt::QoS) -> ReasonCode {
    match qos {
        castmq_mqtt::QoS::AtMostOnce => ReasonCode::Success,
        castmq_mqtt::QoS::AtLeastOnce => ReasonCode::GrantedQoS1,
        castmq_mqtt::QoS::ExactlyOnce => ReasonCode::GrantedQoS2,
    }
}

fn to_itself(shard: &mut Shard, session: Address<Session>, entry: SessionEntry) {
    // It runs, so it is there.
    let _ = shard.send(session, entry);
}

fn to_server(shard: &mut Shard, entry: ServerEntry) {
    if let Some(server) = shard.world.names.server {
        // A server that was given up takes the node down.
        let _ = shard.send(server, entry);
    }
}

fn to_sm(shard: &mut Shard, entry: SmEntry) {
    if let Some(sm) = shard.world.names.sm {
        // A session manager that was given up takes the node down.
        let _ = shard.send(sm, entry);
    }
}
