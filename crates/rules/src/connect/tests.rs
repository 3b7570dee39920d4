//! What a CONNECT gets, by example.

use bytes::Bytes;
use castmq_mqtt::{
    Connect, ConnectProperties, ConnectReturn, QoS, ReasonCode, Version, Will, WillProperties,
};

use crate::ClientId;
use crate::connect::{ConnectPlan, ConnectSettings, Refused, decide};
use crate::session::Expiry;
use crate::testing::{text, topic};

fn connect(version: Version, client_id: &str, clean_start: bool) -> Connect {
    Connect {
        version,
        client_id: text(client_id),
        clean_start,
        keep_alive: 60,
        ..Connect::default()
    }
}

fn with(mut connect: Connect, change: impl FnOnce(&mut ConnectProperties)) -> Connect {
    change(&mut connect.properties);
    connect
}

fn will_on(name: &str) -> Will {
    Will {
        topic: topic(name),
        payload: Bytes::from_static(b"gone"),
        qos: QoS::AtLeastOnce,
        retain: true,
        properties: WillProperties::default(),
    }
}

fn decided(connect: &Connect, settings: &ConnectSettings) -> Result<ConnectPlan, Refused> {
    decide(connect, settings, || {
        ClientId::new(text("assigned-1")).unwrap()
    })
}

fn plan(connect: &Connect) -> ConnectPlan {
    decided(connect, &ConnectSettings::default()).unwrap()
}

fn refused(connect: &Connect) -> Refused {
    decided(connect, &ConnectSettings::default()).unwrap_err()
}

/// \[MQTT3-3.1.3-5\] \[MQTT5-3.1.3-5\]
#[test]
fn client_ids_of_1_to_23_characters_are_taken() {
    let longest = "0123456789abcdefghijABC";
    for version in [Version::V3, Version::V4, Version::V5] {
        assert_eq!(plan(&connect(version, "a", true)).client_id.as_str(), "a");
        assert!(
            decided(
                &connect(version, longest, true),
                &ConnectSettings::default()
            )
            .is_ok()
        );
    }
}

#[test]
fn in_3_1_a_client_id_of_24_characters_is_rejected() {
    let refused = refused(&connect(Version::V3, "0123456789abcdefghijABCD", true));
    assert_eq!(refused, Refused::ClientIdTooLong { length_max: 23 });
    assert_eq!(
        refused.return_code(),
        Some(ConnectReturn::IdentifierRejected)
    );
}

#[test]
fn in_3_1_characters_count_not_bytes() {
    assert!(
        decided(
            &connect(Version::V3, &"ä".repeat(23), true),
            &ConnectSettings::default()
        )
        .is_ok()
    );
}

#[test]
fn the_length_of_client_ids_in_3_1_is_a_setting() {
    let settings = ConnectSettings {
        client_id_chars_max_in_3_1: 64,
        ..ConnectSettings::default()
    };
    assert!(decided(&connect(Version::V3, &"x".repeat(64), true), &settings).is_ok());
}

#[test]
fn in_3_1_an_empty_client_id_is_rejected() {
    assert_eq!(
        refused(&connect(Version::V3, "", true)),
        Refused::EmptyClientId
    );
}

/// \[MQTT3-3.1.3-8\] \[MQTT3-3.1.3-9\]
#[test]
fn in_3_1_1_an_empty_client_id_with_a_session_to_keep_is_rejected() {
    let refused = refused(&connect(Version::V4, "", false));
    assert_eq!(refused, Refused::EmptyClientId);
    assert_eq!(
        refused.return_code(),
        Some(ConnectReturn::IdentifierRejected)
    );
}

/// \[MQTT3-3.1.3-6\]
#[test]
fn in_3_1_1_an_empty_client_id_with_a_clean_session_gets_one() {
    let plan = plan(&connect(Version::V4, "", true));
    assert_eq!(plan.client_id.as_str(), "assigned-1");
}

/// \[MQTT5-3.1.3-6\] \[MQTT5-3.1.3-7\] \[MQTT5-3.2.2-16\]
#[test]
fn in_5_0_an_empty_client_id_gets_one_and_is_told() {
    let plan = plan(&connect(Version::V5, "", false));
    assert_eq!(plan.client_id.as_str(), "assigned-1");
    let told = plan.accepted(false).properties.assigned_client_id;
    assert_eq!(told, Some(text("assigned-1")));
}

/// \[MQTT5-3.1.3-8\]
#[test]
fn a_client_id_that_is_too_long_is_rejected() {
    let refused = refused(&connect(Version::V5, &"x".repeat(1025), true));
    assert_eq!(refused.reason_code(), ReasonCode::ClientIdentifierNotValid);
}

/// \[MQTT3-3.1.2-4\] \[MQTT3-3.1.2-6\]
#[test]
fn in_3_1_1_clean_session_decides_how_long_the_session_lives() {
    let expiry = |clean| plan(&connect(Version::V4, "a", clean)).expiry;
    assert_eq!(expiry(true), Expiry::AtOnce);
    assert_eq!(expiry(false), Expiry::from_seconds(7 * 86_400));
}

