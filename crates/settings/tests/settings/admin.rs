//! The admin interface: what keeps it from being open to everybody, and how settings are shown there.

use castmq_settings::{HIDDEN, Shown, Source};

use super::Broker;

const HASH: &str = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";

/// The settings as they are shown.
fn shown(broker: Broker) -> Vec<Shown> {
    let loaded = broker.load().unwrap();
    loaded.settings.shown(&loaded.origins)
}

fn one(all: &[Shown], key: &str) -> Shown {
    let found = all.iter().find(|setting| setting.key == key);
    found
        .unwrap_or_else(|| panic!("{key} is not shown"))
        .clone()
}

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
fn each_setting_is_shown_as_the_file_would_have_it_with_its_default_and_source() {
    let all = shown(Broker::with_file("[log]\nlevel = \"warn\"\n").set("session.expiry_v3", "2h"));

    let level = one(&all, "log.level");
    assert_eq!(level.value.as_deref(), Some("\"warn\""));
    assert_eq!(level.default.as_deref(), Some("\"info\""));
    assert!(matches!(level.source, Source::File { line: 2, .. }));
    let expiry = one(&all, "session.expiry_v3");
    assert_eq!(expiry.value.as_deref(), Some("\"2h\""));
    assert_eq!(expiry.source, Source::CommandLine);
    assert_eq!(one(&all, "log.keep").source, Source::Default);
    assert_eq!(one(&all, "log.file").value, None);
}

#[test]
fn the_settings_of_each_element_of_a_list_are_shown() {
    let all = shown(Broker::with_file(
        "[[listener]]\n[[listener]]\nname = \"b\"\naddress = \"[::1]:9\"\n",
    ));
    assert_eq!(one(&all, "listener.1.name").value.as_deref(), Some("\"b\""));
    assert_eq!(
        one(&all, "listener.0.address").value.as_deref(),
        Some("\"127.0.0.1:1883\"")
    );
}

#[test]
fn secrets_are_not_shown() {
    let file = format!(
        "[admin]\nusers = [\"ann:$7$1$c2FsdA==$aGFzaA==\"]\ntokens = [{{ name = \"ops\", sha256 = \"{HASH}\" }}]\n\
         [auth.http]\nurl = \"https://ann:swordfish@host/\"\n"
    );
    let all = shown(Broker::with_file(&file));

    assert!(!format!("{all:?}").contains("swordfish"));
    assert!(!format!("{all:?}").contains(HASH));
    for key in ["admin.users", "admin.tokens.0.sha256", "auth.http.url"] {
        assert_eq!(one(&all, key).value.as_deref(), Some(HIDDEN));
    }
    assert_eq!(
        one(&all, "admin.tokens.0.name").value.as_deref(),
        Some("\"ops\"")
    );
}
