//! What no packet of a 5.0 server may look like, checked on every packet that a test receives.
//!
//! So each test also shows that reserved bits, property sets and reason codes are those of the
//! specification; the tables here are its tables.

use crate::v5::{Answer, read_properties};
use crate::wire::{Raw, Reader};

const CONNACK_CODES: &[u8] = &[
    0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x8C, 0x90, 0x95, 0x97,
    0x99, 0x9A, 0x9B, 0x9C, 0x9D, 0x9F,
];
const PUBLISH_CODES: &[u8] = &[0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99];
const RELEASE_CODES: &[u8] = &[0x00, 0x92];
const SUBACK_CODES: &[u8] = &[
    0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8F, 0x91, 0x97, 0x9E, 0xA1, 0xA2,
];
const UNSUBACK_CODES: &[u8] = &[0x00, 0x11, 0x80, 0x83, 0x87, 0x8F, 0x91];
const DISCONNECT_CODES: &[u8] = &[
    0x00, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8B, 0x8D, 0x8E, 0x8F, 0x90, 0x93, 0x94, 0x95, 0x96,
    0x97, 0x98, 0x99, 0x9A, 0x9B, 0x9C, 0x9D, 0x9E, 0x9F, 0xA0, 0xA1, 0xA2,
];
const AUTH_CODES: &[u8] = &[0x00, 0x18, 0x19];

const CONNACK_PROPERTIES: &[u8] = &[
    0x11, 0x12, 0x13, 0x15, 0x16, 0x1A, 0x1C, 0x1F, 0x21, 0x22, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29,
    0x2A,
];
const PUBLISH_PROPERTIES: &[u8] = &[0x01, 0x02, 0x03, 0x08, 0x09, 0x0B, 0x23, 0x26];
const ACK_PROPERTIES: &[u8] = &[0x1F, 0x26];
const DISCONNECT_PROPERTIES: &[u8] = &[0x1C, 0x1F, 0x26];
const AUTH_PROPERTIES: &[u8] = &[0x15, 0x16, 0x1F, 0x26];

/// Properties that may occur more than once: subscription identifiers and user properties.
const REPEATABLE: &[u8] = &[0x0B, 0x26];

/// Fails the test when a 5.0 server must not send this packet.
pub(crate) fn check(raw: &Raw) {
    if raw.kind() == 3 {
        return check_publish(raw);
    }
    let flags = if raw.kind() == 6 { 2 } else { 0 };
    assert_eq!(raw.header & 0x0F, flags, "reserved flags of {raw:?}");
    let (codes, properties) = match raw.kind() {
        2 => (CONNACK_CODES, CONNACK_PROPERTIES),
        4 | 5 => (PUBLISH_CODES, ACK_PROPERTIES),
        6 | 7 => (RELEASE_CODES, ACK_PROPERTIES),
        9 => (SUBACK_CODES, ACK_PROPERTIES),
        11 => (UNSUBACK_CODES, ACK_PROPERTIES),
        13 => return assert!(raw.body.is_empty(), "PINGRESP has no body: {raw:?}"),
        14 => (DISCONNECT_CODES, DISCONNECT_PROPERTIES),
        15 => (AUTH_CODES, AUTH_PROPERTIES),
        _ => panic!("a server does not send such packets: {raw:?}"),
    };
    let answer = Answer::parse(raw);
    for code in &answer.codes {
        assert!(codes.contains(code), "reason code {code:#04X} in {raw:?}");
    }
    check_properties(&answer.properties, properties, raw);
    if raw.kind() == 2 {
        assert!(answer.id <= 1, "acknowledge flags of {raw:?}");
        assert!(
            answer.id == 0 || answer.codes == [0],
            "refused with a session present: {raw:?}"
        );
    }
}

fn check_publish(raw: &Raw) {
    let qos = raw.header >> 1 & 3;
    let mut reader = Reader::new(&raw.body);
    let topic = reader.string();
    assert!(qos < 3, "QoS 3 in {raw:?}");
    assert!(qos > 0 || raw.header & 8 == 0, "QoS 0 and DUP in {raw:?}");
    assert!(qos == 0 || reader.number() > 0, "packet id 0 in {raw:?}");
    let properties = read_properties(&mut reader);
    check_properties(&properties, PUBLISH_PROPERTIES, raw);
    let topic = std::str::from_utf8(topic).expect("a topic is UTF-8");
    assert!(!topic.contains(['+', '#', '\0']), "topic of {raw:?}");
    assert!(
        !topic.is_empty() || properties.iter().any(|property| property[0] == 0x23),
        "neither topic nor alias in {raw:?}"
    );
}

fn check_properties(properties: &[Vec<u8>], allowed: &[u8], raw: &Raw) {
    for (place, property) in properties.iter().enumerate() {
        let identifier = property[0];
        assert!(
            allowed.contains(&identifier),
            "property {identifier:#04X} does not belong in {raw:?}"
        );
        let is_first = properties[..place]
            .iter()
            .all(|earlier| earlier[0] != identifier);
        assert!(
            is_first || REPEATABLE.contains(&identifier),
            "property {identifier:#04X} occurs twice in {raw:?}"
        );
        check_value(identifier, &property[1..], raw);
    }
}

fn check_value(identifier: u8, value: &[u8], raw: &Raw) {
    let is_valid = match identifier {
        // Booleans, and the maximum QoS, which is 0 or 1.
        0x01 | 0x24 | 0x25 | 0x28 | 0x29 | 0x2A => value[0] <= 1,
        // Numbers that are never 0.
        0x0B | 0x21 | 0x23 | 0x27 => value.iter().any(|byte| *byte != 0),
        // Strings.
        0x03 | 0x08 | 0x12 | 0x15 | 0x1A | 0x1C | 0x1F => is_text(&value[2..]),
        0x26 => {
            let mut reader = Reader::new(value);
            is_text(reader.string()) && is_text(reader.string())
        }
        _ => true,
    };
    assert!(
        is_valid,
        "the value of property {identifier:#04X} in {raw:?}"
    );
}

fn is_text(bytes: &[u8]) -> bool {
    !bytes.contains(&0) && std::str::from_utf8(bytes).is_ok()
}
