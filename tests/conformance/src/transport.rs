//! What all clients of a run speak below MQTT: the environment says so.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::OnceLock;

use castmq_settings::{Listener, ListenerTransport, ProxyProtocol};

use crate::authority::Authority;
use crate::door::Door;
use crate::folder::Folder;

/// Names the transport: `tcp`, `tls`, `ws`, `wss`, `unix`, or `proxy` for TCP behind a proxy.
const VARIABLE: &str = "CASTMQ_CONFORMANCE_TRANSPORT";
const SOCKET: &str = "socket";
/// For whom the proxy connects: a client of this machine, as all others are.
const SOURCE: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 40_000);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Tcp,
    Tls,
    Ws,
    Wss,
    Unix,
    Proxy,
}

impl Transport {
    /// The one that the environment names; TCP where it names none.
    pub(crate) fn chosen() -> Self {
        static CHOSEN: OnceLock<Transport> = OnceLock::new();
        *CHOSEN.get_or_init(|| match std::env::var(VARIABLE).as_deref() {
            Err(_) | Ok("" | "tcp") => Self::Tcp,
            Ok("tls") => Self::Tls,
            Ok("ws") => Self::Ws,
            Ok("wss") => Self::Wss,
            Ok("unix") => Self::Unix,
            Ok("proxy") => Self::Proxy,
            Ok(other) => panic!("{VARIABLE}: there is no transport {other}"),
        })
    }

    /// Has a listener speak it; its files come into the folder that is returned, if it has any.
    pub(crate) fn set(self, listener: &mut Listener) -> Option<Folder> {
        listener.transport = match self {
            Self::Tcp | Self::Proxy => ListenerTransport::Tcp,
            Self::Tls => ListenerTransport::Tls,
            Self::Ws => ListenerTransport::Ws,
            Self::Wss => ListenerTransport::Wss,
            Self::Unix => ListenerTransport::Unix,
        };
        match self {
            Self::Tcp | Self::Ws => None,
            Self::Tls | Self::Wss => {
                let folder = Folder::new();
                certify(listener, &folder);
                Some(folder)
            }
            Self::Unix => {
                let folder = Folder::new();
                listener.unix.path = Some(folder.path(SOCKET));
                Some(folder)
            }
            Self::Proxy => {
                listener.proxy.protocol = ProxyProtocol::V2;
                listener.proxy.trusted = vec!["127.0.0.0/8".to_owned()];
                // Whoever comes by a proxy may come from anywhere.
                listener.allow_anonymous = true;
                None
            }
        }
    }

    /// The way to a listener that speaks it.
    pub(crate) fn door(self, listener: &Listener, address: Option<SocketAddr>) -> Door {
        let path = &listener.websocket.path;
        let network = || Door::at(address.expect("the broker says where it listens"));
        match self {
            Self::Tcp => network(),
            Self::Tls => network().tls(Authority::shared(), None),
            Self::Ws => network().web_socket(path),
            Self::Wss => network().tls(Authority::shared(), None).web_socket(path),
            Self::Unix => Door::in_file(listener.unix.path.clone().expect("the socket has a path")),
            Self::Proxy => network().on_behalf_of(SOURCE.into()),
        }
    }
}

/// Gives a listener a certificate by the authority that all tests trust.
pub fn certify(listener: &mut Listener, folder: &Folder) {
    let server = Authority::shared().server();
    listener.tls.certificate = Some(folder.write("server.crt", server.certificate));
    listener.tls.key = Some(folder.write("server.key", server.key));
}
