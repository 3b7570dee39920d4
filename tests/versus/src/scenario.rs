//! The table of what is measured: the loads, and the rows that the report makes of them.

use Goal::{Added, BestPeer, Bytes, Ratio};
use Measure::{Cost, Memory};
use Promise::{AtLeastOnce, AtMostOnce, ExactlyOnce};

use crate::broker::{OURS, OURS_ON_DISK};
use crate::outcome::{Outcome, Promise};

/// The broker that all ratios refer to.
pub const REFERENCE: &str = "mosquitto";

/// The version of it that the goals were set against.
pub const REFERENCE_VERSION: &str = "2.0.11";

/// A load: what the generator is told, and what the broker has to keep.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// Its name, on the command line and in tables.
    pub name: &'static str,
    /// What the generator is told.
    pub arguments: &'static str,
    /// What its QoS says.
    pub promise: Promise,
}

/// A number that a scenario yields, and what CastMQ wants it to be.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Of which scenario.
    pub scenario: &'static str,
    /// What the number tells.
    pub measure: Measure,
    /// What it should be.
    pub goal: Goal,
}

/// How a number is taken from an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Processor time of the broker in microseconds by operation of a phase.
    Cost {
        /// The phase.
        phase: &'static str,
    },
    /// Resident memory of the broker in bytes by operation.
    Memory {
        /// The phase at whose start the memory is taken, and whose operations count.
        from: &'static str,
        /// The phase at whose end it is taken again.
        to: &'static str,
        /// What an operation leaves in memory.
        item: &'static str,
    },
}

/// What CastMQ wants a number to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// At most this part of what the reference costs.
    Ratio(f64),
    /// Not more than the best of the others.
    BestPeer,
    /// At most so many bytes.
    Bytes(f64),
    /// At most so many microseconds more than with the store in memory.
    Added(f64),
}

/// All loads, in the order in which they run.
#[rustfmt::skip] // A line for each.
pub const SCENARIOS: &[Scenario] = &[
    load("p2p-q0-16", "p2p --clients 50 --window 64 --payload 16 --qos 0", AtMostOnce),
    load("p2p-q0-256", "p2p --clients 50 --window 64 --payload 256 --qos 0", AtMostOnce),
    load("p2p-q0-4096", "p2p --clients 50 --window 64 --payload 4096 --qos 0", AtMostOnce),
    load("p2p-q1-16", "p2p --clients 50 --window 64 --payload 16 --qos 1", AtLeastOnce),
    load("p2p-q1-256", "p2p --clients 50 --window 64 --payload 256 --qos 1", AtLeastOnce),
    load("p2p-q1-4096", "p2p --clients 50 --window 64 --payload 4096 --qos 1", AtLeastOnce),
    load("p2p-q2-16", "p2p --clients 50 --window 64 --payload 16 --qos 2", ExactlyOnce),
    load("p2p-q2-256", "p2p --clients 50 --window 64 --payload 256 --qos 2", ExactlyOnce),
    load("p2p-q2-4096", "p2p --clients 50 --window 64 --payload 4096 --qos 2", ExactlyOnce),
    load("rate-q0", "p2p --clients 100 --rate 5000 --qos 0", AtMostOnce),
    load("rate-q1", "p2p --clients 100 --rate 5000 --qos 1", AtLeastOnce),
    load("rate-q2", "p2p --clients 100 --rate 5000 --qos 2", ExactlyOnce),
    load("fanout100-q0", "fanout --publishers 1 --subscribers 100 --qos 0", AtMostOnce),
    load("fanout100-q1", "fanout --publishers 1 --subscribers 100 --qos 1", AtLeastOnce),
    load("fanout1000-q0", "fanout --publishers 1 --subscribers 1000 --qos 0", AtMostOnce),
    load("fanout1000-q1", "fanout --publishers 1 --subscribers 1000 --qos 1", AtLeastOnce),
    load("fanin1-q0", "fanin --publishers 1000 --subscribers 1 --qos 0", AtMostOnce),
    load("fanin5-q1", "fanin --publishers 1000 --subscribers 5 --qos 1", AtLeastOnce),
    load("shared10-q0", "shared --publishers 10 --subscribers 10 --qos 0", AtMostOnce),
    load("shared10-q1", "shared --publishers 10 --subscribers 10 --qos 1", AtLeastOnce),
    load("wildcard-1k", "wildcard --clients 1000 --publishers 10 --filters 1000", AtMostOnce),
    load("wildcard-10k", "wildcard --clients 1000 --publishers 10 --filters 10000", AtMostOnce),
    load("wildcard-100k", "wildcard --clients 1000 --publishers 10 --filters 100000", AtMostOnce),
    load("retained-10k", "retained --messages 10000 --payload 64", AtLeastOnce),
    load("retained-100k", "retained --messages 100000 --payload 64", AtLeastOnce),
    load("durable-16", "p2p --clients 1 --window 16 --qos 1 --persistent", AtLeastOnce),
    load("durable-128", "p2p --clients 1 --window 128 --qos 1 --persistent", AtLeastOnce),
    load("durable-256", "p2p --clients 1 --window 256 --qos 1 --persistent", AtLeastOnce),
    load("durable-offline", "offline --clients 1000 --publishers 1 --window 256 --messages 100", AtLeastOnce),
    load("offline-wide", "offline --clients 1000 --messages 100", AtLeastOnce),
    load("offline-deep", "offline --clients 10 --messages 10000", AtLeastOnce),
    load("sessions", "offline --clients 10000 --messages 1", AtLeastOnce),
    load("churn", "churn --clients 50", ExactlyOnce),
    load("takeover", "churn --clients 50 --takeover", ExactlyOnce),
    load("conn", "conn --clients 10000 --subscribe", ExactlyOnce),
];

