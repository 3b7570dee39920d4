//! The tables of numbers.

use super::evidence::Evidence;
use super::numbers::{NONE, bytes, grouped, median, number, percent, with_spread};
use super::standing::{Standing, Verdict};
use crate::broker::OURS;
use crate::scenario::{Goal, Measure, REFERENCE, ROWS, Row, Scenario};
use crate::statistics::{Spread, ratios};

/// Marks a number of a broker that broke its promise.
pub(super) const BROKEN: &str = " †";

/// Processor time: ours, the reference's, the goal, and the best of the others.
pub(super) fn costs(evidence: &Evidence<'_>) -> String {
    let mut table = Table::new(
        "### Processor time, and the goals",
        "µs of the broker's processor, user and system, by operation; ratios of the same round, \
         with the smallest and the largest. Noise is how far the calibration loop's times are \
         apart, and what the host stole meanwhile. Rows about files are those of castmq-disk; \
         what they may cost is set against castmq, whose store is in memory.",
        &[
            "row",
            OURS,
            REFERENCE,
            "ratio",
            "goal",
            "",
            "best peer",
            "its",
            "ratio to it",
            "noise",
        ],
    );
    let standings = Standing::all(evidence).into_iter();
    for standing in standings.filter(|standing| is_cost(standing.row)) {
        let best = standing.best;
        table.row([
            standing.row.name(),
            median(standing.ours),
            median(standing.reference),
            with_spread(standing.ratio),
            goal(standing.row.goal),
            verdict(&standing).to_owned(),
            best.map_or(NONE, |best| best.name).to_owned(),
            median(best.map(|best| best.value)),
            with_spread(standing.to_best()),
            noise(evidence, standing.row.scenario),
        ]);
    }
    table.finish()
}

/// Processor time of every broker.
pub(super) fn all_costs(evidence: &Evidence<'_>) -> String {
    let about = format!(
        "µs by operation, medians; behind them the ratio to {REFERENCE}. †: the broker did in \
         some round what the QoS forbids, or failed."
    );
    let mut table = Table::of_brokers("### Processor time of every broker", &about, evidence);
    for row in ROWS.iter().filter(|row| is_cost(row)) {
        let references = evidence.values(row, REFERENCE);
        table.brokers(row.name(), evidence, |broker| {
            let values = evidence.values(row, broker);
            let value = Spread::of(values.iter().map(|(_, value)| *value))?;
            let ratio = ratios(&values, &references).filter(|_| broker != REFERENCE);
            let ratio = ratio.map(|ratio| format!(" ({})", number(ratio.median)));
            let mark = mark(evidence, row, broker);
            Some(number(value.median) + &ratio.unwrap_or_default() + mark)
        });
    }
    table.finish()
}

/// How quick every broker was.
pub(super) fn paces(evidence: &Evidence<'_>) -> String {
    let about = "Medians; behind them how busy the broker's CPU was. Where it is not, the load \
                 generator was the limit, or the rate.";
    let mut table = Table::of_brokers("### Operations per second", about, evidence);
    for row in ROWS {
        let Measure::Cost { phase } = row.measure else {
            continue;
        };
        table.brokers(row.name(), evidence, |broker| {
            let phases = evidence.phases(row.scenario, broker, phase);
            let pace = Spread::of(phases.iter().filter_map(|phase| phase.per_second))?;
            let busy = Spread::of(phases.iter().filter_map(|phase| phase.busy()));
            let busy = busy.map_or_else(String::new, |busy| {
                format!(" ({:.0} %)", busy.median * 100.0)
            });
            Some(grouped(pace.median) + &busy + mark(evidence, row, broker))
        });
    }
    table.finish()
}

