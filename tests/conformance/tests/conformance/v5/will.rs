//! Wills: what a client leaves behind, and when it is published.

use std::time::Duration;

use castmq_conformance::v5::{self, property};
use castmq_conformance::wire::{packet, string};
use castmq_conformance::{Client, Connect, Scene, will};

use super::{expect_nothing_from, expect_refusal, expect_refused, stopwatch};

/// A subscriber to the topic on which the test's wills go out.
fn watcher(scene: &Scene) -> Client {
    let mut watcher = scene.client_v5("watcher");
    watcher.subscribe(&scene.topic("will"), 2);
    watcher
}

/// A client with a will of QoS 0 and a session that outlives its connection.
fn lasting(scene: &Scene, delay: u32) -> Connect {
    v5::connect(scene.id("a"))
        .property(property::session_expiry(600))
        .will(will(scene.topic("will"), "gone").property(property::will_delay(delay)))
}

/// \[MQTT5-3.1.2-7\] \[MQTT5-3.1.2-8\] \[MQTT5-3.1.2-14\]
#[test]
fn a_client_that_vanishes_leaves_its_will() {
    let scene = Scene::new();
    let mut watcher = watcher(&scene);
    let connect = v5::connect(scene.id("a")).will(will(scene.topic("will"), "gone").qos(1));

    scene.client_with(&connect).cut();
    watcher.expect_message(&v5::publish(scene.topic("will"), "gone").qos(1));
}

/// \[MQTT5-3.1.2-8\] \[MQTT5-3.1.2-10\] \[MQTT5-3.14.4-3\]
#[test]
fn a_client_that_says_goodbye_leaves_no_will() {
    let scene = Scene::new();
    let mut watcher = watcher(&scene);
    let mut publisher = scene.client_v5("publisher");
    let connect = v5::connect(scene.id("a")).will(will(scene.topic("will"), "gone"));

    scene.client_with(&connect).disconnect();
    expect_nothing_from(&mut publisher, &mut watcher);
}

/// \[MQTT5-3.1.2-8\] \[MQTT5-3.14.4-3\]
#[test]
fn a_disconnect_with_code_4_publishes_the_will() {
    let scene = Scene::new();
    let mut watcher = watcher(&scene);
    let connect = v5::connect(scene.id("a")).will(will(scene.topic("will"), "gone"));
    let mut client = scene.client_with(&connect);

    client.send(v5::disconnect_with(0x04, &[]));
    client.expect_close();
    watcher.expect_message(&v5::publish(scene.topic("will"), "gone"));
}

/// \[MQTT5-3.1.2-8\]
#[test]
fn a_disconnect_for_an_error_publishes_the_will() {
    let scene = Scene::new();
    let mut watcher = watcher(&scene);
    let connect = v5::connect(scene.id("a")).will(will(scene.topic("will"), "gone"));
    let mut client = scene.client_with(&connect);

    client.send(v5::disconnect_with(0x80, &[]));
    client.expect_close();
    watcher.expect_message(&v5::publish(scene.topic("will"), "gone"));
}

/// \[MQTT5-3.1.2-8\]
#[test]
fn a_client_closed_for_a_protocol_error_leaves_its_will() {
    let scene = Scene::new();
    let mut watcher = watcher(&scene);
    let connect = v5::connect(scene.id("a")).will(will(scene.topic("will"), "gone"));
    let mut client = scene.client_with(&connect);

    client.send(v5::connect(scene.id("a")));
    watcher.expect_message(&v5::publish(scene.topic("will"), "gone"));
}

/// \[MQTT5-3.1.2-8\] \[MQTT5-3.1.4-3\]
#[test]
fn a_client_whose_id_is_taken_over_with_a_clean_start_leaves_its_will() {
    let scene = Scene::new();
    let mut watcher = watcher(&scene);
    let connect = v5::connect(scene.id("a")).will(will(scene.topic("will"), "gone"));
    let first = scene.client_with(&connect);

    let second = scene.client_v5("a");
    watcher.expect_message(&v5::publish(scene.topic("will"), "gone"));
    second.disconnect();
    drop(first);
}

