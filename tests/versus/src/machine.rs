//! The machine: what it is, which processors the two sides get, and how much noise it makes.

use std::fs;
use std::hint::black_box;
use std::io;
use std::process::{Child, Command};
use std::thread;

use anyhow::Context as _;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use serde::{Deserialize, Serialize};

use crate::clock;

/// Steps of the calibration loop: some 50 ms on a processor of the year 2020.
const CALIBRATION_STEPS: u32 = 40_000_000;

/// Facts that a reader of the tables wants to know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's name.
    pub processor: String,
    /// Main memory.
    pub memory_bytes: u64,
    /// The kernel's version.
    pub kernel: String,
    /// The commit that was measured.
    pub commit: String,
    /// Who runs where.
    pub processors: Processors,
}

/// The processors of both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Processors {
    /// The broker's.
    pub broker: usize,
    /// The generator's.
    pub generator: Vec<usize>,
}

impl Machine {
    /// This one.
    ///
    /// # Errors
    ///
    /// The system does not tell which processors there are.
    pub fn here() -> anyhow::Result<Self> {
        let file = |path: &str| fs::read_to_string(path).unwrap_or_default();
        Ok(Self {
            processor: field(&file("/proc/cpuinfo"), "model name").unwrap_or_default(),
            memory_bytes: field(&file("/proc/meminfo"), "MemTotal")
                .and_then(|text| text.split(' ').next()?.parse().ok())
                .map_or(0, |kibibytes: u64| kibibytes * 1024),
            kernel: file("/proc/sys/kernel/osrelease").trim().to_owned(),
            commit: commit().unwrap_or_else(|| "unknown".to_owned()),
            processors: Processors::here()?,
        })
    }
}

impl Processors {
    /// The first one that this process may use for the broker, the others for the generator.
    fn here() -> anyhow::Result<Self> {
        let allowed = sched_getaffinity(None).context("which processors may be used")?;
        let usable = (0..CpuSet::MAX_CPU).filter(|number| allowed.is_set(*number));
        Self::divide(&usable.collect::<Vec<_>>()).context("no processor may be used")
    }

    fn divide(usable: &[usize]) -> Option<Self> {
        let (broker, others) = usable.split_first()?;
        Some(Self {
            broker: *broker,
            generator: if others.is_empty() {
                usable.to_vec()
            } else {
                others.to_vec()
            },
        })
    }

    /// One line about who runs where.
    #[must_use]
    pub fn describe(&self) -> String {
        let numbers: Vec<_> = self.generator.iter().map(ToString::to_string).collect();
        let generator = numbers.join(", ");
        if self.generator.contains(&self.broker) {
            let only = self.broker;
            format!("there is only CPU {only}: broker and load generator share it")
        } else {
            format!(
                "the broker on CPU {}, the load generator on CPU {generator}",
                self.broker
            )
        }
    }

    /// Keeps this thread, and what it starts, to the generator's processors.
    ///
    /// # Errors
    ///
    /// The system does not allow it.
    pub fn stay_with_generator(&self) -> io::Result<()> {
        stay_on(&self.generator)
    }

    /// Starts a process that stays on the broker's processor.
    ///
    /// # Errors
    ///
    /// It cannot be started.
    pub fn start_broker(&self, command: &mut Command) -> io::Result<Child> {
        self.on_brokers(|| command.spawn())?
    }

    /// How long a loop that is always the same takes on the broker's processor, in microseconds.
    ///
    /// # Errors
    ///
    /// The system does not allow this process to go there.
    pub fn calibrate(&self) -> io::Result<f64> {
        self.on_brokers(|| {
            let start = clock::now();
            black_box(scramble(black_box(1)));
            start.elapsed().as_secs_f64() * 1e6
        })
    }

    /// A child inherits where the thread that starts it may run.
    fn on_brokers<T: Send>(&self, work: impl FnOnce() -> T + Send) -> io::Result<T> {
        let pinned = || stay_on(&[self.broker]).map(|()| work());
        thread::scope(|scope| scope.spawn(pinned).join())
            .unwrap_or_else(|_| Err(io::Error::other("the pinned thread has panicked")))
    }
}