/// All rows, in the order of the tables.
#[rustfmt::skip] // A line for each.
pub const ROWS: &[Row] = &[
    cost("p2p-q0-16", "publish", Ratio(0.043)),
    cost("p2p-q1-16", "publish", Ratio(0.034)),
    cost("p2p-q2-16", "publish", Ratio(0.034)),
    cost("p2p-q0-256", "publish", Ratio(0.048)),
    cost("p2p-q1-256", "publish", Ratio(0.043)),
    cost("p2p-q2-256", "publish", Ratio(0.039)),
    cost("p2p-q0-4096", "publish", Ratio(0.14)),
    cost("p2p-q1-4096", "publish", Ratio(0.11)),
    cost("p2p-q2-4096", "publish", BestPeer),
    cost("rate-q0", "publish", BestPeer),
    cost("rate-q1", "publish", BestPeer),
    cost("rate-q2", "publish", BestPeer),
    cost("fanout100-q0", "publish", Ratio(0.08)),
    cost("fanout100-q1", "publish", Ratio(0.08)),
    cost("fanout1000-q0", "publish", Ratio(0.08)),
    cost("fanout1000-q1", "publish", Ratio(0.08)),
    cost("fanin1-q0", "publish", Ratio(0.18)),
    cost("fanin5-q1", "publish", Ratio(0.09)),
    cost("shared10-q0", "publish", Ratio(0.05)),
    cost("shared10-q1", "publish", Ratio(0.06)),
    cost("wildcard-1k", "publish", BestPeer),
    cost("wildcard-10k", "publish", BestPeer),
    cost("wildcard-100k", "publish", BestPeer),
    cost("retained-10k", "store", Ratio(0.20)),
    cost("retained-10k", "fetch", Ratio(0.20)),
    cost("retained-100k", "store", Ratio(0.20)),
    cost("retained-100k", "fetch", Ratio(0.20)),
    cost("durable-16", "publish", Added(22.0)),
    cost("durable-128", "publish", Added(13.0)),
    cost("durable-256", "publish", Added(8.0)),
    cost("durable-offline", "queue", BestPeer),
    cost("durable-offline", "drain", BestPeer),
    cost("offline-wide", "queue", Ratio(0.15)),
    cost("offline-wide", "drain", Ratio(0.30)),
    cost("offline-deep", "drain", Ratio(0.07)),
    cost("churn", "churn", BestPeer),
    cost("takeover", "takeover", BestPeer),
    cost("conn", "connect", BestPeer),
    memory("conn", ["connect", "connect"], "idle client", Bytes(2.8 * KIB)),
    memory("conn", ["connect", "subscribe"], "idle client with a subscription", Bytes(3.2 * KIB)),
    memory("sessions", ["connect", "leave"], "session without its client", Bytes(1.7 * KIB)),
    memory("wildcard-100k", ["subscribe", "subscribe"], "filter", Bytes(500.0)),
    memory("retained-100k", ["store", "store"], "retained message of 64 B", Bytes(500.0)),
    memory("offline-wide", ["queue", "queue"], "queued message", Bytes(380.0)),
];

