//! The machines of a connection, from the moment on at which it has its session.

use castmq_mqtt::{AckProperties, Packet, QoS, ReasonCode, Text};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Moment;
use crate::ack_order::{AckOrder, Answer, Outcome, Sequence};
use crate::keepalive::KeepAlive;
use crate::protocol::{Inbound, Protocol, Violation};
use crate::session::{Payloads, blank_properties, blank_text, blank_user};

/// The machines of one connection.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connection {
    /// Which packet may come when.
    pub protocol: Protocol,
    /// What the client is owed for its own messages.
    pub acks: AckOrder,
    /// Whether it still lives.
    pub keep_alive: KeepAlive,
}

/// One call of a machine of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionInput {
    /// [`KeepAlive::handle_packet`].
    Heard,
    /// [`KeepAlive::handle_paused`].
    Paused,
    /// [`KeepAlive::handle_resumed`].
    Resumed,
    /// [`KeepAlive::expired`].
    Expired,
    /// [`Protocol::handle_packet`].
    Packet(Box<Packet>),
    /// [`Protocol::handle_publish`].
    Publish(QoS, bool),
    /// [`Protocol::handle_acknowledgement`].
    Acknowledgement,
    /// [`Protocol::handle_answered`].
    Answered,
    /// [`Protocol::handle_challenged`].
    Challenged(Text),
    /// [`Protocol::farewell`].
    Farewell(ReasonCode),
    /// [`Protocol::close`].
    Closed,
    /// [`AckOrder::register`].
    Register(Answer, usize),
    /// [`AckOrder::expect`].
    Expect(Sequence, u32),
    /// [`AckOrder::answer`].
    Answer(Sequence, Outcome),
    /// [`AckOrder::poll_ready`].
    PollReady,
}

impl ConnectionInput {
    /// The same to be written down: of what was in a packet nothing is left that only its receiver should
    /// see.
    #[must_use]
    pub fn blanked(mut self, payloads: Payloads) -> Self {
        if let Self::Packet(packet) = &mut self {
            blank_packet(packet, payloads);
        }
        self
    }
}

impl Connection {
    /// Makes the call that the input stands for; returns what it returned.
    pub fn apply(&mut self, input: ConnectionInput, now: Moment) -> Value {
        match input {
            ConnectionInput::Heard => self.keep_alive.handle_packet(now),
            ConnectionInput::Paused => self.keep_alive.handle_paused(now),
            ConnectionInput::Resumed => self.keep_alive.handle_resumed(now),
            ConnectionInput::Expired => return value(&self.keep_alive.expired(now)),
            ConnectionInput::Packet(packet) => return told(&self.protocol.handle_packet(*packet)),
            ConnectionInput::Publish(qos, retain) => {
                return value(&self.protocol.handle_publish(qos, retain));
            }
            ConnectionInput::Acknowledgement => {
                return value(&self.protocol.handle_acknowledgement());
            }
            ConnectionInput::Answered => self.protocol.handle_answered(),
            ConnectionInput::Challenged(method) => self.protocol.handle_challenged(&method),
            ConnectionInput::Farewell(reason) => return value(&self.protocol.farewell(reason)),
            ConnectionInput::Closed => self.protocol.close(),
            ConnectionInput::Register(answer, bytes) => {
                return value(&self.acks.register(answer, bytes));
            }
            ConnectionInput::Expect(sequence, outcomes) => self.acks.expect(sequence, outcomes),
            ConnectionInput::Answer(sequence, outcome) => self.acks.answer(sequence, outcome),
            ConnectionInput::PollReady => return value(&self.acks.poll_ready()),
        }
        Value::Null
    }
}

/// What a packet was taken for, without what was in it.
#[must_use]
pub fn told(inbound: &Result<Inbound, Violation>) -> Value {
    let inbound = match inbound {
        Ok(inbound) => inbound,
        Err(violation) => return json!({ "violation": violation }),
    };
    match inbound {
        Inbound::Connect(_) => json!("connect"),
        Inbound::Publish(checked) => {
            json!({ "publish": { "topic": checked.topic, "verdict": checked.verdict } })
        }
        Inbound::PubAck(ack) => json!({ "puback": ack.packet_id }),
        Inbound::PubRec(ack) => json!({ "pubrec": ack.packet_id }),
        Inbound::PubRel(ack) => json!({ "pubrel": ack.packet_id }),
        Inbound::PubComp(ack) => json!({ "pubcomp": ack.packet_id }),
        Inbound::Subscribe(subscribe) => json!({ "subscribe": subscribe.packet_id }),
        Inbound::Unsubscribe(unsubscribe) => json!({ "unsubscribe": unsubscribe.packet_id }),
        Inbound::Auth(_) => json!("auth"),
        Inbound::Ping => json!("ping"),
        Inbound::Disconnect { reason, expiry } => {
            json!({ "disconnect": { "reason": reason, "expiry": expiry } })
        }
    }
}

/// What a machine returned, as it is written down.
pub(super) fn value<T: Serialize>(returned: &T) -> Value {
    // Neither a map with keys that are no strings nor a number that is none is in there.
    serde_json::to_value(returned).unwrap_or_default()
}

/// Who somebody is goes always; what is in a message, and what people write for people, with payloads.
fn blank_packet(packet: &mut Packet, payloads: Payloads) {
    if let Packet::Connect(connect) = packet {
        connect.user_name = None;
        connect.password = None;
        connect.will = None;
        connect.properties = castmq_mqtt::ConnectProperties::default();
    }
    if let Packet::Auth(auth) = packet {
        // By the method it is known whether the packet may come.
        auth.properties = castmq_mqtt::AuthProperties {
            method: auth.properties.method.take(),
            ..Default::default()
        };
    }
    if payloads == Payloads::Blank {
        blank_texts(packet);
    }
}

fn blank_texts(packet: &mut Packet) {
    match packet {
        Packet::Publish(publish) => {
            publish.payload = castmq_mqtt::serial::payload::blank(publish.payload.len());
            if let Some(properties) = &mut publish.properties {
                blank_properties(properties);
            }
        }
        Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubRel(ack) | Packet::PubComp(ack) => {
            blank_ack(ack.properties.as_deref_mut());
        }
        Packet::SubAck(ack) => blank_ack(ack.properties.as_deref_mut()),
        Packet::UnsubAck(ack) => blank_ack(ack.properties.as_deref_mut()),
        Packet::Subscribe(subscribe) => blank_user(&mut subscribe.properties.user),
        Packet::Unsubscribe(unsubscribe) => blank_user(&mut unsubscribe.properties.user),
        Packet::ConnAck(connack) => {
            blank_user(&mut connack.properties.user);
            connack
                .properties
                .reason_string
                .iter_mut()
                .for_each(blank_text);
        }
        Packet::Disconnect(disconnect) => {
            blank_user(&mut disconnect.properties.user);
            disconnect
                .properties
                .reason_string
                .iter_mut()
                .for_each(blank_text);
        }
        // Of these nothing is left, or nothing was there.
        Packet::Connect(_) | Packet::Auth(_) | Packet::PingReq | Packet::PingResp => {}
    }
}

fn blank_ack(properties: Option<&mut AckProperties>) {
    if let Some(properties) = properties {
        blank_user(&mut properties.user);
        properties.reason_string.iter_mut().for_each(blank_text);
    }
}
