//! How long a session outlives its connection.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Moment;

/// How long a session outlives its connection; the shorter one is the smaller one.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Expiry {
    /// The session ends with its connection.
    #[default]
    AtOnce,
    /// So long; never zero.
    After(Duration),
    /// The session ends only when a client discards it.
    Never,
}

impl Expiry {
    /// The expiry for a time; zero is [`Expiry::AtOnce`].
    #[must_use]
    pub const fn after(time: Duration) -> Self {
        if time.is_zero() {
            Self::AtOnce
        } else {
            Self::After(time)
        }
    }

    /// The expiry for the number on the wire, where the highest one stands for never.
    // [MQTT5-3.1.2-23]
    #[must_use]
    pub const fn from_seconds(seconds: u32) -> Self {
        match seconds {
            u32::MAX => Self::Never,
            seconds => Self::after(Duration::from_secs(seconds as u64)),
        }
    }

    /// The number on the wire; what is too long for it is said to be for ever.
    #[must_use]
    pub fn seconds(self) -> u32 {
        match self {
            Self::AtOnce => 0,
            Self::After(time) => u32::try_from(time.as_secs()).unwrap_or(u32::MAX),
            Self::Never => u32::MAX,
        }
    }

    /// Whether the session outlives its connection at all.
    #[must_use]
    pub const fn keeps_session(self) -> bool {
        !matches!(self, Self::AtOnce)
    }

    /// When a session ends whose connection ended now; `None` for never.
    #[must_use]
    pub fn deadline(self, now: Moment) -> Option<Moment> {
        match self {
            Self::AtOnce => Some(now),
            Self::After(time) => Some(now + time),
            Self::Never => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_number_on_the_wire_is_for_ever() {
        assert_eq!(Expiry::from_seconds(u32::MAX), Expiry::Never);
        assert_eq!(Expiry::Never.seconds(), u32::MAX);
    }

    #[test]
    fn zero_ends_the_session_with_its_connection() {
        assert_eq!(Expiry::from_seconds(0), Expiry::AtOnce);
        assert_eq!(Expiry::after(Duration::ZERO), Expiry::AtOnce);
        assert!(!Expiry::AtOnce.keeps_session());
    }

    #[test]
    fn the_shorter_expiry_is_the_smaller_one() {
        let day = Expiry::from_seconds(86_400);
        assert_eq!(Expiry::Never.min(day), day);
        assert_eq!(Expiry::AtOnce.min(day), Expiry::AtOnce);
    }
}
