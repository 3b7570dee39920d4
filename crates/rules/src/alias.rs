//! Topic aliases of one connection: numbers that stand for topics, in each direction its own.
//! They end with the connection. [MQTT5-3.3.2-7]

use std::collections::BTreeMap;
use std::num::NonZeroU16;

use castmq_mqtt::{ReasonCode, TopicName};
use serde::{Deserialize, Serialize};

/// Why a topic of a PUBLISH is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum AliasError {
    /// 0, or above the maximum that the receiver told. \[MQTT5-3.3.2-8\] \[MQTT5-3.3.2-9\]
    #[error("topic alias {0} is not allowed")]
    NotAllowed(u16),
    /// Nothing was published with it before.
    #[error("topic alias {0} stands for no topic")]
    Unknown(u16),
    /// Neither a topic nor an alias.
    #[error("neither topic nor topic alias")]
    NoTopic,
}

impl AliasError {
    /// What DISCONNECT says.
    #[must_use]
    pub const fn reason_code(self) -> ReasonCode {
        match self {
            Self::NotAllowed(_) => ReasonCode::TopicAliasInvalid,
            Self::Unknown(_) | Self::NoTopic => ReasonCode::ProtocolError,
        }
    }
}

/// The aliases that a client has defined.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InboundAliases {
    /// At alias - 1.
    topics: Vec<Option<TopicName>>,
    alias_max: u16,
}

impl InboundAliases {
    /// None is defined; up to this number they may be.
    // [MQTT5-3.3.2-12]
    #[must_use]
    pub const fn new(alias_max: u16) -> Self {
        Self {
            topics: Vec::new(),
            alias_max,
        }
    }

    /// The topic of a PUBLISH. With a topic and an alias, the alias stands for the topic from now on.
    ///
    /// # Errors
    ///
    /// [`AliasError`] when there is no topic to be had; the state is unchanged.
    pub fn resolve(
        &mut self,
        topic: Option<TopicName>,
        alias: Option<u16>,
    ) -> Result<TopicName, AliasError> {
        let Some(alias) = alias else {
            return topic.ok_or(AliasError::NoTopic);
        };
        if alias == 0 || alias > self.alias_max {
            return Err(AliasError::NotAllowed(alias));
        }
        let index = usize::from(alias) - 1;
        match topic {
            Some(topic) => {
                if self.topics.len() <= index {
                    self.topics.resize(index + 1, None);
                }
                if let Some(place) = self.topics.get_mut(index) {
                    *place = Some(topic.clone());
                }
                Ok(topic)
            }
            None => self
                .topics
                .get(index)
                .cloned()
                .flatten()
                .ok_or(AliasError::Unknown(alias)),
        }
    }
}

/// Which topics get an alias towards a client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AliasPolicy {
    /// The first ones, for as long as the connection lasts.
    #[default]
    FirstCome,
    /// The ones used last.
    LeastRecentlyUsed,
}

/// How a topic is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alias {
    /// The topic alone.
    None,
    /// Both: the alias stands for the topic from now on.
    Defined(NonZeroU16),
    /// The alias alone.
    Known(NonZeroU16),
}

/// The aliases that the broker has defined towards a client. Empty ones cost nothing.
#[derive(Debug)]
pub struct OutboundAliases {
    aliases: BTreeMap<TopicName, (NonZeroU16, u64)>,
    /// Topics by their last use; only for [`AliasPolicy::LeastRecentlyUsed`].
    uses: BTreeMap<u64, TopicName>,
    next_use: u64,
    alias_max: u16,
    policy: AliasPolicy,
}

impl OutboundAliases {
    /// None is defined; as many may be as the client takes and the broker wants.
    // [MQTT5-3.1.2-26] [MQTT5-3.1.2-27] [MQTT5-3.3.2-11]
    #[must_use]
    pub const fn new(clients_max: u16, own_max: u16, policy: AliasPolicy) -> Self {
        Self {
            aliases: BTreeMap::new(),
            uses: BTreeMap::new(),
            next_use: 0,
            alias_max: if clients_max < own_max {
                clients_max
            } else {
                own_max
            },
            policy,
        }
    }

    /// How the topic of the next PUBLISH is written. It has to be written then.
    pub fn assign(&mut self, topic: &TopicName) -> Alias {
        if self.alias_max == 0 {
            return Alias::None;
        }
        if let Some((alias, used)) = self.aliases.get_mut(topic) {
            let alias = *alias;
            if self.policy == AliasPolicy::LeastRecentlyUsed
                && let Some(topic) = self.uses.remove(used)
            {
                *used = self.next_use;
                self.uses.insert(self.next_use, topic);
                self.next_use += 1;
            }
            return Alias::Known(alias);
        }
        match self.free_alias() {
            Some(alias) => {
                let topic = topic.clone();
                if self.policy == AliasPolicy::LeastRecentlyUsed {
                    self.uses.insert(self.next_use, topic.clone());
                }
                self.aliases.insert(topic, (alias, self.next_use));
                self.next_use += 1;
                Alias::Defined(alias)
            }
            None => Alias::None,
        }
    }

    /// A number that stands for nothing, or no longer.
    fn free_alias(&mut self) -> Option<NonZeroU16> {
        if self.aliases.len() < usize::from(self.alias_max) {
            let alias = u16::try_from(self.aliases.len() + 1).ok()?;
            return NonZeroU16::new(alias);
        }
        let (_, oldest) = self.uses.pop_first()?;
        self.aliases.remove(&oldest).map(|(alias, _)| alias)
    }
}

#[cfg(test)]
mod tests;
