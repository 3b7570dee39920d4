//! Encryption against a client of another making.

use std::sync::Arc;

use castmq_net::{ClientCertificates, TlsPlan, TlsVersion, Transport};
use rustls::{AlertDescription, ClientConfig, Error, HandshakeKind};

use crate::authority::{Authority, Issued, encrypted, named};
use crate::scene::{Broker, Client, Wire, peer, settle};

const ROOM: usize = 1 << 16;

fn transport(plan: TlsPlan) -> Transport {
    Transport::new(encrypted(plan)).unwrap()
}

/// A client and a broker that have said to each other what they had to.
fn met(transport: &Transport, config: &Arc<ClientConfig>) -> (Client<Wire>, Broker) {
    met_as(transport, config, "localhost")
}

fn met_as(
    transport: &Transport,
    config: &Arc<ClientConfig>,
    host: &'static str,
) -> (Client<Wire>, Broker) {
    let (mut broker, wire) = Broker::accept(transport, peer(), ROOM);
    let mut client = Client::new(config, host, wire);
    settle(&mut client, &mut broker);
    (client, broker)
}

fn alert(client: &Client<Wire>) -> AlertDescription {
    match &client.error {
        Some(Error::AlertReceived(alert)) => *alert,
        other => panic!("no alert but {other:?}"),
    }
}

/// Meets, says something each way, and says how it was encrypted.
fn spoken(version: TlsVersion) -> String {
    let authority = Authority::new();
    let transport = transport(authority.plan());
    let config = Arc::new(authority.trusting(version, None));
    let (mut client, mut broker) = met(&transport, &config);
    client.say(b"from the client");
    broker.say(b"from the broker");
    settle(&mut client, &mut broker);
    assert_eq!(broker.received, b"from the client");
    assert_eq!(client.heard, b"from the broker");
    broker.facts().unwrap().encryption
}

#[test]
fn a_client_of_version_1_3_is_understood() {
    assert_eq!(
        spoken(TlsVersion::Tls13),
        "TLSv1.3 TLS13_AES_256_GCM_SHA384"
    );
}

#[test]
fn a_client_of_version_1_2_is_understood() {
    let encryption = spoken(TlsVersion::Tls12);
    assert!(encryption.starts_with("TLSv1.2 TLS_ECDHE_ECDSA_WITH_"));
}

#[test]
fn a_version_that_is_too_old_is_refused() {
    let authority = Authority::new();
    let transport = transport(TlsPlan {
        min_version: TlsVersion::Tls13,
        ..authority.plan()
    });
    let config = Arc::new(authority.trusting(TlsVersion::Tls12, None));
    let (client, broker) = met(&transport, &config);
    assert_eq!(alert(&client), AlertDescription::ProtocolVersion);
    assert!(broker.error().contains("only TLS 1.3 is spoken here"));
}

#[test]
fn who_does_not_speak_tls_is_told_of_to_operators() {
    let authority = Authority::new();
    let transport = transport(authority.plan());
    let (mut broker, wire) = Broker::accept(&transport, peer(), ROOM);
    wire.0
        .write(b"\x10\x0e\x00\x04MQTT\x04\x02\x00\x3c\x00\x02c1")
        .unwrap();
    broker.round();
    broker.round();
    assert!(broker.error().contains("does the client speak TLS at all?"));
}

/// A broker that asks for certificates.
fn asking(authority: &Authority, client: ClientCertificates) -> TlsPlan {
    TlsPlan {
        client,
        ..authority.plan()
    }
}

fn showing(authority: &Authority, shows: &Issued) -> Arc<ClientConfig> {
    Arc::new(authority.trusting(TlsVersion::Tls13, Some(shows)))
}

#[test]
fn a_certificate_names_the_client() {
    let authority = Authority::new();
    let transport = transport(asking(&authority, ClientCertificates::Required));
    let config = showing(&authority, &authority.client("c1"));
    let (_client, mut broker) = met(&transport, &config);
    let found = broker.facts().unwrap().certificate.unwrap();
    assert_eq!(found.common_name, "c1");
    assert_eq!(found.subject, "CN=c1,O=Plant");
    assert!(found.expires.is_some());
}

#[test]
fn a_client_without_a_certificate_is_refused_where_one_is_required() {
    let authority = Authority::new();
    let transport = transport(asking(&authority, ClientCertificates::Required));
    let config = Arc::new(authority.trusting(TlsVersion::Tls13, None));
    let (client, broker) = met(&transport, &config);
    assert_eq!(alert(&client), AlertDescription::CertificateRequired);
    assert_eq!(broker.error(), "TLS: peer sent no certificates");
}

