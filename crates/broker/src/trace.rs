//! Trace: which packets and messages are followed through all processes.
//!
//! | | |
//! |---|---|
//! | emqttd | `emqttd_trace` |
//! | Started by | nobody: it has no process; what is traced stands in the node's [`Traces`](castmq_observe::trace::Traces) |
//! | Work runs in | the turn or read of whoever handles what is followed |
//! | Waits for | nobody |
//! | Waited for by | nobody |
//! | If it dies | it has no process; a flow whose hop fails ends there |
//! | Watch | `castmq ctl trace list`; each trace says what it has spent and what it costs |
//!
//! A trace ends by itself when its budget is spent. Where nothing is traced, all this costs a look at one
//! flag for each packet and each entry.

// differs: emqttd's trace writes the log lines of one client or topic into a file; here each entry that
// a message causes is written down with its wait, its work and what was decided.

mod packets;
mod view;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use ahash::RandomState;
use castmq_mqtt::{AckKind, Packet, PacketId, QoS, TopicFilter, TopicName};
use castmq_observe::trace::{Meter, NoteKind, Start, Token};
use castmq_otp::{Address, Token as Socket};
use castmq_rules::session::Outgoing;
use castmq_rules::{Delivery, Message, MessageId};
use smallvec::SmallVec;

use crate::client::Client;
use crate::parcel::Parcel;
use crate::session::Session;
use crate::{Shard, kinds};

use packets::{Sender, describe, is_last, name_of, sender_of};
pub use view::{
    BudgetView, CostView, FlowView, HopView, NoteView, SpentView, TraceRequest, TraceView,
};

/// What a trace follows. Everything that is named has to be so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wants {
    /// What this client sends and gets.
    pub client: Option<String>,
    /// Messages on matching topics.
    pub topic: Option<TopicFilter>,
    /// What is sent from this address.
    pub address: Option<IpAddr>,
    /// One of so many of all that.
    pub one_in: Option<u32>,
}

/// Messages and packets on an arbiter of which it is remembered to which flow they belong, at most.
const KNOWN_MAX: usize = 20_000;

/// What an arbiter has to know while something is traced.
#[derive(Debug, Default)]
pub(crate) struct Traced {
    running: Vec<(Wants, Arc<Meter>)>,
    /// Whether each trace that runs follows one client.
    is_by_client: bool,
    /// Connections of clients that are followed.
    clients: SmallVec<[Address<Client>; 1]>,
    /// Sessions of clients that are followed.
    sessions: SmallVec<[Address<Session>; 1]>,
    /// Where messages were seen last: by everybody, and by each session.
    messages: HashMap<(u64, u32), Token, RandomState>,
    /// Packets that wait for an acknowledgement, by the connection.
    packets: HashMap<Waiting, Token, RandomState>,
    /// Packets that wait in a connection's buffer for its socket.
    unwritten: HashMap<Socket, Vec<Token>, RandomState>,
    /// Of what came, for those who want one in so many.
    count: u32,
}

/// A packet that waits for its acknowledgement: the place and tenant of its connection, its id, and who
/// has sent it, because both sides count for themselves.
type Waiting = (u32, u32, PacketId, Sender);

/// The most packets that wait for one socket and are remembered.
const UNWRITTEN_MAX: usize = 1024;

/// Stands for all sessions.
const ANY: u32 = u32::MAX;

/// What begins a flow, as far as traces ask about it.
struct Stimulus<'a> {
    client: Option<&'a str>,
    address: Option<IpAddr>,
    topic: Option<&'a TopicName>,
}

impl Wants {
    fn take(&self, stimulus: &Stimulus<'_>, count: u32) -> bool {
        let is_client = |client: &String| stimulus.client == Some(client);
        let is_address = |address: &IpAddr| stimulus.address == Some(*address);
        let is_topic =
            |filter: &TopicFilter| stimulus.topic.is_some_and(|topic| filter.matches(topic));
        self.client.as_ref().is_none_or(is_client)
            && self.address.as_ref().is_none_or(is_address)
            && self.topic.as_ref().is_none_or(is_topic)
            && self
                .one_in
                .is_none_or(|one_in| count.is_multiple_of(one_in))
    }
}

