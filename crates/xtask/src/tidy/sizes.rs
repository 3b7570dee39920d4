//! Files stay small enough to be read in one go.

use crate::tree::{Finding, Source, Tree};

/// The most lines of a file, its tests not counted.
const LINES_MAX: usize = 600;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let too_long = |file: &Source| {
        let lines = lines_without_tests(file);
        let message = format!("has {lines} lines without its tests; at most {LINES_MAX}");
        (lines > LINES_MAX).then(|| file.finding(0, message))
    };
    tree.rust()
        .filter(|file| !is_test(&file.path))
        .filter_map(too_long)
        .collect()
}

/// Whether the whole file is a test or helps tests.
fn is_test(path: &str) -> bool {
    path.starts_with("tests/")
        || path.contains("/tests/")
        || path.ends_with("/tests.rs")
        || path.ends_with("/testing.rs")
}

/// Tests stand last, behind their `#[cfg(test)]`.
fn lines_without_tests(file: &Source) -> usize {
    let lines: Vec<_> = file.text.lines().collect();
    let starts_tests =
        |pair: &[&str]| matches!(pair, ["#[cfg(test)]", module] if module.starts_with("mod tests"));
    lines
        .windows(2)
        .position(starts_tests)
        .unwrap_or(lines.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::testing::{shown, tree};

    #[test]
    fn a_file_may_have_600_lines_and_not_one_more() {
        let (fits, grown) = ("x\n".repeat(600), "x\n".repeat(601));
        let found = check(&tree(&[("a/src/a.rs", &fits), ("a/src/b.rs", &grown)]));
        assert_eq!(
            shown(&found),
            ["a/src/b.rs: has 601 lines without its tests; at most 600"]
        );
    }

    #[test]
    fn tests_do_not_count() {
        let text = format!("x\n#[cfg(test)]\nmod tests {{\n{}}}\n", "x\n".repeat(900));
        assert_eq!(check(&tree(&[("a/src/a.rs", &text)])), []);
        assert_eq!(
            check(&tree(&[("a/src/a/tests.rs", &"x\n".repeat(900))])),
            []
        );
    }
}
