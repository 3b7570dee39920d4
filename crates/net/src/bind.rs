//! Listening sockets.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

/// A listening socket could not be had.
#[derive(Debug)]
pub struct BindError {
    /// The address that was wanted.
    pub address: SocketAddr,
    /// What the operating system says.
    pub cause: io::Error,
}

impl std::fmt::Display for BindError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { address, cause } = self;
        if cause.kind() == io::ErrorKind::AddrInUse {
            write!(formatter, "address {address} is in use by another process")
        } else {
            write!(formatter, "cannot listen on {address}: {cause}")
        }
    }
}

impl std::error::Error for BindError {}

/// Listens on an address. The unspecified IPv6 address takes IPv4 connections too.
///
/// # Errors
///
/// [`BindError`] naming the address.
pub fn bind(address: SocketAddr, backlog: u32) -> Result<TcpListener, BindError> {
    listen(address, backlog).map_err(|cause| BindError { address, cause })
}

fn listen(address: SocketAddr, backlog: u32) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    // A restart shall not wait for connections of the former process to time out.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    // Accepted sockets inherit it. Packets are gathered by us, turn by turn; the kernel shall not wait
    // for more.
    socket.set_tcp_nodelay(true)?;
    socket.bind(&address.into())?;
    socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
    Ok(socket.into())
}

/// Whether accepting failed because the process or the machine has no descriptors or memory left, so
/// that trying again at once is pointless.
#[must_use]
pub fn is_out_of_descriptors(error: &io::Error) -> bool {
    // EMFILE, ENFILE, ENOBUFS, ENOMEM: the same numbers on all Linux architectures.
    matches!(error.raw_os_error(), Some(24 | 23 | 105 | 12))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_in_use_is_named() {
        let first = bind("127.0.0.1:0".parse().unwrap(), 16).unwrap();
        let address = first.local_addr().unwrap();

        let error = bind(address, 16).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("address {address} is in use by another process")
        );
    }

    #[test]
    fn the_unspecified_ipv6_address_takes_ipv4_connections() {
        let Ok(listener) = bind("[::]:0".parse().unwrap(), 16) else {
            return;
        };
        let port = listener.local_addr().unwrap().port();

        assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    }
}