/// How long messages are under way where their rate is fixed; elsewhere they only queue.
pub(super) fn latencies(evidence: &Evidence<'_>) -> String {
    let about = "µs from when a message was due until it arrived: the median and the 99th \
                 percentile, medians of all rounds.";
    let mut table = Table::of_brokers("### Latency at a fixed rate", about, evidence);
    for row in ROWS {
        let has_rate = Scenario::named(row.scenario).is_some_and(Scenario::has_rate);
        let Measure::Cost { phase } = row.measure else {
            continue;
        };
        table.brokers(row.name(), evidence, |broker| {
            let phases = evidence.phases(row.scenario, broker, phase);
            let phases = if has_rate { phases } else { Vec::new() };
            let percentile = |name: &str| {
                let of = |latency: &serde_json::Value| latency.get(name)?.as_f64();
                Spread::of(
                    phases
                        .iter()
                        .filter_map(|phase| of(phase.latency_us.as_ref()?)),
                )
            };
            let (half, most) = (percentile("p50")?, percentile("p99")?);
            Some(format!("{} / {}", number(half.median), number(most.median)))
        });
    }
    table.finish()
}

/// Memory of every broker.
pub(super) fn memory(evidence: &Evidence<'_>) -> String {
    let about = "Growth of the resident memory by each of these; medians. The kernel's socket \
                 buffers are not in it.";
    let mut table = Table::new("### Memory", about, &["one", "goal", ""]);
    table.columns(evidence.brokers.iter().map(|broker| broker.name.as_str()));
    for standing in Standing::all(evidence) {
        if is_cost(standing.row) {
            continue;
        }
        let (row, verdict) = (standing.row, verdict(&standing));
        let mut cells = vec![row.name(), goal(row.goal), verdict.to_owned()];
        cells.extend(evidence.brokers.iter().map(|broker| {
            let values = evidence.values(row, &broker.name);
            Spread::of(values.iter().map(|(_, value)| *value)).map_or_else(
                || NONE.to_owned(),
                |spread| bytes(spread.median) + mark(evidence, row, &broker.name),
            )
        }));
        table.row(cells);
    }
    table.finish()
}

fn is_cost(row: &Row) -> bool {
    matches!(row.measure, Measure::Cost { .. })
}

fn goal(goal: Goal) -> String {
    match goal {
        Goal::Ratio(most) => format!("{most}"),
        Goal::BestPeer => "best peer".to_owned(),
        Goal::Bytes(most) => bytes(most),
        Goal::Added(most) => format!("memory + {most} µs"),
    }
}

