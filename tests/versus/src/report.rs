//! Makes tables of a journal, in Markdown.

mod evidence;
mod facts;
mod numbers;
mod standing;
mod tables;
#[cfg(test)]
mod testing;

use evidence::Evidence;

use crate::journal::Line;

/// All tables.
#[must_use]
pub fn render(lines: &[Line]) -> String {
    let evidence = Evidence::of(lines);
    let parts = [
        facts::conditions(&evidence),
        tables::costs(&evidence),
        tables::all_costs(&evidence),
        tables::paces(&evidence),
        tables::latencies(&evidence),
        tables::memory(&evidence),
        facts::losses(&evidence),
        facts::faults(&evidence),
    ];
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("\n")
}

#[cfg(test)]
mod tests {
    use super::testing::{absent, journal, run};
    use super::*;

    #[test]
    fn a_report_of_nothing_says_so() {
        assert!(render(&[]).contains("Nothing was measured"));
    }

    #[test]
    fn a_report_has_its_parts_in_order() {
        let lines = journal([
            run("p2p-q0-256", "castmq", 1, 1.0),
            run("p2p-q0-256", "mosquitto", 1, 20.0),
            absent("rmqtt", "does not build"),
        ]);
        let report = render(&lines);
        let headings: Vec<_> = report
            .lines()
            .filter(|line| line.starts_with('#'))
            .collect();
        assert_eq!(
            headings,
            [
                "### Conditions",
                "### Processor time, and the goals",
                "### Processor time of every broker",
                "### Operations per second",
                "### Rows that we lose",
                "### Faults",
            ]
        );
        assert!(report.contains("rmqtt is left out: does not build"));
    }
}
