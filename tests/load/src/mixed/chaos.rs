//! Clients that do whatever comes to mind within the protocol, under ids that they take from each other.

use std::sync::atomic::Ordering::Relaxed;
use std::thread::Scope;
use std::time::Duration;

use super::Run;
use crate::connection::{Connection, Ended};
use crate::random::Random;
use crate::wire::{self, Connect, DISCONNECT, PINGREQ, Packet, Publish, Step, Version};

const THREADS: u64 = 4;
const CLIENTS: usize = 8;
/// Connections that a thread leaves open and silent, for others to take over.
const LEFT_OPEN: usize = 3;
const TOPICS: [&str; 6] = [
    "chaos/a",
    "chaos/b",
    "chaos/a/x",
    "chaos/b/x",
    "chaos//x",
    "chaos/will",
];
const FILTERS: [&str; 9] = [
    "chaos/a",
    "chaos/b",
    "chaos/+/x",
    "chaos/#",
    "chaos/+",
    "chaos/a/#",
    "$share/one/chaos/#",
    "$share/two/chaos/+/x",
    "$SYS/#",
];

/// All client ids of chaos.
pub(super) fn client_ids() -> impl Iterator<Item = String> {
    (0..CLIENTS).map(client_id)
}

fn client_id(number: usize) -> String {
    format!("chaos-{number}")
}

/// Starts the clients.
pub(super) fn start<'scope>(scope: &'scope Scope<'scope, '_>, run: &'scope Run) {
    for part in 0..THREADS {
        scope.spawn(move || Chaos::new(run, run.random(100 + part)).go());
    }
}

struct Chaos<'a> {
    run: &'a Run,
    random: Random,
    open: Vec<Connection>,
}

impl<'a> Chaos<'a> {
    fn new(run: &'a Run, random: Random) -> Self {
        Self {
            run,
            random,
            open: Vec::new(),
        }
    }

    fn go(mut self) {
        while self.run.goes_on() {
            if self.random.percent(3) {
                self.storm();
            }
            // Anything may break off here at any moment: another thread took the client id.
            let _ = self.life();
        }
    }

    /// Many connections under one id at once.
    fn storm(&mut self) {
        let id = client_id(self.random.below(CLIENTS));
        let is_clean = self.random.percent(50);
        let version = self.version();
        let mut connections = Vec::new();
        for _ in 0..6 {
            let connect = Connect {
                version,
                client_id: &id,
                is_clean,
                expiry_seconds: 5,
                will: None,
            };
            if let Ok(mut connection) = Connection::open(self.run.address, version) {
                // The broker may have closed it by now.
                let _ = connection.write(&connect.bytes());
                connections.push(connection);
            }
        }
        self.run.counts.takeovers.fetch_add(5, Relaxed);
    }

    fn life(&mut self) -> Result<(), Ended> {
        let version = self.version();
        let id = client_id(self.random.below(CLIENTS));
        let connect = Connect {
            version,
            client_id: &id,
            is_clean: self.random.percent(50),
            expiry_seconds: *self.random.one_of(&[0, 1, 5]),
            will: self
                .random
                .percent(30)
                .then_some(("chaos/will", b"gone" as &[u8])),
        };
        let mut connection = Connection::connect(self.run.address, &connect)?;
        self.run.counts.connections.fetch_add(1, Relaxed);
        for _ in 0..self.random.below(30) {
            self.act(&mut connection, version)?;
            let patience = self.random.millis(0, 15);
            self.answer(&mut connection, patience)?;
        }
        self.leave(connection);
        Ok(())
    }

    fn act(&mut self, connection: &mut Connection, version: Version) -> Result<(), Ended> {
        let id = u16::try_from(1 + self.random.below(1000)).unwrap_or(1);
        let topic = *self.random.one_of(&TOPICS);
        let filter = *self.random.one_of(&FILTERS);
        let qos = *self.random.one_of(&[0, 1, 2]);
        match self.random.below(10) {
            0 | 1 => connection.write(&wire::subscribe(version, id, filter, qos)),
            2 => connection.write(&wire::unsubscribe(version, id, filter)),
            3 => connection.write(PINGREQ),
            _ => {
                let length = *self.random.one_of(&[0, 10, 100, 1000, 5000]);
                let payload = self.random.bytes(length);
                let publish = Publish {
                    dup: false,
                    qos,
                    retain: self.random.percent(10),
                    topic,
                    id,
                    payload: &payload,
                };
                connection.publish(&publish)
            }
        }
    }

    /// Takes what comes in that time and acknowledges most of it.
    fn answer(&mut self, connection: &mut Connection, patience: Duration) -> Result<(), Ended> {
        let mut packet = connection.receive(patience)?;
        while let Some(received) = packet {
            let reply = match received {
                Packet::Publish { qos: 1, id, .. } => Some((Step::PubAck, id)),
                Packet::Publish { qos: 2, id, .. } => Some((Step::PubRec, id)),
                Packet::Step { step, id, .. } => match step {
                    Step::PubRec => Some((Step::PubRel, id)),
                    Step::PubRel => Some((Step::PubComp, id)),
                    Step::PubAck | Step::PubComp => None,
                },
                Packet::ConnAck { .. }
                | Packet::Publish { .. }
                | Packet::Subscribed(_)
                | Packet::NotSubscribed(_)
                | Packet::PingResp
                | Packet::Disconnect(_) => None,
            };
            if let Some((step, id)) = reply
                && self.random.percent(95)
            {
                connection.step(step, id)?;
            }
            packet = connection.buffered()?;
        }
        Ok(())
    }

    fn leave(&mut self, mut connection: Connection) {
        match self.random.below(3) {
            0 => {
                // It is the end either way.
                let _ = connection.write(DISCONNECT);
            }
            1 => {}
            _ => {
                self.open.push(connection);
                if self.open.len() > LEFT_OPEN {
                    self.open.remove(0);
                }
            }
        }
    }

    fn version(&mut self) -> Version {
        *self.random.one_of(&[Version::V311, Version::V50])
    }
}
