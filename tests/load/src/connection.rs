//! A connection to the broker over a blocking socket.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::clock;
use crate::wire::{self, Connect, Packet, Publish, Step, Version};

/// How long the broker may take for an answer before this program calls it dead.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The packet id of SUBSCRIBE and UNSUBSCRIBE, which are answered one at a time; messages have smaller ones.
const ASKING: u16 = u16::MAX;

/// Why nothing more comes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    /// The broker closed the connection, or the system did.
    #[error("connection closed: {0}")]
    Closed(String),
    /// What came is not MQTT.
    #[error("{0}")]
    Garbage(String),
    /// No answer in time.
    #[error("no {0} within {PATIENCE:?}")]
    Silent(&'static str),
    /// CONNACK said no.
    #[error("refused with {0}")]
    Refused(u8),
}

/// One connection.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    version: Version,
    read: Vec<u8>,
    session_present: bool,
}

impl Connection {
    /// A socket on which nothing was said yet.
    ///
    /// # Errors
    ///
    /// The system refuses.
    pub fn open(address: SocketAddr, version: Version) -> Result<Self, Ended> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(closed)?;
        stream.set_nodelay(true).map_err(closed)?;
        stream.set_write_timeout(Some(PATIENCE)).map_err(closed)?;
        Ok(Self {
            stream,
            version,
            read: Vec::new(),
            session_present: false,
        })
    }

    /// Connects and waits for CONNACK.
    ///
    /// # Errors
    ///
    /// There is no CONNACK, or it refuses.
    pub fn connect(address: SocketAddr, connect: &Connect<'_>) -> Result<Self, Ended> {
        let mut connection = Self::open(address, connect.version)?;
        connection.write(&connect.bytes())?;
        match connection.receive(PATIENCE)? {
            Some(Packet::ConnAck {
                session_present,
                reason: 0,
            }) => {
                connection.session_present = session_present;
                Ok(connection)
            }
            Some(Packet::ConnAck { reason, .. }) => Err(Ended::Refused(reason)),
            Some(other) => Err(Ended::Garbage(format!("{other:?} before CONNACK"))),
            None => Err(Ended::Silent("CONNACK")),
        }
    }

    /// Whether the broker had kept the session.
    #[must_use]
    pub fn session_present(&self) -> bool {
        self.session_present
    }

    /// Subscribes to one filter and waits for the answer; what comes before it is handed to `other`.
    ///
    /// # Errors
    ///
    /// The connection ends before the answer.
    pub fn subscribe(
        &mut self,
        filter: &str,
        qos: u8,
        other: impl FnMut(&mut Self, Packet) -> Result<(), Ended>,
    ) -> Result<(), Ended> {
        let bytes = wire::subscribe(self.version, ASKING, filter, qos);
        self.ask(&bytes, "SUBACK", other)
    }

    /// Unsubscribes from one filter and waits for the answer; what comes before it is handed to `other`.
    ///
    /// # Errors
    ///
    /// The connection ends before the answer.
    pub fn unsubscribe(
        &mut self,
        filter: &str,
        other: impl FnMut(&mut Self, Packet) -> Result<(), Ended>,
    ) -> Result<(), Ended> {
        let bytes = wire::unsubscribe(self.version, ASKING, filter);
        self.ask(&bytes, "UNSUBACK", other)
    }

    fn ask(
        &mut self,
        question: &[u8],
        answer: &'static str,
        mut other: impl FnMut(&mut Self, Packet) -> Result<(), Ended>,
    ) -> Result<(), Ended> {
        self.write(question)?;
        let deadline = clock::now() + PATIENCE;
        while let Some(packet) = self.receive(clock::until(deadline))? {
            if packet == Packet::Subscribed(ASKING) {
                return Ok(());
            }
            if packet == Packet::NotSubscribed(ASKING) {
                return Err(Ended::Garbage("a subscription is refused".to_owned()));
            }
            other(self, packet)?;
        }
        Err(Ended::Silent(answer))
    }

    /// Publishes, without waiting.
    ///
    /// # Errors
    ///
    /// The connection ended.
    pub fn publish(&mut self, publish: &Publish<'_>) -> Result<(), Ended> {
        let bytes = publish.bytes(self.version);
        self.write(&bytes)
    }

    /// Takes a step of an exchange.
    ///
    /// # Errors
    ///
    /// The connection ended.
    pub fn step(&mut self, step: Step, id: u16) -> Result<(), Ended> {
        self.write(&wire::step(step, id))
    }

    /// Writes bytes as they are.
    ///
    /// # Errors
    ///
    /// The connection ended.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Ended> {
        self.stream.write_all(bytes).map_err(closed)
    }

    /// The next packet; `None` when none comes in that time.
    ///
    /// # Errors
    ///
    /// The connection ended, or what came is not MQTT.
    pub fn receive(&mut self, patience: Duration) -> Result<Option<Packet>, Ended> {
        let deadline = clock::now() + patience;
        loop {
            if let Some(packet) = self.buffered()? {
                return Ok(Some(packet));
            }
            if !self.read_more(deadline)? {
                return Ok(None);
            }
        }
    }

    /// A packet that is here already.
    ///
    /// # Errors
    ///
    /// What came is not MQTT.
    pub fn buffered(&mut self) -> Result<Option<Packet>, Ended> {
        wire::take(&mut self.read, self.version).map_err(Ended::Garbage)
    }

    /// Whether the broker ends the connection within that time; whatever it says before is skipped.
    #[must_use]
    pub fn is_closed_within(&mut self, patience: Duration) -> bool {
        let deadline = clock::now() + patience;
        loop {
            match self.read_more(deadline) {
                Ok(true) => self.read.clear(),
                Ok(false) => return false,
                Err(_) => return true,
            }
        }
    }

    /// Reads once; says whether anything came before the deadline.
    fn read_more(&mut self, deadline: Instant) -> Result<bool, Ended> {
        // A timeout of nothing would mean none at all.
        let patience = clock::until(deadline).max(Duration::from_micros(50));
        self.stream
            .set_read_timeout(Some(patience))
            .map_err(closed)?;
        let mut chunk = [0; 16 * 1024];
        match self.stream.read(&mut chunk) {
            Ok(0) => Err(Ended::Closed("end of stream".to_owned())),
            Ok(count) => {
                self.read.extend(chunk.get(..count).unwrap_or_default());
                Ok(true)
            }
            Err(error) if is_timeout(error.kind()) => Ok(false),
            Err(error) => Err(closed(error)),
        }
    }
}

fn is_timeout(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the shape that map_err wants"
)]
fn closed(error: std::io::Error) -> Ended {
    Ended::Closed(error.to_string())
}
