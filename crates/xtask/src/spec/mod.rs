//! The normative statements of MQTT, and the tests that show that the broker obeys them.

mod citations;
mod rust_tests;
mod script_tests;
mod statements;

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::tree::{Finding, Tree, has_extension};
use statements::{Statement, Statements};

/// A test shows little if it names much.
const IDS_MAX: usize = 3;

/// A test that names statements.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Test {
    path: String,
    line: usize,
    name: String,
    /// The statements that it names, as `MQTT5-3.1.2-7`.
    ids: Vec<String>,
}

/// Each testable statement with its tests.
///
/// # Errors
///
/// When the tables cannot be read.
pub(crate) fn report(tree: &Tree) -> anyhow::Result<String> {
    let statements = Statements::read(tree)?;
    let tests = tests(tree);
    let mut page = String::new();
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for statement in statements
        .all
        .iter()
        .filter(|statement| statement.is_testable)
    {
        let showing = tests_of(statement, &tests);
        let (shown, all) = counts.entry(statement.standard()).or_default();
        *all += 1;
        *shown += usize::from(!showing.is_empty());
        let _ = writeln!(page, "{}  {}", statement.id, statement.text);
        for test in &showing {
            let _ = writeln!(page, "    {}:{} {}", test.path, test.line, test.name);
        }
        if showing.is_empty() {
            let why = statements
                .later
                .get(&statement.id)
                .map_or("NO TEST", String::as_str);
            let _ = writeln!(page, "    -- {why}");
        }
    }
    for (standard, (shown, all)) in counts {
        let _ = writeln!(
            page,
            "{standard}: {shown} of {all} testable statements have tests"
        );
    }
    Ok(page)
}

/// Statements without a test, and tests that name too many or unknown statements.
///
/// # Errors
///
/// When the tables cannot be read.
pub(crate) fn check(tree: &Tree) -> anyhow::Result<Vec<Finding>> {
    let statements = Statements::read(tree)?;
    let tests = tests(tree);
    let mut findings = Vec::new();
    for test in &tests {
        let finding = |message: String| Finding {
            path: test.path.clone(),
            line: test.line,
            message,
        };
        if test.ids.len() > IDS_MAX {
            let message = format!("{} names {} statements", test.name, test.ids.len());
            findings.push(finding(format!("{message}; at most {IDS_MAX}")));
        }
        for id in test.ids.iter().filter(|id| !statements.knows(id)) {
            findings.push(finding(format!(
                "{} names {id}, which does not exist",
                test.name
            )));
        }
    }
    for statement in statements
        .all
        .iter()
        .filter(|statement| statement.is_testable)
    {
        let has_test = !tests_of(statement, &tests).is_empty();
        let is_later = statements.later.contains_key(&statement.id);
        let finding = |message: &str| Finding {
            path: statement.id.clone(),
            line: 0,
            message: format!("{message}: {}", statement.text),
        };
        match (has_test, is_later) {
            (false, false) => findings.push(finding("no test shows it")),
            (true, true) => findings.push(finding("has a test and is put off all the same")),
            (true, false) | (false, true) => {}
        }
    }
    Ok(findings)
}

/// Citations anywhere in the code of statements that do not exist.
///
/// # Errors
///
/// When the tables cannot be read.
pub(crate) fn unknown_citations(tree: &Tree) -> anyhow::Result<Vec<Finding>> {
    let statements = Statements::read(tree)?;
    let mut findings = Vec::new();
    // This folder's tests cite what does not exist.
    for file in tree
        .rust()
        .filter(|file| !file.path.starts_with("crates/xtask/"))
    {
        for (number, line) in file.lines() {
            for id in citations::ids(line).filter(|id| !statements.knows(id)) {
                findings.push(file.finding(number, format!("{id} does not exist")));
            }
        }
    }
    Ok(findings)
}

fn tests_of<'a>(statement: &Statement, tests: &'a [Test]) -> Vec<&'a Test> {
    tests
        .iter()
        .filter(|test| test.ids.contains(&statement.id))
        .collect()
}

