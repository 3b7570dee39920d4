//! Sockets in tokio's reactor, of either kind.

use std::io::{self, ErrorKind::WouldBlock, IoSlice, Read, Write};
use std::task::{Context, Poll, Waker};

use castmq_otp::{Accepted, Listening, Peer, Stream};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use crate::plain::Plain;

/// A stream in tokio's reactor.
pub(crate) enum Reacting {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Reacting {
    pub(crate) fn new(stream: Plain) -> io::Result<Self> {
        match stream {
            Plain::Tcp(stream) => {
                stream.set_nonblocking(true)?;
                // Packets are gathered by us, turn by turn; the kernel shall not wait for more.
                stream.set_nodelay(true)?;
                TcpStream::from_std(stream).map(Self::Tcp)
            }
            Plain::Unix(stream) => {
                stream.set_nonblocking(true)?;
                UnixStream::from_std(stream).map(Self::Unix)
            }
        }
    }

    pub(crate) fn into_plain(self) -> io::Result<Plain> {
        match self {
            Self::Tcp(stream) => stream.into_std().map(Plain::Tcp),
            Self::Unix(stream) => stream.into_std().map(Plain::Unix),
        }
    }

    /// Has `readable` woken at the next readiness; rings at once when there is one already.
    pub(crate) fn await_readable(&self, readable: &Waker) {
        let mut context = Context::from_waker(readable);
        let polled = match self {
            Self::Tcp(stream) => stream.poll_read_ready(&mut context),
            Self::Unix(stream) => stream.poll_read_ready(&mut context),
        };
        if polled.is_ready() {
            readable.wake_by_ref();
        }
    }

    pub(crate) fn await_writable(&self, writable: &Waker) {
        let mut context = Context::from_waker(writable);
        let polled = match self {
            Self::Tcp(stream) => stream.poll_write_ready(&mut context),
            Self::Unix(stream) => stream.poll_write_ready(&mut context),
        };
        if polled.is_ready() {
            writable.wake_by_ref();
        }
    }
}

impl Read for &Reacting {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Reacting::Tcp(stream) => stream.try_read(into),
            Reacting::Unix(stream) => stream.try_read(into),
        }
    }
}

impl Write for &Reacting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Reacting::Tcp(stream) => stream.try_write(bytes),
            Reacting::Unix(stream) => stream.try_write(bytes),
        }
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Reacting::Tcp(stream) => stream.try_write_vectored(parts),
            Reacting::Unix(stream) => stream.try_write_vectored(parts),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A listener in tokio's reactor.
pub(crate) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    pub(crate) fn new(listening: Listening) -> io::Result<Self> {
        match listening {
            Listening::Tcp(listener) => TcpListener::from_std(listener).map(Self::Tcp),
            Listening::Unix(listener) => UnixListener::from_std(listener).map(Self::Unix),
        }
    }

    pub(crate) fn accept(&self, readable: &Waker) -> io::Result<Accepted> {
        let mut context = Context::from_waker(readable);
        match self {
            Self::Tcp(listener) => match listener.poll_accept(&mut context) {
                Poll::Ready(accepted) => {
                    let (stream, peer) = accepted?;
                    Ok(Accepted {
                        stream: Stream::Tcp(stream.into_std()?),
                        peer: peer.into(),
                    })
                }
                Poll::Pending => Err(WouldBlock.into()),
            },
            Self::Unix(listener) => match listener.poll_accept(&mut context) {
                Poll::Ready(accepted) => Ok(Accepted {
                    stream: Stream::Unix(accepted?.0.into_std()?),
                    peer: Peer::Unix,
                }),
                Poll::Pending => Err(WouldBlock.into()),
            },
        }
    }
}
