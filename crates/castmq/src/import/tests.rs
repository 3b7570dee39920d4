//! Configurations of mosquitto, and what becomes of them.

use super::*;

/// The settings, without their first line, and the notes.
fn imported(text: &str) -> (String, Vec<String>) {
    let Imported { toml, notes } = convert(text).unwrap();
    let (_, settings) = toml.split_once("\n\n").unwrap();
    (settings.to_owned(), told(&notes))
}

fn told(notes: &[Note]) -> Vec<String> {
    notes.iter().map(ToString::to_string).collect()
}

/// The settings alone.
fn toml(text: &str) -> String {
    imported(text).0
}

/// The part of the settings that begins with this header.
fn table(text: &str, header: &str) -> String {
    let toml = toml(text);
    let tables = toml.split("\n\n").map(str::trim_end);
    let mut wanted = tables.filter(|table| table.lines().next() == Some(header));
    wanted.next().unwrap_or_default().to_owned()
}

/// Whether a note about this line says that.
fn says(text: &str, line: &str, what: &str) -> bool {
    let notes = imported(text).1;
    notes
        .iter()
        .any(|note| note.starts_with(line) && note.contains(what))
}

/// What is wrong with a file.
fn wrong(text: &str) -> Vec<String> {
    told(&convert(text).unwrap_err())
}

const ORDINARY: &str = "\
# A broker with users.
listener 1883
listener 8883 192.0.2.1
cafile /etc/mosquitto/ca.crt
certfile /etc/mosquitto/server.crt
keyfile /etc/mosquitto/server.key
tls_version tlsv1.3
max_connections 500

listener 9001
protocol websockets
websockets_origin https://example.org
mount_point shop/

password_file /etc/mosquitto/passwd
acl_file /etc/mosquitto/acl
persistence true
persistence_location /var/lib/mosquitto/
autosave_interval 60
max_inflight_messages 50
max_queued_messages 0
max_queued_bytes 1000000
max_packet_size 4000000
max_keepalive 300
persistent_client_expiration 2w
queue_qos0_messages true
sys_interval 30
log_dest file /var/log/mosquitto/mosquitto.log
log_type error
log_type warning
max_qos 1
";

#[test]
fn an_ordinary_configuration_becomes_settings() {
    let expected = r#"[[listener]]
# line 2
name = "tcp-1883"
address = "[::]:1883"
transport = "tcp"

[[listener]]
# line 3
name = "tls-8883"
address = "192.0.2.1:8883"
transport = "tls"
max_connections = 500

[listener.tls]
certificate = "/etc/mosquitto/server.crt"
key = "/etc/mosquitto/server.key"
min_version = "1.3"
client_ca = "/etc/mosquitto/ca.crt"

[[listener]]
# line 10
name = "ws-9001"
address = "[::]:9001"
transport = "ws"
mount_point = "shop/"

[listener.websocket]
origins = ["https://example.org"]

[auth]
chain = ["password_file"]

[auth.password_file]
path = "/etc/mosquitto/passwd"

[acl]
mosquitto_file = "/etc/mosquitto/acl"

[node]
sys_interval = "30s"

[mqtt]
max_packet_size = 4000000
keep_alive_max = 300

[retained]
max_payload = 4000000

[session]
max_inflight = 50
expiry_v3 = "14d"
expiry_max = "14d"
queue_qos0 = true

[mqueue]
max_messages = 4294967295
max_bytes = 1000000

[store]
backend = "fjall"
data_dir = "/var/lib/mosquitto/castmq"

[log]
level = "warn"
file = "/var/log/mosquitto/mosquitto.log"
rotation = "never"
"#;
    assert_eq!(toml(ORDINARY), expected);
}

