//! What a client hears that may not connect, publish or subscribe, and when the broker stops.

use std::sync::Arc;

use castmq_broker::mqtt::ReasonCode;
use castmq_broker::rules::access::{Answer, Question, Subject};
use castmq_broker::{Authenticator, Authorizer, Credentials, Finding};
use castmq_conformance::v5::{self, property};
use castmq_conformance::wire::Packet;
use castmq_conformance::{Scene, will};
use castmq_settings::{PublishDenied, Settings};

use super::{expect_nothing_from, expect_refused, room_for_connack};

/// Lets everybody in but the user `wrong`, and everybody do everything but on topics with `secret`.
struct Doorman;

impl Authenticator for Doorman {
    fn authenticate(&self, credentials: &Credentials) -> Finding {
        if credentials.user_name() == Some("wrong") {
            return Finding::wrong("the user is called wrong");
        }
        Finding::known()
    }
}

impl Authorizer for Doorman {
    fn authorize(&self, _: Subject<'_>, question: Question<'_>) -> Answer<()> {
        if question.topic.contains("secret") {
            return Answer::Error(());
        }
        Answer::Ok
    }
}

/// A broker with a doorman.
fn guarded(alter: impl FnOnce(&mut Settings)) -> Option<Scene> {
    let doorman = Arc::new(Doorman);
    Scene::built(
        |builder| builder.authenticator(doorman.clone()).authorizer(doorman),
        alter,
    )
}

/// \[MQTT5-3.1.4-2\] \[MQTT5-3.2.2-7\] \[MQTT5-3.2.2-6\]
#[test]
fn a_client_that_fails_authentication_is_refused_and_closed() {
    let Some(scene) = guarded(|_| ()) else {
        return;
    };
    let connect = v5::connect(scene.id("a"));

    scene
        .client_with(&connect.clone().user("right"))
        .disconnect();
    let mut client = scene.open();
    client.send_connect(&connect.user("wrong"));
    let code = ReasonCode::BadUserNameOrPassword.number();
    assert_eq!(client.expect_answer(0x20).code(), code);
    client.expect_close();
}

/// \[MQTT5-3.1.4-6\] \[MQTT5-3.1.4-2\]
#[test]
fn what_a_client_sends_that_fails_authentication_is_not_processed() {
    let Some(scene) = guarded(|_| ()) else {
        return;
    };
    let topic = scene.topic("t");
    let mut watcher = scene.client_v5("watcher");
    let mut publisher = scene.client_v5("publisher");
    watcher.subscribe(&topic, 0);

    let mut client = scene.open();
    let connect = v5::connect(scene.id("a"))
        .user("wrong")
        .will(will(&topic, "will"));
    client.send([connect.to_bytes(), v5::publish(&topic, "x").to_bytes()].concat());
    super::expect_refusal(&mut client.speaking(5), &[0x86]);
    expect_nothing_from(&mut publisher, &mut watcher);
}

/// \[MQTT5-3.1.4-2\]
#[test]
fn a_client_whose_will_is_not_allowed_is_refused() {
    let Some(scene) = guarded(|_| ()) else {
        return;
    };
    let connect = v5::connect(scene.id("a")).will(will("secret", "x"));

    expect_refused(&scene, &connect, &[0x87]);
}

/// \[MQTT5-3.4.2-1\] \[MQTT5-3.5.2-1\] \[MQTT5-4.3.3-9\]
#[test]
fn a_message_that_is_not_allowed_is_refused_with_code_87() {
    let Some(scene) = guarded(|_| ()) else {
        return;
    };
    let mut client = scene.client_v5("a");

    client.send(v5::publish("secret", "x").qos(1).id(1));
    assert_eq!(client.expect_answer(0x40).code(), 0x87);
    client.send(v5::publish("secret", "x").qos(2).id(2));
    assert_eq!(client.expect_answer(0x50).code(), 0x87);
    // Refused with PUBREC the exchange is over.
    client.send(v5::pubrel(2));
    assert_eq!(client.expect_answer(0x70).code(), 0x92);
}

/// \[MQTT5-4.13.2-1\] \[MQTT5-3.14.2-1\]
#[test]
fn a_message_that_is_not_allowed_ends_the_connection_where_that_is_set() {
    let altered = guarded(|settings| settings.access.publish_denied = PublishDenied::Disconnect);
    let Some(scene) = altered else {
        return;
    };
    let mut client = scene.client_v5("a");

    client.send(v5::publish("secret", "x"));
    client.expect_disconnect(0x87);
}

/// \[MQTT5-3.9.3-1\] \[MQTT5-3.9.3-2\] \[MQTT5-3.8.4-7\]
#[test]
fn a_filter_that_is_not_allowed_is_refused_in_its_place() {
    let Some(scene) = guarded(|_| ()) else {
        return;
    };
    let mut client = scene.client_v5("a");

    client.send(v5::subscribe(1, &[("a", 1), ("secret", 1), ("b", 2)]));
    assert_eq!(client.expect_answer(0x90).codes, [1, 0x87, 2]);
}

/// \[MQTT5-3.9.2-1\] \[MQTT5-3.9.2-2\]
#[test]
fn a_suback_comes_without_its_text_when_the_client_has_no_room_for_it() {
    let Some(scene) = guarded(|_| ()) else {
        return;
    };
    let limit = property::maximum_packet_size(room_for_connack(&scene));
    let mut client = scene.client_with(&v5::connect(scene.id("a")).property(limit));

    // The text would take the SUBACK over the limit that the CONNACK just fits.
    let filters: Vec<(&str, u8)> = [("secret", 0); 10].to_vec();
    client.send(v5::subscribe(1, &filters));
    assert_eq!(client.expect_answer(0x90).codes, [0x87; 10]);
}

/// \[MQTT5-3.1.2-29\]
#[test]
fn a_refusal_is_explained_only_to_who_wants_explanations() {
    let Some(scene) = guarded(|_| ()) else {
        return;
    };
    let silent = property::request_problem_information(0);
    let mut silent = scene.client_with(&v5::connect(scene.id("silent")).property(silent));

    silent.send(v5::subscribe(1, &[("secret", 0)]));
    assert!(silent.expect_answer(0x90).properties.is_empty());
    silent.send(v5::publish("secret", "x").qos(1).id(1));
    assert!(silent.expect_answer(0x40).properties.is_empty());
    silent.send(v5::publish("secret", "x").qos(2).id(2));
    assert!(silent.expect_answer(0x50).properties.is_empty());
}

/// \[MQTT5-3.14.2-1\] \[MQTT5-4.13.2-1\]
#[test]
fn a_broker_that_stops_says_so() {
    let Some(scene) = Scene::with(|_| ()) else {
        return;
    };
    let mut client = scene.client_v5("a");

    drop(scene);
    client.expect_disconnect(0x8B);
}

/// \[MQTT5-3.14.2-1\] \[MQTT5-3.14.2-2\]
#[test]
fn a_broker_that_stops_names_another_one_if_it_knows_one() {
    let altered = Scene::with(|settings| {
        settings.mqtt.server_reference = Some("other.example:1883".to_owned());
    });
    let Some(scene) = altered else {
        return;
    };
    let mut client = scene.client_v5("a");

    drop(scene);
    let disconnect = client.expect_answer(0xE0);
    assert!([0x8B, 0x9C].contains(&disconnect.code()), "{disconnect:?}");
    let expected = property::text(0x1C, "other.example:1883");
    assert_eq!(disconnect.property(0x1C), Some(&expected[1..]));
    client.expect_close();
}
