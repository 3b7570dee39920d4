//! MQTT 3.1.1 and 5.0 in bytes, as much as a load needs.
//!
//! Written apart from the broker's own codec on purpose: an error that both shared would go unseen.

/// The version of the protocol a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// MQTT 3.1.1.
    V311,
    /// MQTT 5.0.
    V50,
}

/// How a client introduces itself.
#[derive(Clone, Debug)]
pub struct Connect<'a> {
    /// Which version it speaks.
    pub version: Version,
    /// Who it is.
    pub client_id: &'a str,
    /// Clean Session or Clean Start.
    pub is_clean: bool,
    /// 5.0: how long the session outlives the connection.
    pub expiry_seconds: u32,
    /// Topic and payload of a will with QoS 1.
    pub will: Option<(&'a str, &'a [u8])>,
}

/// A message to publish.
#[derive(Clone, Copy, Debug)]
pub struct Publish<'a> {
    /// Whether this is a repetition.
    pub dup: bool,
    /// With which promise.
    pub qos: u8,
    /// Whether it shall be kept.
    pub retain: bool,
    /// Where to.
    pub topic: &'a str,
    /// Unused for QoS 0.
    pub id: u16,
    /// What.
    pub payload: &'a [u8],
}

/// The four packets that move an exchange on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Step {
    /// QoS 1 is done.
    PubAck = 0x40,
    /// QoS 2: received.
    PubRec = 0x50,
    /// QoS 2: release.
    PubRel = 0x62,
    /// QoS 2 is done.
    PubComp = 0x70,
}

/// A packet from the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet {
    /// The answer to CONNECT.
    ConnAck {
        /// Whether the broker had kept the session.
        session_present: bool,
        /// 0 is accepted.
        reason: u8,
    },
    /// A message.
    Publish {
        /// Whether this may be a repetition.
        dup: bool,
        /// With which promise.
        qos: u8,
        /// Whether the broker had kept it.
        retain: bool,
        /// Where to.
        topic: String,
        /// 0 for QoS 0.
        id: u16,
        /// What.
        payload: Vec<u8>,
    },
    /// A step of an exchange.
    Step {
        /// Which step.
        step: Step,
        /// Which exchange.
        id: u16,
        /// 0 in 3.1.1.
        reason: u8,
    },
    /// The answer to SUBSCRIBE or UNSUBSCRIBE.
    Subscribed(u16),
    /// SUBACK that refuses.
    NotSubscribed(u16),
    /// The answer to PINGREQ.
    PingResp,
    /// 5.0: the broker ends the connection for this reason.
    Disconnect(u8),
}

/// PINGREQ.
pub const PINGREQ: &[u8] = &[0xC0, 0];
/// DISCONNECT without properties, in both versions.
pub const DISCONNECT: &[u8] = &[0xE0, 0];

impl Connect<'_> {
    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut body = Vec::new();
        text(&mut body, "MQTT");
        body.push(match self.version {
            Version::V311 => 4,
            Version::V50 => 5,
        });
        let clean = if self.is_clean { 0x02 } else { 0 };
        let will = if self.will.is_some() { 0x04 | 0x08 } else { 0 };
        body.push(clean | will);
        // A keep-alive of a minute: longer than any pause this program makes.
        body.extend(60_u16.to_be_bytes());
        if self.version == Version::V50 {
            body.extend([5, 0x11]);
            body.extend(self.expiry_seconds.to_be_bytes());
        }
        text(&mut body, self.client_id);
        if let Some((topic, payload)) = self.will {
            no_properties(&mut body, self.version);
            text(&mut body, topic);
            binary(&mut body, payload);
        }
        packet(0x10, &body)
    }
}

impl Publish<'_> {
    /// Its bytes.
    #[must_use]
    pub fn bytes(&self, version: Version) -> Vec<u8> {
        let mut body = Vec::with_capacity(self.topic.len() + self.payload.len() + 8);
        text(&mut body, self.topic);
        if self.qos > 0 {
            body.extend(self.id.to_be_bytes());
        }
        no_properties(&mut body, version);
        body.extend(self.payload);
        let flags = u8::from(self.dup) << 3 | self.qos << 1 | u8::from(self.retain);
        packet(0x30 | flags, &body)
    }
}

/// SUBSCRIBE to one filter.
#[must_use]
pub fn subscribe(version: Version, id: u16, filter: &str, qos: u8) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    no_properties(&mut body, version);
    text(&mut body, filter);
    body.push(qos);
    packet(0x82, &body)
}

/// UNSUBSCRIBE from one filter.
#[must_use]
pub fn unsubscribe(version: Version, id: u16, filter: &str) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    no_properties(&mut body, version);
    text(&mut body, filter);
    packet(0xA2, &body)
}

/// A step of an exchange.
#[must_use]
pub fn step(step: Step, id: u16) -> Vec<u8> {
    packet(step as u8, &id.to_be_bytes())
}

/// A packet of that first byte and body; the length is right whatever the body is.
#[must_use]
pub fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    let mut rest = body.len();
    loop {
        let seven = u8::try_from(rest & 0x7F).unwrap_or(0);
        rest >>= 7;
        if rest == 0 {
            bytes.push(seven);
            break;
        }
        bytes.push(seven | 0x80);
    }
    bytes.extend(body);
    bytes
}

fn text(body: &mut Vec<u8>, text: &str) {
    binary(body, text.as_bytes());
}

