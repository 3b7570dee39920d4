//! How a client connects.

use std::net::SocketAddr;
use std::time::Duration;

use rumqttc::{self as v4, v5};

use crate::client::{Client, Connection};
use crate::{Version, Will};

const SESSION_EXPIRY_SECONDS: u32 = 3600;

/// A client that is about to connect.
#[derive(Clone, Debug)]
pub struct Builder {
    address: SocketAddr,
    version: Version,
    id: String,
    is_clean: bool,
    withholds: bool,
    keep_alive: Duration,
    receive_maximum: Option<u16>,
    will: Option<Will>,
}

impl Builder {
    pub(crate) fn new(address: SocketAddr, version: Version, id: String) -> Self {
        Self {
            address,
            version,
            id,
            is_clean: true,
            withholds: false,
            keep_alive: Duration::from_secs(60),
            receive_maximum: None,
            will: None,
        }
    }

    /// Its session outlives the connection; in 5.0 by a session expiry.
    #[must_use]
    pub fn kept(mut self) -> Self {
        self.is_clean = false;
        self
    }

    /// PUBACK and PUBREC are the test's to send.
    #[must_use]
    pub fn withholding(mut self) -> Self {
        self.withholds = true;
        self
    }

    /// The keep-alive it promises.
    #[must_use]
    pub fn keep_alive(mut self, keep_alive: Duration) -> Self {
        self.keep_alive = keep_alive;
        self
    }

    /// How many messages it takes at once; 5.0 only.
    #[must_use]
    pub fn receive_maximum(mut self, maximum: u16) -> Self {
        self.receive_maximum = Some(maximum);
        self
    }

    /// What is said when it goes without a word.
    #[must_use]
    pub fn will(mut self, will: Will) -> Self {
        self.will = Some(will);
        self
    }

    /// Connects.
    ///
    /// # Panics
    ///
    /// When the broker refuses or does not answer.
    #[must_use]
    pub fn connect(self) -> Client {
        let connection = match self.version {
            Version::V311 => self.connect_v4(),
            Version::V50 => self.connect_v5(),
        };
        Client::connected(connection)
    }

    fn connect_v4(self) -> Connection {
        let mut options =
            v4::MqttOptions::new(self.id, self.address.ip().to_string(), self.address.port());
        options
            .set_clean_session(self.is_clean)
            .set_keep_alive(self.keep_alive)
            .set_manual_acks(self.withholds);
        if let Some(will) = self.will {
            let qos = v4::QoS::AtLeastOnce;
            options.set_last_will(v4::LastWill::new(
                will.topic,
                will.payload,
                qos,
                will.retain,
            ));
        }
        let (client, connection) = v4::Client::new(options, 10);
        Connection::V4(client, Box::new(connection))
    }

    fn connect_v5(self) -> Connection {
        let mut options =
            v5::MqttOptions::new(self.id, self.address.ip().to_string(), self.address.port());
        let expiry = if self.is_clean {
            0
        } else {
            SESSION_EXPIRY_SECONDS
        };
        options
            .set_clean_start(self.is_clean)
            .set_keep_alive(self.keep_alive)
            .set_manual_acks(self.withholds)
            .set_session_expiry_interval(Some(expiry))
            .set_receive_maximum(self.receive_maximum);
        if let Some(will) = self.will {
            let qos = v5::mqttbytes::QoS::AtLeastOnce;
            options.set_last_will(v5::mqttbytes::v5::LastWill::new(
                will.topic,
                will.payload,
                qos,
                will.retain,
                None,
            ));
        }
        let (client, connection) = v5::Client::new(options, 10);
        Connection::V5(client, Box::new(connection))
    }
}
