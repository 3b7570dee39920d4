//! The in-memory twin of the poller: the same rules of readiness, no operating system.

use std::io::{self, ErrorKind::WouldBlock, Read, Write};
use std::task::Waker;

use castmq_otp::{
    Accepted, Chunk, Facts, Listening, MemoryStream, Poller, Readiness, Stream, Token,
};

use crate::passage::{Passage, Seam, Step};
use crate::slots::Slots;

/// The stream as those below layers are.
struct Bytes<'a>(&'a MemoryStream);

impl Read for Bytes<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read_slice(into)
    }
}

impl Write for Bytes<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug)]
struct Socket {
    stream: MemoryStream,
    passage: Option<Box<Passage>>,
    /// Readable was told and nobody met the end of the bytes since.
    told_readable: bool,
    /// A write blocked and writable was not told since.
    wants_write: bool,
}

impl Socket {
    fn with_layer<R>(
        &mut self,
        work: impl FnOnce(&mut Passage, &mut Seam<Bytes<'_>>) -> R,
    ) -> Option<R> {
        let passage = self.passage.as_deref_mut()?;
        Some(work(passage, &mut Seam::new(Bytes(&self.stream))))
    }

    /// What it has to tell. A layer opens one step at a time, without a budget: nobody waits here.
    fn tell(&mut self, token: Token, ready: &mut Vec<Readiness>) {
        if self.passage.as_ref().is_some_and(|it| it.is_opening()) {
            let step = self.with_layer(|passage, seam| passage.open(seam, token, ready));
            if matches!(step, Some(Step::GoesOn | Step::Waits)) {
                return;
            }
            self.told_readable = true;
        }
        if !self.told_readable && self.stream.is_readable() {
            self.told_readable = true;
            ready.push(Readiness::Readable(token));
        }
        if self.stream.is_writable() {
            let flushed = self.with_layer(|passage, seam| passage.flush(seam));
            let is_kept = matches!(flushed, Some(Err(error)) if error.kind() == WouldBlock);
            if self.wants_write && !is_kept {
                self.wants_write = false;
                ready.push(Readiness::Writable(token));
            }
        }
    }
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
            socket.tell(token, ready);
        }
    }

    fn wake_with(&mut self, _waker: &Waker) {}

    fn register(&mut self, token: Token, stream: Stream) -> io::Result<()> {
        let (stream, passage) = Passage::apart(stream);
        let Stream::Memory(stream) = stream else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        self.order.push(token);
        self.sockets.insert(
            token,
            Socket {
                stream,
                passage,
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
        Err(WouldBlock.into())
    }

    fn read(&mut self, token: Token, into: &mut [u8]) -> io::Result<Chunk> {
        let socket = self.socket(token)?;
        let layered = socket.with_layer(|passage, seam| passage.read(seam, into));
        let read = layered.unwrap_or_else(|| {
            socket.stream.read_slice(into).map(|bytes| Chunk {
                bytes,
                is_last: false,
            })
        });
        if matches!(&read, Err(error) if error.kind() == WouldBlock) {
            socket.told_readable = false;
        }
        read.map(|chunk| Chunk {
            is_last: false,
            ..chunk
        })
    }

    fn write(&mut self, token: Token, bytes: &[u8]) -> io::Result<usize> {
        let socket = self.socket(token)?;
        let layered = socket.with_layer(|passage, seam| passage.write(seam, bytes));
        let written = layered.unwrap_or_else(|| socket.stream.write(bytes));
        socket.wants_write |= matches!(&written, Err(error) if error.kind() == WouldBlock);
        written
    }

    fn facts(&mut self, token: Token) -> Option<Facts> {
        self.socket(token).ok()?.passage.as_ref()?.facts()
    }

    fn close(&mut self, token: Token) {
        if let Some(mut socket) = self.forget(token) {
            socket.with_layer(|passage, seam| passage.close(seam));
            socket.stream.close();
        }
    }

    fn detach(&mut self, token: Token) -> io::Result<Stream> {
        self.forget(token)
            .map(|socket| {
                let stream = Stream::Memory(socket.stream);
                match socket.passage {
                    Some(passage) => Stream::Layered(Box::new(stream), passage.into_layer()),
                    None => stream,
                }
            })
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
