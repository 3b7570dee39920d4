//! Mixed load with random disconnects, takeovers and malformed packets, and what must hold all the same.
//!
//! Four flows (QoS 1 and 2, 3.1.1 and 5.0) are followed message by message while their connections
//! break and are taken over; beside them, clients do whatever comes to mind and peers write what is not
//! MQTT. In the end nothing is lost or doubled, all processes are gone, memory has not grown, and the
//! broker's own books balance.

mod chaos;
mod flow;
mod malformed;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::clock;
use crate::connection::Connection;
use crate::random::Random;
use crate::subject::{Report, Subject};
use crate::verdict::Verdict;
use crate::wire::{Connect, DISCONNECT, Version};

/// How long the broker may take to put its house in order once everybody is gone.
const SETTLING: Duration = Duration::from_secs(15);
/// The run is that far when memory is first looked at, in percent.
const MARK_PERCENT: u32 = 30;
/// Memory at the end, in percent of that at the mark.
const GROWTH_PERCENT: u64 = 110;
/// In runs of less than five minutes caches and allocators are still filling at the mark.
const SHORT_RUN: Duration = Duration::from_secs(300);
/// What a short run may grow beyond the percentage.
const SHORT_RUN_SLACK_BYTES: u64 = 4 * 1024 * 1024;

/// What all threads of a run share.
#[derive(Debug)]
struct Run {
    address: std::net::SocketAddr,
    seed: u64,
    is_over: AtomicBool,
    verdict: Verdict,
    counts: Counts,
}

/// How much was going on.
#[derive(Debug, Default)]
struct Counts {
    published: AtomicU64,
    delivered: AtomicU64,
    repeated: AtomicU64,
    connections: AtomicU64,
    takeovers: AtomicU64,
    malformed: AtomicU64,
}

impl Run {
    fn goes_on(&self) -> bool {
        !self.is_over.load(Relaxed)
    }

    fn random(&self, part: u64) -> Random {
        Random::new(self.seed, part)
    }
}

/// What came out.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What went against the promises.
    pub breaches: Vec<String>,
    /// One line of numbers.
    pub summary: String,
}

/// Runs the mixed load for that long and judges.
///
/// # Errors
///
/// The broker has died, or the system does not let us work.
pub fn run(subject: &mut Subject, length: Duration, seed: u64) -> anyhow::Result<Outcome> {
    let run = Run {
        address: subject.address(),
        seed,
        is_over: AtomicBool::new(false),
        verdict: Verdict::default(),
        counts: Counts::default(),
    };
    let baseline = subject.report()?;
    let memory = thread::scope(|scope| {
        let flows = flow::start(scope, &run);
        chaos::start(scope, &run);
        malformed::start(scope, &run);
        let memory = watch_memory(subject, length);
        run.is_over.store(true, Relaxed);
        flow::finish(flows, &run);
        memory
    })?;
    judge_memory(&run, memory, length);
    discard_sessions(&run)?;
    if let Some(baseline) = baseline {
        let end = settle(subject, &baseline)?;
        judge_processes(&run, &baseline, &end);
        judge_books(&run, &baseline, &end);
    }
    Ok(Outcome {
        summary: summary(&run, memory),
        breaches: run.verdict.breaches(),
    })
}

/// Memory in bytes at the mark and at the end.
type Memory = Option<(u64, u64)>;

/// Sleeps through the run and looks at memory twice, each time at the median of a few moments.
fn watch_memory(subject: &Subject, length: Duration) -> anyhow::Result<Memory> {
    let start = clock::now();
    let mark = median_of_memory(subject, start + length * MARK_PERCENT / 100, length)?;
    let end = median_of_memory(subject, start + length, length)?;
    Ok(mark.zip(end))
}

