//! The keep alive, and clients that are slow to connect: chapters 3.1.2.10 and 3.1.4.
//!
//! What must not happen too early has a bound that cannot be missed on a slow machine, because
//! slowness only makes it later.

use std::time::{Duration, Instant};

use castmq_conformance::{Client, Packet, Scene, v3};

/// The time from the last byte that the client sent to the end of its connection.
#[expect(
    clippy::disallowed_methods,
    reason = "the broker lives in real time, and so does the test"
)]
fn time_to_close(mut client: Client, last: &[u8]) -> Duration {
    client.send(last);
    let start = Instant::now();
    client.expect_close_within(Duration::from_secs(20));
    start.elapsed()
}

/// A connected client with a keep alive of so many seconds.
#[track_caller]
fn client(scene: &Scene, seconds: u16) -> Client {
    scene.client_with(&v3::connect(scene.id("a")).keep_alive(seconds))
}

/// Not as emqttd's P8: not 2.5 to 3.75 times the keep alive.
///
/// \[MQTT3-3.1.2-24\]
#[test]
fn a_silent_client_is_dropped_after_one_and_a_half_times_its_keep_alive() {
    let scene = Scene::new();
    let mut client = client(&scene, 4);

    client.expect_nothing();
    let time = time_to_close(client, &[]);
    assert!(time >= Duration::from_millis(5_800), "too early: {time:?}");
    assert!(time <= Duration::from_millis(9_000), "too late: {time:?}");
}

/// \[MQTT3-3.1.2-24\]
#[test]
fn any_packet_of_the_client_is_a_sign_of_life() {
    let scene = Scene::new();
    let client = client(&scene, 2);

    std::thread::sleep(Duration::from_millis(1_500));
    let publish = v3::publish(scene.topic("t"), "x").to_bytes();
    let time = time_to_close(client, &publish);
    assert!(time >= Duration::from_millis(2_800), "too early: {time:?}");
}

/// Not as emqttd's P8: half a packet is no sign of life.
///
/// \[MQTT3-3.1.2-24\]
#[test]
fn a_packet_that_never_ends_is_no_sign_of_life() {
    let scene = Scene::new();
    let client = client(&scene, 4);

    std::thread::sleep(Duration::from_secs(3));
    let time = time_to_close(client, &v3::pingreq()[..1]);
    assert!(time <= Duration::from_secs(5), "too late: {time:?}");
}

/// \[MQTT3-3.1.2-24\]
#[test]
fn what_the_broker_sends_is_no_sign_of_life() {
    let scene = Scene::new();
    let topic = scene.topic("t");
    let mut publisher = scene.client("publisher");
    let mut client = client(&scene, 4);
    client.subscribe(&topic, 0);

    std::thread::sleep(Duration::from_secs(3));
    publisher.publish(v3::publish(&topic, "x"));
    client.expect_publish(&v3::publish(&topic, "x"));
    let time = time_to_close(client, &[]);
    assert!(time <= Duration::from_secs(5), "too late: {time:?}");
}

/// \[MQTT3-3.1.2-24\]
#[test]
fn a_client_without_keep_alive_may_be_silent() {
    let scene = Scene::new();
    let mut silent = client(&scene, 0);
    let measure = scene.client_with(&v3::connect(scene.id("measure")).keep_alive(1));

    time_to_close(measure, &[]);
    silent.expect_nothing();
}
