//! Scenario 4: a session resumed step by step.
//!
//! The client keeps its acknowledgements back, its connection breaks, it comes back: first what it had
//! not acknowledged, in order and marked as repeated, then what had to wait. A QoS 2 exchange that
//! breaks after PUBREC is not here: rumqttc forgets it and takes the PUBREL for an error; paho and
//! MQTT.js, and `tables`, have it.

use castmq_e2e::{Builder, Client, Message, Scenario, Version};

over_both_versions!(
    unacknowledged_messages_come_again_before_those_that_waited,
    unacknowledged_messages_of_qos_2_come_again_before_those_that_waited,
    a_session_that_acknowledged_everything_gets_nothing_again,
    the_session_fills_the_window_and_no_more_until_there_is_room,
);

/// What the broker has in flight to one client of 3.1.1: its own limit.
const BROKER_WINDOW: u16 = 100;
/// The same for a client of 5.0: the limit that the client sets.
const CLIENT_WINDOW: u16 = 3;

fn subscriber(scenario: &Scenario) -> Builder {
    scenario.client("resumer").kept().withholding()
}

fn subscribed(scenario: &Scenario, qos: u8) -> Client {
    let mut client = subscriber(scenario).connect();
    client.subscribe(&scenario.fresh("resume"), qos);
    client
}

fn publish(scenario: &Scenario, payloads: &[String], qos: u8) {
    let topic = scenario.fresh("resume");
    let mut publisher = scenario.client("publisher").connect();
    for payload in payloads {
        publisher.publish(&topic, payload, qos);
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

fn unacknowledged_messages_come_again_before_those_that_waited(version: Version) {
    come_again(version, 1);
}

fn unacknowledged_messages_of_qos_2_come_again_before_those_that_waited(version: Version) {
    come_again(version, 2);
}

fn come_again(version: Version, qos: u8) {
    let scenario = Scenario::new(version);
    let mut client = subscribed(&scenario, qos);
    publish(&scenario, &words(&["first", "second"]), qos);
    let sent = client.take(2);
    client.kill();
    publish(&scenario, &words(&["waited"]), qos);

    let mut client = subscriber(&scenario).connect();

    assert!(client.session_present());
    assert_eq!(
        client.take(2),
        [
            Message::new("first", qos).repeated().with_id(sent[0].id),
            Message::new("second", qos).repeated().with_id(sent[1].id),
        ]
    );
    assert_eq!(client.next_plain(), Message::new("waited", qos));
}

fn a_session_that_acknowledged_everything_gets_nothing_again(version: Version) {
    let scenario = Scenario::new(version);
    let mut client = subscribed(&scenario, 1);
    publish(&scenario, &words(&["first", "second"]), 1);
    client.take(2);
    client.kill();
    let mut client = subscriber(&scenario).connect();
    let again = client.take(2);
    client.acknowledge(&again[0]);
    client.acknowledge(&again[1]);
    assert_eq!(client.arrived(), []);
    client.kill();

    let mut client = subscriber(&scenario).connect();

    publish(&scenario, &words(&["live"]), 1);
    assert_eq!(client.next_plain(), Message::new("live", 1));
}

fn the_session_fills_the_window_and_no_more_until_there_is_room(version: Version) {
    let scenario = Scenario::new(version);
    let window = match version {
        Version::V311 => BROKER_WINDOW,
        Version::V50 => CLIENT_WINDOW,
    };
    let payloads: Vec<String> = (0..window + 2).map(|n| format!("message {n}")).collect();
    subscribed(&scenario, 1).disconnect();
    publish(&scenario, &payloads, 1);

    let mut client = subscriber(&scenario)
        .receive_maximum(CLIENT_WINDOW)
        .connect();

    let filled = client.take(window.into());
    let filled_with: Vec<&String> = filled.iter().map(|message| &message.payload).collect();
    let (first, rest) = payloads
        .split_at_checked(window.into())
        .expect("there are two more");
    assert_eq!(filled_with, first.iter().collect::<Vec<_>>());
    assert_eq!(client.arrived(), []);
    client.acknowledge(&filled[0]);
    assert_eq!(client.next_message().payload, rest[0]);
    assert_eq!(client.arrived(), []);
}
