//! What one arbiter has for itself, and what mail, sockets and timers mean to it.

mod by_kind;

use std::cell::RefCell;
use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use ahash::RandomState;
use bytes::BytesMut;
use castmq_mqtt::{Text, Version};
use castmq_observe::{Counter, Event, Kind, ProcessId};
use castmq_otp::{Address, Down, Lanes, Poller, Token, World};
use castmq_rules::connect::ConnectSettings;
use castmq_rules::limits::TopicLimits;
use castmq_rules::session::Expiry;
use castmq_rules::{ArbiterSet, ClientId, Match, Message, MessageId, Table};
use castmq_settings::ReceiveMaximumPolicy;

use crate::access_control::AccessControl;
use crate::alarm::Alarm;
use crate::broker::{self, Broker, BrokerTick};
use crate::client::{self, Client, ClientEntry};
use crate::cm::{ClientTable, Cm, CmEntry};
use crate::hook::Hook;
use crate::ledger::{Loss, Reason};
use crate::listener::{Listener, ListenerEntry};
use crate::metrics::{Metrics, MetricsTick};
use crate::node::Node;
use crate::parcel::{AnswerTo, ForGroups, Parcel};
use crate::pubsub::{self, Job, Pubsub, PubsubEntry};
use crate::retainer::{Retainer, RetainerTick};
use crate::router::{self, Router};
use crate::server::{Server, ServerEntry};
use crate::session::{Session, SessionEntry};
use crate::sm::{Sm, SmEntry};
use crate::stats::{self, Stats, StatsTick};
use crate::sysmon::{Sysmon, SysmonTick};
use crate::timeline::Timeline;
use crate::{Shard, invariants, kinds, ledger, recorder, store, sup, trace};

pub(crate) use by_kind::seen;
pub use by_kind::{doom, entry_name, set_fault, waiting};

/// Message ids that an arbiter reserves at a time.
const MESSAGE_IDS: u64 = 4096;

/// Write buffers that an arbiter keeps while nobody needs them, and the largest of them: connections
/// write one after the other, so that few are enough.
const WRITE_BUFFERS_MAX: usize = 8;
const WRITE_BUFFER_BYTES_MAX: usize = 512 * 1024;

/// The processes of an arbiter, by kind.
#[derive(Debug, Default)]
pub(crate) struct AllLanes {
    pub(crate) client: Lanes<Client>,
    pub(crate) session: Lanes<Session>,
    pub(crate) sm: Lanes<Sm>,
    pub(crate) cm: Lanes<Cm>,
    pub(crate) server: Lanes<Server>,
    pub(crate) pubsub: Lanes<Pubsub>,
    pub(crate) router: Lanes<Router>,
    pub(crate) retainer: Lanes<Retainer>,
    pub(crate) hook: Lanes<Hook>,
    pub(crate) access_control: Lanes<AccessControl>,
    pub(crate) stats: Lanes<Stats>,
    pub(crate) metrics: Lanes<Metrics>,
    pub(crate) broker: Lanes<Broker>,
    pub(crate) alarm: Lanes<Alarm>,
    pub(crate) sysmon: Lanes<Sysmon>,
    pub(crate) listener: Lanes<Listener>,
}

/// The processes that others send to by name. Those of the node live on arbiter 0.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) sm: Option<Address<Sm>>,
    pub(crate) cm: Option<Address<Cm>>,
    pub(crate) server: Option<Address<Server>>,
    pub(crate) pubsub: Option<Address<Pubsub>>,
    pub(crate) router: Option<Address<Router>>,
    pub(crate) retainer: Option<Address<Retainer>>,
    pub(crate) hook: Option<Address<Hook>>,
    pub(crate) access_control: Option<Address<AccessControl>>,
    pub(crate) stats: Option<Address<Stats>>,
    pub(crate) metrics: Option<Address<Metrics>>,
    pub(crate) broker: Option<Address<Broker>>,
    pub(crate) alarm: Option<Address<Alarm>>,
    pub(crate) sysmon: Option<Address<Sysmon>>,
}

/// Work that needs the arbiter's sockets.
type SocketWork = Box<dyn FnOnce(&mut Shard, &mut dyn Poller)>;

