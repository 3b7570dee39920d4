//! Several modules, one after the other, and others for some listeners.

use castmq_conformance::v5;
use castmq_settings::{KnownClient, Listener};

use super::{ALICE, House, expect_refused, listener, refusal_by, use_password_file, words};

fn known(client: String) -> KnownClient {
    KnownClient {
        client,
        addresses: Vec::new(),
    }
}

#[test]
fn the_first_module_that_knows_a_client_decides() {
    let Some(house) = House::with(|settings, files| {
        use_password_file(settings, files, &[ALICE]);
        settings.auth.chain = words(&["password_file", "clientid"]);
        settings.auth.clientid.clients = vec![known("pump".to_owned())];
    }) else {
        return;
    };
    let pump = v5::connect("pump");

    // The file knows alice and says no, so that nobody else is asked.
    let wrong = pump.clone().user("alice").password("wrong");
    expect_refused(&house, &wrong, 0x86);
    // It does not know this user, so that the next module is asked.
    let unknown = pump.clone().user("nobody").password("x");
    house.client_with(&unknown).disconnect();
    house.client_with(&pump).disconnect();
}

#[test]
fn in_another_order_another_module_decides() {
    let Some(house) = House::with(|settings, files| {
        use_password_file(settings, files, &[ALICE]);
        settings.auth.chain = words(&["clientid", "password_file"]);
        settings.auth.clientid.clients = vec![known("pump".to_owned())];
    }) else {
        return;
    };

    let wrong = v5::connect("pump").user("alice").password("wrong");
    house.client_with(&wrong).disconnect();
    house.user("alice", "secret").disconnect();
    expect_refused(&house, &house.login("alice", "wrong"), 0x86);
}

#[test]
fn a_listener_may_have_modules_of_its_own() {
    let Some(house) = House::with(|settings, files| {
        use_password_file(settings, files, &[ALICE]);
        settings.auth.clientid.clients = vec![known("pump".to_owned())];
        settings.listener.push(Listener {
            authentication: words(&["clientid"]),
            ..listener("pumps")
        });
    }) else {
        return;
    };
    let pump = v5::connect("pump");
    let alice = house.login("alice", "secret");

    house.client_with(&alice).disconnect();
    expect_refused(&house, &pump, 0x86);
    house.door("pumps").open().connect(&pump);
    let refused = refusal_by(house.door("pumps").open(), &alice);
    assert_eq!(refused.body[1], 0x86);
}
