//! Proof that what was acknowledged survives `kill -9`.
//!
//! What the clients did and saw is a [`history`], which [`mod@check`] judges without knowing how it came
//! about.

pub mod check;
pub mod finding;
pub mod history;
pub mod payload;