/// What one arbiter has for itself. Nothing in it is locked.
pub struct Local {
    /// What all arbiters share.
    pub node: Arc<Node>,
    pub(crate) lanes: AllLanes,
    pub(crate) names: Names,
    /// The subscriptions of the arbiter's sessions.
    pub(crate) table: Table<Address<Session>, RandomState>,
    /// Who gets what arrived last from other arbiters.
    pub(crate) arrived: Option<pubsub::Arrived>,
    /// Room for who gets a message.
    pub(crate) matches: Vec<Match<Address<Session>>>,
    /// The clients of the arbiter.
    pub(crate) clients: ClientTable,
    pub(crate) connect_settings: Arc<ConnectSettings>,
    pub(crate) server_reference: Option<Text>,
    /// How large a topic or filter may be.
    pub(crate) topic_limits: TopicLimits,
    pub(crate) hasher: RandomState,
    pub(crate) listeners: Vec<Address<Listener>>,
    pub(crate) ledger: ledger::Pages,
    /// What happened to its clients.
    pub(crate) timeline: Timeline,
    /// Messages that wait for pubsub's turn; while there are any, newer ones queue behind them.
    pub(crate) dispatching: usize,
    /// Tickets that were dropped without a word.
    pub(crate) lost_tickets: Rc<RefCell<Vec<AnswerTo>>>,
    /// Arbiters that messages were sent to in this round.
    pub(crate) posted_to: ArbiterSet,
    /// Arbiters that have more from here than they should.
    pub(crate) behind: ArbiterSet,
    /// Connections that are not read.
    pub(crate) paused: BTreeSet<Address<Client>>,
    /// Connections without CONNECT.
    pub(crate) half_open: usize,
    /// Sockets whose process is over.
    pub(crate) orphans: Vec<Token>,
    /// What waits to be stored.
    pub(crate) pending: store::Pending,
    /// The broker's own messages that wait.
    pub(crate) internal: VecDeque<Message>,
    /// Wills that wait.
    pub(crate) wills: VecDeque<broker::DueWill>,
    pub(crate) socket_work: Vec<SocketWork>,
    /// What is traced here.
    pub(crate) traced: trace::Traced,
    /// What must hold, and when it is looked at.
    pub(crate) looks: invariants::Looks,
    /// Buffers for what connections write, handed from one to the next.
    write_buffers: Vec<BytesMut>,
    seed: u64,
    message_ids: std::ops::Range<u64>,
    assigned: u64,
}

impl fmt::Debug for Local {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Local")
            .field("lanes", &self.lanes)
            .finish_non_exhaustive()
    }
}

impl Local {
    /// An arbiter's share of a node. With a seed everything random is the same each time.
    #[must_use]
    pub fn new(node: Arc<Node>, arbiter: u16, seed: Option<u64>) -> Self {
        let hasher = crate::node::hasher(seed);
        let start = seed.map_or_else(
            || hasher.hash_one(arbiter),
            |seed| seed ^ u64::from(arbiter),
        );
        Self {
            connect_settings: Arc::new(connect_settings(&node)),
            server_reference: node
                .settings
                .mqtt
                .server_reference
                .as_deref()
                .and_then(|server| Text::try_from(server).ok()),
            topic_limits: TopicLimits {
                levels_max: usize::from(node.settings.mqtt.max_topic_levels),
                ..TopicLimits::default()
            },
            lanes: AllLanes::default(),
            names: Names::default(),
            table: Table::with_hasher(hasher.clone()),
            arrived: None,
            matches: Vec::new(),
            write_buffers: Vec::new(),
            clients: ClientTable::with_hasher(hasher.clone()),
            pending: store::Pending::new(&hasher),
            timeline: Timeline::with_hasher(hasher.clone()),
            hasher,
            listeners: Vec::new(),
            ledger: ledger::Pages::default(),
            dispatching: 0,
            lost_tickets: Rc::default(),
            posted_to: ArbiterSet::default(),
            behind: ArbiterSet::default(),
            paused: BTreeSet::new(),
            half_open: 0,
            orphans: Vec::new(),
            internal: VecDeque::new(),
            wills: VecDeque::new(),
            socket_work: Vec::new(),
            traced: trace::Traced::default(),
            looks: invariants::Looks::default(),
            seed: start,
            message_ids: 0..0,
            assigned: 0,
            node,
        }
    }

    /// An empty buffer for a connection that has something to write.
    pub(crate) fn lend_write_buffer(&mut self) -> BytesMut {
        self.write_buffers.pop().unwrap_or_default()
    }

