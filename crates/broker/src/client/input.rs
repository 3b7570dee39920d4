//! What a client sends: reading, splitting into packets, and who handles which.

use std::io::ErrorKind::{Interrupted, InvalidData, WouldBlock};

use bytes::{Buf, Bytes, BytesMut};
use castmq_mqtt::{AckKind, Glance, Glanced, Packet, PacketId, PacketType, ReasonCode};
use castmq_observe::Counter;
use castmq_otp::{Chunk, Poller};
use castmq_rules::protocol::Inbound;

use super::{Client, Close, Stage};
use crate::session::SessionEntry;
use crate::{Shard, now, trace};

/// What the shared scratch is made for: bytes that one read takes at most.
const READ: usize = 256 * 1024;
/// Bytes that one read takes where packets are smaller: less than others would feel.
const READ_FEWER: usize = 32 * 1024;
/// Bytes of all connections of an arbiter that have not sent their CONNECT; each has its share.
const OPENING_BYTES: usize = 64 * 1024 * 1024;
/// Packets parsed before other connections have their turn: a read may hold 100 000 tiny ones. As many as a
/// usual window, so that what came together is answered together.
const PACKETS_PER_TURN: usize = 64;

/// A packet of at least this size that fills most of its buffer is read without copying it once more.
const READ_IN_PLACE: usize = 16 * 1024;

/// Input that is not parsed. Empty and without memory while the connection is idle.
#[derive(Debug, Default)]
pub(super) struct Input {
    /// Whole packets that wait, or the beginning of one.
    kept: BytesMut,
    /// How many bytes have to be there before it is worth while to look at them.
    wanted: usize,
    /// The socket was readable and no read has found it empty since.
    is_readable: bool,
    /// A turn's packets were so large that they filled the scratch.
    has_large_packets: bool,
}

impl Input {
    /// What was read and not parsed, for the arbiter that the connection moves to.
    pub(super) fn take(&mut self) -> Bytes {
        std::mem::take(&mut self.kept).freeze()
    }

    /// Input that another arbiter had read.
    pub(super) fn put(&mut self, bytes: &[u8]) {
        self.kept = BytesMut::from(bytes);
        self.wanted = 0;
    }

    /// Bytes that wait.
    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }

    /// Keeps what was read and is not to be parsed yet.
    pub(super) fn keep(&mut self, bytes: &[u8], is_last: bool) {
        self.kept.extend_from_slice(bytes);
        self.wanted = 0;
        self.is_readable = !is_last;
    }

    /// A read found nothing.
    pub(super) fn drained(&mut self) {
        self.is_readable = false;
    }

    /// Whether there is something to parse before more is read.
    fn is_waiting(&self) -> bool {
        !self.kept.is_empty() && self.kept.len() >= self.wanted
    }
}

/// Why parsing stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// All whole packets are parsed.
    Empty,
    /// Enough for this turn.
    Budget,
    /// Something has to be answered first, or the connection closes.
    Held,
}

impl Client {
    /// The socket is readable, or was before: parses what waits, then reads and parses. Returns
    /// whether to come again at once.
    // emqttd: emqttd_client:handle_info/2 (inet_async)
    pub(crate) fn readable(&mut self, shard: &mut Shard, poller: &mut dyn Poller) -> bool {
        self.input.is_readable = true;
        if self.waits_for_modules() {
            return self.watch_hang_up(shard, poller);
        }
        if self.is_held() {
            return false;
        }
        let stop = if self.input.is_waiting() {
            self.parse_kept(shard)
        } else {
            Stop::Empty
        };
        let stop = match stop {
            Stop::Empty => self.read(shard, poller),
            Stop::Budget | Stop::Held => stop,
        };
        match stop {
            Stop::Empty => self.input.is_readable,
            Stop::Budget => true,
            Stop::Held => false,
        }
    }

    /// Whether nothing may be read or parsed now.
    fn is_held(&self) -> bool {
        self.is_closing() || self.pause.is_some() || !self.machines.protocol.may_parse()
    }

    /// Has the socket stage come back after a hold.
    pub(super) fn read_again(&mut self, shard: &mut Shard) {
        if !self.is_held() && (self.input.is_readable || self.input.is_waiting()) {
            shard.read_again(self.address.token());
        }
    }

    /// Reads once, into the room that all connections of the arbiter share, and parses.
    fn read(&mut self, shard: &mut Shard, poller: &mut dyn Poller) -> Stop {
        let mut scratch = std::mem::take(&mut shard.scratch);
        scratch.resize(READ, 0);
        let room = if self.input.has_large_packets {
            READ
        } else {
            READ_FEWER
        };
        let into = scratch.get_mut(..room).unwrap_or_default();
        let stop = match poller.read(self.address.token(), into) {
            Ok(Chunk { bytes: 0, .. }) => {
                self.close(shard, &Close::ByPeer);
                Stop::Held
            }
            Ok(Chunk { bytes, is_last }) => {
                self.input.is_readable = !is_last;
                if self.is_opening() {
                    self.learn(poller);
                }
                shard.cells.add(Counter::BytesReceived, bytes as u64);
                self.take_in(shard, scratch.get(..bytes).unwrap_or_default())
            }
            Err(error) if error.kind() == WouldBlock => {
                self.input.is_readable = false;
                Stop::Empty
            }
            Err(error) if error.kind() == Interrupted => Stop::Empty,
            Err(error) if error.kind() == InvalidData => {
                self.close(shard, &Close::Transport(error.to_string()));
                Stop::Held
            }
            Err(_) => {
                self.close(shard, &Close::ByPeer);
                Stop::Held
            }
        };
        shard.scratch = scratch;
        stop
    }