impl Traced {
    fn clear(&mut self) {
        *self = Self {
            count: self.count,
            ..Self::default()
        };
    }

    fn takers(&self, stimulus: &Stimulus<'_>) -> SmallVec<[Arc<Meter>; 2]> {
        let running = self.running.iter();
        let takers = running.filter(|(wants, _)| wants.take(stimulus, self.count));
        takers.map(|(_, meter)| Arc::clone(meter)).collect()
    }

    fn remember(&mut self, message: MessageId, session: u32, token: Token) {
        if self.messages.len() < KNOWN_MAX {
            self.messages.insert((message.0, session), token);
        }
    }

    /// Where a message was seen last by that session, or else by anybody.
    fn of_message(&self, message: MessageId, session: u32) -> Option<Token> {
        let seen = self.messages.get(&(message.0, session));
        seen.or_else(|| self.messages.get(&(message.0, ANY)))
            .copied()
    }
}

/// Once a round: takes notice of traces that began or ended.
pub(crate) fn look(shard: &mut Shard) {
    let node = Arc::clone(&shard.world.node);
    let now = shard.now();
    let Some(running) = shard.tracer.look(&node.traces, now) else {
        return;
    };
    if running.is_empty() {
        shard.world.traced.clear();
    }
    let is_by_client = running.iter().all(|(wants, _)| wants.client.is_some());
    shard.world.traced.is_by_client = is_by_client;
    shard.world.traced.running = running;
    find_sessions(shard);
}

/// Once a round: hands over what was written down.
pub(crate) fn hand_over(shard: &mut Shard) {
    let node = Arc::clone(&shard.world.node);
    let now = shard.clock_now();
    shard.tracer.hand_over(&node.traces, now);
}

/// Looks up the sessions of the clients that are followed.
pub(crate) fn find_sessions(shard: &mut Shard) {
    let clients: SmallVec<[String; 1]> = shard
        .world
        .traced
        .running
        .iter()
        .filter_map(|(wants, _)| wants.client.clone())
        .collect();
    let table = &shard.world.clients;
    let connections = clients.iter();
    let connections = connections.filter_map(|client| table.get(client).map(|row| row.client));
    shard.world.traced.clients = connections.collect();
    let sessions = clients
        .iter()
        .filter_map(|client| crate::app::session_of(shard, client))
        .collect();
    shard.world.traced.sessions = sessions;
}

/// Whether what a connection sends may begin a flow: a look at two addresses where one client is followed,
/// because whoever is not followed is not to feel it.
#[inline]
pub(crate) fn may_begin(shard: &Shard, client: Address<Client>) -> bool {
    let traced = &shard.world.traced;
    !traced.is_by_client || traced.clients.contains(&client)
}

/// Whether what goes to a session may begin a flow.
#[inline]
pub(crate) fn may_begin_with(shard: &Shard, session: Address<Session>) -> bool {
    shard.tracer.token().is_none() && shard.world.traced.sessions.contains(&session)
}

/// Whether anything of a flow waits for a socket.
#[inline]
pub(crate) fn has_unwritten(shard: &Shard) -> bool {
    !shard.world.traced.unwritten.is_empty()
}

fn stimulus_of(client: &Client) -> Stimulus<'_> {
    Stimulus {
        client: client.client_id().map(castmq_rules::ClientId::as_str),
        address: client.peer().ip(),
        topic: None,
    }
}

