//! The header in which a proxy says on whose behalf it connects.
//! <https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{IpAddr, SocketAddr};

use castmq_otp::{Certificate, Opening, Peer, Raw};
use ppp::PartialResult;
use ppp::v2::{Command, TypeLengthValues};

use crate::certificate::named;
use crate::plan::ProxyPlan;

/// The longest line of version 1, with its end.
const LINE_BYTES_MAX: usize = 107;
/// The longest header of version 2 that is waited for.
const HEADER_BYTES_MAX: usize = 4096;
/// What is read at a time. The bytes behind a header are kept until they are wanted, no more than these.
const READ_BYTES: usize = 256;

/// What a version 2 header begins with, up to its length.
const FIXED_BYTES: usize = 16;
/// Tells of the client's encryption, and the parts of that. Section 2.2.6.
const TLV_SSL: u8 = 0x20;
const TLV_COMMON_NAME: u8 = 0x22;
/// The client has shown a certificate, in this connection or in the one that it resumes.
const CERTIFICATE_SHOWN: u8 = 0x02 | 0x04;

/// Whether connections of that peer begin with a header.
pub(crate) fn is_trusted(plan: &ProxyPlan, peer: Peer) -> bool {
    let Some(address) = peer.ip() else {
        return true;
    };
    plan.trusted
        .iter()
        .any(|&(network, bits)| contains(network, bits, address))
}

fn contains(network: IpAddr, bits: u8, address: IpAddr) -> bool {
    let differs = match (network, address.to_canonical()) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            u128::from(network.to_bits() ^ address.to_bits()) << 96
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => network.to_bits() ^ address.to_bits(),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return false,
    };
    differs.leading_zeros() >= u32::from(bits)
}

/// The header of one connection.
#[derive(Debug)]
pub(crate) struct Proxy {
    accepts_v1: bool,
    accepts_v2: bool,
    /// What was read: of the header until that is whole, then what came behind it.
    held: Vec<u8>,
    is_read: bool,
    said: Said,
}

/// What a header says of the client.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) source: Option<SocketAddr>,
    pub(crate) certificate: Option<Certificate>,
}

impl Proxy {
    pub(crate) fn new(plan: &ProxyPlan) -> Self {
        Self {
            accepts_v1: plan.accepts_v1,
            accepts_v2: plan.accepts_v2,
            held: Vec::new(),
            is_read: false,
            said: Said::default(),
        }
    }

    pub(crate) const fn said(&self) -> &Said {
        &self.said
    }

    /// Whether there is nothing behind the header that was read with it.
    pub(crate) const fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    pub(crate) fn open(&mut self, raw: &mut dyn Raw) -> io::Result<Opening> {
        while !self.is_read {
            let mut read = [0; READ_BYTES];
            let count = raw.read(&mut read)?;
            if count == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            self.held.extend(read.iter().take(count));
            let parsed = parse(&self.held, self.accepts_v1, self.accepts_v2);
            let parsed = parsed.map_err(|cause| {
                io::Error::new(ErrorKind::InvalidData, format!("PROXY header: {cause}"))
            })?;
            if let Some((bytes, said)) = parsed {
                self.held.drain(..bytes.min(self.held.len()));
                self.held.shrink_to_fit();
                self.said = said;
                self.is_read = true;
            }
        }
        Ok(Opening::Open)
    }
}

/// What is behind the header, if there is one.
pub(crate) struct Behind<'a, R: ?Sized> {
    pub(crate) proxy: Option<&'a mut Proxy>,
    pub(crate) raw: &'a mut R,
}

impl<R: Raw + ?Sized> Read for Behind<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let Some(proxy) = self.proxy.as_deref_mut().filter(|it| !it.is_empty()) else {
            return self.raw.read(into);
        };
        let count = proxy.held.as_slice().read(into)?;
        proxy.held.drain(..count);
        if proxy.held.is_empty() {
            proxy.held = Vec::new();
        }
        Ok(count)
    }
}

impl<R: Raw + ?Sized> Write for Behind<'_, R> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.raw.write(bytes)
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.raw.write_vectored(parts)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.raw.flush()
    }
}

