//! A stream of the operating system, of either kind.

use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use castmq_otp::{Layer, Stream};

/// A stream in non-blocking mode.
#[derive(Debug)]
pub(crate) enum Plain {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Plain {
    /// The stream below a layer.
    pub(crate) fn below(stream: Stream) -> io::Result<Self> {
        match stream {
            Stream::Tcp(stream) => Ok(Self::Tcp(stream)),
            Stream::Unix(stream) => Ok(Self::Unix(stream)),
            Stream::Memory(_) | Stream::Layered(..) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    pub(crate) fn into_stream(self) -> Stream {
        match self {
            Self::Tcp(stream) => Stream::Tcp(stream),
            Self::Unix(stream) => Stream::Unix(stream),
        }
    }

    pub(crate) fn under(self, layer: Box<dyn Layer>) -> Stream {
        Stream::Layered(Box::new(self.into_stream()), layer)
    }

    /// Says the end, behind what was written.
    pub(crate) fn shutdown_write(&self) {
        let _ = match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Self::Unix(stream) => stream.shutdown(Shutdown::Write),
        };
    }
}

impl AsFd for Plain {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
        }
    }
}

impl Read for &Plain {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Plain::Tcp(stream) => (&*stream).read(into),
            Plain::Unix(stream) => (&*stream).read(into),
        }
    }
}

impl Write for &Plain {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Plain::Tcp(stream) => (&*stream).write(bytes),
            Plain::Unix(stream) => (&*stream).write(bytes),
        }
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Plain::Tcp(stream) => (&*stream).write_vectored(parts),
            Plain::Unix(stream) => (&*stream).write_vectored(parts),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
