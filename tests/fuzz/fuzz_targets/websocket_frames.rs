#![no_main]
//! One byte that tells where the stream is split, then what a client sends behind its request. A split
//! changes nothing of the bytes of the connection, nor of how it ends.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::LazyLock;

use castmq_net::{Transport, TransportPlan, WebSocketPlan};
use castmq_otp::{Layer, Opening, Peer, Stream, memory_pair};
use libfuzzer_sys::fuzz_target;

const REQUEST: &[u8] = b"GET /mqtt HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";

static TRANSPORT: LazyLock<Transport> = LazyLock::new(|| {
    let plan = TransportPlan {
        websocket: Some(WebSocketPlan {
            path: "/mqtt".to_owned(),
            origins: Vec::new(),
        }),
        ..TransportPlan::default()
    };
    Transport::new(plan).expect("no file is named")
});

/// What has arrived and was not read.
struct Arrived(Vec<u8>);

impl Read for Arrived {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() {
            return Err(ErrorKind::WouldBlock.into());
        }
        let count = self.0.as_slice().read(into)?;
        self.0.drain(..count);
        Ok(count)
    }
}

impl Write for Arrived {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug, Default, PartialEq)]
struct Heard {
    received: Vec<u8>,
    /// The end, with its error if it was one.
    end: Option<String>,
}

fn open() -> Box<dyn Layer> {
    let (stream, _) = memory_pair(0);
    let Stream::Layered(_, mut layer) = TRANSPORT.wrap(Stream::Memory(stream), Peer::Unix) else {
        panic!("a WebSocket is planned");
    };
    let opened = layer.open(&mut Arrived(REQUEST.to_vec()));
    assert!(matches!(opened, Ok(Opening::Open)));
    layer
}

fn hear(parts: &[&[u8]]) -> Heard {
    let mut layer = open();
    let mut raw = Arrived(Vec::new());
    let mut heard = Heard::default();
    for part in parts {
        raw.0.extend(*part);
        let mut into = [0; 64];
        loop {
            match layer.read(&mut raw, &mut into) {
                Ok(chunk) if chunk.bytes == 0 => {
                    heard.end = Some(String::new());
                    return heard;
                }
                Ok(chunk) => heard.received.extend(&into[..chunk.bytes]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => {
                    heard.end = Some(error.to_string());
                    return heard;
                }
            }
        }
    }
    heard
}

fuzz_target!(|data: &[u8]| {
    if let Some((&split, stream)) = data.split_first() {
        let (first, second) = stream.split_at(usize::from(split).min(stream.len()));
        assert_eq!(hear(&[stream]), hear(&[first, second]));
    }
});
