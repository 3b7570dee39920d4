//! What outlives the process of the broker.
//!
//! Arbiters hand over what has to be stored ([`Link::submit`]) and hear when it is ([`Link::committed`]).
//! One [`Committer`] writes, in groups; a pool of [`Readers`] brings messages of long queues back;
//! [`open()`] finds sessions and retained messages again. What lies below is a [`Store`]: ordered rows
//! and batches that are whole or not there.

mod around;
mod backend;
mod codec;
mod committer;
mod directory;
mod engine;
mod error;
mod fjall_store;
mod journal;
mod link;
mod manifest;
mod memory;
mod op;
mod open;
mod readers;
mod recovery;
mod space;
mod stats;
mod timeline;
pub mod tools;
mod trouble;

pub use backend::{Durability, Row, Store, Visit, Write};
pub use committer::{Committer, Step, Wake};
pub use directory::FORMAT;
pub use engine::{Engine, EngineSettings};
pub use error::{Damage, Overload, Place, StoreError};
pub use fjall_store::FjallStore;
pub use link::{Answer, Link, QueueRange};
pub use memory::MemoryStore;
pub use op::{ACCOUNT_NAME_MAX, Account, Op, RUN_SHIFT, SessionKey, Submission};
pub use open::{Clock, Fsync, OnProgress, Opened, Options, open, open_with};
pub use readers::Readers;
pub use recovery::{Lost, Progress, Recovered};
pub use space::{Key, Space};
pub use stats::Stats;
pub use timeline::Timeline;
pub use trouble::Trouble;
