//! Guesses: whoever has shown what is not known a few times waits before the next try is looked at.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use tokio::time::Instant;

use crate::problem::Problem;

/// So many wrong tries are free.
const FREE: u32 = 5;
/// How long the next one waits at most.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// After that long a failure is forgotten.
const MEMORY: Duration = Duration::from_secs(600);
/// So many wrong tries a minute are heard of all whom proxies on this machine ask for: the addresses that
/// they name may be made up.
const PROXIED_MAX: u32 = 50;
/// How long they are counted.
const PROXIED_FOR: Duration = Duration::from_secs(60);
/// Addresses that are remembered.
const ADDRESSES_MAX: usize = 1024;

/// Who has failed how often.
#[derive(Debug, Default)]
pub(super) struct Failures {
    addresses: Mutex<HashMap<IpAddr, (u32, Instant)>>,
    /// How many came by proxies on this machine, and since when they are counted.
    proxied: Mutex<Option<(u32, Instant)>>,
    total: AtomicU64,
}

impl Failures {
    /// Refuses a try that comes too soon.
    pub(super) fn check(&self, address: IpAddr, now: Instant) -> Result<(), Problem> {
        let addresses = self
            .addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let Some((count, last)) = addresses.get(&network(address)) else {
            return Ok(());
        };
        let wait = wait_after(*count);
        let waited = now.saturating_duration_since(*last);
        if waited >= wait {
            return Ok(());
        }
        let left = (wait - waited).as_secs() + 1;
        let detail = format!(
            "{count} wrong passwords or tokens came from your address; it is heard again in {left} s"
        );
        let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, detail);
        Err(problem.with(header::RETRY_AFTER, HeaderValue::from(left)))
    }

    /// Refuses a try by a proxy on this machine when too many wrong ones came by one.
    pub(super) fn check_proxied(&self, now: Instant) -> Result<(), Problem> {
        let proxied = *self.proxied.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((count, since)) = proxied else {
            return Ok(());
        };
        let passed = now.saturating_duration_since(since);
        if count < PROXIED_MAX || passed >= PROXIED_FOR {
            return Ok(());
        }
        let left = (PROXIED_FOR - passed).as_secs() + 1;
        let detail = format!(
            "{count} wrong passwords or tokens came by the proxy; whom it asks for is heard again in {left} s, \
             and whoever asks on the broker's machine at once"
        );
        let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, detail);
        Err(problem.with(header::RETRY_AFTER, HeaderValue::from(left)))
    }

    /// Notes a wrong try by a proxy on this machine.
    pub(super) fn note_proxied(&self, now: Instant) {
        let mut proxied = self.proxied.lock().unwrap_or_else(PoisonError::into_inner);
        *proxied = match *proxied {
            Some((count, since)) if now.saturating_duration_since(since) < PROXIED_FOR => {
                Some((count.saturating_add(1), since))
            }
            _ => Some((1, now)),
        };
    }

    /// Notes a wrong try.
    pub(super) fn note(&self, address: IpAddr, now: Instant) {
        self.total.fetch_add(1, Relaxed);
        let mut addresses = self
            .addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let is_remembered = |last: &Instant| now.saturating_duration_since(*last) < MEMORY;
        if addresses.len() >= ADDRESSES_MAX {
            addresses.retain(|_, (_, last)| is_remembered(last));
        }
        if addresses.len() >= ADDRESSES_MAX {
            let oldest = addresses.iter().min_by_key(|(_, (_, last))| *last);
            if let Some(oldest) = oldest.map(|(address, _)| *address) {
                addresses.remove(&oldest);
            }
        }
        let (count, last) = addresses.entry(network(address)).or_insert((0, now));
        *count = if is_remembered(last) { *count + 1 } else { 1 };
        *last = now;
    }

    /// Wrong tries so far.
    pub(super) fn total(&self) -> u64 {
        self.total.load(Relaxed)
    }
}

fn wait_after(failures: u32) -> Duration {
    match failures.checked_sub(FREE) {
        None => Duration::ZERO,
        Some(more) => Duration::from_secs(1 << more.min(6)).min(WAIT_MAX),
    }
}

/// What one party has of addresses: one of IPv4, 2⁶⁴ of IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let mut segments = address.segments();
            for low in segments.iter_mut().skip(4) {
                *low = 0;
            }
            IpAddr::from(segments)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn five_wrong_tries_are_free_and_the_sixth_waits_longer_each_time() {
        let (failures, now, who) = (Failures::default(), Instant::now(), address("10.0.0.1"));
        for _ in 0..FREE {
            assert!(failures.check(who, now).is_ok());
            failures.note(who, now);
        }

        assert!(failures.check(who, now).is_err());
        assert!(failures.check(who, now + Duration::from_secs(1)).is_ok());
        failures.note(who, now);
        assert!(failures.check(who, now + Duration::from_secs(1)).is_err());
        assert_eq!(failures.total(), 6);
    }

    #[test]
    fn others_do_not_wait_for_one_who_guesses() {
        let (failures, now) = (Failures::default(), Instant::now());
        for _ in 0..=FREE {
            failures.note(address("2001:db8::1"), now);
        }

        assert!(failures.check(address("2001:db8::2"), now).is_err());
        assert!(failures.check(address("2001:db8:0:1::1"), now).is_ok());
    }

    #[test]
    fn no_more_than_a_thousand_addresses_are_remembered() {
        let (failures, now) = (Failures::default(), Instant::now());
        for number in 0..3000_u32 {
            failures.note(IpAddr::from(number.to_be_bytes()), now);
        }

        assert_eq!(failures.addresses.lock().unwrap().len(), ADDRESSES_MAX);
    }
}
