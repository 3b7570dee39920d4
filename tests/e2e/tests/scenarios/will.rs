//! Scenario 2: the will.

use castmq_e2e::{Client, Message, Scenario, Version, Will};

over_both_versions!(
    a_monitor_that_comes_later_sees_the_client_online,
    a_monitor_that_is_there_sees_the_killed_client_offline,
    a_monitor_that_restarts_sees_the_killed_client_still_offline,
    a_client_that_says_good_bye_leaves_no_will,
);

/// A client that says it is online and leaves word for when it is not.
fn mortal(scenario: &Scenario) -> Client {
    let topic = scenario.fresh("will_test");
    let will = Will {
        topic: topic.clone(),
        payload: "client is offline".to_owned(),
        retain: true,
    };
    let mut client = scenario.client("mortal").will(will).connect();
    client.publish_retained(&topic, "client is online", 1);
    client
}

fn monitor(scenario: &Scenario) -> Client {
    let mut monitor = scenario.client("monitor").connect();
    monitor.subscribe(&scenario.fresh("will_test"), 1);
    monitor
}

fn a_monitor_that_comes_later_sees_the_client_online(version: Version) {
    let scenario = Scenario::new(version);
    let _mortal = mortal(&scenario);

    let online = Message::new("client is online", 1).retained();
    assert_eq!(monitor(&scenario).next_plain(), online);
}

fn a_monitor_that_is_there_sees_the_killed_client_offline(version: Version) {
    let scenario = Scenario::new(version);
    let mortal = mortal(&scenario);
    let mut watcher = monitor(&scenario);
    watcher.next_message();

    mortal.kill();

    assert_eq!(watcher.next_plain(), Message::new("client is offline", 1));
}

fn a_monitor_that_restarts_sees_the_killed_client_still_offline(version: Version) {
    let scenario = Scenario::new(version);
    let mortal = mortal(&scenario);
    let mut watcher = monitor(&scenario);
    watcher.next_message();
    mortal.kill();
    watcher.next_message();
    watcher.kill();

    let offline = Message::new("client is offline", 1).retained();
    assert_eq!(monitor(&scenario).next_plain(), offline);
}

fn a_client_that_says_good_bye_leaves_no_will(version: Version) {
    let scenario = Scenario::new(version);
    let mortal = mortal(&scenario);
    let mut watcher = monitor(&scenario);
    watcher.next_message();

    mortal.disconnect();

    // Connecting the same client id again comes after everything its session had to do.
    let mut successor = scenario.client("mortal").connect();
    successor.publish(&scenario.fresh("will_test"), "no will came before me", 1);
    let first = Message::new("no will came before me", 1);
    assert_eq!(watcher.next_plain(), first);
}
