//! SUBSCRIBE, SUBACK, UNSUBSCRIBE and UNSUBACK.

use castmq_mqtt::{
    AckProperties, DecodeError, EncodeError, FilterError, Packet, PacketType, QoS, ReasonCode,
    RetainHandling, Sender, SubAck, Subscribe, SubscribeFilter, SubscribeProperties, Subscription,
    SubscriptionOptions, TopicFilter, UnsubAck, Unsubscribe, UnsubscribeProperties, Version,
};

use crate::wire::{both_ways, client_refusal, id, server_refusal, text, unwritable, written};

fn subscription(filter: &str) -> Subscription {
    Subscription::parse(text(filter)).unwrap()
}

fn entry(filter: &str, options: SubscriptionOptions) -> SubscribeFilter {
    SubscribeFilter {
        subscription: subscription(filter),
        options,
    }
}

fn at(qos: QoS) -> SubscriptionOptions {
    SubscriptionOptions {
        qos,
        ..SubscriptionOptions::default()
    }
}

fn subscribe(filters: Vec<SubscribeFilter>) -> Packet {
    Packet::Subscribe(Subscribe {
        packet_id: id(10),
        filters,
        properties: SubscribeProperties::default(),
    })
}

#[test]
fn a_subscribe_lists_filters_and_their_qos() {
    let packet = subscribe(vec![
        entry("a/b", at(QoS::AtLeastOnce)),
        entry("+/#", at(QoS::ExactlyOnce)),
    ]);
    let bytes = b"\x82\x0E\x00\x0A\x00\x03a/b\x01\x00\x03+/#\x02";
    both_ways(Sender::Client, Version::V4, bytes, &packet);
    both_ways(Sender::Client, Version::V3, bytes, &packet);
}

#[test]
fn a_subscribe_of_5_0_has_properties_and_options() {
    let options = SubscriptionOptions {
        qos: QoS::AtLeastOnce,
        no_local: true,
        retain_as_published: true,
        retain_handling: RetainHandling::DoNotSend,
    };
    let packet = Packet::Subscribe(Subscribe {
        packet_id: id(10),
        filters: vec![entry("a", options)],
        properties: SubscribeProperties {
            subscription_id: Some(300),
            user: Vec::new(),
        },
    });
    let bytes = b"\x82\x0A\x00\x0A\x03\x0B\xAC\x02\x00\x01a\x2D";
    both_ways(Sender::Client, Version::V5, bytes, &packet);
}

#[test]
fn a_shared_subscription_keeps_its_words() {
    let packet = subscribe(vec![
        entry("$share/g/a", at(QoS::AtMostOnce)),
        entry("$queue/a", at(QoS::AtMostOnce)),
    ]);
    let bytes = b"\x82\x1A\x00\x0A\x00\x0A$share/g/a\x00\x00\x08$queue/a\x00";
    both_ways(Sender::Client, Version::V4, bytes, &packet);
}

/// \[MQTT3-3.8.3-3\] \[MQTT5-3.8.3-2\]
#[test]
fn a_subscribe_has_at_least_one_filter() {
    let error = DecodeError::NoEntries(PacketType::Subscribe);
    assert_eq!(client_refusal(Version::V4, b"\x82\x02\x00\x0A"), error);
    assert_eq!(client_refusal(Version::V5, b"\x82\x03\x00\x0A\x00"), error);
    assert_eq!(error.reason_code(), ReasonCode::ProtocolError);
    let error = EncodeError::NoEntries(PacketType::Subscribe);
    assert_eq!(unwritable(Version::V4, &subscribe(Vec::new())), error);
}

#[test]
fn a_filter_without_options_ends_too_early() {
    let error = DecodeError::TooShort;
    assert_eq!(
        client_refusal(Version::V4, b"\x82\x05\x00\x0A\x00\x01a"),
        error
    );
}

/// \[MQTT3-3.8.3-1\] \[MQTT5-3.8.3-1\]
#[test]
fn a_filter_is_utf_8() {
    let error = DecodeError::TextNotUtf8;
    assert_eq!(
        client_refusal(Version::V4, b"\x82\x06\x00\x0A\x00\x01\xFF\x00"),
        error
    );
    assert_eq!(
        client_refusal(Version::V5, b"\x82\x07\x00\x0A\x00\x00\x01\xFF\x00"),
        error
    );
}

#[test]
fn a_filter_obeys_the_rules_for_filters() {
    let error = client_refusal(Version::V4, b"\x82\x08\x00\x0A\x00\x03#/a\x00");
    assert_eq!(error, DecodeError::Filter(FilterError::MultiLevelMisplaced));
    assert_eq!(error.reason_code(), ReasonCode::TopicFilterInvalid);
    let error = client_refusal(Version::V4, b"\x82\x05\x00\x0A\x00\x00\x00");
    assert_eq!(error, DecodeError::Filter(FilterError::Empty));
}

