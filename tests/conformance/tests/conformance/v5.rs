//! MQTT 5.0, by the chapters of the specification.
//!
//! Where the specification leaves the server a choice (a CONNACK before it closes or none, which of
//! two reason codes), a test takes either.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use castmq_conformance::v5::{self, Answer, property};
use castmq_conformance::wire::Packet;
use castmq_conformance::{Client, Connect, Scene};

mod acks;
mod connack;
mod connect;
mod flow;
mod goodbye;
mod limits;
mod message;
mod properties;
mod publish;
mod qos;
mod retain;
mod rights;
mod session;
mod settings;
mod shared;
mod stream;
mod subscribe;
mod topics;
mod unsubscribe;
mod values;
mod will;

/// A connected client together with the CONNACK that let it in.
#[track_caller]
fn accepted(scene: &Scene, connect: &Connect) -> (Client, Answer) {
    let mut client = scene.open();
    client.send_connect(connect);
    let connack = client.expect_answer(0x20);
    assert_eq!(connack.code(), 0, "{connack:02X?}");
    (client, connack)
}

/// Sends a CONNECT that must fail: the broker closes, and what it says before is at most a CONNACK
/// with one of these reason codes.
#[track_caller]
fn expect_refused(scene: &Scene, connect: &Connect, codes: &[u8]) {
    let mut client = scene.open();
    client.send_connect(connect);
    expect_refusal(&mut client, codes);
}

/// The broker refuses the CONNECT that was sent: at most a CONNACK with one of these reason codes,
/// then the end of the connection.
#[track_caller]
fn expect_refusal(client: &mut Client, codes: &[u8]) {
    if let Some(packet) = client.receive_or_close() {
        assert_eq!(
            packet.header, 0x20,
            "a CONNACK is expected, came: {packet:?}"
        );
        let code = Answer::parse(&packet).code();
        assert!(codes.contains(&code), "reason code {code:#04X}");
        client.expect_close();
    }
}

/// The broker sends a DISCONNECT with one of these reason codes, and closes.
#[track_caller]
fn expect_disconnect_for(client: &mut Client, codes: &[u8]) {
    let disconnect = client.expect_answer(0xE0);
    assert!(codes.contains(&disconnect.code()), "{disconnect:02X?}");
    client.expect_close();
}

/// A topic that nobody else uses.
fn marker() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("marker/v5/{}/{count}", std::process::id())
}

/// Nothing that the publisher caused is on its way to the subscriber: what the publisher sends now
/// is what the subscriber gets next.
#[track_caller]
fn expect_nothing_from(publisher: &mut Client, subscriber: &mut Client) {
    let marker = marker();
    subscriber.subscribe(&marker, 0);
    publisher.publish(v5::publish(&marker, "marker"));
    let next = subscriber.receive_publish();
    assert_eq!(
        next.topic,
        marker.as_bytes(),
        "nothing else is expected, came: {next:?}"
    );
}

/// Nothing that the client caused, and nothing that waited for it, is on its way to it.
#[track_caller]
fn expect_nothing_more(client: &mut Client) {
    let marker = marker();
    client.subscribe(&marker, 0);
    client.publish(v5::publish(&marker, "marker"));
    let next = client.receive_publish();
    assert_eq!(
        next.topic,
        marker.as_bytes(),
        "nothing else is expected, came: {next:?}"
    );
}

/// Messages that were acknowledged to their publisher are held back from the client: its session
/// answers a SUBSCRIBE, and they are not before the answer nor behind it.
#[track_caller]
fn expect_held(client: &mut Client) {
    client.subscribe(&marker(), 0);
    client.expect_nothing();
}

/// No retained message is on its way to the client: the one it asks for now comes next.
#[track_caller]
fn expect_nothing_retained(client: &mut Client) {
    let marker = marker();
    let message = v5::publish(&marker, "marker").qos(1).retain();
    client.publish(message.property(property::message_expiry(60)));
    client.subscribe(&marker, 0);
    let next = client.receive_publish();
    assert_eq!(
        next.topic,
        marker.as_bytes(),
        "nothing else is expected, came: {next:?}"
    );
}

/// The value bytes of all properties with this identifier, in their order.
fn values(properties: Option<&Vec<Vec<u8>>>, identifier: u8) -> Vec<Vec<u8>> {
    let properties = properties.into_iter().flatten();
    let matching = properties.filter(|property| property[0] == identifier);
    matching.map(|property| property[1..].to_vec()).collect()
}

/// The size of the CONNACK that a client of this scene gets.
fn room_for_connack(scene: &Scene) -> u32 {
    let mut probe = scene.open();
    probe.send_connect(&v5::connect(scene.id("probe")));
    let room = probe.receive().to_bytes().len();
    probe.disconnect();
    u32::try_from(room).unwrap()
}

/// A client that takes no larger packets than its CONNACK, and their largest size.
fn small(scene: &Scene) -> (Client, usize) {
    let room = room_for_connack(scene);
    let limit = property::maximum_packet_size(room);
    let client = scene.client_with(&v5::connect(scene.id("small")).property(limit));
    (client, usize::try_from(room).unwrap())
}

/// Starts to measure; the result tells how long ago that was.
#[expect(
    clippy::disallowed_methods,
    reason = "a test measures real time, never the broker's clock"
)]
fn stopwatch() -> impl Fn() -> Duration {
    let start = Instant::now();
    move || start.elapsed()
}
