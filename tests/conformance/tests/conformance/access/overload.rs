//! More clients than passwords can be checked for.

use castmq_conformance::v5::Answer;
use castmq_conformance::{Client, Connect, Raw, v3, v5};

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

/// What clients hear that come all at the same moment.
fn crowd(house: &House, connect: fn(String) -> Connect) -> [Raw; 4] {
    let mut clients: [Client; 4] = std::array::from_fn(|_| house.open());
    for (number, client) in clients.iter_mut().enumerate() {
        let connect = connect(house.id(&number.to_string()));
        client.send_connect(&connect.user("alice").password("secret"));
    }
    clients.map(|mut client| client.receive())
}

/// \[MQTT5-3.2.2-7\]
#[test]
fn a_client_whose_password_cannot_be_checked_now_hears_that_the_broker_is_busy() {
    let Some(house) = narrow() else { return };

    let codes = crowd(&house, v5::connect).map(|connack| Answer::parse(&connack).code());
    assert!(codes.contains(&0x89), "{codes:02X?}");
    assert!(codes.contains(&0), "{codes:02X?}");
    assert!(
        codes.iter().all(|code| [0, 0x89].contains(code)),
        "{codes:02X?}"
    );
}

/// \[MQTT3-3.2.2-5\]
#[test]
fn a_3_1_1_client_hears_that_the_server_is_unavailable() {
    let Some(house) = narrow() else { return };

    let codes = crowd(&house, v3::connect).map(|connack| connack.body[1]);
    assert!(codes.contains(&3), "{codes:02X?}");
    assert!(codes.contains(&0), "{codes:02X?}");
    assert!(
        codes.iter().all(|code| [0, 3].contains(code)),
        "{codes:02X?}"
    );
}
