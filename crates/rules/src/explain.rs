//! Explain: why a client got a message or did not, from what is known of both.
//!
//! Facts go in, and out come the steps of the way that a message takes, each with what is so, and one
//! verdict in a sentence that somebody can act on. Evidence of the very message comes before what holds
//! for its topic; what stands in the way now comes before what happened last.

mod facts;
mod nearest;
mod sentences;
mod steps;
#[cfg(test)]
mod tests;

pub use facts::{
    AccessFacts, ConnectionFacts, EndFacts, Facts, FlightFacts, LossFacts, MatchFacts, OwnPublish,
    QueueFacts, RecentFacts, SessionFacts,
};
pub use nearest::{Near, Nearest};

use crate::WallTime;

/// What became of a message, or would.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// The client has no session.
    NoSession,
    /// Its session subscribes to nothing.
    NotSubscribed,
    /// None of its filters matches.
    NoMatch,
    /// Somebody may not do what it takes: publish, subscribe, or get it.
    Denied,
    /// The client published it itself and does not want that back.
    NoLocal,
    /// Its message expiry was over.
    Expired,
    /// The queue was full.
    QueueFull,
    /// It was lost for another reason.
    Dropped,
    /// The client was away, and its session was not to be kept.
    OfflineClean,
    /// It waits for the client to connect.
    OfflineQueued,
    /// It waits for its turn.
    Queued,
    /// It waits for acknowledgements.
    WindowFull,
    /// It waits for the client's socket.
    ConnectionNotReading,
    /// It was sent and is not acknowledged.
    InFlight,
    /// It was sent, with QoS 0.
    Delivered,
    /// The client has acknowledged it.
    Acknowledged,
    /// Nothing stands in the way.
    WouldBeDelivered,
    /// Nothing is known.
    Unknown,
}

impl Verdict {
    /// All there are.
    pub const ALL: &'static [Self] = &[
        Self::NoSession,
        Self::NotSubscribed,
        Self::NoMatch,
        Self::Denied,
        Self::NoLocal,
        Self::Expired,
        Self::QueueFull,
        Self::Dropped,
        Self::OfflineClean,
        Self::OfflineQueued,
        Self::Queued,
        Self::WindowFull,
        Self::ConnectionNotReading,
        Self::InFlight,
        Self::Delivered,
        Self::Acknowledged,
        Self::WouldBeDelivered,
        Self::Unknown,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoSession => "no_session",
            Self::NotSubscribed => "not_subscribed",
            Self::NoMatch => "no_match",
            Self::Denied => "denied",
            Self::NoLocal => "no_local",
            Self::Expired => "expired",
            Self::QueueFull => "queue_full",
            Self::Dropped => "dropped",
            Self::OfflineClean => "offline_clean",
            Self::OfflineQueued => "offline_queued",
            Self::Queued => "queued",
            Self::WindowFull => "window_full",
            Self::ConnectionNotReading => "connection_not_reading",
            Self::InFlight => "in_flight",
            Self::Delivered => "delivered",
            Self::Acknowledged => "acknowledged",
            Self::WouldBeDelivered => "would_be_delivered",
            Self::Unknown => "unknown",
        }
    }
}

/// Whether something is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is.
    Yes,
    /// It is not.
    No,
    /// Nobody knows.
    Unknown,
}

impl Outcome {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Unknown => "unknown",
        }
    }
}

impl From<bool> for Outcome {
    fn from(is_so: bool) -> Self {
        if is_so { Self::Yes } else { Self::No }
    }
}

/// One step of the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Which.
    pub name: &'static str,
    /// Whether it is so.
    pub outcome: Outcome,
    /// What is so.
    pub text: String,
    /// Since when, or when.
    pub since: Option<WallTime>,
}

/// What became of a message, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// In a word.
    pub verdict: Verdict,
    /// In a sentence.
    pub text: String,
    /// The way that it took.
    pub steps: Vec<Step>,
}

/// How a time is written in a sentence.
pub type Time<'t> = &'t dyn Fn(WallTime) -> String;

/// Says what became of a message, or of the next one on its topic.
#[must_use]
pub fn explain(facts: &Facts, time: Time<'_>) -> Explained {
    let mut verdict = verdict(facts);
    let mut text = sentences::of(verdict, facts, time);
    if facts.is_unknown_message() {
        let number = facts.message.map_or(0, |message| message.0);
        text = format!(
            "Nothing is known of message {number} on '{}': it was never seen here, was on another topic, or \
             is too long ago. Of the topic: {text}",
            facts.topic
        );
        if verdict == Verdict::WouldBeDelivered {
            // What the next one would meet says nothing of this one.
            verdict = Verdict::Unknown;
        }
    }
    Explained {
        verdict,
        text,
        steps: steps::all(facts, time),
    }
}

