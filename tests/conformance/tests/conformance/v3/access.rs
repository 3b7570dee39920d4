//! What clients may not do: return codes 2 to 5 of CONNACK, 0x80 of SUBACK, and chapter 3.3.5.

use std::sync::Arc;

use castmq_broker::rules::access::{Answer, Question, Subject};
use castmq_broker::rules::connect::Refused;
use castmq_broker::{Authenticator, Authorizer, Credentials, Finding};
use castmq_conformance::{Packet, Scene, v3, will};
use castmq_settings::PublishDenied;

use super::{expect_nothing_from, expect_nothing_more, expect_refused};

/// Topics and filters with the level `forbidden` are nobody's, those with `alice` only hers.
struct Levels;

impl Authorizer for Levels {
    fn authorize(&self, subject: Subject<'_>, question: Question<'_>) -> Answer<()> {
        let has = |level| question.topic.split('/').any(|other| other == level);
        assert!(!has("bug"), "a module with a bug");
        if has("forbidden") || (has("alice") && subject.user != Some("alice")) {
            Answer::Error(())
        } else {
            Answer::Ok
        }
    }
}

/// Everything is everybody's, which a connection may remember.
struct Anything;

impl Authorizer for Anything {
    fn authorize(&self, _: Subject<'_>, _: Question<'_>) -> Answer<()> {
        Answer::Ok
    }
}

/// The user name says what becomes of the CONNECT.
struct ByUserName;

impl Authenticator for ByUserName {
    fn authenticate(&self, credentials: &Credentials) -> Finding {
        let answer = match credentials.user_name() {
            Some("welcome") if credentials.password() == Some(b"secret") => Answer::Ok,
            Some("welcome") => Answer::Error(Refused::BadUserNameOrPassword),
            Some("not authorized") => Answer::Error(Refused::NotAuthorized),
            Some("busy") => Answer::Error(Refused::Busy),
            Some("id") => Answer::Error(Refused::ClientIdNotAllowed),
            Some(_) => panic!("a module with a bug"),
            None => Answer::Ignore,
        };
        answer.into()
    }
}

/// A broker with [`Levels`].
fn with_levels() -> Option<Scene> {
    Scene::built(|builder| builder.authorizer(Arc::new(Levels)), |_| ())
}

/// A broker with [`ByUserName`].
fn with_users() -> Option<Scene> {
    let users = Arc::new(ByUserName);
    Scene::built(
        |builder| builder.authenticator(users),
        |settings| settings.listener[0].allow_anonymous = false,
    )
}

/// Not as emqttd's P9: a publish that is not allowed does not make the client try for ever.
///
/// \[MQTT3-3.3.5-2\]
#[test]
fn a_denied_publish_of_qos_1_is_acknowledged_and_goes_nowhere() {
    let Some(scene) = with_levels() else { return };
    let topic = scene.topic("forbidden");
    let mut subscriber = scene.client("subscriber");
    subscriber.subscribe(&scene.topic("#"), 0);
    let mut publisher = scene.client("publisher");

    publisher.send(v3::publish(&topic, "x").qos(1).id(1).retain());
    publisher.expect(v3::puback(1));
    expect_nothing_from(&mut publisher, &mut subscriber);
    subscriber.subscribe(&scene.topic("#"), 0);
    expect_nothing_more(&mut subscriber);
}

/// Not as emqttd's P9: a publish that is not allowed does not make the client try for ever.
///
/// \[MQTT3-3.3.5-2\]
#[test]
fn a_denied_publish_of_qos_2_goes_through_its_exchange_and_nowhere_else() {
    let Some(scene) = with_levels() else { return };
    let mut subscriber = scene.client("subscriber");
    subscriber.subscribe(&scene.topic("#"), 0);
    let mut publisher = scene.client("publisher");

    publisher.send(v3::publish(scene.topic("forbidden"), "x").qos(2).id(1));
    publisher.expect(v3::pubrec(1));
    publisher.send(v3::pubrel(1));
    publisher.expect(v3::pubcomp(1));
    expect_nothing_from(&mut publisher, &mut subscriber);
}

/// \[MQTT3-3.3.5-2\]
#[test]
fn a_denied_publish_closes_the_connection_where_that_is_set() {
    let authorizer = Arc::new(Levels);
    let Some(scene) = Scene::built(
        |builder| builder.authorizer(authorizer),
        |settings| settings.access.publish_denied = PublishDenied::Disconnect,
    ) else {
        return;
    };
    let mut client = scene.client("a");

    client.send(v3::publish(scene.topic("forbidden"), "x").qos(1).id(1));
    client.expect_close();
}

