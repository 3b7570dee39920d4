//! A conversation with a server, the same one on each kind of connection.

mod server;

use std::os::unix::net::UnixListener;
use std::time::Duration;

use super::*;
use crate::frame::{self, Head, Message, PINGREQ, PublishFrame, Session};
use crate::target::Written;
use crate::tls::Trust;
use server::{Kind, Server, Side};

/// A message that needs many reads and records.
const LONG: usize = 3_000_000;

/// What a client has heard.
#[derive(Debug, Default)]
struct Heard {
    packets: Vec<String>,
    closed: Option<String>,
    is_writable: bool,
}

impl Handler for Heard {
    fn handle_packet(&mut self, incoming: Incoming<'_>, reply: &mut Vec<u8>) {
        self.packets.push(match incoming.packet {
            Packet::ConnAck(_) => "accepted".to_owned(),
            Packet::PingResp => "pong".to_owned(),
            Packet::Publish(publish) => {
                reply.extend(PINGREQ);
                format!("message of {}", publish.payload.len())
            }
            Packet::Step { .. } | Packet::SubAck { .. } | Packet::Disconnect { .. } => {
                panic!("nobody sends that: {:?}", incoming.packet)
            }
        });
    }

    fn handle_closed(&mut self, _: usize, why: &Closed) {
        self.closed = Some(why.to_string());
    }

    fn handle_writable(&mut self, _: usize) {
        self.is_writable = true;
    }
}

/// A client of that target, which has begun to connect.
struct Client {
    wires: Wires,
    heard: Heard,
}

impl Client {
    fn of(server: &Server, trust: &Trust) -> Self {
        let written = Written::parse(&server.target).unwrap();
        let config = written.is_secure().then(|| trust.config().unwrap());
        let target = Arc::new(written.resolve(config).unwrap());
        let mut wires = Wires::new(target, Version::V311).unwrap();
        let connect = frame::connect(Version::V311, "a", Session::Clean);
        wires.open(0, 0, &connect).unwrap();
        Self {
            wires,
            heard: Heard::default(),
        }
    }

    /// Goes on until that is so.
    fn until(&mut self, is_so: impl Fn(&Heard) -> bool) -> &Heard {
        let mut events = Events::new();
        let begun = clock::now();
        while !is_so(&self.heard) {
            let waited = Duration::from_nanos(clock::now() - begun);
            assert!(waited < Duration::from_secs(20), "{:?}", self.heard);
            let wait = Duration::from_millis(100);
            self.wires.poll(wait, &mut events, &mut self.heard).unwrap();
        }
        &self.heard
    }

    fn until_closed(&mut self) -> String {
        let heard = self.until(|heard| heard.closed.is_some());
        heard.closed.clone().unwrap()
    }
}

fn message(payload_bytes: usize) -> Vec<u8> {
    let message = Message {
        version: Version::V311,
        qos: 0,
        is_retained: false,
        payload_bytes,
    };
    let head = Head {
        publisher: 0,
        sequence: 0,
        due: 0,
    };
    PublishFrame::new(&message, "t").message(0, head).to_vec()
}

/// Accepts, sends a long message, waits for the answer to it, then for a goodbye.
fn converse(side: &mut dyn Side) {
    side.expect(&frame::connect(Version::V311, "a", Session::Clean));
    side.send(&[0x20, 2, 0, 0]);
    side.send(&message(LONG));
    side.expect(PINGREQ);
    side.send(&[0xD0, 0]);
    side.expect(DISCONNECT);
    side.expect_end();
}

fn holds_a_conversation(server: Server) {
    let mut client = Client::of(&server, &server.trust());
    client.until(|heard| heard.packets.len() == 3);
    client.wires.leave(0);
    assert_eq!(client.until_closed(), "closed by the broker");
    let expected = [
        "accepted".to_owned(),
        format!("message of {LONG}"),
        "pong".to_owned(),
    ];
    assert_eq!(client.heard.packets, expected);
    server.join();
}

