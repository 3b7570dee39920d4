//! What the sessions of a node are allowed.

use std::collections::BTreeMap;
use std::time::Duration;

use castmq_mqtt::Text;
use serde::{Deserialize, Serialize};

/// Bounds and choices for a session; the same for many, so it is shared.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SessionSettings {
    /// Messages in flight to the client at once; 0 for as many as there are packet ids.
    pub inflight_max: u16,
    /// QoS 2 messages from the client that it has not released yet; 0 for as many as there are ids.
    pub awaiting_rel_max: u16,
    /// Subscriptions.
    pub subscriptions_max: usize,
    /// Whether QoS 0 messages wait for a client that is away.
    pub keeps_qos0_offline: bool,
    /// After how long an unacknowledged message is sent again to a 3.x client; `None` for never. To
    /// a 5.0 client nothing is sent again while it is connected. \[MQTT5-4.4.0-1\]
    pub retry_interval: Option<Duration>,
    /// The queue in front of the window.
    pub queue: QueueSettings,
}

/// Bounds and choices for the queue of a session.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct QueueSettings {
    /// Messages.
    pub len_max: usize,
    /// What they count for, see [`Message::weight`](crate::Message::weight).
    pub bytes_max: usize,
    /// Who gives way when it is full and holds no QoS 0 message that could.
    pub when_full: FullPolicy,
    /// Above this fill level there is an alarm.
    pub high_watermark_percent: u8,
    /// Below this fill level the alarm is over.
    pub low_watermark_percent: u8,
    /// Messages of a queue that is in the store as well which are held in memory; the rest is read when
    /// its turn comes. With priorities all that came since the start are held.
    pub memory_len_max: usize,
    /// What they count for.
    pub memory_bytes_max: usize,
    /// Topics that come before others, the highest number first; all others have 0.
    pub priorities: BTreeMap<Text, u8>,
}

/// Which message a full queue gives up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FullPolicy {
    /// The one that has waited longest.
    #[default]
    DropOldest,
    /// The one that comes.
    DropNewest,
}

impl QueueSettings {
    /// The priority of a topic.
    #[must_use]
    pub fn priority(&self, topic: &str) -> u8 {
        self.priorities.get(topic).copied().unwrap_or(0)
    }
}

impl Default for QueueSettings {
    fn default() -> Self {
        Self {
            len_max: 10_000,
            bytes_max: 64 * 1024 * 1024,
            when_full: FullPolicy::DropOldest,
            high_watermark_percent: 60,
            low_watermark_percent: 20,
            memory_len_max: 256,
            memory_bytes_max: 256 * 1024,
            priorities: BTreeMap::new(),
        }
    }
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            inflight_max: 100,
            awaiting_rel_max: 1024,
            subscriptions_max: 10_000,
            keeps_qos0_offline: false,
            retry_interval: None,
            queue: QueueSettings::default(),
        }
    }
}
