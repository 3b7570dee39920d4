//! What those who watch can have a broker do.

use std::sync::mpsc::sync_channel;

use castmq_mqtt::{QoS, ReasonCode, RetainHandling, Subscription, SubscriptionOptions, Text};
use castmq_rules::limits::TopicLimits;
use serde::{Deserialize, Serialize};

use super::page::places;
use super::payload::{Encoding, decode};
use super::retained::topic_name;
use super::{Inspect, InspectError, PageRequest};
use crate::app::{HandleError, session_of};
use crate::client::ClientEntry;
use crate::session::{OnBehalf, OnBehalfError, SessionEntry};

/// A message to be published.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PublishAsked {
    /// Where to.
    pub topic: String,
    /// What.
    #[serde(default)]
    pub payload: String,
    /// How the payload is written; usually as text.
    #[serde(default)]
    pub encoding: Encoding,
    /// The QoS: 0 to 2, usually 0.
    #[serde(default)]
    pub qos: u8,
    /// Whether it is to be retained; one without payload ends what is.
    #[serde(default)]
    pub retain: bool,
}

/// A subscription on behalf of a client.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SubscribeAsked {
    /// To what, as the node knows it: behind the mount point of the client's listener, if that has one.
    pub filter: String,
    /// The highest QoS wanted, usually 0.
    #[serde(default)]
    pub qos: u8,
    /// Not the client's own messages.
    #[serde(default)]
    pub no_local: bool,
    /// The publisher's retain flag is kept.
    #[serde(default)]
    pub retain_as_published: bool,
    /// Which retained messages come: 0 all, 1 those of a new subscription, 2 none.
    #[serde(default)]
    pub retain_handling: u8,
}

/// What a drain did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Drained {
    /// Clients that were told to leave; they do so in their own time.
    pub told_count: usize,
}

impl Inspect {
    /// Closes the connection of a client; its session stays as its expiry says.
    ///
    /// # Errors
    ///
    /// [`InspectError::NotFound`] when it is not connected.
    pub fn kick(&self, client_id: &str) -> Result<(), InspectError> {
        let kicked = self.handle.kick(client_id);
        kicked.map_err(|error| about_client(error, "connected client", client_id))
    }

    /// Ends the session of a client id, and its connection.
    ///
    /// # Errors
    ///
    /// [`InspectError::NotFound`] when there is none.
    pub fn discard(&self, client_id: &str) -> Result<(), InspectError> {
        let discarded = self.handle.discard_session(client_id);
        discarded.map_err(|error| about_client(error, "session", client_id))
    }

    /// Publishes in the name of the broker.
    ///
    /// # Errors
    ///
    /// [`InspectError::Wrong`] when it is no message that may be published.
    pub fn publish(&self, asked: &PublishAsked) -> Result<(), InspectError> {
        let payload = decode(&asked.payload, asked.encoding)?;
        let qos = qos(asked.qos)?;
        let settings = &self.node().settings;
        let most = settings.mqtt.max_packet_size as usize;
        if payload.len() > most {
            let why = format!(
                "it has {} bytes, more than mqtt.max_packet_size",
                payload.len()
            );
            return Err(InspectError::Wrong {
                what: "payload",
                why,
            });
        }
        topic_name(&asked.topic)?;
        self.check_levels("topic", &asked.topic)?;
        Ok(self
            .handle
            .publish(&asked.topic, payload, qos, asked.retain)?)
    }

    /// Subscribes a session without its client asking; returns when the session has it.
    ///
    /// # Errors
    ///
    /// [`InspectError`].
    pub fn subscribe(&self, client_id: &str, asked: &SubscribeAsked) -> Result<(), InspectError> {
        self.check_levels("filter", &asked.filter)?;
        let subscription = subscription(&asked.filter)?;
        let retain_handling = match asked.retain_handling {
            0 => RetainHandling::Send,
            1 => RetainHandling::SendIfNew,
            2 => RetainHandling::DoNotSend,
            _ => {
                return Err(InspectError::Wrong {
                    what: "retain_handling",
                    why: "say 0, 1 or 2".to_owned(),
                });
            }
        };
        let options = SubscriptionOptions {
            qos: qos(asked.qos)?,
            no_local: asked.no_local,
            retain_as_published: asked.retain_as_published,
            retain_handling,
        };
        self.on_behalf(client_id, &asked.filter, |answer| OnBehalf::Subscribe {
            subscription,
            options,
            answer,
        })
    }

