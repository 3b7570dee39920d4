//! What went against the promises.

use std::collections::BTreeMap;
use std::fmt;

use crate::history::MessageId;

/// In which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A message that was acknowledged before the last restart never came.
    Lost,
    /// A message that was published after the last restart never came.
    Missed,
    /// A message came more often than its QoS allows.
    Doubled,
    /// Messages of one publisher and topic came in another order than they were sent.
    Reordered,
    /// A subscription that was acknowledged is not there.
    SubscriptionLost,
    /// A message came although no subscription of that session can have wanted it.
    Unwanted,
    /// What came was never sent like this.
    NeverSent,
    /// A will was not published.
    WillLost,
    /// The session present flag is 0, and the session was acknowledged.
    SessionLost,
    /// The session present flag is 1, and there can be no session.
    SessionBack,
    /// A retained message is older than the last acknowledged one, or was deleted.
    RetainedStale,
    /// A publish was never acknowledged, or with an error.
    NotAcknowledged,
    /// The broker did something to a client that nothing explains.
    Misbehaved,
    /// The broker ended, or did not start, or its data is not in order.
    Broker,
}

impl Kind {
    /// In words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Lost => "acknowledged and lost",
            Self::Missed => "published after the restart and lost",
            Self::Doubled => "doubled",
            Self::Reordered => "out of order",
            Self::SubscriptionLost => "subscription lost",
            Self::Unwanted => "not subscribed to",
            Self::NeverSent => "never sent",
            Self::WillLost => "will lost",
            Self::SessionLost => "session lost",
            Self::SessionBack => "session came back",
            Self::RetainedStale => "retained message stale",
            Self::NotAcknowledged => "not acknowledged",
            Self::Misbehaved => "misbehaved",
            Self::Broker => "broker",
        }
    }
}

/// One case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// In which way.
    pub kind: Kind,
    /// Which client saw it.
    pub client: String,
    /// On which topic; empty where it is about none.
    pub topic: String,
    /// Which message, where it is about one.
    pub message: Option<MessageId>,
    /// What else there is to say.
    pub detail: String,
}

impl Finding {
    /// A finding about a client as a whole.
    #[must_use]
    pub fn of_client(kind: Kind, client: &str, detail: impl Into<String>) -> Self {
        Self {
            kind,
            client: client.to_owned(),
            topic: String::new(),
            message: None,
            detail: detail.into(),
        }
    }

    /// A finding about the broker.
    #[must_use]
    pub fn of_broker(detail: impl Into<String>) -> Self {
        Self::of_client(Kind::Broker, "-", detail)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: client {}", self.kind.name(), self.client)?;
        if !self.topic.is_empty() {
            write!(f, ", topic {}", self.topic)?;
        }
        if let Some(message) = self.message {
            write!(
                f,
                ", publisher {}, sequence {}",
                message.publisher, message.sequence
            )?;
        }
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        Ok(())
    }
}

/// How many there are of each kind.
#[must_use]
pub fn count(findings: &[Finding]) -> BTreeMap<Kind, usize> {
    let mut counts = BTreeMap::new();
    for finding in findings {
        *counts.entry(finding.kind).or_default() += 1;
    }
    counts
}
