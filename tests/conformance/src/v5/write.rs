//! Packets of a client, well formed or not: every builder becomes bytes.

use super::property::WithProperties;

/// A variable byte integer in its shortest form.
#[must_use]
pub fn variable_byte_integer(mut value: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(value % 128).unwrap();
        value /= 128;
        if value == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

/// A string or binary data: two bytes of length, then the bytes.
#[must_use]
pub fn string(text: impl AsRef<[u8]>) -> Vec<u8> {
    let text = text.as_ref();
    let length = u16::try_from(text.len()).unwrap();
    [&length.to_be_bytes(), text].concat()
}

/// A packet: its first byte, the remaining length, the rest.
#[must_use]
pub fn frame(first: u8, rest: impl AsRef<[u8]>) -> Vec<u8> {
    let rest = rest.as_ref();
    let length = variable_byte_integer(u32::try_from(rest.len()).unwrap());
    [&[first], length.as_slice(), rest].concat()
}

/// Properties with their length in front.
fn with_length(properties: &[u8]) -> Vec<u8> {
    let length = variable_byte_integer(u32::try_from(properties.len()).unwrap());
    [length.as_slice(), properties].concat()
}

/// A will for CONNECT.
#[derive(Clone, Debug)]
pub struct WillMessage {
    topic: Vec<u8>,
    payload: Vec<u8>,
    flags: u8,
    properties: Vec<u8>,
}

/// A will with QoS 0 that is not retained.
#[must_use]
pub fn will(topic: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> WillMessage {
    WillMessage {
        topic: topic.as_ref().to_vec(),
        payload: payload.as_ref().to_vec(),
        flags: 0x04,
        properties: Vec::new(),
    }
}

impl WillMessage {
    /// With this QoS; 3 is possible and wrong.
    #[must_use]
    pub fn qos(mut self, qos: u8) -> Self {
        self.flags |= qos << 3;
        self
    }

    /// Retained.
    #[must_use]
    pub fn retain(mut self) -> Self {
        self.flags |= 0x20;
        self
    }
}

impl WithProperties for WillMessage {
    fn encoded(&mut self) -> &mut Vec<u8> {
        &mut self.properties
    }
}

/// CONNECT under construction.
#[derive(Clone, Debug)]
pub struct ConnectPacket {
    client_id: Vec<u8>,
    flags: u8,
    keep_alive: u16,
    properties: Vec<u8>,
    will: Vec<u8>,
    credentials: Vec<u8>,
}

/// CONNECT with Clean Start, without keep alive.
#[must_use]
pub fn connect(client_id: impl AsRef<[u8]>) -> ConnectPacket {
    ConnectPacket {
        client_id: client_id.as_ref().to_vec(),
        flags: 0x02,
        keep_alive: 0,
        properties: Vec::new(),
        will: Vec::new(),
        credentials: Vec::new(),
    }
}

impl ConnectPacket {
    /// Clean Start 0: goes on with the session that is there.
    #[must_use]
    pub fn resume(mut self) -> Self {
        self.flags &= !0x02;
        self
    }

    /// With a keep alive in seconds.
    #[must_use]
    pub fn keep_alive(mut self, seconds: u16) -> Self {
        self.keep_alive = seconds;
        self
    }

    /// With a will.
    #[must_use]
    pub fn will(mut self, will: WillMessage) -> Self {
        self.flags |= will.flags;
        self.will = [
            with_length(&will.properties),
            string(will.topic),
            string(will.payload),
        ]
        .concat();
        self
    }

    /// With a user name.
    #[must_use]
    pub fn user_name(mut self, name: impl AsRef<[u8]>) -> Self {
        self.flags |= 0x80;
        self.credentials.extend(string(name));
        self
    }

    /// With a password; after the user name, if there is one.
    #[must_use]
    pub fn password(mut self, password: impl AsRef<[u8]>) -> Self {
        self.flags |= 0x40;
        self.credentials.extend(string(password));
        self
    }

    /// With these bits of the flags turned over.
    #[must_use]
    pub fn flip_flags(mut self, bits: u8) -> Self {
        self.flags ^= bits;
        self
    }

    /// With these bytes behind the last field.
    #[must_use]
    pub fn trailing(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.credentials.extend_from_slice(bytes.as_ref());
        self
    }

    /// With a session that outlives the connection by so many seconds.
    #[must_use]
    pub fn session_expiry(self, seconds: u32) -> Self {
        self.property_u32(super::property::property::SESSION_EXPIRY, seconds)
    }
}

impl WithProperties for ConnectPacket {
    fn encoded(&mut self) -> &mut Vec<u8> {
        &mut self.properties
    }
}

impl From<ConnectPacket> for Vec<u8> {
    fn from(packet: ConnectPacket) -> Self {
        let rest = [
            string("MQTT"),
            vec![5, packet.flags],
            packet.keep_alive.to_be_bytes().to_vec(),
            with_length(&packet.properties),
            string(packet.client_id),
            packet.will,
            packet.credentials,
        ]
        .concat();
        frame(0x10, rest)
    }
}

/// PUBLISH under construction.
#[derive(Clone, Debug)]
pub struct PublishPacket {
    first: u8,
    topic: Vec<u8>,
    id: Vec<u8>,
    properties: Vec<u8>,
    payload: Vec<u8>,
}

/// PUBLISH with QoS 0.
#[must_use]
pub fn publish(topic: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> PublishPacket {
    PublishPacket {
        first: 0x30,
        topic: topic.as_ref().to_vec(),
        id: Vec::new(),
        properties: Vec::new(),
        payload: payload.as_ref().to_vec(),
    }
}

impl PublishPacket {
    /// With QoS 1 or 2 and a packet id; 3 is possible and wrong.
    #[must_use]
    pub fn qos(mut self, qos: u8, id: u16) -> Self {
        self.first |= qos << 1;
        self.id = id.to_be_bytes().to_vec();
        self
    }

    /// Retained.
    #[must_use]
    pub fn retain(mut self) -> Self {
        self.first |= 0x01;
        self
    }

    /// Said to be a repetition.
    #[must_use]
    pub fn dup(mut self) -> Self {
        self.first |= 0x08;
        self
    }

    /// With a topic alias.
    #[must_use]
    pub fn alias(self, alias: u16) -> Self {
        self.property_u16(super::property::property::TOPIC_ALIAS, alias)
    }

    /// With a lifetime in seconds.
    #[must_use]
    pub fn expiry(self, seconds: u32) -> Self {
        self.property_u32(super::property::property::MESSAGE_EXPIRY, seconds)
    }
}

impl WithProperties for PublishPacket {
    fn encoded(&mut self) -> &mut Vec<u8> {
        &mut self.properties
    }
}

impl From<PublishPacket> for Vec<u8> {
    fn from(packet: PublishPacket) -> Self {
        let rest = [
            string(packet.topic),
            packet.id,
            with_length(&packet.properties),
            packet.payload,
        ]
        .concat();
        frame(packet.first, rest)
    }
}

/// Options of one filter: QoS, and whatever bits the test adds.
pub mod filter_options {
    /// Not the client's own messages.
    pub const NO_LOCAL: u8 = 0x04;
    /// The retain flag as it was published.
    pub const RETAIN_AS_PUBLISHED: u8 = 0x08;
    /// Retained messages only if the subscription is new.
    pub const RETAINED_IF_NEW: u8 = 0x10;
    /// No retained messages.
    pub const NO_RETAINED: u8 = 0x20;
}

/// Packets with packet id, properties and a list: SUBSCRIBE, UNSUBSCRIBE, PUBACK and the like.
#[derive(Clone, Debug)]
pub struct SubscribePacket {
    first: u8,
    id: u16,
    properties: Vec<u8>,
    rest: Vec<u8>,
}

/// What SUBSCRIBE lists: filters with their options.
pub type Filters<'a> = [(&'a str, u8)];

/// SUBSCRIBE to filters with their options.
#[must_use]
pub fn subscribe(id: u16, filters: &Filters<'_>) -> SubscribePacket {
    let entries = filters
        .iter()
        .flat_map(|(filter, options)| [string(filter), vec![*options]].concat());
    SubscribePacket {
        first: 0x82,
        id,
        properties: Vec::new(),
        rest: entries.collect(),
    }
}

/// UNSUBSCRIBE from filters.
#[must_use]
pub fn unsubscribe(id: u16, filters: &[&str]) -> SubscribePacket {
    SubscribePacket {
        first: 0xA2,
        id,
        properties: Vec::new(),
        rest: filters.iter().flat_map(string).collect(),
    }
}

impl WithProperties for SubscribePacket {
    fn encoded(&mut self) -> &mut Vec<u8> {
        &mut self.properties
    }
}

impl From<SubscribePacket> for Vec<u8> {
    fn from(packet: SubscribePacket) -> Self {
        let rest = [
            packet.id.to_be_bytes().to_vec(),
            with_length(&packet.properties),
            packet.rest,
        ]
        .concat();
        frame(packet.first, rest)
    }
}

/// PUBACK (0x40), PUBREC (0x50), PUBREL (0x62) or PUBCOMP (0x70) under construction, and
/// DISCONNECT (0xE0) and AUTH (0xF0), which have no packet id.
#[derive(Clone, Debug)]
pub struct ReasonPacket {
    first: u8,
    id: Vec<u8>,
    reason: u8,
    properties: Vec<u8>,
}

/// An acknowledgement with its first byte, packet id and reason code.
#[must_use]
pub fn ack(first: u8, id: u16, reason: u8) -> ReasonPacket {
    ReasonPacket {
        first,
        id: id.to_be_bytes().to_vec(),
        reason,
        properties: Vec::new(),
    }
}

/// PUBREL with reason code 0.
#[must_use]
pub fn pubrel(id: u16) -> ReasonPacket {
    ack(0x62, id, 0)
}

/// DISCONNECT with a reason code.
#[must_use]
pub fn disconnect(reason: u8) -> ReasonPacket {
    ReasonPacket {
        first: 0xE0,
        id: Vec::new(),
        reason,
        properties: Vec::new(),
    }
}

/// AUTH with a reason code.
#[must_use]
pub fn auth(reason: u8) -> ReasonPacket {
    ReasonPacket {
        first: 0xF0,
        id: Vec::new(),
        reason,
        properties: Vec::new(),
    }
}

impl WithProperties for ReasonPacket {
    fn encoded(&mut self) -> &mut Vec<u8> {
        &mut self.properties
    }
}

impl From<ReasonPacket> for Vec<u8> {
    fn from(packet: ReasonPacket) -> Self {
        let rest = [
            packet.id,
            vec![packet.reason],
            with_length(&packet.properties),
        ]
        .concat();
        frame(packet.first, rest)
    }
}
