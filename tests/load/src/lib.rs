//! A load on the broker that shows its promises under stress; not a benchmark.
//!
//! [`mixed`] breaks connections, takes sessions over and writes garbage for minutes and then asks
//! whether anything was lost, doubled or left behind. [`slow`] asks what one client that never reads
//! costs the others.

pub mod clock;
pub mod connection;
pub mod exchange;
pub mod mixed;
pub mod random;
pub mod slow;
pub mod subject;
pub mod verdict;
pub mod wire;
