//! A client that sends bytes and reads packets, one at a time, and has no opinion of its own.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use super::read::{Ack, Codes, ConnAck, Disconnect, Packet, Publish, parse};
use super::write::{
    ConnectPacket, PublishPacket, SubscribePacket, ack, disconnect, publish, pubrel, subscribe,
};

/// How long a test waits for what must come.
const DEADLINE: Duration = Duration::from_secs(10);

/// One connection to the broker.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    /// Number of bytes of the packet read last.
    length: usize,
    /// Where markers for this client go, once it has subscribed to them.
    marker: Option<String>,
}

impl Client {
    /// A connection on which nothing has been sent.
    #[must_use]
    pub fn open(broker: SocketAddr) -> Self {
        let stream = TcpStream::connect(broker).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.set_write_timeout(Some(DEADLINE)).unwrap();
        Self {
            stream,
            length: 0,
            marker: None,
        }
    }

    /// A connected client, and the CONNACK that let it in.
    #[must_use]
    pub fn connect(broker: SocketAddr, packet: ConnectPacket) -> (Self, ConnAck) {
        let mut client = Self::open(broker);
        client.send(packet);
        let connack = client.connack();
        assert_eq!(connack.reason, 0, "{connack:?}");
        (client, connack)
    }

    /// Sends bytes in one write. A connection that the broker has closed already is no error: what
    /// the broker says before it closes is read afterwards.
    pub fn send(&mut self, bytes: impl Into<Vec<u8>>) {
        match self.stream.write_all(&bytes.into()) {
            Ok(()) => {}
            Err(error) => assert!(is_end(error.kind()), "cannot write: {error}"),
        }
    }

    /// The next packet; panics when the broker closes or stays silent.
    pub fn read(&mut self) -> Packet {
        self.next().expect("the broker closed the connection")
    }

    /// The next packet, or `None` at the end of the stream.
    fn next(&mut self) -> Option<Packet> {
        let mut first = [0];
        if !self.fill(&mut first) {
            return None;
        }
        let mut length = 0_usize;
        let mut shift = 0;
        loop {
            let mut byte = [0];
            assert!(self.fill(&mut byte), "the stream ends inside a packet");
            length |= usize::from(byte[0] & 0x7F) << shift;
            shift += 7;
            if byte[0] & 0x80 == 0 {
                // [MQTT5-1.5.5-1]
                assert!(byte[0] != 0 || shift == 7, "remaining length is not shortest");
                break;
            }
            assert!(shift < 28, "remaining length is longer than four bytes");
        }
        let mut rest = vec![0; length];
        assert!(self.fill(&mut rest), "the stream ends inside a packet");
        self.length = 1 + shift / 7 + length;
        Some(parse(first[0], &rest))
    }

    /// Fills the buffer; false at the end of the stream.
    fn fill(&mut self, buffer: &mut [u8]) -> bool {
        match self.stream.read_exact(buffer) {
            Ok(()) => true,
            Err(error) if is_end(error.kind()) => false,
            Err(error) => panic!("nothing came within {DEADLINE:?}: {error}"),
        }
    }

    /// Number of bytes of the packet read last.
    #[must_use]
    pub fn length(&self) -> usize {
        self.length
    }

