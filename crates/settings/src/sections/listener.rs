//! Listeners: where clients connect, and what stands between them and the broker.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use crate::Kind;
use crate::declare::{choice, section};

/// The longest path of a file.
const PATH_MAX: u64 = 4096;

choice! {
    /// What clients speak below MQTT.
    ListenerTransport {
        /// TCP alone.
        Tcp = "tcp",
        /// TLS.
        Tls = "tls",
        /// WebSocket.
        Ws = "ws",
        /// WebSocket in TLS.
        Wss = "wss",
        /// A socket in the file system.
        Unix = "unix",
    }
}

impl ListenerTransport {
    /// Whether the bytes are encrypted.
    #[must_use]
    pub fn is_encrypted(self) -> bool {
        matches!(self, Self::Tls | Self::Wss)
    }

    /// Whether it frames packets as WebSocket does.
    #[must_use]
    pub fn is_websocket(self) -> bool {
        matches!(self, Self::Ws | Self::Wss)
    }
}

choice! {
    /// Whether clients show a certificate.
    ClientCertificate {
        /// They are not asked for one.
        None = "none",
        /// They are asked for one; who shows none may come in another way.
        Optional = "optional",
        /// Who shows none does not get in.
        Required = "required",
    }
}

choice! {
    /// What of a client's certificate is its user name.
    CertificateUserName {
        /// Nothing: the user name is that of CONNECT.
        None = "none",
        /// The common name.
        CommonName = "common_name",
        /// The whole subject.
        Subject = "subject",
    }
}

choice! {
    /// The oldest TLS that is spoken.
    TlsVersion {
        /// TLS 1.2.
        V12 = "1.2",
        /// TLS 1.3.
        V13 = "1.3",
    }
}

section! {
    /// A certificate for one host name.
    HostCertificate {
        /// The name that clients ask for.
        host: String = "localhost".to_owned(), Kind::Text { most: 255 };
        /// The certificate and those between it and its authority, in PEM.
        certificate: PathBuf = PathBuf::from("server.crt"), Kind::Text { most: PATH_MAX };
        /// Its private key, in PEM.
        key: PathBuf = PathBuf::from("server.key"), Kind::Text { most: PATH_MAX };
    }
}

section! {
    /// TLS of a listener.
    ListenerTls {
        /// The server's certificate and those between it and its authority, in PEM.
        certificate: Option<PathBuf> = None, Kind::OptionalText { most: PATH_MAX };
        /// Its private key, in PEM.
        key: Option<PathBuf> = None, Kind::OptionalText { most: PATH_MAX };
        /// Further certificates, for clients that ask for these host names.
        certificates: Vec<HostCertificate> = Vec::new(), Kind::list::<HostCertificate>();
        /// The oldest version that is spoken.
        min_version: TlsVersion = TlsVersion::V12, TlsVersion::kind();
        /// Whether clients show a certificate.
        client_certificate: ClientCertificate = ClientCertificate::None, ClientCertificate::kind();
        /// The authorities whose client certificates are good, in PEM.
        client_ca: Option<PathBuf> = None, Kind::OptionalText { most: PATH_MAX };
        /// The certificates that these have revoked, in PEM.
        crl: Option<PathBuf> = None, Kind::OptionalText { most: PATH_MAX };
        /// What of a client's certificate is its user name.
        user_name: CertificateUserName = CertificateUserName::None, CertificateUserName::kind();
    }
}

section! {
    /// WebSocket of a listener.
    ListenerWebsocket {
        /// The path that clients ask for.
        path: String = "/mqtt".to_owned(), Kind::Text { most: 1024 };
        /// The pages whose scripts may connect, as `https://example.org`. Empty: all.
        origins: Vec<String> = Vec::new(), Kind::Texts { most: 1024 };
    }
}

section! {
    /// The socket of a listener in the file system.
    ListenerUnix {
        /// Where it stands.
        path: Option<PathBuf> = None, Kind::OptionalText { most: 100 };
        /// Who may connect, as the digits of `chmod`.
        mode: String = "660".to_owned(), Kind::Mode;
        /// The number of the user that it belongs to. "": whoever runs the broker.
        owner: Option<u32> = None, Kind::OptionalNumber;
        /// The number of the group that it belongs to. "": that of whoever runs the broker.
        group: Option<u32> = None, Kind::OptionalNumber;
    }
}

impl ListenerUnix {
    /// The rights as a number.
    #[must_use]
    pub fn mode_bits(&self) -> u32 {
        crate::units::mode(&self.mode).unwrap_or(0o600)
    }
}

choice! {
    /// Which headers of a proxy are read.
    ProxyProtocol {
        /// None.
        None = "none",
        /// The one that is text.
        V1 = "v1",
        /// The one that is binary.
        V2 = "v2",
        /// Either.
        Any = "any",
    }
}

section! {
    /// The proxy before a listener.
    ListenerProxy {
        /// Which header it sends.
        protocol: ProxyProtocol = ProxyProtocol::None, ProxyProtocol::kind();
        /// From where it connects, as `10.0.0.0/8`; from there nobody is let in without a header.
        trusted: Vec<String> = Vec::new(), Kind::Networks;
    }
}

section! {
    /// Where clients connect.
    Listener {
        /// The name in logs and counters.
        name: String = "mqtt".to_owned(), Kind::Text { most: 64 };
        /// Host and port. `[::]:1883` listens on IPv6 and IPv4; port 0 lets the system choose.
        address: SocketAddr = SocketAddr::from((Ipv4Addr::LOCALHOST, 1883)), Kind::Address;
        /// What clients speak below MQTT.
        transport: ListenerTransport = ListenerTransport::Tcp, ListenerTransport::kind();
        /// Connections that the kernel completes ahead of us.
        backlog: u32 = 1024, Kind::whole(1, 65_535);
        /// Clients at a time; further ones are closed at once and counted. 0: no limit but the
        /// number of file descriptors.
        max_connections: u32 = 0, Kind::whole(0, u64::from(u32::MAX));
        /// Connections accepted per second; the others wait in the backlog. 0: no limit.
        connect_rate: u32 = 0, Kind::whole(0, 1_000_000);
        /// The largest packet taken here. 0: as `mqtt.max_packet_size`.
        max_packet_size: u32 = 0, Kind::Bytes { least: 0, most: 268_435_460 };
        /// Accept clients without credentials on this listener, from any host.
        allow_anonymous: bool = false, Kind::Flag;
        /// The modules that know who may connect here, in their order. Empty: as `auth.chain`.
        authentication: Vec<String> = Vec::new(), Kind::Words(super::AUTH_MODULES);
        /// What stands before each topic of its clients, whether they know it or not. Empty: nothing.
        mount_point: Option<String> = None, Kind::OptionalText { most: 1024 };
        /// TLS, where the transport has it.
        tls: ListenerTls = ListenerTls::default(), Kind::group::<ListenerTls>();
        /// WebSocket, where the transport has it.
        websocket: ListenerWebsocket = ListenerWebsocket::default(),
            Kind::group::<ListenerWebsocket>();
        /// The socket, where the transport is `unix`.
        unix: ListenerUnix = ListenerUnix::default(), Kind::group::<ListenerUnix>();
        /// The proxy before it.
        proxy: ListenerProxy = ListenerProxy::default(), Kind::group::<ListenerProxy>();
    }
}
