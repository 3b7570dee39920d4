//! What another process, the broker, has used: processor time and memory, from `/proc`.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use rustix::param::clock_ticks_per_second;

/// A process on this machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Process {
    pub(crate) id: u32,
}

impl Process {
    /// Whether there is such a process.
    pub(crate) fn exists(self) -> bool {
        self.path("stat").exists()
    }

    /// The time its threads have spent on processors, user and system together.
    ///
    /// The scheduler's own figures are exact to the nanosecond; where they are not to be had, the
    /// accounting by ticks has to do.
    pub(crate) fn processor_time(self) -> Option<Duration> {
        self.scheduled().or_else(|| self.ticks())
    }

    /// Its resident memory in bytes.
    pub(crate) fn resident_bytes(self) -> Option<u64> {
        let kibibytes = |file: &str, key: &str| {
            let text = self.read(file)?;
            let line = text.lines().find_map(|line| line.strip_prefix(key))?;
            line.split_whitespace().next()?.parse::<u64>().ok()
        };
        // `status` may be behind by some pages for each processor; `smaps_rollup` counts.
        let counted = kibibytes("smaps_rollup", "Rss:").or_else(|| kibibytes("status", "VmRSS:"));
        counted.map(|kibibytes| kibibytes * 1024)
    }

    fn scheduled(self) -> Option<Duration> {
        let threads = fs::read_dir(self.path("task")).ok()?;
        let times = threads.flatten().filter_map(|thread| {
            let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
            text.split_whitespace().next()?.parse::<u64>().ok()
        });
        let total = times.sum();
        (total > 0).then(|| Duration::from_nanos(total))
    }

    fn ticks(self) -> Option<Duration> {
        let text = self.read("stat")?;
        // The name in parentheses may hold anything; behind it come the state and numbers.
        let (_, fields) = text.rsplit_once(')')?;
        let times = fields.split_whitespace().skip(11).take(2);
        let ticks: u64 = times.filter_map(|field| field.parse::<u64>().ok()).sum();
        Some(Duration::from_nanos(
            ticks * (1_000_000_000 / clock_ticks_per_second().max(1)),
        ))
    }

    fn read(self, file: &str) -> Option<String> {
        fs::read_to_string(self.path(file)).ok()
    }

    fn path(self, file: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{file}", self.id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn this() -> Process {
        Process {
            id: std::process::id(),
        }
    }

    #[test]
    fn a_process_that_runs_has_used_time_and_memory() {
        assert!(this().exists());
        assert!(this().processor_time().unwrap() > Duration::ZERO);
        assert!(this().resident_bytes().unwrap() > 0);
    }

    #[test]
    fn ticks_are_understood_too() {
        assert!(this().ticks().is_some());
    }

    #[test]
    fn a_process_that_does_not_exist_has_used_nothing() {
        let nobody = Process { id: u32::MAX };
        assert!(!nobody.exists());
        assert_eq!(nobody.processor_time(), None);
        assert_eq!(nobody.resident_bytes(), None);
    }
}
