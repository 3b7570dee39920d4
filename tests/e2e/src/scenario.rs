//! What every scenario starts with: a broker, a version of the protocol, fresh names.

use std::net::SocketAddr;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::{Broker, Builder};

/// The version of the protocol that the clients of a scenario speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// MQTT 3.1.1.
    V311,
    /// MQTT 5.0.
    V50,
}

/// One test's broker and the names that no other test uses.
#[derive(Debug)]
pub struct Scenario {
    address: SocketAddr,
    version: Version,
    mark: String,
    // Ends with the scenario.
    _broker: Option<Broker>,
}

impl Scenario {
    /// A scenario with a broker of its own.
    #[must_use]
    pub fn new(version: Version) -> Self {
        let broker = Broker::start();
        let address = broker.address();
        Self {
            _broker: Some(broker),
            ..Self::at(address, version)
        }
    }

    /// A scenario with a broker that somebody else started.
    #[must_use]
    pub fn at(address: SocketAddr, version: Version) -> Self {
        static SCENARIOS: AtomicU32 = AtomicU32::new(0);
        let number = SCENARIOS.fetch_add(1, Ordering::Relaxed);
        Self {
            address,
            version,
            mark: format!("{}-{number}", process::id()),
            _broker: None,
        }
    }

    /// The version its clients speak.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// A name that no other scenario uses, for client ids and topics.
    #[must_use]
    pub fn fresh(&self, name: &str) -> String {
        format!("{name}-{}", self.mark)
    }

    /// A client that may connect.
    #[must_use]
    pub fn client(&self, name: &str) -> Builder {
        Builder::new(self.address, self.version, self.fresh(name))
    }
}
