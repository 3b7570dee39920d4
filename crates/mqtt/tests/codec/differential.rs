//! Against another codec: it understands what we write, and we understand what it writes.

use castmq_mqtt::{DecodeError, Packet, PublishProperties, Sender, Version};
use proptest::prelude::*;

use crate::arbitrary::any_packet;
use crate::wire::{read, written};

/// What the other codec makes of a packet's bytes.
fn through_the_other(version: Version, bytes: &[u8]) -> Vec<u8> {
    if version == Version::V5 {
        let packet = mqtt_proto::v5::Packet::decode(bytes).unwrap().unwrap();
        packet.encode().unwrap().as_ref().to_vec()
    } else {
        let packet = mqtt_proto::v3::Packet::decode(bytes).unwrap().unwrap();
        packet.encode().unwrap().as_ref().to_vec()
    }
}

proptest! {
    #[test]
    fn what_we_write_the_other_codec_writes_again_with_the_same_meaning(
        (from, version, packet) in any_packet()
    ) {
        let bytes = through_the_other(version, &written(version, &packet));
        prop_assert_eq!(read(from, version, &bytes), packet);
    }
}
