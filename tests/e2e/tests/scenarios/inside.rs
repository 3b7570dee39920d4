//! A broker inside the test, for what the wire does not show.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use castmq_broker::Broker;
use castmq_settings::{Settings, StoreBackend};

const PATIENCE: Duration = Duration::from_secs(10);

/// A broker with two arbiters on a port of the system's choice; it ends with this value.
pub(crate) struct Inside {
    pub(crate) broker: Broker,
}

impl Inside {
    pub(crate) fn start() -> Self {
        let mut settings = Settings::default();
        settings.store.backend = StoreBackend::Memory;
        settings.node.arbiters = 2;
        for listener in &mut settings.listener {
            listener.address.set_port(0);
        }
        let broker = Broker::builder()
            .settings(settings)
            .start()
            .expect("the broker starts");
        Self { broker }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        *self.broker.addresses().first().expect("one listener")
    }
}

/// Waits for what has to come about once everybody did their part.
pub(crate) fn eventually<T: PartialEq + Debug>(expected: &T, look: impl Fn() -> T) {
    let deadline = Instant::now() + PATIENCE;
    let mut seen = look();
    while seen != *expected && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(5));
        seen = look();
    }
    assert_eq!(&seen, expected);
}
