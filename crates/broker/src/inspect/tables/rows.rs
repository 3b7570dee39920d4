//! Rows of the tables, by emqttd's names of the columns.

use serde_json::{Value, json};

use super::Row;
use crate::inspect::{ClientView, RetainedView, RouteView, SessionView, SubscriptionView};

pub(super) fn row<const N: usize>(cells: [(&str, Value); N]) -> Row {
    let cells = cells.into_iter();
    cells
        .map(|(column, value)| (column.to_owned(), value))
        .collect()
}

pub(super) fn holds(row: &Row, part: &str) -> bool {
    let mut cells = row.values();
    cells.any(|value| value.as_str().is_some_and(|text| text.contains(part)))
}

pub(super) fn subscriber_row(view: &SubscriptionView) -> Row {
    row([
        ("topic", json!(view.filter)),
        ("sub_pid", json!(view.session_pid)),
    ])
}

pub(super) fn subscribed_row(view: &SubscriptionView) -> Row {
    row([
        ("sub_pid", json!(view.session_pid)),
        ("topic", json!(view.filter)),
    ])
}

pub(super) fn subscription_row(view: &SubscriptionView) -> Row {
    row([
        ("subid", json!(view.client_id)),
        ("topic", json!(view.filter)),
        ("qos", json!(view.qos)),
    ])
}

pub(super) fn session_row(view: &SessionView) -> Row {
    row([
        ("client_id", json!(view.client_id)),
        ("sess_pid", json!(view.pid)),
        ("persistent", json!(view.is_persistent)),
    ])
}

pub(super) fn session_info(view: &SessionView) -> Row {
    row([
        ("client_id", json!(view.client_id)),
        ("sess_pid", json!(view.pid)),
        ("clean_sess", json!(!view.is_persistent)),
        ("max_inflight", json!(view.inflight_max)),
        ("inflight_queue", json!(view.inflight_count)),
        ("message_queue", json!(view.queued_count)),
        ("message_dropped", json!(view.dropped_count)),
        ("awaiting_rel", json!(view.awaiting_rel_count)),
        ("created_at", json!(view.created_at)),
        ("subscriptions", json!(view.subscriptions_count)),
    ])
}

pub(super) fn client_row(view: &ClientView) -> Row {
    row([
        ("client_id", json!(view.client_id)),
        ("client_pid", json!(view.pid)),
        ("username", json!(view.user)),
        ("peername", json!(view.peer)),
        ("clean_sess", json!(view.clean_start)),
        ("proto_ver", json!(view.protocol)),
        ("keepalive", json!(view.keep_alive_seconds)),
        ("connected_at", json!(view.connected_at)),
    ])
}

pub(super) fn route_row(view: &RouteView, is_topic: bool) -> Row {
    if is_topic {
        let flags: &[&str] = if view.group.is_some() {
            &["shared"]
        } else {
            &[]
        };
        return row([("topic", json!(view.filter)), ("flags", json!(flags))]);
    }
    row([
        ("topic", json!(view.filter)),
        ("node", json!(view.arbiters)),
    ])
}

pub(super) fn retained_row(view: &RetainedView) -> Row {
    row([
        ("topic", json!(view.topic)),
        ("bytes", json!(view.bytes)),
        ("qos", json!(view.qos)),
        ("from", json!(view.from)),
        ("ts", json!(view.stored_at)),
        ("expires_at", json!(view.expires_at)),
    ])
}
