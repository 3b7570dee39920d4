//! Listeners before they listen: their sockets, and what their connections pass through.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use castmq_net::{
    CertificatePlan, ClientCertificates, Owner, ProxyPlan, TlsPlan, TlsVersion, Transport,
    TransportPlan, WebSocketPlan, bind, bind_unix,
};
use castmq_otp::Listening;
use castmq_settings::{
    ClientCertificate, Listener, ListenerTransport, ProxyProtocol, TlsVersion as OldestTls,
};

use super::StartError;
use crate::listener::Entrance;

/// The protocol that TLS clients may ask for by name.
const ALPN_MQTT: &str = "mqtt";

/// Binds the socket of a listener and reads what its transport needs; says where it listens.
pub(super) fn open(settings: &Listener) -> Result<(Entrance, Option<SocketAddr>), StartError> {
    let wrong = |cause| StartError::Transport {
        name: settings.name.clone(),
        cause,
    };
    // Before the socket: who connects at once is not to wait for a mistake to be found.
    let transport = Transport::new(plan(settings)).map_err(wrong)?;
    let (listening, address) = match (settings.transport, &settings.unix.path) {
        (ListenerTransport::Unix, Some(path)) => {
            let owner = Owner {
                user: settings.unix.owner,
                group: settings.unix.group,
            };
            let socket = bind_unix(path, settings.unix.mode_bits(), owner, settings.backlog)?;
            (Listening::Unix(socket), None)
        }
        _ => {
            let socket = bind(settings.address, settings.backlog)?;
            let address = socket.local_addr().unwrap_or(settings.address);
            (Listening::Tcp(socket), Some(address))
        }
    };
    let entrance = Entrance {
        settings: settings.clone(),
        listening,
        transport: Arc::new(transport),
    };
    Ok((entrance, address))
}

/// What clients speak at a listener, and where.
pub(super) fn describe(settings: &Listener, address: Option<SocketAddr>) -> String {
    let speaks = match settings.transport {
        ListenerTransport::Tcp | ListenerTransport::Unix => "mqtt",
        ListenerTransport::Tls => "mqtts",
        ListenerTransport::Ws => "ws",
        ListenerTransport::Wss => "wss",
    };
    match (address, &settings.unix.path) {
        (Some(address), _) => format!("{speaks} on {address}"),
        (None, Some(path)) => format!("{speaks} on {}", path.display()),
        (None, None) => speaks.to_owned(),
    }
}

fn plan(settings: &Listener) -> TransportPlan {
    let transport = settings.transport;
    TransportPlan {
        proxy: proxy(settings),
        tls: transport.is_encrypted().then(|| tls(settings)),
        websocket: transport.is_websocket().then(|| WebSocketPlan {
            path: settings.websocket.path.clone(),
            origins: settings.websocket.origins.clone(),
        }),
    }
}

fn proxy(settings: &Listener) -> Option<ProxyPlan> {
    let protocol = settings.proxy.protocol;
    let trusted = settings.proxy.trusted.iter();
    (protocol != ProxyProtocol::None).then(|| ProxyPlan {
        accepts_v1: protocol != ProxyProtocol::V2,
        accepts_v2: protocol != ProxyProtocol::V1,
        trusted: trusted.filter_map(|text| network(text)).collect(),
    })
}

/// The settings have checked that it is one.
fn network(text: &str) -> Option<(IpAddr, u8)> {
    let Some((address, prefix)) = text.split_once('/') else {
        let address: IpAddr = text.parse().ok()?;
        return Some((address, if address.is_ipv4() { 32 } else { 128 }));
    };
    Some((address.parse().ok()?, prefix.parse().ok()?))
}

fn tls(settings: &Listener) -> TlsPlan {
    let tls = &settings.tls;
    let path = |path: &Option<PathBuf>| path.clone().unwrap_or_default();
    let own = CertificatePlan {
        host: None,
        chain: path(&tls.certificate),
        key: path(&tls.key),
    };
    let further = tls.certificates.iter().map(|certificate| CertificatePlan {
        host: Some(certificate.host.clone()),
        chain: certificate.certificate.clone(),
        key: certificate.key.clone(),
    });
    TlsPlan {
        certificates: std::iter::once(own).chain(further).collect(),
        client: match tls.client_certificate {
            ClientCertificate::None => ClientCertificates::None,
            ClientCertificate::Optional => ClientCertificates::Optional,
            ClientCertificate::Required => ClientCertificates::Required,
        },
        client_ca: tls.client_ca.clone(),
        crl: tls.crl.clone(),
        min_version: match tls.min_version {
            OldestTls::V12 => TlsVersion::Tls12,
            OldestTls::V13 => TlsVersion::Tls13,
        },
        alpn: vec![ALPN_MQTT.to_owned()],
    }
}