    /// Takes a buffer back whose contents are written.
    pub(crate) fn take_write_buffer(&mut self, mut buffer: BytesMut) {
        buffer.clear();
        // Its capacity does not tell: what was written from it in pieces has moved its beginning.
        let is_large = buffer.try_reclaim(WRITE_BUFFER_BYTES_MAX + 1);
        if self.write_buffers.len() < WRITE_BUFFERS_MAX && !is_large {
            self.write_buffers.push(buffer);
        }
    }

    /// The next of a sequence of evenly distributed numbers (`SplitMix64`). Not for secrets.
    pub(crate) fn random(&mut self) -> u64 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.seed;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn next_message_id(&mut self) -> MessageId {
        if self.message_ids.is_empty() {
            let first = self.node.reserve_message_ids(MESSAGE_IDS);
            self.message_ids = first..first + MESSAGE_IDS;
        }
        MessageId(self.message_ids.next().unwrap_or_default())
    }

    /// A client id that nobody has: no other node's start, arbiter and count are the same.
    pub(crate) fn assign_client_id(&mut self) -> ClientId {
        self.assigned += 1;
        let started = self.node.started.as_micros();
        let chance = self.random();
        let id = format!("castmq-{started:x}-{chance:016x}-{}", self.assigned);
        // The text is neither empty nor too long, and holds nothing but letters, digits and hyphens.
        ClientId::new(Text::try_from(id).unwrap_or_default()).unwrap_or_else(|| self.fallback_id())
    }

    #[expect(clippy::expect_used, reason = "the literal is a client id")]
    fn fallback_id(&self) -> ClientId {
        ClientId::new(Text::try_from("castmq").expect("a literal text")).expect("not empty")
    }

    /// How many messages a client may have under way; `None` where that is not enforced.
    pub(crate) fn receive_maximum_of(&self, version: Version) -> Option<u16> {
        let mqtt = &self.node.settings.mqtt;
        (version == Version::V5 && mqtt.receive_maximum_policy == ReceiveMaximumPolicy::Strict)
            .then_some(mqtt.receive_maximum)
    }
}

fn connect_settings(node: &Node) -> ConnectSettings {
    let (mqtt, session) = (&node.settings.mqtt, &node.settings.session);
    ConnectSettings {
        client_id_bytes_max: usize::from(mqtt.max_client_id_bytes),
        session_expiry_in_3: Expiry::after(session.expiry_v3),
        session_expiry_max: Expiry::after(session.expiry_max),
        keep_alive_max: mqtt.keep_alive_max,
        receive_maximum: mqtt.receive_maximum,
        packet_bytes_max: mqtt.max_packet_size,
        topic_alias_max: mqtt.topic_alias_maximum,
        response_information: mqtt
            .response_information
            .as_deref()
            .and_then(|text| Text::try_from(text).ok()),
        validates_payload_format: mqtt.check_payload_format,
        authentication_method: (node.settings.auth.scram)
            .then(|| Text::try_from(client::enhanced::METHOD).ok())
            .flatten(),
        ..ConnectSettings::default()
    }
}

impl World for Local {
    type Parcel = Parcel;
    type Control = Box<dyn FnOnce(&mut Shard) + Send>;

    const KINDS: &'static [Kind] = kinds::ALL;

    fn turn(shard: &mut Shard, poller: &mut dyn Poller, kind: u8, slot: u32) {
        match kind {
            0 => {
                shard.turn::<Client>(slot);
                client::turn_ended(shard, poller, slot);
            }
            1 => shard.turn::<Session>(slot),
            2 => shard.turn::<Sm>(slot),
            3 => shard.turn::<Cm>(slot),
            4 => shard.turn::<Server>(slot),
            5 => shard.turn::<Pubsub>(slot),
            6 => shard.turn::<Router>(slot),
            7 => shard.turn::<Retainer>(slot),
            8 => shard.turn::<Hook>(slot),
            9 => shard.turn::<AccessControl>(slot),
            10 => shard.turn::<Stats>(slot),
            11 => shard.turn::<Metrics>(slot),
            12 => shard.turn::<Broker>(slot),
            13 => shard.turn::<Alarm>(slot),
            14 => shard.turn::<Sysmon>(slot),
            15 => shard.turn::<Listener>(slot),
            _ => {}
        }
    }

