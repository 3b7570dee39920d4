//! Connected clients.

use serde::{Deserialize, Serialize};

use super::page::places;
use super::time::rfc3339;
use super::{Inspect, InspectError, Page, PageRequest};
use crate::Shard;
use crate::cm::ClientRow;
use castmq_mqtt::Version;
use castmq_rules::ClientId;

/// A connected client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ClientView {
    /// Its client id.
    pub client_id: String,
    /// The process of its connection.
    pub pid: String,
    /// The process of its session.
    pub session_pid: Option<String>,
    /// Its user name.
    pub user: Option<String>,
    /// The other side.
    pub peer: String,
    /// The name of the listener that it came by.
    pub listener: String,
    /// `3.1`, `3.1.1` or `5.0`.
    pub protocol: &'static str,
    /// Whether it began clean.
    pub clean_start: bool,
    /// How often it has to be heard of.
    pub keep_alive_seconds: u16,
    /// Since when it is connected.
    pub connected_at: String,
    /// Bytes that wait for its socket.
    pub unsent_bytes: usize,
    /// Whether it is not read for now.
    pub is_paused: bool,
}

/// A connected client, in full.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ClientDetail {
    /// What the list says.
    #[serde(flatten)]
    pub client: ClientView,
    /// How far the connection is: `connected` or `closing`.
    pub stage: &'static str,
    /// Messages from the client that are not acknowledged.
    pub inflight_to_broker: usize,
    /// Where its will would be published.
    pub will_topic: Option<String>,
    /// Why it is not read for now.
    pub paused_because: Option<&'static str>,
}

/// Which clients are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
pub struct ClientsWanted {
    /// A part of the client id.
    pub search: Option<String>,
    /// The user name.
    pub user: Option<String>,
    /// The name of the listener.
    pub listener: Option<String>,
}

impl ClientsWanted {
    fn wants(&self, client_id: &ClientId, row: &ClientRow) -> bool {
        let search = self.search.as_deref();
        let user = self.user.as_deref();
        search.is_none_or(|part| client_id.as_str().contains(part))
            && user.is_none_or(|user| row.user_name.as_deref() == Some(user))
    }

    fn wants_listener(&self, listener: &str) -> bool {
        let wanted = self.listener.as_deref();
        wanted.is_none_or(|wanted| wanted == listener)
    }
}

impl Inspect {
    /// Connected clients, in no promised order.
    ///
    /// # Errors
    ///
    /// [`InspectError`].
    pub fn clients(
        &self,
        request: &PageRequest,
        wanted: &ClientsWanted,
    ) -> Result<Page<ClientView>, InspectError> {
        let wanted = wanted.clone();
        self.walk(request, &0, move |shard, from, room| {
            let table = &shard.world.clients;
            places((from, table.places()), room, |place| {
                let (client_id, row) = table.at(place)?;
                if !wanted.wants(client_id, row) {
                    return None;
                }
                view(shard, client_id, row).filter(|client| wanted.wants_listener(&client.listener))
            })
        })
    }

    /// A connected client.
    ///
    /// # Errors
    ///
    /// [`InspectError::NotFound`] when it is not connected.
    pub fn client(&self, client_id: &str) -> Result<ClientDetail, InspectError> {
        let none = || InspectError::not_found("connected client", client_id);
        let arbiter = self.handle.arbiter_of(client_id).ok_or_else(none)?;
        let name = client_id.to_owned();
        self.ask(arbiter, move |shard| detail(shard, &name))?
            .ok_or_else(none)
    }
}

fn detail(shard: &Shard, client_id: &str) -> Option<ClientDetail> {
    let (client_id, row) = shard.world.clients.find(client_id)?;
    let client = (shard.world.lanes.client).peek(row.client.slot, row.client.generation)?;
    let session = client.session().and_then(|session| {
        let lanes = &shard.world.lanes.session;
        lanes.peek(session.slot, session.generation)
    });
    let will = session.and_then(|session| session.rules().will());
    Some(ClientDetail {
        client: view(shard, client_id, row)?,
        stage: client.stage_name(),
        inflight_to_broker: client.unanswered_publishes(),
        will_topic: will.map(|will| will.topic.to_string()),
        paused_because: client.paused_because(),
    })
}

/// `None` when the connection has just ended.
fn view(shard: &Shard, client_id: &ClientId, row: &ClientRow) -> Option<ClientView> {
    let client = (shard.world.lanes.client).peek(row.client.slot, row.client.generation)?;
    Some(ClientView {
        client_id: client_id.to_string(),
        pid: row.client.id().to_string(),
        session_pid: client.session().map(|session| session.id().to_string()),
        user: row.user_name.as_ref().map(ToString::to_string),
        peer: row.peer.to_string(),
        listener: client.listener().to_owned(),
        protocol: protocol(row.version),
        clean_start: row.clean_start,
        keep_alive_seconds: row.keep_alive,
        connected_at: rfc3339(row.connected_at),
        unsent_bytes: client.unsent_bytes(),
        is_paused: client.paused_because().is_some(),
    })
}

pub(crate) fn protocol(version: Version) -> &'static str {
    match version {
        Version::V3 => "3.1",
        Version::V4 => "3.1.1",
        Version::V5 => "5.0",
    }
}
