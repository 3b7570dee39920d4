//! A byte stream to the broker, which never waits.

mod layers;
mod web_socket;

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, SocketAddrV4, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::fd::{AsFd, BorrowedFd};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, ipproto, socket_with};

use crate::target::{Address, Target};
use layers::Layers;

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
    /// MQTT on a unix socket.
    Unix(UnixStream),
    /// MQTT on TLS, on WebSocket, or on both.
    Layered(Box<Layers>),
}

impl Stream {
    /// Begins to connect, from the source address of the connection with this number.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(crate) fn open(target: &Target, number: usize) -> io::Result<Self> {
        match &target.address {
            Address::Unix(path) => open_unix(path).map(Self::Unix),
            Address::Tcp(address) => {
                let socket = open_tcp(*address, number)?;
                if target.tls.is_none() && target.resource.is_none() {
                    return Ok(Self::Tcp(socket));
                }
                let layers = Layers::new(socket, target)?;
                Ok(Self::Layered(Box::new(layers)))
            }
        }
    }

    /// Whether the socket has to take something before more can be written.
    #[inline]
    pub(crate) fn waits_for_room(&self, has_unsent: bool) -> bool {
        match self {
            Self::Tcp(_) | Self::Unix(_) => has_unsent,
            // What is unsent may as well wait for the broker's part of a handshake.
            Self::Layered(layers) => layers.has_unsent(),
        }
    }

    /// Whether what was read may be why that can be written now which could not before.
    #[inline]
    pub(crate) fn opens_by_reading(&self) -> bool {
        matches!(self, Self::Layered(_))
    }

    /// Closes this side: no more is written, and what the broker still says can be read. A
    /// connection that is broken is closed, and shows at the next poll.
    pub(crate) fn close_own_side(&mut self) {
        match self {
            Self::Tcp(stream) => drop(stream.shutdown(Shutdown::Write)),
            Self::Unix(stream) => drop(stream.shutdown(Shutdown::Write)),
            Self::Layered(layers) => layers.close_own_side(),
        }
    }
}

impl Read for Stream {
    #[inline]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            Self::Unix(stream) => stream.read(buffer),
            Self::Layered(layers) => layers.read(buffer),
        }
    }
}

impl Write for Stream {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Unix(stream) => stream.write(bytes),
            Self::Layered(layers) => layers.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        if let Self::Layered(layers) = self {
            layers.push();
        }
        Ok(())
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
            Self::Layered(layers) => layers.as_fd(),
        }
    }
}

fn open_tcp(target: SocketAddr, number: usize) -> io::Result<TcpStream> {
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
    Ok(stream)
}

/// Waits while the broker's backlog is full: nothing would tell when it no longer is.
fn open_unix(path: &Path) -> io::Result<UnixStream> {
    let stream = UnixStream::connect(path)?;
    stream.set_nonblocking(true)?;
    Ok(stream)
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
