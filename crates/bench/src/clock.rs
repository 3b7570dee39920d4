//! Time as the generator sees it: nanoseconds on the system's monotonic clock.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds since the system started; travels in payloads as it is.
pub(crate) type Moment = u64;

/// The present.
pub(crate) fn now() -> Moment {
    read(ClockId::Monotonic)
}

/// The processor time that this process has used.
pub(crate) fn own_processor_time() -> Duration {
    Duration::from_nanos(read(ClockId::ProcessCPUTime))
}

/// Nanoseconds; 584 years fit.
pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn read(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let rest = u64::try_from(time.tv_nsec).unwrap_or(0);
    seconds * 1_000_000_000 + rest
}
