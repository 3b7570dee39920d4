//! MQTT 3.1.1 and 3.1, by the chapters of the specification.
//!
//! Where the specification leaves the server a choice, a test takes either.

use std::sync::atomic::{AtomicU32, Ordering};

use castmq_conformance::{Client, Connect, Scene, v3};

mod values;

mod access;
mod connect;
mod keep_alive;
mod malformed;
mod modules;
mod mqisdp;
mod order;
mod publish;
mod qos;
mod resume;
mod retained;
mod session;
mod settings;
mod shared;
mod subscribe;
mod topics;
mod unsubscribe;
mod will;

/// Sends a CONNECT that must fail: the broker closes without a word.
#[track_caller]
fn expect_closed_without_connack(scene: &Scene, connect: &Connect) {
    let mut client = scene.open();
    client.send(connect);
    client.expect_close();
}

/// Sends a CONNECT that must fail: the broker answers with this return code, session present 0, and
/// closes.
#[track_caller]
fn expect_refused(scene: &Scene, connect: &Connect, code: u8) {
    let mut client = scene.open();
    client.send(connect);
    client.expect(v3::connack(0, code));
    client.expect_close();
}

/// Nothing that the publisher caused is on its way to the subscriber: what the publisher sends now
/// is what the subscriber gets next.
#[track_caller]
fn expect_nothing_from(publisher: &mut Client, subscriber: &mut Client) {
    let marker = marker();
    subscriber.subscribe(&marker, 0);
    publisher.publish(v3::publish(&marker, "marker"));
    let next = subscriber.receive_publish();
    assert_eq!(
        next.topic,
        marker.as_bytes(),
        "nothing else is expected, came: {next:?}"
    );
}

/// As [`expect_nothing_from`], for what a client caused itself or the broker caused by itself.
#[track_caller]
fn expect_nothing_more(client: &mut Client) {
    let marker = marker();
    client.subscribe(&marker, 0);
    client.publish(v3::publish(&marker, "marker"));
    let next = client.receive_publish();
    assert_eq!(
        next.topic,
        marker.as_bytes(),
        "nothing else is expected, came: {next:?}"
    );
}

/// A topic that nobody else uses.
fn marker() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("marker/v3/{}/{count}", std::process::id())
}
