//! What has no equivalent, and why.

/// Options by name.
const ABSENT: &[(&str, &str)] = &[
    (
        "accept_protocol_versions",
        "every listener takes MQTT 3.1, 3.1.1 and 5.0",
    ),
    (
        "allow_duplicate_messages",
        "overlapping subscriptions get a message once each, as MQTT says",
    ),
    (
        "allow_zero_length_clientid",
        "clients without an identifier always get one",
    ),
    ("auth_plugin_deny_special_chars", "there are no plugins"),
    (
        "auto_id_prefix",
        "the identifiers that the broker gives have no prefix to choose",
    ),
    (
        "autosave_interval",
        "not needed: what is acknowledged is stored before, see store.fsync",
    ),
    (
        "autosave_on_changes",
        "not needed: what is acknowledged is stored before, see store.fsync",
    ),
    (
        "check_retain_source",
        "the rights of who published a retained message are not checked again",
    ),
    (
        "ciphers",
        "the ciphers are those of rustls, all of them with forward secrecy",
    ),
    ("ciphers_tls1.3", "the ciphers are those of rustls"),
    (
        "clientid_prefixes",
        "identifiers are not told apart by their prefix; rules in acl.file can be",
    ),
    (
        "connection_messages",
        "what is logged depends on log.level alone",
    ),
    (
        "dhparamfile",
        "not needed: keys are exchanged over elliptic curves",
    ),
    (
        "disable_client_cert_date_checks",
        "a certificate that has expired is always refused",
    ),
    ("enable_control_api", "there are no $CONTROL topics"),
    (
        "global_max_clients",
        "the number of sessions has no limit; connections have one per listener",
    ),
    (
        "global_max_connections",
        "connections are limited per listener, see listener.max_connections",
    ),
    ("http_dir", "the broker serves no files"),
    (
        "log_facility",
        "the broker does not write to syslog; the service manager may",
    ),
    ("log_timestamp", "each line of the log has its time"),
    ("log_timestamp_format", "times are written in one way only"),
    (
        "max_inflight_bytes",
        "the window counts messages, see session.max_inflight",
    ),
    ("max_qos", "every QoS is allowed"),
    (
        "memory_limit",
        "bounds.node_memory limits what is queued, not all memory",
    ),
    ("mptcp", "listeners speak plain TCP"),
    (
        "packet_buffer_size",
        "not needed: how much is read at once is found out",
    ),
    (
        "persistence_file",
        "the file of mosquitto is not read; the store is a directory",
    ),
    (
        "pid_file",
        "the service manager knows the process; there is no file with its number",
    ),
    (
        "proxy_protocol_v2_require_tls",
        "what a proxy says about TLS is not looked at",
    ),
    (
        "psk_file",
        "TLS with keys that both sides share beforehand is not spoken",
    ),
    (
        "retain_expiry_interval",
        "not needed: retained messages go when their time is over",
    ),
    ("tls_engine", "private keys are read from files alone"),
    (
        "tls_engine_kpass_sha1",
        "private keys are read from files alone",
    ),
    ("tls_keyform", "private keys are read from files alone"),
    (
        "upgrade_outgoing_qos",
        "messages keep their QoS, as MQTT says",
    ),
    (
        "use_username_as_clientid",
        "client identifiers are those of CONNECT, whoever sends them",
    ),
    (
        "user",
        "the broker stays the user that it is started as; the service manager chooses it",
    ),
    ("websockets_headers_size", "not needed"),
    ("websockets_log_level", "WebSocket has no log of its own"),
];

/// What belongs to a bridge, whatever comes before it.
const OF_BRIDGES: &[&str] = &[
    "address",
    "addresses",
    "cleansession",
    "clientid",
    "idle_timeout",
    "keepalive_interval",
    "local_cleansession",
    "local_clientid",
    "local_password",
    "local_username",
    "notification_topic",
    "notifications",
    "notifications_local_only",
    "password",
    "remote_clientid",
    "remote_password",
    "remote_username",
    "restart_timeout",
    "round_robin",
    "start_type",
    "threshold",
    "topic",
    "try_private",
    "username",
];

/// Why an option has no equivalent; `None` if it is not one of those.
pub(super) fn reason(option: &str) -> Option<&'static str> {
    let name = option.strip_prefix("listener_").unwrap_or(option);
    let found = ABSENT.iter().find(|(absent, _)| *absent == name);
    found.map(|(_, why)| *why)
}

/// Whether an option belongs to a bridge.
pub(super) fn is_of_a_bridge(option: &str) -> bool {
    option.starts_with("bridge_") || OF_BRIDGES.contains(&option)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_listed_in_order_and_once() {
        assert!(ABSENT.is_sorted_by(|(one, _), (other, _)| one < other));
        assert!(OF_BRIDGES.is_sorted_by(|one, other| one < other));
    }
}
