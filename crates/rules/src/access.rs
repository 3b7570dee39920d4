//! Access control: who may connect, and who may publish or subscribe to what.
//!
//! Three answers, as in emqttd: a module says yes, says no, or says nothing and leaves it to the next
//! one. Modules that know users arrive later; here are the chain that asks them in turn
//! ([`first_answer`]), emqttd's rule list ([`AccessRules`]) and the decisions that one connection
//! remembers ([`AccessCache`]).
//!
//! Every filter of a SUBSCRIBE is decided alone, and the topic of a will is decided as a publish.

// emqttd: emqttd_access_control, emqttd_access_rule, emqttd_acl_internal

use std::net::IpAddr;

use castmq_mqtt::Text;

use crate::ClientId;

mod cache;
pub(crate) mod pattern;
#[cfg(test)]
mod tests;

pub use cache::AccessCache;
pub use pattern::{Pattern, PatternError};

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Publish to a topic, now or as a will.
    Publish,
    /// Subscribe to a filter.
    Subscribe,
}

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

/// A range of addresses, as `192.168.0.0/16`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u32,
}

/// One rule of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessRule {
    /// What it decides.
    pub decision: Decision,
    /// For whom.
    pub who: Who,
    /// About which action; `None` for both.
    pub action: Option<Action>,
    /// About which topics; empty for all.
    pub topics: Vec<Pattern>,
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

impl Network {
    /// The addresses whose first `prefix` bits are those of `address`; `None` when an address does not
    /// have so many.
    #[must_use]
    pub fn new(address: IpAddr, prefix: u32) -> Option<Self> {
        let bits = if address.is_ipv4() { 32 } else { 128 };
        (prefix <= bits).then_some(Self { address, prefix })
    }

    /// Whether an address is in the range. An IPv4 address is the same when it is written as IPv6.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let differing = own.to_bits() ^ other.to_bits();
                differing.leading_zeros() >= self.prefix
            }
            (IpAddr::V6(own), other) => {
                let other = match other {
                    IpAddr::V4(other) => other.to_ipv6_mapped(),
                    IpAddr::V6(other) => other,
                };
                let differing = own.to_bits() ^ other.to_bits();
                differing.leading_zeros() >= self.prefix
            }
            (IpAddr::V4(_), IpAddr::V6(_)) => false,
        }
    }
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
    fn fits(&self, subject: Subject<'_>, action: Action, topic: &str) -> bool {
        if self.action.is_some_and(|only| only != action) || !self.who.includes(subject) {
            return false;
        }
        self.topics.is_empty()
            || self.topics.iter().any(|pattern| match self.decision {
                Decision::Allow => pattern.covers(topic, subject),
                Decision::Deny => pattern.overlaps(topic, subject),
            })
    }
}

impl AccessRules {
    /// Decides about a topic to publish to or a filter to subscribe to: the filter behind the group,
    /// when it is shared.
    #[must_use]
    pub fn decide(&self, subject: Subject<'_>, action: Action, topic: &str) -> Decision {
        let rule = self
            .rules
            .iter()
            .find(|rule| rule.fits(subject, action, topic));
        rule.map_or(self.otherwise, |rule| rule.decision)
    }
}
