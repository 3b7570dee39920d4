//! Metrics for Prometheus, by its conventions: what is counted ends in `_total`, units stand in the names,
//! and labels have few values, none of which clients can make up.

mod counters;
mod out;
mod processes;

use std::fmt;

use castmq_broker::Handle;
use castmq_broker::inspect::{ListenerView, PageRequest};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, prometheus_text};
use prometheus_client::registry::Registry;

use crate::problem::Problem;
use out::Out;

pub(crate) use prometheus_client::encoding::prometheus_text::CONTENT_TYPE;

/// Listeners that are shown.
const LISTENERS_MAX: u16 = 1000;

/// All metrics now.
///
/// # Errors
///
/// When the broker does not answer.
pub(crate) fn text(handle: &Handle, admin: AdminCounts) -> Result<String, Problem> {
    let page = PageRequest::default().limit(LISTENERS_MAX);
    let listeners = handle.inspect().listeners(&page)?.items;
    let mut registry = Registry::with_prefix("castmq");
    registry.register_collector(Box::new(Now {
        handle: handle.clone(),
        listeners,
        admin,
    }));
    let mut text = String::new();
    prometheus_text::encode(&mut text, &registry).map_err(|_| Problem::bug())?;
    Ok(text)
}

/// Open files, and how many there may be.
fn files(out: &mut Out<'_, '_>) -> fmt::Result {
    if let Some(open) = open_files() {
        out.gauge("open_fds", "Open files and sockets of the process", open)?;
    }
    if let Some(most) = most_files() {
        out.gauge("max_fds", "Files and sockets that it may open", most)?;
    }
    Ok(())
}

/// Open files, where the system tells; the one that is open for counting them is one.
fn open_files() -> Option<u64> {
    let files = std::fs::read_dir("/proc/self/fd").ok()?;
    u64::try_from(files.count()).ok()
}

/// How many there may be, where the system tells and sets a limit.
fn most_files() -> Option<u64> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// What the admin interface counts of itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AdminCounts {
    /// Wrong passwords and tokens.
    pub(crate) auth_failures: u64,
    /// Changes that were asked for by who may not.
    pub(crate) refused_changes: u64,
}

/// What is there when somebody looks.
#[derive(Debug)]
struct Now {
    handle: Handle,
    listeners: Vec<ListenerView>,
    admin: AdminCounts,
}

impl Collector for Now {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut out = Out(&mut encoder);
        counters::write(&mut out, &self.handle)?;
        self.node(&mut out)?;
        self.store(&mut out)?;
        processes::write(&mut out, &self.handle)?;
        self.timings(&mut out)?;
        self.listeners(&mut out)?;
        let help = "Wrong passwords and tokens shown to the admin interface";
        out.counter("admin_auth_failures", help, self.admin.auth_failures)?;
        let help = "Changes that viewers and pages of somebody else asked for";
        out.counter("admin_refused_changes", help, self.admin.refused_changes)
    }
}

impl Now {
    fn node(&self, out: &mut Out<'_, '_>) -> fmt::Result {
        let node = self.handle.inspect().node_view();
        let build = [
            ("version", node.version.as_str()),
            ("node", node.name.as_str()),
        ];
        out.info("build", "The broker's version and its node's name", &build)?;
        out.gauge(
            "uptime_seconds",
            "Since the start of the node",
            node.uptime_seconds,
        )?;
        out.gauge(
            "arbiters",
            "Threads that run connections and sessions",
            u32::from(node.arbiters),
        )?;
        let is_well = u32::from(node.status == "running");
        out.gauge(
            "node_running",
            "1 while the node neither stops nor is in trouble",
            is_well,
        )?;
        if let Some(bytes) = node.memory_bytes {
            out.gauge("resident_memory_bytes", "Memory of the process", bytes)?;
        }
        files(out)?;
        let helps = [
            ("clients", "Clients that are connected"),
            ("sessions", "Sessions, connected or not"),
            ("routes", "Filters that the node routes by"),
            ("topics", "Filters with subscribers, by arbiter, added up"),
            ("subscriptions", "Subscriptions of all sessions"),
            ("retained", "Topics with a retained message"),
        ];
        let stats = self.handle.stats();
        for (name, help) in helps {
            out.gauge(name, help, stats.get(name).copied().unwrap_or_default())?;
        }
        let helps = [
            (
                "connections/count",
                "connections",
                "Connections, also those without CONNECT",
            ),
            (
                "connections/paused",
                "connections_paused",
                "Connections that are not read for now",
            ),
            (
                "lanes/bytes",
                "lanes_bytes",
                "Bytes in the lanes of all processes",
            ),
            (
                "store/waiting_bytes",
                "store_unsubmitted_bytes",
                "Bytes that wait to be stored, by arbiters",
            ),
            (
                "queues/bytes",
                "queues_bytes",
                "Bytes in the queues of all sessions",
            ),
        ];
        let gauges = self.handle.inspect().gauges();
        for (key, name, help) in helps {
            out.gauge(name, help, gauges.get(key).copied().unwrap_or_default())?;
        }
        Ok(())
    }

