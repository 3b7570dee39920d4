//! Session supervisor: starts sessions.
//!
//! | | |
//! |---|---|
//! | emqttd | `emqttd_session_sup` |
//! | Started by | nobody: it has no state, so it needs no process |
//! | Work runs in | the turn of `sm` |
//! | Waits for | nobody |
//! | Waited for by | `sm` |
//! | If it dies | the turn of `sm` fails; the claim is refused as *server busy* |
//! | Watch | counters `sessions/created`, `sessions/resumed` |

// differs: emqttd sends every new session through one supervisor process, which serialises all
// connects of a node (F5); here a session starts in the turn of its arbiter's session manager.

use std::sync::Arc;

use castmq_mqtt::Text;
use castmq_observe::Counter;
use castmq_otp::Address;
use castmq_rules::ClientId;
use castmq_rules::session::{FullPolicy, QueueSettings, Restored, SessionSettings};
use castmq_settings::{QueuePolicy, Settings};
use castmq_store::SessionKey;

use crate::Shard;
use crate::session::Session;
use crate::store::NodeStore;
use crate::timeline::{self, Happening};

/// Starts a session without a connection.
// emqttd: emqttd_session_sup:start_session/3
pub fn start_session(
    shard: &mut Shard,
    client_id: &ClientId,
    outlives_connection: bool,
) -> Address<Session> {
    shard.count(Counter::SessionsCreated);
    let settings = Arc::clone(&shard.world.node.session_settings);
    let at = crate::now(shard);
    let store = shard.world.node.store.get();
    let key = store
        .filter(|_| outlives_connection)
        .map(NodeStore::next_session);
    note_kept(shard, key);
    let session = shard.spawn(client_id.as_str(), |address| {
        Session::new_with(address, client_id, settings, (key, at))
    });
    let what = Happening::SessionCreated(outlives_connection);
    timeline::note(shard, client_id, Some(session.id()), what);
    session
}

/// Starts a session that the store has kept.
pub(crate) fn restore_session(
    shard: &mut Shard,
    key: SessionKey,
    restored: Restored,
) -> Address<Session> {
    let settings = Arc::clone(&shard.world.node.session_settings);
    let at = crate::now(shard);
    note_kept(shard, Some(key));
    let client_id = restored.record.client_id.clone();
    shard.spawn(client_id.as_str(), |address| {
        Session::restore(address, settings, key, (restored, at))
    })
}

fn note_kept(shard: &Shard, key: Option<SessionKey>) {
    if key.is_some() {
        shard.world.node.note_kept_session(shard.arbiter);
    }
}

/// What every session is allowed.
#[must_use]
pub fn session_settings(settings: &Settings) -> SessionSettings {
    let (session, queue) = (&settings.session, &settings.mqueue);
    SessionSettings {
        inflight_max: session.max_inflight,
        awaiting_rel_max: session.max_awaiting_rel,
        subscriptions_max: match settings.mqtt.max_subscriptions {
            0 => usize::MAX,
            max => max as usize,
        },
        keeps_qos0_offline: session.queue_qos0,
        retry_interval: (!session.retry_interval.is_zero()).then_some(session.retry_interval),
        queue: QueueSettings {
            len_max: queue.max_messages as usize,
            bytes_max: usize::try_from(queue.max_bytes).unwrap_or(usize::MAX),
            when_full: match queue.policy {
                QueuePolicy::DropOldest => FullPolicy::DropOldest,
                QueuePolicy::DropNewest => FullPolicy::DropNewest,
            },
            high_watermark_percent: percent(queue.high_watermark),
            low_watermark_percent: percent(queue.low_watermark),
            memory_len_max: queue.memory_messages as usize,
            memory_bytes_max: usize::try_from(queue.memory_bytes).unwrap_or(usize::MAX),
            priorities: queue
                .priorities
                .iter()
                .filter_map(|(topic, priority)| {
                    Some((Text::try_from(topic.as_str()).ok()?, *priority))
                })
                .collect(),
        },
    }
}

/// A fraction between 0 and 1 in percent.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to 0..=100 before"
)]
fn percent(fraction: f64) -> u8 {
    (fraction * 100.0).clamp(0.0, 100.0) as u8
}
