//! More clients than passwords can be checked for.

use castmq_conformance::{Client, Connect, v3};

use super::{House, use_password_file};

/// The password `secret`, whose check takes a second or more.
const SLOW: &str = "alice:$7$3000000$MDEyMzQ1Njc4OWFi$DUIyLVbSDCl+BkZi4tBs4dU9mAT+F8TXfeSjBTThdx8OuuL9lLAoqQt9L9wR5d4hoQldHMSrY7JcwaShJN5Wyg==\n";

/// A broker that checks one password at a time while another waits.
fn narrow() -> Option<House> {
    House::with(|settings, files| {
        use_password_file(settings, files, &[SLOW]);
        settings.auth.hashing_threads = 1;
        settings.auth.hashing_waiting = 1;
        settings.node.arbiters = 1;
    })
}

/// The first of some clients, whose password is being checked, and the last, for which there is no room.
fn crowd(house: &House, last: &Connect) -> (Client, Client) {
    let [mut first, mut second, mut third, mut late] = std::array::from_fn(|_| house.open());
    let login = |name| {
        let connect = v3::connect(house.id(name));
        connect.user("alice").password("secret")
    };
    first.send_connect(&login("first"));
    second.send_connect(&login("second"));
    third.send_connect(&login("third"));
    late.send_connect(last);
    (first, late)
}

/// \[MQTT5-3.2.2-7\]
#[test]
fn a_client_whose_password_cannot_be_checked_now_hears_that_the_broker_is_busy() {
    let Some(house) = narrow() else { return };
    let (mut first, mut late) = crowd(&house, &house.login("alice", "secret"));

    assert_eq!(late.expect_answer(0x20).code(), 0x89);
    late.expect_close();
    first.expect(v3::connack(0, 0));
}

/// \[MQTT3-3.2.2-5\]
#[test]
fn a_3_1_1_client_hears_that_the_server_is_unavailable() {
    let Some(house) = narrow() else { return };
    let (mut first, mut late) = crowd(&house, &house.login_v3("alice", "secret"));

    late.expect(v3::connack(0, 3));
    late.expect_close();
    first.expect(v3::connack(0, 0));
}
