//! A process file begins with its passport, so that nobody has to search for who waits for whom.

use crate::tree::{Finding, Source, Tree};

/// Where process files are.
const FOLDER: &str = "crates/broker/src/";

/// The processes of emqttd that have a file of the same name, as far as they are built.
pub(super) const PROCESSES: [&str; 32] = [
    "app",
    "sup",
    "client",
    "ws_client",
    "session",
    "session_sup",
    "sm",
    "cm",
    "server",
    "pubsub",
    "router",
    "retainer",
    "hook",
    "access_control",
    "acl_internal",
    "auth_anonymous",
    "auth_clientid",
    "auth_ldap",
    "auth_username",
    "stats",
    "metrics",
    "broker",
    "alarm",
    "sysmon",
    "ctl",
    "trace",
    "bridge",
    "mod_sup",
    "mod_presence",
    "mod_subscription",
    "mod_rewrite",
    "listener",
];

/// The rows, in this order.
const ROWS: [&str; 7] = [
    "emqttd",
    "Started by",
    "Work runs in",
    "Waits for",
    "Waited for by",
    "If it dies",
    "Watch",
];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.rust()
        .filter(|file| is_process(&file.path))
        .flat_map(missing_rows)
        .collect()
}

fn is_process(path: &str) -> bool {
    let name = path
        .strip_prefix(FOLDER)
        .and_then(|name| name.strip_suffix(".rs"));
    name.is_some_and(|name| PROCESSES.contains(&name))
}

fn missing_rows(file: &Source) -> Vec<Finding> {
    let table: Vec<(usize, &str, &str)> = file
        .lines()
        .filter_map(|(number, line)| Some((number, row(line)?)))
        .map(|(number, (name, cell))| (number, name, cell))
        .collect();
    let mut findings = Vec::new();
    let mut above = 0;
    for name in ROWS {
        match table.iter().find(|(_, found, _)| *found == name) {
            None => findings.push(file.finding(1, format!("its passport has no row \"{name}\""))),
            Some((line, _, "")) => {
                findings.push(file.finding(*line, format!("\"{name}\" says nothing")));
            }
            Some((line, _, _)) if *line < above => {
                findings.push(file.finding(*line, format!("\"{name}\" is out of its order")));
            }
            Some((line, _, _)) => above = *line,
        }
    }
    findings
}

/// `//! | name | cell |` as name and cell.
fn row(line: &str) -> Option<(&str, &str)> {
    let cells = line.strip_prefix("//! |")?.trim_end().strip_suffix('|')?;
    let (name, cell) = cells.split_once('|')?;
    Some((name.trim(), cell.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::testing::{shown, tree};

    const PASSPORT: &str = "//! Session manager.
//!
//! | | |
//! |---|---|
//! | emqttd | `emqttd_sm` |
//! | Started by | `sup` |
//! | Work runs in | its own turn |
//! | Waits for | nobody |
//! | Waited for by | `client` |
//! | If it dies | it is restarted |
//! | Watch | `sm.depth` |
";

    fn findings(path: &str, text: &str) -> Vec<String> {
        shown(&check(&tree(&[(path, text)])))
    }

    #[test]
    fn a_complete_passport_is_fine() {
        assert_eq!(
            findings("crates/broker/src/sm.rs", PASSPORT),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_missing_row_is_found() {
        let text = PASSPORT.replace("//! | Waits for | nobody |\n", "");
        assert_eq!(
            findings("crates/broker/src/sm.rs", &text),
            ["crates/broker/src/sm.rs:1: its passport has no row \"Waits for\""]
        );
    }

    #[test]
    fn an_empty_row_is_found() {
        let text = PASSPORT.replace("| nobody |", "| |");
        assert_eq!(
            findings("crates/broker/src/sm.rs", &text),
            ["crates/broker/src/sm.rs:8: \"Waits for\" says nothing"]
        );
    }

    #[test]
    fn rows_keep_their_order() {
        let text = format!(
            "//! | Watch | `x` |\n{}",
            PASSPORT.replace("//! | Watch | `sm.depth` |\n", "")
        );
        assert_eq!(
            findings("crates/broker/src/sm.rs", &text),
            ["crates/broker/src/sm.rs:1: \"Watch\" is out of its order"]
        );
    }

    #[test]
    fn files_that_are_no_processes_need_none() {
        assert_eq!(
            findings("crates/broker/src/node.rs", ""),
            Vec::<String>::new()
        );
        assert_eq!(
            findings("crates/rules/src/session.rs", ""),
            Vec::<String>::new()
        );
    }
}
