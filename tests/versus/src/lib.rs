//! CastMQ against other brokers, as `make bench` runs it: the same load on each of them in turn, on
//! a processor of its own, and tables of what it cost.
//!
//! [`scenario`] is the table of what is measured and [`broker`] that of who takes part; a
//! [`campaign`] measures, and [`journal`] keeps what was seen, from which [`report`] makes tables
//! now or later. The load itself is `castmq bench`'s.

pub mod broker;
pub mod campaign;
mod clock;
pub mod document;
pub mod install;
pub mod instructions;
pub mod journal;
pub mod machine;
pub mod outcome;
pub mod process;
pub mod report;
pub mod scenario;
pub mod statistics;