/// All tests that name statements, in Rust, Python and JavaScript.
fn tests(tree: &Tree) -> Vec<Test> {
    let mut tests = Vec::new();
    for file in tree
        .files
        .iter()
        .filter(|file| !file.path.starts_with("crates/xtask/"))
    {
        if has_extension(&file.path, "rs") {
            tests.extend(rust_tests::tests(file));
        } else if has_extension(&file.path, "py") {
            tests.extend(script_tests::python(file));
        } else if has_extension(&file.path, "js") || has_extension(&file.path, "mjs") {
            tests.extend(script_tests::javascript(file));
        }
    }
    tests.retain(|test| !test.ids.is_empty());
    tests
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::testing::{shown, tree};

    const V3: &str = "id\tside\ttestable\trequirement\nMQTT-1-1\tB\ty\tOne\nMQTT-1-2\tC\tn\tTwo\n";
    const V5: &str = "id\tside\ttestable\trequirement\nMQTT-1-1\tB\ty\tUno\n";

    fn findings(later: &str, source: &str) -> Vec<String> {
        let tree = tree(&[
            ("docs/spec/mqtt-3.1.1.tsv", V3),
            ("docs/spec/mqtt-5.0.tsv", V5),
            ("docs/spec/later.tsv", later),
            ("tests/a.rs", source),
        ]);
        shown(&check(&tree).unwrap())
    }

    #[test]
    fn every_testable_statement_needs_a_test() {
        let source = "/// \\[MQTT3-1-1\\]\n#[test]\nfn one() {}\n";
        assert_eq!(
            findings("id\twhy\n", source),
            ["MQTT5-1-1: no test shows it: Uno"]
        );
    }

    #[test]
    fn a_statement_may_be_put_off_for_a_reason() {
        let source = "/// [MQTT3-1-1]\n#[test]\nfn one() {}\n";
        let later = "id\twhy\nMQTT5-1-1\tthe transport comes later\n";
        assert_eq!(findings(later, source), Vec::<String>::new());
    }

    #[test]
    fn what_is_put_off_has_no_test() {
        let source = "/// [MQTT3-1-1] [MQTT5-1-1]\n#[test]\nfn one() {}\n";
        let later = "id\twhy\nMQTT5-1-1\tthe transport comes later\n";
        assert_eq!(
            findings(later, source),
            ["MQTT5-1-1: has a test and is put off all the same: Uno"]
        );
    }

    #[test]
    fn a_test_names_three_statements_at_most_and_only_real_ones() {
        let source = "/// [MQTT3-1-1] [MQTT5-1-1] [MQTT3-1-2] [MQTT3-9-9]\n#[test]\nfn one() {}\n";
        assert_eq!(
            findings("id\twhy\n", source),
            [
                "tests/a.rs:3: one names 4 statements; at most 3",
                "tests/a.rs:3: one names MQTT3-9-9, which does not exist",
            ]
        );
    }

    #[test]
    fn the_report_shows_tests_and_gaps() {
        let tree = tree(&[
            ("docs/spec/mqtt-3.1.1.tsv", V3),
            ("docs/spec/mqtt-5.0.tsv", V5),
            ("docs/spec/later.tsv", "id\twhy\n"),
            ("tests/a.rs", "/// [MQTT3-1-1]\n#[test]\nfn one() {}\n"),
        ]);
        assert_eq!(
            report(&tree).unwrap(),
            "MQTT3-1-1  One\n    tests/a.rs:3 one\nMQTT5-1-1  Uno\n    -- NO TEST\n\
             MQTT 3.1.1: 1 of 1 testable statements have tests\n\
             MQTT 5.0: 0 of 1 testable statements have tests\n"
        );
    }

    #[test]
    fn a_citation_in_code_names_a_real_statement() {
        let tree = tree(&[
            ("docs/spec/mqtt-3.1.1.tsv", V3),
            ("docs/spec/mqtt-5.0.tsv", V5),
            ("docs/spec/later.tsv", "id\twhy\n"),
            ("crates/rules/src/a.rs", "// [MQTT3-1-1]\n// [MQTT5-1-2]\n"),
        ]);
        assert_eq!(
            shown(&unknown_citations(&tree).unwrap()),
            ["crates/rules/src/a.rs:2: MQTT5-1-2 does not exist"]
        );
    }
}
