//! Rows of JSON as a table for people, and one object as a list of its fields.

use serde_json::Value;

use super::text::{self, NOTHING};

/// No column is made narrower than that to fit a terminal.
const NARROWEST: usize = 10;

/// Between two columns.
const GAP: &str = "  ";

/// What a value means, and so how it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Text that may be shortened to fit.
    Text,
    /// A word, a moment, or a process, which says nothing when it is shortened.
    Word,
    /// A number without a unit.
    Count,
    /// Microseconds.
    Micros,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// A part of one.
    Share,
    /// Times in a second.
    Rate,
}

impl Form {
    fn is_right(self) -> bool {
        !matches!(self, Self::Text | Self::Word)
    }

    /// The form that the name of a field tells.
    fn of(name: &str) -> Self {
        match name.rsplit('_').next().unwrap_or_default() {
            "micros" => Self::Micros,
            "seconds" => Self::Seconds,
            "bytes" => Self::Bytes,
            "share" => Self::Share,
            _ if name.ends_with("per_second") => Self::Rate,
            _ => Self::Text,
        }
    }
}

/// A column of a table: its heading, the field it shows, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column(
    pub(super) &'static str,
    pub(super) &'static str,
    pub(super) Form,
);

/// A table that is written in pieces, so that a million rows need not be held.
#[derive(Debug)]
pub(super) struct Table {
    columns: Vec<(String, String, Form)>,
    widths: Vec<usize>,
    is_begun: bool,
    left_out: Vec<String>,
}

impl Table {
    /// A table with these columns.
    pub(super) fn new(columns: &[Column]) -> Self {
        let named = |column: &Column| (column.0.to_owned(), column.1.to_owned(), column.2);
        Self::with(columns.iter().map(named).collect())
    }

    /// A table whose columns are named by the broker.
    pub(super) fn named(names: &[String]) -> Self {
        let column = |name: &String| {
            (
                text::plain(name).to_uppercase(),
                name.clone(),
                Form::of(name),
            )
        };
        Self::with(names.iter().map(column).collect())
    }

    fn with(columns: Vec<(String, String, Form)>) -> Self {
        let widths = columns.iter().map(|(head, ..)| text::width(head));
        Self {
            widths: widths.collect(),
            columns,
            is_begun: false,
            left_out: Vec::new(),
        }
    }

    /// The next rows, under their headings if they are the first; no line is wider than `width`.
    pub(super) fn rows(&mut self, rows: &[Value], width: Option<usize>) -> String {
        let mut cells: Vec<Vec<String>> = rows.iter().map(|row| self.cells(row)).collect();
        for row in &cells {
            for (widest, cell) in self.widths.iter_mut().zip(row) {
                *widest = (*widest).max(text::width(cell));
            }
        }
        let mut out = String::new();
        if let (Some(width), false) = (width, self.is_begun) {
            self.leave_out(width);
        }
        let widths = self.fitting(width);
        if !self.is_begun {
            self.is_begun = true;
            let heads: Vec<String> = self.columns.iter().map(|(head, ..)| head.clone()).collect();
            self.line(&heads, &widths, width, &mut out);
        }
        for row in &mut cells {
            row.truncate(self.columns.len());
            self.line(row, &widths, width, &mut out);
        }
        out
    }

    /// The headings of columns for which a terminal was too narrow.
    pub(super) fn left_out(&self) -> &[String] {
        &self.left_out
    }

    fn cells(&self, row: &Value) -> Vec<String> {
        let cell = |(_, path, form): &(String, String, Form)| shown(field(row, path), *form);
        self.columns.iter().map(cell).collect()
    }

    /// Leaves out the last columns if the terminal is too narrow even for what can be shortened.
    fn leave_out(&mut self, width: usize) {
        let narrowest = |((_, _, form), width): (&(String, String, Form), &usize)| {
            let least = if *form == Form::Text {
                NARROWEST
            } else {
                *width
            };
            least.min(*width)
        };
        while self.columns.len() > 1 {
            let widths = self.columns.iter().zip(&self.widths).map(narrowest);
            let gaps = GAP.len() * (self.columns.len() - 1);
            if widths.sum::<usize>() + gaps <= width {
                return;
            }
            self.widths.pop();
            let last = self.columns.pop();
            self.left_out.splice(0..0, last.map(|(head, ..)| head));
        }
    }