    /// Parses what was read, behind the beginning of a packet that is there already.
    fn take_in(&mut self, shard: &mut Shard, bytes: &[u8]) -> Stop {
        if self.input.kept.is_empty() {
            let (stop, parsed) = self.parse(shard, bytes);
            let left = bytes.get(parsed..).unwrap_or_default();
            if !left.is_empty() && !self.is_closing() {
                self.input.kept = BytesMut::from(left);
                self.want(stop);
            }
            return self.stop_beyond_share(shard).unwrap_or(stop);
        }
        // Memory grows with what has come, and the packet is looked at when it is whole.
        self.input.kept.extend_from_slice(bytes);
        if let Some(stop) = self.stop_beyond_share(shard) {
            return stop;
        }
        if self.input.is_waiting() {
            self.parse_kept(shard)
        } else {
            Stop::Empty
        }
    }

    /// Ends a connection that has not said who it is and keeps more than its share.
    fn stop_beyond_share(&mut self, shard: &mut Shard) -> Option<Stop> {
        let share = OPENING_BYTES / shard.world.half_open.max(1);
        if !self.is_opening() || self.input.kept.len() <= share {
            return None;
        }
        let cause = "its CONNECT is too large while so many connect".to_owned();
        self.close(shard, &Close::Transport(cause));
        Some(Stop::Held)
    }

    /// Parses what was kept.
    fn parse_kept(&mut self, shard: &mut Shard) -> Stop {
        let mut kept = std::mem::take(&mut self.input.kept);
        if let Some(stop) = self.parse_large(shard, &mut kept) {
            self.input.kept = kept;
            return stop;
        }
        let (stop, parsed) = self.parse(shard, &kept);
        if parsed == kept.len() || self.is_closing() {
            return stop;
        }
        // Little is not to hold on to the memory of much.
        let left = kept.len() - parsed;
        if left < kept.capacity() / 4 {
            kept = BytesMut::from(kept.get(parsed..).unwrap_or_default());
        } else {
            kept.advance(parsed);
        }
        self.input.kept = kept;
        self.want(stop);
        stop
    }

    /// A packet that is most of what was kept takes over its memory.
    fn parse_large(&mut self, shard: &mut Shard, kept: &mut BytesMut) -> Option<Stop> {
        let bytes = self.decoder.packet_bytes(kept).ok().flatten()?;
        if bytes < READ_IN_PLACE.max(kept.capacity() / 2) || bytes > kept.len() || self.is_held() {
            return None;
        }
        let packet = kept.split_to(bytes).freeze();
        // What stands behind it lets go of that memory.
        *kept = BytesMut::from(&**kept);
        self.input.wanted = 0;
        self.decode(shard, packet);
        if shard.tracer.token().is_some() {
            trace::read_done(shard);
        }
        Some(if self.is_held() {
            Stop::Held
        } else {
            Stop::Budget
        })
    }

    /// Says from when on what was kept is worth a look.
    fn want(&mut self, stop: Stop) {
        let kept = &self.input.kept;
        self.input.wanted = if stop == Stop::Empty {
            // A header that is not complete is looked at again with each byte.
            let whole = self.decoder.packet_bytes(kept).ok().flatten();
            whole.unwrap_or(kept.len() + 1)
        } else {
            0
        };
    }

    /// Handles the packets of some bytes; returns why it stopped, and where.
    fn parse(&mut self, shard: &mut Shard, input: &[u8]) -> (Stop, usize) {
        let mut at = 0;
        for packets in 0..PACKETS_PER_TURN {
            self.input.has_large_packets = at >= packets.max(1) * (READ / PACKETS_PER_TURN);
            if self.is_held() {
                return (Stop::Held, at);
            }
            let rest = input.get(at..).unwrap_or_default();
            match self.decoder.glance(rest) {
                Ok(Some(Glance { bytes, packet })) => {
                    at += bytes;
                    match packet {
                        Glanced::Publish(publish) => self.publish_in_place(shard, &publish),
                        Glanced::Ack(kind, id) => self.acknowledged(shard, kind, id),
                        Glanced::Other => {
                            let packet = rest.get(..bytes).unwrap_or_default();
                            self.decode(shard, Bytes::copy_from_slice(packet));
                        }
                    }
                    if shard.tracer.token().is_some() {
                        trace::read_done(shard);
                    }
                }
                Ok(None) => return (Stop::Empty, at),
                Err(error) => {
                    self.close(shard, &Close::Malformed(error));
                    return (Stop::Held, at);
                }
            }
        }
        (Stop::Budget, at)
    }

