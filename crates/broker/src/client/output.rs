//! What a client gets: packets are collected and written at the end of the turn, or of the round what came
//! outside of a turn.

use std::io::ErrorKind::{Interrupted, WouldBlock};

use bytes::Buf;
use castmq_mqtt::{
    Ack, AckKind, Packet, PacketId, PublishHead, QoS, ReasonCode, SUCCESS_BYTES, encode,
    encode_success, encoded_bytes,
};
use castmq_observe::Counter;
use castmq_otp::Poller;
use castmq_rules::ClientId;
use castmq_rules::alias::Alias;
use castmq_rules::ledger::Detail;
use castmq_rules::session::{DropReason, Outgoing};

use super::mount::unmounted;
use super::{Client, Close, Stage};
use crate::ledger::{Loss, Reason};
use crate::session::SessionEntry;
use crate::{Shard, hook, ledger, now, trace};

/// What a topic alias adds to a packet: itself, and a byte each to property length and packet length.
const ALIAS_BYTES: usize = 5;
/// Below this much of the bound the session may go on.
const ROOM_AGAIN: usize = 4;

impl Client {
    /// Collects a packet. For a client that takes none so large its texts are left out, then the whole
    /// packet. [MQTT5-3.1.2-24] [MQTT5-3.2.2-19] [MQTT5-3.2.2-20]
    pub(super) fn write(&mut self, shard: &mut Shard, packet: &Packet) {
        let version = self.version();
        let shorter;
        let mut packet = packet;
        if encoded_bytes(packet, version) > self.packet_bytes_max {
            shorter = without_texts(packet.clone());
            packet = &shorter;
            if encoded_bytes(packet, version) > self.packet_bytes_max {
                return;
            }
        }
        self.borrow_buffer(shard);
        if encode(packet, version, &mut self.out).is_ok() {
            count_sent(shard, packet);
            self.touch(shard);
        }
    }

    /// Collects an acknowledgement.
    pub(super) fn write_ack(
        &mut self,
        shard: &mut Shard,
        kind: AckKind,
        packet_id: PacketId,
        reason: ReasonCode,
    ) {
        if reason == ReasonCode::Success && self.packet_bytes_max >= SUCCESS_BYTES {
            self.borrow_buffer(shard);
            encode_success(kind, packet_id, &mut self.out);
            shard.count(ack_counter(kind));
            if self.is_followed && shard.is_tracing() {
                trace::ack_put(shard, self.address, kind, packet_id);
            }
            return self.touch(shard);
        }
        let ack = Ack {
            packet_id,
            reason,
            properties: None,
        };
        let packet = match kind {
            AckKind::PubAck => Packet::PubAck(ack),
            AckKind::PubRec => Packet::PubRec(ack),
            AckKind::PubRel => Packet::PubRel(ack),
            AckKind::PubComp => Packet::PubComp(ack),
        };
        self.write(shard, &packet);
    }

    /// PUBREL for a message that the client has.
    pub(super) fn release(&mut self, shard: &mut Shard, packet_id: PacketId, reason: ReasonCode) {
        self.write_ack(shard, AckKind::PubRel, packet_id, reason);
    }

    /// A message for the client.
    // emqttd: emqttd_protocol:send/2
    // tour: publish/5
    pub(super) fn deliver(&mut self, shard: &mut Shard, outgoing: &Outgoing) {
        let packet_bytes_max = self.packet_bytes_max;
        let linked = match &mut self.stage {
            Stage::Connected(linked) => linked,
            Stage::Closing { end } => {
                return lost_with_connection(shard, end.client_id.as_ref(), outgoing);
            }
            Stage::Opening | Stage::Authenticating(_) | Stage::Claiming(_) => return,
        };
        let message = &outgoing.delivery.message;
        let at = now(shard);
        if shard
            .world
            .node
            .access
            .checks_delivery(linked.grant.as_deref())
            && !linked.may_have(shard, self.peer.ip(), &outgoing.delivery)
        {
            return self.undeliverable(shard, outgoing, DropReason::NotAuthorized);
        }
        let mut head = PublishHead {
            dup: outgoing.dup,
            qos: outgoing.delivery.qos,
            retain: outgoing.delivery.retain,
            topic: unmounted(&self.profile, message.topic.as_str()),
            packet_id: outgoing.packet_id,
            properties: message.properties.as_deref(),
            subscription_ids: outgoing.delivery.subscription_ids.as_slice(),
            message_expiry: message.remaining_expiry(at),
            topic_alias: None,
            payload: &message.payload,
        };
        let bytes = head.encoded_bytes(linked.version);
        if bytes > packet_bytes_max {
            return self.undeliverable(shard, outgoing, DropReason::TooLarge);
        }
        // Room for an alias beside the whole topic, and for what it adds to the lengths before it.
        if let Some(aliases) = &mut linked.aliases
            && bytes + ALIAS_BYTES <= packet_bytes_max
        {
            match aliases.assign(&message.topic) {
                Alias::None => {}
                Alias::Defined(alias) => head.topic_alias = Some(alias.get()),
                Alias::Known(alias) => {
                    head.topic_alias = Some(alias.get());
                    head.topic = "";
                }
            }
        }
        if self.out.capacity() == 0 {
            self.out = shard.world.lend_write_buffer();
        }
        head.encode(linked.version, &mut self.out);
        hook::message_delivered(shard, &linked.client_id, &outgoing.delivery);
        count_message_sent(shard, outgoing.delivery.qos, message.is_system());
        if shard.tracer.token().is_some() {
            self.is_followed = true;
            trace::publish_put(shard, self.address, outgoing, bytes);
        }
        self.touch(shard);
        self.watch_room(shard);
    }

