//! What is done in which order, one file for each kind of scenario.

pub(crate) mod steady;
