//! Rules of mosquitto, with the meaning that they have there.

use castmq_conformance::{Publish, v5};
use castmq_settings::Settings;

use super::{
    ALICE, BOB, House, expect_may_not_publish, expect_may_publish, subscribing, use_password_file,
};

const RULES: &str = "\
topic read anonymous/#
user alice
topic readwrite both/#
topic write in/#
topic read out/#
topic deny both/secret
user bob
topic both/#
topic out/#
pattern write clients/%c/#
pattern readwrite users/%u/#
";

fn house_with(alter: impl FnOnce(&mut Settings)) -> Option<House> {
    House::with(|settings, files| {
        use_password_file(settings, files, &[ALICE, BOB]);
        settings.acl.mosquitto_file = Some(files.write("acl", RULES));
        alter(settings);
    })
}

fn house() -> Option<House> {
    house_with(|_| ())
}

fn message(topic: &str, payload: &str) -> Publish {
    v5::publish(topic, payload).qos(1)
}

#[test]
fn write_is_for_publishing() {
    let Some(house) = house() else { return };
    let mut alice = house.user("alice", "secret");

    expect_may_publish(&mut alice, "both/t");
    expect_may_publish(&mut alice, "in/t");
    expect_may_not_publish(&mut alice, "out/t");
    expect_may_not_publish(&mut alice, "both/secret");
    expect_may_not_publish(&mut alice, "elsewhere");
}

#[test]
fn patterns_are_for_everybody() {
    let Some(house) = house() else { return };
    let mut bob = house.user("bob", "other");
    let own = format!("clients/{}/t", house.id("bob"));

    expect_may_publish(&mut bob, &own);
    expect_may_publish(&mut bob, "users/bob/t");
    expect_may_not_publish(&mut bob, "users/alice/t");
}

#[test]
fn a_subscription_is_always_taken_and_read_decides_about_each_message() {
    let Some(house) = house() else { return };
    let mut alice = house.user("alice", "secret");
    let mut bob = house.user("bob", "other");
    assert_eq!(subscribing(&mut alice, &[("#", 1)]), [1]);

    bob.publish(message("users/bob/t", "not for alice"));
    bob.publish(message("both/secret", "nor this"));
    bob.publish(message("out/t", "for alice"));
    alice.expect_message(&message("out/t", "for alice"));
    alice.expect_nothing();
}

#[test]
fn it_decides_about_messages_of_all_qos() {
    let Some(house) = house() else { return };
    let mut alice = house.user("alice", "secret");
    let mut bob = house.user("bob", "other");
    subscribing(&mut alice, &[("#", 2)]);

    bob.publish(v5::publish("both/secret", "0"));
    bob.publish(v5::publish("both/secret", "1").qos(1));
    bob.publish(v5::publish("both/secret", "2").qos(2));
    bob.publish(v5::publish("both/t", "2").qos(2));
    alice.expect_message(&v5::publish("both/t", "2").qos(2));
}

#[test]
fn and_about_retained_ones() {
    let Some(house) = house() else { return };
    let mut bob = house.user("bob", "other");
    bob.publish(message("both/secret", "not for alice").retain());
    bob.publish(message("both/t", "for alice").retain());
    let mut alice = house.user("alice", "secret");

    alice.subscribe("both/#", 1);
    alice.expect_message(&message("both/t", "for alice").retain());
    alice.expect_nothing();
}

#[test]
fn and_about_those_that_waited_for_the_client() {
    let Some(house) = house() else { return };
    let expiry = v5::property::session_expiry(600);
    let connect = house.login("alice", "secret").property(expiry);
    let mut alice = house.client_with(&connect);
    alice.subscribe("both/#", 1);
    alice.disconnect();
    let mut bob = house.user("bob", "other");
    bob.publish(message("both/secret", "not for alice"));
    bob.publish(message("both/t", "for alice"));

    let mut alice = house.client_with(&connect.keep_session());
    alice.expect_message(&message("both/t", "for alice"));
    alice.expect_nothing();
}

#[test]
fn a_client_without_a_name_has_the_lines_before_the_first_user() {
    let Some(house) = house_with(|settings| {
        settings.auth.chain = super::words(&["password_file", "anonymous"]);
    }) else {
        return;
    };
    let mut nameless = house.client_v5("nameless");

    expect_may_not_publish(&mut nameless, "anonymous/t");
    expect_may_not_publish(&mut nameless, "both/t");
    let own = format!("clients/{}/t", house.id("nameless"));
    expect_may_publish(&mut nameless, &own);
}

#[test]
fn what_no_line_decides_is_decided_by_the_other_file() {
    let Some(house) = House::with(|settings, files| {
        use_password_file(settings, files, &[ALICE]);
        settings.acl.mosquitto_file = Some(files.write("acl", RULES));
        let rules = "[[rule]]\npermit = 'allow'\ntopics = ['more/#', 'both/secret']\n";
        settings.acl.file = Some(files.write("acl.toml", rules));
    }) else {
        return;
    };
    let mut alice = house.user("alice", "secret");

    expect_may_publish(&mut alice, "in/t");
    expect_may_publish(&mut alice, "more/t");
    expect_may_not_publish(&mut alice, "both/secret");
    expect_may_not_publish(&mut alice, "elsewhere");
}