/// \[MQTT3-3.3.5-2\] \[MQTT3-4.6.0-2\]
#[test]
fn denied_and_allowed_publishes_are_acknowledged_in_their_order() {
    let Some(scene) = with_levels() else { return };
    let mut client = scene.client("a");

    let publishes = [
        v3::publish(scene.topic("t"), "x").qos(1).id(1),
        v3::publish(scene.topic("forbidden"), "x").qos(1).id(2),
        v3::publish(scene.topic("t"), "x").qos(2).id(3),
        v3::publish(scene.topic("forbidden"), "x").qos(2).id(4),
    ];
    client.send(
        publishes
            .iter()
            .flat_map(Packet::to_bytes)
            .collect::<Vec<u8>>(),
    );
    client.expect(v3::puback(1));
    client.expect(v3::puback(2));
    client.expect(v3::pubrec(3));
    client.expect(v3::pubrec(4));
}

/// Not as emqttd's P10: one denied filter does not refuse the others.
///
/// \[MQTT3-3.8.4-5\] \[MQTT3-3.9.3-1\] \[MQTT3-3.9.3-2\]
#[test]
fn a_denied_filter_gets_code_80_and_the_others_are_granted() {
    let Some(scene) = with_levels() else { return };
    let (first, second) = (scene.topic("a"), scene.topic("b"));
    let forbidden = scene.topic("forbidden");
    let mut client = scene.client("a");

    client.send(v3::subscribe(
        1,
        &[(&first, 1), (&forbidden, 1), (&second, 2)],
    ));
    client.expect([0x90, 5, 0, 1, 1, 0x80, 2]);
    client.publish(v3::publish(&first, "x"));
    client.publish(v3::publish(&second, "y"));
    client.expect_publish(&v3::publish(&first, "x"));
    client.expect_publish(&v3::publish(&second, "y"));
}

/// \[MQTT3-3.8.4-5\]
#[test]
fn a_denied_filter_brings_no_retained_messages() {
    let Some(scene) = with_levels() else { return };
    let topic = scene.topic("forbidden/t");
    let mut client = scene.client("a");
    client.send(v3::publish(&topic, "x").qos(1).id(1).retain());
    client.expect(v3::puback(1));

    client.send(v3::subscribe(2, &[(&topic, 1)]));
    client.expect(v3::suback(2, &[0x80]));
    expect_nothing_more(&mut client);
}

/// Not as emqttd's P13: the topic of a will is subject to the same rules as that of a message. Not
/// as its P14: it is return code 5 that says so.
///
/// \[MQTT3-3.2.2-4\] \[MQTT3-3.2.2-5\]
#[test]
fn a_client_with_a_denied_will_topic_is_refused_with_code_5() {
    let Some(scene) = with_levels() else { return };
    let connect = v3::connect(scene.id("a"));

    expect_refused(
        &scene,
        &connect.will(will(scene.topic("forbidden"), "gone")),
        5,
    );
}

/// Not as emqttd's P13: the topic of a will is subject to the same rules as that of a message.
///
/// \[MQTT3-3.1.2-8\]
#[test]
fn a_will_is_judged_by_the_user_name_too() {
    let Some(scene) = with_levels() else { return };
    let topic = scene.topic("alice");
    let mut monitor = scene.client_with(&v3::connect(scene.id("monitor")).user("alice"));
    monitor.subscribe(&topic, 0);
    let connect = v3::connect(scene.id("a")).will(will(&topic, "gone"));

    expect_refused(&scene, &connect.clone().user("bob"), 5);
    scene.client_with(&connect.user("alice")).cut();
    monitor.expect_publish(&v3::publish(&topic, "gone"));
}

/// Not as emqttd's P13: nobody leaves a will among the broker's own topics.
///
/// \[MQTT3-3.2.2-5\]
#[test]
fn a_will_below_the_brokers_own_topics_is_refused() {
    let Some(scene) = with_levels() else { return };
    let connect = v3::connect(scene.id("a"));

    expect_refused(&scene, &connect.will(will("$SYS/brokers", "gone")), 5);
}

/// Not as emqttd's P14: code 5 exists.
///
/// \[MQTT3-3.2.2-4\] \[MQTT3-3.2.2-5\]
#[test]
fn a_client_that_is_not_authorized_is_refused_with_code_5() {
    let Some(scene) = with_users() else { return };

    expect_refused(
        &scene,
        &v3::connect(scene.id("a")).user("not authorized"),
        5,
    );
}

/// \[MQTT3-3.2.2-4\] \[MQTT3-3.2.2-5\]
#[test]
fn a_wrong_password_is_refused_with_code_4() {
    let Some(scene) = with_users() else { return };
    let connect = v3::connect(scene.id("a")).user("welcome");

    expect_refused(&scene, &connect.clone(), 4);
    expect_refused(&scene, &connect.clone().password("wrong"), 4);
    scene
        .client_with(&connect.password("secret"))
        .expect_nothing();
}

/// \[MQTT3-3.2.2-4\] \[MQTT3-3.2.2-5\]
#[test]
fn a_client_whom_no_module_knows_is_refused_with_code_4() {
    let Some(scene) = with_users() else { return };

    expect_refused(&scene, &v3::connect(scene.id("a")), 4);
}

