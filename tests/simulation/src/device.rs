//! An honest client: it keeps its half of the session and repeats what has to be repeated.

mod hearing;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

use bytes::{Bytes, BytesMut};
use castmq_mqtt::{
    Decoder, Disconnect, Packet, PacketId, Publish, QoS, ReasonCode, Subscribe, SubscribeFilter,
    Subscription, SubscriptionOptions, Text, TopicName, Unsubscribe, Version, encode,
};
use castmq_otp::MemoryStream;

use crate::model::{Holder, Model, is_shared};
use crate::packets::connect;
use crate::wire::{Mode, Stage, Stray, WILLS, Wire};

#[derive(Debug)]
struct Outbound {
    packet_id: PacketId,
    message: usize,
    is_released: bool,
}

#[derive(Debug)]
enum Request {
    Subscribe(&'static str, u8),
    Unsubscribe,
}

/// A client and its half of the session.
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) number: usize,
    pub(crate) version: Version,
    pub(crate) wire: Option<Wire>,
    /// Connections that it left while they connected, or that others opened in its name.
    pub(crate) strays: Vec<Stray>,
    session: u32,
    /// Whether the broker must have its session; `None` when that cannot be known.
    present: Option<bool>,
    /// It has discarded its half and the broker may not know yet: no way back to resuming.
    pub(crate) must_discard: bool,
    outbound: VecDeque<Outbound>,
    received: BTreeSet<PacketId>,
    requests: BTreeMap<PacketId, Request>,
    held_filters: BTreeSet<&'static str>,
    next_id: u16,
    /// Bytes that went either way.
    pub(crate) moved: usize,
}

impl Device {
    pub(crate) fn new(number: usize, version: Version) -> Self {
        Self {
            number,
            version,
            wire: None,
            strays: Vec::new(),
            session: 0,
            present: Some(false),
            must_discard: false,
            outbound: VecDeque::new(),
            received: BTreeSet::new(),
            requests: BTreeMap::new(),
            held_filters: BTreeSet::new(),
            next_id: 0,
            moved: 0,
        }
    }

    pub(crate) fn name(&self) -> String {
        format!("device{}", self.number)
    }

    pub(crate) fn holder(&self) -> Holder {
        (self.number, self.session)
    }

    pub(crate) fn is_up(&self) -> bool {
        self.wire
            .as_ref()
            .is_some_and(|wire| wire.stage == Stage::Up)
    }

    /// Whether nothing of it is under way.
    pub(crate) fn is_settled(&self) -> bool {
        self.outbound.is_empty() && self.requests.is_empty() && self.received.is_empty()
    }

    pub(crate) fn is_kept(&self) -> bool {
        self.present == Some(true)
    }

    /// Whether the broker may hold a session of it.
    pub(crate) fn may_be_kept(&self) -> bool {
        self.present != Some(false)
    }

    /// Forgets connections that the broker is done with; whether it is done with all of them.
    pub(crate) fn has_no_strays(&mut self) -> bool {
        self.strays.retain(|stray| stray.held.load(Relaxed) > 0);
        self.strays.is_empty()
    }

    /// Whether a new connection could still be discarded by the CONNECT of an earlier one.
    pub(crate) fn must_wait(&mut self) -> bool {
        !self.has_no_strays() && self.strays.iter().any(|stray| stray.discards)
    }

    /// Leaves its connection as it is and opens another one.
    pub(crate) fn leave_behind(&mut self, model: &mut Model) {
        if let Some(wire) = self.wire.take() {
            self.lost(model, wire, false);
        }
    }

    /// The session is gone, here and there.
    fn forget(&mut self, model: &mut Model) {
        let shared: Vec<_> = self
            .held_filters
            .iter()
            .copied()
            .filter(|filter| is_shared(filter))
            .collect();
        model.ended(self.holder(), &shared);
        self.session += 1;
        self.outbound.clear();
        self.received.clear();
        self.requests.clear();
        self.held_filters.clear();
    }

    /// Its session was made to fail.
    pub(crate) fn session_failed(&mut self, model: &mut Model) {
        self.abandon(model);
        self.forget(model);
        self.present = if self.has_no_strays() {
            Some(false)
        } else {
            None
        };
    }

