//! Client: one connection, from its first byte to its last.
//!
//! | | |
//! |---|---|
//! | emqttd | `emqttd_client`, with `emqttd_protocol` inside of it |
//! | Started by | [`listener`](crate::listener), one per connection |
//! | Work runs in | its own turn; reading, parsing and publishing in the socket stage of the round |
//! | Waits for | `sm` (claim), `session` (SUBSCRIBE, QoS 2), `pubsub` (acceptance); keep alive and pause deadlines end each wait |
//! | Waited for by | nobody |
//! | If it dies | its session hears of it as of a lost connection: the will is published, messages wait |
//! | Watch | counters `connections/…`, `packets/…`, `pauses/…`; events `client.…` |
//!
//! The rules are in [`castmq_rules::connect`], [`castmq_rules::protocol`], [`castmq_rules::ack_order`] and
//! [`castmq_rules::keepalive`]; this file and its parts move packets.

mod close;
mod connect;
pub(crate) mod enhanced;
mod identity;
mod input;
mod known_topic;
mod look;
mod machines;
mod mount;
mod output;
mod pause;
mod publish;
mod subscribe;

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use castmq_mqtt::{Decoder, PacketId, ReasonCode, Text, Version};
use castmq_observe::{Counter, Event, Kind};
use castmq_otp::{Address, Down, Entry, Facts, Lanes, Peer, Process, Restart, Stream};
use castmq_rules::ack_order::{Outcome, Sequence};
use castmq_rules::alias::OutboundAliases;
use castmq_rules::claim::Epoch;
use castmq_rules::connect::{ConnectPlan, Refused};
use castmq_rules::keepalive::KeepAlive;
use castmq_rules::limits::TokenBucket;
use castmq_rules::session::{DownReason, Outgoing};
use castmq_rules::{ClientId, Moment};

use crate::access_control::{AclCache, Credentials, Finding, Grant, Proof};
use crate::listener::{Permit, Profile};
use crate::server::Published;
use crate::session::{Session, SessionEntry};
use crate::timeline::{self, Happening};
use crate::{Local, Shard, kinds, ledger, now};

pub use close::Close;
pub use connect::Adopted;
pub(crate) use connect::adopt;
pub(crate) use output::{lost_with_connection, turn_ended};
pub(crate) use pause::resume_paused;

/// How long SUBSCRIBE and UNSUBSCRIBE may take: longer than any router needs, shorter than for ever.
const ANSWER_PATIENCE: Duration = Duration::from_secs(60);

/// Tag of the connection's one timer.
const TIMER: u8 = 0;

/// A connection.
#[derive(Debug)]
pub struct Client {
    address: Address<Self>,
    peer: Peer,
    permit: Permit,
    profile: Arc<Profile>,
    /// What is known of the other side, until it has connected.
    facts: Option<Box<Facts>>,
    stage: Stage,
    decoder: Decoder,
    machines: machines::Machines,
    input: input::Input,
    /// Largest packet that the client takes.
    packet_bytes_max: usize,
    /// What is not written yet. Empty and without memory while the connection is idle.
    out: BytesMut,
    /// Whether a flush is due at the end of the turn or round.
    is_touched: bool,
    /// Whether a packet of it belongs to a flow that was traced.
    is_followed: bool,
    /// Since when the socket takes nothing.
    blocked: Option<Moment>,
    pause: Option<pause::Pause>,
    /// Since when the session owes an answer to SUBSCRIBE or UNSUBSCRIBE.
    unanswered: Option<Moment>,
    /// The earliest moment for which a timer is armed.
    armed: Option<Moment>,
    /// Arbiters that it has moved to already.
    hops: u8,
    rate: Option<Box<TokenBucket>>,
}

/// How far a connection is.
#[derive(Debug)]
enum Stage {
    /// CONNECT has not come.
    Opening,
    /// CONNECT is accepted if the client is who it says it is.
    Authenticating(Box<Claiming>),
    /// CONNECT is accepted but for the session.
    Claiming(Box<Claiming>),
    /// It has a session.
    Connected(Box<Linked>),
    /// It only writes what is left.
    Closing { end: Box<Ending> },
}

/// A connection that only writes what is left.
#[derive(Debug)]
struct Ending {
    since: Moment,
    /// Who it was, if it had a session.
    client_id: Option<ClientId>,
}

/// A connection that waits for its session.
#[derive(Debug)]
struct Claiming {
    plan: ConnectPlan,
    user_name: Option<Text>,
    /// What is known of the client, where a module knows it.
    grant: Option<Box<Grant>>,
    /// It is asked to prove who it is.
    proof: Option<Box<Proof>>,
    /// What the modules were asked, while they are.
    asked: Option<Arc<Credentials>>,
    /// Where its session is, when that is another arbiter.
    move_to: Option<u16>,
}

