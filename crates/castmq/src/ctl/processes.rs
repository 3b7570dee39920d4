//! The actors and their tables: `ps`, `tree`, `state`, `tables`.

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::api::{Path, part};
use super::desk::{Desk, Paging, items, number, word};
use super::failure::Failure;
use super::table::Form::{Bytes, Count, Micros, Rate, Share, Text, Word};
use super::table::{self, Column, Table};
use super::text;

/// What comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Sort {
    /// The most messages in the mailbox
    Depth,
    /// The most messages that were ever in the mailbox
    Peak,
    /// The longest wait of a message
    Wait,
    /// The largest part of the time at work
    Busy,
    /// The most messages each second
    Rate,
    /// The most messages since the start
    Handled,
    /// The most restarts
    Restarts,
}

impl Sort {
    /// As the API calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Depth => "depth",
            Self::Peak => "peak",
            Self::Wait => "wait",
            Self::Busy => "busy",
            Self::Rate => "rate",
            Self::Handled => "handled",
            Self::Restarts => "restarts",
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct Ps {
    /// What comes first
    #[arg(long, value_name = "BY", default_value = "depth")]
    sort: Sort,
    /// Only those of this kind, such as session
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// Only those whose name contains that
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Only those of this arbiter
    #[arg(long, value_name = "N")]
    arbiter: Option<u16>,
    #[command(flatten)]
    paging: Paging,
}

#[derive(Debug, Args)]
pub(super) struct Tree {
    /// Below that node of the tree; without it the root
    #[arg(value_name = "NODE")]
    below: Option<String>,
    /// So many levels
    #[arg(long, value_name = "LEVELS", default_value_t = 3,
        value_parser = clap::value_parser!(u8).range(1..=16))]
    depth: u8,
    /// At most so many below one node
    #[arg(long, value_name = "ROWS", default_value_t = 20,
        value_parser = clap::value_parser!(u64).range(1..=1000))]
    limit: u64,
}

#[derive(Debug, Args)]
pub(super) struct Tables {
    /// The name of a table, such as subscriber; without it the tables are listed
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Only rows that contain that
    #[arg(long, value_name = "TEXT", requires = "name")]
    search: Option<String>,
    #[command(flatten)]
    paging: Paging,
}

const PROCESSES: [Column; 13] = [
    Column("PROCESS", "pid", Word),
    Column("KIND", "kind", Word),
    Column("NAME", "name", Text),
    Column("DEPTH", "depth", Count),
    Column("WAIT", "wait_micros", Micros),
    Column("BUSY", "busy_share", Share),
    Column("RATE", "rate_per_second", Rate),
    Column("HANDLED", "handled_count", Count),
    Column("PEAK", "peak", Count),
    Column("LONGEST", "longest_turn_micros", Micros),
    Column("DROPPED", "dropped_count", Count),
    Column("RESTARTS", "restarts_count", Count),
    Column("LAST ENTRY", "last_entry", Word),
];

const TABLES: [Column; 6] = [
    Column("TABLE", "name", Text),
    Column("EMQTTD", "emqttd", Text),
    Column("ROWS", "rows_count", Count),
    Column("SIZE", "bytes", Bytes),
    Column("OWNER", "owner", Text),
    Column("PROCESS", "owner_pid", Word),
];

/// Those that could be meant are listed up to here.
const CANDIDATES_MAX: u64 = 10;

/// `ps`
pub(super) fn ps(ps: &Ps, desk: &Desk) -> Result<(), Failure> {
    let path = Path::new("/processes")
        .with("sort", Some(ps.sort.name()))
        .with("kind", ps.kind.as_ref())
        .with("search", ps.search.as_ref())
        .with("arbiter", ps.arbiter);
    desk.list(&path, &PROCESSES, &ps.paging)
}

/// `state PROCESS`
pub(super) fn state(process: &str, desk: &Desk) -> Result<(), Failure> {
    let pid = if is_pid(process) {
        process.to_owned()
    } else {
        find(process, desk)?
    };
    let answer = desk.api.get(&address(&pid))?;
    if desk.paper.is_json {
        return desk.paper.json(&answer.text);
    }
    let text = process_text(&answer.value, desk.paper.width());
    desk.paper.write(&text)
}

/// A process in full; what is the same for all of its kind comes last.
pub(super) fn process_text(process: &Value, width: Option<usize>) -> String {
    let mut process = process.clone();
    let fields = process.as_object_mut();
    let passport = fields.and_then(|fields| fields.remove("passport"));
    let passport = passport.filter(Value::is_object);
    let passport = passport.map(|passport| table::fields(&json!({ "passport": passport }), width));
    table::fields(&process, width) + &passport.unwrap_or_default()
}

/// Where a process stands in the API.
pub(super) fn address(pid: &str) -> String {
    format!("/processes/{}", part(pid.trim_matches(['<', '>'])))
}

/// Whether it has the shape `<arbiter.kind.slot.generation>`, brackets or none.
fn is_pid(process: &str) -> bool {
    let parts: Vec<&str> = process.trim_matches(['<', '>']).split('.').collect();
    let is_number = |part: &&str| part.parse::<u64>().is_ok();
    match parts.as_slice() {
        [arbiter, kind, slot, generation] => {
            !kind.is_empty() && [arbiter, slot, generation].into_iter().all(is_number)
        }
        _ => false,
    }
}

