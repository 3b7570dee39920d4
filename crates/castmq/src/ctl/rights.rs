//! Who may do what: `users`, `acl`.

use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::api::{Method, Path, part};
use super::desk::{Desk, Paging, word};
use super::failure::Failure;
use super::table::Column;
use super::table::Form::{Text, Word};
use super::text;

#[derive(Debug, Subcommand)]
pub(super) enum Users {
    /// List those who were added while the broker ran
    List(Paging),
    /// Add one, or change the password; it is asked for, or is the line on standard input
    Add {
        /// The user name
        #[arg(value_name = "USER")]
        user: String,
        /// The user may publish and subscribe everything
        #[arg(long)]
        superuser: bool,
    },
    /// Take one out
    Del {
        /// The user name
        #[arg(value_name = "USER")]
        user: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Acl {
    /// Show the rules that were set while the broker ran
    Show,
    /// Put the rules of a file in their place
    Set {
        /// Rules, as in the file of acl_file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Take them away: those of the configuration decide alone
    Clear,
    /// Say whether a client may do something, and which rule decides; exit code 1 when it may not
    Check(Check),
}

#[derive(Debug, Args)]
pub(super) struct Check {
    /// The user name; "" for a client without one
    #[arg(value_name = "USER")]
    user: String,
    /// The client identifier
    #[arg(value_name = "CLIENT")]
    client: String,
    /// What it wants to do
    #[arg(value_name = "ACTION")]
    action: Wanted,
    /// The topic, or the filter to subscribe to
    #[arg(value_name = "TOPIC")]
    topic: String,
    /// Where the client connects from
    #[arg(long, value_name = "ADDRESS")]
    address: Option<IpAddr>,
    /// The quality of service
    #[arg(long, value_name = "0|1|2", value_parser = clap::value_parser!(u8).range(0..=2))]
    qos: Option<u8>,
    /// The message is retained
    #[arg(long)]
    retain: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Wanted {
    /// Publish to a topic
    Publish,
    /// Subscribe to a filter
    Subscribe,
    /// Get a message that it subscribed to
    Deliver,
}

const USERS: [Column; 2] = [Column("USER", "name", Text), Column("RANK", "rank", Word)];

/// `users …`
pub(super) fn users(action: &Users, desk: &Desk) -> Result<(), Failure> {
    match action {
        Users::List(paging) => desk.list(&Path::new("/users"), &USERS, paging),
        Users::Add { user, superuser } => {
            let password = crate::passwd::ask_twice(user);
            let password = password.map_err(|error| Failure::Usage(format!("{error:#}")))?;
            let rank = if *superuser { "superuser" } else { "user" };
            let password = String::from_utf8(password.expose().to_vec());
            let password =
                password.map_err(|_| Failure::Usage("the password is no UTF-8".to_owned()))?;
            let body = json!({ "password": password, "rank": rank });
            let done = format!("user {} may connect", text::plain(user));
            let path = format!("/users/{}", part(user));
            desk.change(Method::Put, &path, Some(&body), &done)
        }
        Users::Del { user } => {
            let done = format!("user {} taken out", text::plain(user));
            let path = format!("/users/{}", part(user));
            desk.change(Method::Delete, &path, None, &done)
        }
    }
}

/// `acl …`
pub(super) fn acl(action: &Acl, desk: &Desk) -> Result<(), Failure> {
    match action {
        Acl::Show => {
            let answer = desk.api.get("/rules")?;
            if desk.paper.is_json {
                return desk.paper.json(&answer.text);
            }
            match answer.value.get("rules").and_then(Value::as_str) {
                Some(rules) => desk.paper.write(&page(rules)),
                None => {
                    desk.paper.note("(no rules were set while the broker ran)");
                    Ok(())
                }
            }
        }
        Acl::Set { file } => {
            let rules = fs::read_to_string(file);
            let rules = rules.map_err(|error| Failure::Local(file.display().to_string(), error))?;
            let body = json!({ "rules": rules });
            let done = format!("the rules of {} decide now", file.display());
            desk.change(Method::Put, "/rules", Some(&body), &done)
        }
        Acl::Clear => {
            let done = "the rules of the configuration decide alone";
            desk.change(Method::Delete, "/rules", None, done)
        }
        Acl::Check(check) => self::check(check, desk),
    }
}

/// A text of several lines, each without what a terminal would obey.
fn page(text: &str) -> String {
    text.lines().map(|line| text::plain(line) + "\n").collect()
}

fn check(check: &Check, desk: &Desk) -> Result<(), Failure> {
    let action = match check.action {
        Wanted::Publish => "publish",
        Wanted::Subscribe => "subscribe",
        Wanted::Deliver => "deliver",
    };
    let user = Some(&check.user).filter(|user| !user.is_empty());
    let path = Path::new("/rules/check")
        .with("user", user)
        .with("client", Some(&check.client))
        .with("action", Some(action))
        .with("topic", Some(&check.topic))
        .with("address", check.address)
        .with("qos", check.qos)
        .with("retain", check.retain.then_some(true));
    let answer = desk.api.get(path.as_str())?;
    let is_allowed = answer.value.get("is_allowed").and_then(Value::as_bool) == Some(true);
    if desk.paper.is_json {
        desk.paper.json(&answer.text)?;
    } else {
        let verdict = if is_allowed { "allowed" } else { "denied" };
        let because = text::plain(word(&answer.value, "because"));
        desk.paper.line(&format!("{verdict}: {because}"))?;
    }
    if is_allowed { Ok(()) } else { Err(Failure::No) }
}
