//! The rules of style that a program can judge.

mod documents;
mod passports;
mod references;
mod settings;
mod sizes;
mod words;

use crate::spec;
use crate::tree::{Finding, Tree};

/// What may stand at the top of the repository.
const TOP: [&str; 16] = [
    ".ci",
    ".clippy.toml",
    ".deny.toml",
    ".git",
    ".gitignore",
    ".rustfmt.toml",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "Makefile",
    "README.md",
    "config",
    "crates",
    "docs",
    "target",
    "tests",
];

/// Applies all rules.
///
/// # Errors
///
/// When the specification's tables cannot be read.
pub(crate) fn check(tree: &Tree) -> anyhow::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    findings.extend(top(tree));
    findings.extend(sizes::check(tree));
    findings.extend(passports::check(tree));
    findings.extend(references::check(tree));
    findings.extend(words::check(tree));
    findings.extend(documents::check(tree));
    findings.extend(settings::check(tree));
    findings.extend(spec::unknown_citations(tree)?);
    Ok(findings)
}

fn top(tree: &Tree) -> Vec<Finding> {
    let stranger = |name: &String| Finding {
        path: name.clone(),
        line: 0,
        message: "has no place at the top of the repository".to_owned(),
    };
    tree.top
        .iter()
        .filter(|name| !TOP.contains(&name.as_str()))
        .map(stranger)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_new_appears_at_the_top() {
        let names = ["crates".to_owned(), "notes.txt".to_owned()];
        let tree = Tree {
            top: names.to_vec(),
            ..Tree::default()
        };
        let found = top(&tree);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].path, "notes.txt");
    }
}
