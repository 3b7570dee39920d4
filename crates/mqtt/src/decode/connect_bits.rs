//! The bits of CONNECT's flags and level.

pub(super) const RESERVED: u8 = 0b0000_0001;
pub(crate) const CLEAN_START: u8 = 0b0000_0010;
pub(crate) const WILL: u8 = 0b0000_0100;
pub(crate) const WILL_QOS_SHIFT: u8 = 3;
pub(crate) const WILL_RETAIN: u8 = 0b0010_0000;
pub(crate) const PASSWORD: u8 = 0b0100_0000;
pub(crate) const USER_NAME: u8 = 0b1000_0000;

/// The high bit of the level, by which bridges of 3.1 and 3.1.1 introduce themselves.
pub(crate) const BRIDGE: u8 = 0b1000_0000;
