//! Rules of CastMQ: who may publish and subscribe what.

use castmq_conformance::{Client, v3, v5, will};

use super::{
    ALICE, BOB, House, expect_may_not_publish, expect_may_publish, expect_refused,
    expect_refused_v3, subscribing,
};

const RULES: &str = "
[[rule]]
permit = 'deny'
topics = ['open/but/this']
[[rule]]
permit = 'allow'
topics = ['open/#', 'clients/%c/#', 'users/%u/#']
[[rule]]
permit = 'allow'
action = 'publish'
topics = ['in/#']
[[rule]]
permit = 'allow'
action = 'subscribe'
topics = ['out/#']
[[rule]]
permit = 'allow'
who = { or = [{ user = 'alice' }, { client = 'nobody' }] }
topics = ['alice']
[[rule]]
permit = 'allow'
qos = [0, 1]
topics = ['at-most-1']
[[rule]]
permit = 'allow'
action = 'publish'
retain = false
topics = ['never-retained']
[[rule]]
permit = 'allow'
action = 'publish'
retain = true
topics = ['always-retained']
";

fn house() -> Option<House> {
    House::with_users_and_rules(&[ALICE, BOB], RULES)
}

/// The reason code of a message.
#[track_caller]
fn publishing(client: &mut Client, publish: castmq_conformance::Publish) -> u8 {
    let id = client.next_id();
    let header = if publish.qos == 1 { 0x40 } else { 0x50 };
    client.send(publish.id(id));
    let code = client.expect_answer(header).code();
    if code == 0x10 { 0 } else { code }
}

/// \[MQTT5-3.4.2-1\]
#[test]
fn the_first_rule_that_fits_decides() {
    let Some(house) = house() else { return };
    let mut alice = house.user("alice", "secret");

    expect_may_publish(&mut alice, "open/t");
    expect_may_not_publish(&mut alice, "open/but/this");
    expect_may_not_publish(&mut alice, "elsewhere");
}

#[test]
fn publishing_and_subscribing_are_two_rights() {
    let Some(house) = house() else { return };
    let mut alice = house.user("alice", "secret");

    expect_may_publish(&mut alice, "in/t");
    expect_may_not_publish(&mut alice, "out/t");
    assert_eq!(
        subscribing(&mut alice, &[("in/t", 0), ("out/t", 0)]),
        [0x87, 0]
    );
}

/// \[MQTT5-3.9.3-1\] \[MQTT5-3.9.3-2\]
#[test]
fn each_filter_is_granted_or_refused_by_itself() {
    let Some(house) = house() else { return };
    let mut alice = house.user("alice", "secret");

    let filters = [("out/#", 2), ("#", 2), ("+/t", 1), ("out/a", 1)];
    assert_eq!(subscribing(&mut alice, &filters), [2, 0x87, 0x87, 1]);
}

/// \[MQTT3-3.9.3-1\] \[MQTT3-3.9.3-2\]
#[test]
fn a_3_1_1_client_hears_0x80_for_the_filter_that_is_refused() {
    let Some(house) = house() else { return };
    let mut alice = house.client_with(&house.login_v3("alice", "secret"));

    alice.send(v3::subscribe(1, &[("out/#", 2), ("#", 2), ("out/a", 1)]));
    alice.expect(v3::suback(1, &[2, 0x80, 1]));
}

#[test]
fn the_filter_of_a_shared_subscription_is_what_counts() {
    let Some(house) = house() else { return };
    let mut alice = house.user("alice", "secret");

    let filters = [
        ("$share/g/out/#", 1),
        ("$share/g/#", 1),
        ("$share/out/in", 1),
    ];
    assert_eq!(subscribing(&mut alice, &filters), [1, 0x87, 0x87]);
}

#[test]
fn a_filter_that_a_denied_topic_is_part_of_is_refused() {
    let Some(house) = house() else { return };
    let mut alice = house.user("alice", "secret");

    let filters = [("open/#", 0), ("open/+/this", 0), ("open/t", 0)];
    assert_eq!(subscribing(&mut alice, &filters), [0x87, 0x87, 0]);
}

#[test]
fn placeholders_stand_for_the_client_and_its_user() {
    let Some(house) = house() else { return };
    let mut alice = house.user("alice", "secret");
    let own = format!("clients/{}/t", house.id("alice"));

    expect_may_publish(&mut alice, &own);
    expect_may_publish(&mut alice, "users/alice/t");
    expect_may_not_publish(&mut alice, "clients/other/t");
    expect_may_not_publish(&mut alice, "users/bob/t");
}

