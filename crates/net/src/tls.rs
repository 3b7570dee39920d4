//! Encryption of one connection.

use std::io::{self, BufRead, ErrorKind, ErrorKind::WouldBlock, IoSlice, Read, Write};
use std::sync::Arc;

use castmq_otp::{Facts, Opening, Raw};
use rustls::{
    Error, HandshakeKind, InvalidMessage, PeerIncompatible, ProtocolVersion, ServerConfig,
    ServerConnection,
};

use crate::certificate::{expiry_of, subject_of};

/// What is wrapped at a time, one record. Where the socket takes nothing no more than this is kept.
const RECORD_BYTES: usize = 16 * 1024;

/// The encryption of one connection.
#[derive(Debug)]
pub(crate) struct Tls {
    config: Arc<ServerConfig>,
    /// There from the first step of opening on.
    connection: Option<ServerConnection>,
    /// Bytes that were wrapped and of which nobody has been told that they have left.
    wrapped: usize,
    is_open: bool,
}

impl Tls {
    pub(crate) const fn new(config: Arc<ServerConfig>) -> Self {
        Self {
            config,
            connection: None,
            wrapped: 0,
            is_open: false,
        }
    }

    /// Goes on with the handshake until an answer has been computed, which is what is costly.
    pub(crate) fn open<R: Raw>(&mut self, raw: &mut R) -> io::Result<Opening> {
        if self.is_open {
            // It comes from another poller, and may have kept something back there.
            let _ = self.flush(raw);
            return Ok(Opening::Open);
        }
        if self.connection.is_none() {
            let started = ServerConnection::new(Arc::clone(&self.config));
            let mut connection = started.map_err(|error| refused(&error))?;
            connection.set_buffer_limit(Some(RECORD_BYTES));
            self.connection = Some(connection);
        }
        loop {
            self.flush(raw)?;
            if !self.connection()?.is_handshaking() {
                self.check_resumed()?;
                self.is_open = true;
                return Ok(Opening::Open);
            }
            if self.receive(raw)? == 0 {
                let text = "closed in the middle of the TLS handshake";
                return Err(io::Error::new(ErrorKind::UnexpectedEof, text));
            }
            let connection = self.connection()?;
            if connection.wants_write() || !connection.is_handshaking() {
                return Ok(Opening::More);
            }
        }
    }

    /// Reads bytes of the connection. None are the end, whether it was announced or not: MQTT says
    /// farewell by itself, and many clients just go.
    pub(crate) fn read<R: Raw>(&mut self, raw: &mut R, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.connection()?.reader().read(into) {
                Err(error) if error.kind() == WouldBlock => {}
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(0),
                read => return read,
            }
            self.receive(raw)?;
            // The other side may have asked for an answer, as to new keys.
            let _ = self.flush(raw);
        }
    }

    /// Whether nothing is held that could be read. An end can be read.
    pub(crate) fn is_empty(&mut self) -> bool {
        self.connection.as_mut().is_none_or(|connection| {
            let held = connection.reader().fill_buf().map(<[u8]>::len);
            matches!(held, Err(error) if error.kind() == WouldBlock)
        })
    }

    /// Writes bytes of the connection, in records; says how many have left in whole records.
    pub(crate) fn write<R: Raw>(
        &mut self,
        raw: &mut R,
        mut parts: &mut [IoSlice<'_>],
    ) -> io::Result<usize> {
        let bytes: usize = parts.iter().map(|part| part.len()).sum();
        let mut left = 0;
        loop {
            match self.flush(raw) {
                Err(_) if left > 0 => return Ok(left),
                flushed => flushed?,
            }
            let gone = std::mem::take(&mut self.wrapped).min(bytes - left);
            left += gone;
            IoSlice::advance_slices(&mut parts, gone);
            if left == bytes {
                return Ok(left);
            }
            self.wrapped = self.connection()?.writer().write_vectored(parts)?;
            if self.wrapped == 0 {
                return Err(ErrorKind::WriteZero.into());
            }
        }
    }

    /// Writes what is wrapped.
    pub(crate) fn flush<R: Raw>(&mut self, raw: &mut R) -> io::Result<()> {
        let Some(connection) = &mut self.connection else {
            return Ok(());
        };
        while connection.wants_write() {
            if connection.write_tls(raw)? == 0 {
                return Err(ErrorKind::WriteZero.into());
            }
        }
        Ok(())
    }

    pub(crate) fn close<R: Raw>(&mut self, raw: &mut R) {
        if let Some(connection) = &mut self.connection {
            connection.send_close_notify();
        }
        let _ = self.flush(raw);
    }

    /// The connection; nothing passes before there is one.
    fn connection(&mut self) -> io::Result<&mut ServerConnection> {
        let connection = self.connection.as_mut();
        connection.ok_or_else(|| ErrorKind::NotConnected.into())
    }

    /// Adds what it knows of the other side.
    pub(crate) fn tell(&self, facts: &mut Facts) {
        let Some(connection) = &self.connection else {
            return;
        };
        let version = match connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
            Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
            _ => "TLS",
        };
        let suite = connection.negotiated_cipher_suite();
        facts.encryption = suite.map_or_else(
            || version.to_owned(),
            |suite| format!("{version} {:?}", suite.suite()),
        );
        facts.server_name = connection.server_name().map(str::to_owned);
        facts.certificate = connection
            .peer_certificates()
            .and_then(|chain| subject_of(chain.first()?));
    }

    /// Reads from the socket once. What is wrong is told to the other side as far as that takes it.
    fn receive<R: Raw>(&mut self, raw: &mut R) -> io::Result<usize> {
        let connection = self.connection()?;
        let count = connection.read_tls(raw)?;
        if let Err(error) = connection.process_new_packets() {
            let _ = self.flush(raw);
            return Err(refused(&error));
        }
        Ok(count)
    }

    /// A ticket carries the certificate for which it was given out, and is taken for hours: it is not to
    /// outlive that.
    fn check_resumed(&mut self) -> io::Result<()> {
        let now = self.config.time_provider.current_time();
        let connection = self.connection()?;
        if connection.handshake_kind() != Some(HandshakeKind::Resumed) {
            return Ok(());
        }
        let certificate = connection.peer_certificates().and_then(<[_]>::first);
        let expires = certificate.and_then(|certificate| expiry_of(certificate));
        match (expires, now) {
            (Some(expires), Some(now)) if expires < now.as_secs() => {
                let text = "TLS: the certificate of the resumed session has expired";
                Err(io::Error::new(ErrorKind::InvalidData, text))
            }
            _ => Ok(()),
        }
    }
}

fn refused(error: &Error) -> io::Error {
    let no_tls = Error::InvalidMessage(InvalidMessage::InvalidContentType);
    let too_old = Error::PeerIncompatible(PeerIncompatible::Tls12NotOfferedOrEnabled);
    let hint = if *error == no_tls {
        " (does the client speak TLS at all?)"
    } else if *error == too_old {
        " (only TLS 1.3 is spoken here)"
    } else {
        ""
    };
    io::Error::new(ErrorKind::InvalidData, format!("TLS: {error}{hint}"))
}

#[cfg(test)]
mod tests;
