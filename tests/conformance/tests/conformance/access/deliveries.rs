//! Rules that are asked about each message on its delivery, too.

use castmq_conformance::v5;

use super::{ALICE, BOB, House, expect_may_publish, use_password_file};

const OPEN: &str = "[[rule]]\npermit = 'allow'\n";
/// Only alice may have what is secret.
const CLOSED: &str = "
[[rule]]
permit = 'deny'
who = { user = 'bob' }
action = 'subscribe'
topics = ['secret/#']
[[rule]]
permit = 'allow'
";

/// A broker at which all is open as yet.
fn house(checks_delivery: bool) -> Option<House> {
    House::with(|settings, files| {
        use_password_file(settings, files, &[ALICE, BOB]);
        settings.acl.file = Some(files.write("acl.toml", OPEN));
        settings.acl.check_delivery = checks_delivery;
    })
}

#[test]
fn a_right_that_ends_keeps_messages_from_a_subscription_that_was_made_before() {
    let Some(house) = house(true) else { return };
    let mut alice = house.user("alice", "secret");
    let mut bob = house.user("bob", "other");
    bob.subscribe("#", 1);
    alice.publish(v5::publish("secret/t", "before").qos(1));
    bob.expect_message(&v5::publish("secret/t", "before").qos(1));

    house.rewrite("acl.toml", CLOSED);
    alice.publish(v5::publish("secret/t", "after").qos(1));
    alice.publish(v5::publish("open/t", "after").qos(1));
    bob.expect_message(&v5::publish("open/t", "after").qos(1));
}

#[test]
fn where_deliveries_are_not_checked_the_subscription_goes_on() {
    let Some(house) = house(false) else { return };
    let mut alice = house.user("alice", "secret");
    let mut bob = house.user("bob", "other");
    bob.subscribe("secret/#", 1);

    house.rewrite("acl.toml", CLOSED);
    alice.publish(v5::publish("secret/t", "after").qos(1));
    bob.expect_message(&v5::publish("secret/t", "after").qos(1));
}

#[test]
fn a_window_goes_on_behind_messages_that_may_not_be_delivered() {
    let Some(house) = house(true) else { return };
    let window = v5::property::receive_maximum(1);
    let mut bob = house.client_with(&house.login("bob", "other").property(window));
    bob.subscribe("#", 2);
    house.rewrite("acl.toml", CLOSED);
    let mut alice = house.user("alice", "secret");

    alice.publish(v5::publish("secret/1", "x").qos(1));
    alice.publish(v5::publish("secret/2", "x").qos(2));
    alice.publish(v5::publish("open/1", "x").qos(2));
    alice.publish(v5::publish("secret/3", "x").qos(1));
    alice.publish(v5::publish("open/2", "x").qos(1));
    bob.expect_message(&v5::publish("open/1", "x").qos(2));
    bob.expect_message(&v5::publish("open/2", "x").qos(1));
    expect_may_publish(&mut bob, "open/3");
}

#[test]
fn a_superuser_gets_them_all() {
    let root = BOB.replace('\n', ":superuser\n");
    let Some(house) = House::with(|settings, files| {
        use_password_file(settings, files, &[ALICE, &root]);
        settings.acl.file = Some(files.write("acl.toml", CLOSED));
        settings.acl.check_delivery = true;
    }) else {
        return;
    };
    let mut alice = house.user("alice", "secret");
    let mut bob = house.user("bob", "other");

    bob.subscribe("secret/#", 1);
    alice.publish(v5::publish("secret/t", "x").qos(1));
    bob.expect_message(&v5::publish("secret/t", "x").qos(1));
}
