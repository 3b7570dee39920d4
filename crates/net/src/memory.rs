//! The in-memory twin of the poller: the same rules of readiness, no operating system.

use std::io;
use std::task::Waker;

use castmq_otp::{Accepted, Chunk, Listening, MemoryStream, Poller, Readiness, Stream, Token};

use crate::slots::Slots;

#[derive(Debug)]
struct Socket {
    stream: MemoryStream,
    /// Readable was told and nobody met the end of the bytes since.
    told_readable: bool,
    /// A write blocked and writable was not told since.
    wants_write: bool,
}

/// A poller whose sockets are pairs of byte queues.
///
/// Readiness is edge-triggered as with real sockets, and told in the order of registration, so that a
/// run repeats exactly.
#[derive(Debug, Default)]
pub struct MemoryPoller {
    sockets: Slots<Socket>,
    order: Vec<Token>,
}

impl MemoryPoller {
    /// Sockets registered now.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sockets.len()
    }

    /// Whether no socket is registered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sockets.is_empty()
    }

    fn socket(&mut self, token: Token) -> io::Result<&mut Socket> {
        self.sockets
            .get_mut(&token)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn forget(&mut self, token: Token) -> Option<Socket> {
        self.order.retain(|&other| other != token);
        self.sockets.remove(&token)
    }
}

impl Poller for MemoryPoller {
    fn poll(&mut self, ready: &mut Vec<Readiness>) {
        for &token in &self.order {
            let Some(socket) = self.sockets.get_mut(&token) else {
                continue;
            };
            if !socket.told_readable && socket.stream.is_readable() {
                socket.told_readable = true;
                ready.push(Readiness::Readable(token));
            }
            if socket.wants_write && socket.stream.is_writable() {
                socket.wants_write = false;
                ready.push(Readiness::Writable(token));
            }
        }
    }

    fn wake_with(&mut self, _waker: &Waker) {}

    fn register(&mut self, token: Token, stream: Stream) -> io::Result<()> {
        let Stream::Memory(stream) = stream else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        self.order.push(token);
        self.sockets.insert(
            token,
            Socket {
                stream,
                told_readable: false,
                wants_write: false,
            },
        );
        Ok(())
    }

    fn listen(&mut self, _token: Token, _listening: Listening) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn accept(&mut self, _token: Token) -> io::Result<Accepted> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn read(&mut self, token: Token, into: &mut [u8]) -> io::Result<Chunk> {
        let socket = self.socket(token)?;
        let read = socket.stream.read_slice(into);
        if matches!(&read, Err(error) if error.kind() == io::ErrorKind::WouldBlock) {
            socket.told_readable = false;
        }
        read.map(|bytes| Chunk {
            bytes,
            is_last: false,
        })
    }

    fn write(&mut self, token: Token, bytes: &[u8]) -> io::Result<usize> {
        let socket = self.socket(token)?;
        let written = socket.stream.write(bytes);
        if matches!(&written, Err(error) if error.kind() == io::ErrorKind::WouldBlock) {
            socket.wants_write = true;
        }
        written
    }

    fn close(&mut self, token: Token) {
        if let Some(socket) = self.forget(token) {
            socket.stream.close();
        }
    }

    fn detach(&mut self, token: Token) -> io::Result<Stream> {
        self.forget(token)
            .map(|socket| Stream::Memory(socket.stream))
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::BytesMut;
    use castmq_otp::memory_pair;

    const TOKEN: Token = Token::new(0, 1, 1);

    fn ready(poller: &mut MemoryPoller) -> Vec<Readiness> {
        let mut ready = Vec::new();
        poller.poll(&mut ready);
        ready
    }

    #[test]
    fn readiness_is_told_once_until_a_read_finds_nothing() {
        let (here, there) = memory_pair(16);
        let mut poller = MemoryPoller::default();
        poller.register(TOKEN, Stream::Memory(here)).unwrap();
        there.write(b"ab").unwrap();
        assert_eq!(ready(&mut poller), [Readiness::Readable(TOKEN)]);
        assert_eq!(ready(&mut poller), []);

        let mut into = [0; 8];
        assert_eq!(poller.read(TOKEN, &mut into).unwrap().bytes, 2);
        poller.read(TOKEN, &mut into).unwrap_err();
        there.write(b"c").unwrap();
        assert_eq!(ready(&mut poller), [Readiness::Readable(TOKEN)]);
    }

    #[test]
    fn a_blocked_write_is_told_when_there_is_room() {
        let (here, there) = memory_pair(2);
        let mut poller = MemoryPoller::default();
        poller.register(TOKEN, Stream::Memory(here)).unwrap();
        poller.write(TOKEN, b"ab").unwrap();
        poller.write(TOKEN, b"c").unwrap_err();
        assert_eq!(ready(&mut poller), []);

        there.read(&mut BytesMut::new(), 2).unwrap();
        assert_eq!(ready(&mut poller), [Readiness::Writable(TOKEN)]);
    }
}
