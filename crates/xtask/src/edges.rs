//! Which crate may depend on which.

use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::tree::{Finding, root};

/// The allowed edges between our crates; `None` is "any".
const ALLOWED: &[(&str, Option<&[&str]>)] = &[
    ("mqtt", Some(&[])),
    ("bench", Some(&[])),
    ("observe", Some(&[])),
    ("settings", Some(&[])),
    ("rules", Some(&["mqtt"])),
    ("access", Some(&["rules", "mqtt"])),
    ("otp", Some(&["observe"])),
    ("net", Some(&["otp", "observe"])),
    ("store", Some(&["rules", "mqtt", "observe"])),
    (
        "broker",
        Some(&[
            "otp", "net", "store", "access", "rules", "mqtt", "observe", "settings",
        ]),
    ),
    ("admin", Some(&["broker", "observe", "settings"])),
    ("castmq", None),
    ("xtask", Some(&["settings", "observe"])),
];

/// One declared dependency.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Edge {
    from: String,
    to: String,
    /// Only tests and examples need it.
    is_dev: bool,
}

/// Compares what `cargo metadata` says with the allowed edges.
///
/// # Errors
///
/// When cargo cannot be asked.
pub(crate) fn check() -> anyhow::Result<Vec<Finding>> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--locked", "--format-version", "1"])
        .current_dir(root())
        .output()
        .context("cargo metadata")?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    let metadata = serde_json::from_slice(&output.stdout).context("cargo metadata")?;
    Ok(edges(&metadata).iter().filter_map(judge).collect())
}

fn edges(metadata: &Value) -> Vec<Edge> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut edges = Vec::new();
    for package in metadata.get("packages").map(list).unwrap_or_default() {
        for dependency in package.get("dependencies").map(list).unwrap_or_default() {
            edges.push(Edge {
                from: package.get("name").map(text).unwrap_or_default(),
                to: dependency.get("name").map(text).unwrap_or_default(),
                is_dev: dependency.get("kind").is_some_and(|kind| kind == "dev"),
            });
        }
    }
    edges
}

fn judge(edge: &Edge) -> Option<Finding> {
    let from = short(&edge.from);
    let wrong = |message: String| {
        Some(Finding {
            path: format!("package {}", edge.from),
            line: 0,
            message,
        })
    };
    if edge.to.starts_with("actix") && from != "otp" {
        return wrong(format!(
            "depends on {}; only castmq-otp names actix",
            edge.to
        ));
    }
    let to = edge.to.strip_prefix("castmq-")?;
    let allowed = ALLOWED.iter().find(|(name, _)| *name == from);
    let Some((_, allowed)) = allowed else {
        // The packages under tests/ use whatever they test.
        return None;
    };
    if !ALLOWED.iter().any(|(name, _)| *name == to) {
        let is_test = edge.is_dev || from == "castmq";
        return if is_test {
            None
        } else {
            wrong(format!("depends on the tests' {}", edge.to))
        };
    }
    match allowed {
        Some(targets) if !edge.is_dev && !targets.contains(&to) => wrong(format!(
            "depends on {}; allowed: {}",
            edge.to,
            targets.join(", ")
        )),
        _ => None,
    }
}

fn short(package: &str) -> &str {
    package.strip_prefix("castmq-").unwrap_or(package)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn judged(from: &str, to: &str, is_dev: bool) -> Option<String> {
        let edge = Edge {
            from: from.to_owned(),
            to: to.to_owned(),
            is_dev,
        };
        judge(&edge).map(|finding| finding.to_string())
    }

    #[test]
    fn an_allowed_edge_is_fine() {
        assert_eq!(judged("castmq-rules", "castmq-mqtt", false), None);
        assert_eq!(judged("castmq-rules", "bytes", false), None);
        assert_eq!(judged("castmq", "castmq-broker", false), None);
    }

    #[test]
    fn an_edge_that_is_not_listed_is_found() {
        assert_eq!(
            judged("castmq-rules", "castmq-otp", false).unwrap(),
            "package castmq-rules: depends on castmq-otp; allowed: mqtt"
        );
    }

    #[test]
    fn tests_may_use_more_than_the_code_beside_them() {
        assert_eq!(judged("castmq-net", "castmq-mqtt", true), None);
        assert_eq!(judged("castmq-conformance", "castmq-broker", false), None);
    }

    #[test]
    fn only_otp_names_actix_and_tests_are_no_exception() {
        assert_eq!(judged("castmq-otp", "actix-rt", false), None);
        assert!(judged("castmq-broker", "actix", true).is_some());
    }

    #[test]
    fn nothing_is_built_on_the_tests() {
        assert!(judged("castmq-broker", "castmq-simulation", false).is_some());
    }

    #[test]
    fn edges_are_read_from_cargo_s_description() {
        let metadata = json!({ "packages": [{ "name": "a", "dependencies": [
            { "name": "b", "kind": null }, { "name": "c", "kind": "dev" },
        ] }] });
        let edge = |to: &str, is_dev| Edge {
            from: "a".into(),
            to: to.into(),
            is_dev,
        };
        assert_eq!(edges(&metadata), [edge("b", false), edge("c", true)]);
    }
}
