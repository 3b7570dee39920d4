//! What goes where: `routes`, `topics`, `subscriptions`, `retained`, `publish`.

use std::fs;
use std::io::{self, Read};
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::api::{Method, Path, levels, part};
use super::desk::{Desk, Paging, word};
use super::failure::Failure;
use super::table::Column;
use super::table::Form::{Bytes, Count, Text, Word};
use super::text;

#[derive(Debug, Subcommand)]
pub(super) enum Routes {
    /// List them
    List {
        /// Only those whose filter contains that
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        #[command(flatten)]
        paging: Paging,
    },
    /// Show the routes of one filter
    Show {
        /// The filter, as it was subscribed to
        #[arg(value_name = "FILTER")]
        filter: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Topics {
    /// List the next level of the tree of topics
    List {
        /// Below that; without it the first level
        #[arg(value_name = "TOPIC")]
        below: Option<String>,
        #[command(flatten)]
        paging: Paging,
    },
    /// Show who gets what is published to a topic, and what is retained there
    Show {
        /// The topic
        #[arg(value_name = "TOPIC")]
        topic: String,
        #[command(flatten)]
        paging: Paging,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Subscriptions {
    /// List them
    List {
        /// Only those whose filter contains that
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        /// Only those that match this topic
        #[arg(long, value_name = "TOPIC")]
        topic: Option<String>,
        #[command(flatten)]
        paging: Paging,
    },
    /// Show those of a client
    Show {
        /// Its client identifier
        #[arg(value_name = "CLIENT")]
        client: String,
        #[command(flatten)]
        paging: Paging,
    },
    /// Subscribe on behalf of a client
    Add(Add),
    /// Unsubscribe on behalf of a client: one filter, or all that it has
    Del {
        /// Its client identifier
        #[arg(value_name = "CLIENT")]
        client: String,
        /// The filter
        #[arg(value_name = "FILTER")]
        filter: Option<String>,
    },
}

#[derive(Debug, Args)]
pub(super) struct Add {
    /// Its client identifier
    #[arg(value_name = "CLIENT")]
    client: String,
    /// The filter
    #[arg(value_name = "FILTER")]
    filter: String,
    /// The quality of service
    #[arg(value_name = "QOS", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=2))]
    qos: u8,
    /// Without what the client publishes itself
    #[arg(long)]
    no_local: bool,
    /// Say of each message whether it was published as retained
    #[arg(long)]
    retain_as_published: bool,
    /// Retained messages at first: 0 yes, 1 if the subscription is new, 2 no
    #[arg(long, value_name = "0|1|2", default_value_t = 0,
        value_parser = clap::value_parser!(u8).range(0..=2))]
    retain_handling: u8,
}

#[derive(Debug, Subcommand)]
pub(super) enum Retained {
    /// List them, without what is in them
    List {
        /// Only those whose topic contains that
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        #[command(flatten)]
        paging: Paging,
    },
    /// Show one, with what is in it
    Show {
        /// Its topic
        #[arg(value_name = "TOPIC")]
        topic: String,
    },
    /// Remove one
    Del {
        /// Its topic
        #[arg(value_name = "TOPIC")]
        topic: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct Publish {
    /// The topic
    #[arg(value_name = "TOPIC")]
    topic: String,
    /// What is in it, as text; without it --file
    #[arg(value_name = "PAYLOAD", required_unless_present = "file")]
    payload: Option<String>,
    /// What is in it, any bytes; - is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "payload")]
    file: Option<PathBuf>,
    /// The quality of service
    #[arg(short, long, value_name = "0|1|2", default_value_t = 0,
        value_parser = clap::value_parser!(u8).range(0..=2))]
    qos: u8,
    /// Retain it
    #[arg(short, long)]
    retain: bool,
}

const ROUTES: [Column; 3] = [
    Column("FILTER", "filter", Text),
    Column("ARBITERS", "arbiters", Text),
    Column("GROUP", "group", Text),
];

const TOPICS: [Column; 6] = [
    Column("TOPIC", "topic", Text),
    Column("MORE BELOW", "has_children", Word),
    Column("SUBSCRIBERS", "subscribers_count", Count),
    Column("ARBITERS", "routes", Text),
    Column("RETAINED", "retained.bytes", Bytes),
    Column("STORED AT", "retained.stored_at", Word),
];

const SUBSCRIPTIONS: [Column; 8] = [
    Column("CLIENT", "client_id", Text),
    Column("FILTER", "filter", Text),
    Column("QOS", "qos", Count),
    Column("GROUP", "group", Text),
    Column("NO LOCAL", "no_local", Word),
    Column("RETAIN AS PUBLISHED", "retain_as_published", Word),
    Column("RETAIN HANDLING", "retain_handling", Count),
    Column("ID", "subscription_id", Count),
];

const RETAINED: [Column; 6] = [
    Column("TOPIC", "topic", Text),
    Column("SIZE", "bytes", Bytes),
    Column("QOS", "qos", Count),
    Column("FROM", "from", Text),
    Column("STORED AT", "stored_at", Word),
    Column("EXPIRES AT", "expires_at", Word),
];

/// `routes …`
pub(super) fn routes(action: &Routes, desk: &Desk) -> Result<(), Failure> {
    match action {
        Routes::List { search, paging } => {
            let path = Path::new("/routes").with("search", search.as_ref());
            desk.list(&path, &ROUTES, paging)
        }
        Routes::Show { filter } => {
            let path = Path::new("/routes").with("search", Some(filter));
            let mut rows = desk.rows(&path, &Paging::all())?;
            rows.retain(|row| word(row, "filter") == filter);
            if rows.is_empty() {
                let filter = text::plain(filter);
                return Err(Failure::Refused(format!("there is no route for {filter}")));
            }
            if desk.paper.is_json {
                return desk.paper.json(&Value::Array(rows).to_string());
            }
            desk.paper.rows(&ROUTES, &rows)
        }
    }
}

/// `topics …`
pub(super) fn topics(action: &Topics, desk: &Desk) -> Result<(), Failure> {
    match action {
        Topics::List { below, paging } => {
            let path = Path::new("/topics").with("below", below.as_ref());
            desk.list(&path, &TOPICS, paging)
        }
        Topics::Show { topic, paging } => {
            let path = Path::new("/subscriptions").with("topic", Some(topic));
            if desk.paper.is_json {
                return desk.list(&path, &SUBSCRIPTIONS, paging);
            }
            match desk.api.get(&format!("/retained/{}", levels(topic))) {
                Ok(answer) => {
                    let mut message = answer.value;
                    // What is in it is for `retained show`.
                    if let Some(fields) = message.as_object_mut() {
                        fields.remove("payload");
                        fields.remove("encoding");
                    }
                    desk.paper.line("retained")?;
                    desk.paper.rows(&RETAINED, &[message])?;
                }
                Err(Failure::Refused(_)) => desk.paper.line("nothing is retained")?,
                Err(failure) => return Err(failure),
            }
            desk.paper.line("\nsubscriptions that match")?;
            desk.list(&path, &SUBSCRIPTIONS, paging)
        }
    }
}

/// `subscriptions …`
pub(super) fn subscriptions(action: &Subscriptions, desk: &Desk) -> Result<(), Failure> {
    match action {
        Subscriptions::List {
            search,
            topic,
            paging,
        } => {
            let path = Path::new("/subscriptions")
                .with("search", search.as_ref())
                .with("topic", topic.as_ref());
            desk.list(&path, &SUBSCRIPTIONS, paging)
        }
        Subscriptions::Show { client, paging } => {
            let path = Path::new("/subscriptions").with("client", Some(client));
            desk.list(&path, &SUBSCRIPTIONS, paging)
        }
        Subscriptions::Add(add) => {
            let path = format!("/sessions/{}/subscriptions", part(&add.client));
            let body = json!({
                "filter": add.filter,
                "qos": add.qos,
                "no_local": add.no_local,
                "retain_as_published": add.retain_as_published,
                "retain_handling": add.retain_handling,
            });
            let (client, filter) = (text::plain(&add.client), text::plain(&add.filter));
            let done = format!("{client} subscribes to {filter}");
            desk.change(Method::Post, &path, Some(&body), &done)
        }
        Subscriptions::Del { client, filter } => {
            let filters = match filter {
                Some(filter) => vec![filter.clone()],
                None => subscribed(client, desk)?,
            };
            for filter in &filters {
                let path = Path::new(format!("/sessions/{}/subscriptions", part(client)))
                    .with("filter", Some(filter));
                let (client, filter) = (text::plain(client), text::plain(filter));
                let done = format!("{client} no longer subscribes to {filter}");
                desk.change(Method::Delete, path.as_str(), None, &done)?;
            }
            Ok(())
        }
    }
}

/// All filters of a client, in the words in which they were subscribed.
fn subscribed(client: &str, desk: &Desk) -> Result<Vec<String>, Failure> {
    let path = Path::new("/subscriptions").with("client", Some(client));
    let rows = desk.rows(&path, &Paging::all())?;
    if rows.is_empty() {
        let client = text::plain(client);
        return Err(Failure::Refused(format!("{client} has no subscription")));
    }
    Ok(rows.iter().map(whole_filter).collect())
}

/// The filter of a row; that of a shared subscription names its group.
fn whole_filter(row: &Value) -> String {
    let (filter, group) = (word(row, "filter"), word(row, "group"));
    if group.is_empty() || filter.starts_with("$share/") {
        filter.to_owned()
    } else {
        format!("$share/{group}/{filter}")
    }
}

/// `retained …`
pub(super) fn retained(action: &Retained, desk: &Desk) -> Result<(), Failure> {
    match action {
        Retained::List { search, paging } => {
            let path = Path::new("/retained").with("search", search.as_ref());
            desk.list(&path, &RETAINED, paging)
        }
        Retained::Show { topic } => desk.show(&format!("/retained/{}", levels(topic))),
        Retained::Del { topic } => {
            let path = format!("/retained/{}", levels(topic));
            let done = format!("nothing is retained under {} now", text::plain(topic));
            desk.change(Method::Delete, &path, None, &done)
        }
    }
}

/// `publish TOPIC PAYLOAD`
pub(super) fn publish(publish: &Publish, desk: &Desk) -> Result<(), Failure> {
    let (payload, encoding) = match (&publish.payload, &publish.file) {
        (Some(payload), _) => (payload.clone(), "text"),
        (None, Some(file)) => (STANDARD.encode(contents(file)?), "base64"),
        (None, None) => (String::new(), "text"),
    };
    let body = json!({
        "topic": publish.topic,
        "payload": payload,
        "encoding": encoding,
        "qos": publish.qos,
        "retain": publish.retain,
    });
    let answer = desk.api.ask(Method::Post, "/publish", Some(&body))?;
    if desk.paper.is_json || answer.value.is_object() {
        return desk.answer(&answer);
    }
    let topic = text::plain(&publish.topic);
    desk.paper.line(&format!("published to {topic}"))
}

/// What is in a file; `-` is standard input.
fn contents(path: &PathBuf) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = if path.as_os_str() == "-" {
        io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        fs::read(path)
    };
    read.map_err(|error| Failure::Local(path.display().to_string(), error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_subscription_is_named_with_its_group() {
        assert_eq!(whole_filter(&json!({"filter": "a", "group": null})), "a");
        let shared = json!({"filter": "a/#", "group": "g"});
        assert_eq!(whole_filter(&shared), "$share/g/a/#");
        let shared = json!({"filter": "$share/g/a/#", "group": "g"});
        assert_eq!(whole_filter(&shared), "$share/g/a/#");
    }
}
