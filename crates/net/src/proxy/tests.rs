use super::*;

fn parsed(bytes: &[u8]) -> Result<Option<(usize, Said)>, String> {
    parse(bytes, true, true)
}

fn source(address: &str) -> Said {
    Said {
        source: Some(address.parse().unwrap()),
        certificate: None,
    }
}

/// A header of version 2.
fn header(command: u8, family: u8, content: &[u8]) -> Vec<u8> {
    let mut header = ppp::v2::PROTOCOL_PREFIX.to_vec();
    header.extend([0x20 | command, family]);
    header.extend(u16::try_from(content.len()).unwrap().to_be_bytes());
    header.extend(content);
    header
}

const FROM_V4: [u8; 12] = [192, 0, 2, 1, 10, 0, 0, 1, 0xd4, 0x31, 0x07, 0x5b];

fn tlv(kind: u8, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap().to_be_bytes();
    [&[kind], &length[..], value].concat()
}

/// A header that tells of a certificate.
fn of_certificate(flags: u8, verify: u32, name: &str) -> Vec<u8> {
    let ssl = [
        &[flags],
        &verify.to_be_bytes()[..],
        &tlv(0x22, name.as_bytes()),
    ]
    .concat();
    header(1, 0x11, &[&FROM_V4[..], &tlv(0x20, &ssl)].concat())
}

fn certificate(bytes: &[u8]) -> Option<Certificate> {
    parsed(bytes).unwrap().unwrap().1.certificate
}

#[test]
fn a_line_names_the_client() {
    let line = b"PROXY TCP4 192.0.2.1 10.0.0.1 54321 1883\r\n\x10\x0c";
    assert_eq!(
        parsed(line),
        Ok(Some((line.len() - 2, source("192.0.2.1:54321"))))
    );
}

#[test]
fn a_line_names_a_client_with_an_ipv6_address() {
    let line = b"PROXY TCP6 2001:db8::1 2001:db8::2 54321 1883\r\n";
    let said = source("[2001:db8::1]:54321");
    assert_eq!(parsed(line), Ok(Some((line.len(), said))));
}

#[test]
fn a_line_may_know_nothing() {
    let line = b"PROXY UNKNOWN\r\n";
    assert_eq!(parsed(line), Ok(Some((line.len(), Said::default()))));
}

#[test]
fn a_line_has_an_end_within_107_bytes() {
    let mut line = b"PROXY UNKNOWN ".to_vec();
    line.resize(106, b'x');
    assert_eq!(parsed(&line), Ok(None));

    line.push(b'x');
    assert!(parsed(&line).is_err());
}

#[test]
fn a_binary_header_names_the_client() {
    let header = header(1, 0x11, &FROM_V4);
    let said = source("192.0.2.1:54321");
    assert_eq!(parsed(&header), Ok(Some((header.len(), said))));
}

#[test]
fn a_proxy_that_speaks_for_itself_names_nobody() {
    let header = header(0, 0x11, &FROM_V4);
    assert_eq!(parsed(&header), Ok(Some((header.len(), Said::default()))));
}

#[test]
fn a_client_of_a_socket_file_has_no_address() {
    let header = header(1, 0x31, &[0; 216]);
    assert_eq!(parsed(&header), Ok(Some((header.len(), Said::default()))));
}

#[test]
fn a_header_is_read_as_soon_as_it_is_whole() {
    let header = header(1, 0x11, &[&FROM_V4[..], &tlv(4, &[0; 40])].concat());
    assert!((0..header.len()).all(|count| parsed(&header[..count]) == Ok(None)));
    assert!(parsed(&header).unwrap().is_some());
}

#[test]
fn a_header_that_is_too_long_is_not_waited_for() {
    let mut header = header(1, 0x11, &FROM_V4);
    header[14..16].copy_from_slice(&4097_u16.to_be_bytes());
    assert!(parsed(&header).is_err());
}

#[test]
fn a_certificate_that_the_proxy_has_verified_names_the_client() {
    let found = certificate(&of_certificate(0x03, 0, "c1")).unwrap();
    assert_eq!(
        (found.common_name, found.subject),
        ("c1".into(), "CN=c1".into())
    );
}

#[test]
fn a_certificate_that_was_not_verified_names_nobody() {
    assert_eq!(certificate(&of_certificate(0x03, 1, "c1")), None);
}

#[test]
fn a_name_without_a_certificate_is_none() {
    assert_eq!(certificate(&of_certificate(0x01, 0, "c1")), None);
}

#[test]
fn anything_but_a_header_is_refused() {
    assert!(parsed(b"\x10\x0c\x00\x04MQTT").is_err());
}

#[test]
fn a_version_that_is_not_accepted_is_refused() {
    let refused = parse(b"PROXY UNKNOWN\r\n", false, true);
    assert_eq!(
        refused,
        Err("the connection does not begin with one of version 2".to_owned())
    );
}

#[test]
fn those_in_a_trusted_network_begin_with_a_header() {
    let plan = ProxyPlan {
        accepts_v1: true,
        accepts_v2: true,
        trusted: vec![
            ("10.1.0.0".parse().unwrap(), 16),
            ("2001:db8::".parse().unwrap(), 32),
        ],
    };
    let is_trusted = |address: &str| is_trusted(&plan, Peer::Network(address.parse().unwrap()));
    assert!(is_trusted("10.1.255.3:9"));
    assert!(is_trusted("[::ffff:10.1.2.3]:9"));
    assert!(is_trusted("[2001:db8:7::1]:9"));
    assert!(!is_trusted("10.2.0.1:9"));
    assert!(!is_trusted("[2001:db9::1]:9"));
}

#[test]
fn those_over_a_socket_file_begin_with_a_header() {
    let plan = ProxyPlan {
        accepts_v1: true,
        accepts_v2: true,
        trusted: Vec::new(),
    };
    assert!(is_trusted(&plan, Peer::Unix));
}
