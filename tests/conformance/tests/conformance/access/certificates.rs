//! Clients that show who they are by a certificate.

use castmq_conformance::{Authority, Door, Identity, certify, v5};
use castmq_settings::{CertificateUserName, ClientCertificate, Listener, ListenerTransport};

use super::{
    ALICE, House, expect_may_not_publish, expect_may_publish, listener, refusal_by,
    use_password_file, words,
};

/// Whoever is called so may publish there.
const RULES: &str = "
[[rule]]
permit = 'allow'
who = { user = 'pump-1' }
topics = ['pumps/1']
[[rule]]
permit = 'allow'
who = { user = 'CN=pump-1,O=Plant' }
topics = ['subjects/1']
[[rule]]
permit = 'allow'
who = { user = 'alice' }
topics = ['alice']
";

/// A broker with a listener for TLS besides the first one.
fn house(alter: impl FnOnce(&mut Listener)) -> Option<House> {
    House::with(|settings, files| {
        use_password_file(settings, files, &[ALICE]);
        settings.acl.file = Some(files.write("acl.toml", RULES));
        let mut secure = Listener {
            transport: ListenerTransport::Tls,
            authentication: words(&["client_certificate", "password_file"]),
            ..listener("secure")
        };
        certify(&mut secure, files);
        let authority = Authority::shared().certificate();
        secure.tls.client_ca = Some(files.write("clients.crt", authority));
        secure.tls.client_certificate = ClientCertificate::Required;
        alter(&mut secure);
        settings.listener.push(secure);
    })
}

/// The way in with a certificate, or without one.
fn door(house: &House, identity: Option<&Identity>) -> Door {
    house.door("secure").tls(Authority::shared(), identity)
}

fn pump() -> Identity {
    Authority::shared().client("pump-1")
}

#[test]
fn a_client_comes_in_under_the_common_name_of_its_certificate() {
    let Some(house) = house(|listener| listener.tls.user_name = CertificateUserName::CommonName)
    else {
        return;
    };
    let mut client = door(&house, Some(&pump())).open();
    client.connect(&v5::connect(house.id("a")));

    expect_may_publish(&mut client, "pumps/1");
    expect_may_not_publish(&mut client, "subjects/1");
}

#[test]
fn or_under_its_whole_subject() {
    let Some(house) = house(|listener| listener.tls.user_name = CertificateUserName::Subject)
    else {
        return;
    };
    let mut client = door(&house, Some(&pump())).open();
    client.connect(&v5::connect(house.id("a")));

    expect_may_publish(&mut client, "subjects/1");
    expect_may_not_publish(&mut client, "pumps/1");
}

#[test]
fn the_name_in_the_certificate_counts_and_not_the_one_in_connect() {
    let Some(house) = house(|listener| listener.tls.user_name = CertificateUserName::CommonName)
    else {
        return;
    };
    let mut client = door(&house, Some(&pump())).open();
    client.connect(&house.login("alice", "secret"));

    expect_may_publish(&mut client, "pumps/1");
    expect_may_not_publish(&mut client, "alice");
}

#[test]
fn where_a_certificate_is_required_nobody_gets_in_without_one() {
    let Some(house) = house(|_| ()) else { return };
    let mut client = door(&house, None).open();

    client.send_connect(&house.login("alice", "secret"));
    client.expect_transport_failure();
}

#[test]
fn nor_with_one_by_a_foreign_authority() {
    let Some(house) = house(|_| ()) else { return };
    let foreign = Authority::new().client("pump-1");
    let mut client = door(&house, Some(&foreign)).open();

    client.send_connect(&house.login("alice", "secret"));
    client.expect_transport_failure();
}

#[test]
fn where_one_is_optional_a_client_without_one_is_asked_for_its_password() {
    let Some(house) = house(|listener| {
        listener.tls.client_certificate = ClientCertificate::Optional;
        listener.tls.user_name = CertificateUserName::CommonName;
    }) else {
        return;
    };
    let mut alice = door(&house, None).open();
    alice.connect(&house.login("alice", "secret"));
    let mut pump = door(&house, Some(&pump())).open();
    pump.connect(&v5::connect(house.id("pump")));

    expect_may_publish(&mut alice, "alice");
    expect_may_publish(&mut pump, "pumps/1");
    let refused = refusal_by(door(&house, None).open(), &v5::connect(house.id("a")));
    assert_eq!(refused.body[1], 0x86);
}

#[test]
fn a_certificate_that_is_revoked_is_good_no_longer() {
    let authority = Authority::new();
    let (good, revoked) = (authority.client("pump-1"), authority.client("pump-2"));
    let Some(house) = House::with(|settings, files| {
        let mut secure = Listener {
            transport: ListenerTransport::Tls,
            authentication: words(&["client_certificate"]),
            ..listener("secure")
        };
        certify(&mut secure, files);
        secure.tls.client_ca = Some(files.write("clients.crt", authority.certificate()));
        secure.tls.client_certificate = ClientCertificate::Required;
        secure.tls.crl = Some(files.write("revoked.crl", authority.revocation(&[])));
        settings.listener.push(secure);
    }) else {
        return;
    };
    let door = |identity| door(&house, Some(identity));
    door(&revoked).open().connect(&v5::connect(house.id("2")));

    house.rewrite("revoked.crl", &authority.revocation(&[&revoked]));
    door(&good).open().connect(&v5::connect(house.id("1")));
    let mut client = door(&revoked).open();
    client.send_connect(&v5::connect(house.id("2")));
    client.expect_transport_failure();
}
