//! The node as a whole: what it is, its stats and its metrics.

use std::collections::BTreeMap;

use castmq_settings::Fsync;
use serde::Serialize;

use super::time::rfc3339;
use super::{Inspect, InspectError};
use crate::node::Pressure;
use crate::stats;

/// The node.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NodeView {
    /// Its name.
    pub name: String,
    /// Of the program.
    pub version: String,
    /// When it was started.
    pub started_at: String,
    /// How long it has run.
    pub uptime_seconds: f64,
    /// How many arbiters it has.
    pub arbiters: u16,
    /// `running`, `draining`, `stopping`, or `trouble` when it cannot keep all its promises.
    pub status: &'static str,
    /// What the trouble is.
    pub trouble: Option<String>,
    /// Connected clients.
    pub clients: u64,
    /// Sessions, connected or not.
    pub sessions: u64,
    /// Where what outlives the process is kept; none where nothing does.
    pub store: Option<StoreView>,
    /// Memory of the process, where the system tells.
    pub memory_bytes: Option<u64>,
}

/// The store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StoreView {
    /// What it is, as in the settings.
    pub backend: String,
    /// When the disk takes everything, as in the settings.
    pub fsync: String,
    /// Commits since the start.
    pub commits_count: u64,
    /// Operations committed.
    pub ops_count: u64,
    /// Bytes of keys and values committed.
    pub committed_bytes: u64,
    /// Operations that wait to be committed.
    pub waiting_ops: u64,
    /// Bytes that wait to be committed.
    pub waiting_bytes: u64,
    /// How long the last commit took.
    pub last_commit_micros: u64,
    /// Commits that failed.
    pub failures_count: u64,
    /// Damaged rows that were left out.
    pub damaged_count: u64,
    /// Room that it takes on the disk, as of the last look.
    pub disk_bytes: u64,
    /// Room that is left on its disk, as of the last look; none where there is no disk.
    pub free_bytes: Option<u64>,
}

/// One of emqttd's stats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StatView {
    /// What it is now.
    pub value: u64,
    /// The most that was seen since the start.
    pub max: u64,
}

impl Inspect {
    /// The node as a whole. Asks nobody, so that it is there also when an arbiter hangs.
    #[must_use]
    pub fn node_view(&self) -> NodeView {
        let node = self.node();
        let times = self.times();
        let trouble = self.trouble();
        NodeView {
            name: node.settings.node.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: rfc3339(node.started),
            uptime_seconds: times.uptime().as_secs_f64(),
            arbiters: node.arbiters,
            status: if node.is_stopping() {
                "stopping"
            } else if node.is_draining() {
                "draining"
            } else if trouble.is_some() {
                "trouble"
            } else {
                "running"
            },
            trouble,
            clients: node.gauges.sum(|gauge| &gauge.clients),
            sessions: node.gauges.sum(|gauge| &gauge.sessions),
            store: self.store_view(),
            memory_bytes: resident_bytes(),
        }
    }

    /// Why promises cannot be kept, in a sentence.
    fn trouble(&self) -> Option<String> {
        let node = self.node();
        if node.has_given_up() {
            return Some("a process that the node cannot do without failed too often".to_owned());
        }
        if let Some(trouble) = crate::store::trouble_of(node) {
            return Some(trouble);
        }
        (node.pressure() >= Pressure::RefuseClients).then(|| {
            format!(
                "{} bytes are queued, more than bounds.node_memory: new clients are refused",
                node.queued_bytes()
            )
        })
    }

    fn store_view(&self) -> Option<StoreView> {
        let store = self.node().store.get()?;
        let stats = store.link.stats();
        let settings = &self.node().settings.store;
        Some(StoreView {
            backend: settings.backend.word().to_owned(),
            fsync: fsync(settings.fsync),
            commits_count: stats.commits,
            ops_count: stats.ops,
            committed_bytes: stats.bytes,
            waiting_ops: stats.waiting_ops,
            waiting_bytes: stats.waiting_bytes,
            last_commit_micros: stats.last_commit_micros,
            failures_count: stats.failures,
            damaged_count: stats.damaged,
            disk_bytes: stats.disk_bytes,
            free_bytes: stats.free_bytes,
        })
    }

    /// emqttd's stats by its names, `clients/count` and so on.
    ///
    /// # Errors
    ///
    /// [`InspectError::Busy`].
    pub fn stats(&self) -> Result<BTreeMap<String, StatView>, InspectError> {
        let maxima = self.ask(0, |shard| {
            let stats = shard.world.names.stats?;
            let stats = (shard.world.lanes.stats).peek(stats.slot, stats.generation)?;
            Some(stats.maxima().clone())
        })?;
        let maxima = maxima.unwrap_or_default();
        let row = |(name, value): (&'static str, u64)| {
            // It may be more now than when it was looked at last.
            let max = maxima.get(name).copied().unwrap_or(0).max(value);
            (format!("{name}/count"), StatView { value, max })
        };
        Ok(stats::now(self.node()).into_iter().map(row).collect())
    }

    /// All counters by emqttd's names.
    #[must_use]
    pub fn metrics(&self) -> BTreeMap<&'static str, u64> {
        let mut metrics = self.handle.metrics();
        let retained = crate::retainer::retained_now(self.node());
        metrics.insert("messages/retained", retained as u64);
        metrics
    }

    /// What wants to be looked at besides: gauges of the node that emqttd has not.
    #[must_use]
    pub fn gauges(&self) -> BTreeMap<&'static str, u64> {
        let node = self.node();
        let sum = |gauge: fn(&stats::Gauge) -> &std::sync::atomic::AtomicU64| {
            node.gauges.sum(|cells| gauge(cells))
        };
        BTreeMap::from([
            ("connections/count", sum(|gauge| &gauge.connections)),
            ("connections/paused", sum(|gauge| &gauge.paused)),
            ("lanes/bytes", sum(|gauge| &gauge.lanes_bytes)),
            ("store/waiting_bytes", sum(|gauge| &gauge.unstored)),
            ("queues/bytes", node.queued_bytes() as u64),
        ])
    }
}

fn fsync(fsync: Fsync) -> String {
    match fsync {
        Fsync::Always => "always".to_owned(),
        Fsync::Interval(interval) => format!("every {} ms", interval.as_millis()),
        Fsync::Never => "never".to_owned(),
    }
}

/// Memory of the process as the system counts it.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}
