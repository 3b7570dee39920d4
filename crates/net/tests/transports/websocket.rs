//! WebSockets against a client of another making, and against hand-made bytes.

use std::io::{self, Read, Write};

use castmq_net::{Transport, TransportPlan, WebSocketPlan};
use castmq_otp::{Opening, Stream, memory_pair};
use proptest::prelude::*;
use tungstenite::client::{ClientRequestBuilder, client};
use tungstenite::protocol::Role;
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tungstenite::{Error, HandshakeError, Message, WebSocket};

use crate::scene::{Broker, Wire, peer};

const ROOM: usize = 1 << 20;

pub(crate) const REQUEST: &str = "GET /mqtt HTTP/1.1\r\nHost: broker.example\r\n\
    Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";

pub(crate) fn plan() -> WebSocketPlan {
    WebSocketPlan {
        path: "/mqtt".to_owned(),
        origins: Vec::new(),
    }
}

fn transport() -> Transport {
    Transport::new(TransportPlan {
        websocket: Some(plan()),
        ..TransportPlan::default()
    })
    .unwrap()
}

/// A connection whose WebSocket is open.
fn opened(room: usize) -> (Broker, Wire) {
    let (mut broker, mut wire) = Broker::accept(&transport(), peer(), room);
    wire.write_all(REQUEST.as_bytes()).unwrap();
    broker.round();
    assert!(
        wire.text()
            .starts_with("HTTP/1.1 101 Switching Protocols\r\n")
    );
    (broker, wire)
}

/// A frame as clients send them, with a mask.
pub(crate) fn frame(first: u8, content: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let masked = content.iter().zip(mask.into_iter().cycle());
    let length = u8::try_from(content.len()).unwrap();
    let mut frame = vec![first, 0x80 | length];
    frame.extend(mask);
    frame.extend(masked.map(|(byte, mask)| byte ^ mask));
    frame
}

/// What is answered to those bytes, and what the broker makes of them.
fn sent(bytes: &[u8]) -> (Vec<u8>, Broker) {
    let (mut broker, mut wire) = opened(ROOM);
    wire.write_all(bytes).unwrap();
    broker.round();
    (wire.arrived(), broker)
}

/// A close frame of the broker.
fn close(code: u16) -> Vec<u8> {
    let [high, low] = code.to_be_bytes();
    vec![0x88, 2, high, low]
}

#[test]
fn a_client_of_another_making_is_understood() {
    let (mut broker, wire) = Broker::accept(&transport(), peer(), ROOM);
    let request = ClientRequestBuilder::new("ws://broker.example/mqtt".parse().unwrap())
        .with_sub_protocol("mqtt");
    let Err(HandshakeError::Interrupted(halfway)) = client(request, wire) else {
        panic!("it has to wait for the broker");
    };
    broker.round();
    let (mut socket, response) = halfway.handshake().unwrap();
    assert_eq!(response.headers()["Sec-WebSocket-Protocol"], "mqtt");

    socket
        .send(Message::binary(&b"from the client"[..]))
        .unwrap();
    broker.round();
    broker.say(b"from the broker");
    assert_eq!(broker.received, b"from the client");
    let heard = socket.read().unwrap();
    assert_eq!(heard, Message::binary(&b"from the broker"[..]));
}

#[test]
fn bytes_behind_the_request_are_those_of_the_connection() {
    let (mut broker, mut wire) = Broker::accept(&transport(), peer(), ROOM);
    let early = [REQUEST.as_bytes(), &frame(0x82, b"early")].concat();
    wire.write_all(&early).unwrap();
    broker.round();
    assert_eq!(broker.received, b"early");
}

#[test]
fn a_request_may_come_byte_by_byte() {
    let (mut broker, mut wire) = Broker::accept(&transport(), peer(), ROOM);
    REQUEST.bytes().for_each(|byte| {
        assert_eq!(wire.arrived(), b"");
        wire.write_all(&[byte]).unwrap();
        broker.round();
    });
    assert!(wire.text().starts_with("HTTP/1.1 101 "));
}

#[test]
fn a_refused_request_is_answered_and_ends() {
    let (mut broker, mut wire) = Broker::accept(&transport(), peer(), ROOM);
    let request = REQUEST.replace("/mqtt", "/other");
    wire.write_all(request.as_bytes()).unwrap();
    broker.round();
    assert!(wire.text().starts_with("HTTP/1.1 404 Not Found\r\n"));
    assert_eq!(
        broker.error(),
        "WebSocket: HTTP 404 Not Found: there is no WebSocket at this path"
    );
}