const KIB: f64 = 1024.0;

const fn load(name: &'static str, arguments: &'static str, promise: Promise) -> Scenario {
    Scenario {
        name,
        arguments,
        promise,
    }
}

const fn cost(scenario: &'static str, phase: &'static str, goal: Goal) -> Row {
    Row {
        scenario,
        measure: Cost { phase },
        goal,
    }
}

const fn memory(
    scenario: &'static str,
    [from, to]: [&'static str; 2],
    item: &'static str,
    goal: Goal,
) -> Row {
    Row {
        scenario,
        measure: Memory { from, to, item },
        goal,
    }
}

impl Scenario {
    /// The one of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        SCENARIOS.iter().find(|scenario| scenario.name == name)
    }

    /// Whether messages are sent at a fixed rate, and not as many as go.
    #[must_use]
    pub fn has_rate(&self) -> bool {
        self.arguments.contains("--rate")
    }

    /// Whether it is about what brokers keep in files.
    #[must_use]
    pub fn is_about_files(&self) -> bool {
        self.name.starts_with("durable")
    }

    /// Those whose names begin with one of these, in the order of the table; all for no names.
    ///
    /// # Errors
    ///
    /// The name that no scenario begins with.
    pub fn chosen(beginnings: &[String]) -> Result<Vec<&'static Self>, String> {
        let begins = |beginning: &String| {
            SCENARIOS
                .iter()
                .any(|scenario| scenario.name.starts_with(beginning.as_str()))
        };
        if let Some(stranger) = beginnings.iter().find(|beginning| !begins(beginning)) {
            return Err(stranger.clone());
        }
        let is_chosen = |scenario: &&Self| {
            let mut names = beginnings.iter();
            beginnings.is_empty() || names.any(|name| scenario.name.starts_with(name.as_str()))
        };
        Ok(SCENARIOS.iter().filter(is_chosen).collect())
    }
}

