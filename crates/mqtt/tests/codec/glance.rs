//! A look at the next packet says what reading it says.

use bytes::Bytes;
use castmq_mqtt::{AckKind, DecodeError, Decoder, Glanced, Packet, Version};
use proptest::prelude::*;

use crate::arbitrary::any_packet;
use crate::wire::written;

fn server(version: Version) -> Decoder {
    let mut decoder = Decoder::server(u32::MAX);
    decoder.set_version(version);
    decoder
}

/// Compares a look with the whole reading of the same bytes.
fn agree(decoder: &Decoder, bytes: &[u8]) -> Result<(), TestCaseError> {
    let mut input = Bytes::copy_from_slice(bytes);
    let decoded = decoder.clone().decode(&mut input);
    match (decoder.glance(bytes), decoded) {
        // Where two things are wrong, reading may have met the topic first.
        (Err(_), Err(DecodeError::Topic(_) | DecodeError::TextNotUtf8 | DecodeError::TextNull)) => {
        }
        (Err(one), Err(other)) => prop_assert_eq!(one, other),
        (Err(error), Ok(packet)) => prop_assert!(false, "{error:?} but {packet:?}"),
        (Ok(None), decoded) => prop_assert_eq!(decoded, Ok(None)),
        (Ok(Some(glance)), decoded) => match glance.packet {
            Glanced::Other => {}
            Glanced::Ack(kind, id) => {
                let (other, ack) = match decoded {
                    Ok(Some(Packet::PubAck(ack))) => (AckKind::PubAck, ack),
                    Ok(Some(Packet::PubRec(ack))) => (AckKind::PubRec, ack),
                    Ok(Some(Packet::PubRel(ack))) => (AckKind::PubRel, ack),
                    Ok(Some(Packet::PubComp(ack))) => (AckKind::PubComp, ack),
                    other => return Err(TestCaseError::fail(format!("{other:?}"))),
                };
                prop_assert_eq!((kind, id), (other, ack.packet_id));
                prop_assert!(!ack.reason.is_failure() && ack.properties.is_none());
                prop_assert_eq!(bytes.len() - glance.bytes, input.len());
            }
            Glanced::Publish(view) => match decoded {
                Ok(Some(Packet::Publish(publish))) => {
                    let topic = publish.topic.unwrap();
                    prop_assert_eq!(view.topic, topic.as_str().as_bytes());
                    prop_assert_eq!(view.payload, &publish.payload);
                    prop_assert_eq!(
                        (view.dup, view.qos, view.retain, view.packet_id),
                        (publish.dup, publish.qos, publish.retain, publish.packet_id)
                    );
                    prop_assert!(publish.properties.is_none());
                    prop_assert_eq!(bytes.len() - glance.bytes, input.len());
                }
                // The topic is what a look does not judge.
                Err(DecodeError::Topic(_) | DecodeError::TextNotUtf8 | DecodeError::TextNull) => {}
                other => prop_assert!(false, "{other:?}"),
            },
        },
    }
    Ok(())
}

proptest! {
    #[test]
    fn a_look_at_a_packet_says_what_reading_it_says((_, version, packet) in any_packet()) {
        let bytes = written(version, &packet);
        agree(&server(version), &bytes)?;
        agree(&server(version), bytes.get(..bytes.len() / 2).unwrap())?;
    }

    #[test]
    fn a_look_at_any_bytes_says_what_reading_them_says(
        five in any::<bool>(),
        first in prop_oneof![0x30_u8..0x40, any::<u8>()],
        rest in prop::collection::vec(prop_oneof![0_u8..8, any::<u8>()], 0..40)
    ) {
        let version = if five { Version::V5 } else { Version::V4 };
        let length = u8::try_from(rest.len()).unwrap();
        let bytes: Vec<u8> = [first, length].into_iter().chain(rest).collect();
        agree(&server(version), &bytes)?;
    }

    #[test]
    fn a_look_at_a_publish_of_any_bytes_says_what_reading_it_says(
        five in any::<bool>(),
        flags in 0_u8..16,
        topic in prop::collection::vec(prop_oneof![Just(b'+'), b'a'..b'd', any::<u8>()], 0..4),
        behind in prop::collection::vec(prop_oneof![0_u8..2, any::<u8>()], 0..8)
    ) {
        let version = if five { Version::V5 } else { Version::V3 };
        let topic_length = u8::try_from(topic.len()).unwrap();
        let body: Vec<u8> = [0, topic_length].into_iter().chain(topic).chain(behind).collect();
        let length = u8::try_from(body.len()).unwrap();
        let bytes: Vec<u8> = [0x30 | flags, length].into_iter().chain(body).collect();
        agree(&server(version), &bytes)?;
    }
}
