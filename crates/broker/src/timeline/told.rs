//! What happened, in words.

use std::fmt::Write as _;

use castmq_mqtt::Version;

use super::{Changed, Connection, Happening, Lost};
use crate::shown::shown;

impl Happening {
    /// Its name.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Connected(_) => "connected",
            Self::Refused(_) => "refused",
            Self::Denied(..) => "denied",
            Self::Subscribed(_) => "subscribed",
            Self::Unsubscribed(_) => "unsubscribed",
            Self::Disconnected(_) => "disconnected",
            Self::TakenOver(_) => "taken_over",
            Self::SessionCreated(_) => "session_created",
            Self::SessionResumed(..) => "session_resumed",
            Self::SessionEnded(_) => "session_ended",
            Self::WillPublished(_) => "will_published",
            Self::QueueHigh(_) | Self::QueueLow(_) => "alarm",
            Self::Lost(lost) => match lost.reason {
                "queue_full" | "qos0_over_quota" => "queue_full",
                "expired" => "expired",
                _ => "dropped",
            },
            Self::Stalled(..) => "stalled",
            Self::Crashed(_) => "crashed",
        }
    }

    /// A sentence.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Connected(connection) => connection.text(),
            Self::Refused(text) => format!("refused: {}", shown(text)),
            Self::Denied(what, topic, count) => {
                let topic = shown(topic);
                let times = if *count > 1 {
                    format!(" (the {count}th denial on this connection)")
                } else {
                    String::new()
                };
                format!("may not {what} '{topic}'{times}")
            }
            Self::Subscribed(changed) => changed.text("subscribed to", true),
            Self::Unsubscribed(changed) => changed.text("unsubscribed from", false),
            Self::Disconnected(cause) => format!("disconnected: {}", shown(cause)),
            Self::TakenOver(by) => format!("taken over by a connection from {}", shown(by)),
            Self::SessionCreated(true) => "a new session that outlives its connection".to_owned(),
            Self::SessionCreated(false) => "a new session".to_owned(),
            Self::SessionResumed(queued, inflight) => format!(
                "its session goes on, with {queued} messages that wait and {inflight} in flight"
            ),
            Self::SessionEnded(why) => format!("its session ended: {why}"),
            Self::WillPublished(topic) => format!("its will was published to '{}'", shown(topic)),
            Self::QueueHigh(queued) => {
                format!("its queue rose above its high watermark: {queued} messages wait")
            }
            Self::QueueLow(queued) => {
                format!("its queue fell below its low watermark: {queued} messages wait")
            }
            Self::Lost(lost) => lost.text(),
            Self::Stalled(what, millis) => {
                format!("{what} for {}.{} s", millis / 1000, millis % 1000 / 100)
            }
            Self::Crashed(what) => format!("the process of its {what} failed"),
        }
    }
}

impl Connection {
    fn text(&self) -> String {
        let version = match self.version {
            Version::V3 => "3.1",
            Version::V4 => "3.1.1",
            Version::V5 => "5.0",
        };
        let start = if self.clean_start {
            "beginning clean"
        } else {
            "to go on with its session"
        };
        let present = if self.session_present {
            "which was there"
        } else {
            "there was none"
        };
        let user = self
            .user_name
            .as_deref()
            .map_or_else(String::new, |user| format!(" as user '{}'", shown(user)));
        let there = if self.clean_start {
            String::new()
        } else {
            format!(" ({present})")
        };
        format!(
            "connected from {} by listener '{}'{user}, MQTT {version}, {start}{there}, keep alive {} s",
            self.from,
            shown(&self.listener),
            self.keep_alive
        )
    }
}

impl Changed {
    fn text(&self, what: &str, with_qos: bool) -> String {
        let mut text = String::new();
        if self.is_by_broker {
            text.push_str("the broker on its behalf ");
        }
        text.push_str(what);
        for (index, (subscription, qos)) in self.filters.iter().enumerate() {
            let comma = if index == 0 { " " } else { ", " };
            // Writing to a String cannot fail.
            let _ = write!(text, "{comma}'{}'", shown(&subscription.to_string()));
            if with_qos {
                let _ = write!(text, " (QoS {})", qos.number());
            }
        }
        match (self.filters.is_empty(), self.more) {
            (true, 0) => text.push_str(" nothing"),
            (true, 1) => text.push_str(" a very long filter"),
            (true, more) => drop(write!(text, " {more} very long filters")),
            (false, 0) => {}
            (false, more) => drop(write!(text, " and {more} more")),
        }
        if self.refused > 0 {
            let why = if with_qos {
                "refused"
            } else {
                "it was not subscribed to"
            };
            let _ = write!(text, "; {} {why}", self.refused);
        }
        text
    }
}

impl Lost {
    fn text(&self) -> String {
        let Self {
            reason,
            count,
            topic,
            message,
        } = self;
        let topic = shown(topic);
        if *count == 1 {
            return format!("does not get message {} on '{topic}': {reason}", message.0);
        }
        format!(
            "does not get {count} messages so far: {reason}; the last is message {} on '{topic}'",
            message.0
        )
    }
}
