//! System monitor: tells of turns that took long and lanes that grew deep.
//!
//! | | |
//! |---|---|
//! | emqttd | `emqttd_sysmon` |
//! | Started by | [`sup`](crate::sup), one for the node, on arbiter 0 |
//! | Work runs in | its own turn; what it tells of is noticed by each dispatcher |
//! | Waits for | nobody |
//! | Waited for by | nobody |
//! | If it dies | its topics pause until the restart |
//! | Watch | `$SYS/brokers/<node>/sysmon/#`, events `sysmon.long_turn`, `sysmon.deep_lane` |

// differs: emqttd hears of long garbage collections, long schedules, large heaps and busy ports from
// the BEAM; what these stand for here are turns that keep others waiting and lanes that are not emptied.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use castmq_mqtt::QoS;
use castmq_observe::{Counter, Event, Kind};
use castmq_otp::{Address, Entry, Lanes, Process, Restart};
use castmq_rules::WallTime;
use castmq_rules::alarm::Severity;
use serde_json::json;

use crate::alarm::{Alarm, AlarmEntry};
use crate::ledger::Reason;
use crate::ticker::Ticker;
use crate::{Local, Shard, alarm, broker, kinds, ledger, store};

/// At most one message of each kind in this time, as in emqttd.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The alarm while nothing new is promised.
const STORE_ALARM: &str = "store";

/// Alarms of what has happened and is not going on, by the beginning of their names; they are over after
/// this time. What led to them stays in the recorder's dumps.
const PASSING: [&str; 2] = ["process_failed.", "invariant."];
const PASSING_AFTER: Duration = Duration::from_secs(3600);

/// What is told, and by which counter it is noticed.
const WATCHED: [(&str, Counter); 2] = [
    ("long_turn", Counter::RoundsLong),
    ("deep_lane", Counter::LanesDeep),
];

/// The system monitor.
#[derive(Debug)]
pub struct Sysmon {
    address: Address<Self>,
    told: [u64; WATCHED.len()],
    /// Whether the store was in trouble when it was last looked at.
    is_store_in_trouble: bool,
    /// Damaged rows of the store that were left out when it was last looked at.
    damaged: u64,
    ticker: Ticker,
}

/// What the system monitor hears: its timer.
#[derive(Debug)]
pub struct SysmonTick;

impl Entry for SysmonTick {
    const NAMES: &'static [&'static str] = &["nothing", "Tick"];

    fn weight(&self) -> usize {
        64
    }

    fn kind(&self) -> u8 {
        1
    }
}

impl Sysmon {
    /// Starts the system monitor and its timer.
    pub fn start(shard: &mut Shard) -> Address<Self> {
        let ticker = Ticker::first(shard.now(), LOOK_EVERY, 0);
        let address = shard.spawn("", |address| Self {
            address,
            told: [0; WATCHED.len()],
            is_store_in_trouble: false,
            damaged: 0,
            ticker,
        });
        ticker.arm(shard, address);
        address
    }
}

impl Sysmon {
    /// Raises and clears the alarm of the store.
    fn watch_store(&mut self, shard: &mut Shard) {
        let trouble = store::trouble(shard);
        if trouble.is_some() == self.is_store_in_trouble {
            return;
        }
        self.is_store_in_trouble = trouble.is_some();
        let Some(trouble) = trouble else {
            shard.tell(Event::StoreRecovered, &[]);
            return alarm::tell(shard, AlarmEntry::Clear(STORE_ALARM.to_owned()));
        };
        shard.tell(Event::StoreTrouble, &[("cause", &trouble)]);
        let entry = AlarmEntry::Set {
            id: STORE_ALARM.to_owned(),
            severity: Severity::Critical,
            title: "the store takes nothing safely".to_owned(),
            summary: trouble,
        };
        alarm::tell(shard, entry);
    }

    /// Clears the alarms of what happened long ago.
    fn clear_passing(shard: &mut Shard) {
        let now = WallTime::from_epoch(shard.wall());
        let alarms = shard.world.names.alarm.and_then(|alarm| {
            let lanes = &shard.world.lanes.alarm;
            lanes.peek(alarm.slot, alarm.generation)
        });
        let is_over = |id: &str, since: WallTime| {
            let age = now.since_epoch().saturating_sub(since.since_epoch());
            PASSING.iter().any(|passing| id.starts_with(passing)) && age >= PASSING_AFTER
        };
        let active = alarms.into_iter().flat_map(Alarm::active);
        let over: Vec<String> = active
            .filter(|alarm| is_over(&alarm.id, alarm.since))
            .map(|alarm| alarm.id.clone())
            .collect();
        for id in over {
            alarm::tell(shard, AlarmEntry::Clear(id));
        }
    }

    /// Messages that are damaged on the disk are left out of their queues, and counted.
    fn watch_damage(&mut self, shard: &mut Shard) {
        let damaged = store::damaged(shard);
        if damaged <= self.damaged {
            return;
        }
        let new = damaged - self.damaged;
        self.damaged = damaged;
        ledger::count(shard, Reason::DAMAGED, new);
        let cause = format!(
            "{new} rows are damaged and were left out; when the broker is stopped `castmq store check` \
             tells more"
        );
        shard.tell(Event::StoreReadFailed, &[("cause", &cause)]);
    }
}

impl Process for Sysmon {
    type World = Local;
    type Entry = SysmonTick;
    const KIND: Kind = kinds::SYSMON;
    const RESTART: Restart = Restart::Permanent {
        restarts_max: 10,
        within: Duration::from_secs(100),
    };

    fn lanes(world: &mut Local) -> &mut Lanes<Self> {
        &mut world.lanes.sysmon
    }

    // emqttd: emqttd_sysmon:handle_info/2
    fn take(&mut self, _tick: SysmonTick, shard: &mut Shard) {
        if !self.ticker.is_due(shard) {
            return;
        }
        self.ticker.again(shard, self.address, LOOK_EVERY);
        self.watch_store(shard);
        self.watch_damage(shard);
        Self::clear_passing(shard);
        let node = Arc::clone(&shard.world.node);
        for (told, (name, counter)) in self.told.iter_mut().zip(WATCHED) {
            let total = node.counters.read(counter);
            if total > *told {
                let payload = json!({ "new": total - *told, "total": total });
                let payload = Bytes::from(payload.to_string());
                *told = total;
                broker::publish_below(
                    shard,
                    &format!("sysmon/{name}"),
                    payload,
                    QoS::AtMostOnce,
                    false,
                );
            }
        }
    }

    fn restart(&mut self, shard: &mut Shard) -> Option<Box<Self>> {
        self.ticker.again(shard, self.address, LOOK_EVERY);
        Some(Box::new(Self {
            address: self.address,
            told: self.told,
            is_store_in_trouble: self.is_store_in_trouble,
            damaged: self.damaged,
            ticker: self.ticker,
        }))
    }
}

impl crate::inspect::State for Sysmon {
    fn state(&self, times: crate::inspect::Times) -> serde_json::Value {
        serde_json::json!({
            "looks_at": times.text_since_start(self.ticker.due()),
            "told": self.told,
            "is_store_in_trouble": self.is_store_in_trouble,
            "damaged_rows": self.damaged,
        })
    }
}