    fn parcel(shard: &mut Shard, poller: &mut dyn Poller, from: u16, parcel: Parcel) {
        match parcel {
            Parcel::Connection(accepted) => client::start(shard, poller, *accepted),
            Parcel::Adopt(adopted) => client::adopt(shard, poller, *adopted),
            Parcel::Publish {
                message,
                own,
                groups,
                answer,
            } => {
                let outcome = match groups {
                    None => pubsub::dispatch_arrived(shard, message, answer),
                    Some(for_groups) => {
                        let ForGroups { groups, tried } = *for_groups;
                        let plan = own.then(|| shard.world.table.plan(&message.topic));
                        let job = Job::new(message, plan, None).with_groups(groups, tried);
                        pubsub::dispatch(shard, job, answer)
                    }
                };
                if let (Some(to), Some(outcome)) = (answer, outcome) {
                    pubsub::answer(shard, to, outcome);
                }
            }
            Parcel::Answer {
                to,
                outcome,
                changes,
            } => pubsub::answer_with(shard, to, outcome, changes),
            Parcel::Stored { session, number } => store::stored(shard, session, number),
            Parcel::Routes { sequence, routes } => router::deliver(shard, from, sequence, routes),
            Parcel::RoutesDone { sequence } => {
                if let Some(pubsub) = shard.world.names.pubsub {
                    let _ = shard.send(pubsub, PubsubEntry::RoutesDone(sequence));
                }
            }
            // There, everything published so far is on its way back already.
            Parcel::Fence(fence) if fence.session.arbiter == shard.arbiter => {
                pubsub::pass(shard, fence);
            }
            Parcel::Fence(fence) => shard.post(fence.session.arbiter, Parcel::Fence(fence)),
            Parcel::Alarm(entry) => {
                if let Some(alarm) = shard.world.names.alarm {
                    let _ = shard.send(alarm, entry);
                }
            }
            Parcel::Run(work) => work(shard),
            Parcel::Traced {
                token,
                posted,
                parcel,
            } => {
                shard.begin_parcel(token, posted, parcel.name());
                trace::parcel_came(shard, &parcel);
                Self::parcel(shard, poller, from, *parcel);
                shard.end_hop();
            }
        }
    }

    fn readable(shard: &mut Shard, poller: &mut dyn Poller, token: Token) -> bool {
        let (slot, generation, arbiter) = (token.slot, token.generation, shard.arbiter);
        if token.kind == kinds::CLIENT.index {
            let client = Address::<Client>::new(arbiter, slot, generation);
            if let Some(until) = shard.paused_until(client) {
                shard.read_later(token, until);
                return false;
            }
            let more = shard.with(client, |client, shard| {
                let more = client.readable(shard, poller);
                castmq_otp::Process::settle(client, shard);
                more
            });
            return more.unwrap_or(false);
        }
        let listener = Address::<Listener>::new(arbiter, slot, generation);
        shard
            .with(listener, |listener, shard| listener.accept(shard, poller))
            .unwrap_or(false)
    }

    fn flush(shard: &mut Shard, poller: &mut dyn Poller, token: Token) {
        if token.kind == kinds::CLIENT.index {
            let client = Address::<Client>::new(shard.arbiter, token.slot, token.generation);
            shard.with(client, |client, shard| client.flush(shard, poller));
        }
        close_orphans(shard, poller);
    }

    fn timer(shard: &mut Shard, process: ProcessId, tag: u8) {
        let ProcessId {
            kind,
            slot,
            generation,
            arbiter,
        } = process;
        /// Sends to one that may have ended; then nobody waits for the timer.
        fn ring<P: castmq_otp::Process<World = Local>>(
            shard: &mut Shard,
            at: (u16, u32, u32),
            entry: P::Entry,
        ) {
            let address = Address::<P>::new(at.0, at.1, at.2);
            if P::lanes(&mut shard.world).is_live(at.1, at.2) {
                let _ = shard.send(address, entry);
            }
        }
        let at = (arbiter, slot, generation);
        match kind {
            0 => ring::<Client>(shard, at, ClientEntry::Timer),
            1 => ring::<Session>(shard, at, SessionEntry::Timer),
            2 => ring::<Sm>(shard, at, SmEntry::Timer),
            7 => ring::<Retainer>(shard, at, RetainerTick),
            10 => ring::<Stats>(shard, at, StatsTick(tag)),
            11 => ring::<Metrics>(shard, at, MetricsTick),
            12 => ring::<Broker>(shard, at, BrokerTick(tag)),
            14 => ring::<Sysmon>(shard, at, SysmonTick),
            15 => ring::<Listener>(shard, at, ListenerEntry::Resume),
            _ => {}
        }
    }

    fn control(shard: &mut Shard, _process: ProcessId, control: Self::Control) {
        control(shard);
    }