/// PUBLISH was read: it begins a flow if somebody wants to follow it.
#[cold]
pub(crate) fn publish_read(
    shard: &mut Shard,
    client: &Client,
    topic: &TopicName,
    (qos, packet_id, bytes): (QoS, Option<PacketId>, usize),
) {
    if shard.tracer.token().is_some() || !may_begin(shard, client.address()) {
        return;
    }
    shard.world.traced.count = shard.world.traced.count.wrapping_add(1);
    let stimulus = Stimulus {
        topic: Some(topic),
        ..stimulus_of(client)
    };
    let takers = shard.world.traced.takers(&stimulus);
    if takers.is_empty() {
        return;
    }
    let id = packet_id.map_or_else(String::new, |id| format!(", packet id {id}"));
    let cause = format!("PUBLISH {topic}, QoS {}, {bytes} bytes{id}", qos as u8);
    let has_begun = begin(shard, client, &takers, cause, ("PUBLISH", Some(topic)));
    if has_begun && let (Some(id), Some(token)) = (packet_id, shard.tracer.token()) {
        wait_for_ack(shard, client.address(), (id, Sender::Client), token);
    }
}

/// Another packet was read: it begins a flow if everything of its client is followed.
#[cold]
pub(crate) fn packet_read(shard: &mut Shard, client: &Client, packet: &Packet) {
    if matches!(packet, Packet::Publish(_)) || shard.tracer.token().is_some() {
        return;
    }
    let mut stimulus = stimulus_of(client);
    if let Packet::Connect(connect) = packet {
        stimulus.client = Some(connect.client_id.as_str());
    }
    let (name, text) = describe(packet);
    begin_packet(shard, client, &stimulus, name, text);
}

fn begin_packet(
    shard: &mut Shard,
    client: &Client,
    stimulus: &Stimulus<'_>,
    name: &'static str,
    text: String,
) {
    // Who wants messages on topics wants no other packets.
    let takers = shard.world.traced.takers(stimulus);
    if !takers.is_empty() {
        begin(shard, client, &takers, text, (name, None));
    }
}

/// An acknowledgement was read: it belongs to the flow of what it acknowledges.
#[cold]
pub(crate) fn ack_read(shard: &mut Shard, client: &Client, kind: AckKind, id: PacketId) {
    if shard.tracer.token().is_some() {
        return;
    }
    let name = name_of(kind);
    let address = client.address();
    let key = (
        address.slot,
        address.generation,
        id,
        sender_of(kind, Sender::Client),
    );
    let known = if client.is_followed() {
        shard.world.traced.packets.get(&key).copied()
    } else {
        None
    };
    let Some(token) = known else {
        if !may_begin(shard, client.address()) {
            return;
        }
        let text = format!("{name} {id}");
        let stimulus = stimulus_of(client);
        return begin_packet(shard, client, &stimulus, name, text);
    };
    shard.begin_hop_of::<Client>(token, address.id(), name);
    shard.note(NoteKind::Ack, || format!("{name} {id} read"));
    if is_last(kind) {
        shard.world.traced.packets.remove(&key);
    } else if let Some(token) = shard.tracer.token() {
        shard.world.traced.packets.insert(key, token);
    }
}

