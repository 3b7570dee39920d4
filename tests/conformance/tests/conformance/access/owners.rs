//! Sessions belong to users: who connects under somebody else's client identifier does not get what waits
//! there.

use castmq_conformance::Connect;
use castmq_conformance::v5::{self, property};

use super::{ALICE, BOB, House, expect_refused};

fn house() -> Option<House> {
    House::with_users(&[ALICE, BOB])
}

/// With a session that outlives its connection.
fn kept(connect: Connect) -> Connect {
    connect
        .keep_session()
        .property(property::session_expiry(60))
}

#[test]
fn another_user_gets_neither_the_messages_nor_the_subscriptions_of_a_session() {
    let Some(house) = house() else { return };
    let alice = kept(house.login("alice", "secret"));
    let mut first = house.client_with(&alice);
    first.subscribe("t", 1);
    first.disconnect();
    let mut publisher = house.user("bob", "other");
    publisher.publish(v5::publish("t", "for alice").qos(1));

    let bob = v5::connect(house.id("alice")).user("bob").password("other");
    let mut thief = house.open();
    assert_eq!(thief.connect(&kept(bob)), 0, "no session is present");
    publisher.publish(v5::publish("t", "still for alice").qos(1));
    thief.expect_nothing();
}

#[test]
fn another_user_does_not_drive_out_a_client_that_is_there() {
    let Some(house) = house() else { return };
    let mut alice = house.user("alice", "secret");

    let bob = v5::connect(house.id("alice")).user("bob").password("other");
    expect_refused(&house, &bob, 0x85);
    alice.subscribe("t", 0);
}

#[test]
fn the_same_user_takes_over_and_resumes_as_before() {
    let Some(house) = house() else { return };
    let alice = kept(house.login("alice", "secret"));
    let mut first = house.client_with(&alice);
    first.subscribe("t", 1);
    let mut second = house.open();
    assert_eq!(second.connect(&alice), 1, "the session is present");

    first.expect_disconnect(0x8E);
    house
        .user("bob", "other")
        .publish(v5::publish("t", "x").qos(1));
    second.expect_message(&v5::publish("t", "x").qos(1));
}
