//! Scenario 5: each connected client is one connection actor and one session actor.
//!
//! The broker runs inside the test, because only the inside knows its processes.

use std::collections::BTreeMap;

use castmq_e2e::{Scenario, Version};

use crate::inside::{Inside, eventually};

over_both_versions!(
    a_connected_client_is_one_connection_and_one_session,
    of_a_clean_session_nothing_is_left_after_disconnecting,
    of_a_clean_session_nothing_is_left_after_a_break,
    a_kept_session_lives_on_without_its_connection,
    a_kept_session_that_is_resumed_is_the_same_process,
);

/// Connection and session actors, by kind. The broker has no other clients.
fn actors(inside: &Inside) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for record in inside.broker.handle().processes() {
        if ["client", "session"].contains(&record.kind) {
            *counts.entry(record.kind).or_default() += 1;
        }
    }
    counts
}

fn both() -> BTreeMap<&'static str, usize> {
    BTreeMap::from([("client", 1), ("session", 1)])
}

fn session_alone() -> BTreeMap<&'static str, usize> {
    BTreeMap::from([("session", 1)])
}

fn a_connected_client_is_one_connection_and_one_session(version: Version) {
    let inside = Inside::start();
    let scenario = Scenario::at(inside.address(), version);

    let _client = scenario.client("one").connect();

    assert_eq!(actors(&inside), both());
}

fn of_a_clean_session_nothing_is_left_after_disconnecting(version: Version) {
    let inside = Inside::start();
    let scenario = Scenario::at(inside.address(), version);
    let client = scenario.client("clean").connect();

    client.disconnect();

    eventually(&BTreeMap::new(), || actors(&inside));
}

fn of_a_clean_session_nothing_is_left_after_a_break(version: Version) {
    let inside = Inside::start();
    let scenario = Scenario::at(inside.address(), version);
    let client = scenario.client("clean").connect();

    client.kill();

    eventually(&BTreeMap::new(), || actors(&inside));
}

fn a_kept_session_lives_on_without_its_connection(version: Version) {
    let inside = Inside::start();
    let scenario = Scenario::at(inside.address(), version);
    let client = scenario.client("kept").kept().connect();

    client.disconnect();

    eventually(&session_alone(), || actors(&inside));
}

fn a_kept_session_that_is_resumed_is_the_same_process(version: Version) {
    let inside = Inside::start();
    let scenario = Scenario::at(inside.address(), version);
    let name = scenario.fresh("kept");
    let session = || {
        let records = inside.broker.handle().processes();
        let mut sessions = records
            .iter()
            .filter(|record| record.kind == "session" && *record.name == name);
        sessions.next().map(|record| record.id)
    };
    scenario.client("kept").kept().connect().disconnect();
    let before = session();

    let _client = scenario.client("kept").kept().connect();

    assert_eq!(session(), before);
    eventually(&both(), || actors(&inside));
}
