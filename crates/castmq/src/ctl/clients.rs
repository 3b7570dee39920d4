//! Who is connected, and what is kept for whom: `clients`, `sessions`, `timeline`.

use clap::{Subcommand, ValueEnum};
use serde_json::Value;

use super::api::{Method, Path, part};
use super::desk::{Desk, Paging, items, word};
use super::failure::Failure;
use super::table::Column;
use super::table::Form::{Bytes, Count, Seconds, Text, Word};
use super::text;

#[derive(Debug, Subcommand)]
pub(super) enum Clients {
    /// List those that are connected
    List {
        /// Only those whose identifier contains that
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        /// Only those of this user
        #[arg(long = "of-user", value_name = "NAME")]
        user: Option<String>,
        /// Only those that came by this listener
        #[arg(long, value_name = "NAME")]
        listener: Option<String>,
        #[command(flatten)]
        paging: Paging,
    },
    /// Show one
    Show {
        /// Its client identifier
        #[arg(value_name = "CLIENT")]
        client: String,
    },
    /// Disconnect one; its session stays if it outlives connections
    Kick {
        /// Its client identifier
        #[arg(value_name = "CLIENT")]
        client: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Sessions {
    /// List them
    List {
        /// Only those that end with their connection, or only those that outlive it
        #[arg(value_name = "KIND")]
        kind: Option<Kind>,
        /// Only those whose client identifier contains that
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        /// Only those whose client is connected, or away
        #[arg(long)]
        state: Option<Presence>,
        #[command(flatten)]
        paging: Paging,
    },
    /// Show one: its window, its queue, and what it waits for
    Show {
        /// Its client identifier
        #[arg(value_name = "CLIENT")]
        client: String,
    },
    /// End one, with all its subscriptions and messages
    Discard {
        /// Its client identifier
        #[arg(value_name = "CLIENT")]
        client: String,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Kind {
    /// It outlives connections
    Persistent,
    /// It ends with its connection
    Transient,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Presence {
    /// Its client is connected
    Connected,
    /// Its client is not
    Away,
}

const CLIENTS: [Column; 8] = [
    Column("CLIENT", "client_id", Text),
    Column("USER", "user", Text),
    Column("PEER", "peer", Text),
    Column("LISTENER", "listener", Text),
    Column("MQTT", "protocol", Word),
    Column("KEEP ALIVE", "keep_alive_seconds", Seconds),
    Column("UNSENT", "unsent_bytes", Bytes),
    Column("CONNECTED AT", "connected_at", Word),
];

const SESSIONS: [Column; 10] = [
    Column("CLIENT", "client_id", Text),
    Column("CONNECTED", "is_connected", Word),
    Column("PERSISTENT", "is_persistent", Word),
    Column("QUEUED", "queued_count", Count),
    Column("SIZE", "queued_bytes", Bytes),
    Column("IN FLIGHT", "inflight_count", Count),
    Column("DROPPED", "dropped_count", Count),
    Column("SUBSCRIPTIONS", "subscriptions_count", Count),
    Column("AWAITING REL", "awaiting_rel_count", Count),
    Column("EXPIRES AT", "expires_at", Word),
];

/// `clients …`
pub(super) fn clients(action: &Clients, desk: &Desk) -> Result<(), Failure> {
    match action {
        Clients::List {
            search,
            user,
            listener,
            paging,
        } => {
            let path = Path::new("/clients")
                .with("search", search.as_ref())
                .with("user", user.as_ref())
                .with("listener", listener.as_ref());
            desk.list(&path, &CLIENTS, paging)
        }
        Clients::Show { client } => desk.show(&format!("/clients/{}", part(client))),
        Clients::Kick { client } => {
            let path = format!("/clients/{}", part(client));
            let done = format!("client {} is disconnected", text::plain(client));
            desk.change(Method::Delete, &path, None, &done)
        }
    }
}

/// `sessions …`
pub(super) fn sessions(action: &Sessions, desk: &Desk) -> Result<(), Failure> {
    match action {
        Sessions::List {
            kind,
            search,
            state,
            paging,
        } => {
            let kind = kind.map(|kind| match kind {
                Kind::Persistent => "persistent",
                Kind::Transient => "transient",
            });
            let state = state.map(|state| match state {
                Presence::Connected => "connected",
                Presence::Away => "away",
            });
            let path = Path::new("/sessions")
                .with("search", search.as_ref())
                .with("state", state)
                .with("kind", kind);
            desk.list(&path, &SESSIONS, paging)
        }
        Sessions::Show { client } => desk.show(&format!("/sessions/{}", part(client))),
        Sessions::Discard { client } => {
            let path = format!("/sessions/{}", part(client));
            let done = format!("the session of {} is ended", text::plain(client));
            desk.change(Method::Delete, &path, None, &done)
        }
    }
}

/// `timeline CLIENT`: its life, newest first, also over reconnects and takeovers.
pub(super) fn timeline(client: &str, paging: &Paging, desk: &Desk) -> Result<(), Failure> {
    let path = Path::new(format!("/clients/{}/timeline", part(client)));
    let mut is_empty = true;
    let next = desk.pages(&path, paging, |answer| {
        if desk.paper.is_json {
            return desk.paper.json(&answer.text);
        }
        let lines: String = items(&answer.value).iter().map(moment).collect();
        is_empty &= lines.is_empty();
        desk.paper.write(&lines)
    })?;
    if is_empty && !desk.paper.is_json {
        desk.paper.note("(nothing is known of this client)");
    }
    if let (Some(next), false) = (next, desk.paper.is_json) {
        let next = text::plain(&next);
        desk.paper
            .note(&format!("(older: --cursor '{next}', or --all)"));
    }
    Ok(())
}

/// One line of a timeline.
fn moment(entry: &Value) -> String {
    let pid = match word(entry, "pid") {
        "" => String::new(),
        pid => format!("  {}", text::plain(pid)),
    };
    format!(
        "{}  {}  {}{pid}\n",
        text::plain(word(entry, "at")),
        text::pad(&text::plain(word(entry, "kind")), 15),
        text::plain(word(entry, "text"))
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_moment_of_a_timeline_is_one_line() {
        let entry = json!({
            "at": "2026-11-25T10:00:00.000Z",
            "kind": "taken_over",
            "text": "by a connection from 10.0.0.7:\n4711",
            "pid": "<0.client.3.1>",
        });
        assert_eq!(
            moment(&entry),
            "2026-11-25T10:00:00.000Z  taken_over       by a connection from 10.0.0.7:\\n4711  \
             <0.client.3.1>\n"
        );
    }
}