/// \[MQTT5-3.1.2-10\] \[MQTT5-3.1.2-7\]
#[test]
fn a_will_is_published_once() {
    let scene = Scene::new();
    let mut watcher = watcher(&scene);
    let mut publisher = scene.client_v5("publisher");
    scene.client_with(&lasting(&scene, 0)).cut();
    watcher.expect_message(&v5::publish(scene.topic("will"), "gone"));

    let without = v5::connect(scene.id("a")).keep_session();
    scene.client_with(&without).cut();
    let mut again = scene.client_with(&without);
    again.expect_nothing();
    expect_nothing_from(&mut publisher, &mut watcher);
}

/// \[MQTT5-3.1.2-9\] \[MQTT5-3.1.4-1\]
#[test]
fn a_will_flag_without_a_will_is_refused() {
    let scene = Scene::new();

    expect_refused(&scene, &v5::connect(scene.id("a")).flags(0x06), &[0x81]);
}

/// \[MQTT5-3.1.2-9\] \[MQTT5-3.1.4-1\]
#[test]
fn a_will_without_payload_field_is_refused() {
    let scene = Scene::new();
    let mut client = scene.open().speaking(5);

    client.send(packet(
        0x10,
        &[
            &string("MQTT"),
            &[5, 0x06, 0, 0, 0],
            &string(scene.id("a")),
            &[0],
            &string(scene.topic("will")),
        ],
    ));
    expect_refusal(&mut client, &[0x81]);
}

/// \[MQTT5-3.1.2-9\] \[MQTT5-3.1.2-7\]
#[test]
fn the_payload_of_a_will_may_be_empty() {
    let scene = Scene::new();
    let mut watcher = watcher(&scene);
    let connect = v5::connect(scene.id("a")).will(will(scene.topic("will"), ""));

    scene.client_with(&connect).cut();
    watcher.expect_message(&v5::publish(scene.topic("will"), ""));
}

/// \[MQTT5-3.1.2-11\] \[MQTT5-3.1.4-1\]
#[test]
fn a_will_qos_without_will_flag_is_refused() {
    let scene = Scene::new();

    expect_refused(&scene, &v5::connect(scene.id("a")).flags(0x0A), &[0x81]);
    expect_refused(&scene, &v5::connect(scene.id("b")).flags(0x12), &[0x81]);
}

/// \[MQTT5-3.1.2-12\] \[MQTT5-3.1.4-1\]
#[test]
fn a_will_with_qos_3_is_refused() {
    let scene = Scene::new();

    expect_refused(
        &scene,
        &v5::connect(scene.id("a")).will(will(scene.topic("will"), "x").qos(3)),
        &[0x81],
    );
}

/// \[MQTT5-3.1.2-12\] \[MQTT5-3.2.2-12\]
#[test]
fn wills_go_out_with_the_qos_they_were_given() {
    let scene = Scene::new();
    let topic = scene.topic("will");
    let mut watcher = watcher(&scene);
    let with_qos = |qos| v5::connect(scene.id("a")).will(will(&topic, "gone").qos(qos));

    scene.client_with(&with_qos(0)).cut();
    watcher.expect_message(&v5::publish(&topic, "gone"));
    scene.client_with(&with_qos(1)).cut();
    watcher.expect_message(&v5::publish(&topic, "gone").qos(1));
    scene.client_with(&with_qos(2)).cut();
    watcher.expect_message(&v5::publish(&topic, "gone").qos(2));
}

/// \[MQTT5-3.1.2-13\] \[MQTT5-3.1.4-1\]
#[test]
fn a_will_retain_without_will_flag_is_refused() {
    let scene = Scene::new();

    expect_refused(&scene, &v5::connect(scene.id("a")).flags(0x22), &[0x81]);
}

/// \[MQTT5-3.1.2-14\]
#[test]
fn a_will_without_retain_is_not_retained() {
    let scene = Scene::new();
    let topic = scene.topic("will");
    let mut watcher = watcher(&scene);
    scene
        .client_with(&v5::connect(scene.id("a")).will(will(&topic, "gone")))
        .cut();
    watcher.expect_message(&v5::publish(&topic, "gone"));

    let mut later = scene.client_v5("later");
    later.subscribe(&topic, 0);
    later.expect_nothing();
}