    /// The widths at which a line fits: the widest columns of text give way first.
    fn fitting(&self, width: Option<usize>) -> Vec<usize> {
        let mut widths = self.widths.clone();
        let Some(width) = width else { return widths };
        let gaps = GAP.len() * widths.len().saturating_sub(1);
        let mut excess = (widths.iter().sum::<usize>() + gaps).saturating_sub(width);
        while excess > 0 {
            let words = widths
                .iter_mut()
                .zip(&self.columns)
                .filter(|(width, (_, _, form))| *form == Form::Text && **width > NARROWEST);
            let Some((widest, _)) = words.max_by_key(|(width, _)| **width) else {
                break;
            };
            *widest -= 1;
            excess -= 1;
        }
        widths
    }

    fn line(&self, cells: &[String], widths: &[usize], width: Option<usize>, out: &mut String) {
        let columns = self.columns.iter().map(|(_, _, form)| form);
        let aligned: Vec<String> = cells
            .iter()
            .zip(widths)
            .zip(columns)
            .map(|((cell, width), form)| {
                let cell = text::cut(cell, *width);
                if form.is_right() {
                    text::pad_left(&cell, *width)
                } else {
                    text::pad(&cell, *width)
                }
            })
            .collect();
        let line = aligned.join(GAP);
        let line = line.trim_end();
        out.push_str(&width.map_or_else(|| line.to_owned(), |width| text::cut(line, width)));
        out.push('\n');
    }
}

/// The field at a path such as `retained.bytes`; a whole name that is there goes before.
fn field<'a>(row: &'a Value, path: &str) -> &'a Value {
    if let Some(value) = row.get(path) {
        return value;
    }
    path.split('.')
        .try_fold(row, |value, name| value.get(name))
        .unwrap_or(&Value::Null)
}

/// One value on one line.
pub(super) fn shown(value: &Value, form: Form) -> String {
    if let (Some(number), true) = (value.as_f64(), value.is_number()) {
        return match form {
            Form::Micros => text::micros(number),
            Form::Seconds => text::seconds(number),
            Form::Bytes => text::bytes(number),
            Form::Share => text::share(number),
            Form::Rate => text::rate(number),
            // A whole number that was told with a fraction.
            Form::Text | Form::Word | Form::Count if value.is_f64() => number.to_string(),
            Form::Text | Form::Word | Form::Count => value.to_string(),
        };
    }
    match value {
        Value::Null => NOTHING.to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(words) => text::plain(words),
        Value::Array(items) if items.is_empty() => NOTHING.to_owned(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| shown(item, form)).collect();
            items.join(", ")
        }
        Value::Object(fields) if fields.is_empty() => NOTHING.to_owned(),
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| {
                format!("{} {}", text::plain(name), shown(value, Form::of(name)))
            };
            let fields: Vec<String> = fields.iter().map(field).collect();
            fields.join(", ")
        }
        Value::Number(number) => number.to_string(),
    }
}

/// One object: a line for each field, with what is nested indented below it.
pub(super) fn fields(value: &Value, width: Option<usize>) -> String {
    let mut out = String::new();
    nested(value, 0, &mut out);
    let Some(width) = width else { return out };
    out.lines()
        .map(|line| text::cut(line, width) + "\n")
        .collect()
}

fn nested(value: &Value, depth: usize, out: &mut String) {
    let Value::Object(members) = value else {
        out.push_str(&format!(
            "{}{}\n",
            "  ".repeat(depth),
            shown(value, Form::Text)
        ));
        return;
    };
    let simple = members.iter().filter(|(_, value)| is_simple(value));
    let widest = simple.map(|(name, _)| text::width(&text::plain(name)));
    let widest = widest.max().unwrap_or(0);
    for (name, value) in members {
        let indent = "  ".repeat(depth);
        let head = text::plain(name);
        match value {
            _ if is_simple(value) => {
                let head = text::pad(&head, widest);
                let value = shown(value, Form::of(name));
                out.push_str(&format!("{indent}{head}  {value}\n"));
            }
            Value::Array(items) => {
                out.push_str(&format!("{indent}{head}\n"));
                for item in items {
                    let item = shown(item, Form::of(name));
                    out.push_str(&format!("{indent}  - {item}\n"));
                }
            }
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Object(_) => {
                out.push_str(&format!("{indent}{head}\n"));
                nested(value, depth + 1, out);
            }
        }
    }
}

