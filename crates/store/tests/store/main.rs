//! The store from outside: what is handed over comes back, whatever happens in between.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what fails is a failed test"
)]

mod committing;
mod conformance;
mod directory;
mod exchange;
mod faulty;
mod flips;
mod full;
mod model;
mod node;
mod power;
mod released;
mod scratch;
mod threads;
mod world;