/// A connection that has its session.
#[derive(Debug)]
struct Linked {
    session: Address<Session>,
    epoch: Epoch,
    client_id: ClientId,
    user_name: Option<Text>,
    grant: Option<Box<Grant>>,
    /// When it has to go.
    expires: Option<Moment>,
    /// It is asked to prove again who it is.
    proof: Option<Box<Proof>>,
    version: Version,
    wants_problem_information: bool,
    /// Only for a client that takes some.
    aliases: Option<Box<OutboundAliases>>,
    acl: AclCache,
    /// The topic that was published to last.
    known: Option<Box<known_topic::KnownTopic>>,
    /// How often it was not allowed to do what it wanted.
    denied: u32,
    /// Whether the session was told that there is no room.
    is_full: bool,
}

impl Linked {
    /// Notes that the client may not do something: the first time, the tenth, the hundredth…
    fn note_denied(
        &mut self,
        shard: &mut Shard,
        client: Address<Client>,
        what: (&'static str, Text),
    ) {
        self.denied = self.denied.saturating_add(1);
        if timeline::is_told(u64::from(self.denied)) {
            let what = Happening::Denied(what.0, what.1, self.denied);
            timeline::note(shard, &self.client_id, Some(client.id()), what);
        }
    }
}

/// What a connection is told.
#[derive(Debug)]
pub enum ClientEntry {
    /// The claim was granted: this is the session.
    Claimed {
        /// Which session.
        session: Address<Session>,
        /// By which claim.
        epoch: Epoch,
        /// Whether it was there.
        present: bool,
    },
    /// Who the client is, or why it is not let in.
    Identified(Finding),
    /// What let the client in is not so any more.
    Revoked,
    /// The session of the client id is another user's.
    Anothers,
    /// The claim was refused for now.
    Busy,
    /// The client id is decided about elsewhere.
    Move(u16),
    /// A message for the client.
    Publish(Outgoing),
    /// PUBREL for the client.
    Release {
        /// Which exchange.
        packet_id: PacketId,
        /// Why.
        reason: ReasonCode,
    },
    /// A publish was routed by the session, or is answered with this reason.
    Routed {
        /// Which publish.
        sequence: Sequence,
        /// What has become of it, or the reason of its answer.
        routed: Result<Published, ReasonCode>,
    },
    /// One of the expected answers to a publish.
    Answer {
        /// Which publish.
        sequence: Sequence,
        /// What became of it.
        outcome: Outcome,
    },
    /// SUBSCRIBE is done.
    Suback {
        /// Which exchange.
        packet_id: PacketId,
        /// A reason for each filter.
        reasons: Vec<ReasonCode>,
    },
    /// UNSUBSCRIBE is done.
    Unsuback {
        /// Which exchange.
        packet_id: PacketId,
        /// A reason for each filter.
        reasons: Vec<ReasonCode>,
    },
    /// The connection has to go.
    Kick(ReasonCode),
    /// Subscribe the client without its asking.
    Subscribe(Vec<castmq_mqtt::SubscribeFilter>),
    /// The arbiter has room again.
    Resume,
    /// The timer fired.
    Timer,
}

impl Entry for ClientEntry {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "most hold what may be owned once only"
    )]
    fn duplicate(&self) -> Option<Self> {
        Some(match self {
            Self::Publish(outgoing) => Self::Publish(outgoing.clone()),
            Self::Release { packet_id, reason } => Self::Release {
                packet_id: *packet_id,
                reason: *reason,
            },
            Self::Kick(reason) => Self::Kick(*reason),
            Self::Resume => Self::Resume,
            Self::Timer => Self::Timer,
            _ => return None,
        })
    }

    const NAMES: &'static [&'static str] = &[
        "nothing",
        "Claimed",
        "Busy",
        "Move",
        "Publish",
        "Release",
        "Routed",
        "Answer",
        "Suback",
        "Unsuback",
        "Kick",
        "Subscribe",
        "Resume",
        "Timer",
        "Identified",
        "Revoked",
        "Anothers",
    ];

    fn weight(&self) -> usize {
        let payload = if let Self::Publish(outgoing) = self {
            outgoing.delivery.message.payload.len()
        } else {
            0
        };
        96 + payload
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Claimed { .. } => 1,
            Self::Busy => 2,
            Self::Move(_) => 3,
            Self::Publish(_) => 4,
            Self::Release { .. } => 5,
            Self::Routed { .. } => 6,
            Self::Answer { .. } => 7,
            Self::Suback { .. } => 8,
            Self::Unsuback { .. } => 9,
            Self::Kick(_) => 10,
            Self::Subscribe(_) => 11,
            Self::Resume => 12,
            Self::Timer => 13,
            Self::Identified(_) => 14,
            Self::Revoked => 15,
            Self::Anothers => 16,
        }
    }
}