    /// Cleanup by monitor: whoever keeps something about a process hears of its end here.
    // emqttd: emqttd_cm:handle_info/2, emqttd_server:handle_info/2 ('DOWN')
    fn down(shard: &mut Shard, process: ProcessId, _down: &Down) {
        let ProcessId {
            kind,
            slot,
            generation,
            arbiter,
        } = process;
        if kind == kinds::CLIENT.index {
            let client = Address::<Client>::new(arbiter, slot, generation);
            if shard.is_tracing() {
                trace::gone(shard, client);
            }
            if let Some(cm) = shard.world.names.cm {
                let _ = shard.send(cm, CmEntry::ClientDown(client));
            }
            if let Some(sm) = shard.world.names.sm {
                let _ = shard.send(sm, SmEntry::ClientDown(client));
            }
        } else if kind == kinds::SESSION.index {
            let session = Address::<Session>::new(arbiter, slot, generation);
            if let Some(server) = shard.world.names.server {
                let _ = shard.send(server, ServerEntry::SessionDown(session));
            }
        }
    }

    fn failed(shard: &mut Shard, process: ProcessId, message: &str) {
        recorder::failed(shard, process, message);
    }

    fn restarted(shard: &mut Shard, process: ProcessId) {
        sup::restarted(shard, process);
    }

    fn gave_up(shard: &mut Shard, process: ProcessId) {
        sup::gave_up(shard, process);
    }

    fn round_begins(shard: &mut Shard) {
        trace::look(shard);
        store::round_begins(shard);
    }

    /// What others publish here is stored here: they wait with those of this arbiter.
    fn is_full(shard: &Shard) -> bool {
        !store::has_room(shard) && !store::is_in_trouble(shard)
    }

    fn round_ends(shard: &mut Shard, poller: &mut dyn Poller) {
        for work in std::mem::take(&mut shard.world.socket_work) {
            work(shard, poller);
        }
        refuse_lost_tickets(shard);
        watch_arbiters(shard);
        broker::publish_waiting(shard);
        client::resume_paused(shard);
        ledger::hand_over(shard);
        store::round_ends(shard);
        stats::write(shard);
        close_orphans(shard, poller);
        invariants::look(shard);
        trace::hand_over(shard);
    }
}

/// Closes the sockets of processes that are over.
fn close_orphans(shard: &mut Shard, poller: &mut dyn Poller) {
    for token in shard.world.orphans.drain(..) {
        poller.close(token);
    }
}

/// A ticket that was dropped without a word means that something failed on the way: its publisher is
/// not left waiting.
fn refuse_lost_tickets(shard: &mut Shard) {
    let lost = Rc::clone(&shard.world.lost_tickets);
    let Ok(mut lost) = lost.try_borrow_mut() else {
        return;
    };
    for to in lost.drain(..) {
        shard.count(Counter::MessagesDropped);
        ledger::enter(shard, lost_ticket(shard, to));
        let reason = castmq_mqtt::ReasonCode::UnspecifiedError;
        pubsub::answer(shard, to, castmq_rules::ack_order::Outcome::Refused(reason));
    }
}

fn lost_ticket(shard: &Shard, to: AnswerTo) -> Loss {
    let loss = Loss::new(Reason::TICKET_LOST);
    let AnswerTo::Client { client, .. } = to else {
        return loss;
    };
    let lanes = &shard.world.lanes.client;
    let client = (client.arbiter == shard.arbiter)
        .then(|| lanes.peek(client.slot, client.generation))
        .flatten();
    match client.and_then(Client::client_id) {
        Some(client_id) => loss.client(client_id),
        None => loss,
    }
}

/// Looks which of the arbiters that were sent messages are behind: above the high mark until they are at
/// the low one, when they wake this arbiter.
fn watch_arbiters(shard: &mut Shard) {
    let posted_to = std::mem::take(&mut shard.world.posted_to);
    if posted_to.is_empty() && shard.world.behind.is_empty() {
        return;
    }
    for arbiter in shard.world.behind.clone().iter() {
        if shard.may_post(arbiter.0) {
            shard.world.behind.remove(arbiter);
        }
    }
    for arbiter in posted_to.iter() {
        if shard.is_congested(arbiter.0) {
            shard.world.behind.insert(arbiter);
        }
    }
}

/// Tells of the start or stop of the node.
pub(crate) fn tell_life(shard: &Shard, what: &'static str) {
    shard.tell(
        Event::NodeLife,
        &[
            ("node", &shard.world.node.settings.node.name),
            ("what", &what),
        ],
    );
}
