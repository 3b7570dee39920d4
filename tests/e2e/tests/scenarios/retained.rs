//! Scenario 1: retained messages.

use castmq_e2e::{Client, Message, Scenario, Version};

over_both_versions!(
    a_subscriber_that_comes_later_gets_the_retained_message_with_the_flag,
    a_message_published_to_a_subscriber_that_is_there_comes_without_the_flag,
    subscribing_again_brings_the_newest_version_with_the_flag,
    an_empty_retained_payload_deletes,
    an_empty_payload_without_the_flag_deletes_nothing,
);

/// A publisher that has published `hello world` to be kept on the topic.
fn published(scenario: &Scenario, topic: &str) -> Client {
    let mut publisher = scenario.client("publisher").connect();
    publisher.publish_retained(topic, "hello world", 1);
    publisher
}

fn a_subscriber_that_comes_later_gets_the_retained_message_with_the_flag(version: Version) {
    let scenario = Scenario::new(version);
    let topic = scenario.fresh("test");
    let _publisher = published(&scenario, &topic);

    let mut subscriber = scenario.client("subscriber").kept().connect();
    subscriber.subscribe(&topic, 1);

    let kept = Message::new("hello world", 1).retained();
    assert_eq!(subscriber.next_plain(), kept);
}

fn a_message_published_to_a_subscriber_that_is_there_comes_without_the_flag(version: Version) {
    let scenario = Scenario::new(version);
    let topic = scenario.fresh("test");
    let mut publisher = published(&scenario, &topic);
    let mut subscriber = scenario.client("subscriber").kept().connect();
    subscriber.subscribe(&topic, 1);
    subscriber.next_message();

    publisher.publish_retained(&topic, "hello again", 1);

    assert_eq!(subscriber.next_plain(), Message::new("hello again", 1));
}

fn subscribing_again_brings_the_newest_version_with_the_flag(version: Version) {
    let scenario = Scenario::new(version);
    let topic = scenario.fresh("test");
    let mut publisher = published(&scenario, &topic);
    let mut subscriber = scenario.client("subscriber").kept().connect();
    subscriber.subscribe(&topic, 1);
    subscriber.next_message();
    publisher.publish_retained(&topic, "hello again", 1);
    subscriber.next_message();

    subscriber.subscribe(&topic, 1);

    let kept = Message::new("hello again", 1).retained();
    assert_eq!(subscriber.next_plain(), kept);
}

fn an_empty_retained_payload_deletes(version: Version) {
    let scenario = Scenario::new(version);
    let topic = scenario.fresh("test");
    let mut publisher = published(&scenario, &topic);

    publisher.publish_retained(&topic, "", 1);

    let mut subscriber = scenario.client("subscriber").connect();
    subscriber.subscribe(&topic, 1);
    publisher.publish(&topic, "live", 1);
    assert_eq!(subscriber.next_plain(), Message::new("live", 1));
}

fn an_empty_payload_without_the_flag_deletes_nothing(version: Version) {
    let scenario = Scenario::new(version);
    let topic = scenario.fresh("test");
    let mut publisher = published(&scenario, &topic);

    publisher.publish(&topic, "", 1);

    let mut subscriber = scenario.client("subscriber").connect();
    subscriber.subscribe(&topic, 1);
    let kept = Message::new("hello world", 1).retained();
    assert_eq!(subscriber.next_plain(), kept);
}
