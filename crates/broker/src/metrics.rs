//! Metrics: counters of the node since its start.
//!
//! | | |
//! |---|---|
//! | emqttd | `emqttd_metrics` |
//! | Started by | [`sup`](crate::sup), one for the node, on arbiter 0 |
//! | Work runs in | its own turn (`$SYS`); whoever counts writes a cell of its arbiter |
//! | Waits for | nobody |
//! | Waited for by | nobody |
//! | If it dies | nothing is lost; its topics pause until the restart |
//! | Watch | `$SYS/brokers/<node>/metrics/#` |

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use castmq_mqtt::QoS;
use castmq_observe::Kind;
use castmq_otp::{Address, Entry, Lanes, Process, Restart};

use crate::ticker::Ticker;
use crate::{Local, Shard, broker, kinds, retainer};

/// The metrics process.
#[derive(Debug)]
pub struct Metrics {
    address: Address<Self>,
    ticker: Ticker,
}

/// What the metrics process hears: its timer.
#[derive(Debug)]
pub struct MetricsTick;

impl Entry for MetricsTick {
    const NAMES: &'static [&'static str] = &["nothing", "Tick"];

    fn weight(&self) -> usize {
        64
    }

    fn kind(&self) -> u8 {
        1
    }
}

impl Metrics {
    /// Starts the metrics process and its timer.
    pub fn start(shard: &mut Shard) -> Address<Self> {
        let interval = shard.world.node.settings.node.sys_interval;
        let ticker = Ticker::first(shard.now(), interval, 0);
        let address = shard.spawn("", |address| Self { address, ticker });
        if !interval.is_zero() {
            ticker.arm(shard, address);
        }
        address
    }
}

impl Process for Metrics {
    type World = Local;
    type Entry = MetricsTick;
    const KIND: Kind = kinds::METRICS;
    const RESTART: Restart = Restart::Permanent {
        restarts_max: 10,
        within: Duration::from_secs(3600),
    };

    fn lanes(world: &mut Local) -> &mut Lanes<Self> {
        &mut world.lanes.metrics
    }

    // emqttd: emqttd_metrics:handle_info/2 (tick)
    fn take(&mut self, _tick: MetricsTick, shard: &mut Shard) {
        if !self.ticker.is_due(shard) {
            return;
        }
        let interval = shard.world.node.settings.node.sys_interval;
        self.ticker.again(shard, self.address, interval);
        let node = Arc::clone(&shard.world.node);
        let retained = ("messages/retained", retainer::retained_now(&node) as u64);
        for (name, value) in node.counters.list().chain([retained]) {
            let payload = Bytes::from(value.to_string());
            broker::publish_below(
                shard,
                &format!("metrics/{name}"),
                payload,
                QoS::AtMostOnce,
                true,
            );
        }
    }

    fn restart(&mut self, shard: &mut Shard) -> Option<Box<Self>> {
        let interval = shard.world.node.settings.node.sys_interval;
        if !interval.is_zero() {
            self.ticker.again(shard, self.address, interval);
        }
        Some(Box::new(Self {
            address: self.address,
            ticker: self.ticker,
        }))
    }
}

impl crate::inspect::State for Metrics {
    fn state(&self, times: crate::inspect::Times) -> serde_json::Value {
        serde_json::json!({ "tells_at": times.text_since_start(self.ticker.due()) })
    }
}