    /// Whether the broker's session of it, if there is any, may be one that is kept.
    pub(crate) fn may_have_kept_session(&self) -> bool {
        let is_transient =
            |wire: &Wire| wire.mode == Mode::Transient && wire.stage != Stage::Connecting;
        !self.wire.as_ref().is_some_and(is_transient)
    }

    /// Its session was made to fail and comes back; its connection does not.
    pub(crate) fn session_restarts(&mut self, model: &mut Model) {
        self.abandon(model);
        if self.present != Some(true) {
            // It may have been one that is not kept.
            self.forget(model);
            self.must_discard |= self.present == Some(false);
            self.present = None;
        }
    }

    /// The broker was killed: connections are gone, and sessions that were not to be kept.
    pub(crate) fn broker_killed(&mut self, model: &mut Model) {
        if let Some(wire) = &self.wire
            && let Some(will) = wire.will
            && (wire.mode == Mode::Transient || wire.stage != Stage::Up)
        {
            model.wills[will].is_uncertain = true;
        }
        self.abandon(model);
        for stray in std::mem::take(&mut self.strays) {
            stray.stream.close();
        }
    }

    /// Sends CONNECT over a new connection.
    pub(crate) fn connect(
        &mut self,
        model: &mut Model,
        mode: Mode,
        (stream, held): (MemoryStream, Arc<AtomicU32>),
        will: bool,
    ) {
        self.abandon(model);
        if mode != Mode::Resume {
            self.forget(model);
            self.must_discard = true;
        }
        let will = will.then(|| {
            model.wills.push(Default::default());
            model.wills.len() - 1
        });
        let connect = connect(&self.name(), self.version, mode, will);
        let mut wire = Wire {
            stream,
            held,
            input: BytesMut::new(),
            out: BytesMut::new(),
            decoder: Decoder::client(self.version, 1 << 20),
            stage: Stage::Connecting,
            mode,
            will,
            says_goodbye: false,
            has_rivals: !self.has_no_strays(),
        };
        encode(&connect, self.version, &mut wire.out).unwrap();
        self.wire = Some(wire);
        self.flush(model);
    }

    /// Drops the connection without a word.
    pub(crate) fn abandon(&mut self, model: &mut Model) {
        let Some(wire) = self.wire.take() else { return };
        wire.stream.close();
        self.lost(model, wire, false);
    }

    fn lost(&mut self, model: &mut Model, wire: Wire, is_closed: bool) {
        if let Some(will) = wire.will {
            let of = &mut model.wills[will];
            of.is_over = true;
            // Who does not wait for the end, or has rivals, cannot know what came first.
            of.is_uncertain |=
                wire.stage == Stage::Leaving && (!is_closed || !self.strays.is_empty());
        }
        // What was asked for on it is not answered any more: nothing is promised about it.
        for request in std::mem::take(&mut self.requests).into_values() {
            if let Request::Subscribe(filter, _) = request
                && is_shared(filter)
            {
                model.unsubscribing(self.holder(), filter);
            }
        }
        match (wire.mode, wire.stage) {
            (Mode::Transient | Mode::Fresh, Stage::Connecting) => self.present = None,
            (Mode::Transient, _) => {
                self.forget(model);
                self.present = Some(false);
            }
            (Mode::Resume, Stage::Connecting) => {
                if self.present == Some(false) {
                    self.present = None;
                }
            }
            (Mode::Resume | Mode::Fresh, _) => {}
        }
        if wire.held.load(Relaxed) > 0 {
            let discards = wire.stage == Stage::Connecting && wire.mode != Mode::Resume;
            self.strays.push(Stray {
                stream: wire.stream,
                held: wire.held,
                discards,
            });
        }
    }

    fn write(&mut self, packet: &Packet) {
        let version = self.version;
        if let Some(wire) = &mut self.wire {
            encode(packet, version, &mut wire.out).unwrap();
        }
    }

