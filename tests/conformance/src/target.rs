//! The broker under test: one in this process, or another one by its address.

use std::net::{SocketAddr, ToSocketAddrs};

/// Names a broker that runs already.
const VARIABLE: &str = "CASTMQ_CONFORMANCE_TARGET";

/// The address of the broker that the environment names, if it names one.
pub(crate) fn external() -> Option<SocketAddr> {
    let target = std::env::var(VARIABLE).ok()?;
    let mut addresses = target.to_socket_addrs().expect("the target is HOST:PORT");
    Some(addresses.next().expect("the target has an address"))
}
