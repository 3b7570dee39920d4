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

mod account;
mod entry;
mod subscribe;

use std::sync::Arc;

use castmq_mqtt::{PacketId, ReasonCode, Subscription, Text, Will};
use castmq_observe::{Counter, Event, Kind};
use castmq_otp::{Address, Down, Lanes, Process, Restart};
use castmq_rules::ack_order::Sequence;
use castmq_rules::claim::{Epoch, Fate};
use castmq_rules::session::{
    self as rules, Action, DownReason, DropReason, EndReason, Link, Outgoing, Received,
    SessionSettings, Subscribed,
};
use castmq_rules::{ClientId, Delivery, Message, Moment};
use smallvec::SmallVec;

use crate::client::{Client, ClientEntry};
use crate::node::Pressure;
use crate::parcel::AnswerTo;
use crate::server::{LastWay, ServerEntry};
use crate::sm::SmEntry;
use crate::{Local, Shard, broker, hook, kinds, ledger, now, pubsub, server};

pub use entry::{SessionEntry, SessionSnapshot, Wanted};

/// Tag of the session's one timer.
const TIMER: u8 = 0;

/// A session and the connection that it has, if any.
#[derive(Debug)]
pub struct Session {
    address: Address<Self>,
    state: rules::Session,
    client: Option<Address<Client>>,
    /// The user in whose name the will is published.
    user_name: Option<Text>,
    /// What it waits for on behalf of its client; for most of the time nothing.
    asked: Option<Box<subscribe::Asked>>,
    next_fence: u64,
    /// The earliest moment for which a timer is armed.
    armed: Option<Moment>,
    /// What its queue counted for when the node was last told.
    queued_bytes: usize,
    has_groups: bool,
    /// Where its client's last QoS 2 message went.
    way: LastWay,
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
            user_name: None,
            asked: None,
            next_fence: 0,
            armed: None,
            queued_bytes: 0,
            has_groups: false,
            way: LastWay::default(),
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

    /// Whether there is a connection to tell. One that ended has told so itself.
    fn to_client(&self, shard: &mut Shard, entry: ClientEntry) -> bool {
        self.client
            .is_some_and(|client| shard.send(client, entry).is_ok())
    }

    // tour: connect/4
    fn connected(
        &mut self,
        shard: &mut Shard,
        client: Address<Client>,
        (link, user_name): (Link, Option<Text>),
        present: bool,
    ) {
        let epoch = link.epoch;
        self.user_name = user_name;
        self.client = Some(client);
        // CONNACK stands in the connection's lane before whatever the session sends.
        let session = self.address;
        let claimed = ClientEntry::Claimed {
            session,
            epoch,
            present,
        };
        let is_there = self.to_client(shard, claimed);
        self.state.handle_connected(link, now(shard));
        if is_there {
            self.tell_groups(shard, true);
        } else {
            // It was gone before it could be answered.
            self.disconnected(shard, epoch, DownReason::Closed);
        }
    }

