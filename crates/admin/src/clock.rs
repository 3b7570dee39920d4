//! The wall clock, as texts have it.

use std::time::{Duration, SystemTime};

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

const RFC_3339: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// Since the Unix epoch.
#[expect(
    clippy::disallowed_methods,
    reason = "the admin interface is no shard, and decides nothing by the time"
)]
pub(crate) fn wall() -> Duration {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
}

/// A moment since the Unix epoch as RFC 3339 has it, in UTC with milliseconds.
pub(crate) fn rfc_3339(since_epoch: Duration) -> String {
    let nanoseconds = i128::try_from(since_epoch.as_nanos()).unwrap_or(i128::MAX);
    OffsetDateTime::from_unix_timestamp_nanos(nanoseconds)
        .ok()
        .and_then(|moment| moment.format(RFC_3339).ok())
        .unwrap_or_else(|| "9999-12-31T23:59:59.999Z".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_has_milliseconds_and_is_in_utc() {
        assert_eq!(rfc_3339(Duration::ZERO), "1970-01-01T00:00:00.000Z");
        let moment = Duration::from_millis(1_764_110_096_042);
        assert_eq!(rfc_3339(moment), "2025-11-25T22:34:56.042Z");
    }
}
