//! Packets of the broker: every byte is checked against the specification before a test sees it.
//!
//! A packet that a server must not send panics here, whichever test is running.

use super::property::{Properties, Value, property};

/// CONNACK.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnAck {
    /// Whether the broker holds a session for the client.
    pub session_present: bool,
    /// Reason code.
    pub reason: u8,
    /// Properties.
    pub properties: Properties,
}

/// PUBLISH.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publish {
    /// Whether it is a repetition.
    pub dup: bool,
    /// Quality of service.
    pub qos: u8,
    /// Retain flag.
    pub retain: bool,
    /// Topic; empty when an alias stands for it.
    pub topic: String,
    /// Packet id; 0 exactly for QoS 0.
    pub id: u16,
    /// Properties.
    pub properties: Properties,
    /// Payload.
    pub payload: Vec<u8>,
}

impl Publish {
    /// The payload as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.payload).into_owned()
    }
}

/// PUBACK, PUBREC, PUBREL or PUBCOMP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ack {
    /// Packet id.
    pub id: u16,
    /// Reason code.
    pub reason: u8,
    /// Properties.
    pub properties: Properties,
}

/// SUBACK or UNSUBACK.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Codes {
    /// Packet id.
    pub id: u16,
    /// One reason code for each filter.
    pub reasons: Vec<u8>,
    /// Properties.
    pub properties: Properties,
}

/// DISCONNECT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disconnect {
    /// Reason code.
    pub reason: u8,
    /// Properties.
    pub properties: Properties,
}

/// AUTH.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Auth {
    /// Reason code.
    pub reason: u8,
    /// Properties.
    pub properties: Properties,
}

/// Whatever a server may send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet {
    /// CONNACK.
    ConnAck(ConnAck),
    /// PUBLISH.
    Publish(Publish),
    /// PUBACK.
    PubAck(Ack),
    /// PUBREC.
    PubRec(Ack),
    /// PUBREL.
    PubRel(Ack),
    /// PUBCOMP.
    PubComp(Ack),
    /// SUBACK.
    SubAck(Codes),
    /// UNSUBACK.
    UnsubAck(Codes),
    /// PINGRESP.
    PingResp,
    /// DISCONNECT.
    Disconnect(Disconnect),
    /// AUTH.
    Auth(Auth),
}

const CONNACK_REASONS: &[u8] = &[
    0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x8C, 0x90, 0x95, 0x97,
    0x99, 0x9A, 0x9B, 0x9C, 0x9D, 0x9F,
];
const PUBLISH_REASONS: &[u8] = &[0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99];
const RELEASE_REASONS: &[u8] = &[0x00, 0x92];
const SUBACK_REASONS: &[u8] = &[
    0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8F, 0x91, 0x97, 0x9E, 0xA1, 0xA2,
];
const UNSUBACK_REASONS: &[u8] = &[0x00, 0x11, 0x80, 0x83, 0x87, 0x8F, 0x91];
const DISCONNECT_REASONS: &[u8] = &[
    0x00, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8B, 0x8D, 0x8E, 0x8F, 0x90, 0x93, 0x94, 0x95, 0x96,
    0x97, 0x98, 0x99, 0x9A, 0x9B, 0x9C, 0x9D, 0x9E, 0x9F, 0xA0, 0xA1, 0xA2,
];
const AUTH_REASONS: &[u8] = &[0x00, 0x18, 0x19];

const CONNACK_PROPERTIES: &[u8] = &[
    property::SESSION_EXPIRY,
    property::RECEIVE_MAXIMUM,
    property::MAXIMUM_QOS,
    property::RETAIN_AVAILABLE,
    property::MAXIMUM_PACKET_SIZE,
    property::ASSIGNED_CLIENT_ID,
    property::TOPIC_ALIAS_MAXIMUM,
    property::REASON_STRING,
    property::USER,
    property::WILDCARD_AVAILABLE,
    property::SUBSCRIPTION_IDS_AVAILABLE,
    property::SHARED_AVAILABLE,
    property::SERVER_KEEP_ALIVE,
    property::RESPONSE_INFORMATION,
    property::SERVER_REFERENCE,
    property::AUTHENTICATION_METHOD,
    property::AUTHENTICATION_DATA,
];
const PUBLISH_PROPERTIES: &[u8] = &[
    property::PAYLOAD_FORMAT,
    property::MESSAGE_EXPIRY,
    property::TOPIC_ALIAS,
    property::RESPONSE_TOPIC,
    property::CORRELATION_DATA,
    property::USER,
    property::SUBSCRIPTION_ID,
    property::CONTENT_TYPE,
];
const ACK_PROPERTIES: &[u8] = &[property::REASON_STRING, property::USER];
const DISCONNECT_PROPERTIES: &[u8] = &[
    property::REASON_STRING,
    property::USER,
    property::SERVER_REFERENCE,
];
const AUTH_PROPERTIES: &[u8] = &[
    property::AUTHENTICATION_METHOD,
    property::AUTHENTICATION_DATA,
    property::REASON_STRING,
    property::USER,
];

