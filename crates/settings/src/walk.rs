//! Compares what was written, in whichever source, with the key table.
//!
//! Everything that fits becomes a value for `config` to merge; everything else becomes a
//! [`Problem`]. The walk never stops at the first one.

use std::collections::BTreeMap;
use std::ops::Range;

use config::{Map, Value, ValueKind};
use toml_edit::{Array, ArrayOfTables, Item, TableLike, Value as Toml};

use crate::problem::{Problem, Source, meant};
use crate::{Key, Kind};

/// One source being read.
pub(crate) struct Walk<'a> {
    /// The key table.
    pub(crate) keys: &'a [Key],
    /// Names the source of what stands at a span of the text.
    pub(crate) source: &'a dyn Fn(Option<Range<usize>>) -> Source,
    /// What was wrong so far.
    pub(crate) problems: &'a mut Vec<Problem>,
    /// Which source set what.
    pub(crate) origins: &'a mut BTreeMap<String, Source>,
}

impl Walk<'_> {
    /// Reads a table of settings; `path` is empty for the whole file.
    pub(crate) fn table(&mut self, path: &str, table: &dyn TableLike) -> Value {
        let mut kept = Map::new();
        for (name, item) in table.iter() {
            let span = table.get_key_value(name).and_then(|(key, _)| key.span());
            let inner = crate::declare::join(path, name);
            if let Some(value) = self.item(&inner, item, span.or_else(|| item.span())) {
                kept.insert(name.to_owned(), value);
            }
        }
        Value::new(None, ValueKind::Table(kept))
    }

    /// Reads what stands behind one key.
    fn item(&mut self, path: &str, item: &Item, span: Option<Range<usize>>) -> Option<Value> {
        match item {
            Item::None => None,
            Item::Table(table) => self.tabular(path, table, span),
            Item::ArrayOfTables(tables) => self.tables(path, tables, span),
            Item::Value(Toml::InlineTable(table)) => self.tabular(path, table, span),
            Item::Value(Toml::Array(array)) => self.array(path, array, span),
            Item::Value(value) => self.scalar(path, value, span),
        }
    }

    /// Reads a text of the environment or the command line.
    pub(crate) fn text(&mut self, path: &str, text: &str) -> Option<Value> {
        let kind = self.kind(path);
        match kind {
            Some(kind) if kind.is_texts() && !text.trim_start().starts_with('[') => {
                self.texts_of(path, kind, text)
            }
            None
            | Some(
                Kind::List(_)
                | Kind::Priorities
                | Kind::Texts { .. }
                | Kind::Words(_)
                | Kind::Networks,
            ) => match text.parse::<Toml>() {
                Ok(value) => self.item(path, &Item::Value(value), None),
                Err(_) if kind.is_none() && !self.is_group(path) => self.unknown(path, None),
                Err(_) => self.wrong(path, &quoted(text), None),
            },
            Some(kind) => match kind.read(text) {
                Some(kept) => Some(self.keep(path, kept, None)),
                None => self.wrong(path, &quoted(text), None),
            },
        }
    }

    fn tabular(
        &mut self,
        path: &str,
        table: &dyn TableLike,
        span: Option<Range<usize>>,
    ) -> Option<Value> {
        match self.kind(path) {
            Some(Kind::Priorities) => Some(self.priorities(path, table, span)),
            Some(_) => self.wrong(path, "a table", span),
            None if self.is_group(path) => Some(self.table(path, table)),
            None => self.unknown(path, span),
        }
    }

    fn priorities(
        &mut self,
        path: &str,
        table: &dyn TableLike,
        span: Option<Range<usize>>,
    ) -> Value {
        let mut kept = Map::new();
        for (topic, item) in table.iter() {
            let priority = item
                .as_integer()
                .and_then(|number| u8::try_from(number).ok());
            if let Some(priority) = priority {
                kept.insert(
                    topic.to_owned(),
                    Value::new(None, ValueKind::U64(priority.into())),
                );
            } else {
                let key = table.get_key_value(topic).and_then(|(key, _)| key.span());
                let found = format!("\"{topic}\" = {}", item.to_string().trim());
                self.wrong(path, &found, key.or_else(|| span.clone()));
            }
        }
        self.keep(path, ValueKind::Table(kept), span)
    }

    fn tables(
        &mut self,
        path: &str,
        tables: &ArrayOfTables,
        span: Option<Range<usize>>,
    ) -> Option<Value> {
        let Some(Kind::List(_)) = self.kind(path) else {
            return self.no_list(path, span);
        };
        self.forget(path);
        let mut kept = Vec::new();
        for (position, table) in tables.iter().enumerate() {
            kept.push(self.table(&format!("{path}.{position}"), table));
        }
        let first = tables.get(0).and_then(toml_edit::Table::span).or(span);
        Some(self.keep(path, ValueKind::Array(kept), first))
    }

    fn array(&mut self, path: &str, array: &Array, span: Option<Range<usize>>) -> Option<Value> {
        match self.kind(path) {
            Some(Kind::List(_)) => {}
            Some(kind) if kind.is_texts() => return self.texts(path, kind, array, span),
            _ => return self.no_list(path, span),
        }
        self.forget(path);
        let mut kept = Vec::new();
        for (position, element) in array.iter().enumerate() {
            let inner = format!("{path}.{position}");
            match element.as_inline_table() {
                Some(table) => kept.push(self.table(&inner, table)),
                None => drop(self.wrong(&inner, &shown(element), element.span())),
            }
        }
        Some(self.keep(path, ValueKind::Array(kept), span))
    }

    fn texts(
        &mut self,
        path: &str,
        kind: Kind,
        array: &Array,
        span: Option<Range<usize>>,
    ) -> Option<Value> {
        let mut kept = Vec::new();
        for element in array {
            let value = element.as_str().and_then(|text| kind.read_element(text));
            match value {
                Some(value) => kept.push(Value::new(None, value)),
                None => drop(self.wrong(path, &shown(element), element.span())),
            }
        }
        Some(self.keep(path, ValueKind::Array(kept), span))
    }

    /// A list in the environment or on the command line: `a,b`.
    fn texts_of(&mut self, path: &str, kind: Kind, text: &str) -> Option<Value> {
        let mut kept = Vec::new();
        for element in text
            .split(',')
            .map(str::trim)
            .filter(|text| !text.is_empty())
        {
            match kind.read_element(element) {
                Some(value) => kept.push(Value::new(None, value)),
                None => drop(self.wrong(path, &quoted(element), None)),
            }
        }
        Some(self.keep(path, ValueKind::Array(kept), None))
    }

    fn no_list(&mut self, path: &str, span: Option<Range<usize>>) -> Option<Value> {
        if self.kind(path).is_some() || self.is_group(path) {
            self.wrong(path, "a list", span)
        } else {
            self.unknown(path, span)
        }
    }

    fn scalar(&mut self, path: &str, value: &Toml, span: Option<Range<usize>>) -> Option<Value> {
        let Some(kind) = self.kind(path) else {
            if self.is_group(path) {
                return self.wrong(path, &shown(value), span);
            }
            return self.unknown(path, span);
        };
        let kept = match value {
            Toml::String(text) => kind.read_string(text.value()),
            Toml::Integer(number) => kind.read_integer(*number.value()),
            Toml::Float(number) => kind.read_float(*number.value()),
            Toml::Boolean(flag) => kind.read_flag(*flag.value()),
            Toml::Datetime(_) | Toml::Array(_) | Toml::InlineTable(_) => None,
        };
        match kept {
            Some(kept) => Some(self.keep(path, kept, span)),
            None => self.wrong(path, &shown(value), span),
        }
    }

    /// A whole list replaces the one of the source before.
    fn forget(&mut self, path: &str) {
        let inside = format!("{path}.");
        self.origins.retain(|known, _| !known.starts_with(&inside));
    }

    fn keep(&mut self, path: &str, kept: ValueKind, span: Option<Range<usize>>) -> Value {
        self.origins.insert(path.to_owned(), (self.source)(span));
        Value::new(None, kept)
    }

    fn wrong(&mut self, path: &str, found: &str, span: Option<Range<usize>>) -> Option<Value> {
        let allowed = self
            .kind(path)
            .map_or_else(|| "a table of settings".to_owned(), |kind| kind.to_string());
        self.report(path, format!("found {found}; allowed: {allowed}"), span)
    }

    fn unknown(&mut self, path: &str, span: Option<Range<usize>>) -> Option<Value> {
        let known = self.keys.iter().map(|key| key.key.as_str());
        let hint = meant(&pattern(path), known)
            .map_or_else(String::new, |key| format!("; did you mean `{key}`?"));
        self.report(path, format!("unknown setting{hint}"), span)
    }

    fn report(&mut self, path: &str, message: String, span: Option<Range<usize>>) -> Option<Value> {
        let source = (self.source)(span);
        self.problems.push(Problem {
            source,
            key: path.to_owned(),
            message,
        });
        None
    }

    fn kind(&self, path: &str) -> Option<Kind> {
        let pattern = pattern(path);
        self.keys
            .iter()
            .find(|key| key.key == pattern)
            .map(|key| key.kind)
    }

    /// Whether settings have this path before them; elements of a list do, too.
    fn is_group(&self, path: &str) -> bool {
        let inside = pattern(path) + ".";
        self.keys.iter().any(|key| key.key.starts_with(&inside))
    }
}

/// The path with `*` for positions in lists.
fn pattern(path: &str) -> String {
    let star = |name: &str| {
        let is_position = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
        if is_position {
            "*".to_owned()
        } else {
            name.to_owned()
        }
    };
    path.split('.').map(star).collect::<Vec<_>>().join(".")
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

fn shown(value: &Toml) -> String {
    value.to_string().trim().to_owned()
}
