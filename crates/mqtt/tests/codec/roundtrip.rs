//! The codec against itself, on any packet and on any bytes.

use bytes::{Bytes, BytesMut};
use castmq_mqtt::{Decoder, Packet, Sender, Version, encode, encoded_bytes};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::arbitrary::{any_packet, packet, sender, version};
use crate::wire::{decoder, written};

/// Takes packets as long as there are whole ones.
fn drain(decoder: &mut Decoder, input: &mut Bytes, packets: &mut Vec<Packet>) {
    while let Some(packet) = decoder.decode(input).unwrap() {
        packets.push(packet);
    }
}

/// What is left of one read in front of the next.
fn join(left: &Bytes, next: &[u8]) -> Bytes {
    [left, next].concat().into()
}

/// Whatever is read can be written, and is read again as the same.
fn reads_again(from: Sender, version: Version, bytes: &[u8]) {
    let mut input = Bytes::copy_from_slice(bytes);
    let mut decoder = decoder(from, version);
    while let Ok(Some(packet)) = decoder.decode(&mut input) {
        let version = match &packet {
            Packet::Connect(connect) => connect.version,
            _ => version,
        };
        let again = crate::wire::read(from, version, &written(version, &packet));
        assert_eq!(again, packet);
    }
}

fn stream() -> impl Strategy<Value = (Sender, Version, Vec<Packet>)> {
    (sender(), version()).prop_flat_map(|(from, version)| {
        (Just(from), Just(version), vec(packet(from, version), 1..4))
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_as_the_same((from, version, packet) in any_packet()) {
        let mut out = BytesMut::new();
        encode(&packet, version, &mut out).unwrap();
        prop_assert_eq!(encoded_bytes(&packet, version), out.len());

        let mut input = out.freeze();
        let mut decoder = decoder(from, version);
        prop_assert_eq!(decoder.packet_bytes(&input), Ok(Some(input.len())));
        prop_assert_eq!(decoder.decode(&mut input), Ok(Some(packet)));
        prop_assert!(input.is_empty());
    }

    #[test]
    fn any_split_of_the_stream_gives_the_same_packets((from, version, packets) in stream()) {
        let bytes: Vec<u8> = packets.iter().flat_map(|packet| written(version, packet)).collect();
        for split in 0..=bytes.len() {
            let (first, second) = bytes.split_at(split);
            let mut decoder = decoder(from, version);
            let mut read = Vec::new();
            let mut input = Bytes::copy_from_slice(first);
            drain(&mut decoder, &mut input, &mut read);
            let mut input = join(&input, second);
            drain(&mut decoder, &mut input, &mut read);
            prop_assert!(input.is_empty());
            prop_assert_eq!(&read, &packets);
        }
    }

    #[test]
    fn bytes_one_by_one_give_the_same_packets((from, version, packets) in stream()) {
        let mut decoder = decoder(from, version);
        let mut read = Vec::new();
        let mut input = Bytes::new();
        for byte in packets.iter().flat_map(|packet| written(version, packet)) {
            input = join(&input, &[byte]);
            let before = input.len();
            let known = read.len();
            drain(&mut decoder, &mut input, &mut read);
            // A partial packet is left alone.
            prop_assert!(read.len() > known || input.len() == before);
        }
        prop_assert_eq!(read, packets);
    }

    #[test]
    fn no_bytes_are_too_strange_to_be_judged(
        from in sender(),
        version in version(),
        bytes in vec(any::<u8>(), 0..200),
    ) {
        reads_again(from, version, &bytes);
    }

    #[test]
    fn a_packet_with_a_few_other_bytes_is_refused_or_means_what_is_written_for_it(
        (from, version, packet) in any_packet(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = written(version, &packet);
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        reads_again(from, version, &bytes);
    }
}
