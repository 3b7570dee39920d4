//! Instructions by message, which no noise of the machine changes: CastMQ under callgrind.
//!
//! Each load runs twice, with few messages and with more; the difference is what the messages cost
//! without start and end. The same loads on a build that counts nothing tell what watching costs.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, ensure};

use crate::broker::Broker;
use crate::campaign::Load;
use crate::machine::Processors;
use crate::process::Running;

/// A load that is counted.
#[derive(Clone, Copy, Debug)]
pub struct Counted {
    /// Its name in the table.
    pub name: &'static str,
    /// What the generator is told besides the number of messages.
    arguments: &'static str,
    /// How many messages, the second time twice as many.
    messages: u32,
}

/// The loads that are counted: small messages, so that bytes weigh little. The pairs are odd in
/// number: connections are dealt to arbiters in turn, publishers before subscribers, so that with two
/// arbiters every pair is divided.
#[rustfmt::skip] // A line for each.
pub const COUNTED: &[Counted] = &[
    counted("p2p QoS 0", "p2p --clients 11 --window 64 --payload 16 --qos 0", 100_000),
    counted("p2p QoS 1", "p2p --clients 11 --window 64 --payload 16 --qos 1", 100_000),
    counted("p2p QoS 2", "p2p --clients 11 --window 64 --payload 16 --qos 2", 50_000),
    counted("fan-out to 100, QoS 0", "fanout --publishers 1 --subscribers 100 --payload 16 --qos 0", 2_000),
    counted("fan-out to 100, QoS 1", "fanout --publishers 1 --subscribers 100 --payload 16 --qos 1", 2_000),
];

/// The loads by which is seen what watching costs: counters and process records.
pub const WATCHED: [&str; 3] = ["p2p QoS 0", "p2p QoS 1", "fan-out to 100, QoS 0"];

/// What watching may cost, in percent of the instructions without it.
pub const WATCHING_MAX: f64 = 2.0;

/// How many arbiters the broker is given.
pub const ARBITERS: [u16; 2] = [1, 2];

const fn counted(name: &'static str, arguments: &'static str, messages: u32) -> Counted {
    Counted {
        name,
        arguments,
        messages,
    }
}

/// Messages that arrived, and the instructions of the whole run.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Count {
    messages: f64,
    instructions: f64,
}

/// What is needed to count.
#[derive(Debug)]
pub struct Counter<'a> {
    /// The castmq to count in.
    pub castmq: &'a Broker,
    /// Who runs where.
    pub processors: &'a Processors,
    /// How the generator is run.
    pub load: &'a Load,
}

impl Counter<'_> {
    /// Instructions of the broker by message that arrives.
    ///
    /// # Errors
    ///
    /// valgrind is missing, or a run fails.
    pub fn measure(&self, counted: &Counted, arbiters: u16) -> anyhow::Result<f64> {
        let broker = self
            .castmq
            .clone()
            .with_arguments(&["--arbiters", &arbiters.to_string()]);
        let run = |messages| {
            let arguments = format!("{} --messages {messages}", counted.arguments);
            self.count(&broker, &arguments)
        };
        each(run(counted.messages)?, run(2 * counted.messages)?)
    }

    fn count(&self, broker: &Broker, arguments: &str) -> anyhow::Result<Count> {
        let file = self.load.folder.join("callgrind.out");
        let option = format!("--callgrind-out-file={}", file.display());
        let broker = broker
            .clone()
            .run_by(&["valgrind", "--tool=callgrind", &option]);
        let running = Running::start(&broker, self.processors, &self.load.folder)?;
        let outcome = self.load.put_on(&running, arguments)?;
        // It writes its counts when it ends.
        running.stop()?;
        let publish = outcome.phase("publish").context("no phase publish")?;
        Ok(Count {
            messages: publish.operations,
            instructions: instructions(&file)?,
        })
    }
}

/// By how many percent the instructions of a build that watches are more than those of a blind one.
#[must_use]
pub fn watching_percent(watching: f64, blind: f64) -> f64 {
    (watching - blind) / blind * 100.0
}

fn each(short: Count, long: Count) -> anyhow::Result<f64> {
    let messages = long.messages - short.messages;
    ensure!(
        messages > 0.0,
        "the longer run had no more messages than the shorter one"
    );
    Ok((long.instructions - short.instructions) / messages)
}

fn instructions(file: &Path) -> anyhow::Result<f64> {
    let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    total(&text).with_context(|| format!("{}: no total", file.display()))
}

/// The line `totals: N` of a callgrind file; older ones have `summary: N`.
fn total(text: &str) -> Option<f64> {
    let value = |name: &str| {
        let line = text
            .lines()
            .rev()
            .find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    value("totals:").or_else(|| value("summary:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(messages: f64, instructions: f64) -> Count {
        Count {
            messages,
            instructions,
        }
    }

    #[test]
    fn the_start_is_subtracted() {
        let each = each(count(100.0, 5_000_000.0), count(200.0, 5_150_000.0)).unwrap();
        assert!((each - 1500.0).abs() < 1e-9);
    }

    #[test]
    fn runs_of_the_same_length_tell_nothing() {
        assert!(each(count(100.0, 5.0), count(100.0, 6.0)).is_err());
    }

    #[test]
    fn what_watching_costs_is_a_part_of_what_a_blind_build_takes() {
        assert!((watching_percent(1010.0, 1000.0) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn what_watching_costs_is_seen_by_loads_that_are_counted() {
        let is_counted = |name: &&str| COUNTED.iter().any(|counted| counted.name == *name);
        assert!(WATCHED.iter().all(is_counted));
    }

    #[test]
    fn the_total_is_read_from_callgrind_s_file() {
        assert_eq!(total("events: Ir\n\ntotals: 123456\n"), Some(123_456.0));
        assert_eq!(total("summary: 99\nfn=(1) x\n1 5\n"), Some(99.0));
        assert_eq!(total("events: Ir\n"), None);
    }
}
