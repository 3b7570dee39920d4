use std::time::Duration;

use castmq_rules::WallTime;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::{Key, Place};

fn timeline() -> Timeline {
    Timeline::new(
        WallTime::from_epoch(Duration::from_secs(1_700_000_000)),
        WallTime::default(),
    )
}

fn sealed(number: u64, bytes: &[u8]) -> Vec<u8> {
    let mut to = Encoder::new(timeline(), 0);
    to.number(number);
    to.bytes(bytes);
    to.seal(Space::Queue, b"key")
}

fn opened(value: &[u8]) -> Result<(u64, Vec<u8>), StoreError> {
    unseal((Space::Queue, b"key"), value, timeline(), |from| {
        Ok((from.number()?, from.bytes()?.to_vec()))
    })
}

fn damage(result: Result<impl std::fmt::Debug, StoreError>) -> Damage {
    let error = result.unwrap_err();
    let StoreError::Damaged { damage, .. } = error else {
        panic!("{error}");
    };
    damage
}

#[test]
fn a_value_under_another_key_is_damaged() {
    let value = sealed(1, b"");
    let moved = unseal((Space::Queue, b"kex"), &value, timeline(), |_| Ok(()));
    assert_eq!(damage(moved), Damage::Checksum);
}

#[test]
fn a_value_among_another_kind_of_rows_is_damaged() {
    let value = sealed(1, b"");
    let moved = unseal((Space::Bodies, b"key"), &value, timeline(), |_| Ok(()));
    assert_eq!(damage(moved), Damage::Checksum);
}

#[test]
fn a_value_says_where_it_is_damaged() {
    let place = Place::new(Space::Queue, &[0, 255]);
    assert_eq!(place.to_string(), "q 00ff");
    let place = Place::new(Space::Retained, b"a/b");
    assert_eq!(place.to_string(), "ret `a/b`");
}

#[test]
fn a_number_that_does_not_fit_is_damaged() {
    let mut to = Encoder::new(timeline(), 0);
    [0xff; 9].into_iter().for_each(|byte| to.byte(byte));
    to.byte(2);
    to.bytes(b"");
    let value = to.seal(Space::Queue, b"key");
    assert_eq!(damage(opened(&value)), Damage::Field("number"));
}

/// What any decoder says to bytes that somebody sealed and that mean nothing.
fn decode_everything(bytes: &[u8]) {
    fn with<T>(bytes: &[u8], decode: impl FnOnce(&mut Decoder<'_>) -> Result<T, Damage>) {
        let mut decoder = Decoder {
            rest: bytes,
            timeline: timeline(),
        };
        let _ = decode(&mut decoder);
    }
    with(bytes, message::decode);
    with(bytes, queue::decode);
    with(bytes, queue::decode_reference);
    with(bytes, queue::decode_weight);
    with(bytes, session::decode);
    with(bytes, subscription::decode);
    with(bytes, retained::decode);
    with(bytes, retained::decode_version);
    with(bytes, meta::decode);
    with(bytes, ends::decode);
}

proptest! {
    #[test]
    fn what_is_written_is_read(number: u64, bytes in vec(any::<u8>(), 0..300)) {
        let value = sealed(number, &bytes);
        prop_assert_eq!(opened(&value).unwrap(), (number, bytes));
    }

    #[test]
    fn a_changed_bit_is_noticed(
        number: u64,
        bytes in vec(any::<u8>(), 0..60),
        at: prop::sample::Index,
        bit in 0..8_u8,
    ) {
        let mut value = sealed(number, &bytes);
        let at = at.index(value.len());
        value[at] ^= 1 << bit;
        prop_assert_eq!(damage(opened(&value)), Damage::Checksum);
    }

    #[test]
    fn any_bytes_are_refused_or_read_and_nothing_else(bytes in vec(any::<u8>(), 0..200)) {
        decode_everything(&bytes);
    }

    #[test]
    fn keys_stand_in_the_order_of_their_numbers(one: (u64, u64), other: (u64, u64)) {
        let key = |(session, number)| -> Key {
            crate::space::queued(crate::SessionKey(session), number)
        };
        prop_assert_eq!(key(one).cmp(&key(other)), one.cmp(&other));
        prop_assert_eq!(
            crate::space::split_queued(&key(one)),
            Some((crate::SessionKey(one.0), one.1))
        );
    }
}
