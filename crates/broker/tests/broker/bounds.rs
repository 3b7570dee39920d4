//! What waits is bounded, and what is given up is in the ledger.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use castmq_broker::Broker;
use castmq_broker::ledger::LossesWanted;
use castmq_conformance::client::Client;
use castmq_conformance::wire::Packet;
use castmq_conformance::{v3, v5};
use castmq_settings::QueuePolicy;

use crate::scene::{broker, client, client_v5, eventually, kept, processes};

/// Floods a topic with messages of 16 KiB.
fn flood(broker: &Broker, topic: &str, qos: u8, messages: usize) {
    let mut publisher = client(broker, "publisher");
    let payload = vec![b'x'; 16 * 1024];
    for _ in 0..messages {
        publisher.publish(v3::publish(topic, &payload).qos(qos));
    }
    publisher.disconnect();
}

/// Not as emqttd's F1: what a subscriber does not read waits in its queue, which is bounded, and what
/// does not fit is in the ledger.
#[test]
fn a_subscriber_that_never_reads_costs_no_more_than_its_queue() {
    let broker = broker(|settings| {
        settings.mqueue.max_bytes = 512 * 1024;
        settings.session.queue_qos0 = true;
        settings.bounds.connection_unsent = 64 * 1024;
    });
    let mut slow = client(&broker, "slow");
    slow.subscribe("flood", 1);
    let mut other = client(&broker, "other");
    other.subscribe("t", 1);

    flood(&broker, "flood", 1, 1200);

    assert!(broker.node().queued_bytes() <= 600 * 1024);
    assert!(broker.drops()["queue_full"] > 0);
    other.send(v3::publish("t", "x"));
    other.expect_message(&v3::publish("t", "x"));
}

/// Not as emqttd's F1: QoS 0 does not pass by the bound.
#[test]
fn messages_of_qos_0_for_a_subscriber_that_never_reads_are_bounded_too() {
    let broker = broker(|settings| {
        settings.mqueue.max_bytes = 512 * 1024;
        settings.bounds.connection_unsent = 64 * 1024;
    });
    let mut slow = client(&broker, "slow");
    slow.subscribe("flood", 0);

    flood(&broker, "flood", 0, 1500);

    eventually("the flood is over", || {
        broker.metrics()["messages/qos0/received"] == 1500
            && broker.metrics()["deliveries/handed"] >= 1500
    });
    assert!(broker.node().queued_bytes() <= 600 * 1024);
    eventually("what did not fit is told", || {
        broker.drops().values().sum::<u64>() > 0
    });
}

#[test]
fn a_client_whose_socket_takes_nothing_is_closed_and_its_session_kept() {
    let broker = broker(|settings| settings.mqtt.write_timeout = Duration::from_millis(300));
    let (mut slow, _) = kept(&broker, "slow");
    slow.subscribe("flood", 0);

    flood(&broker, "flood", 0, 1500);

    eventually("the connection is closed", || {
        processes(&broker, "client") == 0
    });
    let session = broker.session("slow");
    assert!(session.is_some_and(|session| !session.is_connected));
}

#[test]
fn a_publisher_whose_messages_are_not_accepted_yet_is_read_again_when_they_are() {
    let broker = broker(|settings| settings.mqtt.unaccepted_bytes = 1024);
    let mut subscriber = client(&broker, "subscriber");
    subscriber.subscribe("t", 1);
    let mut publisher = client_v5(&broker, "publisher");
    let payload = vec![b'x'; 4096];
    for id in 1..=200 {
        publisher.send(v5::publish("t", &payload).qos(1).id(id));
    }
    for id in 1..=200 {
        publisher.expect_ack(0x40, id);
    }
    for _ in 0..200 {
        subscriber.expect_message(&v3::publish("t", &payload).qos(1));
    }
}

/// Three messages for one that is away and may keep two.
fn overfilled(policy: QueuePolicy) -> (Broker, Client) {
    let broker = broker(|settings| {
        settings.mqueue.max_messages = 2;
        settings.mqueue.policy = policy;
    });
    let (mut away, _) = kept(&broker, "away");
    away.subscribe("t", 1);
    away.disconnect();
    let mut publisher = client(&broker, "publisher");
    for payload in ["1", "2", "3"] {
        publisher.publish(v3::publish("t", payload).qos(1));
    }
    (broker, publisher)
}