/// \[MQTT5-3.1.2-15\] \[MQTT5-3.2.2-13\]
#[test]
fn a_will_with_retain_is_retained() {
    let scene = Scene::new();
    let topic = scene.topic("will");
    let mut watcher = watcher(&scene);
    scene
        .client_with(&v5::connect(scene.id("a")).will(will(&topic, "gone").retain()))
        .cut();
    watcher.expect_message(&v5::publish(&topic, "gone"));

    let mut later = scene.client_v5("later");
    later.subscribe(&topic, 0);
    later.expect_publish(&v5::publish(&topic, "gone").retain());
}

/// \[MQTT5-3.1.3-11\] \[MQTT5-3.1.4-1\]
#[test]
fn a_will_topic_that_is_not_utf8_is_refused() {
    let scene = Scene::new();

    expect_refused(
        &scene,
        &v5::connect(scene.id("a")).will(will(b"will\xFF", "x")),
        &[0x81],
    );
}

/// \[MQTT5-3.1.3-11\] \[MQTT5-4.7.0-1\]
#[test]
fn a_will_topic_with_a_wildcard_is_refused() {
    let scene = Scene::new();

    expect_refused(
        &scene,
        &v5::connect(scene.id("a")).will(will(scene.topic("#"), "x")),
        &[0x81, 0x82, 0x90],
    );
}

/// \[MQTT5-3.1.3-10\] \[MQTT5-3.1.2-9\]
#[test]
fn the_properties_of_a_will_are_published_in_their_order() {
    let scene = Scene::new();
    let topic = scene.topic("will");
    let mut watcher = watcher(&scene);
    let last_words = will(&topic, "gone")
        .property(property::user("b", "1"))
        .property(property::payload_format(1))
        .property(property::user("a", "2"))
        .property(property::content_type("text/plain"))
        .property(property::response_topic("answer/here"))
        .property(property::correlation_data(b"\0\xFF"))
        .property(property::user("b", "3"));

    scene
        .client_with(&v5::connect(scene.id("a")).will(last_words))
        .cut();
    watcher.expect_message(
        &v5::publish(&topic, "gone")
            .property(property::payload_format(1))
            .property(property::content_type("text/plain"))
            .property(property::response_topic("answer/here"))
            .property(property::correlation_data(b"\0\xFF"))
            .property(property::user("b", "1"))
            .property(property::user("a", "2"))
            .property(property::user("b", "3")),
    );
}

/// \[MQTT5-3.1.2-8\] \[MQTT5-3.3.2-6\]
#[test]
fn the_expiry_of_a_will_starts_when_it_is_published() {
    let scene = Scene::new();
    let topic = scene.topic("will");
    let mut watcher = watcher(&scene);
    let last_words = will(&topic, "gone")
        .property(property::message_expiry(1000))
        .property(property::will_delay(2));
    let connect = v5::connect(scene.id("a"))
        .property(property::session_expiry(600))
        .will(last_words);

    scene.client_with(&connect).cut();
    let published = watcher.receive_publish();
    let expiry = super::values(published.properties.as_ref(), 0x02);
    // The seconds of the delay are not taken off; a slow machine may take one.
    assert!(
        [1000_u32, 999]
            .map(|seconds| seconds.to_be_bytes().to_vec())
            .contains(&expiry[0]),
        "{published:?}"
    );
}

/// \[MQTT5-3.1.2-8\]
#[test]
fn a_delayed_will_waits() {
    let scene = Scene::new();
    let topic = scene.topic("will");
    let mut watcher = watcher(&scene);
    let mut publisher = scene.client_v5("publisher");
    let client = scene.client_with(&lasting(&scene, 2));

    let since = stopwatch();
    client.cut();
    expect_nothing_from(&mut publisher, &mut watcher);
    watcher.expect_message(&v5::publish(&topic, "gone"));
    assert!(
        since() >= Duration::from_millis(1900),
        "after {:?}",
        since()
    );
}

