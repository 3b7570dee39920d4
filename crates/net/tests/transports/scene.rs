//! A connection over a pair of byte queues, and both its sides.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;

use castmq_net::{MemoryPoller, Transport};
use castmq_otp::{Facts, MemoryStream, Peer, Poller, Readiness, Stream, Token, memory_pair};
use rustls::{ClientConfig, ClientConnection};

pub(crate) const TOKEN: Token = Token::new(0, 1, 1);

pub(crate) fn peer() -> Peer {
    Peer::Network(SocketAddr::from(([192, 0, 2, 7], 50_000)))
}

/// The client's end.
#[derive(Clone, Debug)]
pub(crate) struct Wire(pub(crate) MemoryStream);

impl Read for Wire {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read_slice(into)
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Wire {
    /// All that has arrived, as text.
    pub(crate) fn text(&mut self) -> String {
        String::from_utf8_lossy(&self.arrived()).into_owned()
    }

    /// All that has arrived.
    pub(crate) fn arrived(&mut self) -> Vec<u8> {
        let mut all = Vec::new();
        let mut some = [0; 4096];
        while let Ok(count @ 1..) = self.read(&mut some) {
            all.extend(&some[..count]);
        }
        all
    }
}

/// The broker's side of one connection.
#[derive(Debug)]
pub(crate) struct Broker {
    poller: MemoryPoller,
    pub(crate) received: Vec<u8>,
    /// The connection has ended; with the error if it was one.
    pub(crate) end: Option<Result<(), String>>,
    unsent: Vec<u8>,
}

impl Broker {
    /// A connection whose queues hold so many bytes.
    pub(crate) fn accept(transport: &Transport, peer: Peer, capacity: usize) -> (Self, Wire) {
        let (here, there) = memory_pair(capacity);
        let mut poller = MemoryPoller::default();
        let stream = transport.wrap(Stream::Memory(here), peer);
        poller.register(TOKEN, stream).unwrap();
        let broker = Self {
            poller,
            received: Vec::new(),
            end: None,
            unsent: Vec::new(),
        };
        (broker, Wire(there))
    }

    /// One round: reads and writes what can be.
    pub(crate) fn round(&mut self) {
        let mut ready = Vec::new();
        self.poller.poll(&mut ready);
        if ready.contains(&Readiness::Readable(TOKEN)) {
            self.read();
        }
        if ready.contains(&Readiness::Writable(TOKEN)) {
            self.write();
        }
    }

    fn read(&mut self) {
        let mut into = [0; 4096];
        while self.end.is_none() {
            match self.poller.read(TOKEN, &mut into) {
                Ok(chunk) if chunk.bytes == 0 => self.end = Some(Ok(())),
                Ok(chunk) => self.received.extend(&into[..chunk.bytes]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => self.end = Some(Err(error.to_string())),
            }
        }
    }

    /// Writes as much as goes now; the rest follows in later rounds.
    pub(crate) fn say(&mut self, bytes: &[u8]) {
        self.unsent.extend(bytes);
        self.write();
    }

    fn write(&mut self) {
        while !self.unsent.is_empty() {
            match self.poller.write(TOKEN, &self.unsent) {
                Ok(count) => drop(self.unsent.drain(..count)),
                Err(error) => {
                    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                    return;
                }
            }
        }
    }

    pub(crate) fn facts(&mut self) -> Option<Facts> {
        self.poller.facts(TOKEN)
    }

    pub(crate) fn close(&mut self) {
        self.poller.close(TOKEN);
    }

    /// Why the connection has ended.
    pub(crate) fn error(&self) -> &str {
        match &self.end {
            Some(Err(text)) => text,
            other => panic!("no error but {other:?}"),
        }
    }
}

/// A client that speaks TLS.
pub(crate) struct Client<S> {
    pub(crate) tls: ClientConnection,
    pub(crate) wire: S,
    pub(crate) heard: Vec<u8>,
    pub(crate) error: Option<rustls::Error>,
}

impl<S: Read + Write> Client<S> {
    pub(crate) fn new(config: &Arc<ClientConfig>, host: &'static str, wire: S) -> Self {
        let host = host.try_into().unwrap();
        Self {
            tls: ClientConnection::new(Arc::clone(config), host).unwrap(),
            wire,
            heard: Vec::new(),
            error: None,
        }
    }

    pub(crate) fn say(&mut self, bytes: &[u8]) {
        self.tls.writer().write_all(bytes).unwrap();
    }

    /// Does what can be done now; whether anything was.
    pub(crate) fn turn(&mut self) -> bool {
        let mut is_moved = false;
        while self.tls.wants_write() && self.tls.write_tls(&mut self.wire).is_ok() {
            is_moved = true;
        }
        while self.error.is_none() && matches!(self.tls.read_tls(&mut self.wire), Ok(1..)) {
            is_moved = true;
            self.error = self.tls.process_new_packets().err();
            let mut into = [0; 4096];
            while let Ok(count @ 1..) = self.tls.reader().read(&mut into) {
                self.heard.extend(&into[..count]);
            }
        }
        is_moved
    }
}

/// Lets both go on until nothing moves any more.
pub(crate) fn settle(client: &mut Client<Wire>, broker: &mut Broker) {
    let mut quiet = 0;
    while quiet < 4 {
        let is_moved = client.turn();
        broker.round();
        quiet = if is_moved { 0 } else { quiet + 1 };
    }
}
