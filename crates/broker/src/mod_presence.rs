//! Presence: tells under `$SYS` who comes and goes.
//!
//! | | |
//! |---|---|
//! | emqttd | `emqttd_mod_presence` |
//! | Started by | nobody: it is two hook callbacks |
//! | Work runs in | the connection's turn |
//! | Waits for | nobody |
//! | Waited for by | nobody |
//! | If it dies | the callback is skipped and counted |
//! | Watch | `$SYS/brokers/<node>/clients/#` |

// differs: emqttd also tells of clients that it has refused, as if they were connected.

use std::sync::Arc;

use bytes::Bytes;
use castmq_mqtt::{QoS, Text, TopicName, Version};
use castmq_rules::ClientId;
use castmq_rules::hook::NameTaken;
use serde_json::json;

use crate::hook::{HookContext, Hooks};

/// The callbacks' name.
const NAME: &str = "presence";

/// Registers the module.
///
/// # Errors
///
/// [`NameTaken`] when it is registered already.
pub fn load(hooks: &mut Hooks, qos: QoS) -> Result<(), NameTaken> {
    let connected = Arc::new(
        move |context: &mut HookContext<'_>, client_id: &ClientId, row: &crate::cm::ClientRow| {
            let payload = json!({
                "clientid": client_id.as_str(),
                "username": row.user_name.as_deref(),
                "ipaddress": row.peer.ip().map_or_else(|| row.peer.to_string(), |address| address.to_string()),
                "session": row.clean_start,
                "protocol": match row.version {
                    Version::V3 => 3,
                    Version::V4 => 4,
                    Version::V5 => 5,
                },
                "connack": 0,
                "ts": context.wall().as_secs(),
            });
            tell(context, client_id, "connected", &payload, qos);
        },
    );
    let disconnected = Arc::new(
        move |context: &mut HookContext<'_>, client_id: &ClientId, reason: &str| {
            let payload = json!({
                "clientid": client_id.as_str(),
                "reason": reason,
                "ts": context.wall().as_secs(),
            });
            tell(context, client_id, "disconnected", &payload, qos);
        },
    );
    hooks.client_connected.add(Arc::from(NAME), 0, connected)?;
    hooks
        .client_disconnected
        .add(Arc::from(NAME), 0, disconnected)
}

fn tell(
    context: &mut HookContext<'_>,
    client_id: &ClientId,
    what: &str,
    payload: &serde_json::Value,
    qos: QoS,
) {
    let node = context.node_name();
    // A client id may hold what a topic may not; its payload has it as it is.
    let id = client_id.as_str().replace(['+', '#', '/'], "_");
    let topic = format!("$SYS/brokers/{node}/clients/{id}/{what}");
    if let Ok(Ok(topic)) = Text::try_from(topic).map(TopicName::new) {
        context.publish(topic, Bytes::from(payload.to_string()), qos, false);
    }
}
