//! Whom a rule is for.

use castmq_mqtt::Text;
use castmq_rules::ClientId;
use castmq_rules::access::{Network, Who};
use toml_edit::{Item, TableLike, Value};

use super::reader::{Reader, Span};

const WANTED: &str = "\"all\" or a table of one of user, client, address, and, or";
const KEYS: [&str; 5] = ["user", "client", "address", "and", "or"];

pub(super) fn who(reader: &mut Reader<'_>, item: &Item) -> Option<Who> {
    match item {
        Item::Value(value) => of_value(reader, value),
        // `[rule.who]` as a table of its own.
        Item::Table(table) => of_table(reader, table.span(), table),
        Item::None | Item::ArrayOfTables(_) => {
            reader.wrong(item.span(), "who", item.type_name(), WANTED)
        }
    }
}

fn of_value(reader: &mut Reader<'_>, value: &Value) -> Option<Who> {
    if value.as_str() == Some("all") {
        return Some(Who::All);
    }
    match value.as_inline_table() {
        Some(table) => of_table(reader, value.span(), table),
        None => reader.wrong(value.span(), "who", value.to_string().trim(), WANTED),
    }
}

fn of_table(reader: &mut Reader<'_>, span: Span, table: &dyn TableLike) -> Option<Who> {
    reader.only_known(table, &KEYS);
    let mut known = table.iter().filter(|(key, _)| KEYS.contains(key));
    let Some((key, item)) = known.next() else {
        return reader.wrong(span, "who", "an empty table", WANTED);
    };
    if known.next().is_some() {
        let what = "`who` has one key; several are joined with `and` or `or`";
        reader.problem(span, what);
        return None;
    }
    match key {
        "and" => Some(Who::AllOf(list(reader, key, item)?)),
        "or" => Some(Who::AnyOf(list(reader, key, item)?)),
        _ => one(reader, key, item),
    }
}

fn one(reader: &mut Reader<'_>, key: &str, item: &Item) -> Option<Who> {
    let name = reader.string(key, item)?;
    let who = match key {
        "address" => name
            .parse::<Network>()
            .map(Who::Address)
            .map_err(|error| error.to_string()),
        "user" => text(name).map(Who::User),
        _ => text(name).and_then(|id| {
            let empty = || "a client id is not empty".to_owned();
            ClientId::new(id).map(Who::Client).ok_or_else(empty)
        }),
    };
    match who {
        Ok(who) => Some(who),
        Err(error) => {
            reader.problem(item.span(), format!("`{key}`: {error}"));
            None
        }
    }
}

fn list(reader: &mut Reader<'_>, key: &str, item: &Item) -> Option<Vec<Who>> {
    let list = item.as_array().filter(|list| !list.is_empty());
    let Some(list) = list else {
        return reader.wrong(item.span(), key, "empty or something else", "a list");
    };
    let all: Vec<_> = list.iter().map(|value| of_value(reader, value)).collect();
    all.into_iter().collect()
}

fn text(name: &str) -> Result<Text, String> {
    Text::try_from(name).map_err(|error| error.to_string())
}
