//! Access control: who may connect, and who may publish or subscribe to what.
//!
//! Three answers, as in emqttd: a module says yes, says no, or says nothing and leaves it to the next
//! one. Modules that know users arrive later; here are the chain that asks them in turn
//! ([`first_answer`]), emqttd's rule list ([`AccessRules`]) and the decisions that one connection
//! remembers ([`AccessCache`]).
//!
//! Every filter of a SUBSCRIBE is decided alone, and the topic of a will is decided as a publish. A
//! decision can be explained: a [`Verdict`] names the rule that made it.

// emqttd: emqttd_access_control, emqttd_access_rule, emqttd_acl_internal

use std::net::IpAddr;

use castmq_mqtt::Text;

use crate::ClientId;

mod cache;
mod network;
pub(crate) mod pattern;
mod question;
mod shown;
#[cfg(test)]
mod tests;

pub use cache::AccessCache;
pub use network::{Network, NetworkError};
pub use pattern::{Pattern, PatternError};
pub use question::{Action, Asked, QosSet, Question, Verdict};

/// Whether it is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Decision {
    /// Yes.
    Allow,
    /// No.
    Deny,
}

/// Who wants to do something.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'s> {
    /// Its client id.
    pub client: &'s ClientId,
    /// Its user name, if it has one.
    pub user: Option<&'s str>,
    /// Where it connects from; `None` for clients without a socket.
    pub address: Option<IpAddr>,
    /// What its token says of it: names and values, none of them twice.
    pub claims: &'s [(Text, Text)],
}

/// Whom a rule is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// Everybody.
    All,
    /// The user of this name.
    User(Text),
    /// The client of this id.
    Client(ClientId),
    /// Clients that connect from these addresses.
    Address(Network),
    /// Whoever all of these are for.
    AllOf(Vec<Self>),
    /// Whoever one of these is for.
    AnyOf(Vec<Self>),
}

/// One rule of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessRule {
    /// What it decides.
    pub decision: Decision,
    /// For whom.
    pub who: Who,
    /// About which action; `None` for publishing and subscribing. Delivery is only concerned by
    /// rules that say so.
    pub action: Option<Action>,
    /// About which topics; empty for all.
    pub topics: Vec<Pattern>,
    /// About which QoS only; `None` for all.
    pub qos: Option<QosSet>,
    /// Whether it is about messages to retain only, or about others only; `None` for both. Concerns
    /// publishing alone.
    pub retain: Option<bool>,
    /// The line where it stands in its source, from 1; 0 when it has none.
    pub line: u32,
}

/// The rule list: the first rule that fits decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessRules {
    /// In the order in which they are asked.
    pub rules: Vec<AccessRule>,
    /// What is decided when none fits.
    pub otherwise: Decision,
    /// Counts the changes of the list, so that [`AccessCache`]s forget what older lists said.
    pub generation: u64,
}

/// What one module of a chain says. `R` says why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer<R> {
    /// Yes.
    Ok,
    /// Nothing: the next one decides.
    Ignore,
    /// No.
    Error(R),
}

/// The first answer that is one; [`Answer::Ignore`] when nobody has any. Whoever comes later is not
/// asked, so that the iterator may ask on the way.
pub fn first_answer<R>(answers: impl IntoIterator<Item = Answer<R>>) -> Answer<R> {
    answers
        .into_iter()
        .find(|answer| !matches!(answer, Answer::Ignore))
        .unwrap_or(Answer::Ignore)
}

impl Who {
    /// Whether a rule for these is for the subject.
    #[must_use]
    pub fn includes(&self, subject: Subject<'_>) -> bool {
        match self {
            Self::All => true,
            Self::User(user) => subject.user == Some(user.as_str()),
            Self::Client(client) => subject.client == client,
            Self::Address(network) => subject
                .address
                .is_some_and(|address| network.contains(address)),
            Self::AllOf(all) => all.iter().all(|who| who.includes(subject)),
            Self::AnyOf(any) => any.iter().any(|who| who.includes(subject)),
        }
    }
}

impl AccessRule {
    /// Whether the rule decides about this.
    ///
    /// A subscription is allowed by a rule that covers all topics it could bring, and denied by one
    /// that concerns any of them.
    // differs: emqttd compares the filter of a subscription as if it were a topic, so that an allowed
    // `a/+` also allows `a/#`, and `+/x` passes a denied `a/#`.
    fn fits(&self, subject: Subject<'_>, question: Question<'_>) -> bool {
        if !self.concerns(question.asked()) || !self.who.includes(subject) {
            return false;
        }
        self.topics.is_empty()
            || self.topics.iter().any(|pattern| match self.decision {
                Decision::Allow => pattern.covers(question.topic, subject),
                Decision::Deny => pattern.overlaps(question.topic, subject),
            })
    }

    fn concerns(&self, asked: Asked) -> bool {
        let is_the_action = match self.action {
            Some(only) => only == asked.action,
            None => asked.action != Action::Deliver,
        };
        let is_the_retain = asked.action != Action::Publish
            || self.retain.is_none_or(|retain| retain == asked.retain);
        is_the_action && is_the_retain && self.qos.is_none_or(|only| only.contains(asked.qos))
    }
}

impl AccessRules {
    /// Decides about a topic to publish to or a filter to subscribe to: the filter behind the group,
    /// when it is shared.
    #[must_use]
    pub fn decide(&self, subject: Subject<'_>, question: Question<'_>) -> Decision {
        self.explain(subject, question).decision
    }

    /// Decides, and says by which rule. Delivery is allowed where no rule denies it: what a client may
    /// subscribe to, it may read.
    #[must_use]
    pub fn explain(&self, subject: Subject<'_>, question: Question<'_>) -> Verdict {
        let fits = |rule: &AccessRule| rule.fits(subject, question);
        let rule = self.rules.iter().position(fits);
        let otherwise = match question.action {
            Action::Publish | Action::Subscribe => self.otherwise,
            Action::Deliver => Decision::Allow,
        };
        let decision = rule
            .and_then(|index| self.rules.get(index))
            .map_or(otherwise, |rule| rule.decision);
        Verdict { decision, rule }
    }

    /// Whether some rule is about delivery, so that it has to be asked for each message.
    #[must_use]
    pub fn needs_delivery_check(&self) -> bool {
        let is_about_it = |rule: &AccessRule| rule.action == Some(Action::Deliver);
        self.rules.iter().any(is_about_it)
    }
}