#[test]
fn a_client_without_a_certificate_is_taken_where_it_is_optional() {
    let authority = Authority::new();
    let transport = transport(asking(&authority, ClientCertificates::Optional));
    let config = Arc::new(authority.trusting(TlsVersion::Tls13, None));
    let (_client, mut broker) = met(&transport, &config);
    assert_eq!(broker.facts().unwrap().certificate, None);
}

#[test]
fn a_certificate_of_a_stranger_is_refused() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let transport = transport(asking(&authority, ClientCertificates::Optional));
    let config = showing(&authority, &stranger.client("c1"));
    let (client, broker) = met(&transport, &config);
    assert!(matches!(
        alert(&client),
        AlertDescription::UnknownCA | AlertDescription::DecryptError
    ));
    assert!(broker.error().starts_with("TLS: invalid peer certificate"));
}

#[test]
fn an_expired_certificate_is_refused() {
    let authority = Authority::new();
    let transport = transport(asking(&authority, ClientCertificates::Required));
    let config = showing(&authority, &authority.expired_client("c1"));
    let (client, _broker) = met(&transport, &config);
    assert_eq!(alert(&client), AlertDescription::CertificateExpired);
}

#[test]
fn a_revoked_certificate_is_refused_and_others_are_not() {
    let authority = Authority::new();
    let (good, revoked) = (authority.client("c1"), authority.client("c2"));
    let crl = authority.revoke(&[&revoked]);
    let transport = transport(TlsPlan {
        crl: Some(crl),
        ..asking(&authority, ClientCertificates::Required)
    });
    let (client, _broker) = met(&transport, &showing(&authority, &revoked));
    assert_eq!(alert(&client), AlertDescription::CertificateRevoked);

    let (_client, mut broker) = met(&transport, &showing(&authority, &good));
    assert!(broker.facts().is_some());
}

/// The certificate that a client of that name is shown.
fn shown(transport: &Transport, authority: &Authority, host: &'static str) -> Option<Vec<u8>> {
    let config = Arc::new(authority.trusting(TlsVersion::Tls13, None));
    let (client, _broker) = met_as(transport, &config, host);
    let chain = client.tls.peer_certificates()?;
    Some(chain[0].to_vec())
}

/// A broker with a certificate for each of the names, and one for everybody else.
fn of_names(authority: &Authority, names: &[&str]) -> (Transport, Vec<Vec<u8>>) {
    let mut plan = authority.plan();
    let mut issued = Vec::new();
    for name in names {
        let one = authority.server(name);
        let file = name.replace('*', "any");
        let chain = authority.scratch.write(&format!("{file}.pem"), &one.pem);
        let key = authority
            .scratch
            .write(&format!("{file}.key"), &one.key.serialize_pem());
        plan.certificates.push(named(name, &chain, &key));
        issued.push(one.certificate.to_vec());
    }
    (transport(plan), issued)
}

#[test]
fn a_client_is_shown_the_certificate_of_the_host_that_it_asks_for() {
    let authority = Authority::new();
    let (transport, issued) = of_names(&authority, &["one.example", "*.two.example"]);
    let shown = |host| shown(&transport, &authority, host).unwrap();
    assert_eq!(shown("ONE.example"), issued[0]);
    assert_eq!(shown("a.two.example"), issued[1]);
}

#[test]
fn a_client_that_asks_for_another_host_is_shown_the_default() {
    let authority = Authority::new();
    let default = authority.show("localhost").certificate.to_vec();
    let (transport, _) = of_names(&authority, &["one.example"]);
    assert_eq!(shown(&transport, &authority, "localhost"), Some(default));
}

#[test]
fn the_name_that_a_client_asks_for_is_known() {
    let authority = Authority::new();
    let transport = transport(authority.plan());
    let config = Arc::new(authority.trusting(TlsVersion::Tls13, None));
    let (_client, mut broker) = met(&transport, &config);
    assert_eq!(
        broker.facts().unwrap().server_name.as_deref(),
        Some("localhost")
    );
}

fn offering(authority: &Authority, protocols: &[&str]) -> Arc<ClientConfig> {
    let mut config = authority.trusting(TlsVersion::Tls13, None);
    config.alpn_protocols = protocols
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    Arc::new(config)
}

#[test]
fn mqtt_is_chosen_of_the_protocols_that_a_client_offers() {
    let authority = Authority::new();
    let transport = transport(authority.plan());
    let (client, _broker) = met(&transport, &offering(&authority, &["h2", "mqtt"]));
    assert_eq!(client.tls.alpn_protocol(), Some(&b"mqtt"[..]));
}

