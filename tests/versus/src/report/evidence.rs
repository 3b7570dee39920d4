//! A journal, asked by row, scenario and broker.

use crate::journal::{Absent, Line, Participant, Run};
use crate::machine::Machine;
use crate::outcome::{Faults, Phase};
use crate::scenario::{Row, Scenario};

/// All that was seen.
#[derive(Debug, Default)]
pub(super) struct Evidence<'a> {
    pub(super) machine: Option<&'a Machine>,
    pub(super) brokers: Vec<&'a Participant>,
    pub(super) absent: Vec<&'a Absent>,
    runs: Vec<&'a Run>,
}

impl<'a> Evidence<'a> {
    pub(super) fn of(lines: &'a [Line]) -> Self {
        let mut evidence = Self::default();
        for line in lines {
            match line {
                Line::Machine(machine) => evidence.machine = Some(machine),
                Line::Broker(broker) => evidence.brokers.push(broker),
                Line::Absent(absent) => evidence.absent.push(absent),
                Line::Run(run) => evidence.runs.push(run),
            }
        }
        evidence
    }

    /// All runs.
    pub(super) fn runs(&self) -> impl Iterator<Item = &'a Run> {
        self.runs.iter().copied()
    }

    /// All runs of a scenario.
    pub(super) fn runs_of(&self, scenario: &str) -> impl Iterator<Item = &'a Run> {
        self.runs().filter(move |run| run.scenario == scenario)
    }

    /// The runs of a scenario against a broker.
    pub(super) fn runs_with(&self, scenario: &str, broker: &str) -> impl Iterator<Item = &'a Run> {
        self.runs_of(scenario)
            .filter(move |run| run.broker == broker)
    }

    /// A row's number in each round.
    pub(super) fn values(&self, row: &Row, broker: &str) -> Vec<(u32, f64)> {
        self.runs_with(row.scenario, broker)
            .filter_map(|run| Some((run.round, row.value(run.outcome.as_ref()?)?)))
            .collect()
    }

    /// A phase in each round.
    pub(super) fn phases(&self, scenario: &str, broker: &str, phase: &str) -> Vec<&'a Phase> {
        self.runs_with(scenario, broker)
            .filter_map(|run| run.outcome.as_ref()?.phase(phase))
            .collect()
    }

    /// The faults of all rounds together.
    pub(super) fn faults(&self, scenario: &str, broker: &str) -> Faults {
        self.runs_with(scenario, broker)
            .filter_map(|run| run.outcome.as_ref())
            .fold(Faults::default(), |sum, outcome| sum.and(outcome.faults))
    }

    /// Whether the broker did in every round what the scenario's QoS says.
    pub(super) fn keeps(&self, scenario: &str, broker: &str) -> bool {
        let Some(known) = Scenario::named(scenario) else {
            return false;
        };
        self.runs_with(scenario, broker).all(|run| {
            let outcome = run.outcome.as_ref();
            outcome.is_some_and(|outcome| outcome.keeps(known.promise))
        })
    }
}
