//! Where fields are written to: an output, or a count of its bytes.

use bytes::{BufMut, BytesMut};

use crate::Text;
use crate::property_codec::Properties;

/// The largest variable byte integer.
pub(crate) const VARIABLE_MAX: u32 = 268_435_455;

/// Takes the fields of a body one after the other, so that a body's size and its bytes cannot
/// disagree.
pub(crate) trait Sink {
    fn slice(&mut self, bytes: &[u8]);
    /// A block of properties with its length in front.
    fn properties<P: Properties>(&mut self, properties: &P);

    fn byte(&mut self, byte: u8) {
        self.slice(&[byte]);
    }

    fn number(&mut self, number: u16) {
        self.slice(&number.to_be_bytes());
    }

    fn long_number(&mut self, number: u32) {
        self.slice(&number.to_be_bytes());
    }

    fn variable(&mut self, number: u32) {
        let mut rest = number.min(VARIABLE_MAX);
        while rest >= 0x80 {
            self.byte((rest & 0x7F) as u8 | 0x80);
            rest >>= 7;
        }
        self.byte((rest & 0x7F) as u8);
    }

    /// Binary data with its length in front; longer data than allowed is cut, which
    /// [`check`](super::check) keeps from happening.
    fn binary(&mut self, bytes: &[u8]) {
        let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
        self.number(length);
        self.slice(bytes.get(..usize::from(length)).unwrap_or_default());
    }

    fn text(&mut self, text: &Text) {
        self.binary(text.as_bytes());
    }

    /// A block of properties that may be absent: then an empty one. [MQTT5-2.2.2-1]
    fn optional_properties<P: Properties>(&mut self, properties: Option<&P>) {
        match properties {
            Some(properties) => self.properties(properties),
            None => self.byte(0),
        }
    }
}

/// Counts bytes.
#[derive(Default)]
pub(crate) struct Count {
    pub(super) bytes: usize,
}

impl Sink for Count {
    fn slice(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len();
    }

    fn properties<P: Properties>(&mut self, properties: &P) {
        let before = self.bytes;
        properties.put(self);
        self.bytes += variable_bytes(length_of(self.bytes - before));
    }
}

impl Sink for BytesMut {
    fn slice(&mut self, bytes: &[u8]) {
        self.put_slice(bytes);
    }

    fn properties<P: Properties>(&mut self, properties: &P) {
        let mut count = Count::default();
        properties.put(&mut count);
        self.variable(length_of(count.bytes));
        properties.put(self);
    }
}

/// Bytes of a packet whose fixed header states that many.
pub(super) fn packet_bytes(remaining: usize) -> usize {
    1 + variable_bytes(length_of(remaining)) + remaining
}

/// Bytes of a variable byte integer.
pub(super) const fn variable_bytes(number: u32) -> usize {
    match number {
        0..0x80 => 1,
        0x80..0x4000 => 2,
        0x4000..0x20_0000 => 3,
        _ => 4,
    }
}

/// A length as a number; one that is too large counts as such.
fn length_of(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}
