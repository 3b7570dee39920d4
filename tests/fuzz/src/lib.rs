//! What must hold for any bytes.

use bytes::{Bytes, BytesMut};
use castmq_mqtt::{
    Decoder, Packet, Sender, Subscription, Text, TopicName, Version, encode, encoded_bytes,
};

/// Larger than any input of the fuzzer.
const PLENTY: u32 = 1 << 20;

/// Reads a stream of either side. The first bit of the input tells which; the bytes after the
/// first are read whole and in two parts.
///
/// # Panics
///
/// When a split changes what is read, or when what was read cannot be written and read again.
pub fn decode(version: Version, data: &[u8]) {
    let Some((&choice, stream)) = data.split_first() else {
        return;
    };
    let from = if choice & 1 == 0 {
        Sender::Client
    } else {
        Sender::Server
    };
    let split = usize::from(choice >> 1).min(stream.len());
    let whole = read(from, version, &[stream]);
    let (first, second) = stream.split_at(split);
    assert_eq!(whole, read(from, version, &[first, second]));
    for packet in &whole.packets {
        reads_again(from, version, packet);
    }
}

/// Parses names and filters, and compares them by a second, simpler rule.
///
/// # Panics
///
/// When the two rules differ, or when a filter does not survive being shown.
pub fn topics(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Some((filter, topic)) = text.split_once('\n') else {
        return;
    };
    let (Ok(filter), Ok(topic)) = (Text::try_from(filter), Text::try_from(topic)) else {
        return;
    };
    let (Ok(subscription), Ok(topic)) =
        (Subscription::parse(filter.clone()), TopicName::new(topic))
    else {
        return;
    };
    assert_eq!(subscription.to_string(), filter.as_str());
    let filter = subscription.filter();
    let levels: Vec<_> = filter.levels().collect();
    let names: Vec<_> = topic.levels().collect();
    let is_hidden = topic.as_str().starts_with('$') && filter.as_str().starts_with(['+', '#']);
    let expected = !is_hidden && matches(&levels, &names);
    assert_eq!(filter.matches(&topic), expected);
}

#[derive(Debug, PartialEq)]
struct Read {
    packets: Vec<Packet>,
    error: Option<&'static str>,
    left: usize,
}

fn read(from: Sender, version: Version, parts: &[&[u8]]) -> Read {
    let mut decoder = decoder(from, version);
    let mut input = Bytes::new();
    let mut packets = Vec::new();
    for part in parts {
        input = [&input[..], part].concat().into();
        loop {
            match decoder.decode(&mut input) {
                Ok(Some(packet)) => packets.push(packet),
                Ok(None) => break,
                Err(error) => {
                    return Read {
                        packets,
                        error: Some(error.name()),
                        left: 0,
                    };
                }
            }
        }
    }
    Read {
        packets,
        error: None,
        left: input.len(),
    }
}

fn reads_again(from: Sender, version: Version, packet: &Packet) {
    let version = match packet {
        Packet::Connect(connect) => connect.version,
        _ => version,
    };
    let mut out = BytesMut::new();
    encode(packet, version, &mut out).expect("what was read can be written");
    assert_eq!(out.len(), encoded_bytes(packet, version));
    let again = decoder(from, version).decode(&mut out.freeze());
    assert_eq!(again.as_ref(), Ok(&Some(packet.clone())));
}

fn decoder(from: Sender, version: Version) -> Decoder {
    match from {
        Sender::Client => {
            let mut decoder = Decoder::server(PLENTY);
            decoder.set_version(version);
            decoder
        }
        Sender::Server => Decoder::client(version, PLENTY),
    }
}

fn matches(filter: &[&str], topic: &[&str]) -> bool {
    match (filter, topic) {
        (["#"], _) | ([], []) => true,
        ([first, filter @ ..], [name, topic @ ..]) => {
            (*first == "+" || first == name) && matches(filter, topic)
        }
        _ => false,
    }
}