    /// The next bytes, uninterpreted.
    #[must_use]
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        assert!(self.fill(&mut bytes), "the broker closed the connection");
        bytes
    }

    /// The next packet, which must be CONNACK.
    pub fn connack(&mut self) -> ConnAck {
        match self.read() {
            Packet::ConnAck(connack) => connack,
            other => panic!("CONNACK expected, got {other:?}"),
        }
    }

    /// The next packet, which must be PUBLISH; it stays unacknowledged.
    pub fn message(&mut self) -> Publish {
        match self.read() {
            Packet::Publish(publish) => publish,
            other => panic!("PUBLISH expected, got {other:?}"),
        }
    }

    /// The next packet, which must be PUBLISH, acknowledged as its QoS demands.
    pub fn take(&mut self) -> Publish {
        let message = self.message();
        match message.qos {
            0 => {}
            1 => self.send(ack(0x40, message.id, 0)),
            _ => {
                self.send(ack(0x50, message.id, 0));
                assert_eq!(self.pubrel().id, message.id);
                self.send(ack(0x70, message.id, 0));
            }
        }
        message
    }

    /// The next packet, which must be PUBACK.
    pub fn puback(&mut self) -> Ack {
        match self.read() {
            Packet::PubAck(ack) => ack,
            other => panic!("PUBACK expected, got {other:?}"),
        }
    }

    /// The next packet, which must be PUBREC.
    pub fn pubrec(&mut self) -> Ack {
        match self.read() {
            Packet::PubRec(ack) => ack,
            other => panic!("PUBREC expected, got {other:?}"),
        }
    }

    /// The next packet, which must be PUBREL.
    pub fn pubrel(&mut self) -> Ack {
        match self.read() {
            Packet::PubRel(ack) => ack,
            other => panic!("PUBREL expected, got {other:?}"),
        }
    }

    /// The next packet, which must be PUBCOMP.
    pub fn pubcomp(&mut self) -> Ack {
        match self.read() {
            Packet::PubComp(ack) => ack,
            other => panic!("PUBCOMP expected, got {other:?}"),
        }
    }

    /// The next packet, which must be SUBACK.
    pub fn suback(&mut self) -> Codes {
        match self.read() {
            Packet::SubAck(codes) => codes,
            other => panic!("SUBACK expected, got {other:?}"),
        }
    }

    /// The next packet, which must be UNSUBACK.
    pub fn unsuback(&mut self) -> Codes {
        match self.read() {
            Packet::UnsubAck(codes) => codes,
            other => panic!("UNSUBACK expected, got {other:?}"),
        }
    }

    /// Subscribes to one filter, which must be granted as asked.
    pub fn subscribe(&mut self, filter: &str, options: u8) {
        self.send_subscribe(subscribe(0xF001, &[(filter, options)]));
    }

    /// Sends SUBSCRIBE and waits until every filter is granted.
    pub fn send_subscribe(&mut self, packet: SubscribePacket) {
        self.send(packet);
        let suback = self.suback();
        assert!(suback.reasons.iter().all(|code| *code <= 2), "{suback:?}");
    }

    /// Publishes and completes what the QoS demands; the broker must accept the message.
    pub fn publish(&mut self, packet: PublishPacket) {
        let qos = packet.quality();
        self.send(packet);
        match qos {
            0 => {}
            1 => assert!(self.puback().reason < 0x80),
            _ => {
                let pubrec = self.pubrec();
                assert!(pubrec.reason < 0x80);
                self.send(pubrel(pubrec.id));
                assert_eq!(self.pubcomp().reason, 0);
            }
        }
    }

    /// Nothing is on its way to this client that was caused by this client.
    pub fn nothing(&mut self) {
        self.send([0xC0, 0]);
        let answer = self.read();
        assert_eq!(answer, Packet::PingResp, "nothing else was expected");
    }

    /// Nothing is on its way to this client that was caused by the publisher: what the publisher
    /// sends next is what this client gets next.
    pub fn nothing_from(&mut self, publisher: &mut Self) {
        let marker = match self.marker.clone() {
            Some(marker) => marker,
            None => {
                let marker = unique("marker");
                self.subscribe(&marker, 0);
                self.marker.insert(marker).clone()
            }
        };
        publisher.send(publish(&marker, "marker"));
        let message = self.message();
        assert_eq!(message.topic, marker, "nothing else was expected: {message:?}");
    }

    /// The broker closes without another word.
    pub fn closed(&mut self) {
        if let Some(packet) = self.next() {
            panic!("a closed connection expected, got {packet:?}");
        }
    }

    /// The broker sends DISCONNECT and then closes.
    pub fn disconnected(&mut self) -> Disconnect {
        let disconnect = match self.read() {
            Packet::Disconnect(disconnect) => disconnect,
            other => panic!("DISCONNECT expected, got {other:?}"),
        };
        self.closed();
        disconnect
    }

    /// The broker refuses the connection with a CONNACK, or without, and closes.
    pub fn refused(&mut self) -> Option<u8> {
        let packet = self.next()?;
        let Packet::ConnAck(connack) = packet else {
            panic!("CONNACK or a closed connection expected, got {packet:?}");
        };
        assert!(connack.reason >= 0x80, "{connack:?}");
        self.closed();
        Some(connack.reason)
    }

    /// Says goodbye and waits until the broker has closed, so that it knows.
    pub fn leave(self) {
        self.leave_with(disconnect(0));
    }

    /// Sends this DISCONNECT and waits until the broker has closed.
    pub fn leave_with(mut self, disconnect: impl Into<Vec<u8>>) {
        self.send(disconnect);
        while let Some(packet) = self.next() {
            // What was on its way when the broker read the DISCONNECT.
            assert!(!matches!(packet, Packet::Disconnect(_)), "{packet:?}");
        }
    }

    /// The network fails.
    pub fn vanish(self) {
        // The other side may have gone first.
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

fn is_end(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::UnexpectedEof
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
    )
}