/// \[MQTT3-3.8.3-4\]
#[test]
fn before_5_0_the_upper_six_bits_of_the_options_are_reserved() {
    let error = client_refusal(Version::V4, b"\x82\x06\x00\x0A\x00\x01a\x04");
    assert_eq!(error, DecodeError::SubscriptionReservedBits(4));
    let error = client_refusal(Version::V4, b"\x82\x06\x00\x0A\x00\x01a\x03");
    assert_eq!(error, DecodeError::SubscriptionQoSInvalid);
}

/// \[MQTT5-3.8.3-5\]
#[test]
fn in_5_0_the_upper_two_bits_of_the_options_are_reserved() {
    let error = client_refusal(Version::V5, b"\x82\x07\x00\x0A\x00\x00\x01a\x40");
    assert_eq!(error, DecodeError::SubscriptionReservedBits(0x40));
    assert_eq!(error.reason_code(), ReasonCode::MalformedPacket);
}

#[test]
fn nobody_subscribes_at_qos_3_or_with_retain_handling_3() {
    let error = client_refusal(Version::V5, b"\x82\x07\x00\x0A\x00\x00\x01a\x03");
    assert_eq!(error, DecodeError::SubscriptionQoSInvalid);
    assert_eq!(error.reason_code(), ReasonCode::ProtocolError);
    let error = client_refusal(Version::V5, b"\x82\x07\x00\x0A\x00\x00\x01a\x30");
    assert_eq!(error, DecodeError::RetainHandlingInvalid);
    assert_eq!(error.reason_code(), ReasonCode::ProtocolError);
}

/// \[MQTT5-3.8.3-4\]
#[test]
fn no_local_does_not_go_with_a_shared_subscription() {
    let bytes = b"\x82\x10\x00\x0A\x00\x00\x0A$share/g/a\x04";
    let error = client_refusal(Version::V5, bytes);
    assert_eq!(error, DecodeError::NoLocalOnShared);
    assert_eq!(error.reason_code(), ReasonCode::ProtocolError);
    let options = SubscriptionOptions {
        no_local: true,
        ..SubscriptionOptions::default()
    };
    let packet = subscribe(vec![entry("$share/g/a", options)]);
    assert_eq!(
        unwritable(Version::V5, &packet),
        EncodeError::NoLocalOnShared
    );
}

/// \[MQTT3-2.3.1-1\] \[MQTT5-2.2.1-3\]
#[test]
fn subscribe_and_unsubscribe_have_a_packet_id() {
    let error = DecodeError::PacketIdZero;
    assert_eq!(
        client_refusal(Version::V4, b"\x82\x06\x00\x00\x00\x01a\x00"),
        error
    );
    assert_eq!(
        client_refusal(Version::V5, b"\xA2\x06\x00\x00\x00\x00\x01a"),
        error
    );
}

#[test]
fn a_filter_with_its_prefix_is_at_most_65535_bytes_long() {
    let long = TopicFilter::new(text(&"a".repeat(65_535))).unwrap();
    let packet = Packet::Unsubscribe(Unsubscribe {
        packet_id: id(1),
        subscriptions: vec![Subscription::Queue(long)],
        properties: UnsubscribeProperties::default(),
    });
    assert_eq!(unwritable(Version::V4, &packet), EncodeError::FilterTooLong);
}

fn suback(reasons: &[ReasonCode]) -> Packet {
    Packet::SubAck(SubAck {
        packet_id: id(10),
        reasons: reasons.to_vec(),
        properties: None,
    })
}
#[test]
fn a_suback_has_the_granted_qos_in_order() {
    let packet = suback(&[
        ReasonCode::GrantedQoS1,
        ReasonCode::Success,
        ReasonCode::GrantedQoS2,
        ReasonCode::UnspecifiedError,
    ]);
    let bytes = b"\x90\x06\x00\x0A\x01\x00\x02\x80";
    both_ways(Sender::Server, Version::V4, bytes, &packet);
}
#[test]
fn a_suback_of_5_0_says_why() {
    let packet = Packet::SubAck(SubAck {
        packet_id: id(10),
        reasons: vec![ReasonCode::GrantedQoS1, ReasonCode::NotAuthorized],
        properties: Some(Box::new(AckProperties {
            reason_string: Some(text("no")),
            user: Vec::new(),
        })),
    });
    let bytes = b"\x90\x0A\x00\x0A\x05\x1F\x00\x02no\x01\x87";
    both_ways(Sender::Server, Version::V5, bytes, &packet);
}

/// \[MQTT3-3.9.3-2\]
#[test]
fn before_5_0_every_failure_to_subscribe_is_0x80() {
    let packet = suback(&[ReasonCode::NotAuthorized, ReasonCode::QuotaExceeded]);
    assert_eq!(written(Version::V4, &packet), b"\x90\x04\x00\x0A\x80\x80");
    let error = DecodeError::ReasonNotListed {
        packet: PacketType::SubAck,
        number: 0x87,
    };
    assert_eq!(server_refusal(Version::V4, b"\x90\x03\x00\x0A\x87"), error);
}

