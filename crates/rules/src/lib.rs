//! Every decision of the broker as a pure state machine: `(input, now)` in, actions out.
//!
//! Nothing here knows a clock, a socket, a thread, a lock, a log line or a random source, and nothing
//! depends on the order of a hash map. Whoever drives a machine passes the time in and performs the
//! actions that come out, so the same inputs always give the same outputs.

mod client_id;
mod message;
mod time;

pub use client_id::ClientId;
pub use message::{Delivery, MESSAGE_OVERHEAD_BYTES, Message, MessageId};
pub use time::{Moment, WallTime};
