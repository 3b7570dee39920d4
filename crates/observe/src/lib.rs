//! What can be seen of the broker: process records, counters and events.
//!
//! Each is declared once and written without locks by its one owner; readers on other threads look
//! whenever they like and stop nobody.

mod counter;
mod event;
mod record;

pub use counter::{Cells, Counter, Counters};
pub use event::{Event, Events, LINES_PER_SECOND, Level, Recorded};
pub use record::{Kind, ProcessId, ProcessRecord, Record, RecordHandle, Records};