#[test]
fn a_request_without_an_end_is_refused_at_8_kib() {
    let (mut broker, mut wire) = Broker::accept(&transport(), peer(), ROOM);
    let endless = format!("GET /mqtt HTTP/1.1\r\nX: {}", "x".repeat(9000));
    wire.write_all(endless.as_bytes()).unwrap();
    broker.round();
    assert!(wire.text().starts_with("HTTP/1.1 431 "));
}

/// \[MQTT3-6.0.0-2\], \[MQTT5-6.0.0-2\]
#[test]
fn packets_may_begin_and_end_anywhere_in_frames() {
    let bytes = [
        frame(0x02, b"one"),
        frame(0x00, b"two "),
        frame(0x80, b"three"),
        frame(0x82, b"four"),
    ];
    assert_eq!(sent(&bytes.concat()).1.received, b"onetwo threefour");
}

/// \[MQTT3-6.0.0-1\], \[MQTT5-6.0.0-1\]
#[test]
fn a_text_frame_is_refused_with_1003() {
    let (answer, broker) = sent(&frame(0x81, b"text"));
    assert_eq!(answer, close(1003));
    assert_eq!(
        broker.error(),
        "WebSocket: a text message; MQTT needs binary ones"
    );
}

#[test]
fn a_frame_without_a_mask_is_refused_with_1002() {
    let (answer, broker) = sent(&[0x82, 1, b'x']);
    assert_eq!(answer, close(1002));
    assert_eq!(broker.error(), "WebSocket: a frame without a mask");
}

#[test]
fn what_came_before_a_violation_is_read() {
    let (_, broker) = sent(&[frame(0x82, b"good"), vec![0x82, 1, b'x']].concat());
    assert_eq!(broker.received, b"good");
}

#[test]
fn a_ping_is_answered_in_the_middle_of_a_message() {
    let bytes = [
        frame(0x02, b"one"),
        frame(0x89, b"hey"),
        frame(0x80, b"two"),
    ];
    let (answer, broker) = sent(&bytes.concat());
    assert_eq!(answer, b"\x8a\x03hey");
    assert_eq!(broker.received, b"onetwo");
}

/// A client that asks for a WebSocket and then sends pings for ever.
struct Pinging(Vec<u8>);

impl Read for Pinging {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.0.len() < into.len() {
            self.0.extend(frame(0x89, b""));
        }
        let bytes: Vec<u8> = self.0.drain(..into.len()).collect();
        into.copy_from_slice(&bytes);
        Ok(into.len())
    }
}

impl Write for Pinging {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn pings_without_end_leave_others_their_turn() {
    let (here, _there) = memory_pair(ROOM);
    let Stream::Layered(_, mut layer) = transport().wrap(Stream::Memory(here), peer()) else {
        panic!("a WebSocket is a layer");
    };
    let mut client = Pinging(REQUEST.into());
    while layer.open(&mut client).unwrap() != Opening::Open {}

    // It returns at all: the client never stops.
    let error = layer.read(&mut client, &mut [0; 1024]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::Interrupted);
}

#[test]
fn the_last_of_many_pings_is_answered() {
    let (answer, _) = sent(&[frame(0x89, b"one"), frame(0x89, b"two")].concat());
    assert_eq!(answer, b"\x8a\x03two");
}

#[test]
fn a_pong_that_nobody_asked_for_is_ignored() {
    let (answer, broker) = sent(&[frame(0x8a, b"hey"), frame(0x82, b"x")].concat());
    assert_eq!(answer, b"");
    assert_eq!(broker.received, b"x");
}

#[test]
fn a_close_is_answered_with_its_code_and_is_the_end() {
    let (answer, broker) = sent(&frame(0x88, &1001_u16.to_be_bytes()));
    assert_eq!(answer, close(1001));
    assert_eq!(broker.end, Some(Ok(())));
}

#[test]
fn a_close_without_a_code_is_answered_without_one() {
    let (answer, broker) = sent(&frame(0x88, b""));
    assert_eq!(answer, [0x88, 0]);
    assert_eq!(broker.end, Some(Ok(())));
}

#[test]
fn a_close_with_a_code_that_may_not_be_sent_is_refused_with_1002() {
    let (answer, _) = sent(&frame(0x88, &1005_u16.to_be_bytes()));
    assert_eq!(answer, close(1002));
}

#[test]
fn the_broker_says_the_end() {
    let (mut broker, mut wire) = opened(ROOM);
    broker.close();
    assert_eq!(wire.arrived(), close(1000));
}

#[test]
fn what_is_written_is_one_message() {
    let (mut broker, mut wire) = opened(ROOM);
    broker.say(b"hello");
    assert_eq!(wire.arrived(), b"\x82\x05hello");
}

#[test]
fn a_pong_waits_for_the_end_of_the_message_on_its_way() {
    let (mut broker, mut wire) = opened(256);
    broker.say(&[b'm'; 300]);
    wire.write_all(&frame(0x89, b"hey")).unwrap();
    broker.round();
    let mut all = wire.arrived();
    broker.round();
    all.extend(wire.arrived());
    broker.round();
    all.extend(wire.arrived());
    let expected = [&[0x82, 126, 1, 44][..], &[b'm'; 300], b"\x8a\x03hey"];
    assert_eq!(all, expected.concat());
}

/// Bytes to be read, and what was written.
#[derive(Debug, Default)]
struct Tape {
    to_read: io::Cursor<Vec<u8>>,
    written: Vec<u8>,
}

impl Read for Tape {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.to_read.read(into)
    }
}