    fn undeliverable(&mut self, shard: &mut Shard, outgoing: &Outgoing, reason: DropReason) {
        if let Some(packet_id) = outgoing.packet_id {
            self.to_session(shard, |epoch| {
                SessionEntry::Undeliverable(epoch, packet_id, reason)
            });
            return;
        }
        shard.count(Counter::MessagesDropped);
        if let Some(client_id) = self.client_id() {
            let loss = Loss::of_delivery(reason.name(), client_id, &outgoing.delivery);
            let detail = if reason == DropReason::TooLarge {
                Detail::Bytes(self.packet_bytes_max as u64)
            } else {
                Detail::None
            };
            ledger::enter(shard, loss.detail(detail));
        }
    }

    fn borrow_buffer(&mut self, shard: &mut Shard) {
        if self.out.capacity() == 0 {
            self.out = shard.world.lend_write_buffer();
        }
    }

    fn touch(&mut self, shard: &mut Shard) {
        if !self.is_touched {
            self.is_touched = true;
            shard.touch(self.address.token());
        }
    }

    /// Has the end of the round look at the connection although nothing is to be written.
    pub(super) fn touch_for_end(&mut self, shard: &mut Shard) {
        self.touch(shard);
    }

    /// Tells the session when too much is unsent, and when that is over.
    fn watch_room(&mut self, shard: &mut Shard) {
        let bound = usize::try_from(shard.world.node.settings.bounds.connection_unsent)
            .unwrap_or(usize::MAX);
        let unsent = self.out.len();
        let Stage::Connected(linked) = &mut self.stage else {
            return;
        };
        let has_room = if !linked.is_full && unsent > bound {
            false
        } else if linked.is_full && unsent < bound / ROOM_AGAIN {
            true
        } else {
            return;
        };
        linked.is_full = !has_room;
        self.to_session(shard, |epoch| SessionEntry::Room(epoch, has_room));
    }

    /// The end of the turn, or of the round: one write, and what else needs the socket.
    pub(crate) fn flush(&mut self, shard: &mut Shard, poller: &mut dyn Poller) {
        let was_touched = std::mem::take(&mut self.is_touched);
        if !was_touched && self.blocked.is_none() {
            return;
        }
        if self.moves(shard, poller) {
            return;
        }
        // Its beginning is moved only where something is left over: a buffer that is written whole begins
        // at the same place again, which is in the processor's cache.
        let mut written = 0;
        while let Some(rest) = self.out.get(written..).filter(|rest| !rest.is_empty()) {
            match poller.write(self.address.token(), rest) {
                Ok(0) => return self.close(shard, &Close::ByPeer),
                Ok(count) => {
                    written += count;
                    shard.cells.add(Counter::BytesSent, count as u64);
                    if let Some(since) = self.blocked.take() {
                        self.note_stall(shard, "its socket took nothing", since);
                    }
                }
                Err(error) if error.kind() == Interrupted => {}
                Err(error) if error.kind() == WouldBlock => {
                    self.out.advance(written);
                    self.blocked.get_or_insert_with(|| now(shard));
                    self.watch_room(shard);
                    return self.arm(shard);
                }
                Err(_) => {
                    self.out.clear();
                    if self.is_closing() {
                        return self.end(shard);
                    }
                    return self.close(shard, &Close::ByPeer);
                }
            }
        }
        self.blocked = None;
        if shard.is_tracing() && trace::has_unwritten(shard) {
            trace::written(shard, self.address.token());
        }
        // An idle connection owns no buffer.
        let buffer = std::mem::take(&mut self.out);
        shard.world.take_write_buffer(buffer);
        if self.is_closing() {
            self.end(shard);
        } else {
            self.watch_room(shard);
        }
    }
}

