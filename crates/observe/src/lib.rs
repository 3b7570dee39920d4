//! What can be seen of the broker: process records, counters and events.
//!
//! Each is declared once and written without locks by its one owner; readers on other threads look
//! whenever they like and stop nobody.
//!
//! # The feature `blind`
//!
//! For measuring what watching costs, and for nothing else: counters and process records are not
//! written, so that `$SYS` and records are empty in it. What remains are the clock readings of
//! sampled turns, which also find those that take too long, and what is not written for each message:
//! events, gauges, the ledger. `make instructions` compares both builds.

mod counter;
mod event;
mod record;
mod recorder;
mod timing;
pub mod trace;

pub use counter::{Cells, Counter, Counters};
pub use event::{Event, Events, LINES_PER_SECOND, Level, Recorded};
pub use record::{Kind, ProcessId, ProcessRecord, Record, RecordHandle, Records};
pub use recorder::{Dump, Dumps, Moment, Recorder, What};
pub use timing::{Histogram, Timing, Timings};

/// Whether nothing is counted and no record is written.
const IS_BLIND: bool = cfg!(feature = "blind");
