//! What `castmq store check` says about the data of a broker that has stopped.

use std::process::Command;

use anyhow::{Context as _, ensure};

/// Runs the check.
///
/// # Errors
///
/// The data are not in order, or hold bodies that no queue refers to.
pub(crate) fn check(command: &mut Command) -> anyhow::Result<()> {
    let output = command.output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    let status = output.status;
    ensure!(
        status.success(),
        "store check: {status}: {said}{complained}"
    );
    let orphans = orphans(&said).context("store check: it does not count bodies and queues")?;
    ensure!(
        orphans == 0,
        "store check: {orphans} bodies are in no queue: {said}"
    );
    Ok(())
}

/// Bodies beyond one for each entry of a queue: these at least are in none. That the others are the
/// right ones is the check's own business.
fn orphans(said: &str) -> Option<u64> {
    Some(rows(said, "body")?.saturating_sub(rows(said, "q")?))
}

/// How many rows a space has: `body  12 rows  3456 bytes`.
fn rows(said: &str, space: &str) -> Option<u64> {
    said.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let count = (words.next()? == space).then(|| words.next())??;
        count.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_that_nobody_refers_to_are_counted() {
        let said = "q      1 rows      60 bytes\nbody   3 rows     900 bytes\nf/data: sound\n";
        assert_eq!(orphans(said), Some(2));
    }

    #[test]
    fn one_body_in_several_queues_is_no_orphan() {
        let said = "q      5 rows      60 bytes\nbody   3 rows     900 bytes\n";
        assert_eq!(orphans(said), Some(0));
    }

    #[test]
    fn a_check_that_does_not_count_is_no_check() {
        assert_eq!(orphans("f/data: sound\n"), None);
    }
}