/// What is known of a connection when it starts.
#[derive(Debug)]
pub struct Accepted {
    /// The connection.
    pub stream: Stream,
    /// The other side.
    pub peer: Peer,
    /// Its place among the connections of its listener.
    pub permit: Permit,
    /// What all connections of its listener have in common.
    pub profile: Arc<Profile>,
}

/// Starts a connection and registers its socket.
pub fn start(shard: &mut Shard, poller: &mut dyn castmq_otp::Poller, accepted: Accepted) {
    let Accepted {
        stream,
        peer,
        permit,
        profile,
    } = accepted;
    if shard.world.node.is_stopping() {
        // It would only be told so: listeners have stopped, this one was on its way.
        return;
    }
    if shard.world.half_open >= shard.world.node.settings.bounds.half_open as usize {
        shard.count(Counter::ConnectionsRefused);
        shard.tell(
            Event::ConnectionRefused,
            &[
                ("peer", &peer),
                ("cause", &"too many connections without CONNECT"),
            ],
        );
        return;
    }
    let address = spawn(shard, peer, permit, profile);
    if poller.register(address.token(), stream).is_err() {
        shard.with(address, Client::end);
    }
}

fn spawn(shard: &mut Shard, peer: Peer, permit: Permit, profile: Arc<Profile>) -> Address<Client> {
    let settings = &shard.world.node.settings.mqtt;
    let packet_bytes_max = profile.packet_bytes_max.unwrap_or(settings.max_packet_size);
    let decoder = Decoder::server(packet_bytes_max);
    let rate = settings.message_rate;
    let rate = (rate > 0).then(|| Box::new(TokenBucket::new(rate, now(shard))));
    let patience = settings.connect_timeout;
    let at = now(shard);
    let name = peer.to_string();
    shard.world.half_open += 1;
    let address = shard.spawn(&name, |address| Client {
        address,
        peer,
        permit,
        profile,
        facts: None,
        stage: Stage::Opening,
        decoder,
        machines: machines::Machines::new(KeepAlive::awaiting_connect(patience, at)),
        input: input::Input::default(),
        packet_bytes_max: usize::MAX,
        out: BytesMut::new(),
        is_touched: false,
        is_followed: false,
        blocked: None,
        pause: None,
        unanswered: None,
        armed: None,
        hops: 0,
        rate,
    });
    shard.with(address, |client, shard| client.arm(shard));
    address
}

impl Client {
    fn version(&self) -> Version {
        match &self.stage {
            Stage::Connected(linked) => linked.version,
            Stage::Authenticating(claiming) | Stage::Claiming(claiming) => claiming.plan.version,
            Stage::Opening | Stage::Closing { .. } => self.decoder.version().unwrap_or_default(),
        }
    }

    fn is_closing(&self) -> bool {
        matches!(self.stage, Stage::Closing { .. })
    }

    fn to_session(&self, shard: &mut Shard, entry: impl FnOnce(Epoch) -> SessionEntry) {
        if let Stage::Connected(linked) = &self.stage {
            // A session that ended has told so; its kick is in the lane.
            let _ = shard.send(linked.session, entry(linked.epoch));
        }
    }

    /// The earliest of all deadlines; armed again only for an earlier moment.
    fn arm(&mut self, shard: &mut Shard) {
        let settings = &shard.world.node.settings.mqtt;
        let write_timeout = settings.write_timeout;
        let blocked = self
            .blocked
            .filter(|_| !write_timeout.is_zero())
            .map(|since| since + write_timeout);
        let (closing, alive) = match &self.stage {
            Stage::Closing { end } => (Some(end.since + close::PATIENCE), None),
            // It waits for us, each wait with a deadline of its own.
            Stage::Authenticating(_) if self.waits_for_modules() => (None, None),
            Stage::Opening
            | Stage::Authenticating(_)
            | Stage::Claiming(_)
            | Stage::Connected(_) => (None, self.machines.keep_alive.deadline()),
        };
        let paused = self.pause.as_ref().map(pause::Pause::deadline);
        let answer = self.unanswered.map(|since| since + ANSWER_PATIENCE);
        let expires = match &self.stage {
            Stage::Connected(linked) => linked.expires,
            Stage::Opening
            | Stage::Authenticating(_)
            | Stage::Claiming(_)
            | Stage::Closing { .. } => None,
        };
        let next = [blocked, closing, alive, paused, answer, expires]
            .into_iter()
            .flatten()
            .min();
        if let Some(at) = next
            && self.armed.is_none_or(|armed| at < armed)
        {
            self.armed = Some(at);
            shard.arm(self.address, at.since_start(), TIMER);
        }
    }

