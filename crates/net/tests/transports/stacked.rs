//! All layers at once, in their order.

use std::io::{Read, Write};
use std::sync::Arc;

use castmq_net::{ClientCertificates, ProxyPlan, TlsPlan, TlsVersion, Transport, TransportPlan};
use castmq_otp::Peer;

use crate::authority::Authority;
use crate::scene::{Broker, Client, Wire, peer, settle};
use crate::websocket::{REQUEST, frame, plan};

const ROOM: usize = 1 << 16;
const LINE: &[u8] = b"PROXY TCP4 203.0.113.9 10.0.0.1 54321 8084\r\n";

fn proxy() -> ProxyPlan {
    ProxyPlan {
        accepts_v1: true,
        accepts_v2: true,
        trusted: vec![(peer().ip().unwrap(), 32)],
    }
}

fn behind_a_proxy() -> Transport {
    Transport::new(TransportPlan {
        proxy: Some(proxy()),
        ..TransportPlan::default()
    })
    .unwrap()
}

fn all(authority: &Authority) -> Transport {
    Transport::new(TransportPlan {
        proxy: Some(proxy()),
        tls: Some(TlsPlan {
            client: ClientCertificates::Required,
            ..authority.plan()
        }),
        websocket: Some(plan()),
    })
    .unwrap()
}

#[test]
fn nothing_planned_is_nothing_in_between() {
    assert!(Transport::new(TransportPlan::default()).unwrap().is_plain());
    assert!(!behind_a_proxy().is_plain());
}

#[test]
fn a_proxy_names_the_client() {
    let (mut broker, mut wire) = Broker::accept(&behind_a_proxy(), peer(), ROOM);
    wire.write_all(&[LINE, b"\x10\x0c"].concat()).unwrap();
    broker.round();
    let source = broker.facts().unwrap().source;
    assert_eq!(source, Some("203.0.113.9:54321".parse().unwrap()));
    assert_eq!(broker.received, b"\x10\x0c");
}

#[test]
fn a_header_may_come_byte_by_byte() {
    let (mut broker, mut wire) = Broker::accept(&behind_a_proxy(), peer(), ROOM);
    LINE.iter().for_each(|byte| {
        wire.write_all(&[*byte]).unwrap();
        broker.round();
    });
    assert!(broker.facts().unwrap().source.is_some());
    assert_eq!(broker.received, b"");
}

#[test]
fn who_is_no_trusted_proxy_has_no_header() {
    let (mut broker, mut wire) = Broker::accept(
        &behind_a_proxy(),
        Peer::Network(([198, 51, 100, 1], 9).into()),
        ROOM,
    );
    wire.write_all(LINE).unwrap();
    broker.round();
    assert_eq!(broker.facts(), None);
    assert_eq!(broker.received, LINE);
}

#[test]
fn a_proxy_that_sends_no_header_is_refused() {
    let (mut broker, mut wire) = Broker::accept(&behind_a_proxy(), peer(), ROOM);
    wire.write_all(b"\x10\x0c").unwrap();
    broker.round();
    assert_eq!(
        broker.error(),
        "PROXY header: the connection does not begin with one of version 1 or 2"
    );
}

/// A client behind a proxy, with a certificate.
fn met(authority: &Authority, transport: &Transport) -> (Client<Wire>, Broker) {
    let shows = authority.client("c1");
    let config = Arc::new(authority.trusting(TlsVersion::Tls13, Some(&shows)));
    let (mut broker, mut wire) = Broker::accept(transport, peer(), ROOM);
    wire.write_all(LINE).unwrap();
    let mut client = Client::new(&config, "localhost", wire);
    client.say(REQUEST.as_bytes());
    client.say(&frame(0x82, b"early"));
    settle(&mut client, &mut broker);
    (client, broker)
}

#[test]
fn a_header_encryption_and_a_websocket_stand_behind_each_other() {
    let authority = Authority::new();
    let transport = all(&authority);
    let (mut client, mut broker) = met(&authority, &transport);
    assert!(client.heard.starts_with(b"HTTP/1.1 101 "));
    assert_eq!(broker.received, b"early");
    client.heard.clear();
    broker.say(b"hello");
    settle(&mut client, &mut broker);
    assert_eq!(client.heard, b"\x82\x05hello");
}

#[test]
fn each_layer_adds_what_it_knows() {
    let authority = Authority::new();
    let transport = all(&authority);
    let (_client, mut broker) = met(&authority, &transport);
    let facts = broker.facts().unwrap();
    assert_eq!(facts.source, Some("203.0.113.9:54321".parse().unwrap()));
    assert_eq!(facts.certificate.unwrap().common_name, "c1");
    assert_eq!(facts.server_name.as_deref(), Some("localhost"));
    assert!(facts.encryption.starts_with("TLSv1.3 "));
}

#[test]
fn each_layer_says_farewell() {
    let authority = Authority::new();
    let transport = all(&authority);
    let (mut client, mut broker) = met(&authority, &transport);
    client.heard.clear();
    broker.close();
    client.turn();
    assert_eq!(client.heard, [0x88, 2, 0x03, 0xe8]);
    assert!(matches!(client.tls.reader().read(&mut [0]), Ok(0)));
}

#[test]
fn a_browser_may_ask_for_http() {
    let authority = Authority::new();
    let transport = Transport::new(TransportPlan {
        tls: Some(authority.plan()),
        websocket: Some(plan()),
        ..TransportPlan::default()
    })
    .unwrap();
    let mut config = authority.trusting(TlsVersion::Tls13, None);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let (mut broker, wire) = Broker::accept(&transport, peer(), ROOM);
    let mut client = Client::new(&Arc::new(config), "localhost", wire);
    client.say(REQUEST.as_bytes());
    settle(&mut client, &mut broker);
    assert!(client.heard.starts_with(b"HTTP/1.1 101 "));
}