impl Write for Tape {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.written.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What another making sends for these messages, each in parts, with pings in between.
fn as_sent(messages: &[Vec<Vec<u8>>]) -> Vec<u8> {
    let mut socket = WebSocket::from_raw_socket(Tape::default(), Role::Client, None);
    for message in messages {
        for (index, part) in message.iter().enumerate() {
            let kind = if index == 0 {
                Data::Binary
            } else {
                Data::Continue
            };
            let is_last = index + 1 == message.len();
            let frame = Frame::message(part.clone(), OpCode::Data(kind), is_last);
            socket.write(Message::Frame(frame)).unwrap();
            socket.write(Message::Ping(vec![b'p'; 3].into())).unwrap();
        }
    }
    socket.flush().unwrap();
    socket.get_ref().written.clone()
}

/// What another making reads of these bytes.
fn as_read(bytes: Vec<u8>) -> Vec<u8> {
    let tape = Tape {
        to_read: io::Cursor::new(bytes),
        written: Vec::new(),
    };
    let mut socket = WebSocket::from_raw_socket(tape, Role::Client, None);
    let mut all = Vec::new();
    loop {
        match socket.read() {
            Ok(Message::Binary(part)) => all.extend(part),
            Ok(other) => panic!("not written: {other}"),
            Err(Error::Io(_) | Error::Protocol(_)) => return all,
            Err(error) => panic!("not understood: {error}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_frames_the_bytes_come_in_they_are_the_same(
        messages in prop::collection::vec(
            prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..4),
            0..6,
        ),
        pieces in prop::collection::vec(1_usize..200, 1..20),
    ) {
        let (mut broker, mut wire) = opened(ROOM);
        let bytes = as_sent(&messages);
        let mut rest = &bytes[..];
        for piece in pieces.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (now, later) = rest.split_at((*piece).min(rest.len()));
            wire.write_all(now).unwrap();
            broker.round();
            rest = later;
        }
        prop_assert_eq!(&broker.end, &None);
        prop_assert_eq!(&broker.received, &messages.concat().concat());
    }

    #[test]
    fn whatever_room_the_socket_has_nothing_is_lost_or_doubled(
        writes in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..2000), 1..8),
        room in 200_usize..900,
    ) {
        let (mut broker, mut wire) = opened(room.max(256));
        let mut all = Vec::new();
        for bytes in &writes {
            broker.say(bytes);
            all.extend(wire.arrived());
            broker.round();
        }
        let mut quiet = 0;
        while quiet < 3 {
            let some = wire.arrived();
            quiet = if some.is_empty() { quiet + 1 } else { 0 };
            all.extend(some);
            broker.round();
        }
        prop_assert_eq!(as_read(all), writes.concat());
    }
}

#[test]
fn a_close_of_another_making_is_answered() {
    let (mut broker, wire) = opened(ROOM);
    let mut socket = WebSocket::from_raw_socket(wire, Role::Client, None);
    let frame = tungstenite::protocol::CloseFrame {
        code: CloseCode::Away,
        reason: "bye".into(),
    };
    socket.close(Some(frame)).unwrap();
    broker.round();
    let Ok(Message::Close(Some(answer))) = socket.read() else {
        panic!("a close is answered by one");
    };
    assert_eq!(answer.code, CloseCode::Away);
}
