//! One connection to the broker, seen as bytes.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use crate::line::Line;
use crate::publish::Publish;
use crate::v5::Answer;
use crate::wire::{Packet, Raw, hex};
use crate::{strict, v3, v5};

/// How long something that must come may take. Long, because a loaded machine is no fault.
const DEADLINE: Duration = Duration::from_secs(10);

/// A blocking client that knows nothing by itself: it keeps no session, acknowledges nothing, and
/// fails the test when something other than the expected arrives.
///
/// The methods named after what a user does (`subscribe`, `publish`) send the packet *and* expect
/// the broker's answer. They write the version that [`Client::connect`] saw.
#[derive(Debug)]
pub struct Client {
    line: Line,
    /// Bytes received and not yet taken.
    pending: Vec<u8>,
    /// The protocol level of the CONNECT that was sent.
    level: u8,
    /// The packet id of the latest SUBSCRIBE, UNSUBSCRIBE or PUBLISH made by a helper.
    latest_id: u16,
}

impl Client {
    /// A connection over TCP; waits at most five seconds for whatever is expected.
    ///
    /// # Panics
    ///
    /// When nobody listens there.
    #[must_use]
    pub fn open(address: std::net::SocketAddr) -> Self {
        crate::Door::at(address).open()
    }

    /// Takes a connection on which nothing has been sent.
    pub(crate) fn on(line: Line) -> Self {
        Self {
            line,
            pending: Vec::new(),
            level: 4,
            latest_id: 0,
        }
    }

    /// Tells how PUBLISH packets look to a client whose CONNECT is sent as raw bytes.
    #[must_use]
    pub fn speaking(mut self, level: u8) -> Self {
        self.level = level;
        self
    }

    // ---- bytes ----

    /// Writes bytes. That the broker has closed already shows in what is expected next.
    pub fn send(&mut self, packet: impl Packet) {
        if let Err(error) = self.line.write_all(&packet.to_bytes()) {
            assert!(is_closed(error.kind()), "cannot send: {error}");
        }
    }

    /// The next packet, whatever it is.
    pub fn receive(&mut self) -> Raw {
        self.receive_within(DEADLINE)
            .unwrap_or_else(|| panic!("the broker closed the connection"))
    }

    /// The next packet, or `None` when the broker closes the connection instead.
    pub fn receive_or_close(&mut self) -> Option<Raw> {
        self.receive_within(DEADLINE)
    }

    /// Expects exactly these bytes as the next packet.
    #[track_caller]
    pub fn expect(&mut self, packet: impl Packet) {
        let expected = packet.to_bytes();
        let received = self.receive().to_bytes();
        assert!(
            received == expected,
            "\nexpected {}\nreceived {}",
            hex(&expected),
            hex(&received)
        );
    }

    /// Expects the end of the connection, and no packet before it.
    #[track_caller]
    pub fn expect_close(&mut self) {
        self.expect_close_within(DEADLINE);
    }

    /// Expects the end of the connection within a time, and no packet before it.
    #[track_caller]
    pub fn expect_close_within(&mut self, limit: Duration) {
        if let Some(packet) = self.receive_within(limit) {
            panic!("the end of the connection is expected, came: {packet:?}");
        }
    }

    /// Expects that what is below MQTT refuses the client and says so: an alert of TLS.
    #[track_caller]
    pub fn expect_transport_failure(&mut self) {
        match self.line.read(DEADLINE, &mut self.pending) {
            Err(error) if error.kind() == ErrorKind::InvalidData => {}
            other => panic!("an alert is expected, came: {other:?}"),
        }
    }

    /// Shows that nothing is on the way: the answer to a PINGREQ is the next packet.
    #[track_caller]
    pub fn expect_nothing(&mut self) {
        self.send(v3::pingreq());
        self.expect(v3::pingresp());
    }

    // ---- life of the connection ----

    /// Sends a CONNECT and remembers its version; expects nothing.
    pub fn send_connect(&mut self, connect: &crate::Connect) {
        self.level = connect.level;
        self.send(connect);
    }

    /// Sends a CONNECT and expects success; returns the CONNACK's session present flag.
    #[track_caller]
    pub fn connect(&mut self, connect: &crate::Connect) -> u8 {
        self.send_connect(connect);
        let connack = self.receive();
        assert!(
            connack.header == 0x20 && connack.body.len() >= 2 && connack.body[1] == 0,
            "a CONNACK of success is expected, came: {connack:?}"
        );
        connack.body[0]
    }

    /// Leaves in the regular way, and waits until the broker has seen it.
    #[track_caller]
    pub fn disconnect(mut self) {
        self.send(v3::disconnect());
        self.expect_close();
    }

    /// Ends the connection without a DISCONNECT, as when a network fails.
    pub fn cut(self) {
        self.line.cut();
    }

    /// Ends the client's sending direction; what the broker still sends can be read.
    pub fn close_sending(&mut self) {
        self.line.close_sending();
    }

    // ---- what users do ----

    /// A packet id that this client's helpers have not used yet.
    pub fn next_id(&mut self) -> u16 {
        self.latest_id = self.latest_id % u16::MAX + 1;
        self.latest_id
    }

    /// Subscribes to one filter and expects the requested QoS to be granted. In version 5, `qos`
    /// is the options byte.
    #[track_caller]
    pub fn subscribe(&mut self, filter: &str, qos: u8) {
        let id = self.next_id();
        if self.level == 5 {
            self.send(v5::subscribe(id, &[(filter, qos)]));
            let answer = self.expect_answer(0x90);
            assert_eq!((answer.id, answer.codes), (id, vec![qos & 3]));
        } else {
            self.send(v3::subscribe(id, &[(filter, qos)]));
            self.expect(v3::suback(id, &[qos]));
        }
    }

