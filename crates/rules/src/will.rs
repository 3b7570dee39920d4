//! The message that is published for a client that went away without saying so.

use std::time::Duration;

use castmq_mqtt::Will;
use serde::{Deserialize, Serialize};

use crate::Moment;

/// A will and when it is due. At most one, published at most once.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct WillSlot {
    will: Option<Box<Will>>,
    due: Option<Moment>,
}

impl WillSlot {
    /// A new connection: what the last one left behind is not published any more.
    // [MQTT5-3.1.3-9] [MQTT3-3.1.2-8] [MQTT5-3.1.2-7]
    pub(crate) fn handle_connected(&mut self, will: Option<Box<Will>>) {
        self.will = will;
        self.due = None;
    }

    /// The client took its leave: no will.
    // [MQTT3-3.1.2-10] [MQTT3-3.14.4-3] [MQTT5-3.14.4-3]
    pub(crate) fn discard(&mut self) {
        self.will = None;
        self.due = None;
    }

    /// The connection is gone: the will is due after its delay, or when the session ends.
    // [MQTT5-3.1.2-8]
    pub(crate) fn handle_disconnected(&mut self, session_end: Option<Moment>, now: Moment) {
        let Some(will) = &self.will else { return };
        let delay = Duration::from_secs(u64::from(will.properties.delay.unwrap_or(0)));
        let delayed = now + delay;
        self.due = Some(session_end.map_or(delayed, |end| end.min(delayed)));
    }

    /// The will, to be changed.
    pub(crate) fn will_mut(&mut self) -> Option<&mut Will> {
        self.will.as_deref_mut()
    }

    /// The moment at which it was due before a restart.
    pub(crate) fn restore_due(&mut self, due: Option<Moment>) {
        self.due = due.filter(|_| self.will.is_some());
    }

    /// The will.
    pub(crate) fn will(&self) -> Option<&Will> {
        self.will.as_deref()
    }

    /// The will, when it is due; not a second time.
    pub(crate) fn poll_due(&mut self, now: Moment) -> Option<Box<Will>> {
        if self.due.is_some_and(|due| due <= now) {
            self.take()
        } else {
            None
        }
    }

    /// The will, due or not: its session ends.
    pub(crate) fn take(&mut self) -> Option<Box<Will>> {
        self.due = None;
        self.will.take()
    }

    /// When to look again.
    pub(crate) fn due(&self) -> Option<Moment> {
        self.due
    }

    /// Whether there is a will that may still be published.
    pub(crate) fn is_set(&self) -> bool {
        self.will.is_some()
    }
}
