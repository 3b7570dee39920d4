//! Sessions, connected or not: how full they are and what they wait for.

mod waits_for;

use serde::{Deserialize, Serialize};

use castmq_mqtt::Will;
use castmq_rules::Delivery;
use castmq_rules::session::{FlightStage, InFlight};

use super::page::{ROWS_MAX, places};
use super::subscriptions::SubscriptionView;
use super::time::Times;
use super::{Inspect, InspectError, Page, PageRequest};
use crate::Shard;
use crate::app::session_of;
use crate::session::Session;

use waits_for::waits_for;

/// Messages of a queue that are shown.
const QUEUED_SHOWN: usize = 100;
/// Subscriptions that are shown with a session; all of them are in the list of subscriptions.
const SUBSCRIPTIONS_SHOWN: usize = 100;

/// A session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SessionView {
    /// Whose.
    pub client_id: String,
    /// Its process.
    pub pid: String,
    /// The process of its connection.
    pub client_pid: Option<String>,
    /// Whether its client is there.
    pub is_connected: bool,
    /// Whether it outlives its connection.
    pub is_persistent: bool,
    /// Since when there is this process of it.
    pub created_at: String,
    /// When it ends if its client does not come.
    pub expires_at: Option<String>,
    /// Filters.
    pub subscriptions_count: usize,
    /// Messages in flight to the client.
    pub inflight_count: usize,
    /// How many there may be.
    pub inflight_max: usize,
    /// Messages that wait.
    pub queued_count: usize,
    /// What they count for.
    pub queued_bytes: usize,
    /// How many may wait.
    pub queued_max: usize,
    /// QoS 2 messages of the client that it has not released.
    pub awaiting_rel_count: usize,
    /// Messages for the client that were dropped since `created_at`.
    pub dropped_count: u64,
    /// Who connected last.
    pub user: Option<String>,
}

/// A session in full.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SessionDetail {
    /// What the list says.
    #[serde(flatten)]
    pub session: SessionView,
    /// The first 256 of the messages in flight, in the order of sending.
    pub inflight: Vec<InflightView>,
    /// The first of those that wait, in the order in which they will be sent.
    pub queued: Vec<QueuedView>,
    /// Those of them that are on the disk only, and so not among `queued`.
    pub queued_on_disk_count: usize,
    /// The first 256 packet ids of QoS 2 messages of the client that it has not released.
    pub awaiting_rel: Vec<u16>,
    /// What it waits for, in words.
    pub waits_for: String,
    /// What is published if its client vanishes, or will be soon.
    pub will: Option<WillView>,
    /// The first of its subscriptions.
    pub subscriptions: Vec<SubscriptionView>,
}

/// How far a message in flight is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Flight {
    /// PUBLISH was sent; PUBACK or PUBREC has not come.
    Sent,
    /// PUBLISH was sent on an earlier connection and will be sent again.
    Waiting,
    /// PUBREC has come; PUBCOMP has not.
    Received,
}

/// A message in flight to a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct InflightView {
    /// Its packet id.
    pub packet_id: u16,
    /// Which message; not kept once the client has it for certain.
    pub message: Option<u64>,
    /// Its topic, as long as the message is kept.
    pub topic: Option<String>,
    /// Its QoS.
    pub qos: u8,
    /// How far it is.
    pub state: Flight,
    /// When the last packet of it was sent, or the last answer came.
    pub sent_at: String,
}

/// A message that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct QueuedView {
    /// Which message.
    pub message: u64,
    /// Its topic.
    pub topic: String,
    /// The QoS with which the client gets it.
    pub qos: u8,
    /// Bytes of its payload.
    pub bytes: usize,
    /// When it is no longer delivered.
    pub expires_at: Option<String>,
}

/// A will.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct WillView {
    /// Where to.
    pub topic: String,
    /// With which QoS.
    pub qos: u8,
    /// Whether it will be retained.
    pub retain: bool,
    /// Bytes of its payload.
    pub bytes: usize,
    /// How long after the end of the connection it is published.
    pub delay_seconds: u32,
}

/// Whether a session's client is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SessionPresence {
    /// It is.
    Connected,
    /// It is not.
    Away,
}

/// How long a session lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SessionKind {
    /// It outlives its connection.
    Persistent,
    /// It ends with its connection.
    Transient,
}

/// Which sessions are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
pub struct SessionsWanted {
    /// A part of the client id.
    pub search: Option<String>,
    /// Whether the client is there.
    pub state: Option<SessionPresence>,
    /// How long they live.
    pub kind: Option<SessionKind>,
}

impl SessionsWanted {
    fn wants(&self, session: &Session) -> bool {
        let rules = session.rules();
        let search = self.search.as_deref();
        let persistent = rules.expiry().keeps_session();
        search.is_none_or(|part| session.client_id().as_str().contains(part))
            && self
                .state
                .is_none_or(|state| rules.is_connected() == (state == SessionPresence::Connected))
            && (self.kind).is_none_or(|kind| persistent == (kind == SessionKind::Persistent))
    }
}

