//! Ranges of addresses.

use std::fmt;
use std::net::{AddrParseError, IpAddr};
use std::str::FromStr;

/// A range of addresses, as `192.168.0.0/16`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u32,
}

/// Why a string is no range of addresses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// What stands before the slash is no address.
    #[error(transparent)]
    Address(#[from] AddrParseError),
    /// What stands behind the slash is no number of bits that such an address has.
    #[error("`{0}` is no number of bits of such an address")]
    Prefix(Box<str>),
}

impl Network {
    /// The addresses whose first `prefix` bits are those of `address`; `None` when an address does not
    /// have so many.
    #[must_use]
    pub fn new(address: IpAddr, prefix: u32) -> Option<Self> {
        (prefix <= bits(address)).then_some(Self { address, prefix })
    }

    /// Whether an address is in the range. An IPv4 address is the same when it is written as IPv6.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let differing = own.to_bits() ^ other.to_bits();
                differing.leading_zeros() >= self.prefix
            }
            (IpAddr::V6(own), other) => {
                let other = match other {
                    IpAddr::V4(other) => other.to_ipv6_mapped(),
                    IpAddr::V6(other) => other,
                };
                let differing = own.to_bits() ^ other.to_bits();
                differing.leading_zeros() >= self.prefix
            }
            (IpAddr::V4(_), IpAddr::V6(_)) => false,
        }
    }
}

fn bits(address: IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let Some((address, prefix)) = text.split_once('/') else {
            let address = text.parse()?;
            let prefix = bits(address);
            return Ok(Self { address, prefix });
        };
        let number = prefix.bytes().all(|byte| byte.is_ascii_digit());
        let number = number.then(|| prefix.parse().ok()).flatten();
        let address = address.parse()?;
        number
            .and_then(|prefix| Self::new(address, prefix))
            .ok_or_else(|| NetworkError::Prefix(prefix.into()))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.prefix == bits(self.address) {
            write!(formatter, "{}", self.address)
        } else {
            write!(formatter, "{}/{}", self.address, self.prefix)
        }
    }
}
