//! Scenario 4 from inside: what a session holds at each step, and that nothing stays in the end.
//!
//! The client is a bare one, so that it can stop between any two packets. The code that is right by the
//! wire may still keep an entry that is never sent again; only the tables show it.

use std::time::Duration;

use castmq_e2e::Version;
use castmq_load::connection::{Connection, PATIENCE};
use castmq_load::wire::{self, Connect, Packet, Publish, Step};

use crate::inside::{Inside, eventually};

over_both_versions!(
    unacknowledged_qos_1_messages_leave_the_window_when_the_next_connection_acknowledges_them,
    unacknowledged_qos_2_messages_leave_the_window_when_the_next_connection_completes_them,
    a_release_without_completion_leaves_the_window_when_the_next_connection_completes_it,
    what_waits_for_room_in_the_window_is_queued_and_leaves_with_it,
    a_qos_2_publish_that_broke_off_is_awaited_until_the_next_connection_releases_it,
);

/// In flight, queued, and QoS 2 messages of the client that await their release.
#[derive(Debug, PartialEq, Eq)]
struct Held {
    inflight: usize,
    queued: usize,
    awaiting_rel: usize,
}

const NOTHING: Held = Held {
    inflight: 0,
    queued: 0,
    awaiting_rel: 0,
};

fn held(inside: &Inside) -> Held {
    let session = inside.broker.handle().session(CLIENT_ID);
    let session = session.expect("the session is kept");
    Held {
        inflight: session.inflight,
        queued: session.queued,
        awaiting_rel: session.awaiting_rel,
    }
}

const CLIENT_ID: &str = "resumer";
const TOPIC: &str = "resume";

fn wire_version(version: Version) -> wire::Version {
    match version {
        Version::V311 => wire::Version::V311,
        Version::V50 => wire::Version::V50,
    }
}

fn connect_as(inside: &Inside, version: Version, client_id: &str, is_clean: bool) -> Connection {
    let connect = Connect {
        version: wire_version(version),
        client_id,
        is_clean,
        expiry_seconds: if is_clean { 0 } else { 3600 },
        will: None,
    };
    Connection::connect(inside.address(), &connect).expect("the broker accepts")
}

/// The client whose session is looked at.
fn come(inside: &Inside, version: Version) -> Connection {
    connect_as(inside, version, CLIENT_ID, false)
}

fn come_and_subscribe(inside: &Inside, version: Version, qos: u8) -> Connection {
    let mut connection = come(inside, version);
    let none = |_: &mut Connection, packet| panic!("nothing was published, but {packet:?} came");
    connection.subscribe(TOPIC, qos, none).expect("a SUBACK");
    connection
}

/// Publishes that many messages from elsewhere and waits until the broker has accepted them.
fn publish(inside: &Inside, version: Version, qos: u8, count: u16) {
    let mut publisher = connect_as(inside, version, "publisher", true);
    for id in 1..=count {
        publisher.publish(&message(qos, id)).expect("it is open");
    }
    for _ in 0..count {
        let accepted = next(&mut publisher);
        assert!(matches!(accepted, Packet::Step { .. }), "{accepted:?}");
    }
}

fn message(qos: u8, id: u16) -> Publish<'static> {
    Publish {
        dup: false,
        qos,
        retain: false,
        topic: TOPIC,
        id,
        payload: b"x",
    }
}

fn next(connection: &mut Connection) -> Packet {
    let packet = connection.receive(PATIENCE).expect("it is open");
    packet.expect("it comes")
}

/// Takes that many messages, which have to come, and returns their packet ids.
fn take(connection: &mut Connection, count: usize) -> Vec<u16> {
    let ids = (0..count).map(|_| {
        let packet = next(connection);
        let Packet::Publish { id, .. } = packet else {
            panic!("a message has to come, not {packet:?}");
        };
        id
    });
    ids.collect()
}

