//! Other clients beside a subscriber that never reads and a publisher that floods it.
//!
//! Windows without and with the disturbance take turns, so that both see the same machine; what is
//! compared are the medians of the windows' 99th percentiles. The clients stand for machines of their
//! own: the broker leaves one processor to those measured, and the flood runs at the lowest priority.
//! With every processor taken, what is measured is how the system shares them out.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::clock;
use crate::connection::{Connection, Ended, PATIENCE};
use crate::mixed::Outcome;
use crate::subject::Subject;
use crate::verdict::Verdict;
use crate::wire::{Connect, Packet, Publish, Version};

/// Clients whose latency is measured.
const METERS: usize = 4;
/// Between two messages of one of them.
const PACE: Duration = Duration::from_millis(3);
/// A window without and one with the disturbance take about this long together: much less than the
/// broker's patience with a client that reads nothing (30 s), so that it is there in the whole window.
const ROUND: Duration = Duration::from_secs(2);
/// Pairs of windows, at least.
const ROUNDS_MIN: u32 = 5;
/// Bytes of a message of the flood.
const FLOOD_BYTES: usize = 1024;
/// How long a disturbance goes on before its window opens.
const ONSET: Duration = Duration::from_millis(300);
/// Whoever else works on this machine can spoil a measurement, but cannot make a good one out of a bad
/// broker.
const ATTEMPTS: u32 = 3;
/// How much slower the 99th percentile may be.
const FACTOR: u32 = 2;
/// What memory may grow: two queues of 10 000 messages of 1 KiB with their entries, 32 MiB in the lanes
/// of two arbiters, 4 MiB between them both ways, and 10 MiB for the allocator.
const GROWTH_BYTES: u64 = 2 * 10_000 * (1024 + 256) + 2 * (32 << 20) + 2 * (4 << 20) + (10 << 20);

/// No window is open.
const CLOSED: usize = usize::MAX;

/// What the meters share.
#[derive(Debug)]
struct Course {
    address: SocketAddr,
    /// The open window: even ones are undisturbed, odd ones are disturbed.
    window: AtomicUsize,
    is_over: AtomicBool,
    samples: Vec<Mutex<Vec<Duration>>>,
    verdict: Verdict,
}

/// One for each processor but one.
#[must_use]
pub fn arbiters() -> u16 {
    thread::available_parallelism()
        .ok()
        .and_then(|processors| u16::try_from(processors.get() - 1).ok())
        .map_or(1, |arbiters| arbiters.max(1))
}

/// Measures for about that long and judges; again, up to three times, when something was amiss.
///
/// # Errors
///
/// The broker has died, or the system does not let us work.
pub fn run(subject: &Subject, length: Duration) -> anyhow::Result<Outcome> {
    let mut summaries = Vec::new();
    let mut breaches = Vec::new();
    for _ in 0..ATTEMPTS {
        let outcome = attempt(subject, length)?;
        summaries.push(outcome.summary);
        breaches = outcome.breaches;
        if breaches.is_empty() {
            break;
        }
    }
    Ok(Outcome {
        breaches,
        summary: summaries.join("\n"),
    })
}

fn attempt(subject: &Subject, length: Duration) -> anyhow::Result<Outcome> {
    let rounds = (length.as_secs() / ROUND.as_secs()).max(ROUNDS_MIN.into());
    let rounds = usize::try_from(rounds).context("a length")?;
    let course = Course {
        address: subject.address(),
        window: AtomicUsize::new(CLOSED),
        is_over: AtomicBool::new(false),
        samples: (0..2 * rounds).map(|_| Mutex::default()).collect(),
        verdict: Verdict::default(),
    };
    let window = ROUND / 2 - ONSET;
    let memory = thread::scope(|scope| {
        for number in 0..METERS {
            let course = &course;
            scope.spawn(move || {
                if let Err(ended) = measure(course, number) {
                    course.verdict.breach(format!("meter {number}: {ended}"));
                }
            });
        }
        let memory = go(subject, &course, window);
        course.is_over.store(true, Relaxed);
        memory
    })?;
    judge(&course, memory)
}

