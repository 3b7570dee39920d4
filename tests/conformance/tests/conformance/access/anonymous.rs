//! Clients that do not say who they are.

use castmq_conformance::{v3, v5};

use super::{ALICE, House, expect_refused, expect_refused_v3, listener, use_password_file, words};

#[test]
fn with_the_module_a_client_without_a_user_name_comes_in() {
    let Some(house) = House::with(|settings, files| {
        use_password_file(settings, files, &[ALICE]);
        settings.auth.chain = words(&["password_file", "anonymous"]);
    }) else {
        return;
    };

    house.client("a").disconnect();
    house.user("alice", "secret").disconnect();
}

#[test]
fn it_is_not_for_a_client_that_gives_a_name() {
    let Some(house) = House::with(|settings, files| {
        use_password_file(settings, files, &[ALICE]);
        settings.auth.chain = words(&["password_file", "anonymous"]);
    }) else {
        return;
    };

    expect_refused(&house, &house.login("nobody", "x"), 0x86);
    expect_refused_v3(&house, &v3::connect(house.id("a")).user("nobody"), 4);
    expect_refused(&house, &house.login("alice", "wrong"), 0x86);
}

#[test]
fn a_listener_may_let_in_who_gives_no_name_where_others_do_not() {
    let Some(house) = House::with(|settings, files| {
        use_password_file(settings, files, &[ALICE]);
        settings.listener.push(castmq_settings::Listener {
            allow_anonymous: true,
            ..listener("open")
        });
    }) else {
        return;
    };
    let connect = v5::connect(house.id("a"));

    expect_refused(&house, &connect, 0x86);
    house.door("open").open().connect(&connect);
    let refused = super::refusal_by(house.door("open").open(), &house.login("alice", "wrong"));
    assert_eq!(refused.body[1], 0x86);
}
