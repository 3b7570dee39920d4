//! Settings as they hold: for those who ask a running broker.

use std::collections::BTreeMap;

use config::{Map, Value, ValueKind};

use crate::declare::Section;
use crate::problem::Source;
use crate::{Key, Kind, Settings, keys};

/// What nobody is shown, whoever asks: it would let in or give away.
const SECRETS: &[&str] = &[
    "admin.users",
    "admin.tokens.*.sha256",
    "auth.http.url",
    "auth.http.fields",
    "auth.http.headers",
    "auth.jwt.jwks_url",
];

/// What stands for a secret.
pub const HIDDEN: &str = "***";

/// A setting as it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The dotted path; elements of lists by their position.
    pub key: String,
    /// The value as the file would have it; [`HIDDEN`] for a secret, nothing for what is off.
    pub value: Option<String>,
    /// The default as the file would have it; nothing for what is off by default.
    pub default: Option<String>,
    /// What set it.
    pub source: Source,
    /// What it means.
    pub doc: String,
}

impl Settings {
    /// All settings as they hold, in the order of the file. Where each comes from is what
    /// [`Loaded`](crate::Loaded) says, or the program.
    #[must_use]
    pub fn shown(&self, origins: &BTreeMap<String, Source>) -> Vec<Shown> {
        let kept = Section::keep(self);
        let mut all = Vec::new();
        for key in keys() {
            for (path, value) in values(&kept, &key.key) {
                all.push(shown(&key, path, value, origins));
            }
        }
        all
    }
}

fn shown(key: &Key, path: String, kept: &ValueKind, origins: &BTreeMap<String, Source>) -> Shown {
    let is_set = !matches!(kept, ValueKind::Nil);
    let value = if is_set && SECRETS.contains(&key.key.as_str()) && !is_empty(kept) {
        Some(HIDDEN.to_owned())
    } else {
        written(key.kind, kept)
    };
    Shown {
        source: source(&path, origins),
        key: path,
        value,
        default: key.default.clone(),
        doc: key.doc.clone(),
    }
}

fn is_empty(kept: &ValueKind) -> bool {
    matches!(kept, ValueKind::Array(list) if list.is_empty())
}

/// As the file would have it.
fn written(kind: Kind, kept: &ValueKind) -> Option<String> {
    let ValueKind::Table(table) = kept else {
        return kind.show(kept);
    };
    let each = |(topic, value): (&String, &Value)| format!("{topic:?} = {}", value.kind);
    let mut pairs: Vec<String> = table.iter().map(each).collect();
    pairs.sort();
    Some(if pairs.is_empty() {
        "{}".to_owned()
    } else {
        format!("{{ {} }}", pairs.join(", "))
    })
}

/// Who set it: what names it, or else what names the list or group that it is in.
fn source(path: &str, origins: &BTreeMap<String, Source>) -> Source {
    let mut looked = path;
    loop {
        if let Some(source) = origins.get(looked) {
            return source.clone();
        }
        match looked.rsplit_once('.') {
            Some((outer, _)) => looked = outer,
            None => return Source::Default,
        }
    }
}

/// The values of a key, one for each element of the lists that it is in.
fn values<'a>(kept: &'a Map<String, Value>, key: &str) -> Vec<(String, &'a ValueKind)> {
    let mut found: Vec<(String, &ValueKind)> = Vec::new();
    let mut names = key.split('.');
    if let Some((name, value)) = names.next().and_then(|name| Some((name, kept.get(name)?))) {
        found.push((name.to_owned(), &value.kind));
    }
    for name in names {
        found = found
            .into_iter()
            .flat_map(|(path, value)| below(&path, value, name))
            .collect();
    }
    found
}

fn below<'a>(path: &str, value: &'a ValueKind, name: &str) -> Vec<(String, &'a ValueKind)> {
    match value {
        ValueKind::Array(list) if name == "*" => list
            .iter()
            .enumerate()
            .map(|(position, value)| (format!("{path}.{position}"), &value.kind))
            .collect(),
        ValueKind::Table(table) => table
            .get(name)
            .map(|value| (format!("{path}.{name}"), &value.kind))
            .into_iter()
            .collect(),
        _ => Vec::new(),
    }
}