/// Not as emqttd's P14: trouble with the session is told, the connection does not just close.
///
/// \[MQTT3-3.2.2-4\] \[MQTT3-3.2.2-5\]
#[test]
fn a_broker_that_is_busy_refuses_with_code_3() {
    let Some(scene) = with_users() else { return };

    expect_refused(&scene, &v3::connect(scene.id("a")).user("busy"), 3);
}

/// \[MQTT3-3.1.3-9\] \[MQTT3-3.2.2-4\] \[MQTT3-3.2.2-5\]
#[test]
fn an_id_that_is_not_allowed_is_refused_with_code_2() {
    let Some(scene) = with_users() else { return };

    expect_refused(&scene, &v3::connect(scene.id("a")).user("id"), 2);
}

/// Not as emqttd's P1: no message and no will of a refused client goes out.
///
/// \[MQTT3-3.1.4-5\] \[MQTT3-3.2.2-5\]
#[test]
fn a_client_with_a_wrong_password_leaves_neither_message_nor_will() {
    let Some(scene) = with_users() else { return };
    let topic = scene.topic("t");
    let welcome = |id| v3::connect(scene.id(id)).user("welcome").password("secret");
    let mut monitor = scene.client_with(&welcome("monitor"));
    monitor.subscribe(&topic, 0);

    let connect = v3::connect(scene.id("a")).user("welcome");
    let connect = connect.password("wrong").will(will(&topic, "gone"));
    let publish = v3::publish(&topic, "x").to_bytes();
    let mut refused = scene.open();
    refused.send([connect.to_bytes(), publish].concat());
    if let Some(answer) = refused.receive_or_close() {
        assert_eq!(answer.to_bytes(), v3::connack(0, 4));
        refused.expect_close();
    }
    expect_nothing_from(&mut scene.client_with(&welcome("other")), &mut monitor);
}

/// A client that is refused has not claimed its id.
///
/// \[MQTT3-3.1.4-5\] \[MQTT3-3.1.4-2\]
#[test]
fn a_refused_client_does_not_take_over() {
    let Some(scene) = with_users() else { return };
    let connect = v3::connect(scene.id("a")).user("welcome");
    let mut client = scene.client_with(&connect.clone().password("secret"));

    expect_refused(&scene, &connect.password("wrong"), 4);
    client.expect_nothing();
}

/// Not as emqttd's F18: a module that fails says no, and takes nobody with it.
///
/// \[MQTT3-3.2.2-5\]
#[test]
fn a_failing_authentication_module_refuses_its_client_and_no_other() {
    let Some(scene) = with_users() else { return };
    let welcome = v3::connect(scene.id("b"))
        .user("welcome")
        .password("secret");
    let mut bystander = scene.client_with(&welcome);

    expect_refused(&scene, &v3::connect(scene.id("a")).user("bug"), 3);
    bystander.expect_nothing();
}

/// Not as emqttd's F18: a module that fails says no, and takes nobody with it.
///
/// \[MQTT3-3.3.5-2\] \[MQTT3-3.8.4-5\]
#[test]
fn a_failing_access_module_denies_and_the_connection_lives() {
    let Some(scene) = with_levels() else { return };
    let topic = scene.topic("bug");
    let mut client = scene.client("a");

    client.send(v3::subscribe(1, &[(&topic, 0)]));
    client.expect(v3::suback(1, &[0x80]));
    client.send(v3::publish(&topic, "x").qos(1).id(2));
    client.expect(v3::puback(2));
    client.expect_nothing();
}

/// Not as emqttd's P16: a change reaches those who are connected, and what they did before.
///
/// \[MQTT3-3.3.5-2\]
#[test]
fn new_rules_hold_for_connections_that_are_there() {
    let Some(scene) = Scene::built(|builder| builder.authorizer(Arc::new(Anything)), |_| ()) else {
        return;
    };
    let topic = scene.topic("forbidden");
    let mut subscriber = scene.client("subscriber");
    subscriber.subscribe(&topic, 0);
    let mut publisher = scene.client("publisher");
    publisher.publish(v3::publish(&topic, "before").qos(1));
    subscriber.expect_publish(&v3::publish(&topic, "before"));

    change_rules(&scene, vec![Arc::new(Levels)]);
    publisher.publish(v3::publish(&topic, "denied").qos(1));
    expect_nothing_from(&mut publisher, &mut subscriber);
    change_rules(&scene, vec![Arc::new(Anything)]);
    publisher.publish(v3::publish(&topic, "after").qos(1));
    subscriber.expect_publish(&v3::publish(&topic, "after"));
}

/// Replaces the modules.
fn change_rules(scene: &Scene, authorizers: Vec<Arc<dyn Authorizer>>) {
    let broker = scene.broker().expect("the broker is in this process");
    broker
        .change_access(move |modules| modules.authorizers = authorizers)
        .unwrap();
}
