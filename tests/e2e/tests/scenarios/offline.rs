//! Scenario 3: what is published while a subscriber is away.

use castmq_e2e::{Client, Message, Scenario, Version};

over_both_versions!(
    a_kept_session_gets_in_order_what_came_while_it_was_away,
    a_kept_session_outlives_a_connection_that_breaks,
    a_clean_session_gets_nothing_of_what_came_while_it_was_away,
    unsubscribing_ends_what_a_kept_session_collects,
    a_clean_connect_discards_the_session_that_was_kept,
);

/// Publishes `<word> 0` with QoS 0, `<word> 1` with QoS 1 and `<word> 2` with QoS 2.
fn publish_each_qos(scenario: &Scenario, word: &str) {
    let topic = scenario.fresh("r");
    let mut publisher = scenario.client("publisher").connect();
    publisher.publish(&topic, &format!("{word} 0"), 0);
    publisher.publish(&topic, &format!("{word} 1"), 1);
    publisher.publish(&topic, &format!("{word} 2"), 2);
    publisher.disconnect();
}

/// A subscriber of `r` whose session is kept.
fn kept(scenario: &Scenario) -> Client {
    let mut subscriber = scenario.client("r_subscriber").kept().connect();
    subscriber.subscribe(&scenario.fresh("r"), 2);
    subscriber
}

/// Subscribes and publishes, so that what arrives first shows that nothing came before.
fn first_live(scenario: &Scenario, subscriber: &mut Client) -> String {
    subscriber.subscribe(&scenario.fresh("r"), 2);
    publish_each_qos(scenario, "live");
    subscriber.next_message().payload
}

fn a_kept_session_gets_in_order_what_came_while_it_was_away(version: Version) {
    let scenario = Scenario::new(version);
    kept(&scenario).disconnect();
    publish_each_qos(&scenario, "first");
    publish_each_qos(&scenario, "second");

    let mut subscriber = scenario.client("r_subscriber").kept().connect();

    assert!(subscriber.session_present());
    let away: Vec<Message> = (0..4).map(|_| subscriber.next_plain()).collect();
    publish_each_qos(&scenario, "live");
    let live: Vec<Message> = (0..3).map(|_| subscriber.next_plain()).collect();
    // QoS 0 is not kept for the absent: that is the default of the broker's settings.
    assert_eq!(
        away,
        [
            Message::new("first 1", 1),
            Message::new("first 2", 2),
            Message::new("second 1", 1),
            Message::new("second 2", 2),
        ]
    );
    assert_eq!(
        live,
        [
            Message::new("live 0", 0),
            Message::new("live 1", 1),
            Message::new("live 2", 2),
        ]
    );
}

fn a_kept_session_outlives_a_connection_that_breaks(version: Version) {
    let scenario = Scenario::new(version);
    kept(&scenario).kill();

    let mut subscriber = scenario.client("r_subscriber").kept().connect();

    assert!(subscriber.session_present());
    publish_each_qos(&scenario, "live");
    assert_eq!(subscriber.next_message().payload, "live 0");
}

fn a_clean_session_gets_nothing_of_what_came_while_it_was_away(version: Version) {
    let scenario = Scenario::new(version);
    let mut subscriber = scenario.client("r_subscriber").connect();
    subscriber.subscribe(&scenario.fresh("r"), 2);
    subscriber.disconnect();
    publish_each_qos(&scenario, "lost");

    let mut subscriber = scenario.client("r_subscriber").connect();

    assert!(!subscriber.session_present());
    assert_eq!(first_live(&scenario, &mut subscriber), "live 0");
}

fn unsubscribing_ends_what_a_kept_session_collects(version: Version) {
    let scenario = Scenario::new(version);
    let mut subscriber = kept(&scenario);
    subscriber.unsubscribe(&scenario.fresh("r"));
    subscriber.disconnect();
    publish_each_qos(&scenario, "lost");

    let mut subscriber = scenario.client("r_subscriber").kept().connect();

    assert!(subscriber.session_present());
    assert_eq!(first_live(&scenario, &mut subscriber), "live 0");
}

fn a_clean_connect_discards_the_session_that_was_kept(version: Version) {
    let scenario = Scenario::new(version);
    kept(&scenario).disconnect();
    publish_each_qos(&scenario, "lost");
    scenario.client("r_subscriber").connect().disconnect();

    let mut subscriber = scenario.client("r_subscriber").kept().connect();

    assert!(!subscriber.session_present());
    assert_eq!(first_live(&scenario, &mut subscriber), "live 0");
}