/// Waits for that step of that exchange.
fn expect_step(connection: &mut Connection, expected: Step, expected_id: u16) {
    let packet = next(connection);
    let Packet::Step { step, id, .. } = packet else {
        panic!("{expected:?} has to come, not {packet:?}");
    };
    assert_eq!((step, id), (expected, expected_id));
}

fn unacknowledged_qos_1_messages_leave_the_window_when_the_next_connection_acknowledges_them(
    version: Version,
) {
    let inside = Inside::start();
    let mut first = come_and_subscribe(&inside, version, 1);
    publish(&inside, version, 1, 3);
    let ids = take(&mut first, 3);
    drop(first);
    let three = Held {
        inflight: 3,
        ..NOTHING
    };
    eventually(&three, || held(&inside));

    let mut second = come(&inside, version);

    assert_eq!(take(&mut second, 3), ids);
    for id in ids {
        second.step(Step::PubAck, id).expect("it is open");
    }
    eventually(&NOTHING, || held(&inside));
}

fn unacknowledged_qos_2_messages_leave_the_window_when_the_next_connection_completes_them(
    version: Version,
) {
    let inside = Inside::start();
    let mut first = come_and_subscribe(&inside, version, 2);
    publish(&inside, version, 2, 2);
    let ids = take(&mut first, 2);
    drop(first);

    let mut second = come(&inside, version);

    assert_eq!(take(&mut second, 2), ids);
    for &id in &ids {
        second.step(Step::PubRec, id).expect("it is open");
        expect_step(&mut second, Step::PubRel, id);
    }
    eventually(
        &Held {
            inflight: 2,
            ..NOTHING
        },
        || held(&inside),
    );
    for id in ids {
        second.step(Step::PubComp, id).expect("it is open");
    }
    eventually(&NOTHING, || held(&inside));
}

fn a_release_without_completion_leaves_the_window_when_the_next_connection_completes_it(
    version: Version,
) {
    let inside = Inside::start();
    let mut first = come_and_subscribe(&inside, version, 2);
    publish(&inside, version, 2, 1);
    let id = take(&mut first, 1)[0];
    first.step(Step::PubRec, id).expect("it is open");
    expect_step(&mut first, Step::PubRel, id);
    drop(first);
    eventually(
        &Held {
            inflight: 1,
            ..NOTHING
        },
        || held(&inside),
    );

    let mut second = come(&inside, version);

    expect_step(&mut second, Step::PubRel, id);
    second.step(Step::PubComp, id).expect("it is open");
    eventually(&NOTHING, || held(&inside));
}

fn what_waits_for_room_in_the_window_is_queued_and_leaves_with_it(version: Version) {
    let inside = Inside::start();
    let mut connection = come_and_subscribe(&inside, version, 1);
    publish(&inside, version, 1, 105);
    // The window of the broker's default settings.
    let ids = take(&mut connection, 100);
    let waiting = Held {
        inflight: 100,
        queued: 5,
        ..NOTHING
    };
    eventually(&waiting, || held(&inside));

    for id in ids {
        connection.step(Step::PubAck, id).expect("it is open");
    }
    for id in take(&mut connection, 5) {
        connection.step(Step::PubAck, id).expect("it is open");
    }

    eventually(&NOTHING, || held(&inside));
}

fn a_qos_2_publish_that_broke_off_is_awaited_until_the_next_connection_releases_it(
    version: Version,
) {
    let inside = Inside::start();
    let mut first = come(&inside, version);
    first.publish(&message(2, 7)).expect("it is open");
    expect_step(&mut first, Step::PubRec, 7);
    drop(first);
    let one = Held {
        awaiting_rel: 1,
        ..NOTHING
    };
    eventually(&one, || held(&inside));

    let mut second = come(&inside, version);

    second.step(Step::PubRel, 7).expect("it is open");
    expect_step(&mut second, Step::PubComp, 7);
    eventually(&NOTHING, || held(&inside));
    let nothing_more = second.receive(Duration::ZERO).expect("it is open");
    assert_eq!(nothing_more, None);
}
