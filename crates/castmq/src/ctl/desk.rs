//! What a command works with: a broker to ask, and paper to write the answer on.

use serde_json::Value;

use super::api::{Answer, Api, Method, Path};
use super::failure::Failure;
use super::paper::Paper;
use super::table::{Column, Table};
use super::text;

/// The most rows that the broker gives at once.
const PAGE_ROWS_MAX: u64 = 1000;

/// How much of a long list is wanted.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Paging {
    /// Show at most so many rows
    #[arg(long, value_name = "ROWS", default_value_t = 50,
        value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) limit: u64,
    /// Show all rows, page after page; with --json each page is a line
    #[arg(long, conflicts_with = "limit")]
    pub(super) all: bool,
    /// Go on where another command ended
    #[arg(long, value_name = "CURSOR")]
    pub(super) cursor: Option<String>,
}

impl Paging {
    /// All rows.
    pub(super) fn all() -> Self {
        Self {
            limit: u64::MAX,
            all: true,
            cursor: None,
        }
    }

    /// The first rows.
    pub(super) fn first(limit: u64) -> Self {
        Self {
            limit,
            all: false,
            cursor: None,
        }
    }
}

/// A broker and a place for its answers.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) api: Api,
    pub(super) paper: Paper,
}

impl Desk {
    /// Shows a list, page by page.
    pub(super) fn list(
        &self,
        path: &Path,
        columns: &[Column],
        paging: &Paging,
    ) -> Result<(), Failure> {
        self.table(path, Table::new(columns), paging)
    }

    /// Shows a list in a table that is made already.
    pub(super) fn table(
        &self,
        path: &Path,
        mut table: Table,
        paging: &Paging,
    ) -> Result<(), Failure> {
        let mut is_empty = true;
        let next = self.pages(path, paging, |answer| {
            if self.paper.is_json {
                return self.paper.json(&answer.text);
            }
            let rows = items(&answer.value);
            is_empty &= rows.is_empty();
            self.paper.write(&table.rows(rows, self.paper.width()))
        })?;
        self.paper.left_out(&table);
        if is_empty && !self.paper.is_json {
            self.paper.note("(none)");
        }
        if let (Some(next), false) = (next, self.paper.is_json) {
            let next = text::plain(&next);
            self.paper.note(&format!(
                "(there is more: --all, a larger --limit, or --cursor '{next}')"
            ));
        }
        Ok(())
    }

    /// Reads pages until there are enough rows; where the next one would begin.
    pub(super) fn pages(
        &self,
        path: &Path,
        paging: &Paging,
        mut each: impl FnMut(&Answer) -> Result<(), Failure>,
    ) -> Result<Option<String>, Failure> {
        let mut wanted = if paging.all { u64::MAX } else { paging.limit };
        let mut cursor = paging.cursor.clone();
        loop {
            let page = path
                .clone()
                .with("limit", Some(wanted.min(PAGE_ROWS_MAX)))
                .with("cursor", cursor.as_ref());
            let answer = self.api.get(page.as_str())?;
            each(&answer)?;
            let rows = items(&answer.value).len() as u64;
            wanted = wanted.saturating_sub(rows);
            let next = answer.value.get("next").and_then(Value::as_str);
            let next = next.map(str::to_owned);
            // The same cursor again would be a circle.
            if next.is_none() || next == cursor || wanted == 0 {
                return Ok(next);
            }
            cursor = next;
        }
    }

    /// Rows of a list that is short; a page may have fewer than were wanted and others behind it.
    pub(super) fn rows(&self, path: &Path, paging: &Paging) -> Result<Vec<Value>, Failure> {
        let mut rows = Vec::new();
        self.pages(path, paging, |answer| {
            rows.extend_from_slice(items(&answer.value));
            Ok(())
        })?;
        Ok(rows)
    }

    /// Shows a list that comes whole.
    pub(super) fn whole(&self, path: &str, columns: &[Column]) -> Result<(), Failure> {
        let answer = self.api.get(path)?;
        if self.paper.is_json {
            return self.paper.json(&answer.text);
        }
        let rows = items(&answer.value);
        self.paper.rows(columns, rows)?;
        if rows.is_empty() {
            self.paper.note("(none)");
        }
        Ok(())
    }

    /// Shows one thing, field by field.
    pub(super) fn show(&self, path: &str) -> Result<(), Failure> {
        let answer = self.api.get(path)?;
        self.answer(&answer)
    }

    /// Shows an answer, field by field.
    pub(super) fn answer(&self, answer: &Answer) -> Result<(), Failure> {
        if self.paper.is_json {
            return self.paper.json(&answer.text);
        }
        self.paper.fields(&answer.value)
    }

    /// Has the broker change something, and says what was done.
    pub(super) fn change(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        done: &str,
    ) -> Result<(), Failure> {
        let answer = self.api.ask(method, path, body)?;
        if self.paper.is_json {
            self.paper.json(&answer.text)
        } else {
            self.paper.line(done)
        }
    }
}

/// The rows of a page, or of a list that comes whole.
pub(super) fn items(value: &Value) -> &[Value] {
    let list = value.get("items").unwrap_or(value);
    list.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// A field that is text; none if it is missing.
pub(super) fn word<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A field that is a number; 0 if it is missing.
pub(super) fn number(value: &Value, name: &str) -> f64 {
    value.get(name).and_then(Value::as_f64).unwrap_or_default()
}
