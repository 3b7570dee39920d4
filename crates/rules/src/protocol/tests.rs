//! Which packet may come when, by example.

use std::num::NonZeroU16;

use bytes::Bytes;
use castmq_mqtt::{
    Ack, Auth, AuthProperties, Connect, Disconnect, DisconnectProperties, Packet, Publish,
    PublishProperties, QoS, ReasonCode, Subscribe, SubscribeFilter, SubscribeProperties,
    SubscriptionOptions, Version,
};

use crate::ClientId;
use crate::connect::{ConnectSettings, decide};
use crate::protocol::{Agreement, Inbound, Protocol, Verdict, Violation};
use crate::session::Expiry;
use crate::testing::{subscription, text, topic};

/// A connection of this version that was accepted.
fn connected(version: Version) -> Protocol {
    connected_with(version, Some(60), &ConnectSettings::default())
}

fn connected_with(
    version: Version,
    session_expiry: Option<u32>,
    settings: &ConnectSettings,
) -> Protocol {
    let mut connect = Connect {
        version,
        client_id: text("a"),
        ..Connect::default()
    };
    connect.properties.session_expiry = session_expiry;
    let plan = decide(&connect, settings, || ClientId::new(text("b")).unwrap()).unwrap();
    let mut protocol = Protocol::new();
    protocol
        .handle_packet(Packet::Connect(Box::new(connect)))
        .unwrap();
    protocol.handle_accepted(Agreement::new(&plan, settings));
    protocol
}

fn publish(on: &str, change: impl FnOnce(&mut PublishProperties)) -> Packet {
    let mut properties = PublishProperties::default();
    change(&mut properties);
    Packet::Publish(Publish {
        topic: Some(topic(on)),
        payload: Bytes::from_static(b"hello"),
        properties: Some(Box::new(properties)),
        ..Publish::default()
    })
}

fn subscribe(filter: &str, no_local: bool) -> Packet {
    Packet::Subscribe(Subscribe {
        packet_id: NonZeroU16::MIN,
        filters: vec![SubscribeFilter {
            subscription: subscription(filter),
            options: SubscriptionOptions {
                no_local,
                ..SubscriptionOptions::default()
            },
        }],
        properties: SubscribeProperties::default(),
    })
}

fn disconnect(reason: ReasonCode, session_expiry: Option<u32>) -> Packet {
    Packet::Disconnect(Box::new(Disconnect {
        reason,
        properties: DisconnectProperties {
            session_expiry,
            ..DisconnectProperties::default()
        },
    }))
}

fn violation(protocol: &mut Protocol, packet: Packet) -> Violation {
    protocol.handle_packet(packet).unwrap_err()
}

/// \[MQTT3-3.1.0-1\] \[MQTT5-3.1.0-1\]
#[test]
fn the_first_packet_is_connect() {
    let mut protocol = Protocol::new();
    assert_eq!(
        violation(&mut protocol, Packet::PingReq),
        Violation::NotConnected
    );
    assert_eq!(protocol.farewell(ReasonCode::ProtocolError), None);
}

/// \[MQTT3-3.1.0-2\] \[MQTT5-3.1.0-2\]
#[test]
fn a_second_connect_ends_the_connection() {
    let mut protocol = connected(Version::V5);
    let again = Packet::Connect(Box::default());
    assert_eq!(violation(&mut protocol, again), Violation::SecondConnect);
    let told = protocol.farewell(Violation::SecondConnect.reason_code());
    assert_eq!(told.unwrap().reason, ReasonCode::ProtocolError);
}

#[test]
fn nothing_is_parsed_before_connect_is_answered() {
    let mut protocol = Protocol::new();
    assert!(protocol.may_parse());
    protocol
        .handle_packet(Packet::Connect(Box::default()))
        .unwrap();
    assert!(!protocol.may_parse());
}