/// \[MQTT5-3.1.3-9\] \[MQTT5-3.1.2-8\]
#[test]
fn a_client_that_returns_before_the_delay_is_over_cancels_its_will() {
    let scene = Scene::new();
    let mut watcher = watcher(&scene);
    let mut publisher = scene.client_v5("publisher");
    let mut timer = scene.client_v5("timer");
    timer.subscribe(&scene.topic("timer"), 0);
    scene.client_with(&lasting(&scene, 3)).cut();

    let mut back = scene.client_with(&v5::connect(scene.id("a")).keep_session());
    back.expect_nothing();
    // A will that is due later than the cancelled one tells when to look.
    let later = v5::connect(scene.id("b"))
        .property(property::session_expiry(600))
        .will(will(scene.topic("timer"), "now").property(property::will_delay(4)));
    scene.client_with(&later).cut();
    timer.expect_message(&v5::publish(scene.topic("timer"), "now"));
    expect_nothing_from(&mut publisher, &mut watcher);
}

/// \[MQTT5-3.1.3-9\] \[MQTT5-3.1.4-3\]
#[test]
fn a_delayed_will_does_not_go_out_when_the_session_is_taken_over() {
    let scene = Scene::new();
    let mut watcher = watcher(&scene);
    let mut publisher = scene.client_v5("publisher");
    let mut first = scene.client_with(&lasting(&scene, 600));

    let mut second = scene.client_with(&v5::connect(scene.id("a")).keep_session());
    first.expect_disconnect(0x8E);
    second.expect_nothing();
    expect_nothing_from(&mut publisher, &mut watcher);
}

/// \[MQTT5-3.1.2-8\] \[MQTT5-3.1.2-4\]
#[test]
fn a_clean_start_ends_the_session_and_so_publishes_its_delayed_will() {
    let scene = Scene::new();
    let mut watcher = watcher(&scene);
    scene.client_with(&lasting(&scene, 600)).cut();

    let mut clean = scene.client_v5("a");
    clean.expect_nothing();
    watcher.expect_message(&v5::publish(scene.topic("will"), "gone"));
}

/// \[MQTT5-3.1.2-8\] \[MQTT5-4.1.0-2\]
#[test]
fn a_delayed_will_does_not_wait_longer_than_its_session_lives() {
    let scene = Scene::new();
    let mut watcher = watcher(&scene);
    let connect = v5::connect(scene.id("a"))
        .property(property::session_expiry(1))
        .will(will(scene.topic("will"), "gone").property(property::will_delay(600)));

    scene.client_with(&connect).cut();
    watcher.expect_message(&v5::publish(scene.topic("will"), "gone"));
}

/// \[MQTT5-3.1.2-8\] \[MQTT5-3.1.2-23\]
#[test]
fn without_session_expiry_a_delayed_will_goes_out_at_once() {
    let scene = Scene::new();
    let mut watcher = watcher(&scene);
    let connect = v5::connect(scene.id("a"))
        .will(will(scene.topic("will"), "gone").property(property::will_delay(600)));

    scene.client_with(&connect).cut();
    watcher.expect_message(&v5::publish(scene.topic("will"), "gone"));
}

/// \[MQTT5-3.1.2-10\] \[MQTT5-3.14.4-3\]
#[test]
fn a_goodbye_throws_a_delayed_will_away_too() {
    let scene = Scene::new();
    let mut watcher = watcher(&scene);
    let mut publisher = scene.client_v5("publisher");

    scene.client_with(&lasting(&scene, 600)).disconnect();
    // A clean start would bring it out.
    let mut clean = scene.client_v5("a");
    clean.expect_nothing();
    expect_nothing_from(&mut publisher, &mut watcher);
}

/// \[MQTT5-3.1.4-2\] \[MQTT5-3.1.2-7\]
#[test]
fn a_refused_connect_leaves_no_will() {
    let scene = Scene::new();
    let mut watcher = watcher(&scene);
    let mut publisher = scene.client_v5("publisher");
    let refused = v5::connect(scene.id("a"))
        .property(property::authentication_method("no such method"))
        .will(will(scene.topic("will"), "gone"));

    expect_refused(&scene, &refused, &[0x8C, 0x87]);
    expect_nothing_from(&mut publisher, &mut watcher);
}
