//! Durations, byte sizes and addresses as users write them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::Fsync;

/// Units of time, the largest first, in nanoseconds.
const TIMES: [(&str, u64); 7] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// Units of size, the largest first, in bytes.
const SIZES: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

/// Reads `"10s"`, `"1h30m"` or `"0"`.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    if text.trim() == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text.trim();
    let mut nanoseconds = 0_u64;
    while !rest.is_empty() {
        let (number, after) = leading_number(rest)?;
        let unit_end = after
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(after.len());
        let (unit, next) = after.split_at_checked(unit_end)?;
        let (_, factor) = TIMES.iter().find(|(name, _)| *name == unit)?;
        nanoseconds = nanoseconds.checked_add(number.checked_mul(*factor)?)?;
        rest = next.trim_start();
    }
    (!text.trim().is_empty()).then(|| Duration::from_nanos(nanoseconds))
}

/// Reads `"64MiB"`, `"1 kB"` or `"4096"`.
pub(crate) fn size(text: &str) -> Option<u64> {
    let (number, unit) = leading_number(text.trim())?;
    match unit.trim() {
        "" => Some(number),
        unit => {
            let (_, factor) = SIZES.iter().find(|(name, _)| *name == unit)?;
            number.checked_mul(*factor)
        }
    }
}

/// Reads `host:port`, the host as an IP address or `localhost`.
pub(crate) fn address(text: &str) -> Option<SocketAddr> {
    if let Some(port) = text.strip_prefix("localhost:") {
        return Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port.parse().ok()?)));
    }
    text.parse().ok()
}

/// Reads `always`, `never` or `interval:100ms`; an interval is longer than nothing.
pub(crate) fn fsync(text: &str) -> Option<Fsync> {
    match text.trim() {
        "always" => Some(Fsync::Always),
        "never" => Some(Fsync::Never),
        text => {
            let interval = duration(text.strip_prefix("interval:")?)?;
            (!interval.is_zero()).then_some(Fsync::Interval(interval))
        }
    }
}

/// Writes it as users do.
pub(crate) fn show_fsync(fsync: Fsync) -> String {
    match fsync {
        Fsync::Always => "always".to_owned(),
        Fsync::Never => "never".to_owned(),
        Fsync::Interval(interval) => format!("interval:{}", show_duration(interval)),
    }
}

/// Writes a duration in the largest unit that divides it.
pub(crate) fn show_duration(value: Duration) -> String {
    let nanoseconds = u64::try_from(value.as_nanos()).unwrap_or(u64::MAX);
    show(nanoseconds, &TIMES, "0s")
}

/// Writes a size in the largest binary unit that divides it.
pub(crate) fn show_size(bytes: u64) -> String {
    let binary = SIZES
        .iter()
        .filter(|(unit, _)| unit.contains('i') || *unit == "B");
    show(bytes, &binary.copied().collect::<Vec<_>>(), "0B")
}

fn show(value: u64, units: &[(&str, u64)], zero: &str) -> String {
    let fits = units
        .iter()
        .find(|(_, factor)| value != 0 && value.is_multiple_of(*factor));
    fits.map_or_else(
        || zero.to_owned(),
        |(unit, factor)| format!("{}{unit}", value / factor),
    )
}

fn leading_number(text: &str) -> Option<(u64, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end)?;
    Some((digits.parse().ok()?, rest))
}

/// Rights to a file: three digits from 0 to 7.
pub(crate) fn mode(text: &str) -> Option<u32> {
    let is_octal = text.len() == 3 && text.bytes().all(|digit| matches!(digit, b'0'..=b'7'));
    is_octal
        .then(|| u32::from_str_radix(text, 8).ok())
        .flatten()
}

/// Whether a text is an address, or a range of them as `10.0.0.0/8`.
pub(crate) fn is_network(text: &str) -> bool {
    let (address, prefix) = text.split_once('/').unwrap_or((text, "0"));
    let bits = match address.parse() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    prefix.parse::<u8>().is_ok_and(|prefix| prefix <= bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_number_with_a_unit() {
        assert_eq!(duration("10s"), Some(Duration::from_secs(10)));
        assert_eq!(duration("100ms"), Some(Duration::from_millis(100)));
        assert_eq!(duration("7d"), Some(Duration::from_secs(7 * 86_400)));
    }

    #[test]
    fn durations_may_be_joined() {
        assert_eq!(duration("1h30m"), Some(Duration::from_secs(5400)));
        assert_eq!(duration("1h 30m"), Some(Duration::from_secs(5400)));
    }

    #[test]
    fn only_zero_needs_no_unit_of_time() {
        assert_eq!(duration("0"), Some(Duration::ZERO));
        assert_eq!(duration("10"), None);
        assert_eq!(duration(""), None);
    }

    #[test]
    fn unknown_units_and_overflow_are_no_durations() {
        assert_eq!(duration("10 parsecs"), None);
        assert_eq!(duration("999999999999d"), None);
        assert_eq!(duration("-1s"), None);
    }

    #[test]
    fn sizes_know_binary_and_decimal_units() {
        assert_eq!(size("64MiB"), Some(64 << 20));
        assert_eq!(size("1 kB"), Some(1000));
        assert_eq!(size("4096"), Some(4096));
    }

    #[test]
    fn unknown_units_and_overflow_are_no_sizes() {
        assert_eq!(size("1 mib"), None);
        assert_eq!(size("99999999999TiB"), None);
        assert_eq!(size("MiB"), None);
    }

    #[test]
    fn values_are_written_in_the_largest_unit_that_divides_them() {
        assert_eq!(show_duration(Duration::from_secs(90)), "90s");
        assert_eq!(show_duration(Duration::from_secs(7 * 86_400)), "7d");
        assert_eq!(show_size(256 << 10), "256KiB");
        assert_eq!(show_size(1000), "1000B");
        assert_eq!(show_size(0), "0B");
    }

    #[test]
    fn an_interval_of_nothing_is_none() {
        let interval = Fsync::Interval(Duration::from_millis(100));
        assert_eq!(fsync("interval:100ms"), Some(interval));
        assert_eq!(fsync("interval:0s"), None);
        assert_eq!(fsync("sometimes"), None);
        assert_eq!(show_fsync(interval), "interval:100ms");
    }

    #[test]
    fn localhost_is_the_one_name_among_the_addresses() {
        assert_eq!(address("localhost:1883"), address("127.0.0.1:1883"));
        assert!(address("[::]:1883").is_some());
        assert_eq!(address("example.org:1883"), None);
        assert_eq!(address("127.0.0.1"), None);
    }
}
