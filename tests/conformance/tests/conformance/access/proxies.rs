//! Rules about addresses where a proxy stands before the listener.

use castmq_conformance::{Door, v5};
use castmq_settings::ProxyProtocol;

use super::{House, expect_may_not_publish, expect_may_publish, listener, words};

const RULES: &str = "
[[rule]]
permit = 'allow'
who = { address = '10.1.0.0/16' }
topics = ['inside']
[[rule]]
permit = 'allow'
who = { address = '127.0.0.0/8' }
topics = ['here']
";

fn house() -> Option<House> {
    House::with(|settings, files| {
        settings.acl.file = Some(files.write("acl.toml", RULES));
        let mut proxied = listener("proxied");
        proxied.proxy.protocol = ProxyProtocol::V2;
        proxied.proxy.trusted = words(&["127.0.0.0/8"]);
        proxied.allow_anonymous = true;
        // The proxy may be reached from everywhere.
        proxied.allow_anonymous = true;
        settings.listener.push(listener("direct"));
        settings.listener.push(proxied);
    })
}

#[test]
fn a_rule_about_addresses_sees_the_client_and_not_the_proxy() {
    let Some(house) = house() else { return };
    let door = house.door("proxied");
    let mut inside = door
        .clone()
        .on_behalf_of("10.1.2.3:40000".parse().unwrap())
        .open();
    inside.connect(&v5::connect(house.id("inside")));
    let mut outside = door.on_behalf_of("10.2.2.3:40000".parse().unwrap()).open();
    outside.connect(&v5::connect(house.id("outside")));

    expect_may_publish(&mut inside, "inside");
    expect_may_not_publish(&mut inside, "here");
    expect_may_not_publish(&mut outside, "inside");
}

#[test]
fn without_a_proxy_it_sees_the_other_end_of_the_connection() {
    let Some(house) = house() else { return };
    let mut client = house.door("direct").open();
    client.connect(&v5::connect(house.id("a")));

    expect_may_publish(&mut client, "here");
    expect_may_not_publish(&mut client, "inside");
}

#[test]
fn a_trusted_proxy_that_sends_no_header_is_not_let_in() {
    let Some(house) = house() else { return };
    let mut client = Door::at(house.address_of("proxied")).open();

    client.send_connect(&v5::connect(house.id("a")));
    client.expect_close();
}

#[test]
fn where_no_proxy_is_expected_a_header_is_no_mqtt() {
    let Some(house) = house() else { return };
    let door = Door::at(house.address_of("direct"));
    let mut client = door.on_behalf_of("10.1.2.3:40000".parse().unwrap()).open();

    client.send_connect(&v5::connect(house.id("a")));
    client.expect_close();
}