#[test]
fn mqtt_is_spoken_on_tcp() {
    holds_a_conversation(Server::start(Kind::Plain, converse));
}

#[test]
fn mqtt_is_spoken_on_tls() {
    holds_a_conversation(Server::start(Kind::Tls, converse));
}

#[test]
fn mqtt_is_spoken_on_a_web_socket() {
    holds_a_conversation(Server::start(Kind::WebSocket, converse));
}

#[test]
fn mqtt_is_spoken_on_a_web_socket_on_tls() {
    holds_a_conversation(Server::start(Kind::SecureWebSocket, converse));
}

#[test]
fn mqtt_is_spoken_on_a_unix_socket() {
    let path = std::env::temp_dir().join(format!("castmq-bench-{}", std::process::id()));
    let listener = UnixListener::bind(&path).unwrap();
    holds_a_conversation(Server::on_unix_socket(listener, &path, converse));
    std::fs::remove_file(path).unwrap();
}

/// The server reads nothing before the client has more to write than the system takes.
fn reads_late(side: &mut dyn Side) {
    side.expect(&frame::connect(Version::V311, "a", Session::Clean));
    side.wait_until_told();
    side.expect(&message(LONG).repeat(6));
    side.send(&[0xD0, 0]);
    side.expect(DISCONNECT);
}

fn writes_more_than_fits(kind: Kind) {
    let server = Server::start(kind, reads_late);
    let mut client = Client::of(&server, &server.trust());
    client.until(|heard| heard.is_writable);
    client.heard.is_writable = false;
    for _ in 0..6 {
        client.wires.send(0, &message(LONG));
    }
    assert!(!client.wires.is_writable(0));
    server.tell();
    client.until(|heard| heard.packets == ["pong"] && heard.is_writable);
    assert!(client.wires.is_writable(0));
    client.wires.leave(0);
    client.until_closed();
    server.join();
}

#[test]
fn what_tls_does_not_take_is_written_later() {
    writes_more_than_fits(Kind::Tls);
}

#[test]
fn what_a_web_socket_does_not_take_is_written_later() {
    writes_more_than_fits(Kind::WebSocket);
}

#[test]
fn what_a_web_socket_on_tls_does_not_take_is_written_later() {
    writes_more_than_fits(Kind::SecureWebSocket);
}

#[test]
fn a_server_that_nobody_vouches_for_is_not_trusted() {
    let server = Server::start(Kind::Tls, |side| side.expect_end());
    let other = Server::start(Kind::Tls, |side| side.expect_end());
    let mut client = Client::of(&server, &other.trust());
    let why = client.until_closed();
    assert!(why.starts_with("invalid peer certificate"), "{why}");
}

#[test]
fn whoever_answers_is_trusted_if_that_is_what_is_asked_for() {
    let server = Server::start(Kind::Tls, converse);
    let mut client = Client::of(&server, &Trust::anyone());
    client.until(|heard| heard.packets.len() == 3);
}

#[test]
fn a_client_shows_its_certificate() {
    let server = Server::start(Kind::MutualTls, converse);
    let mut client = Client::of(&server, &server.trust_and_own_certificate());
    client.until(|heard| heard.packets.len() == 3);

    let server = Server::start(Kind::MutualTls, converse);
    let mut client = Client::of(&server, &server.trust());
    let why = client.until_closed();
    assert!(why.contains("CertificateRequired"), "{why}");
}

#[test]
fn a_broker_that_ends_the_connection_in_order_is_believed() {
    let server = Server::start(Kind::SecureWebSocket, |side| {
        side.expect(&frame::connect(Version::V311, "a", Session::Clean));
        side.send(&[0x20, 2, 0, 0]);
        side.close();
    });
    let mut client = Client::of(&server, &server.trust());
    assert_eq!(client.until_closed(), "closed by the broker");
    assert_eq!(client.heard.packets, ["accepted"]);
    server.join();
}
