//! Retained messages: a list, one of them, and its end.

use std::sync::{Arc, PoisonError};

use castmq_mqtt::{Text, TopicName};
use castmq_rules::{Message, Moment};
use castmq_store::Op;
use serde::{Deserialize, Serialize};

use super::cursor::write_key;
use super::page::{PIECES_MAX, ROWS_MAX};
use super::payload::{Encoding, encode};
use super::time::Times;
use super::{Inspect, InspectError, Page, PageRequest};
use crate::store;

/// A retained message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RetainedView {
    /// Its topic.
    pub topic: String,
    /// Bytes of its payload.
    pub bytes: usize,
    /// Its QoS.
    pub qos: u8,
    /// Since when it is retained.
    pub stored_at: String,
    /// When it is forgotten.
    pub expires_at: Option<String>,
    /// The client that published it; none for the broker itself.
    pub from: Option<String>,
}

/// A retained message with what it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RetainedDetail {
    /// What the list says.
    #[serde(flatten)]
    pub message: RetainedView,
    /// Its payload.
    pub payload: String,
    /// How the payload is written here.
    pub encoding: Encoding,
}

/// Which retained messages are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
pub struct RetainedWanted {
    /// A part of the topic.
    pub search: Option<String>,
}

impl Inspect {
    /// Retained messages in the order of the levels of their topics.
    ///
    /// # Errors
    ///
    /// [`InspectError::Wrong`] when the cursor is none.
    pub fn retained(
        &self,
        request: &PageRequest,
        wanted: &RetainedWanted,
    ) -> Result<Page<RetainedView>, InspectError> {
        let times = self.times();
        let now = Moment::from_start(times.uptime());
        let search = wanted.search.as_deref();
        let mut after = request.key::<String>()?;
        let mut items = Vec::new();
        for _ in 0..PIECES_MAX {
            let messages = self.retained_after(after.as_deref());
            for (message, ends) in &messages {
                let topic = message.topic.as_str();
                let is_over = ends.is_some_and(|ends| ends <= now);
                if !is_over && search.is_none_or(|part| topic.contains(part)) {
                    if items.len() >= request.rows() {
                        let next = after.as_ref().map(write_key);
                        return Ok(Page { items, next });
                    }
                    items.push(view(message, *ends, times));
                }
                after = Some(topic.to_owned());
            }
            if messages.len() < ROWS_MAX {
                return Ok(Page { items, next: None });
            }
        }
        let next = after.as_ref().map(write_key);
        Ok(Page { items, next })
    }

    /// The table is held for one piece.
    fn retained_after(&self, after: Option<&str>) -> Vec<(Arc<Message>, Option<Moment>)> {
        let table = self.node().retained.read();
        let table = table.unwrap_or_else(PoisonError::into_inner);
        let rows = table.after(after).take(ROWS_MAX);
        rows.map(|(message, ends)| (Arc::clone(message), ends))
            .collect()
    }

    /// A retained message with its payload.
    ///
    /// # Errors
    ///
    /// [`InspectError::NotFound`] when the topic has none.
    pub fn retained_message(&self, topic: &str) -> Result<RetainedDetail, InspectError> {
        let name = topic_name(topic)?;
        let times = self.times();
        let now = Moment::from_start(times.uptime());
        let found = {
            let table = self.node().retained.read();
            let table = table.unwrap_or_else(PoisonError::into_inner);
            let message = table.get(&name, now).map(Arc::clone);
            message.map(|message| (message, table.end_of(topic)))
        };
        let none = || InspectError::not_found("retained message of", topic);
        let (message, ends) = found.ok_or_else(none)?;
        let (payload, encoding) = encode(&message.payload);
        Ok(RetainedDetail {
            message: view(&message, ends, times),
            payload,
            encoding,
        })
    }

    /// Has a topic have no retained message any more, as when its time is over: who subscribes now is not
    /// told, who subscribes later gets none. Returns when that is stored.
    ///
    /// # Errors
    ///
    /// [`InspectError::NotFound`] when the topic has none.
    pub fn delete_retained(&self, topic: &str) -> Result<(), InspectError> {
        let name = topic_name(topic)?;
        let deleted = self.ask(0, move |shard| {
            if store::is_failing(shard) {
                return Err(());
            }
            let deleted = {
                let table = shard.world.node.retained.write();
                let mut table = table.unwrap_or_else(PoisonError::into_inner);
                table.delete(&name)
            };
            let Some(message) = deleted else {
                return Ok(None);
            };
            if let Some(version) = message.version.filter(|_| !message.is_system()) {
                let topic = name;
                store::put(shard, Op::Unretain { topic, version });
            }
            Ok(Some(shard.world.pending.last()))
        })?;
        let not_stored = || {
            let why = "it cannot be stored: the store is in trouble, see the node's status";
            InspectError::Refused(why.to_owned())
        };
        let number = deleted.map_err(|()| not_stored())?;
        let none = || InspectError::not_found("retained message of", topic);
        let number = number.ok_or_else(none)?;
        if self.handle.is_soon_stored(number)? {
            Ok(())
        } else {
            Err(not_stored())
        }
    }
}

pub(super) fn topic_name(topic: &str) -> Result<TopicName, InspectError> {
    let wrong = |why: String| InspectError::Wrong { what: "topic", why };
    let text = Text::try_from(topic).map_err(|error| wrong(error.to_string()))?;
    TopicName::new(text).map_err(|error| wrong(error.to_string()))
}

fn view(message: &Message, ends: Option<Moment>, times: Times) -> RetainedView {
    RetainedView {
        topic: message.topic.to_string(),
        bytes: message.payload.len(),
        qos: message.qos as u8,
        stored_at: times.text(message.received),
        expires_at: ends.map(|ends| times.text(ends)),
        from: message.from.as_ref().map(ToString::to_string),
    }
}
