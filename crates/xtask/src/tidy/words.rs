//! Words that have no place in the sources.

use crate::tree::{Finding, Tree};

/// Marks of unfinished work.
const UNFINISHED: [&str; 6] = [
    concat!("to", "do!("),
    concat!("unimple", "mented!("),
    concat!("#[ig", "nore"),
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("db", "g!("),
];

/// Constructors of channels without a bound.
const UNBOUNDED: [&str; 4] = [
    concat!("unbounded_", "channel"),
    concat!("channel::", "unbounded"),
    concat!("mpsc::", "channel()"),
    concat!("mpsc::", "channel::<"),
];

/// Where a queue may be bounded by accounting instead of by its constructor.
const MAY_BE_UNBOUNDED: &str = "crates/otp/";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.rust() {
        for (number, line) in file.lines() {
            let mut forbid = |words: &[&str], why: &str| {
                for word in words.iter().filter(|word| line.contains(**word)) {
                    findings.push(file.finding(number, format!("`{word}`: {why}")));
                }
            };
            forbid(&UNFINISHED, "finish it, or leave it out");
            if file.path.starts_with("crates/") && !file.path.starts_with(MAY_BE_UNBOUNDED) {
                forbid(&UNBOUNDED, "nothing waits without a bound outside of otp");
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::testing::{shown, tree};

    #[test]
    fn unfinished_work_is_found() {
        let source = format!("fn f() {{\n    {})\n}}\n", UNFINISHED[0]);
        let found = check(&tree(&[("tests/load/a.rs", &source)]));
        assert_eq!(
            shown(&found),
            [format!(
                "tests/load/a.rs:2: `{}`: finish it, or leave it out",
                UNFINISHED[0]
            )]
        );
    }

    #[test]
    fn a_channel_without_a_bound_is_found_outside_of_otp_only() {
        let source = format!("let (a, b) = {};\n", UNBOUNDED[2]);
        let tree = tree(&[
            ("crates/net/src/a.rs", &source),
            ("crates/otp/src/a.rs", &source),
        ]);
        let found = check(&tree);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].path, "crates/net/src/a.rs");
    }

    #[test]
    fn a_channel_with_a_bound_is_fine() {
        let source = "let (a, b) = mpsc::sync_channel(5);\nlet c = mpsc::channel(5);\n";
        assert_eq!(check(&tree(&[("crates/net/src/a.rs", source)])), []);
    }
}
