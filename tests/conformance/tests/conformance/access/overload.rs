//! More clients than passwords can be checked for.

use castmq_conformance::wire::Packet;
use castmq_conformance::{Client, v3};

use super::{House, use_password_file};

/// The password `secret`, whose check takes a good part of a second.
const SLOW: &str = "alice:$7$1000000$MDEyMzQ1Njc4OWFi$A56x+2QQOEuBtYb7kssF4VYIkLxBKf7cpfay8AkDFH7Fqa6YqixyJ59WkbB6S1jhdN99c/4lQ4PVC8aBtnmjmg==\n";

/// A broker that checks one password at a time while another waits.
fn narrow() -> Option<House> {
    House::with(|settings, files| {
        use_password_file(settings, files, &[SLOW]);
        settings.auth.hashing_threads = 1;
        settings.auth.hashing_waiting = 1;
        settings.node.arbiters = 1;
    })
}

/// Clients whose passwords are being checked, or wait for that; the first is the first.
fn crowd(house: &House) -> [Client; 3] {
    ["a", "b", "c"].map(|name| {
        let mut client = house.open();
        client.send_connect(&v3::connect(house.id(name)).user("alice").password("secret"));
        client
    })
}

/// \[MQTT5-4.13.2-2\]
#[test]
fn a_client_whose_password_cannot_be_checked_now_hears_that_the_broker_is_busy() {
    let Some(house) = narrow() else { return };
    let [mut first, _second, _third] = crowd(&house);
    let mut late = house.open();

    late.send_connect(&house.login("alice", "secret"));
    assert_eq!(late.expect_answer(0x20).code(), 0x89);
    late.expect_close();
    first.expect(v3::connack(0, 0));
}

/// \[MQTT3-3.2.2-4\]
#[test]
fn a_3_1_1_client_hears_that_the_server_is_unavailable() {
    let Some(house) = narrow() else { return };
    let [mut first, _second, _third] = crowd(&house);
    let mut late = house.open();

    late.send_connect(&house.login_v3("alice", "secret"));
    assert_eq!(late.receive().to_bytes(), v3::connack(0, 3));
    late.expect_close();
    first.expect(v3::connack(0, 0));
}
