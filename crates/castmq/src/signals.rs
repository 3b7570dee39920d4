//! SIGINT and SIGTERM: the first asks for a graceful stop, a second ends the program at once. SIGHUP: files
//! are read again.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::Signals;

/// The exit code when the second signal cuts a graceful stop short.
const CUT_SHORT: i32 = 130;

/// The signals that the broker heeds, caught from now on.
#[derive(Debug)]
pub(crate) struct StopSignals(Signals);

impl StopSignals {
    /// Begins to catch them.
    ///
    /// # Errors
    ///
    /// When the system refuses the handlers.
    pub(crate) fn catch() -> std::io::Result<Self> {
        let is_stopping = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // In this order: the first signal finds the flag down and raises it, the second
            // finds it up.
            flag::register_conditional_shutdown(signal, CUT_SHORT, Arc::clone(&is_stopping))?;
            flag::register(signal, Arc::clone(&is_stopping))?;
        }
        Signals::new([SIGINT, SIGTERM, SIGHUP]).map(Self)
    }

    /// Waits for the first that stops the broker; each SIGHUP before it has files read again.
    pub(crate) fn wait(mut self, mut reload: impl FnMut()) {
        for signal in self.0.forever() {
            if signal != SIGHUP {
                return;
            }
            reload();
        }
    }
}

/// Asks for a graceful stop from inside of the program.
pub(crate) fn stop() {
    // SIGTERM can be raised in any process that catches it, which this one does.
    let _ = signal_hook::low_level::raise(SIGTERM);
}
