//! Scenario 6: a client that falls silent.

use std::time::{Duration, Instant};

use castmq_e2e::{Message, Scenario, Version, Will};

over_both_versions!(a_silent_client_is_dropped_after_one_and_a_half_times_its_keep_alive,);

/// After 1.5 K and not before, at the latest 0.3 s later. \[MQTT3-3.1.2-24\] \[MQTT5-3.1.2-22\]
fn a_silent_client_is_dropped_after_one_and_a_half_times_its_keep_alive(version: Version) {
    // rumqttc takes no K below 5 s for 5.0; paho and MQTT.js have K = 2 for both.
    let keep_alive = match version {
        Version::V311 => Duration::from_secs(2),
        Version::V50 => Duration::from_secs(5),
    };
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
        .keep_alive(keep_alive)
        .connect();
    let connected = Instant::now();

    assert_eq!(monitor.next_plain(), Message::new("gone", 1));

    assert!(before.elapsed() >= keep_alive * 3 / 2);
    assert!(connected.elapsed() <= keep_alive * 3 / 2 + Duration::from_millis(300));
}
