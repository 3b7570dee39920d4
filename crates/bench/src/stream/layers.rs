//! TLS and WebSocket on a socket, one of them or both.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};

use rustix::fd::{AsFd, BorrowedFd};
use rustls::ClientConnection;

use super::web_socket::WebSocket;
use crate::target::Target;

/// What TLS may hold of a record that a read has cut, and a little more.
const RECORD_BYTES: usize = 20 * 1024;

/// A connection, from its first handshake on.
#[derive(Debug)]
pub(crate) struct Layers {
    socket: TcpStream,
    tls: Option<ClientConnection>,
    web_socket: Option<WebSocket>,
    /// What has passed the WebSocket and goes to TLS, or to the socket where there is none.
    outgoing: Vec<u8>,
    has_broker_closed: bool,
    has_closed_own_side: bool,
}

impl Layers {
    /// Begins the first handshake on a socket that may still be connecting.
    ///
    /// # Errors
    ///
    /// When there can be no TLS with what the target says.
    pub(crate) fn new(socket: TcpStream, target: &Target) -> io::Result<Self> {
        let tls = match &target.tls {
            None => None,
            Some(tls) => {
                let client = ClientConnection::new(tls.config.clone(), tls.name.clone());
                let mut client = client.map_err(io::Error::other)?;
                // What is not sent is bounded by what the clients have in flight.
                client.set_buffer_limit(None);
                Some(client)
            }
        };
        let mut outgoing = Vec::new();
        let resource = target.resource.as_ref();
        let web_socket = resource.map(|resource| WebSocket::new(resource, &mut outgoing));
        let mut layers = Self {
            socket,
            tls,
            web_socket,
            outgoing,
            has_broker_closed: false,
            has_closed_own_side: false,
        };
        layers.push();
        Ok(layers)
    }

    /// Whether the socket did not take all that was written.
    pub(crate) fn has_unsent(&self) -> bool {
        let has_records = self.tls.as_ref().is_some_and(|tls| tls.wants_write());
        has_records || !self.outgoing.is_empty()
    }

    /// Takes whole packets, all or none.
    ///
    /// # Errors
    ///
    /// `WouldBlock` while a handshake is under way, or the socket takes no more.
    pub(crate) fn write(&mut self, packets: &[u8]) -> io::Result<usize> {
        self.push();
        if !self.is_open() || self.has_unsent() {
            return Err(ErrorKind::WouldBlock.into());
        }
        match &mut self.web_socket {
            Some(web_socket) => web_socket.frame(packets, &mut self.outgoing),
            None => self.outgoing.extend_from_slice(packets),
        }
        self.push();
        Ok(packets.len())
    }

    /// Reads what carries MQTT, and does what the layers below ask for. All that has come is dealt
    /// with: nothing is left that a poller would not see.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when nothing for MQTT has come; otherwise what is wrong with the connection.
    pub(crate) fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let has_goodbye = self.has_broker_said_goodbye();
        let read = match &mut self.tls {
            None => receive(&mut self.socket, space, has_goodbye)?,
            Some(tls) => {
                // Records are read into the back and deciphered into the front, where there is room
                // for all of them: they carry less than their length.
                let back = space.len().saturating_sub(RECORD_BYTES) / 2;
                let (front, back) = space.split_at_mut(space.len() - back);
                let read = receive(&mut self.socket, back, has_goodbye)?;
                if read == 0 {
                    return Ok(0);
                }
                let deciphered = decipher(tls, back.get(..read).unwrap_or(&[]), front);
                // What is wrong is told to the broker, too.
                let (read, is_end) = deciphered.inspect_err(|_| self.push())?;
                self.has_broker_closed |= is_end;
                read
            }
        };
        if read == 0 && self.tls.is_none() {
            return Ok(0);
        }
        let plain = space.get_mut(..read).unwrap_or_default();
        let read = match &mut self.web_socket {
            Some(web_socket) => web_socket.unframe(plain, &mut self.outgoing)?,
            None => read,
        };
        self.push();
        if self.has_broker_said_goodbye() {
            self.close_own_side();
        }
        if read == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        Ok(read)
    }

    /// Writes what the socket takes. A broken connection shows at the next poll.
    pub(crate) fn push(&mut self) {
        let Some(tls) = &mut self.tls else {
            let mut rest = self.outgoing.as_slice();
            while !rest.is_empty() {
                match self.socket.write(rest) {
                    Ok(written) => rest = rest.get(written..).unwrap_or(&[]),
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(_) => break,
                }
            }
            let written = self.outgoing.len() - rest.len();
            self.outgoing.drain(..written);
            return;
        };
        if !self.outgoing.is_empty() {
            // There is no limit that it could run into.
            let _ = tls.writer().write_all(&self.outgoing);
            self.outgoing.clear();
        }
        while tls.wants_write() {
            match tls.write_tls(&mut self.socket) {
                Err(error) if error.kind() != ErrorKind::Interrupted => break,
                Ok(_) | Err(_) => {}
            }
        }
    }

    /// Says goodbye on each layer and closes this side of the socket.
    pub(crate) fn close_own_side(&mut self) {
        if self.has_closed_own_side {
            return;
        }
        self.has_closed_own_side = true;
        if let Some(web_socket) = &mut self.web_socket {
            web_socket.close(&mut self.outgoing);
            self.push();
        }
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            self.push();
        }
        // A connection that is broken is closed.
        let _ = self.socket.shutdown(Shutdown::Write);
    }

    fn has_broker_said_goodbye(&self) -> bool {
        let web_socket = self.web_socket.as_ref();
        self.has_broker_closed || web_socket.is_some_and(WebSocket::is_closed)
    }

    fn is_open(&self) -> bool {
        let is_secured = self.tls.as_ref().is_none_or(|tls| !tls.is_handshaking());
        let web_socket = self.web_socket.as_ref();
        is_secured && web_socket.is_none_or(WebSocket::is_open)
    }
}

impl AsFd for Layers {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Reads from the socket. Who has said goodbye may close it at once; what this side still had to say
/// then resets it, and that is an end in order as well.
fn receive(socket: &mut impl Read, space: &mut [u8], has_goodbye: bool) -> io::Result<usize> {
    match socket.read(space) {
        Err(error) if has_goodbye && error.kind() == ErrorKind::ConnectionReset => Ok(0),
        read => read,
    }
}

/// Deciphers all whole records; how much is in `plain` then, and whether no more will come.
fn decipher(
    tls: &mut ClientConnection,
    mut records: &[u8],
    plain: &mut [u8],
) -> io::Result<(usize, bool)> {
    let mut end = 0;
    while !records.is_empty() {
        let taken = tls.read_tls(&mut records)?;
        let state = tls
            .process_new_packets()
            .map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        let mut ready = state.plaintext_bytes_to_read();
        while ready > 0 {
            let place = plain.get_mut(end..).unwrap_or_default();
            match tls.reader().read(place)? {
                0 => return Err(ErrorKind::OutOfMemory.into()),
                read => {
                    end += read;
                    ready = ready.saturating_sub(read);
                }
            }
        }
        if taken == 0 || state.peer_has_closed() {
            return Ok((end, true));
        }
    }
    Ok((end, false))
}