impl Inspect {
    /// Sessions, in no promised order.
    ///
    /// # Errors
    ///
    /// [`InspectError`].
    pub fn sessions(
        &self,
        request: &PageRequest,
        wanted: &SessionsWanted,
    ) -> Result<Page<SessionView>, InspectError> {
        let wanted = wanted.clone();
        self.walk(request, &0, move |shard, from, room| {
            let times = Times::of(shard);
            let lanes = &shard.world.lanes.session;
            places((from, lanes.places()), room, |place| {
                let session = lanes.at(place)?;
                wanted.wants(session).then(|| view(session, times))
            })
        })
    }

    /// A session in full.
    ///
    /// # Errors
    ///
    /// [`InspectError::NotFound`] when the client id has none.
    pub fn session(&self, client_id: &str) -> Result<SessionDetail, InspectError> {
        let none = || InspectError::not_found("session", client_id);
        let arbiter = self.handle.arbiter_of(client_id).ok_or_else(none)?;
        let name = client_id.to_owned();
        let found = self.ask(arbiter, move |shard| {
            let address = session_of(shard, &name)?;
            let lanes = &shard.world.lanes.session;
            let session = lanes.peek(address.slot, address.generation)?;
            Some(detail(shard, session))
        })?;
        found.ok_or_else(none)
    }
}

pub(super) fn view(session: &Session, times: Times) -> SessionView {
    let rules = session.rules();
    SessionView {
        client_id: rules.client_id().to_string(),
        pid: session.address().id().to_string(),
        client_pid: session.client().map(|client| client.id().to_string()),
        is_connected: rules.is_connected(),
        is_persistent: rules.expiry().keeps_session(),
        created_at: times.text(rules.created()),
        expires_at: rules.ends().map(|ends| times.text(ends)),
        subscriptions_count: rules.subscriptions_now(),
        inflight_count: rules.inflight_now(),
        inflight_max: rules.inflight_max(),
        queued_count: rules.queued_now(),
        queued_bytes: rules.queued_bytes_now(),
        queued_max: rules.queued_max(),
        awaiting_rel_count: rules.awaiting_rel_now(),
        dropped_count: session.dropped_count(),
        user: rules.user_name().map(str::to_owned),
    }
}

fn detail(shard: &Shard, session: &Session) -> SessionDetail {
    let times = Times::of(shard);
    let rules = session.rules();
    let inflight = rules.in_flight().take(ROWS_MAX);
    let inflight = inflight
        .map(|flight| inflight_view(&flight, times))
        .collect();
    let queued = rules.queued().take(QUEUED_SHOWN);
    let subscriptions = rules.subscriptions().take(SUBSCRIPTIONS_SHOWN);
    SessionDetail {
        session: view(session, times),
        inflight,
        queued: queued
            .map(|delivery| queued_view(delivery, times))
            .collect(),
        queued_on_disk_count: rules.queued_on_disk_now(),
        awaiting_rel: rules.awaiting_rel().take(ROWS_MAX).map(u16::from).collect(),
        waits_for: waits_for(session),
        will: rules.will().map(will_view),
        subscriptions: subscriptions
            .map(|(subscription, entry)| {
                SubscriptionView::new(session, subscription, entry.options, entry.id)
            })
            .collect(),
    }
}

fn inflight_view(flight: &InFlight<'_>, times: Times) -> InflightView {
    let (state, qos) = match flight.stage {
        FlightStage::Sent => (Flight::Sent, None),
        FlightStage::Waiting => (Flight::Waiting, None),
        // Only a message of QoS 2 is received before it is over.
        FlightStage::Received => (Flight::Received, Some(2)),
    };
    let delivery = flight.delivery;
    InflightView {
        packet_id: flight.packet_id.get(),
        message: delivery.map(|delivery| delivery.message.id.0),
        topic: delivery.map(|delivery| delivery.message.topic.to_string()),
        qos: qos.unwrap_or_else(|| delivery.map_or(0, |delivery| delivery.qos as u8)),
        state,
        sent_at: times.text(flight.at),
    }
}

fn queued_view(delivery: &Delivery, times: Times) -> QueuedView {
    let message = &delivery.message;
    QueuedView {
        message: message.id.0,
        topic: message.topic.to_string(),
        qos: delivery.qos as u8,
        bytes: message.payload.len(),
        expires_at: message.expires.map(|expires| times.text(expires)),
    }
}

fn will_view(will: &Will) -> WillView {
    WillView {
        topic: will.topic.to_string(),
        qos: will.qos as u8,
        retain: will.retain,
        bytes: will.payload.len(),
        delay_seconds: will.properties.delay.unwrap_or(0),
    }
}
