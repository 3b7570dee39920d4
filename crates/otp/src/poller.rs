//! The seam to sockets: what a dispatcher asks of the operating system, and the in-memory stream that
//! stands for a socket in tests.

use std::collections::VecDeque;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;

use bytes::BytesMut;

use crate::layer::{Facts, Layer, Peer};

/// Names a socket by the process that owns it; late events for a former owner are recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token {
    /// The owner's kind.
    pub kind: u8,
    /// The owner's place.
    pub slot: u32,
    /// Which tenant of the place the owner is.
    pub generation: u32,
}

impl Token {
    /// The token of a process's socket.
    #[must_use]
    pub const fn new(kind: u8, slot: u32, generation: u32) -> Self {
        Self {
            kind,
            slot,
            generation,
        }
    }
}

/// Hashes a token by mixing its numbers: they are small, dense and chosen by ourselves, so nobody can
/// aim at collisions.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokenHasher(u64);

impl std::hash::Hasher for TokenHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_u8(&mut self, number: u8) {
        self.write_u64(u64::from(number));
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(5) ^ number).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}

/// What can be done with a socket now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// A read will not block: there are bytes, the end, or an error; or a connection to accept.
    Readable(Token),
    /// A write that blocked will not block again.
    Writable(Token),
}

/// A byte stream before or between pollers.
#[derive(Debug)]
pub enum Stream {
    /// A TCP connection in non-blocking mode.
    Tcp(TcpStream),
    /// A connection within the machine, in non-blocking mode.
    Unix(UnixStream),
    /// One end of a pair in memory.
    Memory(MemoryStream),
    /// A stream whose bytes pass through a layer.
    Layered(Box<Self>, Box<dyn Layer>),
}

/// A socket that accepts connections, before it is given to a poller.
#[derive(Debug)]
pub enum Listening {
    /// A TCP listener in non-blocking mode.
    Tcp(TcpListener),
    /// A listener in the file system, in non-blocking mode.
    Unix(UnixListener),
}

/// A connection that was accepted.
#[derive(Debug)]
pub struct Accepted {
    /// The connection.
    pub stream: Stream,
    /// The other side.
    pub peer: Peer,
}

/// What a read brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// How many bytes; 0 is the end.
    pub bytes: usize,
    /// Whether the socket is known to be empty now: [`Readiness::Readable`] is told when there is more,
    /// so that another read would be in vain.
    pub is_last: bool,
}

/// The sockets of one arbiter.
///
/// Readiness is told when it changes (edge-triggered), and may be told again: who is told that a socket is readable reads
/// until [`io::ErrorKind::WouldBlock`] or [`Chunk::is_last`], or remembers that it did not.
pub trait Poller {
    /// Appends what became ready since the last call. Never blocks.
    fn poll(&mut self, ready: &mut Vec<Readiness>);

    /// Who to wake when something becomes ready.
    fn wake_with(&mut self, waker: &Waker);

    /// Takes a stream over.
    ///
    /// # Errors
    ///
    /// What the operating system says; the stream is closed then.
    fn register(&mut self, token: Token, stream: Stream) -> io::Result<()>;

    /// Takes a listener over.
    ///
    /// # Errors
    ///
    /// What the operating system says; the listener is closed then.
    fn listen(&mut self, token: Token, listening: Listening) -> io::Result<()>;

    /// Accepts one connection.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] when there is none.
    fn accept(&mut self, token: Token) -> io::Result<Accepted>;

    /// Reads once, at most as much as fits. No bytes are the end.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] when there is nothing now.
    fn read(&mut self, token: Token, into: &mut [u8]) -> io::Result<Chunk>;

    /// Writes as much as can be written at once.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] when nothing can be written now; [`Readiness::Writable`] follows.
    fn write(&mut self, token: Token, bytes: &[u8]) -> io::Result<usize>;

    /// What is known of the other side of a socket with a layer, once that is open.
    fn facts(&mut self, _token: Token) -> Option<Facts> {
        None
    }

    /// Whether [`Self::poll`] finds what is new by itself, so that rounds may follow each other without
    /// the runtime's reactor running in between.
    fn is_independent(&self) -> bool {
        false
    }

    /// Closes a socket so that what was written still arrives. Unknown tokens are ignored.
    fn close(&mut self, token: Token);

