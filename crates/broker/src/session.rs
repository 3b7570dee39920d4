//! Session: everything that is held for one client id, connected or not.
//!
//! | | |
//! |---|---|
//! | emqttd | `emqttd_session` |
//! | Started by | [`session_sup`](crate::session_sup), in the turn of `sm` |
//! | Work runs in | its own turn |
//! | Waits for | `server` (subscribe, unsubscribe), a client's packets behind those wait with it; the store |
//! | Waited for by | `client` (QoS 2, SUBSCRIBE); `sm` (takeover), at most the claim's patience |
//! | If it dies | one that is kept comes back from the store; any other ends, what it held is counted as `session_crashed`; its client is disconnected |
//! | Watch | depth of `session`; counters `deliveries/queued`, `deliveries/dropped` |
//!
//! The rules are in [`castmq_rules::session`]; this file moves messages.

mod account;
mod behalf;
mod deliver;
mod entry;
mod look;
mod publish;
mod recorded;
mod stored;
mod subscribe;

use std::collections::VecDeque;
use std::sync::Arc;

use castmq_mqtt::{PacketId, ReasonCode, Subscription};
use castmq_observe::trace::NoteKind;
use castmq_observe::{Counter, Event, Kind};
use castmq_otp::{Address, Down, Lanes, Process, Restart};
use castmq_rules::claim::{Epoch, Fate};
use castmq_rules::session::{
    self as rules, Action, DownReason, DropReason, EndReason, Link, SessionSettings, Subscribed,
};
use castmq_rules::{ClientId, Moment};
use castmq_store::SessionKey;
use smallvec::SmallVec;

use crate::client::{Client, ClientEntry};
use crate::ledger::{Loss, Reason};
use crate::recordings::Tap;
use crate::server::{LastWay, ServerEntry};
use crate::sm::SmEntry;
use crate::timeline::{self, Happening};
use crate::{Local, Shard, hook, kinds, ledger, now, pubsub, trace};

pub use behalf::{OnBehalf, OnBehalfError};
pub use entry::{SessionEntry, SessionSnapshot, Successor, Wanted};

/// Tag of the session's one timer.
const TIMER: u8 = 0;

/// Why a session is over that was not to outlive its connection.
pub(crate) const ENDED_CLEAN: &str = "it was not to be kept, and the connection ended";

/// A session and the connection that it has, if any.
#[derive(Debug)]
pub struct Session {
    address: Address<Self>,
    state: rules::Watched<Tap>,
    client: Option<Address<Client>>,
    /// Its share of the store, if it outlives the process.
    kept: Option<Box<stored::Kept>>,
    /// CONNACK, until everything that it promises is handed to the store.
    claimed: Option<ClientEntry>,
    /// What its client is told when it is stored.
    #[expect(
        clippy::box_collection,
        reason = "keeps the session of everyone else small"
    )]
    held: Option<Box<VecDeque<(u64, ClientEntry)>>>,
    /// The claim of a connection that is taken over before it is connected.
    leaves_at_once: Option<Epoch>,
    /// What it has to tell its client may go when this submission is stored.
    safe_at: u64,
    /// What it waits for on behalf of its client; for most of the time nothing.
    asked: Option<Box<subscribe::Asked>>,
    next_fence: u64,
    /// The earliest moment for which a timer is armed.
    armed: Option<Moment>,
    /// What its queue counted for when the node was last told.
    queued_bytes: usize,
    has_groups: bool,
    /// Whether a message for its client was traced.
    is_followed: bool,
    /// Messages for its client that were dropped.
    dropped: u32,
    /// For which reasons the client's timeline was told of it since it came or went.
    told_drops: u8,
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
        /// `None` when the broker itself unsubscribed the client.
        packet_id: Option<PacketId>,
        reasons: Vec<ReasonCode>,
    },
}

impl Session {
    /// A session without a connection; with a key one that outlives the process.
    #[must_use]
    pub fn new_with(
        address: Address<Self>,
        client_id: &ClientId,
        settings: Arc<SessionSettings>,
        (key, at): (Option<SessionKey>, Moment),
    ) -> Self {
        let mut session = Self::new(address, client_id, Arc::clone(&settings), at);
        if let Some(key) = key {
            session.state = recorded::watched(rules::Session::new_kept(client_id, settings, at));
            session.kept = Some(stored::Kept::new(key));
        }
        session
    }