    /// Unsubscribes from one filter and expects the answer.
    #[track_caller]
    pub fn unsubscribe(&mut self, filter: &str) {
        let id = self.next_id();
        if self.level == 5 {
            self.send(v5::unsubscribe(id, &[filter]));
            let answer = self.expect_answer(0xB0);
            assert_eq!((answer.id, answer.codes), (id, vec![0]));
        } else {
            self.send(v3::unsubscribe(id, &[filter]));
            self.expect(v3::unsuback(id));
        }
    }

    /// Publishes with a fresh packet id and goes through the whole exchange of its QoS. Version 5
    /// accepts success and "no matching subscribers".
    #[track_caller]
    pub fn publish(&mut self, publish: Publish) {
        if publish.qos == 0 {
            self.send(publish);
            return;
        }
        let id = self.next_id();
        let qos = publish.qos;
        self.send(publish.id(id));
        if qos == 1 {
            self.expect_ack(0x40, id);
        } else {
            self.expect_ack(0x50, id);
            self.send(v3::pubrel(id));
            self.expect_ack(0x70, id);
        }
    }

    /// Expects PUBACK, PUBREC, PUBREL or PUBCOMP for a packet id.
    #[track_caller]
    pub fn expect_ack(&mut self, header: u8, id: u16) {
        if self.level == 5 {
            let answer = self.expect_answer(header);
            assert_eq!(answer.id, id, "the packet id of {answer:?}");
            assert!(
                [0, 0x10].contains(&answer.code()),
                "success is expected: {answer:?}"
            );
        } else {
            self.expect(crate::wire::packet(header, &[&id.to_be_bytes()]));
        }
    }

    /// The next packet, which must be a PUBLISH.
    #[track_caller]
    pub fn receive_publish(&mut self) -> Publish {
        let raw = self.receive();
        Publish::parse(&raw, self.level == 5)
    }

    /// Expects a PUBLISH that equals the given one in everything but its packet id; returns that
    /// id, 0 for QoS 0. Sends no acknowledgement.
    #[track_caller]
    pub fn expect_publish(&mut self, expected: &Publish) -> u16 {
        let received = self.receive_publish();
        assert!(
            received.without_id() == expected.without_id(),
            "\nexpected {expected:?}\nreceived {received:?}"
        );
        let id = received.id.unwrap_or(0);
        assert_eq!(
            id != 0,
            received.qos > 0,
            "a packet id stands where it belongs: {received:?}"
        );
        id
    }

    /// Expects a PUBLISH as [`expect_publish`](Self::expect_publish) does, and goes through the
    /// receiver's whole exchange of its QoS.
    #[track_caller]
    pub fn expect_message(&mut self, expected: &Publish) {
        let id = self.expect_publish(expected);
        if expected.qos == 1 {
            self.send(v3::puback(id));
        } else if expected.qos == 2 {
            self.send(v3::pubrec(id));
            self.expect_ack(0x62, id);
            self.send(v3::pubcomp(id));
        }
    }

    /// Version 5: expects an answer with this first byte, and reads it.
    #[track_caller]
    pub fn expect_answer(&mut self, header: u8) -> Answer {
        let raw = self.receive();
        assert_eq!(raw.header, header, "the first byte of {raw:?}");
        Answer::parse(&raw)
    }

    /// Version 5: expects a DISCONNECT with this reason code and the end of the connection.
    #[track_caller]
    pub fn expect_disconnect(&mut self, code: u8) -> Answer {
        let answer = self.expect_answer(0xE0);
        assert_eq!(answer.code(), code, "the reason code of {answer:02X?}");
        self.expect_close();
        answer
    }

    // ---- reading ----

    /// The next packet, or `None` at the end of the connection.
    fn receive_within(&mut self, limit: Duration) -> Option<Raw> {
        let deadline = now() + limit;
        loop {
            if let Some(packet) = self.take_packet() {
                if self.level == 5 {
                    strict::check(&packet);
                }
                return Some(packet);
            }
            let left = deadline.saturating_duration_since(now());
            assert!(
                !left.is_zero(),
                "nothing came within {limit:?}; {}",
                hex(&self.pending)
            );
            match self.line.read(left, &mut self.pending) {
                Ok(0) => return self.at_end(),
                Ok(_) => {}
                Err(error) if is_closed(error.kind()) => return self.at_end(),
                Err(error) if is_timeout(error.kind()) => {}
                Err(error) => panic!("cannot receive: {error}"),
            }
        }
    }

    fn at_end(&self) -> Option<Raw> {
        assert!(
            self.pending.is_empty(),
            "ended within a packet: {}",
            hex(&self.pending)
        );
        None
    }

    /// Splits the first whole packet off what was received.
    fn take_packet(&mut self) -> Option<Raw> {
        let mut length = 0;
        for place in 0..4 {
            let byte = *self.pending.get(1 + place)?;
            length += usize::from(byte & 0x7F) << (7 * place);
            if byte < 0x80 {
                assert!(byte != 0 || place == 0, "an over-long remaining length");
                let start = 2 + place;
                let body = self.pending.get(start..start + length)?.to_vec();
                let header = self.pending[0];
                self.pending.drain(..start + length);
                return Some(Raw { header, body });
            }
        }
        panic!(
            "a remaining length of more than four bytes: {}",
            hex(&self.pending)
        );
    }
}

/// Real time; tests talk to a broker that lives in it.
#[expect(
    clippy::disallowed_methods,
    reason = "the deadline of a test is not the broker's time"
)]
fn now() -> Instant {
    Instant::now()
}

fn is_closed(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe
    )
}

fn is_timeout(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}
