//! Files that change while the broker runs.

use castmq_conformance::v5;
use castmq_conformance::{v3, will};

use super::{
    ALICE, ALICE_CHANGED, BOB, House, expect_may_not_publish, expect_may_publish, expect_refused,
    listener, use_password_file, words,
};

const OPEN: &str = "[[rule]]\npermit = 'allow'\n";
const CLOSED: &str = "[[rule]]\npermit = 'deny'\ntopics = ['t']\n[[rule]]\npermit = 'allow'\n";

/// \[MQTT5-4.13.2-1\]
#[test]
fn a_user_who_is_taken_out_is_disconnected_at_once() {
    let Some(house) = House::with_users(&[ALICE, BOB]) else {
        return;
    };
    let mut alice = house.user("alice", "secret");
    let mut alice_v3 =
        house.client_with(&v3::connect(house.id("3")).user("alice").password("secret"));

    house.rewrite("passwd", BOB);
    alice.expect_disconnect(0x87);
    alice_v3.expect_close();
    expect_refused(&house, &house.login("alice", "secret"), 0x86);
}

/// \[MQTT5-4.13.2-1\]
#[test]
fn so_is_one_whose_password_has_changed() {
    let Some(house) = House::with_users(&[ALICE, BOB]) else {
        return;
    };
    let mut alice = house.user("alice", "secret");

    house.rewrite("passwd", &[ALICE_CHANGED, BOB].concat());
    alice.expect_disconnect(0x87);
    expect_refused(&house, &house.login("alice", "secret"), 0x86);
    house.user("alice", "other").disconnect();
}

#[test]
fn so_is_one_who_is_a_superuser_no_longer() {
    let root = ALICE.replace('\n', ":superuser\n");
    let Some(house) = House::with_users_and_rules(&[&root], "") else {
        return;
    };
    let mut alice = house.user("alice", "secret");
    expect_may_publish(&mut alice, "t");

    house.rewrite("passwd", ALICE);
    alice.expect_disconnect(0x87);
    expect_may_not_publish(&mut house.user("alice", "secret"), "t");
}

#[test]
fn who_is_as_before_stays() {
    let Some(house) = House::with_users(&[ALICE, BOB]) else {
        return;
    };
    let mut alice = house.user("alice", "secret");
    let mut bob = house.user("bob", "other");

    house.rewrite("passwd", &["# a comment\n", BOB].concat());
    alice.expect_disconnect(0x87);
    bob.expect_nothing();
    expect_may_publish(&mut bob, "t");
}

#[test]
fn the_will_of_one_who_is_disconnected_is_published() {
    let Some(house) = House::with_users(&[ALICE, BOB]) else {
        return;
    };
    let mut bob = house.user("bob", "other");
    bob.subscribe("t", 0);
    let connect = house.login("alice", "secret").will(will("t", "gone"));
    let mut alice = house.client_with(&connect);

    house.rewrite("passwd", BOB);
    alice.expect_disconnect(0x87);
    bob.expect_publish(&v5::publish("t", "gone"));
}

#[test]
fn who_came_by_a_listener_with_modules_of_its_own_goes_by_these() {
    let Some(house) = House::with(|settings, files| {
        use_password_file(settings, files, &[ALICE]);
        settings.auth.chain = words(&["anonymous"]);
        settings.listener.push(castmq_settings::Listener {
            authentication: words(&["password_file"]),
            ..listener("users")
        });
    }) else {
        return;
    };
    let mut nameless = house.client_v5("nameless");
    let mut alice = house.door("users").open();
    alice.connect(&house.login("alice", "secret"));

    house.rewrite("passwd", BOB);
    alice.expect_disconnect(0x87);
    nameless.expect_nothing();
}

#[test]
fn a_changed_rule_holds_for_the_next_message() {
    let Some(house) = House::with_users_and_rules(&[ALICE], OPEN) else {
        return;
    };
    let mut alice = house.user("alice", "secret");
    expect_may_publish(&mut alice, "t");

    house.rewrite("acl.toml", CLOSED);
    expect_may_not_publish(&mut alice, "t");
    expect_may_publish(&mut alice, "elsewhere");
    house.rewrite("acl.toml", OPEN);
    expect_may_publish(&mut alice, "t");
}

#[test]
fn a_changed_rule_holds_for_a_will_that_was_taken_before() {
    let Some(house) = House::with_users_and_rules(&[ALICE, BOB], OPEN) else {
        return;
    };
    let mut bob = house.user("bob", "other");
    bob.subscribe("t", 0);
    bob.subscribe("u", 0);
    let mortal = |name: &str, topic: &str| {
        let connect = v5::connect(house.id(name)).user("alice").password("secret");
        house.client_with(&connect.will(will(topic, "gone")))
    };
    let (first, second) = (mortal("1", "t"), mortal("2", "u"));

    house.rewrite("acl.toml", CLOSED);
    first.cut();
    second.cut();
    bob.expect_publish(&v5::publish("u", "gone"));
    bob.expect_nothing();
}

#[test]
fn a_file_with_a_mistake_leaves_all_as_it_was() {
    let Some(house) = House::with_users_and_rules(&[ALICE], OPEN) else {
        return;
    };
    let mut alice = house.user("alice", "secret");
    let broker = house.broker().unwrap();

    house.files.write("passwd", "alice:in plain text\n");
    assert_eq!(broker.reload().unwrap_err().len(), 1);
    house.files.write("passwd", ALICE);
    house
        .files
        .write("acl.toml", "[[rule]]\npermit = 'maybe'\n");
    assert_eq!(broker.reload().unwrap_err().len(), 1);
    alice.expect_nothing();
    expect_may_publish(&mut alice, "t");
    house.client_with(&house.login_v3("alice", "secret")).cut();
}
