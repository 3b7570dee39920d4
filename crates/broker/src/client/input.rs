//! What a client sends: reading, splitting into packets, and who handles which.

use std::io::ErrorKind::{Interrupted, WouldBlock};

use bytes::{Bytes, BytesMut};
use castmq_mqtt::Packet;
use castmq_observe::Counter;
use castmq_otp::Poller;
use castmq_rules::protocol::Inbound;

use super::{Client, Close, Stage};
use crate::session::SessionEntry;
use crate::{Shard, now};

/// Bytes that one read takes at most, and what the shared scratch is made for.
const READ: usize = 64 * 1024;
/// Packets parsed before other connections have their turn: 64 KiB may hold 13 000 tiny ones.
const PACKETS_PER_TURN: usize = 256;

/// Input that is not parsed.
#[derive(Debug, Default)]
pub(super) struct Input {
    /// Whole packets that wait, copied out of the shared scratch.
    pending: Bytes,
    /// The beginning of a packet of which the rest has not come.
    partial: BytesMut,
    /// How long that packet is as a whole, once its header says so.
    whole: usize,
    /// The socket was readable and no read has found it empty since.
    is_readable: bool,
}

impl Input {
    /// What was read and not parsed, for the arbiter that the connection moves to.
    pub(super) fn take(&mut self) -> Bytes {
        if self.pending.is_empty() {
            self.partial.split().freeze()
        } else {
            std::mem::take(&mut self.pending)
        }
    }

    /// Room for the next read: the buffer doubles, and never grows beyond the packet by more than a read.
    fn make_room(&mut self) {
        let missing = self.whole.saturating_sub(self.partial.len());
        if self.partial.capacity() == self.partial.len() {
            self.partial
                .reserve(missing.min(self.partial.len()).max(64));
        }
    }

    /// Input that another arbiter had read.
    pub(super) fn put(&mut self, bytes: Bytes) {
        self.pending = bytes;
    }
}

/// Why parsing stopped.
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
        if self.is_held() {
            return false;
        }
        let waiting = std::mem::take(&mut self.input.pending);
        if !waiting.is_empty() {
            match self.parse(shard, waiting) {
                Stop::Empty => {}
                Stop::Budget => return true,
                Stop::Held => return false,
            }
        }
        match self.read(shard, poller) {
            // A packet that is not whole yet.
            Some(bytes) if bytes.is_empty() => true,
            Some(bytes) => match self.parse(shard, bytes) {
                Stop::Empty | Stop::Budget => true,
                Stop::Held => false,
            },
            None => false,
        }
    }

    /// Whether nothing may be read or parsed now.
    fn is_held(&self) -> bool {
        self.is_closing() || self.pause.is_some() || !self.protocol.may_parse()
    }

    /// Has the socket stage come back after a hold.
    pub(super) fn read_again(&mut self, shard: &mut Shard) {
        if !self.is_held() && (self.input.is_readable || !self.input.pending.is_empty()) {
            shard.read_again(self.address.token());
        }
    }

    /// Reads once. `None` when there is nothing to parse, or nothing more to read.
    fn read(&mut self, shard: &mut Shard, poller: &mut dyn Poller) -> Option<Bytes> {
        let token = self.address.token();
        let is_partial = !self.input.partial.is_empty();
        let into = if is_partial {
            self.input.make_room();
            &mut self.input.partial
        } else {
            shard.scratch.reserve(READ);
            &mut shard.scratch
        };
        match poller.read(token, into) {
            Ok(0) => {
                self.close(shard, &Close::ByPeer);
                None
            }
            Ok(count) => {
                // Memory grows with what has come, and the packet is looked at when it is whole.
                let bytes = if is_partial && into.len() < self.input.whole {
                    Bytes::new()
                } else {
                    into.split().freeze()
                };
                shard.cells.add(Counter::BytesReceived, count as u64);
                Some(bytes)
            }
            Err(error) if error.kind() == WouldBlock => {
                self.input.is_readable = false;
                None
            }
            Err(error) if error.kind() == Interrupted => None,
            Err(_) => {
                self.close(shard, &Close::ByPeer);
                None
            }
        }
    }

    /// Handles the packets of some bytes; keeps what is left of them.
    fn parse(&mut self, shard: &mut Shard, mut input: Bytes) -> Stop {
        let mut packets = 0;
        loop {
            if self.is_held() {
                self.input.pending = super::detached(&input);
                return Stop::Held;
            }
            if packets == PACKETS_PER_TURN {
                self.input.pending = if input.is_unique() {
                    input
                } else {
                    super::detached(&input)
                };
                return Stop::Budget;
            }
            packets += 1;
            match self.decoder.decode(&mut input) {
                Ok(Some(packet)) => self.packet(shard, packet),
                Ok(None) => {
                    self.keep_partial(&input);
                    return Stop::Empty;
                }
                Err(error) => {
                    self.close(shard, &Close::Malformed(error));
                    return Stop::Held;
                }
            }
        }
    }

    /// Keeps the beginning of a packet.
    fn keep_partial(&mut self, input: &Bytes) {
        self.input.partial = BytesMut::from(input.as_ref());
        // A header that is not complete is looked at again with each byte.
        let whole = self.decoder.packet_bytes(input).ok().flatten();
        self.input.whole = whole.unwrap_or(input.len() + 1);
    }

    // emqttd: emqttd_protocol:received/2
    fn packet(&mut self, shard: &mut Shard, packet: Packet) {
        count_received(shard, &packet);
        // A complete packet is a sign of life; a byte is not. [MQTT3-3.1.2-24] [MQTT5-3.1.2-22]
        self.keep_alive.handle_packet(now(shard));
        match self.protocol.handle_packet(packet) {
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
            // [MQTT3-3.12.4-1] [MQTT5-3.12.4-1]
            Inbound::Ping => self.write(shard, &Packet::PingResp),
            Inbound::Disconnect { reason, expiry } => {
                self.close(shard, &Close::Disconnect { reason, expiry });
            }
        }
    }

    /// Whether it counts as half-open: nothing but bytes have come.
    pub(super) fn is_opening(&self) -> bool {
        matches!(self.stage, Stage::Opening)
    }

    /// It is no half-open connection any more.
    pub(super) fn leave_opening(&mut self, shard: &mut Shard) {
        if self.is_opening() {
            shard.world.half_open = shard.world.half_open.saturating_sub(1);
        }
    }
}

fn count_received(shard: &Shard, packet: &Packet) {
    shard.count(Counter::PacketsReceived);
    shard.count(match packet {
        Packet::Connect(_) => Counter::PacketsConnect,
        Packet::Publish(_) => Counter::PacketsPublishReceived,
        Packet::PubAck(_) => Counter::PacketsPubackReceived,
        Packet::PubRec(_) => Counter::PacketsPubrecReceived,
        Packet::PubRel(_) => Counter::PacketsPubrelReceived,
        Packet::PubComp(_) => Counter::PacketsPubcompReceived,
        Packet::Subscribe(_) => Counter::PacketsSubscribe,
        Packet::Unsubscribe(_) => Counter::PacketsUnsubscribe,
        Packet::PingReq => Counter::PacketsPingreq,
        Packet::Disconnect(_) => Counter::PacketsDisconnect,
        Packet::Auth(_) => Counter::PacketsAuth,
        // Only servers send these; the decoder refuses them.
        Packet::ConnAck(_) | Packet::SubAck(_) | Packet::UnsubAck(_) | Packet::PingResp => return,
    });
}
