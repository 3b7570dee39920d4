//! The admin interface: what keeps it from being open to everybody, and how settings are shown there.

use super::Broker;

const HASH: &str = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";

#[test]
fn an_admin_address_beyond_loopback_needs_somebody_who_is_known() {
    let file = "[admin]\naddress = \"0.0.0.0:18083\"\n";
    let complaints = Broker::with_file(file).complaints();
    assert_eq!(complaints.len(), 1);
    let start = "castmq.toml:2: admin.address: 0.0.0.0:18083 can be reached from other machines";
    assert!(complaints[0].starts_with(start), "{complaints:?}");

    let token = format!("[{{ name = \"ops\", sha256 = \"{HASH}\" }}]");
    let settings = Broker::with_file(file)
        .set("admin.tokens", &token)
        .settings();
    assert!(settings.admin.knows_somebody());
}

#[test]
fn an_admin_interface_that_is_off_needs_nobody() {
    let file = "[admin]\naddress = \"0.0.0.0:18083\"\nenabled = false\n";
    assert!(!Broker::with_file(file).settings().admin.enabled);
}

#[test]
fn a_token_is_given_by_its_hash_and_never_by_itself() {
    let file = "[admin]\ntokens = [{ name = \"ops\", sha256 = \"swordfish\" }]\n";
    assert_eq!(
        Broker::with_file(file).complaints(),
        [
            "castmq.toml:2: admin.tokens.0.sha256: SHA-256 of a token has 64 hexadecimal digits, as \
             `printf %s \"$TOKEN\" | sha256sum` prints them"
        ]
    );
}

#[test]
fn a_certificate_of_the_admin_interface_needs_its_key() {
    let file = "[admin.tls]\ncertificate = \"cert.pem\"\n";
    assert_eq!(
        Broker::with_file(file).complaints(),
        ["castmq.toml:2: admin.tls.key: `admin.tls.certificate` needs it"]
    );
}

#[test]
fn who_is_known_is_secret() {
    let secret: Vec<_> = [
        ("admin.users", "[\"ann:x\"]"),
        ("auth.http.fields", "[\"key=x\"]"),
    ]
    .into_iter()
    .fold(Broker::default(), |broker, (key, value)| {
        broker.set(key, value)
    })
    .set(
        "admin.tokens",
        &format!("[{{ name = \"ops\", sha256 = \"{HASH}\" }}]"),
    )
    .settings()
    .effective()
    .into_iter()
    .filter(|setting| setting.is_secret && setting.value != setting.default)
    .map(|setting| setting.key)
    .collect();
    assert_eq!(
        secret,
        ["auth.http.fields", "admin.users", "admin.tokens.0.sha256"]
    );
}