fn verdict(standing: &Standing<'_>) -> &'static str {
    match standing.verdict() {
        Verdict::Met => "met",
        Verdict::Missed => "missed",
        Verdict::Void => "void †",
        Verdict::Unknown => "?",
    }
}

fn mark(evidence: &Evidence<'_>, row: &Row, broker: &str) -> &'static str {
    if evidence.keeps(row.scenario, broker) {
        ""
    } else {
        BROKEN
    }
}

/// How uneven the machine was during a scenario.
fn noise(evidence: &Evidence<'_>, scenario: &str) -> String {
    let calibration = Spread::of(evidence.runs_of(scenario).map(|run| run.calibration_us));
    let stolen = Spread::of(evidence.runs_of(scenario).map(|run| run.stolen));
    let (Some(calibration), Some(stolen)) = (calibration, stolen) else {
        return NONE.to_owned();
    };
    let (width, stolen) = (percent(calibration.width()), percent(stolen.most));
    format!("{width}, stolen {stolen}")
}

/// A table that is left out when it has no rows.
struct Table {
    head: String,
    columns: Vec<String>,
    rows: Vec<String>,
}

impl Table {
    fn new(heading: &str, about: &str, columns: &[&str]) -> Self {
        Self {
            head: format!("{heading}\n\n{about}\n"),
            columns: columns.iter().map(|name| (*name).to_owned()).collect(),
            rows: Vec::new(),
        }
    }

    fn of_brokers(heading: &str, about: &str, evidence: &Evidence<'_>) -> Self {
        let mut table = Self::new(heading, about, &["row"]);
        table.columns(evidence.brokers.iter().map(|broker| broker.name.as_str()));
        table
    }

    fn columns<'a>(&mut self, names: impl Iterator<Item = &'a str>) {
        self.columns.extend(names.map(str::to_owned));
    }

    fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let cells: Vec<_> = cells.into_iter().collect();
        self.rows.push(format!("| {} |", cells.join(" | ")));
    }

    /// A row with a cell for each broker; none when no broker has one.
    fn brokers(
        &mut self,
        name: String,
        evidence: &Evidence<'_>,
        cell: impl Fn(&str) -> Option<String>,
    ) {
        let cells: Vec<_> = evidence
            .brokers
            .iter()
            .map(|broker| cell(&broker.name))
            .collect();
        if cells.iter().any(Option::is_some) {
            let texts = cells
                .into_iter()
                .map(|cell| cell.unwrap_or_else(|| NONE.to_owned()));
            self.row(std::iter::once(name).chain(texts));
        }
    }

    fn finish(self) -> String {
        if self.rows.is_empty() {
            return String::new();
        }
        let head = format!("| {} |", self.columns.join(" | "));
        let rule = format!("|{}", "---|".repeat(self.columns.len()));
        format!("{}\n{head}\n{rule}\n{}\n", self.head, self.rows.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{journal, losing, run};
    use super::*;

    fn rows(table: &str) -> Vec<&str> {
        table
            .lines()
            .filter(|line| line.starts_with('|'))
            .skip(2)
            .collect()
    }

    #[test]
    fn a_row_of_costs_tells_goal_and_best_peer() {
        let lines = journal([
            run("p2p-q0-256", "castmq", 1, 0.8),
            run("p2p-q0-256", "mosquitto", 1, 16.0),
            run("p2p-q0-256", "rumqttd", 1, 2.0),
            run("p2p-q0-256", "castmq", 2, 0.6),
            run("p2p-q0-256", "mosquitto", 2, 16.0),
            run("p2p-q0-256", "rumqttd", 2, 2.0),
        ]);
        assert_eq!(
            rows(&costs(&Evidence::of(&lines))),
            [
                "| p2p-q0-256 | 0.700 | 16.0 | 0.044 (0.037–0.050) | 0.048 | met | rumqttd | 2.00 \
                 | 0.350 (0.300–0.400) | 1.0 %, stolen 1.0 % |"
            ]
        );
    }

    #[test]
    fn every_broker_is_shown_and_who_broke_a_promise_is_marked() {
        let lines = journal([
            run("p2p-q1-256", "castmq", 1, 1.0),
            run("p2p-q1-256", "mosquitto", 1, 20.0),
            losing(run("p2p-q1-256", "rumqttd", 1, 2.0), 5),
        ]);
        assert_eq!(
            rows(&all_costs(&Evidence::of(&lines))),
            ["| p2p-q1-256 | 1.00 (0.050) | 20.0 | 2.00 (0.100) † |"]
        );
    }

    #[test]
    fn a_broker_that_was_not_measured_has_a_dash() {
        let lines = journal([
            run("p2p-q1-256", "castmq", 1, 1.0),
            run("p2p-q0-256", "mosquitto", 1, 20.0),
        ]);
        let table = all_costs(&Evidence::of(&lines));
        assert_eq!(
            rows(&table),
            ["| p2p-q0-256 | – | 20.0 |", "| p2p-q1-256 | 1.00 | – |"]
        );
    }

    #[test]
    fn the_pace_is_told_beside_the_cost() {
        let lines = journal([run("p2p-q0-256", "castmq", 1, 0.5)]);
        assert_eq!(
            rows(&paces(&Evidence::of(&lines))),
            ["| p2p-q0-256 | 2 000 000 (100 %) |"]
        );
    }

    #[test]
    fn memory_is_told_by_item_with_its_goal() {
        let lines = journal([
            run("conn", "castmq", 1, 2048.0),
            run("conn", "mosquitto", 1, 700.0),
        ]);
        assert_eq!(
            rows(&memory(&Evidence::of(&lines))),
            [
                "| idle client | 2.80 KiB | met | 2.00 KiB | 700 B |",
                "| idle client with a subscription | 3.20 KiB | met | 2.00 KiB | 700 B |",
            ]
        );
    }

    #[test]
    fn a_table_without_rows_is_left_out() {
        assert_eq!(
            latencies(&Evidence::of(&journal([run("conn", "castmq", 1, 1.0)]))),
            ""
        );
    }
}