    /// A session without a connection that lives in memory.
    #[must_use]
    pub fn new(
        address: Address<Self>,
        client_id: &ClientId,
        settings: Arc<SessionSettings>,
        at: Moment,
    ) -> Self {
        Self {
            address,
            state: recorded::watched(rules::Session::new(client_id, settings, at)),
            client: None,
            kept: None,
            claimed: None,
            held: None,
            leaves_at_once: None,
            safe_at: 0,
            asked: None,
            next_fence: 0,
            armed: None,
            queued_bytes: 0,
            has_groups: false,
            is_followed: false,
            dropped: 0,
            told_drops: 0,
            way: LastWay::default(),
        }
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
        link: Link,
        (present, follows): (bool, bool),
    ) {
        let epoch = link.epoch;
        self.client = Some(client);
        self.told_drops = 0;
        if shard.is_tracing() {
            trace::find_sessions(shard);
        }
        self.forget_held(shard);
        if follows {
            // The one before it is over on the disk before the client hears of the new one.
            self.safe_at = shard.world.pending.last();
        }
        // CONNACK stands in the connection's lane before whatever the session sends.
        let session = self.address;
        self.claimed = Some(ClientEntry::Claimed {
            session,
            epoch,
            present,
        });
        self.record_if_wanted(shard);
        shard.note(NoteKind::Decision, || {
            let (inflight, queued) = (self.state.inflight_now(), self.state.queued_now());
            format!("its client is there: {inflight} in flight go again, then {queued} that wait")
        });
        self.state.handle_connected(link, now(shard));
        let lanes = &shard.world.lanes.client;
        if lanes.is_live(client.slot, client.generation) {
            self.tell_groups(shard, true);
        } else {
            // It was gone before it could be answered.
            self.disconnected(shard, epoch, DownReason::Closed);
        }
        if self.leaves_at_once.take_if(|early| *early <= epoch) == Some(epoch) {
            self.take_over(shard, epoch);
        }
    }

