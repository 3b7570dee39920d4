//! What `castmq store check` says about the data of a broker that has stopped.

use std::process::Command;

use anyhow::ensure;

/// Runs the check.
///
/// # Errors
///
/// The data are not in order, or hold bodies that no session refers to.
pub(crate) fn check(command: &mut Command) -> anyhow::Result<()> {
    let output = command.output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    let status = output.status;
    ensure!(
        status.success(),
        "store check: {status}: {said}{complained}"
    );
    ensure!(!has_orphans(&said), "store check: {said}");
    Ok(())
}

/// Whether a number that is not 0 stands beside the word: `3 orphans`, `orphan bodies: 3`.
fn has_orphans(said: &str) -> bool {
    said.lines().any(|line| {
        let words: Vec<_> = line
            .split(|letter: char| !letter.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .collect();
        let Some(index) = words.iter().position(|word| word.starts_with("orphan")) else {
            return false;
        };
        let before = index.checked_sub(1).and_then(|before| words.get(before));
        let number = |word: &&str| word.parse::<u64>().ok();
        let behind = words.iter().skip(index).find_map(number);
        before.and_then(number).or(behind).unwrap_or(0) > 0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_that_nobody_refers_to_are_found() {
        assert!(has_orphans("sessions: 4\norphan bodies: 3\n"));
        assert!(has_orphans("12 bodies, 3 orphans"));
    }

    #[test]
    fn where_none_are_named_there_are_none() {
        assert!(!has_orphans("sessions: 4\norphan bodies: 0\n"));
        assert!(!has_orphans("12 bodies, 0 orphans"));
        assert!(!has_orphans("12 bodies, no orphans"));
        assert!(!has_orphans("12 bodies"));
    }
}