    /// Writes what fits into the pipe.
    pub(crate) fn flush(&mut self, model: &mut Model) {
        let Some(wire) = &mut self.wire else { return };
        while !wire.out.is_empty() {
            match wire.stream.write(&wire.out) {
                Ok(count) => {
                    self.moved += count;
                    drop(wire.out.split_to(count));
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
                Err(_) => {
                    wire.out.clear();
                    return;
                }
            }
        }
        if wire.says_goodbye
            && let Some(will) = wire.will
        {
            model.wills[will].said_goodbye = true;
        }
    }

    fn take_id(&mut self) -> Option<PacketId> {
        let is_used = |id: PacketId, device: &Self| {
            device
                .outbound
                .iter()
                .any(|outbound| outbound.packet_id == id)
                || device.requests.contains_key(&id)
        };
        self.next_id = self.next_id % 200 + 1;
        let id = PacketId::new(self.next_id).unwrap();
        (!is_used(id, self)).then_some(id)
    }

    pub(crate) fn publish(
        &mut self,
        model: &mut Model,
        topic: &'static str,
        qos: u8,
        bytes: usize,
    ) -> Option<usize> {
        if !self.is_up() || self.outbound.len() >= 20 {
            return None;
        }
        let packet_id = if qos > 0 { Some(self.take_id()?) } else { None };
        let message = model.publish(self.holder(), topic, qos);
        if let Some(packet_id) = packet_id {
            self.outbound.push_back(Outbound {
                packet_id,
                message,
                is_released: false,
            });
        }
        self.send(model, message, packet_id, bytes);
        Some(message)
    }

    fn send(
        &mut self,
        model: &mut Model,
        message: usize,
        packet_id: Option<PacketId>,
        bytes: usize,
    ) {
        let sent = &mut model.messages[message];
        sent.transmissions += 1;
        let mut payload = format!("m{message} ").into_bytes();
        payload.resize(payload.len() + bytes, b'.');
        let packet = Packet::Publish(Publish {
            dup: sent.transmissions > 1,
            qos: QoS::from_number(sent.qos).unwrap(),
            retain: sent.topic.starts_with("ret/"),
            topic: Some(TopicName::new(Text::try_from(sent.topic).unwrap()).unwrap()),
            packet_id,
            payload: Bytes::from(payload),
            properties: None,
        });
        self.write(&packet);
    }

    pub(crate) fn subscribe(&mut self, model: &mut Model, filter: &'static str, qos: u8) {
        if !self.is_up() {
            return;
        }
        let Some(packet_id) = self.take_id() else {
            return;
        };
        // A change of the QoS takes effect at some moment before SUBACK.
        if self.held_filters.contains(filter) {
            model.unsubscribing(self.holder(), filter);
        }
        self.held_filters.insert(filter);
        self.requests
            .insert(packet_id, Request::Subscribe(filter, qos));
        let subscription = Subscription::parse(Text::try_from(filter).unwrap()).unwrap();
        let options = SubscriptionOptions {
            qos: QoS::from_number(qos).unwrap(),
            ..Default::default()
        };
        self.write(&Packet::Subscribe(Subscribe {
            packet_id,
            filters: vec![SubscribeFilter {
                subscription,
                options,
            }],
            properties: Default::default(),
        }));
    }

    pub(crate) fn unsubscribe(&mut self, model: &mut Model) -> Option<&'static str> {
        if !self.is_up() || !self.requests.is_empty() {
            return None;
        }
        let filter = *self.held_filters.iter().find(|&&filter| filter != WILLS)?;
        let packet_id = self.take_id()?;
        self.held_filters.remove(filter);
        model.unsubscribing(self.holder(), filter);
        self.requests.insert(packet_id, Request::Unsubscribe);
        let subscription = Subscription::parse(Text::try_from(filter).unwrap()).unwrap();
        self.write(&Packet::Unsubscribe(Unsubscribe {
            packet_id,
            subscriptions: vec![subscription],
            properties: Default::default(),
        }));
        Some(filter)
    }

    /// DISCONNECT; the broker closes.
    pub(crate) fn leave(&mut self, model: &mut Model) {
        if !self.is_up() {
            return;
        }
        self.write(&Packet::Disconnect(Box::new(Disconnect {
            reason: ReasonCode::Success,
            properties: Default::default(),
        })));
        if let Some(wire) = &mut self.wire {
            wire.stage = Stage::Leaving;
            wire.says_goodbye = true;
        }
        // A rival may take over before the goodbye is read.
        if let Some(wire) = &self.wire
            && let Some(will) = wire.will
        {
            model.wills[will].is_uncertain |= wire.has_rivals;
        }
        self.flush(model);
    }
}
