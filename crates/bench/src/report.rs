//! What a run has found, as a table for people and as JSON for programs.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::latency::Quantiles;

/// What a run has found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Its name.
    pub scenario: String,
    /// The options it was run with, the defaults included.
    pub options: Value,
    /// How long it took, from the first connection to the last.
    pub seconds: f64,
    /// What was measured, in the order in which it happened.
    pub phases: Vec<Phase>,
    /// What the broker did wrong.
    pub faults: Faults,
    /// Whether it did all that the quality of service promises.
    pub ok: bool,
    /// The first thing that went wrong, in words.
    #[serde(skip)]
    pub note: Option<String>,
}

/// One part of a run; `None` is what does not apply or could not be measured.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Phase {
    /// Its name.
    pub name: String,
    /// How much was done.
    pub operations: u64,
    /// Of what.
    pub unit: String,
    /// In which time.
    pub seconds: f64,
    /// Operations by seconds.
    pub per_second: f64,
    /// The processor time that the broker used.
    pub broker_cpu_us: Option<f64>,
    /// The same for each operation.
    pub broker_cpu_us_per_operation: Option<f64>,
    /// The broker's resident memory before.
    pub broker_rss_bytes_before: Option<u64>,
    /// The broker's resident memory afterwards.
    pub broker_rss_bytes_after: Option<u64>,
    /// By how much the broker grew for each connection, filter or message that it keeps.
    pub broker_bytes_per_item: Option<f64>,
    /// The processor time that the generator used for each operation.
    pub generator_cpu_us_per_operation: Option<f64>,
    /// How long the operations took.
    pub latency_us: Option<Quantiles>,
    /// By how much that is more than in an earlier phase without disturbance.
    pub latency_ratio: Option<Ratio>,
}

/// How many times as slow something is as without disturbance.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Ratio {
    /// In the middle.
    pub p50: f64,
    /// For the slowest of a hundred.
    pub p99: f64,
}

/// What the broker did wrong; as often as is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Faults {
    /// Messages that did not come.
    pub lost: u64,
    /// Messages that came again.
    pub duplicated: u64,
    /// Messages that came behind a later one of the same publisher.
    pub reordered: u64,
    /// Connections, subscriptions and messages that the broker did not accept.
    pub refused: u64,
    /// Connections that ended although nobody asked for it.
    pub closed: u64,
}

impl Faults {
    /// Adds what another thread or phase has found.
    pub(crate) fn add(&mut self, other: Self) {
        self.lost += other.lost;
        self.duplicated += other.duplicated;
        self.reordered += other.reordered;
        self.refused += other.refused;
        self.closed += other.closed;
    }

    /// Whether all is as it has to be with this quality of service: 0 may lose.
    pub(crate) fn are_allowed(self, qos: u8) -> bool {
        let lost = if qos == 0 { 0 } else { self.lost };
        let others = self.duplicated + self.reordered + self.refused + self.closed;
        lost + others == 0
    }
}

impl Phase {
    /// Without anything about the broker.
    pub(crate) fn new(name: &str, unit: &str, operations: u64, time: Duration) -> Self {
        let seconds = time.as_secs_f64();
        Self {
            name: name.to_owned(),
            operations,
            unit: unit.to_owned(),
            seconds,
            per_second: if seconds > 0.0 {
                operations as f64 / seconds
            } else {
                0.0
            },
            ..Self::default()
        }
    }

    /// With how much slower it was than that one.
    pub(crate) fn compared_with(mut self, undisturbed: &Self) -> Self {
        let both = self.latency_us.zip(undisturbed.latency_us);
        self.latency_ratio = both.map(|(this, other)| Ratio {
            p50: this.p50 / other.p50,
            p99: this.p99 / other.p99,
        });
        self
    }

    /// With what both processes have used.
    pub(crate) fn with_processor_time(mut self, broker: Option<Duration>, own: Duration) -> Self {
        let each = |microseconds: f64| {
            (self.operations > 0).then(|| microseconds / self.operations as f64)
        };
        let microseconds = |time: Duration| time.as_secs_f64() * 1e6;
        self.broker_cpu_us = broker.map(microseconds);
        self.broker_cpu_us_per_operation = broker.and_then(|time| each(microseconds(time)));
        self.generator_cpu_us_per_operation = each(microseconds(own));
        self
    }

    /// With the broker's memory before and afterwards, and how many things it keeps from then on.
    pub(crate) fn with_memory(mut self, memory: [Option<u64>; 2], items: u64) -> Self {
        let [before, after] = memory;
        self.broker_rss_bytes_before = before;
        self.broker_rss_bytes_after = after;
        if let (Some(before), Some(after), true) = (before, after, items > 0) {
            self.broker_bytes_per_item = Some((after as f64 - before as f64) / items as f64);
        }
        self
    }
}