    /// Reads a packet as a whole, from memory of its own.
    fn decode(&mut self, shard: &mut Shard, mut packet: Bytes) {
        match self.decoder.decode(&mut packet) {
            Ok(Some(packet)) => self.packet(shard, packet),
            // It is whole, so there is one.
            Ok(None) => {}
            Err(error) => self.close(shard, &Close::Malformed(error)),
        }
    }

    /// An acknowledgement that is a packet id alone came.
    fn acknowledged(&mut self, shard: &mut Shard, kind: AckKind, id: PacketId) {
        self.heard(shard, kind.packet_type());
        if shard.is_tracing() && (self.is_followed || trace::may_begin(shard, self.address)) {
            trace::ack_read(shard, self, kind, id);
        }
        if let Err(violation) = self.machines.handle_acknowledgement() {
            return self.close(shard, &Close::Violation(violation));
        }
        let reason = ReasonCode::Success;
        match kind {
            AckKind::PubAck => {
                self.to_session(shard, |epoch| SessionEntry::Puback(epoch, id, reason));
            }
            AckKind::PubRec => {
                self.to_session(shard, |epoch| SessionEntry::Pubrec(epoch, id, reason));
            }
            AckKind::PubRel => self.pubrel(shard, id),
            AckKind::PubComp => {
                self.to_session(shard, |epoch| SessionEntry::Pubcomp(epoch, id));
            }
        }
    }

    /// A complete packet is a sign of life; a byte is not. [MQTT3-3.1.2-24] [MQTT5-3.1.2-22]
    pub(super) fn heard(&mut self, shard: &Shard, kind: PacketType) {
        count_received(shard, kind);
        self.machines.heard(now(shard));
    }

    // emqttd: emqttd_protocol:received/2
    fn packet(&mut self, shard: &mut Shard, packet: Packet) {
        self.heard(shard, packet.packet_type());
        if shard.is_tracing() {
            trace::packet_read(shard, self, &packet);
        }
        match self.machines.handle_packet(packet) {
            Ok(inbound) => self.inbound(shard, inbound),
            Err(violation) => self.close(shard, &Close::Violation(violation)),
        }
    }

    fn inbound(&mut self, shard: &mut Shard, inbound: Inbound) {
        match inbound {
            Inbound::Connect(connect) => self.connect(shard, &connect),
            Inbound::Publish(checked) => self.publish(shard, checked),
            Inbound::PubAck(ack) => {
                self.to_session(shard, |epoch| {
                    SessionEntry::Puback(epoch, ack.packet_id, ack.reason)
                });
            }
            Inbound::PubRec(ack) => {
                self.to_session(shard, |epoch| {
                    SessionEntry::Pubrec(epoch, ack.packet_id, ack.reason)
                });
            }
            Inbound::PubRel(ack) => self.pubrel(shard, ack.packet_id),
            Inbound::PubComp(ack) => {
                self.to_session(shard, |epoch| SessionEntry::Pubcomp(epoch, ack.packet_id));
            }
            Inbound::Subscribe(subscribe) => self.subscribe(shard, subscribe),
            Inbound::Unsubscribe(unsubscribe) => self.unsubscribe(shard, unsubscribe),
            Inbound::Auth(step) => self.auth_step(shard, &step),
            // [MQTT3-3.12.4-1] [MQTT5-3.12.4-1]
            Inbound::Ping => self.write(shard, &Packet::PingResp),
            Inbound::Disconnect { reason, expiry } => {
                self.close(shard, &Close::Disconnect { reason, expiry });
            }
        }
    }

    /// Whether it counts as half-open: it has yet to say, or to prove, who it is.
    pub(super) fn is_opening(&self) -> bool {
        match &self.stage {
            Stage::Opening => true,
            Stage::Authenticating(claiming) => claiming.proof.is_some(),
            Stage::Claiming(_) | Stage::Connected(_) | Stage::Closing { .. } => false,
        }
    }

    /// It is no half-open connection any more.
    pub(super) fn leave_opening(&mut self, shard: &mut Shard) {
        if self.is_opening() {
            shard.world.half_open = shard.world.half_open.saturating_sub(1);
        }
    }
}

fn count_received(shard: &Shard, kind: PacketType) {
    shard.count(match kind {
        PacketType::Connect => Counter::PacketsConnect,
        PacketType::Publish => Counter::PacketsPublishReceived,
        PacketType::PubAck => Counter::PacketsPubackReceived,
        PacketType::PubRec => Counter::PacketsPubrecReceived,
        PacketType::PubRel => Counter::PacketsPubrelReceived,
        PacketType::PubComp => Counter::PacketsPubcompReceived,
        PacketType::Subscribe => Counter::PacketsSubscribe,
        PacketType::Unsubscribe => Counter::PacketsUnsubscribe,
        PacketType::PingReq => Counter::PacketsPingreq,
        PacketType::Disconnect => Counter::PacketsDisconnectReceived,
        PacketType::Auth => Counter::PacketsAuthReceived,
        // Only servers send these; the decoder refuses them.
        PacketType::ConnAck | PacketType::SubAck | PacketType::UnsubAck | PacketType::PingResp => {
            return;
        }
    });
}