fn verdict(facts: &Facts) -> Verdict {
    if facts.knows_message
        && let Some(verdict) = of_the_message(facts)
    {
        return verdict;
    }
    let Some(session) = &facts.session else {
        return without_session(facts);
    };
    if session.matching.is_empty() {
        return without_match(session);
    }
    if !session.may_have {
        return Verdict::Denied;
    }
    if let Some(verdict) = on_its_way(session) {
        return verdict;
    }
    if let Some(verdict) = of_the_last(facts, session) {
        return verdict;
    }
    if session.queue.unseen > 0 {
        return Verdict::Unknown;
    }
    if session.connection.is_none() && !session.keeps_for_later() {
        return Verdict::Dropped;
    }
    Verdict::WouldBeDelivered
}

/// What is known of the very message that was asked for.
fn of_the_message(facts: &Facts) -> Option<Verdict> {
    if let Some(loss) = &facts.loss {
        return Some(of_loss(loss));
    }
    if let Some(session) = &facts.session
        && let Some(verdict) = on_its_way(session).or_else(|| of_recent(session))
    {
        return Some(verdict);
    }
    if facts.is_own_message() {
        return Some(Verdict::NoLocal);
    }
    facts.inbound.as_ref().map(of_loss)
}

fn of_loss(loss: &LossFacts) -> Verdict {
    match loss.reason {
        "expired" => Verdict::Expired,
        "queue_full" | "qos0_over_quota" => Verdict::QueueFull,
        "denied" | "not_authorized" => Verdict::Denied,
        "no_subscribers" => Verdict::NoMatch,
        _ => Verdict::Dropped,
    }
}

fn without_session(facts: &Facts) -> Verdict {
    match &facts.ended {
        Some(ended) if ended.was_clean => Verdict::OfflineClean,
        _ => Verdict::NoSession,
    }
}

fn without_match(session: &SessionFacts) -> Verdict {
    if session.subscribe_denied.is_some() {
        Verdict::Denied
    } else if session.subscriptions == 0 {
        Verdict::NotSubscribed
    } else {
        Verdict::NoMatch
    }
}

/// A message that waits or is in flight at this moment.
fn on_its_way(session: &SessionFacts) -> Option<Verdict> {
    if let Some(flight) = &session.flight {
        let is_stuck = session.is_blocked_since(flight.since);
        return Some(if is_stuck {
            Verdict::ConnectionNotReading
        } else {
            Verdict::InFlight
        });
    }
    session.queue.place?;
    Some(if session.connection.is_none() {
        Verdict::OfflineQueued
    } else if session.takes_nothing() {
        Verdict::ConnectionNotReading
    } else if session.window_used >= session.window_max {
        Verdict::WindowFull
    } else {
        Verdict::Queued
    })
}

fn of_recent(session: &SessionFacts) -> Option<Verdict> {
    let recent = session.recent.as_ref()?;
    Some(if recent.qos > 0 {
        Verdict::Acknowledged
    } else if session.is_blocked_since(recent.sent) {
        Verdict::ConnectionNotReading
    } else {
        Verdict::Delivered
    })
}

/// What happened last on the topic.
fn of_the_last(facts: &Facts, session: &SessionFacts) -> Option<Verdict> {
    let loss = facts.loss.as_ref().map(|loss| (loss.at, of_loss(loss)));
    // What came before the client subscribed says nothing of what comes after.
    let inbound = facts.inbound.as_ref();
    let inbound = inbound.filter(|loss| loss.reason != "no_subscribers");
    let inbound = inbound.map(|loss| (loss.at, of_loss(loss)));
    let recent = session
        .recent
        .as_ref()
        .and_then(|recent| Some((recent.done, of_recent(session)?)));
    let own = session.own_publish.as_ref();
    let own = own.filter(|_| session.wants_nothing_of_its_own());
    let own = own.map(|own| (own.at, Verdict::NoLocal));
    let all = [loss, inbound, recent, own];
    let last = all.into_iter().flatten().max_by_key(|(at, _)| *at);
    last.map(|(_, verdict)| verdict)
}
