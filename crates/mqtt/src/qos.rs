//! Quality of service: what a delivery promises.

/// How often a message arrives: at most, at least, or exactly once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum QoS {
    /// QoS 0: never acknowledged, may be lost.
    #[default]
    AtMostOnce = 0,
    /// QoS 1: acknowledged, may arrive twice.
    AtLeastOnce = 1,
    /// QoS 2: a two-step handshake, arrives once.
    ExactlyOnce = 2,
}

impl QoS {
    /// The level for its number on the wire; `None` for 3 and above.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::AtMostOnce),
            1 => Some(Self::AtLeastOnce),
            2 => Some(Self::ExactlyOnce),
            _ => None,
        }
    }

    /// The number on the wire, 0 to 2.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }
}
