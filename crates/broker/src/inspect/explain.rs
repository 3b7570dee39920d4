//! Why a client got a message or did not: the facts are gathered where they are, the
//! [rules](castmq_rules::explain) decide what they mean.

mod gather;
mod history;

use castmq_mqtt::{Text, TopicName};
use castmq_rules::MessageId;
use castmq_rules::WallTime;
use castmq_rules::explain::{Explained, explain};
use serde::Serialize;

use super::time::rfc3339;
use super::timeline::client_id_of;
use super::{Inspect, InspectError};

/// Why a client got a message, or the last one on a topic, or did not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Explanation {
    /// Which client.
    pub client_id: String,
    /// Which topic.
    pub topic: String,
    /// Which message, if one was asked for.
    pub message: Option<u64>,
    /// What became of it, in a word.
    pub verdict: &'static str,
    /// What became of it and what can be done, in a sentence or two.
    pub text: String,
    /// The steps of the way that a message takes.
    pub steps: Vec<ExplainStep>,
    /// What happened to the client and on the topic lately, newest first.
    pub history: Vec<ExplainHistory>,
}

/// One step of the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ExplainStep {
    /// Which.
    pub step: &'static str,
    /// `yes`, `no` or `unknown`.
    pub outcome: &'static str,
    /// What is so.
    pub text: String,
    /// Since when, or when.
    pub since_at: Option<String>,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ExplainHistory {
    /// When.
    pub at: String,
    /// What.
    pub text: String,
    /// To which message.
    pub message: Option<u64>,
}

/// What is asked.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    client_id: castmq_rules::ClientId,
    topic: TopicName,
    message: Option<MessageId>,
}

fn time(at: WallTime) -> String {
    rfc3339(at.since_epoch())
}

impl Inspect {
    /// Why a client got a message or did not; without a message the last one on the topic, or the next.
    /// The topic is as the broker knows it, below the mount point of a listener that has one.
    ///
    /// # Errors
    ///
    /// [`InspectError::Wrong`] when the client id or the topic is none.
    pub fn explain(
        &self,
        client_id: &str,
        topic: &str,
        message: Option<u64>,
    ) -> Result<Explanation, InspectError> {
        let asked = Asked {
            client_id: client_id_of(client_id)?,
            topic: topic_of(topic)?,
            message: message.map(MessageId),
        };
        let gathered = self.gather(&asked)?;
        let Explained {
            verdict,
            text,
            steps,
        } = explain(&gathered.facts, &time);
        let steps = steps.into_iter().map(|step| ExplainStep {
            step: step.name,
            outcome: step.outcome.name(),
            text: step.text,
            since_at: step.since.map(time),
        });
        Ok(Explanation {
            client_id: client_id.to_owned(),
            topic: topic.to_owned(),
            message,
            verdict: verdict.name(),
            text,
            steps: steps.collect(),
            history: history::of(self, &gathered),
        })
    }
}

fn topic_of(text: &str) -> Result<TopicName, InspectError> {
    let wrong = |why: String| InspectError::Wrong { what: "topic", why };
    let topic = Text::try_from(text).map_err(|error| wrong(error.to_string()))?;
    TopicName::new(topic).map_err(|error| match error {
        castmq_mqtt::TopicError::Empty => wrong("it is empty; say which topic".to_owned()),
        castmq_mqtt::TopicError::Wildcard => wrong(
            "it holds a wildcard; ask for one topic that a message was published to".to_owned(),
        ),
    })
}