    fn silent_too_long(&mut self, at: Moment) -> Option<ReasonCode> {
        if self.waits_for_modules() {
            return None;
        }
        self.machines.expired(at)
    }

    /// Whether it is not the client from which something has to come.
    fn waits_for_modules(&self) -> bool {
        matches!(&self.stage, Stage::Authenticating(claiming) if claiming.proof.is_none())
    }

    fn has_expired(&self, at: Moment) -> bool {
        let Stage::Connected(linked) = &self.stage else {
            return false;
        };
        linked.expires.is_some_and(|expires| at >= expires)
    }

    // emqttd: emqttd_client:handle_info/2 (keepalive)
    fn timer(&mut self, shard: &mut Shard) {
        self.armed = None;
        let at = now(shard);
        if let Stage::Closing { end } = &self.stage {
            if at >= end.since + close::PATIENCE {
                self.end(shard);
            }
            return;
        }
        let write_timeout = shard.world.node.settings.mqtt.write_timeout;
        let is_unwritable = !write_timeout.is_zero()
            && self
                .blocked
                .is_some_and(|since| at >= since + write_timeout);
        if is_unwritable {
            self.close(shard, &Close::Unwritable);
        } else if let Some(reason) = self.silent_too_long(at) {
            self.close(shard, &Close::Silent(reason));
        } else if self.has_expired(at) {
            self.close(shard, &Close::Expired);
        } else if self
            .unanswered
            .is_some_and(|since| at >= since + ANSWER_PATIENCE)
        {
            self.close(shard, &Close::Unanswered);
        } else if self.pause_is_over(shard) {
            self.close(shard, &Close::PausedTooLong);
        }
    }
}

impl Process for Client {
    type World = Local;
    type Entry = ClientEntry;
    const KIND: Kind = kinds::CLIENT;
    const RESTART: Restart = Restart::Temporary;

    fn lanes(world: &mut Local) -> &mut Lanes<Self> {
        &mut world.lanes.client
    }

    fn take(&mut self, entry: ClientEntry, shard: &mut Shard) {
        match entry {
            ClientEntry::Claimed {
                session,
                epoch,
                present,
            } => {
                self.claimed(shard, session, epoch, present);
            }
            ClientEntry::Identified(finding) => self.identified(shard, finding),
            ClientEntry::Revoked => self.close(shard, &Close::Revoked),
            ClientEntry::Anothers => self.refuse_claim(shard, Refused::ClientIdNotAllowed),
            ClientEntry::Busy => self.refuse_claim(shard, Refused::Busy),
            ClientEntry::Move(arbiter) => self.move_to(shard, arbiter),
            ClientEntry::Publish(outgoing) => self.deliver(shard, &outgoing),
            ClientEntry::Release { packet_id, reason } => self.release(shard, packet_id, reason),
            ClientEntry::Routed { sequence, routed } => self.routed(shard, sequence, routed),
            ClientEntry::Answer { sequence, outcome } => {
                self.machines.answer(sequence, outcome);
                self.acknowledge(shard);
            }
            ClientEntry::Suback { packet_id, reasons } => self.suback(shard, packet_id, reasons),
            ClientEntry::Unsuback { packet_id, reasons } => {
                self.unsuback(shard, packet_id, reasons);
            }
            ClientEntry::Kick(reason) => self.close(shard, &Close::Kicked(reason)),
            ClientEntry::Subscribe(filters) => self.subscribe_for(shard, filters),
            ClientEntry::Resume => self.resume_unless_rated(shard),
            ClientEntry::Timer => self.timer(shard),
        }
    }

    fn settle(&mut self, shard: &mut Shard) {
        self.machines.rest();
        self.arm(shard);
    }

    /// What was still to be written goes with the connection.
    fn discard(entry: ClientEntry, _client: Address<Self>, shard: &mut Shard) {
        if let ClientEntry::Publish(outgoing) = entry {
            // Who it was went with its process.
            lost_with_connection(shard, None, &outgoing);
        }
    }

    // differs: emqttd's connection dies of its session's link without a word, so that no will is
    // published (F20); here the session always hears why.
    fn terminate(&mut self, _down: &Down, shard: &mut Shard) {
        self.to_session(shard, |epoch| SessionEntry::Disconnected {
            epoch,
            reason: DownReason::Panicked,
        });
        if let Stage::Connected(linked) = &self.stage {
            let what = Happening::Crashed("connection");
            timeline::note(shard, &linked.client_id, Some(self.address.id()), what);
        }
        self.leave_opening(shard);
        ledger::count_shutdown(shard, &self.profile.name, "crashed");
        shard.count(Counter::ConnectionsClosed);
        shard.world.orphans.push(self.address.token());
    }
}
