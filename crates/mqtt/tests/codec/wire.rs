//! Bytes in and out, in the words of the tests.

use bytes::{Bytes, BytesMut};
use castmq_mqtt::{
    DecodeError, Decoder, EncodeError, Packet, PacketId, Sender, Text, TopicName, Version, encode,
    encoded_bytes,
};

/// Larger than any packet of the tests.
pub(crate) const PLENTY: u32 = 1 << 20;

/// A decoder of what that side sends.
pub(crate) fn decoder(from: Sender, version: Version) -> Decoder {
    match from {
        Sender::Client => {
            let mut decoder = Decoder::server(PLENTY);
            decoder.set_version(version);
            decoder
        }
        Sender::Server => Decoder::client(version, PLENTY),
    }
}

/// The one packet that the bytes are.
pub(crate) fn read(from: Sender, version: Version, bytes: &[u8]) -> Packet {
    let mut input = Bytes::copy_from_slice(bytes);
    let packet = decoder(from, version).decode(&mut input);
    let packet = packet.unwrap().expect("a whole packet");
    assert_eq!(input, &b""[..], "all bytes belong to the packet");
    packet
}

/// The packet that a client sends with these bytes.
pub(crate) fn from_client(version: Version, bytes: &[u8]) -> Packet {
    read(Sender::Client, version, bytes)
}

/// The packet that a server sends with these bytes.
pub(crate) fn from_server(version: Version, bytes: &[u8]) -> Packet {
    read(Sender::Server, version, bytes)
}

/// Why the bytes are not a packet of that side.
pub(crate) fn refusal(from: Sender, version: Version, bytes: &[u8]) -> DecodeError {
    let mut input = Bytes::copy_from_slice(bytes);
    decoder(from, version).decode(&mut input).unwrap_err()
}

/// Why a server closes the connection on these bytes.
pub(crate) fn client_refusal(version: Version, bytes: &[u8]) -> DecodeError {
    refusal(Sender::Client, version, bytes)
}

/// Why a client closes the connection on these bytes.
pub(crate) fn server_refusal(version: Version, bytes: &[u8]) -> DecodeError {
    refusal(Sender::Server, version, bytes)
}

/// What a server says to a CONNECT as the first bytes of a connection, and in which version.
pub(crate) fn connect_refusal(bytes: &[u8]) -> (DecodeError, Option<Version>) {
    let mut decoder = Decoder::server(PLENTY);
    let error = decoder
        .decode(&mut Bytes::copy_from_slice(bytes))
        .unwrap_err();
    (error, decoder.version())
}

/// The bytes of a packet.
pub(crate) fn written(version: Version, packet: &Packet) -> Vec<u8> {
    let mut out = BytesMut::new();
    encode(packet, version, &mut out).unwrap();
    assert_eq!(encoded_bytes(packet, version), out.len());
    out.to_vec()
}

/// Why a packet cannot be written.
pub(crate) fn unwritable(version: Version, packet: &Packet) -> EncodeError {
    let mut out = BytesMut::new();
    let error = encode(packet, version, &mut out).unwrap_err();
    assert_eq!(out, &b""[..], "nothing is written");
    error
}

/// The bytes are the packet, and the packet is the bytes.
#[track_caller]
pub(crate) fn both_ways(from: Sender, version: Version, bytes: &[u8], packet: &Packet) {
    assert_eq!(&read(from, version, bytes), packet);
    assert_eq!(written(version, packet), bytes);
}

/// A fixed header in front of a body.
pub(crate) fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let length = u8::try_from(body.len()).unwrap();
    assert!(length < 0x80, "one byte states the length");
    [&[first, length], body].concat()
}

pub(crate) fn text(text: &str) -> Text {
    Text::try_from(text).unwrap()
}

pub(crate) fn topic(name: &str) -> TopicName {
    TopicName::new(text(name)).unwrap()
}

pub(crate) fn id(number: u16) -> PacketId {
    PacketId::new(number).unwrap()
}