/// Opens and closes the windows; returns memory before the first and its peak.
fn go(subject: &Subject, course: &Course, window: Duration) -> anyhow::Result<(u64, u64)> {
    thread::sleep(ONSET);
    let before = subject.resident()?.unwrap_or_default();
    let mut peak = before;
    for round in 0..course.samples.len() / 2 {
        thread::sleep(ONSET);
        open(course, 2 * round, window);
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            let disturbance = scope.spawn(|| disturb(course.address, &is_over));
            thread::sleep(ONSET);
            open(course, 2 * round + 1, window);
            peak = peak.max(subject.resident().ok().flatten().unwrap_or_default());
            is_over.store(true, Relaxed);
            disturbance.join()
        })
        .map_err(|_| anyhow::anyhow!("the disturbance panicked"))?
        .context("the disturbance")?;
    }
    Ok((before, peak))
}

fn open(course: &Course, number: usize, length: Duration) {
    course.window.store(number, Relaxed);
    thread::sleep(length);
    course.window.store(CLOSED, Relaxed);
}

fn connect(address: SocketAddr, client_id: &str) -> Result<Connection, Ended> {
    Connection::connect(
        address,
        &Connect {
            version: Version::V311,
            client_id,
            is_clean: true,
            expiry_seconds: 0,
            will: None,
        },
    )
}

/// Two subscribers that never read, with QoS 0 and 1, and a flood for them.
fn disturb(address: SocketAddr, is_over: &AtomicBool) -> anyhow::Result<()> {
    // On Linux this is the priority of the calling thread alone.
    rustix::process::nice(19).context("lowest priority")?;
    let mut deaf = Vec::new();
    for qos in [0, 1] {
        let mut connection = connect(address, &format!("deaf-{qos}"))?;
        connection.subscribe("flood", qos, |_, _| Ok(()))?;
        deaf.push(connection);
    }
    let mut flood = connect(address, "flood")?;
    let payload = vec![b'~'; FLOOD_BYTES];
    let message = Publish {
        dup: false,
        qos: 0,
        retain: false,
        topic: "flood",
        id: 0,
        payload: &payload,
    };
    let many = message.bytes(Version::V311).repeat(32);
    while !is_over.load(Relaxed) {
        flood.write(&many)?;
    }
    Ok(())
}

/// Sends itself messages and notes how long each takes.
fn measure(course: &Course, number: usize) -> Result<(), Ended> {
    let topic = format!("meter/{number}");
    let mut connection = connect(course.address, &format!("meter-{number}"))?;
    connection.subscribe(&topic, 0, |_, _| Ok(()))?;
    while !course.is_over.load(Relaxed) {
        let window = course.window.load(Relaxed);
        let sent = clock::now();
        connection.publish(&Publish {
            dup: false,
            qos: 0,
            retain: false,
            topic: &topic,
            id: 0,
            payload: b"tick",
        })?;
        match connection.receive(PATIENCE)? {
            Some(Packet::Publish { .. }) => {}
            Some(other) => return Err(Ended::Garbage(format!("{other:?} instead of a tick"))),
            None => return Err(Ended::Silent("tick")),
        }
        let took = clock::now() - sent;
        if let Some(samples) = course.samples.get(window)
            && course.window.load(Relaxed) == window
        {
            samples
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(took);
        }
        thread::sleep(PACE);
    }
    Ok(())
}

fn judge(course: &Course, (before, peak): (u64, u64)) -> anyhow::Result<Outcome> {
    let mut percentiles = [Vec::new(), Vec::new()];
    for (number, samples) in course.samples.iter().enumerate() {
        let mut samples = samples.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(percentile) = percentile_99(&mut samples) else {
            if course.verdict.breaches().is_empty() {
                bail!("window {number} saw no message");
            }
            break;
        };
        if let Some(kind) = percentiles.get_mut(number % 2) {
            kind.push(percentile);
        }
    }
    let [quiet, disturbed] = percentiles.map(median);
    course.verdict.expect(disturbed <= quiet * FACTOR, || {
        format!("p99 is {disturbed:?} beside the flood and {quiet:?} without it")
    });
    course.verdict.expect(peak <= before + GROWTH_BYTES, || {
        format!("memory grew from {before} to {peak} bytes, {GROWTH_BYTES} are its bound")
    });
    Ok(Outcome {
        breaches: course.verdict.breaches(),
        summary: format!(
            "p99 {quiet:?} undisturbed, {disturbed:?} disturbed; memory {} KiB before, {} KiB at \
             its peak",
            before / 1024,
            peak / 1024
        ),
    })
}

fn percentile_99(samples: &mut [Duration]) -> Option<Duration> {
    samples.sort_unstable();
    samples.get(samples.len() * 99 / 100).copied()
}

fn median(mut values: Vec<Duration>) -> Duration {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default()
}
