//! Proof that what was acknowledged survives `kill -9`.
//!
//! A round ([`round`]) starts the real binary, puts it under load, kills it at a random time, sometimes
//! again while it recovers, starts it on the same directory and lets all clients go on by protocol. What
//! the clients did and saw is a [`history`], which [`mod@check`] judges without knowing how it came
//! about.
//!
//! Chance comes from a seed. The same seed gives the same clients and the same times of kills; how the
//! load and the kill interleave is up to the machine.
//!
//! Other brokers are killed the same way, for comparison: `CRASH_BROKER` is a command line with `{port}`,
//! `{dir}` and `{config}` in it, `CRASH_CONFIG` a template of that configuration file.
//!
//! ```sh
//! CRASH_BROKER="mosquitto -c {config}" CRASH_CONFIG=tests/crash/config/mosquitto.conf \
//!     cargo run -p castmq-crash -- --rounds 10 --go-on
//! ```

pub mod check;
pub mod finding;
pub mod history;
pub mod launch;
pub mod payload;
pub mod round;
pub mod summary;

mod clients;
mod process;
mod roster;
mod stage;
mod store;

pub use stage::Harm;
