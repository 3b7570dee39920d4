//! Which tables there are, and what they are in emqttd.

/// What there is to know of a table without looking into it.
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) emqttd: &'static str,
    pub(super) owner: &'static str,
    pub(super) columns: &'static [&'static str],
}

const fn table(
    name: &'static str,
    emqttd: &'static str,
    owner: &'static str,
    columns: &'static [&'static str],
) -> Table {
    Table {
        name,
        emqttd,
        owner,
        columns,
    }
}

/// A session as emqttd's session tables have it: the key and its info, but for `awaiting_comp`, which is
/// part of the window here and so of `inflight_queue`.
const SESSION_INFO: &[&str] = &[
    "client_id",
    "sess_pid",
    "clean_sess",
    "max_inflight",
    "inflight_queue",
    "message_queue",
    "message_dropped",
    "awaiting_rel",
    "created_at",
    "subscriptions",
];

/// All tables.
pub(super) const TABLES: &[Table] = &[
    table(
        "subscriber",
        "ETS subscriber: topic to process",
        "server",
        &["topic", "sub_pid"],
    ),
    table(
        "subscribed",
        "ETS subscribed: process to topic",
        "server",
        &["sub_pid", "topic"],
    ),
    table(
        "session",
        "Mnesia session (mqtt_session)",
        "sm",
        &["client_id", "sess_pid", "persistent"],
    ),
    table(
        "persistent_session",
        "ETS mqtt_persistent_session",
        "session",
        SESSION_INFO,
    ),
    table(
        "transient_session",
        "ETS mqtt_transient_session",
        "session",
        SESSION_INFO,
    ),
    table(
        "client",
        "ETS mqtt_client",
        "cm",
        &[
            "client_id",
            "client_pid",
            "username",
            "peername",
            "clean_sess",
            "proto_ver",
            "keepalive",
            "connected_at",
        ],
    ),
    table(
        "subscription",
        "Mnesia subscription (mqtt_subscription)",
        "server",
        &["subid", "topic", "qos"],
    ),
    table(
        "topic",
        "Mnesia topic (mqtt_topic)",
        "router",
        &["topic", "flags"],
    ),
    table(
        "route",
        "Mnesia route (mqtt_route)",
        "router",
        &["topic", "node"],
    ),
    table(
        "retained_message",
        "Mnesia retained_message",
        "retainer",
        &["topic", "bytes", "qos", "from", "ts", "expires_at"],
    ),
    table("metric", "ETS mqtt_metric", "metrics", &["name", "value"]),
    table(
        "stats",
        "ETS mqtt_stats",
        "stats",
        &["name", "value", "max"],
    ),
    table("hook", "ETS mqtt_hook", "hook", &["hook", "callback"]),
    table(
        "acl_rule",
        "ETS mqtt_acl_rule",
        "access_control",
        &["module", "rule"],
    ),
    table(
        "listener",
        "ETS esockd_stats",
        "listener",
        &[
            "name",
            "listen_on",
            "accepted",
            "current_clients",
            "max_clients",
        ],
    ),
];
