//! What stands in a message: its name, and bytes that follow from it, so that damage shows.

use castmq_load::random::Random;

use crate::history::MessageId;

/// Publisher, sequence, and whether more follow.
const HEAD_BYTES: usize = 7;
/// Messages are this long at most, but for a few large ones.
const ORDINARY_BYTES: usize = 600;
/// A message that no single block of a file holds.
const LARGE_BYTES: usize = 20_000;

/// Whether more messages of the publisher follow on the topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// More may follow.
    Within,
    /// It is the last one: whoever has it has all that came before.
    Last,
}

/// The bytes of a message.
#[must_use]
pub fn encode(id: MessageId, place: Place) -> Vec<u8> {
    let mut bytes = id.publisher.to_be_bytes().to_vec();
    bytes.extend(id.sequence.to_be_bytes());
    bytes.push(u8::from(place == Place::Last));
    let mut random = Random::new(id.sequence.into(), u64::from(id.publisher) + 1);
    let limit = if random.percent(2) {
        LARGE_BYTES
    } else {
        ORDINARY_BYTES
    };
    let length = random.below(limit);
    bytes.extend(random.bytes(length));
    bytes
}

/// The name in a payload; `None` when it is not as it was sent.
#[must_use]
pub fn decode(payload: &[u8]) -> Option<(MessageId, Place)> {
    let &[p0, p1, s0, s1, s2, s3, last] = payload.first_chunk::<HEAD_BYTES>()?;
    let id = MessageId {
        publisher: u16::from_be_bytes([p0, p1]),
        sequence: u32::from_be_bytes([s0, s1, s2, s3]),
    };
    let place = if last == 0 {
        Place::Within
    } else {
        Place::Last
    };
    (encode(id, place) == payload).then_some((id, place))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: MessageId = MessageId {
        publisher: 3,
        sequence: 70_000,
    };

    #[test]
    fn a_payload_names_its_message() {
        assert_eq!(decode(&encode(ID, Place::Last)), Some((ID, Place::Last)));
    }

    #[test]
    fn a_damaged_payload_is_none() {
        let mut bytes = encode(ID, Place::Within);
        *bytes.last_mut().unwrap() ^= 1;
        assert_eq!(decode(&bytes), None);
    }

    #[test]
    fn an_empty_payload_is_none() {
        assert_eq!(decode(&[]), None);
    }
}
