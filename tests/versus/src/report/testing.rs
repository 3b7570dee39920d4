//! Journals to test with.

use crate::journal::{Absent, Line, Participant, Run};
use crate::machine::{Machine, Processors};
use crate::outcome::{Faults, Outcome, Phase};

/// A journal of these lines, with the machine and the brokers that they speak of.
pub(super) fn journal<const N: usize>(lines: [Line; N]) -> Vec<Line> {
    let mut names: Vec<String> = Vec::new();
    for line in &lines {
        if let Line::Run(run) = line
            && !names.contains(&run.broker)
        {
            names.push(run.broker.clone());
        }
    }
    let brokers = names.into_iter().map(|name| {
        Line::Broker(Participant {
            version: "1.0".into(),
            command: format!("/bin/{name}"),
            name,
        })
    });
    let machine = Line::Machine(Machine {
        processor: "A Processor".into(),
        memory_bytes: 8 << 30,
        kernel: "6.1".into(),
        commit: "abc".into(),
        processors: Processors {
            broker: 0,
            generator: vec![1],
        },
    });
    std::iter::once(machine)
        .chain(brokers)
        .chain(lines)
        .collect()
}

/// A run whose every phase costs so much and took so many bytes by item.
pub(super) fn run(scenario: &str, broker: &str, round: u32, cost: f64) -> Line {
    let phases = ["connect", "subscribe", "publish"].map(|name| Phase {
        name: name.into(),
        operations: 10.0,
        per_second: Some(1e6 / cost),
        broker_cpu_us_per_operation: Some(cost),
        broker_rss_bytes_before: Some(0.0),
        broker_rss_bytes_after: Some(cost * 10.0),
        ..Phase::default()
    });
    Line::Run(Run {
        round,
        scenario: scenario.into(),
        broker: broker.into(),
        calibration_us: 50_000.0 + 500.0 * f64::from(round),
        stolen: 0.01,
        outcome: Some(Outcome {
            scenario: scenario.into(),
            options: serde_json::Value::Null,
            seconds: serde_json::Value::Null,
            phases: phases.to_vec(),
            faults: Faults::default(),
            ok: true,
        }),
        failure: None,
    })
}

/// The same run, with messages lost.
pub(super) fn losing(line: Line, lost: u64) -> Line {
    change(line, |run| {
        let outcome = run.outcome.as_mut().unwrap();
        outcome.faults.lost = lost;
    })
}

/// The same run, failed.
pub(super) fn failing(line: Line, reason: &str) -> Line {
    change(line, |run| {
        run.outcome = None;
        run.failure = Some(reason.into());
    })
}

/// A broker that could not take part.
pub(super) fn absent(name: &str, reason: &str) -> Line {
    Line::Absent(Absent {
        name: name.into(),
        reason: reason.into(),
    })
}

fn change(line: Line, change: impl FnOnce(&mut Run)) -> Line {
    let Line::Run(mut run) = line else {
        panic!("not a run");
    };
    change(&mut run);
    Line::Run(run)
}
