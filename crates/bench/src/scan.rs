//! Finds the packets in what a broker wrote, wherever the reads have cut it.

use crate::frame::{Step, Version};

/// A packet from the broker; what it carries stays where it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packet<'a> {
    /// The answer to CONNECT.
    ConnAck(ConnAck),
    /// A message.
    Publish(Publish<'a>),
    /// A step of an exchange; the reason is 0 in 3.1.1.
    Step { step: Step, id: u16, reason: u8 },
    /// The answer to SUBSCRIBE to one filter.
    SubAck { id: u16, reason: u8 },
    /// The answer to PINGREQ.
    PingResp,
    /// 5.0: the broker ends the connection for this reason.
    Disconnect { reason: u8 },
}

/// The answer to CONNECT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ConnAck {
    /// Whether the broker had kept the session.
    pub(crate) has_session: bool,
    /// 0 is accepted.
    pub(crate) reason: u8,
    /// How many messages may wait for their acknowledgement.
    pub(crate) receive_max: u16,
}

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Publish<'a> {
    /// Whether this may be a repetition.
    pub(crate) is_repetition: bool,
    pub(crate) qos: u8,
    /// 0 for QoS 0.
    pub(crate) id: u16,
    pub(crate) payload: &'a [u8],
}

/// What the broker wrote is not MQTT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the broker wrote what is not MQTT: a packet that begins with {first:#04x}")]
pub(crate) struct Malformed {
    first: u8,
}

/// Takes the first packet; `None` while it is not all there.
///
/// # Errors
///
/// [`Malformed`]: nothing behind it can be understood.
pub(crate) fn take(
    bytes: &[u8],
    version: Version,
) -> Result<Option<(Packet<'_>, &[u8])>, Malformed> {
    let Some(&first) = bytes.first() else {
        return Ok(None);
    };
    let malformed = Malformed { first };
    let Some((length, header)) = remaining_length(bytes).ok_or(malformed)? else {
        return Ok(None);
    };
    let Some(whole) = bytes.get(header..header + length) else {
        return Ok(None);
    };
    let packet = parse(first, Reader(whole), version).ok_or(malformed)?;
    Ok(Some((packet, bytes.get(header + length..).unwrap_or(&[]))))
}

/// The length of the first packet, if its header is there.
pub(crate) fn packet_bytes(bytes: &[u8]) -> Option<usize> {
    let (length, header) = remaining_length(bytes)??;
    Some(header + length)
}

/// The length of the body and of the fixed header; the outer `None` for one that never ends.
fn remaining_length(bytes: &[u8]) -> Option<Option<(usize, usize)>> {
    let mut length = 0;
    for index in 1..=4 {
        let Some(&byte) = bytes.get(index) else {
            return Some(None);
        };
        length |= usize::from(byte & 0x7F) << (7 * (index - 1));
        if byte & 0x80 == 0 {
            return Some(Some((length, index + 1)));
        }
    }
    None
}

