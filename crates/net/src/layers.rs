//! What stands between one socket and its connection, from the socket on: the header of a proxy,
//! encryption, messages of a WebSocket.

use std::io::{self, IoSlice, Read, Write};

use castmq_otp::{Chunk, Facts, Layer, Opening, Raw};

use crate::proxy::{Behind, Proxy};
use crate::tls::Tls;
use crate::websocket::WebSocket;

/// The layers of one connection; at least one.
#[derive(Debug)]
pub(crate) struct Layers {
    pub(crate) proxy: Option<Box<Proxy>>,
    pub(crate) tls: Option<Box<Tls>>,
    pub(crate) websocket: Option<Box<WebSocket>>,
}

impl Layers {
    /// The topmost layer with what is below it.
    fn split<'a>(&'a mut self, raw: &'a mut dyn Raw) -> (Option<&'a mut WebSocket>, Below<'a>) {
        let raw = Behind {
            proxy: self.proxy.as_deref_mut(),
            raw,
        };
        let below = Below {
            tls: self.tls.as_deref_mut(),
            raw,
        };
        (self.websocket.as_deref_mut(), below)
    }

    /// Whether nothing is held that could be read.
    fn is_empty(&mut self) -> bool {
        let proxy = self.proxy.as_ref();
        let tls = self.tls.as_deref_mut();
        let websocket = self.websocket.as_ref();
        proxy.is_none_or(|it| it.is_empty())
            && tls.is_none_or(Tls::is_empty)
            && websocket.is_none_or(|it| it.is_empty())
    }
}

/// What is below a WebSocket: the socket behind a header, encrypted if that is planned.
struct Below<'a> {
    tls: Option<&'a mut Tls>,
    raw: Behind<'a, dyn Raw + 'a>,
}

impl Read for Below<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match &mut self.tls {
            Some(tls) => tls.read(&mut self.raw, into),
            None => self.raw.read(into),
        }
    }
}

impl Write for Below<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.tls {
            Some(tls) => tls.write(&mut self.raw, &mut [IoSlice::new(bytes)]),
            None => self.raw.write(bytes),
        }
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        match &mut self.tls {
            Some(tls) => tls.write(&mut self.raw, &mut parts.to_vec()),
            None => self.raw.write_vectored(parts),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.tls {
            Some(tls) => tls.flush(&mut self.raw),
            None => Ok(()),
        }
    }
}

impl Layer for Layers {
    fn open(&mut self, raw: &mut dyn Raw) -> io::Result<Opening> {
        if let Some(proxy) = &mut self.proxy {
            proxy.open(raw)?;
        }
        let (websocket, mut below) = self.split(raw);
        if let Some(tls) = &mut below.tls
            && tls.open(&mut below.raw)? == Opening::More
        {
            return Ok(Opening::More);
        }
        websocket.map_or(Ok(Opening::Open), |websocket| websocket.open(&mut below))
    }

    fn read(&mut self, raw: &mut dyn Raw, into: &mut [u8]) -> io::Result<Chunk> {
        let (websocket, mut below) = self.split(raw);
        let bytes = match websocket {
            Some(websocket) => websocket.read(&mut below, into)?,
            None => below.read(into)?,
        };
        Ok(Chunk {
            bytes,
            is_last: self.is_empty(),
        })
    }

    fn write(&mut self, raw: &mut dyn Raw, bytes: &[u8]) -> io::Result<usize> {
        let (websocket, mut below) = self.split(raw);
        match websocket {
            Some(websocket) => websocket.write(&mut below, bytes),
            None => below.write(bytes),
        }
    }

    fn flush(&mut self, raw: &mut dyn Raw) -> io::Result<()> {
        let (websocket, mut below) = self.split(raw);
        below.flush()?;
        websocket.map_or(Ok(()), |websocket| websocket.flush(&mut below))
    }

    fn close(&mut self, raw: &mut dyn Raw) {
        let (websocket, mut below) = self.split(raw);
        if let Some(websocket) = websocket {
            websocket.close(&mut below);
        }
        if let Some(tls) = below.tls {
            tls.close(&mut below.raw);
        }
    }

    fn facts(&self) -> Facts {
        let mut facts = Facts::default();
        if let Some(proxy) = &self.proxy {
            facts.source = proxy.said().source;
            facts.certificate.clone_from(&proxy.said().certificate);
        }
        if let Some(tls) = &self.tls {
            // What a proxy says of certificates is said of a connection that was not ours.
            tls.tell(&mut facts);
        }
        facts
    }
}
