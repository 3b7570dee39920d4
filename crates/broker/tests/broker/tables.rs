//! The tables of the broker stay right, and as small as what is in them.

use castmq_conformance::client::Client;
use castmq_conformance::v3;
use castmq_conformance::wire::Packet;

use crate::scene::{broker, client, eventually, kept, processes};

fn stat(broker: &castmq_broker::Broker, name: &str) -> u64 {
    broker.stats()[name]
}

/// Not as emqttd's F11 and F14: the late clean-up of an old session leaves the rows of the new one
/// alone.
#[test]
fn the_end_of_an_old_session_leaves_the_new_ones_subscriptions_alone() {
    let broker = broker(|_| ());
    for _ in 0..20 {
        let (mut old, _) = kept(&broker, "same");
        old.subscribe("t", 1);
        // A clean start discards the old session while its rows are there.
        let mut new = client(&broker, "same");
        new.subscribe("t", 1);
        new.send(v3::publish("t", "x"));
        new.expect_message(&v3::publish("t", "x"));
        old.expect_close();
        eventually("one subscription is left", || {
            stat(&broker, "subscriptions") == 1
        });
        new.send(v3::publish("t", "y"));
        new.expect_message(&v3::publish("t", "y"));
        new.disconnect();
    }
    eventually("no session is left", || processes(&broker, "session") == 0);
    eventually("no route is left", || {
        stat(&broker, "routes") == 0 && stat(&broker, "topics") == 0
    });
}

/// Not as emqttd's F12: that many leave one topic at once takes no time that grows with their square.
#[test]
fn many_subscribers_of_one_topic_can_leave_at_once() {
    let broker = broker(|_| ());
    let clients: Vec<Client> = (0..400)
        .map(|number| {
            let mut client = client(&broker, &format!("c{number}"));
            client.subscribe("big", 1);
            client
        })
        .collect();
    assert_eq!(stat(&broker, "routes"), 1);
    for client in clients {
        client.cut();
    }
    eventually("no subscription is left", || {
        stat(&broker, "subscriptions") == 0
    });
    eventually("no route is left", || stat(&broker, "routes") == 0);
    eventually("no process is left", || {
        processes(&broker, "client") + processes(&broker, "session") == 0
    });
}

/// Not as emqttd's F9: while many retained messages are on their way to a client, its
/// acknowledgements and its own messages are handled.
#[test]
fn many_retained_messages_hold_nothing_else_up() {
    let broker = broker(|_| ());
    let mut publisher = client(&broker, "publisher");
    let payload = vec![b'x'; 4096];
    for number in 0..1000 {
        publisher.send(v3::publish(format!("many/{number}"), &payload).retain());
    }
    publisher.expect_nothing();
    let mut reader = client(&broker, "reader");
    let subscribe = v3::subscribe(1, &[("many/#", 0)]);
    let publish = v3::publish("t", "y").qos(1).id(7).to_bytes();
    reader.send([subscribe, publish].concat());
    reader.expect(v3::suback(1, &[0]));
    let (mut retained, mut before_answer) = (0, 1000);
    while retained < 1000 || before_answer == 1000 {
        let packet = reader.receive();
        match packet.kind() {
            3 => retained += 1,
            4 => before_answer = retained,
            _ => {}
        }
    }
    assert!(
        before_answer < 1000,
        "the answer came behind all retained messages"
    );
}

/// Not as emqttd's F3 and F4: a thousand messages wait for acknowledgements with one timer and no list
/// to walk, and each acknowledgement finds its own.
#[test]
fn a_large_window_is_acknowledged_in_any_order() {
    let broker = broker(|settings| settings.session.max_inflight = 1000);
    let mut reader = client(&broker, "reader");
    reader.subscribe("t", 1);
    let mut publisher = client(&broker, "publisher");
    for number in 0..1000 {
        publisher.publish(v3::publish("t", number.to_string()).qos(1));
    }
    let mut ids: Vec<u16> = (0..1000)
        .map(|number| reader.expect_publish(&v3::publish("t", number.to_string()).qos(1)))
        .collect();
    ids.reverse();
    for id in ids {
        reader.send(v3::puback(id));
    }
    eventually("nothing is in flight", || {
        broker
            .session("reader")
            .is_some_and(|session| session.inflight == 0)
    });
    assert_eq!(broker.metrics()["acks/stray"], 0);
}