fn parse(first: u8, mut body: Reader<'_>, version: Version) -> Option<Packet<'_>> {
    let packet = match first {
        0x30..=0x3F => Packet::Publish(publish(first, body, version)?),
        0x20 => Packet::ConnAck(connack(body, version)?),
        0x40 => step(Step::Acknowledged, body)?,
        0x50 => step(Step::Received, body)?,
        0x62 => step(Step::Release, body)?,
        0x70 => step(Step::Complete, body)?,
        0x90 => Packet::SubAck {
            id: body.number()?,
            reason: body.0.last().copied()?,
        },
        0xD0 => Packet::PingResp,
        0xE0 => Packet::Disconnect {
            reason: body.byte().unwrap_or(0),
        },
        _ => return None,
    };
    Some(packet)
}

fn publish(first: u8, mut body: Reader<'_>, version: Version) -> Option<Publish<'_>> {
    let qos = first >> 1 & 3;
    let topic = usize::from(body.number()?);
    body.bytes(topic)?;
    let id = if qos > 0 { body.number()? } else { 0 };
    if version == Version::V50 {
        let properties = body.variable()?;
        body.bytes(properties)?;
    }
    (qos < 3).then_some(Publish {
        is_repetition: first & 8 != 0,
        qos,
        id,
        payload: body.0,
    })
}

fn step(step: Step, mut body: Reader<'_>) -> Option<Packet<'_>> {
    Some(Packet::Step {
        step,
        id: body.number()?,
        reason: body.byte().unwrap_or(0),
    })
}

fn connack(mut body: Reader<'_>, version: Version) -> Option<ConnAck> {
    let mut connack = ConnAck {
        has_session: body.byte()? & 1 == 1,
        reason: body.byte()?,
        receive_max: u16::MAX,
    };
    if version == Version::V50 {
        let length = body.variable()?;
        let mut properties = Reader(body.bytes(length)?);
        while let Some(identifier) = properties.byte() {
            match identifier {
                0x21 => connack.receive_max = properties.number()?,
                other => properties.skip_value(other)?,
            }
        }
    }
    Some(connack)
}

/// What is left of a body.
#[derive(Clone, Copy)]
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(byte)
    }

    fn number(&mut self) -> Option<u16> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u16::from_be_bytes(*bytes))
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

    /// Steps over the value of a property of CONNACK.
    fn skip_value(&mut self, identifier: u8) -> Option<()> {
        match identifier {
            0x24 | 0x25 | 0x28 | 0x29 | 0x2A => self.bytes(1)?,
            0x13 | 0x22 => self.bytes(2)?,
            0x11 | 0x27 => self.bytes(4)?,
            0x12 | 0x15 | 0x16 | 0x1A | 0x1C | 0x1F => self.text()?,
            0x26 => {
                self.text()?;
                self.text()?
            }
            _ => return None,
        };
        Some(())
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(self.number()?);
        self.bytes(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Head, Message, PublishFrame};

    const HEAD: Head = Head {
        publisher: 3,
        sequence: 5,
        due: 7,
    };

    /// A message, an acknowledgement and PINGRESP, one after the other.
    fn three_packets() -> Vec<u8> {
        let message = Message {
            version: Version::V50,
            qos: 1,
            is_retained: false,
            payload_bytes: 200,
        };
        let mut bytes = PublishFrame::new(&message, "a/b").message(9, HEAD).to_vec();
        bytes.extend(Step::Acknowledged.bytes(10));
        bytes.extend([0xD0, 0]);
        bytes
    }

    /// What is found when the bytes come in two reads.
    fn found(first: &[u8], second: &[u8]) -> Vec<String> {
        let (mut read, mut found) = (Vec::new(), Vec::new());
        for part in [first, second] {
            read.extend_from_slice(part);
            let mut rest = read.as_slice();
            while let Some((packet, behind)) = take(rest, Version::V50).unwrap() {
                found.push(if let Packet::Publish(publish) = packet {
                    format!("{} {:?}", publish.id, Head::read(publish.payload).unwrap())
                } else {
                    format!("{packet:?}")
                });
                rest = behind;
            }
            read = rest.to_vec();
        }
        assert!(read.is_empty());
        found
    }

    #[test]
    fn packets_are_found_however_they_are_cut() {
        let bytes = three_packets();
        let whole = found(&bytes, &[]);
        assert_eq!(
            whole,
            [
                format!("9 {HEAD:?}"),
                "Step { step: Acknowledged, id: 10, reason: 0 }".to_owned(),
                "PingResp".to_owned(),
            ]
        );
        let cuts = (0..bytes.len()).map(|cut| found(&bytes[..cut], &bytes[cut..]));
        assert!(cuts.into_iter().all(|found| found == whole));
    }

    #[test]
    fn a_packet_that_no_broker_may_send_is_malformed() {
        let malformed = Malformed { first: 0x10 };
        assert_eq!(take(&[0x10, 0], Version::V311), Err(malformed));
    }

    #[test]
    fn a_length_of_five_bytes_is_malformed() {
        let bytes = [0x30, 0xFF, 0xFF, 0xFF, 0xFF, 1];
        assert_eq!(take(&bytes, Version::V311), Err(Malformed { first: 0x30 }));
    }

    #[test]
    fn a_message_that_ends_in_its_topic_is_malformed() {
        let bytes = [0x30, 3, 0, 9, b'a'];
        assert_eq!(take(&bytes, Version::V311), Err(Malformed { first: 0x30 }));
    }

    #[test]
    fn the_broker_s_receive_maximum_is_found_among_other_properties() {
        let bytes = [0x20, 11, 0, 0, 8, 0x27, 0, 0, 1, 0, 0x21, 0, 20];
        let expected = Packet::ConnAck(ConnAck {
            has_session: false,
            reason: 0,
            receive_max: 20,
        });
        assert_eq!(take(&bytes, Version::V50), Ok(Some((expected, &[][..]))));
    }
}