#[test]
fn a_rule_may_be_for_some_only() {
    let Some(house) = house() else { return };

    expect_may_publish(&mut house.user("alice", "secret"), "alice");
    expect_may_not_publish(&mut house.user("bob", "other"), "alice");
}

#[test]
fn a_rule_may_be_about_some_qos_only() {
    let Some(house) = house() else { return };
    let mut alice = house.user("alice", "secret");

    let message = |qos| v5::publish("at-most-1", "x").qos(qos);
    assert_eq!(publishing(&mut alice, message(1)), 0);
    assert_eq!(publishing(&mut alice, message(2)), 0x87);
    let filters = [("at-most-1", 1), ("at-most-1", 2)];
    assert_eq!(subscribing(&mut alice, &filters), [1, 0x87]);
}

#[test]
fn a_rule_may_be_about_retained_messages_or_about_others() {
    let Some(house) = house() else { return };
    let mut alice = house.user("alice", "secret");

    let never = v5::publish("never-retained", "x").qos(1);
    assert_eq!(publishing(&mut alice, never.clone()), 0);
    assert_eq!(publishing(&mut alice, never.retain()), 0x87);
    let always = v5::publish("always-retained", "x").qos(1);
    assert_eq!(publishing(&mut alice, always.clone().retain()), 0);
    assert_eq!(publishing(&mut alice, always), 0x87);
}

/// \[MQTT5-3.1.4-2\]
#[test]
fn a_client_that_may_not_publish_its_will_does_not_come_in() {
    let Some(house) = house() else { return };
    let forbidden = will("elsewhere", "gone");

    let connect = house.login("alice", "secret").will(forbidden.clone());
    expect_refused(&house, &connect, 0x87);
    let connect = house.login_v3("alice", "secret").will(forbidden);
    expect_refused_v3(&house, &connect, 5);
    let allowed = house.login("alice", "secret").will(will("in/t", "gone"));
    house.client_with(&allowed).disconnect();
}

#[test]
fn qos_and_retain_of_a_will_count_too() {
    let Some(house) = house() else { return };
    let connect = house.login("alice", "secret");

    let retained = connect.clone().will(will("never-retained", "x").retain());
    expect_refused(&house, &retained, 0x87);
    let twice = connect.clone().will(will("at-most-1", "x").qos(2));
    expect_refused(&house, &twice, 0x87);
    let good = connect.will(will("never-retained", "x").qos(1));
    house.client_with(&good).disconnect();
}

#[test]
fn rules_are_not_about_superusers() {
    let root = ALICE.replace('\n', ":superuser\n");
    let Some(house) = House::with_users_and_rules(&[&root, BOB], "") else {
        return;
    };
    let mut alice = house.user("alice", "secret");
    let mut bob = house.user("bob", "other");

    expect_may_publish(&mut alice, "anything");
    assert_eq!(subscribing(&mut alice, &[("#", 0)]), [0]);
    expect_may_not_publish(&mut bob, "anything");
    assert_eq!(subscribing(&mut bob, &[("anything", 0)]), [0x87]);
}

#[test]
fn what_no_rule_decides_may_be_allowed() {
    let rules = "otherwise = 'allow'\n[[rule]]\npermit = 'deny'\ntopics = ['secret/#']\n";
    let Some(house) = House::with_users_and_rules(&[ALICE], rules) else {
        return;
    };
    let mut alice = house.user("alice", "secret");

    expect_may_publish(&mut alice, "anything");
    expect_may_not_publish(&mut alice, "secret/t");
}

#[test]
fn what_is_denied_is_not_retained_either() {
    let rules = "
        [[rule]]
        permit = 'allow'
        who = { user = 'alice' }
        [[rule]]
        permit = 'allow'
        action = 'subscribe'
    ";
    let Some(house) = House::with_users_and_rules(&[ALICE, BOB], rules) else {
        return;
    };
    let mut alice = house.user("alice", "secret");
    alice.publish(v5::publish("t", "kept").qos(1).retain());
    let mut bob = house.user("bob", "other");

    let message = v5::publish("t", "changed").qos(1).retain();
    assert_eq!(publishing(&mut bob, message), 0x87);
    let deletion = v5::publish("t", "").qos(1).retain();
    assert_eq!(publishing(&mut bob, deletion), 0x87);
    bob.subscribe("t", 1);
    bob.expect_message(&v5::publish("t", "kept").qos(1).retain());
}
