//! Bytes to packets.

mod acknowledge;
mod body;
mod connect;
pub(crate) mod connect_bits;
mod glance;
mod header;
mod publish;
mod subscribe;

use bytes::{Buf, Bytes};

pub(crate) use body::Body;
pub use glance::{AckKind, Glance, Glanced, PublishView};
use header::Header;

use crate::packet_type::Sender;
use crate::{DecodeError, Packet, PacketType, Version};

/// Splits a byte stream into packets; any split of the stream gives the same packets.
///
/// Holds no bytes: what is not yet a whole packet stays in the input. A packet's size is known, and
/// checked, from its first five bytes on, so its receiver need not make room for more than the
/// maximum. Payloads and binary data are slices of the input and keep its buffer alive; strings are not.
#[derive(Clone, Debug)]
pub struct Decoder {
    from: Sender,
    version: Option<Version>,
    packet_bytes_max: u32,
}

/// What the meaning of a body depends on.
#[derive(Clone, Copy)]
struct Context {
    from: Sender,
    version: Version,
}

impl Decoder {
    /// A decoder for what a server receives.
    ///
    /// It takes the version from CONNECT, as soon as name and level are read: on an error behind
    /// them, [`version`](Self::version) tells in which version to answer. Until then it takes no
    /// other packet. That a CONNECT does not come twice is not its concern.
    #[must_use]
    pub const fn server(max_packet_bytes: u32) -> Self {
        Self {
            from: Sender::Client,
            version: None,
            packet_bytes_max: max_packet_bytes,
        }
    }

    /// A decoder for what a client of that version receives.
    #[must_use]
    pub const fn client(version: Version, max_packet_bytes: u32) -> Self {
        Self {
            from: Sender::Server,
            version: Some(version),
            packet_bytes_max: max_packet_bytes,
        }
    }

    /// The version of the stream, once it is known.
    #[must_use]
    pub const fn version(&self) -> Option<Version> {
        self.version
    }

    /// Sets the version as a CONNECT does.
    pub const fn set_version(&mut self, version: Version) {
        self.version = Some(version);
    }

    /// Sets how many bytes a packet may have as a whole.
    pub const fn set_max_packet_bytes(&mut self, max_packet_bytes: u32) {
        self.packet_bytes_max = max_packet_bytes;
    }

    /// Takes the next whole packet off the front of the input; `None` when it needs more.
    ///
    /// Consumes a whole packet or nothing.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when the bytes are not a packet that this peer may send. The stream is over
    /// then; whether the packet is still in the input is not stated.
    pub fn decode(&mut self, input: &mut Bytes) -> Result<Option<Packet>, DecodeError> {
        let Some(header) = self.header(input)? else {
            return Ok(None);
        };
        if input.len() < header.packet_bytes() {
            return Ok(None);
        }
        let mut body = input.split_to(header.packet_bytes());
        body.advance(header.bytes);
        self.body(&header, Body::new(body)).map(Some)
    }

    /// Bytes that the packet at the front of the input has as a whole; `None` until its length is
    /// complete.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when the header is wrong or states more than the maximum.
    pub fn packet_bytes(&self, input: &[u8]) -> Result<Option<usize>, DecodeError> {
        Ok(self.header(input)?.map(|header| header.packet_bytes()))
    }

    fn header(&self, input: &[u8]) -> Result<Option<Header>, DecodeError> {
        let Some(header) = Header::parse(input, self.from, self.version)? else {
            return Ok(None);
        };
        let bytes = header.packet_bytes();
        // Before a byte of the body is waited for, so that memory is bounded.
        if u32::try_from(bytes).is_ok_and(|bytes| bytes <= self.packet_bytes_max) {
            Ok(Some(header))
        } else {
            Err(DecodeError::PacketTooLarge {
                bytes,
                max: self.packet_bytes_max,
            })
        }
    }

    fn body(&mut self, header: &Header, body: Body) -> Result<Packet, DecodeError> {
        let version = match (header.packet, self.version) {
            (PacketType::Connect, _) => {
                let connect = connect::connect(body, header, &mut self.version)?;
                return Ok(Packet::Connect(Box::new(connect)));
            }
            (_, Some(version)) => version,
            (packet, None) => return Err(DecodeError::ConnectExpected(packet)),
        };
        let context = Context {
            from: self.from,
            version,
        };
        match header.packet {
            // Handled above.
            PacketType::Connect => Err(DecodeError::WrongDirection(header.packet)),
            PacketType::ConnAck => connect::connack(body, context),
            PacketType::Publish => publish::publish(body, header.flags, context),
            PacketType::PubAck => {
                acknowledge::ack(body, header.packet, context).map(Packet::PubAck)
            }
            PacketType::PubRec => {
                acknowledge::ack(body, header.packet, context).map(Packet::PubRec)
            }
            PacketType::PubRel => {
                acknowledge::ack(body, header.packet, context).map(Packet::PubRel)
            }
            PacketType::PubComp => {
                acknowledge::ack(body, header.packet, context).map(Packet::PubComp)
            }
            PacketType::Subscribe => subscribe::subscribe(body, version),
            PacketType::SubAck => subscribe::suback(body, context),
            PacketType::Unsubscribe => subscribe::unsubscribe(body, version),
            PacketType::UnsubAck => subscribe::unsuback(body, context),
            PacketType::PingReq => body.finish().map(|()| Packet::PingReq),
            PacketType::PingResp => body.finish().map(|()| Packet::PingResp),
            PacketType::Disconnect => acknowledge::disconnect(body, context),
            PacketType::Auth => acknowledge::auth(body, context),
        }
    }
}