/// emqttd's fault P1 is not here. \[MQTT3-3.1.4-5\] \[MQTT5-3.1.4-6\]
#[test]
fn after_a_refusal_nothing_is_processed() {
    let mut protocol = Protocol::new();
    protocol
        .handle_packet(Packet::Connect(Box::default()))
        .unwrap();
    protocol.close();
    assert!(!protocol.may_parse());
    assert_eq!(
        violation(&mut protocol, publish("a", |_| {})),
        Violation::Closed
    );
}

#[test]
fn after_an_error_nothing_is_processed() {
    let mut protocol = connected(Version::V5);
    violation(&mut protocol, Packet::PingResp);
    assert!(!protocol.may_parse());
    assert_eq!(violation(&mut protocol, Packet::PingReq), Violation::Closed);
}

#[test]
fn packets_that_only_servers_send_end_the_connection() {
    assert_eq!(
        violation(&mut connected(Version::V4), Packet::PingResp),
        Violation::ServerPacket
    );
}

/// \[MQTT5-4.12.0-7\]
#[test]
fn auth_without_a_method_ends_the_connection() {
    let auth = Packet::Auth(Box::new(Auth {
        reason: ReasonCode::ReAuthenticate,
        properties: AuthProperties::default(),
    }));
    let error = violation(&mut connected(Version::V5), auth);
    assert_eq!(error, Violation::UnexpectedAuth);
    assert_eq!(error.reason_code(), ReasonCode::ProtocolError);
}

#[test]
fn nothing_is_parsed_behind_a_subscribe_until_it_is_answered() {
    let mut protocol = connected(Version::V4);
    protocol.handle_packet(subscribe("a", false)).unwrap();
    assert!(!protocol.may_parse());
    protocol.handle_answered();
    assert!(protocol.may_parse());
}

/// \[MQTT5-3.8.3-4\]
#[test]
fn a_shared_subscription_cannot_leave_out_the_own_messages() {
    let error = violation(&mut connected(Version::V5), subscribe("$share/g/a", true));
    assert_eq!(error.reason_code(), ReasonCode::ProtocolError);
    let own = connected(Version::V5).handle_packet(subscribe("a", true));
    assert!(own.is_ok());
}

#[test]
fn filters_that_the_broker_does_not_take_are_refused_one_by_one() {
    let settings = ConnectSettings {
        wildcard_available: false,
        shared_available: false,
        ..ConnectSettings::default()
    };
    let protocol = connected_with(Version::V5, None, &settings);
    let refusal = |filter| {
        protocol.refusal(&SubscribeFilter {
            subscription: subscription(filter),
            options: SubscriptionOptions::default(),
        })
    };
    assert_eq!(refusal("a"), None);
    let wildcards = ReasonCode::WildcardSubscriptionsNotSupported;
    assert_eq!(refusal("a/#"), Some(wildcards));
    let shared = ReasonCode::SharedSubscriptionsNotSupported;
    assert_eq!(refusal("$share/g/a"), Some(shared));
}

#[test]
fn a_message_comes_with_its_topic() {
    let mut protocol = connected(Version::V5);
    let inbound = protocol.handle_packet(publish("a", |_| {})).unwrap();
    let Inbound::Publish(checked) = inbound else {
        panic!("a message");
    };
    assert_eq!(checked.topic, topic("a"));
    assert_eq!(checked.verdict, Verdict::Route);
}

/// \[MQTT5-3.3.2-7\]
#[test]
fn an_alias_is_resolved_and_not_passed_on() {
    let mut protocol = connected(Version::V5);
    let alias = |properties: &mut PublishProperties| properties.topic_alias = Some(3);
    protocol.handle_packet(publish("a", alias)).unwrap();
    let Packet::Publish(mut known) = publish("a", alias) else {
        panic!("a message");
    };
    known.topic = None;
    let Ok(Inbound::Publish(checked)) = protocol.handle_packet(Packet::Publish(known)) else {
        panic!("a message");
    };
    assert_eq!(checked.topic, topic("a"));
    assert_eq!(checked.publish.properties.unwrap().topic_alias, None);
}

