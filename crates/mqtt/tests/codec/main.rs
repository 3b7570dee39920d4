//! The codec against the specification's bytes, against itself and against another codec.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test that is surprised ends"
)]

mod acknowledge;
mod arbitrary;
mod connect;
mod differential;
mod errors;
mod framing;
mod glance;
mod head;
mod properties;
mod publish;
mod roundtrip;
mod subscribe;
mod wire;
