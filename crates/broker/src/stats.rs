//! Stats: gauges of the node, with the highest value each has had.
//!
//! | | |
//! |---|---|
//! | emqttd | `emqttd_stats` |
//! | Started by | [`sup`](crate::sup), one for the node, on arbiter 0 |
//! | Work runs in | its own turn (maxima, `$SYS`); each arbiter writes its own gauges once a round |
//! | Waits for | nobody |
//! | Waited for by | nobody |
//! | If it dies | maxima are kept; its topics pause until the restart |
//! | Watch | `$SYS/brokers/<node>/stats/#` |

// differs: in emqttd each subscribe and unsubscribe sends a message to this one process (F13); here
// arbiters keep cells that are summed when somebody looks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use castmq_mqtt::QoS;
use castmq_observe::Kind;
use castmq_otp::{Address, Entry, Lanes, Process, Restart};

use crate::node::Node;
use crate::ticker::Ticker;
use crate::{Local, Shard, broker, kinds, retainer, router};

/// How often maxima are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

const LOOK_TAG: u8 = 0;
const TICK_TAG: u8 = 1;

/// emqttd's seven stats, in its order.
const NAMES: [&str; 7] = [
    "clients",
    "sessions",
    "routes",
    "topics",
    "subscribers",
    "subscriptions",
    "retained",
];

/// What one arbiter has now.
#[derive(Debug, Default)]
pub struct Gauge {
    /// Connected clients.
    pub clients: AtomicU64,
    /// Sessions, connected or not.
    pub sessions: AtomicU64,
    /// Filters with subscribers.
    pub topics: AtomicU64,
    /// Subscriptions of all sessions.
    pub subscriptions: AtomicU64,
    /// Connections, also those without CONNECT.
    pub connections: AtomicU64,
    /// Connections that are not read for now.
    pub paused: AtomicU64,
    /// Bytes in lanes.
    pub lanes_bytes: AtomicU64,
    /// Bytes that wait to be stored, and one if anything does.
    pub unstored: AtomicU64,
}

/// The gauges of all arbiters.
#[derive(Debug)]
pub struct Gauges(Vec<Arc<Gauge>>);

impl Gauges {
    /// Gauges for that many arbiters.
    #[must_use]
    pub fn new(arbiters: u16) -> Self {
        Self((0..arbiters).map(|_| Arc::default()).collect())
    }

    /// The sum of one gauge over all arbiters.
    #[must_use]
    pub fn sum(&self, gauge: impl Fn(&Gauge) -> &AtomicU64) -> u64 {
        self.0.iter().map(|cells| gauge(cells).load(Relaxed)).sum()
    }
}

/// Once a round: writes the arbiter's own gauges.
pub(crate) fn write(shard: &Shard) {
    let world = &shard.world;
    let Some(gauge) = world.node.gauges.0.get(usize::from(shard.arbiter)) else {
        return;
    };
    let set = |cell: &AtomicU64, value: usize| cell.store(value as u64, Relaxed);
    set(&gauge.clients, world.clients.len());
    set(&gauge.sessions, world.lanes.session.len());
    set(
        &gauge.topics,
        world.table.filters_now() + world.table.groups_now(),
    );
    set(&gauge.subscriptions, world.table.len());
    set(&gauge.connections, world.lanes.client.len());
    set(&gauge.paused, world.paused.len());
    set(&gauge.lanes_bytes, shard.lanes_bytes());
    let pending = &world.pending;
    set(
        &gauge.unstored,
        pending.bytes() + usize::from(!pending.is_idle()),
    );
}

