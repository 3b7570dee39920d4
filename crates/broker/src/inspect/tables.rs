//! The tables under emqttd's names, with their rows, as Erlang's table viewer shows emqttd's.

mod declared;
mod rows;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::page::page_of;
use super::{
    ClientsWanted, Inspect, InspectError, Page, PageRequest, RetainedWanted, RoutesWanted,
    SessionKind, SessionView, SessionsWanted, SubscriptionsWanted,
};
use declared::TABLES;
use rows::{
    client_row, holds, retained_row, route_row, row, session_info, session_row, subscribed_row,
    subscriber_row, subscription_row,
};

/// A row: column and value.
pub type Row = Map<String, Value>;

/// A table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TableView {
    /// Its name.
    pub name: &'static str,
    /// What it is in emqttd.
    pub emqttd: &'static str,
    /// How many rows it has; none where nobody counts them.
    pub rows_count: Option<u64>,
    /// What its contents count for; none where nobody counts that.
    pub bytes: Option<u64>,
    /// The kind of process that writes it.
    pub owner: &'static str,
    /// The process that writes it, where it is one alone.
    pub owner_pid: Option<String>,
    /// Its columns.
    pub columns: &'static [&'static str],
}

/// Which rows are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
pub struct RowsWanted {
    /// A part of what the row is about: its client id, topic, filter or name.
    pub search: Option<String>,
}

impl Inspect {
    /// All tables, without their rows.
    ///
    /// # Errors
    ///
    /// [`InspectError::Busy`].
    pub fn tables(&self) -> Result<Vec<TableView>, InspectError> {
        let owners = self.ask(0, |shard| {
            let names = &shard.world.names;
            [
                ("router", names.router.map(|address| address.id())),
                ("retainer", names.retainer.map(|address| address.id())),
                ("metrics", names.metrics.map(|address| address.id())),
                ("stats", names.stats.map(|address| address.id())),
                ("hook", names.hook.map(|address| address.id())),
                (
                    "access_control",
                    names.access_control.map(|address| address.id()),
                ),
            ]
        })?;
        let views = TABLES.iter().map(|table| {
            let owner = owners.iter().find(|(kind, _)| *kind == table.owner);
            TableView {
                name: table.name,
                emqttd: table.emqttd,
                rows_count: self.rows_count(table.name),
                bytes: (table.name == "retained_message").then(|| self.retained_bytes()),
                owner: table.owner,
                owner_pid: owner.and_then(|(_, pid)| pid.map(|pid| pid.to_string())),
                columns: table.columns,
            }
        });
        Ok(views.collect())
    }

    /// As far as it is counted.
    fn rows_count(&self, name: &str) -> Option<u64> {
        let node = self.node();
        let count = |rows: usize| Some(rows as u64);
        match name {
            "subscriber" | "subscribed" | "subscription" => {
                Some(node.gauges.sum(|gauge| &gauge.subscriptions))
            }
            "session" => Some(node.gauges.sum(|gauge| &gauge.sessions)),
            "client" => Some(node.gauges.sum(|gauge| &gauge.clients)),
            "topic" => count(crate::router::routes_now(node)),
            "retained_message" => count(crate::retainer::retained_now(node)),
            "metric" => count(self.metrics().len()),
            "stats" => count(crate::stats::now(node).len()),
            "hook" => count(node.hooks.load().names().len()),
            "acl_rule" => count(self.acl_rules().len()),
            "listener" => count(node.settings.listener.len()),
            _ => None,
        }
    }

    fn retained_bytes(&self) -> u64 {
        let table = self.node().retained.read();
        let table = table.unwrap_or_else(std::sync::PoisonError::into_inner);
        table.bytes() as u64
    }