/// \[MQTT5-3.3.2-9\]
#[test]
fn an_alias_above_the_maximum_ends_the_connection() {
    let alias = |properties: &mut PublishProperties| properties.topic_alias = Some(33);
    let error = violation(&mut connected(Version::V5), publish("a", alias));
    assert_eq!(error.reason_code(), ReasonCode::TopicAliasInvalid);
}

/// \[MQTT5-3.3.4-6\]
#[test]
fn a_subscription_identifier_from_a_client_ends_the_connection() {
    let id = |properties: &mut PublishProperties| properties.subscription_ids = vec![1];
    let error = violation(&mut connected(Version::V5), publish("a", id));
    assert_eq!(error, Violation::SubscriptionId);
}

/// \[MQTT5-3.3.2-14\]
#[test]
fn a_response_topic_with_a_wildcard_ends_the_connection() {
    let response =
        |properties: &mut PublishProperties| properties.response_topic = Some(text("a/+"));
    let error = violation(&mut connected(Version::V5), publish("a", response));
    assert_eq!(error, Violation::ResponseTopic);
}

#[test]
fn a_response_topic_without_wildcards_passes() {
    let response = |name: &'static str| {
        move |properties: &mut PublishProperties| properties.response_topic = Some(text(name))
    };
    let passed = connected(Version::V5).handle_packet(publish("a", response("answers/1")));
    assert!(passed.is_ok());
    let empty = violation(&mut connected(Version::V5), publish("a", response("")));
    assert_eq!(empty, Violation::ResponseTopic);
}

#[test]
fn a_subscription_identifier_ends_the_connection_only_where_there_are_none() {
    let settings = ConnectSettings {
        subscription_ids_available: false,
        ..ConnectSettings::default()
    };
    let with_id = || {
        let Packet::Subscribe(mut subscribe) = subscribe("a", false) else {
            panic!("a subscribe");
        };
        subscribe.properties.subscription_id = Some(1);
        Packet::Subscribe(subscribe)
    };
    let without = || connected_with(Version::V5, None, &settings);
    let error = violation(&mut without(), with_id());
    assert_eq!(
        error.reason_code(),
        ReasonCode::SubscriptionIdentifiersNotSupported
    );
    assert!(without().handle_packet(subscribe("a", false)).is_ok());
    assert!(connected(Version::V5).handle_packet(with_id()).is_ok());
}

#[test]
fn a_qos_or_retain_flag_that_is_not_supported_ends_the_connection() {
    let settings = ConnectSettings {
        qos_max: QoS::AtMostOnce,
        retain_available: false,
        ..ConnectSettings::default()
    };
    let error = |change: fn(&mut Publish)| {
        let Packet::Publish(mut publish) = publish("a", |_| {}) else {
            panic!("a message");
        };
        change(&mut publish);
        let mut protocol = connected_with(Version::V5, None, &settings);
        violation(&mut protocol, Packet::Publish(publish)).reason_code()
    };
    assert_eq!(
        error(|publish| publish.qos = QoS::AtLeastOnce),
        ReasonCode::QoSNotSupported
    );
    assert_eq!(
        error(|publish| publish.retain = true),
        ReasonCode::RetainNotSupported
    );
}

fn verdict_on(on: &str, settings: &ConnectSettings, payload: &'static [u8]) -> Verdict {
    let Packet::Publish(mut publish) = publish(on, |p| p.payload_is_utf8 = Some(true)) else {
        panic!("a message");
    };
    publish.payload = Bytes::from_static(payload);
    let mut protocol = connected_with(Version::V5, None, settings);
    match protocol.handle_packet(Packet::Publish(publish)) {
        Ok(Inbound::Publish(checked)) => checked.verdict,
        other => panic!("a message, but {other:?}"),
    }
}

