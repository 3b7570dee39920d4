//! Alarm: what an operator has to know now.
//!
//! | | |
//! |---|---|
//! | emqttd | `emqttd_alarm` |
//! | Started by | [`sup`](crate::sup), one for the node, on arbiter 0 |
//! | Work runs in | its own turn |
//! | Waits for | nobody |
//! | Waited for by | nobody |
//! | If it dies | active alarms are kept; entries in its lane are handled after the restart |
//! | Watch | `$SYS/brokers/<node>/alarms/#`, events `alarm.raised`, `alarm.cleared` |
//!
//! The rules are in [`castmq_rules::alarm`]; this file publishes what they say.

use std::time::Duration;

use bytes::Bytes;
use castmq_mqtt::QoS;
use castmq_observe::{Event, Kind};
use castmq_otp::{Entry, Lanes, Process, Restart};
use castmq_rules::WallTime;
use castmq_rules::alarm::{Alarm as Active, Alarms, PastAlarm, Severity};
use serde_json::json;

use crate::parcel::Parcel;
use crate::{Local, Shard, broker, kinds};

/// Past alarms remembered.
const PAST_MAX: usize = 1000;

/// The alarm process.
#[derive(Debug)]
pub struct Alarm {
    alarms: Alarms,
}

/// What the alarm process is told.
#[derive(Clone, Debug)]
pub enum AlarmEntry {
    /// Something is wrong.
    Set {
        /// Which alarm.
        id: String,
        /// How bad it is.
        severity: Severity,
        /// What it is, in a few words.
        title: String,
        /// One line for people.
        summary: String,
    },
    /// It is over.
    Clear(String),
}

impl Entry for AlarmEntry {
    const NAMES: &'static [&'static str] = &["nothing", "Set", "Clear"];

    fn weight(&self) -> usize {
        256
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Set { .. } => 1,
            Self::Clear(_) => 2,
        }
    }
}

impl Default for Alarm {
    fn default() -> Self {
        Self {
            alarms: Alarms::new(PAST_MAX),
        }
    }
}

impl Alarm {
    /// What the rules know of them.
    pub(crate) fn alarms(&self) -> &Alarms {
        &self.alarms
    }

    /// The alarms that are set.
    pub fn active(&self) -> impl Iterator<Item = &Active> {
        self.alarms.active()
    }
}

impl Process for Alarm {
    type World = Local;
    type Entry = AlarmEntry;
    const KIND: Kind = kinds::ALARM;
    const RESTART: Restart = Restart::Permanent {
        restarts_max: 10,
        within: Duration::from_secs(3600),
    };

    fn lanes(world: &mut Local) -> &mut Lanes<Self> {
        &mut world.lanes.alarm
    }

    // emqttd: emqttd_alarm:handle_event/2
    fn take(&mut self, entry: AlarmEntry, shard: &mut Shard) {
        let wall = WallTime::from_epoch(shard.wall());
        match entry {
            AlarmEntry::Set {
                id,
                severity,
                title,
                summary,
            } => {
                let alarm = Active {
                    id,
                    severity,
                    title,
                    summary,
                    since: wall,
                };
                if self.alarms.set(alarm.clone()) {
                    raised(shard, &alarm);
                }
            }
            AlarmEntry::Clear(id) => {
                if let Some(past) = self.alarms.clear(&id, wall) {
                    cleared(shard, &past);
                }
            }
        }
    }

    fn restart(&mut self, _shard: &mut Shard) -> Option<Box<Self>> {
        Some(Box::new(Self {
            alarms: std::mem::replace(&mut self.alarms, Alarms::new(PAST_MAX)),
        }))
    }
}

fn raised(shard: &mut Shard, alarm: &Active) {
    let id = alarm.id.clone();
    shard.tell(
        Event::AlarmRaised,
        &[("alarm", &id), ("summary", &alarm.summary)],
    );
    let severity = match alarm.severity {
        Severity::Warning => "warning",
        Severity::Error => "error",
        Severity::Critical => "critical",
    };
    let payload = json!({
        "id": id,
        "severity": severity,
        "title": alarm.title,
        "summary": alarm.summary,
        "ts": alarm.since.since_epoch().as_secs(),
    });
    publish(shard, &id, "alert", &payload);
}

fn cleared(shard: &mut Shard, past: &PastAlarm) {
    let id = past.alarm.id.clone();
    shard.tell(Event::AlarmCleared, &[("alarm", &id)]);
    let payload = json!({ "id": id, "ts": past.cleared.since_epoch().as_secs() });
    publish(shard, &id, "clear", &payload);
}

fn publish(shard: &mut Shard, id: &str, what: &str, payload: &serde_json::Value) {
    // A client id may hold what a topic may not.
    let id = id.replace(['+', '#', '/'], "_");
    let payload = Bytes::from(payload.to_string());
    broker::publish_below(
        shard,
        &format!("alarms/{id}/{what}"),
        payload,
        QoS::AtMostOnce,
        false,
    );
}

/// Tells the alarm process, wherever it is.
pub fn tell(shard: &mut Shard, entry: AlarmEntry) {
    shard.post(0, Parcel::Alarm(entry));
}

impl crate::inspect::State for Alarm {
    fn state(&self, _times: crate::inspect::Times) -> serde_json::Value {
        serde_json::json!({
            "active": self.alarms.active().take(100).map(|alarm| &alarm.id).collect::<Vec<_>>(),
            "past": self.alarms.past().count(),
        })
    }
}