/// Reads a packet from its first byte and what follows the remaining length.
///
/// # Panics
///
/// Panics when a server must not send these bytes.
#[must_use]
pub fn parse(first: u8, rest: &[u8]) -> Packet {
    let flags = first & 0x0F;
    if first >> 4 != 3 {
        let expected = if first >> 4 == 6 { 2 } else { 0 };
        assert_eq!(flags, expected, "reserved flags of packet {first:#04x}");
    }
    let mut fields = Fields { rest };
    let packet = match first >> 4 {
        2 => Packet::ConnAck(connack(&mut fields)),
        3 => Packet::Publish(publish(flags, &mut fields)),
        4 => Packet::PubAck(ack(&mut fields, PUBLISH_REASONS)),
        5 => Packet::PubRec(ack(&mut fields, PUBLISH_REASONS)),
        6 => Packet::PubRel(ack(&mut fields, RELEASE_REASONS)),
        7 => Packet::PubComp(ack(&mut fields, RELEASE_REASONS)),
        9 => Packet::SubAck(codes(&mut fields, SUBACK_REASONS)),
        11 => Packet::UnsubAck(codes(&mut fields, UNSUBACK_REASONS)),
        13 => Packet::PingResp,
        14 => {
            let (reason, properties) = reason(&mut fields, DISCONNECT_REASONS, DISCONNECT_PROPERTIES);
            Packet::Disconnect(Disconnect { reason, properties })
        }
        15 => {
            let (reason, properties) = reason(&mut fields, AUTH_REASONS, AUTH_PROPERTIES);
            Packet::Auth(Auth { reason, properties })
        }
        _ => panic!("a server never sends packets that begin with {first:#04x}"),
    };
    assert!(fields.rest.is_empty(), "bytes behind the packet: {packet:?}");
    packet
}

fn connack(fields: &mut Fields<'_>) -> ConnAck {
    let acknowledge_flags = fields.u8();
    // [MQTT5-3.2.2-1]
    assert!(acknowledge_flags <= 1, "CONNACK flags {acknowledge_flags:#04x}");
    let reason = fields.u8();
    assert!(CONNACK_REASONS.contains(&reason), "CONNACK with {reason:#04x}");
    let properties = fields.properties(CONNACK_PROPERTIES);
    let session_present = acknowledge_flags == 1;
    // [MQTT5-3.2.2-6]
    assert!(reason == 0 || !session_present, "refused, but session present");
    ConnAck {
        session_present,
        reason,
        properties,
    }
}

fn publish(flags: u8, fields: &mut Fields<'_>) -> Publish {
    let (dup, qos, retain) = (flags & 8 != 0, flags >> 1 & 3, flags & 1 != 0);
    // [MQTT5-3.3.1-4] [MQTT5-3.3.1-2]
    assert!(qos < 3, "PUBLISH with QoS 3");
    assert!(qos > 0 || !dup, "PUBLISH with QoS 0 and DUP");
    let topic = fields.text();
    // [MQTT5-2.2.1-2] [MQTT5-2.2.1-4]
    let id = if qos > 0 { fields.u16() } else { 0 };
    assert!(qos == 0 || id > 0, "PUBLISH with packet id 0");
    let properties = fields.properties(PUBLISH_PROPERTIES);
    assert!(!topic.contains(['+', '#']), "PUBLISH to {topic}");
    assert!(
        !topic.is_empty() || properties.has(property::TOPIC_ALIAS),
        "PUBLISH without topic and alias"
    );
    Publish {
        dup,
        qos,
        retain,
        topic,
        id,
        properties,
        payload: std::mem::take(&mut fields.rest).to_vec(),
    }
}

fn ack(fields: &mut Fields<'_>, reasons: &[u8]) -> Ack {
    let id = fields.u16();
    let (reason, properties) = reason(fields, reasons, ACK_PROPERTIES);
    Ack {
        id,
        reason,
        properties,
    }
}

