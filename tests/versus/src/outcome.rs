//! What the load generator says about a run: its JSON.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One run of one scenario against one broker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Which load.
    pub scenario: String,
    /// The generator's options.
    #[serde(default)]
    pub options: Value,
    /// How long it loaded.
    #[serde(default)]
    pub seconds: Value,
    /// What it did, in its order.
    pub phases: Vec<Phase>,
    /// What went wrong.
    pub faults: Faults,
    /// Whether the generator is content.
    pub ok: bool,
}

/// A part of a run that is measured by itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Phase {
    /// Which part.
    pub name: String,
    /// What was done, counted in `unit`.
    pub operations: f64,
    /// What an operation is.
    pub unit: String,
    /// How long it took.
    pub seconds: f64,
    /// Operations per second.
    pub per_second: Option<f64>,
    /// Processor time of the broker, user and system.
    pub broker_cpu_us: Option<f64>,
    /// The same by operation.
    pub broker_cpu_us_per_operation: Option<f64>,
    /// The broker's resident memory at the start.
    pub broker_rss_bytes_before: Option<f64>,
    /// The broker's resident memory at the end.
    pub broker_rss_bytes_after: Option<f64>,
    /// What the broker's memory grew by, by operation.
    pub broker_bytes_per_item: Option<f64>,
    /// Processor time of the generator by operation.
    pub generator_cpu_us_per_operation: Option<f64>,
    /// Percentiles, where they are measured.
    pub latency_us: Option<Value>,
}

/// How often what went wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Faults {
    /// Messages that did not arrive.
    pub lost: u64,
    /// Messages that arrived more than once.
    pub duplicated: u64,
    /// Messages that arrived after a later one.
    pub reordered: u64,
    /// Requests that the broker refused.
    pub refused: u64,
    /// Connections that the broker closed.
    pub closed: u64,
}

/// What the scenario's QoS says about messages that are lost or doubled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// QoS 0: none twice.
    AtMostOnce,
    /// QoS 1: none lost.
    AtLeastOnce,
    /// QoS 2: neither; also what holds where no messages are sent.
    ExactlyOnce,
}

impl Outcome {
    /// The phase of that name.
    #[must_use]
    pub fn phase(&self, name: &str) -> Option<&Phase> {
        self.phases.iter().find(|phase| phase.name == name)
    }

    /// Whether the broker kept that promise, and the generator had nothing else against it.
    #[must_use]
    pub fn keeps(&self, promise: Promise) -> bool {
        self.ok && self.faults.forbidden(promise) == 0
    }
}

impl Phase {
    /// The part of the time that the broker was at work.
    #[must_use]
    pub fn busy(&self) -> Option<f64> {
        Some(self.broker_cpu_us_per_operation? * self.per_second? / 1e6)
    }
}

impl Faults {
    /// How many of them that promise forbids. Order, refusals and closed connections are no matter
    /// of QoS: all of them are forbidden.
    #[must_use]
    pub fn forbidden(&self, promise: Promise) -> u64 {
        let always = self.reordered + self.refused + self.closed;
        match promise {
            Promise::AtMostOnce => always + self.duplicated,
            Promise::AtLeastOnce => always + self.lost,
            Promise::ExactlyOnce => always + self.lost + self.duplicated,
        }
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            lost: self.lost + other.lost,
            duplicated: self.duplicated + other.duplicated,
            reordered: self.reordered + other.reordered,
            refused: self.refused + other.refused,
            closed: self.closed + other.closed,
        }
    }

    /// Those that there are, with their names.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, u64)> {
        [
            ("lost", self.lost),
            ("duplicated", self.duplicated),
            ("reordered", self.reordered),
            ("refused", self.refused),
            ("closed", self.closed),
        ]
        .into_iter()
        .filter(|(_, count)| *count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the generator prints it.
    const SAMPLE: &str = r#"{"scenario":"p2p","options":{"qos":1},"seconds":1.5,"phases":[
        {"name":"publish","operations":1000,"unit":"message","seconds":1.5,"per_second":666.7,
         "broker_cpu_us":1200,"broker_cpu_us_per_operation":1.2,"broker_rss_bytes_before":1000,
         "broker_rss_bytes_after":2000,"broker_bytes_per_item":1.0,
         "generator_cpu_us_per_operation":0.7,"latency_us":null}],
        "faults":{"lost":0,"duplicated":2,"reordered":0,"refused":0,"closed":0},"ok":true}"#;

    fn sample() -> Outcome {
        serde_json::from_str(SAMPLE).unwrap()
    }

    #[test]
    fn the_generator_s_json_is_understood() {
        let outcome = sample();
        let publish = outcome.phase("publish").unwrap();
        assert_eq!(publish.broker_cpu_us_per_operation, Some(1.2));
        assert_eq!(publish.latency_us, None);
        assert_eq!(outcome.faults.duplicated, 2);
    }

    #[test]
    fn a_broker_whose_process_is_unknown_has_no_costs() {
        let phase: Phase = serde_json::from_str(r#"{"name":"churn","operations":5}"#).unwrap();
        assert_eq!(phase.broker_cpu_us_per_operation, None);
    }

    #[test]
    fn qos_1_allows_duplicates_and_the_others_do_not() {
        assert!(sample().keeps(Promise::AtLeastOnce));
        assert!(!sample().keeps(Promise::AtMostOnce));
        assert!(!sample().keeps(Promise::ExactlyOnce));
    }

    #[test]
    fn qos_0_allows_losses_and_the_others_do_not() {
        let faults = Faults {
            lost: 3,
            ..Faults::default()
        };
        assert_eq!(faults.forbidden(Promise::AtMostOnce), 0);
        assert_eq!(faults.forbidden(Promise::AtLeastOnce), 3);
        assert_eq!(faults.forbidden(Promise::ExactlyOnce), 3);
    }

    #[test]
    fn no_qos_allows_disorder() {
        let faults = Faults {
            reordered: 1,
            ..Faults::default()
        };
        assert_eq!(faults.forbidden(Promise::AtMostOnce), 1);
    }

    #[test]
    fn a_generator_that_is_not_content_is_believed() {
        let outcome = Outcome {
            ok: false,
            ..sample()
        };
        assert!(!outcome.keeps(Promise::AtLeastOnce));
    }
}