    /// Ends a subscription without the client asking; returns when the session has it no more.
    ///
    /// # Errors
    ///
    /// [`InspectError::NotFound`] when there is none.
    pub fn unsubscribe(&self, client_id: &str, filter: &str) -> Result<(), InspectError> {
        let subscription = subscription(filter)?;
        self.on_behalf(client_id, filter, |answer| OnBehalf::Unsubscribe {
            subscription,
            answer,
        })
    }

    fn on_behalf(
        &self,
        client_id: &str,
        filter: &str,
        ask: impl FnOnce(std::sync::mpsc::SyncSender<Result<(), OnBehalfError>>) -> OnBehalf,
    ) -> Result<(), InspectError> {
        let none = || InspectError::not_found("session", client_id);
        let arbiter = self.handle.arbiter_of(client_id).ok_or_else(none)?;
        let name = client_id.to_owned();
        let (answer, wait) = sync_channel(1);
        let asked = Box::new(ask(answer));
        let is_asked = self.ask(arbiter, move |shard| {
            let session = session_of(shard, &name);
            session
                .is_some_and(|session| (shard.send(session, SessionEntry::OnBehalf(asked))).is_ok())
        })?;
        if !is_asked {
            return Err(none());
        }
        // A session that ends first drops the answer.
        let done = wait.recv_timeout(crate::app::PATIENCE);
        match done.map_err(|_| InspectError::Busy(HandleError::Silent))? {
            Ok(()) => Ok(()),
            Err(OnBehalfError::NoSubscription) => {
                Err(InspectError::not_found("subscription to", filter))
            }
            Err(error @ (OnBehalfError::Full(_) | OnBehalfError::Ended)) => {
                Err(InspectError::Refused(error.to_string()))
            }
        }
    }

    /// Has the node take no clients for now, and those that are there leave, as before a stop. It goes on
    /// all the same; [`Self::undrain`] opens it again.
    ///
    /// # Errors
    ///
    /// [`InspectError::Busy`]; new clients are refused all the same.
    pub fn drain(&self) -> Result<Drained, InspectError> {
        self.node().set_draining(true);
        let mut told_count = 0;
        let mut request = PageRequest::default().limit(super::page::ROWS_OF_PAGE_MAX);
        loop {
            let told = self.walk(&request, &0, |shard, from, room| {
                let until = shard.world.lanes.client.places();
                places((from, until), room, |place| {
                    let lanes = &shard.world.lanes.client;
                    let client = lanes.address_of(shard.arbiter, place)?;
                    let entry = ClientEntry::Kick(ReasonCode::ServerShuttingDown);
                    shard.send(client, entry).ok()
                })
            })?;
            told_count += told.items.len();
            if told.next.is_none() {
                return Ok(Drained { told_count });
            }
            request.cursor = told.next;
        }
    }

    /// Has the node take clients again.
    pub fn undrain(&self) {
        self.node().set_draining(false);
    }

    fn check_levels(&self, what: &'static str, text: &str) -> Result<(), InspectError> {
        let limits = TopicLimits {
            levels_max: usize::from(self.node().settings.mqtt.max_topic_levels),
            ..TopicLimits::default()
        };
        limits.check(text).map_err(|error| InspectError::Wrong {
            what,
            why: error.to_string(),
        })
    }
}

fn qos(number: u8) -> Result<QoS, InspectError> {
    QoS::from_number(number).ok_or_else(|| InspectError::Wrong {
        what: "qos",
        why: "say 0, 1 or 2".to_owned(),
    })
}

fn subscription(filter: &str) -> Result<Subscription, InspectError> {
    let wrong = |why: String| InspectError::Wrong {
        what: "filter",
        why,
    };
    let text = Text::try_from(filter).map_err(|error| wrong(error.to_string()))?;
    Subscription::parse(text).map_err(|error| wrong(error.to_string()))
}

fn about_client(error: HandleError, what: &'static str, client_id: &str) -> InspectError {
    match error {
        HandleError::NoClient => InspectError::not_found(what, client_id),
        other @ (HandleError::Full
        | HandleError::Silent
        | HandleError::NoProcess
        | HandleError::Topic(_)) => InspectError::from(other),
    }
}