/// emqttd's stats now, by name.
#[must_use]
pub fn now(node: &Node) -> [(&'static str, u64); 7] {
    let count = |number: usize| number as u64;
    let values = [
        node.gauges.sum(|gauge| &gauge.clients),
        node.gauges.sum(|gauge| &gauge.sessions),
        count(router::routes_now(node)),
        node.gauges.sum(|gauge| &gauge.topics),
        node.gauges.sum(|gauge| &gauge.subscriptions),
        node.gauges.sum(|gauge| &gauge.subscriptions),
        count(retainer::retained_now(node)),
    ];
    let mut stats = [("", 0); 7];
    for (place, (name, value)) in stats.iter_mut().zip(NAMES.into_iter().zip(values)) {
        *place = (name, value);
    }
    stats
}

/// The stats process.
#[derive(Debug)]
pub struct Stats {
    address: Address<Self>,
    look: Ticker,
    tick: Ticker,
    maxima: BTreeMap<&'static str, u64>,
}

/// What the stats process hears: its timers.
#[derive(Debug)]
pub struct StatsTick(pub u8);

impl Entry for StatsTick {
    const NAMES: &'static [&'static str] = &["nothing", "Look", "Tick"];

    fn weight(&self) -> usize {
        64
    }

    fn kind(&self) -> u8 {
        self.0 + 1
    }
}

impl Stats {
    /// Starts the stats process and its timers.
    pub fn start(shard: &mut Shard) -> Address<Self> {
        let interval = shard.world.node.settings.node.sys_interval;
        let look = Ticker::first(shard.now(), LOOK_EVERY, LOOK_TAG);
        let tick = Ticker::first(shard.now(), interval, TICK_TAG);
        let address = shard.spawn("", |address| Self {
            address,
            look,
            tick,
            maxima: BTreeMap::new(),
        });
        look.arm(shard, address);
        if !interval.is_zero() {
            tick.arm(shard, address);
        }
        address
    }

    /// The most that each of emqttd's stats has been.
    pub(crate) fn maxima(&self) -> &BTreeMap<&'static str, u64> {
        &self.maxima
    }

    fn note_maxima(&mut self, shard: &Shard) {
        for (name, value) in now(&shard.world.node) {
            let max = self.maxima.entry(name).or_default();
            *max = (*max).max(value);
        }
    }
}

impl Process for Stats {
    type World = Local;
    type Entry = StatsTick;
    const KIND: Kind = kinds::STATS;
    const RESTART: Restart = Restart::Permanent {
        restarts_max: 10,
        within: Duration::from_secs(3600),
    };

    fn lanes(world: &mut Local) -> &mut Lanes<Self> {
        &mut world.lanes.stats
    }

    // emqttd: emqttd_stats:handle_info/2 (tick)
    fn take(&mut self, tick: StatsTick, shard: &mut Shard) {
        let ticker = if tick.0 == LOOK_TAG {
            self.look
        } else {
            self.tick
        };
        if !ticker.is_due(shard) {
            return;
        }
        self.note_maxima(shard);
        if tick.0 == LOOK_TAG {
            self.look.again(shard, self.address, LOOK_EVERY);
            return;
        }
        let interval = shard.world.node.settings.node.sys_interval;
        self.tick.again(shard, self.address, interval);
        let node = Arc::clone(&shard.world.node);
        for (name, value) in now(&node) {
            let max = self.maxima.get(name).copied().unwrap_or(value);
            for (what, number) in [("count", value), ("max", max)] {
                let payload = Bytes::from(number.to_string());
                let below = format!("stats/{name}/{what}");
                broker::publish_below(shard, &below, payload, QoS::AtMostOnce, true);
            }
        }
    }

    fn restart(&mut self, shard: &mut Shard) -> Option<Box<Self>> {
        let interval = shard.world.node.settings.node.sys_interval;
        self.look.again(shard, self.address, LOOK_EVERY);
        if !interval.is_zero() {
            self.tick.again(shard, self.address, interval);
        }
        Some(Box::new(Self {
            address: self.address,
            look: self.look,
            tick: self.tick,
            maxima: std::mem::take(&mut self.maxima),
        }))
    }
}

impl crate::inspect::State for Stats {
    fn state(&self, times: crate::inspect::Times) -> serde_json::Value {
        serde_json::json!({
            "maxima": self.maxima,
            "looks_at": times.text_since_start(self.look.due()),
            "tells_at": times.text_since_start(self.tick.due()),
        })
    }
}
