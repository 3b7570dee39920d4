//! A campaign: the same scenarios against all brokers, round after round.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;

use crate::broker::Broker;
use crate::journal::{Absent, Journal, Line, Run};
use crate::machine::{Machine, Ticks};
use crate::outcome::Outcome;
use crate::process::{self, Running};
use crate::scenario::Scenario;

/// What a campaign does.
#[derive(Debug)]
pub struct Plan {
    /// How often.
    pub rounds: u32,
    /// What.
    pub scenarios: Vec<&'static Scenario>,
    /// Against whom, in this order.
    pub brokers: Vec<Broker>,
    /// Who cannot take part.
    pub absent: Vec<Absent>,
    /// How it is loaded.
    pub load: Load,
}

/// How the generator is run.
#[derive(Clone, Debug)]
pub struct Load {
    /// The castmq whose `bench` it is.
    pub generator: PathBuf,
    /// How long a load that has no end of its own lasts.
    pub seconds: f64,
    /// When a run that does not end is given up.
    pub limit: Duration,
    /// Where what is written meanwhile goes.
    pub folder: PathBuf,
}

/// Carries out a plan. The rounds of a scenario follow each other, and in each round every broker
/// has its turn, so that whatever happens to the machine happens to all of them.
///
/// # Errors
///
/// The journal cannot be written. A run that fails is noted in it, and no error.
pub fn run(
    plan: &Plan,
    machine: &Machine,
    journal: &mut Journal,
    mut say: impl FnMut(&str),
) -> anyhow::Result<()> {
    fs::create_dir_all(&plan.load.folder)?;
    journal.note(Line::Machine(machine.clone()))?;
    for broker in &plan.brokers {
        journal.note(Line::Broker(broker.participant()))?;
    }
    for absent in &plan.absent {
        journal.note(Line::Absent(absent.clone()))?;
    }
    machine.processors.stay_with_generator()?;
    for scenario in &plan.scenarios {
        for round in 1..=plan.rounds {
            for broker in &plan.brokers {
                if broker.keeps_files() && !scenario.is_about_files() {
                    continue;
                }
                let run = measure(&plan.load, machine, broker, scenario)
                    .map(|run| Run { round, ..run })?;
                say(&summary(&run, plan.rounds));
                journal.note(Line::Run(run))?;
            }
        }
    }
    Ok(())
}

/// One run: a fresh broker, one load.
fn measure(
    load: &Load,
    machine: &Machine,
    broker: &Broker,
    scenario: &Scenario,
) -> anyhow::Result<Run> {
    let calibration_us = machine.processors.calibrate()?;
    let before = Ticks::now();
    let outcome = Running::start(broker, &machine.processors, &load.folder)
        .and_then(|running| load.put_on(&running, scenario.arguments));
    let stolen = Ticks::now().stolen_since(before);
    let (outcome, failure) = match outcome {
        Ok(outcome) => (Some(outcome), None),
        Err(error) => (None, Some(format!("{error:#}"))),
    };
    Ok(Run {
        round: 0,
        scenario: scenario.name.to_owned(),
        broker: broker.name.clone(),
        calibration_us,
        stolen,
        outcome,
        failure,
    })
}

impl Load {
    /// Loads a broker and returns what the generator saw.
    ///
    /// # Errors
    ///
    /// The generator fails, does not end, or says what is not understood.
    pub fn put_on(&self, broker: &Running, arguments: &str) -> anyhow::Result<Outcome> {
        let mut command = self.command(broker.port, broker.pid(), arguments);
        let said = process::output(&mut command, &self.folder, self.limit)?;
        serde_json::from_str(&said).context("what the generator says")
    }

    fn command(&self, port: u16, pid: u32, arguments: &str) -> Command {
        let mut command = Command::new(&self.generator);
        command
            .arg("bench")
            .args(arguments.split_whitespace())
            .args(["--target", &format!("127.0.0.1:{port}")])
            .args(["--pid", &pid.to_string()])
            .args(["--duration", &self.seconds.to_string()])
            .arg("--json");
        command
    }
}

/// The line that tells that a run is over.
fn summary(run: &Run, rounds: u32) -> String {
    let head = format!(
        "{:<14} {}/{rounds} {:<10}",
        run.scenario, run.round, run.broker
    );
    let Some(outcome) = &run.outcome else {
        let reason = run.failure.as_deref().unwrap_or_default();
        return format!("{head} failed: {reason}");
    };
    let phase = |phase: &crate::outcome::Phase| {
        let cost = phase.broker_cpu_us_per_operation;
        let cost = cost.map_or_else(|| "?".to_owned(), |cost| format!("{cost:.2}"));
        let pace = phase.per_second.unwrap_or_default();
        format!("{} {cost} µs, {pace:.0}/s", phase.name)
    };
    let phases: Vec<_> = outcome.phases.iter().map(phase).collect();
    let faults: Vec<_> = outcome
        .faults
        .named()
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    let mut line = format!("{head} {}", phases.join("; "));
    if !faults.is_empty() {
        line.push_str("; faults: ");
        line.push_str(&faults.join(", "));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Faults, Phase};

    fn run() -> Run {
        Run {
            round: 2,
            scenario: "conn".into(),
            broker: "castmq".into(),
            calibration_us: 50_000.0,
            stolen: 0.0,
            outcome: None,
            failure: Some("exit status: 1".into()),
        }
    }

    #[test]
    fn the_generator_is_told_where_the_broker_is() {
        let load = Load {
            generator: "/x/castmq".into(),
            seconds: 1.5,
            limit: Duration::from_secs(1),
            folder: "/x".into(),
        };
        let command = load.command(1884, 77, "p2p --qos 1");
        let words: Vec<_> = command
            .get_args()
            .map(|word| word.to_str().unwrap())
            .collect();
        assert_eq!(
            words.join(" "),
            "bench p2p --qos 1 --target 127.0.0.1:1884 --pid 77 --duration 1.5 --json"
        );
    }

    #[test]
    fn a_run_that_failed_says_why() {
        assert_eq!(
            summary(&run(), 7),
            "conn           2/7 castmq     failed: exit status: 1"
        );
    }

    #[test]
    fn a_run_tells_the_cost_of_each_phase_and_the_faults() {
        let outcome = Outcome {
            scenario: "conn".into(),
            options: serde_json::Value::Null,
            seconds: serde_json::Value::Null,
            phases: vec![Phase {
                name: "connect".into(),
                per_second: Some(25_000.4),
                broker_cpu_us_per_operation: Some(34.004),
                ..Phase::default()
            }],
            faults: Faults {
                closed: 3,
                ..Faults::default()
            },
            ok: true,
        };
        let run = Run {
            outcome: Some(outcome),
            ..run()
        };
        assert_eq!(
            summary(&run, 7),
            "conn           2/7 castmq     connect 34.00 µs, 25000/s; faults: 3 closed"
        );
    }
}
