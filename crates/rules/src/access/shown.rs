//! How rules are shown to an operator: `deny user alice to subscribe: $SYS/#, eq #`.

use std::fmt;

use super::{AccessRule, Decision, Pattern, Who};

impl fmt::Display for Decision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        })
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Filter(filter) => formatter.write_str(filter.as_str()),
            Self::Equal(exactly) => write!(formatter, "eq {exactly}"),
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => formatter.write_str("all"),
            Self::User(user) => write!(formatter, "user {user}"),
            Self::Client(client) => write!(formatter, "client {client}"),
            Self::Address(network) => write!(formatter, "address {network}"),
            Self::AllOf(all) => write_list(formatter, all, " and "),
            Self::AnyOf(any) => write_list(formatter, any, " or "),
        }
    }
}

fn write_list(formatter: &mut fmt::Formatter<'_>, list: &[Who], between: &str) -> fmt::Result {
    formatter.write_str("(")?;
    for (index, who) in list.iter().enumerate() {
        let before = if index == 0 { "" } else { between };
        write!(formatter, "{before}{who}")?;
    }
    formatter.write_str(")")
}

impl fmt::Display for AccessRule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {} to ", self.decision, self.who)?;
        match self.action {
            Some(action) => write!(formatter, "{action}")?,
            None => formatter.write_str("publish and subscribe")?,
        }
        if let Some(qos) = self.qos {
            write!(formatter, " with QoS {qos}")?;
        }
        match self.retain {
            Some(true) => formatter.write_str(", retained")?,
            Some(false) => formatter.write_str(", not retained")?,
            None => {}
        }
        if self.topics.is_empty() {
            return formatter.write_str(": all topics");
        }
        for (index, topic) in self.topics.iter().enumerate() {
            let before = if index == 0 { ": " } else { ", " };
            write!(formatter, "{before}{topic}")?;
        }
        Ok(())
    }
}
