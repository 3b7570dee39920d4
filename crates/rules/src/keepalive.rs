//! Whether a client still lives: the first packet in time, later one within 1.5 × keep alive.
//!
//! emqttd: emqttd_keepalive

use std::time::Duration;

use castmq_mqtt::ReasonCode;
use serde::{Deserialize, Serialize};

use crate::Moment;

/// Watches the silence of one connection. Fed with complete packets: bytes alone are no sign of
/// life.
// differs: emqttd looks at received bytes every 1.25 × keep alive and tolerates one silent look, so
// that a dead client stays for 2.5 to 3.75 times, and half a packet keeps it alive (P8); its limit
// for the first packet ends with the first byte (P12).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeepAlive {
    /// How long the client may be silent; `None` for ever.
    patience: Option<Duration>,
    /// When the last packet came, as if the pauses had not been.
    last: Moment,
    /// Since when the broker does not read.
    paused: Option<Moment>,
    is_accepted: bool,
}

impl KeepAlive {
    /// A new connection: CONNECT has to be complete within this time.
    #[must_use]
    pub fn awaiting_connect(patience: Duration, now: Moment) -> Self {
        Self {
            patience: Some(patience),
            last: now,
            paused: None,
            is_accepted: false,
        }
    }

    /// CONNECT was accepted with this keep alive in seconds; 0 for none.
    // [MQTT3-3.1.2-24] [MQTT5-3.1.2-22]
    pub fn handle_accepted(&mut self, keep_alive: u16, now: Moment) {
        self.patience = match keep_alive {
            0 => None,
            seconds => Some(Duration::from_millis(u64::from(seconds) * 1500)),
        };
        self.last = now;
        self.paused = self.paused.map(|_| now);
        self.is_accepted = true;
    }

    /// A complete packet came.
    pub fn handle_packet(&mut self, now: Moment) {
        if self.is_accepted {
            self.last = now;
            self.paused = self.paused.map(|_| now);
        }
    }

    /// The broker stops reading the socket: what the client sends cannot be seen.
    pub fn handle_paused(&mut self, now: Moment) {
        self.paused.get_or_insert(now);
    }

    /// The broker reads again: the pause does not count as silence.
    pub fn handle_resumed(&mut self, now: Moment) {
        if let Some(paused) = self.paused.take() {
            self.last = self.last + now.saturating_since(paused);
        }
    }

    /// When the client has been silent for too long; `None` when there is no limit or the broker
    /// does not read.
    #[must_use]
    pub fn deadline(&self) -> Option<Moment> {
        match self.paused {
            Some(_) => None,
            None => self.patience.map(|patience| self.last + patience),
        }
    }

    /// Whether the connection is to be closed, and with which reason.
    #[must_use]
    pub fn expired(&self, now: Moment) -> Option<ReasonCode> {
        self.deadline()
            .is_some_and(|deadline| deadline <= now)
            .then_some(ReasonCode::KeepAliveTimeout)
    }
}

#[cfg(test)]
mod tests;