fn binary(body: &mut Vec<u8>, bytes: &[u8]) {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    body.extend(length.to_be_bytes());
    body.extend(bytes);
}

fn no_properties(body: &mut Vec<u8>, version: Version) {
    if version == Version::V50 {
        body.push(0);
    }
}

/// Takes the first packet off the front of what was read, when it is complete.
///
/// # Errors
///
/// What the broker wrote is not MQTT, in words.
pub fn take(read: &mut Vec<u8>, version: Version) -> Result<Option<Packet>, String> {
    let Some((first, header, length)) = frame(read)? else {
        return Ok(None);
    };
    let whole: Vec<u8> = read.drain(..header + length).collect();
    let body = whole.get(header..).unwrap_or_default();
    parse(first, body, version)
        .ok_or_else(|| format!("the broker wrote a packet that is none: {whole:02x?}"))
        .map(Some)
}

/// First byte, length of the fixed header, length of the rest; `None` while it is not all there.
fn frame(read: &[u8]) -> Result<Option<(u8, usize, usize)>, String> {
    let Some((&first, rest)) = read.split_first() else {
        return Ok(None);
    };
    let mut length = 0;
    for (index, &byte) in rest.iter().take(4).enumerate() {
        length |= usize::from(byte & 0x7F) << (7 * index);
        if byte & 0x80 == 0 {
            let header = index + 2;
            let is_whole = read.len() >= header + length;
            return Ok(is_whole.then_some((first, header, length)));
        }
    }
    if rest.len() >= 4 {
        return Err("the broker wrote a remaining length of five bytes".to_owned());
    }
    Ok(None)
}

fn parse(first: u8, body: &[u8], version: Version) -> Option<Packet> {
    let mut reader = Reader(body);
    let packet = match first {
        0x20 => Packet::ConnAck {
            session_present: reader.byte()? == 1,
            reason: reader.byte()?,
        },
        0x30..=0x3F => publish(first, &mut reader, version)?,
        0x40 => step_of(Step::PubAck, &mut reader)?,
        0x50 => step_of(Step::PubRec, &mut reader)?,
        0x62 => step_of(Step::PubRel, &mut reader)?,
        0x70 => step_of(Step::PubComp, &mut reader)?,
        0x90 => suback(&mut reader)?,
        0xB0 => Packet::Subscribed(reader.number()?),
        0xD0 => Packet::PingResp,
        0xE0 => Packet::Disconnect(reader.byte().unwrap_or(0)),
        _ => return None,
    };
    Some(packet)
}

fn publish(first: u8, reader: &mut Reader<'_>, version: Version) -> Option<Packet> {
    let qos = first >> 1 & 3;
    let topic = reader.binary()?;
    let id = if qos > 0 { reader.number()? } else { 0 };
    if version == Version::V50 {
        let length = reader.variable()?;
        reader.bytes(length)?;
    }
    Some(Packet::Publish {
        dup: first & 8 != 0,
        qos,
        retain: first & 1 != 0,
        topic: String::from_utf8(topic.to_vec()).ok()?,
        id,
        payload: reader.0.to_vec(),
    })
}

/// The last byte is the one reason of a SUBACK: we subscribe to one filter at a time.
fn suback(reader: &mut Reader<'_>) -> Option<Packet> {
    let id = reader.number()?;
    Some(if *reader.0.last()? < 0x80 {
        Packet::Subscribed(id)
    } else {
        Packet::NotSubscribed(id)
    })
}

fn step_of(step: Step, reader: &mut Reader<'_>) -> Option<Packet> {
    Some(Packet::Step {
        step,
        id: reader.number()?,
        reason: reader.byte().unwrap_or(0),
    })
}

/// What is left of a body.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.bytes(1)?.first().copied()
    }

    fn number(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes([self.byte()?, self.byte()?]))
    }

    fn binary(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?;
        self.bytes(length.into())
    }

    fn variable(&mut self) -> Option<usize> {
        let mut value = 0;
        for index in 0..4 {
            let byte = self.byte()?;
            value |= usize::from(byte & 0x7F) << (7 * index);
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connect_is_what_the_specification_shows() {
        let connect = Connect {
            version: Version::V311,
            client_id: "a",
            is_clean: true,
            expiry_seconds: 0,
            will: None,
        };
        assert_eq!(
            connect.bytes(),
            [
                0x10, 13, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 60, 0, 1, b'a'
            ]
        );
    }

    #[test]
    fn a_message_is_read_when_its_last_byte_is_there() {
        let publish = Publish {
            dup: false,
            qos: 1,
            retain: false,
            topic: "a/b",
            id: 7,
            payload: b"hello",
        };
        let mut whole = publish.bytes(Version::V50);
        let last = whole.pop().unwrap();
        assert_eq!(take(&mut whole, Version::V50), Ok(None));

        whole.push(last);

        let expected = Packet::Publish {
            dup: false,
            qos: 1,
            retain: false,
            topic: "a/b".to_owned(),
            id: 7,
            payload: b"hello".to_vec(),
        };
        assert_eq!(take(&mut whole, Version::V50), Ok(Some(expected)));
        assert_eq!(whole, []);
    }

    #[test]
    fn a_length_of_two_bytes_has_its_low_part_first() {
        assert_eq!(packet(0x30, &[0; 321])[..3], [0x30, 0xC1, 0x02]);
    }
}
