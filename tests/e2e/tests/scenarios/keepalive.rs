//! Scenario 6: a client that falls silent.

use std::time::{Duration, Instant};

use castmq_e2e::{Message, Scenario, Version, Will};

over_both_versions!(a_silent_client_is_dropped_after_one_and_a_half_times_its_keep_alive,);

/// K = 2: after 3 s, at the latest after 3.3 s. \[MQTT3-3.1.2-24\] \[MQTT5-3.1.2-22\]
fn a_silent_client_is_dropped_after_one_and_a_half_times_its_keep_alive(version: Version) {
    let scenario = Scenario::new(version);
    let topic = scenario.fresh("silent");
    let mut monitor = scenario.client("monitor").connect();
    monitor.subscribe(&topic, 1);
    let will = Will {
        topic,
        payload: "gone".to_owned(),
        retain: false,
    };
    let before = Instant::now();
    // Nobody asks this client anything from here on, so it writes nothing.
    let _silent = scenario
        .client("silent")
        .will(will)
        .keep_alive(Duration::from_secs(2))
        .connect();
    let connected = Instant::now();

    assert_eq!(monitor.next_plain(), Message::new("gone", 1));

    assert!(before.elapsed() >= Duration::from_secs(3));
    assert!(connected.elapsed() <= Duration::from_millis(3300));
}
