//! Values of the right kind out of TOML, and the problems with the others.

use std::fmt::Display;
use std::ops::Range;

use castmq_mqtt::QoS;
use castmq_rules::access::{AccessRule, AccessRules, Decision};
use toml_edit::{Item, TableLike, Value};

use crate::{Problem, Problems};

/// Where something stands in the text.
pub(super) type Span = Option<Range<usize>>;

/// Collects problems with a text on the way.
pub(super) struct Reader<'t> {
    text: &'t str,
    problems: Vec<Problem>,
    pub(super) otherwise: Option<Decision>,
}

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            text,
            problems: Vec::new(),
            otherwise: Some(Decision::Deny),
        }
    }

    pub(super) fn finish(self, rules: Vec<AccessRule>) -> Result<AccessRules, Problems> {
        let rules = AccessRules {
            rules,
            otherwise: self.otherwise.unwrap_or(Decision::Deny),
            generation: 0,
        };
        Problems::or(self.problems, rules)
    }

    pub(super) fn problem(&mut self, span: Span, what: impl Into<String>) {
        let line = self.line(span);
        self.problem_in(line, what);
    }

    pub(super) fn problem_in(&mut self, line: u32, what: impl Into<String>) {
        self.problems.push(Problem::new(line, what));
    }

    pub(super) fn wrong<T>(
        &mut self,
        span: Span,
        key: &str,
        found: impl Display,
        wanted: &str,
    ) -> Option<T> {
        self.problem(span, format!("`{key}` is {wanted}, not {found}"));
        None
    }

    pub(super) fn only_known(&mut self, table: &dyn TableLike, known: &[&str]) {
        for (key, item) in table.iter() {
            if !known.contains(&key) {
                let span = table.key(key).and_then(toml_edit::Key::span);
                let known = known.join(", ");
                let what = format!("unknown key `{key}`; known: {known}");
                self.problem(span.or_else(|| item.span()), what);
            }
        }
    }

    pub(super) fn string<'i>(&mut self, key: &str, item: &'i Item) -> Option<&'i str> {
        let string = item.as_str();
        if string.is_none() {
            return self.wrong(item.span(), key, item.type_name(), "a string");
        }
        string
    }

    pub(super) fn boolean(&mut self, key: &str, item: &Item) -> Option<bool> {
        let boolean = item.as_bool();
        if boolean.is_none() {
            return self.wrong(item.span(), key, item.type_name(), "true or false");
        }
        boolean
    }

    /// The strings of a list, or the only one.
    pub(super) fn strings<'i>(&mut self, key: &str, item: &'i Item) -> Vec<(Span, &'i str)> {
        let mut strings = Vec::new();
        for value in values(item) {
            match value.as_str() {
                Some(string) => strings.push((value.span(), string)),
                None => self.not_a_list_of(key, value, "strings"),
            }
        }
        if !item.is_value() {
            let _: Option<()> = self.wrong(item.span(), key, item.type_name(), "a list of strings");
        }
        strings
    }

    /// The QoS of a list, or the only one; `None` when there is none.
    pub(super) fn levels(&mut self, key: &str, item: &Item) -> Option<Vec<QoS>> {
        let mut levels = Vec::new();
        for value in values(item) {
            let number = value
                .as_integer()
                .and_then(|number| u8::try_from(number).ok());
            match number.and_then(QoS::from_number) {
                Some(qos) => levels.push(qos),
                None => self.not_a_list_of(key, value, "numbers from 0 to 2"),
            }
        }
        if values(item).next().is_none() {
            return self.wrong(item.span(), key, "empty", "a list of numbers from 0 to 2");
        }
        Some(levels)
    }

    /// The tables of a list with their lines.
    pub(super) fn tables<'i>(
        &mut self,
        key: &str,
        item: &'i Item,
    ) -> Vec<(u32, &'i dyn TableLike)> {
        if let Some(tables) = item.as_array_of_tables() {
            let with_line = |table: &'i toml_edit::Table| {
                let table: (Span, &dyn TableLike) = (table.span(), table);
                (self.line(table.0), table.1)
            };
            return tables.iter().map(with_line).collect();
        }
        let mut tables: Vec<(u32, &dyn TableLike)> = Vec::new();
        let Some(list) = item.as_array() else {
            let what = format!("`{key}` is a list of tables: [[{key}]]");
            self.problem(item.span(), what);
            return tables;
        };
        for value in list {
            match value.as_inline_table() {
                Some(table) => tables.push((self.line(value.span()), table)),
                None => self.not_a_list_of(key, value, "tables"),
            }
        }
        tables
    }

    pub(super) fn line(&self, span: Span) -> u32 {
        let Some(before) = span.and_then(|span| self.text.get(..span.start)) else {
            return 0;
        };
        let breaks = before.bytes().filter(|byte| *byte == b'\n').count();
        u32::try_from(breaks).map_or(u32::MAX, |breaks| breaks.saturating_add(1))
    }

    fn not_a_list_of(&mut self, key: &str, value: &Value, what: &str) {
        let what = format!("`{key}` is a list of {what}, not of {}", value.type_name());
        self.problem(value.span(), what);
    }
}

fn values(item: &Item) -> Box<dyn Iterator<Item = &Value> + '_> {
    match item.as_value() {
        Some(Value::Array(list)) => Box::new(list.iter()),
        Some(value) => Box::new(std::iter::once(value)),
        None => Box::new(std::iter::empty()),
    }
}
