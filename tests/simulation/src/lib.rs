//! The whole broker on one thread, from a seed.
//!
//! Two to four shards without runtime, threads, sockets or clock: a seed chooses which shard has its
//! round, what which client does, how many bytes go through, how much time passes, and which process
//! fails. Clients are honest: they repeat what the protocol has them repeat. [`run`] checks while it
//! goes and at the end; the same seed gives the same run.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tools of tests: what fails is a failed test"
)]

mod cluster;
mod device;
mod drain;
mod model;
mod packets;
mod random;
mod run;
mod trace;
mod wire;

pub use run::{Report, run};