#[test]
fn a_client_that_offers_other_protocols_only_is_refused() {
    let authority = Authority::new();
    let transport = transport(authority.plan());
    let (client, _broker) = met(&transport, &offering(&authority, &["h2"]));
    assert_eq!(alert(&client), AlertDescription::NoApplicationProtocol);
}

/// How the second of two connections of the same client was made.
fn second(transport: &Transport, config: &Arc<ClientConfig>) -> Option<HandshakeKind> {
    let (mut client, mut broker) = met(transport, config);
    broker.say(b"with a ticket");
    settle(&mut client, &mut broker);
    met(transport, config).0.tls.handshake_kind()
}

#[test]
fn who_comes_back_resumes_its_session() {
    let authority = Authority::new();
    let transport = transport(authority.plan());
    let new = Arc::new(authority.trusting(TlsVersion::Tls13, None));
    assert_eq!(second(&transport, &new), Some(HandshakeKind::Resumed));
    let old = Arc::new(authority.trusting(TlsVersion::Tls12, None));
    assert_eq!(second(&transport, &old), Some(HandshakeKind::Resumed));
}

#[test]
fn a_resumed_session_knows_its_certificate() {
    let authority = Authority::new();
    let transport = transport(asking(&authority, ClientCertificates::Required));
    let config = showing(&authority, &authority.client("c1"));
    assert_eq!(second(&transport, &config), Some(HandshakeKind::Resumed));
    let (_client, mut broker) = met(&transport, &config);
    let found = broker.facts().unwrap().certificate.unwrap();
    assert_eq!(found.common_name, "c1");
}

#[test]
fn who_was_revoked_since_does_not_come_back_by_a_ticket() {
    let authority = Authority::new();
    let revoked = authority.client("c1");
    let transport = transport(TlsPlan {
        crl: Some(authority.revoke(&[])),
        ..asking(&authority, ClientCertificates::Required)
    });
    let config = showing(&authority, &revoked);
    met(&transport, &config);
    authority.revoke(&[&revoked]);
    transport.reload().unwrap();

    let (client, _broker) = met(&transport, &config);
    assert_eq!(alert(&client), AlertDescription::CertificateRevoked);
}

#[test]
fn a_new_certificate_is_shown_after_it_was_read_again() {
    let authority = Authority::new();
    let transport = transport(authority.plan());
    let fresh = authority.show("localhost").certificate.to_vec();
    assert_ne!(
        shown(&transport, &authority, "localhost"),
        Some(fresh.clone())
    );

    transport.reload().unwrap();
    assert_eq!(shown(&transport, &authority, "localhost"), Some(fresh));
}

#[test]
fn the_old_certificate_stays_when_the_new_one_cannot_be_read() {
    let authority = Authority::new();
    let transport = transport(authority.plan());
    let before = shown(&transport, &authority, "localhost");
    authority.scratch.write("server.pem", "nothing");
    transport.reload().unwrap_err();
    assert_eq!(shown(&transport, &authority, "localhost"), before);
}

#[test]
fn the_end_is_said_to_the_other_side() {
    let authority = Authority::new();
    let transport = transport(authority.plan());
    let config = Arc::new(authority.trusting(TlsVersion::Tls13, None));
    let (mut client, mut broker) = met(&transport, &config);
    broker.say(b"bye");
    broker.close();
    client.turn();
    assert_eq!(client.heard, b"bye");
    assert!(client.tls.process_new_packets().unwrap().peer_has_closed());
}

#[test]
fn the_end_that_the_other_side_says_is_one() {
    let authority = Authority::new();
    let transport = transport(authority.plan());
    let config = Arc::new(authority.trusting(TlsVersion::Tls13, None));
    let (mut client, mut broker) = met(&transport, &config);
    client.tls.send_close_notify();
    settle(&mut client, &mut broker);
    assert_eq!(broker.end, Some(Ok(())));
}

#[test]
fn an_end_in_the_middle_of_the_handshake_is_an_error() {
    let authority = Authority::new();
    let transport = transport(authority.plan());
    let (mut broker, wire) = Broker::accept(&transport, peer(), ROOM);
    wire.0.close();
    broker.round();
    assert_eq!(broker.error(), "closed in the middle of the TLS handshake");
}

#[test]
fn keys_may_be_renewed_on_the_way() {
    let authority = Authority::new();
    let transport = transport(authority.plan());
    let config = Arc::new(authority.trusting(TlsVersion::Tls13, None));
    let (mut client, mut broker) = met(&transport, &config);
    client.say(b"before ");
    client.tls.refresh_traffic_keys().unwrap();
    client.say(b"after");
    settle(&mut client, &mut broker);
    broker.say(b"heard");
    settle(&mut client, &mut broker);
    assert_eq!(broker.received, b"before after");
    assert_eq!(client.heard, b"heard");
}