/// \[MQTT5-3.1.2-23\]
#[test]
fn in_5_0_the_session_expiry_decides_and_clean_start_does_not() {
    let session = with(connect(Version::V5, "a", true), |properties| {
        properties.session_expiry = Some(60);
    });
    let plan = plan(&session);
    assert_eq!(plan.expiry, Expiry::from_seconds(60));
    assert_eq!(plan.properties.session_expiry, None);
}

#[test]
fn in_5_0_a_session_expiry_above_the_cap_is_capped_and_told() {
    let session = with(connect(Version::V5, "a", true), |properties| {
        properties.session_expiry = Some(u32::MAX);
    });
    let plan = plan(&session);
    assert_eq!(plan.expiry, Expiry::from_seconds(30 * 86_400));
    assert_eq!(plan.properties.session_expiry, Some(30 * 86_400));
}

#[test]
fn without_a_session_expiry_a_5_0_session_ends_with_its_connection() {
    let plan = plan(&connect(Version::V5, "a", false));
    assert_eq!(plan.expiry, Expiry::AtOnce);
    assert_eq!(plan.properties.session_expiry, None);
}

/// \[MQTT5-3.2.2-22\]
#[test]
fn the_clients_keep_alive_holds_unless_it_is_told_another() {
    let plan = plan(&connect(Version::V5, "a", true));
    assert_eq!(plan.keep_alive, 60);
    assert_eq!(plan.properties.server_keep_alive, None);
}

#[test]
fn a_keep_alive_above_the_cap_is_capped_for_those_who_can_be_told() {
    let settings = ConnectSettings {
        keep_alive_max: 30,
        ..ConnectSettings::default()
    };
    let five = decided(&connect(Version::V5, "a", true), &settings).unwrap();
    assert_eq!(five.keep_alive, 30);
    assert_eq!(five.properties.server_keep_alive, Some(30));
    let four = decided(&connect(Version::V4, "a", true), &settings).unwrap();
    assert_eq!(four.keep_alive, 60);
}

#[test]
fn a_keep_alive_of_0_is_off_unless_there_is_a_cap() {
    let mut off = connect(Version::V5, "a", true);
    off.keep_alive = 0;
    assert_eq!(plan(&off).keep_alive, 0);
    let settings = ConnectSettings {
        keep_alive_max: 30,
        ..ConnectSettings::default()
    };
    assert_eq!(decided(&off, &settings).unwrap().keep_alive, 30);
}

#[test]
fn connack_tells_the_limits_of_the_broker() {
    let told = plan(&connect(Version::V5, "a", true)).properties;
    assert_eq!(told.receive_maximum, Some(1024));
    assert_eq!(told.maximum_packet_size, Some(1024 * 1024));
    assert_eq!(told.topic_alias_maximum, Some(32));
    let available = [
        told.retain_available,
        told.wildcard_available,
        told.shared_available,
        told.subscription_ids_available,
    ];
    assert_eq!(available, [None; 4]);
    assert_eq!(told.maximum_qos, None);
}

/// \[MQTT5-3.2.2-9\]
#[test]
fn connack_tells_what_is_not_there() {
    let settings = ConnectSettings {
        qos_max: QoS::AtMostOnce,
        retain_available: false,
        wildcard_available: false,
        shared_available: false,
        subscription_ids_available: false,
        ..ConnectSettings::default()
    };
    let told = decided(&connect(Version::V5, "a", true), &settings)
        .unwrap()
        .properties;
    assert_eq!(told.maximum_qos, Some(QoS::AtMostOnce));
    let available = [
        told.retain_available,
        told.wildcard_available,
        told.shared_available,
        told.subscription_ids_available,
    ];
    assert_eq!(available, [Some(false); 4]);
}

#[test]
fn connack_of_3_x_tells_nothing() {
    let told = plan(&connect(Version::V4, "", true)).accepted(false);
    assert_eq!(told.properties, castmq_mqtt::ConnAckProperties::default());
}

/// \[MQTT5-3.1.2-28\]
#[test]
fn response_information_is_given_to_those_who_ask() {
    let settings = ConnectSettings {
        response_information: Some(text("answers/")),
        ..ConnectSettings::default()
    };
    let told = |asks: Option<bool>| {
        let connect = with(connect(Version::V5, "a", true), |properties| {
            properties.request_response_information = asks;
        });
        decided(&connect, &settings)
            .unwrap()
            .properties
            .response_information
    };
    assert_eq!(told(Some(true)), Some(text("answers/")));
    assert_eq!(told(Some(false)), None);
    assert_eq!(told(None), None);
}

