//! The tables of normative statements in `docs/spec`.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, ensure};

use crate::tree::Tree;

/// The tables, and how ids of each are written in citations: both standards use `MQTT-…`.
const TABLES: [(&str, &str); 2] = [
    ("docs/spec/mqtt-3.1.1.tsv", "MQTT3-"),
    ("docs/spec/mqtt-5.0.tsv", "MQTT5-"),
];

/// Testable statements about what is not built yet, each with the reason.
const LATER: &str = "docs/spec/later.tsv";

/// One normative statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    /// As citations write it: `MQTT5-3.1.2-7`.
    pub(super) id: String,
    /// Whether a test of a broker can show it.
    pub(super) is_testable: bool,
    /// What it demands, in our words.
    pub(super) text: String,
}

/// All statements of both standards.
#[derive(Clone, Debug)]
pub(super) struct Statements {
    pub(super) all: Vec<Statement>,
    /// Statements put off, with the reason.
    pub(super) later: BTreeMap<String, String>,
    ids: BTreeSet<String>,
}

impl Statement {
    /// The standard's name.
    pub(super) fn standard(&self) -> &'static str {
        if self.id.starts_with("MQTT3") {
            "MQTT 3.1.1"
        } else {
            "MQTT 5.0"
        }
    }
}

impl Statements {
    /// Reads the tables.
    ///
    /// # Errors
    ///
    /// When one is missing, or has a line that is no statement, or two with the same id.
    pub(super) fn read(tree: &Tree) -> anyhow::Result<Self> {
        let mut statements = Self {
            all: Vec::new(),
            later: BTreeMap::new(),
            ids: BTreeSet::new(),
        };
        for (path, prefix) in TABLES {
            for row in rows(tree, path, 4)? {
                let [id, side, testable, text] = row.as_slice() else {
                    continue;
                };
                let number = id
                    .strip_prefix("MQTT-")
                    .with_context(|| format!("{path}: {id}"))?;
                ensure!(
                    matches!(*side, "S" | "C" | "B"),
                    "{path}: {id}: side {side}"
                );
                ensure!(
                    matches!(*testable, "y" | "n"),
                    "{path}: {id}: testable {testable}"
                );
                let id = format!("{prefix}{number}");
                ensure!(
                    statements.ids.insert(id.clone()),
                    "{path}: {id} stands there twice"
                );
                let text = (*text).to_owned();
                statements.all.push(Statement {
                    id,
                    is_testable: *testable == "y",
                    text,
                });
            }
        }
        for row in rows(tree, LATER, 2)? {
            let [id, why] = row.as_slice() else { continue };
            ensure!(statements.knows(id), "{LATER}: {id} does not exist");
            statements.later.insert((*id).to_owned(), (*why).to_owned());
        }
        Ok(statements)
    }

    /// Whether there is a statement with this id.
    pub(super) fn knows(&self, id: &str) -> bool {
        self.ids.contains(id)
    }
}

/// The lines below the heading, split into their columns.
fn rows<'a>(tree: &'a Tree, path: &str, columns: usize) -> anyhow::Result<Vec<Vec<&'a str>>> {
    let file = tree
        .file(path)
        .with_context(|| format!("{path} is missing"))?;
    let mut rows = Vec::new();
    for (number, line) in file.lines().skip(1) {
        let row: Vec<_> = line.split('\t').collect();
        ensure!(
            row.len() == columns,
            "{path}:{number}: {} columns, not {columns}",
            row.len()
        );
        rows.push(row);
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::testing::tree;

    fn read(v3: &str) -> anyhow::Result<Statements> {
        Statements::read(&tree(&[
            (TABLES[0].0, v3),
            (TABLES[1].0, "heading\nMQTT-2-1\tS\tn\tTwo\n"),
            (LATER, "heading\n"),
        ]))
    }

    #[test]
    fn ids_of_the_two_standards_are_told_apart() {
        let ids: Vec<_> = read("heading\nMQTT-1-1\tB\ty\tOne\n")
            .unwrap()
            .all
            .into_iter()
            .map(|s| s.id)
            .collect();
        assert_eq!(ids, ["MQTT3-1-1", "MQTT5-2-1"]);
    }

    #[test]
    fn a_line_with_a_missing_column_is_refused() {
        let error = read("heading\nMQTT-1-1\tB\tOne\n").unwrap_err().to_string();
        assert_eq!(error, "docs/spec/mqtt-3.1.1.tsv:2: 3 columns, not 4");
    }

    #[test]
    fn an_id_stands_there_once() {
        let twice = "heading\nMQTT-1-1\tB\ty\tOne\nMQTT-1-1\tB\ty\tOne\n";
        assert!(
            read(twice)
                .unwrap_err()
                .to_string()
                .ends_with("MQTT3-1-1 stands there twice")
        );
    }

    #[test]
    fn the_tables_of_the_project_have_all_testable_statements() {
        let statements = Statements::read(&Tree::load().unwrap()).unwrap();
        let count = |standard| {
            let of_it = |s: &&Statement| s.is_testable && s.standard() == standard;
            statements.all.iter().filter(of_it).count()
        };
        assert_eq!((count("MQTT 3.1.1"), count("MQTT 5.0")), (129, 229));
    }
}
