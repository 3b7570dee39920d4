//! Every decision of the broker as a pure state machine: `(input, now)` in, actions out.
//!
//! Nothing here knows a clock, a socket, a thread, a lock, a log line or a random source, and nothing
//! depends on the order of a hash map. Whoever drives a machine passes the time in and performs the
//! actions that come out, so the same inputs always give the same outputs.

pub mod access;
pub mod ack_order;
pub mod alarm;
pub mod alias;
pub mod chronicle;
pub mod claim;
pub mod connect;
pub mod explain;
pub mod hook;
pub mod keepalive;
pub mod ledger;
pub mod limits;
pub mod protocol;
pub mod recording;
pub mod rewrite;
pub mod session;

mod arbiter;
mod awaiting_rel;
mod client_id;
mod levels;
mod message;
mod mqueue;
mod packet_ids;
mod pubsub;
mod retain;
mod router;
mod session_expiry;
mod shared;
#[cfg(test)]
mod testing;
mod time;
mod trie;
mod will;
mod window;

pub use arbiter::{ArbiterId, ArbiterSet};
pub use client_id::ClientId;
pub use message::{Delivery, MESSAGE_OVERHEAD_BYTES, Message, MessageId, SubscriptionIds};
pub use pubsub::{Match, Plan, Subscribed, Subscriber, Table, Unsubscribed};
pub use retain::{RetainLimits, RetainRefused, Retained, Scan, ScanBudget, Stored};
pub use router::{
    Choice, Destinations, FilterIndex, GroupRoute, Route, RouteChange, Targets, WildcardRoutes,
};
pub use shared::{Chance, Members, Strategy, group_name};
pub use time::{Moment, WallTime};
pub use trie::Trie;