/// The one process that a name means: its own, or its kind's and its own as in `session:c1`.
fn find(name: &str, desk: &Desk) -> Result<String, Failure> {
    let (kind, own) = match name.split_once(':') {
        Some((kind, own)) => (Some(kind), own),
        None => (None, name),
    };
    let path = Path::new("/processes").with("kind", kind);
    let path = path.with("search", Some(own).filter(|own| !own.is_empty()));
    let found = desk.rows(&path, &Paging::first(CANDIDATES_MAX))?;
    let exact: Vec<&Value> = found
        .iter()
        .filter(|row| word(row, "name") == own)
        .collect();
    match (exact.as_slice(), found.as_slice()) {
        ([one], _) => Ok(word(one, "pid").to_owned()),
        ([], [one]) => Ok(word(one, "pid").to_owned()),
        ([], []) => Err(Failure::Refused(format!(
            "there is no process {}: `castmq ctl ps` lists them",
            text::plain(name)
        ))),
        (_, found) => {
            let shown = |row: &Value| format!("{} {}", word(row, "pid"), label(row));
            let all: Vec<String> = found.iter().map(|row| text::plain(&shown(row))).collect();
            Err(Failure::Refused(format!(
                "{} may be any of\n  {}",
                text::plain(name),
                all.join("\n  ")
            )))
        }
    }
}

fn label(row: &Value) -> String {
    let (kind, name) = (word(row, "kind"), word(row, "name"));
    if name.is_empty() {
        kind.to_owned()
    } else if kind == "supervisor" || name.starts_with(kind) {
        // Its name says what it is.
        name.to_owned()
    } else {
        format!("{kind} {name}")
    }
}

/// `tree`
pub(super) fn tree(tree: &Tree, desk: &Desk) -> Result<(), Failure> {
    if desk.paper.is_json {
        let path = Path::new("/processes/tree")
            .with("below", tree.below.as_ref())
            .with("limit", Some(tree.limit));
        let answer = desk.api.get(path.as_str())?;
        return desk.paper.json(&answer.text);
    }
    branches(tree, tree.below.as_deref(), "", tree.depth, desk)
}

fn branches(
    tree: &Tree,
    below: Option<&str>,
    indent: &str,
    levels: u8,
    desk: &Desk,
) -> Result<(), Failure> {
    let path = Path::new("/processes/tree")
        .with("below", below)
        .with("limit", Some(tree.limit));
    let answer = desk.api.get(path.as_str())?;
    let nodes = items(&answer.value);
    let has_more = answer.value.get("next").is_some_and(Value::is_string);
    // The root has nothing to its left.
    let is_root = below.is_none() && indent.is_empty() && nodes.len() == 1;
    for (index, node) in nodes.iter().enumerate() {
        let is_last = index + 1 == nodes.len() && !has_more;
        let (branch, below) = match (is_root, is_last) {
            (true, _) => ("", ""),
            (false, true) => ("└─ ", "   "),
            (false, false) => ("├─ ", "│  "),
        };
        desk.paper
            .line(&fitting(&format!("{indent}{branch}{}", leaf(node)), desk))?;
        if levels > 1 && number(node, "children_count") > 0.0 {
            let indent = format!("{indent}{below}");
            branches(tree, Some(word(node, "id")), &indent, levels - 1, desk)?;
        }
    }
    if has_more {
        desk.paper.line(&format!("{indent}└─ … and more"))?;
    }
    Ok(())
}

fn fitting(line: &str, desk: &Desk) -> String {
    match desk.paper.width() {
        Some(width) => text::cut(line, width),
        None => line.to_owned(),
    }
}

/// A node of the tree on one line.
fn leaf(node: &Value) -> String {
    let mut parts = vec![text::plain(&label(node))];
    let mut more = |name: &str, shown: &dyn Fn(&str) -> String| match word(node, name) {
        "" => {}
        value => parts.push(shown(&text::plain(value))),
    };
    more("pid", &|pid| pid.to_owned());
    more("strategy", &|strategy| format!("({strategy})"));
    let children = node.get("children_count").and_then(Value::as_u64);
    if let Some(children) = children.filter(|children| *children > 0) {
        parts.push(format!("{children} below"));
    }
    let restarts = node.get("restarts_count").and_then(Value::as_u64);
    if let Some(restarts) = restarts.filter(|restarts| *restarts > 0) {
        parts.push(text::count(restarts, "restart"));
    }
    parts.join("  ")
}

/// `tables [NAME]`
pub(super) fn tables(tables: &Tables, desk: &Desk) -> Result<(), Failure> {
    let Some(name) = &tables.name else {
        return desk.whole("/tables", &TABLES);
    };
    let path = Path::new(format!("/tables/{}", part(name))).with("search", tables.search.as_ref());
    let known = desk.api.get("/tables")?;
    let columns: Vec<String> = items(&known.value)
        .iter()
        .find(|table| word(table, "name") == name)
        .and_then(|table| table.get("columns")?.as_array())
        .map(|columns| columns.iter().filter_map(Value::as_str))
        .map(|columns| columns.map(str::to_owned).collect())
        .unwrap_or_default();
    desk.table(&path, Table::named(&columns), &tables.paging)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_told_by_its_shape() {
        assert!(is_pid("<0.client.3.1>"));
        assert!(is_pid("0.client.3.1"));
        assert!(!is_pid("session:c1"));
        assert!(!is_pid("a.b.c.d"));
    }

    #[test]
    fn a_process_stands_in_an_address_without_brackets() {
        assert_eq!(address("<0.client.3.1>"), "/processes/0.client.3.1");
    }

    #[test]
    fn a_node_of_the_tree_says_what_is_below_it() {
        let node = json!({
            "id": "x", "kind": "session_sup", "name": "session_sup", "pid": "<0.session_sup.0.1>",
            "strategy": "one_for_one", "restarts_count": 2, "children_count": 40,
        });
        assert_eq!(
            leaf(&node),
            "session_sup  <0.session_sup.0.1>  (one_for_one)  40 below  2 restarts"
        );
        assert_eq!(
            leaf(&json!({"kind": "session", "name": "c\n1"})),
            "session c\\n1"
        );
    }
}