    fn disconnected(&mut self, shard: &mut Shard, epoch: Epoch, reason: DownReason) {
        if !self.is_current(epoch, shard) {
            return;
        }
        self.client = None;
        // What the lost connection waited for is not answered any more, but is still done.
        for request in self.asked.iter_mut().flat_map(|asked| &mut asked.requests) {
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
    fn publish(
        &mut self,
        shard: &mut Shard,
        id: PacketId,
        message: Arc<Message>,
        sequence: Sequence,
    ) {
        let Some(client) = self.client else { return };
        let routed = match self.state.handle_publish_exactly_once(id) {
            Received::New => {
                let answer = Some(AnswerTo { client, sequence });
                let from = Some(self.address);
                let way = self.way.along(&message);
                Ok(server::publish_along(shard, message, way, from, answer))
            }
            Received::Duplicate => Err(ReasonCode::Success),
            Received::QuotaExceeded => Err(ReasonCode::QuotaExceeded),
        };
        self.to_client(shard, ClientEntry::Routed { sequence, routed });
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
                Action::Redispatch { delivery, was_sent } => {
                    self.redispatch(shard, &delivery, was_sent);
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
        if !shard.world.node.access.may_publish_will(
            self.client_id(),
            self.user_name.as_deref(),
            &will,
        ) {
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
                session: self.address,
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
        if self.armed.is_none_or(|armed| deadline < armed) {
            self.armed = Some(deadline);
            shard.arm(self.address, deadline.since_start(), TIMER);
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
                        Err(stray) => self.stray(shard, stray),
                    }
                }
            }
            SessionEntry::Pubrec(epoch, id, reason) => {
                if self.is_current(epoch, shard) {
                    match self.state.handle_pubrec(id, reason, now) {
                        Ok(Some(delivery)) => {
                            hook::message_acked(shard, self.client_id(), &delivery);
                        }
                        Ok(None) => {}
                        Err(stray) => self.stray(shard, stray),
                    }
                }
            }
            SessionEntry::Pubcomp(epoch, id) => {
                if self.is_current(epoch, shard)
                    && let Err(stray) = self.state.handle_pubcomp(id, now)
                {
                    self.stray(shard, stray);
                }
            }
            SessionEntry::Publish {
                epoch,
                packet_id,
                message,
                sequence,
            } => {
                if self.is_current(epoch, shard) {
                    self.publish(shard, packet_id, message, sequence);
                }
            }
            SessionEntry::PublishRefused(epoch, id) => {
                if self.is_current(epoch, shard) {
                    self.state.handle_publish_refused(id);
                }
            }
            SessionEntry::Pubrel(epoch, id, sequence) => {
                if self.is_current(epoch, shard) {
                    let routed = Err(self.state.handle_pubrel(id));
                    self.to_client(shard, ClientEntry::Routed { sequence, routed });
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
            SessionEntry::Fenced(number) => self.fenced(shard, number),
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
            SessionEntry::Pull(pull) => self.pull(shard, *pull),
            SessionEntry::Timer => {
                self.armed = None;
                self.state.handle_timer(now);
            }
        }
        self.perform(shard);
    }

    fn settle(&mut self, shard: &mut Shard) {
        self.state.rest();
        self.arm(shard);
        self.tell_node(shard);
    }

    /// A copy that was still on its way to a session that is over goes to another member of its group, or
    /// into the ledger. A client that was to be connected to it may come again.
    fn discard(entry: SessionEntry, session: Address<Self>, shard: &mut Shard) {
        if let SessionEntry::Connected { client, .. } = &entry {
            let _ = shard.send(*client, ClientEntry::Busy);
        }
        let SessionEntry::Deliver { delivery, .. } = entry else {
            return;
        };
        let is_for_another = delivery.qos == castmq_mqtt::QoS::AtLeastOnce
            && pubsub::redispatch(shard, session, &delivery);
        if !is_for_another {
            shard.count(Counter::MessagesDropped);
            ledger::count(shard, DropReason::SessionEnded.name(), 1);
        }
        shard.count(Counter::DeliveriesDropped);
    }

    /// A session that failed is not trusted any more: what it held is lost, and that is told.
    fn terminate(&mut self, _down: &Down, shard: &mut Shard) {
        shard.world.node.queued_bytes_changed(self.queued_bytes, 0);
        // What was in flight has been counted as sent.
        let queued = u64::try_from(self.state.queued_now()).unwrap_or(u64::MAX);
        shard.cells.add(Counter::DeliveriesDropped, queued);
        let inflight = u64::try_from(self.state.inflight_now()).unwrap_or(u64::MAX);
        let lost = queued.saturating_add(inflight);
        ledger::count(shard, "session_crashed", lost);
        self.alarm(shard, false);
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
                session: self.address,
                epoch: self.state.epoch(),
            },
        );
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
