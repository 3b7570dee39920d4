//! A byte stream to the broker; plain TCP for now.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, SocketAddrV4, TcpStream};

use rustix::fd::{AsFd, BorrowedFd};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, ipproto, socket_with};

/// Connections from one source address. The system has some 28 000 ports to give, and searches long
/// as soon as the half of them is gone that it prefers.
pub(crate) const PORTS_OF_A_SOURCE: usize = 10_000;
/// Source addresses on the loopback network.
pub(crate) const SOURCES_MAX: usize = 250;

/// A stream that never waits: what cannot be done at once is `WouldBlock`.
#[derive(Debug)]
pub(crate) enum Stream {
    /// MQTT on TCP.
    Tcp(TcpStream),
}

impl Stream {
    /// Begins to connect, from the source address of the connection with this number.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(crate) fn open(target: SocketAddr, number: usize) -> io::Result<Self> {
        let family = match target {
            SocketAddr::V4(_) => AddressFamily::INET,
            SocketAddr::V6(_) => AddressFamily::INET6,
        };
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = socket_with(family, SocketType::STREAM, flags, Some(ipproto::TCP))?;
        if let Some(source) = source(target, number) {
            bind(&socket, &source)?;
        }
        match connect(&socket, &target) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(error) => return Err(error.into()),
        }
        let stream = TcpStream::from(socket);
        stream.set_nodelay(true)?;
        Ok(Self::Tcp(stream))
    }

    /// Closes this side: no more is written, and what the broker still says can be read.
    pub(crate) fn close_own_side(&self) {
        let Self::Tcp(stream) = self;
        // A connection that is broken is closed, and shows at the next poll.
        let _ = stream.shutdown(Shutdown::Write);
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream) => stream.as_fd(),
        }
    }
}

/// Where a connection comes from, if the system's choice would run out of ports.
fn source(target: SocketAddr, number: usize) -> Option<SocketAddrV4> {
    let SocketAddr::V4(target) = target else {
        return None;
    };
    let block = number / PORTS_OF_A_SOURCE;
    if block == 0 || !target.ip().is_loopback() {
        return None;
    }
    let last = u8::try_from(1 + block % SOURCES_MAX).unwrap_or(1);
    Some(SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, last), 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source_of(target: &str, number: usize) -> Option<String> {
        source(target.parse().unwrap(), number).map(|source| source.ip().to_string())
    }

    #[test]
    fn each_10_000_connections_to_loopback_have_a_source_of_their_own() {
        assert_eq!(source_of("127.0.0.1:1883", 9_999), None);
        assert_eq!(source_of("127.0.0.1:1883", 10_000).unwrap(), "127.0.0.2");
        assert_eq!(source_of("127.0.0.1:1883", 20_000).unwrap(), "127.0.0.3");
    }

    #[test]
    fn the_system_chooses_the_source_for_any_other_target() {
        assert_eq!(source_of("192.0.2.1:1883", 50_000), None);
        assert_eq!(source_of("[::1]:1883", 50_000), None);
    }
}
