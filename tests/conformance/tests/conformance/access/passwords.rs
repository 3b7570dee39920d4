//! The password file, in its own lines and in those of mosquitto.

use castmq_conformance::{v3, v5};

use super::{ALICE, House, expect_refused, expect_refused_v3, refusal};

/// As `mosquitto_passwd -H sha512` writes them.
const MOSQUITTO_OLD: &str = "alice:$6$+6OhMdndsfKYZxNm$yxaKZ4J/GEYcVS6bLzHF7yoZDhq/cjRs20nKnqVqXCYEn7pnn3B1kV9K+NZE8iKyHMu+Tz/VoExy5hJ2+0xNtA==\n";
/// From libxcrypt's `crypt`.
const BCRYPT: &str = "alice:$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW\n";
/// From the tests of Argon2's reference implementation.
const ARGON2ID: &str =
    "alice:$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4\n";

/// \[MQTT5-3.1.4-2\]
#[test]
fn who_knows_the_password_comes_in() {
    let Some(house) = House::with_users(&[ALICE]) else {
        return;
    };

    house.user("alice", "secret").disconnect();
    house
        .client_with(&house.login_v3("alice", "secret"))
        .disconnect();
}

/// \[MQTT5-3.2.2-7\] \[MQTT3-3.2.2-5\]
#[test]
fn who_does_not_is_told_that_user_name_or_password_is_bad() {
    let Some(house) = House::with_users(&[ALICE]) else {
        return;
    };

    expect_refused(&house, &house.login("alice", "wrong"), 0x86);
    expect_refused_v3(&house, &house.login_v3("alice", "wrong"), 4);
}

#[test]
fn an_unknown_user_hears_what_one_with_a_wrong_password_hears() {
    let Some(house) = House::with_users(&[ALICE]) else {
        return;
    };
    let wrong = refusal(&house, &house.login("alice", "wrong"));
    let wrong_v3 = refusal(&house, &house.login_v3("alice", "wrong"));

    assert_eq!(refusal(&house, &house.login("nobody", "secret")), wrong);
    assert_eq!(
        refusal(&house, &house.login_v3("nobody", "secret")),
        wrong_v3
    );
}

#[test]
fn a_user_name_without_its_password_is_not_enough() {
    let Some(house) = House::with_users(&[ALICE]) else {
        return;
    };

    expect_refused(&house, &v5::connect(house.id("a")).user("alice"), 0x86);
    expect_refused_v3(&house, &v3::connect(house.id("a")).user("alice"), 4);
    expect_refused(&house, &house.login("alice", ""), 0x86);
}

#[test]
fn who_gives_no_user_name_is_known_to_nobody() {
    let Some(house) = House::with_users(&[ALICE]) else {
        return;
    };

    expect_refused(&house, &v5::connect(house.id("a")), 0x86);
    expect_refused(&house, &v5::connect(house.id("a")).password("secret"), 0x86);
    expect_refused_v3(&house, &v3::connect(house.id("a")), 4);
}

#[test]
fn lines_of_mosquitto_1_6_are_read() {
    let Some(house) = House::with_users(&[MOSQUITTO_OLD]) else {
        return;
    };

    house.user("alice", "secret").disconnect();
    expect_refused(&house, &house.login("alice", "wrong"), 0x86);
}

#[test]
fn bcrypt_lines_are_read() {
    let Some(house) = House::with_users(&[BCRYPT]) else {
        return;
    };

    house.user("alice", "secret").disconnect();
    expect_refused(&house, &house.login("alice", "wrong"), 0x86);
}

#[test]
fn argon2id_lines_are_read() {
    let Some(house) = House::with_users(&[ARGON2ID]) else {
        return;
    };

    house.user("alice", "password").disconnect();
    expect_refused(&house, &house.login("alice", "passwore"), 0x86);
}

#[test]
fn what_a_refused_client_has_sent_already_is_not_done() {
    let Some(house) = House::with_users(&[ALICE]) else {
        return;
    };
    let topic = house.topic("t");
    let mut watcher = house.user("alice", "secret");
    watcher.subscribe(&topic, 0);
    let mut intruder = house.open();

    intruder.send_connect(&house.login("mallory", "x"));
    intruder.send(v5::publish(&topic, "x"));
    assert_eq!(intruder.expect_answer(0x20).code(), 0x86);
    intruder.expect_close();
    watcher.publish(v5::publish(&topic, "mine"));
    watcher.expect_publish(&v5::publish(&topic, "mine"));
}