    fn store(&self, out: &mut Out<'_, '_>) -> fmt::Result {
        let Some(store) = self.handle.inspect().node_view().store else {
            return Ok(());
        };
        out.counter(
            "store_commits",
            "Groups that were committed",
            store.commits_count,
        )?;
        out.counter(
            "store_operations",
            "Changes that were committed",
            store.ops_count,
        )?;
        out.counter(
            "store_written_bytes",
            "Bytes that were committed",
            store.committed_bytes,
        )?;
        out.counter(
            "store_failures",
            "Commits that failed",
            store.failures_count,
        )?;
        out.counter(
            "store_damaged_rows",
            "Rows that were found damaged",
            store.damaged_count,
        )?;
        out.gauge(
            "store_waiting_operations",
            "Changes that wait to be committed",
            store.waiting_ops,
        )?;
        out.gauge(
            "store_waiting_bytes",
            "Bytes that wait to be committed",
            store.waiting_bytes,
        )?;
        let help = "Bytes that the store takes on the disk";
        out.gauge("store_disk_bytes", help, store.disk_bytes)?;
        match store.free_bytes {
            Some(bytes) => out.gauge("store_free_bytes", "Free bytes on its disk", bytes),
            None => Ok(()),
        }
    }

    fn timings(&self, out: &mut Out<'_, '_>) -> fmt::Result {
        let timings = self.handle.inspect().timings();
        let help = "How long sampled entries waited in their lanes";
        out.histogram("lane_wait_seconds", help, &timings.wait)?;
        out.histogram("turn_seconds", "How long sampled turns took", &timings.turn)?;
        let help = "How long arbiters waited for what they had handed to the store";
        out.histogram("commit_seconds", help, &timings.commit)
    }

    fn listeners(&self, out: &mut Out<'_, '_>) -> fmt::Result {
        let all = &self.listeners;
        let rows = |value: fn(&ListenerView) -> u64| {
            all.iter()
                .map(move |one| ([("listener", one.name.as_str())], value(one)))
        };
        let accepted = rows(|one| one.accepted_count);
        out.counters("listener_accepted", "Connections accepted", accepted)?;
        let refused = rows(|one| one.refused_count);
        let help = "Connections refused before CONNECT";
        out.counters("listener_refused", help, refused)?;
        let ends = all.iter().flat_map(|one| {
            let counts = one.shutdown_count.iter();
            counts.map(|(reason, count)| {
                let labels = [("listener", one.name.as_str()), ("reason", *reason)];
                (labels, *count)
            })
        });
        out.counters("listener_closed", "Connections that ended, by reason", ends)?;
        let now = all.iter().map(|one| {
            (
                [("listener", one.name.as_str())],
                f64::from(one.connections),
            )
        });
        out.gauges("listener_connections", "Connections that are there", now)?;
        let paused = all.iter().map(|one| {
            (
                [("listener", one.name.as_str())],
                f64::from(u8::from(one.is_paused)),
            )
        });
        out.gauges("listener_paused", "1 while it accepts nobody", paused)
    }
}
