//! The modules, as clients see them: presence, automatic subscriptions, rewritten topics.

use castmq_conformance::{Client, Scene, v3};
use castmq_settings::{AutoSubscription, RewriteAction, RewriteRule, Settings};

use super::{expect_nothing_from, expect_nothing_more};

/// The part of a `$SYS` topic behind the name of the node.
fn below_the_node(message: &castmq_conformance::Publish) -> String {
    let topic = String::from_utf8(message.topic.clone()).unwrap();
    topic.splitn(4, '/').nth(3).unwrap().to_owned()
}

/// As emqttd's module: the topics and, in the payload, who it is.
#[test]
fn who_connects_and_disconnects_is_published_below_sys() {
    let Some(scene) = Scene::with(|settings| settings.modules.presence.enabled = true) else {
        return;
    };
    let id = scene.id("a");
    let mut observer = scene.client("observer");
    observer.subscribe("$SYS/brokers/+/clients/#", 0);

    // The observer may see itself come, too.
    let client = scene.client_with(&v3::connect(&id).user("alice"));
    let connected = next_about(&mut observer, &id);
    assert_eq!(
        below_the_node(&connected),
        format!("clients/{id}/connected")
    );
    let payload = String::from_utf8(connected.payload).unwrap();
    assert!(
        payload.contains(&format!("\"clientid\":\"{id}\"")),
        "{payload}"
    );
    assert!(payload.contains("\"username\":\"alice\""), "{payload}");
    client.disconnect();
    let disconnected = next_about(&mut observer, &id);
    assert_eq!(
        below_the_node(&disconnected),
        format!("clients/{id}/disconnected")
    );
}

/// The next message that is about this client.
#[track_caller]
fn next_about(observer: &mut Client, id: &str) -> castmq_conformance::Publish {
    loop {
        let message = observer.receive_publish();
        if below_the_node(&message).contains(id) {
            return message;
        }
    }
}

/// A broker that subscribes its clients to these filters.
fn with_subscriptions(filters: &[(&str, u8)]) -> Option<Scene> {
    let subscription = |&(topic, qos): &(&str, u8)| AutoSubscription {
        topic: topic.to_owned(),
        qos,
    };
    let subscriptions = filters.iter().map(subscription).collect();
    Scene::with(|settings| {
        settings.modules.subscription.enabled = true;
        settings.modules.subscription.subscriptions = subscriptions;
    })
}

/// As emqttd's module.
#[test]
fn a_client_is_subscribed_by_its_id_without_asking() {
    let Some(scene) = with_subscriptions(&[("inbox/%c", 1)]) else {
        return;
    };
    let topic = format!("inbox/{}", scene.id("a"));
    let mut client = scene.client("a");
    let mut other = scene.client("b");

    // An exchange of the client lies behind its subscription.
    client.publish(v3::publish(scene.topic("fence"), "x").qos(2));
    other.publish(v3::publish(&topic, "x").qos(1));
    client.expect_message(&v3::publish(&topic, "x").qos(1));
    expect_nothing_more(&mut other);
}

/// As emqttd's module.
#[test]
fn a_client_is_subscribed_by_its_user_name_without_asking() {
    let Some(scene) = with_subscriptions(&[("user/%u", 0)]) else {
        return;
    };
    let mut alice = scene.client_with(&v3::connect(scene.id("a")).user("alice"));
    let mut nobody = scene.client("b");

    alice.publish(v3::publish(scene.topic("fence"), "x").qos(2));
    nobody.publish(v3::publish("user/alice", "x").qos(1));
    alice.expect_message(&v3::publish("user/alice", "x"));
    expect_nothing_more(&mut nobody);
}

/// A name with a wildcard would subscribe to what is others'.
#[test]
fn a_client_cannot_widen_its_automatic_subscription_by_its_name() {
    let Some(scene) = with_subscriptions(&[("user/%u", 0)]) else {
        return;
    };
    let mut greedy = scene.client_with(&v3::connect(scene.id("a")).user("+"));
    let mut other = scene.client("b");

    greedy.publish(v3::publish(scene.topic("fence"), "x").qos(2));
    other.publish(v3::publish("user/alice", "x").qos(1));
    expect_nothing_from(&mut other, &mut greedy);
}

/// Rewrites `old/…` to `new/…`.
fn old_to_new(settings: &mut Settings, action: RewriteAction) {
    settings.modules.rewrite.enabled = true;
    settings.modules.rewrite.rules = vec![RewriteRule {
        action,
        topic: "old/#".to_owned(),
        pattern: "^old/(.+)$".to_owned(),
        to: "new/$1".to_owned(),
    }];
}

/// As emqttd's module.
#[test]
fn a_message_is_published_to_the_rewritten_topic() {
    let Some(scene) = Scene::with(|settings| old_to_new(settings, RewriteAction::Publish)) else {
        return;
    };
    let mut subscriber = scene.client("subscriber");
    subscriber.subscribe("new/t", 1);
    subscriber.subscribe("old/t", 1);

    let mut publisher = scene.client("publisher");
    publisher.publish(v3::publish("old/t", "x").qos(1));
    subscriber.expect_message(&v3::publish("new/t", "x").qos(1));
    expect_nothing_from(&mut publisher, &mut subscriber);
}

/// As emqttd's module.
#[test]
fn a_subscription_is_made_and_ended_by_the_rewritten_filter() {
    let Some(scene) = Scene::with(|settings| old_to_new(settings, RewriteAction::Subscribe)) else {
        return;
    };
    let mut client = scene.client("a");

    client.subscribe("old/t", 0);
    client.publish(v3::publish("old/t", "x"));
    client.publish(v3::publish("new/t", "y"));
    client.expect_publish(&v3::publish("new/t", "y"));
    client.unsubscribe("old/t");
    client.publish(v3::publish("new/t", "z"));
    expect_nothing_more(&mut client);
}

/// As emqttd's module.
#[test]
fn a_retained_message_is_kept_under_the_rewritten_topic() {
    let Some(scene) = Scene::with(|settings| old_to_new(settings, RewriteAction::All)) else {
        return;
    };
    let mut publisher = scene.client("publisher");
    publisher.publish(v3::publish("old/t", "x").qos(1).retain());

    let mut subscriber = scene.client("subscriber");
    subscriber.subscribe("old/+", 0);
    subscriber.expect_publish(&v3::publish("new/t", "x").retain());
}
