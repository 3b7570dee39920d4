//! A look at the next packet where it lies: what nearly all packets are is read without a reference
//! count and without an allocation.

use super::Decoder;
use super::header::{Header, Variable};
use super::publish::Flags;
use crate::{DecodeError, PacketId, PacketType, QoS, Version};

/// The packet at the front of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glance<'a> {
    /// Bytes that the packet has as a whole, all of them there.
    pub bytes: usize,
    /// What it is.
    pub packet: Glanced<'a>,
}

/// What a packet was found to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glanced<'a> {
    /// A PUBLISH with a topic and without properties.
    Publish(PublishView<'a>),
    /// An acknowledgement that is a packet id alone, which means success.
    Ack(AckKind, PacketId),
    /// Anything else: [`Decoder::decode`] reads it.
    Other,
}

/// Which acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AckKind {
    /// Of a QoS 1 message.
    PubAck,
    /// Of a QoS 2 message, the first.
    PubRec,
    /// The release of a QoS 2 message.
    PubRel,
    /// Of a QoS 2 message, the last.
    PubComp,
}

impl AckKind {
    const fn of(packet: PacketType) -> Option<Self> {
        match packet {
            PacketType::PubAck => Some(Self::PubAck),
            PacketType::PubRec => Some(Self::PubRec),
            PacketType::PubRel => Some(Self::PubRel),
            PacketType::PubComp => Some(Self::PubComp),
            PacketType::Connect
            | PacketType::ConnAck
            | PacketType::Publish
            | PacketType::Subscribe
            | PacketType::SubAck
            | PacketType::Unsubscribe
            | PacketType::UnsubAck
            | PacketType::PingReq
            | PacketType::PingResp
            | PacketType::Disconnect
            | PacketType::Auth => None,
        }
    }

    /// Which packet it is.
    #[must_use]
    pub const fn packet_type(self) -> PacketType {
        match self {
            Self::PubAck => PacketType::PubAck,
            Self::PubRec => PacketType::PubRec,
            Self::PubRel => PacketType::PubRel,
            Self::PubComp => PacketType::PubComp,
        }
    }
}

/// A PUBLISH where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublishView<'a> {
    /// Whether this may be a repetition.
    pub dup: bool,
    /// With which promise.
    pub qos: QoS,
    /// Whether it is to be kept.
    pub retain: bool,
    /// Where to: at least one byte, and **not** checked to be a topic, because most topics have been
    /// checked when they came before. [`TopicName`](crate::TopicName) does that.
    pub topic: &'a [u8],
    /// Present exactly for QoS 1 and 2.
    pub packet_id: Option<PacketId>,
    /// What.
    pub payload: &'a [u8],
}

impl Decoder {
    /// Looks at the next packet; `None` when it is not there as a whole. Takes nothing off the input.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when the bytes are not a packet that this peer may send. Of a packet that is
    /// [`Glanced::Other`] only the header has been judged.
    pub fn glance<'a>(&self, input: &'a [u8]) -> Result<Option<Glance<'a>>, DecodeError> {
        let Some(header) = self.header(input)? else {
            return Ok(None);
        };
        let bytes = header.packet_bytes();
        let Some(body) = input.get(header.bytes..bytes) else {
            return Ok(None);
        };
        let packet = match (header.packet, self.version) {
            (PacketType::Publish, Some(version)) => publish(body, &header, version)?,
            (packet, _) => match (AckKind::of(packet), body) {
                (Some(kind), &[high, low]) => {
                    let id = PacketId::new(u16::from_be_bytes([high, low]));
                    Glanced::Ack(kind, id.ok_or(DecodeError::PacketIdZero)?)
                }
                _ => Glanced::Other,
            },
        };
        Ok(Some(Glance { bytes, packet }))
    }
}

fn publish<'a>(
    body: &'a [u8],
    header: &Header,
    version: Version,
) -> Result<Glanced<'a>, DecodeError> {
    let Flags { dup, qos, retain } = Flags::parse(header.flags)?;
    let (length, rest) = body.split_first_chunk().ok_or(DecodeError::TooShort)?;
    let length = usize::from(u16::from_be_bytes(*length));
    let (topic, mut rest) = rest.split_at_checked(length).ok_or(DecodeError::TooShort)?;
    // [MQTT3-2.3.1-5] [MQTT5-2.2.1-2]
    let packet_id = match qos {
        QoS::AtMostOnce => None,
        QoS::AtLeastOnce | QoS::ExactlyOnce => {
            let (id, behind) = rest.split_first_chunk().ok_or(DecodeError::TooShort)?;
            rest = behind;
            let id = PacketId::new(u16::from_be_bytes(*id));
            Some(id.ok_or(DecodeError::PacketIdZero)?)
        }
    };
    let mut has_properties = false;
    if version == Version::V5 {
        // Whatever is wrong with the length is found where the packet is read as a whole.
        match Variable::parse(rest) {
            Some(Some(Variable {
                value: 0, bytes: 1, ..
            })) => rest = rest.get(1..).unwrap_or_default(),
            _ => has_properties = true,
        }
    }
    if has_properties || topic.is_empty() {
        return Ok(Glanced::Other);
    }
    Ok(Glanced::Publish(PublishView {
        dup,
        qos,
        retain,
        topic,
        packet_id,
        payload: rest,
    }))
}
