//! Names and numbers by which errors are counted and answered.

use std::collections::BTreeSet;

use castmq_mqtt::{DecodeError, PacketType, Property, ReasonCode, TopicError};

#[test]
fn every_error_has_a_name_of_its_own() {
    let names: BTreeSet<_> = DecodeError::NAMES.iter().collect();
    assert_eq!(names.len(), DecodeError::NAMES.len());
}

#[test]
fn a_name_does_not_depend_on_values() {
    let name = DecodeError::TrailingBytes(3).name();
    assert_eq!(name, "trailing_bytes");
    assert_eq!(name, DecodeError::TrailingBytes(4).name());
}

#[test]
fn a_message_tells_the_values() {
    let error = DecodeError::ReasonNotListed {
        packet: PacketType::PubRel,
        number: 0x80,
    };
    assert_eq!(error.to_string(), "pubrel has reason code 0x80");
    let error = DecodeError::PropertyTwice(Property::ReceiveMaximum);
    assert_eq!(error.to_string(), "property receive_maximum occurs twice");
    let error = DecodeError::Topic(TopicError::Wildcard);
    assert_eq!(error.to_string(), "publish: topic name holds a wildcard");
}

#[test]
fn only_name_and_level_are_unsupported_versions() {
    assert!(DecodeError::UnknownProtocolName.is_unsupported_version());
    assert!(DecodeError::UnsupportedProtocolLevel(9).is_unsupported_version());
    assert!(!DecodeError::TooShort.is_unsupported_version());
}

#[test]
fn a_packet_that_is_too_large_has_a_reason_code_of_its_own() {
    let error = DecodeError::PacketTooLarge { bytes: 9, max: 8 };
    assert_eq!(error.reason_code(), ReasonCode::PacketTooLarge);
    assert_eq!(error.to_string(), "packet has 9 bytes, 8 are allowed");
}
