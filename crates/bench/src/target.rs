//! Where the broker listens, and what is spoken there: MQTT on TCP, TLS, WebSocket or a unix socket.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;

/// How a target is written.
const FORMS: &str = "write HOST:PORT, mqtt://HOST:PORT, mqtts://HOST:PORT, ws://HOST:PORT/PATH, \
                     wss://HOST:PORT/PATH or unix:/PATH";
/// Where brokers serve WebSocket if nothing else is said.
const USUAL_PATH: &str = "/mqtt";

/// Where all connections of a run go.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) address: Address,
    pub(crate) tls: Option<Tls>,
    pub(crate) resource: Option<Resource>,
}

/// Where the system connects to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// A port of a host.
    Tcp(SocketAddr),
    /// A socket in the file system.
    Unix(PathBuf),
}

/// What a TLS connection begins with.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    pub(crate) config: Arc<ClientConfig>,
    /// Whom the server's certificate has to name.
    pub(crate) name: ServerName<'static>,
}

/// What a WebSocket connection asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resource {
    /// Host and port, as they were written.
    pub(crate) host: String,
    pub(crate) path: String,
}

impl Target {
    /// Whether somebody listens there.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(crate) fn visit(&self) -> io::Result<()> {
        match &self.address {
            Address::Tcp(address) => TcpStream::connect(address).map(drop),
            Address::Unix(path) => UnixStream::connect(path).map(drop),
        }
    }
}

/// A target as it was written, taken apart; nothing is looked up yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    place: Place,
    is_secure: bool,
    path: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// Host and port.
    Host(String),
    File(PathBuf),
}

impl Written {
    /// Takes it apart.
    ///
    /// # Errors
    ///
    /// Says why it cannot be.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return Ok(Self::plain(Place::File(path.into())));
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Ok(Self::plain(Place::Host(text.to_owned())));
        };
        let (is_secure, is_web_socket, port) = match scheme {
            "mqtt" | "tcp" => (false, false, 1883),
            "mqtts" | "ssl" | "tls" => (true, false, 8883),
            "ws" => (false, true, 80),
            "wss" => (true, true, 443),
            _ => return Err(format!("{scheme} is no way to MQTT; {FORMS}")),
        };
        let (host, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        if !is_web_socket && !path.trim_matches('/').is_empty() {
            return Err(format!("only WebSocket has a path; {FORMS}"));
        }
        let path = if path.is_empty() { USUAL_PATH } else { path };
        Ok(Self {
            place: Place::Host(with_port(host, port)),
            is_secure,
            path: is_web_socket.then(|| path.to_owned()),
        })
    }

    pub(crate) fn is_secure(&self) -> bool {
        self.is_secure
    }

    /// Looks up the name.
    ///
    /// # Errors
    ///
    /// Says why there is no address.
    pub(crate) fn resolve(self, config: Option<Arc<ClientConfig>>) -> Result<Target, String> {
        let host = match self.place {
            Place::File(path) => {
                return Ok(Target {
                    address: Address::Unix(path),
                    tls: None,
                    resource: None,
                });
            }
            Place::Host(host) => host,
        };
        let mut addresses = host
            .to_socket_addrs()
            .map_err(|error| format!("{error}; {FORMS}"))?;
        let address = addresses.next().ok_or("the name has no address")?;
        let tls = match config {
            Some(config) => Some(Tls {
                config,
                name: server_name(&host)?,
            }),
            None => None,
        };
        Ok(Target {
            address: Address::Tcp(address),
            tls,
            resource: self.path.map(|path| Resource { host, path }),
        })
    }

    fn plain(place: Place) -> Self {
        Self {
            place,
            is_secure: false,
            path: None,
        }
    }
}

/// Adds the port if there is none; the colons of a bare IPv6 address are in brackets.
fn with_port(host: &str, port: u16) -> String {
    let behind_brackets = host.rsplit(']').next().unwrap_or(host);
    if behind_brackets.contains(':') {
        host.to_owned()
    } else {
        format!("{host}:{port}")
    }
}

/// The host without its port, as a certificate names it.
fn server_name(host: &str) -> Result<ServerName<'static>, String> {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let name = name.trim_start_matches('[').trim_end_matches(']');
    ServerName::try_from(name.to_owned())
        .map_err(|_| format!("no certificate can be for a host named {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> Place {
        Place::Host(text.to_owned())
    }

    fn target(text: &str) -> Target {
        Written::parse(text).unwrap().resolve(None).unwrap()
    }

    #[test]
    fn a_target_without_a_scheme_is_host_and_port() {
        let written = Written::parse("localhost:1883").unwrap();
        assert_eq!(written, Written::plain(host("localhost:1883")));
        assert_eq!(Written::parse("mqtt://localhost:1883").unwrap(), written);
    }

    #[test]
    fn each_scheme_has_its_usual_port() {
        let place = |text| Written::parse(text).unwrap().place;
        assert_eq!(place("mqtt://broker"), host("broker:1883"));
        assert_eq!(place("mqtts://broker"), host("broker:8883"));
        assert_eq!(place("ws://broker/"), host("broker:80"));
        assert_eq!(place("wss://[::1]/mqtt"), host("[::1]:443"));
        assert_eq!(place("wss://[::1]:8084/mqtt"), host("[::1]:8084"));
    }

    #[test]
    fn a_web_socket_has_a_path() {
        let path = |text| target(text).resource.unwrap().path;
        assert_eq!(path("ws://127.0.0.1:8083/here?a=b"), "/here?a=b");
        assert_eq!(path("ws://127.0.0.1:8083"), "/mqtt");
        let resource = target("ws://127.0.0.1:8083/x").resource.unwrap();
        assert_eq!(resource.host, "127.0.0.1:8083");
    }

    #[test]
    fn mqtt_on_tcp_has_no_path() {
        let complaint = Written::parse("mqtt://broker:1883/x").unwrap_err();
        assert!(complaint.starts_with("only WebSocket has a path; write HOST:PORT"));
    }

    #[test]
    fn a_unix_socket_is_a_file() {
        let expected = Address::Unix("/run/mqtt".into());
        assert_eq!(target("unix:/run/mqtt").address, expected);
        assert_eq!(target("unix:///run/mqtt").address, expected);
    }

    #[test]
    fn other_schemes_are_refused() {
        let complaint = Written::parse("http://broker").unwrap_err();
        assert!(complaint.starts_with("http is no way to MQTT; write HOST:PORT"));
    }

    #[test]
    fn a_certificate_names_the_host_without_its_port() {
        let name = |host: &str| server_name(host).unwrap().to_str().into_owned();
        assert_eq!(name("broker.example:8883"), "broker.example");
        assert_eq!(name("[::1]:8883"), "::1");
        assert!(server_name("no name:8883").is_err());
    }
}
