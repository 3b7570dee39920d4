//! Packets to bytes.

mod body;
mod check;
mod head;
mod sink;

use bytes::BytesMut;

pub use head::PublishHead;
use sink::{Count, variable_bytes};
pub(crate) use sink::{Sink, VARIABLE_MAX};

use crate::{AckKind, EncodeError, Packet, PacketId, Version};

/// Appends a packet to the output.
///
/// What earlier versions do not have is not written: properties, the reason codes of
/// acknowledgements and DISCONNECT, the reasons of UNSUBACK, in 3.1 also session present.
///
/// # Errors
///
/// [`EncodeError`] when the peer would not take the packet; nothing is written then.
pub fn encode(packet: &Packet, version: Version, out: &mut BytesMut) -> Result<(), EncodeError> {
    check::check(packet, version)?;
    let remaining = remaining(packet, version);
    let length = u32::try_from(remaining)
        .ok()
        .filter(|&length| length <= VARIABLE_MAX)
        .ok_or(EncodeError::TooLarge)?;
    out.reserve(1 + variable_bytes(length) + remaining);
    out.byte(body::first_byte(packet));
    out.variable(length);
    body::put(packet, version, out);
    Ok(())
}

/// Appends an acknowledgement that means success: in all versions a packet id alone.
pub fn encode_success(kind: AckKind, packet_id: PacketId, out: &mut BytesMut) {
    let first = match kind {
        AckKind::PubAck => 0x40,
        AckKind::PubRec => 0x50,
        // [MQTT3-3.6.1-1] [MQTT5-3.6.1-1]
        AckKind::PubRel => 0x62,
        AckKind::PubComp => 0x70,
    };
    let [high, low] = packet_id.get().to_be_bytes();
    out.extend_from_slice(&[first, 2, high, low]);
}

/// Bytes that [`encode_success`] writes.
pub const SUCCESS_BYTES: usize = 4;

/// Bytes that [`encode`] writes for a packet that it takes.
#[must_use]
pub fn encoded_bytes(packet: &Packet, version: Version) -> usize {
    sink::packet_bytes(remaining(packet, version))
}

fn remaining(packet: &Packet, version: Version) -> usize {
    let mut count = Count::default();
    body::put(packet, version, &mut count);
    count.bytes
}
