//! The fixed header: type, flags and remaining length.

use crate::packet_type::Sender;
use crate::{DecodeError, PacketType, Version};

/// A complete fixed header.
pub(super) struct Header {
    pub(super) packet: PacketType,
    /// The lower half of the first byte.
    pub(super) flags: u8,
    /// Bytes of the header itself, 2 to 5.
    pub(super) bytes: usize,
    /// Bytes behind it.
    remaining: usize,
    /// Whether the remaining length is written in the fewest bytes.
    pub(super) is_minimal: bool,
}

/// A variable byte integer at the front of some bytes.
pub(super) struct Variable {
    pub(super) value: u32,
    pub(super) bytes: usize,
    pub(super) is_minimal: bool,
}

impl Header {
    /// Reads the header; `None` when it needs more bytes. The first byte is judged at once.
    pub(super) fn parse(
        input: &[u8],
        from: Sender,
        version: Option<Version>,
    ) -> Result<Option<Self>, DecodeError> {
        let Some((&first, rest)) = input.split_first() else {
            return Ok(None);
        };
        let flags = first & 0x0F;
        let packet = packet_type(first >> 4, from, version)?;
        check_flags(packet, flags, version)?;
        let Some(length) = Variable::parse(rest).ok_or(DecodeError::RemainingLengthTooLong)? else {
            return Ok(None);
        };
        // [MQTT5-1.5.5-1]; earlier versions do not forbid it. A CONNECT, which tells its version
        // later, is checked there.
        if !length.is_minimal && version == Some(Version::V5) {
            return Err(DecodeError::RemainingLengthNotMinimal);
        }
        Ok(Some(Self {
            packet,
            flags,
            bytes: 1 + length.bytes,
            remaining: length.value as usize,
            is_minimal: length.is_minimal,
        }))
    }

    /// Bytes of the packet as a whole.
    pub(super) const fn packet_bytes(&self) -> usize {
        self.bytes + self.remaining
    }
}

impl Variable {
    /// `None` when a fifth byte would follow, `Some(None)` when more bytes are needed.
    #[expect(
        clippy::option_option,
        reason = "too long and not yet complete are different answers"
    )]
    pub(super) fn parse(input: &[u8]) -> Option<Option<Self>> {
        let mut value = 0;
        for (position, &byte) in input.iter().take(4).enumerate() {
            value |= u32::from(byte & 0x7F) << (7 * position);
            if byte < 0x80 {
                return Some(Some(Self {
                    value,
                    bytes: position + 1,
                    is_minimal: position == 0 || byte != 0,
                }));
            }
        }
        (input.len() < 4).then_some(None)
    }
}

fn packet_type(
    number: u8,
    from: Sender,
    version: Option<Version>,
) -> Result<PacketType, DecodeError> {
    let packet = PacketType::from_number(number).ok_or(DecodeError::ReservedPacketType(number))?;
    let has_version_5 = version == Some(Version::V5);
    let is_expected = match packet {
        PacketType::Publish
        | PacketType::PubAck
        | PacketType::PubRec
        | PacketType::PubRel
        | PacketType::PubComp => true,
        PacketType::Connect
        | PacketType::Subscribe
        | PacketType::Unsubscribe
        | PacketType::PingReq => from == Sender::Client,
        PacketType::ConnAck | PacketType::SubAck | PacketType::UnsubAck | PacketType::PingResp => {
            from == Sender::Server
        }
        PacketType::Disconnect => from == Sender::Client || has_version_5,
        PacketType::Auth => {
            if version.is_some() && !has_version_5 {
                return Err(DecodeError::ReservedPacketType(number));
            }
            true
        }
    };
    if !is_expected {
        return Err(DecodeError::WrongDirection(packet));
    }
    // [MQTT3-3.1.0-1] [MQTT5-3.1.0-1]
    if version.is_none() && packet != PacketType::Connect {
        return Err(DecodeError::ConnectExpected(packet));
    }
    Ok(packet)
}

/// [MQTT3-2.2.2-2] [MQTT5-2.1.3-1], and for single packets [MQTT3-3.6.1-1] [MQTT3-3.8.1-1]
/// [MQTT3-3.10.1-1] [MQTT3-3.14.1-1] [MQTT5-3.6.1-1] [MQTT5-3.8.1-1] [MQTT5-3.10.1-1]
/// [MQTT5-3.14.1-1] [MQTT5-3.15.1-1]
fn check_flags(packet: PacketType, flags: u8, version: Option<Version>) -> Result<(), DecodeError> {
    let is_right = match packet {
        PacketType::Publish => return super::publish::Flags::parse(flags).map(|_| ()),
        PacketType::PubRel | PacketType::Subscribe | PacketType::Unsubscribe => {
            // In 3.1 these are sent again with DUP, which is no reserved bit there.
            flags == 0b0010 || (flags == 0b1010 && version == Some(Version::V3))
        }
        PacketType::Connect
        | PacketType::ConnAck
        | PacketType::PubAck
        | PacketType::PubRec
        | PacketType::PubComp
        | PacketType::SubAck
        | PacketType::UnsubAck
        | PacketType::PingReq
        | PacketType::PingResp
        | PacketType::Disconnect
        | PacketType::Auth => flags == 0,
    };
    if is_right {
        Ok(())
    } else {
        Err(DecodeError::ReservedFlags { packet, flags })
    }
}
