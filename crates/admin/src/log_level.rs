//! How much is logged, changed while the broker runs.

use std::fmt;

use castmq_settings::LogLevel;

/// Whoever has started the logs: can say how much is logged, and change it.
pub trait LogLevels: fmt::Debug + Send + Sync {
    /// The least important level that is logged.
    fn level(&self) -> LogLevel;

    /// Has another one hold.
    ///
    /// # Errors
    ///
    /// Why it cannot be changed.
    fn set(&self, level: LogLevel) -> Result<(), String>;
}
