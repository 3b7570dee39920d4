//! A hand-made MQTT client for tests that look at bytes.
//!
//! The tests are in `tests/conformance`; this library is what they are written with. It encodes
//! and decodes on its own and shares nothing with `castmq-mqtt`, so that a mistake in the codec
//! cannot hide behind the same mistake in the test.
//!
//! - [`Scene`] gives a test its broker, and names nobody else uses.
//! - [`Client`] is one connection: [`send`](Client::send), [`expect`](Client::expect).
//! - [`v3`] and [`v5`] build packets; [`wire`] holds the few primitives below them.
//!
//! Nothing waits for luck: what must come has a generous deadline, and that *nothing* comes is
//! shown by a packet which could only come later ([`Client::expect_nothing`]).
//!
//! The suite also runs against another broker: set `CASTMQ_CONFORMANCE_TARGET=HOST:PORT`. Tests
//! that need altered settings are then skipped, and those that look at all topics of a broker
//! want `--test-threads=1` and a freshly started one.
//!
//! `CASTMQ_CONFORMANCE_TRANSPORT` names what clients speak below MQTT: `tls`, `ws`, `wss`, `unix`, or
//! `proxy` for TCP with a PROXY header; without it that is TCP.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::missing_panics_doc,
    reason = "a test fails by panicking, and the harness is part of the test"
)]

pub mod authority;
pub mod client;
pub mod connect;
pub mod door;
pub mod folder;
pub mod publish;
pub mod scene;
pub mod v3;
pub mod v5;
pub mod wire;

mod line;
mod strict;
mod target;
mod transport;

pub use authority::{Authority, Identity};
pub use client::Client;
pub use connect::{Connect, Will, will};
pub use door::Door;
pub use folder::Folder;
pub use publish::Publish;
pub use scene::Scene;
pub use transport::certify;
pub use wire::{Packet, Raw};
