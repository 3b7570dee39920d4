//! What a listener's connections pass through, as plain data.

use std::net::IpAddr;
use std::path::PathBuf;

/// What stands between the sockets of a listener and its connections, from the socket on. Nothing of it is
/// there unless it is named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransportPlan {
    /// A header in which a proxy says on whose behalf it connects.
    pub proxy: Option<ProxyPlan>,
    /// Encryption.
    pub tls: Option<TlsPlan>,
    /// Bytes in messages of a WebSocket.
    pub websocket: Option<WebSocketPlan>,
}

/// Who says by a PROXY header on whose behalf it connects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyPlan {
    /// Whether version 1, a line of text, is taken.
    pub accepts_v1: bool,
    /// Whether version 2, which is binary, is taken.
    pub accepts_v2: bool,
    /// Networks, as an address and the number of bits that count. Connections from there must begin with a
    /// header, and so must those over a socket of the file system; all others have none.
    pub trusted: Vec<(IpAddr, u8)>,
}

/// How connections are encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsPlan {
    /// What the broker shows, one for each host name.
    pub certificates: Vec<CertificatePlan>,
    /// Whether clients show certificates.
    pub client: ClientCertificates,
    /// Who may have issued those, a PEM file.
    pub client_ca: Option<PathBuf>,
    /// Which of those are revoked, a PEM file with one list or more. With one, each client certificate must
    /// be covered by a list of its issuer.
    pub crl: Option<PathBuf>,
    /// Nothing older is spoken.
    pub min_version: TlsVersion,
    /// Names of protocols that clients may ask for; one that asks for others only is refused. Where none is
    /// named here, nobody is refused for what it asks for. `http/1.1` is added for WebSockets.
    pub alpn: Vec<String>,
}

/// A certificate of the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificatePlan {
    /// The host name for which it is shown, or `*.` and a domain for all names right below that; `None`
    /// when no other one fits.
    pub host: Option<String>,
    /// The certificate and those between it and its root, in this order, a PEM file.
    pub chain: PathBuf,
    /// Its private key, a PEM file without a passphrase.
    pub key: PathBuf,
}

/// Whether clients show certificates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientCertificates {
    /// They are not asked to.
    #[default]
    None,
    /// They may; one that is not good is refused.
    Optional,
    /// They must.
    Required,
}

/// A version of the encryption.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsVersion {
    /// TLS 1.2.
    #[default]
    Tls12,
    /// TLS 1.3.
    Tls13,
}

/// How WebSockets are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebSocketPlan {
    /// The path that they are asked for at, as `/mqtt`.
    pub path: String,
    /// The pages that may, as `https://example.com`; all when none is named. Clients that are no browsers
    /// name none and are taken.
    pub origins: Vec<String>,
}
