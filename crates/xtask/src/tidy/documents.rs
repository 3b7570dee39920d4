//! The documents say what the code has.

use super::passports::PROCESSES;
use crate::tree::{Finding, Source, Tree};

/// Fifteen minutes of reading.
const ARCHITECTURE_LINES_MAX: usize = 300;
const ARCHITECTURE: &str = "docs/ARCHITECTURE.md";
const RECORDS: &str = "docs/adr/";
const INDEX: &str = "docs/adr/README.md";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    match tree.file(ARCHITECTURE) {
        Some(file) => findings.extend(architecture(file, tree)),
        None => findings.push(missing(ARCHITECTURE)),
    }
    findings.extend(records(tree));
    findings
}

fn architecture(file: &Source, tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let lines = file.text.lines().count();
    if lines > ARCHITECTURE_LINES_MAX {
        let message = format!("has {lines} lines; at most {ARCHITECTURE_LINES_MAX}");
        findings.push(file.finding(0, message));
    }
    let is_built = |name: &str| tree.file(&format!("crates/broker/src/{name}.rs")).is_some();
    for name in PROCESSES.into_iter().filter(|name| is_built(name)) {
        let shapes = [
            format!("`{name}`"),
            format!("`{name}.rs`"),
            format!("`emqttd_{name}`"),
        ];
        let has_row = |line: &str| shapes.iter().any(|shape| line.contains(shape.as_str()));
        if !file
            .text
            .lines()
            .filter(|line| line.starts_with('|'))
            .any(has_row)
        {
            findings.push(file.finding(0, format!("no row of a table names `{name}.rs`")));
        }
    }
    findings
}

/// Each record of a decision is in the index.
fn records(tree: &Tree) -> Vec<Finding> {
    let index = tree
        .file(INDEX)
        .map(|file| file.text.as_str())
        .unwrap_or_default();
    let records = tree.files.iter().filter(|file| {
        file.path.starts_with(RECORDS) && file.path.ends_with(".md") && file.path != INDEX
    });
    let name = |file: &Source| file.path.trim_start_matches(RECORDS).to_owned();
    records
        .filter(|file| !index.contains(&name(file)))
        .map(|file| file.finding(0, format!("is not in {INDEX}")))
        .collect()
}

fn missing(path: &str) -> Finding {
    Finding {
        path: path.to_owned(),
        line: 0,
        message: "is missing".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::testing::{shown, tree};

    #[test]
    fn the_architecture_page_is_short() {
        let text = "x\n".repeat(301);
        let found = check(&tree(&[(ARCHITECTURE, &text)]));
        assert_eq!(
            shown(&found),
            ["docs/ARCHITECTURE.md: has 301 lines; at most 300"]
        );
    }

    #[test]
    fn the_architecture_page_has_a_row_for_each_process_file() {
        let page = "| `emqttd_cm` | `cm.rs` | clients |\nThe `sm.rs` is no row.\n";
        let found = check(&tree(&[
            (ARCHITECTURE, page),
            ("crates/broker/src/cm.rs", ""),
            ("crates/broker/src/sm.rs", ""),
        ]));
        assert_eq!(
            shown(&found),
            ["docs/ARCHITECTURE.md: no row of a table names `sm.rs`"]
        );
    }

    #[test]
    fn each_record_of_a_decision_is_in_the_index() {
        let found = check(&tree(&[
            (ARCHITECTURE, ""),
            (INDEX, "- [One](0001-one.md)\n"),
            ("docs/adr/0001-one.md", ""),
            ("docs/adr/0002-two.md", ""),
        ]));
        assert_eq!(
            shown(&found),
            ["docs/adr/0002-two.md: is not in docs/adr/README.md"]
        );
    }
}