/// How many bytes the header has and what it says; `None` as long as it is not whole.
fn parse(
    bytes: &[u8],
    accepts_v1: bool,
    accepts_v2: bool,
) -> Result<Option<(usize, Said)>, String> {
    if accepts_v1 && begins_as(bytes, b"PROXY ") {
        return line(bytes);
    }
    if accepts_v2 && begins_as(bytes, ppp::v2::PROTOCOL_PREFIX) {
        return binary(bytes);
    }
    Err(format!(
        "the connection does not begin with one of version {}",
        match (accepts_v1, accepts_v2) {
            (true, true) => "1 or 2",
            (true, false) => "1",
            (false, _) => "2",
        }
    ))
}

/// Whether the bytes begin with `start`, as far as they go.
fn begins_as(bytes: &[u8], start: &[u8]) -> bool {
    bytes.iter().zip(start).all(|(one, other)| one == other)
}

fn line(bytes: &[u8]) -> Result<Option<(usize, Said)>, String> {
    let start = bytes.get(..LINE_BYTES_MAX).unwrap_or(bytes);
    let end = start.windows(2).position(|pair| pair == b"\r\n");
    let Some(end) = end else {
        return if bytes.len() < LINE_BYTES_MAX {
            Ok(None)
        } else {
            Err(format!("no end of the line in {LINE_BYTES_MAX} bytes"))
        };
    };
    let line = bytes.get(..end + 2).unwrap_or_default();
    let header = ppp::v1::Header::try_from(line).map_err(|error| error.to_string())?;
    let source = match header.addresses {
        ppp::v1::Addresses::Tcp4(ip) => Some((ip.source_address, ip.source_port).into()),
        ppp::v1::Addresses::Tcp6(ip) => Some((ip.source_address, ip.source_port).into()),
        ppp::v1::Addresses::Unknown => None,
    };
    let said = Said {
        source,
        certificate: None,
    };
    Ok(Some((line.len(), said)))
}

fn binary(bytes: &[u8]) -> Result<Option<(usize, Said)>, String> {
    // The length is in the last two bytes of the fixed part.
    if let Some(&[high, low]) = bytes.get(FIXED_BYTES - 2..FIXED_BYTES)
        && usize::from(u16::from_be_bytes([high, low])) > HEADER_BYTES_MAX
    {
        return Err(format!("longer than {HEADER_BYTES_MAX} bytes"));
    }
    let header = ppp::v2::Header::try_from(bytes);
    if header.is_incomplete() {
        return Ok(None);
    }
    let header = header.map_err(|error| error.to_string())?;
    let count = header.as_bytes().len();
    if header.command == Command::Local {
        // The proxy speaks for itself, to see whether we are alive.
        return Ok(Some((count, Said::default())));
    }
    let source = match header.addresses {
        ppp::v2::Addresses::IPv4(ip) => Some((ip.source_address, ip.source_port).into()),
        ppp::v2::Addresses::IPv6(ip) => Some((ip.source_address, ip.source_port).into()),
        ppp::v2::Addresses::Unspecified | ppp::v2::Addresses::Unix(_) => None,
    };
    let mut certificate = None;
    for value in header.tlvs() {
        let value = value.map_err(|error| error.to_string())?;
        if value.kind == TLV_SSL {
            certificate = certificate_in(&value.value)?;
        }
    }
    Ok(Some((
        count,
        Said {
            source,
            certificate,
        },
    )))
}

/// The client's certificate according to the proxy, if that has verified one.
fn certificate_in(value: &[u8]) -> Result<Option<Certificate>, String> {
    let Some((&[flags, v0, v1, v2, v3], parts)) = value.split_first_chunk() else {
        return Err("what it says of encryption is too short".to_owned());
    };
    let mut common_name = None;
    for part in TypeLengthValues::from(parts) {
        let part = part.map_err(|error| error.to_string())?;
        if part.kind == TLV_COMMON_NAME {
            let text = std::str::from_utf8(&part.value).map_err(|error| error.to_string())?;
            common_name = Some(text.to_owned());
        }
    }
    let is_verified = flags & CERTIFICATE_SHOWN != 0 && [v0, v1, v2, v3] == [0; 4];
    Ok(common_name
        .filter(|name| is_verified && !name.is_empty())
        .map(named))
}

#[cfg(test)]
mod tests;
