//! A graceful stop.

use castmq_conformance::client::Client;
use castmq_conformance::connect::will;
use castmq_conformance::{v3, v5};

use crate::scene::{broker, client_v5};

#[test]
fn a_client_of_version_5_is_told_that_the_server_shuts_down() {
    let broker = broker(|_| ());
    let mut clients: Vec<Client> = (0..4)
        .map(|number| client_v5(&broker, &format!("c{number}")))
        .collect();
    broker.stop();
    for client in &mut clients {
        client.expect_disconnect(0x8B);
    }
}

#[test]
fn the_wills_of_connected_clients_are_published_before_the_node_is_gone() {
    use std::sync::{Arc, Mutex};

    use castmq_broker::rules::Message;
    use castmq_broker::rules::hook::HookStep;
    use castmq_broker::{Broker, HookContext};

    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let to = Arc::clone(&seen);
    let builder = Broker::builder()
        .hooks(|hooks| {
            let look = Arc::new(move |_: &mut HookContext<'_>, message: &Message| {
                to.lock().unwrap().push(message.topic.as_str().to_owned());
                HookStep::Continue
            });
            hooks.message_publish.add(Arc::from("look"), 0, look)
        })
        .unwrap();
    let broker = crate::scene::built(builder, |settings| {
        settings.modules.presence.enabled = false;
    });
    let mut clients = Vec::new();
    for number in 0..3 {
        let mut client = Client::open(broker.addresses()[0]);
        let name = format!("c{number}");
        client.connect(&v3::connect(&name).will(will(format!("gone/{number}"), "x").qos(1)));
        clients.push(client);
    }
    let mut polite = Client::open(broker.addresses()[0]);
    polite.connect(&v5::connect("polite").will(will("gone/polite", "x")));
    polite.send(v5::disconnect());
    polite.expect_close();

    broker.stop();

    let mut topics = seen.lock().unwrap().clone();
    topics.sort();
    assert_eq!(topics, ["gone/0", "gone/1", "gone/2"]);
}

#[test]
fn nobody_can_connect_to_a_broker_that_has_stopped() {
    let broker = broker(|_| ());
    let address = broker.addresses()[0];
    broker.stop();
    assert!(std::net::TcpStream::connect(address).is_err());
}

#[test]
fn a_broker_that_is_dropped_stops_too() {
    let broker = broker(|_| ());
    let mut client = client_v5(&broker, "client");
    drop(broker);
    client.expect_disconnect(0x8B);
}
