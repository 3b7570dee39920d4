//! What MQTT 3.1, 3.1.1 and 5.0 demand of a broker, as bytes in and bytes out.
//! And who may connect and do what, by the settings and the files beside them.
//!
//! Each test names the statements of the specification that it shows, at most three.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod access;
mod v3;
mod v5;
