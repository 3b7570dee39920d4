//! What is asked of access rules, and what they say.

use std::fmt;

use castmq_mqtt::QoS;

use super::Decision;

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Publish to a topic, now or as a will.
    Publish,
    /// Subscribe to a filter.
    Subscribe,
    /// Be given a message that one of its subscriptions matches.
    Deliver,
}

/// Whether somebody may do something with a topic or a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question<'q> {
    /// What.
    pub action: Action,
    /// The topic, or the filter to subscribe to: the one behind the group, when it is shared.
    pub topic: &'q str,
    /// The QoS to publish, subscribe or deliver with.
    pub qos: QoS,
    /// Whether the message is to be retained.
    pub retain: bool,
}

/// A question without its topic. An action alone is one about QoS 0, not retained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Asked {
    /// What somebody wants to do.
    pub action: Action,
    /// With which QoS.
    pub qos: QoS,
    /// Whether the message is to be retained.
    pub retain: bool,
}

/// Some of the three levels of QoS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct QosSet(u8);

/// A decision and what made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What is decided.
    pub decision: Decision,
    /// The place of the rule that decided; `None` when no rule fits.
    pub rule: Option<usize>,
}

impl<'q> Question<'q> {
    /// A question about QoS 0, not retained.
    #[must_use]
    pub const fn new(action: Action, topic: &'q str) -> Self {
        Self {
            action,
            topic,
            qos: QoS::AtMostOnce,
            retain: false,
        }
    }

    /// The question without its topic.
    #[must_use]
    pub const fn asked(self) -> Asked {
        Asked {
            action: self.action,
            qos: self.qos,
            retain: self.retain,
        }
    }
}

impl From<Action> for Asked {
    fn from(action: Action) -> Self {
        Question::new(action, "").asked()
    }
}

impl QosSet {
    /// The set without members.
    pub const EMPTY: Self = Self(0);

    /// The set with one member more.
    #[must_use]
    pub const fn with(self, qos: QoS) -> Self {
        Self(self.0 | 1 << qos.number())
    }

    /// Whether a level is in the set.
    #[must_use]
    pub const fn contains(self, qos: QoS) -> bool {
        self.0 & 1 << qos.number() != 0
    }

    /// The members in their order.
    pub fn members(self) -> impl Iterator<Item = QoS> {
        (0..3)
            .filter_map(QoS::from_number)
            .filter(move |qos| self.contains(*qos))
    }
}

impl FromIterator<QoS> for QosSet {
    fn from_iter<I: IntoIterator<Item = QoS>>(members: I) -> Self {
        members.into_iter().fold(Self::EMPTY, Self::with)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Publish => "publish",
            Self::Subscribe => "subscribe",
            Self::Deliver => "deliver",
        })
    }
}

impl fmt::Display for QosSet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, qos) in self.members().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(formatter, "{comma}{}", qos.number())?;
        }
        Ok(())
    }
}
