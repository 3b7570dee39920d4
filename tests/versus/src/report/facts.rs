//! What stands around the numbers: conditions, rows that are lost, faults.

use super::evidence::Evidence;
use super::numbers::{bytes, grouped, number, percent, with_spread};
use super::standing::Standing;
use crate::broker::OURS;
use crate::outcome::Promise;
use crate::scenario::{Measure, REFERENCE, REFERENCE_VERSION, Row, SCENARIOS, Scenario};
use crate::statistics::Spread;

/// Where it was measured, with whom, and how even the machine was.
pub(super) fn conditions(evidence: &Evidence<'_>) -> String {
    let mut lines = vec!["### Conditions".to_owned(), String::new()];
    if let Some(machine) = evidence.machine {
        lines.push(format!(
            "- Machine: {}, {} GiB, Linux {}; {}.",
            machine.processor,
            machine.memory_bytes >> 30,
            machine.kernel,
            machine.processors.describe()
        ));
        lines.push(format!("- CastMQ at commit {}.", machine.commit));
    }
    for broker in &evidence.brokers {
        lines.push(format!(
            "- {} {}: `{}`",
            broker.name, broker.version, broker.command
        ));
        if broker.name == REFERENCE && broker.version != REFERENCE_VERSION {
            lines.push(format!(
                "- The goals were set against {REFERENCE} {REFERENCE_VERSION}."
            ));
        }
    }
    for absent in &evidence.absent {
        lines.push(format!("- {} is left out: {}", absent.name, absent.reason));
    }
    lines.push(noise(evidence));
    lines.join("\n") + "\n"
}

fn noise(evidence: &Evidence<'_>) -> String {
    let calibration = Spread::of(evidence.runs().map(|run| run.calibration_us));
    let stolen = Spread::of(evidence.runs().map(|run| run.stolen));
    let rounds = evidence.runs().map(|run| run.round).max();
    let (Some(calibration), Some(stolen), Some(rounds)) = (calibration, stolen, rounds) else {
        return "- Nothing was measured.".to_owned();
    };
    format!(
        "- Rounds: {rounds}. A loop that is always the same took {} µs on the broker's CPU, from \
         {} to {} ({}); at most {} of a run was stolen by the host.",
        grouped(calibration.median),
        grouped(calibration.least),
        grouped(calibration.most),
        percent(calibration.width()),
        percent(stolen.most)
    )
}

/// The rows in which CastMQ is not the cheapest.
pub(super) fn losses(evidence: &Evidence<'_>) -> String {
    let standings = Standing::all(evidence);
    let takes_part = evidence.brokers.iter().any(|broker| broker.name == OURS);
    if standings.is_empty() || !takes_part {
        return String::new();
    }
    let lost: Vec<_> = standings
        .iter()
        .filter(|standing| standing.is_lost())
        .map(loss)
        .collect();
    let list = if lost.is_empty() {
        "None of those measured.".to_owned()
    } else {
        lost.join("\n")
    };
    format!("### Rows that we lose\n\n{list}\n")
}

fn loss(standing: &Standing<'_>) -> String {
    let name = standing.row.name();
    let Some(ours) = standing.ours else {
        return format!("- {name}: {OURS} was not measured.");
    };
    if !standing.is_sound {
        return format!("- {name}: {OURS} did what the QoS forbids, or failed; see the faults.");
    }
    let Some(best) = standing.best else {
        return format!("- {name}: nobody to compare with.");
    };
    let is_open = best.ours_to_it.is_some_and(|ratio| ratio.least <= 1.0);
    let remark = if is_open { "; not in every round" } else { "" };
    format!(
        "- {name}: {}, {} has {}; {} times{remark}.",
        quantity(standing.row, ours.median),
        best.name,
        quantity(standing.row, best.value.median),
        with_spread(best.ours_to_it)
    )
}

fn quantity(row: &Row, value: f64) -> String {
    match row.measure {
        Measure::Cost { .. } => format!("{} µs", number(value)),
        Measure::Memory { .. } => bytes(value),
    }
}

/// What went wrong, and whether the QoS forbids it.
pub(super) fn faults(evidence: &Evidence<'_>) -> String {
    let lines: Vec<_> = SCENARIOS
        .iter()
        .flat_map(|scenario| {
            let brokers = evidence.brokers.iter();
            brokers.filter_map(|broker| fault(evidence, scenario, &broker.name))
        })
        .collect();
    let list = if lines.is_empty() {
        "None, of no broker.".to_owned()
    } else {
        let head = "| scenario | broker | all rounds together | |\n|---|---|---|---|\n";
        head.to_owned() + &lines.join("\n")
    };
    format!("### Faults\n\n{list}\n")
}

