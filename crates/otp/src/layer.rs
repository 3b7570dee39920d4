//! What may stand between a socket and the bytes of its connection, as encryption or framing, and who is
//! on the other side.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr};

use crate::poller::Chunk;

/// The other side of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// An address of a network.
    Network(SocketAddr),
    /// A process of this machine, over a socket in its file system.
    Unix,
}

impl Peer {
    /// The address without its port; `None` where there is no network.
    #[must_use]
    pub const fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Network(address) => Some(address.ip()),
            Self::Unix => None,
        }
    }
}

impl From<SocketAddr> for Peer {
    fn from(address: SocketAddr) -> Self {
        Self::Network(address)
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(address) => address.fmt(formatter),
            Self::Unix => formatter.write_str("unix"),
        }
    }
}

/// The socket below a layer: bytes in and out, never blocking.
pub trait Raw: Read + Write {}

impl<S: Read + Write> Raw for S {}

/// What stands between a socket and the bytes of its connection.
///
/// A layer opens (handshake, headers), then passes bytes, then closes. It keeps what it cannot pass on
/// yet, and is driven by whoever has the socket: [`Self::open`] until it returns, once for each readiness.
pub trait Layer: Send + fmt::Debug {
    /// Goes on with opening, as far as the socket lets it; one costly step at most.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] while the other side has to say something first or the socket takes
    /// nothing. Anything else is the end; its text says why, to operators.
    fn open(&mut self, raw: &mut dyn Raw) -> io::Result<Opening>;

    /// Reads bytes of the connection. No bytes are the end. [`Chunk::is_last`] says that nothing is kept
    /// that could be read without the socket: whether that is empty is for its owner to know.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] when there is nothing now, or not enough of it to be read.
    fn read(&mut self, raw: &mut dyn Raw, into: &mut [u8]) -> io::Result<Chunk>;

    /// Writes bytes of the connection; says how many have left for the socket, wrapped as they are.
    ///
    /// Where the socket takes nothing the bytes may be wrapped already: the caller comes again with the same
    /// bytes in front, and hears of them when they have left.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] when the socket takes nothing now.
    fn write(&mut self, raw: &mut dyn Raw, bytes: &[u8]) -> io::Result<usize>;

    /// Writes what the layer has to say by itself, as answers to pings.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] when the socket takes nothing now.
    fn flush(&mut self, raw: &mut dyn Raw) -> io::Result<()>;

    /// Says farewell as far as the socket takes it at once.
    fn close(&mut self, raw: &mut dyn Raw);

    /// What it knows of the other side.
    fn facts(&self) -> Facts;
}

/// How far a layer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// Bytes of the connection pass.
    Open,
    /// It has taken a costly step and can go on at once; others should have their turn before.
    More,
}

/// What is known of the other side beside its address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Where it connects from according to the proxy between.
    pub source: Option<SocketAddr>,
    /// The certificate that it has shown, and that was found to be good.
    pub certificate: Option<Certificate>,
    /// The version and cipher suite of the encryption, as `TLSv1.3 TLS13_AES_256_GCM_SHA384`; empty
    /// without any.
    pub encryption: String,
    /// The host name that it asked for, if it named one.
    pub server_name: Option<String>,
}

/// Whom a certificate names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The common name of its subject; empty when it has none.
    pub common_name: String,
    /// The whole subject, as `CN=c1,O=Plant`.
    pub subject: String,
    /// The last moment at which it holds, in seconds since the Unix epoch, if that is known.
    pub expires: Option<u64>,
}