    /// Rows of a table.
    ///
    /// # Errors
    ///
    /// [`InspectError::NotFound`] when there is no such table.
    pub fn table(
        &self,
        name: &str,
        request: &PageRequest,
        wanted: &RowsWanted,
    ) -> Result<Page<Row>, InspectError> {
        let search = wanted.search.clone();
        match name {
            "subscriber" | "subscribed" | "subscription" => {
                self.subscription_rows(name, request, search)
            }
            "session" => self.session_rows(request, search, None, session_row),
            "persistent_session" => {
                let kind = Some(SessionKind::Persistent);
                self.session_rows(request, search, kind, session_info)
            }
            "transient_session" => {
                let kind = Some(SessionKind::Transient);
                self.session_rows(request, search, kind, session_info)
            }
            "client" => {
                let wanted = ClientsWanted {
                    search,
                    ..ClientsWanted::default()
                };
                Ok(self
                    .clients(request, &wanted)?
                    .map(|view| client_row(&view)))
            }
            "topic" | "route" => {
                let routes = self.routes(request, &RoutesWanted { search })?;
                let is_topic = name == "topic";
                Ok(routes.map(|view| route_row(&view, is_topic)))
            }
            "retained_message" => {
                let messages = self.retained(request, &RetainedWanted { search })?;
                Ok(messages.map(|view| retained_row(&view)))
            }
            _ => self.small_table(name, request, search.as_deref()),
        }
    }

    fn session_rows(
        &self,
        request: &PageRequest,
        search: Option<String>,
        kind: Option<SessionKind>,
        row: fn(&SessionView) -> Row,
    ) -> Result<Page<Row>, InspectError> {
        let wanted = SessionsWanted {
            search,
            kind,
            ..SessionsWanted::default()
        };
        Ok(self.sessions(request, &wanted)?.map(|view| row(&view)))
    }

    fn subscription_rows(
        &self,
        name: &str,
        request: &PageRequest,
        search: Option<String>,
    ) -> Result<Page<Row>, InspectError> {
        let wanted = SubscriptionsWanted {
            search,
            ..SubscriptionsWanted::default()
        };
        let row = match name {
            "subscriber" => subscriber_row,
            "subscribed" => subscribed_row,
            _ => subscription_row,
        };
        Ok(self.subscriptions(request, &wanted)?.map(|view| row(&view)))
    }

    /// A table that is small enough to be at hand as a whole.
    fn small_table(
        &self,
        name: &str,
        request: &PageRequest,
        search: Option<&str>,
    ) -> Result<Page<Row>, InspectError> {
        let rows = match name {
            "metric" => {
                let metrics = self.metrics().into_iter();
                let rows = metrics
                    .map(|(name, value)| row([("name", json!(name)), ("value", json!(value))]));
                rows.collect()
            }
            "stats" => {
                let stats = self.stats()?.into_iter();
                let rows = stats.map(|(name, stat)| {
                    row([
                        ("name", json!(name)),
                        ("value", json!(stat.value)),
                        ("max", json!(stat.max)),
                    ])
                });
                rows.collect()
            }
            "hook" => {
                let names = self.node().hooks.load().names().into_iter();
                let rows = names.map(|(hook, callback)| {
                    row([("hook", json!(hook)), ("callback", json!(&*callback))])
                });
                rows.collect()
            }
            "acl_rule" => self.acl_rules(),
            "listener" => self.listener_rows()?,
            _ => return Err(InspectError::not_found("table", name)),
        };
        let rows: Vec<Row> = rows;
        let is_wanted = |row: &Row| search.is_none_or(|part| holds(row, part));
        let rows = (0_u32..).zip(rows).filter(|(_, row)| is_wanted(row));
        page_of(request, rows)
    }

    fn acl_rules(&self) -> Vec<Row> {
        let modules = self.node().access.modules();
        let rules = modules.authorizers.iter().flat_map(|module| {
            let name = module.name();
            let rules = module.rules().into_iter();
            rules.map(move |rule| row([("module", json!(name)), ("rule", json!(rule))]))
        });
        rules.collect()
    }

    fn listener_rows(&self) -> Result<Vec<Row>, InspectError> {
        let all = PageRequest::default().limit(super::page::ROWS_OF_PAGE_MAX);
        let listeners = self.listeners(&all)?.items.into_iter();
        let rows = listeners.map(|view| {
            row([
                ("name", json!(view.name)),
                ("listen_on", json!(view.address)),
                ("accepted", json!(view.accepted_count)),
                ("current_clients", json!(view.connections)),
                ("max_clients", json!(view.connections_max)),
            ])
        });
        Ok(rows.collect())
    }
}
