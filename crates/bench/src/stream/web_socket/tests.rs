//! Frames as bytes, without a socket.

use super::*;

/// A WebSocket whose upgrade is done.
fn open() -> WebSocket {
    WebSocket {
        state: State::Open { left: 0 },
        cut: Vec::new(),
        mask: 1,
    }
}

fn upgrading() -> (WebSocket, String, String) {
    let resource = Resource {
        host: "broker:80".to_owned(),
        path: "/mqtt".to_owned(),
    };
    let mut request = Vec::new();
    let web_socket = WebSocket::new(&resource, &mut request);
    let State::Upgrading { accept } = &web_socket.state else {
        panic!("it has not asked");
    };
    let accept = accept.clone();
    (web_socket, String::from_utf8(request).unwrap(), accept)
}

fn answer(accept: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         sec-websocket-accept: {accept}\r\nsec-websocket-protocol: mqtt\r\n\r\n"
    )
    .into_bytes()
}

/// A frame of a server: not masked.
fn frame(code: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    assert!(length < 126);
    [&[0x80 | code, length], payload].concat()
}

/// What carries MQTT in these bytes, read in parts of this length, and what is answered.
fn read(web_socket: &mut WebSocket, bytes: &[u8], part: usize) -> (Vec<u8>, Vec<u8>) {
    let (mut all, mut outgoing) = (Vec::new(), Vec::new());
    for part in bytes.chunks(part) {
        let mut part = part.to_vec();
        let read = web_socket.unframe(&mut part, &mut outgoing).unwrap();
        all.extend(&part[..read]);
    }
    (all, outgoing)
}

fn complaint(web_socket: &mut WebSocket, bytes: &[u8]) -> String {
    let error = web_socket.unframe(&mut bytes.to_vec(), &mut Vec::new());
    error.unwrap_err().to_string()
}

#[test]
fn the_client_asks_for_mqtt() {
    let (_, request, _) = upgrading();
    assert!(request.starts_with("GET /mqtt HTTP/1.1\r\nHost: broker:80\r\n"));
    assert!(request.contains("\r\nSec-WebSocket-Protocol: mqtt\r\n"));
    assert!(request.ends_with("\r\n\r\n"));
}

#[test]
fn frames_come_behind_the_answer_wherever_it_is_cut() {
    let (_, _, accept) = upgrading();
    let bytes = [answer(&accept), frame(2, b"first"), frame(2, b"second")].concat();
    let at = |part| {
        let (mut web_socket, ..) = upgrading();
        web_socket.state = State::Upgrading {
            accept: accept.clone(),
        };
        read(&mut web_socket, &bytes, part).0
    };
    assert_eq!(at(bytes.len()), b"firstsecond");
    assert_eq!(at(1), b"firstsecond");
    assert_eq!(at(7), b"firstsecond");
}

#[test]
fn a_broker_that_does_not_upgrade_is_quoted() {
    let (mut web_socket, ..) = upgrading();
    let complaint = complaint(
        &mut web_socket,
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    );
    assert_eq!(complaint, "no upgrade to WebSocket: HTTP/1.1 404 Not Found");
}

#[test]
fn an_answer_to_somebody_else_is_refused() {
    let (mut web_socket, ..) = upgrading();
    let complaint = complaint(&mut web_socket, &answer("c29tZWJvZHkgZWxzZQ=="));
    assert_eq!(complaint, "an upgrade to WebSocket that nobody asked for");
}

#[test]
fn an_answer_for_another_protocol_is_refused() {
    let (mut web_socket, _, accept) = upgrading();
    let answer = String::from_utf8(answer(&accept)).unwrap();
    let answer = answer.replace("protocol: mqtt", "protocol: chat");
    let complaint = complaint(&mut web_socket, answer.as_bytes());
    assert_eq!(complaint, "a WebSocket that is not for MQTT");
}

#[test]
fn each_packet_has_a_frame_of_its_own_and_a_mask() {
    let mut outgoing = Vec::new();
    open().frame(&[0xC0, 0, 0x40, 2, 1, 2], &mut outgoing);
    let ([0x82, 0x82, a, b, c, d], rest) = outgoing.split_first_chunk::<6>().unwrap() else {
        panic!("no masked binary frame of 2 bytes: {outgoing:x?}");
    };
    let mask = [*a, *b, *c, *d];
    let (payload, second) = rest.split_at(2);
    assert_eq!([payload[0] ^ mask[0], payload[1] ^ mask[1]], [0xC0, 0]);
    assert_eq!(second[..2], [0x82, 0x84]);
    assert_ne!(second[2..6], mask);
}

#[test]
fn a_mask_reaches_to_the_last_byte() {
    let mut payload = *b"eleven byte";
    apply([1, 2, 3, 4], &mut payload);
    let (mask, mut plain) = ([1, 2, 3, 4], payload);
    for (at, byte) in plain.iter_mut().enumerate() {
        *byte ^= mask[at % 4];
    }
    assert_eq!(&plain, b"eleven byte");
}

#[test]
fn a_ping_amid_a_message_is_answered_wherever_it_is_cut() {
    let fragments = [
        vec![0x02, 3, b'o', b'n', b'e'],
        frame(9, b"are you there"),
        vec![0x80, 3, b't', b'w', b'o'],
    ];
    let whole = fragments.concat();
    let (message, pong) = read(&mut open(), &whole, whole.len());
    assert_eq!(message, b"onetwo");
    assert_eq!(pong[..2], [0x8A, 0x80 | 13]);
    let in_parts = read(&mut open(), &whole, 1);
    assert_eq!(in_parts, (message, pong));
}

#[test]
fn a_close_is_answered_and_nothing_behind_it_counts() {
    let mut web_socket = open();
    let bytes = [frame(2, b"last"), frame(8, b""), frame(2, b"more")].concat();
    let (message, answer) = read(&mut web_socket, &bytes, bytes.len());
    assert_eq!(message, b"last");
    assert_eq!(answer[..2], [0x88, 0x80 | 2]);
    assert!(web_socket.is_closed());
}

#[test]
fn a_long_message_has_a_long_length() {
    let payload = vec![7; 70_000];
    let mut bytes = vec![0x82, 127];
    bytes.extend(70_000_u64.to_be_bytes());
    bytes.extend(&payload);
    assert_eq!(read(&mut open(), &bytes, 4096).0, payload);
}

#[test]
fn what_no_server_may_send_is_refused() {
    assert_eq!(complaint(&mut open(), &frame(1, b"text")), "a text frame");
    let masked = [0x82, 0x81, 1, 2, 3, 4, 5];
    let wrong = "a frame that servers must not send";
    assert_eq!(complaint(&mut open(), &masked), wrong);
    let compressed = [0xC2, 1, 5];
    assert_eq!(complaint(&mut open(), &compressed), wrong);
}