fn begin(
    shard: &mut Shard,
    client: &Client,
    takers: &[Arc<Meter>],
    cause: String,
    (entry, topic): (&'static str, Option<&TopicName>),
) -> bool {
    let address = client.address();
    let start = Start {
        client: client.client_id().map(ToString::to_string),
        topic: topic.map(ToString::to_string),
        process: Some(address.id()),
        kind: kinds::CLIENT.name,
        name: shard.name_of::<Client>(address.id()),
        entry,
        at: None,
        cause,
    };
    let text = format!("{} read", start.cause);
    let flow = shard.world.node.traces.next_flow();
    let has_begun = shard.begin_flow(takers, flow, start);
    if has_begun {
        shard.note(NoteKind::PacketIn, || text);
    }
    has_begun
}

/// What was read has been handled: no flow is under way.
#[cold]
pub(crate) fn read_done(shard: &mut Shard) {
    while shard.tracer.token().is_some() {
        shard.end_hop();
    }
}

/// A message was made from what was read.
#[cold]
pub(crate) fn message_made(shard: &mut Shard, message: MessageId) {
    if let Some(token) = shard.tracer.token() {
        shard.tracer.is_about(message.0);
        shard.world.traced.remember(message, ANY, token);
    }
}

/// A parcel came from another arbiter: a message in it is known here, too.
#[cold]
pub(crate) fn parcel_came(shard: &mut Shard, parcel: &Parcel) {
    if let (Parcel::Publish { message, .. }, Some(token)) = (parcel, shard.tracer.token()) {
        shard.world.traced.remember(message.id, ANY, token);
    }
}

/// A message goes into a session's lane: that begins a flow if its client is followed and the message is
/// not. Whether it does; then [`read_done`] or [`Shard::end_hop`] has to follow.
#[cold]
pub(crate) fn delivered(shard: &mut Shard, session: Address<Session>, delivery: &Delivery) -> bool {
    if shard.tracer.token().is_some() || !shard.world.traced.sessions.contains(&session) {
        return false;
    }
    let lanes = &shard.world.lanes.session;
    let Some(to) = lanes.peek(session.slot, session.generation) else {
        return false;
    };
    let message = &delivery.message;
    let stimulus = Stimulus {
        client: Some(to.client_id().as_str()),
        address: None,
        topic: Some(&message.topic),
    };
    let takers = shard.world.traced.takers(&stimulus);
    if takers.is_empty() {
        return false;
    }
    let from = message.from.as_ref().map(ToString::to_string);
    let publisher = from
        .as_deref()
        .and_then(|from| shard.world.clients.get(from));
    let start = Start {
        cause: format!(
            "PUBLISH {}, QoS {}, {} bytes",
            message.topic,
            message.qos as u8,
            message.payload.len()
        ),
        process: publisher.map(|row| row.client.id()),
        kind: if from.is_some() {
            kinds::CLIENT.name
        } else {
            kinds::BROKER.name
        },
        name: Arc::from(from.as_deref().unwrap_or("")),
        entry: "PUBLISH",
        at: Some(message.received.since_start()),
        client: from,
        topic: Some(message.topic.to_string()),
    };
    let id = message.id;
    let flow = shard.world.node.traces.next_flow();
    let has_begun = shard.begin_flow(&takers, flow, start);
    if has_begun {
        message_made(shard, id);
    }
    has_begun
}

/// A session has taken a message in: where it goes on from here is behind this hop.
#[cold]
pub(crate) fn taken_in(shard: &mut Shard, session: u32, message: MessageId) {
    if let Some(token) = shard.tracer.token() {
        shard.world.traced.remember(message, session, token);
    }
}

/// The flow of a message that a session holds, if it has one of its own.
#[cold]
pub(crate) fn flow_of(shard: &Shard, session: u32, message: &Message) -> Option<Token> {
    shard.world.traced.of_message(message.id, session)
}

/// The flow of a message that leaves a session: its own, or the one under way. One that an acknowledgement
/// of another message has let out is no part of that one's.
#[cold]
pub(crate) fn leaves_session(shard: &mut Shard, session: u32, message: &Message) -> Option<Token> {
    let own = flow_of(shard, session, message);
    if own.is_some() {
        return own;
    }
    let entry = shard.tracer.entry().unwrap_or_default();
    if matches!(entry, "Puback" | "Pubrec" | "Pubcomp") {
        let id = message.id.0;
        shard.note(NoteKind::Decision, || {
            format!("lets message {id} out of the queue")
        });
        return None;
    }
    taken_in(shard, session, message.id);
    shard.tracer.token()
}

/// A connection has put PUBLISH into its buffer.
#[cold]
pub(crate) fn publish_put(
    shard: &mut Shard,
    client: Address<Client>,
    outgoing: &Outgoing,
    bytes: usize,
) {
    let Some(token) = shard.tracer.token() else {
        return;
    };
    let qos = outgoing.delivery.qos as u8;
    let dup = if outgoing.dup { ", DUP" } else { "" };
    let id = outgoing.packet_id;
    let id_text = id.map_or_else(String::new, |id| format!(", packet id {id}"));
    shard.note(NoteKind::PacketOut, || {
        format!("PUBLISH of {bytes} bytes, QoS {qos}{id_text}{dup}")
    });
    if let Some(id) = id {
        wait_for_ack(shard, client, (id, Sender::Broker), token);
    }
    wait_for_socket(shard, client, token);
}

/// A connection has put an acknowledgement into its buffer.
#[cold]
pub(crate) fn ack_put(shard: &mut Shard, client: Address<Client>, kind: AckKind, id: PacketId) {
    let key = (
        client.slot,
        client.generation,
        id,
        sender_of(kind, Sender::Broker),
    );
    let known = shard.world.traced.packets.get(&key).copied();
    let Some(known) = known else {
        return;
    };
    // Acknowledgements leave in their order, so that this one may be let out in another flow.
    let same = |token: &Token| token.flow == known.flow;
    let token = shard.tracer.token().filter(same).unwrap_or(known);
    if is_last(kind) {
        shard.world.traced.packets.remove(&key);
    }
    let text = format!("{} {id}", name_of(kind));
    shard.note_on(token, NoteKind::Ack, text);
    wait_for_socket(shard, client, token);
}

/// A connection has put CONNACK into its buffer.
#[cold]
pub(crate) fn connack_put(shard: &mut Shard, client: Address<Client>, present: bool) {
    let Some(token) = shard.tracer.token() else {
        return;
    };
    let session = if present {
        "the session was there"
    } else {
        "a new session"
    };
    shard.note(NoteKind::Ack, || format!("CONNACK, {session}"));
    wait_for_socket(shard, client, token);
}

/// A connection is about to go to another arbiter.
#[cold]
pub(crate) fn leaves(shard: &mut Shard, client: Address<Client>, arbiter: u16) {
    let Some(token) = shard.tracer.token() else {
        return;
    };
    shard.note(NoteKind::Parcel, || {
        format!("its session is on arbiter {arbiter}: the connection goes there")
    });
    wait_for_socket(shard, client, token);
}

/// It goes: the flow that it takes along.
#[cold]
pub(crate) fn take_leaving(shard: &mut Shard, client: Address<Client>) -> Option<Token> {
    shard.world.traced.unwritten.get_mut(&client.token())?.pop()
}

fn wait_for_socket(shard: &mut Shard, client: Address<Client>, token: Token) {
    let unwritten = &mut shard.world.traced.unwritten;
    if unwritten.len() < KNOWN_MAX {
        let waiting = unwritten.entry(client.token()).or_default();
        if waiting.len() < UNWRITTEN_MAX {
            waiting.push(token);
        }
    }
}

/// A connection is gone: nothing of it is written any more.
pub(crate) fn gone(shard: &mut Shard, client: Address<Client>) {
    shard.world.traced.unwritten.remove(&client.token());
}

/// A connection's buffer is written to its socket.
#[cold]
pub(crate) fn written(shard: &mut Shard, socket: Socket) {
    let written = shard.world.traced.unwritten.remove(&socket);
    for token in written.into_iter().flatten() {
        let text = "written to the socket".to_owned();
        shard.note_on(token, NoteKind::PacketOut, text);
    }
}

fn wait_for_ack(
    shard: &mut Shard,
    client: Address<Client>,
    (id, sender): (PacketId, Sender),
    token: Token,
) {
    let traced = &mut shard.world.traced;
    if traced.packets.len() < KNOWN_MAX {
        let key = (client.slot, client.generation, id, sender);
        traced.packets.insert(key, token);
    }
}