/// \[MQTT5-3.9.3-2\]
#[test]
fn only_listed_suback_codes_are_taken_and_written() {
    let packet = PacketType::SubAck;
    let number = 0x03;
    let error = server_refusal(Version::V5, b"\x90\x04\x00\x0A\x00\x03");
    assert_eq!(error, DecodeError::ReasonNotListed { packet, number });
    let reason = ReasonCode::TopicNameInvalid;
    let error = unwritable(Version::V5, &suback(&[reason]));
    assert_eq!(error, EncodeError::ReasonNotListed(packet, reason));
}

#[test]
fn a_suback_answers_something() {
    let error = DecodeError::NoEntries(PacketType::SubAck);
    assert_eq!(server_refusal(Version::V4, b"\x90\x02\x00\x0A"), error);
    let error = EncodeError::NoEntries(PacketType::SubAck);
    assert_eq!(unwritable(Version::V4, &suback(&[])), error);
}

fn unsubscribe(subscriptions: Vec<Subscription>) -> Packet {
    Packet::Unsubscribe(Unsubscribe {
        packet_id: id(10),
        subscriptions,
        properties: UnsubscribeProperties::default(),
    })
}

#[test]
fn an_unsubscribe_lists_filters() {
    let packet = unsubscribe(vec![subscription("a/+"), subscription("$share/g/b")]);
    let bytes = b"\xA2\x13\x00\x0A\x00\x03a/+\x00\x0A$share/g/b";
    both_ways(Sender::Client, Version::V4, bytes, &packet);
    let bytes = b"\xA2\x14\x00\x0A\x00\x00\x03a/+\x00\x0A$share/g/b";
    both_ways(Sender::Client, Version::V5, bytes, &packet);
}

/// \[MQTT3-3.10.3-2\] \[MQTT5-3.10.3-2\]
#[test]
fn an_unsubscribe_has_at_least_one_filter() {
    let error = DecodeError::NoEntries(PacketType::Unsubscribe);
    assert_eq!(client_refusal(Version::V4, b"\xA2\x02\x00\x0A"), error);
    assert_eq!(client_refusal(Version::V5, b"\xA2\x03\x00\x0A\x00"), error);
    let error = EncodeError::NoEntries(PacketType::Unsubscribe);
    assert_eq!(unwritable(Version::V5, &unsubscribe(Vec::new())), error);
}

/// \[MQTT3-3.10.3-1\] \[MQTT5-3.10.3-1\]
#[test]
fn a_filter_to_unsubscribe_is_utf_8() {
    let error = DecodeError::TextNotUtf8;
    assert_eq!(
        client_refusal(Version::V4, b"\xA2\x05\x00\x0A\x00\x01\xFF"),
        error
    );
    assert_eq!(
        client_refusal(Version::V5, b"\xA2\x06\x00\x0A\x00\x00\x01\xFF"),
        error
    );
}

fn unsuback(reasons: &[ReasonCode]) -> Packet {
    Packet::UnsubAck(UnsubAck {
        packet_id: id(10),
        reasons: reasons.to_vec(),
        properties: None,
    })
}
#[test]
fn before_5_0_an_unsuback_is_a_packet_id() {
    let bytes = b"\xB0\x02\x00\x0A";
    both_ways(Sender::Server, Version::V4, bytes, &unsuback(&[]));
    let packet = unsuback(&[ReasonCode::NoSubscriptionExisted]);
    assert_eq!(written(Version::V4, &packet), bytes);
    let error = DecodeError::TrailingBytes(1);
    assert_eq!(server_refusal(Version::V4, b"\xB0\x03\x00\x0A\x00"), error);
}
#[test]
fn an_unsuback_of_5_0_has_a_reason_for_each_filter_in_order() {
    let packet = unsuback(&[ReasonCode::NoSubscriptionExisted, ReasonCode::Success]);
    let bytes = b"\xB0\x05\x00\x0A\x00\x11\x00";
    both_ways(Sender::Server, Version::V5, bytes, &packet);
}

/// \[MQTT5-3.11.3-2\]
#[test]
fn only_listed_unsuback_codes_are_taken_and_written() {
    let packet = PacketType::UnsubAck;
    let number = 0x01;
    let error = server_refusal(Version::V5, b"\xB0\x04\x00\x0A\x00\x01");
    assert_eq!(error, DecodeError::ReasonNotListed { packet, number });
    let reason = ReasonCode::QuotaExceeded;
    let error = unwritable(Version::V5, &unsuback(&[reason]));
    assert_eq!(error, EncodeError::ReasonNotListed(packet, reason));
}
