#![no_main]
//! One byte that tells where the request is split, then the request. A split changes nothing of the answer,
//! and the answer says that the WebSocket is open just when it is.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::LazyLock;

use castmq_net::{Transport, TransportPlan, WebSocketPlan};
use castmq_otp::{Peer, Stream, memory_pair};
use libfuzzer_sys::fuzz_target;

static TRANSPORT: LazyLock<Transport> = LazyLock::new(|| {
    let plan = TransportPlan {
        websocket: Some(WebSocketPlan {
            path: "/mqtt".to_owned(),
            origins: vec!["https://a.example".to_owned()],
        }),
        ..TransportPlan::default()
    };
    Transport::new(plan).expect("no file is named")
});

/// What has arrived and was not read, and what was answered.
#[derive(Default)]
struct Socket {
    arrived: Vec<u8>,
    answered: Vec<u8>,
}

impl Read for Socket {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.arrived.is_empty() {
            return Err(ErrorKind::WouldBlock.into());
        }
        let count = self.arrived.as_slice().read(into)?;
        self.arrived.drain(..count);
        Ok(count)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.answered.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug, Default, PartialEq)]
struct Heard {
    answered: Vec<u8>,
    error: Option<String>,
    is_open: bool,
}

fn hear(parts: &[&[u8]]) -> Heard {
    let (stream, _) = memory_pair(0);
    let Stream::Layered(_, mut layer) = TRANSPORT.wrap(Stream::Memory(stream), Peer::Unix) else {
        panic!("a WebSocket is planned");
    };
    let mut raw = Socket::default();
    let mut heard = Heard::default();
    for part in parts {
        raw.arrived.extend(*part);
        match layer.open(&mut raw) {
            Ok(_) => heard.is_open = true,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => heard.error = Some(error.to_string()),
        }
        if heard.is_open || heard.error.is_some() {
            break;
        }
    }
    heard.answered = raw.answered;
    heard
}

fuzz_target!(|data: &[u8]| {
    if let Some((&split, request)) = data.split_first() {
        let (first, second) = request.split_at(usize::from(split).min(request.len()));
        let heard = hear(&[request]);
        assert_eq!(heard, hear(&[first, second]));
        assert_eq!(heard.is_open, heard.answered.starts_with(b"HTTP/1.1 101 "));
        assert_eq!(
            heard.error.is_some(),
            heard.answered.starts_with(b"HTTP/1.1 4") || heard.answered.starts_with(b"HTTP/1.1 5")
        );
    }
});
