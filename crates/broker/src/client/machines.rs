//! The gate of a connection: each call that changes one of its machines goes past what records it, which
//! costs a look at a pointer while nothing does.

use std::ops::Deref;
use std::sync::Arc;

use castmq_mqtt::{Disconnect, Packet, QoS, ReasonCode, Text};
use castmq_rules::Moment;
use castmq_rules::ack_order::{AckOrder, Answer, Outcome, Ready, ReceiveMaximumExceeded, Sequence};
use castmq_rules::keepalive::KeepAlive;
use castmq_rules::protocol::{Agreement, Inbound, Protocol, Violation};
use castmq_rules::recording::{Connection, ConnectionInput, told};
use serde::Serialize;

use crate::recordings::{Recording, Tap};

/// The machines of a connection; what only looks at them goes straight there.
#[derive(Debug)]
pub(super) struct Machines {
    connection: Connection,
    tap: Tap,
}

impl Machines {
    pub(super) fn new(keep_alive: KeepAlive) -> Self {
        Self {
            connection: Connection {
                protocol: Protocol::new(),
                acks: AckOrder::new(None),
                keep_alive,
            },
            tap: Tap::default(),
        }
    }

    /// Is recorded from now on.
    pub(super) fn record(&mut self, recording: &Arc<Recording>, now: Moment) {
        self.tap = recording.follow_connection(&self.connection, now);
    }

    /// The machine for packets, for the arbiter that the connection moves to.
    pub(super) fn take_protocol(&mut self) -> Protocol {
        std::mem::take(&mut self.connection.protocol)
    }

    /// The machine for packets, from the arbiter that it comes from.
    pub(super) fn put_protocol(&mut self, protocol: Protocol) {
        self.connection.protocol = protocol;
    }

    /// CONNECT was accepted; nobody records a connection before that.
    pub(super) fn accepted(
        &mut self,
        agreement: Agreement,
        (keep_alive, receive_maximum): (u16, Option<u16>),
        now: Moment,
    ) {
        self.connection.protocol.handle_accepted(agreement);
        self.connection.keep_alive.handle_accepted(keep_alive, now);
        self.connection.acks = AckOrder::new(receive_maximum);
    }

    #[inline]
    fn note<R: Serialize>(&mut self, input: impl FnOnce() -> ConnectionInput, returned: &R) {
        if self.tap.is_on() {
            self.tap.connection(input(), returned, None);
        }
    }

    #[inline]
    fn note_at<R: Serialize>(
        &mut self,
        now: Moment,
        input: impl FnOnce() -> ConnectionInput,
        returned: &R,
    ) {
        if self.tap.is_on() {
            self.tap.connection(input(), returned, Some(now));
        }
    }

    pub(super) fn heard(&mut self, now: Moment) {
        self.connection.keep_alive.handle_packet(now);
        self.note_at(now, || ConnectionInput::Heard, &());
    }

    pub(super) fn paused(&mut self, now: Moment) {
        self.connection.keep_alive.handle_paused(now);
        self.note_at(now, || ConnectionInput::Paused, &());
    }

    pub(super) fn resumed(&mut self, now: Moment) {
        self.connection.keep_alive.handle_resumed(now);
        self.note_at(now, || ConnectionInput::Resumed, &());
    }

    /// Whether the client has been silent for too long.
    pub(super) fn expired(&mut self, now: Moment) -> Option<ReasonCode> {
        let expired = self.connection.keep_alive.expired(now);
        self.note_at(now, || ConnectionInput::Expired, &expired);
        expired
    }

    pub(super) fn handle_packet(&mut self, packet: Packet) -> Result<Inbound, Violation> {
        if !self.tap.is_on() {
            return self.connection.protocol.handle_packet(packet);
        }
        let copy = Box::new(packet.clone());
        let inbound = self.connection.protocol.handle_packet(packet);
        self.note(|| ConnectionInput::Packet(copy), &told(&inbound));
        inbound
    }

    pub(super) fn handle_publish(&mut self, qos: QoS, retain: bool) -> Result<(), Violation> {
        let checked = self.connection.protocol.handle_publish(qos, retain);
        self.note(|| ConnectionInput::Publish(qos, retain), &checked);
        checked
    }

    pub(super) fn handle_acknowledgement(&mut self) -> Result<(), Violation> {
        let checked = self.connection.protocol.handle_acknowledgement();
        self.note(|| ConnectionInput::Acknowledgement, &checked);
        checked
    }

    pub(super) fn answered(&mut self) {
        self.connection.protocol.handle_answered();
        self.note(|| ConnectionInput::Answered, &());
    }

    pub(super) fn challenged(&mut self, method: &Text) {
        self.connection.protocol.handle_challenged(method);
        self.note(|| ConnectionInput::Challenged(method.clone()), &());
    }

    pub(super) fn farewell(&mut self, reason: ReasonCode) -> Option<Disconnect> {
        let farewell = self.connection.protocol.farewell(reason);
        self.note(|| ConnectionInput::Farewell(reason), &farewell);
        farewell
    }

    pub(super) fn close(&mut self) {
        self.connection.protocol.close();
        self.note(|| ConnectionInput::Closed, &());
    }

    pub(super) fn register(
        &mut self,
        answer: Answer,
        bytes: usize,
    ) -> Result<Sequence, ReceiveMaximumExceeded> {
        let sequence = self.connection.acks.register(answer, bytes);
        self.note(|| ConnectionInput::Register(answer, bytes), &sequence);
        sequence
    }

    pub(super) fn expect(&mut self, sequence: Sequence, outcomes: u32) {
        self.connection.acks.expect(sequence, outcomes);
        self.note(|| ConnectionInput::Expect(sequence, outcomes), &());
    }

    pub(super) fn answer(&mut self, sequence: Sequence, outcome: Outcome) {
        self.connection.acks.answer(sequence, outcome);
        self.note(|| ConnectionInput::Answer(sequence, outcome), &());
    }

    pub(super) fn poll_ready(&mut self) -> Option<Ready> {
        let ready = self.connection.acks.poll_ready();
        self.note(|| ConnectionInput::PollReady, &ready);
        ready
    }

    pub(super) fn rest(&mut self) {
        self.connection.acks.rest();
    }
}

impl Deref for Machines {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}