/// \[MQTT3-3.3.5-2\]
#[test]
fn clients_do_not_publish_on_topics_of_the_broker() {
    let settings = ConnectSettings::default();
    let refused = Verdict::Refuse(ReasonCode::TopicNameInvalid);
    assert_eq!(verdict_on("$SYS/brokers", &settings, b""), refused);
    assert_eq!(verdict_on("$SYSTEM", &settings, b""), Verdict::Route);
}

#[test]
fn a_payload_that_is_not_the_utf_8_it_says_is_refused_where_this_is_set() {
    let mut settings = ConnectSettings::default();
    assert_eq!(verdict_on("a", &settings, b"\xff"), Verdict::Route);
    settings.validates_payload_format = true;
    let refused = Verdict::Refuse(ReasonCode::PayloadFormatInvalid);
    assert_eq!(verdict_on("a", &settings, b"\xff"), refused);
    assert_eq!(verdict_on("a", &settings, b"hello"), Verdict::Route);
}

#[test]
fn acknowledgements_and_pings_pass() {
    let mut protocol = connected(Version::V4);
    let ack = Ack {
        packet_id: NonZeroU16::MIN,
        reason: ReasonCode::Success,
        properties: None,
    };
    let passed = protocol.handle_packet(Packet::PubAck(ack.clone()));
    assert_eq!(passed, Ok(Inbound::PubAck(ack)));
    assert_eq!(protocol.handle_packet(Packet::PingReq), Ok(Inbound::Ping));
}

#[test]
fn disconnect_ends_the_connection() {
    let mut protocol = connected(Version::V4);
    let inbound = protocol.handle_packet(disconnect(ReasonCode::Success, None));
    assert_eq!(
        inbound,
        Ok(Inbound::Disconnect {
            reason: ReasonCode::Success,
            expiry: None
        })
    );
    assert!(!protocol.may_parse());
    assert_eq!(protocol.farewell(ReasonCode::Success), None);
}

#[test]
fn disconnect_may_change_the_session_expiry_up_to_the_cap() {
    let expiry = |seconds| {
        let mut protocol = connected(Version::V5);
        match protocol.handle_packet(disconnect(ReasonCode::Success, Some(seconds))) {
            Ok(Inbound::Disconnect { expiry, .. }) => expiry.unwrap(),
            other => panic!("a disconnect, but {other:?}"),
        }
    };
    assert_eq!(expiry(0), Expiry::AtOnce);
    assert_eq!(expiry(5), Expiry::from_seconds(5));
    assert_eq!(expiry(u32::MAX), Expiry::from_seconds(30 * 86_400));
}

#[test]
fn disconnect_cannot_keep_a_session_that_was_to_end() {
    let mut protocol = connected_with(Version::V5, None, &ConnectSettings::default());
    let error = violation(&mut protocol, disconnect(ReasonCode::Success, Some(5)));
    assert_eq!(error, Violation::ExpiryRaised);
    assert_eq!(error.reason_code(), ReasonCode::ProtocolError);

    let mut protocol = connected_with(Version::V5, None, &ConnectSettings::default());
    let same = protocol.handle_packet(disconnect(ReasonCode::Success, Some(0)));
    assert!(same.is_ok());
}

/// \[MQTT5-3.14.2-1\]
#[test]
fn disconnect_with_a_reason_that_only_servers_give_is_a_protocol_error() {
    let mut protocol = connected(Version::V5);
    let error = violation(&mut protocol, disconnect(ReasonCode::ServerBusy, None));
    assert_eq!(error.reason_code(), ReasonCode::ProtocolError);
}

/// \[MQTT5-3.14.0-1\]
#[test]
fn a_3_x_client_is_not_told_why_its_connection_ends() {
    let mut protocol = connected(Version::V4);
    assert_eq!(protocol.farewell(ReasonCode::SessionTakenOver), None);
    assert!(!protocol.is_connected());
}