/// A connection that is over does not write what still comes. QoS 1 and 2 stay in the session.
pub(crate) fn lost_with_connection(
    shard: &mut Shard,
    client_id: Option<&ClientId>,
    outgoing: &Outgoing,
) {
    if outgoing.packet_id.is_some() {
        return;
    }
    shard.count(Counter::MessagesDropped);
    let loss = Loss::of_message(Reason::CONNECTION_CLOSED, &outgoing.delivery.message);
    let loss = loss.qos(outgoing.delivery.qos);
    ledger::enter(
        shard,
        match client_id {
            Some(client_id) => loss.client(client_id),
            None => loss,
        },
    );
}

/// The turn of a connection is over: what it has written leaves at once, while the buffer is in the
/// processor's cache and the next connection can have it.
pub(crate) fn turn_ended(shard: &mut Shard, poller: &mut dyn Poller, slot: u32) {
    let Some(client) = shard.world.lanes.client.address_of(shard.arbiter, slot) else {
        return;
    };
    let is_touched = |client: &Client| client.is_touched;
    if shard
        .world
        .lanes
        .client
        .peek(slot, client.generation)
        .is_some_and(is_touched)
    {
        shard.with(client, |client, shard| client.flush(shard, poller));
        shard.untouch(client.token());
    }
}

/// A packet without what only people read.
fn without_texts(mut packet: Packet) -> Packet {
    match &mut packet {
        Packet::ConnAck(connack) => {
            connack.properties.reason_string = None;
            connack.properties.user.clear();
        }
        Packet::Disconnect(disconnect) => {
            disconnect.properties.reason_string = None;
            disconnect.properties.user.clear();
        }
        Packet::SubAck(suback) => suback.properties = None,
        Packet::UnsubAck(unsuback) => unsuback.properties = None,
        Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubRel(ack) | Packet::PubComp(ack) => {
            ack.properties = None;
        }
        Packet::Connect(_)
        | Packet::Publish(_)
        | Packet::Subscribe(_)
        | Packet::Unsubscribe(_)
        | Packet::PingReq
        | Packet::PingResp
        | Packet::Auth(_) => {}
    }
    packet
}

fn count_sent(shard: &Shard, packet: &Packet) {
    shard.count(match packet {
        Packet::ConnAck(_) => Counter::PacketsConnack,
        Packet::PubAck(_) => ack_counter(AckKind::PubAck),
        Packet::PubRec(_) => ack_counter(AckKind::PubRec),
        Packet::PubRel(_) => ack_counter(AckKind::PubRel),
        Packet::PubComp(_) => ack_counter(AckKind::PubComp),
        Packet::SubAck(_) => Counter::PacketsSuback,
        Packet::UnsubAck(_) => Counter::PacketsUnsuback,
        Packet::PingResp => Counter::PacketsPingresp,
        Packet::Disconnect(_) => Counter::PacketsDisconnectSent,
        Packet::Auth(_) => Counter::PacketsAuthSent,
        // PUBLISH is counted where it is written; the others only clients send.
        Packet::Publish(_)
        | Packet::Connect(_)
        | Packet::Subscribe(_)
        | Packet::Unsubscribe(_)
        | Packet::PingReq => return,
    });
}

const fn ack_counter(kind: AckKind) -> Counter {
    match kind {
        AckKind::PubAck => Counter::PacketsPubackSent,
        AckKind::PubRec => Counter::PacketsPubrecSent,
        AckKind::PubRel => Counter::PacketsPubrelSent,
        AckKind::PubComp => Counter::PacketsPubcompSent,
    }
}

/// `$SYS` does not count as traffic.
fn count_message_sent(shard: &Shard, qos: QoS, is_system: bool) {
    if is_system {
        return;
    }
    shard.count(match qos {
        QoS::AtMostOnce => Counter::MessagesQos0Sent,
        QoS::AtLeastOnce => Counter::MessagesQos1Sent,
        QoS::ExactlyOnce => Counter::MessagesQos2Sent,
    });
}
