//! What the bytes of a client pass through: a socket, and TLS and WebSocket on it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use tungstenite::client::IntoClientRequest;
use tungstenite::error::ProtocolError;
use tungstenite::http::HeaderValue;
use tungstenite::{Error, HandshakeError, Message, WebSocket};

/// Who the server says it is.
const HOST: &str = "localhost";
/// What is read at a time.
const CHUNK_BYTES: usize = 16 * 1024;

/// A socket of either kind.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    fn shutdown(&self, how: Shutdown) {
        // It may be closed already.
        let _ = match self {
            Self::Tcp(socket) => socket.shutdown(how),
            Self::Unix(socket) => socket.shutdown(how),
        };
    }

    fn read_within(&self, limit: Duration) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => socket.set_read_timeout(Some(limit)),
            Self::Unix(socket) => socket.set_read_timeout(Some(limit)),
        }
    }
}

impl Read for Socket {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.read(into),
            Self::Unix(socket) => socket.read(into),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.write(bytes),
            Self::Unix(socket) => socket.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// TLS on a socket.
#[derive(Debug)]
pub(crate) struct Tls {
    client: ClientConnection,
    socket: Socket,
}

impl Tls {
    /// Goes through the handshake; what the server does not like of the client may show later.
    fn open(config: Arc<ClientConfig>, socket: Socket) -> io::Result<Self> {
        let name = ServerName::try_from(HOST).expect("it is a name");
        let client = ClientConnection::new(config, name).expect("TLS can begin");
        let mut tls = Self { client, socket };
        while tls.client.is_handshaking() {
            tls.client.complete_io(&mut tls.socket)?;
        }
        Ok(tls)
    }
}

impl Read for Tls {
    /// Also what came before writing failed.
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.client.reader().read(into) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => return read,
            }
            self.client.read_tls(&mut self.socket)?;
            let processed = self.client.process_new_packets();
            processed.map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        }
    }
}

impl Write for Tls {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.client.writer().write(bytes)?;
        self.flush()?;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        while self.client.wants_write() {
            self.client.write_tls(&mut self.socket)?;
        }
        Ok(())
    }
}

/// Bytes in order: the socket's, or those of TLS.
#[derive(Debug)]
pub(crate) enum Stream {
    Plain(Socket),
    Tls(Box<Tls>),
}

impl Stream {
    /// Goes through the handshake of TLS.
    pub(crate) fn secured(socket: Socket, config: Arc<ClientConfig>) -> io::Result<Self> {
        Ok(Self::Tls(Box::new(Tls::open(config, socket)?)))
    }

    fn socket(&self) -> &Socket {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(tls) => &tls.socket,
        }
    }

    /// Says that nothing more will come, on each layer that can.
    fn close_sending(&mut self) {
        if let Self::Tls(tls) = self {
            tls.client.send_close_notify();
            let _ = tls.flush();
        }
        self.socket().shutdown(Shutdown::Write);
    }
}

impl Read for Stream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(into),
            Self::Tls(tls) => tls.read(into),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            Self::Tls(tls) => tls.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.flush(),
            Self::Tls(tls) => tls.flush(),
        }
    }
}

/// A connection as a client of MQTT sees it.
#[derive(Debug)]
pub(crate) enum Line {
    Bytes(Stream),
    Frames(Box<WebSocket<Stream>>),
    /// The broker closed it before it was open.
    Closed,
}

impl Line {
    /// Asks for a WebSocket.
    pub(crate) fn framed(stream: Stream, path: &str) -> io::Result<Self> {
        let mut request = format!("ws://{HOST}{path}")
            .into_client_request()
            .expect("it is an address");
        let protocol = HeaderValue::from_static("mqtt");
        request
            .headers_mut()
            .insert("Sec-WebSocket-Protocol", protocol);
        let (web_socket, answer) = match tungstenite::client(request, stream) {
            Ok(opened) => opened,
            Err(HandshakeError::Failure(Error::Io(error))) => return Err(error),
            Err(HandshakeError::Failure(Error::Protocol(ProtocolError::HandshakeIncomplete))) => {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            Err(error) => panic!("the broker opens no WebSocket: {error}"),
        };
        let spoken = answer.headers().get("Sec-WebSocket-Protocol");
        assert_eq!(spoken, Some(&HeaderValue::from_static("mqtt")));
        Ok(Self::Frames(Box::new(web_socket)))
    }

    pub(crate) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Bytes(stream) => {
                stream.write_all(bytes)?;
                stream.flush()
            }
            Self::Frames(web_socket) => {
                let message = Message::Binary(bytes.to_vec().into());
                web_socket.send(message).map_err(cause)
            }
            Self::Closed => Err(ErrorKind::BrokenPipe.into()),
        }
    }

    /// Appends what has come to `pending`; how much that is, 0 at the end of the connection.
    pub(crate) fn read(&mut self, limit: Duration, pending: &mut Vec<u8>) -> io::Result<usize> {
        if let Some(stream) = self.stream() {
            stream.socket().read_within(limit)?;
        }
        let web_socket = match self {
            Self::Closed => return Ok(0),
            Self::Bytes(stream) => {
                let mut chunk = [0; CHUNK_BYTES];
                let count = stream.read(&mut chunk)?;
                pending.extend_from_slice(&chunk[..count]);
                return Ok(count);
            }
            Self::Frames(web_socket) => web_socket,
        };
        loop {
            match web_socket.read() {
                Ok(Message::Binary(bytes)) if !bytes.is_empty() => {
                    pending.extend_from_slice(&bytes);
                    return Ok(bytes.len());
                }
                Ok(Message::Text(text)) => panic!("MQTT does not come as text: {text:?}"),
                // The end is that of the socket, which follows.
                Ok(_) => {}
                Err(Error::ConnectionClosed | Error::AlreadyClosed) => return Ok(0),
                Err(error) => return Err(cause(error)),
            }
        }
    }

    /// Ends the connection as when a network fails.
    pub(crate) fn cut(&self) {
        if let Some(stream) = self.stream() {
            stream.socket().shutdown(Shutdown::Both);
        }
    }

    /// Ends the sending direction only.
    pub(crate) fn close_sending(&mut self) {
        match self {
            Self::Bytes(stream) => stream.close_sending(),
            Self::Frames(web_socket) => web_socket.get_mut().close_sending(),
            Self::Closed => {}
        }
    }

    fn stream(&self) -> Option<&Stream> {
        match self {
            Self::Bytes(stream) => Some(stream),
            Self::Frames(web_socket) => Some(web_socket.get_ref()),
            Self::Closed => None,
        }
    }
}

/// What kept a WebSocket from sending or receiving, as it would be without one.
fn cause(error: Error) -> io::Error {
    let is_end = matches!(
        error,
        Error::ConnectionClosed
            | Error::AlreadyClosed
            | Error::Protocol(ProtocolError::SendAfterClosing)
    );
    if is_end {
        return ErrorKind::BrokenPipe.into();
    }
    if let Error::Io(error) = error {
        return error;
    }
    io::Error::other(error)
}
