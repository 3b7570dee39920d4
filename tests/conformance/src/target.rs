//! The broker under test: one in this process, or another one by its address.

use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use castmq_broker::{Broker, Builder};
use castmq_settings::{ListenerTransport, PollerChoice, Settings, StoreBackend};
use castmq_store::MemoryStore;

use crate::door::Door;
use crate::folder::Folder;
use crate::transport::Transport;

/// Names a broker that runs already.
const VARIABLE: &str = "CASTMQ_CONFORMANCE_TARGET";

/// Has each broker keep its sessions in a store.
const STORE: &str = "CASTMQ_CONFORMANCE_STORE";

/// A broker in this process; it stops with this value.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) broker: Broker,
    /// The way to its first listener.
    pub(crate) door: Door,
    /// The names of its listeners on the network, and where they listen.
    pub(crate) addresses: Vec<(String, SocketAddr)>,
    /// The files of its transport.
    _folder: Option<Folder>,
}

/// The address of the broker that the environment names, if it names one.
pub(crate) fn external() -> Option<SocketAddr> {
    let target = std::env::var(VARIABLE).ok()?;
    let mut addresses = target.to_socket_addrs().expect("the target is HOST:PORT");
    Some(addresses.next().expect("the target has an address"))
}

/// The way to the broker that the tests of this process share.
pub(crate) fn shared() -> Door {
    static BROKER: OnceLock<Running> = OnceLock::new();
    let running = BROKER.get_or_init(|| start(Broker::builder(), |_| ()));
    running.door.clone()
}

/// The default settings, on a port that the system chooses, and with two arbiters on any machine:
/// so some clients share one, and some do not. The time to connect is longer than any deadline of a
/// test, so that it is never the timer which closes what the broker should have closed.
fn settings() -> Settings {
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

/// Starts a broker in this process; with a store of its own where the environment asks for that, and
/// over another transport, so that all that is tested holds with these as well.
pub(crate) fn start(mut builder: Builder, alter: impl FnOnce(&mut Settings)) -> Running {
    if std::env::var_os(STORE).is_some() {
        builder = builder.store(Arc::new(MemoryStore::new()));
    }
    let mut settings = settings();
    let transport = Transport::chosen();
    let folder = transport.set(&mut settings.listener[0]);
    alter(&mut settings);
    let listeners = settings.listener.clone();
    let broker = builder
        .settings(settings)
        .start()
        .expect("a broker starts in this process");
    let networked = listeners
        .iter()
        .filter(|listener| listener.transport != ListenerTransport::Unix);
    let names = networked.map(|listener| listener.name.clone());
    let addresses: Vec<_> = names.zip(broker.addresses().iter().copied()).collect();
    let first = &listeners[0];
    let address = addresses.iter().find(|(name, _)| *name == first.name);
    Running {
        door: transport.door(first, address.map(|(_, address)| *address)),
        addresses,
        broker,
        _folder: folder,
    }
}
