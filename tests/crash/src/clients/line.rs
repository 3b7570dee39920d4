//! The way of one client to the broker, over all its connections.

use std::time::Duration;

use castmq_load::connection::{Connection, Ended};
use castmq_load::random::Random;
use castmq_load::wire::{Connect, DISCONNECT, Packet, Version};

use crate::finding::{Finding, Kind};
use crate::history::{Greeting, Presence};
use crate::stage::{Life, Stage};

/// How long sessions outlive their connections: longer than any round.
pub(crate) const LASTING_SECONDS: u32 = 3600;
/// Connections that a broker which runs may refuse before the client gives up.
const REFUSALS: u32 = 3;

/// What a CONNECT asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// To go on with the session.
    Keep,
    /// To forget the session.
    Clean,
}

/// Who a client is.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) client_id: String,
    pub(crate) version: Version,
    /// 5.0: how long its session outlives a connection.
    pub(crate) expiry_seconds: u32,
    /// The topic and payload of its will.
    pub(crate) will: Option<(String, Vec<u8>)>,
}

impl Identity {
    /// A client whose session lasts.
    pub(crate) fn lasting(client_id: &str, version: Version) -> Self {
        Self {
            client_id: client_id.to_owned(),
            version,
            expiry_seconds: LASTING_SECONDS,
            will: None,
        }
    }
}

/// One client's way to the broker.
#[derive(Debug)]
pub(crate) struct Line<'a> {
    stage: &'a Stage,
    pub(crate) identity: Identity,
    presence: Presence,
    life: Option<Life>,
    /// A connection that is left open for the next one to take over.
    earlier: Option<Connection>,
    /// Every CONNACK so far.
    pub(crate) greetings: Vec<Greeting>,
}

impl<'a> Line<'a> {
    /// The line of a client that the broker has never seen.
    pub(crate) fn new(stage: &'a Stage, identity: Identity) -> Self {
        Self {
            stage,
            identity,
            presence: Presence::Absent,
            life: None,
            earlier: None,
            greetings: Vec::new(),
        }
    }

    /// Connects, as often as the broker is killed meanwhile; `None` when the round is over for this
    /// client.
    pub(crate) fn connect(&mut self, start: Start) -> Option<Connection> {
        for _ in 0..REFUSALS {
            loop {
                let life = self.stage.broker()?;
                self.life = Some(life);
                match self.try_connect(life, start) {
                    Ok(connection) => return Some(connection),
                    Err(ended) => {
                        if start == Start::Keep && self.presence == Presence::Absent {
                            self.presence = Presence::InDoubt;
                        }
                        if self.stage.lives(life) {
                            self.ended(&ended);
                            break;
                        }
                    }
                }
            }
        }
        None
    }

    fn try_connect(&mut self, life: Life, start: Start) -> Result<Connection, Ended> {
        let will = self.identity.will.as_ref();
        let connect = Connect {
            version: self.identity.version,
            client_id: &self.identity.client_id,
            is_clean: start == Start::Clean,
            expiry_seconds: self.identity.expiry_seconds,
            will: will.map(|(topic, payload)| (topic.as_str(), payload.as_slice())),
        };
        let connection = Connection::connect(life.address, &connect)?;
        self.earlier = None;
        self.greetings.push(Greeting {
            client: self.identity.client_id.clone(),
            expected: match start {
                Start::Keep => self.presence,
                Start::Clean => Presence::Absent,
            },
            is_present: connection.session_present(),
        });
        let is_lasting = match self.identity.version {
            Version::V311 => start == Start::Keep,
            Version::V50 => self.identity.expiry_seconds > 0,
        };
        self.presence = if is_lasting {
            Presence::Present
        } else {
            Presence::Absent
        };
        Ok(connection)
    }

    /// Whether the latest CONNACK said that the broker had no session although there was one.
    pub(crate) fn has_lost_its_session(&self) -> bool {
        let last = self.greetings.last();
        last.is_some_and(|last| last.expected == Presence::Present && !last.is_present)
    }

    /// Whether the connection is one to go on with.
    pub(crate) fn check(&self) -> Result<(), Ended> {
        match self.life {
            Some(life) if self.stage.is_cut(life) => Err(Ended::Closed("cut".to_owned())),
            _ => Ok(()),
        }
    }

    /// A connection has come to an end that the client did not want; only a kill explains it.
    pub(crate) fn ended(&self, ended: &Ended) {
        let is_alive = self.life.is_some_and(|life| self.stage.lives(life));
        if is_alive {
            self.stage.trouble(Finding::of_client(
                Kind::Misbehaved,
                &self.identity.client_id,
                ended.to_string(),
            ));
        }
    }

    /// What the broker had sent before it was killed; an answer to it does not get anywhere.
    pub(crate) fn last_words(&self, connection: &mut Connection) -> Option<Packet> {
        let is_killed = self.life.is_some_and(|life| self.stage.is_killed(life));
        let packet = is_killed.then(|| connection.receive(Duration::ZERO).ok());
        packet.flatten().flatten()
    }

    /// Leaves in order, without a word, or not until the next connection takes over.
    pub(crate) fn leave(&mut self, mut connection: Connection, random: &mut Random) {
        match random.below(3) {
            // It is the end either way.
            0 => drop(connection.write(DISCONNECT)),
            1 => drop(connection),
            _ => self.earlier = Some(connection),
        }
    }
}