    fn disconnected(&mut self, shard: &mut Shard, epoch: Epoch, reason: DownReason) {
        if !self.is_current(epoch, shard) {
            return;
        }
        self.client = None;
        self.told_drops = 0;
        self.claimed = None;
        self.forget_held(shard);
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
        if epoch > self.state.epoch() {
            // It follows another session and waits for that one's end; its connection is still to come.
            self.leaves_at_once = Some(epoch);
            return;
        }
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

    /// Carries out what the rules decided.
    fn perform(&mut self, shard: &mut Shard) {
        while let Some(action) = self.state.poll_action() {
            self.perform_one(shard, action);
        }
        self.announce(shard);
    }

    fn perform_one(&mut self, shard: &mut Shard, action: Action) {
        if !matches!(action, Action::Store(_)) {
            // Its record is handed to the store by now.
            self.announce(shard);
        }
        match action {
            Action::Store(change) => self.store(shard, change),
            Action::ReadQueue(read) => self.read_queue(shard, read),
            Action::DroppedUnread(count) => self.dropped_unread(shard, count),
            Action::Publish(outgoing) => self.send(shard, outgoing),
            Action::Release { packet_id, reason } => {
                self.tell_when_stored(shard, ClientEntry::Release { packet_id, reason });
            }
            Action::Continue => to_itself(shard, self.address, SessionEntry::Continue),
            Action::PullRetained(pull) => {
                to_itself(shard, self.address, SessionEntry::Pull(pull));
            }
            Action::PublishWill { will, after } => self.publish_will(shard, *will, after),
            Action::Dropped { reason, delivery } => {
                self.dropped(shard, reason, &delivery);
            }
            Action::Redispatch { delivery, was_sent } => {
                self.redispatch(shard, &delivery, was_sent);
            }
            Action::AlarmRaised => self.tell_level(shard, true),
            Action::AlarmCleared => self.tell_level(shard, false),
            Action::End(reason) => self.ended(shard, reason),
        }
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
        let why = match reason {
            EndReason::Expired if self.state.expiry().keeps_session() => {
                "its client was away for longer than it was to be kept"
            }
            EndReason::Expired => ENDED_CLEAN,
            EndReason::Discarded => "the client began clean",
            EndReason::Removed => "an administrator ended it",
            EndReason::Stopped => "the node stops",
        };
        let what = Happening::SessionEnded(why);
        timeline::note(shard, &client_id, Some(self.address.id()), what);
        self.to_client(shard, ClientEntry::Kick(code));
        self.client = None;
        self.forget_held(shard);
        self.hand_over(shard);
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
        let queued_bytes = self.state.queued_in_memory_now();
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
        let Some(entry) = self.postpone(shard, entry) else {
            return;
        };
        match entry {
            SessionEntry::Connected {
                client,
                link,
                session_present,
                follows,
            } => {
                self.connected(shard, client, *link, (session_present, follows));
            }
            SessionEntry::Disconnected { epoch, reason } => self.disconnected(shard, epoch, reason),
            SessionEntry::TakeOver { epoch } => self.take_over(shard, epoch),
            SessionEntry::End(reason, successor) => self.end(shard, reason, successor),
            SessionEntry::Deliver {
                delivery, receipt, ..
            } => self.deliver(shard, delivery, receipt),
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
                    self.perform(shard);
                    self.tell_when_stored(shard, ClientEntry::Routed { sequence, routed });
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
                    self.unsubscribe(shard, Some(packet_id), filters);
                }
            }
            SessionEntry::OnBehalf(asked) => self.on_behalf(shard, *asked),
            SessionEntry::Registered => self.registered(shard),
            SessionEntry::Fenced(number) => self.fenced(shard, number),
            SessionEntry::Room(epoch, has_room) => {
                if self.is_current(epoch, shard) {
                    self.state.handle_room(has_room, now);
                }
            }
            SessionEntry::Undeliverable(epoch, id, reason) => {
                if self.is_current(epoch, shard) {
                    self.state.handle_undeliverable(id, reason, now);
                }
            }
            SessionEntry::Continue => self.state.handle_continue(now),
            SessionEntry::Pull(pull) => self.pull(shard, *pull),
            SessionEntry::Stored(number) => self.state.handle_stored(number, now),
            SessionEntry::Committed => self.committed(shard),
            SessionEntry::WillStored => self.will_stored(shard),
            SessionEntry::ReceivedStored(id, is_refused) => {
                self.received_stored(shard, id, is_refused);
            }
            SessionEntry::Page(page) => self.page(shard, page),
            SessionEntry::Loaded(restored) => self.loaded(shard, restored),
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
        if let SessionEntry::End(_, Some(successor)) = entry {
            return successor.connect(shard);
        }
        let SessionEntry::Deliver {
            delivery, receipt, ..
        } = entry
        else {
            return;
        };
        if let Some(receipt) = receipt {
            // Nobody is left for whom it would have to be kept.
            receipt.taken();
        }
        let is_for_another = delivery.qos == castmq_mqtt::QoS::AtLeastOnce
            && pubsub::redispatch(shard, session, &delivery);
        if !is_for_another {
            shard.count(Counter::MessagesDropped);
            // Whose it was went with its process.
            let loss = Loss::of_message(DropReason::SessionEnded.name(), &delivery.message);
            ledger::enter(shard, loss.qos(delivery.qos));
        }
        shard.count(Counter::DeliveriesDropped);
    }

    /// One that the store has kept comes back from there.
    fn restart(&mut self, shard: &mut Shard) -> Option<Box<Self>> {
        self.reload(shard)
    }

    /// A session that failed is not trusted any more: what it held in memory is lost, and that is told.
    fn terminate(&mut self, _down: &Down, shard: &mut Shard) {
        self.state.observer().failed();
        shard.world.node.queued_bytes_changed(self.queued_bytes, 0);
        // What was in flight has been counted as sent.
        let queued = u64::try_from(self.state.queued_now()).unwrap_or(u64::MAX);
        shard.cells.add(Counter::DeliveriesDropped, queued);
        let inflight = u64::try_from(self.state.inflight_now()).unwrap_or(u64::MAX);
        let lost = queued.saturating_add(inflight);
        if lost > 0 {
            let loss = Loss::new(Reason::SESSION_CRASHED).client(self.client_id());
            ledger::enter(shard, loss.count(lost));
        }
        self.alarm(shard, false);
        let client_id = self.client_id().clone();
        let what = Happening::Crashed("session");
        timeline::note(shard, &client_id, Some(self.address.id()), what);
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
