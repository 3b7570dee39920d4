//! What is said of files that cannot be used.

use castmq_net::{ClientCertificates, TlsPlan, Transport};

use crate::authority::{Authority, encrypted};

fn refused(plan: TlsPlan) -> String {
    Transport::new(encrypted(plan)).unwrap_err().to_string()
}

#[test]
fn a_file_that_is_missing_is_named() {
    let authority = Authority::new();
    let mut plan = authority.plan();
    plan.certificates[0].chain = authority.scratch.path("missing.pem");
    let text = refused(plan);
    assert!(text.starts_with("cannot read "));
    assert!(text.contains("missing.pem: No such file"));
}

#[test]
fn a_file_without_a_certificate_is_named() {
    let authority = Authority::new();
    let path = authority.scratch.write("server.pem", "not even PEM");
    assert_eq!(
        refused(authority.plan()),
        format!(
            "no certificate in {}: a PEM file is expected, with a line -----BEGIN CERTIFICATE-----",
            path.display()
        )
    );
}

#[test]
fn a_key_of_another_certificate_is_told() {
    let authority = Authority::new();
    let other = authority.server("other").key.serialize_pem();
    authority.scratch.write("server.key", &other);
    assert!(refused(authority.plan()).contains("does not belong to the first certificate in"));
}

#[test]
fn an_encrypted_key_is_told() {
    let authority = Authority::new();
    let text = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    authority.scratch.write("server.key", text);
    assert!(refused(authority.plan()).contains("is encrypted: write it without a passphrase"));
}

#[test]
fn a_damaged_key_is_told() {
    let authority = Authority::new();
    let text = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    authority.scratch.write("server.key", text);
    assert!(refused(authority.plan()).starts_with("the private key in "));
}

#[test]
fn client_certificates_need_to_know_whose_are_good() {
    let authority = Authority::new();
    let text = refused(TlsPlan {
        client: ClientCertificates::Required,
        client_ca: None,
        ..authority.plan()
    });
    assert_eq!(
        text,
        "client certificates need a file with the certificates of those who issue them"
    );
}

#[test]
fn a_revocation_list_that_is_none_is_named() {
    let authority = Authority::new();
    let text = refused(TlsPlan {
        client: ClientCertificates::Required,
        crl: Some(authority.scratch.path("ca.pem")),
        ..authority.plan()
    });
    assert!(text.starts_with("no revocation list in "));
}

#[test]
fn encryption_without_a_certificate_is_told() {
    let authority = Authority::new();
    let text = refused(TlsPlan {
        certificates: Vec::new(),
        ..authority.plan()
    });
    assert_eq!(text, "encryption needs a certificate and its private key");
}

#[test]
fn the_first_expiry_is_known() {
    let authority = Authority::new();
    let transport = Transport::new(encrypted(authority.plan())).unwrap();
    // The year 4096, which is what certificates in tests have.
    assert!(transport.expires() > Some(60_000_000_000));
}
