//! Against another codec: it understands what we write, and we understand what it writes.

use castmq_mqtt::{Packet, PublishProperties, ReasonCode, Version};
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

/// Takes from a packet what the other codec is known not to take.
fn as_the_other_takes_it(mut packet: Packet, version: Version) -> Packet {
    match &mut packet {
        Packet::Connect(connect) => {
            // It does not know bridges.
            connect.is_bridge = false;
            if let Some(will) = &mut connect.will {
                without_format(&mut will.properties.publish);
            }
        }
        Packet::Publish(publish) => {
            if let Some(properties) = &mut publish.properties {
                without_format(properties);
                // It takes one identifier only.
                properties.subscription_ids.truncate(1);
            }
        }
        // It does not take the one code that only the general table of codes lists.
        Packet::Disconnect(disconnect)
            if disconnect.reason == ReasonCode::BadAuthenticationMethod =>
        {
            disconnect.reason = ReasonCode::ProtocolError;
        }
        // It reads 0x80 in a SUBACK of 3.x, but writes 3.
        Packet::SubAck(suback) if version != Version::V5 => {
            suback.reasons.retain(|reason| !reason.is_failure());
            suback.reasons.push(ReasonCode::Success);
        }
        _ => {}
    }
    packet
}

/// It judges the payload by the indicator, which is a broker's choice and not a codec's.
fn without_format(properties: &mut PublishProperties) {
    properties.payload_is_utf8 = properties.payload_is_utf8.map(|_| false);
}

proptest! {
    #[test]
    fn what_we_write_the_other_codec_writes_again_with_the_same_meaning(
        (from, version, packet) in any_packet()
    ) {
        let packet = as_the_other_takes_it(packet, version);
        let bytes = through_the_other(version, &written(version, &packet));
        prop_assert_eq!(read(from, version, &bytes), packet);
    }
}
