//! What a test plays in: a broker, and names that are its own.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};

use castmq_broker::{Broker, Builder};
use castmq_settings::Settings;

use crate::client::Client;
use crate::door::Door;
use crate::target::{self, Running};
use crate::{v3, v5};

/// A broker with a corner of its own for one test: all client ids and topics made here carry a
/// prefix that no other test has, so tests share a broker and run side by side.
#[derive(Debug)]
pub struct Scene {
    door: Door,
    prefix: String,
    /// The broker that belongs to this test alone; it stops with the scene.
    own: Option<Running>,
}

impl Scene {
    /// A corner of the broker that all tests share; it runs with the default settings.
    #[must_use]
    pub fn new() -> Self {
        Self::at(
            target::external().map_or_else(target::shared, Door::at),
            None,
        )
    }

    /// A broker of the test's own with the default settings, for tests that look at all topics.
    #[must_use]
    pub fn alone() -> Self {
        Self::with(|_| ()).unwrap_or_default()
    }

    /// A broker of the test's own with altered settings; `None` when the suite runs against
    /// another broker, whose settings cannot be altered.
    #[must_use]
    pub fn with(alter: impl FnOnce(&mut Settings)) -> Option<Self> {
        Self::built(|builder| builder, alter)
    }

    /// As [`with`](Self::with), with modules or hooks as well.
    #[must_use]
    pub fn built(
        build: impl FnOnce(Builder) -> Builder,
        alter: impl FnOnce(&mut Settings),
    ) -> Option<Self> {
        if target::external().is_some() {
            return None;
        }
        let running = target::start(build(Broker::builder()), alter);
        Some(Self::at(running.door.clone(), Some(running)))
    }

    fn at(door: Door, own: Option<Running>) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        // Runs against one external broker must not meet each other's sessions.
        let run = std::process::id() & 0xFFFF;
        Self {
            door,
            prefix: format!("{run:x}.{number:x}"),
            own,
        }
    }

    /// A client id of this test.
    #[must_use]
    pub fn id(&self, name: &str) -> String {
        format!("{}-{name}", self.prefix)
    }

    /// A topic name, or topic filter, below the first level that belongs to this test.
    #[must_use]
    pub fn topic(&self, name: &str) -> String {
        format!("{}/{name}", self.prefix)
    }

    /// The broker, when it belongs to this test alone.
    #[must_use]
    pub fn broker(&self) -> Option<&Broker> {
        self.own.as_ref().map(|running| &running.broker)
    }

    /// Where the listener of this name listens, of a broker that belongs to this test alone.
    #[must_use]
    pub fn address_of(&self, listener: &str) -> SocketAddr {
        let own = self.own.as_ref().expect("the broker is the test's own");
        let mut addresses = own.addresses.iter();
        let known = addresses.find(|(name, _)| name == listener);
        known.expect("there is such a listener").1
    }

    /// A connection on which nothing has been sent.
    #[must_use]
    pub fn open(&self) -> Client {
        self.door.open()
    }

    /// A connected 3.1.1 client with a clean session.
    #[must_use]
    #[track_caller]
    pub fn client(&self, name: &str) -> Client {
        self.client_with(&v3::connect(self.id(name)))
    }

    /// A connected 3.1.1 client that keeps its session.
    #[must_use]
    #[track_caller]
    pub fn session(&self, name: &str) -> Client {
        self.client_with(&v3::connect(self.id(name)).keep_session())
    }

    /// A connected 5.0 client with a clean start, whose session ends with the connection.
    #[must_use]
    #[track_caller]
    pub fn client_v5(&self, name: &str) -> Client {
        self.client_with(&v5::connect(self.id(name)))
    }

    /// A connected client with a CONNECT of the test's choice.
    #[must_use]
    #[track_caller]
    pub fn client_with(&self, connect: &crate::Connect) -> Client {
        let mut client = self.open();
        client.connect(connect);
        client
    }
}

impl Default for Scene {
    fn default() -> Self {
        Self::new()
    }
}
