//! What did not arrive: the ledger as it is read.

use std::collections::BTreeMap;

use castmq_mqtt::{Text, TopicFilter};
use castmq_rules::ledger::Filed;
use serde::{Deserialize, Serialize};

use super::cursor::write_key;
use super::time::rfc3339;
use super::timeline::client_id_of;
use super::{Inspect, InspectError, PageRequest};
use crate::ledger::{LossesWanted, reasons, sentence};

/// Which losses are wanted: those that fit all that is said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
pub struct DropsWanted {
    /// The client that did not get it, or that was not allowed to publish or subscribe.
    pub client: Option<String>,
    /// A topic, or a filter that matches it.
    pub topic: Option<String>,
    /// A reason, as in `counts`.
    pub reason: Option<String>,
}

/// What did not arrive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DropsView {
    /// How often each reason occurred since the start, whoever was concerned.
    pub counts: BTreeMap<&'static str, u64>,
    /// Those of the last ones that are wanted, the latest first.
    pub items: Vec<DropView>,
    /// Where to go on; none at the end.
    pub next: Option<String>,
}

/// A message that did not arrive, or several that are alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DropView {
    /// When.
    pub at: String,
    /// Why, in a word.
    pub reason: &'static str,
    /// Why, in a sentence.
    pub text: String,
    /// Who did not get it, or was not allowed to.
    pub client_id: Option<String>,
    /// Its topic; a filter where that was refused.
    pub topic: Option<String>,
    /// Which message; none of what was never accepted.
    pub message: Option<u64>,
    /// With which QoS.
    pub qos: Option<u8>,
    /// How many messages it stands for.
    pub count: u64,
}

impl Inspect {
    /// What did not arrive, the latest first: exact counts, and the last losses of each reason and
    /// client.
    ///
    /// # Errors
    ///
    /// [`InspectError::Wrong`] when something wanted is not what it should be.
    pub fn drops(
        &self,
        request: &PageRequest,
        wanted: &DropsWanted,
    ) -> Result<DropsView, InspectError> {
        let ledger = &self.node().ledger;
        let counts = ledger.counts();
        let wanted = LossesWanted {
            client: wanted.client.as_deref().map(client_id_of).transpose()?,
            topic: wanted.topic.as_deref().map(filter_of).transpose()?,
            reason: (wanted.reason.as_deref())
                .map(|reason| reason_of(reason, &counts))
                .transpose()?,
            message: None,
            before: request.key()?.unwrap_or(u64::MAX),
            len_max: request.rows(),
        };
        let (losses, has_more) = ledger.losses(&wanted);
        let last = losses.last().map(|filed| write_key(&filed.number));
        Ok(DropsView {
            counts,
            items: losses.iter().map(|filed| self.drop_view(filed)).collect(),
            next: last.filter(|_| has_more),
        })
    }

    fn drop_view(&self, filed: &Filed<&'static str>) -> DropView {
        let loss = &filed.loss;
        DropView {
            at: rfc3339(filed.at.since_epoch()),
            reason: loss.reason,
            text: sentence(loss, &self.node().settings),
            client_id: loss.client.as_ref().map(ToString::to_string),
            topic: loss.topic.as_ref().map(ToString::to_string),
            message: loss.message.map(|message| message.0),
            qos: loss.qos.map(castmq_mqtt::QoS::number),
            count: loss.count,
        }
    }
}

fn filter_of(text: &str) -> Result<TopicFilter, InspectError> {
    let wrong = |why: String| InspectError::Wrong { what: "topic", why };
    let filter = Text::try_from(text).map_err(|error| wrong(error.to_string()))?;
    TopicFilter::new(filter).map_err(|error| wrong(error.to_string()))
}

fn reason_of(
    text: &str,
    counts: &BTreeMap<&'static str, u64>,
) -> Result<&'static str, InspectError> {
    let mut all = reasons().chain(counts.keys().copied());
    all.find(|reason| *reason == text).ok_or_else(|| {
        let all: Vec<&str> = reasons().collect();
        InspectError::Wrong {
            what: "reason",
            why: format!("there is none of this name; one of {}", all.join(", ")),
        }
    })
}