    /// Gives a stream back, to be registered elsewhere.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotFound`] for an unknown token, else what the operating system says.
    fn detach(&mut self, token: Token) -> io::Result<Stream>;
}

#[derive(Debug, Default)]
struct Pipe {
    bytes: VecDeque<u8>,
    is_closed: bool,
    capacity: usize,
}

/// One end of a pair of byte queues that behaves as a socket does: partial reads and writes, a bounded
/// buffer, an end.
#[derive(Clone, Debug)]
pub struct MemoryStream {
    incoming: Arc<Mutex<Pipe>>,
    outgoing: Arc<Mutex<Pipe>>,
}

/// Two connected ends; each direction holds at most `capacity` bytes.
#[must_use]
pub fn memory_pair(capacity: usize) -> (MemoryStream, MemoryStream) {
    let pipe = || {
        Arc::new(Mutex::new(Pipe {
            capacity,
            ..Pipe::default()
        }))
    };
    let (there, back) = (pipe(), pipe());
    (
        MemoryStream {
            incoming: Arc::clone(&back),
            outgoing: Arc::clone(&there),
        },
        MemoryStream {
            incoming: there,
            outgoing: back,
        },
    )
}

impl MemoryStream {
    /// Reads what is there, at most `most` bytes. `Ok(0)` is the end.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] when there is nothing now.
    pub fn read(&self, into: &mut BytesMut, most: usize) -> io::Result<usize> {
        self.take(most, |taken| into.extend(taken))
    }

    /// The same into a slice, as much as fits.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] when there is nothing now.
    pub fn read_slice(&self, into: &mut [u8]) -> io::Result<usize> {
        self.take(into.len(), |taken| {
            for (place, byte) in into.iter_mut().zip(taken) {
                *place = byte;
            }
        })
    }

    fn take(
        &self,
        most: usize,
        put: impl FnOnce(std::collections::vec_deque::Drain<'_, u8>),
    ) -> io::Result<usize> {
        let mut pipe = self.incoming.lock().unwrap_or_else(PoisonError::into_inner);
        if pipe.bytes.is_empty() {
            return if pipe.is_closed {
                Ok(0)
            } else {
                Err(io::ErrorKind::WouldBlock.into())
            };
        }
        let count = most.min(pipe.bytes.len());
        put(pipe.bytes.drain(..count));
        Ok(count)
    }

    /// Writes what fits.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] when nothing fits, [`io::ErrorKind::BrokenPipe`] when the other
    /// end is closed.
    pub fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut pipe = self.outgoing.lock().unwrap_or_else(PoisonError::into_inner);
        if pipe.is_closed {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let count = pipe
            .capacity
            .saturating_sub(pipe.bytes.len())
            .min(bytes.len());
        if count == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        pipe.bytes.extend(bytes.iter().take(count));
        Ok(count)
    }

    /// Whether a read would not block.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        let pipe = self.incoming.lock().unwrap_or_else(PoisonError::into_inner);
        pipe.is_closed || !pipe.bytes.is_empty()
    }

    /// Whether a write would not block.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        let pipe = self.outgoing.lock().unwrap_or_else(PoisonError::into_inner);
        pipe.is_closed || pipe.bytes.len() < pipe.capacity
    }

    /// Closes both directions; what was written can still be read.
    pub fn close(&self) {
        for pipe in [&self.incoming, &self.outgoing] {
            pipe.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .is_closed = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_carries_bytes_until_its_buffer_is_full() {
        let (one, other) = memory_pair(4);
        assert_eq!(one.write(b"abcdef").unwrap(), 4);
        assert_eq!(
            one.write(b"ef").unwrap_err().kind(),
            io::ErrorKind::WouldBlock
        );

        let mut read = BytesMut::new();
        assert_eq!(other.read(&mut read, 3).unwrap(), 3);
        assert_eq!(&read[..], b"abc");
    }

    #[test]
    fn what_was_written_before_the_end_can_still_be_read() {
        let (one, other) = memory_pair(8);
        one.write(b"x").unwrap();
        one.close();

        let mut read = BytesMut::new();
        assert_eq!(other.read(&mut read, 8).unwrap(), 1);
        assert_eq!(other.read(&mut read, 8).unwrap(), 0);
    }
}