/// Whether it fits behind its name: words, numbers, and lists of them that are short.
fn is_simple(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => {
            let is_flat = |item: &Value| !item.is_object() && !item.is_array();
            let length = |item: &Value| item.as_str().map_or(4, str::len);
            items.iter().all(is_flat) && items.iter().map(length).sum::<usize>() <= 60
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const COLUMNS: [Column; 3] = [
        Column("CLIENT", "client_id", Form::Text),
        Column("QUEUED", "queued_bytes", Form::Bytes),
        Column("TOPIC", "topic", Form::Text),
    ];

    fn rows() -> [Value; 2] {
        [
            json!({"client_id": "c1", "queued_bytes": 2048, "topic": "sensors/kitchen/temperature"}),
            json!({"client_id": "c\u{1b}2", "queued_bytes": 0, "topic": null}),
        ]
    }

    #[test]
    fn columns_are_aligned_and_numbers_end_together() {
        let told = Table::new(&COLUMNS).rows(&rows(), None);
        let expected = "CLIENT    QUEUED  TOPIC\n\
                        c1         2 KiB  sensors/kitchen/temperature\n\
                        c\\u{1b}2     0 B  -\n";
        assert_eq!(told, expected);
    }

    #[test]
    fn words_are_shortened_to_fit_a_terminal_and_numbers_are_not() {
        let told = Table::new(&COLUMNS).rows(&rows(), Some(30));
        let expected = "CLIENT    QUEUED  TOPIC\n\
                        c1         2 KiB  sensors/kit…\n\
                        c\\u{1b}2     0 B  -\n";
        assert_eq!(told, expected);
        assert!(told.lines().all(|line| text::width(line) <= 30));
    }

    #[test]
    fn the_last_columns_are_left_out_where_a_terminal_is_too_narrow_and_that_is_known() {
        let mut table = Table::new(&COLUMNS);
        let expected = "CLIENT    QUEUED\n\
                        c1         2 KiB\n\
                        c\\u{1b}2     0 B\n";
        assert_eq!(table.rows(&rows(), Some(20)), expected);
        assert_eq!(table.left_out(), ["TOPIC"]);
    }

    #[test]
    fn no_line_is_wider_than_a_very_narrow_terminal() {
        let told = Table::new(&COLUMNS).rows(&rows(), Some(5));
        assert_eq!(told, "CLIE…\nc1\nc\\u{…\n");
    }

    #[test]
    fn headings_stand_once_over_all_pieces() {
        let mut table = Table::new(&COLUMNS);
        table.rows(&rows(), None);
        let more = table.rows(&[json!({"client_id": "z"})], None);
        assert_eq!(more, "z              -  -\n");
    }

    #[test]
    fn an_object_is_a_line_for_each_field() {
        let value = json!({
            "client_id": "c1",
            "inflight": [{"packet_id": 1, "topic": "a"}],
            "queued_bytes": 1536,
            "will": {"topic": "gone", "delay_seconds": 90},
            "is_connected": true,
            "arbiters": [0, 1],
        });
        let expected = "arbiters      0, 1\n\
                        client_id     c1\n\
                        inflight\n  - packet_id 1, topic a\n\
                        is_connected  yes\n\
                        queued_bytes  1.5 KiB\n\
                        will\n  delay_seconds  1 min 30 s\n  topic          gone\n";
        assert_eq!(fields(&value, None), expected);
    }

    #[test]
    fn columns_that_the_broker_names_take_their_form_from_the_name() {
        let names = ["topic".to_owned(), "stored_bytes".to_owned()];
        let told = Table::named(&names).rows(&[json!({"topic": "a", "stored_bytes": 3})], None);
        assert_eq!(told, "TOPIC  STORED_BYTES\na               3 B\n");
    }
}