#[test]
fn the_oldest_message_that_is_dropped_is_in_the_ledger() {
    let (broker, _publisher) = overfilled(QueuePolicy::DropOldest);
    eventually("the drop is told", || {
        broker.drops().get("queue_full") == Some(&1)
    });
    let (mut away, _) = kept(&broker, "away");
    away.expect_message(&v3::publish("t", "2").qos(1));
    away.expect_message(&v3::publish("t", "3").qos(1));
}

#[test]
fn the_newest_message_that_is_dropped_is_in_the_ledger() {
    let (broker, _publisher) = overfilled(QueuePolicy::DropNewest);
    eventually("the drop is told", || {
        broker.drops().get("queue_full") == Some(&1)
    });
    let (losses, _) = broker.node().ledger.losses(&LossesWanted::default());
    let loss = &losses[0].loss;
    let client = loss.client.as_ref().map(ToString::to_string);
    assert_eq!(client.as_deref(), Some("away"), "{losses:?}");
    assert_eq!(loss.topic.as_deref(), Some("t"), "{losses:?}");
    let (mut away, _) = kept(&broker, "away");
    away.expect_message(&v3::publish("t", "1").qos(1));
    away.expect_message(&v3::publish("t", "2").qos(1));
}

#[test]
fn a_connection_above_the_limit_is_closed_and_counted() {
    let broker = broker(|settings| settings.listener[0].max_connections = 2);
    let _first = client(&broker, "first");
    let second = client(&broker, "second");
    Client::open(broker.addresses()[0]).expect_close();
    assert_eq!(broker.metrics()["connections/refused"], 1);

    second.disconnect();
    eventually("there is room again", || {
        let mut third = Client::open(broker.addresses()[0]);
        third.send(v3::connect("third"));
        third.receive_or_close().is_some()
    });
}

#[test]
fn connections_without_connect_are_limited() {
    let broker = broker(|settings| {
        settings.node.arbiters = 1;
        settings.bounds.half_open = 3;
    });
    let address = broker.addresses()[0];
    let mut silent: Vec<Client> = (0..8).map(|_| Client::open(address)).collect();
    eventually("those above the limit are gone", || {
        broker.metrics()["connections/refused"] == 5
    });
    assert_eq!(processes(&broker, "client"), 3);
    silent.clear();
    eventually("all are gone", || processes(&broker, "client") == 0);
    client(&broker, "late").disconnect();
}

#[test]
fn connections_above_the_rate_wait_and_are_served() {
    let broker = broker(|settings| settings.listener[0].connect_rate = 20);
    let clients: Vec<Client> = (0..40)
        .map(|number| client(&broker, &format!("c{number}")))
        .collect();
    assert_eq!(broker.clients().unwrap().len(), clients.len());
}

#[test]
fn a_client_above_its_message_rate_is_read_more_slowly_and_loses_nothing() {
    let broker = broker(|settings| settings.mqtt.message_rate = 100);
    let mut fast = client(&broker, "fast");
    fast.subscribe("t", 0);
    for number in 0..200 {
        fast.send(v3::publish("t", number.to_string()));
    }
    for number in 0..200 {
        fast.expect_publish(&v3::publish("t", number.to_string()));
    }
}

/// A flood in one write, of which the broker parses a part at a time.
#[test]
fn other_clients_have_their_turn_while_one_sends_a_flood() {
    let broker = broker(|settings| settings.node.arbiters = 1);
    let mut other = client(&broker, "other");
    let mut flood = TcpStream::connect(broker.addresses()[0]).unwrap();
    flood.write_all(&v3::connect("flood").to_bytes()).unwrap();
    flood.read_exact(&mut [0; 4]).unwrap();
    let one = v3::publish("t", "").to_bytes();
    let many = one.repeat(100_000);
    std::thread::scope(|threads| {
        threads.spawn(|| flood.write_all(&many).unwrap());
        for _ in 0..50 {
            other.expect_nothing();
        }
    });
    eventually("all is taken", || {
        broker.metrics()["messages/received"] == 100_000
    });
}