fn codes(fields: &mut Fields<'_>, allowed: &[u8]) -> Codes {
    let id = fields.u16();
    let properties = fields.properties(ACK_PROPERTIES);
    let reasons = std::mem::take(&mut fields.rest).to_vec();
    for reason in &reasons {
        assert!(allowed.contains(reason), "reason code {reason:#04x}");
    }
    Codes {
        id,
        reasons,
        properties,
    }
}

/// Reason code and properties, either of which may be cut off when it is empty.
fn reason(fields: &mut Fields<'_>, reasons: &[u8], allowed: &[u8]) -> (u8, Properties) {
    if fields.rest.is_empty() {
        return (0, Properties::default());
    }
    let reason = fields.u8();
    assert!(reasons.contains(&reason), "reason code {reason:#04x}");
    if fields.rest.is_empty() {
        return (reason, Properties::default());
    }
    (reason, fields.properties(allowed))
}

/// The bytes of a packet that are not yet read.
struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    fn take(&mut self, length: usize) -> &'a [u8] {
        assert!(length <= self.rest.len(), "the packet ends inside a field");
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }

    fn u8(&mut self) -> u8 {
        self.take(1)[0]
    }

    fn u16(&mut self) -> u16 {
        u16::from_be_bytes(self.take(2).try_into().unwrap())
    }

    fn u32(&mut self) -> u32 {
        u32::from_be_bytes(self.take(4).try_into().unwrap())
    }

    fn variable_byte_integer(&mut self) -> u32 {
        let mut value = 0;
        for shift in [0, 7, 14, 21] {
            let byte = self.u8();
            value |= u32::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                // [MQTT5-1.5.5-1]
                assert!(byte != 0 || shift == 0, "variable byte integer is not shortest");
                return value;
            }
        }
        panic!("variable byte integer is longer than four bytes");
    }

    fn bytes(&mut self) -> Vec<u8> {
        let length = self.u16();
        self.take(length.into()).to_vec()
    }

    fn text(&mut self) -> String {
        // [MQTT5-1.5.4-1] [MQTT5-1.5.4-2]
        let text = String::from_utf8(self.bytes()).expect("strings are UTF-8");
        assert!(!text.contains('\0'), "string with U+0000");
        text
    }

    fn properties(&mut self, allowed: &[u8]) -> Properties {
        let length = self.variable_byte_integer();
        let mut fields = Fields {
            rest: self.take(length.try_into().unwrap()),
        };
        let mut properties = Properties::default();
        while !fields.rest.is_empty() {
            let number = fields.u8();
            assert!(allowed.contains(&number), "property {number:#04x} is misplaced");
            let may_repeat = [property::USER, property::SUBSCRIPTION_ID].contains(&number);
            assert!(
                may_repeat || !properties.has(number),
                "property {number:#04x} occurs twice"
            );
            let value = fields.value(number);
            properties.0.push((number, value));
        }
        properties
    }

    fn value(&mut self, number: u8) -> Value {
        match number {
            property::PAYLOAD_FORMAT
            | property::MAXIMUM_QOS
            | property::RETAIN_AVAILABLE
            | property::WILDCARD_AVAILABLE
            | property::SUBSCRIPTION_IDS_AVAILABLE
            | property::SHARED_AVAILABLE => {
                let value = self.u8();
                assert!(value <= 1, "property {number:#04x} is {value}");
                Value::Number(value.into())
            }
            property::RECEIVE_MAXIMUM | property::TOPIC_ALIAS => {
                let value = self.u16();
                assert!(value > 0, "property {number:#04x} is 0");
                Value::Number(value.into())
            }
            property::SERVER_KEEP_ALIVE | property::TOPIC_ALIAS_MAXIMUM => {
                Value::Number(self.u16().into())
            }
            property::MESSAGE_EXPIRY | property::SESSION_EXPIRY => Value::Number(self.u32()),
            property::MAXIMUM_PACKET_SIZE => {
                let value = self.u32();
                assert!(value > 0, "maximum packet size is 0");
                Value::Number(value)
            }
            property::SUBSCRIPTION_ID => {
                let value = self.variable_byte_integer();
                assert!(value > 0, "subscription identifier is 0");
                Value::Number(value)
            }
            property::CORRELATION_DATA | property::AUTHENTICATION_DATA => {
                Value::Bytes(self.bytes())
            }
            property::USER => Value::Pair(self.text(), self.text()),
            _ => Value::Text(self.text()),
        }
    }
}
