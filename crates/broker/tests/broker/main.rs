//! The broker as a whole, looked at from outside and from inside: what happens when a process fails,
//! what modules are called for, what is bounded, how it stops.
//!
//! Each test has a broker of its own, with two arbiters and real sockets.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what fails is a failed test"
)]

mod accounts;
mod bounds;
mod disk;
mod drops;
mod durable;
mod explanations;
mod faults;
mod hooks;
mod inspect;
mod recordings;
mod scene;
mod stop;
mod supervision;
mod system;
mod tables;
mod timelines;
mod traces;
mod ways;
