//! A broker, its clients, and waiting for what happens soon.

use std::time::Duration;

use castmq_broker::{Broker, Builder};
use castmq_conformance::client::Client;
use castmq_conformance::{v3, v5};
use castmq_settings::{Settings, StoreBackend};

/// A broker with two arbiters.
pub(crate) fn broker(alter: impl FnOnce(&mut Settings)) -> Broker {
    built(Broker::builder(), alter)
}

/// As [`broker`], with modules or hooks.
pub(crate) fn built(builder: Builder, alter: impl FnOnce(&mut Settings)) -> Broker {
    let mut settings = Settings::default();
    settings.store.backend = StoreBackend::Memory;
    settings.listener[0].address = "127.0.0.1:0".parse().unwrap();
    settings.node.arbiters = 2;
    alter(&mut settings);
    builder.settings(settings).start().unwrap()
}

/// A clean client of 3.1.1.
pub(crate) fn client(broker: &Broker, name: &str) -> Client {
    let mut client = Client::open(broker.addresses()[0]);
    client.connect(&v3::connect(name));
    client
}

/// A clean client of 5.0.
pub(crate) fn client_v5(broker: &Broker, name: &str) -> Client {
    let mut client = Client::open(broker.addresses()[0]);
    client.connect(&v5::connect(name));
    client
}

/// A client of 3.1.1 whose session is kept, and whether there was one.
pub(crate) fn kept(broker: &Broker, name: &str) -> (Client, bool) {
    let mut client = Client::open(broker.addresses()[0]);
    let present = client.connect(&v3::connect(name).keep_session());
    (client, present == 1)
}

/// Waits until something holds; fails the test when it does not for very long.
#[track_caller]
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..6000 {
        if holds() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("this never came true: {what}");
}

/// How often processes of a kind were restarted, all together.
pub(crate) fn restarts(broker: &Broker, kind: &str) -> u32 {
    let all = broker.processes();
    all.iter()
        .filter(|record| record.kind == kind)
        .map(|record| u32::from(record.restarts))
        .sum()
}

/// How many processes of a kind there are.
pub(crate) fn processes(broker: &Broker, kind: &str) -> usize {
    let all = broker.processes();
    all.iter().filter(|record| record.kind == kind).count()
}

/// Has processes fail and waits until all of the kind are back.
#[track_caller]
pub(crate) fn crash(broker: &Broker, kind: &str, name: &str) {
    let before = restarts(broker, kind);
    let count = u32::try_from(processes(broker, kind)).unwrap();
    broker.crash(kind, name).unwrap();
    eventually("the process is back", || {
        restarts(broker, kind) == before + count
    });
}
