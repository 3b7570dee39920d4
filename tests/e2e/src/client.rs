//! A rumqttc client of which every step is the test's.
//!
//! Nothing is read or written unless the test waits for something, so a client that nobody asks is a
//! silent one. Waiting is always for what has to come; that something does *not* come is shown by what
//! came in its place.

use std::collections::VecDeque;
use std::time::Duration;

use rumqttc::{self as v4, Outgoing, v5};

use crate::event::{Seen, seen_v4, seen_v5};

const PATIENCE: Duration = Duration::from_secs(10);

/// A message as its reader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What.
    pub payload: String,
    /// Whether it was kept.
    pub retain: bool,
    /// With which promise: 0, 1 or 2.
    pub qos: u8,
    /// Whether it may be a repetition.
    pub dup: bool,
    /// The packet id; 0 for QoS 0.
    pub id: u16,
}

impl Message {
    /// A first delivery of that payload, not retained; for comparing.
    #[must_use]
    pub fn new(payload: &str, qos: u8) -> Self {
        Self {
            payload: payload.to_owned(),
            retain: false,
            qos,
            dup: false,
            id: 0,
        }
    }

    /// The same, as one that was kept.
    #[must_use]
    pub fn retained(self) -> Self {
        Self {
            retain: true,
            ..self
        }
    }

    /// The same, as a repetition.
    #[must_use]
    pub fn repeated(self) -> Self {
        Self { dup: true, ..self }
    }

    /// The same with another packet id; 0 stands for "whichever".
    #[must_use]
    pub fn with_id(self, id: u16) -> Self {
        Self { id, ..self }
    }
}

/// What the broker publishes when the client goes away without a word.
#[derive(Clone, Debug)]
pub struct Will {
    /// Where to.
    pub topic: String,
    /// What.
    pub payload: String,
    /// Whether it is kept.
    pub retain: bool,
}

/// The connection in rumqttc's two kinds, which share no type.
pub(crate) enum Connection {
    V4(v4::Client, Box<v4::Connection>),
    V5(v5::Client, Box<v5::Connection>),
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::V4(..) => "3.1.1",
            Self::V5(..) => "5.0",
        })
    }
}

/// One connection of one client. Dropping it closes the socket without DISCONNECT.
#[derive(Debug)]
pub struct Client {
    connection: Connection,
    messages: VecDeque<Message>,
    session_present: bool,
}

impl Client {
    /// Waits for CONNACK.
    pub(crate) fn connected(connection: Connection) -> Self {
        let mut client = Self {
            connection,
            messages: VecDeque::new(),
            session_present: false,
        };
        client.wait_until(|seen| matches!(seen, Seen::Connected(_)));
        client
    }

    /// Whether the broker had kept the session.
    #[must_use]
    pub fn session_present(&self) -> bool {
        self.session_present
    }

    /// Subscribes and returns what the broker grants: a QoS, or 128 and more for a refusal.
    ///
    /// # Panics
    ///
    /// When no SUBACK comes; so do the other methods when their answer does not come.
    pub fn subscribe(&mut self, filter: &str, qos: u8) -> u8 {
        match &self.connection {
            Connection::V4(client, _) => client.subscribe(filter, qos_v4(qos)).is_ok(),
            Connection::V5(client, _) => client.subscribe(filter, qos_v5(qos)).is_ok(),
        };
        let seen = self.wait_until(|seen| matches!(seen, Seen::Subscribed(_)));
        let Seen::Subscribed(granted) = seen else {
            panic!("waited for a SUBACK");
        };
        granted.first().copied().expect("one filter, one answer")
    }

    /// Unsubscribes.
    pub fn unsubscribe(&mut self, filter: &str) {
        match &self.connection {
            Connection::V4(client, _) => client.unsubscribe(filter).is_ok(),
            Connection::V5(client, _) => client.unsubscribe(filter).is_ok(),
        };
        self.wait_until(|seen| matches!(seen, Seen::Unsubscribed));
    }

    /// Publishes and waits until the exchange is complete.
    pub fn publish(&mut self, topic: &str, payload: &str, qos: u8) {
        self.send(topic, payload, qos, false);
    }

    /// Publishes a message to be kept and waits until the exchange is complete.
    pub fn publish_retained(&mut self, topic: &str, payload: &str, qos: u8) {
        self.send(topic, payload, qos, true);
    }