fn fault(evidence: &Evidence<'_>, scenario: &Scenario, broker: &str) -> Option<String> {
    let faults = evidence.faults(scenario.name, broker);
    let runs = || evidence.runs_with(scenario.name, broker);
    let mut said: Vec<_> = faults
        .named()
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    let reasons: Vec<_> = runs().filter_map(|run| run.failure.as_deref()).collect();
    if let Some(reason) = reasons.first() {
        said.push(format!(
            "{} of {} runs failed: {reason}",
            reasons.len(),
            runs().count()
        ));
    }
    let is_kept = evidence.keeps(scenario.name, broker);
    if said.is_empty() && !is_kept {
        said.push("the generator is not content".to_owned());
    }
    let verdict = if !is_kept {
        "forbidden †"
    } else if scenario.promise == Promise::AtMostOnce {
        "QoS 0 allows it"
    } else {
        "QoS 1 allows it"
    };
    let name = scenario.name;
    (!said.is_empty()).then(|| format!("| {name} | {broker} | {} | {verdict} |", said.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{absent, failing, journal, losing, run};
    use super::*;

    #[test]
    fn the_conditions_name_machine_brokers_and_who_is_left_out() {
        let lines = journal([
            run("p2p-q0-16", "castmq", 1, 1.0),
            run("p2p-q0-16", "castmq", 2, 1.0),
            absent("rumqttd", "error: no compiler"),
        ]);
        assert_eq!(
            conditions(&Evidence::of(&lines)),
            "### Conditions

- Machine: A Processor, 8 GiB, Linux 6.1; the broker on CPU 0, the load generator on CPU 1.
- CastMQ at commit abc.
- castmq 1.0: `/bin/castmq`
- rumqttd is left out: error: no compiler
- Rounds: 2. A loop that is always the same took 50 750 µs on the broker's CPU, from 50 500 to \
             51 000 (1.0 %); at most 1.0 % of a run was stolen by the host.
"
        );
    }

    #[test]
    fn another_version_of_the_reference_is_pointed_out() {
        let lines = journal([run("p2p-q0-16", "mosquitto", 1, 1.0)]);
        let text = conditions(&Evidence::of(&lines));
        assert!(
            text.contains("The goals were set against mosquitto 2.0.11."),
            "{text}"
        );
    }

    #[test]
    fn a_row_is_lost_to_a_cheaper_broker() {
        let lines = journal([
            run("p2p-q0-16", "castmq", 1, 3.0),
            run("p2p-q0-16", "rumqttd", 1, 2.0),
            run("p2p-q0-256", "castmq", 1, 1.0),
            run("p2p-q0-256", "rumqttd", 1, 2.0),
        ]);
        assert_eq!(
            losses(&Evidence::of(&lines)),
            "### Rows that we lose\n\n\
             - p2p-q0-16: 3.00 µs, rumqttd has 2.00 µs; 1.50 (1.50–1.50) times.\n"
        );
    }

    #[test]
    fn who_takes_no_part_loses_nothing() {
        let lines = journal([run("p2p-q0-16", "rumqttd", 1, 2.0)]);
        assert_eq!(losses(&Evidence::of(&lines)), "");
    }

    #[test]
    fn a_loss_that_some_round_does_not_show_is_told_so() {
        let lines = journal([
            run("p2p-q0-16", "castmq", 1, 1.5),
            run("p2p-q0-16", "rumqttd", 1, 2.0),
            run("p2p-q0-16", "castmq", 2, 3.0),
            run("p2p-q0-16", "rumqttd", 2, 2.0),
        ]);
        let text = losses(&Evidence::of(&lines));
        assert!(
            text.contains("1.12 (0.750–1.50) times; not in every round."),
            "{text}"
        );
    }

    #[test]
    fn memory_is_a_row_like_any_other() {
        let lines = journal([
            run("conn", "castmq", 1, 2048.0),
            run("conn", "mosquitto", 1, 700.0),
        ]);
        let text = losses(&Evidence::of(&lines));
        assert!(
            text.contains("- idle client: 2.00 KiB, mosquitto has 700 B;"),
            "{text}"
        );
    }

    #[test]
    fn faults_are_told_with_what_the_qos_says_about_them() {
        let lines = journal([
            losing(run("p2p-q0-16", "rumqttd", 1, 1.0), 3),
            losing(run("p2p-q1-16", "rumqttd", 1, 1.0), 4),
            losing(run("p2p-q1-16", "rumqttd", 2, 1.0), 5),
        ]);
        let text = faults(&Evidence::of(&lines));
        assert!(
            text.contains("| p2p-q0-16 | rumqttd | 3 lost | QoS 0 allows it |"),
            "{text}"
        );
        assert!(
            text.contains("| p2p-q1-16 | rumqttd | 9 lost | forbidden † |"),
            "{text}"
        );
    }

    #[test]
    fn runs_that_failed_are_told_with_the_reason() {
        let lines = journal([
            run("conn", "rmqtt", 1, 1.0),
            failing(run("conn", "rmqtt", 2, 1.0), "not ready after 120s"),
        ]);
        let text = faults(&Evidence::of(&lines));
        let row = "| conn | rmqtt | 1 of 2 runs failed: not ready after 120s | forbidden † |";
        assert!(text.contains(row), "{text}");
    }

    #[test]
    fn a_campaign_without_faults_says_so() {
        let lines = journal([run("conn", "rmqtt", 1, 1.0)]);
        assert_eq!(
            faults(&Evidence::of(&lines)),
            "### Faults\n\nNone, of no broker.\n"
        );
    }
}
