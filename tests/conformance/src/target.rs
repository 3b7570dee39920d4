//! The broker under test: one in this process, or another one by its address.

use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use castmq_broker::{Broker, Builder};
use castmq_settings::{PollerChoice, Settings, StoreBackend};
use castmq_store::MemoryStore;

/// Names a broker that runs already.
const VARIABLE: &str = "CASTMQ_CONFORMANCE_TARGET";

/// Has each broker keep its sessions in a store.
const STORE: &str = "CASTMQ_CONFORMANCE_STORE";

/// The address of the broker that the environment names, if it names one.
pub(crate) fn external() -> Option<SocketAddr> {
    let target = std::env::var(VARIABLE).ok()?;
    let mut addresses = target.to_socket_addrs().expect("the target is HOST:PORT");
    Some(addresses.next().expect("the target has an address"))
}

/// The address of the broker that the tests of this process share.
pub(crate) fn shared() -> SocketAddr {
    static BROKER: OnceLock<Broker> = OnceLock::new();
    let broker = BROKER.get_or_init(|| start(Broker::builder(), settings()));
    broker.addresses()[0]
}

/// The default settings, on a port that the system chooses, and with two arbiters on any machine:
/// so some clients share one, and some do not. The time to connect is longer than any deadline of a
/// test, so that it is never the timer which closes what the broker should have closed.
pub(crate) fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.store.backend = StoreBackend::Memory;
    settings.listener[0].address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    settings.node.arbiters = 2;
    settings.mqtt.connect_timeout = Duration::from_secs(60);
    // As the program takes it from its environment: all that is tested holds with each of them.
    if std::env::var("CASTMQ__NODE__POLLER").is_ok_and(|poller| poller == "tokio") {
        settings.node.poller = PollerChoice::Tokio;
    }
    settings
}

/// Starts a broker in this process; with a store of its own where the environment asks for that, so that
/// all that is tested holds with sessions that are kept as well.
pub(crate) fn start(mut builder: Builder, settings: Settings) -> Broker {
    if std::env::var_os(STORE).is_some() {
        builder = builder.store(Arc::new(MemoryStore::new()));
    }
    builder
        .settings(settings)
        .start()
        .expect("a broker starts in this process")
}