impl Report {
    /// One JSON object on one line.
    #[must_use]
    pub fn json(&self) -> String {
        // A report has no keys but text, which is all that could fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.seconds;
        writeln!(formatter, "{} in {seconds:.1} s", self.scenario)?;
        for phase in &self.phases {
            write!(formatter, "\n{phase}")?;
        }
        let Faults {
            lost,
            duplicated,
            reordered,
            refused,
            closed,
        } = self.faults;
        let verdict = if self.ok { "ok" } else { "NOT OK" };
        write!(
            formatter,
            "\n{verdict}: {lost} lost, {duplicated} duplicated, {reordered} reordered, \
             {refused} refused, {closed} closed"
        )
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = &self.unit;
        writeln!(
            formatter,
            "{:<10} {:>14} {unit}s in {:.2} s, {:.0} a second",
            self.name, self.operations, self.seconds, self.per_second
        )?;
        if let Some(latency) = &self.latency_us {
            writeln!(
                formatter,
                "  latency   {:>14.1} µs p50, {:.1} p90, {:.1} p99, {:.1} p99.9, {:.1} at most",
                latency.p50, latency.p90, latency.p99, latency.p999, latency.max
            )?;
        }
        if let Some(Ratio { p50, p99 }) = self.latency_ratio {
            writeln!(
                formatter,
                "  undisturbed {p50:>12.2} times as slow in p50, {p99:.2} in p99"
            )?;
        }
        if let Some(total) = self.broker_cpu_us {
            let share = total / (self.seconds * 1e4);
            write!(formatter, "  broker    {share:>14.1} % of a processor")?;
            match self.broker_cpu_us_per_operation {
                Some(each) => writeln!(formatter, ", {each:.3} µs for each {unit}")?,
                None => writeln!(formatter)?,
            }
        }
        if let Some(each) = self.generator_cpu_us_per_operation {
            writeln!(formatter, "  generator {each:>14.3} µs for each {unit}")?;
        }
        if let (Some(before), Some(after)) =
            (self.broker_rss_bytes_before, self.broker_rss_bytes_after)
        {
            let mebibytes = |bytes: u64| bytes as f64 / (1024.0 * 1024.0);
            write!(
                formatter,
                "  memory    {:>14.1} MiB before, {:.1} MiB afterwards",
                mebibytes(before),
                mebibytes(after)
            )?;
            match self.broker_bytes_per_item {
                Some(each) => writeln!(formatter, ", {each:.0} bytes each")?,
                None => writeln!(formatter)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(lost: u64) -> Faults {
        Faults {
            lost,
            ..Faults::default()
        }
    }

    #[test]
    fn qos_0_may_lose_and_no_other_may() {
        assert!(lost(1).are_allowed(0));
        assert!(!lost(1).are_allowed(1));
        assert!(!lost(1).are_allowed(2));
    }

    #[test]
    fn qos_0_may_not_repeat_or_reorder() {
        let repeated = Faults {
            duplicated: 1,
            ..Faults::default()
        };
        let reordered = Faults {
            reordered: 1,
            ..Faults::default()
        };
        assert!(!repeated.are_allowed(0));
        assert!(!reordered.are_allowed(0));
    }

    #[test]
    fn costs_are_shared_by_the_operations() {
        let phase = Phase::new("publish", "message", 4, Duration::from_secs(2))
            .with_processor_time(Some(Duration::from_micros(8)), Duration::from_micros(2))
            .with_memory([Some(1000), Some(1400)], 4);
        assert_eq!(phase.per_second, 2.0);
        assert_eq!(phase.broker_cpu_us_per_operation, Some(2.0));
        assert_eq!(phase.generator_cpu_us_per_operation, Some(0.5));
        assert_eq!(phase.broker_bytes_per_item, Some(100.0));
    }

    #[test]
    fn people_read_what_a_phase_was_like() {
        let phase = Phase::new("connect", "connection", 4, Duration::from_secs(2))
            .with_processor_time(Some(Duration::from_millis(8)), Duration::from_millis(2))
            .with_memory([Some(1 << 20), Some(3 << 20)], 4);
        assert_eq!(
            phase.to_string(),
            "connect                 4 connections in 2.00 s, 2 a second\n  \
               broker               0.4 % of a processor, 2000.000 µs for each connection\n  \
               generator        500.000 µs for each connection\n  \
               memory               1.0 MiB before, 3.0 MiB afterwards, 524288 bytes each\n"
        );
    }

    #[test]
    fn a_storm_is_compared_with_the_calm_before_it() {
        let slow_by = |factor: f64| Phase {
            latency_us: Some(Quantiles {
                p50: 10.0 * factor,
                p90: 0.0,
                p99: 20.0 * factor * factor,
                p999: 0.0,
                max: 0.0,
            }),
            ..Phase::default()
        };
        let storm = slow_by(3.0).compared_with(&slow_by(1.0));
        assert_eq!(storm.latency_ratio, Some(Ratio { p50: 3.0, p99: 9.0 }));
        assert!(
            storm
                .to_string()
                .contains("3.00 times as slow in p50, 9.00 in p99")
        );
        let unknown = Phase::default().compared_with(&slow_by(1.0));
        assert_eq!(unknown.latency_ratio, None);
    }

    #[test]
    fn what_was_not_measured_is_null() {
        let phase = Phase::new("publish", "message", 0, Duration::ZERO)
            .with_processor_time(None, Duration::ZERO);
        let json = serde_json::to_value(&phase).unwrap();
        assert_eq!(json["broker_cpu_us"], Value::Null);
        assert_eq!(json["generator_cpu_us_per_operation"], Value::Null);
        assert_eq!(json["latency_us"], Value::Null);
    }
}