    /// Sends the PUBACK or PUBREC that is withheld.
    pub fn acknowledge(&mut self, message: &Message) {
        match &self.connection {
            Connection::V4(client, _) => {
                let mut publish = v4::Publish::new("", qos_v4(message.qos), "");
                publish.pkid = message.id;
                client.ack(&publish).is_ok()
            }
            Connection::V5(client, _) => {
                let mut publish =
                    v5::mqttbytes::v5::Publish::new("", qos_v5(message.qos), "", None);
                publish.pkid = message.id;
                client.ack(&publish).is_ok()
            }
        };
        self.wait_until(|seen| {
            matches!(seen, Seen::Sent(Outgoing::PubAck(id) | Outgoing::PubRec(id)) if *id == message.id)
        });
    }

    /// The next message, which has to come.
    ///
    /// # Panics
    ///
    /// When it does not.
    pub fn next_message(&mut self) -> Message {
        while self.messages.is_empty() {
            self.step();
        }
        self.messages.pop_front().expect("it is there")
    }

    /// The next message without its packet id.
    pub fn next_plain(&mut self) -> Message {
        self.next_message().with_id(0)
    }

    /// That many messages, which have to come.
    pub fn take(&mut self, count: usize) -> Vec<Message> {
        (0..count).map(|_| self.next_message()).collect()
    }

    /// What is here after the broker answered one more request: everything that it sent by itself.
    pub fn arrived(&mut self) -> Vec<Message> {
        self.subscribe("barrier", 0);
        self.messages.drain(..).collect()
    }

    /// Says good-bye.
    pub fn disconnect(mut self) {
        match &self.connection {
            Connection::V4(client, _) => client.disconnect().is_ok(),
            Connection::V5(client, _) => client.disconnect().is_ok(),
        };
        self.wait_until(|seen| matches!(seen, Seen::Sent(Outgoing::Disconnect)));
    }

    /// Ends the connection without DISCONNECT, as the end of a process does.
    pub fn kill(self) {
        drop(self);
    }

    fn send(&mut self, topic: &str, payload: &str, qos: u8, retain: bool) {
        match &self.connection {
            Connection::V4(client, _) => {
                client.publish(topic, qos_v4(qos), retain, payload).is_ok()
            }
            Connection::V5(client, _) => {
                let payload = payload.to_owned();
                client.publish(topic, qos_v5(qos), retain, payload).is_ok()
            }
        };
        self.wait_until(|seen| match qos {
            0 => matches!(seen, Seen::Sent(Outgoing::Publish(_))),
            1 => matches!(seen, Seen::Acknowledged),
            _ => matches!(seen, Seen::Completed),
        });
    }

    /// Goes on until that happens; messages on the way are kept.
    fn wait_until(&mut self, is_it: impl Fn(&Seen) -> bool) -> Seen {
        loop {
            let seen = self.step();
            if is_it(&seen) {
                return seen;
            }
        }
    }

    fn step(&mut self) -> Seen {
        let seen = match &mut self.connection {
            Connection::V4(_, connection) => {
                let event = connection.recv_timeout(PATIENCE).expect("something comes");
                seen_v4(event.unwrap_or_else(|error| panic!("the connection broke: {error}")))
            }
            Connection::V5(_, connection) => {
                let event = connection.recv_timeout(PATIENCE).expect("something comes");
                seen_v5(event.unwrap_or_else(|error| panic!("the connection broke: {error}")))
            }
        };
        match &seen {
            Seen::Connected(present) => self.session_present = *present,
            Seen::Arrived(message) => self.messages.push_back(message.clone()),
            Seen::Subscribed(_)
            | Seen::Unsubscribed
            | Seen::Acknowledged
            | Seen::Completed
            | Seen::Sent(_)
            | Seen::Other => {}
        }
        seen
    }
}

fn qos_v4(qos: u8) -> v4::QoS {
    match qos {
        0 => v4::QoS::AtMostOnce,
        1 => v4::QoS::AtLeastOnce,
        _ => v4::QoS::ExactlyOnce,
    }
}

fn qos_v5(qos: u8) -> v5::mqttbytes::QoS {
    match qos {
        0 => v5::mqttbytes::QoS::AtMostOnce,
        1 => v5::mqttbytes::QoS::AtLeastOnce,
        _ => v5::mqttbytes::QoS::ExactlyOnce,
    }
}
