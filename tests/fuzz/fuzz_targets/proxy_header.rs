#![no_main]
//! One byte that tells where the stream is split, then the stream. A split changes nothing of what a header
//! says and of the bytes behind it.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::LazyLock;

use castmq_net::{ProxyPlan, Transport, TransportPlan};
use castmq_otp::{Facts, Layer, Peer, Stream, memory_pair};
use libfuzzer_sys::fuzz_target;

static TRANSPORT: LazyLock<Transport> = LazyLock::new(|| {
    let plan = TransportPlan {
        proxy: Some(ProxyPlan {
            accepts_v1: true,
            accepts_v2: true,
            trusted: Vec::new(),
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
        panic!("a proxy is not answered: {bytes:?}");
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug, Default, PartialEq)]
struct Heard {
    facts: Option<Facts>,
    error: Option<String>,
    behind: Vec<u8>,
}

fn layer() -> Box<dyn Layer> {
    let (stream, _) = memory_pair(0);
    match TRANSPORT.wrap(Stream::Memory(stream), Peer::Unix) {
        Stream::Layered(_, layer) => layer,
        other => panic!("a header is planned: {other:?}"),
    }
}

fn hear(parts: &[&[u8]]) -> Heard {
    let mut layer = layer();
    let mut raw = Arrived(Vec::new());
    let mut heard = Heard::default();
    for part in parts {
        raw.0.extend(*part);
        match layer.open(&mut raw) {
            Ok(_) => heard.facts = Some(layer.facts()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
            Err(error) => {
                heard.error = Some(error.to_string());
                return heard;
            }
        }
        let mut into = [0; 64];
        while let Ok(chunk) = layer.read(&mut raw, &mut into) {
            heard.behind.extend(&into[..chunk.bytes]);
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
