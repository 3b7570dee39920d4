//! Values as bytes: a checksum, then fields one behind the other.
//!
//! Numbers are in base 128, strings and byte strings have their length in front. The checksum covers
//! the kind of the row and its key too, so that a value that ends up under another key is found out.
//! Reading trusts nothing: damaged bytes give a [`Damage`], never a panic or a large allocation.

pub(crate) mod account;
pub(crate) mod ends;
pub(crate) mod message;
pub(crate) mod meta;
pub(crate) mod queue;
pub(crate) mod retained;
pub(crate) mod session;
pub(crate) mod subscription;
#[cfg(test)]
mod tests;

use castmq_mqtt::{QoS, Text};

use crate::{Damage, Space, StoreError, Timeline};

/// Bytes of the checksum in front of each value.
const CHECKSUM_BYTES: usize = 4;

/// Builds a value.
#[derive(Debug)]
pub(crate) struct Encoder {
    bytes: Vec<u8>,
    timeline: Timeline,
}

impl Encoder {
    pub(crate) fn new(timeline: Timeline, capacity: usize) -> Self {
        let mut bytes = Vec::with_capacity(CHECKSUM_BYTES + capacity);
        bytes.extend_from_slice(&[0; CHECKSUM_BYTES]);
        Self { bytes, timeline }
    }

    pub(crate) fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    #[expect(clippy::cast_possible_truncation, reason = "seven bits at a time")]
    pub(crate) fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.bytes.extend_from_slice(bytes);
    }

    pub(crate) fn moment(&mut self, moment: castmq_rules::Moment) {
        self.number(self.timeline.wall_millis(moment));
    }

    /// The value, sealed for its row.
    pub(crate) fn seal(mut self, space: Space, key: &[u8]) -> Vec<u8> {
        if let Some((head, rest)) = self.bytes.split_first_chunk_mut::<CHECKSUM_BYTES>() {
            *head = checksum(space, key, rest).to_le_bytes();
        }
        self.bytes
    }
}

/// Takes a value apart.
#[derive(Debug)]
pub(crate) struct Decoder<'value> {
    rest: &'value [u8],
    timeline: Timeline,
}

impl<'value> Decoder<'value> {
    pub(crate) fn byte(&mut self) -> Result<u8, Damage> {
        let (first, rest) = self.rest.split_first().ok_or(Damage::Short)?;
        self.rest = rest;
        Ok(*first)
    }

    pub(crate) fn number(&mut self) -> Result<u64, Damage> {
        let mut number = 0_u64;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if bits.leading_zeros() < shift {
                return Err(Damage::Field("number"));
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Damage::Field("number"))
    }

    pub(crate) fn bytes(&mut self) -> Result<&'value [u8], Damage> {
        let length = usize::try_from(self.number()?).map_err(|_| Damage::Short)?;
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(Damage::Short)?;
        self.rest = rest;
        Ok(bytes)
    }

    pub(crate) fn text(&mut self, field: &'static str) -> Result<Text, Damage> {
        Text::from_bytes(self.bytes()?).map_err(|_| Damage::Field(field))
    }

    pub(crate) fn moment(&mut self) -> Result<castmq_rules::Moment, Damage> {
        Ok(self.timeline.moment(self.number()?))
    }

    /// A number that must fit in a smaller type.
    pub(crate) fn small<N: TryFrom<u64>>(&mut self, field: &'static str) -> Result<N, Damage> {
        N::try_from(self.number()?).map_err(|_| Damage::Field(field))
    }

    /// How many entries follow; each takes at least a byte.
    pub(crate) fn count(&mut self) -> Result<usize, Damage> {
        let count = usize::try_from(self.number()?).map_err(|_| Damage::Short)?;
        if count > self.rest.len() {
            return Err(Damage::Short);
        }
        Ok(count)
    }

    fn finish(self) -> Result<(), Damage> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(Damage::Long)
        }
    }
}

/// Checks the seal of a value and takes it apart to its last byte.
pub(crate) fn unseal<T>(
    (space, key): (Space, &[u8]),
    value: &[u8],
    timeline: Timeline,
    decode: impl FnOnce(&mut Decoder<'_>) -> Result<T, Damage>,
) -> Result<T, StoreError> {
    check(space, key, value)
        .and_then(|rest| {
            let mut decoder = Decoder { rest, timeline };
            let decoded = decode(&mut decoder)?;
            decoder.finish()?;
            Ok(decoded)
        })
        .map_err(|damage| StoreError::damaged(space, key, damage))
}

fn check<'value>(space: Space, key: &[u8], value: &'value [u8]) -> Result<&'value [u8], Damage> {
    let (stated, rest) = value
        .split_first_chunk::<CHECKSUM_BYTES>()
        .ok_or(Damage::Short)?;
    if u32::from_le_bytes(*stated) != checksum(space, key, rest) {
        return Err(Damage::Checksum);
    }
    Ok(rest)
}

fn checksum(space: Space, key: &[u8], value: &[u8]) -> u32 {
    let head = crc32c::crc32c_append(crc32c::crc32c(&[space as u8]), key);
    crc32c::crc32c_append(head, value)
}

/// A level of QoS from its two bits.
pub(crate) fn qos(bits: u8) -> Result<QoS, Damage> {
    QoS::from_number(bits & 0b11).ok_or(Damage::Field("QoS"))
}

/// A bit that says whether something is there.
pub(crate) const fn flag(is_set: bool, bit: u8) -> u8 {
    if is_set { bit } else { 0 }
}
