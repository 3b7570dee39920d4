//! A load generator that measures MQTT brokers from outside.
//!
//! It speaks MQTT with a few bytes of its own, shares nothing with the broker of this project, and
//! is a process of its own, so that what it costs is not counted as the broker's. Each of its
//! threads serves its connections by one poller: frames are encoded once and changed in place,
//! written and read in bulk, and checked as they come, for a fraction of what they cost a broker.

mod arguments;
mod arrivals;
mod books;
mod clock;
mod crew;
mod descriptors;
mod frame;
mod latency;
mod pace;
mod plan;
mod process;
mod report;
mod run;
mod scan;
mod scenario;
mod stream;
mod target;
mod task;
mod tls;
mod watch;
mod wires;

use std::sync::Arc;

pub use arguments::{Arguments, Protocol, Scenario};
pub use latency::Quantiles;
pub use report::{Faults, Phase, Ratio, Report};

use run::Run;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The arguments make no sense; the text says what to do.
    #[error("{0}")]
    Arguments(String),
    /// Nobody answers at the target.
    #[error(
        "cannot connect to {target}: {error}; start a broker there, or name another by --target"
    )]
    Target {
        /// Where.
        target: String,
        /// What the system says.
        error: std::io::Error,
    },
    /// The system refuses something else.
    #[error("the system refuses: {0}")]
    System(#[from] std::io::Error),
}

/// Runs a scenario; what it found, be it good or bad.
///
/// # Errors
///
/// When the arguments are wrong, nobody answers at the target, or the system refuses something.
pub fn measure(arguments: &Arguments) -> Result<Report, Failure> {
    arguments.check()?;
    let target = Arc::new(arguments.target()?);
    descriptors::raise_limit(scenario::connections(arguments))?;
    target.visit().map_err(|error| Failure::Target {
        target: arguments.target.clone(),
        error,
    })?;
    let mut run = Run::new(arguments, target)?;
    scenario::run(&mut run)?;
    Ok(run.report())
}