fn median_of_memory(
    subject: &Subject,
    until: Instant,
    length: Duration,
) -> anyhow::Result<Option<u64>> {
    const SAMPLES: u32 = 5;
    let gap = length / 100;
    thread::sleep(clock::until(until).saturating_sub(gap * SAMPLES));
    let mut samples = Vec::new();
    for _ in 0..SAMPLES {
        thread::sleep(gap);
        samples.extend(subject.resident().context("resident memory")?);
    }
    samples.sort_unstable();
    Ok(samples.get(samples.len() / 2).copied())
}

/// A clean start of every client id ends whatever session is left.
fn discard_sessions(run: &Run) -> anyhow::Result<()> {
    for client_id in flow::client_ids().chain(chaos::client_ids()) {
        let connect = Connect {
            version: Version::V311,
            client_id: &client_id,
            is_clean: true,
            expiry_seconds: 0,
            will: None,
        };
        let mut connection = Connection::connect(run.address, &connect)
            .with_context(|| format!("clean start of {client_id} in the end"))?;
        connection.write(DISCONNECT)?;
    }
    Ok(())
}

/// The report once it is the baseline again, or the last one.
fn settle(subject: &mut Subject, baseline: &Report) -> anyhow::Result<Report> {
    let deadline = clock::now() + SETTLING;
    loop {
        let report = subject.report()?.context("it reported before")?;
        if report.processes == baseline.processes && held(&report) == 0 || clock::now() > deadline {
            return Ok(report);
        }
        thread::sleep(Duration::from_millis(100));
    }
}

fn judge_memory(run: &Run, memory: Memory, length: Duration) {
    let Some((mark, end)) = memory else { return };
    let slack = if length < SHORT_RUN {
        SHORT_RUN_SLACK_BYTES
    } else {
        0
    };
    run.verdict
        .expect(end <= mark * GROWTH_PERCENT / 100 + slack, || {
            format!(
                "memory grew from {mark} bytes at {MARK_PERCENT} % of the run to {end} at its end"
            )
        });
}

fn judge_processes(run: &Run, baseline: &Report, end: &Report) {
    run.verdict.expect(end.processes == baseline.processes, || {
        format!(
            "processes do not return to the baseline: {:?} before, {:?} after",
            baseline.processes, end.processes
        )
    });
    for failure in ["processes/panicked", "processes/restarted"] {
        let count = end.metric(failure);
        run.verdict
            .expect(count == 0, || format!("{failure} is {count}"));
    }
}

/// Every copy that was handed to a session was sent or is in the ledger.
fn judge_books(run: &Run, baseline: &Report, end: &Report) {
    let since = |name| end.metric(name) - baseline.metric(name);
    let handed = since("deliveries/handed");
    let sent = since("deliveries/sent");
    let dropped = since("deliveries/dropped");
    run.verdict.expect(handed == sent + dropped, || {
        format!("{handed} deliveries handed to sessions, but {sent} sent and {dropped} dropped")
    });
    let delivered = run.counts.delivered.load(Relaxed);
    run.verdict.expect(sent >= delivered, || {
        format!("{sent} deliveries counted as sent, but {delivered} arrived in the flows alone")
    });
    let received = since("messages/received");
    let published = run.counts.published.load(Relaxed);
    run.verdict.expect(received >= published, || {
        format!("{received} messages counted as received, but {published} were acknowledged")
    });
}

/// Deliveries that sessions still hold, by the broker's books.
fn held(report: &Report) -> u64 {
    report
        .metric("deliveries/handed")
        .abs_diff(report.metric("deliveries/sent") + report.metric("deliveries/dropped"))
}

fn summary(run: &Run, memory: Memory) -> String {
    let counts = &run.counts;
    let (mark, end) = memory.unwrap_or_default();
    format!(
        "seed {}: {} published, {} delivered, {} repeated, {} connections, {} takeovers, {} \
         malformed; memory {} KiB at the mark, {} KiB at the end",
        run.seed,
        counts.published.load(Relaxed),
        counts.delivered.load(Relaxed),
        counts.repeated.load(Relaxed),
        counts.connections.load(Relaxed),
        counts.takeovers.load(Relaxed),
        counts.malformed.load(Relaxed),
        mark / 1024,
        end / 1024,
    )
}
