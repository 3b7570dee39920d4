//! Where a broker listens, and what its clients speak there below MQTT.

use std::io::{self, ErrorKind, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::ClientConfig;

use crate::authority::{Authority, Identity};
use crate::client::Client;
use crate::line::{Line, Socket, Stream};

/// The way to one listener.
#[derive(Clone, Debug)]
pub struct Door {
    place: Place,
    /// On whose behalf a proxy connects.
    source: Option<SocketAddr>,
    tls: Option<Arc<ClientConfig>>,
    /// The path of the WebSocket.
    path: Option<String>,
}

#[derive(Clone, Debug)]
enum Place {
    Network(SocketAddr),
    File(PathBuf),
}

impl Door {
    /// A listener for TCP.
    #[must_use]
    pub fn at(address: SocketAddr) -> Self {
        Self::to(Place::Network(address))
    }

    /// A listener in the file system.
    #[must_use]
    pub fn in_file(path: impl Into<PathBuf>) -> Self {
        Self::to(Place::File(path.into()))
    }

    fn to(place: Place) -> Self {
        Self {
            place,
            source: None,
            tls: None,
            path: None,
        }
    }

    /// Behind a proxy, which says that it connects for a client at this address.
    #[must_use]
    pub fn on_behalf_of(mut self, source: SocketAddr) -> Self {
        self.source = Some(source);
        self
    }

    /// With TLS, by clients that trust an authority and show a certificate if they have one.
    #[must_use]
    pub fn tls(mut self, authority: &Authority, client: Option<&Identity>) -> Self {
        self.tls = Some(authority.trusted_by(client));
        self
    }

    /// With WebSocket.
    #[must_use]
    pub fn web_socket(mut self, path: &str) -> Self {
        self.path = Some(path.to_owned());
        self
    }

    /// A connection on which nothing of MQTT has been sent.
    #[must_use]
    pub fn open(&self) -> Client {
        let socket = match &self.place {
            Place::Network(address) => {
                let mut socket = TcpStream::connect(address).expect("the broker listens");
                socket.set_nodelay(true).unwrap();
                if let Some(source) = self.source {
                    let header = proxy_header(source, *address);
                    socket.write_all(&header).unwrap();
                }
                Socket::Tcp(socket)
            }
            Place::File(path) => {
                Socket::Unix(UnixStream::connect(path).expect("the broker listens"))
            }
        };
        Client::on(match self.opened(socket) {
            Ok(line) => line,
            Err(error) if is_end(error.kind()) => Line::Closed,
            Err(error) => panic!("the connection does not open: {error}"),
        })
    }

    fn opened(&self, socket: Socket) -> io::Result<Line> {
        let stream = match &self.tls {
            None => Stream::Plain(socket),
            Some(config) => Stream::secured(socket, Arc::clone(config))?,
        };
        match &self.path {
            None => Ok(Line::Bytes(stream)),
            Some(path) => Line::framed(stream, path),
        }
    }
}

/// The broker does not want the connection, and says no more than that.
fn is_end(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::UnexpectedEof
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
    )
}

/// Version 2 of the PROXY protocol, section 2.2: a connection over TCP and IPv4.
fn proxy_header(source: SocketAddr, destination: SocketAddr) -> Vec<u8> {
    let (IpAddr::V4(from), IpAddr::V4(to)) = (source.ip(), destination.ip()) else {
        panic!("both ends have addresses of one kind");
    };
    let addresses = [from.octets(), to.octets()].concat();
    let ports = [source.port(), destination.port()];
    let length = 12_u16;
    [
        b"\r\n\r\n\0\r\nQUIT\n".to_vec(),
        vec![0x21, 0x11],
        length.to_be_bytes().to_vec(),
        addresses,
        ports.into_iter().flat_map(u16::to_be_bytes).collect(),
    ]
    .concat()
}