impl Row {
    /// Which CastMQ the row is about.
    #[must_use]
    pub fn ours(&self) -> &'static str {
        let scenario = Scenario::named(self.scenario);
        if scenario.is_some_and(Scenario::is_about_files) {
            OURS_ON_DISK
        } else {
            OURS
        }
    }

    /// Its name in tables.
    #[must_use]
    pub fn name(&self) -> String {
        match self.measure {
            Cost {
                phase: "publish" | "churn" | "takeover",
            } => self.scenario.to_owned(),
            Cost { phase } => format!("{} {phase}", self.scenario),
            Memory { item, .. } => item.to_owned(),
        }
    }

    /// The number in an outcome of its scenario; `None` when it was not measured.
    #[must_use]
    pub fn value(&self, outcome: &Outcome) -> Option<f64> {
        match self.measure {
            Cost { phase } => outcome.phase(phase)?.broker_cpu_us_per_operation,
            Memory { from, to, .. } => {
                let (from, to) = (outcome.phase(from)?, outcome.phase(to)?);
                let grown = to.broker_rss_bytes_after? - from.broker_rss_bytes_before?;
                (from.operations > 0.0).then(|| grown / from.operations)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Faults, Phase};

    /// The phases that each of the generator's loads has.
    fn phases(scenario: &Scenario) -> &'static [&'static str] {
        match scenario.arguments.split_whitespace().next().unwrap() {
            "p2p" | "fanout" | "fanin" | "shared" => &["publish"],
            "wildcard" => &["subscribe", "publish"],
            "retained" => &["store", "fetch"],
            "offline" => &["connect", "leave", "queue", "drain"],
            "conn" => &["connect", "subscribe", "idle"],
            "churn" => &["churn", "takeover"],
            other => panic!("the generator has no {other}"),
        }
    }

    #[test]
    fn each_row_takes_a_phase_that_its_scenario_has() {
        for row in ROWS {
            let scenario = Scenario::named(row.scenario).unwrap();
            let taken = match row.measure {
                Cost { phase } => [phase, phase],
                Memory { from, to, .. } => [from, to],
            };
            for phase in taken {
                assert!(phases(scenario).contains(&phase), "{}: {phase}", row.name());
            }
        }
    }

    #[test]
    fn some_loads_have_a_fixed_rate() {
        assert!(Scenario::named("rate-q0").unwrap().has_rate());
        assert!(!Scenario::named("p2p-q0-16").unwrap().has_rate());
    }

    #[test]
    fn each_row_has_a_goal_that_fits_its_measure() {
        for row in ROWS {
            let fits = match row.goal {
                Ratio(part) => part > 0.0 && part < 1.0 && matches!(row.measure, Cost { .. }),
                BestPeer => matches!(row.measure, Cost { .. }),
                Bytes(most) => most > 0.0 && matches!(row.measure, Memory { .. }),
                Added(most) => most > 0.0 && row.ours() == OURS_ON_DISK,
            };
            assert!(fits, "{}", row.name());
        }
    }

    #[test]
    fn each_scenario_has_a_row() {
        for scenario in SCENARIOS {
            assert!(
                ROWS.iter().any(|row| row.scenario == scenario.name),
                "{}",
                scenario.name
            );
        }
    }

    #[test]
    fn names_are_given_once() {
        let mut names: Vec<_> = ROWS.iter().map(Row::name).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), ROWS.len());
    }

    #[test]
    fn scenarios_are_chosen_by_how_their_names_begin() {
        let chosen = Scenario::chosen(&["churn".into(), "rate".into()]).unwrap();
        let names: Vec<_> = chosen.iter().map(|scenario| scenario.name).collect();
        assert_eq!(names, ["rate-q0", "rate-q1", "rate-q2", "churn"]);
    }

    #[test]
    fn a_name_that_no_scenario_has_is_refused() {
        assert_eq!(
            Scenario::chosen(&["p2p".into(), "p3p".into()]).unwrap_err(),
            "p3p"
        );
    }

    fn outcome(phases: Vec<Phase>) -> Outcome {
        Outcome {
            scenario: "conn".into(),
            options: serde_json::Value::Null,
            seconds: serde_json::Value::Null,
            phases,
            faults: Faults::default(),
            ok: true,
        }
    }

    fn phase(name: &str, [before, after]: [f64; 2]) -> Phase {
        Phase {
            name: name.into(),
            operations: 10.0,
            broker_rss_bytes_before: Some(before),
            broker_rss_bytes_after: Some(after),
            ..Phase::default()
        }
    }

    #[test]
    fn memory_grows_from_the_start_of_one_phase_to_the_end_of_another() {
        let row = memory("conn", ["connect", "subscribe"], "client", Bytes(1.0));
        let seen = outcome(vec![
            phase("connect", [1000.0, 3000.0]),
            phase("subscribe", [3500.0, 5000.0]),
        ]);
        assert_eq!(row.value(&seen), Some(400.0));
    }

    #[test]
    fn a_phase_that_was_not_reached_yields_nothing() {
        let row = memory("conn", ["connect", "subscribe"], "client", Bytes(1.0));
        assert_eq!(
            row.value(&outcome(vec![phase("connect", [0.0, 9.0])])),
            None
        );
    }
}