#[test]
fn what_the_client_takes_is_kept_for_the_connection() {
    let connect = with(connect(Version::V5, "a", true), |properties| {
        properties.receive_maximum = Some(3);
        properties.maximum_packet_size = Some(100);
        properties.topic_alias_maximum = Some(7);
        properties.request_problem_information = Some(false);
    });
    let plan = plan(&connect);
    assert_eq!(plan.receive_maximum, 3);
    assert_eq!(plan.packet_bytes_max, Some(100));
    assert_eq!(plan.topic_alias_max, 7);
    assert!(!plan.wants_problem_information);
}

/// \[MQTT5-4.12.0-1\]
#[test]
fn a_method_of_authentication_that_is_not_configured_is_refused() {
    let connect = with(connect(Version::V5, "a", true), |properties| {
        properties.authentication_method = Some(text("SCRAM-SHA-1"));
    });
    let refused = refused(&connect);
    assert_eq!(refused.reason_code(), ReasonCode::BadAuthenticationMethod);
}

/// emqttd's fault P13 is not here.
#[test]
fn a_will_on_a_topic_of_the_broker_is_refused() {
    let mut with_will = connect(Version::V5, "a", true);
    with_will.will = Some(will_on("$SYS/brokers"));
    assert_eq!(
        refused(&with_will).reason_code(),
        ReasonCode::TopicNameInvalid
    );
}

/// \[MQTT5-3.2.2-12\] \[MQTT5-3.2.2-13\]
#[test]
fn a_will_that_the_broker_cannot_publish_is_refused() {
    let mut with_will = connect(Version::V5, "a", true);
    with_will.will = Some(will_on("will"));
    let mut settings = ConnectSettings {
        qos_max: QoS::AtMostOnce,
        ..ConnectSettings::default()
    };
    assert_eq!(
        decided(&with_will, &settings).unwrap_err().reason_code(),
        ReasonCode::QoSNotSupported
    );
    settings.qos_max = QoS::ExactlyOnce;
    settings.retain_available = false;
    assert_eq!(
        decided(&with_will, &settings).unwrap_err().reason_code(),
        ReasonCode::RetainNotSupported
    );
}

#[test]
fn a_will_that_is_not_the_utf_8_it_says_is_refused_where_this_is_set() {
    let mut will = will_on("will");
    will.payload = Bytes::from_static(b"\xff");
    will.properties.publish.payload_is_utf8 = Some(true);
    let mut with_will = connect(Version::V5, "a", true);
    with_will.will = Some(will);
    assert!(decided(&with_will, &ConnectSettings::default()).is_ok());
    let settings = ConnectSettings {
        validates_payload_format: true,
        ..ConnectSettings::default()
    };
    assert_eq!(
        decided(&with_will, &settings).unwrap_err().reason_code(),
        ReasonCode::PayloadFormatInvalid
    );
}

/// emqttd's fault P14 is not here. \[MQTT3-3.2.2-4\]
#[test]
fn who_is_not_allowed_hears_code_5_and_who_is_not_known_code_4() {
    let connack = Refused::NotAuthorized.connack(Version::V4).unwrap();
    assert_eq!(connack.reason, ReasonCode::NotAuthorized);
    assert!(!connack.session_present);
    assert_eq!(
        Refused::NotAuthorized.return_code(),
        Some(ConnectReturn::NotAuthorized)
    );
    assert_eq!(
        Refused::BadUserNameOrPassword.return_code(),
        Some(ConnectReturn::BadUserNameOrPassword)
    );
}

#[test]
fn in_3_x_a_will_on_a_topic_of_the_broker_is_not_authorized() {
    let connack = Refused::WillTopicNotAllowed.connack(Version::V4).unwrap();
    assert_eq!(connack.reason, ReasonCode::NotAuthorized);
}

#[test]
fn a_busy_server_says_that_it_is_not_available_in_3_x() {
    let code = Some(ConnectReturn::ServerUnavailable);
    assert_eq!(Refused::Busy.return_code(), code);
    assert_eq!(Refused::QuotaExceeded.return_code(), code);
    assert_eq!(Refused::ServerMoved(text("other")).return_code(), code);
}

/// \[MQTT3-3.2.2-6\]
#[test]
fn where_no_code_of_3_x_fits_there_is_no_connack() {
    assert_eq!(Refused::WillQoSNotSupported.connack(Version::V4), None);
    assert!(Refused::WillQoSNotSupported.connack(Version::V5).is_some());
}

#[test]
fn a_refusal_names_the_server_to_use_instead() {
    let refused = Refused::ServerMoved(text("other:1883"));
    let connack = refused.connack(Version::V5).unwrap();
    assert_eq!(
        connack.properties.server_reference,
        Some(text("other:1883"))
    );
    assert_eq!(connack.properties.reason_string, Some(text("server moved")));
}

/// \[MQTT3-3.2.2-2\] \[MQTT5-3.2.2-3\]
#[test]
fn connack_says_whether_there_is_a_session() {
    let plan = plan(&connect(Version::V4, "a", false));
    assert!(plan.accepted(true).session_present);
    assert!(!plan.accepted(false).session_present);
}
