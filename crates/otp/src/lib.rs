//! What the broker needs of OTP, on actix: processes with lanes, a scheduler, supervision, timers,
//! mail between arbiters, and the seams to sockets and clocks.
//!
//! The only crate that names actix. A [`Shard`] is all that one arbiter owns; [`Shard::round`] can be
//! called by hand, so that tests run many shards on one thread without sockets.

mod address;
mod clock;
mod credit;
mod dispatcher;
mod fault;
mod lanes;
mod launch;
mod layer;
mod mail;
mod poller;
mod process;
mod round;
mod shard;
mod shell;
mod supervisor;
mod tracing;
mod turn;
mod wheel;

pub use address::Address;
pub use clock::{Clock, ManualClock, SystemClock};
pub use credit::Credit;
pub use dispatcher::Dispatcher;
pub use fault::{Fault, FaultKind};
pub use lanes::Lanes;
pub use launch::{Arbiters, LaunchError, launch};
pub use layer::{Certificate, Facts, Layer, Opening, Peer, Raw};
pub use mail::{Full, MailLimits, Mailroom};
pub use poller::{
    Accepted, Chunk, Listening, MemoryStream, Poller, Readiness, Stream, Token, TokenHasher,
    memory_pair,
};
pub use process::{Budget, Down, Entry, Parcel, Process, Restart, World};
pub use round::More;
pub use shard::{Dead, Shard, ShardParts};
pub use shell::{Control, Shell};
pub use supervisor::Intensity;
pub use wheel::{TimerKey, Wheel};
