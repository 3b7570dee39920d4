//! Transports as connections have them: real clients on one side, pollers on the other.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test that is surprised ends"
)]

mod authority;
mod files;
mod pollers;
mod scene;
mod stacked;
mod tls;
mod unix;
mod websocket;