#[test]
fn what_has_no_equivalent_is_said_with_its_line() {
    let lines: Vec<_> = imported(ORDINARY)
        .1
        .iter()
        .filter_map(|note| note.split(':').take(2).collect::<Vec<_>>().join(":").into())
        .collect();
    let expected = [
        "11: protocol",
        "17: persistence",
        "19: autosave_interval",
        "27: sys_interval",
        "31: max_qos",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn what_is_written_is_taken_by_the_broker() {
    let text = convert(ORDINARY).unwrap().toml;
    let name = format!("castmq-import-{}.toml", std::process::id());
    let path = std::env::temp_dir().join(name);
    fs::write(&path, text).unwrap();
    let sources = castmq_settings::Sources {
        file: Some(path.clone()),
        ..castmq_settings::Sources::default()
    };
    let loaded = castmq_settings::Settings::load(sources);
    fs::remove_file(path).unwrap();
    assert!(loaded.is_ok(), "{}", loaded.err().unwrap());
}

#[test]
fn a_file_that_says_nothing_lets_in_this_machine_alone() {
    let expected = "[[listener]]\n\
                    name = \"tcp-1883\"\n\
                    address = \"127.0.0.1:1883\"\n\
                    transport = \"tcp\"\n\
                    allow_anonymous = true";
    assert_eq!(table("# nothing\n", "[[listener]]"), expected);
}

#[test]
fn a_broker_that_was_open_to_everybody_stays_so_and_says_it() {
    let text = "listener 1883\nallow_anonymous true\n";
    assert!(table(text, "[[listener]]").ends_with("\nallow_anonymous = true"));
    assert_eq!(table(text, "[auth]"), "");
    assert!(says(text, "1: allow_anonymous", "everybody who reaches"));
}

#[test]
fn a_broker_that_let_in_nobody_does_not_let_in_anybody() {
    let text = "listener 1883\n";
    assert_eq!(table(text, "[auth]"), "[auth]\nchain = [\"clientid\"]");
    assert!(says(
        text,
        "1: listener",
        "nobody is let in, as with mosquitto"
    ));
    // On a loopback address the broker would let in everybody without a chain.
    let local = "listener 1883 127.0.0.1\nallow_anonymous false\n";
    assert_eq!(table(local, "[auth]"), "[auth]\nchain = [\"clientid\"]");
}

#[test]
fn guests_are_let_in_beside_users() {
    let text = "listener 1883\npassword_file p\nallow_anonymous true\n";
    let chain = "[auth]\nchain = [\"password_file\", \"anonymous\"]";
    assert_eq!(table(text, "[auth]"), chain);
}

#[test]
fn a_plugin_that_is_gone_lets_in_nobody() {
    let text = "listener 1883\nplugin /usr/lib/dynsec.so\nplugin_opt_config_file c.json\n";
    assert_eq!(table(text, "[auth]"), "[auth]\nchain = [\"clientid\"]");
    assert!(says(text, "2: plugin", "cannot be loaded"));
    assert!(says(text, "3: plugin_opt_config_file", "no plugins"));
    assert!(says(text, "1: listener", "the plugin alone knew"));
}

#[test]
fn plugins_of_2_1_that_read_files_are_these_files() {
    let text = "listener 1883\n\
                plugin /usr/lib/mosquitto_password_file.so\n\
                plugin_opt_password_file /etc/users\n\
                plugin /usr/lib/mosquitto_acl_file.so\n\
                plugin_opt_acl_file /etc/rules\n";
    assert!(table(text, "[auth.password_file]").ends_with("path = \"/etc/users\""));
    assert!(table(text, "[acl]").ends_with("mosquitto_file = \"/etc/rules\""));
}

#[test]
fn a_certificate_says_who_a_client_is() {
    let text = "listener 8883\ncafile ca\ncertfile c\nkeyfile k\nrequire_certificate true\n\
                use_identity_as_username true\ncrlfile crl\n\
                listener 1883 127.0.0.1\npassword_file p\n";
    let expected = "[listener.tls]\ncertificate = \"c\"\nkey = \"k\"\n\
                    client_certificate = \"required\"\nclient_ca = \"ca\"\ncrl = \"crl\"\n\
                    user_name = \"common_name\"";
    assert_eq!(table(text, "[listener.tls]"), expected);
    assert!(toml(text).contains("authentication = [\"client_certificate\"]"));
    assert!(toml(text).contains("authentication = [\"password_file\"]"));
}

#[test]
fn listeners_have_their_own_security_if_they_are_to() {
    let text = "per_listener_settings true\n\
                listener 1883\npassword_file p\n\
                listener 1884 127.0.0.1\nallow_anonymous true\n";
    assert!(toml(text).contains("authentication = [\"password_file\"]"));
    assert!(toml(text).contains("allow_anonymous = true"));
    assert_eq!(table(text, "[auth]"), "");
}

#[test]
fn users_of_a_second_password_file_are_kept_out_rather_than_others_let_in() {
    let text = "per_listener_settings true\n\
                listener 1883\npassword_file p\nacl_file a\n\
                listener 1884\npassword_file q\nacl_file b\n";
    assert!(toml(text).contains("authentication = [\"clientid\"]"));
    assert!(says(text, "6: password_file", "named first"));
    assert!(says(text, "7: acl_file", "put these into that file"));
}

#[test]
fn a_listener_may_be_open_while_others_are_not() {
    let text = "password_file p\nlistener 1883\n\
                listener 1884\nlistener_allow_anonymous true\n";
    assert!(toml(text).contains("authentication = [\"password_file\"]\n"));
    assert!(toml(text).contains("authentication = [\"password_file\", \"anonymous\"]\n"));
}

#[test]
fn what_stands_before_the_first_listener_is_about_one_of_its_own() {
    let text = "port 1884\nbind_address ::1\nmax_connections -1\nallow_anonymous true\n\
                listener 0 /run/mqtt\n";
    let listeners: Vec<_> = toml(text)
        .lines()
        .filter(|line| line.starts_with("name") || line.starts_with("address"))
        .map(str::to_owned)
        .collect();
    let expected = [
        "name = \"tcp-1884\"",
        "address = \"[::1]:1884\"",
        "name = \"unix\"",
    ];
    assert_eq!(listeners, expected);
    assert_eq!(
        table(text, "[listener.unix]"),
        "[listener.unix]\npath = \"/run/mqtt\""
    );
}

#[test]
fn an_address_that_is_unknown_opens_nothing() {
    let text = "listener 1883 broker.example\nallow_anonymous true\n";
    assert!(table(text, "[[listener]]").contains("address = \"127.0.0.1:1883\""));
    assert!(says(
        text,
        "1: listener",
        "broker.example has to be written"
    ));
    let text = "listener 1883\nbind_interface eth0\nallow_anonymous true\n";
    assert!(table(text, "[[listener]]").contains("address = \"127.0.0.1:1883\""));
}

#[test]
fn only_ipv4_is_only_ipv4() {
    let text = "listener 1883\nsocket_domain ipv4\n";
    assert!(table(text, "[[listener]]").contains("address = \"0.0.0.0:1883\""));
}

#[test]
fn a_listener_that_would_lose_its_encryption_is_left_out() {
    let text = "listener 8883\npsk_hint hint\npsk_file keys\nallow_anonymous true\n";
    assert!(toml(text).starts_with("listener = []\n"));
    assert!(says(text, "2: psk_hint", "left out"));
}

#[test]
fn a_listener_whose_proxy_vouches_for_certificates_is_left_out() {
    let text = "listener 1883\nenable_proxy_protocol 2\nrequire_certificate true\n\
                allow_anonymous true\nlistener 1884\nenable_proxy_protocol 1\n";
    assert!(says(text, "1: require_certificate", "left out"));
    let expected = "[listener.proxy]\nprotocol = \"v1\"\ntrusted = [\"127.0.0.0/8\", \"::1/128\"]";
    assert_eq!(table(text, "[listener.proxy]"), expected);
}

#[test]
fn a_bridge_is_one_note() {
    let text = "connection up\naddress other:1883\ntopic # out\nbridge_cafile ca\n\
                connection down\naddress another\nlistener 1883\n";
    assert!(says(
        text,
        "1: connection",
        "no bridges; up is left out, with 3 lines"
    ));
    assert!(says(
        text,
        "5: connection",
        "down is left out, with 1 lines"
    ));
}

#[test]
fn limits_of_payloads_become_limits_of_packets() {
    let text = "message_size_limit 1000\nmax_packet_size 0\n";
    assert_eq!(table(text, "[mqtt]"), "[mqtt]\nmax_packet_size = 67000");
    assert!(says(text, "1: message_size_limit", "disconnected"));
}

#[test]
fn a_limit_that_is_not_given_is_that_of_mosquitto() {
    assert_eq!(table("", "[mqtt]"), "[mqtt]\nmax_packet_size = 2000000");
    assert!(says("", " max_packet_size", "not given"));
    assert!(table("", "[session]").contains("expiry_v3 = \"36500d\""));
}

#[test]
fn options_that_nobody_knows_are_said() {
    assert!(says("colour blue\n", "1: colour", "not known"));
    assert!(says(
        "include_dir /etc/conf.d\n",
        "1: include_dir",
        "not read"
    ));
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let text = "port many\nallow_anonymous perhaps\nlistener\nlistener 0\nprotocol carrier\n\
                log_type loud\ntopic # out\nmax_packet_size 5\npersistent_client_expiration 5\n\
                certfile c\n";
    let expected = [
        "1: port: many is no number that can be here",
        "2: allow_anonymous: perhaps is neither true nor false",
        "3: listener: has no value",
        "4: listener: port 0 is for unix sockets, which have a path",
        "5: protocol: carrier is no protocol of mosquitto",
        "6: log_type: loud is nothing that mosquitto logs",
        "7: topic: stands before any connection",
        "8: max_packet_size: mosquitto takes 20 or more",
        "9: persistent_client_expiration: 5 is no number followed by one of s h d w m y",
    ];
    assert_eq!(wrong(text)[1..], expected);
    assert_eq!(
        wrong(text)[0],
        " certfile: needs a keyfile too, on the same listener"
    );
}

#[test]
fn quotes_and_other_signs_stay_what_they_are() {
    let text = "listener 1883\npassword_file /etc/\"my\" pass\\words\n";
    let table = table(text, "[auth.password_file]");
    let parsed: toml_edit::DocumentMut = table.parse().unwrap();
    let path = parsed["auth"]["password_file"]["path"].as_str();
    assert_eq!(path, Some("/etc/\"my\" pass\\words"));
}
