//! Clients that are known by their identifiers, and the addresses that they connect from.

use castmq_conformance::v5;
use castmq_settings::{KnownClient, ProxyProtocol};

use super::{House, expect_may_not_publish, listener, refusal_by, words};

/// A broker that knows `pump` from 10.1.0.0/16 and `valve` from everywhere, behind a proxy that says from
/// where they are.
fn plant() -> Option<House> {
    House::with(|settings, files| {
        settings.auth.chain = words(&["clientid"]);
        settings.auth.clientid.clients = vec![
            KnownClient {
                client: "pump".to_owned(),
                addresses: words(&["10.1.0.0/16", "2001:db8::/32"]),
            },
            KnownClient {
                client: "valve".to_owned(),
                addresses: Vec::new(),
            },
        ];
        let rules = "[[rule]]\npermit = 'allow'\nwho = { user = 'alice' }\n";
        settings.acl.file = Some(files.write("acl.toml", rules));
        let mut proxied = listener("proxied");
        proxied.proxy.protocol = ProxyProtocol::V2;
        proxied.proxy.trusted = words(&["127.0.0.1"]);
        settings.listener.push(proxied);
    })
}

#[test]
fn a_known_client_comes_in_from_an_address_of_its_own() {
    let Some(house) = plant() else { return };
    let door = house.door("proxied");
    let from = |address: &str| door.clone().on_behalf_of(address.parse().unwrap());

    from("10.1.255.255:1").open().connect(&v5::connect("pump"));
    let refused = refusal_by(from("10.2.0.0:1").open(), &v5::connect("pump"));
    assert_eq!(refused.body[1], 0x86);
}

#[test]
fn one_without_addresses_comes_in_from_everywhere() {
    let Some(house) = plant() else { return };
    let door = house.door("proxied");
    let door = door.on_behalf_of("192.0.2.1:1".parse().unwrap());

    door.open().connect(&v5::connect("valve"));
    let refused = refusal_by(door.open(), &v5::connect("stranger"));
    assert_eq!(refused.body[1], 0x86);
}

#[test]
fn whoever_is_known_by_its_identifier_has_no_user_name_whatever_it_says() {
    let Some(house) = plant() else { return };
    let connect = v5::connect("valve").user("alice").password("x");
    let mut valve = house.client_with(&connect);

    expect_may_not_publish(&mut valve, "t");
}
