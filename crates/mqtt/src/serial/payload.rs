//! Payloads: nothing but zeros as their number, text as text, and all others in hexadecimal digits.
//!
//! A payload that must not be written down is replaced by as many zeros before, see [`blank`]; what is
//! read back has the same length.

use std::fmt;
use std::sync::LazyLock;

use bytes::Bytes;
use serde::de::{Error, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserializer, Serializer};

/// The largest payload that a packet can hold.
pub const PAYLOAD_BYTES_MAX: usize = 268_435_455;

/// Zeros for most payloads, so that they cost no memory.
static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

/// Zeros for all others. They are asked of the system as zeros, so that nothing is written and no memory
/// in use.
static MANY_ZEROS: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(vec![0; PAYLOAD_BYTES_MAX]));

/// So many zeros, in place of a payload that nobody is to see. All of them share one memory.
#[must_use]
pub fn blank(len: usize) -> Bytes {
    match ZEROS.get(..len) {
        Some(zeros) => Bytes::from_static(zeros),
        None => MANY_ZEROS.slice(..len.min(PAYLOAD_BYTES_MAX)),
    }
}

/// Writes a payload.
///
/// # Errors
///
/// Those of the serializer.
pub fn serialize<S: Serializer>(payload: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    if payload.iter().all(|byte| *byte == 0) {
        return serializer.serialize_u64(payload.len() as u64);
    }
    if let Ok(text) = std::str::from_utf8(payload) {
        return serializer.serialize_str(text);
    }
    let mut digits = String::with_capacity(2 * payload.len());
    for byte in payload {
        for digit in [byte >> 4, byte & 15] {
            digits.extend(char::from_digit(digit.into(), 16));
        }
    }
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry("hex", &digits)?;
    map.end()
}

/// Reads a payload.
///
/// # Errors
///
/// When it is neither a length, a string nor `{"hex":"…"}`, or longer than a packet can be.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
    deserializer.deserialize_any(Payload)
}

struct Payload;

impl<'de> Visitor<'de> for Payload {
    type Value = Bytes;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a payload: its length, a string, or {\"hex\": \"…\"}")
    }

    fn visit_u64<E: Error>(self, len: u64) -> Result<Bytes, E> {
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        if len > PAYLOAD_BYTES_MAX {
            return Err(E::custom(format_args!("no payload has {len} bytes")));
        }
        Ok(blank(len))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Bytes, E> {
        Ok(Bytes::copy_from_slice(text.as_bytes()))
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Bytes, M::Error> {
        let digits = match map.next_entry::<String, String>()? {
            Some((key, digits)) if key == "hex" => digits,
            _ => {
                return Err(M::Error::custom(
                    "a payload in an object is {\"hex\": \"…\"}",
                ));
            }
        };
        from_hex(&digits).ok_or_else(|| M::Error::custom("not hexadecimal digits in pairs"))
    }
}

fn from_hex(digits: &str) -> Option<Bytes> {
    let digit = |digit: &u8| char::from(*digit).to_digit(16);
    let pairs = digits.as_bytes().chunks(2);
    let byte = |pair: &[u8]| {
        let [high, low] = pair else { return None };
        u8::try_from(digit(high)? << 4 | digit(low)?).ok()
    };
    pairs
        .map(byte)
        .collect::<Option<Vec<u8>>>()
        .map(Bytes::from)
}

/// The same where there may be none.
pub mod optional {
    use bytes::Bytes;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Deserialize, Serialize)]
    struct Wrapped(#[serde(with = "super")] Bytes);

    /// Writes a payload, or that there is none.
    ///
    /// # Errors
    ///
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(
        payload: &Option<Bytes>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        payload.clone().map(Wrapped).serialize(serializer)
    }

    /// Reads it.
    ///
    /// # Errors
    ///
    /// As [`super::deserialize`].
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Bytes>, D::Error> {
        let wrapped = Option::<Wrapped>::deserialize(deserializer)?;
        Ok(wrapped.map(|Wrapped(payload)| payload))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Held(#[serde(with = "super")] Bytes);

    fn written(payload: &'static [u8]) -> String {
        serde_json::to_string(&Held(Bytes::from_static(payload))).unwrap()
    }

    fn read(text: &str) -> Option<Bytes> {
        serde_json::from_str(text).ok().map(|Held(payload)| payload)
    }

    #[test]
    fn zeros_are_written_as_their_number() {
        assert_eq!(written(&[0; 5]), "5");
        assert_eq!(read("5"), Some(Bytes::from_static(&[0; 5])));
        assert_eq!(read("268435456"), None);
    }

    #[test]
    fn a_payload_is_read_as_it_was_written() {
        assert_eq!(written(b"on"), "\"on\"");
        assert_eq!(written(&[0, 255]), "{\"hex\":\"00ff\"}");
        assert_eq!(read("\"on\""), Some(Bytes::from_static(b"on")));
        assert_eq!(
            read("{\"hex\":\"00ff\"}"),
            Some(Bytes::from_static(&[0, 255]))
        );
    }

    #[test]
    fn odd_or_strange_digits_are_no_payload() {
        assert_eq!(read("{\"hex\":\"0\"}"), None);
        assert_eq!(read("{\"hex\":\"zz\"}"), None);
        assert_eq!(read("{\"text\":\"00\"}"), None);
    }
}
