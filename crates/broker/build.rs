//! Collects the passports of the process files, so that the program knows its own architecture and no
//! copy of it can go stale.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Where the rules are that process files name.
const RULES: &str = "../rules/src";

/// The rows of a passport, in their order.
const ROWS: [&str; 7] = [
    "emqttd",
    "Started by",
    "Work runs in",
    "Waits for",
    "Waited for by",
    "If it dies",
    "Watch",
];

/// Comments with these tags end the one before.
const TAGS: [&str; 4] = ["differs:", "emqttd:", "tour:", "[MQTT"];

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=src");
    println!("cargo::rerun-if-changed={RULES}");
    let mut generated = String::from("[\n");
    for path in rust_files(Path::new("src"))? {
        let text = fs::read_to_string(&path)?;
        if path.components().count() == 2
            && let Some(passport) = passport(&path, &text)?
        {
            generated.push_str(&passport);
        }
    }
    generated.push_str("]\n");
    let out = env::var_os("OUT_DIR")
        .map(PathBuf::from)
        .unwrap_or_default();
    fs::write(out.join("passports.rs"), generated)
}

/// The Rust files in a folder and those below it, in their order; none where there is no folder.
fn rust_files(folder: &Path) -> io::Result<BTreeSet<PathBuf>> {
    let mut files = BTreeSet::new();
    if !folder.is_dir() {
        return Ok(files);
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.insert(path);
        }
    }
    Ok(files)
}

/// The passport of a file as an expression; `None` where it has none.
fn passport(path: &Path, text: &str) -> io::Result<Option<String>> {
    let head: Vec<&str> = text
        .lines()
        .map_while(|line| line.strip_prefix("//!"))
        .map(str::trim)
        .collect();
    let cells: Vec<String> = ROWS.iter().filter_map(|row| cell(&head, row)).collect();
    if cells.len() != ROWS.len() {
        return Ok(None);
    }
    let doc = head.iter().take_while(|line| !line.is_empty());
    let doc = plain(&doc.copied().collect::<Vec<_>>().join(" "));
    let stem = path
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let mut passport = String::new();
    let _ = writeln!(passport, "Passport {{ kind: {stem:?}, doc: {doc:?},");
    let _ = writeln!(
        passport,
        "file: {:?},",
        format!("crates/broker/src/{stem}.rs")
    );
    let fields = [
        "emqttd",
        "started_by",
        "works_in",
        "waits_for",
        "waited_for_by",
        "if_it_dies",
        "watch",
    ];
    for (field, cell) in fields.iter().zip(&cells) {
        let _ = writeln!(passport, "{field}: {cell:?},");
    }
    let differs = differences(path, &head)?;
    let _ = writeln!(passport, "differs: &{differs:?} }},");
    Ok(Some(passport))
}

fn cell(head: &[&str], row: &str) -> Option<String> {
    head.iter().find_map(|line| {
        let cells = line.strip_prefix('|')?.strip_suffix('|')?;
        let (name, cell) = cells.split_once('|')?;
        (name.trim() == row).then(|| plain(cell.trim()))
    })
}

/// What differs from emqttd: in the file, in its parts, and in the rules that its head names.
fn differences(path: &Path, head: &[&str]) -> io::Result<Vec<String>> {
    let mut files = BTreeSet::from([path.to_owned()]);
    files.extend(rust_files(&path.with_extension(""))?);
    for line in head {
        for named in line.split("castmq_rules::").skip(1) {
            let name: String = named
                .chars()
                .take_while(|letter| letter.is_ascii_lowercase() || *letter == '_')
                .collect();
            let rules = Path::new(RULES).join(&name);
            files.extend(rust_files(&rules)?);
            let file = rules.with_extension("rs");
            if !name.is_empty() && file.is_file() {
                files.insert(file);
            }
        }
    }
    let mut differences = Vec::new();
    for file in files {
        collect(&fs::read_to_string(file)?, &mut differences);
    }
    Ok(differences)
}

fn collect(text: &str, differences: &mut Vec<String>) {
    let mut open: Option<String> = None;
    for line in text.lines() {
        let comment = line.trim().strip_prefix("// ").map(str::trim);
        let is_tag = comment.is_none_or(|comment| TAGS.iter().any(|tag| comment.starts_with(tag)));
        if is_tag {
            differences.extend(open.take());
        }
        let Some(comment) = comment else { continue };
        if let Some(begun) = comment.strip_prefix("differs:") {
            open = Some(plain(begun.trim()));
        } else if let Some(open) = open.as_mut() {
            open.push(' ');
            open.push_str(&plain(comment));
        }
    }
    differences.extend(open);
}

/// Without the targets of links.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, link)) = rest.split_once('[') {
        plain.push_str(before);
        let Some((name, behind)) = link.split_once(']') else {
            plain.push('[');
            plain.push_str(link);
            return plain;
        };
        plain.push_str(name);
        rest = behind;
        if let Some((_, behind)) = rest
            .strip_prefix('(')
            .and_then(|target| target.split_once(')'))
        {
            rest = behind;
        }
    }
    plain.push_str(rest);
    plain
}