/// Lets this process and its children have as many descriptors as the system allows.
///
/// # Errors
///
/// The system does not even allow that.
pub fn raise_descriptor_limit() -> io::Result<()> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: maximum,
            maximum,
        },
    )?;
    Ok(())
}

/// Processor time of the whole machine since it started, in ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ticks {
    /// What the host took for others.
    pub stolen: u64,
    /// All there was.
    pub total: u64,
}

impl Ticks {
    /// Up to now; nothing where the system does not tell.
    #[must_use]
    pub fn now() -> Self {
        let text = fs::read_to_string("/proc/stat").unwrap_or_default();
        Self::parse(&text).unwrap_or_default()
    }

    /// The line of all processors: user, nice, system, idle, iowait, irq, softirq, steal; guests'
    /// time behind them is in the user's already.
    fn parse(text: &str) -> Option<Self> {
        let line = text.lines().find_map(|line| line.strip_prefix("cpu "))?;
        let numbers: Vec<u64> = line
            .split_whitespace()
            .take(8)
            .map_while(|number| number.parse().ok())
            .collect();
        Some(Self {
            stolen: *numbers.get(7)?,
            total: numbers.iter().sum(),
        })
    }

    /// The part of the time from then to now that was stolen.
    #[must_use]
    pub fn stolen_since(self, then: Self) -> f64 {
        let total = self.total.saturating_sub(then.total);
        let stolen = self.stolen.saturating_sub(then.stolen);
        if total == 0 {
            0.0
        } else {
            float(stolen) / float(total)
        }
    }
}

fn stay_on(processors: &[usize]) -> io::Result<()> {
    let mut set = CpuSet::new();
    for processor in processors {
        set.set(*processor);
    }
    Ok(sched_setaffinity(None, &set)?)
}

/// Marsaglia's xorshift: needs the processor and nothing else.
fn scramble(mut state: u64) -> u64 {
    for _ in 0..CALIBRATION_STEPS {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
    }
    state
}

/// The value behind `name :`.
fn field(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn commit() -> Option<String> {
    let output = Command::new("git")
        .args(["describe", "--always", "--dirty", "--abbrev=10"])
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// Exact up to 2^53.
#[expect(
    clippy::cast_precision_loss,
    reason = "ticks of a machine that runs for 2000 years"
)]
fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "cpu  100 10 50 800 20 5 5 10 7 0\ncpu0 1 1 1 1 1 1 1 1 0 0\nintr 5\n";

    #[test]
    fn steal_is_the_eighth_number_of_all_processors() {
        let expected = Ticks {
            stolen: 10,
            total: 1000,
        };
        assert_eq!(Ticks::parse(STAT), Some(expected));
    }

    #[test]
    fn a_kernel_that_tells_no_steal_is_not_guessed_about() {
        assert_eq!(Ticks::parse("cpu  100 10 50 800\n"), None);
        assert_eq!(Ticks::parse(""), None);
    }

    #[test]
    fn what_was_stolen_is_told_as_a_part_of_the_time_between() {
        let then = Ticks {
            stolen: 10,
            total: 1000,
        };
        let now = Ticks {
            stolen: 15,
            total: 1100,
        };
        assert!((now.stolen_since(then) - 0.05).abs() < 1e-9);
        assert!(now.stolen_since(now).abs() < 1e-9);
    }

    #[test]
    fn the_broker_has_a_processor_for_itself() {
        let processors = Processors::divide(&[2, 3, 5]).unwrap();
        assert_eq!(
            (processors.broker, &*processors.generator),
            (2, &[3, 5][..])
        );
        assert_eq!(
            processors.describe(),
            "the broker on CPU 2, the load generator on CPU 3, 5"
        );
    }

    #[test]
    fn on_one_processor_both_share_it_and_it_is_said() {
        let processors = Processors::divide(&[0]).unwrap();
        assert_eq!(
            processors.describe(),
            "there is only CPU 0: broker and load generator share it"
        );
    }

    #[test]
    fn a_field_is_what_stands_behind_the_colon() {
        let text = "vendor_id\t: x\nmodel name\t: A Processor @ 2 GHz\n";
        assert_eq!(field(text, "model name").unwrap(), "A Processor @ 2 GHz");
        assert_eq!(field(text, "MemTotal"), None);
    }
}
